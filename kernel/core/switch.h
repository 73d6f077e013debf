/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The one way from one thread to another, inline for the fast path. Everybody else calls switch_to (sched.h). */
#pragma once

#include <object.h>

/* Makes next current in place of `from`, another thread: registers in the CPU.
 * The caller switches the address space, and sees to the context in use. */
static ALWAYS_INLINE void switch_from(struct cpu *here, struct thread *from, struct thread *next)
{
	here->current = next;
	arch_context_switch(&from->ctx, &next->ctx);
}
