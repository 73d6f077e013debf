/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The one way from one thread to another, inline for the fast path. Everybody else calls switch_to (sched.h). */
#pragma once

#include <object.h>

/* Makes next current in place of `from`, another thread: accounting and registers in the CPU.
 * The caller switches the address space. */
static ALWAYS_INLINE void switch_from(struct cpu *here, struct thread *from, struct thread *next)
{
	uint64_t now = arch_tsc();

	from->consumed_tsc += now;
	next->consumed_tsc -= now;
	next->switches++;
	here->current = next;
	arch_context_switch(&from->ctx, &next->ctx);
}
