/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The short way to a slot for a Reply: two loads, inline. Whoever gets NULL takes the long way (cspace.h). */
#pragma once

#include <cspace.h>

/* The slot at an address of a thread's CSpace, if its CNode may be written; NULL: not so easy, slot_lookup tells why. */
static ALWAYS_INLINE struct slot *own_slot(const struct thread *thread, cap_t address)
{
	const struct slot *leaf = leaf_of(thread, address);

	if (UNLIKELY(leaf == NULL || (slot_rights(leaf) & RIGHT_WRITE) == 0))
		return NULL;
	return slot_in(leaf, address & 0xffu);
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

/*
 * The fast path's memory.  Where an address led stays true while cspace_generation does; what stands in the slot is looked at
 * each time.  A miss looks the address up and remembers it.
 */
KEEPS_REGISTERS NOINLINE struct slot *slot_cache_call(struct thread *thread, cap_t address);
KEEPS_REGISTERS NOINLINE bool slot_cache_recv(struct thread *thread, uint64_t addresses);
KEEPS_REGISTERS NOINLINE struct slot *slot_cache_reply(const struct thread *thread);

/* The slot of the capability a call goes through; NULL: none, or not so easy. */
static ALWAYS_INLINE struct slot *cached_call(struct thread *thread, cap_t address)
{
	const struct slot_cache *cache = &thread->call_cache;

	if (LIKELY(cache->address == address && cache->generation == cspace_generation))
		return slot_at(cache->slot);
	return slot_cache_call(thread, address);
}

/* Whether recv_cache holds the slots of the endpoint (low half) and of the Reply (high half). */
static ALWAYS_INLINE bool is_cached_recv(struct thread *thread, uint64_t addresses)
{
	const struct slot_cache *cache = &thread->recv_cache;
	uint64_t cached;

	__builtin_memcpy(&cached, &cache->address, sizeof(cached));
	if (LIKELY(cached == addresses && cache->generation == cspace_generation))
		return true;
	return slot_cache_recv(thread, addresses);
}

/* The slot for the Reply of a thread that receives; NULL: not so easy. */
static ALWAYS_INLINE struct slot *cached_reply(const struct thread *receiver)
{
	if (LIKELY(receiver->recv_cache.generation == cspace_generation))
		return slot_at(receiver->recv_cache.reply_slot);
	return slot_cache_reply(receiver);
}
