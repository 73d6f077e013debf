/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Who runs on each CPU: the best priority (the smallest number), and among equals the one who has waited longest; and time.
 *
 * A thread runs only on a context that has time left; without it is postponed.  A thread that became ready stands behind its
 * equals.  One that was displaced by a better one stands before them.  When the slice of a round-robin context is over, its
 * runner goes behind its equals.
 */
#include "model.h"

#define USED_UP_NS 1000u
#define TICK_NS 1024u

static struct spec_thread *current_of(struct spec *spec)
{
	return spec_here(spec)->current != 0 ? spec_thread_of(spec, spec_here(spec)->current) : NULL;
}

static struct spec_context *context_in_use(struct spec *spec)
{
	return spec_here(spec)->context != 0 ? spec_context_of(spec, spec_here(spec)->context) : NULL;
}

/* The best priority that waits on this CPU; more than any priority if nobody does. */
static uint32_t best(struct spec *spec)
{
	const struct spec_cpu *here = spec_here(spec);

	return here->ready_count > 0 ? spec_thread_of(spec, here->ready[0])->priority : 256u;
}

uint32_t spec_runs_on(const struct spec *spec, uint64_t thread)
{
	for (uint32_t i = 0; i < spec->cpu_count; i++) {
		if (spec->cpus[i].current == thread)
			return i;
	}
	return SPEC_NO_CPU;
}

/* Puts a thread before (or behind) the others of its priority that wait on a CPU. */
static void enqueue(struct spec *spec, struct spec_cpu *cpu, const struct spec_thread *thread, bool is_first)
{
	uint32_t at = 0;

	while (at < cpu->ready_count) {
		uint32_t priority = spec_thread_of(spec, cpu->ready[at])->priority;

		if (priority > thread->priority || (is_first && priority == thread->priority))
			break;
		at++;
	}
	spec_list_insert(cpu->ready, &cpu->ready_count, at, thread->address);
}

/* The CPU on which a thread waits to run; SPEC_NO_CPU: none. */
static uint32_t waits_on(const struct spec *spec, const struct spec_thread *thread)
{
	for (uint32_t i = 0; i < spec->cpu_count; i++) {
		const struct spec_cpu *cpu = &spec->cpus[i];

		if (spec_list_find(cpu->ready, cpu->ready_count, thread->address) < cpu->ready_count)
			return i;
	}
	return SPEC_NO_CPU;
}

static bool is_waiting(const struct spec *spec, const struct spec_thread *thread)
{
	return waits_on(spec, thread) != SPEC_NO_CPU;
}

/* ---- states ---- */

/* It would run, but has no time: it waits until then; 0: until it gets a context. */
void spec_sched_postpone(struct spec *spec, struct spec_thread *thread, uint64_t until_ns)
{
	spec_sched_block(spec, thread, SPEC_POSTPONED);
	if (until_ns == 0)
		return;
	thread->deadline_ns = until_ns;
	thread->timer_cpu = spec->here;
	thread->wait_number = ++spec->last_wait;
}

/* False: it has no time, nor had it when it gave back what it was lent; it is postponed. */
static bool has_or_finds_time(struct spec *spec, struct spec_thread *thread)
{
	if (spec_has_time(spec, thread, 0))
		return true;
	if (thread->lender != 0)
		spec_lending_give_back(spec, thread);
	if (spec_has_time(spec, thread, 0))
		return true;
	spec_sched_postpone(spec, thread,
			    thread->context != 0 ? spec_context_of(spec, thread->context)->refill_ns : 0);
	return false;
}

static void ready_on(struct spec *spec, uint32_t number, struct spec_thread *thread)
{
	struct spec_cpu *cpu = &spec->cpus[number];
	uint32_t runs_on = spec_runs_on(spec, thread->address);

	if (runs_on != SPEC_NO_CPU && runs_on != spec->here) {
		uint32_t here = spec->here;

		spec->cpus[runs_on].must_choose = true; /* that CPU looks at it */
		spec->here = runs_on;			/* its time is another's from now on */
		spec_context_use(spec, thread->context);
		spec->here = here;
		return;
	}
	if (!has_or_finds_time(spec, thread))
		return;
	thread->state = SPEC_READY;
	if (runs_on != SPEC_NO_CPU || is_waiting(spec, thread))
		return;
	enqueue(spec, cpu, thread, false);
	cpu->must_choose = true;
}

/* It becomes ready at home. */
void spec_sched_ready(struct spec *spec, struct spec_thread *thread)
{
	ready_on(spec, thread->home, thread);
}

void spec_sched_block(struct spec *spec, struct spec_thread *thread, enum spec_state state)
{
	for (uint32_t i = 0; i < spec->cpu_count; i++)
		spec_list_remove(spec->cpus[i].ready, &spec->cpus[i].ready_count, thread->address);
	thread->state = state;
	if (thread->address == spec_here(spec)->current)
		spec_here(spec)->must_choose = true;
}

/* It moves there at once if it is ready; it does not run elsewhere. */
void spec_sched_set_home(struct spec *spec, struct spec_thread *thread, uint32_t number)
{
	uint32_t from = waits_on(spec, thread);
	bool is_running = thread->address == spec_here(spec)->current && thread->state == SPEC_READY;

	thread->home = number;
	if (is_running && from == SPEC_NO_CPU &&
	    thread->context != 0) /* without one it does not go on anywhere */
		from = spec->here;
	if (from == SPEC_NO_CPU || from == number)
		return;
	spec_list_remove(spec->cpus[from].ready, &spec->cpus[from].ready_count, thread->address);
	enqueue(spec, &spec->cpus[number], thread, false);
	spec->cpus[number].must_choose = true;
	spec->cpus[from].must_choose = true;
}

void spec_sched_give_way(struct spec *spec)
{
	struct spec_thread *current = current_of(spec);
	struct spec_context *context = context_in_use(spec);

	if (context != NULL && context->period_ns == 0)
		context->left_ns = context->budget_ns;
	if (best(spec) > current->priority || current->context == 0)
		return;
	enqueue(spec, spec_here(spec), current, false);
	spec_here(spec)->must_choose = true;
}

/* Its context or priority has changed. */
void spec_sched_reconsider(struct spec *spec, struct spec_thread *thread, uint32_t priority)
{
	uint32_t queue = waits_on(spec, thread);
	bool was_waiting = queue != SPEC_NO_CPU || thread->state == SPEC_POSTPONED;
	bool is_current = thread->address == spec_here(spec)->current;

	if (thread->state == SPEC_SENDING) {
		uint64_t endpoint = thread->waits_at;

		spec_endpoint_leave(spec, thread);
		thread->priority = priority;
		spec_queue_sender(spec, thread, endpoint);
		return;
	}
	if (was_waiting) {
		thread->deadline_ns = DEADLINE_NEVER;
		spec_sched_block(spec, thread, SPEC_SUSPENDED);
	}
	thread->priority = priority;
	if (was_waiting || thread->state == SPEC_READY)
		spec_sched_ready(spec, thread);
	if (is_current && queue != SPEC_NO_CPU && queue != spec->here && thread->state == SPEC_READY)
		enqueue(spec, &spec->cpus[queue], thread, false); /* it has just moved there */
	if (is_current)
		spec_here(spec)->must_choose = true;
}

/* The own priority; one that runs on lent time keeps the higher. */
void spec_sched_set_priority(struct spec *spec, struct spec_thread *thread, uint32_t priority)
{
	bool keeps = thread->lender != 0 && thread->priority < priority;

	thread->own_priority = priority;
	spec_sched_reconsider(spec, thread, keeps ? thread->priority : priority);
}

/* ---- choice ---- */

void spec_switch_to(struct spec *spec, uint64_t next)
{
	spec_here(spec)->current = next;
	spec_context_use(spec, next != 0 ? spec_thread_of(spec, next)->context : 0);
}

/* Who is lent nothing goes on at home. */
void spec_sched_handoff(struct spec *spec, struct spec_thread *partner)
{
	if (partner->lender == 0 && partner->home != spec->here) {
		spec_sched_ready(spec, partner);
		return;
	}
	if (partner->priority > best(spec) || !spec_has_time(spec, partner, 0)) {
		ready_on(spec, spec->here, partner);
		return;
	}
	partner->state = SPEC_READY;
	spec_switch_to(spec, partner->address);
	spec_here(spec)->must_choose = false;
}

static void choose_here(struct spec *spec)
{
	struct spec_cpu *here = spec_here(spec);
	struct spec_thread *current = current_of(spec);
	bool goes_on = current != NULL && current->state == SPEC_READY && !is_waiting(spec, current);
	uint64_t next = here->current;

	if (goes_on && current->context == 0) { /* another CPU took it away */
		spec_sched_postpone(spec, current, 0);
		goes_on = false;
	}
	if (goes_on && current->priority > best(spec)) {
		enqueue(spec, here, current, true);
		goes_on = false;
	}
	if (!goes_on) {
		next = here->ready_count > 0 ? here->ready[0] : 0;
		spec_list_remove(here->ready, &here->ready_count, next);
	}
	spec_switch_to(spec, next);
	here->must_choose = false;
}

void spec_choose(struct spec *spec, uint32_t cpu)
{
	uint32_t here = spec->here;

	spec->here = cpu;
	if (spec_here(spec)->must_choose)
		choose_here(spec);
	spec->here = here;
}

/* ---- time ---- */

void spec_time_passes(struct spec *spec, uint64_t now_ns)
{
	uint64_t used = now_ns - spec->now_ns;

	spec->now_ns = now_ns;
	for (uint32_t i = 0; i < spec->cpu_count; i++) {
		struct spec_context *context =
			spec->cpus[i].context != 0 ? spec_context_of(spec, spec->cpus[i].context) : NULL;

		if (context == NULL)
			continue;
		context->consumed_ns += used;
		context->left_ns = context->left_ns > used ? context->left_ns - used : 0;
	}
}

/* The end of the tick in which a deadline falls: timers are late by less than one tick, and those of one tick end together. */
static uint64_t tick_of(uint64_t deadline_ns)
{
	return deadline_ns / TICK_NS + (deadline_ns % TICK_NS != 0);
}

/* Who of two waits less long: the earlier tick, in one tick the one that began before. */
static bool ends_before(const struct spec_thread *one, const struct spec_thread *other)
{
	uint64_t tick = tick_of(one->deadline_ns), other_tick = tick_of(other->deadline_ns);

	return tick < other_tick || (tick == other_tick && one->wait_number < other->wait_number);
}

/* The thread whose deadline was first on this CPU, if it has passed. */
static struct spec_thread *first_expired(struct spec *spec)
{
	struct spec_thread *first = NULL;

	for (uint32_t i = 0; i < SPEC_THREADS; i++) {
		struct spec_thread *thread = &spec->threads[i];

		if (thread->address == 0 || thread->timer_cpu != spec->here ||
		    thread->deadline_ns > spec->now_ns || thread->deadline_ns == DEADLINE_NEVER)
			continue;
		if (first == NULL || ends_before(thread, first))
			first = thread;
	}
	return first;
}

/* Whether the current thread's time is to be looked at: it is the one that will go on. */
static bool is_running(const struct spec *spec, const struct spec_thread *current)
{
	return current != NULL && current->state == SPEC_READY && !is_waiting(spec, current);
}

/* The context in use may be used up. */
static void tick(struct spec *spec)
{
	struct spec_thread *current = current_of(spec);
	struct spec_context *context = context_in_use(spec);

	if (!is_running(spec, current) || context == NULL)
		return;
	if (context->period_ns == 0 && context->left_ns <= USED_UP_NS)
		spec_sched_give_way(spec);
	else if (spec_has_time(spec, current, 0))
		return;
	else if (current->lender == 0 && !context->is_reported &&
		 spec_cap_at(spec, (struct spec_place){current->address, SPEC_SLOT_BUDGET}) != NULL) {
		context->is_reported = true;
		spec_fault_raise(spec, current, SPEC_SLOT_BUDGET, MSG_OP_BUDGET, context->refill_ns,
				 context->consumed_ns);
	} else {
		spec_sched_ready(spec, current);
	}
}

void spec_timer(struct spec *spec, uint32_t deadlines)
{
	struct spec_thread *expired;

	for (uint32_t i = 0; i < deadlines && (expired = first_expired(spec)) != NULL; i++) {
		if (expired->state != SPEC_POSTPONED) {
			spec_wake(spec, expired, E_TIMEOUT);
			continue;
		}
		expired->deadline_ns = DEADLINE_NEVER;
		spec_sched_ready(spec, expired);
	}
	tick(spec);
}

bool spec_timer_is_due(struct spec *spec)
{
	const struct spec_thread *current = current_of(spec);
	const struct spec_context *context = context_in_use(spec);
	bool ends = is_running(spec, current) && context != NULL && context->left_ns == 0 &&
		    (context->period_ns != 0 || best(spec) == current->priority);

	return ends || first_expired(spec) != NULL;
}
