/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A copy-on-write copy of an address space.
 *
 * Areas are copied but those marked AREA_NOFORK (process pages, windows).  Of the pages only private ones: both sides then
 * hold the same frames without the right to write, by one kernel operation for a run of pages.  Frames that were written
 * soon after an earlier fork (FRAME_HOT: stacks, counters, allocator states) are copied at once instead, at most
 * HOT_MAX of them: that costs less than the faults of both sides.  But not while other threads write there: the copies would be of
 * different moments.  (Pages without the right to write are not: whoever writes one waits for the end of the fork.)  Shared
 * memory is filled by faults.
 */
#include <tessera/process_page.h>

#include "object.h"
#include "space_private.h"

#define HOT_MAX 48u
#define RUN_GAP 48u /* absent pages that a run passes over */

struct forking {
	struct space *parent, *child;
	uint64_t run_start, run_end; /* pages; empty: start == end */
	uint32_t run_pools;	     /* bit p: frames of pool p are in the run */
	uint32_t hot, hot_max;
	struct port_batch batch; /* hot copies */
};

static bool copy_areas(struct forking *forking)
{
	for (struct tree_node *node = tree_first(&forking->parent->areas); node; node = tree_next(node)) {
		const struct area *area = TREE_OWNER(struct area, node);
		if (area->object && (area->object->flags & OBJECT_WINDOW))
			continue;
		if ((area->flags & AREA_NOFORK) && !(area->flags & AREA_PROCESS_PAGES))
			continue;
		if (!area_add(forking->child, area_start(area), area->end, area))
			return false;
	}
	return true;
}

/* Lets the kernel copy the run collected so far. */
static bool finish_run(struct forking *forking)
{
	uint64_t count = forking->run_end - forking->run_start;
	bool done = true;

	for (uint32_t pools = forking->run_pools; pools && done; pools &= pools - 1)
		done = port_copy(&forking->child->port, &forking->parent->port,
				 (uint32_t)__builtin_ctz(pools), forking->run_start, count);
	forking->run_pools = 0;
	forking->run_start = 0;
	forking->run_end = 0;
	return done;
}

/* A page that the kernel is to copy. False: the run before could not be copied. */
static inline bool extend_run(struct forking *forking, uint64_t page, frame_t frame)
{
	if (page - forking->run_end > RUN_GAP && forking->run_end != 0 && !finish_run(forking))
		return false;
	if (forking->run_end == 0)
		forking->run_start = page;
	forking->run_end = page + 1;
	forking->run_pools |= 1u << frame_pool(frame);
	return true;
}

/* The child gets a copy of its own; false: not now (then it is shared like the others). */
static bool copy_hot(struct forking *forking, const struct area *area, uint64_t page, frame_t frame,
		     page_entry *out)
{
	frame_t copy;

	if (forking->hot >= forking->hot_max)
		return false;
	copy = frame_alloc(FRAME_FOR_PROGRAM);
	if (copy == FRAME_NONE)
		return false;
	forking->hot++;
	frame_copy(copy, frame);
	frame_set_hot(copy);
	uint32_t rights = space_rights(area, copy);
	port_batch_add(&forking->batch, page, copy, rights);
	*out = copy | PAGE_MAPPED | (rights & RIGHT_WRITE ? PAGE_WRITABLE : 0);
	return true;
}

/* A hot page that only the parent has: true if the child got a copy. */
static bool is_copied_hot(struct forking *forking, const struct area *area, uint64_t page, frame_t frame,
			  page_entry *out)
{
	if (!frame_is_exclusive(frame) || !(area->prot & PROT_WRITE) || !finish_run(forking))
		return false;
	return copy_hot(forking, area, page, frame, out);
}

/* The pages of one block that lie in an area: bits of mask. Returns those done; all of mask, or memory was short. */
static uint64_t copy_entries(struct forking *forking, const struct area *area, struct page_block *from,
			     struct page_block *to, uint64_t mask)
{
	uint64_t bits = mask, first = block_first_page(from);

	for (; bits; bits &= bits - 1) {
		uint32_t index = (uint32_t)__builtin_ctzll(bits);
		frame_t frame = page_frame(from->entry[index]);
		if (frame_is_hot(frame) &&
		    is_copied_hot(forking, area, first + index, frame, &to->entry[index]))
			continue;
		if ((from->entry[index] & PAGE_MAPPED) && !extend_run(forking, first + index, frame))
			break;
		frame_get(frame);
		from->entry[index] &= ~PAGE_WRITABLE;
		to->entry[index] = from->entry[index];
	}
	return mask & ~bits;
}

static bool copy_block(struct forking *forking, const struct area *area, struct page_block *block)
{
	uint64_t mask = block->present & block_mask(block, area_start(area), area->end);

	if (!mask)
		return true;
	struct page_block *copy = pages_block_make(&forking->child->pages, block_first_page(block));
	if (!copy)
		return false;
	uint64_t done = copy_entries(forking, area, block, copy, mask);
	copy->present |= done;
	forking->child->pages.count += (uint64_t)__builtin_popcountll(done);
	return done == mask;
}

static bool is_copied(const struct area *area)
{
	if (area->flags & (AREA_SHARED | AREA_WIPEONFORK | AREA_PROCESS_PAGES | AREA_NOFORK))
		return false;
	return !area->object || !(area->object->flags & OBJECT_WINDOW);
}

/* A run goes on over the border to the next area that is copied, but not over one that is not. */
static bool copy_pages(struct forking *forking, const struct area *area)
{
	if (!is_copied(area))
		return finish_run(forking);
	for (struct page_block *block = pages_block_from(&forking->parent->pages, area_start(area));
	     block && block_first_page(block) < area->end; block = pages_block_next(block)) {
		if (!copy_block(forking, area, block))
			return false;
	}
	return true;
}

static bool copy_all(struct forking *forking)
{
	if (!copy_areas(forking))
		return false;
	for (struct tree_node *node = tree_first(&forking->parent->areas); node; node = tree_next(node)) {
		if (!copy_pages(forking, TREE_OWNER(struct area, node)))
			return false;
	}
	return finish_run(forking) && port_batch_flush(&forking->batch);
}

int space_fork(struct space *parent, uint32_t process_page, bool is_alone, struct space **out)
{
	struct space *child = space_alloc(parent->allow_wx);

	if (!child)
		return MEM_ENOMEM;
	child->personality_base = parent->personality_base;
	child->mappings_top = parent->mappings_top;
	child->gap_from = parent->gap_from;
	child->gap_skipped = parent->gap_skipped;
	child->limit_virtual = parent->limit_virtual;
	child->limit_data = parent->limit_data;
	child->limit_stack = parent->limit_stack;
	struct forking forking = {.parent = parent,
				  .child = child,
				  .hot_max = is_alone ? HOT_MAX : 0,
				  .batch = port_batch_init(&child->port)};
	if (!copy_all(&forking) || space_process_page(child, process_page, 0, true) != 0) {
		space_destroy(child);
		return MEM_ENOMEM;
	}
	*out = child;
	return 0;
}
