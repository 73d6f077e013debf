/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * SchedContexts: binding, what is left of a budget, and the operations on them.
 *
 * Amounts are TSC ticks, points in time nanoseconds.  The context in use (cpu.context) is charged only when somebody wants to
 * know or the CPU changes to another one, so whoever reads its amounts calls sched_charge before.
 */
#include <cspace.h>
#include <sched.h>
#include <thread.h>

#include <kernel/handlers.h>

#define NS_PER_SECOND 1000000000ull

/* ---- time ---- */

uint64_t sched_tsc_of_ns(uint64_t ns)
{
	uint64_t hz = arch_tsc_hz();

	return ns / NS_PER_SECOND * hz + ns % NS_PER_SECOND * hz / NS_PER_SECOND;
}

uint64_t sched_ns_of_tsc(uint64_t tsc)
{
	uint64_t hz = arch_tsc_hz();

	return tsc / hz * NS_PER_SECOND + tsc % hz * NS_PER_SECOND / hz;
}

void sched_charge(struct cpu *self)
{
	struct sched_context *context = self->context;
	uint64_t now = arch_tsc(), used = now - self->context_tsc;

	self->context_tsc = now;
	context->consumed_tsc += used;
	context->left_tsc = context->left_tsc > used ? context->left_tsc - used : 0;
	if (context->left_tsc > context->budget_tsc) /* SCHED_FULL */
		context->left_tsc = context->budget_tsc;
}

/* The CPU on which a context is in use; NULL: none. */
static struct cpu *user_of(const struct sched_context *context)
{
	for (uint32_t i = 0; i < cpus_used; i++) {
		if (cpus[i]->context == context)
			return cpus[i];
	}
	return NULL;
}

static void charge_user(const struct sched_context *context)
{
	struct cpu *user = user_of(context);

	if (user != NULL)
		sched_charge(user);
}

/* Its end changes, or it may become another object: no timer that is armed counts for it. */
static void forget_armed(const struct sched_context *context)
{
	for (uint32_t i = 0; i < cpus_used; i++) {
		if (cpus[i]->armed == context)
			cpus[i]->armed = NULL;
	}
}

/* A limited context at the end of its period is full; the next one begins when it is used. */
static void refill_if_due(struct sched_context *context)
{
	uint64_t now_ns = arch_time_now_ns();

	if (context->refill_ns != 0 && now_ns >= context->refill_ns) {
		context->left_tsc = context->budget_tsc;
		context->refill_ns = 0;
		context->is_reported = 0;
	}
	if (context->refill_ns == 0 && user_of(context) != NULL)
		context->refill_ns = now_ns + context->period_ns;
}

bool sched_has_time(const struct thread *thread, uint64_t wanted_tsc)
{
	if (thread->context == 0)
		return false;
	struct sched_context *context = sched_context_at(thread->context);

	if (context->period_ns == 0)
		return true;
	charge_user(context);
	refill_if_due(context);
	return context->left_tsc > sched_tsc_of_ns(SCHED_USED_UP_NS) && context->left_tsc >= wanted_tsc;
}

void sched_context_use(struct cpu *self, struct sched_context *next)
{
	if (next == self->context)
		return;
	sched_charge(self);
	self->context = next;
	next->switches++;
	if (next->period_ns != 0)
		refill_if_due(next);
}

/* ---- binding ---- */

void sched_context_init(struct sched_context *context)
{
	context->budget_tsc = sched_tsc_of_ns(SCHED_SLICE_NS);
	context->left_tsc = context->budget_tsc;
}

void sched_context_bind(struct sched_context *context, struct thread *thread)
{
	context->owner = thread_ref_of(thread);
	context->runner = context->owner;
	thread->own_context = object_index(ptr_to_phys(context));
	thread->context = thread->own_context;
	thread->lending_depth = 0;
	if (thread->state == THREAD_POSTPONED)
		sched_ready(thread);
}

void sched_context_unbind(struct sched_context *context)
{
	if (context->owner == 0)
		return;
	struct thread *owner = thread_at(context->owner);
	bool is_receiving = owner->state == THREAD_RECEIVING;

	if (!is_receiving) {
		lending_end(owner);
		lending_give_back(owner);
	}
	forget_armed(context);
	/* at most all CPUs */
	for (struct cpu *user = user_of(context); user != NULL; user = user_of(context))
		sched_context_use(user, &user->idle_context);
	owner->own_context = 0;
	owner->context = 0;
	owner->lending_depth = SCHED_LENDING_DEPTH; /* no fast call before its CPU hears of this */
	context->owner = 0;
	context->runner = 0;
	if (is_receiving)
		thread_wake(owner, E_NO_TIME);
	else
		sched_reconsider(owner, owner->own_priority);
}

/* ---- operations ---- */

static struct sched_context *context_of(const struct slot *cap)
{
	return sched_context_at(slot_object(cap));
}

enum tessera_error invoke_sched_configure(struct thread *self, struct slot *cap)
{
	uint64_t budget_ns = ctx_arg(&self->ctx, 1), period_ns = ctx_arg(&self->ctx, 2);
	struct sched_context *context = context_of(cap);

	if (budget_ns < SCHED_BUDGET_MIN_NS || budget_ns > SCHED_BUDGET_MAX_NS)
		return E_ARG;
	if (period_ns != 0 && (period_ns < budget_ns || period_ns > SCHED_BUDGET_MAX_NS))
		return E_ARG;
	charge_user(context);
	context->budget_tsc = sched_tsc_of_ns(budget_ns);
	context->left_tsc = context->budget_tsc;
	context->period_ns = period_ns;
	context->refill_ns = 0;
	context->is_reported = 0;
	forget_armed(context);
	if (context->owner == 0)
		return E_OK;
	struct thread *runner = thread_at(context->runner);

	if (runner->state == THREAD_POSTPONED || user_of(context) != NULL) /* more time, or a timer to arm */
		sched_reconsider(runner, runner->priority);
	return E_OK;
}

enum tessera_error invoke_sched_bind(UNUSED struct thread *self, struct slot *cap, struct slot *thread_cap)
{
	struct sched_context *context = context_of(cap);

	if (thread_cap == NULL) {
		sched_context_unbind(context);
		return E_OK;
	}
	struct thread *thread = thread_at(slot_object(thread_cap));

	if (context->owner != 0 || thread->own_context != 0)
		return context->owner == slot_object(thread_cap) ? E_OK : E_BUSY;
	sched_context_bind(context, thread);
	return E_OK;
}

enum tessera_error invoke_sched_consumed(struct thread *self, struct slot *cap)
{
	const struct sched_context *context = context_of(cap);

	charge_user(context);
	ctx_set_result(&self->ctx, 0, sched_ns_of_tsc(context->consumed_tsc));
	ctx_set_result(&self->ctx, 1, context->switches);
	ctx_set_result(&self->ctx, 2, sched_ns_of_tsc(context->left_tsc));
	return E_OK;
}
