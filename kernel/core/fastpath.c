/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The fast path: call to a server that waits, and reply_recv to a caller that waits, without capabilities, timeouts or a
 * choice to be made by the scheduler.
 *
 * Everything here is what the slow path does in that case, and nothing else: the conditions are checked first and
 * nothing is changed until all hold; if one fails, the slow path decides.  tests/host/kernel/ipc compares both.
 * Budget (docs/performance.md): a call and its reply_recv, with the entry stubs, in 400 instructions.
 */
#include <cspace.h>
#include <ipc.h>
#include <queue.h>
#include <sched.h>
#include <thread.h>
#include <timer.h>

#define FIRST_BAD_TAG ((uint64_t)(MSG_MAX_WORDS + 1u) << 16)

/* No capabilities, a length that is allowed, not one of the kernel's own operations. */
static ALWAYS_INLINE bool is_fast_tag(msg_tag_t tag)
{
	return tag < FIRST_BAD_TAG && MSG_TAG_OP(tag) < MSG_OP_PAGE_FAULT;
}

/* A slot of a thread's CSpace whose CNode may be written; NULL: not so easy. */
static ALWAYS_INLINE struct slot *fast_slot(const struct thread *thread, cap_t address)
{
	const uint64_t wanted = CAP_CNODE | RIGHT_WRITE << 8;

	if (UNLIKELY((address >> 8) >= thread->cspace_slots))
		return NULL;
	const struct slot *leaf = slot_at(thread->cspace_first + (address >> 8));

	if (UNLIKELY((leaf->word & (0xffu | RIGHT_WRITE << 8 | SLOT_DYING << 16)) != wanted))
		return NULL;
	if (UNLIKELY((address & 0xffu) >> leaf->badge != 0))
		return NULL;
	return slot_at(slot_object(leaf) + (address & 0xffu));
}

/* True if the scheduler would choose the partner now, and nothing has to be armed for its slice. */
static ALWAYS_INLINE bool may_switch(const struct cpu *here, const struct thread *partner)
{
	if (LIKELY(partner->priority < here->ready.best))
		return true;
	return partner->priority == here->ready.best && partner->slice_end_ns != 0 &&
	       here->wheel.armed_ns <= partner->slice_end_ns;
}

/* Tag and words; words the message does not have are zero. */
static ALWAYS_INLINE void copy_message(struct thread *from, struct thread *to, msg_tag_t tag)
{
	uint32_t words = MSG_TAG_WORDS(tag);

	ctx_set_result(&to->ctx, 1, tag);
	ctx_set_result(&to->ctx, 2, words > 0 ? ctx_arg(&from->ctx, 2) : 0);
	ctx_set_result(&to->ctx, 3, words > 1 ? ctx_arg(&from->ctx, 3) : 0);
	ctx_set_result(&to->ctx, 4, words > 2 ? ctx_arg(&from->ctx, 4) : 0);
	ctx_set_result(&to->ctx, 5, words > 3 ? ctx_arg(&from->ctx, 5) : 0);
	ctx_set_error(&to->ctx, E_OK);
	if (UNLIKELY(words > MSG_REGISTER_WORDS))
		message_copy_rest(from, to, tag);
}

/* ---- call ---- */

/* The receiver that waits at the endpoint and can be switched to; NULL: not so easy. */
static ALWAYS_INLINE struct thread *fast_receiver(const struct cpu *here, const struct endpoint *endpoint)
{
	if (UNLIKELY(endpoint->receivers == 0))
		return NULL;
	struct thread *server = thread_at(endpoint->receivers);

	if (UNLIKELY(server->timer_bucket != TIMER_NONE || !may_switch(here, server)))
		return NULL;
	return server;
}

static ALWAYS_INLINE void fast_call_invoke(struct thread *self, struct thread *server, const struct slot *cap,
					   struct slot *reply)
{
	ring_remove(&endpoint_at(slot_object(cap))->receivers, server);
	server->queue_object = 0;
	server->state = THREAD_READY;
	copy_message(self, server, ctx_arg(&self->ctx, 1));
	ctx_set_result(&server->ctx, 0, cap->badge);
	ctx_set_result(&server->ctx, 6, self->label);
	reply->word |= slot_word(CAP_REPLY, RIGHTS_ALL, 0, thread_ref_of(self));
	self->reply_slot = slot_index(reply);
	self->state = THREAD_CALLING;
}

void kernel_ipc_call(void)
{
	struct cpu *here = cpu();
	struct thread *self = here->current;
	struct slot *cap = NULL, *reply = NULL;
	struct thread *server = NULL;
	bool is_fast = is_fast_tag(ctx_arg(&self->ctx, 1)) && ctx_arg(&self->ctx, 6) == DEADLINE_NEVER &&
		       cap_lookup(self, (cap_t)ctx_arg(&self->ctx, 0), CAP_ENDPOINT, RIGHT_WRITE | RIGHT_GRANT, &cap) == E_OK;

	if (LIKELY(is_fast))
		server = fast_receiver(here, endpoint_at(slot_object(cap)));
	if (LIKELY(server != NULL))
		reply = fast_slot(server, server->reply_cap);
	if (UNLIKELY(reply == NULL || !slot_is_empty(reply))) {
		kernel_syscall(OP_CALL);
		return;
	}
	here->fast_calls++;
	fast_call_invoke(self, server, cap, reply);
	switch_to(server);
}

/* ---- reply_recv ---- */

/* The caller a Reply stands for, if it waits for nothing but this and can be switched to; NULL: not so easy. */
static ALWAYS_INLINE struct thread *fast_caller(const struct cpu *here, const struct slot *reply)
{
	const uint64_t mask = 0xffu | SLOT_DYING << 16;

	if (UNLIKELY((reply->word & mask) != CAP_REPLY || slot_object(reply) == 0))
		return NULL;
	struct thread *caller = thread_at(slot_object(reply));

	if (UNLIKELY(caller->state != THREAD_CALLING || caller->is_suspended || caller->is_interrupted))
		return NULL;
	if (UNLIKELY(caller->timer_bucket != TIMER_NONE || !may_switch(here, caller)))
		return NULL;
	return caller;
}

/* True if recv would find nothing and wait. */
static ALWAYS_INLINE bool would_wait(const struct thread *self, const struct endpoint *endpoint)
{
	if (UNLIKELY(endpoint->sender_summary != 0 || endpoint->notices != 0))
		return false;
	return self->bound == 0 || notification_at(self->bound)->word == 0;
}

static ALWAYS_INLINE void fast_reply_invoke(struct thread *self, struct thread *caller, struct slot *reply)
{
	reply->word = (reply->word + 0x01000000ull) & 0xff000000ull;
	copy_message(self, caller, ctx_arg(&self->ctx, 1));
	ctx_set_result(&caller->ctx, 0, 0);
	caller->reply_slot = 0;
	caller->state = THREAD_READY;
}

static ALWAYS_INLINE void fast_recv_invoke(struct thread *self, const struct slot *cap)
{
	self->reply_cap = (cap_t)(ctx_arg(&self->ctx, 0) >> 32);
	self->state = THREAD_RECEIVING;
	self->queue_object = slot_object(cap);
	ring_append(&endpoint_at(slot_object(cap))->receivers, self);
}

void kernel_ipc_reply_recv(void)
{
	struct cpu *here = cpu();
	struct thread *self = here->current;
	uint64_t caps = ctx_arg(&self->ctx, 0);
	struct slot *cap = NULL, *reply = NULL;
	struct thread *caller = NULL;
	bool is_fast = is_fast_tag(ctx_arg(&self->ctx, 1)) && ctx_arg(&self->ctx, 6) == DEADLINE_NEVER &&
		       cap_lookup(self, (cap_t)caps, CAP_ENDPOINT, RIGHT_READ, &cap) == E_OK;

	if (LIKELY(is_fast))
		reply = fast_slot(self, (cap_t)(caps >> 32));
	if (LIKELY(reply != NULL && would_wait(self, endpoint_at(slot_object(cap)))))
		caller = fast_caller(here, reply);
	if (UNLIKELY(caller == NULL)) {
		kernel_syscall(OP_REPLY_RECV);
		return;
	}
	here->fast_replies++;
	fast_reply_invoke(self, caller, reply);
	fast_recv_invoke(self, cap);
	switch_to(caller);
}
