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
#include <sched.h>
#include <thread.h>
#include <timer.h>

#include <kernel/handlers.h>

#define ROWS 1024u /* of the table; a power of two: the number is masked behind its check (see cap_lookup) */
#define TIMER_STEPS 8u /* timeouts that end in one interrupt; the next one comes at once */

struct operation {
	enum tessera_error (*handler)(struct thread *self, struct slot *cap);
	uint8_t type;
	uint8_t rights;
	uint8_t kind; /* OP_PLAIN, OP_BY_CAP, OP_BY_SLOT */
};

static enum tessera_error no_operation(struct thread *self, struct slot *cap)
{
	(void)self;
	(void)cap;
	return E_NO_OP;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init" /* the X rows replace no_operation */
#define X(number, name, cap_type, needed, how) \
	[number] = {.handler = invoke_##name, .type = (cap_type), .rights = (needed), .kind = (how)},
static const struct operation operations[ROWS] = {
	[0 ... ROWS - 1] = {.handler = no_operation, .kind = OP_PLAIN},
#include <kernel/dispatch_table.inc>
};
#undef X
#pragma GCC diagnostic pop

/* Not static: the compiler must not know that the mask behind the check changes nothing. */
uint64_t dispatch_direct_limit = ROWS;

/* The capability an operation is invoked on; NULL if it is on none. */
static ALWAYS_INLINE enum tessera_error find_cap(const struct thread *self, const struct operation *operation,
						 struct slot **cap)
{
	*cap = NULL;
	if (operation->kind != OP_BY_CAP)
		return E_OK;
	return cap_lookup(self, (cap_t)ctx_arg(&self->ctx, 0), operation->type, operation->rights, cap);
}

static ALWAYS_INLINE enum tessera_error invoke(struct thread *self, const struct operation *operation)
{
	struct slot *cap;
	enum tessera_error error = find_cap(self, operation, &cap);

	return error == E_OK ? operation->handler(self, cap) : error;
}

/* Where the CPU must not guess what a pointer points to. */
static NOINLINE enum tessera_error invoke_guarded(struct thread *self, uint64_t number)
{
	const struct operation *operation = &operations[number & (ROWS - 1u)];
	struct slot *cap;
	enum tessera_error error = find_cap(self, operation, &cap);

	return error == E_OK ? arch_call_guarded(self, cap, operation->handler) : error;
}

/* Anything but success, or the wish to choose another thread. */
static NOINLINE void finish(struct cpu *here, enum tessera_error error)
{
	struct thread *caller = here->caller;

	if (error == E_RESTART) {
		here->work = 0;
		ctx_restart(&caller->ctx);
	} else if (error != E_OK && error != E_BLOCKED) {
		ctx_set_error(&caller->ctx, error);
	}
	if (here->reschedule)
		sched_finish();
}

void kernel_syscall(uint64_t number)
{
	struct cpu ARCH_CPU_SPACE *here = arch_here();
	struct thread *self = here->current;
	enum tessera_error error = E_NO_OP;

	here->entries++;
	here->caller = self;
	ctx_set_error(&self->ctx,
		      E_OK); /* first, so that nothing is to be kept over a handler that succeeds */
	if (LIKELY(number < dispatch_direct_limit))
		error = invoke(self, &operations[number & (ROWS - 1u)]);
	else if (number < ROWS)
		error = invoke_guarded(self, number);
	if (UNLIKELY((error | here->reschedule) != 0))
		finish(cpu(), error);
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

	here->timer_irqs++;
	here->wheel.armed_ns = DEADLINE_NEVER;
	while ((expired = timer_expire(&here->wheel, now, &steps)) != NULL) /* bounded by steps */
		timeout_over(expired);
	sched_tick();
	timer_rearm();
	sched_finish();
}

enum tessera_error invoke_yield(struct thread *self, struct slot *cap)
{
	(void)self;
	(void)cap;
	sched_give_way();
	return E_OK;
}

enum tessera_error invoke_nothing(struct thread *self, struct slot *cap)
{
	(void)self;
	(void)cap;
	return E_OK;
}
