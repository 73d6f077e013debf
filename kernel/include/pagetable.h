/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Page tables of address spaces: walking, making, splitting, clearing and returning tables.
 *
 * Leaf entries stand at level 0 or, as large pages, at level 1; nothing larger is made.  Tables come from the VSpace's pool
 * and return to it when they are empty.  Nothing here decides who may map what: that is view.c's and vspace.c's.
 */
#pragma once

#include <memory.h>

#define LARGE_PAGE_BYTES ((uint64_t)LARGE_PAGE_PAGES * PAGE_SIZE)

/* ---- translations to be flushed at the end of an operation ------------------------------------------- */

#define TLB_GATHER_MAX 16u
struct tlb_gather {
	uint32_t count; /* beyond TLB_GATHER_MAX: everything */
	uint64_t va[TLB_GATHER_MAX];
};

static ALWAYS_INLINE void tlb_gather_add(struct tlb_gather *gather, uint64_t va)
{
	if (gather->count < TLB_GATHER_MAX)
		gather->va[gather->count] = va;
	gather->count++;
}

/* Before the system call ends or is restarted, and before a frame that was unmapped can be retyped. */
void tlb_gather_flush(struct tlb_gather *gather, vspace_ref ref);

/* ---- walking ------------------------------------------------------------------------------------------- */

/* The entry that maps va, or the highest absent one on the way to it. At most PT_LEVELS loads. */
pte_t *pagetable_walk(pte_t *root, uint64_t va, uint32_t *level);

/*
 * What covers va: the entry of a leaf table or a large page, with its level; va is returned.  Or nothing: *entry is NULL, and
 * the address is returned up to which one table shows that nothing is mapped, at most end.
 */
uint64_t pagetable_seek(pte_t *root, uint64_t va, uint64_t end, pte_t **entry, uint32_t *level);

/*
 * The entry of va at level 0 or 1, making the tables above it; a large page in the way of a level-0 entry is split.
 * E_NO_TABLE: the pool is empty (tables made so far stay, empty). At level 1 the entry may hold a table.
 */
MUST_CHECK enum tessera_error pagetable_make(vspace_ref ref, uint64_t va, uint32_t level, pte_t **entry);

/* Splits the large pages of which [va, end) covers a part, before anything else changes.  E_NO_TABLE; E_RESTART: that was
 * enough work for one entry, the operation is to be executed again from its start. */
MUST_CHECK enum tessera_error pagetable_split_edges(vspace_ref ref, uint64_t va, uint64_t end);

/* ---- clearing ------------------------------------------------------------------------------------------ */

/* Frames whose mappings go; PT_ALL_FRAMES: every one. */
struct frame_range {
	uint64_t first, count;
};
#define PT_ALL_FRAMES ((struct frame_range){0, ~0ull})

static ALWAYS_INLINE bool frames_contain(const struct frame_range *range, pte_t entry)
{
	return (pte_address(entry).raw >> PAGE_SHIFT) - range->first < range->count;
}

/* How far one step goes behind va, which lies in a leaf table (level 0) or a large page: so many entries at most. */
#define PT_STEP_ENTRIES 16u
#define PT_STEP_BYTES (PT_STEP_ENTRIES * PAGE_SIZE)
uint64_t pagetable_step_end(uint64_t va, uint64_t end, uint32_t level);

/*
 * One bounded step: seeks from va and clears what maps those frames in a part of one leaf table, or one large page (whole,
 * even if the range covers or meets only a part of it).  Kept entries stay.  A table left empty returns to the pool.
 * Returns where to go on, end when finished.
 */
uint64_t pagetable_clear_step(vspace_ref ref, uint64_t va, uint64_t end, const struct frame_range *frames,
			      struct tlb_gather *gather);

/* Forgets the whole user half and all tables: they are in the pool again. Flushes. Constant time. */
void pagetable_reset(vspace_ref ref);
