/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the three entries of a personality that only notes what it was given and goes on.
 *
 * Notes in msg_page.personality[]: 0: RSP at entry, 1: RCX at entry, 2: how often the system call entry, 3: the
 * exception entry, 4: the interrupt entry was taken; 5: bytes to skip when an exception returns; 6: not 0: the
 * exception entry executes an undefined instruction; 8..23: the registers at the system call entry, in struct
 * user_regs' order; 24: its RFLAGS.
 */
#define SYSCALL_RIP 3184
#define SYSCALL_RSP 3192
#define SYSCALL_RFLAGS 3200
#define STICKY 3208
#define CONTEXT 3240
#define NOTE(n) (3400 + 8 * (n))
#define STICKY_EXCEPTION 2

	.text
	.globl pers_start
pers_start:
	.globl pers_syscall
	.type pers_syscall, @function
pers_syscall:
	movq %rax, NOTE(8)(%rsp)
	movq %rbx, NOTE(9)(%rsp)
	movq %rcx, NOTE(10)(%rsp)
	movq %rdx, NOTE(11)(%rsp)
	movq %rsi, NOTE(12)(%rsp)
	movq %rdi, NOTE(13)(%rsp)
	movq %rbp, NOTE(14)(%rsp)
	movq %rsp, NOTE(15)(%rsp)
	movq %r8, NOTE(16)(%rsp)
	movq %r9, NOTE(17)(%rsp)
	movq %r10, NOTE(18)(%rsp)
	movq %r11, NOTE(19)(%rsp)
	movq %r12, NOTE(20)(%rsp)
	movq %r13, NOTE(21)(%rsp)
	movq %r14, NOTE(22)(%rsp)
	movq %r15, NOTE(23)(%rsp)
	movq %rsp, NOTE(0)(%rsp)
	incq NOTE(2)(%rsp)
	movq %rsp, %rcx
	movq SYSCALL_RSP(%rcx), %rsp
	leaq -128(%rsp), %rsp
	pushfq
	popq NOTE(24)(%rcx)
	pushq SYSCALL_RIP(%rcx)
	pushq SYSCALL_RFLAGS(%rcx)
	leaq 4711(%rax), %rax
	popfq
	ret $128
	.size pers_syscall, . - pers_syscall

	.globl pers_exception
	.type pers_exception, @function
pers_exception:
	movq %rsp, NOTE(0)(%rsp)
	movq %rcx, NOTE(1)(%rsp)
	incq NOTE(3)(%rsp)
	cmpq $0, NOTE(6)(%rsp)
	je 1f
	ud2
1:
	movq NOTE(5)(%rsp), %rax
	addq %rax, CONTEXT + 128(%rsp)
	lock andq $~STICKY_EXCEPTION, STICKY(%rsp)
	jmp leave
	.size pers_exception, . - pers_exception

	.globl pers_interrupt
	.type pers_interrupt, @function
pers_interrupt:
	movq %rsp, NOTE(0)(%rsp)
	movq %rcx, NOTE(1)(%rsp)
	incq NOTE(4)(%rsp)
leave:
	movq %rsp, %rcx
	movq CONTEXT + 56(%rcx), %rsp
	leaq -128(%rsp), %rsp
	pushq CONTEXT + 128(%rcx)
	pushq CONTEXT + 136(%rcx)
	movq CONTEXT + 0(%rcx), %rax
	movq CONTEXT + 8(%rcx), %rbx
	movq CONTEXT + 24(%rcx), %rdx
	movq CONTEXT + 32(%rcx), %rsi
	movq CONTEXT + 40(%rcx), %rdi
	movq CONTEXT + 48(%rcx), %rbp
	movq CONTEXT + 64(%rcx), %r8
	movq CONTEXT + 72(%rcx), %r9
	movq CONTEXT + 80(%rcx), %r10
	movq CONTEXT + 88(%rcx), %r11
	movq CONTEXT + 96(%rcx), %r12
	movq CONTEXT + 104(%rcx), %r13
	movq CONTEXT + 112(%rcx), %r14
	movq CONTEXT + 120(%rcx), %r15
	movq CONTEXT + 16(%rcx), %rcx
	popfq
	ret $128
	.size pers_interrupt, . - pers_interrupt
	.globl pers_end
pers_end:
	.section .note.GNU-stack, "", @progbits
