/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Areas of a space: search, splitting, merging, counters, gaps.  See area.h. */
#include "area.h"

#include "object.h"
#include "slab.h"
#include "space_private.h"

static struct slab area_slab = SLAB_INIT(struct area);

struct area *area_find(struct space *space, uint64_t page)
{
	struct area *last = space->last_area;

	if (last && page >= area_start(last) && page < last->end)
		return last;
	struct area *area = TREE_OWNER(struct area, tree_floor(&space->areas, page));
	if (!area || page >= area->end)
		return NULL;
	space->last_area = area;
	return area;
}

struct area *area_from(struct space *space, uint64_t page)
{
	struct area *area = TREE_OWNER(struct area, tree_floor(&space->areas, page));

	if (area && area->end > page)
		return area;
	return TREE_OWNER(struct area, tree_ceiling(&space->areas, page));
}

struct area *area_next(const struct area *area)
{
	return TREE_OWNER(struct area, tree_next(&area->node));
}

struct area *area_previous(const struct area *area)
{
	return TREE_OWNER(struct area, tree_previous(&area->node));
}

bool area_range_is_free(struct space *space, uint64_t start, uint64_t end)
{
	const struct area *area = area_from(space, start);

	return !area || area_start(area) >= end;
}

/* ---- counters -------------------------------------------------------------------------------- */

/* Adds (or, with pages negative, takes off) pages of this area's kind. */
static void count_pages(const struct area *area, int64_t pages)
{
	struct space *space = area->space;
	uint64_t n = (uint64_t)pages;

	if (area->flags & AREA_PERSONALITY)
		return;
	space->virtual_pages += n;
	if (area->flags & (AREA_STACK | AREA_GROWSDOWN))
		space->stack_pages += n;
	else if (!(area->flags & AREA_SHARED) && (area->prot & PROT_WRITE))
		space->data_pages += n;
	else if (area->object && (area->prot & PROT_EXEC))
		space->text_pages += n;
}

void area_set_prot(struct area *area, uint32_t prot)
{
	count_pages(area, -(int64_t)area_pages(area));
	area->prot = prot;
	count_pages(area, (int64_t)area_pages(area));
}

void area_set_end(struct area *area, uint64_t end)
{
	count_pages(area, (int64_t)(end - area->end));
	if (end < area->end)
		area_gap_freed(area->space, area->end);
	area->end = end;
}

void area_set_start(struct area *area, uint64_t start)
{
	count_pages(area, (int64_t)(area_start(area) - start));
	area->offset += start - area_start(area);
	tree_set_key(&area->node, start);
}

/* ---- adding and removing --------------------------------------------------------------------- */

struct area *area_add(struct space *space, uint64_t start, uint64_t end, const struct area *model)
{
	if (space->areas.count >= AREAS_PER_SPACE)
		return NULL;
	struct area *area = slab_alloc(&area_slab);
	if (!area)
		return NULL;
	*area = (struct area){
		.node.key = start,
		.end = end,
		.prot = model->prot,
		.flags = model->flags,
		.object = model->object,
		.offset = model->offset,
		.space = space,
	};
	tree_insert(&space->areas, &area->node);
	count_pages(area, (int64_t)(end - start));
	if (area->object)
		object_attach(area);
	return area;
}

void area_remove(struct area *area)
{
	struct space *space = area->space;

	count_pages(area, -(int64_t)area_pages(area));
	area_gap_freed(space, area->end);
	if (area->object)
		object_detach(area);
	if (space->last_area == area)
		space->last_area = NULL;
	tree_remove(&space->areas, &area->node);
	slab_free(&area_slab, area);
}

bool area_split(struct space *space, uint64_t page)
{
	struct area *area = area_find(space, page);

	if (!area || area_start(area) == page)
		return true;
	struct area model = *area;
	uint64_t end = area->end;
	model.offset = area_object_page(area, page);
	area_set_end(area, page);
	if (!area_add(space, page, end, &model)) {
		area_set_end(area, end);
		return false;
	}
	return true;
}

static bool can_join(const struct area *low, const struct area *high)
{
	return low && high && low->end == area_start(high) && low->prot == high->prot &&
	       low->flags == high->flags && low->object == high->object &&
	       !(low->flags & (AREA_PERSONALITY | AREA_GROWSDOWN | AREA_ONE_PROGRAM)) &&
	       (!low->object || low->offset + area_pages(low) == high->offset);
}

/* high goes; the object, if any, keeps at least the area low. */
static void join(struct area *low, struct area *high)
{
	uint64_t end = high->end;

	area_remove(high);
	area_set_end(low, end);
}

struct area *area_merge(struct area *area)
{
	struct area *next = area_next(area), *previous = area_previous(area);

	if (can_join(area, next))
		join(area, next);
	if (can_join(previous, area)) {
		join(previous, area);
		return previous;
	}
	return area;
}

/* ---- gaps ------------------------------------------------------------------------------------ */

void area_gap_freed(struct space *space, uint64_t end)
{
	if (end > space->gap_from)
		space->gap_from = end < space->mappings_top ? end : space->mappings_top;
}

/*
 * From gap_from downwards; what is passed over is remembered, so that a run of requests does not look at the same areas
 * again.  Bound: the number of areas.
 */
static uint64_t search_gap(struct space *space, uint64_t count)
{
	uint64_t top = space->gap_from;
	struct area *below = TREE_OWNER(struct area, tree_floor(&space->areas, top - 1));

	for (;;) {
		uint64_t bottom = below ? below->end : PROGRAM_FIRST_PAGE;
		if (bottom < PROGRAM_FIRST_PAGE)
			bottom = PROGRAM_FIRST_PAGE;
		if (bottom < top && top - bottom >= count) {
			space->gap_from = top;
			return top - count;
		}
		if (bottom < top && top - bottom > space->gap_skipped)
			space->gap_skipped = top - bottom;
		if (!below || area_start(below) <= PROGRAM_FIRST_PAGE)
			return 0;
		top = area_start(below);
		below = area_previous(below);
	}
}

uint64_t area_gap(struct space *space, uint64_t count)
{
	uint64_t page = 0;

	if (count > space->gap_skipped)
		page = search_gap(space, count);
	if (page)
		return page;
	space->gap_from = space->mappings_top;
	space->gap_skipped = 0;
	return search_gap(space, count);
}

uint64_t areas_used(void)
{
	return area_slab.used;
}

void areas_discard(struct space *space)
{
	struct tree_node *node = space->areas.root;

	/* Leaves first, without balancing. Bound: twice the number of areas. */
	while (node) {
		if (node->left || node->right) {
			node = node->left ? node->left : node->right;
			continue;
		}
		struct tree_node *parent = node->parent;
		struct area *area = TREE_OWNER(struct area, node);
		if (parent && parent->left == node)
			parent->left = NULL;
		else if (parent)
			parent->right = NULL;
		if (area->object)
			object_detach(area);
		slab_free(&area_slab, area);
		node = parent;
	}
	space->areas = (struct tree){0};
	space->last_area = NULL;
}
