/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Empty slots of the service's own CSpace: leaves of 256 slots in root slots SERVICE_FREE_LEAF.., one bit a slot.
 * A run lies in one leaf.  The search starts at the leaf where the last one ended.
 */
#include <tessera/runtime.h>

#include <assert.h>

#define LEAF_SLOTS 256u
#define LEAVES_MAX (SERVICE_WAITERS_LEAF - SERVICE_FREE_LEAF)

struct leaf {
	uint64_t used[LEAF_SLOTS / 64];
	uint32_t free;
};

static struct leaf leaves[LEAVES_MAX];
static uint32_t leaf_count, leaf_next, free_total;

GENERAL_REGISTERS void slots_configure(uint32_t count)
{
	leaf_count = count < LEAVES_MAX ? count : LEAVES_MAX;
	for (uint32_t i = 0; i < leaf_count; i++)
		leaves[i].free = LEAF_SLOTS;
	free_total = leaf_count * LEAF_SLOTS;
}

static bool is_used(const struct leaf *leaf, uint32_t slot)
{
	return (leaf->used[slot / 64] >> (slot % 64)) & 1;
}

static void mark(struct leaf *leaf, uint32_t first, uint32_t count)
{
	for (uint32_t slot = first; slot < first + count; slot++)
		leaf->used[slot / 64] |= 1ull << (slot % 64);
	leaf->free -= count;
	free_total -= count;
}

/* First run of count free slots, or LEAF_SLOTS. */
static uint32_t find_run(const struct leaf *leaf, uint32_t count)
{
	uint32_t run = 0;

	for (uint32_t slot = 0; slot < LEAF_SLOTS; slot++) {
		if (slot % 64 == 0 && leaf->used[slot / 64] == ~0ull) {
			slot += 63;
			run = 0;
			continue;
		}
		run = is_used(leaf, slot) ? 0 : run + 1;
		if (run == count)
			return slot + 1 - count;
	}
	return LEAF_SLOTS;
}

/* First free slot of a leaf that has one. */
static uint32_t find_one(const struct leaf *leaf)
{
	uint32_t word = 0;

	while (leaf->used[word] == ~0ull)
		word++;
	return word * 64 + (uint32_t)__builtin_ctzll(~leaf->used[word]);
}

cap_t slot_alloc_run(uint32_t count)
{
	if (count == 0 || count > LEAF_SLOTS)
		return 0;
	for (uint32_t i = 0; i < leaf_count; i++) {
		uint32_t index = (leaf_next + i) % leaf_count, slot;
		struct leaf *leaf = &leaves[index];

		if (leaf->free < count)
			continue;
		slot = count == 1 ? find_one(leaf) : find_run(leaf, count);
		if (slot == LEAF_SLOTS)
			continue;
		mark(leaf, slot, count);
		leaf_next = index;
		return ((SERVICE_FREE_LEAF + index) << 8) | slot;
	}
	return 0;
}

cap_t slot_alloc(void)
{
	return slot_alloc_run(1);
}

void slot_free_run(cap_t first, uint32_t count)
{
	uint32_t index = (first >> 8) - SERVICE_FREE_LEAF, slot = first & 0xffu;

	assert(index < leaf_count && count <= LEAF_SLOTS - slot);
	for (uint32_t i = slot; i < slot + count; i++) {
		assert(is_used(&leaves[index], i));
		leaves[index].used[i / 64] &= ~(1ull << (i % 64));
	}
	leaves[index].free += count;
	free_total += count;
}

void slot_free(cap_t address)
{
	slot_free_run(address, 1);
}

void slot_release(cap_t address)
{
	(void)ts_cnode_delete(SLOT_OWN(address), 0);
	slot_free(address);
}

uint32_t slot_count_free(void)
{
	return free_total;
}
