/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Messages: send, recv, call, reply, reply_recv.
 *
 * A thread that waits to send keeps its message in its registers and its page; when it is taken, the capability it was sent
 * through must still be there, untouched.  A reply is atomic: either the caller has it, or E_GONE and nothing was transferred.
 */
#include "model.h"

void spec_set_error(struct spec_thread *thread, uint64_t error)
{
	thread->regs.rax = error;
}

static bool is_valid_tag(msg_tag_t tag, bool is_reply)
{
	if (tag >> 35 != 0 || MSG_TAG_WORDS(tag) > MSG_MAX_WORDS || MSG_TAG_CAPS(tag) > MSG_MAX_CAPS)
		return false;
	return is_reply || MSG_TAG_OP(tag) < MSG_OP_PAGE_FAULT;
}

void spec_deliver(struct spec_thread *to, uint64_t badge, msg_tag_t tag,
		  const uint64_t words[MSG_REGISTER_WORDS], uint64_t label)
{
	spec_set_arg(to, 0, badge);
	spec_set_arg(to, 1, tag);
	for (unsigned int i = 0; i < MSG_REGISTER_WORDS; i++)
		spec_set_arg(to, 2 + i, words[i]);
	spec_set_arg(to, 6, label);
	spec_set_error(to, E_OK);
}

static bool wants_reply(const struct spec_thread *sender)
{
	return sender->is_fault || sender->sent_is_call;
}

/* Registers and page of a message or an answer. Words that it does not have are zero. */
static msg_tag_t copy_message(const struct spec_thread *from, struct spec_thread *to,
			      uint64_t words[MSG_REGISTER_WORDS])
{
	msg_tag_t tag = spec_arg(from, 1);
	uint32_t count = MSG_TAG_WORDS(tag);

	if (from->is_fault) {
		words[0] = from->fault_word;
		words[1] = from->fault_error;
		words[2] = from->regs.rip;
		words[3] = from->regs.rsp;
		return MSG_TAG(from->fault_op, 4, 0);
	}
	for (unsigned int i = 0; i < MSG_REGISTER_WORDS; i++)
		words[i] = i < count ? spec_arg(from, 2 + i) : 0;
	for (uint32_t i = MSG_REGISTER_WORDS; i < count; i++)
		to->page.words[i] = from->page.words[i];
	return tag;
}

static void make_reply(struct spec *spec, struct spec_thread *caller, struct spec_place place)
{
	struct spec_cap *reply = spec_cap_new(spec, place);

	reply->type = CAP_REPLY;
	reply->rights = RIGHTS_ALL;
	reply->object = caller->address;
	caller->state = caller->is_fault ? SPEC_FAULTED : SPEC_CALLING;
}

/* The message goes from one to the other; a Reply is made at `reply` if the sender wants one. */
static void pass(struct spec *spec, struct spec_thread *sender, struct spec_thread *receiver,
		 uint64_t endpoint, struct spec_place reply)
{
	uint64_t words[MSG_REGISTER_WORDS], badge = sender->sent_badge;
	msg_tag_t tag = copy_message(sender, receiver, words);

	if (wants_reply(sender)) {
		make_reply(spec, sender, reply);
		spec_lending_begin(spec, sender, receiver);
	}
	if (MSG_TAG_CAPS(tag) != 0)
		spec_transfer_caps(spec, sender, receiver, endpoint, MSG_TAG_CAPS(tag));
	spec_deliver(receiver, badge, tag, words, sender->label);
}

enum tessera_error spec_start_timeout(struct spec *spec, struct spec_thread *self, uint64_t deadline_ns)
{
	if (deadline_ns != DEADLINE_NEVER && deadline_ns <= spec->now_ns)
		return E_TIMEOUT;
	self->deadline_ns = deadline_ns;
	self->timer_cpu = spec->here;
	self->wait_number = ++spec->last_wait;
	return E_OK;
}

/* ---- queues ---- */

void spec_endpoint_init(struct spec *spec, uint64_t address, uint64_t minimum_ns)
{
	struct spec_endpoint *endpoint = spec_endpoint_of(spec, 0);

	*endpoint = (struct spec_endpoint){.address = address, .minimum_ns = minimum_ns};
}

void spec_queue_sender(struct spec *spec, struct spec_thread *sender, uint64_t address)
{
	struct spec_endpoint *endpoint = spec_endpoint_of(spec, address);

	sender->waits_at = address;
	spec_list_insert(endpoint->senders, &endpoint->sender_count, endpoint->sender_count, sender->address);
}

static void queue_receiver(struct spec *spec, struct spec_thread *receiver, uint64_t address)
{
	struct spec_endpoint *endpoint = spec_endpoint_of(spec, address);

	receiver->waits_at = address;
	if (receiver->reply_slot != 0)
		spec_list_insert(endpoint->receivers, &endpoint->receiver_count, endpoint->receiver_count,
				 receiver->address);
	else
		spec_list_insert(endpoint->plain, &endpoint->plain_count, endpoint->plain_count,
				 receiver->address);
}

void spec_endpoint_leave(struct spec *spec, struct spec_thread *thread)
{
	struct spec_endpoint *endpoint = spec_endpoint_of(spec, thread->waits_at);

	spec_list_remove(endpoint->senders, &endpoint->sender_count, thread->address);
	spec_list_remove(endpoint->receivers, &endpoint->receiver_count, thread->address);
	spec_list_remove(endpoint->plain, &endpoint->plain_count, thread->address);
	thread->waits_at = 0;
	if (thread->state != SPEC_RECEIVING)
		return;
	thread->context = thread->own_context; /* who receives has nothing lent */
	thread->lender = 0;
	thread->lending_depth = 0;
	thread->priority = thread->own_priority;
}

/* The sender to be taken next: the best priority, then the first. NULL: none (that is no caller). */
static struct spec_thread *first_sender(struct spec *spec, const struct spec_endpoint *endpoint,
					bool with_calls)
{
	struct spec_thread *first = NULL;

	for (uint32_t i = 0; i < endpoint->sender_count; i++) {
		struct spec_thread *sender = spec_thread_of(spec, endpoint->senders[i]);

		if ((with_calls || !wants_reply(sender)) &&
		    (first == NULL || sender->priority < first->priority))
			first = sender;
	}
	return first;
}

/* The endpoint dies: its notices are forgotten; senders, receivers of calls and other receivers learn it, in this order. */
bool spec_endpoint_die_step(struct spec *spec, struct spec_endpoint *endpoint)
{
	struct spec_thread *waiter = first_sender(spec, endpoint, true);

	if (waiter == NULL && endpoint->receiver_count > 0)
		waiter = spec_thread_of(spec, endpoint->receivers[0]);
	if (waiter == NULL && endpoint->plain_count > 0)
		waiter = spec_thread_of(spec, endpoint->plain[0]);
	if (endpoint->notice_count > 0) {
		spec_places_remove(endpoint->notices, &endpoint->notice_count, endpoint->notices[0]);
	} else if (waiter == NULL) {
		endpoint->address = 0;
		return true;
	} else if (waiter->is_fault) {
		spec_fault_lost(spec, waiter);
	} else {
		spec_wake(spec, waiter, E_REVOKED);
	}
	return false;
}

/* ---- a sender comes ---- */

bool spec_submit(struct spec *spec, struct spec_thread *sender, uint64_t address,
		 struct spec_thread **partner)
{
	struct spec_endpoint *endpoint = spec_endpoint_of(spec, address);
	bool with_reply = wants_reply(sender);
	struct spec_slot slot = {{0, 0}, 0};

	while ((!with_reply && endpoint->plain_count > 0) || endpoint->receiver_count > 0) {
		bool is_plain = !with_reply && endpoint->plain_count > 0;
		struct spec_thread *receiver =
			spec_thread_of(spec, is_plain ? endpoint->plain[0] : endpoint->receivers[0]);
		enum tessera_error error = E_OK;

		if (with_reply)
			error = spec_lookup_empty(spec, receiver, SLOT_OWN(receiver->reply_slot), &slot);
		if (error != E_OK) {
			spec_wake(spec, receiver, error);
			continue;
		}
		spec_endpoint_leave(spec, receiver);
		receiver->deadline_ns = DEADLINE_NEVER;
		pass(spec, sender, receiver, address, slot.place);
		*partner = receiver;
		return true;
	}
	return false;
}

static enum tessera_error decode_send(struct spec_thread *self, const struct spec_cap *cap, bool is_call)
{
	msg_tag_t tag = spec_arg(self, 1);

	if (!is_valid_tag(tag, false))
		return E_ARG;
	if ((cap->rights & RIGHT_GRANT) == 0 && (is_call || MSG_TAG_CAPS(tag) != 0))
		return E_RIGHTS;
	self->sent_cap = (cap_t)spec_arg(self, 0);
	self->sent_placement = cap->placement;
	self->sent_badge = cap->badge;
	self->sent_is_call = is_call;
	return E_OK;
}

enum tessera_error spec_op_send(struct spec *spec, struct spec_thread *self, struct spec_cap *cap)
{
	enum tessera_error error = decode_send(self, cap, false);
	uint64_t endpoint = cap->object;
	struct spec_thread *partner;

	if (error != E_OK)
		return error;
	if (spec_submit(spec, self, endpoint, &partner)) {
		spec_sched_ready(spec, partner);
		return E_OK;
	}
	error = spec_start_timeout(spec, self, spec_arg(self, 6));
	if (error != E_OK)
		return error;
	spec_sched_block(spec, self, SPEC_SENDING);
	spec_queue_sender(spec, self, endpoint);
	return SPEC_BLOCKED;
}

/* The caller has less left than the endpoint asks for: it calls again when its period, or the timeout, is over. */
static enum tessera_error wait_for_budget(struct spec *spec, struct spec_thread *self, uint64_t minimum_ns)
{
	const struct spec_context *context = spec_context_of(spec, self->context);
	uint64_t deadline = spec_arg(self, 6);

	if (self->context == 0) { /* another CPU took it away: it calls again with the next one */
		spec_sched_postpone(spec, self, 0);
		return SPEC_PREEMPTED;
	}
	if (context->budget_ns < minimum_ns)
		return E_NO_TIME;
	if (deadline <= spec->now_ns)
		return E_TIMEOUT;
	spec_sched_postpone(spec, self, deadline < context->refill_ns ? deadline : context->refill_ns);
	return SPEC_PREEMPTED;
}

enum tessera_error spec_op_call(struct spec *spec, struct spec_thread *self, struct spec_cap *cap)
{
	enum tessera_error error = decode_send(self, cap, true);
	uint64_t endpoint = cap->object, minimum = spec_endpoint_of(spec, endpoint)->minimum_ns;
	struct spec_thread *partner;

	if (error == E_OK && !spec_has_time(spec, self, minimum))
		return wait_for_budget(spec, self, minimum);
	if (error == E_OK)
		error = spec_start_timeout(spec, self, spec_arg(self, 6));
	if (error != E_OK)
		return error;
	if (!spec_submit(spec, self, endpoint, &partner)) {
		spec_sched_block(spec, self, SPEC_SENDING);
		spec_queue_sender(spec, self, endpoint);
		return SPEC_BLOCKED;
	}
	spec_sched_block(spec, self, SPEC_CALLING);
	spec_sched_handoff(spec, partner);
	return SPEC_BLOCKED;
}

/* ---- a receiver comes ---- */

static bool is_still_allowed(struct spec *spec, const struct spec_thread *sender)
{
	struct spec_cap *cap;

	if (sender->is_fault)
		cap = spec_cap_at(spec, (struct spec_place){sender->address, sender->sent_cap});
	else if (spec_lookup_cap(spec, sender, sender->sent_cap, CAP_ENDPOINT, RIGHT_WRITE, &cap) != E_OK)
		return false;
	return cap != NULL && !cap->is_dying && cap->placement == sender->sent_placement;
}

/* Takes one queued message; false: there is none. */
static bool take_sender(struct spec *spec, struct spec_thread *self, uint64_t address, bool with_calls,
			struct spec_place reply)
{
	struct spec_thread *sender;

	while ((sender = first_sender(spec, spec_endpoint_of(spec, address), with_calls)) != NULL) {
		if (!is_still_allowed(spec, sender)) {
			if (sender->is_fault)
				spec_fault_lost(spec, sender);
			else
				spec_wake(spec, sender, E_REVOKED);
			continue;
		}
		spec_endpoint_leave(spec, sender);
		pass(spec, sender, self, address, reply);
		if (!wants_reply(sender) && spec_end_wait(spec, sender, E_OK))
			spec_sched_ready(spec, sender);
		return true;
	}
	return false;
}

static bool take_signals(struct spec *spec, struct spec_thread *self)
{
	struct spec_notification *bound = self->bound != 0 ? spec_notification_of(spec, self->bound) : NULL;

	if (bound == NULL || bound->word == 0)
		return false;
	spec_deliver(self, 0, MSG_TAG(MSG_OP_SIGNAL, 1, 0), (const uint64_t[4]){bound->word}, 0);
	bound->word = 0;
	return true;
}

static enum tessera_error receive(struct spec *spec, struct spec_thread *self, uint64_t endpoint,
				  cap_t reply_slot)
{
	struct spec_slot slot = {{0, 0}, 0};
	enum tessera_error error = E_OK;

	if (reply_slot != 0)
		error = spec_lookup_empty(spec, self, SLOT_OWN(reply_slot), &slot);
	if (error != E_OK)
		return error;
	spec_lending_give_back(spec, self);
	if (spec_notice_take(spec, spec_endpoint_of(spec, endpoint), self) == E_OK ||
	    take_signals(spec, self) || take_sender(spec, self, endpoint, reply_slot != 0, slot.place))
		return E_OK;
	error = spec_start_timeout(spec, self, spec_arg(self, 6));
	if (error != E_OK)
		return error;
	self->reply_slot = reply_slot;
	spec_sched_block(spec, self, SPEC_RECEIVING);
	queue_receiver(spec, self, endpoint);
	return SPEC_BLOCKED;
}

enum tessera_error spec_op_recv(struct spec *spec, struct spec_thread *self, struct spec_cap *cap)
{
	return receive(spec, self, cap->object, (cap_t)(spec_arg(self, 0) >> 32));
}

/* ---- answers ---- */

void spec_reply_abandon(struct spec *spec, struct spec_thread *thread)
{
	for (uint32_t i = 0; i < spec->cap_count; i++) {
		if (spec->caps[i].type == CAP_REPLY && spec->caps[i].object == thread->address)
			spec->caps[i].object = 0;
	}
	spec_lending_end(spec, thread);
}

void spec_reply_die(struct spec *spec, struct spec_cap *reply)
{
	if (reply->object == 0)
		return;
	struct spec_thread *caller = spec_thread_of(spec, reply->object);

	reply->object = 0;
	spec_lending_end(spec, caller);
	if (caller->state == SPEC_FAULTED)
		spec_fault_answer(spec, caller, FAULT_RESUME);
	else if (spec_end_wait(spec, caller, E_DEAD))
		spec_sched_ready(spec, caller);
}

/* *woken: the caller, if it may run now. */
static enum tessera_error answer(struct spec *spec, struct spec_thread *self, struct spec_cap *reply,
				 struct spec_thread **woken)
{
	uint64_t words[MSG_REGISTER_WORDS], caller_address = reply->object, label;
	msg_tag_t tag = spec_arg(self, 1);
	struct spec_thread *caller;

	*woken = NULL;
	if (!is_valid_tag(tag, true))
		return E_ARG;
	spec_cap_remove(spec, reply);
	if (caller_address == 0)
		return E_GONE;
	caller = spec_thread_of(spec, caller_address);
	spec_lending_end(spec, caller);
	if (caller->state == SPEC_FAULTED) {
		spec_fault_answer(spec, caller, MSG_TAG_OP(tag));
		return E_OK;
	}
	(void)copy_message(self, caller, words);
	if (MSG_TAG_CAPS(tag) != 0)
		spec_transfer_caps(spec, self, caller, 0, MSG_TAG_CAPS(tag));
	label = spec_arg(caller, 6); /* call has no label among its results */
	spec_deliver(caller, 0, tag, words, label);
	if (spec_end_wait(spec, caller, E_OK))
		*woken = caller;
	return E_OK;
}

enum tessera_error spec_op_reply(struct spec *spec, struct spec_thread *self, struct spec_cap *cap)
{
	struct spec_thread *caller;
	enum tessera_error error = answer(spec, self, cap, &caller);

	if (caller != NULL)
		spec_sched_ready(spec, caller);
	return error;
}

enum tessera_error spec_op_reply_recv(struct spec *spec, struct spec_thread *self, struct spec_cap *cap)
{
	cap_t reply_slot = (cap_t)(spec_arg(self, 0) >> 32);
	uint64_t endpoint = cap->object;
	struct spec_thread *caller;
	struct spec_cap *reply;
	enum tessera_error error = spec_lookup_cap(spec, self, reply_slot, CAP_REPLY, 0, &reply);

	if (error == E_OK)
		error = answer(spec, self, reply, &caller);
	if (error != E_OK)
		return error;
	error = receive(spec, self, endpoint, reply_slot);
	if (caller != NULL && error == SPEC_BLOCKED)
		spec_sched_handoff(spec, caller);
	else if (caller != NULL)
		spec_sched_ready(spec, caller);
	return error;
}
