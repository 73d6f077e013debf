/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: constants that assembly and C share: selectors, and offsets into the structures that the entry
 * stubs touch.  asm_offsets.c asserts every offset against the structure, so a change of a structure that
 * is not followed here does not compile.
 */
#pragma once

#define KERNEL_OFFSET 0xffffffff80000000 /* virtual minus physical address of the kernel image */

/* Selectors, the same as Linux has: programs that look at CS see what they expect. */
#define SEL_KERNEL_CODE 0x10
#define SEL_KERNEL_DATA 0x18
#define SEL_USER_CODE32 0x23 /* only the base that SYSRET counts from; not present */
#define SEL_USER_DATA 0x2b
#define SEL_USER_CODE 0x33
#define SEL_TSS 0x40

#define KERNEL_STACK_BYTES 16384
#define IST_STACK_BYTES 4096
#define GUARD_BYTES 4096
#define IST_STACKS 4
/* The stacks of one CPU: guard, kernel stack, then IST_STACKS times guard and stack. */
#define STACKS_KERNEL_END (GUARD_BYTES + KERNEL_STACK_BYTES)
#define STACKS_BYTES (STACKS_KERNEL_END + IST_STACKS * (GUARD_BYTES + IST_STACK_BYTES))
#define IST_RESERVED 16 /* bytes above an IST stack: the word at the top is the CPU's struct cpu */

/* Vectors from 32 on */
#define VECTOR_PIC 0x20	 /* 16 vectors: what a masked PIC may still deliver */
#define VECTOR_LINE 0x30 /* 24 vectors: interrupt lines */
#define VECTOR_TIMER 0x48
#define VECTOR_CPU 0x49	     /* another CPU wants something: lock.h */
#define VECTOR_SPURIOUS 0x4f /* low four bits set, for old local APICs */
#define VECTOR_COUNT 0x50

#define MSR_GS_BASE 0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102 /* the user's while the kernel runs */

/* struct cpu, at GS in the kernel */
#define CPU_SELF 0
#define CPU_CURRENT 8
#define CPU_KERNEL_STACK_TOP 24
#define CPU_ENTRIES 32
#define CPU_USER_RSP 40 /* struct arch_cpu */
#define CPU_USER_EAX 48
#define CPU_ROOT 56
#define CPU_USER_ROOT 64
#define CPU_ENTRY_STACK_TOP 416

/* struct thread */
#define THREAD_PAGE_VA 352
#define THREAD_SYSCALL_ENTRY 512
#define THREAD_CTX 640
#define THREAD_PAGE 4096 /* the message page stands behind the Thread's first page */

/* struct arch_context, from the start of struct thread */
/* struct user_regs begins with these */
#define CTX_REGISTERS rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15
#define CTX_RIP (THREAD_CTX + 128)
#define CTX_RFLAGS (THREAD_CTX + 136)
#define CTX_CALL_NUMBER (THREAD_CTX + 160)
#define CTX_ENTRY (THREAD_CTX + 168)

/* struct msg_page */
#define PAGE_SYSCALL_RIP 3184
#define PAGE_SYSCALL_RSP 3192
#define PAGE_SYSCALL_RFLAGS 3200

#define NATIVE_BASE 0x7e550000 /* TESSERA_SYSCALL_BASE */
#define NATIVE_HIGH_HALF 0x7e55
#define OPERATION_CALL 3
#define OPERATION_REPLY_RECV 5
