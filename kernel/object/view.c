/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Views: the right to map the pages of a Memory in a window of one VSpace.
 *
 * Invariant: every user PTE that is not kept points into the Memory of a live View of that space, whose window holds its
 * address, with no more rights than the View has.  So a View's death clears every PTE in its window that points into
 * its Memory, whichever View made it: over-clearing is always correct.
 * A View holds window and frames itself (struct slot); it is a child of its Memory, so both go before the Memory does.
 */
#include <kernel/handlers.h>

#include <pagetable.h>
#include <queue.h>
#include <restart.h>
#include <thread.h>

#define RIGHTS_MAP (RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE)
#define MAP_FLAGS (RIGHTS_MAP | MAP_UNCACHED | MAP_WRITE_COMBINE)
#define COPY_WRITE_PROTECT 1u
#define RUN_MAX 256u /* entries filled in one step */

/* Instructions, about (work_add). */
#define MAP_WORK 150u
#define FILL_WORK 4u
#define TABLE_WORK 700u /* a table from the pool, zeroed */
#define COPY_WORK 22u

/* ---- mapping ------------------------------------------------------------------------------------------- */

/* What a mapping operation carries from page to page. */
struct mapping {
	const struct slot *view;
	vspace_ref ref;
	bool allow_wx;
	struct frame_range frames;
	pte_t *table;	   /* leaf table of the page before; NULL: none */
	uint64_t table_va; /* first address it covers */
	struct tlb_gather gather;
};

static ALWAYS_INLINE void mapping_start(struct mapping *mapping, const struct slot *view)
{
	mapping->view = view;
	mapping->ref = slot_object(view);
	mapping->allow_wx = vspace_at(mapping->ref)->allow_wx != 0;
	mapping->frames = (struct frame_range){view->data[1], view->data[2]};
	mapping->table = NULL;
	mapping->gather.count = 0;
}

/* Checks what a caller wants to map; *flags becomes what pte_leaf takes: write and execute imply read. */
static ALWAYS_INLINE enum tessera_error check_flags(const struct mapping *mapping, uint64_t *flags)
{
	uint64_t wanted = *flags;

	if ((wanted & ~(uint64_t)MAP_FLAGS) != 0)
		return E_ARG;
	if ((wanted & (RIGHT_WRITE | RIGHT_EXECUTE)) != 0)
		wanted |= RIGHT_READ;
	if ((wanted & RIGHTS_MAP & ~slot_rights(mapping->view)) != 0)
		return E_RIGHTS;
	if ((~wanted & (RIGHT_WRITE | RIGHT_EXECUTE)) == 0 && !mapping->allow_wx)
		return E_RIGHTS;
	if (mapping->view->detail != 0 && (wanted & MAP_WRITE_COMBINE) == 0)
		wanted |= MAP_UNCACHED;
	*flags = wanted;
	return E_OK;
}

/* Whether count pages from va on lie in the window, and in the Memory from index page on. */
static ALWAYS_INLINE enum tessera_error check_pages(const struct slot *view, uint64_t va, uint64_t page,
						    uint64_t count)
{
	if (page > view->data[2] || count > view->data[2] - page)
		return E_RANGE;
	return view_check_window(view, va, count);
}

/* Replacing what stands in an entry: only what is mapped from the same Memory. */
static bool may_replace(const struct mapping *mapping, pte_t old)
{
	return !pte_is_kept(old) && frames_contain(&mapping->frames, old);
}

static enum tessera_error find_table(struct mapping *mapping, uint64_t va)
{
	pte_t *entry;
	enum tessera_error error = pagetable_make(mapping->ref, va, 0, &entry);

	if (error != E_OK)
		return error;
	work_add(TABLE_WORK);
	mapping->table = entry - pt_index(va, 0);
	mapping->table_va = va & ~(LARGE_PAGE_BYTES - 1u);
	return E_OK;
}

static ALWAYS_INLINE enum tessera_error map_small(struct mapping *mapping, uint64_t va, uint64_t frame,
						  uint32_t flags)
{
	pte_t *entry;
	pte_t old;

	if (mapping->table == NULL || va - mapping->table_va >= LARGE_PAGE_BYTES) {
		enum tessera_error error = find_table(mapping, va);

		if (error != E_OK)
			return error;
	}
	entry = &mapping->table[pt_index(va, 0)];
	old = *entry;
	if (UNLIKELY(old != 0)) {
		if (!may_replace(mapping, old))
			return E_MAPPED;
		tlb_gather_add(&mapping->gather, va);
	}
	*entry = pte_leaf((paddr_t){frame << PAGE_SHIFT}, flags, 0);
	return E_OK;
}

/* Goes on with a run in the leaf table of the page before: entries that are absent. How many. */
static ALWAYS_INLINE uint64_t fill_run(const struct mapping *mapping, uint64_t va, uint64_t frame,
				       uint64_t count, uint32_t flags)
{
	pte_t *entry = &mapping->table[pt_index(va, 0)];
	pte_t leaf = pte_leaf((paddr_t){frame << PAGE_SHIFT}, flags, 0);
	uint64_t room = PT_ENTRIES - pt_index(va, 0), done = 0;

	if (pt_index(va, 0) == 0) /* the next table */
		return 0;
	if (count > room)
		count = room;
	if (count > RUN_MAX)
		count = RUN_MAX;
	for (; done < count && entry[done] == 0; done++) { /* at most PT_ENTRIES turns */
		entry[done] = leaf;
		leaf += PAGE_SIZE; /* the address stands in the entry as it is */
	}
	return done;
}

/* E_STATE: there is a table already, small pages must be used. */
static enum tessera_error map_large(struct mapping *mapping, uint64_t va, uint64_t frame, uint32_t flags)
{
	pte_t *entry;
	pte_t old;
	enum tessera_error error = pagetable_make(mapping->ref, va, 1, &entry);

	if (error != E_OK)
		return error;
	old = *entry;
	if (old != 0) {
		if (pte_is_table(old, 1))
			return E_STATE;
		if (!may_replace(mapping, old))
			return E_MAPPED;
		tlb_gather_add(&mapping->gather, va);
	}
	*entry = pte_leaf((paddr_t){frame << PAGE_SHIFT}, flags, 1);
	mapping->table = NULL;
	return E_OK;
}

/* The next pages of a run: one, those behind it in its table, or a large one; *pages: how many were mapped. */
static enum tessera_error map_next(struct mapping *mapping, uint64_t va, uint64_t frame, uint64_t count,
				   uint32_t flags, uint64_t *pages)
{
	bool fits_large =
		count >= LARGE_PAGE_PAGES && va % LARGE_PAGE_BYTES == 0 && frame % LARGE_PAGE_PAGES == 0;

	*pages = 1;
	if (fits_large) {
		enum tessera_error error = map_large(mapping, va, frame, flags);

		if (error != E_STATE) {
			*pages = LARGE_PAGE_PAGES;
			return error;
		}
	}
	enum tessera_error error = map_small(mapping, va, frame, flags);

	if (error == E_OK && count > 1)
		*pages += fill_run(mapping, va + PAGE_SIZE, frame + 1, count - 1, flags);
	return error;
}

enum tessera_error invoke_view_map(struct thread *self, struct slot *cap)
{
	uint64_t va = ctx_arg(&self->ctx, 1), page = ctx_arg(&self->ctx, 2), count = ctx_arg(&self->ctx, 3);
	uint64_t flags = ctx_arg(&self->ctx, 4), done = restart_take(self, OP_VIEW_MAP), pages = 0;
	struct mapping mapping;
	enum tessera_error error;

	mapping_start(&mapping, cap);
	error = check_flags(&mapping, &flags);
	if (error == E_OK)
		error = check_pages(cap, va, page, count);
	while (error == E_OK && done < count) { /* each turn maps a page at least */
		error = map_next(&mapping, va + done * PAGE_SIZE, mapping.frames.first + page + done,
				 count - done, (uint32_t)flags, &pages);
		done += error == E_OK ? pages : 0;
		if (UNLIKELY(error == E_OK && done < count)) {
			work_add(MAP_WORK + FILL_WORK * (uint32_t)(pages % LARGE_PAGE_PAGES));
			if (work_is_enough()) {
				tlb_gather_flush(&mapping.gather, mapping.ref);
				return restart_later(self, OP_VIEW_MAP, done);
			}
		}
	}
	tlb_gather_flush(&mapping.gather, mapping.ref);
	ctx_set_result(&self->ctx, 0, done);
	return error;
}

/* One entry of view_map_vec's vector; each word of it is read once. */
static ALWAYS_INLINE enum tessera_error map_vec_entry(struct mapping *mapping, uint64_t first, uint64_t page)
{
	uint64_t va = first & ~(PAGE_SIZE - 1u), flags = first & (PAGE_SIZE - 1u);
	enum tessera_error error = check_flags(mapping, &flags);

	if (error == E_OK)
		error = check_pages(mapping->view, va, page, 1);
	if (error == E_OK)
		error = map_small(mapping, va, mapping->frames.first + page, (uint32_t)flags);
	return error;
}

enum tessera_error invoke_view_map_vec(struct thread *self, struct slot *cap)
{
	uint64_t count = ctx_arg(&self->ctx, 1), done = restart_take(self, OP_VIEW_MAP_VEC);
	const volatile uint64_t *words = &thread_page(self)->words[MSG_REGISTER_WORDS];
	enum tessera_error error = count > MAP_VEC_MAX ? E_RANGE : E_OK;
	struct mapping mapping;

	mapping_start(&mapping, cap);
	while (error == E_OK && done < count) { /* at most MAP_VEC_MAX turns */
		error = map_vec_entry(&mapping, words[2 * done], words[2 * done + 1]);
		done += error == E_OK;
		work_add(MAP_WORK);
		if (UNLIKELY(work_is_enough()) && error == E_OK && done < count) {
			tlb_gather_flush(&mapping.gather, mapping.ref);
			return restart_later(self, OP_VIEW_MAP_VEC, done);
		}
	}
	tlb_gather_flush(&mapping.gather, mapping.ref);
	ctx_set_result(&self->ctx, 0, done);
	return error;
}

/* ---- copying an address space's mappings (fork) ------------------------------------------------------------ */

/* What a copy carries from table to table. */
struct copying {
	struct mapping to; /* the destination */
	vspace_ref from;
	bool is_protecting;
	struct tlb_gather from_gather;
};

/* Copies the entries of one leaf table; stops at the first that is in the way. Returns how many were passed. */
static uint64_t copy_entries(struct copying *copying, pte_t *src, pte_t *dst, uint64_t va, uint64_t count,
			     enum tessera_error *error)
{
	uint32_t rights = slot_rights(copying->to.view) & ~RIGHT_WRITE;
	pte_t clear = pte_cut_clear(rights), set = pte_cut_set(rights);
	pte_t write = pte_cut_clear(RIGHT_READ) & ~pte_cut_clear(RIGHT_READ | RIGHT_WRITE);
	pte_t protect = copying->is_protecting ? write : 0;
	struct frame_range frames = copying->to.frames;
	uint64_t writable = 0, i = 0;

	for (; i < count; i++) { /* at most PT_ENTRIES turns */
		pte_t entry = src[i];

		if (entry == 0 || !frames_contain(&frames, entry) || pte_is_kept(entry))
			continue;
		if (UNLIKELY(dst[i] != 0)) {
			if (!may_replace(&copying->to, dst[i])) {
				*error = E_MAPPED;
				break;
			}
			tlb_gather_add(&copying->to.gather, va + i * PAGE_SIZE);
		}
		dst[i] = (entry & ~clear) | set;
		src[i] = entry & ~protect;
		writable |= entry & protect;
	}
	if (writable != 0)
		copying->from_gather.count = TLB_GATHER_MAX + 1u;
	return i;
}

/* Whether the leaf table holds anything to copy, so that none is made for nothing. */
static bool has_entries(const pte_t *src, uint64_t count)
{
	uint64_t i = 0;

	while (i < count && src[i] == 0) /* at most PT_ENTRIES turns */
		i++;
	return i < count;
}

/* A large page of the source, whole in [va, end) or split before. */
static enum tessera_error copy_large(struct copying *copying, pte_t *src, uint64_t va)
{
	uint32_t rights = pte_rights(*src) & slot_rights(copying->to.view) & ~RIGHT_WRITE;
	pte_t old = *src,
	      last = pte_leaf((paddr_t){pte_address(old).raw + LARGE_PAGE_BYTES - PAGE_SIZE}, 0, 0);
	enum tessera_error error;

	if (!frames_contain(&copying->to.frames, old) || !frames_contain(&copying->to.frames, last))
		return E_OK;
	error = map_large(&copying->to, va, pte_address(old).raw >> PAGE_SHIFT,
			  rights | pte_cache_flags(old));
	if (error != E_OK)
		return error == E_STATE ? E_MAPPED : error;
	if (copying->is_protecting && (pte_rights(old) & RIGHT_WRITE) != 0) {
		*src = pte_with_rights(old, pte_rights(old) & ~RIGHT_WRITE);
		tlb_gather_add(&copying->from_gather, va);
	}
	return E_OK;
}

/* One leaf table or large page of the source; *va goes on to where the next step begins or an error stands. */
static enum tessera_error copy_step(struct copying *copying, uint64_t *va, uint64_t end)
{
	pte_t *src = NULL;
	uint32_t level = 0;
	uint64_t at = pagetable_seek(vspace_root(copying->from), *va, end, &src, &level);
	uint64_t count = (pagetable_step_end(at, end, level) - at) >> PAGE_SHIFT;
	enum tessera_error error = E_OK;

	*va = at;
	if (src == NULL)
		return E_OK;
	work_add(MAP_WORK + (level == 0 ? COPY_WORK * (uint32_t)count : 0));
	if (level > 0) {
		error = copy_large(copying, src, at);
		*va = error == E_OK ? at + count * PAGE_SIZE : at;
		return error;
	}
	if (has_entries(src, count)) {
		error = find_table(&copying->to, at);
		if (error == E_OK)
			count = copy_entries(copying, src, copying->to.table + pt_index(at, 0), at, count,
					     &error);
		else
			count = 0;
	}
	*va = at + count * PAGE_SIZE;
	return error;
}

static enum tessera_error copy_check(const struct slot *view, uint64_t va, uint64_t pages, uint64_t flags)
{
	if ((flags & ~(uint64_t)COPY_WRITE_PROTECT) != 0)
		return E_ARG;
	if ((slot_rights(view) & RIGHT_READ) == 0)
		return E_RIGHTS;
	return view_check_window(view, va, pages);
}

enum tessera_error invoke_view_copy(struct thread *self, struct slot *cap)
{
	uint64_t va = ctx_arg(&self->ctx, 2), pages = ctx_arg(&self->ctx, 3), flags = ctx_arg(&self->ctx, 4);
	uint64_t done = restart_take(self, OP_VIEW_COPY), at = va + done * PAGE_SIZE,
		 end = va + pages * PAGE_SIZE;
	struct copying copying;
	struct slot *src;
	enum tessera_error error =
		cap_lookup(self, (cap_t)ctx_arg(&self->ctx, 1), CAP_VSPACE, RIGHT_WRITE, &src);

	if (error == E_OK)
		error = slot_object(src) == slot_object(cap) ? E_ARG : copy_check(cap, va, pages, flags);
	if (error != E_OK) {
		ctx_set_result(&self->ctx, 0, 0);
		return error;
	}
	mapping_start(&copying.to, cap);
	copying.from = slot_object(src);
	copying.is_protecting = (flags & COPY_WRITE_PROTECT) != 0;
	copying.from_gather.count = 0;
	if (done == 0)
		error = pagetable_split_edges(copying.from, va, end);
	if (error == E_RESTART)
		return error;
	/* each turn passes a part of a leaf table or all that is absent */
	for (bool is_enough = false; error == E_OK && at < end && !is_enough; is_enough = work_is_enough())
		error = copy_step(&copying, &at, end);
	tlb_gather_flush(&copying.to.gather, copying.to.ref);
	tlb_gather_flush(&copying.from_gather, copying.from);
	if (error == E_OK && at < end)
		return restart_later(self, OP_VIEW_COPY, (at - va) >> PAGE_SHIFT);
	ctx_set_result(&self->ctx, 0, (at - va) >> PAGE_SHIFT);
	return error;
}

/* ---- death --------------------------------------------------------------------------------------------- */

/* aux: steps passed. The window begins in the middle of the first one, perhaps. */
bool view_destroy_step(struct slot *view)
{
	vspace_ref ref = slot_object(view);
	struct frame_range frames = {view->data[1], view->data[2]};
	struct tlb_gather gather = {.count = 0};
	uint64_t start = view->badge & ~(uint64_t)(PT_STEP_BYTES - 1u);
	uint64_t end = view->badge + view->data[0] * PAGE_SIZE;
	uint64_t at = start + (uint64_t)view->aux * PT_STEP_BYTES;

	if (at < view->badge)
		at = view->badge;
	at = pagetable_clear_step(ref, at, end, &frames, &gather);
	tlb_gather_flush(&gather, ref);
	view->aux = (uint32_t)((at - start) / PT_STEP_BYTES);
	if (at < end)
		return false;
	slot_ring_remove(&vspace_at(ref)->views, view);
	return true;
}
