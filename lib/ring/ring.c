/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* See ring.h.  Data before head (release), head before data (acquire); the same for tail. */
#include <ring.h>

#include <string.h>

static uint32_t load(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void store(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static uint32_t minimum(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

uint32_t ring_used(const struct ring *ring)
{
	return minimum(load(&ring->shared->head) - load(&ring->shared->tail), ring->size);
}

uint32_t ring_free(const struct ring *ring)
{
	return ring->size - ring_used(ring);
}

uint32_t ring_write(struct ring *ring, const void *from, uint32_t length)
{
	uint32_t head = load(&ring->shared->head), count = minimum(length, ring_free(ring));
	uint32_t at = head & (ring->size - 1), first = minimum(count, ring->size - at);

	memcpy(ring->data + at, from, first);
	memcpy(ring->data, (const uint8_t *)from + first, count - first);
	store(&ring->shared->head, head + count);
	return count;
}

uint32_t ring_peek(const struct ring *ring, void *to, uint32_t length)
{
	uint32_t tail = load(&ring->shared->tail), count = minimum(length, ring_used(ring));
	uint32_t at = tail & (ring->size - 1), first = minimum(count, ring->size - at);

	memcpy(to, ring->data + at, first);
	memcpy((uint8_t *)to + first, ring->data, count - first);
	return count;
}

void ring_consume(struct ring *ring, uint32_t count)
{
	store(&ring->shared->tail, load(&ring->shared->tail) + count);
}

uint32_t ring_read(struct ring *ring, void *to, uint32_t length)
{
	uint32_t count = ring_peek(ring, to, length);

	ring_consume(ring, count);
	return count;
}

void ring_discard(struct ring *ring)
{
	store(&ring->shared->tail, load(&ring->shared->head));
}
