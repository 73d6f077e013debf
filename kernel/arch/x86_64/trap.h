/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: exceptions and interrupts, between the stubs in entry.S and the core.
 */
#pragma once

#include <stdint.h>

#include <compiler.h>

/* What trap_from_kernel has on the stack. */
struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error_code;
	uint64_t rip, cs, rflags, rsp, ss;
};

#define VECTOR_DEBUG 1u
#define VECTOR_NMI 2u
#define VECTOR_BREAKPOINT 3u
#define VECTOR_DOUBLE_FAULT 8u
#define VECTOR_PAGE_FAULT 14u
#define VECTOR_MACHINE_CHECK 18u
#define EXCEPTION_VECTORS 32u

/* entry.S; every stub has the same size */
#define TRAP_STUB_BYTES 16u
extern const unsigned char trap_stubs[], trap_stubs_separated[], entry_text_start[], entry_text_end[];
void syscall_entry(void);
void syscall_entry_old(void); /* without the fast path */
void load_selectors(void);
void idle_once(void);
void syscall_entry_separated(void);
NORETURN void return_to_current(void);
NORETURN void return_separated(void);
/* Called by return_separated: makes the current thread ready for it. */
void trap_leave(void);

/* Called by entry.S: the user's registers are in cpu()->current->ctx. */
void trap_from_user(uint64_t vector, uint64_t error_code);
void trap_in_kernel(struct trap_frame *frame);

/* panic.c: reports an exception in kernel mode and stops. */
NORETURN void panic_trap(const struct trap_frame *frame);
/* panic.c: the same for what cannot be continued from user mode (NMI, machine check). */
NORETURN void panic_user_trap(uint64_t vector, uint64_t error_code);
/* provoke.c: the boot option panic=; returns without it. */
void provoke_panic(void);
