/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The door: native system calls, from their number to their handler.
 *
 * The capability in argument 0 is looked up and checked here, by the generated table; handlers decode the rest and
 * then act.  A handler's error goes into the caller's registers, unless it blocked or is to be executed again; a handler
 * that gives another thread the caller's place leaves that to the end of the entry (sched.h).
 */
#include <cspace.h>
#include <ipc.h>
#include <lock.h>
#include <remote.h>
#include <sched.h>
#include <thread.h>
#include <timer.h>

#include <kernel/handlers.h>

#define ROWS 1024u /* of the table; a power of two: the number is masked behind its check (see cap_lookup) */
#define TIMER_STEPS 8u /* timeouts that end in one interrupt; the next one comes at once */

struct operation {
	enum tessera_error (*handler)(struct thread *self, struct slot *cap);
	uint16_t wanted; /* type | rights << 8 */
	uint8_t kind;	 /* OP_PLAIN, OP_BY_CAP, OP_BY_SLOT, OP_ON_THREAD */
};
#define OP_ON_THREAD 3u /* OP_BY_CAP with a Thread: that CPU executes it where the thread runs */
#define REMOTE_CALLS 4u /* of others in one interrupt */

static enum tessera_error no_operation(UNUSED struct thread *self, UNUSED struct slot *cap)
{
	return E_NO_OP;
}

/* decode_NAME, for operations with arguments that name more slots or capabilities. */
#include <kernel/decoders.inc>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init" /* the X rows replace no_operation */
#define X(number, name, cap_type, needed, how, function)  \
	[number] = {.handler = (function),                \
		    .wanted = (cap_type) | (needed) << 8, \
		    .kind = (cap_type) == CAP_THREAD ? OP_ON_THREAD : (how)},
static const struct operation operations[ROWS] = {
	[0 ... ROWS - 1] = {.handler = no_operation, .kind = OP_PLAIN},
#include <kernel/dispatch_table.inc>
};
#undef X
#pragma GCC diagnostic pop

/* Kept: a compiler that knows its only two values makes two checks of one, and may find that the mask behind it changes nothing. */
KEPT uint64_t dispatch_direct_limit = ROWS;

/* is_guarded: the CPU must not guess what a pointer points to. */
static ALWAYS_INLINE enum tessera_error call_handler(const struct operation *operation, struct thread *self,
						     struct slot *cap, bool is_guarded)
{
	return is_guarded ? arch_call_guarded(self, cap, operation->handler) : operation->handler(self, cap);
}

static ALWAYS_INLINE enum tessera_error invoke(struct thread *self, const struct operation *operation,
					       bool is_guarded)
{
	struct slot *cap = NULL;

	if (LIKELY(operation->kind != OP_BY_SLOT)) {
		enum tessera_error error =
			cap_lookup(self, (cap_t)ctx_arg(&self->ctx, 0), operation->wanted & 0xffu,
				   operation->wanted >> 8, &cap);

		if (error != E_OK)
			return error;
		if (operation->kind == OP_ON_THREAD && sched_is_elsewhere(thread_at(slot_object(cap))))
			return E_ELSEWHERE;
	}
	return call_handler(operation, self, cap, is_guarded);
}

/* Neither success nor E_BLOCKED: into the caller's registers, unless the call is to be executed again. */
static NOINLINE void settle(struct cpu *here, enum tessera_error error)
{
	struct thread *caller = here->caller;

	if (error == E_RESTART) {
		here->work = 0;
		ctx_restart(&caller->ctx);
	} else if (error == E_ELSEWHERE) {
		remote_send(caller, here->elsewhere);
	} else {
		ctx_set_error(&caller->ctx, error);
	}
}

/* Not success, or the wish to choose another thread. */
static NOINLINE void finish(enum tessera_error error)
{
	if (UNLIKELY(error != E_OK && error != E_BLOCKED))
		settle(cpu(), error);
	if (arch_here()->reschedule)
		sched_finish();
}

static ALWAYS_INLINE void execute(struct thread *self, const struct operation *operation, bool is_guarded)
{
	lock_take();
	arch_here()->caller = self;
	enum tessera_error error = invoke(self, operation, is_guarded);

	if (UNLIKELY((error | arch_here()->reschedule) != 0))
		finish(error);
	lock_release();
}

static NOINLINE void execute_direct(struct thread *self, const struct operation *operation)
{
	execute(self, operation, false);
}

/* About the caller alone: without the lock. */
static ALWAYS_INLINE void execute_plain(struct thread *self, const struct operation *operation,
					bool is_guarded)
{
	enum tessera_error error = call_handler(operation, self, NULL, is_guarded);

	if (error != E_OK)
		ctx_set_error(&self->ctx, error);
}

static NOINLINE void execute_guarded(struct thread *self, uint64_t number)
{
	const struct operation *operation = &operations[number & (ROWS - 1u)];

	if (number >= ROWS)
		ctx_set_error(&self->ctx, E_NO_OP);
	else if (operation->kind == OP_PLAIN)
		execute_plain(self, operation, true);
	else
		execute(self, operation, true);
}

void kernel_syscall(uint64_t number)
{
	struct thread *self = arch_here()->current;
	const struct operation *operation = &operations[number & (ROWS - 1u)];

	arch_here()->entries++;
	/* first, so that nothing is to be kept over a handler that succeeds */
	ctx_set_error(&self->ctx, E_OK);
	if (UNLIKELY(number >= dispatch_direct_limit))
		execute_guarded(self, number);
	else if (operation->kind != OP_PLAIN)
		execute_direct(self, operation);
	else
		execute_plain(self, operation, false);
}

/* A call whose caller is blocked on another CPU: remote.h. */
static void execute_remote(struct cpu *here, struct thread *caller)
{
	uint32_t number = ctx_call_number(&caller->ctx);

	here->caller = caller;
	here->work = 0;
	ctx_set_error(&caller->ctx, E_OK);
	enum tessera_error error = invoke(caller, &operations[number & (ROWS - 1u)], true);

	if (caller->state != THREAD_REMOTE)
		return; /* its own call has stopped it, and taken itself back */
	if (error != E_OK && error != E_BLOCKED)
		settle(here, error);
	if (caller->queue_next == 0) /* not sent on to another CPU */
		sched_ready(caller);
}

void kernel_interrupted(void)
{
	struct cpu *here = cpu();
	struct thread *caller;

	lock_answer(here);
	if (here->remote == 0 && !here->reschedule)
		return;
	lock_take();
	for (uint32_t i = 0; i < REMOTE_CALLS && (caller = remote_take(here)) != NULL; i++)
		execute_remote(here, caller);
	if (here->remote != 0)
		lock_kick(here->id);
	sched_finish();
	lock_release();
}

void kernel_foreign_syscall(void)
{
	struct cpu *here = cpu();

	here->entries++;
	if (!personality_syscall(here->current))
		ctx_set_error(&here->current->ctx, E_NO_OP);
}

static void timeout_over(struct thread *thread)
{
	if (thread->state == THREAD_POSTPONED)
		sched_ready(thread);
	else
		thread_wake(thread, E_TIMEOUT);
}

void kernel_timer(void)
{
	struct cpu *here = cpu();
	uint64_t now = arch_time_now_ns();
	uint32_t steps = TIMER_STEPS;
	struct thread *expired;

	lock_take();
	here->timer_irqs++;
	timer_is_unarmed(here);
	while ((expired = timer_expire(&here->wheel, now, &steps)) != NULL) /* bounded by steps */
		timeout_over(expired);
	sched_tick();
	timer_rearm();
	sched_finish();
	lock_release();
}

enum tessera_error invoke_yield(UNUSED struct thread *self, UNUSED struct slot *cap)
{
	lock_take();
	sched_give_way();
	if (arch_here()->reschedule)
		sched_finish();
	lock_release();
	return E_OK;
}

enum tessera_error invoke_nothing(UNUSED struct thread *self, UNUSED struct slot *cap)
{
	return E_OK;
}
