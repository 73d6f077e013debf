/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tests to the nanosecond: see timed.h. */
#include "timed.h"

#include "../check.h"

#include <timer.h>

bool timed_is_slow;

struct sched_context *context_of(uint32_t i)
{
	return sched_context_at(slot_object(world_slot(SCHED_CAP(i))));
}

void budget(uint32_t i, uint64_t budget_ns, uint64_t period_ns)
{
	assert_int_equal(CALL(OP_SCHED_CONFIGURE, SCHED_CAP(i), budget_ns, period_ns), E_OK);
}

void set_priority(uint32_t i, uint64_t priority)
{
	assert_int_equal(CALL(OP_THREAD_SET_PRIORITY, THREAD_CAP(i), priority), E_OK);
}

void assert_runs(uint32_t i)
{
	cpu()->reschedule = 1;
	sched_finish();
	assert_ptr_equal(cpu()->current, i == NOBODY ? world.self : actors[i]);
}

void until(uint64_t ns)
{
	actors_time(START + ns);
}

void assert_account(uint32_t i, uint64_t consumed_ns, uint64_t left_ns)
{
	sched_charge(cpu());
	assert_int_equal(context_of(i)->consumed_tsc, consumed_ns);
	assert_int_equal(context_of(i)->left_tsc, left_ns);
}

void answer(uint32_t i)
{
	ACT(i, OP_REPLY, REPLY(i), MSG_TAG(0, 0, 0));
	assert_int_equal(ERROR(i), E_OK);
}

void begin(void)
{
	world_make(UT, CAP_ENDPOINT, 0, DEEP_EP);
	for (uint32_t i = 0; i < ACTORS; i++)
		sched_block(actors[i], THREAD_SUSPENDED);
	sched_set_priority(world.self, 200);
	host.time_ns = START;
	timer_is_unarmed(cpu());
	cpu()->arch.timer_deadline_ns = DEADLINE_NEVER;
	sched_charge(cpu());
}

void serve(uint32_t i, uint32_t endpoint)
{
	if (STATE(i) == THREAD_SUSPENDED)
		sched_ready(actors[i]);
	ACT(i, OP_RECV, endpoint | (uint64_t)REPLY(i) << 32, 0, 0, 0, 0, 0, DEADLINE_NEVER);
}

void start(uint32_t first, uint32_t last)
{
	for (uint32_t i = first; i <= last; i++)
		sched_ready(actors[i]);
	assert_runs(first);
}

void begin_alone(void)
{
	begin();
	budget(CLIENT, 5 * T, 50 * T);
	start(CLIENT, CLIENT);
}

int timed_setup(void **state)
{
	actors_setup(state);
	actors_slow_only = timed_is_slow;
	return 0;
}

int timed_teardown(void **state)
{
	(void)state;
	actors_slow_only = false;
	assert_world();
	return 0;
}
