/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the doors of the kernel: SYSCALL, exceptions and interrupts, and the way back to user mode.
 *
 * Every entry from user mode stores the user's registers in cpu()->current->ctx, takes the empty kernel
 * stack, and calls C; the way back loads cpu()->current->ctx, whichever thread that is then.  A foreign
 * system call of a thread with a personality never reaches C: its RIP, RSP and RFLAGS go to the message
 * page and the thread continues in the handler, all other registers untouched.
 *
 * In the kernel GS is this CPU's struct cpu, and the user's GS base lies in MSR_KERNEL_GS_BASE: each way in
 * and out has one SWAPGS.  Offsets: layout.h.  Interrupts are off everywhere here; NMI, #DB, #DF and #MC have
 * stacks of their own, so the few instructions on a foreign stack pointer or GS are safe.
 */
#include "layout.h"

	.text

/* ctx_rax and so on: where a thread keeps each register, counted from its start. */
	.set at, THREAD_CTX
	.irp register, CTX_REGISTERS
	.set ctx_\register, at
	.set at, at + 8
	.endr

	.macro save thread, registers:vararg
	.irp register, \registers
	movq %\register, ctx_\register(%\thread)
	.endr
	.endm

	.macro load thread, registers:vararg
	.irp register, \registers
	movq ctx_\register(%\thread), %\register
	.endr
	.endm

/* ---- system calls ------------------------------------------------------------------------------- */

/*
 * After SYSCALL: rsp: current thread, CPU_USER_RSP: the user's stack pointer.  Ends on the kernel stack, whose first
 * word is return_to_current: a C function entered by a jump returns there.
 */
	.macro save_registers
	movq %rcx, CTX_RIP(%rsp)
	movq %gs:CPU_USER_RSP, %rcx
	movq %r11, CTX_RFLAGS(%rsp)
	movq %rcx, ctx_rsp(%rsp)
	movq %rax, CTX_CALL_NUMBER(%rsp)
	movl $1, CTX_ENTRY(%rsp)
	save rsp, rdi, rsi, rdx, r10, r8, r9, rbx, rbp, r12, r13, r14, r15
	movq %gs:CPU_KERNEL_STACK_TOP, %rsp
	.endm

	.balign 64
	.globl syscall_entry
	.type syscall_entry, @function
syscall_entry:
	swapgs
	cmpl $(NATIVE_BASE + OPERATION_REPLY_RECV), %eax
	je reply_recv_call
	cmpl $(NATIVE_BASE + OPERATION_CALL), %eax
	je call_call
native_or_foreign:
	movq %rsp, %gs:CPU_USER_RSP
	movq %gs:CPU_CURRENT, %rsp
	movl %eax, %gs:CPU_USER_EAX
	cmpw $NATIVE_HIGH_HALF, %gs:CPU_USER_EAX + 2
	jne foreign_call
	save_registers
	movzwl %ax, %edi
	jmp kernel_syscall
	.size syscall_entry, . - syscall_entry

	.globl syscall_entry_old
	.type syscall_entry_old, @function
syscall_entry_old:
	swapgs
	jmp native_or_foreign
	.size syscall_entry_old, . - syscall_entry_old

/*
 * The fast path: the arguments stay in the registers, all but one where C wants them (compiler.h); ctx_save_call saves them
 * and RAX, which is free here.
 */
	.macro fast_call name, target
	.balign 64
	.type \name, @function
\name:
	movq %gs:CPU_CURRENT, %rax
	movq %rcx, CTX_RIP(%rax)
	movq %r11, CTX_RFLAGS(%rax)
	movl $1, CTX_ENTRY(%rax)
	save rax, rsp, rbx, rbp, r13, r14, r15
	movq %r10, %r13
	movq %gs:CPU_KERNEL_STACK_TOP, %rsp
	jmp \target
	.size \name, . - \name
	.endm

	fast_call reply_recv_call, kernel_ipc_reply_recv
	fast_call call_call, kernel_ipc_call

/*
 * Any other number: to the personality.  SYSRET takes the handler's address from RCX and the flags from R11,
 * which SYSCALL has destroyed anyway, so the message page's address goes in RSP.
 */
	.type foreign_call, @function
foreign_call:
	movq %rcx, PAGE_SYSCALL_RIP + THREAD_PAGE(%rsp)
	movq %gs:CPU_USER_RSP, %rcx
	movq %r11, PAGE_SYSCALL_RFLAGS + THREAD_PAGE(%rsp)
	movq %rcx, PAGE_SYSCALL_RSP + THREAD_PAGE(%rsp)
	movq THREAD_SYSCALL_ENTRY(%rsp), %rcx
	testq %rcx, %rcx
	jz foreign_without_personality
	incq %gs:CPU_ENTRIES
	movl $0x202, %r11d
	movq THREAD_PAGE_VA(%rsp), %rsp
	swapgs
	sysretq
	.size foreign_call, . - foreign_call

	.type foreign_without_personality, @function
foreign_without_personality:
	movq PAGE_SYSCALL_RIP + THREAD_PAGE(%rsp), %rcx
	save_registers
	jmp kernel_foreign_syscall
	.size foreign_without_personality, . - foreign_without_personality

/* Continues cpu()->current. Nothing on the kernel stack is needed from here on. */
	.globl return_to_current
	.type return_to_current, @function
return_to_current:
	movq %gs:CPU_CURRENT, %rsp
	cmpl $1, CTX_ENTRY(%rsp)
	jne return_full
	swapgs
	load rsp, rax, rdi, rsi, rdx, r10, r8, r9, rbx, rbp, r12, r13, r14, r15
	movq CTX_RIP(%rsp), %rcx
	movq CTX_RFLAGS(%rsp), %r11
	movq ctx_rsp(%rsp), %rsp
	sysretq
	.size return_to_current, . - return_to_current

/*
 * The end of the fast path: the thread at RSP goes on with the results 0 to 6 in RDI, RSI, RDX, R10, R8, R9, R12 and no error.
 * GS is the user's already.
 */
	.balign 64
	.globl return_with_message
	.type return_with_message, @function
return_with_message:
	xorl %eax, %eax
	load rsp, rbx, rbp, r13, r14, r15
	movq CTX_RIP(%rsp), %rcx
	movq CTX_RFLAGS(%rsp), %r11
	movq ctx_rsp(%rsp), %rsp
	sysretq
	.size return_with_message, . - return_with_message

	.macro load_all /* from the thread at RDI; leaves IRETQ's frame on the stack */
	pushq $SEL_USER_DATA
	pushq ctx_rsp(%rdi)
	pushq CTX_RFLAGS(%rdi)
	pushq $SEL_USER_CODE
	pushq CTX_RIP(%rdi)
	load rdi, rax, rbx, rcx, rdx, rsi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	movq ctx_rdi(%rdi), %rdi
	.endm

	.type return_full, @function
return_full:
	movq %rsp, %rdi
	movq %gs:CPU_KERNEL_STACK_TOP, %rsp
	load_all
	swapgs
	iretq
	.size return_full, . - return_full

/* ---- exceptions and interrupts -------------------------------------------------------------------- */

/* Stack: vector, error code, RIP, CS, RFLAGS, RSP, SS */
	.type trap_common, @function
trap_common:
	cld
	.globl trap_clac
trap_clac:
	nop /* CLAC is written over these three bytes where the CPU has SMAP */
	nop
	nop
	testb $3, 24(%rsp)
	jz trap_from_kernel
	swapgs
	lfence /* not with the other GS, whatever the CPU has guessed; below too */
	pushq %rax
	movq %gs:CPU_CURRENT, %rax
	save rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	popq ctx_rax(%rax)
	popq %rdi /* vector */
	popq %rsi /* error code */
	popq CTX_RIP(%rax)
	popq %rdx
	popq CTX_RFLAGS(%rax)
	popq ctx_rsp(%rax)
	movl $0, CTX_ENTRY(%rax)
	movq %gs:CPU_KERNEL_STACK_TOP, %rsp
	jmp trap_from_user
	.size trap_common, . - trap_common

	.macro push_frame /* struct trap_frame (trap.h) */
	.irp register, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	pushq %\register
	.endr
	.endm

/*
 * NMI, #DB, #DF and #MC, on stacks of their own.  In the kernel they may come where GS is still or again the user's, who
 * may choose any base: it is set from the word above the stack.  Such a trap never returns, so nothing is to be restored.
 */
	.type trap_on_ist, @function
trap_on_ist:
	testb $3, 24(%rsp)
	jnz trap_common
	push_frame
	movl $MSR_GS_BASE, %ecx
	movl 176(%rsp), %eax
	movl 180(%rsp), %edx
	wrmsr
	jmp trap_frame_made
	.size trap_on_ist, . - trap_on_ist

/* The idle loop's interrupts; everything else is a bug. */
	.type trap_from_kernel, @function
trap_from_kernel:
	lfence
	push_frame
trap_frame_made:
	movq %rsp, %rdi
	movq %rsp, %rbx
	andq $-16, %rsp
	call trap_in_kernel
	movq %rbx, %rsp
	.irp register, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax
	popq %\register
	.endr
	addq $16, %rsp
	iretq
	.size trap_from_kernel, . - trap_from_kernel

/* One stub a vector: pushes what the processor does not, and the vector. */
	.macro stub vector, common, on_ist
	.balign 16
	.if \vector == 8 || (\vector >= 10 && \vector <= 14) || \vector == 17 || \vector == 21 || \vector == 29 || \vector == 30
	.else
	pushq $0
	.endif
	pushq $\vector
	.if \vector == 1 || \vector == 2 || \vector == 8 || \vector == 18
	jmp \on_ist
	.else
	jmp \common
	.endif
	.endm

	.balign 16
	.globl trap_stubs
trap_stubs:
	.set number, 0
	.rept VECTOR_COUNT
	stub number, trap_common, trap_on_ist
	.set number, number + 1
	.endr

/* ---- separated page tables --------------------------------------------------------------------------- */

/*
 * Where user mode has page tables of its own (trap.c), these doors lead to those above and back.  They and what they touch,
 * the first page of struct cpu and the stacks of IST, are all of the kernel that user mode's tables hold.
 */
	.type syscall_separated, @function
syscall_separated:
	movq %rax, ctx_rax(%rsp)
	save_registers
	movl %eax, %ecx
	shrl $16, %ecx
	cmpl $NATIVE_HIGH_HALF, %ecx
	jne kernel_foreign_syscall
	movzwl %ax, %edi
	jmp kernel_syscall
	.size syscall_separated, . - syscall_separated

/* Like return_to_current, always with all registers. Its address stays in the first word of the stack. */
	.globl return_separated
	.type return_separated, @function
return_separated:
	movq %gs:CPU_KERNEL_STACK_TOP, %rsp
	subq $8, %rsp
	call trap_leave
	movq %gs:CPU_CURRENT, %rdi
	movq %gs:CPU_SELF, %rsp
	addq $CPU_ENTRY_STACK_TOP, %rsp
	load_all
	jmp leave_separated
	.size return_separated, . - return_separated

	.section .text.entry, "ax", @progbits
	.globl entry_text_start, entry_text_end, syscall_entry_separated, trap_stubs_separated
entry_text_start:
	.type syscall_entry_separated, @function
syscall_entry_separated:
	swapgs
	movq %rsp, %gs:CPU_USER_RSP
	movq %gs:CPU_ROOT, %rsp
	movq %rsp, %cr3
	movq %gs:CPU_CURRENT, %rsp
	jmp syscall_separated
	.size syscall_entry_separated, . - syscall_entry_separated

/* VERW empties the buffers that a CPU may forward to user mode's loads (MDS); its operand is the frame's SS. */
	.type leave_separated, @function
leave_separated:
	pushq %rax
	movq %gs:CPU_USER_ROOT, %rax
	movq %rax, %cr3
	verw 40(%rsp)
	popq %rax
	swapgs
	iretq
	.size leave_separated, . - leave_separated

/* An interrupt of the idle loop finds the kernel's tables; every other stack has its CPU above it. */
	.type trap_separated, @function
trap_separated:
	testb $3, 24(%rsp)
	jz trap_common
trap_on_ist_separated:
	pushq %rax
	movq 64(%rsp), %rax
	movq CPU_ROOT(%rax), %rax
	movq %rax, %cr3
	popq %rax
	jmp trap_on_ist
	.size trap_separated, . - trap_separated

	.balign 16
trap_stubs_separated:
	.set number, 0
	.rept VECTOR_COUNT
	stub number, trap_separated, trap_on_ist_separated
	.set number, number + 1
	.endr
entry_text_end:
	.text

/* ---- speculation --------------------------------------------------------------------------------- */

/* RDI, RSI: arguments; RDX: the function, entered by a return whose predicted target is the loop. */
	.globl arch_call_guarded
	.type arch_call_guarded, @function
arch_call_guarded:
	call 2f
1:	pause
	lfence
	jmp 1b
2:	movq %rdx, (%rsp)
	ret
	.size arch_call_guarded, . - arch_call_guarded

/* ---- idling ---------------------------------------------------------------------------------------- */

/* STI lets no interrupt in before the next instruction has been executed: none is lost before HLT. */
	.globl idle_once
	.type idle_once, @function
idle_once:
	sti
	hlt
	cli
	ret
	.size idle_once, . - idle_once

/* Another CPU than the first comes from the boot tables to the kernel's and to its stack: smp.c. */
	.globl smp_entry
	.type smp_entry, @function
smp_entry:
	movq smp_root(%rip), %rax
	movq %rax, %cr3
	movq smp_stack(%rip), %rsp
	xorl %ebp, %ebp
	call smp_entered
	.size smp_entry, . - smp_entry

/* Loads the GDT's selectors. */
	.globl load_selectors
	.type load_selectors, @function
load_selectors:
	popq %rax
	pushq $SEL_KERNEL_CODE
	pushq %rax
	xorl %eax, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %fs
	movl %eax, %gs
	movl $SEL_KERNEL_DATA, %eax
	movl %eax, %ss
	lretq
	.size load_selectors, . - load_selectors

	.section .note.GNU-stack, "", @progbits
