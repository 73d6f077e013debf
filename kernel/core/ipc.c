/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Messages: from a sender's registers and page to a receiver's, and the meeting of the two at an endpoint.
 *
 * A blocked thread's message stays in its saved registers; nothing is stored twice.  Whatever was looked up when a
 * thread blocked (the capability it sends through, the slot for its next Reply) is looked up again when its partner
 * comes, because it may be gone by then.
 * Registers a message does not fill are zero at the receiver.
 */
#include <cspace.h>
#include <ipc.h>
#include <own_slot.h>
#include <sched.h>
#include <thread.h>
#include <timer.h>

#define RECEIVE_ROUNDS 8u /* partners passed over in one entry */

/* ---- messages ---- */

bool message_tag_valid(msg_tag_t tag, bool kernel_op)
{
	if (tag >> 35 != 0 || MSG_TAG_WORDS(tag) > MSG_MAX_WORDS || MSG_TAG_CAPS(tag) > MSG_MAX_CAPS)
		return false;
	return kernel_op || MSG_TAG_OP(tag) < MSG_OP_PAGE_FAULT;
}

static void message_of_fault(const struct thread *sender, struct message *out)
{
	*out = (struct message){
		.tag = MSG_TAG(sender->fault_op, 4, 0),
		.words = {sender->fault_word, sender->fault_error, ctx_ip(&sender->ctx),
			  ctx_sp(&sender->ctx)},
	};
}

static void message_of(const struct thread *sender, struct message *out)
{
	if (sender->is_fault) {
		message_of_fault(sender, out);
		return;
	}
	uint64_t tag = ctx_arg(&sender->ctx, 1);
	uint32_t words = MSG_TAG_WORDS(tag);

	*out = (struct message){.tag = tag};
	for (uint32_t i = 0; i < MSG_REGISTER_WORDS; i++)
		out->words[i] = i < words ? ctx_arg(&sender->ctx, 2 + i) : 0;
}

void message_copy_rest(struct thread *from, struct thread *to, msg_tag_t tag)
{
	uint32_t words = MSG_TAG_WORDS(tag);

	if (words > MSG_REGISTER_WORDS)
		arch_copy(&thread_page(to)->words[MSG_REGISTER_WORDS],
			  &thread_page(from)->words[MSG_REGISTER_WORDS],
			  (words - MSG_REGISTER_WORDS) * sizeof(uint64_t));
}

void message_deliver(struct thread *receiver, const struct message *message)
{
	struct arch_context *ctx = &receiver->ctx;

	ctx_set_result(ctx, 0, message->badge);
	ctx_set_result(ctx, 1, message->tag);
	for (uint32_t i = 0; i < MSG_REGISTER_WORDS; i++)
		ctx_set_result(ctx, 2 + i, message->words[i]);
	ctx_set_error(ctx, E_OK);
}

void message_deliver_signals(struct thread *receiver, struct notification *notification)
{
	const struct message message = {.tag = MSG_TAG(MSG_OP_SIGNAL, 1, 0), .words = {notification->word}};

	message_deliver(receiver, &message);
	ctx_set_result(&receiver->ctx, 6, 0);
	notification->word = 0;
}

void message_pass(struct thread *from, struct thread *to, endpoint_ref ref, uint64_t badge)
{
	struct message message;

	message_of(from, &message);
	message.badge = badge;
	message_copy_rest(from, to, message.tag);
	if (MSG_TAG_CAPS(message.tag) != 0)
		transfer_caps(from, to, ref, MSG_TAG_CAPS(message.tag));
	message_deliver(to, &message);
}

/* A sender and a receiver meet; reply is the empty slot for the Reply if the sender wants one. */
static void meet(struct thread *sender, struct thread *receiver, endpoint_ref ref, struct slot *reply)
{
	if (wants_reply(sender)) {
		lending_begin(sender, receiver);
		reply_make(reply, sender);
	}
	message_pass(sender, receiver, ref, sender->sent_badge);
	ctx_set_result(&receiver->ctx, 6, sender->label);
}

enum tessera_error ipc_start_timeout(struct thread *self, uint64_t deadline_ns)
{
	if (deadline_ns == DEADLINE_NEVER)
		return E_OK;
	if (deadline_ns == DEADLINE_POLL || deadline_ns <= arch_time_now_ns())
		return E_TIMEOUT;
	timer_start(&cpu()->wheel, self, deadline_ns);
	timer_rearm();
	return E_OK;
}

/* ---- a sender comes ---- */

/* Takes the first waiting receiver that can take the message out of the queue, with its Reply slot if one is needed.
 * E_CAP: there is none; E_RESTART: some could not take it, look again. */
static enum tessera_error take_receiver(struct endpoint *endpoint, bool with_reply, struct thread **out,
					struct slot **reply)
{
	thread_ref plain = with_reply ? 0 : endpoint->plain_receivers;

	for (uint32_t round = 0; round < RECEIVE_ROUNDS; round++) {
		if (plain == 0 && endpoint->receivers == 0)
			return E_CAP;
		struct thread *receiver = thread_at(plain != 0 ? plain : endpoint->receivers);
		enum tessera_error error = E_OK;

		if (with_reply)
			error = own_slot_empty(receiver, receiver->reply_cap, reply);
		if (error == E_OK) {
			endpoint_remove(receiver);
			timer_cancel(timer_wheel_of(receiver), receiver);
			*out = receiver;
			return E_OK;
		}
		thread_wake(receiver, error);
	}
	return E_RESTART;
}

enum tessera_error ipc_submit(struct thread *sender, endpoint_ref ref, struct thread **partner)
{
	struct slot *reply = NULL;
	enum tessera_error error = take_receiver(endpoint_at(ref), wants_reply(sender), partner, &reply);

	endpoint_own(ref);
	if (error == E_OK)
		meet(sender, *partner, ref, reply);
	return error;
}

/* ---- a receiver comes ---- */

/* True if the capability a queued sender used is still there, with the same object and badge. */
static bool is_still_allowed(struct thread *sender)
{
	struct slot *slot = NULL;

	if (sender->is_fault)
		slot = &sender->slots[sender->sent_cap];
	else if (cap_lookup(sender, sender->sent_cap, CAP_ENDPOINT, RIGHT_WRITE, &slot) != E_OK)
		return false;
	/* drop notices may have changed the flags meanwhile */
	return ((slot->word ^ sender->sent_word) & ~0xff0000ull) == 0 && slot->badge == sender->sent_badge &&
	       !slot_has(slot, SLOT_DYING);
}

/* Takes one queued message. E_OK: done, E_CAP: there is none, E_RESTART: the sender was refused, look again. */
static enum tessera_error take_sender(struct thread *self, endpoint_ref ref, struct slot *reply)
{
	struct thread *sender = endpoint_first_sender(endpoint_at(ref), reply != NULL);

	if (sender == NULL)
		return E_CAP;
	if (!is_still_allowed(sender)) {
		thread_refuse(sender);
		return E_RESTART;
	}
	endpoint_remove(sender);
	meet(sender, self, ref, reply);
	if (!wants_reply(sender) && thread_end_wait(sender, E_OK))
		sched_ready(sender);
	return E_OK;
}

/* Takes the signals of the bound notification as a message, if there are any. */
static bool take_signals(struct thread *self)
{
	if (self->bound == 0)
		return false;
	struct notification *notification = notification_at(self->bound);

	if (notification->word == 0)
		return false;
	message_deliver_signals(self, notification);
	return true;
}

/* Something that is there already: E_OK; E_CAP: nothing is. */
static enum tessera_error receive_now(struct thread *self, endpoint_ref ref, struct slot *reply)
{
	enum tessera_error error = notice_take(ref, self);

	if (error != E_CAP)
		return error;
	if (take_signals(self))
		return E_OK;
	for (uint32_t round = 0; round < RECEIVE_ROUNDS; round++) {
		error = take_sender(self, ref, reply);
		if (error != E_RESTART)
			return error;
	}
	return E_RESTART;
}

enum tessera_error ipc_receive(struct thread *self, endpoint_ref ref, cap_t reply_cap, uint64_t deadline_ns)
{
	struct slot *reply = NULL;
	enum tessera_error error = E_OK;

	endpoint_own(ref);
	if (reply_cap != 0)
		error = own_slot_empty(self, reply_cap, &reply);
	if (error != E_OK)
		return error;
	lending_give_back(self);
	error = receive_now(self, ref, reply);
	if (error != E_CAP)
		return error;
	error = ipc_start_timeout(self, deadline_ns);
	if (error != E_OK)
		return error;
	self->reply_cap = reply_cap;
	self->recv_cache.generation = RECV_SLOW;
	sched_block(self, THREAD_RECEIVING);
	endpoint_queue_receiver(ref, self);
	return E_BLOCKED;
}
