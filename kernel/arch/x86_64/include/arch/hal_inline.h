/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the inline part of hal.h.
 *
 * All RAM is mapped at DIRECT_MAP_BASE, writable, never executable; physical memory and pointers convert by
 * adding.  REP STOSQ and REP MOVSQ are used for all sizes: one instruction a word, fast on real machines.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <paddr.h>

#define DIRECT_MAP_BASE 0xffff800000000000ull

static inline void *phys_to_ptr(paddr_t address)
{
	return (void *)(address.raw + DIRECT_MAP_BASE);
}

static inline paddr_t ptr_to_phys(const void *pointer)
{
	return (paddr_t){(uint64_t)pointer - DIRECT_MAP_BASE};
}

#include <arch/switch.h>

static ALWAYS_INLINE uint32_t arch_mask_index(uint32_t index, const uint32_t *mask)
{
	__asm__("andl %1, %0" : "+r"(index) : "m"(*mask) : "cc");
	return index;
}

static inline void arch_zero(void *destination, size_t size_bytes)
{
	size_t words = size_bytes / 8;

	__asm__ volatile("rep stosq" : "+D"(destination), "+c"(words) : "a"(0ull) : "memory");
}

static inline void arch_copy(void *destination, const void *source, size_t size_bytes)
{
	size_t words = size_bytes / 8;

	__asm__ volatile("rep movsq" : "+D"(destination), "+S"(source), "+c"(words) : : "memory");
}
