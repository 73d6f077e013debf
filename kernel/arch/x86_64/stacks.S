/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The first CPU's stacks: the kernel's and those of NMI, #DB, #DF and #MC, each with a page below it that is never
 * mapped (kernel_map.c), so that an overflow is a fault and not a silent overwrite.
 */
#include "layout.h"

	.section .bss.stacks, "aw", @nobits
	.balign 4096
	.globl boot_stacks, boot_stack_end
boot_stacks:
	.skip STACKS_KERNEL_END
boot_stack_end: /* the word below: cpu.c puts return_to_current there */
	.skip STACKS_BYTES - STACKS_KERNEL_END

	.section .note.GNU-stack, "", @progbits
