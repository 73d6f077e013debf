/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the boot option panic=fault|assert|stack|canary: does on purpose, at the end of boot, what each of the
 * kernel's own checks exists to find, so that a test can read the report.  Nothing else calls this, and user space
 * cannot: only who writes the kernel's command line can.
 */
#include <panic.h>

#include "../../genarch/options.h"
#include "trap.h"

#define UNMAPPED 0xfffffffffffff000ull /* the last page: kernel_map.c never maps it */
#define BUFFER_BYTES 16u

/* Writes past the end of a buffer, up to the frame's canary. The empty assembly hides from the compiler that it does. */
static NOINLINE void smash(void)
{
	unsigned char buffer[BUFFER_BYTES];
	unsigned char *at = buffer;

	__asm__ volatile("" : "+r"(at) : : "memory");
	for (unsigned int i = 0; i < 2 * BUFFER_BYTES; i++)
		at[i] = 0xee;
	__asm__ volatile("" : : "r"(at) : "memory");
}

void provoke_panic(void)
{
	ASSERT(!has_option("panic=assert"));
	if (has_option("panic=fault"))
		*(volatile uint64_t *)UNMAPPED = 0;
	if (has_option("panic=canary"))
		smash();
	if (has_option("panic=stack"))
		__asm__ volatile("1: call 1b"); /* pushes until the guard page is reached */
}
