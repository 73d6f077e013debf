/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: setting and reading a thread's registers as data.
 *
 * What user space chooses is checked here, so that the way back to user mode cannot fault: RIP in the user
 * half, bases canonical, flags masked.
 */
#include <hal.h>

#include "asm.h"
#include "cpu.h"

#define MSR_FS_BASE 0xc0000100u

static bool is_canonical(uint64_t va)
{
	uint64_t top = va >> 47;

	return top == 0 || top == 0x1ffff;
}

void arch_context_init(struct arch_context *ctx)
{
	ctx->regs = (struct user_regs){.rflags = RFLAGS_FIXED | RFLAGS_IF};
	ctx->call_number = 0;
	ctx->entry = CTX_FULL;
	arch_fpu_reset(ctx);
}

bool arch_context_set(struct arch_context *ctx, const struct user_regs *regs)
{
	struct user_regs copy = *regs; /* read once: it may lie in a message page */

	if (copy.rip >= USER_TOP || !is_canonical(copy.rsp))
		return false;
	if (!is_canonical(copy.fs_base) || !is_canonical(copy.gs_base))
		return false;
	copy.rflags = (copy.rflags & RFLAGS_USER) | RFLAGS_FIXED | RFLAGS_IF;
	ctx->regs = copy;
	ctx->entry = CTX_FULL;
	return true;
}

void arch_context_get(const struct arch_context *ctx, struct user_regs *regs)
{
	*regs = ctx->regs;
	if (ctx->entry == CTX_SYSCALL) {
		regs->rcx = ctx->regs.rip;
		regs->r11 = ctx->regs.rflags;
	}
}

bool arch_context_set_tls(struct arch_context *ctx, uint64_t fs_base, bool is_live)
{
	if (!is_canonical(fs_base))
		return false;
	ctx->regs.fs_base = fs_base;
	if (is_live)
		write_msr(MSR_FS_BASE, fs_base);
	return true;
}
