/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Zeroing and copying of pages with vector registers: 128 stores of 32 bytes where the CPU has AVX and the kernel saves
 * its registers, else 256 of 16.  (Under QEMU's -icount a `rep stosb` counts once for each byte.)
 */
#include <cpuid.h>
#include <immintrin.h>

#include "frames.h"

/* The loops must stay what they are, not become calls of memset and memcpy. */
#define AS_WRITTEN __attribute__((no_builtin))

static bool has_avx;

__attribute__((target("xsave"))) static bool os_saves_avx(void)
{
	return (_xgetbv(0) & 6u) == 6u;
}

void page_copy_choose(void)
{
	unsigned int a, b, c, d;

	has_avx = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_AVX) && (c & bit_OSXSAVE) && os_saves_avx();
}

AS_WRITTEN __attribute__((target("avx"))) static void zero_avx(__m256i *to)
{
	const __m256i zero = _mm256_setzero_si256();

	for (unsigned i = 0; i < 128; i += 16) {
#pragma clang loop unroll(full)
		for (unsigned k = 0; k < 16; k++)
			_mm256_store_si256(to + i + k, zero);
	}
}

AS_WRITTEN __attribute__((target("avx"))) static void copy_avx(__m256i *to, const __m256i *from)
{
	for (unsigned i = 0; i < 128; i += 16) {
#pragma clang loop unroll(full)
		for (unsigned k = 0; k < 16; k++)
			_mm256_store_si256(to + i + k, _mm256_load_si256(from + i + k));
	}
}

AS_WRITTEN static void zero_sse(__m128i *to)
{
	const __m128i zero = _mm_setzero_si128();

	for (unsigned i = 0; i < 256; i += 16) {
#pragma clang loop unroll(full)
		for (unsigned k = 0; k < 16; k++)
			_mm_store_si128(to + i + k, zero);
	}
}

AS_WRITTEN static void copy_sse(__m128i *to, const __m128i *from)
{
	for (unsigned i = 0; i < 256; i += 16) {
#pragma clang loop unroll(full)
		for (unsigned k = 0; k < 16; k++)
			_mm_store_si128(to + i + k, _mm_load_si128(from + i + k));
	}
}

void page_zero(void *page)
{
	if (has_avx)
		zero_avx(page);
	else
		zero_sse(page);
}

void page_copy(void *to, const void *from)
{
	if (has_avx)
		copy_avx(to, from);
	else
		copy_sse(to, from);
}
