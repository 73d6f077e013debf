/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Long operations: how much they have done in this kernel entry, and their progress when they are executed again.
 *
 * An operation adds what each of its steps costs, in instructions, about (work_add), and stops when that is enough: it
 * leaves the kernel, an interrupt may come, and the system call is executed again.  A step costs at most 3,000
 * itself, so that no entry keeps interrupts off for longer than 5,000 instructions (tests/bounds measures it).  The first step of
 * an entry is always done.
 * The progress is kept in the Thread under a key made of the operation's number and all its arguments, so that another
 * call in between (a personality's interrupt entry) neither takes nor keeps it for itself.
 */
#pragma once

#include <cspace.h>

#define WORK_MAX 1200u

static ALWAYS_INLINE void work_add(uint32_t instructions)
{
	arch_here()->work += instructions;
}

/* True: stop behind this step. */
static ALWAYS_INLINE bool work_is_enough(void)
{
	return arch_here()->work >= WORK_MAX;
}

uint64_t restart_take_slow(struct thread *self, uint32_t operation);

/* The progress this very call had reached when it was preempted; 0 if it is new. */
static ALWAYS_INLINE uint64_t restart_take(struct thread *self, uint32_t operation)
{
	return LIKELY(self->restart_key == 0) ? 0 : restart_take_slow(self, operation);
}

/* Notes the progress (not 0). */
void restart_note(struct thread *self, uint32_t operation, uint64_t progress);

/* The same, and returns E_RESTART. */
static inline MUST_CHECK enum tessera_error restart_later(struct thread *self, uint32_t operation,
							  uint64_t progress)
{
	restart_note(self, operation, progress);
	return E_RESTART;
}
