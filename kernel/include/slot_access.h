/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Slots by index: the one accessor of their type, over the direct map or the host's array.
 * The proofs compile the core with another header of this name, over an array of slots (proofs/derivation).
 */
#pragma once

#include <object.h>

#define SLOT_SHIFT 6u

/* Index <-> pointer. Index 0 is none. */
static ALWAYS_INLINE struct slot *slot_at(slot_ref ref)
{
	return (struct slot *)phys_to_ptr((paddr_t){(uint64_t)ref << SLOT_SHIFT});
}

static ALWAYS_INLINE slot_ref slot_index(const struct slot *slot)
{
	return (slot_ref)(ptr_to_phys(slot).raw >> SLOT_SHIFT);
}
