/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Signals inside the personality: the way to a handler and back.
 * proc owns queues and siginfo; this side owns dispositions, masks, frames and restart rules.
 */
#pragma once

#include "lx/lx.h"

#define LX_SIGINFO_BYTES 128u

/* What a processor exception adds to a frame. */
struct lx_trap {
	uint64_t vector, error, address;
};

/* siginfo as 128 raw bytes: the layout of the kernel ABI. */
struct lx_siginfo {
	int32_t signo, errno_value, code, pad;
	union {
		uint64_t address; /* SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP */
		uint8_t rest[112];
	};
};
static_assert(sizeof(struct lx_siginfo) == LX_SIGINFO_BYTES, "siginfo_t is 128 bytes");

/* Builds the frame for a handler on the program's stack and points regs at the handler. -EFAULT: the stack is bad. */
MUST_CHECK long lx_frame_push(struct lx_thread *self, struct lx_regs *regs, uint32_t signal,
			      const struct lx_action *action, const struct lx_siginfo *info,
			      const struct lx_trap *trap, uint64_t mask_to_restore);
/* Takes the frame at regs->rsp (after the handler's return) back into regs and the mask. -EFAULT: it is bad. */
MUST_CHECK long lx_frame_pop(struct lx_thread *self, struct lx_regs *regs);

/* The thread's mask; SIGKILL and SIGSTOP are never in it. Notices what became deliverable. */
void lx_set_mask(struct lx_thread *self, uint64_t mask);
static inline uint64_t lx_mask(const struct lx_thread *self)
{
	return self->shared->blocked;
}
static inline uint64_t lx_signal_bit(uint32_t signal)
{
	return 1ull << (signal - 1);
}
/* A synchronous signal: to its handler, or the end of the process. Never returns. */
NORETURN void lx_force_signal(struct lx_thread *self, struct lx_regs *regs, uint32_t signal, int32_t code,
			      uint64_t address, const struct lx_trap *trap);
/* raise(3) by the personality itself (SIGPIPE, SIGXFSZ). */
void lx_raise(struct lx_thread *self, uint32_t signal);
/* Leaves for the program with exactly these registers; signals first. */
NORETURN void lx_resume(struct lx_regs *regs);
/* Dispositions of a new program: the process page's ignored ones stay, everything else is the default. */
void lx_sighand_after_exec(struct lx_process *process);
