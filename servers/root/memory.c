/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * RAM at boot: which boot Untyped what is cut from, root's own slots, and the arena for kernel objects.
 *
 * Cutting is best fit over the boot Untypeds, whose watermarks are followed here.  Large pieces are cut before small
 * ones by the callers; nothing is ever given back (restarts reuse what a service has).
 */
#include "root.h"

#include <stddef.h>

#include <tessera/runtime.h>

#define ARENA_LOG2 20u
#define REST_MIN_PAGES 16u
#define LEAF_LOG2 8u
#define TABLES_LOG2 17u /* page tables of root's own */

static const struct boot_info *boot;
static uint64_t used[BOOT_MAX_UNTYPED]; /* bytes from the front */
static uint32_t first_leaf_next;
static uint64_t taken;
static cap_t arena;

static uint64_t align_up(uint64_t value, uint64_t alignment)
{
	return (value + alignment - 1) & ~(alignment - 1);
}

cap_t take_first_leaf_slot(void)
{
	if (first_leaf_next > 255)
		die("the first leaf is full");
	return first_leaf_next++;
}

cap_t take_slot(void)
{
	cap_t slot = slot_alloc();

	if (slot == 0)
		die("no capability slot left");
	return slot;
}

/* The boot Untyped that bytes fit into with the least left over. */
static uint32_t best_fit(uint64_t bytes, uint64_t alignment)
{
	uint64_t best_rest = ~0ull;
	uint32_t best = ~0u;

	for (uint32_t i = 0; i < boot->untyped_count; i++) {
		uint64_t start = align_up(used[i], alignment), size = 1ull << boot->untyped[i].size_log2;
		uint64_t rest = size - used[i];

		if (boot->untyped[i].is_device || start + bytes > size || rest >= best_rest)
			continue;
		best = i;
		best_rest = rest;
	}
	return best;
}

static cap_t cut(enum cap_type type, uint64_t size, uint64_t bytes, uint64_t alignment, uint64_t flags)
{
	uint32_t i = best_fit(bytes, alignment);
	cap_t slot = take_first_leaf_slot();
	enum tessera_error error;

	if (i == ~0u)
		die("not enough memory: %lu KiB in one piece wanted", bytes / 1024);
	error = ts_untyped_retype(ROOT_CAP_UNTYPED + i, type, size, SLOT_OWN(slot), 1, flags, NULL);
	if (error != E_OK)
		die("cannot make an object of type %u, size %lu: error %d", type, size, (int)error);
	used[i] = align_up(used[i], alignment) + bytes;
	taken += bytes;
	return slot;
}

cap_t memory_untyped(uint32_t size_log2)
{
	return cut(CAP_UNTYPED, size_log2, 1ull << size_log2, 1ull << size_log2, 0);
}

/* alignment above a page: an Untyped's watermark cannot be moved alone, so a filler takes the gap. */
cap_t memory_pages(uint64_t pages, bool is_zeroed, uint64_t alignment)
{
	uint32_t i = best_fit(pages * PAGE, alignment);

	if (i == ~0u)
		die("not enough memory: %lu KiB in one piece wanted", pages * (PAGE / 1024));
	if (used[i] % alignment != 0) {
		uint64_t gap = align_up(used[i], alignment) - used[i];

		(void)ts_untyped_retype(ROOT_CAP_UNTYPED + i, CAP_MEMORY, gap / PAGE,
					SLOT_OWN(take_first_leaf_slot()), 1, 1, NULL);
		used[i] += gap;
		taken += gap;
	}
	return cut(CAP_MEMORY, pages, pages * PAGE, alignment > PAGE ? alignment : PAGE, is_zeroed ? 0 : 1);
}

uint32_t memory_rest(cap_t *out, uint32_t room, uint64_t *pages)
{
	uint32_t count = 0;

	*pages = 0;
	for (uint32_t i = 0; i < boot->untyped_count && count < room; i++) {
		uint64_t left = ((1ull << boot->untyped[i].size_log2) - align_up(used[i], PAGE)) / PAGE;
		cap_t slot;

		if (boot->untyped[i].is_device || left < REST_MIN_PAGES)
			continue;
		slot = take_first_leaf_slot();
		if (ts_untyped_retype(ROOT_CAP_UNTYPED + i, CAP_MEMORY, left, SLOT_OWN(slot), 1, 1, NULL) !=
		    E_OK)
			die("cannot make a Memory of %lu pages", left);
		out[count++] = slot;
		*pages += left;
	}
	return count;
}

uint64_t memory_taken_bytes(void)
{
	return taken;
}

cap_t arena_object(enum cap_type type, uint64_t size)
{
	cap_t slot = take_slot();

	for (int attempt = 0; attempt < 2; attempt++) {
		if (arena != 0 && ts_untyped_retype(arena, type, size, SLOT_OWN(slot), 1, 0, NULL) == E_OK)
			return slot;
		arena = memory_untyped(ARENA_LOG2);
	}
	die("cannot make an object of type %u, size %lu", type, size);
}

cap_t memory_share(uint32_t size_log2)
{
	cap_t middle = take_slot(), inner = take_slot();
	cap_t outer = memory_untyped(size_log2);

	/* Two steps down, each of the full size, so that it may lie in a service's leaf. */
	if (ts_untyped_retype(outer, CAP_UNTYPED, size_log2, SLOT_OWN(middle), 1, 0, NULL) != E_OK ||
	    ts_untyped_retype(middle, CAP_UNTYPED, size_log2, SLOT_OWN(inner), 1, 0, NULL) != E_OK)
		die("cannot make an Untyped of 2^%u bytes", size_log2);
	return inner;
}

cap_t memory_map_for_root(cap_t memory, uint64_t va, uint64_t pages, uint32_t rights)
{
	cap_t view = take_slot();
	uint64_t done = 0;
	enum tessera_error error =
		ts_memory_attach(memory, SLOT_OWN(view), ROOT_CAP_VSPACE, va, pages, rights);

	if (error == E_OK)
		error = ts_view_map(view, va, 0, pages, rights, &done);
	if (error != E_OK)
		die("cannot map %lu pages for root: error %d after %lu", pages, (int)error, done);
	return view;
}

uint64_t cap_pages(cap_t memory)
{
	uint64_t pages = 0;

	(void)ts_cap_inspect(SLOT_OWN(memory), NULL, NULL, NULL, NULL, &pages, NULL);
	return pages;
}

static void make_leaves(void)
{
	for (uint32_t i = 0; i < ROOT_LEAVES; i++) {
		cap_t leaf = cut(CAP_CNODE, LEAF_LOG2, 64ull << LEAF_LOG2, 64ull << LEAF_LOG2, 0);

		if (ts_cnode_copy(SLOT_IN(ROOT_CAP_CNODE, SERVICE_FREE_LEAF + i), SLOT_OWN(leaf),
				  RIGHTS_ALL) != E_OK)
			die("cannot extend root's CSpace");
	}
	slots_configure(ROOT_LEAVES);
}

void memory_init(const struct boot_info *info)
{
	cap_t tables;

	boot = info;
	first_leaf_next = ROOT_CAP_UNTYPED + info->untyped_count;
	make_leaves();
	tables = memory_untyped(TABLES_LOG2);
	if (ts_vspace_donate_tables(ROOT_CAP_VSPACE, SLOT_OWN(tables)) != E_OK)
		die("cannot give root page tables");
}
