/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Areas: what an address space promises at which pages.  The areas of a space lie in a tree by first page and do not overlap.
 *
 * All addresses here are page numbers; ends are exclusive.  An area of an object stands in the object's ring too.
 * Splitting and merging leave pages (space->pages) alone.
 */
#pragma once

#include "frames.h"
#include "tree.h"

struct space;
struct object;

/* Linux' numbers */
#define PROT_READ 0x1u
#define PROT_WRITE 0x2u
#define PROT_EXEC 0x4u
#define PROT_ALL 0x7u

#define AREA_SHARED 0x1u
#define AREA_GROWSDOWN 0x2u
#define AREA_HEAP 0x4u
#define AREA_STACK 0x8u
#define AREA_PERSONALITY \
	0x10u /* not the program's: no request of the program changes it, not counted, not shown */
#define AREA_NOFORK 0x20u
#define AREA_WIPEONFORK 0x40u
#define AREA_THREAD_STACKS 0x80u /* the personality's stacks: the lower half of each stride is a guard */
#define AREA_PROCESS_PAGES 0x100u
#define AREA_MAY_WRITE 0x200u	/* shared area of an object: the capability allowed writing */
#define AREA_ONE_PROGRAM 0x400u /* never merged */

struct area {
	struct tree_node node; /* key: first page */
	uint64_t end;
	uint32_t prot, flags;
	struct object *object; /* NULL: anonymous */
	uint64_t offset;       /* page of the object at the area's start */
	struct space *space;
	struct area *object_next, *object_previous;
	uint64_t ahead_page;  /* anonymous: where the next fault of a sequence would be */
	uint64_t ahead_count; /* and how many pages to give then */
};

static inline uint64_t area_start(const struct area *area)
{
	return area->node.key;
}

static inline uint64_t area_pages(const struct area *area)
{
	return area->end - area->node.key;
}

/* The page of the object that stands at a page of the area. */
static inline uint64_t area_object_page(const struct area *area, uint64_t page)
{
	return area->offset + (page - area->node.key);
}

/* The area a page lies in; NULL: none. */
struct area *area_find(struct space *space, uint64_t page);
/* The first area that ends behind page; NULL: none. */
struct area *area_from(struct space *space, uint64_t page);
struct area *area_next(const struct area *area);
struct area *area_previous(const struct area *area);

/*
 * Puts a new area into a space where nothing is (the caller has looked) and counts it; model gives everything but the links.
 * NULL: no memory, or too many areas.
 */
struct area *area_add(struct space *space, uint64_t start, uint64_t end, const struct area *model);
/* Removes an area from its space, without looking at its pages. */
void area_remove(struct area *area);
/* Cuts the areas at page, so that no area crosses it; false: no memory, or too many areas. */
bool area_split(struct space *space, uint64_t page);
/* Joins the area with its neighbours where they are alike. What remains of it. */
struct area *area_merge(struct area *area);
/* Changes what the counters see. */
void area_set_prot(struct area *area, uint32_t prot);
void area_set_end(struct area *area, uint64_t end);
void area_set_start(struct area *area, uint64_t start); /* of a stack that grows: anonymous only */

/* Highest free range of count pages below the space's top for mappings; 0: none. */
uint64_t area_gap(struct space *space, uint64_t count);
/* The search for gaps must look at pages below end again. */
void area_gap_freed(struct space *space, uint64_t end);
/* True if no area lies in [start, end). */
bool area_range_is_free(struct space *space, uint64_t start, uint64_t end);

uint64_t areas_used(void);
