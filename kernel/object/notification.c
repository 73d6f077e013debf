/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Notifications: a word of signals, waiters, and the thread whose recv takes the signals too.
 *
 * Invariant: while somebody waits (in wait, or the bound thread in recv) the word is zero.
 */
#include <cspace.h>
#include <ipc.h>
#include <queue.h>
#include <restart.h>
#include <sched.h>
#include <thread.h>

#include <kernel/handlers.h>

#define WAITER_WORK 700u /* instructions to wake one, about (work_add) */

/* The bound thread, which waits in recv, gets the word as a message. */
static void deliver_to_bound(struct notification *notification, struct thread *bound)
{
	endpoint_remove(bound);
	message_deliver_signals(bound, notification);
	if (thread_end_wait(bound, E_OK))
		sched_ready_now(bound);
}

static void deliver_to_waiter(struct notification *notification, struct thread *waiter)
{
	notification_remove(waiter);
	ctx_set_result(&waiter->ctx, 0, notification->word);
	notification->word = 0;
	if (thread_end_wait(waiter, E_OK))
		sched_ready_now(waiter);
}

void notification_signal_bits(notification_ref ref, uint64_t bits)
{
	struct notification *notification = notification_at(ref);

	notification->word |= bits;
	if (notification->word == 0)
		return;
	if (notification->waiters != 0)
		deliver_to_waiter(notification, thread_at(notification->waiters));
	else if (notification->bound != 0 && thread_at(notification->bound)->state == THREAD_RECEIVING)
		deliver_to_bound(notification, thread_at(notification->bound));
}

void notification_remove(struct thread *thread)
{
	ring_remove(&notification_at(thread->queue_object)->waiters, thread);
	thread->queue_object = 0;
}

bool notification_destroy(notification_ref ref)
{
	struct notification *notification = notification_at(ref);

	irq_unbind_notification(ref);
	if (notification->bound != 0)
		thread_unbind_notification(thread_at(notification->bound));
	if (notification->waiters == 0)
		return true;
	work_add(WAITER_WORK);
	thread_wake(thread_at(notification->waiters), E_REVOKED);
	return false;
}

enum tessera_error invoke_signal(struct thread *self, struct slot *cap)
{
	notification_signal_bits(slot_object(cap), ctx_arg(&self->ctx, 1));
	return E_OK;
}

enum tessera_error invoke_wait(struct thread *self, struct slot *cap)
{
	struct notification *notification = notification_at(slot_object(cap));
	bool is_interrupted =
		self->personality.syscall_entry != 0 && (thread_page(self)->sticky & STICKY_INTERRUPT) != 0;

	if (is_interrupted)
		return E_INTERRUPTED;
	if (notification->word != 0)
		return invoke_poll(self, cap);
	enum tessera_error error = ipc_start_timeout(self, ctx_arg(&self->ctx, 6));

	if (error != E_OK)
		return error;
	sched_block(self, THREAD_WAITING);
	self->queue_object = slot_object(cap);
	ring_append(&notification->waiters, self);
	return E_BLOCKED;
}

enum tessera_error invoke_poll(struct thread *self, struct slot *cap)
{
	struct notification *notification = notification_at(slot_object(cap));

	ctx_set_result(&self->ctx, 0, notification->word);
	notification->word = 0;
	return E_OK;
}
