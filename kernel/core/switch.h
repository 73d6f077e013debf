/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The one way from one thread to another, inline for the fast path. Everybody else calls switch_to (sched.h). */
#pragma once

#include <object.h>

/* Makes next current in place of `from`, another thread: accounting.  The caller exchanges the registers in the CPU and the
 * address space. */
static ALWAYS_INLINE void switch_accounts(struct cpu ARCH_CPU_SPACE *here, struct thread *from,
					  struct thread *next)
{
	uint64_t now = arch_tsc();

	from->consumed_tsc += now;
	next->consumed_tsc -= now;
	next->switches++;
	here->current = next;
}
