/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a process may do to its areas: mmap, munmap, mprotect, brk, madvise with Linux' rules and errors.
 *
 * Every request is checked before anything changes.  Overcommit: a request for more private writable memory than there is
 * RAM is refused (but with MAP_NORESERVE); less is granted and found out at the fault.
 */
#include <tessera/memory.h>
#include <tessera/process_page.h>

#include "object.h"
#include "space_private.h"

#define MAP_SHARED 0x1u
#define MAP_PRIVATE 0x2u
#define MAP_SHARED_VALIDATE 0x3u
#define MAP_TYPE 0xfu
#define MAP_FIXED 0x10u
#define MAP_GROWSDOWN 0x100u
#define MAP_NORESERVE 0x4000u
#define MAP_POPULATE 0x8000u
#define MAP_STACK 0x20000u
#define MAP_FIXED_NOREPLACE 0x100000u
#define POPULATE_MAX 4096u

uint64_t wx_refused, wx_granted;

/* ---- ranges ---------------------------------------------------------------------------------- */

struct range {
	uint64_t start, end; /* pages */
};

/* [addr, addr + len) rounded up to pages; false: not aligned, empty or past the program's part. */
static bool program_range(uint64_t addr, uint64_t len, struct range *out)
{
	if (addr % PAGE_BYTES || len == 0 || addr >= PERSONALITY_BASE || len > PERSONALITY_BASE - addr)
		return false;
	out->start = addr >> PAGE_SHIFT;
	out->end = (addr + len + PAGE_BYTES - 1) >> PAGE_SHIFT;
	return true;
}

static bool is_inside(const struct range *range, uint64_t first, uint64_t bytes)
{
	return range->start >= first >> PAGE_SHIFT && range->end <= (first + bytes) >> PAGE_SHIFT;
}

/* A range of the personality's: in its windows, which it maps itself, or in what it has from the start (*is_fixed). */
static bool personality_range(const struct map_request *request, struct range *out, bool *is_fixed)
{
	if (request->addr % PAGE_BYTES || request->len == 0 || request->len > USER_TOP ||
	    request->addr > USER_TOP)
		return false;
	out->start = request->addr >> PAGE_SHIFT;
	out->end = (request->addr + request->len + PAGE_BYTES - 1) >> PAGE_SHIFT;
	if (!(request->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)))
		return false;
	*is_fixed = !is_inside(out, WINDOW_VA, WINDOW_BYTES);
	return !*is_fixed || is_inside(out, PERSONALITY_HEAP_VA, PERSONALITY_HEAP_BYTES) ||
	       is_inside(out, EXEC_AREA_VA, EXEC_AREA_MAX_BYTES) ||
	       is_inside(out, PERSONALITY_STACK_VA, PERSONALITY_STACK_STRIDE * PROCESS_THREADS);
}

/* Removes areas and pages in a range. false: no memory to split (nothing changed). */
static bool clear_range(struct space *space, const struct range *range)
{
	if (!area_split(space, range->start) || !area_split(space, range->end))
		return false;
	struct area *next;
	for (struct area *area = area_from(space, range->start); area && area_start(area) < range->end;
	     area = next) {
		next = area_next(area);
		/* Pages first: the last area of an object ends it. */
		space_drop_pages(space, area_start(area), area->end);
		area_remove(area);
	}
	return true;
}

static bool wx_allowed(const struct space *space, uint32_t prot)
{
	if ((prot & (PROT_WRITE | PROT_EXEC)) != (PROT_WRITE | PROT_EXEC))
		return true;
	if (space->allow_wx)
		wx_granted++;
	else
		wx_refused++;
	return space->allow_wx;
}

/* ---- mmap ------------------------------------------------------------------------------------ */

static uint32_t area_flags(const struct map_request *request)
{
	uint32_t flags = 0;

	if ((request->flags & MAP_TYPE) != MAP_PRIVATE)
		flags |= AREA_SHARED;
	if (request->flags & MAP_GROWSDOWN)
		flags |= AREA_GROWSDOWN | AREA_STACK;
	if (request->flags & MAP_PERSONALITY)
		flags |= AREA_PERSONALITY | AREA_NOFORK;
	if (!request->object || request->object_may_write)
		flags |= AREA_MAY_WRITE;
	return flags;
}

static int check_kind(const struct map_request *request)
{
	uint32_t type = request->flags & MAP_TYPE;

	if (type == 0 || type > MAP_SHARED_VALIDATE || (request->prot & ~PROT_ALL) || request->len == 0)
		return MEM_EINVAL;
	if (request->offset % PAGE_BYTES || request->offset + request->len < request->offset)
		return MEM_EINVAL;
	if (request->object && type != MAP_PRIVATE && (request->prot & PROT_WRITE) &&
	    !request->object_may_write)
		return MEM_EACCES;
	return 0;
}

static bool over_limits(const struct space *space, uint64_t pages, uint32_t prot, uint32_t flags)
{
	bool is_data = (prot & PROT_WRITE) && !(flags & (AREA_SHARED | AREA_STACK));

	if (space->virtual_pages > space->limit_virtual ||
	    pages > space->limit_virtual - space->virtual_pages)
		return true;
	return is_data &&
	       (space->data_pages > space->limit_data || pages > space->limit_data - space->data_pages);
}

static bool is_overcommit(const struct map_request *request, uint64_t pages)
{
	bool is_shared = (request->flags & MAP_TYPE) != MAP_PRIVATE;

	if (is_shared ? request->object != NULL
		      : !(request->prot & PROT_WRITE) || (request->flags & MAP_NORESERVE))
		return false;
	return pages > frames.total;
}

/* Where the mapping goes; with MAP_FIXED what is there is removed. */
static int place(struct space *space, const struct map_request *request, struct range *out)
{
	uint64_t pages = (request->len + PAGE_BYTES - 1) >> PAGE_SHIFT;
	bool is_hint_good = program_range(request->addr & ~(PAGE_BYTES - 1), request->len, out) &&
			    out->start >= PROGRAM_FIRST_PAGE;

	if (request->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (!program_range(request->addr, request->len, out))
			return request->addr % PAGE_BYTES ? MEM_EINVAL : MEM_ENOMEM;
		if (out->start < PROGRAM_FIRST_PAGE)
			return MEM_EPERM;
		if ((request->flags & MAP_FIXED_NOREPLACE) &&
		    !area_range_is_free(space, out->start, out->end))
			return MEM_EEXIST;
		return clear_range(space, out) ? 0 : MEM_ENOMEM;
	}
	if (request->addr && is_hint_good && area_range_is_free(space, out->start, out->end))
		return 0;
	out->start = pages < PROGRAM_END_PAGE ? area_gap(space, pages) : 0;
	out->end = out->start + pages;
	return out->start ? 0 : MEM_ENOMEM;
}

/* The new area; anonymous shared memory gets an object of its own. */
static struct area *add_area(struct space *space, const struct map_request *request,
			     const struct range *range)
{
	struct area model = {.prot = request->prot,
			     .flags = area_flags(request),
			     .object = request->object,
			     .offset = request->offset >> PAGE_SHIFT};
	struct object *own = NULL;

	if (!request->object && (model.flags & AREA_SHARED)) {
		own = object_create_internal(OBJECT_SHARED, range->end - range->start);
		if (!own)
			return NULL;
		model.object = own;
		model.offset = 0;
	}
	if (!request->object && !own)
		model.offset = 0;
	struct area *area = area_add(space, range->start, range->end, &model);
	if (!area && own)
		object_destroy(own);
	return area;
}

/* Heap, stacks and argument area are there from the start: to map or unmap there drops the pages. */
static int map_personality(struct space *space, const struct map_request *request, bool is_mapping)
{
	struct range range;
	bool is_fixed;

	if (!personality_range(request, &range, &is_fixed) || (is_mapping && is_fixed && request->object))
		return MEM_EINVAL;
	if (is_fixed) {
		space_drop_pages(space, range.start, range.end);
		return 0;
	}
	if (!clear_range(space, &range))
		return MEM_ENOMEM;
	return !is_mapping || add_area(space, request, &range) ? 0 : MEM_ENOMEM;
}

/* Pages of a private mapping that replaces others do not count twice; being strict there is no harm. */
static int check_limits(struct space *space, const struct map_request *request)
{
	uint64_t pages = (request->len >> PAGE_SHIFT) + (request->len % PAGE_BYTES != 0);

	if (request->flags & MAP_PERSONALITY)
		return 0;
	if (request->len > PERSONALITY_BASE ||
	    over_limits(space, pages, request->prot, area_flags(request)) || is_overcommit(request, pages))
		return MEM_ENOMEM;
	return 0;
}

/* A hint: at most POPULATE_MAX pages, so that others are served meanwhile. */
static void populate(struct space *space, const struct range *range, uint32_t prot)
{
	for (uint64_t page = range->start; page < range->end && page < range->start + POPULATE_MAX; page++) {
		if (pages_find(&space->pages, page))
			continue;
		if (space_fault(space, page, prot & PROT_WRITE ? ACCESS_WRITE : ACCESS_READ) != FAULT_DONE)
			return;
	}
}

int space_map(struct space *space, const struct map_request *request, uint64_t *out_addr)
{
	struct range range;
	int error = check_kind(request);

	if (!error && !wx_allowed(space, request->prot))
		error = MEM_EACCES;
	if (!error)
		error = check_limits(space, request);
	if (!error && (request->flags & MAP_PERSONALITY)) {
		*out_addr = request->addr;
		return map_personality(space, request, true);
	}
	if (!error)
		error = place(space, request, &range);
	if (error)
		return error;
	struct area *area = add_area(space, request, &range);
	if (!area)
		return MEM_ENOMEM;
	area_merge(area);
	*out_addr = range.start << PAGE_SHIFT;
	if ((request->flags & MAP_POPULATE) && request->prot)
		populate(space, &range, request->prot);
	return 0;
}

int space_unmap(struct space *space, uint64_t addr, uint64_t len)
{
	struct range range;

	if (program_range(addr, len, &range))
		return clear_range(space, &range) ? 0 : MEM_ENOMEM;
	const struct map_request request = {.addr = addr, .len = len, .flags = MAP_PERSONALITY | MAP_FIXED};
	return map_personality(space, &request, false);
}

/* ---- mprotect -------------------------------------------------------------------------------- */

/* Changes the kernel's mappings of a part of an area to what the area now allows, run by run of equal rights. */
static void apply_rights(struct space *space, const struct area *area)
{
	uint64_t run_start = 0, run_end = 0;
	uint32_t run_rights = 0;

	for (struct page_block *block = pages_block_from(&space->pages, area_start(area));
	     block && block_first_page(block) < area->end; block = pages_block_next(block)) {
		uint64_t mask = block->present & block_mask(block, area_start(area), area->end);
		for (uint64_t bits = mask; bits; bits &= bits - 1) {
			page_entry *entry = &block->entry[__builtin_ctzll(bits)];
			uint64_t page = block_first_page(block) + (uint64_t)__builtin_ctzll(bits);
			if (!(*entry & PAGE_MAPPED))
				continue;
			uint32_t rights = space_rights(area, *entry);
			if (run_end != 0 && rights != run_rights) {
				port_protect(&space->port, run_start, run_end - run_start, run_rights);
				run_end = 0;
			}
			if (run_end == 0)
				run_start = page;
			run_end = page + 1;
			run_rights = rights;
			*entry = (*entry & ~PAGE_WRITABLE) | (rights & RIGHT_WRITE ? PAGE_WRITABLE : 0);
		}
	}
	if (run_end != 0)
		port_protect(&space->port, run_start, run_end - run_start, run_rights);
}

/* PROT_NONE: the kernel forgets the pages, mem keeps the frames. */
static void hide_pages(struct space *space, const struct area *area)
{
	bool any = false;

	for (struct page_block *block = pages_block_from(&space->pages, area_start(area));
	     block && block_first_page(block) < area->end; block = pages_block_next(block)) {
		uint64_t mask = block->present & block_mask(block, area_start(area), area->end);
		any = any || mask;
		for (uint64_t bits = mask; bits; bits &= bits - 1)
			block->entry[__builtin_ctzll(bits)] &= PAGE_FRAME_MASK;
	}
	if (any)
		port_unmap(&space->port, area_start(area), area_pages(area));
}

/* One area of the range, or the part of it that lies there; false: no memory to split. */
static int protect_area(struct space *space, const struct range *range, struct area **area, uint32_t prot)
{
	struct area *part = *area;

	if ((part->flags & AREA_SHARED) && (prot & PROT_WRITE) && !(part->flags & AREA_MAY_WRITE))
		return MEM_EACCES;
	if (part->prot == prot)
		return 0;
	if ((prot & PROT_WRITE) && !(part->prot & PROT_WRITE) && over_limits(space, 0, prot, part->flags))
		return MEM_ENOMEM;
	if (!area_split(space, range->start) || !area_split(space, range->end))
		return MEM_ENOMEM;
	if (area_start(part) < range->start)
		part = area_next(part);
	area_set_prot(part, prot);
	if (prot)
		apply_rights(space, part);
	else
		hide_pages(space, part);
	*area = area_merge(part);
	return 0;
}

/* As Linux, what lies before a hole is changed although the answer is ENOMEM. */
int space_protect(struct space *space, uint64_t addr, uint64_t len, uint32_t prot)
{
	struct range range;

	if (addr % PAGE_BYTES || (prot & ~PROT_ALL))
		return MEM_EINVAL;
	if (len == 0)
		return 0;
	if (!program_range(addr, len, &range))
		return MEM_ENOMEM;
	if (!wx_allowed(space, prot))
		return MEM_EACCES;
	uint64_t at = range.start;
	for (struct area *area = area_from(space, at); at < range.end; area = area_next(area)) {
		if (!area || area_start(area) > at)
			return MEM_ENOMEM;
		int error = protect_area(space, &range, &area, prot);
		if (error)
			return error;
		at = area->end;
	}
	return 0;
}

/* ---- brk ------------------------------------------------------------------------------------- */

int space_brk(struct space *space, uint64_t start, uint64_t old_end, uint64_t new_end)
{
	const struct area heap = {.prot = PROT_READ | PROT_WRITE, .flags = AREA_HEAP | AREA_MAY_WRITE};
	struct range range;

	if (start > old_end || start > new_end || old_end > PERSONALITY_BASE || new_end > PERSONALITY_BASE)
		return MEM_EINVAL;
	range.start = (old_end + PAGE_BYTES - 1) >> PAGE_SHIFT;
	range.end = (new_end + PAGE_BYTES - 1) >> PAGE_SHIFT;
	if (range.start < PROGRAM_FIRST_PAGE || range.end < PROGRAM_FIRST_PAGE)
		return MEM_EINVAL;
	if (range.start > range.end) {
		const struct range gone = {range.end, range.start};
		return clear_range(space, &gone) ? 0 : MEM_ENOMEM;
	}
	uint64_t pages = range.end - range.start;
	if (pages == 0)
		return 0;
	if (over_limits(space, pages, PROT_WRITE, AREA_HEAP) || pages > frames.total ||
	    !area_range_is_free(space, range.start, range.end))
		return MEM_ENOMEM;
	struct area *area = area_add(space, range.start, range.end, &heap);
	if (!area)
		return MEM_ENOMEM;
	area_merge(area);
	return 0;
}

/* ---- madvise --------------------------------------------------------------------------------- */

#define ADVICE_WILLNEED 3u
#define ADVICE_DONTNEED 4u
#define ADVICE_FREE 8u
#define ADVICE_DONTFORK 10u
#define ADVICE_DOFORK 11u
#define ADVICE_WIPEONFORK 18u
#define ADVICE_KEEPONFORK 19u

/* Advices that change nothing here. */
static bool is_accepted_advice(uint32_t advice)
{
	return advice <= ADVICE_WILLNEED || (advice >= 14 && advice <= 17) || advice == 20 || advice == 21;
}

static int advise_area(struct space *space, struct area *area, const struct range *part, uint32_t advice)
{
	switch (advice) {
	case ADVICE_FREE:
		if (area->object)
			return MEM_EINVAL;
		space_drop_pages(space, part->start, part->end);
		return 0;
	case ADVICE_DONTNEED: space_drop_pages(space, part->start, part->end); return 0;
	case ADVICE_DONTFORK: area->flags |= AREA_NOFORK; return 0;
	case ADVICE_DOFORK: area->flags &= ~AREA_NOFORK; return 0;
	case ADVICE_WIPEONFORK:
		if (area->object)
			return MEM_EINVAL;
		area->flags |= AREA_WIPEONFORK;
		return 0;
	case ADVICE_KEEPONFORK: area->flags &= ~AREA_WIPEONFORK; return 0;
	default: return is_accepted_advice(advice) ? 0 : MEM_EINVAL;
	}
}

int space_advise(struct space *space, uint64_t addr, uint64_t len, uint32_t advice)
{
	struct range range;
	bool changes_areas = advice == ADVICE_DONTFORK || advice == ADVICE_DOFORK ||
			     advice == ADVICE_WIPEONFORK || advice == ADVICE_KEEPONFORK;

	if (!changes_areas && advice != ADVICE_DONTNEED && advice != ADVICE_FREE &&
	    !is_accepted_advice(advice))
		return MEM_EINVAL;
	if (addr % PAGE_BYTES)
		return MEM_EINVAL;
	if (len == 0)
		return 0;
	if (!program_range(addr, len, &range))
		return MEM_ENOMEM;
	if (changes_areas && (!area_split(space, range.start) || !area_split(space, range.end)))
		return MEM_ENOMEM;
	uint64_t at = range.start;
	int hole = 0, error = 0;
	for (struct area *area = area_from(space, at); area && area_start(area) < range.end;
	     area = area_next(area)) {
		const struct range part = {area_start(area) > at ? area_start(area) : at,
					   area->end < range.end ? area->end : range.end};
		if (area_start(area) > at)
			hole = MEM_ENOMEM;
		at = area->end;
		error = advise_area(space, area, &part, advice);
		if (error)
			return error;
	}
	return at < range.end ? MEM_ENOMEM : hole;
}
