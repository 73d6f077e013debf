/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The fast path: call to a server that waits, and reply_recv to a caller or faulted thread that waits, without
 * capabilities, timeouts or a choice to be made by the scheduler.
 *
 * Everything here is what the slow path does in that case, and nothing else: the conditions are checked first and
 * nothing is changed until all hold; if one fails, the slow path decides.  tests/host/kernel/ipc compares both.
 * Budget: a call and its reply_recv, with the entry stubs and the user side, in 300 instructions (bench/native).
 */
#include <cspace.h>
#include <ipc.h>
#include <lock.h>
#include <own_slot.h>
#include <queue.h>
#include <sched.h>
#include <thread.h>
#include <timer.h>

#define FIRST_FULL_TAG ((uint64_t)MSG_REGISTER_WORDS << 16)
#define FIRST_BAD_TAG ((uint64_t)(MSG_MAX_WORDS + 1u) << 16)

/* MSG_REGISTER_WORDS words, no capabilities, and any operation. */
static ALWAYS_INLINE bool is_full(msg_tag_t tag)
{
	return LIKELY(tag - FIRST_FULL_TAG <= UINT16_MAX);
}

/* True if the scheduler would choose the caller now, and nothing has to be armed: the context in use goes on. */
static ALWAYS_INLINE bool may_switch(const struct cpu ARCH_CPU_SPACE *here, const struct thread *caller)
{
	if (LIKELY(caller->priority < here->ready.best))
		return true;
	return caller->priority == here->ready.best && here->armed == here->context;
}

/* The words of a message as they arrive; its tag. */
struct fast_message {
	uint64_t words[MSG_REGISTER_WORDS];
	msg_tag_t tag;
};

/* Makes the rest right for a message of another length than MSG_REGISTER_WORDS: words it does not have are zero. */
static ALWAYS_INLINE void pass_rest(struct thread *from, struct thread *to, struct fast_message *message)
{
	uint32_t words = MSG_TAG_WORDS(message->tag);

	if (is_full(message->tag))
		return;
	if (words > MSG_REGISTER_WORDS)
		message_copy_rest(from, to, message->tag);
	for (uint32_t i = 0; i < MSG_REGISTER_WORDS; i++)
		message->words[i] = i < words ? message->words[i] : 0;
}

/* ---- slots (own_slot.h) ---- */

/* Fast paths of two CPUs may run at once: each touches only what it owns (docs/decisions/0006-locking.md). */
static ALWAYS_INLINE bool is_ours(uint32_t owner)
{
	return CPUS_MAX == 1 || LIKELY(owner == arch_here()->id);
}

struct slot *slot_cache_call(struct thread *thread, cap_t address)
{
	struct slot *slot = slot_of(thread, address);

	if (slot == NULL || (thread->lender == 0 && !is_ours(thread->home)))
		return NULL;
	thread->call_cache = (struct slot_cache){
		.generation = cspace_generation, .address = address, .slot = slot_index(slot)};
	return slot;
}

bool slot_cache_recv(struct thread *thread, uint64_t addresses)
{
	cap_t reply_address = (cap_t)(addresses >> 32);
	struct slot *slot = slot_of(thread, (cap_t)addresses), *reply = own_slot(thread, reply_address);

	if (slot == NULL || reply == NULL)
		return false;
	thread->reply_cap = reply_address;
	thread->recv_cache = (struct slot_cache){.generation = cspace_generation,
						 .address = (cap_t)addresses,
						 .reply_address = reply_address,
						 .slot = slot_index(slot),
						 .reply_slot = slot_index(reply)};
	return true;
}

struct slot *slot_cache_reply(const struct thread *thread)
{
	return own_slot(thread, thread->reply_cap);
}

/* True if the slot holds a capability of that type with those rights that is not dying. */
static ALWAYS_INLINE bool holds(const struct slot *slot, uint32_t type, uint32_t rights)
{
	return LIKELY((slot->word & (0xffu | rights << 8 | SLOT_DYING << 16)) == (type | rights << 8));
}

/* Fills an empty slot with the Reply of a caller. A slot has no owner: the one who sets the bit of its type has it. */
static ALWAYS_INLINE bool fast_reply_make(struct slot *slot, const struct thread *caller)
{
	if (UNLIKELY(!slot_is_empty(slot)))
		return false;
	if (CPUS_MAX > 1 &&
	    UNLIKELY((__atomic_fetch_or(&slot->word, CAP_REPLY, __ATOMIC_ACQ_REL) & CAP_REPLY) != 0))
		return false;
	slot->word |= slot_word(CAP_REPLY, RIGHTS_ALL, 0, thread_ref_of(caller));
	return true;
}
static_assert((CAP_REPLY & (CAP_REPLY - 1)) == 0, "one bit");

/* ---- call ---- */

/* The receiver that waits at the endpoint and can be switched to; NULL: not so easy.
 * It runs on the context in use and at least at the priority of self, so the scheduler would choose it. */
static ALWAYS_INLINE struct thread *fast_receiver(const struct thread *self, const struct endpoint *endpoint)
{
	if (UNLIKELY(endpoint->receivers == 0 || endpoint->cpu != arch_here()->id ||
		     self->lending_depth >= SCHED_LENDING_DEPTH))
		return NULL;
	struct thread *server = thread_at(endpoint->receivers);

	return LIKELY(server->timer_bucket == TIMER_NONE) ? server : NULL;
}

/* lending_begin, for a caller that runs and a server whose fields are stale. */
static ALWAYS_INLINE void fast_lend(struct cpu ARCH_CPU_SPACE *here, struct thread *self,
				    struct thread *server)
{
	server->context = self->context;
	server->lender = thread_ref_of(self);
	server->lending_depth = self->lending_depth + 1u;
	server->priority = self->priority < server->own_priority ? self->priority : server->own_priority;
	here->context->runner = thread_ref_of(server);
}

/* The server takes the message and goes on; the caller waits for the Reply. */
static ALWAYS_INLINE void fast_deliver(struct thread *self, struct thread *server, struct slot *reply)
{
	server->cpu = self->cpu;
	ctx_set_result(&self->ctx, 6, DEADLINE_NEVER); /* no answer and no error changes it */
	self->reply_slot = slot_index(reply);
	self->state = THREAD_CALLING;
	server->state = THREAD_READY;
}

/* The slow path decides: it takes the arguments from the saved registers. */
static NOINLINE ENTRY_POINT void slow_call(ENTRY_PARAMETERS(address, tag, w0, w1, w2, w3, deadline))
{
	ctx_save_call(&cpu()->current->ctx, OP_CALL,
		      (const uint64_t[]){address, tag, w0, w1, w2, w3, deadline});
	kernel_syscall(OP_CALL);
}

ENTRY_POINT void kernel_ipc_call(ENTRY_PARAMETERS(address, tag, w0, w1, w2, w3, deadline))
{
	struct cpu ARCH_CPU_SPACE *here = arch_here();
	struct thread *self = here->current;
	struct slot *cap = NULL, *reply = NULL;
	struct endpoint *endpoint = NULL;
	struct thread *server = NULL;

	if (UNLIKELY(tag >= FIRST_BAD_TAG || MSG_TAG_OP(tag) >= MSG_OP_PAGE_FAULT ||
		     deadline != DEADLINE_NEVER || !lock_own())) {
		ENTRY_ON slow_call(ENTRY_ARGUMENTS(address, tag, w0, w1, w2, w3, deadline));
		return;
	}
	cap = cached_call(self, (cap_t)address);
	if (LIKELY(cap != NULL && holds(cap, CAP_ENDPOINT, RIGHT_WRITE | RIGHT_GRANT))) {
		endpoint = endpoint_at(slot_object(cap));
		server = fast_receiver(self, endpoint);
	}
	if (LIKELY(server != NULL))
		reply = cached_reply(server);
	if (UNLIKELY(reply == NULL || !fast_reply_make(reply, self))) {
		lock_disown(here);
		ENTRY_ON slow_call(ENTRY_ARGUMENTS(address, tag, w0, w1, w2, w3, deadline));
		return;
	}
	struct fast_message message = {.words = {w0, w1, w2, w3}, .tag = tag};

	pass_rest(self, server, &message);
	here->fast_calls++;
	ring_remove(&endpoint->receivers, server);
	fast_deliver(self, server, reply);
	fast_lend(here, self, server);
	here->current = server;
	arch_vspace_switch(server->vspace_root);
	arch_switch_and_deliver(&self->ctx, &server->ctx, cap->badge, tag, message.words, self->label,
				lock_word());
}

/* ---- reply_recv ---- */

/* state, is_suspended, is_fault and is_interrupted in one word: neither suspended nor interrupted. */
#define STATUS_CALLING ((uint32_t)THREAD_CALLING)
#define STATUS_FAULTED ((uint32_t)THREAD_FAULTED | 1u << 16)
static_assert(offsetof(struct thread, is_fault) == offsetof(struct thread, state) + 2, "STATUS_FAULTED");
static_assert(offsetof(struct thread, is_interrupted) == offsetof(struct thread, state) + 3, "one word");

static ALWAYS_INLINE uint32_t status_of(const struct thread *thread)
{
	uint32_t status;

	__builtin_memcpy(&status, &thread->state, sizeof(status));
	return status;
}

/* The one who lent self its time, if it waits for this Reply and can be switched to; NULL: not so easy. */
static ALWAYS_INLINE struct thread *fast_caller(const struct cpu ARCH_CPU_SPACE *here,
						const struct thread *self, slot_ref reply, uint32_t status)
{
	if (UNLIKELY(self->lender == 0))
		return NULL;
	struct thread *caller = thread_at(self->lender);

	if (UNLIKELY(status_of(caller) != status || caller->reply_slot != reply))
		return NULL;
	if (status == STATUS_FAULTED && caller->priority >= here->ready.best)
		return NULL; /* the slow path puts it behind its equals */
	if (UNLIKELY(!is_ours(caller->cpu) || caller->timer_bucket != TIMER_NONE ||
		     !may_switch(here, caller)))
		return NULL;
	return caller;
}

/* True if recv would find nothing and wait. */
static ALWAYS_INLINE bool would_wait(const struct thread *self, const struct endpoint *endpoint)
{
	uint64_t gate; /* the CPU, and no notices */

	__builtin_memcpy(&gate, &endpoint->cpu, sizeof(gate));
	if (UNLIKELY(endpoint->sender_summary != 0 || gate != arch_here()->id))
		return false;
	return self->bound == 0 || notification_at(self->bound)->word == 0;
}

/* The server waits for the next message; the Reply is used up and the context in use goes back. recv_cache tells the rest. */
static ALWAYS_INLINE void fast_wait(struct cpu ARCH_CPU_SPACE *here, struct thread *self, endpoint_ref ref,
				    struct thread *caller)
{
	struct slot *reply = slot_at(self->recv_cache.reply_slot);

	caller->reply_slot = 0;
	caller->state = THREAD_READY;
	here->fast_replies++;
	here->context->runner = self->lender;
	reply->word = (reply->word + 0x01000000ull) & 0xff000000ull;
	self->state = THREAD_RECEIVING;
	self->queue_object = ref;
	ring_append(&endpoint_at(ref)->receivers, self);
	here->current = caller;
}

/* reply_recv to a faulted thread that repeats its instruction. */
static KEEPS_REGISTERS NOINLINE bool resume_faulted(struct thread *self, endpoint_ref ref)
{
	struct cpu ARCH_CPU_SPACE *here = arch_here();
	struct thread *faulted = fast_caller(here, self, self->recv_cache.reply_slot, STATUS_FAULTED);

	if (faulted == NULL)
		return false;
	faulted->is_fault = 0;
	fast_wait(here, self, ref, faulted);
	arch_vspace_switch(faulted->vspace_root);
	arch_context_switch(&self->ctx, &faulted->ctx);
	lock_disown(here);
	return true;
}

static NOINLINE ENTRY_POINT void slow_reply_recv(ENTRY_PARAMETERS(caps, tag, w0, w1, w2, w3, deadline))
{
	ctx_save_call(&cpu()->current->ctx, OP_REPLY_RECV,
		      (const uint64_t[]){caps, tag, w0, w1, w2, w3, deadline});
	kernel_syscall(OP_REPLY_RECV);
}

ENTRY_POINT void kernel_ipc_reply_recv(ENTRY_PARAMETERS(caps, tag, w0, w1, w2, w3, deadline))
{
	struct cpu ARCH_CPU_SPACE *here = arch_here();
	struct thread *self = here->current;
	const struct slot *cap = NULL;
	struct thread *caller = NULL;
	endpoint_ref ref = 0;

	if (UNLIKELY(tag >= FIRST_BAD_TAG || deadline != DEADLINE_NEVER || !lock_own())) {
		ENTRY_ON slow_reply_recv(ENTRY_ARGUMENTS(caps, tag, w0, w1, w2, w3, deadline));
		return;
	}
	if (LIKELY(is_cached_recv(self, caps)))
		cap = slot_at(self->recv_cache.slot);
	if (LIKELY(cap != NULL && holds(cap, CAP_ENDPOINT, RIGHT_READ))) {
		ref = slot_object(cap);
		if (LIKELY(would_wait(self, endpoint_at(ref))))
			caller = fast_caller(here, self, self->recv_cache.reply_slot, STATUS_CALLING);
		if (UNLIKELY(caller == NULL && MSG_TAG_OP(tag) == FAULT_RESUME &&
			     would_wait(self, endpoint_at(ref))) &&
		    resume_faulted(self, ref))
			return;
	}
	if (UNLIKELY(caller == NULL)) {
		lock_disown(here);
		ENTRY_ON slow_reply_recv(ENTRY_ARGUMENTS(caps, tag, w0, w1, w2, w3, deadline));
		return;
	}
	struct fast_message message = {.words = {w0, w1, w2, w3}, .tag = tag};

	pass_rest(self, caller, &message);
	fast_wait(here, self, ref, caller);
	arch_vspace_switch(caller->vspace_root);
	arch_switch_and_deliver(&self->ctx, &caller->ctx, 0, tag, message.words, DEADLINE_NEVER, lock_word());
}
