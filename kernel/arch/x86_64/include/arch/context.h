/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the saved user state of a thread.
 *
 * Pure data and inlines without assembly: the host build uses this header too.  The entry stubs
 * (arch/x86_64/entry.S) know the offsets through asm_offsets.h, which asserts them.
 *
 * Invariant: entry is CTX_SYSCALL only while rip and rflags are the ones SYSCALL delivered (or rip is two
 * bytes less, to restart it); then rcx and r11 are dead and SYSRET may be used.  Everything that sets
 * another rip sets CTX_FULL, and the thread continues with IRETQ.
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include <tessera/types.h>

/* XSAVE standard format up to and with AVX-512 (Intel SDM volume 1, 13.4); FXSAVE uses the first 512. */
#define CTX_FPU_BYTES 2688u

/* Where struct thread holds it (asm_offsets.c asserts it): the stubs count from the thread's start. */
#define CTX_IN_THREAD 640

/* How the thread entered the kernel, which decides how it leaves. */
#define CTX_FULL 0u    /* interrupt, exception, or registers that were set: every register counts */
#define CTX_SYSCALL 1u /* SYSCALL: rcx and r11 do not count */

#define RFLAGS_FIXED 0x2ull
#define RFLAGS_IF 0x200ull
/* What a user may choose: CF PF AF ZF SF TF DF OF NT RF AC ID. IF is always on, IOPL 0. */
#define RFLAGS_USER 0x254dd5ull

struct arch_context {
	struct user_regs regs; /* fs_base, gs_base: valid after arch_context_sync */
	uint64_t call_number;  /* CTX_SYSCALL: RAX as the call had it */
	uint64_t entry;	       /* CTX_* */
	uint64_t reserved[2];
	_Alignas(64) uint8_t fpu[CTX_FPU_BYTES];
};
static_assert(offsetof(struct arch_context, fpu) == 192, "the stubs and XSAVE rely on it");
static_assert(sizeof(struct arch_context) == 192 + CTX_FPU_BYTES, "no padding behind the FPU area");

/* Argument i (0..6) of a native system call: RDI RSI RDX R10 R8 R9 R12. */
static inline uint64_t ctx_arg(const struct arch_context *ctx, unsigned int i)
{
	switch (i) {
	case 0: return ctx->regs.rdi;
	case 1: return ctx->regs.rsi;
	case 2: return ctx->regs.rdx;
	case 3: return ctx->regs.r10;
	case 4: return ctx->regs.r8;
	case 5: return ctx->regs.r9;
	default: return ctx->regs.r12;
	}
}

/* Result i (0..6), in the registers of the arguments. */
static inline void ctx_set_result(struct arch_context *ctx, unsigned int i, uint64_t value)
{
	switch (i) {
	case 0: ctx->regs.rdi = value; break;
	case 1: ctx->regs.rsi = value; break;
	case 2: ctx->regs.rdx = value; break;
	case 3: ctx->regs.r10 = value; break;
	case 4: ctx->regs.r8 = value; break;
	case 5: ctx->regs.r9 = value; break;
	default: ctx->regs.r12 = value; break;
	}
}

/* Stores the seven arguments of a native call that the entry stub left in the registers. */
static inline void ctx_save_call(struct arch_context *ctx, uint32_t operation, const uint64_t args[7])
{
	ctx->call_number = TESSERA_SYSCALL_BASE + operation;
	ctx->regs.rdi = args[0];
	ctx->regs.rsi = args[1];
	ctx->regs.rdx = args[2];
	ctx->regs.r10 = args[3];
	ctx->regs.r8 = args[4];
	ctx->regs.r9 = args[5];
	ctx->regs.r12 = args[6];
}

/* The operation a native system call asked for. */
static inline uint32_t ctx_call_number(const struct arch_context *ctx)
{
	return (uint32_t)ctx->call_number - TESSERA_SYSCALL_BASE;
}

/* The error a native call returns. */
static inline void ctx_set_error(struct arch_context *ctx, uint64_t error)
{
	ctx->regs.rax = error;
}

static inline uint64_t ctx_ip(const struct arch_context *ctx)
{
	return ctx->regs.rip;
}

/* ip must lie in the user half. */
static inline void ctx_set_ip(struct arch_context *ctx, uint64_t ip)
{
	if (ctx->entry == CTX_SYSCALL) {
		ctx->regs.rcx = ctx->regs.rip;
		ctx->regs.r11 = ctx->regs.rflags;
	}
	ctx->regs.rip = ip;
	ctx->entry = CTX_FULL;
}

static inline uint64_t ctx_sp(const struct arch_context *ctx)
{
	return ctx->regs.rsp;
}

static inline uint64_t ctx_flags(const struct arch_context *ctx)
{
	return ctx->regs.rflags;
}

/*
 * Continues at ip, one of the personality's entries, with the address of the message page in RSP and RCX
 * and clean flags.  The caller has saved what was there before.
 */
static inline void ctx_enter(struct arch_context *ctx, uint64_t ip, uint64_t page_va)
{
	ctx_set_ip(ctx, ip);
	ctx->regs.rcx = page_va;
	ctx->regs.rsp = page_va;
	ctx->regs.rflags = RFLAGS_FIXED | RFLAGS_IF;
}

/* Makes the thread execute its system call again when it next runs; only for one that is CTX_SYSCALL. */
static inline void ctx_restart(struct arch_context *ctx)
{
	ctx->regs.rip -= 2;
	ctx->regs.rax = ctx->call_number;
}

/* The same, but it executes another operation (with the same arguments) then. */
static inline void ctx_restart_as(struct arch_context *ctx, uint32_t operation)
{
	ctx->regs.rip -= 2;
	ctx->regs.rax = TESSERA_SYSCALL_BASE + operation;
}
