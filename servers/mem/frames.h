/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Frames of memory: who holds how many references to each, the free ones, and access to their bytes.
 *
 * A frame is known by a number (frame_t).  mem's own RAM pools come first and have reference counts; the frames of the
 * regions `cache` (vfs's) and `procpages` (proc's) have numbers too, but their owners decide over them: get and put do
 * nothing there.  Life of a RAM frame: free -> frame_alloc (1 reference) -> frame_get / frame_put ... -> 0: free again.
 * Its content is whatever the last owner left: whoever gives it to a process zeroes or overwrites it first.
 *
 * A reserve is kept: allocations for programs fail while mem's own small needs (tables of its own) are still met.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PAGE_SHIFT 12u
#define PAGE_BYTES 4096ull

typedef uint32_t frame_t; /* 28 bits; 0 is a RAM frame that is never handed out */

#define FRAME_NONE 0u
#define FRAME_POOLS 20u
#define FRAME_HOT 1u /* was written soon after a fork: the next fork copies it at once */

enum frame_use { FRAME_FOR_PROGRAM, FRAME_FOR_MEM };

struct frame {
	uint32_t refs;
	uint32_t link; /* free: next free frame; in use: FRAME_* flags */
};

struct frame_pool {
	uint8_t *base; /* where its first page is mapped in this service; NULL: not mapped */
	frame_t first;
	uint32_t pages;
};

struct frames {
	struct frame_pool pool[FRAME_POOLS];
	uint32_t pools, ram_pools;
	frame_t ram_end;     /* RAM frames are [1, ram_end) */
	struct frame *table; /* of the RAM frames, in the first of them */
	frame_t free_list;
	frame_t fresh, fresh_end; /* never used yet, of pool fresh_pool */
	uint32_t fresh_pool;
	uint32_t total, free_count; /* RAM frames that can be handed out */
	uint32_t reserve;
	uint64_t zeroed, copied; /* for statistics */
};

extern struct frames frames;

/* The pools of RAM, in order; then frames_start; then other pools. Returns the pool's index; FRAME_POOLS: no room. */
uint32_t frames_add_pool(uint8_t *base, uint32_t pages);
/* All pools so far are RAM: sets up the table of frames. False if RAM is too small. */
bool frames_start(void);

/* A frame with one reference and undefined content, or FRAME_NONE. */
frame_t frame_alloc(enum frame_use use);
/* count frames with consecutive numbers in one pool, of those never used yet; FRAME_NONE. For boot. */
frame_t frame_alloc_run(uint32_t count);
void frame_free(frame_t frame);

static inline bool frame_is_ram(frame_t frame)
{
	return frame < frames.ram_end;
}

static inline void frame_get(frame_t frame)
{
	if (frame_is_ram(frame))
		frames.table[frame].refs++;
}

static inline void frame_put(frame_t frame)
{
	if (frame_is_ram(frame) && --frames.table[frame].refs == 0)
		frame_free(frame);
}

/* The only reference to a RAM frame is the one asked for. */
static inline bool frame_is_exclusive(frame_t frame)
{
	return frame_is_ram(frame) && frames.table[frame].refs == 1;
}

static inline bool frame_is_hot(frame_t frame)
{
	return frame_is_ram(frame) && (frames.table[frame].link & FRAME_HOT) != 0;
}

static inline void frame_set_hot(frame_t frame)
{
	if (frame_is_ram(frame))
		frames.table[frame].link |= FRAME_HOT;
}

/* Index of the pool a frame lies in. Bound: the number of pools. */
static inline uint32_t frame_pool(frame_t frame)
{
	uint32_t pool = 0;

	while (frame - frames.pool[pool].first >= frames.pool[pool].pages)
		pool++;
	return pool;
}

/* The bytes of a frame of a mapped pool. */
static inline uint8_t *frame_bytes(frame_t frame)
{
	const struct frame_pool *pool = &frames.pool[frame_pool(frame)];

	return pool->base + (uint64_t)(frame - pool->first) * PAGE_BYTES;
}

/* ---- whole pages (copy.c), with the widest registers that the CPU and the kernel allow ---- */

void page_copy_choose(void); /* once, at start */
void page_zero(void *page);
void page_copy(void *to, const void *from);

static inline void frame_zero(frame_t frame)
{
	frames.zeroed++;
	page_zero(frame_bytes(frame));
}

static inline void frame_copy(frame_t to, frame_t from)
{
	frames.copied++;
	page_copy(frame_bytes(to), frame_bytes(from));
}
