/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* x86_64: where a bulk thread starts, with its system call in its registers; it faults behind it. */
	.text
	.globl bulk_call
	.type bulk_call, @function
bulk_call:
	syscall
	ud2
	.size bulk_call, . - bulk_call

	.section .note.GNU-stack, "", @progbits
