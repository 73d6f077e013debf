/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A slab page begins with struct slab_page; free objects are linked through their first word.  The page of an object is
 * found by rounding its address down.  A page stands in slab->partial exactly while it has free objects.
 */
#include "slab.h"

#include "frames.h"

struct slab_page {
	struct slab_page *next, *previous;
	void **free_objects;
	frame_t frame;
	uint32_t used;
	uint32_t fresh; /* bytes of the page handed out once or taken by this header */
	uint32_t reserved;
};

static void link_page(struct slab *slab, struct slab_page *page)
{
	page->previous = NULL;
	page->next = slab->partial;
	if (page->next)
		page->next->previous = page;
	slab->partial = page;
}

static void unlink_page(struct slab *slab, struct slab_page *page)
{
	if (page->previous)
		page->previous->next = page->next;
	else
		slab->partial = page->next;
	if (page->next)
		page->next->previous = page->previous;
}

static struct slab_page *new_page(struct slab *slab)
{
	frame_t frame = frame_alloc(FRAME_FOR_MEM);

	if (frame == FRAME_NONE)
		return NULL;
	struct slab_page *page = (struct slab_page *)(void *)frame_bytes(frame);
	*page = (struct slab_page){.frame = frame, .fresh = sizeof(*page)};
	link_page(slab, page);
	slab->pages++;
	return page;
}

static bool has_room(const struct slab *slab, const struct slab_page *page)
{
	return page->free_objects || page->fresh + slab->object_bytes <= PAGE_BYTES;
}

void *slab_alloc(struct slab *slab)
{
	struct slab_page *page = slab->partial;
	void *object;

	if (!page) {
		page = new_page(slab);
		if (!page)
			return NULL;
	}
	if (page->free_objects) {
		object = (void *)page->free_objects;
		page->free_objects = (void **)*page->free_objects;
	} else {
		object = (uint8_t *)page + page->fresh;
		page->fresh += slab->object_bytes;
	}
	page->used++;
	slab->used++;
	if (!has_room(slab, page))
		unlink_page(slab, page);
	return object;
}

void slab_free(struct slab *slab, void *object)
{
	struct slab_page *page = (struct slab_page *)((uintptr_t)object & ~(uintptr_t)(PAGE_BYTES - 1));

	if (!has_room(slab, page))
		link_page(slab, page);
	*(void **)object = (void *)page->free_objects;
	page->free_objects = (void **)object;
	slab->used--;
	if (--page->used > 0)
		return;
	if (slab->pages == 1)
		return;
	unlink_page(slab, page);
	slab->pages--;
	frame_put(page->frame);
}
