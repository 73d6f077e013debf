/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: asserts every offset that layout.h gives to the entry stubs against the structures.  No code.
 */
#include <object.h>

#include "layout.h"
#include "trap.h"

#define SAME(constant, type, member) \
	static_assert((constant) == offsetof(type, member), "layout.h does not follow " #type "." #member)

SAME(CPU_SELF, struct cpu, self);
SAME(CPU_CURRENT, struct cpu, current);
SAME(CPU_KERNEL_STACK_TOP, struct cpu, kernel_stack_top);
SAME(CPU_ENTRIES, struct cpu, entries);
SAME(ARCH_IN_CPU, struct cpu, arch);
SAME(CPU_USER_RSP, struct cpu, arch.user_rsp);
SAME(CPU_USER_EAX, struct cpu, arch.user_eax);
SAME(CPU_ROOT, struct cpu, arch.root);
SAME(CPU_USER_ROOT, struct cpu, arch.user_root);
SAME(CPU_ENTRY_STACK_TOP, struct cpu, arch.entry_self);
static_assert(CPU_ENTRY_STACK_TOP % 16 == 0, "the CPU aligns the stack it enters on");
static_assert(offsetof(struct cpu, ready) >= PAGE_SIZE, "the first page is what user mode's tables hold");

SAME(THREAD_PAGE_VA, struct thread, page_va);
SAME(THREAD_SYSCALL_ENTRY, struct thread, personality.syscall_entry);
SAME(THREAD_CTX, struct thread, ctx);
SAME(CTX_IN_THREAD, struct thread, ctx);
static_assert(THREAD_BYTES == 2 * THREAD_PAGE, "the message page is the second page of a Thread");

#define IS_AT(place, register) (offsetof(struct user_regs, register) == 8 * (place))
static_assert(IS_AT(0, rax) && IS_AT(1, rbx) && IS_AT(2, rcx) && IS_AT(3, rdx) && IS_AT(4, rsi) &&
		      IS_AT(5, rdi) && IS_AT(6, rbp) && IS_AT(7, rsp) && IS_AT(8, r8) && IS_AT(9, r9) &&
		      IS_AT(10, r10) && IS_AT(11, r11) && IS_AT(12, r12) && IS_AT(13, r13) &&
		      IS_AT(14, r14) && IS_AT(15, r15),
	      "CTX_REGISTERS is the order of struct user_regs");
SAME(CTX_RIP, struct thread, ctx.regs.rip);
SAME(CTX_RFLAGS, struct thread, ctx.regs.rflags);
SAME(CTX_CALL_NUMBER, struct thread, ctx.call_number);
SAME(CTX_ENTRY, struct thread, ctx.entry);
static_assert(CTX_SYSCALL == 1 && CTX_FULL == 0, "the stubs know these values");

SAME(PAGE_SYSCALL_RIP, struct msg_page, syscall_rip);
SAME(PAGE_SYSCALL_RSP, struct msg_page, syscall_rsp);
SAME(PAGE_SYSCALL_RFLAGS, struct msg_page, syscall_rflags);

static_assert(TESSERA_SYSCALL_BASE == (unsigned int)NATIVE_HIGH_HALF << 16,
	      "the stubs compare the high half only");
static_assert(sizeof(struct trap_frame) == 22 * 8, "trap_from_kernel pushes this");
static_assert(VECTOR_LINE + ARCH_IRQ_LINES <= VECTOR_TIMER && VECTOR_TIMER < VECTOR_COUNT,
	      "vectors do not overlap");
