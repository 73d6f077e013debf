/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Notifications: a word of signals; threads that wait for it; a thread whose recv takes it too. */
#include "model.h"

void spec_notification_init(struct spec *spec, uint64_t address)
{
	struct spec_notification *notification = spec_notification_of(spec, 0);

	*notification = (struct spec_notification){.address = address};
}

void spec_notification_leave(struct spec *spec, struct spec_thread *thread)
{
	struct spec_notification *notification = spec_notification_of(spec, thread->waits_at);

	spec_list_remove(notification->waiters, &notification->waiter_count, thread->address);
	thread->waits_at = 0;
}

bool spec_notification_die_step(struct spec *spec, struct spec_notification *notification)
{
	spec_irq_unbind_notification(spec, notification->address);
	if (notification->bound != 0)
		spec_thread_of(spec, notification->bound)->bound = 0;
	notification->bound = 0;
	if (notification->waiter_count > 0) {
		spec_wake(spec, spec_thread_of(spec, notification->waiters[0]), E_REVOKED);
		return false;
	}
	notification->address = 0;
	return true;
}

/* First who waits, then the bound thread if it receives. */
void spec_signal_bits(struct spec *spec, uint64_t address, uint64_t bits)
{
	struct spec_notification *notification = spec_notification_of(spec, address);
	struct spec_thread *thread = NULL;

	notification->word |= bits;
	if (notification->word == 0)
		return;
	if (notification->waiter_count > 0) {
		thread = spec_thread_of(spec, notification->waiters[0]);
		spec_notification_leave(spec, thread);
		spec_set_arg(thread, 0, notification->word);
	} else if (notification->bound != 0 &&
		   spec_thread_of(spec, notification->bound)->state == SPEC_RECEIVING) {
		thread = spec_thread_of(spec, notification->bound);
		spec_endpoint_leave(spec, thread);
		spec_deliver(thread, 0, MSG_TAG(MSG_OP_SIGNAL, 1, 0), (const uint64_t[4]){notification->word},
			     0);
	}
	if (thread == NULL)
		return;
	notification->word = 0;
	if (spec_end_wait(spec, thread, E_OK))
		spec_sched_ready(spec, thread);
}

enum tessera_error spec_op_signal(struct spec *spec, struct spec_thread *self, struct spec_cap *cap)
{
	spec_signal_bits(spec, cap->object, spec_arg(self, 1));
	return E_OK;
}

enum tessera_error spec_op_poll(struct spec *spec, struct spec_thread *self, struct spec_cap *cap)
{
	struct spec_notification *notification = spec_notification_of(spec, cap->object);

	spec_set_arg(self, 0, notification->word);
	notification->word = 0;
	return E_OK;
}

enum tessera_error spec_op_wait(struct spec *spec, struct spec_thread *self, struct spec_cap *cap)
{
	struct spec_notification *notification = spec_notification_of(spec, cap->object);

	if (self->personality.syscall_entry != 0 && (self->page.sticky & STICKY_INTERRUPT) != 0)
		return E_INTERRUPTED;
	if (notification->word != 0)
		return spec_op_poll(spec, self, cap);
	enum tessera_error error = spec_start_timeout(spec, self, spec_arg(self, 6));

	if (error != E_OK)
		return error;
	spec_sched_block(spec, self, SPEC_WAITING);
	self->waits_at = notification->address;
	spec_list_insert(notification->waiters, &notification->waiter_count, notification->waiter_count,
			 self->address);
	return SPEC_BLOCKED;
}
