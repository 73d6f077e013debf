/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Slots by index for the proof: an array of SLOTS, index 0 is none. In place of kernel/include/slot_access.h. */
#pragma once

#include <object.h>

#define SLOT_SHIFT 6u
#ifndef SLOTS
#define SLOTS 65536u /* any number does: nothing in the proof counts them */
#endif

extern struct slot slots[SLOTS];

/*@ axiomatic Index {
      logic integer index(struct slot *p) reads \nothing;
      axiom index_of_slot: \forall integer i; 0 < i < SLOTS ==> index(&slots[i]) == i;
    }
    predicate is_slot(struct slot *p) = 0 < index(p) < SLOTS && p == &slots[index(p)]; */

/*@ requires 0 < ref < SLOTS;
    assigns \nothing;
    exits \false;
    ensures \result == &slots[ref]; */
static inline struct slot *slot_at(slot_ref ref)
{
	return &slots[ref];
}

/*@ requires is_slot(slot);
    assigns \nothing;
    exits \false;
    ensures \result == index(slot); */
slot_ref slot_index(const struct slot *slot);
