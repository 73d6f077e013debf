/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Faults as messages, and the three ways into a thread's personality: foreign system calls, exceptions, interruption.
 */
#include "model.h"

#define FLAGS_CLEAN 0x202ull
#define VECTOR_PAGE_FAULT 14u

static bool has_personality(const struct spec_thread *thread)
{
	return thread->personality.syscall_entry != 0;
}

static bool is_inside(const struct spec_thread *thread)
{
	return thread->regs.rip >= thread->personality.start && thread->regs.rip < thread->personality.end;
}

/* Continues at an entry with the message page's address in RSP and RCX and clean flags. */
static void continue_at(struct spec_thread *thread, uint64_t entry)
{
	thread->regs.rip = entry;
	thread->regs.rsp = thread->page_va;
	thread->regs.rcx = thread->page_va;
	thread->regs.rflags = FLAGS_CLEAN;
}

static void enter(struct spec_thread *thread, uint64_t entry, uint64_t vector)
{
	thread->page.context = thread->regs;
	thread->page.exc_vector = vector;
	continue_at(thread, entry);
}

void spec_foreign_syscall(struct spec *spec)
{
	struct spec_thread *self = spec_thread_of(spec, spec_here(spec)->current);

	if (!has_personality(self)) {
		spec_set_error(self, E_NO_OP);
		return;
	}
	self->page.syscall_rip = self->regs.rip;
	self->page.syscall_rsp = self->regs.rsp;
	self->page.syscall_rflags = self->regs.rflags;
	continue_at(self, self->personality.syscall_entry);
}

/* ---- faults ---- */

void spec_fault_lost(struct spec *spec, struct spec_thread *thread)
{
	spec_thread_stop(spec, thread);
}

void spec_fault_raise(struct spec *spec, struct spec_thread *thread, uint32_t slot, uint64_t op,
		      uint64_t word, uint64_t error_code)
{
	const struct spec_cap *cap = spec_cap_at(spec, (struct spec_place){thread->address, slot});
	struct spec_thread *partner;

	thread->fault_op = op;
	thread->fault_word = word;
	thread->fault_error = error_code;
	if (cap == NULL || cap->type != CAP_ENDPOINT || cap->is_dying) {
		spec_fault_lost(spec, thread);
		return;
	}
	thread->is_fault = true;
	thread->sent_cap = slot;
	thread->sent_placement = cap->placement;
	thread->sent_badge = cap->badge;
	if (!spec_submit(spec, thread, cap->object, &partner)) {
		spec_sched_block(spec, thread, SPEC_SENDING);
		spec_queue_sender(spec, thread, cap->object);
		return;
	}
	spec_sched_block(spec, thread, SPEC_FAULTED);
	if (thread->address == spec_here(spec)->current)
		spec_sched_handoff(spec, partner);
	else
		spec_sched_ready(spec, partner);
}

/* To the last resort if the thread has a personality (which did not take it), else to its fault endpoint. */
static void exception_message(struct spec *spec, struct spec_thread *thread, uint64_t vector,
			      uint64_t error_code)
{
	spec_fault_raise(spec, thread, has_personality(thread) ? SPEC_SLOT_LAST : SPEC_SLOT_FAULT,
			 MSG_OP_EXCEPTION, vector, error_code);
}

void spec_page_fault(struct spec *spec, uint64_t address, uint64_t error_code)
{
	spec_fault_raise(spec, spec_thread_of(spec, spec_here(spec)->current), SPEC_SLOT_FAULT,
			 MSG_OP_PAGE_FAULT, address, error_code);
}

void spec_exception(struct spec *spec, uint64_t vector, uint64_t error_code)
{
	struct spec_thread *self = spec_thread_of(spec, spec_here(spec)->current);

	if (!has_personality(self) || !spec_personality_exception(spec, self, vector, error_code, 0))
		exception_message(spec, self, vector, error_code);
}

bool spec_personality_exception(struct spec *spec, struct spec_thread *thread, uint64_t vector,
				uint64_t error_code, uint64_t address)
{
	(void)spec;
	if (thread->personality.exception_entry == 0 || (thread->page.sticky & STICKY_EXCEPTION) != 0)
		return false;
	thread->page.sticky |= STICKY_EXCEPTION;
	thread->page.exc_error = error_code;
	thread->page.exc_address = address;
	enter(thread, thread->personality.exception_entry, vector);
	return true;
}

/* FAULT_RAISE. True: the thread may run. */
static bool raise_in_thread(struct spec *spec, struct spec_thread *thread)
{
	bool is_page_fault = thread->fault_op == MSG_OP_PAGE_FAULT;
	uint64_t vector = is_page_fault ? VECTOR_PAGE_FAULT : thread->fault_word;

	if (!has_personality(thread) || thread->fault_op == MSG_OP_BUDGET)
		return false;
	if (spec_personality_exception(spec, thread, vector, thread->fault_error,
				       is_page_fault ? thread->fault_word : 0))
		return true;
	exception_message(spec, thread, vector, thread->fault_error);
	return false;
}

void spec_fault_answer(struct spec *spec, struct spec_thread *thread, uint32_t status)
{
	bool was_suspended = thread->is_suspended;

	thread->is_fault = false;
	thread->is_suspended = false;
	thread->state = SPEC_SUSPENDED;
	if (status != FAULT_RESUME && (status != FAULT_RAISE || !raise_in_thread(spec, thread))) {
		if (was_suspended)
			spec_thread_stop(spec, thread);
		return;
	}
	if (thread->is_interrupted) {
		thread->is_interrupted = false;
		spec_personality_interrupt(spec, thread);
	}
	if (!was_suspended)
		spec_sched_ready(spec, thread);
}

/* ---- thread_interrupt ---- */

/* What ends with E_INTERRUPTED; a call always completes. */
static bool is_interruptible(const struct spec_thread *thread)
{
	return thread->state == SPEC_WAITING || thread->state == SPEC_RECEIVING ||
	       (thread->state == SPEC_SENDING && !thread->is_fault && !thread->sent_is_call);
}

static void interrupt_inside(struct spec *spec, struct spec_thread *thread)
{
	thread->page.sticky |= STICKY_INTERRUPT;
	if (is_interruptible(thread))
		spec_wake(spec, thread, E_INTERRUPTED);
	else if (thread->regs.rip >= thread->personality.exit_start &&
		 thread->regs.rip < thread->personality.exit_end)
		thread->regs.rip = thread->personality.exit_start;
}

static void interrupt_outside(struct spec *spec, struct spec_thread *thread)
{
	bool was_blocked =
		thread->state == SPEC_SENDING || thread->state == SPEC_REMOTE || is_interruptible(thread);

	if (was_blocked)
		spec_thread_stop(spec, thread);
	enter(thread, thread->personality.interrupt_entry, ~0ull);
	if (was_blocked)
		spec_sched_ready(spec, thread);
}

void spec_personality_interrupt(struct spec *spec, struct spec_thread *thread)
{
	bool has_fault = thread->is_fault && (thread->state == SPEC_SENDING || thread->state == SPEC_FAULTED);

	if (has_fault) {
		thread->is_interrupted = true; /* when the fault is answered */
	} else if (!has_personality(thread)) {
		if (is_interruptible(thread))
			spec_wake(spec, thread, E_INTERRUPTED);
	} else if (is_inside(thread)) {
		interrupt_inside(spec, thread);
	} else if (thread->state == SPEC_CALLING) {
		thread->is_interrupted = true; /* when the call is answered */
	} else if (thread->personality.interrupt_entry != 0) {
		interrupt_outside(spec, thread);
	}
}
