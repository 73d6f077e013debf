/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The derivation list: one tree over all capabilities, kept as a ring in pre-order with explicit depths.
 *
 * Invariants: next and prev are inverse; behind an entry of depth d comes one of depth at most d + 1; the sentinel alone
 * has depth 0.  The descendants of X are the run of entries behind X with a larger depth.  Only leaves are removed,
 * so no capability ever changes its parent.  This file knows nothing of what a slot holds.
 * Checked: derivation_check (tests/host/kernel), shared design verification-examples/mdb_wp.c for the same algorithm.
 */
#include <cspace.h>
#include <panic.h>

uint64_t derivation_generation;
slot_ref derivation_sentinel;

static void link_between(struct slot *prev, struct slot *new_slot, struct slot *next)
{
	slot_ref ref = slot_index(new_slot);

	derivation_generation++;
	new_slot->prev = slot_index(prev);
	new_slot->next = slot_index(next);
	prev->next = ref;
	next->prev = ref;
}

void derivation_init(struct slot *sentinel)
{
	sentinel->word = slot_word(SLOT_TYPE_SENTINEL, 0, 0, 0);
	sentinel->depth = 0;
	sentinel->next = slot_index(sentinel);
	sentinel->prev = slot_index(sentinel);
	derivation_sentinel = slot_index(sentinel);
}

void derivation_insert_child(struct slot *parent, struct slot *new_slot)
{
	new_slot->depth = (uint16_t)(parent->depth + 1u);
	link_between(parent, new_slot, slot_at(parent->next));
}

void derivation_insert_sibling(struct slot *of, struct slot *new_slot)
{
	new_slot->depth = of->depth;
	link_between(slot_at(of->prev), new_slot, of);
}

void derivation_move(struct slot *from, struct slot *to)
{
	uint64_t generation = to->word & 0xff000000ull;

	derivation_generation++;
	*to = *from;
	to->word = (to->word & ~0xff000000ull) | generation;
	if (to->next != 0) {
		slot_at(to->prev)->next = slot_index(to);
		slot_at(to->next)->prev = slot_index(to);
	}
	slot_clear(from);
}

struct slot *derivation_remove(struct slot *leaf)
{
	struct slot *prev = slot_at(leaf->prev);
	struct slot *next = slot_at(leaf->next);

	ASSERT(next->depth <= leaf->depth);
	derivation_generation++;
	prev->next = leaf->next;
	next->prev = leaf->prev;
	leaf->next = 0;
	leaf->prev = 0;
	return prev;
}
