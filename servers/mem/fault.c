/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Faults: the one place that decides which frame a process gets at a page, and with which rights.
 *
 * | page is            | read                            | write, private                    | write, shared        |
 * | absent, anonymous  | zeroed frame, writable          | the same                          | (an object)          |
 * | absent, object     | object's frame + neighbours     | copy of the object's frame        | object's frame       |
 * | present, read-only | mapped again                    | only reference: made writable;    | mapped again         |
 * |                    |                                 | else a copy                       |                      |
 * Nothing changes when memory is short: FAULT_NO_MEMORY.  A fault of a sequence in anonymous memory gets up to
 * AHEAD_MAX pages at once.
 */
#include <tessera/process_page.h>

#include "object.h"
#include "space.h"

#define AROUND_PAGES \
	BLOCK_PAGES /* neighbours of an object's page that are mapped with it: an aligned group (decision 0005) */
#define AHEAD_MAX 16u

uint32_t space_rights(const struct area *area, page_entry entry)
{
	uint32_t rights = area->prot & PROT_ALL ? RIGHT_READ : 0;

	if (area->prot & PROT_EXEC)
		rights |= RIGHT_EXECUTE;
	if (!(area->prot & PROT_WRITE))
		return rights;
	if ((area->flags & AREA_SHARED) || frame_is_exclusive(page_frame(entry)))
		rights |= RIGHT_WRITE;
	return rights;
}

/* Entry flags of something mapped with these rights. */
static page_entry entry_flags(uint32_t rights)
{
	return PAGE_MAPPED | (rights & RIGHT_WRITE ? PAGE_WRITABLE : 0);
}

static enum fault_result check_access(const struct area *area, uint64_t page, enum access access)
{
	if (access == ACCESS_WRITE && !(area->prot & PROT_WRITE))
		return FAULT_FORBIDDEN;
	if (access == ACCESS_EXECUTE && !(area->prot & PROT_EXEC))
		return FAULT_FORBIDDEN;
	if (!(area->prot & PROT_ALL))
		return FAULT_FORBIDDEN;
	if (area->flags & AREA_THREAD_STACKS) {
		uint64_t stride = PERSONALITY_STACK_STRIDE >> PAGE_SHIFT;
		if ((page - area_start(area)) % stride < stride / 2)
			return FAULT_NO_AREA;
	}
	return FAULT_DONE;
}

/* A stack that may grow down to page, grown; NULL: none. */
static struct area *grow_stack(struct space *space, uint64_t page)
{
	struct area *area = area_from(space, page);

	if (!area || !(area->flags & AREA_GROWSDOWN) || area_start(area) <= page)
		return NULL;
	const struct area *below = area_previous(area);
	uint64_t more = area_start(area) - page;
	if (area->end - page > space->limit_stack || space->virtual_pages + more > space->limit_virtual)
		return NULL;
	if (page < PROGRAM_FIRST_PAGE + STACK_GUARD_PAGES)
		return NULL;
	if (below && below->prot && below->end + STACK_GUARD_PAGES > page)
		return NULL;
	if (below && below->end > page)
		return NULL;
	area_set_start(area, page);
	return area;
}

/* ---- page already there ---------------------------------------------------------------------- */

static enum fault_result map_again(struct space *space, const struct area *area, uint64_t page,
				   page_entry *entry)
{
	uint32_t rights = space_rights(area, *entry);

	if (!port_map(&space->port, page, page_frame(*entry), 1, rights))
		return FAULT_NO_MEMORY;
	*entry = page_frame(*entry) | entry_flags(rights);
	return FAULT_DONE;
}

/* A private page that others hold too is written: a copy of its own. */
static enum fault_result copy_page(struct space *space, const struct area *area, uint64_t page,
				   page_entry *entry)
{
	frame_t old = page_frame(*entry), copy = frame_alloc(FRAME_FOR_PROGRAM);

	if (copy == FRAME_NONE)
		return FAULT_NO_MEMORY;
	frame_copy(copy, old);
	uint32_t rights = space_rights(area, copy);
	if (!port_map(&space->port, page, copy, 1, rights)) {
		frame_put(copy);
		return FAULT_NO_MEMORY;
	}
	frame_set_hot(old);
	frame_set_hot(copy);
	*entry = copy | entry_flags(rights);
	frame_put(old);
	return FAULT_DONE;
}

static enum fault_result fault_present(struct space *space, const struct area *area, uint64_t page,
				       page_entry *entry, enum access access)
{
	bool is_private = !(area->flags & (AREA_SHARED | AREA_PROCESS_PAGES));

	if (access != ACCESS_WRITE || !is_private)
		return map_again(space, area, page, entry);
	if (!frame_is_exclusive(page_frame(*entry)))
		return copy_page(space, area, page, entry);
	frame_set_hot(page_frame(*entry));
	return map_again(space, area, page, entry);
}

/* ---- anonymous memory ------------------------------------------------------------------------ */

/* How many absent pages from page on a fault there gets: more with each fault that continues a sequence. */
static uint32_t ahead_count(struct space *space, struct area *area, uint64_t page)
{
	uint64_t count = 1;

	if (page == area->ahead_page && !(area->flags & (AREA_THREAD_STACKS | AREA_GROWSDOWN)))
		count = area->ahead_count >= AHEAD_MAX / 2 ? AHEAD_MAX : area->ahead_count * 2;
	if (count > area->end - page)
		count = area->end - page;
	if (frames.free_count < frames.reserve * 2)
		count = 1;
	uint32_t absent = 1;
	while (absent < count && !pages_find(&space->pages, page + absent))
		absent++;
	area->ahead_count = count;
	return absent;
}

/* One zeroed frame at an absent page, not mapped yet. */
static frame_t set_zeroed(struct space *space, uint64_t page, uint32_t rights)
{
	frame_t frame = frame_alloc(FRAME_FOR_PROGRAM);

	if (frame == FRAME_NONE)
		return FRAME_NONE;
	if (!pages_set(&space->pages, page, frame | entry_flags(rights))) {
		frame_put(frame);
		return FRAME_NONE;
	}
	frame_zero(frame);
	return frame;
}

static void unset_page(struct space *space, uint64_t page)
{
	frame_t frame = page_frame(*pages_find(&space->pages, page));

	pages_clear(&space->pages, page);
	frame_put(frame);
}

/* Zeroed frames at [page, +count), all absent; the first must succeed. */
static bool give_zeroed(struct space *space, const struct area *area, uint64_t page, uint32_t count)
{
	uint32_t rights = space_rights(area, 0) | (area->prot & PROT_WRITE ? RIGHT_WRITE : 0u);
	frame_t first = set_zeroed(space, page, rights);

	if (first == FRAME_NONE)
		return false;
	if (count == 1) {
		if (port_map(&space->port, page, first, 1, rights))
			return true;
		unset_page(space, page);
		return false;
	}
	struct port_batch batch = port_batch_init(&space->port);
	uint32_t given = 1;
	port_batch_add(&batch, page, first, rights);
	for (; given < count; given++) {
		frame_t frame = set_zeroed(space, page + given, rights);
		if (frame == FRAME_NONE)
			break;
		port_batch_add(&batch, page + given, frame, rights);
	}
	if (port_batch_flush(&batch))
		return true;
	port_unmap(&space->port, page, given);
	for (uint32_t i = 0; i < given; i++)
		unset_page(space, page + i);
	return false;
}

static enum fault_result fault_anonymous(struct space *space, struct area *area, uint64_t page)
{
	uint32_t count = ahead_count(space, area, page);

	if (!give_zeroed(space, area, page, count))
		return FAULT_NO_MEMORY;
	area->ahead_page = page + count;
	return FAULT_DONE;
}

bool space_prefault(struct space *space, uint64_t page, uint32_t count)
{
	const struct area *area = area_find(space, page);

	return area && !area->object && give_zeroed(space, area, page, count);
}

/* ---- memory of objects ----------------------------------------------------------------------- */

enum fault_result space_object_state(const struct area *area, uint64_t page)
{
	uint64_t object_page = area_object_page(area, page);

	if (object_page >= area->object->pages_end)
		return FAULT_BUS;
	if (area->object->kind == OBJECT_FILE && object_frame(area->object, object_page) == FRAME_NONE)
		return FAULT_BUS;
	return FAULT_DONE;
}

/* The object's frame, made if the object is shared anonymous memory. */
static enum fault_result object_frame_make(struct object *object, uint64_t page, frame_t *out)
{
	*out = object_frame(object, page);
	if (*out != FRAME_NONE)
		return FAULT_DONE;
	if (object->kind != OBJECT_SHARED || page >= object->pages_end)
		return FAULT_BUS;
	frame_t frame = frame_alloc(FRAME_FOR_PROGRAM);
	if (frame == FRAME_NONE)
		return FAULT_NO_MEMORY;
	if (!object_set_frame(object, page, frame)) {
		frame_put(frame);
		return FAULT_NO_MEMORY;
	}
	frame_zero(frame);
	*out = frame;
	return FAULT_DONE;
}

/* Private write to an absent page of an object. */
static enum fault_result fault_copy_object(struct space *space, const struct area *area, uint64_t page,
					   frame_t source)
{
	frame_t copy = frame_alloc(FRAME_FOR_PROGRAM);
	uint32_t rights = space_rights(area, 0) | RIGHT_WRITE;

	if (copy == FRAME_NONE)
		return FAULT_NO_MEMORY;
	if (!pages_set(&space->pages, page, copy | entry_flags(rights))) {
		frame_put(copy);
		return FAULT_NO_MEMORY;
	}
	frame_copy(copy, source);
	if (!port_map(&space->port, page, copy, 1, rights)) {
		unset_page(space, page);
		return FAULT_NO_MEMORY;
	}
	return FAULT_DONE;
}

/* Rights with which an object's frames are mapped. The object holds a reference, so that a private mapping is never exclusive. */
static uint32_t object_rights(const struct area *area)
{
	uint32_t rights =
		(area->prot & PROT_ALL ? RIGHT_READ : 0) | (area->prot & PROT_EXEC ? RIGHT_EXECUTE : 0);

	return (area->flags & AREA_SHARED) && (area->prot & PROT_WRITE) ? rights | RIGHT_WRITE : rights;
}

/* The frames that the object has and the space has not, in page's aligned group (which lies in one block of the space; the object's
 * frame of page itself is there). */
static void add_group(struct space *space, const struct area *area, uint64_t page, struct page_block *block,
		      struct port_batch *batch)
{
	uint64_t first = page & ~(uint64_t)(AROUND_PAGES - 1), end = first + AROUND_PAGES;
	struct page_block *source = NULL;
	uint32_t rights = object_rights(area);

	if (first < area_start(area))
		first = area_start(area);
	if (end > area->end)
		end = area->end;
	for (uint64_t at = first; at < end; at++) {
		uint64_t from = area_object_page(area, at);
		if (block_has(block, at) || from >= area->object->pages_end)
			continue;
		if (!source || source->node.key != from / BLOCK_PAGES)
			source = pages_block_of(&area->object->pages, from);
		if (!source || !block_has(source, from))
			continue;
		frame_t frame = page_frame(source->entry[from % BLOCK_PAGES]);
		block_set(&space->pages, block, at, frame | entry_flags(rights));
		frame_get(frame);
		port_batch_add(batch, at, frame, rights);
	}
}

static enum fault_result fault_object(struct space *space, const struct area *area, uint64_t page,
				      enum access access)
{
	frame_t frame;
	enum fault_result result = object_frame_make(area->object, area_object_page(area, page), &frame);

	if (result != FAULT_DONE)
		return result;
	if (access == ACCESS_WRITE && !(area->flags & AREA_SHARED))
		return fault_copy_object(space, area, page, frame);
	struct port_batch batch = port_batch_init(&space->port);
	struct page_block *block = pages_block_make(&space->pages, page);
	if (!block)
		return FAULT_NO_MEMORY;
	add_group(space, area, page, block, &batch);
	/* Entries that the kernel did not take stay: the next fault maps them. */
	return port_batch_flush(&batch) ? FAULT_DONE : FAULT_NO_MEMORY;
}

/* ---- the decision ---------------------------------------------------------------------------- */

static enum fault_result resolve(struct space *space, uint64_t page, enum access access)
{
	struct area *area = area_find(space, page);

	if (!area)
		area = grow_stack(space, page);
	if (!area)
		return FAULT_NO_AREA;
	enum fault_result result = check_access(area, page, access);
	if (result != FAULT_DONE)
		return result;
	page_entry *entry = pages_find(&space->pages, page);
	if (entry)
		return fault_present(space, area, page, entry, access);
	if (area->object)
		return fault_object(space, area, page, access);
	if (area->flags & AREA_PROCESS_PAGES)
		return FAULT_NO_AREA;
	return fault_anonymous(space, area, page);
}

enum fault_result space_fault(struct space *space, uint64_t page, enum access access)
{
	enum fault_result result = resolve(space, page, access);

	space->faults++;
	if (result == FAULT_NO_MEMORY)
		space->out_of_memory_page = page;
	return result;
}
