/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The counter behind the clock page: TSC. */
#pragma once

#include <stdint.h>

static inline __attribute__((target("general-regs-only"))) uint64_t time_counter(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}
