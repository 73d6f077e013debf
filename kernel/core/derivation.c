/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The derivation list: one tree over all capabilities, kept as a ring in pre-order with explicit depths.
 *
 * Invariants: next and prev are inverse; behind an entry of depth d comes one of depth at most d + 1; the sentinel alone
 * has depth 0.  The descendants of X are the run of entries behind X with a larger depth.  Only leaves are removed,
 * so no capability ever changes its parent.  This file knows nothing of what a slot holds.
 * Proved: docs/proofs.md, from small functions with a contract each. Checked: derivation_check (tests/host/kernel).
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

/* The predecessor is returned.  The successor may be a child of it then, but no deeper. */
static struct slot *unlink_slot(struct slot *slot)
{
	struct slot *prev = slot_at(slot->prev);
	struct slot *next = slot_at(slot->next);

	derivation_generation++;
	prev->next = slot->next;
	next->prev = slot->prev;
	slot->next = 0;
	slot->prev = 0;
	return prev;
}

/* Copies all but the place in the list and the generation. */
static void copy_unlinked(const struct slot *from, struct slot *to)
{
	struct slot copy = *from;

	copy.word = (copy.word & ~0xff000000ull) | (to->word & 0xff000000ull);
	copy.next = 0;
	copy.prev = 0;
	*to = copy;
}

/* to takes from's place, if it has one. */
static void take_place(struct slot *from, struct slot *to)
{
	if (from->next == 0)
		return;
	derivation_insert_sibling(from, to);
	unlink_slot(from);
}

void derivation_move(struct slot *from, struct slot *to)
{
	copy_unlinked(from, to);
	take_place(from, to);
	slot_clear(from);
}

struct slot *derivation_remove(struct slot *leaf)
{
	ASSERT(slot_at(leaf->next)->depth <= leaf->depth);
	return unlink_slot(leaf);
}
