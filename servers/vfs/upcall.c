/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The producer's side of the ring of questions to proc. */
#include "upcall.h"

#include <string.h>

#include "env.h"

#define FRESH_NS 20000000ull /* processor times younger than this are fresh enough */

static struct upcall_ring *ring;
static struct upcall_question wanted_now, answered_now;
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

bool upcall_is_same(const struct upcall_question *a, const struct upcall_question *b)
{
	return a->code == b->code && memcmp(a->text, b->text, sizeof(a->text)) == 0;
}

bool upcall_have_text(enum upcall_kind kind, uint32_t argument, uint32_t second, const char *text,
		      uint32_t length)
{
	struct upcall_question wanted = {.code = code(kind, argument, second)};
	memcpy(wanted.text, text, length);
	if (!ring || upcall_is_same(&answered_now, &wanted))
		return true;
	wanted_now = wanted;
	return false;
}

bool upcall_have(enum upcall_kind kind, uint32_t argument, uint32_t second)
{
	if (kind == UPCALL_REFRESH && refreshed_at != 0 && env_now_ns() - refreshed_at < FRESH_NS)
		return true;
	return upcall_have_text(kind, argument, second, "", 0);
}

bool upcall_have_description(uint32_t argument, uint32_t second, uint64_t *description)
{
	uint64_t wanted = code(UPCALL_DESCRIPTOR_PATH, argument, second);
	for (uint32_t i = 0; i < UPCALL_KNOWN; i++) {
		*description = upcall_known[i].description;
		if (upcall_known[i].code == wanted)
			return true;
	}
	wanted_now = (struct upcall_question){.code = wanted};
	return false;
}

const struct upcall_question *upcall_wanted(void)
{
	return &wanted_now;
}

void upcall_set_answered(const struct upcall_question *question)
{
	answered_now = *question;
	if (question->code >> 48 == UPCALL_REFRESH)
		refreshed_at = env_now_ns();
}

const uint64_t *upcall_answer(void)
{
	static const uint64_t nothing[256];
	return ring ? ring->answer : nothing;
}

bool upcall_post(const struct upcall_question *question)
{
	uint64_t wanted = question->code;
	uint32_t head = ring->head;
	if (head - __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) >= UPCALL_ENTRIES)
		return false;
	ring->entry[head % UPCALL_ENTRIES] = (struct upcall){.kind = (uint32_t)(wanted >> 48),
							     .a = (uint32_t)(wanted >> 32) & 0xffffu,
							     .b = (uint32_t)wanted};
	memcpy(ring->text, question->text, sizeof(ring->text)); /* one question is out at a time */
	__atomic_store_n(&ring->head, head + 1, __ATOMIC_RELEASE);
	return true;
}

bool upcall_is_done(void)
{
	return __atomic_load_n(&ring->done, __ATOMIC_ACQUIRE) == ring->head;
}
