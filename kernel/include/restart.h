/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Progress of operations that were preempted and are executed again.
 *
 * The progress is kept in the Thread under a key made of the operation's number and all its arguments, so that another
 * call in between (a personality's interrupt entry) neither takes nor keeps it for itself.
 */
#pragma once

#include <cspace.h>

uint64_t restart_take_slow(struct thread *self, uint32_t operation);

/* The progress this very call had reached when it was preempted; 0 if it is new. */
static ALWAYS_INLINE uint64_t restart_take(struct thread *self, uint32_t operation)
{
	return LIKELY(self->restart_key == 0) ? 0 : restart_take_slow(self, operation);
}

/* Notes the progress (not 0) and returns E_RESTART. */
MUST_CHECK enum tessera_error restart_later(struct thread *self, uint32_t operation, uint64_t progress);
