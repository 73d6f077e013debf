/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Endpoints: their queues, and the operations send, recv and call.
 *
 * Invariants: sender_bits and sender_summary agree with senders[]; every thread in senders[] is SENDING, in the receiver rings RECEIVING, with
 * queue_object naming the endpoint.
 * A receiver stands in `receivers` if it named a slot for a Reply, else in `plain_receivers`.  Senders that want a Reply and those that
 * do not stand in rings of their own, so that the first that a receiver can take is found in constant time.
 */
#include <cspace.h>
#include <ipc.h>
#include <queue.h>
#include <restart.h>
#include <sched.h>
#include <thread.h>
#include <timer.h>

#include <kernel/handlers.h>

#define WAITER_WORK 700u /* instructions to wake one, about (work_add) */
#define LOST_WORK 1500u	 /* to tell the log of a lost fault */

/* sender_summary's bits of those who want a Reply, and of the others */
#define CALLERS ((1ull << (PRIORITIES / 64u)) - 1u)
#define OTHERS (CALLERS << (PRIORITIES / 64u))

/* ---- queues ---- */

static uint32_t ring_of(const struct thread *sender)
{
	return sender->priority + (wants_reply(sender) ? 0 : PRIORITIES);
}

void endpoint_queue_sender(endpoint_ref ref, struct thread *sender)
{
	struct endpoint *endpoint = endpoint_at(ref);
	uint32_t ring = ring_of(sender);

	sender->queue_object = ref;
	sender->sent_order = (uint64_t)sender->priority << 56 | ++endpoint->senders_so_far;
	ring_append(&endpoint->senders[ring], sender);
	endpoint->sender_bits[ring / 64u] |= 1ull << (ring % 64u);
	endpoint->sender_summary |= 1ull << (ring / 64u);
}

/* First of the best of those rings; NULL: they are empty. */
static struct thread *first_of(const struct endpoint *endpoint, uint64_t words)
{
	if ((endpoint->sender_summary & words) == 0)
		return NULL;
	uint32_t word = (uint32_t)__builtin_ctzll(endpoint->sender_summary & words);

	return thread_at(
		endpoint->senders[word * 64u + (uint32_t)__builtin_ctzll(endpoint->sender_bits[word])]);
}

struct thread *endpoint_first_sender(const struct endpoint *endpoint, bool with_calls)
{
	struct thread *caller = with_calls ? first_of(endpoint, CALLERS) : NULL;
	struct thread *other = first_of(endpoint, OTHERS);

	if (other == NULL || (caller != NULL && caller->sent_order < other->sent_order))
		return caller;
	return other;
}

void endpoint_queue_receiver(endpoint_ref ref, struct thread *receiver)
{
	struct endpoint *endpoint = endpoint_at(ref);

	receiver->queue_object = ref;
	ring_append(receiver->reply_cap != 0 ? &endpoint->receivers : &endpoint->plain_receivers, receiver);
}

static void remove_sender(struct endpoint *endpoint, struct thread *sender)
{
	uint32_t ring = ring_of(sender);
	uint64_t *word = &endpoint->sender_bits[ring / 64u];

	ring_remove(&endpoint->senders[ring], sender);
	if (endpoint->senders[ring] == 0)
		*word &= ~(1ull << (ring % 64u));
	if (*word == 0)
		endpoint->sender_summary &= ~(1ull << (ring / 64u));
}

/* The fast path leaves in a receiver what it was lent for its last call. */
static void remove_receiver(struct endpoint *endpoint, struct thread *receiver)
{
	ring_remove(receiver->reply_cap != 0 ? &endpoint->receivers : &endpoint->plain_receivers, receiver);
	receiver->context = receiver->own_context;
	receiver->lender = 0;
	receiver->lending_depth = 0;
	receiver->priority = receiver->own_priority;
}

void endpoint_remove(struct thread *thread)
{
	struct endpoint *endpoint = endpoint_at(thread->queue_object);

	if (thread->state == THREAD_SENDING)
		remove_sender(endpoint, thread);
	else
		remove_receiver(endpoint, thread);
	thread->queue_object = 0;
}

/* ---- death ---- */

/* Somebody who waits at a dying endpoint; NULL: nobody. */
static struct thread *any_waiter(const struct endpoint *endpoint)
{
	if (endpoint->sender_summary != 0)
		return endpoint_first_sender(endpoint, true);
	if (endpoint->receivers != 0)
		return thread_at(endpoint->receivers);
	return endpoint->plain_receivers != 0 ? thread_at(endpoint->plain_receivers) : NULL;
}

bool endpoint_destroy(endpoint_ref ref)
{
	struct thread *waiter = any_waiter(endpoint_at(ref));

	if (waiter == NULL)
		return true;
	work_add(waiter->is_fault ? LOST_WORK : WAITER_WORK);
	thread_refuse(waiter);
	return false;
}

/* ---- operations ---- */

/* Checks what is common to send and call, and notes how the message was sent. */
static enum tessera_error decode_send(struct thread *self, const struct slot *cap, bool is_call)
{
	msg_tag_t tag = ctx_arg(&self->ctx, 1);
	bool can_grant = (slot_rights(cap) & RIGHT_GRANT) != 0;

	if (!message_tag_valid(tag, false))
		return E_ARG;
	if (!can_grant && (is_call || MSG_TAG_CAPS(tag) != 0))
		return E_RIGHTS;
	self->sent_cap = (cap_t)ctx_arg(&self->ctx, 0);
	self->sent_word = cap->word;
	self->sent_badge = cap->badge;
	self->sent_is_call = is_call;
	return E_OK;
}

static enum tessera_error wait_as_sender(struct thread *self, endpoint_ref ref)
{
	sched_block(self, THREAD_SENDING);
	endpoint_queue_sender(ref, self);
	return E_BLOCKED;
}

/* The caller has less left than the endpoint asks for: it executes its call again when its period, or the timeout, is over. */
static enum tessera_error wait_for_budget(struct thread *self, uint64_t minimum_tsc)
{
	uint64_t deadline_ns = ctx_arg(&self->ctx, 6);

	if (self->context == 0) { /* another CPU took it away: it calls again with the next one */
		sched_postpone(self, 0);
		return E_RESTART;
	}
	const struct sched_context *context = sched_context_at(self->context);

	if (context->budget_tsc < minimum_tsc)
		return E_NO_TIME;
	if (deadline_ns <= arch_time_now_ns())
		return E_TIMEOUT;
	sched_postpone(self, deadline_ns < context->refill_ns ? deadline_ns : context->refill_ns);
	return E_RESTART;
}

enum tessera_error invoke_send(struct thread *self, struct slot *cap)
{
	enum tessera_error error = decode_send(self, cap, false);
	endpoint_ref ref = slot_object(cap);
	struct thread *partner;

	if (error != E_OK)
		return error;
	error = ipc_submit(self, ref, &partner);
	if (error == E_OK)
		sched_ready(partner);
	if (error != E_CAP)
		return error;
	error = ipc_start_timeout(self, ctx_arg(&self->ctx, 6));
	return error != E_OK ? error : wait_as_sender(self, ref);
}

enum tessera_error invoke_call(struct thread *self, struct slot *cap)
{
	enum tessera_error error = decode_send(self, cap, true);
	endpoint_ref ref = slot_object(cap);
	struct thread *partner;

	if (error == E_OK && !sched_has_time(self, endpoint_at(ref)->minimum_tsc))
		return wait_for_budget(self, endpoint_at(ref)->minimum_tsc);
	if (error == E_OK)
		error = ipc_start_timeout(self, ctx_arg(&self->ctx, 6));
	if (error != E_OK)
		return error;
	error = ipc_submit(self, ref, &partner);
	if (error == E_CAP)
		return wait_as_sender(self, ref);
	if (error != E_OK) {
		timer_cancel(timer_wheel_of(self), self);
		return error;
	}
	sched_block(self, THREAD_CALLING);
	sched_handoff(partner);
	return E_BLOCKED;
}

enum tessera_error invoke_recv(struct thread *self, struct slot *cap)
{
	return ipc_receive(self, slot_object(cap), (cap_t)(ctx_arg(&self->ctx, 0) >> 32),
			   ctx_arg(&self->ctx, 6));
}
