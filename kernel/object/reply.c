/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Replies: the one-shot right to answer, and the operations reply and reply_recv.
 *
 * A Reply is nothing but a slot: its word names the waiting thread, and the thread's reply_slot names the slot.
 * Invariant: both links agree, or the Reply is dead (object 0) and no thread names it.
 * A reply is atomic: either the caller has it, or E_GONE and nothing was transferred.
 */
#include <cspace.h>
#include <ipc.h>
#include <sched.h>
#include <thread.h>

#include <kernel/handlers.h>

void reply_make(struct slot *slot, struct thread *caller)
{
	slot_set(slot, slot_word(CAP_REPLY, RIGHTS_ALL, 0, thread_ref_of(caller)), 0);
	caller->reply_slot = slot_index(slot);
	caller->state = caller->is_fault ? THREAD_FAULTED : THREAD_CALLING;
}

void reply_abandon(struct thread *thread)
{
	slot_at(thread->reply_slot)->word &= 0xffffffffull;
	thread->reply_slot = 0;
	lending_end(thread);
}

void reply_moved(struct slot *new_place)
{
	if (slot_object(new_place) != 0)
		thread_at(slot_object(new_place))->reply_slot = slot_index(new_place);
}

void reply_destroy(struct slot *reply)
{
	if (slot_object(reply) == 0)
		return;
	struct thread *caller = thread_at(slot_object(reply));

	reply_abandon(caller);
	if (caller->state == THREAD_FAULTED)
		fault_answer(caller, FAULT_RESUME); /* it faults again, and may find the next server */
	else if (thread_end_wait(caller, E_DEAD))
		sched_ready(caller);
}

/*
 * Answers through a Reply, which is used up.  *woken: the caller, if it may run now; the scheduler has not seen it yet.
 * E_ARG: the tag is not valid, nothing has happened.  E_GONE: nobody waits any more.
 */
static enum tessera_error answer(struct thread *self, struct slot *reply, struct thread **woken)
{
	msg_tag_t tag = ctx_arg(&self->ctx, 1);
	thread_ref ref = slot_object(reply);

	*woken = NULL;
	if (!message_tag_valid(tag, true))
		return E_ARG;
	slot_clear(reply);
	if (ref == 0)
		return E_GONE;
	struct thread *caller = thread_at(ref);

	caller->reply_slot = 0;
	lending_end(caller);
	if (caller->state == THREAD_FAULTED) {
		fault_answer(caller, MSG_TAG_OP(tag));
		return E_OK;
	}
	message_pass(self, caller, 0, 0);
	if (thread_end_wait(caller, E_OK))
		*woken = caller;
	return E_OK;
}

enum tessera_error invoke_reply(struct thread *self, struct slot *cap)
{
	struct thread *caller;
	enum tessera_error error = answer(self, cap, &caller);

	if (caller != NULL)
		sched_ready(caller);
	return error;
}

enum tessera_error invoke_reply_recv(struct thread *self, struct slot *cap)
{
	cap_t reply_cap = (cap_t)(ctx_arg(&self->ctx, 0) >> 32);
	struct slot *reply;
	struct thread *caller;
	enum tessera_error error = cap_lookup(self, reply_cap, CAP_REPLY, 0, &reply);

	if (error == E_OK)
		error = answer(self, reply, &caller);
	if (error != E_OK)
		return error;
	error = ipc_receive(self, slot_object(cap), reply_cap, ctx_arg(&self->ctx, 6));
	if (caller != NULL && error == E_BLOCKED)
		sched_handoff(caller);
	else if (caller != NULL)
		sched_ready(caller);
	if (error != E_RESTART)
		return error;
	ctx_restart_as(&self->ctx, OP_RECV);
	return E_BLOCKED;
}
