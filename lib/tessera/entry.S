/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Start of a native service, and the entry of its reflected system calls.
 *
 * runtime_entry: the kernel gives the message page in RSP and keeps every other register; it runs on the caller's own
 * stack below the red zone and restores everything but RAX, RCX and R11, as a Linux system call does.
 */
#define PAGE_SYSCALL_RIP 3184
#define PAGE_SYSCALL_RSP 3192

	.text
	.globl _tessera_start
	.type _tessera_start, @function
_tessera_start:
	xorl %ebp, %ebp
	movq %rsp, %rbx
	andq $-16, %rsp
	call runtime_start_service
	movq %rbx, %rsp
	xorl %edx, %edx
	jmp _start

	.globl runtime_entry
	.type runtime_entry, @function
runtime_entry:
	movq %rsp, %rcx
	movq PAGE_SYSCALL_RSP(%rcx), %rsp
	leaq -128(%rsp), %rsp
	pushq PAGE_SYSCALL_RIP(%rcx)
	pushq %rbp
	movq %rsp, %rbp
	pushq %r9
	pushq %r8
	pushq %r10
	pushq %rdx
	pushq %rsi
	pushq %rdi
	movq %rsp, %rsi
	movq %rax, %rdi
	andq $-16, %rsp
	call runtime_syscall
	leaq -48(%rbp), %rsp
	popq %rdi
	popq %rsi
	popq %rdx
	popq %r10
	popq %r8
	popq %r9
	popq %rbp
	ret $128
	.globl runtime_entry_end
runtime_entry_end:
	.section .note.GNU-stack, "", @progbits
