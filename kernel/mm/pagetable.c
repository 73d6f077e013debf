/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Page tables of address spaces.  See pagetable.h.
 *
 * The pool: tables that were returned (linked through their first word, otherwise zero), then the donated Untypeds in the
 * order of the VSpace's list, each from its watermark on.  Those behind tables_current are unused: their watermark is
 * set to zero when the pool reaches them, so that resetting the pool needs no loop.
 */
#include <lock.h>
#include <pagetable.h>
#include <restart.h>

#define EIGHT 8u

/* Instructions, about (work_add). */
#define WALK_WORK 60u
#define SKIP_WORK 3u   /* an absent entry passed over */
#define CLEAR_WORK 32u /* an entry looked at and cleared */
#define PRUNE_WORK 800u
#define SPLIT_WORK 1900u

void tlb_gather_flush(struct tlb_gather *gather, vspace_ref ref)
{
	paddr_t root = object_address(ref);

	if (gather->count == 0)
		return;
	lock_shoot(root);
	if (gather->count > TLB_GATHER_MAX) {
		arch_tlb_flush_all(root);
	} else {
		for (uint32_t i = 0; i < gather->count; i++)
			arch_tlb_flush_page(root, gather->va[i]);
	}
	gather->count = 0;
}

/* ---- the pool ---------------------------------------------------------------------------------------- */

static pte_t *table_of(pte_t entry)
{
	return (pte_t *)phys_to_ptr(pte_address(entry));
}

/* The next page of the donated Untypeds. */
static bool pool_carve(struct vspace *vspace, paddr_t *out)
{
	while (vspace->tables_current != 0) { /* ends: goes along the list, past Untypeds that are used up */
		struct slot *untyped = slot_at(vspace->tables_current);

		if (untyped->data[1] < untyped->data[0]) {
			*out = (paddr_t){untyped->badge + untyped->data[1]};
			untyped->data[1] += PAGE_SIZE;
			arch_zero_page(phys_to_ptr(*out));
			return true;
		}
		if (untyped->link_next == vspace->tables_first)
			return false;
		vspace->tables_current = untyped->link_next;
		slot_at(untyped->link_next)->data[1] = 0;
	}
	return false;
}

/* A zeroed table. */
static bool pool_take(struct vspace *vspace, paddr_t *out)
{
	if (vspace->free_first != 0) {
		uint64_t *words;

		*out = object_address(vspace->free_first);
		words = phys_to_ptr(*out);
		vspace->free_first = (uint32_t)words[0];
		vspace->tables_free--;
		words[0] = 0;
	} else if (!pool_carve(vspace, out)) {
		return false;
	}
	vspace->tables_used++;
	return true;
}

static void pool_put(struct vspace *vspace, paddr_t table)
{
	uint64_t *words = phys_to_ptr(table);

	words[0] = vspace->free_first;
	vspace->free_first = object_index(table);
	vspace->tables_free++;
}

void vspace_add_table_page(vspace_ref ref, paddr_t page)
{
	arch_zero_page(phys_to_ptr(page));
	pool_put(vspace_at(ref), page);
}

void pagetable_reset(vspace_ref ref)
{
	struct vspace *vspace = vspace_at(ref);

	arch_zero(vspace_root(ref), USER_PT_ENTRIES * sizeof(pte_t));
	vspace->free_first = 0;
	vspace->tables_free = 0;
	vspace->tables_used = 0;
	vspace->tables_current = vspace->tables_first;
	if (vspace->tables_first != 0)
		slot_at(vspace->tables_first)->data[1] = 0;
	arch_tlb_flush_all(object_address(ref));
	lock_shoot(object_address(ref));
}

/* ---- walking ------------------------------------------------------------------------------------------- */

pte_t *pagetable_walk(pte_t *root, uint64_t va, uint32_t *level)
{
	uint32_t at = PT_LEVELS - 1u;
	pte_t *entry = &root[pt_index(va, at)];

	while (pte_is_table(*entry, at)) { /* at most PT_LEVELS - 1 turns */
		at--;
		entry = &table_of(*entry)[pt_index(va, at)];
	}
	*level = at;
	return entry;
}

/* Eight entries in one look. */
static bool are_absent(const pte_t *at)
{
	return !pte_present(at[0] | at[1] | at[2] | at[3] | at[4] | at[5] | at[6] | at[7]);
}

/* The end of the run of absent entries that begins with entry, which covers va; at most the table's end. */
static uint64_t skip_absent(const pte_t *entry, uint64_t va, uint32_t level)
{
	uint32_t first = pt_index(va, level), i = first + 1u;
	const pte_t *table = entry - first;

	while (i < PT_ENTRIES && !pte_present(table[i])) /* at most PT_ENTRIES turns */
		i += i % EIGHT == 0 && are_absent(&table[i]) ? EIGHT : 1u;
	work_add((i - first) * SKIP_WORK);
	return (va & ~(pt_span(level) - 1u)) + (i - first) * pt_span(level);
}

uint64_t pagetable_seek(pte_t *root, uint64_t va, uint64_t end, pte_t **entry, uint32_t *level)
{
	pte_t *at = pagetable_walk(root, va, level);
	uint64_t next;

	work_add(WALK_WORK);
	*entry = at;
	if (*level == 0 || pte_present(*at))
		return va;
	*entry = NULL;
	next = skip_absent(at, va, *level);
	return next < end ? next : end;
}

/* Replaces a large page by a table with the same 512 mappings. */
static enum tessera_error split(vspace_ref ref, pte_t *entry, uint64_t va)
{
	pte_t large = *entry;
	uint32_t flags = pte_rights(large) | pte_cache_flags(large);
	pte_t leaf = pte_leaf(pte_address(large), flags, 0);
	paddr_t table;
	pte_t *entries;

	if (!pool_take(vspace_at(ref), &table))
		return E_NO_TABLE;
	entries = phys_to_ptr(table);
	for (uint32_t i = 0; i < PT_ENTRIES; i += EIGHT)
		for (uint32_t k = i; k < i + EIGHT; k++)
			entries[k] = leaf + k * PAGE_SIZE; /* the address stands in the entry as it is */
	*entry = pte_table(table);
	arch_tlb_flush_page(object_address(ref), va);
	lock_shoot(object_address(ref));
	work_add(SPLIT_WORK);
	return E_OK;
}

static enum tessera_error split_at(vspace_ref ref, uint64_t va)
{
	uint32_t level;
	pte_t *entry;

	if ((va & (LARGE_PAGE_BYTES - 1u)) == 0)
		return E_OK;
	entry = pagetable_walk(vspace_root(ref), va, &level);
	return level == 1 && pte_present(*entry) ? split(ref, entry, va) : E_OK;
}

enum tessera_error pagetable_split_edges(vspace_ref ref, uint64_t va, uint64_t end)
{
	if (va == end) /* no page is on an edge */
		return E_OK;
	enum tessera_error error = split_at(ref, va);

	if (error == E_OK)
		error = split_at(ref, end);
	return error == E_OK && work_is_enough() ? E_RESTART : error;
}

/* Makes an entry of a table above the leaf tables point to one. */
static NOINLINE enum tessera_error make_table(vspace_ref ref, pte_t *entry, uint64_t va)
{
	paddr_t table;

	if (pte_present(*entry))
		return split(ref, entry, va);
	if (!pool_take(vspace_at(ref), &table))
		return E_NO_TABLE;
	*entry = pte_table(table);
	return E_OK;
}

enum tessera_error pagetable_make(vspace_ref ref, uint64_t va, uint32_t level, pte_t **entry)
{
	uint32_t at = PT_LEVELS - 1u;
	pte_t *step = &vspace_root(ref)[pt_index(va, at)];

	while (at > level) { /* at most PT_LEVELS - 1 turns */
		if (UNLIKELY(!pte_is_table(*step, at))) {
			enum tessera_error error = make_table(ref, step, va);

			if (error != E_OK)
				return error;
		}
		at--;
		step = &table_of(*step)[pt_index(va, at)];
	}
	*entry = step;
	return E_OK;
}

/* ---- clearing ------------------------------------------------------------------------------------------ */

/* Whether a run of entries, a multiple of sixteen, is zero. */
static ALWAYS_INLINE bool are_zero(const pte_t *at, const pte_t *end)
{
	pte_t any = 0;

	for (; at < end && any == 0; at += 16)
		any = at[0] | at[1] | at[2] | at[3] | at[4] | at[5] | at[6] | at[7] | at[8] | at[9] | at[10] |
		      at[11] | at[12] | at[13] | at[14] | at[15];
	return any == 0;
}

/* Looks from where something was cleared on, round the table: what was not cleared yet stands there. */
static bool table_is_empty(const pte_t *table, uint32_t from)
{
	const pte_t *start = table + (from & ~15u);

	return are_zero(start, table + PT_ENTRIES) && are_zero(table, start);
}

/* Returns the tables above va that are empty, from the given level's table up. */
static void prune(vspace_ref ref, uint64_t va, uint32_t level, struct tlb_gather *gather)
{
	pte_t *path[PT_LEVELS];
	pte_t *entry = &vspace_root(ref)[pt_index(va, PT_LEVELS - 1u)];

	path[PT_LEVELS - 1u] = entry;
	for (uint32_t at = PT_LEVELS - 1u; at > level; at--)
		path[at - 1u] = &table_of(*path[at])[pt_index(va, at - 1u)];
	for (uint32_t at = level; at + 1u < PT_LEVELS; at++) {
		uint32_t index = pt_index(va, at);

		if (!table_is_empty(path[at] - index, index))
			return;
		work_add(PRUNE_WORK);
		pool_put(vspace_at(ref), pte_address(*path[at + 1u]));
		vspace_at(ref)->tables_used--;
		*path[at + 1u] = 0;
		tlb_gather_add(gather, va);
	}
}

/* A large page: cleared whole if it meets the frames. */
static void clear_large(vspace_ref ref, pte_t *entry, uint64_t va, const struct frame_range *frames,
			struct tlb_gather *gather)
{
	uint64_t first = pte_address(*entry).raw >> PAGE_SHIFT;
	bool is_met = frames_contain(frames, *entry) || frames->first - first < LARGE_PAGE_PAGES;

	if (!is_met || pte_is_kept(*entry))
		return;
	*entry = 0;
	tlb_gather_add(gather, va);
	prune(ref, va, 1, gather);
}

/* The entries of one leaf table from entry (for va) on, up to end or the table's end. */
static void clear_small(vspace_ref ref, pte_t *entry, uint64_t va, uint64_t end,
			const struct frame_range *frames, struct tlb_gather *gather)
{
	uint64_t last = va;
	bool is_changed = false;

	for (; va < end; va += PAGE_SIZE, entry++) { /* at most PT_ENTRIES turns */
		pte_t old = *entry;

		if (old == 0 || pte_is_kept(old) || !frames_contain(frames, old))
			continue;
		*entry = 0;
		tlb_gather_add(gather, va);
		last = va;
		is_changed = true;
	}
	if (is_changed)
		prune(ref, last, 0, gather);
}

uint64_t pagetable_step_end(uint64_t va, uint64_t end, uint32_t level)
{
	uint64_t step = level > 0 ? LARGE_PAGE_BYTES : PT_STEP_ENTRIES * PAGE_SIZE;
	uint64_t next = (va & ~(step - 1u)) + step;

	return next < end ? next : end;
}

uint64_t pagetable_clear_step(vspace_ref ref, uint64_t va, uint64_t end, const struct frame_range *frames,
			      struct tlb_gather *gather)
{
	pte_t *entry = NULL;
	uint32_t level = 0;
	uint64_t next;

	va = pagetable_seek(vspace_root(ref), va, end, &entry, &level);
	if (entry == NULL)
		return va;
	next = pagetable_step_end(va, end, level);
	if (level > 0)
		clear_large(ref, entry, va, frames, gather);
	else
		clear_small(ref, entry, va, next, frames, gather);
	work_add(level > 0 ? PRUNE_WORK : (uint32_t)((next - va) >> PAGE_SHIFT) * CLEAR_WORK);
	return next;
}
