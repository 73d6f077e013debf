/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * SchedContexts: budgets, binding, and lending along calls (docs/decisions/0007-time.md).
 *
 * The threads that use one context are a chain from its owner to its runner, each but the owner naming the one before it as
 * its lender.  Only the runner can use time; the others wait for answers.
 */
#include "model.h"

#define USED_UP_NS 1000u /* so little left counts as nothing */

struct spec_context *spec_context_of(struct spec *spec, uint64_t address)
{
	for (uint32_t i = 0; i < SPEC_CONTEXTS; i++) {
		if (spec->contexts[i].address == address)
			return &spec->contexts[i];
	}
	return NULL;
}

/* The context a thread uses; NULL: none. */
static struct spec_context *used_by(struct spec *spec, const struct spec_thread *thread)
{
	return thread->context != 0 ? spec_context_of(spec, thread->context) : NULL;
}

void spec_context_init(struct spec *spec, uint64_t address)
{
	struct spec_context *context = spec_context_of(spec, 0);

	*context = (struct spec_context){
		.address = address, .budget_ns = SCHED_SLICE_NS, .left_ns = SCHED_SLICE_NS};
}

/* ---- budgets ---- */

bool spec_context_is_used(const struct spec *spec, const struct spec_context *context)
{
	for (uint32_t i = 0; i < spec->cpu_count; i++) {
		if (spec->cpus[i].context == context->address)
			return true;
	}
	return false;
}

/* A limited context is full again at the end of its period; the next one begins when it is run on. */
static void refill(const struct spec *spec, struct spec_context *context)
{
	if (context->refill_ns != 0 && spec->now_ns >= context->refill_ns) {
		context->left_ns = context->budget_ns;
		context->refill_ns = 0;
		context->is_reported = false;
	}
	if (context->refill_ns == 0 && spec_context_is_used(spec, context))
		context->refill_ns = spec->now_ns + context->period_ns;
}

bool spec_has_time(struct spec *spec, const struct spec_thread *thread, uint64_t wanted_ns)
{
	struct spec_context *context = used_by(spec, thread);

	if (context == NULL)
		return false;
	if (context->period_ns == 0)
		return true;
	refill(spec, context);
	return context->left_ns > USED_UP_NS && context->left_ns >= wanted_ns;
}

/* The processor changes to the thread's context. */
void spec_context_use(struct spec *spec, uint64_t address)
{
	struct spec_context *context = address != 0 ? spec_context_of(spec, address) : NULL;

	if (address == spec_here(spec)->context)
		return;
	spec_here(spec)->context = address;
	if (context == NULL)
		return;
	context->switches++;
	if (context->period_ns != 0)
		refill(spec, context);
}

/* ---- lending ---- */

static void use_own(struct spec *spec, struct spec_thread *thread)
{
	thread->context = thread->own_context;
	thread->lender = 0;
	thread->lending_depth = 0;
	spec_sched_reconsider(spec, thread, thread->own_priority);
}

void spec_lending_begin(struct spec *spec, struct spec_thread *caller, struct spec_thread *server)
{
	uint32_t priority = caller->priority < server->priority ? caller->priority : server->priority;

	if (caller->lending_depth >= SCHED_LENDING_DEPTH || !spec_has_time(spec, caller, 0))
		return;
	server->context = caller->context;
	server->lender = caller->address;
	server->lending_depth = caller->lending_depth + 1u;
	used_by(spec, server)->runner = server->address;
	spec_sched_reconsider(spec, server, priority);
}

void spec_lending_end(struct spec *spec, struct spec_thread *caller)
{
	struct spec_context *context = used_by(spec, caller);

	while (context != NULL && context->runner != caller->address) {
		struct spec_thread *runner = spec_thread_of(spec, context->runner);

		context->runner = runner->lender;
		use_own(spec, runner);
	}
}

void spec_lending_give_back(struct spec *spec, struct spec_thread *server)
{
	if (server->lender == 0)
		return;
	used_by(spec, server)->runner = server->lender;
	use_own(spec, server);
}

/* ---- binding ---- */

void spec_context_unbind(struct spec *spec, struct spec_context *context)
{
	if (context->owner == 0)
		return;
	struct spec_thread *owner = spec_thread_of(spec, context->owner);
	bool is_receiving = owner->state == SPEC_RECEIVING;

	if (!is_receiving) {
		spec_lending_end(spec, owner);
		spec_lending_give_back(spec, owner);
	}
	for (uint32_t i = 0; i < spec->cpu_count; i++) {
		if (spec->cpus[i].context == context->address)
			spec->cpus[i].context = 0;
	}
	owner->own_context = 0;
	owner->context = 0;
	context->owner = 0;
	context->runner = 0;
	if (is_receiving)
		spec_wake(spec, owner, E_NO_TIME);
	else
		spec_sched_reconsider(spec, owner, owner->own_priority);
}

void spec_context_die(struct spec *spec, uint64_t address)
{
	struct spec_context *context = spec_context_of(spec, address);

	spec_context_unbind(spec, context);
	context->address = 0;
}

/* ---- operations ---- */

static enum tessera_error configure(struct spec *spec, struct spec_thread *self, struct spec_context *context)
{
	uint64_t budget = spec_arg(self, 1), period = spec_arg(self, 2);

	if (budget < SCHED_BUDGET_MIN_NS || budget > SCHED_BUDGET_MAX_NS ||
	    (period != 0 && (period < budget || period > SCHED_BUDGET_MAX_NS)))
		return E_ARG;
	context->budget_ns = budget;
	context->left_ns = budget;
	context->period_ns = period;
	context->refill_ns = 0;
	context->is_reported = false;
	if (context->owner == 0)
		return E_OK;
	struct spec_thread *runner = spec_thread_of(spec, context->runner);

	if (runner->state == SPEC_POSTPONED || spec_context_is_used(spec, context))
		spec_sched_reconsider(spec, runner, runner->priority);
	return E_OK;
}

static enum tessera_error bind(struct spec *spec, struct spec_thread *self, struct spec_context *context)
{
	struct spec_cap *cap;

	if ((cap_t)spec_arg(self, 1) == 0) {
		spec_context_unbind(spec, context);
		return E_OK;
	}
	enum tessera_error error =
		spec_lookup_cap(spec, self, (cap_t)spec_arg(self, 1), CAP_THREAD, RIGHT_WRITE, &cap);

	if (error != E_OK)
		return error;
	struct spec_thread *thread = spec_thread_of(spec, cap->object);

	if (context->owner != 0 || thread->own_context != 0)
		return context->owner == thread->address ? E_OK : E_BUSY;
	context->owner = thread->address;
	context->runner = thread->address;
	thread->own_context = context->address;
	thread->context = context->address;
	if (thread->state == SPEC_POSTPONED)
		spec_sched_ready(spec, thread);
	return E_OK;
}

bool spec_context_syscall(struct spec *spec, struct spec_thread *self, uint32_t operation,
			  struct spec_cap *cap, const struct spec_hint *hint, enum tessera_error *error)
{
	struct spec_context *context =
		cap != NULL && cap->type == CAP_SCHED_CONTEXT ? spec_context_of(spec, cap->object) : NULL;

	*error = E_OK;
	switch (operation) {
	case OP_SCHED_CONFIGURE: *error = configure(spec, self, context); return true;
	case OP_SCHED_BIND: *error = bind(spec, self, context); return true;
	case OP_SCHED_CONSUMED:
		spec_set_arg(self, 0, context->consumed_ns);
		spec_set_arg(self, 1, context->switches);
		spec_set_arg(self, 2, context->period_ns == 0 ? hint->info[2] : context->left_ns);
		return true;
	default: return false;
	}
}
