/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The boot-time allocator of physical frames; see frames.h.
 */
#include "frames.h"

#include "boot_support.h"

#define WORD_FRAMES 64u
#define WORDS (FRAMES_MAX / WORD_FRAMES)

static uint64_t taken[WORDS]; /* a set bit: not available */
static uint64_t window_start;
static uint32_t highest; /* one more than the highest frame that was taken */

void frames_open(struct boot_range range)
{
	uint64_t frames = (range.end - range.start) / PAGE_SIZE;

	window_start = range.start;
	for (uint32_t i = 0; i < WORDS; i++) {
		uint64_t first = (uint64_t)i * WORD_FRAMES;

		if (frames >= first + WORD_FRAMES)
			taken[i] = 0;
		else
			taken[i] = frames <= first ? ~0ull : ~0ull << (frames - first);
	}
}

paddr_t frame_allocate(void)
{
	for (uint32_t i = 0; i < WORDS; i++) {
		if (taken[i] == ~0ull)
			continue;
		uint32_t bit = (uint32_t)__builtin_ctzll(~taken[i]);
		uint32_t frame = i * WORD_FRAMES + bit;
		paddr_t address = {window_start + frame * PAGE_SIZE};

		taken[i] |= 1ull << bit;
		highest = frame + 1 > highest ? frame + 1 : highest;
		arch_zero_page(phys_to_ptr(address));
		return address;
	}
	panic_boot("no frame left for the kernel's tables");
}

void *frames_allocate(uint64_t bytes)
{
	paddr_t first = frame_allocate();

	for (uint64_t at = PAGE_SIZE; at < bytes; at += PAGE_SIZE) {
		if (frame_allocate().raw !=
		    first.raw + at) /* frames are never freed, so those left are in a row */
			panic_boot("the boot frames are not in a row");
	}
	return phys_to_ptr(first);
}

struct boot_range frames_close(void)
{
	for (uint32_t i = 0; i < WORDS; i++)
		taken[i] = ~0ull;
	return (struct boot_range){window_start, window_start + highest * PAGE_SIZE};
}
