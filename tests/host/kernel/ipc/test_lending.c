/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Lending: who pays, and who runs, whatever happens to a client or a server. All of it with the fast path and without. */
#include "timed.h"

/* The server waits; the client runs, on a limited context. */
static void begin_call(uint64_t client_ns, uint64_t client_period_ns)
{
	begin();
	serve(SERVER, EP);
	budget(SERVER, 4 * T, 20 * T);
	budget(CLIENT, client_ns, client_period_ns);
	start(CLIENT, CLIENT);
}

/* ---- lending ---- */

static void a_server_runs_on_its_clients_time(void **state)
{
	(void)state;
	begin_call(10 * T, 50 * T);
	until(1 * T);
	CALL_EP(CLIENT, EP, 1);
	assert_runs(SERVER);
	until(4 * T);
	assert_account(CLIENT, 4 * T, 6 * T);
	assert_account(SERVER, 0, 4 * T);
	assert_int_equal(context_of(SERVER)->refill_ns, 0); /* its own period has not begun */
	ACT(SERVER, OP_REPLY_RECV, EP | (uint64_t)REPLY(SERVER) << 32, 0, 0, 0, 0, 0, DEADLINE_NEVER);
	assert_runs(CLIENT);
	until(6 * T);
	CALL_EP(CLIENT, EP, 1);
	until(7 * T);
	answer(SERVER);
	set_priority(SERVER, 20); /* it goes on on its own */
	assert_runs(SERVER);
	until(8 * T);
	assert_account(SERVER, 1 * T, 3 * T);
	assert_account(CLIENT, 7 * T, 3 * T);
}

static void a_budget_ends_inside_the_server(void **state)
{
	(void)state;
	begin_call(2 * T, 50 * T);
	CALL_EP(CLIENT, EP, 1);
	until(2 * T);
	assert_runs(SERVER);
	assert_account(CLIENT, 2 * T, 0);
	until(3 * T);
	assert_account(SERVER, 1 * T, 3 * T);
	answer(SERVER);
	assert_int_equal(STATE(CLIENT), THREAD_POSTPONED);
	serve(SERVER, EP);
	assert_runs(NOBODY);
	until(50 * T - 1);
	assert_runs(NOBODY);
	until(50 * T);
	assert_runs(CLIENT);
	assert_int_equal(ERROR(CLIENT), E_OK);
	assert_account(CLIENT, 2 * T, 2 * T);
	assert_account(SERVER, 1 * T, 3 * T);
}

static void both_budgets_end_inside_the_server(void **state)
{
	(void)state;
	begin_call(2 * T, 50 * T);
	CALL_EP(CLIENT, EP, 1);
	until(6 * T);
	assert_runs(
		SERVER); /* the interrupt at 2 T came as late as this: its client paid no more than it had */
	assert_account(CLIENT, 6 * T, 0);
	assert_account(SERVER, 0, 4 * T);
	until(10 * T);
	assert_runs(NOBODY);
	until(26 * T - 1);
	assert_runs(NOBODY);
	until(26 * T); /* its period began at 6 T */
	assert_runs(SERVER);
	answer(SERVER);
}

/* What it has left is more than nothing, by a nanosecond. */
static void a_call_with_a_microsecond_left(void **state)
{
	(void)state;
	begin_call(2 * T, 50 * T);
	until(2 * T - SCHED_USED_UP_NS - 1);
	CALL_EP(CLIENT, EP, 1);
	assert_runs(SERVER);
	until(2 * T);
	assert_runs(SERVER);
	until(3 * T);
	assert_account(CLIENT, 2 * T, 0);
	assert_account(SERVER, 1 * T, 3 * T);
	answer(SERVER);
}

/* The fast path does not look: the server runs on what counts as nothing, until the timer comes. */
static void a_fast_call_with_nothing_left(void **state)
{
	(void)state;
	actors_slow_only = false;
	begin_call(2 * T, 50 * T);
	until(2 * T - SCHED_USED_UP_NS);
	CALL_EP(CLIENT, EP, 1);
	assert_int_equal(STATE(CLIENT), THREAD_CALLING);
	until(2 * T);
	until(3 * T);
	assert_runs(SERVER);
	assert_account(CLIENT, 2 * T, 0);
	assert_account(SERVER, 1 * T, 3 * T);
}

static void a_slow_call_with_nothing_left_waits(void **state)
{
	(void)state;
	actors_slow_only = true;
	begin_call(2 * T, 50 * T);
	until(2 * T - SCHED_USED_UP_NS);
	CALL_EP(CLIENT, EP, 1);
	assert_int_equal(STATE(CLIENT), THREAD_POSTPONED);
	assert_runs(NOBODY);
	until(50 * T);
	assert_runs(CLIENT);
}

static void the_client_dies(void **state)
{
	(void)state;
	begin_call(10 * T, 50 * T);
	CALL_EP(CLIENT, EP, 1);
	until(1 * T);
	assert_int_equal(CALL(OP_CNODE_DELETE, THREAD_CAP(CLIENT)), E_OK);
	assert_runs(SERVER);
	until(3 * T);
	assert_account(CLIENT, 1 * T, 9 * T);
	assert_account(SERVER, 2 * T, 2 * T);
	ACT(SERVER, OP_REPLY, REPLY(SERVER), 0);
	assert_int_equal(ERROR(SERVER), E_GONE);
}

static void the_client_takes_its_time_back(void **state)
{
	(void)state;
	begin_call(10 * T, 50 * T);
	CALL_EP(CLIENT, EP, 1);
	until(1 * T);
	assert_int_equal(CALL(OP_SCHED_BIND, SCHED_CAP(CLIENT), 0), E_OK);
	assert_runs(SERVER);
	until(3 * T);
	assert_account(CLIENT, 1 * T, 9 * T);
	assert_account(SERVER, 2 * T, 2 * T);
	answer(SERVER);
	assert_int_equal(STATE(CLIENT), THREAD_POSTPONED);
	serve(SERVER, EP);
	assert_runs(NOBODY);
	assert_int_equal(CALL(OP_SCHED_BIND, SCHED_CAP(CLIENT), THREAD_CAP(CLIENT)), E_OK);
	assert_runs(CLIENT);
	assert_int_equal(ERROR(CLIENT), E_OK);
}

static void the_client_times_out(void **state)
{
	(void)state;
	begin_call(10 * T, 50 * T);
	set_priority(CLIENT, 20);
	ACT(CLIENT, OP_CALL, EP, 0, 0, 0, 0, 0, START + 2 * T);
	assert_runs(SERVER);
	assert_int_equal(actors[SERVER]->priority, 20);
	until(2 * T);
	assert_runs(CLIENT); /* its time and its priority have come back */
	assert_int_equal(ERROR(CLIENT), E_TIMEOUT);
	assert_int_equal(actors[SERVER]->priority, 32);
	until(3 * T);
	ACT(CLIENT, OP_WAIT, NTFN, 0, 0, 0, 0, 0, DEADLINE_NEVER);
	assert_runs(SERVER);
	until(4 * T);
	assert_account(CLIENT, 3 * T, 7 * T);
	assert_account(SERVER, 1 * T, 3 * T);
}

static void a_server_that_receives_without_an_answer(void **state)
{
	(void)state;
	begin_call(10 * T, 50 * T);
	set_priority(CLIENT, 20);
	CALL_EP(CLIENT, EP, 1);
	until(1 * T);
	ACT(SERVER, OP_RECV, EP | (uint64_t)REPLY(1) << 32, 0, 0, 0, 0, 0, DEADLINE_POLL);
	assert_runs(SERVER);
	assert_int_equal(actors[SERVER]->priority, 32);
	until(2 * T);
	assert_account(CLIENT, 1 * T, 9 * T);
	assert_account(SERVER, 1 * T, 3 * T);
	answer(SERVER);
	assert_runs(CLIENT);
}

static void sends_are_received_on_the_servers_own_time(void **state)
{
	(void)state;
	begin_call(10 * T, 50 * T);
	set_priority(SERVER, 20);
	assert_runs(CLIENT);
	until(1 * T);
	ACT(CLIENT, OP_SEND, EP, 0, 0, 0, 0, 0, DEADLINE_NEVER);
	assert_runs(SERVER);
	until(3 * T);
	assert_account(CLIENT, 1 * T, 9 * T);
	assert_account(SERVER, 2 * T, 2 * T);
}

/* ---- chains ---- */

/* The client calls the server at 0, which calls on at 1 T; at 2 T the last one runs. */
static void begin_chain(void)
{
	begin();
	serve(DEEP, DEEP_EP);
	serve(SERVER, EP);
	budget(SERVER, 4 * T, 20 * T);
	budget(DEEP, 6 * T, 30 * T);
	budget(CLIENT, 10 * T, 50 * T);
	start(CLIENT, CLIENT);
	CALL_EP(CLIENT, EP, 1);
	until(1 * T);
	CALL_EP(SERVER, DEEP_EP, 1);
	until(2 * T);
	assert_runs(DEEP);
	assert_account(CLIENT, 2 * T, 8 * T);
	assert_account(SERVER, 0, 4 * T);
	assert_account(DEEP, 0, 6 * T);
}

static void a_chain_runs_on_the_first_ones_time(void **state)
{
	(void)state;
	begin_chain();
	answer(DEEP);
	serve(DEEP, DEEP_EP);
	assert_runs(SERVER);
	until(3 * T);
	answer(SERVER);
	serve(SERVER, EP);
	assert_runs(CLIENT);
	until(4 * T);
	assert_account(CLIENT, 4 * T, 6 * T);
	assert_account(SERVER, 0, 4 * T);
	assert_account(DEEP, 0, 6 * T);
}

static void the_middle_of_a_chain_dies(void **state)
{
	(void)state;
	begin_chain();
	assert_int_equal(CALL(OP_CNODE_DELETE, THREAD_CAP(SERVER)), E_OK);
	assert_int_equal(context_of(CLIENT)->runner, thread_ref_of(actors[CLIENT])); /* nobody else has it */
	assert_int_equal(CALL(OP_CNODE_DELETE, REPLY(SERVER)), E_OK);
	set_priority(CLIENT, 20);
	assert_runs(CLIENT);
	assert_int_equal(ERROR(CLIENT), E_DEAD);
	until(3 * T);
	ACT(CLIENT, OP_WAIT, NTFN, 0, 0, 0, 0, 0, DEADLINE_NEVER);
	assert_runs(DEEP);
	until(4 * T);
	assert_account(CLIENT, 3 * T, 7 * T);
	assert_account(DEEP, 1 * T, 5 * T);
	ACT(DEEP, OP_REPLY, REPLY(DEEP), 0);
	assert_int_equal(ERROR(DEEP), E_GONE);
}

static void the_first_of_a_chain_dies(void **state)
{
	(void)state;
	begin_chain();
	assert_int_equal(CALL(OP_CNODE_DELETE, THREAD_CAP(CLIENT)), E_OK);
	assert_runs(DEEP); /* the server waits for it: it is on its own time */
	until(3 * T);
	assert_account(DEEP, 1 * T, 5 * T);
	answer(DEEP);
	serve(DEEP, DEEP_EP);
	assert_runs(SERVER);
	until(4 * T);
	assert_account(SERVER, 1 * T, 3 * T);
	assert_account(CLIENT, 2 * T, 8 * T);
}

static void the_end_of_a_chain_runs_dry(void **state)
{
	(void)state;
	begin_chain();
	until(10 * T);
	assert_runs(DEEP);
	until(11 * T);
	assert_account(CLIENT, 10 * T, 0);
	assert_account(DEEP, 1 * T, 5 * T);
	answer(DEEP);
	serve(DEEP, DEEP_EP);
	assert_runs(SERVER); /* what it was lent is used up, too */
	until(12 * T);
	assert_account(SERVER, 1 * T, 3 * T);
	answer(SERVER);
	serve(SERVER, EP);
	assert_runs(NOBODY);
	until(50 * T);
	assert_runs(CLIENT);
}

/* Thread i receives at its own endpoint; 0 calls 1, 1 calls 2, ... */
static void time_is_lent_through_eight_calls(void **state)
{
	const uint32_t last = SCHED_LENDING_DEPTH + 1u;

	(void)state;
	begin();
	for (uint32_t i = last; i > 0; i--) {
		world_make(UT, CAP_ENDPOINT, 0, EMPTY + 30 + i);
		serve(i, EMPTY + 30 + i);
	}
	budget(0, 20 * T, 50 * T);
	start(0, 0);
	for (uint32_t i = 0; i < last; i++) {
		until((i + 1) * T);
		CALL_EP(i, EMPTY + 31 + i, 1);
		assert_runs(i + 1);
	}
	assert_int_equal(actors[last - 1]->lending_depth, SCHED_LENDING_DEPTH);
	assert_int_equal(actors[last]->lender, 0);
	until(20 * T);
	assert_int_equal(context_of(0)->consumed_tsc, last * T);
	sched_charge(cpu());
	assert_int_equal(context_of(last)->consumed_tsc, (20 - last) * T);
	for (uint32_t i = last; i > 0; i--) {
		answer(i);
		ACT(i, OP_WAIT, NTFN, 0, 0, 0, 0, 0, DEADLINE_NEVER);
		assert_runs(i - 1);
	}
	assert_account(0, last * T, (20 - last) * T);
}

/* ---- priorities ---- */

static void priority_goes_with_time(void **state)
{
	(void)state;
	begin_call(10 * T, 50 * T);
	set_priority(CLIENT, 20);
	CALL_EP(CLIENT, EP, 1);
	assert_int_equal(actors[SERVER]->priority, 20);
	set_priority(SERVER, 40);
	assert_int_equal(actors[SERVER]->priority, 20);
	set_priority(SERVER, 10);
	assert_int_equal(actors[SERVER]->priority, 10);
	set_priority(SERVER, 40);
	answer(SERVER);
	assert_int_equal(actors[SERVER]->priority, 40);
	serve(SERVER, EP);
	set_priority(CLIENT, 50);
	CALL_EP(CLIENT, EP, 1);
	assert_int_equal(actors[SERVER]->priority, 40); /* its own is the higher */
	assert_runs(SERVER);
}

/* One of priority 50 is served; one of 20, who wants to call too, and one of 30, who does not, become ready. */
static void begin_inversion(uint64_t server_priority)
{
	begin();
	set_priority(SERVER, server_priority);
	set_priority(CLIENT, 50);
	set_priority(SECOND, 20);
	set_priority(DEEP, 30);
	serve(SERVER, EP);
	start(CLIENT, CLIENT);
	CALL_EP(CLIENT, EP, 1);
	sched_ready(actors[DEEP]);
	sched_ready(actors[SECOND]);
}

/* docs/decisions/0014-ceiling.md: a queued caller raises nobody; a server's own priority is the ceiling of its clients'. */
static void a_server_below_its_clients_is_held_up(void **state)
{
	(void)state;
	begin_inversion(60);
	assert_runs(SECOND);
	CALL_EP(SECOND, EP, 2);
	assert_int_equal(STATE(SECOND), THREAD_SENDING);
	assert_runs(DEEP);
}

static void a_server_at_its_ceiling_is_not(void **state)
{
	(void)state;
	begin_inversion(20);
	assert_runs(SERVER);
	ACT(SERVER, OP_REPLY_RECV, EP | (uint64_t)REPLY(SERVER) << 32, 0, 0, 0, 0, 0, DEADLINE_NEVER);
	assert_runs(SECOND);
	CALL_EP(SECOND, EP, 2);
	assert_runs(SERVER);
	answer(SERVER);
	serve(SERVER, EP);
	assert_runs(SECOND);
	assert_int_equal(context_of(DEEP)->switches,
			 0); /* who has nothing to do with it did not run at all */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_server_runs_on_its_clients_time),
		TEST(a_budget_ends_inside_the_server),
		TEST(both_budgets_end_inside_the_server),
		TEST(a_call_with_a_microsecond_left),
		TEST(a_fast_call_with_nothing_left),
		TEST(a_slow_call_with_nothing_left_waits),
		TEST(the_client_dies),
		TEST(the_client_takes_its_time_back),
		TEST(the_client_times_out),
		TEST(a_server_that_receives_without_an_answer),
		TEST(sends_are_received_on_the_servers_own_time),
		TEST(a_chain_runs_on_the_first_ones_time),
		TEST(the_middle_of_a_chain_dies),
		TEST(the_first_of_a_chain_dies),
		TEST(the_end_of_a_chain_runs_dry),
		TEST(time_is_lent_through_eight_calls),
		TEST(priority_goes_with_time),
		TEST(a_server_below_its_clients_is_held_up),
		TEST(a_server_at_its_ceiling_is_not),
	};

	int failed = cmocka_run_group_tests_name("lending", tests, NULL, NULL);

	timed_is_slow = true;
	return failed + cmocka_run_group_tests_name("lending, slow path", tests, NULL, NULL);
}
