/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Objects.  File objects are found by id (a number that counts up, so that old capabilities name nothing).  The areas of
 * an object form a list, which is the reverse map that object_resize needs.
 */
#include "object.h"

#include "slab.h"
#include "space.h"

static struct slab object_slab = SLAB_INIT(struct object);
static struct tree file_objects;
static uint32_t last_id;

static uint64_t size_in_pages(uint64_t size_bytes)
{
	return (size_bytes >> PAGE_SHIFT) + ((size_bytes & (PAGE_BYTES - 1)) != 0);
}

struct object *object_create_internal(enum object_kind kind, uint64_t pages)
{
	struct object *object = slab_alloc(&object_slab);

	if (object)
		*object = (struct object){.kind = kind, .pages_end = pages};
	return object;
}

struct object *object_create(uint64_t size_bytes, uint32_t flags, uint64_t name)
{
	struct object *object = object_create_internal(OBJECT_FILE, size_in_pages(size_bytes));

	if (!object)
		return NULL;
	object->flags = flags;
	object->name = name;
	/* Bound: the number of objects; in practice one step. */
	do {
		object->node.key = ++last_id;
	} while (last_id == 0 || !tree_insert(&file_objects, &object->node));
	return object;
}

struct object *object_by_id(uint32_t id)
{
	struct tree_node *node = tree_floor(&file_objects, id);

	return node && node->key == id ? TREE_OWNER(struct object, node) : NULL;
}

frame_t object_frame(struct object *object, uint64_t page)
{
	const page_entry *entry = page < object->pages_end ? pages_find(&object->pages, page) : NULL;

	return entry ? page_frame(*entry) : FRAME_NONE;
}

bool object_set_frame(struct object *object, uint64_t page, frame_t frame)
{
	return pages_set(&object->pages, page, frame);
}

/* Forgets the frames from page on. Bound: the blocks of the object. */
static void drop_frames(struct object *object, uint64_t page)
{
	struct page_block *next;

	for (struct page_block *block = pages_block_from(&object->pages, page); block; block = next) {
		next = pages_block_next(block);
		uint64_t mask = block->present & block_mask(block, page, ~0ull);
		for (uint64_t bits = mask; bits; bits &= bits - 1)
			frame_put(page_frame(block->entry[__builtin_ctzll(bits)]));
		block->present &= ~mask;
		object->pages.count -= (uint64_t)__builtin_popcountll(mask);
		pages_drop_if_empty(&object->pages, block);
	}
}

void object_destroy(struct object *object)
{
	drop_frames(object, 0);
	if (object->kind == OBJECT_FILE)
		tree_remove(&file_objects, &object->node);
	slab_free(&object_slab, object);
}

void object_resize(struct object *object, uint64_t size_bytes)
{
	uint64_t end = size_in_pages(size_bytes), old_end = object->pages_end;

	object->pages_end = end;
	if (end >= old_end)
		return;
	for (struct area *area = object->areas; area; area = area->object_next) {
		uint64_t first = area_start(area);
		if (area->offset < end)
			first += end - area->offset;
		if (first < area->end)
			space_drop_pages(area->space, first, area->end);
	}
	drop_frames(object, end);
}

void object_attach(struct area *area)
{
	struct object *object = area->object;

	area->object_previous = NULL;
	area->object_next = object->areas;
	if (object->areas)
		object->areas->object_previous = area;
	object->areas = area;
	object->area_count++;
	if ((area->flags & AREA_SHARED) && (area->flags & AREA_MAY_WRITE))
		object->writable_shared++;
}

void object_detach(struct area *area)
{
	struct object *object = area->object;

	if (area->object_previous)
		area->object_previous->object_next = area->object_next;
	else
		object->areas = area->object_next;
	if (area->object_next)
		area->object_next->object_previous = area->object_previous;
	object->area_count--;
	if ((area->flags & AREA_SHARED) && (area->flags & AREA_MAY_WRITE))
		object->writable_shared--;
	if (object->kind == OBJECT_SHARED && object->area_count == 0)
		object_destroy(object);
}

uint64_t objects_used(void)
{
	return object_slab.used;
}
