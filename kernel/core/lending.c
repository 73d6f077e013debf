/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Lending: a server runs on its client's SchedContext and at least at its priority.
 *
 * The invariants stand in sched.h, the rules in docs/decisions/0007-time.md.  A chain has at most SCHED_LENDING_DEPTH links, so
 * everything here takes constant time.  The fast path does what lending_begin and lending_end do in its case.
 */
#include <sched.h>
#include <thread.h>

static void use_own(struct thread *thread)
{
	thread->context = thread->own_context;
	thread->lender = 0;
	thread->lending_depth = 0;
	/* an answer by the fast path would keep it on this CPU */
	if (thread->state == THREAD_READY)
		thread->call_cache.generation = 0; /* it makes no fast call away from home: slot_cache_call */
	else
		thread->cpu = thread->home;
	sched_reconsider(thread, thread->own_priority);
}

void lending_begin(struct thread *caller, struct thread *server)
{
	uint8_t priority = caller->priority < server->priority ? caller->priority : server->priority;

	if (caller->lending_depth >= SCHED_LENDING_DEPTH || !sched_may_run(caller))
		return;
	server->context = caller->context;
	server->lender = thread_ref_of(caller);
	server->lending_depth = caller->lending_depth + 1u;
	sched_context_at(server->context)->runner = thread_ref_of(server);
	sched_reconsider(server, priority);
}

void lending_end(struct thread *caller)
{
	if (caller->context == 0)
		return;
	struct sched_context *context = sched_context_at(caller->context);

	while (context->runner != thread_ref_of(caller)) { /* at most SCHED_LENDING_DEPTH turns */
		struct thread *runner = thread_at(context->runner);

		context->runner = runner->lender;
		use_own(runner);
	}
}

void lending_give_back(struct thread *server)
{
	if (server->lender == 0)
		return;
	sched_context_at(server->context)->runner = server->lender;
	use_own(server);
}
