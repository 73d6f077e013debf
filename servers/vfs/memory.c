/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Frames of region `cache` and slabs. Freed frames form a list through their first word; frames never used lie above a
 * watermark. Runs for windows come from the region's end downward; freed runs wait in a list per size and are zeroed
 * when they are handed out again.
 */
#include "memory.h"

#include <stddef.h>
#include <string.h>

struct slab_page {
	struct slab_page *next, *prev;
	void *free;
	uint32_t used;
	uint32_t fresh; /* offset of the first byte never handed out */
};

uint8_t *frames_base;
static uint32_t frames_end;	 /* first frame of the windows' part */
static uint32_t frames_fresh;	 /* never used from here on */
static uint32_t frames_free_list;
static uint32_t frames_used, frames_slab, frames_tables;
static uint32_t frames_for_files; /* files may use no more than this many of all */
static uint32_t runs_low, runs_end; /* windows' part: runs are cut from runs_low downward */
static uint32_t runs_free_list[FRAME_RUN_SIZES];
static uint32_t runs_used;

void frames_init(void *base, uint64_t bytes)
{
	uint64_t total = bytes >> FRAME_LOG2;
	if (total > 0x7ffffffeu)
		total = 0x7ffffffeu;
	uint64_t reserve = total / 8;
	if (reserve > 4096)
		reserve = 4096;
	frames_base = base;
	frames_end = (uint32_t)(total - reserve);
	frames_for_files = frames_end - (frames_end / 32 < 256 ? frames_end / 32 : 256) - 1;
	frames_fresh = 1;
	frames_free_list = 0;
	frames_used = 0;
	frames_slab = 0;
	frames_tables = 0;
	runs_low = (uint32_t)total;
	runs_end = (uint32_t)total;
	runs_used = 0;
	memset(runs_free_list, 0, sizeof(runs_free_list));
}

uint32_t frame_alloc(void)
{
	uint32_t frame = frames_free_list;
	if (frame != 0) {
		frames_free_list = *(uint32_t *)frame_address(frame);
	} else {
		if (frames_fresh >= frames_end)
			return 0;
		frame = frames_fresh++;
	}
	frames_used++;
	return frame;
}

bool frames_have_room(void)
{
	return frames_used < frames_for_files;
}

uint32_t frame_alloc_file(void)
{
	return frames_have_room() ? frame_alloc() : 0;
}

uint32_t frame_alloc_table(void)
{
	uint32_t frame = frame_alloc();
	if (frame == 0)
		return 0;
	bytes_zero(frame_address(frame), FRAME_BYTES);
	frames_tables++;
	return frame;
}

void frame_free(uint32_t frame)
{
	*(uint32_t *)frame_address(frame) = frames_free_list;
	frames_free_list = frame;
	frames_used--;
}

uint32_t frame_run_alloc(uint32_t order)
{
	if (order >= FRAME_RUN_SIZES)
		return 0;
	uint32_t first = runs_free_list[order];
	if (first != 0) {
		runs_free_list[order] = *(uint32_t *)frame_address(first);
	} else {
		if (runs_low - frames_end < (1u << order))
			return 0;
		runs_low -= 1u << order;
		first = runs_low;
	}
	runs_used += 1u << order;
	bytes_zero(frame_address(first), (uint64_t)FRAME_BYTES << order);
	return first;
}

void frame_run_free(uint32_t first, uint32_t order)
{
	*(uint32_t *)frame_address(first) = runs_free_list[order];
	runs_free_list[order] = first;
	runs_used -= 1u << order;
}

struct frame_counts frames_count(void)
{
	return (struct frame_counts){
		.total = frames_end > 0 ? frames_end - 1 : 0,
		.kept = frames_end > 0 ? frames_end - 1 - frames_for_files : 0,
		.used = frames_used,
		.slab = frames_slab,
		.tables = frames_tables,
		.windows_total = runs_end - frames_end,
		.windows_used = runs_used,
	};
}

static struct slab_page *slab_page_of(void *object)
{
	return (struct slab_page *)((uintptr_t)object & ~(uintptr_t)(FRAME_BYTES - 1));
}

static void slab_link(struct slab *slab, struct slab_page *page)
{
	page->prev = NULL;
	page->next = slab->partial;
	if (page->next)
		page->next->prev = page;
	slab->partial = page;
}

static void slab_unlink(struct slab *slab, struct slab_page *page)
{
	if (page->prev)
		page->prev->next = page->next;
	else
		slab->partial = page->next;
	if (page->next)
		page->next->prev = page->prev;
}

static bool slab_page_full(const struct slab *slab, const struct slab_page *page)
{
	return !page->free && page->fresh + slab->size > FRAME_BYTES;
}

static struct slab_page *slab_grow(struct slab *slab)
{
	struct slab_page *page = slab->empty;
	if (page) {
		slab->empty = NULL;
	} else {
		uint32_t frame = frame_alloc();
		if (frame == 0)
			return NULL;
		frames_slab++;
		page = frame_address(frame);
	}
	*page = (struct slab_page){.fresh = (sizeof(struct slab_page) + 15u) & ~15u};
	slab_link(slab, page);
	return page;
}

void *slab_alloc(struct slab *slab)
{
	struct slab_page *page = slab->partial;
	if (!page) {
		page = slab_grow(slab);
		if (!page)
			return NULL;
	}
	void *object = page->free;
	if (object) {
		page->free = *(void **)object;
	} else {
		object = (uint8_t *)page + page->fresh;
		page->fresh += slab->size;
	}
	page->used++;
	slab->used++;
	if (slab_page_full(slab, page))
		slab_unlink(slab, page);
	return object;
}

void slab_free(struct slab *slab, void *object)
{
	struct slab_page *page = slab_page_of(object);
	if (slab_page_full(slab, page))
		slab_link(slab, page);
	*(void **)object = page->free;
	page->free = object;
	page->used--;
	slab->used--;
	if (page->used != 0)
		return;
	slab_unlink(slab, page);
	if (!slab->empty) {
		slab->empty = page;
		return;
	}
	frames_slab--;
	frame_free((uint32_t)(((uint8_t *)page - frames_base) >> FRAME_LOG2));
}
