/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: floating-point state and segment bases: what kernel entry leaves in the CPU and a thread switch
 * exchanges; and setting or reading a thread's registers.
 *
 * The FPU is switched eagerly.  XCR0 has the components whose standard-format area fits CTX_FPU_BYTES: x87,
 * SSE, AVX, and AVX-512 where the CPU has it.  Without XSAVE, FXSAVE.
 * With FSGSBASE the CPU holds the true bases of the live thread; without, the context does (a user cannot
 * change them then).  Source: Intel SDM volume 1, chapter 13.
 */
#include "fpu.h"

#include <object.h>

#include "asm.h"
#include "cpu.h"
#include "speculation.h"
#include "layout.h"

#define MSR_FS_BASE 0xc0000100u
#define XSTATE_X87_SSE 0x3ull
#define XSTATE_AVX 0x4ull
#define XSTATE_AVX512 0xe0ull
#define FXSAVE_BYTES 512u
#define XSAVE_HEADER_BYTES 64u
#define FXSAVE_MXCSR 24u
#define INITIAL_FCW 0x37fu
#define INITIAL_MXCSR 0x1f80u

static enum { FPU_FXSAVE, FPU_XSAVE, FPU_XSAVEOPT } fpu_mode;
static uint64_t xcr0;
bool zero_by_vector;
static size_t fpu_bytes = FXSAVE_BYTES;

void fpu_init(void)
{
	uint64_t possible = cpu_features.xcr0_possible;

	if (!cpu_features.has_xsave)
		return;
	xcr0 = XSTATE_X87_SSE | (possible & XSTATE_AVX);
	if ((possible & XSTATE_AVX) != 0 &&
	    (possible & XSTATE_AVX512) == XSTATE_AVX512) /* all of it or nothing */
		xcr0 |= XSTATE_AVX512;
	write_xcr0(xcr0);
	if (cpuid(13, 0).ebx > CTX_FPU_BYTES) {
		xcr0 &= ~XSTATE_AVX512;
		write_xcr0(xcr0);
	}
	fpu_bytes = (cpuid(13, 0).ebx + 7u) & ~7u;
	fpu_mode = cpu_features.has_xsaveopt ? FPU_XSAVEOPT : FPU_XSAVE;
	zero_by_vector = (xcr0 & XSTATE_AVX) != 0 && !cpu_features.has_erms;
}

void fpu_enable(void)
{
	if (cpu_features.has_xsave)
		write_xcr0(xcr0);
}

uint64_t fpu_components(void)
{
	return xcr0;
}

size_t fpu_area_bytes(void)
{
	return fpu_bytes;
}

static void fpu_save(struct arch_context *ctx)
{
	uint32_t low = (uint32_t)xcr0, high = (uint32_t)(xcr0 >> 32);

	if (LIKELY(fpu_mode == FPU_XSAVEOPT))
		__asm__ volatile("xsaveopt64 %0" : "+m"(ctx->fpu) : "a"(low), "d"(high) : "memory");
	else if (fpu_mode == FPU_XSAVE)
		__asm__ volatile("xsave64 %0" : "+m"(ctx->fpu) : "a"(low), "d"(high) : "memory");
	else
		__asm__ volatile("fxsave64 %0" : "+m"(ctx->fpu) : : "memory");
}

static void fpu_load(const struct arch_context *ctx)
{
	uint32_t low = (uint32_t)xcr0, high = (uint32_t)(xcr0 >> 32);

	if (LIKELY(fpu_mode != FPU_FXSAVE))
		__asm__ volatile("xrstor64 %0" : : "m"(ctx->fpu), "a"(low), "d"(high) : "memory");
	else
		__asm__ volatile("fxrstor64 %0" : : "m"(ctx->fpu) : "memory");
}

void arch_fpu_reset(struct arch_context *ctx)
{
	arch_zero(ctx->fpu, FXSAVE_BYTES + XSAVE_HEADER_BYTES);
	*(uint16_t *)(void *)ctx->fpu = INITIAL_FCW;
	*(uint32_t *)(void *)(ctx->fpu + FXSAVE_MXCSR) = INITIAL_MXCSR;
}

void arch_fpu_copy(struct arch_context *to, const struct arch_context *from)
{
	arch_copy(to->fpu, from->fpu, fpu_bytes);
}

/* ---- segment bases and switching ---- */

static void bases_save(struct arch_context *ctx)
{
	if (LIKELY(cpu_features.has_fsgsbase)) {
		ctx->regs.fs_base = read_fs_base();
		ctx->regs.gs_base = read_msr(MSR_KERNEL_GS_BASE);
	}
}

static void bases_load(const struct arch_context *ctx)
{
	write_msr(MSR_FS_BASE, ctx->regs.fs_base);
	write_msr(MSR_KERNEL_GS_BASE, ctx->regs.gs_base);
}

void context_switch_old(struct arch_context *from, struct arch_context *to)
{
	const struct thread *next = (const void *)((const unsigned char *)to - CTX_IN_THREAD);

	if (speculation_has_barrier() && next->vspace_root.raw != 0 &&
	    next->vspace_root.raw != THIS_CPU->root)
		speculation_barrier();
	bases_save(from);
	swap_gs(); /* clearing a selector may clear its base */
	selectors_clear();
	swap_gs();
	bases_load(to);
	fpu_save(from);
	fpu_load(to);
}

void arch_context_sync(struct arch_context *ctx)
{
	bases_save(ctx);
	fpu_save(ctx);
}
