/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the kernel stack and the stacks of NMI, #DB, #DF and #MC, each with a page below it that is never
 * mapped (kernel_map.c), so that an overflow is a fault and not a silent overwrite.
 */
#include "layout.h"

	.section .bss.stacks, "aw", @nobits
	.balign 4096
	.globl kernel_stack_guard, kernel_stack, kernel_stack_end, ist_stacks
kernel_stack_guard:
	.skip GUARD_BYTES
kernel_stack:
	.skip KERNEL_STACK_BYTES
kernel_stack_end: /* the word below: cpu.c puts return_to_current there */
ist_stacks:
	.skip 4 * (GUARD_BYTES + IST_STACK_BYTES)

	.section .note.GNU-stack, "", @progbits
