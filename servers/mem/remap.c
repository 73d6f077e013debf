/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Pages that change their place: mremap, and the strings of exec that go over to a new address space.
 * A moved page keeps its frame; the reference goes from one entry to the other.  Shared anonymous memory does not get
 * longer with its area: what lies behind its end is SIGBUS, as on Linux.
 */
#include <tessera/process_page.h>

#include "object.h"
#include "space_private.h"

#define REMAP_MAYMOVE 1u
#define REMAP_FIXED 2u

/* Moves one present entry; the kernel's old mapping is the caller's to remove, the new one goes into the batch. */
static bool move_entry(struct space *from, uint64_t old_page, struct area *to_area, uint64_t new_page,
		       struct port_batch *batch)
{
	page_entry entry = *pages_find(&from->pages, old_page);
	uint32_t rights = space_rights(to_area, entry);
	page_entry flags = rights ? PAGE_MAPPED | (rights & RIGHT_WRITE ? PAGE_WRITABLE : 0) : 0;

	if (!pages_set(&to_area->space->pages, new_page, page_frame(entry) | flags))
		return false;
	pages_clear(&from->pages, old_page);
	if (rights)
		port_batch_add(batch, new_page, page_frame(entry), rights);
	return true;
}

/* Moves the present pages of [old, +count) in from to new in to_area. On failure the rest stays where it was. */
static bool move_range(struct space *from, uint64_t old, struct area *to_area, uint64_t new_page,
		       uint64_t count)
{
	struct port_batch batch = port_batch_init(&to_area->space->port);
	bool moved = true;

	port_unmap(&from->port, old, count);
	for (uint64_t i = 0; i < count && moved; i++) {
		page_entry *entry = pages_find(&from->pages, old + i);
		if (!entry) {
			struct page_block *block = pages_block_from(&from->pages, old + i);
			if (!block || block_first_page(block) >= old + count)
				break;
			if (block_first_page(block) > old + i)
				i = block_first_page(block) - old - 1;
			continue;
		}
		*entry &= PAGE_FRAME_MASK;
		moved = move_entry(from, old + i, to_area, new_page + i, &batch);
	}
	/* What could not be mapped is mapped at the next fault. */
	(void)port_batch_flush(&batch);
	return moved;
}

/* ---- mremap ---------------------------------------------------------------------------------- */

static bool can_grow_in_place(struct space *space, const struct area *area, uint64_t old_end, uint64_t more)
{
	return area->end == old_end && old_end + more <= PROGRAM_END_PAGE &&
	       area_range_is_free(space, old_end, old_end + more);
}

static int move_area(struct space *space, struct area *area, uint64_t old_pages, uint64_t new_start,
		     uint64_t new_pages)
{
	uint64_t old_start = area_start(area);
	struct area *target = area_add(space, new_start, new_start + new_pages, area);

	if (!target)
		return MEM_ENOMEM;
	uint64_t moving = old_pages < new_pages ? old_pages : new_pages;
	if (!move_range(space, old_start, target, new_start, moving)) {
		/* Back: what was moved fits where it came from, its blocks' memory is still there or was just freed. */
		(void)move_range(space, new_start, area, old_start, moving);
		space_drop_pages(space, new_start, new_start + new_pages);
		area_remove(target);
		return MEM_ENOMEM;
	}
	space_drop_pages(space, old_start, old_start + old_pages);
	area_remove(area);
	area_merge(target);
	return 0;
}

struct remap_pages {
	uint64_t start, old_pages, new_pages;
};

static int decode_remap(const struct remap_request *request, struct remap_pages *out)
{
	bool is_fixed = request->flags & REMAP_FIXED;

	if (request->old_addr % PAGE_BYTES || request->new_len == 0 || request->old_len == 0 ||
	    (request->flags & ~(REMAP_MAYMOVE | REMAP_FIXED)) ||
	    (is_fixed && !(request->flags & REMAP_MAYMOVE)))
		return MEM_EINVAL;
	if (request->old_len > PERSONALITY_BASE || request->new_len > PERSONALITY_BASE)
		return MEM_EINVAL;
	out->start = request->old_addr >> PAGE_SHIFT;
	out->old_pages = (request->old_len + PAGE_BYTES - 1) >> PAGE_SHIFT;
	out->new_pages = (request->new_len + PAGE_BYTES - 1) >> PAGE_SHIFT;
	uint64_t target = request->new_addr >> PAGE_SHIFT, end = target + out->new_pages;
	if (is_fixed && (request->new_addr % PAGE_BYTES || request->new_addr >= PERSONALITY_BASE ||
			 end > PROGRAM_END_PAGE || target < PROGRAM_FIRST_PAGE ||
			 (target < out->start + out->old_pages && out->start < end)))
		return MEM_EINVAL;
	return 0;
}

/* The program's area at the old place, which must hold all of it; NULL and *error. */
static struct area *remap_source(struct space *space, const struct remap_pages *pages, int *error)
{
	struct area *area = area_find(space, pages->start);
	uint64_t more = pages->new_pages > pages->old_pages ? pages->new_pages - pages->old_pages : 0;

	*error = MEM_EFAULT;
	if (!area || (area->flags & AREA_PERSONALITY) || area->end - pages->start < pages->old_pages)
		return NULL;
	*error = MEM_ENOMEM;
	bool is_data = (area->prot & PROT_WRITE) && !(area->flags & AREA_SHARED);
	if (more > space->limit_virtual || space->virtual_pages > space->limit_virtual - more ||
	    more > frames.total)
		return NULL;
	if (is_data && (more > space->limit_data || space->data_pages > space->limit_data - more))
		return NULL;
	return area;
}

/* Takes the pages past new_pages away. */
static int shrink(struct space *space, struct remap_pages *pages)
{
	if (pages->new_pages >= pages->old_pages)
		return 0;
	uint64_t gone = pages->old_pages - pages->new_pages;
	pages->old_pages = pages->new_pages;
	return space_unmap(space, (pages->start + pages->new_pages) << PAGE_SHIFT, gone * PAGE_BYTES);
}

/* The part [start, +pages) of an area as an area of its own; NULL: no memory. */
static struct area *cut_out(struct space *space, uint64_t start, uint64_t pages)
{
	if (!area_split(space, start) || !area_split(space, start + pages))
		return NULL;
	return area_find(space, start);
}

static int move_to(struct space *space, const struct remap_pages *pages, uint64_t target)
{
	struct area *area = target ? cut_out(space, pages->start, pages->old_pages) : NULL;

	return area ? move_area(space, area, pages->old_pages, target, pages->new_pages) : MEM_ENOMEM;
}

/* The old range is looked at before the new place is emptied (Linux since 6.17; before, a failure had emptied it). */
static int remap_fixed(struct space *space, const struct remap_request *request, struct remap_pages *pages)
{
	struct remap_pages kept = *pages;
	int error;

	if (kept.old_pages > kept.new_pages)
		kept.old_pages = kept.new_pages;
	if (!remap_source(space, &kept, &error))
		return error;
	error = space_unmap(space, request->new_addr, pages->new_pages * PAGE_BYTES);
	if (!error)
		error = shrink(space, pages);
	return error ? error : move_to(space, pages, request->new_addr >> PAGE_SHIFT);
}

int space_remap(struct space *space, const struct remap_request *request, uint64_t *out_addr)
{
	struct remap_pages pages;
	int error = decode_remap(request, &pages);

	if (error)
		return error;
	struct area *area = area_find(space, pages.start);
	if (!area || (area->flags & AREA_PERSONALITY))
		return MEM_EFAULT;
	if (request->flags & REMAP_FIXED) {
		*out_addr = request->new_addr;
		return remap_fixed(space, request, &pages);
	}
	*out_addr = request->old_addr;
	if (pages.new_pages <= pages.old_pages)
		return shrink(space, &pages);
	area = remap_source(space, &pages, &error);
	if (!area)
		return error;
	if (can_grow_in_place(space, area, pages.start + pages.old_pages,
			      pages.new_pages - pages.old_pages)) {
		area_set_end(area, pages.start + pages.new_pages);
		area_merge(area);
		return 0;
	}
	if (!(request->flags & REMAP_MAYMOVE))
		return MEM_ENOMEM;
	uint64_t target = area_gap(space, pages.new_pages);
	*out_addr = target << PAGE_SHIFT;
	return move_to(space, &pages, target);
}

/* ---- exec's strings -------------------------------------------------------------------------- */

int space_move_pages(struct space *from, uint64_t from_addr, struct space *to, uint64_t to_addr,
		     uint32_t pages)
{
	uint64_t old = from_addr >> PAGE_SHIFT, new_page = to_addr >> PAGE_SHIFT;
	struct area *source = area_find(from, old), *target = area_find(to, new_page);

	if (from_addr % PAGE_BYTES || to_addr % PAGE_BYTES || pages == 0 || from == to)
		return MEM_EINVAL;
	if (to_addr < EXEC_AREA_VA || (uint64_t)pages * PAGE_BYTES > EXEC_AREA_MAX_BYTES ||
	    to_addr + (uint64_t)pages * PAGE_BYTES > EXEC_AREA_VA + EXEC_AREA_MAX_BYTES || !target)
		return MEM_EINVAL;
	if (!source || source->object || (source->flags & AREA_PROCESS_PAGES) || source->end - old < pages)
		return MEM_EINVAL;
	space_drop_pages(to, new_page, new_page + pages);
	return move_range(from, old, target, new_page, pages) ? 0 : MEM_ENOMEM;
}
