/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Life cycle of threads: init, stop, wake, end (the table of states stands in thread.h).
 *
 * Every way out of a blocked state goes through leave() or thread_end_wait(), so that queue, timer, Reply and state
 * always agree.
 */
#include <cspace.h>
#include <ipc.h>
#include <remote.h>
#include <sched.h>
#include <thread.h>
#include <timer.h>

#include <tessera/operations.h>

void thread_init(struct thread *thread)
{
	arch_context_init(&thread->ctx);
	thread->priority = PRIORITIES - 1u;
	thread->own_priority = PRIORITIES - 1u;
	thread->timer_bucket = TIMER_NONE;
	thread->state = THREAD_SUSPENDED;
	thread_cspace_gone(thread);
}

/* Out of every queue, timer and Reply; the state is SUSPENDED then, the registers are as they were. */
static void leave(struct thread *thread)
{
	timer_cancel(timer_wheel_of(thread), thread);
	switch (thread->state) {
	case THREAD_SENDING:
	case THREAD_RECEIVING: endpoint_remove(thread); break;
	case THREAD_WAITING: notification_remove(thread); break;
	case THREAD_CALLING:
	case THREAD_FAULTED: reply_abandon(thread); break;
	case THREAD_REMOTE: remote_remove(thread); break;
	default: break;
	}
	sched_block(thread, THREAD_SUSPENDED);
}

bool thread_end_wait(struct thread *thread, enum tessera_error error)
{
	timer_cancel(timer_wheel_of(thread), thread);
	ctx_set_error(&thread->ctx, error);
	thread->state = THREAD_SUSPENDED;
	bool may_run = !thread->is_suspended;

	thread->is_suspended = 0;
	if (UNLIKELY(thread->is_interrupted)) {
		thread->is_interrupted = 0;
		personality_interrupt(thread);
	}
	return may_run;
}

void thread_wake(struct thread *thread, enum tessera_error error)
{
	leave(thread);
	if (thread_end_wait(thread, error))
		sched_ready(thread);
}

/* reply_recv, too: the reply is done. The fast path has not saved the arguments, but remembers them. */
static void restart_recv(struct thread *thread)
{
	const struct slot_cache *cache = &thread->recv_cache;

	if (cache->generation != RECV_SLOW) {
		ctx_set_result(&thread->ctx, 0, (uint64_t)cache->reply_address << 32 | cache->address);
		ctx_set_result(&thread->ctx, 6, DEADLINE_NEVER);
	}
	ctx_restart_as(&thread->ctx, OP_RECV);
}

/* The system call a thread is blocked in will be executed again. */
static void take_back(struct thread *thread, uint8_t state)
{
	leave(thread);
	if (thread->is_fault)
		thread->is_fault = 0; /* the instruction faults again */
	else if (state == THREAD_RECEIVING)
		restart_recv(thread);
	else
		ctx_restart(&thread->ctx);
}

void thread_stop(struct thread *thread)
{
	switch (thread->state) {
	case THREAD_READY:
	case THREAD_POSTPONED: leave(thread); break;
	case THREAD_SENDING:
	case THREAD_RECEIVING:
	case THREAD_REMOTE:
	case THREAD_WAITING: take_back(thread, thread->state); break;
	case THREAD_CALLING:
	case THREAD_FAULTED: thread->is_suspended = 1; break;
	default: break;
	}
}

void thread_destroy(struct thread *thread)
{
	leave(thread);
	lending_give_back(thread);
	if (thread->own_context != 0)
		sched_context_unbind(sched_context_at(thread->own_context));
	thread_unbind_notification(thread);
	for (uint32_t i = 0; i < THREAD_SLOT_COUNT; i++)
		cap_unembed(&thread->slots[i]);
}

void thread_vspace_gone(struct thread *thread)
{
	thread_stop(thread);
	thread->vspace_root.raw = 0;
}

void thread_cspace_gone(struct thread *thread)
{
	thread->cspace_first = slot_index(&thread->slots[THREAD_SLOT_FAULT]);
	thread->cspace_mask = 0;
	cspace_generation++;
}
