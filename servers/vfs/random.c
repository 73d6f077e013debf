/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The random generator behind /dev/random and /dev/urandom: ChaCha20 (RFC 8439's block function) with fast key erasure: the
 * first block of every answer becomes the next key. Entropy of the processor's generator is mixed in with each answer.
 */
#include "device.h"

#include <string.h>

#include "env.h"

static uint32_t key[8];
static uint64_t counter;
static bool is_seeded;

static uint32_t rotate(uint32_t value, uint32_t by)
{
	return (value << by) | (value >> (32 - by));
}

static void quarter(uint32_t *x, int a, int b, int c, int d)
{
	x[a] += x[b];
	x[d] = rotate(x[d] ^ x[a], 16);
	x[c] += x[d];
	x[b] = rotate(x[b] ^ x[c], 12);
	x[a] += x[b];
	x[d] = rotate(x[d] ^ x[a], 8);
	x[c] += x[d];
	x[b] = rotate(x[b] ^ x[c], 7);
}

static void block(uint32_t out[16])
{
	uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
	memcpy(start + 4, key, sizeof(key));
	start[12] = (uint32_t)counter;
	start[13] = (uint32_t)(counter >> 32);
	counter++;
	memcpy(out, start, sizeof(start));
	for (int round = 0; round < 10; round++) {
		quarter(out, 0, 4, 8, 12);
		quarter(out, 1, 5, 9, 13);
		quarter(out, 2, 6, 10, 14);
		quarter(out, 3, 7, 11, 15);
		quarter(out, 0, 5, 10, 15);
		quarter(out, 1, 6, 11, 12);
		quarter(out, 2, 7, 8, 13);
		quarter(out, 3, 4, 9, 14);
	}
	for (int i = 0; i < 16; i++)
		out[i] += start[i];
}

static void rekey(void)
{
	uint32_t out[16];
	block(out);
	memcpy(key, out, sizeof(key));
}

static void stir_entropy(int words)
{
	for (int i = 0; i < words; i++) {
		uint64_t word = env_entropy();
		key[(2 * i) & 7] ^= (uint32_t)word;
		key[(2 * i + 1) & 7] ^= (uint32_t)(word >> 32);
	}
	rekey();
}

void random_stir(const void *from, uint32_t length)
{
	const uint8_t *bytes = from;
	for (uint32_t i = 0; i < length; i++)
		key[(i >> 2) & 7] ^= (uint32_t)bytes[i] << (8 * (i & 3));
	rekey();
}

void random_bytes(void *to, uint32_t length)
{
	stir_entropy(is_seeded ? 1 : 8);
	is_seeded = true;
	uint8_t *out = to;
	while (length > 0) {
		uint32_t words[16];
		block(words);
		uint32_t part = length < sizeof(words) ? length : (uint32_t)sizeof(words);
		memcpy(out, words, part);
		out += part;
		length -= part;
	}
	rekey();
}
