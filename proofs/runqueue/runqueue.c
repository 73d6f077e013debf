/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The kernel's own kernel/core/runqueue.h and the rings of queue.h beside a model of them, for CBMC.
 *
 * Each prove_* takes any state that matches any state of the model, executes one operation on both, and asserts that they
 * match again: the header's invariant is kept, the effect is exactly the model's, and nothing else changes.  prove_start is
 * the induction's beginning.  All 256 priorities; THREADS threads in any rings and any order (an operation reads or writes
 * at most four: the thread, the first, and two neighbours).
 * LAST is 0 for the check that the assumptions do not contradict each other: then check() must fail.
 */
#include <thread.h> /* the proof's, before the kernel's */

#include <runqueue.h>

#ifndef LAST
#define LAST 1
#endif

/* A thread of the model, by index: its place among its equals; or the links it has, if it is not in the run queue. */
struct model_thread {
	bool is_queued;
	uint8_t priority, place;
	thread_ref next, prev;
};

struct thread thread_1, thread_2, thread_3, thread_4;
uint32_t level_1, level_2, level_3, level_4;
thread_ref head_1, head_2, head_3, head_4;
struct run_queue queue;

struct model_thread model[THREADS + 1u];
/* Made of it by derive(). */
bool is_before[THREADS + 1u][THREADS + 1u]; /* both are queued with the same priority, in this order */
bool is_first[THREADS + 1u], is_last[THREADS + 1u];

/* Any value, for CBMC. */
struct model_thread nondet_model_thread(void);
struct thread nondet_thread(void);
struct run_queue nondet_queue(void);
thread_ref nondet_ref(void);

/* ---- the model ---- */

static bool are_equals(thread_ref i, thread_ref j)
{
	return model[i].is_queued && model[j].is_queued && model[i].priority == model[j].priority;
}

static void derive(void)
{
	for (thread_ref i = 1; i <= THREADS; i++)
		for (thread_ref j = 1; j <= THREADS; j++)
			is_before[i][j] = are_equals(i, j) && model[i].place < model[j].place;
	for (thread_ref i = 1; i <= THREADS; i++) {
		is_first[i] = model[i].is_queued;
		is_last[i] = model[i].is_queued;
		for (thread_ref j = 1; j <= THREADS; j++) {
			is_first[i] = is_first[i] && !is_before[j][i];
			is_last[i] = is_last[i] && !is_before[i][j];
		}
	}
}

/* j comes behind i in its ring: the first behind the last. */
static bool follows(thread_ref i, thread_ref j)
{
	bool has_between = false;

	for (thread_ref k = 1; k <= THREADS; k++)
		has_between = has_between || (is_before[i][k] && is_before[k][j]);
	return (is_before[i][j] && !has_between) || (is_last[i] && is_first[j] && are_equals(i, j));
}

/* The best thread, 0 if none is queued. */
static thread_ref best_of_model(void)
{
	thread_ref best = 0;

	for (thread_ref i = 1; i <= THREADS; i++)
		if (is_first[i] && (best == 0 || model[i].priority < model[best].priority))
			best = i;
	return best;
}

/* ---- what it means that both match ---- */

static bool places_differ(void)
{
	bool differ = true;

	for (thread_ref i = 1; i <= THREADS; i++) {
		differ = differ && 1 <= model[i].place && model[i].place <= THREADS;
		for (thread_ref j = 1; j < i; j++)
			differ = differ && model[i].place != model[j].place;
	}
	return differ;
}

static bool threads_match(void)
{
	bool match = true;

	for (thread_ref i = 1; i <= THREADS; i++) {
		const struct thread *thread = thread_at(i);
		bool has_links = thread->queue_next == model[i].next && thread->queue_prev == model[i].prev;

		match = match && thread->is_queued == model[i].is_queued;
		match = match && thread->priority == model[i].priority && (has_links || model[i].is_queued);
		for (thread_ref j = 1; j <= THREADS; j++)
			if (follows(i, j))
				match = match && thread->queue_next == j && thread_at(j)->queue_prev == i;
	}
	return match;
}

static bool heads_match(void)
{
	bool match = true;

	for (thread_ref i = 1; i <= THREADS; i++) {
		thread_ref first = 0;

		for (thread_ref j = 1; j <= THREADS; j++)
			first = is_first[j] && model[j].priority == model[i].priority ? j : first;
		match = match && *run_queue_head(&queue, model[i].priority) == first;
	}
	return match;
}

static bool bitmap_matches(void)
{
	uint64_t bits[PRIORITIES / 64u] = {0};
	uint32_t best = PRIORITIES;
	bool match = queue.summary >> (PRIORITIES / 64u) == 0;

	for (thread_ref i = 1; i <= THREADS; i++) {
		uint32_t priority = model[i].priority;

		for (uint32_t word = 0; word < PRIORITIES / 64u; word++)
			if (model[i].is_queued && priority / 64u == word)
				bits[word] |= 1ull << (priority % 64u);
		best = model[i].is_queued && priority < best ? priority : best;
	}
	for (uint32_t word = 0; word < PRIORITIES / 64u; word++) {
		bool is_used = (queue.summary >> word & 1u) != 0;

		match = match && queue.bits[word] == bits[word] && is_used == (bits[word] != 0);
	}
	return match && queue.best == best;
}

/* ---- any state, and the claims ---- */

static void take_any_model(void)
{
	for (thread_ref i = 1; i <= THREADS; i++) {
		model[i] = nondet_model_thread();
		*thread_at(i) = nondet_thread();
	}
	level_1 = model[1].priority;
	level_2 = model[2].priority;
	level_3 = model[3].priority;
	level_4 = model[4].priority;
	__CPROVER_assume(places_differ());
	derive();
}

static void take_any_state(void)
{
	take_any_model();
	queue = nondet_queue();
	head_1 = nondet_ref();
	head_2 = nondet_ref();
	head_3 = nondet_ref();
	head_4 = nondet_ref();
	__CPROVER_assume(threads_match());
	__CPROVER_assume(heads_match());
	__CPROVER_assume(bitmap_matches());
}

/* The operation's thread has the number 1 and the second, if there is one, 2: any order is assumed, so the names are free. */
#define ACTOR 1u
#define OTHER 2u

static void check(void)
{
	derive();
	__CPROVER_assert(threads_match(), "threads");
	__CPROVER_assert(heads_match(), "heads");
	__CPROVER_assert(bitmap_matches(), "bitmap");
	__CPROVER_assert(run_queue_best(&queue) == queue.best, "best");
	__CPROVER_assert(LAST == 1, "last");
}

static void model_join(thread_ref ref, uint8_t place)
{
	model[ref].is_queued = true;
	model[ref].place = place;
}

static void model_leave(thread_ref ref)
{
	model[ref].is_queued = false;
	model[ref].next = 0;
	model[ref].prev = 0;
}

/* ---- the operations ---- */

/* What sched_init leaves, in zeroed memory. */
void prove_start(void)
{
	take_any_model();
	queue = (struct run_queue){.best = PRIORITIES};
	head_1 = head_2 = head_3 = head_4 = 0;
	for (thread_ref i = 1; i <= THREADS; i++)
		__CPROVER_assume(!model[i].is_queued);
	__CPROVER_assume(threads_match());
	check();
}

void prove_append(void)
{
	take_any_state();
	__CPROVER_assume(!model[ACTOR].is_queued);

	run_queue_append(&queue, thread_at(ACTOR));
	model_join(ACTOR, THREADS + 1u);
	check();
}

void prove_prepend(void)
{
	take_any_state();
	__CPROVER_assume(!model[ACTOR].is_queued);

	run_queue_prepend(&queue, thread_at(ACTOR));
	model_join(ACTOR, 0);
	check();
}

void prove_remove(void)
{
	take_any_state();
	__CPROVER_assume(model[ACTOR].is_queued);

	run_queue_remove(&queue, thread_at(ACTOR));
	model_leave(ACTOR);
	check();
}

void prove_exchange(void)
{
	take_any_state();
	__CPROVER_assume(!model[ACTOR].is_queued);
	__CPROVER_assume(is_first[OTHER] && model[OTHER].priority == model[ACTOR].priority);

	struct thread *result = run_queue_exchange(&queue, thread_at(ACTOR));

	__CPROVER_assert(result == thread_at(OTHER), "result");
	model_leave(OTHER);
	model_join(ACTOR, THREADS + 1u);
	check();
}

void prove_take_best(void)
{
	take_any_state();
	thread_ref best = best_of_model();
	__CPROVER_assume(best == 0 || best == ACTOR);

	struct thread *result = run_queue_take_best(&queue);

	__CPROVER_assert(result == (best == 0 ? NULL : thread_at(best)), "result");
	if (best != 0)
		model_leave(best);
	check();
}
