/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Free frames: a stack of those given back, before it the ones that were never used (so that boot touches nothing).
 * Invariant: free_count = length of the stack + fresh frames of this and the following RAM pools.
 */
#include "frames.h"

struct frames frames;

uint32_t frames_add_pool(uint8_t *base, uint32_t pages)
{
	uint32_t index = frames.pools;
	frame_t first = 0;

	if (index >= FRAME_POOLS)
		return FRAME_POOLS;
	if (index > 0)
		first = frames.pool[index - 1].first + frames.pool[index - 1].pages;
	frames.pool[index] = (struct frame_pool){.base = base, .first = first, .pages = pages};
	frames.pools++;
	return index;
}

static void take_fresh_pool(uint32_t index)
{
	const struct frame_pool *pool = &frames.pool[index];

	frames.fresh_pool = index;
	frames.fresh = pool->first;
	frames.fresh_end = pool->first + pool->pages;
}

bool frames_start(void)
{
	uint64_t total = 0;

	frames.ram_pools = frames.pools;
	for (uint32_t i = 0; i < frames.pools; i++)
		total += frames.pool[i].pages;
	uint32_t table_pages = (uint32_t)((total * sizeof(struct frame) + PAGE_BYTES - 1) / PAGE_BYTES);
	if (frames.pools == 0 || total < 256 || table_pages + 1 >= frames.pool[0].pages)
		return false;
	frames.ram_end = (frame_t)total;
	frames.table = (struct frame *)(void *)frames.pool[0].base;
	frames.table[FRAME_NONE] = (struct frame){0};
	take_fresh_pool(0);
	/* Frame 0 is part of the table, so its number is free to mean `none`. */
	frames.fresh += table_pages;
	frames.total = (uint32_t)total - table_pages;
	frames.free_count = frames.total;
	frames.reserve = frames.total / 128 + 32;
	return true;
}

/* A frame never used yet; the pools' ends are skipped. Bound: the number of RAM pools. */
static frame_t take_fresh(void)
{
	while (frames.fresh == frames.fresh_end) {
		if (frames.fresh_pool + 1 >= frames.ram_pools)
			return FRAME_NONE;
		take_fresh_pool(frames.fresh_pool + 1);
	}
	return frames.fresh++;
}

frame_t frame_alloc(enum frame_use use)
{
	uint32_t keep = use == FRAME_FOR_PROGRAM ? frames.reserve : 0;
	frame_t frame = frames.free_list;

	if (frames.free_count <= keep)
		return FRAME_NONE;
	if (frame != FRAME_NONE)
		frames.free_list = frames.table[frame].link;
	else
		frame = take_fresh();
	if (frame == FRAME_NONE)
		return FRAME_NONE;
	frames.free_count--;
	frames.table[frame] = (struct frame){.refs = 1, .link = 0};
	return frame;
}

frame_t frame_alloc_run(uint32_t count)
{
	if (frames.fresh_end - frames.fresh < count || count == 0)
		return FRAME_NONE;
	frame_t first = frames.fresh;
	frames.fresh += count;
	frames.free_count -= count;
	for (uint32_t i = 0; i < count; i++)
		frames.table[first + i] = (struct frame){.refs = 1, .link = 0};
	return first;
}

void frame_free(frame_t frame)
{
	frames.table[frame].link = frames.free_list;
	frames.free_list = frame;
	frames.free_count++;
}
