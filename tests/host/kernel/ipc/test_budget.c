/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Budgets: charge, replenishment, slices, the end of a budget as a message, minimum budgets of endpoints. */
#include "timed.h"

/* ---- charge and replenish ---- */

static void a_budget_ends_and_comes_back_exactly(void **state)
{
	(void)state;
	begin_alone();
	assert_int_equal(context_of(CLIENT)->refill_ns, START + 50 * T);
	assert_int_equal(cpu()->arch.timer_deadline_ns, START + 5 * T);
	until(3 * T);
	assert_account(CLIENT, 3 * T, 2 * T);
	until(5 * T - 1);
	assert_runs(CLIENT);
	until(5 * T);
	assert_runs(NOBODY);
	assert_int_equal(STATE(CLIENT), THREAD_POSTPONED);
	assert_account(CLIENT, 5 * T, 0);
	assert_true(cpu()->arch.timer_deadline_ns <= START + 50 * T);
	until(50 * T - 1);
	assert_runs(NOBODY);
	until(50 * T);
	assert_runs(CLIENT);
	assert_account(CLIENT, 5 * T, 5 * T);
	assert_int_equal(context_of(CLIENT)->refill_ns, START + 100 * T);
	until(55 * T);
	assert_runs(NOBODY);
	assert_account(CLIENT, 10 * T, 0);
}

/* One replenishment at a time: at most the budget in a period, but twice of it around the end of one. */
static void a_period_begins_with_the_first_use(void **state)
{
	(void)state;
	begin();
	budget(CLIENT, 5 * T, 50 * T);
	until(30 * T);
	assert_int_equal(context_of(CLIENT)->refill_ns, 0);
	start(CLIENT, CLIENT);
	assert_int_equal(context_of(CLIENT)->refill_ns, START + 80 * T);
	ACT(CLIENT, OP_WAIT, NTFN, 0, 0, 0, 0, 0, START + 75 * T);
	assert_runs(NOBODY);
	until(75 * T);
	assert_runs(CLIENT);
	until(80 * T); /* 5 T just before the end of its period */
	assert_runs(CLIENT);
	assert_account(CLIENT, 5 * T, 5 * T);
	until(85 * T); /* and 5 T just behind it */
	assert_runs(NOBODY);
	assert_account(CLIENT, 10 * T, 0);
	assert_int_equal(context_of(CLIENT)->refill_ns, START + 130 * T);
	until(130 * T - 1);
	assert_runs(NOBODY);
}

/* A fifth of the budget in a fifth of the period: in a stretch of 50 T at most 6 T. */
static void a_divided_budget_comes_closer(void **state)
{
	(void)state;
	begin();
	budget(CLIENT, 1 * T, 10 * T);
	start(CLIENT, CLIENT);
	ACT(CLIENT, OP_WAIT, NTFN, 0, 0, 0, 0, 0, START + 9 * T);
	until(9 * T);
	assert_account(CLIENT, 0, 1 * T);
	until(10 * T);
	assert_runs(CLIENT);
	until(11 * T); /* T at the end of the first period, T at the beginning of the second */
	assert_account(CLIENT, 2 * T, 0);
	for (uint64_t period = 2; period < 6; period++) {
		until(period * 10 * T);
		assert_runs(CLIENT);
		until(period * 10 * T + T);
	}
	until(59 * T);
	assert_runs(NOBODY);
	assert_account(CLIENT, 6 * T, 0);
}

/* A thread waits with so much left; this one runs when the wait is over. */
static void check_rest(uint64_t rest, uint32_t runs)
{
	begin_alone();
	until(5 * T - rest);
	ACT(CLIENT, OP_WAIT, NTFN, 0, 0, 0, 0, 0, START + 6 * T);
	assert_account(CLIENT, 5 * T - rest, rest);
	until(6 * T);
	assert_runs(runs);
}

static void a_microsecond_counts_as_nothing(void **state)
{
	(void)state;
	check_rest(SCHED_USED_UP_NS, NOBODY);
}

static void a_little_more_is_time(void **state)
{
	(void)state;
	check_rest(SCHED_USED_UP_NS + 1, CLIENT);
	until(6 * T + SCHED_USED_UP_NS + 1);
	assert_runs(NOBODY);
	assert_account(CLIENT, 5 * T, 0);
}

static void configured_anew_it_is_full(void **state)
{
	(void)state;
	begin_alone();
	until(5 * T);
	assert_int_equal(STATE(CLIENT), THREAD_POSTPONED);
	budget(CLIENT, 2 * T, 30 * T);
	assert_runs(CLIENT);
	assert_account(CLIENT, 5 * T, 2 * T);
	until(7 * T);
	assert_runs(NOBODY);
	assert_int_equal(context_of(CLIENT)->refill_ns, START + 35 * T);
	budget(CLIENT, 10 * T, 0);
	assert_runs(CLIENT);
}

/* ---- round robin ---- */

static void equals_get_whole_slices_in_turn(void **state)
{
	uint64_t slice[] = {2 * T, 3 * T, 5 * T}, end = 0;

	(void)state;
	begin();
	for (uint32_t i = 0; i < 3; i++)
		budget(i, slice[i], 0);
	start(0, 2);
	for (uint32_t turn = 0; turn < 12; turn++) {
		assert_runs(turn % 3);
		end += slice[turn % 3];
		assert_int_equal(cpu()->arch.timer_deadline_ns, START + end);
		until(end - 1);
		assert_runs(turn % 3);
		until(end);
	}
	for (uint32_t i = 0; i < 3; i++)
		assert_account(i, 4 * slice[i], slice[i]);
}

static void a_slice_goes_on_over_a_wait_and_ends_by_yield(void **state)
{
	(void)state;
	begin();
	budget(CLIENT, 10 * T, 0);
	budget(SECOND, 10 * T, 0);
	start(CLIENT, SECOND);
	until(4 * T);
	ACT(CLIENT, OP_WAIT, NTFN, 0, 0, 0, 0, 0, START + 5 * T);
	assert_runs(SECOND);
	until(5 * T);
	until(14 * T);
	assert_runs(CLIENT);
	assert_account(CLIENT, 4 * T, 6 * T);
	until(15 * T);
	ACT(CLIENT, OP_YIELD, 0);
	assert_runs(SECOND);
	until(25 * T);
	assert_runs(CLIENT);
	assert_account(CLIENT, 5 * T, 10 * T);
}

/* Its turn is its budget. */
static void a_limited_one_among_equals(void **state)
{
	(void)state;
	begin();
	budget(CLIENT, 15 * T, 40 * T);
	budget(SECOND, 10 * T, 0);
	start(CLIENT, SECOND);
	until(15 * T);
	assert_runs(SECOND);
	until(40 * T);
	assert_runs(CLIENT); /* the other's slice was over long ago, but nobody else was ready */
	until(55 * T);
	assert_runs(SECOND);
	assert_account(CLIENT, 30 * T, 0);
	assert_account(SECOND, 25 * T, 10 * T);
}

/* ---- the end of a budget as a message ---- */

static void give_handler(uint32_t i)
{
	struct thread_config *config = (struct thread_config *)&world_page()->words[MSG_REGISTER_WORDS];

	*config = (struct thread_config){.budget_ep = BUDGET_EP, .priority = ~0u};
	assert_int_equal(CALL(OP_THREAD_CONFIGURE, THREAD_CAP(i)), E_OK);
}

static void begin_handler(void)
{
	begin();
	assert_int_equal(CALL(OP_CNODE_MINT, BUDGET_EP, DEEP_EP, RIGHTS_ALL, 9, 0), E_OK);
	give_handler(CLIENT);
	serve(DEEP, DEEP_EP);
	budget(DEEP, 6 * T, 30 * T);
	budget(CLIENT, 5 * T, 50 * T);
	assert_int_equal(CALL(OP_THREAD_RESUME, THREAD_CAP(CLIENT)), E_OK);
	assert_runs(CLIENT);
	until(5 * T);
	assert_runs(DEEP);
	assert_int_equal(RESULT(DEEP, 0), 9);
	assert_int_equal(RESULT(DEEP, 1), MSG_TAG(MSG_OP_BUDGET, 4, 0));
	assert_int_equal(RESULT(DEEP, 2), START + 50 * T); /* when there is time again */
	assert_int_equal(RESULT(DEEP, 3), 5 * T);	   /* used up in its life */
	assert_int_equal(STATE(CLIENT), THREAD_FAULTED);
}

static void answer_fault(uint64_t status)
{
	ACT(DEEP, OP_REPLY, REPLY(DEEP), MSG_TAG(status, 0, 0));
	assert_int_equal(ERROR(DEEP), E_OK);
}

static void a_handler_is_told_once_a_period(void **state)
{
	(void)state;
	begin_handler();
	until(6 * T); /* a budget message lends nothing */
	assert_account(DEEP, 1 * T, 5 * T);
	answer_fault(FAULT_RESUME);
	serve(DEEP, DEEP_EP);
	assert_int_equal(STATE(CLIENT), THREAD_POSTPONED);
	assert_runs(NOBODY);
	until(50 * T - 1);
	assert_runs(NOBODY);
	until(50 * T);
	assert_runs(CLIENT);
	until(55 * T);
	assert_runs(DEEP);
	assert_int_equal(RESULT(DEEP, 2), START + 100 * T);
	assert_int_equal(RESULT(DEEP, 3), 10 * T);
}

static void a_handler_gives_more(void **state)
{
	(void)state;
	begin_handler();
	budget(CLIENT, 7 * T, 50 * T);
	answer_fault(FAULT_RESUME);
	serve(DEEP, DEEP_EP);
	assert_runs(CLIENT);
	assert_account(CLIENT, 5 * T, 7 * T);
	until(12 * T);
	assert_runs(DEEP); /* that is a new period: it is told again */
}

static void a_handler_halts(void **state)
{
	(void)state;
	begin_handler();
	answer_fault(FAULT_HALT);
	assert_int_equal(STATE(CLIENT), THREAD_SUSPENDED);
	serve(DEEP, DEEP_EP);
	until(60 * T);
	assert_runs(NOBODY);
}

/* Neither the client's handler nor the server's. */
static void nobody_is_told_of_what_was_lent(void **state)
{
	(void)state;
	begin_handler();
	budget(CLIENT, 5 * T, 50 * T);
	answer_fault(FAULT_RESUME);
	serve(DEEP, DEEP_EP);
	give_handler(SERVER);
	serve(SERVER, EP);
	CALL_EP(CLIENT, EP, 1);
	until(12 * T);
	assert_runs(SERVER);
	assert_account(CLIENT, 5 * T + 7 * T, 0);
	assert_int_equal(STATE(DEEP), THREAD_RECEIVING);
}

/* ---- minimum budgets ---- */

#define MINIMUM_EP (EMPTY + 22u)

/* The server waits at an endpoint that asks for 3 T; the client has used its budget of 5 T but for so much. */
static void begin_minimum(uint64_t rest)
{
	begin();
	world_make(UT, CAP_ENDPOINT, 3 * T, MINIMUM_EP);
	serve(SERVER, MINIMUM_EP);
	budget(CLIENT, 5 * T, 50 * T);
	start(CLIENT, CLIENT);
	until(5 * T - rest);
}

static void a_call_with_the_minimum_is_taken(void **state)
{
	(void)state;
	begin_minimum(3 * T);
	CALL_EP(CLIENT, MINIMUM_EP, 1);
	assert_runs(SERVER);
	assert_int_equal(STATE(CLIENT), THREAD_CALLING);
}

static void a_call_with_less_waits_for_the_period(void **state)
{
	(void)state;
	begin_minimum(3 * T - 1);
	CALL_EP(CLIENT, MINIMUM_EP, 7);
	assert_int_equal(STATE(CLIENT), THREAD_POSTPONED);
	assert_runs(NOBODY);
	until(50 * T - 1);
	assert_runs(NOBODY);
	until(50 * T);
	assert_runs(CLIENT);
	assert_int_equal(actors[CLIENT]->ctx.regs.rax, TESSERA_SYSCALL_BASE + OP_CALL); /* it calls again */
	CALL_EP(CLIENT, MINIMUM_EP, 7);
	assert_runs(SERVER);
	assert_int_equal(RESULT(SERVER, 2), 7);
}

static void the_wait_for_a_minimum_keeps_its_timeout(void **state)
{
	(void)state;
	begin_minimum(3 * T - 1);
	ACT(CLIENT, OP_CALL, MINIMUM_EP, 0, 0, 0, 0, 0, START + 9 * T);
	assert_runs(NOBODY);
	until(9 * T);
	assert_runs(CLIENT);
	ACT(CLIENT, OP_CALL, MINIMUM_EP, 0, 0, 0, 0, 0, START + 9 * T);
	assert_int_equal(ERROR(CLIENT), E_TIMEOUT);
	assert_int_equal(STATE(SERVER), THREAD_RECEIVING);
}

static void a_budget_below_the_minimum_never_suffices(void **state)
{
	(void)state;
	begin_minimum(5 * T);
	budget(CLIENT, 3 * T - 1, 50 * T);
	CALL_EP(CLIENT, MINIMUM_EP, 1);
	assert_int_equal(ERROR(CLIENT), E_NO_TIME);
	budget(CLIENT, 3 * T - 1, 0); /* round robin is never out of time */
	CALL_EP(CLIENT, MINIMUM_EP, 1);
	assert_int_equal(STATE(CLIENT), THREAD_CALLING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_budget_ends_and_comes_back_exactly),
		TEST(a_period_begins_with_the_first_use),
		TEST(a_divided_budget_comes_closer),
		TEST(a_microsecond_counts_as_nothing),
		TEST(a_little_more_is_time),
		TEST(configured_anew_it_is_full),
		TEST(equals_get_whole_slices_in_turn),
		TEST(a_slice_goes_on_over_a_wait_and_ends_by_yield),
		TEST(a_limited_one_among_equals),
		TEST(a_handler_is_told_once_a_period),
		TEST(a_handler_gives_more),
		TEST(a_handler_halts),
		TEST(nobody_is_told_of_what_was_lent),
		TEST(a_call_with_the_minimum_is_taken),
		TEST(a_call_with_less_waits_for_the_period),
		TEST(the_wait_for_a_minimum_keeps_its_timeout),
		TEST(a_budget_below_the_minimum_never_suffices),
	};

	return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
