/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Offsets that the assembly of the personality shares with C; lx.h asserts every one of them.
 *
 * The words of msg_page.personality (PAGE_*) are set when a thread starts. PAGE_RESTORE is the frame from which a
 * program's whole state is loaded: five words for IRETQ, the registers, and the stack pointer for RET 128 (0: IRETQ).
 */
#pragma once

#define PAGE_RIP 3184
#define PAGE_RSP 3192
#define PAGE_RFLAGS 3200
#define PAGE_STICKY 3208
#define PAGE_CONTEXT 3240
#define CONTEXT_RCX (PAGE_CONTEXT + 16)
#define CONTEXT_RDX (PAGE_CONTEXT + 24)
#define CONTEXT_RSP (PAGE_CONTEXT + 56)
#define CONTEXT_RIP (PAGE_CONTEXT + 128)
#define PAGE_STACK 3400	   /* personality[0]: top of the thread's personality stack */
#define PAGE_IDENTITY 3408 /* personality[1]: struct process_page of the thread's process */
#define PAGE_FLAGS 3416	   /* personality[2]: LX_FLAG_* */
#define PAGE_TID 3424	   /* personality[3] */
#define PAGE_TICKS 3432	   /* personality[4]: address of the thread's system_ticks */
#define PAGE_RESTORE 3464  /* personality[8..28] */

#define STICKY_EXCEPTION_BIT 2

/* struct process_page */
#define IDENTITY_PID 0
#define IDENTITY_PPID 4
#define IDENTITY_PGID 8
#define IDENTITY_UID 16
#define IDENTITY_EUID 20
#define IDENTITY_GID 28
#define IDENTITY_EGID 32

/* struct lx_regs */
#define REGS_BYTES 160
#define REGS_RBX 8
#define REGS_RDX 24
#define REGS_RSI 32
#define REGS_RDI 40
#define REGS_RBP 48
#define REGS_R8 64
#define REGS_R9 72
#define REGS_R10 80
#define REGS_R12 96
#define REGS_PAGE 144
#define REGS_ORIG 152

#define LX_MESSAGE_PAGE_VA 0x7fff60000000
#define LX_STACK_VA 0x7fff60040000
#define LX_STACK_STRIDE_LOG2 16
#define LX_THREAD_BYTES 1024
