/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Time from the kernel's clock page, without entering the kernel. */
#include <tessera/runtime.h>

#include "time_x86_64.h"

/* Reads a consistent copy of what changes; ns since boot, and the wall offset of the same moment. */
GENERAL_REGISTERS static uint64_t read_clock(uint64_t *wall_offset_ns)
{
	const volatile struct time_page *page = (const volatile struct time_page *)TIME_PAGE_VA;
	uint32_t seq;
	uint64_t ns;

	do {
		seq = page->seq;
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		ns = (uint64_t)(((unsigned __int128)(time_counter() - page->tsc_base) * page->mult) >>
				page->shift);
		*wall_offset_ns = page->wall_offset_ns;
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
	} while ((seq & 1) != 0 || page->seq != seq);
	return ns;
}

GENERAL_REGISTERS uint64_t time_now_ns(void)
{
	uint64_t offset;

	return read_clock(&offset);
}

GENERAL_REGISTERS uint64_t time_wall_ns(void)
{
	uint64_t offset, ns = read_clock(&offset);

	return ns + offset;
}

uint64_t time_ticks(void)
{
	return time_counter();
}

uint64_t time_ticks_ns(uint64_t ticks)
{
	const volatile struct time_page *page = (const volatile struct time_page *)TIME_PAGE_VA;

	return (uint64_t)(((unsigned __int128)ticks * page->mult) >> page->shift);
}
