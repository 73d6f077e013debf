/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Stopping and continuing of processes (job control): proc acts alone, the process does not take part. */
#include "proc.h"

#define SIGCHLD 17u
#define SA_NOCLDSTOP 1u
#define CLD_STOPPED 5u
#define CLD_CONTINUED 6u
#define SIGCONT 18u

static void tell_parent(struct process *p, uint32_t code, uint32_t status)
{
	if (p->parent == 0)
		return;
	const struct process *parent = process_at(p->parent);
	bool is_quiet = (process_page(parent)->action_flags[SIGCHLD - 1] & SA_NOCLDSTOP) != 0;
	if (!is_quiet) {
		parent_notify(p, code, status);
		return;
	}
	for (thread_ref i = parent->threads; i != 0; i = thread_at(i)->next) {
		if (!thread_at(i)->is_waiting_child)
			continue;
		thread_at(i)->is_waiting_child = false;
		wake_thread(thread_at(i));
	}
}

void process_stop(struct process *p, uint32_t signal)
{
	if (p->is_stopped)
		return;
	for (thread_ref i = p->threads; i != 0; i = thread_at(i)->next)
		suspend_thread(thread_at(i));
	p->is_stopped = true;
	p->is_stop_reported = false;
	p->is_continue_reported = false;
	p->stop_signal = signal;
	publish_state(p);
	tell_parent(p, CLD_STOPPED, signal);
}

void process_continue(struct process *p)
{
	if (!p->is_stopped)
		return;
	p->is_stopped = false;
	p->is_continue_reported = true;
	for (thread_ref i = p->threads; i != 0; i = thread_at(i)->next)
		resume_thread(thread_at(i));
	publish_state(p);
	tell_parent(p, CLD_CONTINUED, SIGCONT);
}
