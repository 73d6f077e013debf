/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Which frame stands at which page: of an address space (beside the kernel's page tables, which mem cannot read cheaply)
 * and of an object.  Blocks of 64 pages with a bitmap, in a tree by page number / 64; memory is used where pages are.
 *
 * An entry is a frame's number and PAGE_* flags.  Whoever puts a frame in holds a reference to it on the entry's behalf.
 * A block with nothing in it is freed by whoever empties it (pages_drop_if_empty).
 */
#pragma once

#include "frames.h"
#include "tree.h"

typedef uint32_t page_entry;

#define PAGE_FRAME_MASK 0x0fffffffu
#define PAGE_MAPPED 0x10000000u	  /* the kernel's table has it too */
#define PAGE_WRITABLE 0x20000000u /* with the right to write */

#define BLOCK_PAGES 64u

struct page_block {
	struct tree_node node; /* key: page number / 64 */
	uint64_t present;
	page_entry entry[BLOCK_PAGES];
};

struct pages {
	struct tree blocks;
	struct page_block *last; /* the block found last; NULL: none */
	uint64_t count;		 /* entries */
};

static inline frame_t page_frame(page_entry entry)
{
	return entry & PAGE_FRAME_MASK;
}

/* The entry of a page, or NULL if there is none. */
page_entry *pages_find(struct pages *pages, uint64_t page);
/* Sets the entry of a page that has none; false: no memory, nothing changed. */
bool pages_set(struct pages *pages, uint64_t page, page_entry entry);
/* Removes an entry that is there. */
void pages_clear(struct pages *pages, uint64_t page);

/* The first block that holds pages >= page, and the one behind a block; NULL: none. */
struct page_block *pages_block_from(const struct pages *pages, uint64_t page);
struct page_block *pages_block_next(const struct page_block *block);
/* The block of a page; NULL: there is none. */
struct page_block *pages_block_of(struct pages *pages, uint64_t page);
/* The block of a page, made if need be; NULL: no memory. */
struct page_block *pages_block_make(struct pages *pages, uint64_t page);
void pages_drop_if_empty(struct pages *pages, struct page_block *block);
/* Empties the map without looking at the entries. */
void pages_discard(struct pages *pages);

static inline uint64_t block_first_page(const struct page_block *block)
{
	return block->node.key * BLOCK_PAGES;
}

static inline bool block_has(const struct page_block *block, uint64_t page)
{
	return block->present >> (page % BLOCK_PAGES) & 1;
}

/* Sets the entry of a page of a block that has none. */
static inline void block_set(struct pages *pages, struct page_block *block, uint64_t page, page_entry entry)
{
	block->entry[page % BLOCK_PAGES] = entry;
	block->present |= 1ull << page % BLOCK_PAGES;
	pages->count++;
}

/* Bits of a block's pages that lie in [start, end), present or not. */
static inline uint64_t block_mask(const struct page_block *block, uint64_t start, uint64_t end)
{
	uint64_t first = block_first_page(block), mask = ~0ull;

	if (end <= first || start >= first + BLOCK_PAGES)
		return 0;
	if (start > first)
		mask <<= start - first;
	if (end < first + BLOCK_PAGES)
		mask &= (1ull << (end - first)) - 1;
	return mask;
}

/* How many pages of [start, end) are present. */
uint64_t pages_count(const struct pages *pages, uint64_t start, uint64_t end);
/* Memory for blocks in use, for usage(). */
uint64_t pages_blocks_used(void);
