/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Address spaces: their life, their pool of page tables, and operations on ranges of addresses.
 *
 * Life of a VSpace: vspace_init (retype) -> tables donated, Views attached, threads configured -> the copies of its capability
 * go (threads lose it) -> its origin dies: it leaves all CPUs, its Views go without a scan, its Untypeds come back.
 * Rings through the slots (queue.h): Views (views), donated Untypeds in the order they came in (tables_first).
 */
#include <kernel/handlers.h>

#include <lock.h>
#include <pagetable.h>
#include <queue.h>
#include <restart.h>

#define RETYPE_ALLOW_WX 1u
#define PROTECT_VIEWS_MAX 48u /* Views looked at for one page */
#define VIEW_WORK 55u	      /* instructions to look at one, about (work_add) */
#define PROTECT_WORK 40u
#define QUERY_ACCESSED 0x10000u
#define QUERY_DIRTY 0x20000u

void vspace_init(vspace_ref ref, uint32_t flags)
{
	vspace_at(ref)->allow_wx = (flags & RETYPE_ALLOW_WX) != 0;
	arch_vspace_init(vspace_root(ref));
}

/* ---- pages of the kernel's ---------------------------------------------------------------------------- */

enum tessera_error vspace_map_kernel_page(vspace_ref ref, uint64_t va, paddr_t page, uint32_t rights)
{
	pte_t *entry;
	enum tessera_error error;

	if (va % PAGE_SIZE != 0)
		return E_ALIGN;
	if (va >= USER_TOP)
		return E_RANGE;
	error = pagetable_make(ref, va, 0, &entry);
	if (error != E_OK)
		return error;
	if (*entry != 0) {
		bool is_same = pte_is_kept(*entry) && pte_address(*entry).raw == page.raw &&
			       pte_rights(*entry) == rights;

		return is_same ? E_OK : E_MAPPED;
	}
	*entry = pte_keep(pte_leaf(page, rights, 0));
	return E_OK;
}

void vspace_unmap_kernel_page(vspace_ref ref, uint64_t va, paddr_t page)
{
	uint32_t level;
	pte_t *entry;

	entry = pagetable_walk(vspace_root(ref), va, &level);
	if (level != 0 || !pte_is_kept(*entry) || pte_address(*entry).raw != page.raw)
		return;
	*entry = 0;
	arch_tlb_flush_page(object_address(ref), va);
	lock_shoot(object_address(ref));
}

/* ---- donated Untypeds and Views -------------------------------------------------------------------- */

static void tables_unlink(struct vspace *vspace, struct slot *untyped)
{
	slot_ring_remove(&vspace->tables_first, untyped);
	untyped->data[1] = 0;
	untyped->data[2] = 0;
	slot_drop_flags(untyped, SLOT_TABLES);
}

void vspace_take_back_tables(struct slot *untyped)
{
	vspace_ref ref = (vspace_ref)untyped->data[2];

	tables_unlink(vspace_at(ref), untyped);
	pagetable_reset(ref);
}

static void tables_append(vspace_ref ref, struct slot *untyped)
{
	struct vspace *vspace = vspace_at(ref);

	slot_add_flags(untyped, SLOT_TABLES);
	slot_drop_flags(untyped, SLOT_CLEAN);
	untyped->data[1] = 0;
	untyped->data[2] = ref;
	untyped->aux = 0;
	slot_ring_append(&vspace->tables_first, untyped);
	if (vspace->tables_current == 0)
		vspace->tables_current = slot_index(untyped);
}

void vspace_slot_moved(struct slot *new_place, slot_ref old_place)
{
	if (slot_type(new_place) == CAP_VIEW)
		slot_ring_moved(&vspace_at(slot_object(new_place))->views, new_place, old_place);
	if (slot_type(new_place) != CAP_UNTYPED || !slot_has(new_place, SLOT_TABLES))
		return;
	struct vspace *vspace = vspace_at((vspace_ref)new_place->data[2]);

	slot_ring_moved(&vspace->tables_first, new_place, old_place);
	if (vspace->tables_current == old_place)
		vspace->tables_current = slot_index(new_place);
}

/* Every step takes one View or one Untyped from the VSpace. */
bool vspace_destroy_step(vspace_ref ref)
{
	struct vspace *vspace = vspace_at(ref);

	if (!vspace->is_dying) {
		vspace->is_dying = 1;
		arch_vspace_leave(object_address(ref));
		arch_tlb_flush_all(object_address(ref));
		lock_shoot(object_address(ref)); /* only idle CPUs: its threads are gone */
	}
	if (vspace->views != 0) {
		struct slot *view = slot_at(vspace->views);

		slot_ring_remove(&vspace->views, view);
		cap_remove_leaf(view);
		return false;
	}
	if (vspace->tables_first != 0) {
		tables_unlink(vspace, slot_at(vspace->tables_first));
		return false;
	}
	return true;
}

enum tessera_error invoke_vspace_donate_tables(UNUSED struct thread *self, struct slot *cap,
					       struct slot *untyped)
{
	if (slot_type(untyped) != CAP_UNTYPED || untyped->detail != 0)
		return E_TYPE;
	if (slot_has(untyped, SLOT_TABLES))
		return E_STATE;
	if ((slot_rights(untyped) & RIGHT_WRITE) == 0)
		return E_RIGHTS;
	if (derivation_has_descendants(untyped))
		return E_CHILDREN;
	if (untyped->data[0] < PAGE_SIZE)
		return E_ARG;
	tables_append(slot_object(cap), untyped);
	return E_OK;
}

/* ---- operations on ranges ------------------------------------------------------------------------------- */

/* Whether [va, va + pages) is a page-aligned range of the user half. */
static enum tessera_error check_range(uint64_t va, uint64_t pages)
{
	if (va % PAGE_SIZE != 0)
		return E_ALIGN;
	if (va > USER_TOP || pages > (USER_TOP - va) >> PAGE_SHIFT)
		return E_RANGE;
	return E_OK;
}

/* Clears what maps those frames in a range that is allowed if error is E_OK; sets the result `done`. */
static enum tessera_error unmap(struct thread *self, uint32_t operation, vspace_ref ref,
				const struct frame_range *frames, enum tessera_error error)
{
	uint64_t va = ctx_arg(&self->ctx, 1), pages = ctx_arg(&self->ctx, 2);
	uint64_t done = restart_take(self, operation);
	uint64_t at = va + done * PAGE_SIZE, end = va + pages * PAGE_SIZE;
	struct tlb_gather gather = {.count = 0};

	if (error == E_OK && done == 0)
		error = pagetable_split_edges(ref, va, end);
	if (error == E_RESTART)
		return error;
	if (error != E_OK)
		end = at;
	/* each turn passes a part of a leaf table or all that is absent */
	for (bool is_enough = false; at < end && !is_enough; is_enough = work_is_enough())
		at = pagetable_clear_step(ref, at, end, frames, &gather);
	tlb_gather_flush(&gather, ref);
	if (at < end)
		return restart_later(self, operation, (at - va) >> PAGE_SHIFT);
	ctx_set_result(&self->ctx, 0, error == E_OK ? pages : 0);
	return error;
}

enum tessera_error invoke_vspace_unmap(struct thread *self, struct slot *cap)
{
	enum tessera_error error = check_range(ctx_arg(&self->ctx, 1), ctx_arg(&self->ctx, 2));

	return unmap(self, OP_VSPACE_UNMAP, slot_object(cap), &PT_ALL_FRAMES, error);
}

enum tessera_error invoke_view_unmap(struct thread *self, struct slot *cap)
{
	struct frame_range frames = {cap->data[1], cap->data[2]};
	enum tessera_error error = view_check_window(cap, ctx_arg(&self->ctx, 1), ctx_arg(&self->ctx, 2));

	return unmap(self, OP_VIEW_UNMAP, slot_object(cap), &frames, error);
}

/* Whether a View lets this frame be mapped there with these rights. */
static bool view_covers(const struct slot *view, uint64_t va, pte_t entry, uint32_t rights)
{
	struct frame_range frames = {view->data[1], view->data[2]};

	return !slot_has(view, SLOT_DYING) && (va - view->badge) >> PAGE_SHIFT < view->data[0] &&
	       frames_contain(&frames, entry) && (rights & ~slot_rights(view)) == 0;
}

/* What vspace_protect carries from page to page. */
struct protection {
	vspace_ref ref;
	uint32_t rights;
	struct slot *view; /* the one that covered the page before; a hint */
	uint64_t left;	   /* pages that no View covers */
	struct tlb_gather gather;
};

static bool is_covered(struct protection *protection, uint64_t va, pte_t entry)
{
	slot_ref first = vspace_at(protection->ref)->views, ref = first;

	if (protection->view != NULL && view_covers(protection->view, va, entry, protection->rights))
		return true;
	for (uint32_t i = 0; ref != 0 && i < PROTECT_VIEWS_MAX; i++) {
		protection->view = slot_at(ref);
		work_add(VIEW_WORK);
		if (view_covers(protection->view, va, entry, protection->rights))
			return true;
		ref = protection->view->link_next;
		if (ref == first)
			break;
	}
	protection->view = NULL;
	return false;
}

/* One entry, small or large; a large page's Memory is looked up by its first and its last frame. */
static void protect_entry(struct protection *protection, pte_t *entry, uint64_t va, uint32_t pages)
{
	pte_t old = *entry;
	uint64_t last = (uint64_t)(pages - 1u) * PAGE_SIZE;

	if (old == 0 || pte_is_kept(old) || pte_rights(old) == protection->rights)
		return;
	if ((protection->rights & ~pte_rights(old)) != 0 &&
	    !(is_covered(protection, va, old) &&
	      view_covers(protection->view, va + last, pte_leaf((paddr_t){pte_address(old).raw + last}, 0, 0),
			  protection->rights))) {
		protection->left += pages;
		return;
	}
	*entry = pte_with_rights(old, protection->rights);
	tlb_gather_add(&protection->gather, va);
}

/* A part of a leaf table or a large page; returns where to go on. */
static uint64_t protect_step(struct protection *protection, uint64_t va, uint64_t end)
{
	pte_t *entry = NULL;
	uint32_t level = 0;
	uint64_t next;

	va = pagetable_seek(vspace_root(protection->ref), va, end, &entry, &level);
	if (entry == NULL)
		return va;
	next = pagetable_step_end(va, end, level);
	if (level > 0) {
		protect_entry(protection, entry, va, LARGE_PAGE_PAGES);
		return next;
	}
	do { /* at most PT_STEP_ENTRIES turns */
		protect_entry(protection, entry++, va, 1);
		va += PAGE_SIZE;
		work_add(PROTECT_WORK);
	} while (va < next && !work_is_enough());
	return va;
}

static enum tessera_error protect_check(const struct vspace *vspace, uint64_t va, uint64_t pages,
					uint64_t rights)
{
	if ((rights & ~(uint64_t)(RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE)) != 0)
		return E_ARG;
	if ((rights & RIGHT_WRITE) != 0 && (rights & RIGHT_EXECUTE) != 0 && !vspace->allow_wx)
		return E_RIGHTS;
	return check_range(va, pages);
}

/* Progress: pages passed (32) | pages left (32), so a call takes at most 2^32 - 1 pages. */
enum tessera_error invoke_vspace_protect(struct thread *self, struct slot *cap)
{
	uint64_t va = ctx_arg(&self->ctx, 1), pages = ctx_arg(&self->ctx, 2), rights = ctx_arg(&self->ctx, 3);
	uint64_t progress = restart_take(self, OP_VSPACE_PROTECT);
	uint64_t at = va + (progress >> 32) * PAGE_SIZE, end = va + pages * PAGE_SIZE;
	struct protection protection = {.ref = slot_object(cap), .left = (uint32_t)progress};
	enum tessera_error error =
		pages > UINT32_MAX ? E_RANGE : protect_check(vspace_at(protection.ref), va, pages, rights);

	protection.rights = (uint32_t)rights | (rights != 0 ? RIGHT_READ : 0);
	if (error == E_OK && progress == 0)
		error = pagetable_split_edges(protection.ref, va, end);
	if (error == E_RESTART)
		return error;
	if (error != E_OK)
		end = at;
	/* each turn passes a part of a leaf table or all that is absent */
	for (bool is_enough = false; at < end && !is_enough; is_enough = work_is_enough())
		at = protect_step(&protection, at, end);
	tlb_gather_flush(&protection.gather, protection.ref);
	if (at < end)
		return restart_later(self, OP_VSPACE_PROTECT,
				     ((at - va) >> PAGE_SHIFT) << 32 | (uint32_t)protection.left);
	ctx_set_result(&self->ctx, 0, error == E_OK ? pages - protection.left : 0);
	return error;
}

enum tessera_error invoke_vspace_query(struct thread *self, struct slot *cap)
{
	uint64_t va = ctx_arg(&self->ctx, 1);
	uint64_t phys = 0, flags = 0;
	uint32_t level;
	pte_t entry;

	if (va >= USER_TOP)
		return E_RANGE;
	entry = *pagetable_walk(vspace_root(slot_object(cap)), va, &level);
	if (pte_present(entry)) {
		phys = pte_address(entry).raw + (va & (pt_span(level) - 1u) & ~(PAGE_SIZE - 1u));
		flags = pte_rights(entry) | (pte_accessed(entry) ? QUERY_ACCESSED : 0) |
			(pte_dirty(entry) ? QUERY_DIRTY : 0);
	}
	ctx_set_result(&self->ctx, 0, phys);
	ctx_set_result(&self->ctx, 1, flags);
	return E_OK;
}
