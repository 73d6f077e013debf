/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: what a switch between threads exchanges in the CPU, and the clock.  Inline, because the fast path of IPC
 * counts instructions.
 *
 * With FSGSBASE the CPU holds the true bases of the live thread.  XSAVEOPT and XRSTOR take a mask of ones in EAX, which
 * the CPU cuts to XCR0, and any EDX: no component above 31 is on.  Older CPUs take the function in fpu.c and have no fast
 * path.  Source: Intel SDM volume 1, chapter 13.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <arch/context.h>
#include <compiler.h>
#include <paddr.h>

struct cpu;

/* What the architecture keeps for each CPU, in its struct cpu. */
#define ARCH_IN_CPU 40
struct arch_cpu {
	uint64_t user_rsp, user_eax; /* where SYSCALL's entry puts them */
	uint64_t root;		     /* what CR3 holds in the kernel */
	uint64_t user_root;	     /* and in user mode, if the tables are separated (trap.c) */
	uint64_t cr3_writes;
	uint64_t deadline_ns; /* what the timer is armed for; ~0: nothing */
	uint64_t stacks;      /* STACKS_BYTES: layout.h */
	uint64_t is_idle;     /* between STI and CLI of idle_once */
	uint64_t gdt[10];
	uint32_t tss[26];
	/* separated: where interrupts of user mode arrive and the way back begins; the word above tells the CPU */
	uint64_t entry_stack[16];
	struct cpu *entry_self;
	uint64_t lapic_id;
};

/* This CPU's, by GS. */
#define THIS_CPU ((struct arch_cpu __seg_gs *)ARCH_IN_CPU)

static ALWAYS_INLINE struct cpu *arch_this_cpu(void)
{
	return *(struct cpu * __seg_gs *)0;
}

/* A pointer to it that costs no register. */
#define ARCH_CPU_SPACE __seg_gs
static ALWAYS_INLINE struct cpu ARCH_CPU_SPACE *arch_here(void)
{
	return (struct cpu ARCH_CPU_SPACE *)0;
}

static ALWAYS_INLINE paddr_t arch_current_root(const struct arch_cpu *other)
{
	return (paddr_t){other->root};
}

/* Whether the CPUs have FSGSBASE and XSAVEOPT, and nothing more is to be done at a switch or on the way out
 * (speculation.h): there is a fast path then. */
extern bool cpu_is_modern;

/* fpu.c: the same without FSGSBASE or XSAVEOPT. */
void context_switch_old(struct arch_context *from, struct arch_context *to);

static ALWAYS_INLINE uint64_t arch_tsc(void)
{
	uint64_t low, high; /* the upper halves are zero */

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return high << 32 | low;
}

static ALWAYS_INLINE void arch_vspace_switch(paddr_t root)
{
	if (root.raw == THIS_CPU->root)
		return;
	THIS_CPU->root = root.raw;
	THIS_CPU->cr3_writes++;
	__asm__ volatile("movq %0, %%cr3" : : "r"(root.raw) : "memory");
}

/* The next thread must not see what the last one left in the data segment registers: 64-bit programs do not use
 * them, so nobody misses the zero. Before the bases are written: loading a selector may change its base. */
static ALWAYS_INLINE void selectors_clear(void)
{
	__asm__ volatile("movl %0, %%ds\n\tmovl %0, %%es\n\tmovl %0, %%fs\n\tmovl %0, %%gs" : : "r"(0));
}

/* In assembly: clang 19 forgets the segment of atomic operations. */
static ALWAYS_INLINE bool arch_try_lock(size_t offset)
{
	bool is_closed;

	__asm__ volatile("lock incl %%gs:%c1" : "=@ccs"(is_closed) : "i"(offset) : "memory");
	return !is_closed;
}

static ALWAYS_INLINE void arch_relax(void)
{
	__asm__ volatile("pause");
}

/* Exchanges what the kernel's GS hides: cpu() does not work between the two. */
static ALWAYS_INLINE void swap_gs(void)
{
	__asm__ volatile("swapgs" : : : "memory");
}

/* The modern way; leaves the user's GS in force. */
static ALWAYS_INLINE void context_switch_modern(struct arch_context *from, struct arch_context *to)
{
	swap_gs();
	__asm__ volatile("rdfsbase %0" : "=r"(from->regs.fs_base));
	__asm__ volatile("rdgsbase %0" : "=r"(from->regs.gs_base));
	selectors_clear();
	__asm__ volatile("wrfsbase %0" : : "r"(to->regs.fs_base));
	__asm__ volatile("wrgsbase %0" : : "r"(to->regs.gs_base));
	__asm__ volatile("xsaveopt64 %0" : "=m"(from->fpu) : "a"(~0u));
	__asm__ volatile("xrstor64 %0" : : "m"(to->fpu), "a"(~0u) : "memory");
}

static ALWAYS_INLINE void arch_context_switch(struct arch_context *from, struct arch_context *to)
{
	if (!LIKELY(cpu_is_modern)) {
		context_switch_old(from, to);
		return;
	}
	context_switch_modern(from, to);
	swap_gs();
}

/*
 * Switches to a thread that waits in a system call, and continues it with these results (0 to 6) and no error.
 * entry.S: return_with_message takes the thread from RSP.
 */
static ALWAYS_INLINE void arch_switch_and_deliver(struct arch_context *from, struct arch_context *to,
						  uint64_t r0, uint64_t r1, const uint64_t words[4],
						  uint64_t r6, uint8_t *lock_word)
{
	register uint64_t r10 __asm__("r10") = words[1];
	register uint64_t r8 __asm__("r8") = words[2];
	register uint64_t r9 __asm__("r9") = words[3];
	register uint64_t r12 __asm__("r12") = r6;

	context_switch_modern(from, to);
	if (lock_word != NULL)
		__atomic_store_n(lock_word, 0, __ATOMIC_RELEASE);
	__asm__ volatile("movq %0, %%rsp\n\tjmp return_with_message"
			 :
			 : "r"((const char *)to - CTX_IN_THREAD), "D"(r0), "S"(r1), "d"(words[0]), "r"(r10),
			   "r"(r8), "r"(r9), "r"(r12)
			 : "memory");
	__builtin_unreachable();
}
