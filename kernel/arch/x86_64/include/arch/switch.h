/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: what a switch between threads exchanges in the CPU, and the clock.  Inline, because the fast path of IPC
 * counts instructions.
 *
 * With FSGSBASE the CPU holds the true bases of the live thread.  XSAVEOPT and XRSTOR take a mask of all ones, which
 * the CPU cuts to XCR0.  Older CPUs take the function in fpu.c.  Source: Intel SDM volume 1, chapter 13.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <arch/context.h>
#include <compiler.h>
#include <paddr.h>

/* What the CPU holds now (kernel_map.c), and whether it has FSGSBASE and XSAVEOPT (fpu.c). */
struct arch_live {
	uint64_t root; /* CR3 */
	uint64_t cr3_writes;
	bool is_modern;
};
extern struct arch_live arch_live;

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
	if (root.raw == arch_live.root)
		return;
	arch_live.root = root.raw;
	arch_live.cr3_writes++;
	__asm__ volatile("movq %0, %%cr3" : : "r"(root.raw) : "memory");
}

/* The next thread must not see what the last one left in the data segment registers: 64-bit programs do not use
 * them, so nobody misses the zero. Before the bases are written: loading a selector may change its base. */
static ALWAYS_INLINE void selectors_clear(void)
{
	__asm__ volatile("movl %0, %%ds\n\tmovl %0, %%es\n\tmovl %0, %%fs\n\tmovl %0, %%gs" : : "r"(0));
}

static ALWAYS_INLINE void arch_context_switch(struct arch_context *from, struct arch_context *to)
{
	if (!LIKELY(arch_live.is_modern)) {
		context_switch_old(from, to);
		return;
	}
	__asm__ volatile("rdfsbase %0" : "=r"(from->regs.fs_base));
	__asm__ volatile("rdgsbase %0" : "=r"(from->regs.gs_base));
	selectors_clear();
	__asm__ volatile("wrfsbase %0" : : "r"(to->regs.fs_base));
	__asm__ volatile("wrgsbase %0" : : "r"(to->regs.gs_base));
	__asm__ volatile("xsaveopt64 %0" : "=m"(from->fpu) : "a"(~0u), "d"(~0u));
	__asm__ volatile("xrstor64 %0" : : "m"(to->fpu), "a"(~0u), "d"(~0u) : "memory");
}

/* entry.S: return_by_sysret takes the thread, in whose registers SYSCALL's rip and rflags stand, from RSP. */
static ALWAYS_INLINE void arch_continue(const struct arch_context *ctx)
{
	__asm__ volatile("leaq %c1(%0), %%rsp\n\tjmp return_by_sysret"
			 :
			 : "r"(ctx), "i"(-CTX_IN_THREAD)
			 : "memory");
	__builtin_unreachable();
}
