/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Slots by index for the bounded proof, in place of kernel/include/slot_access.h: SLOTS of them, the kernel's struct.
 * They are variables of their own, and the accessors choose among them: a solver cannot cope with accesses at addresses it
 * does not know.  That each index names one is asserted.
 */
#pragma once

#include <object.h>

#define SLOT_SHIFT 6u
#define SLOTS 5u

extern struct slot slot_1, slot_2, slot_3, slot_4, slot_5;

static inline struct slot *slot_at(slot_ref ref)
{
	__CPROVER_assert(1 <= ref && ref <= SLOTS, "the index names a slot");
	return ref == 1 ? &slot_1 : ref == 2 ? &slot_2 : ref == 3 ? &slot_3 : ref == 4 ? &slot_4 : &slot_5;
}

static inline slot_ref slot_index(const struct slot *slot)
{
	return slot == &slot_1 ? 1u : slot == &slot_2 ? 2u : slot == &slot_3 ? 3u : slot == &slot_4 ? 4u : 5u;
}
