/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The producer's side of the ring of questions to proc. */
#include "upcall.h"

#include "env.h"

#define FRESH_NS 20000000ull /* processor times younger than this are fresh enough */

static struct upcall_ring *ring;
static uint64_t wanted_now, answered_now;
static uint64_t refreshed_at;

struct upcall_known upcall_known[UPCALL_KNOWN];

/* A question in one word: kind, first argument (16 bits), second argument (32 bits). Never 0. */
static uint64_t code(enum upcall_kind kind, uint32_t argument, uint32_t second)
{
	return ((uint64_t)kind << 48) | ((uint64_t)(argument & 0xffffu) << 32) | second;
}

void upcall_set_ring(struct upcall_ring *to)
{
	ring = to;
}

bool upcall_have(enum upcall_kind kind, uint32_t argument, uint32_t second)
{
	uint64_t wanted = code(kind, argument, second);
	if (!ring || answered_now == wanted)
		return true;
	if (kind == UPCALL_REFRESH && refreshed_at != 0 && env_now_ns() - refreshed_at < FRESH_NS)
		return true;
	wanted_now = wanted;
	return false;
}

bool upcall_have_description(uint32_t argument, uint32_t second, uint64_t *description)
{
	uint64_t wanted = code(UPCALL_DESCRIPTOR_PATH, argument, second);
	for (uint32_t i = 0; i < UPCALL_KNOWN; i++) {
		*description = upcall_known[i].description;
		if (upcall_known[i].question == wanted)
			return true;
	}
	wanted_now = wanted;
	return false;
}

uint64_t upcall_wanted(void)
{
	return wanted_now;
}

void upcall_set_answered(uint64_t wanted)
{
	answered_now = wanted;
	if (wanted >> 48 == UPCALL_REFRESH)
		refreshed_at = env_now_ns();
}

const uint64_t *upcall_answer(void)
{
	static const uint64_t nothing[256];
	return ring ? ring->answer : nothing;
}

bool upcall_post(uint64_t wanted)
{
	uint32_t head = ring->head;
	if (head - __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) >= UPCALL_ENTRIES)
		return false;
	ring->entry[head % UPCALL_ENTRIES] = (struct upcall){.kind = (uint32_t)(wanted >> 48),
							     .a = (uint32_t)(wanted >> 32) & 0xffffu,
							     .b = (uint32_t)wanted};
	__atomic_store_n(&ring->head, head + 1, __ATOMIC_RELEASE);
	return true;
}

bool upcall_is_done(void)
{
	return __atomic_load_n(&ring->done, __ATOMIC_ACQUIRE) == ring->head;
}
