/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The rings of calls that other CPUs are to execute.  See remote.h; dispatch.c executes them. */
#include <lock.h>
#include <queue.h>
#include <remote.h>
#include <sched.h>

void remote_send(struct thread *caller, uint32_t id)
{
	sched_block(caller, THREAD_REMOTE);
	caller->queue_object = id;
	ring_append(&cpus[id]->remote, caller);
	lock_kick(id);
}

struct thread *remote_take(struct cpu *here)
{
	struct thread *caller = here->remote != 0 ? thread_at(here->remote) : NULL;

	if (caller != NULL)
		remote_remove(caller);
	return caller;
}

void remote_remove(struct thread *caller)
{
	if (caller->queue_next != 0) /* else its call is being executed */
		ring_remove(&cpus[caller->queue_object]->remote, caller);
	caller->queue_object = 0;
}
