/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Faults and processor exceptions of user threads, as messages.
 *
 * Life of a fault: READY --fault_raise--> SENDING (is_fault; nobody receives yet) --taken--> FAULTED --reply--> READY or
 * SUSPENDED.  A fault message looks like a call by the thread through one of its own slots; its answer decides.
 * A fault whose message cannot be delivered suspends the thread and leaves a line in the log.
 */
#include <cspace.h>
#include <ipc.h>
#include <lock.h>
#include <log.h>
#include <sched.h>
#include <thread.h>

#define VECTOR_PAGE_FAULT 14u

/* The fault message will never be answered. */
static void fault_lost(struct thread *thread)
{
	thread_stop(thread);
	LOG(LOG_WARN, "thread suspended by a fault nobody handles", F("label", thread->label),
	    F("op", thread->fault_op), F("word", thread->fault_word), F("error", thread->fault_error),
	    F("ip", ctx_ip(&thread->ctx)), F("sp", ctx_sp(&thread->ctx)));
}

void thread_refuse(struct thread *thread)
{
	if (thread->is_fault)
		fault_lost(thread);
	else
		thread_wake(thread, E_REVOKED);
}

void fault_raise(struct thread *thread, uint32_t which, uint64_t op, uint64_t word, uint64_t error_code)
{
	const struct slot *slot = &thread->slots[which];
	struct thread *partner;
	enum tessera_error error;

	thread->fault_op = op;
	thread->fault_word = word;
	thread->fault_error = error_code;
	if (slot_type(slot) != CAP_ENDPOINT || slot_has(slot, SLOT_DYING)) {
		fault_lost(thread);
		return;
	}
	thread->is_fault = 1;
	thread->sent_cap = which;
	thread->sent_word = slot->word;
	thread->sent_badge = slot->badge;
	error = ipc_submit(thread, slot_object(slot), &partner);
	if (error == E_OK) {
		sched_block(thread, THREAD_FAULTED);
		if (thread == cpu()->current)
			sched_handoff(partner);
		else
			sched_ready(partner);
	} else if (error == E_CAP) { /* nobody receives yet */
		sched_block(thread, THREAD_SENDING);
		endpoint_queue_sender(slot_object(slot), thread);
	} else { /* E_RESTART: it repeats its instruction, which faults again */
		thread->is_fault = 0;
		sched_ready(thread);
	}
}

/* An exception that the personality's entry does not take: to the last resort inside it, else to the fault endpoint. */
static void exception_message(struct thread *thread, uint64_t vector, uint64_t error_code)
{
	uint32_t which = thread->personality.syscall_entry != 0 ? THREAD_SLOT_LAST : THREAD_SLOT_FAULT;

	fault_raise(thread, which, MSG_OP_EXCEPTION, vector, error_code);
}

/* FAULT_RAISE: the thread gets its fault as an exception. True: it may run. */
static bool raise_in_thread(struct thread *thread)
{
	bool is_page_fault = thread->fault_op == MSG_OP_PAGE_FAULT;
	uint64_t vector = is_page_fault ? VECTOR_PAGE_FAULT : thread->fault_word;

	if (thread->personality.syscall_entry == 0 || thread->fault_op == MSG_OP_BUDGET)
		return false;
	if (personality_exception(thread, vector, thread->fault_error,
				  is_page_fault ? thread->fault_word : 0))
		return true;
	/* inside the exception entry: the last resort decides */
	exception_message(thread, vector, thread->fault_error);
	return false;
}

void fault_answer(struct thread *thread, uint32_t status)
{
	bool was_suspended = thread->is_suspended != 0;

	thread->is_fault = 0;
	thread->is_suspended = 0;
	thread->state = THREAD_SUSPENDED;
	if (status != FAULT_RESUME && (status != FAULT_RAISE || !raise_in_thread(thread))) {
		if (was_suspended)
			thread_stop(thread);
		return;
	}
	if (thread->is_interrupted) {
		thread->is_interrupted = 0;
		personality_interrupt(thread);
	}
	if (!was_suspended)
		sched_ready(thread);
}

/* ---- what the architecture reports, always about the current thread ---- */

void kernel_page_fault(uint64_t address, uint64_t error_code)
{
	lock_take();
	cpu()->entries++;
	fault_raise(cpu()->current, THREAD_SLOT_FAULT, MSG_OP_PAGE_FAULT, address, error_code);
	sched_finish();
	lock_release();
}

void kernel_exception(uint64_t vector, uint64_t error_code)
{
	struct thread *self = cpu()->current;

	lock_take();
	cpu()->entries++;
	if (self->personality.syscall_entry == 0 || !personality_exception(self, vector, error_code, 0))
		exception_message(self, vector, error_code);
	sched_finish();
	lock_release();
}
