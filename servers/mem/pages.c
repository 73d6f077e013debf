/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Page maps: see pages.h. The last block found is remembered, because accesses come in runs. */
#include "pages.h"

#include "slab.h"

static struct slab block_slab = SLAB_INIT(struct page_block);

static struct page_block *block_find(struct pages *pages, uint64_t key)
{
	struct page_block *last = pages->last;

	if (last && last->node.key == key)
		return last;
	struct tree_node *node = tree_floor(&pages->blocks, key);
	if (!node || node->key != key)
		return NULL;
	pages->last = TREE_OWNER(struct page_block, node);
	return pages->last;
}

struct page_block *pages_block_of(struct pages *pages, uint64_t page)
{
	return block_find(pages, page / BLOCK_PAGES);
}

page_entry *pages_find(struct pages *pages, uint64_t page)
{
	struct page_block *block = block_find(pages, page / BLOCK_PAGES);
	uint32_t index = page % BLOCK_PAGES;

	if (!block || !(block->present >> index & 1))
		return NULL;
	return &block->entry[index];
}

struct page_block *pages_block_make(struct pages *pages, uint64_t page)
{
	struct page_block *block = block_find(pages, page / BLOCK_PAGES);

	if (block)
		return block;
	block = slab_alloc(&block_slab);
	if (!block)
		return NULL;
	block->node.key = page / BLOCK_PAGES;
	block->present = 0;
	tree_insert(&pages->blocks, &block->node);
	pages->last = block;
	return block;
}

bool pages_set(struct pages *pages, uint64_t page, page_entry entry)
{
	struct page_block *block = pages_block_make(pages, page);

	if (!block)
		return false;
	block_set(pages, block, page, entry);
	return true;
}

void pages_clear(struct pages *pages, uint64_t page)
{
	struct page_block *block = block_find(pages, page / BLOCK_PAGES);

	block->present &= ~(1ull << page % BLOCK_PAGES);
	pages->count--;
	pages_drop_if_empty(pages, block);
}

struct page_block *pages_block_from(const struct pages *pages, uint64_t page)
{
	return TREE_OWNER(struct page_block, tree_ceiling(&pages->blocks, page / BLOCK_PAGES));
}

struct page_block *pages_block_next(const struct page_block *block)
{
	return TREE_OWNER(struct page_block, tree_next(&block->node));
}

void pages_drop_if_empty(struct pages *pages, struct page_block *block)
{
	if (block->present)
		return;
	if (pages->last == block)
		pages->last = NULL;
	tree_remove(&pages->blocks, &block->node);
	slab_free(&block_slab, block);
}

void pages_discard(struct pages *pages)
{
	struct tree_node *node = pages->blocks.root;

	/* Leaves first, without balancing. Bound: twice the number of blocks. */
	while (node) {
		if (node->left) {
			node = node->left;
			continue;
		}
		if (node->right) {
			node = node->right;
			continue;
		}
		struct tree_node *parent = node->parent;
		if (parent && parent->left == node)
			parent->left = NULL;
		else if (parent)
			parent->right = NULL;
		slab_free(&block_slab, node);
		node = parent;
	}
	*pages = (struct pages){0};
}

uint64_t pages_count(const struct pages *pages, uint64_t start, uint64_t end)
{
	uint64_t count = 0;

	for (struct page_block *block = pages_block_from(pages, start);
	     block && block_first_page(block) < end; block = pages_block_next(block))
		count += (uint64_t)__builtin_popcountll(block->present & block_mask(block, start, end));
	return count;
}

uint64_t pages_blocks_used(void)
{
	return block_slab.used;
}
