/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Who runs: the best priority (the smallest number), and among equals the one who has waited longest.
 *
 * A thread that became ready stands behind its equals.  One that was displaced by a better one stands before them.  While
 * equals wait, a slice of 10 ms runs; when it is over, the thread goes behind them.
 */
#include "model.h"

#define SLICE_NS 10000000ull

static struct spec_thread *current_of(struct spec *spec)
{
	return spec->current != 0 ? spec_thread_of(spec, spec->current) : NULL;
}

/* The best priority that waits; more than any priority if nobody does. */
static uint32_t best(struct spec *spec)
{
	return spec->ready_count > 0 ? spec_thread_of(spec, spec->ready[0])->priority : 256u;
}

/* Puts a thread before (or behind) the others of its priority. */
static void enqueue(struct spec *spec, const struct spec_thread *thread, bool is_first)
{
	uint32_t at = 0;

	while (at < spec->ready_count) {
		uint32_t priority = spec_thread_of(spec, spec->ready[at])->priority;

		if (priority > thread->priority || (is_first && priority == thread->priority))
			break;
		at++;
	}
	spec_list_insert(spec->ready, &spec->ready_count, at, thread->address);
}

static bool is_waiting(const struct spec *spec, const struct spec_thread *thread)
{
	return spec_list_find(spec->ready, spec->ready_count, thread->address) < spec->ready_count;
}

void spec_sched_ready(struct spec *spec, struct spec_thread *thread)
{
	const struct spec_thread *current = current_of(spec);

	thread->state = SPEC_READY;
	if (thread->address == spec->current || is_waiting(spec, thread))
		return;
	thread->slice_end_ns = 0;
	enqueue(spec, thread, false);
	if (current == NULL || current->state != SPEC_READY || thread->priority <= current->priority)
		spec->must_choose = true;
}

void spec_sched_block(struct spec *spec, struct spec_thread *thread, enum spec_state state)
{
	spec_list_remove(spec->ready, &spec->ready_count, thread->address);
	thread->state = state;
	if (thread->address == spec->current)
		spec->must_choose = true;
}

void spec_sched_give_way(struct spec *spec)
{
	struct spec_thread *current = current_of(spec);

	if (best(spec) > current->priority)
		return;
	current->slice_end_ns = 0;
	enqueue(spec, current, false);
	spec->must_choose = true;
}

void spec_sched_set_priority(struct spec *spec, struct spec_thread *thread, uint32_t priority)
{
	bool was_waiting = is_waiting(spec, thread);

	spec_list_remove(spec->ready, &spec->ready_count, thread->address);
	thread->priority = priority;
	if (was_waiting)
		enqueue(spec, thread, false);
	spec->must_choose = true;
}

void spec_switch_to(struct spec *spec, uint64_t next)
{
	spec->current = next;
	if (next != 0)
		spec_thread_of(spec, next)->switches++;
}

void spec_sched_handoff(struct spec *spec, struct spec_thread *partner)
{
	if (partner->priority > best(spec)) {
		spec_sched_ready(spec, partner);
		return;
	}
	partner->state = SPEC_READY;
	spec_switch_to(spec, partner->address);
	spec->must_choose = false;
}

/* While equals wait, the current thread's slice runs. */
static void start_slice(struct spec *spec)
{
	struct spec_thread *current = current_of(spec);

	if (current != NULL && best(spec) == current->priority && current->slice_end_ns == 0)
		current->slice_end_ns = spec->now_ns + SLICE_NS;
}

void spec_sched_finish(struct spec *spec)
{
	struct spec_thread *current = current_of(spec);
	uint64_t next = spec->current;

	if (spec->must_choose) {
		bool goes_on = current != NULL && current->state == SPEC_READY && !is_waiting(spec, current);

		if (goes_on && current->priority > best(spec)) {
			enqueue(spec, current, true);
			goes_on = false;
		}
		if (!goes_on) {
			next = spec->ready_count > 0 ? spec->ready[0] : 0;
			spec_list_remove(spec->ready, &spec->ready_count, next);
		}
		if (next != spec->current)
			spec_switch_to(spec, next);
	}
	spec->must_choose = false;
	start_slice(spec);
}

/* ---- time ---- */

void spec_time_passes(struct spec *spec, uint64_t now_ns)
{
	struct spec_thread *current = current_of(spec);

	if (current != NULL)
		current->consumed_ns += now_ns - spec->now_ns;
	spec->now_ns = now_ns;
}

/* The thread whose deadline was first, if it has passed; of two at once the one that waits longer. */
static struct spec_thread *first_expired(struct spec *spec)
{
	struct spec_thread *first = NULL;

	for (uint32_t i = 0; i < SPEC_THREADS; i++) {
		struct spec_thread *thread = &spec->threads[i];

		if (thread->address == 0 || thread->deadline_ns > spec->now_ns ||
		    thread->deadline_ns == DEADLINE_NEVER)
			continue;
		if (first == NULL || thread->deadline_ns < first->deadline_ns ||
		    (thread->deadline_ns == first->deadline_ns && thread->wait_number < first->wait_number))
			first = thread;
	}
	return first;
}

void spec_timer(struct spec *spec, uint32_t deadlines)
{
	struct spec_thread *expired, *current;

	for (uint32_t i = 0; i < deadlines && (expired = first_expired(spec)) != NULL; i++)
		spec_wake(spec, expired, E_TIMEOUT);
	current = current_of(spec);
	if (current != NULL && current->state == SPEC_READY && current->slice_end_ns != 0 &&
	    spec->now_ns >= current->slice_end_ns)
		spec_sched_give_way(spec);
	spec_sched_finish(spec);
}

bool spec_timer_is_due(struct spec *spec)
{
	const struct spec_thread *current = current_of(spec);
	bool slice_is_over = current != NULL && best(spec) == current->priority &&
			     current->slice_end_ns != 0 && spec->now_ns >= current->slice_end_ns;

	return slice_is_over || first_expired(spec) != NULL;
}
