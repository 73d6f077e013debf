/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The run queue against a plain list, slices, and who runs after which wake-up; the timer wheel against a sorted list. */
#include <stdlib.h>

#include "actors.h"

#include <runqueue.h>
#include <timer.h>

/* ---- run queue ---- */

/* The model: order[] of the ready actors, first to run first. */
static uint32_t order[ACTORS], count;

static void model_insert(uint32_t i)
{
	uint32_t at = 0;

	while (at < count && actors[order[at]]->priority <= actors[i]->priority)
		at++;
	for (uint32_t k = count; k > at; k--)
		order[k] = order[k - 1];
	order[at] = i;
	count++;
}

static void model_remove(uint32_t i)
{
	uint32_t at = 0;

	while (order[at] != i)
		at++;
	count--;
	for (; at < count; at++)
		order[at] = order[at + 1];
}

static bool model_has(uint32_t i)
{
	for (uint32_t at = 0; at < count; at++) {
		if (order[at] == i)
			return true;
	}
	return false;
}

static void assert_queue(void)
{
	const struct run_queue *queue = &cpu()->ready;

	assert_int_equal(queue->best, count == 0 ? 255 : actors[order[0]]->priority);
	assert_int_equal(run_queue_best(queue), queue->best);
	if (count != 0)
		assert_ptr_equal(thread_at(queue->heads[queue->best]), actors[order[0]]);
}

static void run_queue_keeps_order(void **state)
{
	(void)state;
	srand(7);
	sched_set_priority(world.self, 0); /* runs all the time; the world's other thread waits at 255 */
	for (uint32_t i = 0; i < ACTORS; i++)
		sched_block(actors[i], THREAD_SUSPENDED);
	count = 0;
	for (uint32_t round = 0; round < 20000; round++) {
		uint32_t i = (uint32_t)rand() % ACTORS;
		uint8_t priority = (uint8_t)(rand() % 4 * 67);

		if (!model_has(i)) {
			actors[i]->priority = priority;
			sched_ready(actors[i]);
			model_insert(i);
		} else if (rand() % 2 == 0) {
			sched_block(actors[i], THREAD_SUSPENDED);
			model_remove(i);
		} else {
			model_remove(i);
			sched_set_priority(actors[i], priority);
			model_insert(i);
		}
		assert_queue();
	}
}

static void only_actors_are_ready(uint32_t first, uint32_t last)
{
	timer_is_unarmed(cpu()); /* what the set-up armed may stay armed: forget it */
	cpu()->arch.timer_deadline_ns = DEADLINE_NEVER;
	sched_block(world.self, THREAD_SUSPENDED);
	for (uint32_t i = 0; i < ACTORS; i++) {
		if (i < first || i > last)
			sched_block(actors[i], THREAD_SUSPENDED);
	}
	sched_finish();
}

static void equals_take_turns(void **state)
{
	struct thread *first;

	(void)state;
	host.time_ns = 1000;
	only_actors_are_ready(0, 2);
	first = cpu()->current;
	assert_int_equal(cpu()->arch.timer_deadline_ns, 1000 + SCHED_SLICE_NS);
	for (uint32_t turn = 1; turn <= 6; turn++) {
		struct thread *before = cpu()->current;

		actors_time(1000 + turn * SCHED_SLICE_NS);
		assert_ptr_not_equal(cpu()->current, before);
	}
	assert_ptr_equal(cpu()->current, first); /* 6 turns of 3 */
}

static void one_alone_has_no_slice(void **state)
{
	(void)state;
	only_actors_are_ready(0, 0);
	assert_int_equal(cpu()->arch.timer_deadline_ns, ~0ull);
	assert_ptr_equal(cpu()->current, actors[0]);
}

static void yield_goes_behind_equals(void **state)
{
	struct thread *first;

	(void)state;
	only_actors_are_ready(0, 1);
	first = cpu()->current;
	kernel_syscall(OP_YIELD);
	assert_ptr_not_equal(cpu()->current, first);
	kernel_syscall(OP_YIELD);
	assert_ptr_equal(cpu()->current, first);
}

static void higher_priority_preempts_and_the_preempted_goes_on(void **state)
{
	struct thread *first;

	(void)state;
	only_actors_are_ready(0, 2);
	first = cpu()->current;
	actors[5]->priority = 5;
	sched_ready(actors[5]);
	sched_finish();
	assert_ptr_equal(cpu()->current, actors[5]);
	sched_block(actors[5], THREAD_SUSPENDED);
	sched_finish();
	assert_ptr_equal(cpu()->current, first); /* before its equals */
}

static void calls_do_not_lengthen_a_slice(void **state)
{
	(void)state;
	host.time_ns = 0;
	sched_set_priority(actors[0], 8);
	RECV(0, REPLY(0));
	only_actors_are_ready(1, 2);
	struct thread *first = cpu()->current;
	uint32_t i = first == actors[1] ? 1 : 2;

	for (uint32_t k = 1; k <= 9; k++) { /* 9 ms in calls, then the slice ends */
		actors_time(k * 1000000);
		assert_ptr_equal(cpu()->current, first);
		CALL_EP(i, EP, 0);
		assert_ptr_equal(cpu()->current, actors[0]);
		ACT(0, OP_REPLY_RECV, EP | (uint64_t)REPLY(0) << 32, 0, 0, 0, 0, 0, DEADLINE_NEVER);
		assert_ptr_equal(cpu()->current, first);
	}
	actors_time(11000000);
	assert_ptr_not_equal(cpu()->current, first);
}

static void time_is_accounted(void **state)
{
	(void)state;
	host.time_ns = 5000;
	RECV(0, REPLY(0));
	ACT(1, OP_NOTHING, 0);
	struct sched_context *context = sched_context_at(actors[1]->own_context);

	sched_charge(cpu());
	uint64_t before = context->consumed_tsc;

	host.time_ns = 12000;
	CALL_EP(1, EP, 0); /* the server goes on on the caller's time */
	assert_int_equal(actors[1]->state, THREAD_CALLING);
	assert_ptr_equal(cpu()->context, context);
	host.time_ns = 15000;
	ACT(0, OP_REPLY_RECV, EP | (uint64_t)REPLY(0) << 32, 0, 0, 0, 0, 0, DEADLINE_NEVER);
	ACT(2, OP_NOTHING, 0);
	assert_int_equal(context->consumed_tsc - before, 10000);
	assert_int_equal(sched_context_at(actors[0]->own_context)->consumed_tsc, 0);
}

/* ---- timer wheel ---- */

#define TIMED ACTORS

static void wheel_expires_in_time(void **state)
{
	struct timer_wheel wheel = {0};
	uint64_t now = 12345;

	(void)state;
	srand(11);
	for (uint32_t round = 0; round < 200000; round++) {
		struct thread *thread = actors[(uint32_t)rand() % TIMED];
		uint32_t steps = (uint32_t)rand() % 8;
		struct thread *expired;

		if (thread->timer_bucket == TIMER_NONE) {
			uint64_t distance = (uint64_t)rand() << (rand() % 20);

			timer_start(&wheel, thread, now + distance);
		} else if (rand() % 8 == 0) {
			timer_cancel(&wheel, thread);
		}
		now += (uint64_t)(rand() % 1000) << (rand() % 16);
		while ((expired = timer_expire(&wheel, now, &steps)) != NULL)
			assert_true(expired->timer_deadline_ns <= now);
		if (steps == 0)
			continue; /* stopped early: the rest may be late */
		for (uint32_t i = 0; i < TIMED; i++) {
			if (actors[i]->timer_bucket != TIMER_NONE) {
				assert_true(actors[i]->timer_deadline_ns + 2 * 1024 > now);
				assert_true(timer_next_ns(&wheel) <= actors[i]->timer_deadline_ns + 2 * 1024);
			}
		}
	}
	for (uint32_t i = 0; i < TIMED; i++)
		timer_cancel(&wheel, actors[i]);
	for (uint32_t level = 0; level < TIMER_LEVELS; level++)
		assert_int_equal(wheel.bits[level], 0);
	assert_int_equal(timer_next_ns(&wheel), ~0ull);
}

static void wheel_takes_extreme_deadlines(void **state)
{
	struct timer_wheel wheel = {0};
	uint32_t steps = 100;

	(void)state;
	timer_start(&wheel, actors[0], DEADLINE_NEVER - 1);
	timer_start(&wheel, actors[1], 0);
	timer_start(&wheel, actors[2], 1);
	assert_ptr_not_equal(timer_expire(&wheel, 5000, &steps), NULL);
	assert_ptr_not_equal(timer_expire(&wheel, 5000, &steps), NULL);
	assert_ptr_equal(timer_expire(&wheel, 5000, &steps), NULL);
	assert_int_equal(actors[0]->timer_bucket != TIMER_NONE, true);
	timer_cancel(&wheel, actors[0]);
}

#define TEST(name) cmocka_unit_test_setup(name, actors_setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(run_queue_keeps_order),
		TEST(equals_take_turns),
		TEST(one_alone_has_no_slice),
		TEST(yield_goes_behind_equals),
		TEST(higher_priority_preempts_and_the_preempted_goes_on),
		TEST(calls_do_not_lengthen_a_slice),
		TEST(time_is_accounted),
		TEST(wheel_expires_in_time),
		TEST(wheel_takes_extreme_deadlines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
