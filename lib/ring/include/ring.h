/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A byte ring for one producer and one consumer in shared memory.
 *
 * head and tail count bytes for ever (mod 2^32).  Each side writes one of them and reads the other's, which may hold
 * anything if the partner has gone mad: then amounts are cut to the ring's size, and no access leaves the buffer.
 * The size is each side's own knowledge, never read from shared memory.  Zeroed memory is an empty ring.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ring_shared {
	uint32_t head; /* bytes produced; the producer writes it */
	uint32_t reserved0[15];
	uint32_t tail; /* bytes consumed; the consumer writes it */
	uint32_t reserved1[15];
};

struct ring {
	struct ring_shared *shared;
	uint8_t *data;
	uint32_t size; /* bytes, a power of two */
};

/* Bytes to be read; bytes that can be written. Each never more than size. */
uint32_t ring_used(const struct ring *ring);
uint32_t ring_free(const struct ring *ring);
/* Producer: copies at most length bytes in; how many there was room for. */
uint32_t ring_write(struct ring *ring, const void *from, uint32_t length);
/* Consumer: takes at most length bytes; how many there were. */
uint32_t ring_read(struct ring *ring, void *to, uint32_t length);
/* Consumer: the same in two steps, for who may not take everything it looks at. count: at most what peek gave. */
uint32_t ring_peek(const struct ring *ring, void *to, uint32_t length);
void ring_consume(struct ring *ring, uint32_t count);
/* Consumer: throws away everything that is there. */
void ring_discard(struct ring *ring);
