/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The memory that boot takes; see frames.h.  Only the first CPU boots: no lock.
 */
#include <frames.h>
#include <panic.h>

static struct boot_range left;

void frames_open(struct boot_range range)
{
	left = range;
}

void *frames_take(uint64_t bytes)
{
	uint64_t divisor = bytes & -bytes;
	uint64_t mask = (divisor > PAGE_SIZE ? divisor : PAGE_SIZE) - 1;
	uint64_t start = (left.start + mask) & ~mask;
	uint64_t end = (start + bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);

	if (end > left.end)
		kernel_panic("boot: out of memory");
	left.start = end;
	arch_zero(phys_to_ptr((paddr_t){start}), end - start);
	return phys_to_ptr((paddr_t){start});
}

uint64_t frames_close(void)
{
	left.end = 0;
	return left.start;
}
