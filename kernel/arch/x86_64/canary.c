/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the stack canary.  Functions with arrays or addressed locals keep this value between them and the return
 * address (-fstack-protector-strong) and end in __stack_chk_fail when it has changed.  The two names are the compiler's.
 */
#include <hal.h>
#include <panic.h>

#include "asm.h"
#include "cpu.h"

/* Until canary_init a constant, so that boot is checked too. */
uint64_t __stack_chk_guard = 0x7e55e8a5ca4a87ull;

void __stack_chk_fail(void);

void canary_init(void)
{
	uint64_t value = arch_tsc() * 0x9e3779b97f4a7c15ull;

	if (cpu_features.has_rdrand)
		value ^= read_random();
	__stack_chk_guard ^= value;
}

NORETURN void __stack_chk_fail(void)
{
	kernel_panic("a stack frame has been overwritten: its canary has changed");
}
