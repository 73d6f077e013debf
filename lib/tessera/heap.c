/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Pages for libc's malloc, which asks by mmap and munmap: a bitmap over the heap that root mapped.
 * Free pages are always zero.  At most HEAP_MAX_PAGES; first fit from where the last search ended.
 */
#include <tessera/runtime.h>

#define HEAP_PAGE 4096u
#define HEAP_MAX_PAGES 16384u /* 64 MiB */

static uint64_t heap_base;
static uint32_t heap_pages, heap_next;
static uint64_t heap_used[HEAP_MAX_PAGES / 64];

GENERAL_REGISTERS static bool is_used(uint32_t page)
{
	return (heap_used[page / 64] >> (page % 64)) & 1;
}

GENERAL_REGISTERS static void mark(uint32_t first, uint32_t count, bool used)
{
	for (uint32_t page = first; page < first + count; page++) {
		if (used)
			heap_used[page / 64] |= 1ull << (page % 64);
		else
			heap_used[page / 64] &= ~(1ull << (page % 64));
	}
}

GENERAL_REGISTERS void heap_configure(uint64_t va, uint64_t bytes)
{
	uint64_t pages = bytes / HEAP_PAGE;

	heap_base = va;
	heap_pages = pages < HEAP_MAX_PAGES ? (uint32_t)pages : HEAP_MAX_PAGES;
	heap_next = 0;
}

/* First run of count free pages in [from, to), or to. */
GENERAL_REGISTERS static uint32_t find_run(uint32_t from, uint32_t to, uint32_t count)
{
	uint32_t run = 0;

	for (uint32_t page = from; page < to; page++) {
		run = is_used(page) ? 0 : run + 1;
		if (run == count)
			return page + 1 - count;
	}
	return to;
}

GENERAL_REGISTERS uint64_t heap_take(uint64_t bytes)
{
	uint64_t wanted = (bytes + HEAP_PAGE - 1) / HEAP_PAGE;
	uint32_t count, first;

	if (wanted == 0 || wanted > heap_pages)
		return 0;
	count = (uint32_t)wanted;
	first = find_run(heap_next, heap_pages, count);
	if (first == heap_pages)
		first = find_run(0, heap_pages, count);
	if (first == heap_pages)
		return 0;
	mark(first, count, true);
	heap_next = first + count;
	return heap_base + (uint64_t)first * HEAP_PAGE;
}

GENERAL_REGISTERS bool heap_give(uint64_t va, uint64_t bytes)
{
	uint64_t first = (va - heap_base) / HEAP_PAGE, count = (bytes + HEAP_PAGE - 1) / HEAP_PAGE;
	volatile uint64_t *word = (volatile uint64_t *)va;

	if (va < heap_base || va % HEAP_PAGE != 0 || first >= heap_pages || count > heap_pages - first)
		return false;
	for (uint64_t i = 0; i < count * (HEAP_PAGE / 8); i++)
		word[i] = 0;
	mark((uint32_t)first, (uint32_t)count, false);
	if ((uint32_t)first < heap_next)
		heap_next = (uint32_t)first;
	return true;
}
