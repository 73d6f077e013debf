/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The short way to a slot for a Reply: two loads, inline. Whoever gets NULL takes the long way (cspace.h). */
#pragma once

#include <cspace.h>

/* The masks: see cap_lookup. The slot at an address of a thread's CSpace, if its CNode may be written; NULL: not so easy, slot_lookup tells why. */
static ALWAYS_INLINE struct slot *own_slot(const struct thread *thread, cap_t address)
{
	const uint64_t wanted = CAP_CNODE | RIGHT_WRITE << 8;

	if (UNLIKELY((address >> 8) > thread->cspace_mask))
		return NULL;
	const struct slot *leaf =
		slot_at(thread->cspace_first + arch_mask_index(address >> 8, &thread->cspace_mask));

	if (UNLIKELY((leaf->word & (0xffu | RIGHT_WRITE << 8 | SLOT_DYING << 16)) != wanted))
		return NULL;
	if (UNLIKELY((address & 0xffu) > leaf->aux))
		return NULL;
	return slot_at(slot_object(leaf) + arch_mask_index(address & 0xffu, &leaf->aux));
}

/* An empty slot of the thread's own CSpace that may be written. Errors as slot_lookup_empty. */
static ALWAYS_INLINE MUST_CHECK enum tessera_error own_slot_empty(const struct thread *thread, cap_t address,
								  struct slot **out)
{
	struct slot_place place;

	*out = own_slot(thread, address);
	if (LIKELY(*out != NULL && slot_is_empty(*out)))
		return E_OK;
	enum tessera_error error = slot_lookup_empty(thread, SLOT_OWN(address), &place);

	*out = place.slot;
	return error;
}
