/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: how a thread enters and leaves the personality.
 *
 * Entries get the address of the thread's message page in RSP. FS, GS and the FPU belong to the program and are not
 * touched. Two ways lead out: the exit sequence (after a system call: everything but RAX, RCX, R11 as it was; RCX is the
 * page, which makes the sequence restartable at any instruction) and the restore sequence (every register from
 * PAGE_RESTORE; it lies outside the personality's code range, so an interruption inside it comes to the interrupt entry,
 * which takes the program's registers from the frame instead of the context). Both test the sticky flag.
 * The restore sequence ends with POPFQ and RET 128 from two words that fill_restore has put behind the program's red zone, and
 * only where that is impossible with IRETQ: QEMU before 9.1 lets IRETQ from user mode fault under SMAP (decision 0003).
 */
#include "lx/layout.h"

	.section .entries, "a"
	.globl lx_entries
lx_entries:
	.quad 0x315345524f53504c
	.quad lx_image_end - lx_entries
	.quad lx_start - lx_entries
	.quad lx_syscall_entry - lx_entries
	.quad lx_exception_entry - lx_entries
	.quad lx_interrupt_entry - lx_entries
	.quad lx_code_start - lx_entries
	.quad lx_code_end - lx_entries
	.quad lx_exit_start - lx_entries
	.quad lx_exit_end - lx_entries
	.quad lx_vdso_start - lx_entries
	.quad lx_vdso_bytes

/* ---------------------------------------------------------------- restore sequence */
	.section .text.restore, "ax"
	.globl lx_restore_start, lx_restore_end
lx_restore_start:
	cmpq $0, PAGE_STICKY-PAGE_RESTORE(%rsp)
	jne lx_restore_again
	movq 40(%rsp), %rax
	movq 48(%rsp), %rbx
	movq 56(%rsp), %rcx
	movq 64(%rsp), %rdx
	movq 72(%rsp), %rsi
	movq 80(%rsp), %rdi
	movq 88(%rsp), %rbp
	movq 96(%rsp), %r8
	movq 104(%rsp), %r9
	movq 112(%rsp), %r10
	movq 120(%rsp), %r11
	movq 128(%rsp), %r12
	movq 136(%rsp), %r13
	movq 144(%rsp), %r14
	movq 152(%rsp), %r15
	cmpq $0, 160(%rsp)
	je 1f
	movq 160(%rsp), %rsp
	popfq
	ret $128
1:	iretq
lx_restore_end:

/* ---------------------------------------------------------------- system calls */
	.section .text.entry, "ax"

/* What C functions preserve, into a struct lx_regs at above(%rsp). */
.macro SAVE_PRESERVED above
	movq %rbx, \above+REGS_RBX(%rsp)
	movq %rbp, \above+REGS_RBP(%rsp)
	movq %r12, \above+REGS_R12(%rsp)
	movq %r13, \above+REGS_R12+8(%rsp)
	movq %r14, \above+REGS_R12+16(%rsp)
	movq %r15, \above+REGS_R12+24(%rsp)
.endm

/* The rest of a struct lx_regs below the word `page`; RCX = message page, RAX = number or result. */
.macro PUSH_REGS
	pushq PAGE_RFLAGS(%rcx)
	pushq PAGE_RIP(%rcx)
	pushq %r15
	pushq %r14
	pushq %r13
	pushq %r12
	pushq PAGE_RFLAGS(%rcx)
	pushq %r10
	pushq %r9
	pushq %r8
	pushq PAGE_RSP(%rcx)
	pushq %rbp
	pushq %rdi
	pushq %rsi
	pushq %rdx
	pushq PAGE_RIP(%rcx)
	pushq %rbx
	pushq %rax
.endm

	.globl lx_syscall_entry
lx_syscall_entry:
	movl %eax, %eax
	testb $1, PAGE_FLAGS(%rsp)
	jnz lx_slow
	cmpl $lx_table_count, %eax
	jae lx_slow
	leaq lx_fast_table(%rip), %r11
	movslq (%r11,%rax,4), %rcx
	addq %rcx, %r11
	movq %rsp, %rcx
	jmp *%r11

	.globl lx_slow
lx_slow:
	movq %rsp, %rcx
	movq PAGE_STACK(%rcx), %rsp
	subq $REGS_BYTES, %rsp
	movq %rax, REGS_ORIG(%rsp)
	movq %rcx, REGS_PAGE(%rsp)
	movq %rdx, REGS_RDX(%rsp)
	movq %rsi, REGS_RSI(%rsp)
	movq %rdi, REGS_RDI(%rsp)
	movq %r8, REGS_R8(%rsp)
	movq %r9, REGS_R9(%rsp)
	movq %r10, REGS_R10(%rsp)
	rdtsc			/* lx_time_enter */
	shlq $32, %rdx
	orq %rdx, %rax
	movq PAGE_TICKS(%rcx), %r11
	subq %rax, (%r11)
	movq REGS_RDX(%rsp), %rdx
	movl REGS_ORIG(%rsp), %eax
	testb $1, PAGE_FLAGS(%rcx)
	jnz 2f
	cmpl $lx_table_count, %eax
	jae 1f
	leaq lx_table(%rip), %r11
	movslq (%r11,%rax,4), %rcx
	addq %rcx, %r11
	movq %r10, %rcx
	call *%r11
3:	movq REGS_PAGE(%rsp), %rcx
	movq %rax, %r8
	rdtsc			/* lx_time_leave */
	shlq $32, %rdx
	orq %rdx, %rax
	movq PAGE_TICKS(%rcx), %r11
	addq %rax, (%r11)
	movq %r8, %rax
	movq REGS_RDX(%rsp), %rdx
	movq REGS_RSI(%rsp), %rsi
	movq REGS_RDI(%rsp), %rdi
	movq REGS_R8(%rsp), %r8
	movq REGS_R9(%rsp), %r9
	movq REGS_R10(%rsp), %r10
	.globl lx_exit_start, lx_exit_end
lx_exit_start:
	cmpq $0, PAGE_STICKY(%rcx)
	jne lx_exit_slow
	movq PAGE_RFLAGS(%rcx), %r11
	movq PAGE_RSP(%rcx), %rsp
	jmp *PAGE_RIP(%rcx)
lx_exit_end:

1:	call sys_unimplemented
	jmp 3b
2:	SAVE_PRESERVED 0
	movq %rsp, %rdi
	call lx_traced_call
	jmp 3b

/* Calls that need the whole frame (fork and its kin): the table leads here first, one return address below the frame;
 * the tracer has filled the frame already. */
.macro WHOLE name
	.globl whole_\name
whole_\name:
	movq %rsp, %r11
	orq $0xffff, %r11
	movq REGS_PAGE+1-LX_THREAD_BYTES-REGS_BYTES(%r11), %rax
	testb $1, PAGE_FLAGS(%rax)
	jnz sys_\name
	SAVE_PRESERVED 8
	jmp sys_\name
.endm
	WHOLE clone
	WHOLE fork
	WHOLE vfork

/* Something waits (RAX = result, RCX = page): the whole state goes to C. The frame's orig_rax of lx_slow is kept. */
lx_exit_slow:
	movq PAGE_STACK(%rcx), %rsp
	subq $8, %rsp
	pushq %rcx
	PUSH_REGS
	movq %rsp, %rdi
	call lx_leave
	ud2

/* ---------------------------------------------------------------- fast calls: RCX = page, may change RAX and R11 */
.macro FAST_IDENTITY name, offset
	.globl fast_\name
fast_\name:
	movq PAGE_IDENTITY(%rcx), %rax
	movl \offset(%rax), %eax
	jmp lx_exit_start
.endm
	FAST_IDENTITY getpid, IDENTITY_PID
	FAST_IDENTITY getppid, IDENTITY_PPID
	FAST_IDENTITY getpgrp, IDENTITY_PGID
	FAST_IDENTITY getuid, IDENTITY_UID
	FAST_IDENTITY geteuid, IDENTITY_EUID
	FAST_IDENTITY getgid, IDENTITY_GID
	FAST_IDENTITY getegid, IDENTITY_EGID

	.globl fast_gettid
fast_gettid:
	movl PAGE_TID(%rcx), %eax
	jmp lx_exit_start

/* ---------------------------------------------------------------- exceptions, interruption, starts */
/*
 * A fault in a copy routine: continue at its fixup with RCX, RDX, RSP as they were (the routines need no other).
 * Everything else goes to C with the context in the page.
 */
	.globl lx_exception_entry
lx_exception_entry:
	movq %rsp, %rcx
	movq CONTEXT_RIP(%rcx), %rsp
	leaq lx_fixup_table(%rip), %rdx
1:	movslq (%rdx), %rax
	testq %rax, %rax
	jz 2f
	addq %rdx, %rax
	cmpq %rax, %rsp
	je 3f
	addq $8, %rdx
	jmp 1b
2:	movq PAGE_STACK(%rcx), %rsp
	subq $REGS_BYTES, %rsp
	movq %rcx, %rdi
	call lx_exception_main
	ud2
3:	movslq 4(%rdx), %rax
	addq %rdx, %rax
	lock andq $~STICKY_EXCEPTION_BIT, PAGE_STICKY(%rcx)
	movq CONTEXT_RSP(%rcx), %rsp
	movq CONTEXT_RDX(%rcx), %rdx
	movq CONTEXT_RCX(%rcx), %rcx
	jmp *%rax

	.globl lx_interrupt_entry
lx_interrupt_entry:
	movq %rsp, %rcx
	movq PAGE_STACK(%rcx), %rsp
	subq $REGS_BYTES, %rsp
	movq %rcx, %rdi
	call lx_interrupt_main
	ud2

lx_restore_again:
	leaq -PAGE_RESTORE(%rsp), %rdi
	movq PAGE_STACK(%rdi), %rsp
	subq $REGS_BYTES, %rsp
	call lx_restore_interrupted
	ud2

/* void lx_restore(struct msg_page *page): the frame at PAGE_RESTORE is filled. */
	.globl lx_restore
lx_restore:
	leaq PAGE_RESTORE(%rdi), %rsp
	jmp lx_restore_start

/* RCX = page: computes the thread's stack and notes it in the page; room for the frame stays at the top. */
.macro OWN_STACK
	movabsq $LX_MESSAGE_PAGE_VA, %rax
	movq %rcx, %rdx
	subq %rax, %rdx
	shrq $12, %rdx
	incq %rdx
	shlq $LX_STACK_STRIDE_LOG2, %rdx
	movabsq $LX_STACK_VA, %rax
	leaq -LX_THREAD_BYTES(%rdx,%rax), %rsp
	movq %rsp, PAGE_STACK(%rcx)
	subq $REGS_BYTES, %rsp
.endm

	.globl lx_start
lx_start:
	OWN_STACK
	movq %rcx, %rdi
	call lx_start_main
	ud2

/* Children: RSP = the struct lx_birth. */
	.globl lx_child_start
lx_child_start:
	movq %rsp, %rsi
	OWN_STACK
	movq %rcx, %rdi
	call lx_child_main
	ud2
