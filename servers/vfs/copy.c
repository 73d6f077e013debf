/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Bulk copies: pages between files, pipes and windows are most of what the vfs executes, so they use the widest
 * registers. Unaligned loads and stores throughout; the tail goes through memcpy.
 */
#include "memory.h"

#include <immintrin.h>
#include <string.h>

static bool has_avx2;

void bytes_use_avx2(bool yes)
{
	has_avx2 = yes;
}

__attribute__((target("avx2"))) static uint64_t copy_avx2(uint8_t *to, const uint8_t *from, uint64_t bytes)
{
	uint64_t at = 0;
	for (; at + 512 <= bytes; at += 512) {
		const __m256i *in = (const __m256i *)(const void *)(from + at);
		__m256i *out = (__m256i *)(void *)(to + at);
#pragma clang loop unroll(full)
		for (int i = 0; i < 16; i++)
			_mm256_storeu_si256(out + i, _mm256_loadu_si256(in + i));
	}
	for (; at + 32 <= bytes; at += 32)
		_mm256_storeu_si256((__m256i *)(void *)(to + at),
				    _mm256_loadu_si256((const __m256i *)(const void *)(from + at)));
	_mm256_zeroupper();
	return at;
}

static uint64_t copy_sse(uint8_t *to, const uint8_t *from, uint64_t bytes)
{
	uint64_t at = 0;
	for (; at + 128 <= bytes; at += 128) {
		const __m128i *in = (const __m128i *)(const void *)(from + at);
		__m128i *out = (__m128i *)(void *)(to + at);
		for (int i = 0; i < 8; i++)
			_mm_storeu_si128(out + i, _mm_loadu_si128(in + i));
	}
	return at;
}

void bytes_copy(void *to, const void *from, uint64_t bytes)
{
	uint64_t done = 0;
	if (bytes >= 64)
		done = has_avx2 ? copy_avx2(to, from, bytes) : copy_sse(to, from, bytes);
	if (done < bytes)
		memcpy((uint8_t *)to + done, (const uint8_t *)from + done, bytes - done);
}

__attribute__((target("avx2"))) static uint64_t zero_avx2(uint8_t *to, uint64_t bytes)
{
	uint64_t at = 0;
	__m256i zero = _mm256_setzero_si256();
	for (; at + 256 <= bytes; at += 256) {
		__m256i *out = (__m256i *)(void *)(to + at);
		for (int i = 0; i < 8; i++)
			_mm256_storeu_si256(out + i, zero);
	}
	_mm256_zeroupper();
	return at;
}

void bytes_zero(void *to, uint64_t bytes)
{
	uint64_t done = 0;
	if (has_avx2 && bytes >= 256)
		done = zero_avx2(to, bytes);
	if (done < bytes)
		memset((uint8_t *)to + done, 0, bytes - done);
}
