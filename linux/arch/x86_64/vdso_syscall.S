/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* x86_64: long lx_vdso_syscall(long number, long a, long b), for what the vDSO cannot answer by itself. */
	.text
	.globl lx_vdso_syscall
	.hidden lx_vdso_syscall
	.type lx_vdso_syscall, @function
lx_vdso_syscall:
	movq %rdi, %rax
	movq %rsi, %rdi
	movq %rdx, %rsi
	syscall
	ret
