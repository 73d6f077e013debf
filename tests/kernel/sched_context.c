/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SchedContexts: configure, bind, consumed; budgets and periods, budget faults, minimum budgets, no needless timer interrupts. */
#include "tests.h"

#define MS 1000000ull
#define LONG (10000 * MS) /* what comes for sure comes by then */

void spin_ns(uint64_t ns)
{
	uint64_t end = now_ns() + ns;

	while (now_ns() < end)
		;
}

uint64_t used_ns(cap_t sched)
{
	uint64_t ns = 0, switches, left;

	must(ts_sched_consumed(sched, &ns, &switches, &left), "consumed");
	return ns;
}

static void count_forever(struct worker *w)
{
	for (;;) /* ends with its Thread */
		w->result[0]++;
}

static void test_configure(void)
{
	static const struct {
		uint64_t budget_ns, period_ns;
		enum tessera_error error;
		const char *name;
	} cases[] = {
		{SCHED_BUDGET_MIN_NS - 1, 0, E_ARG, "a budget that is too small: E_ARG"},
		{SCHED_BUDGET_MAX_NS + 1, 0, E_ARG, "too large: E_ARG"},
		{2 * MS, MS, E_ARG, "larger than its period: E_ARG"},
		{2 * MS, SCHED_BUDGET_MAX_NS + 1, E_ARG, "a period that is too long: E_ARG"},
		{SCHED_BUDGET_MIN_NS, SCHED_BUDGET_MIN_NS, E_OK, "the smallest budget, all of the time"},
		{SCHED_BUDGET_MAX_NS, SCHED_BUDGET_MAX_NS, E_OK, "the largest"},
		{5 * MS, 0, E_OK, "round robin with another slice"},
	};
	cap_t sched = make(CAP_SCHED_CONTEXT, 0);
	uint64_t ns, switches, left = 0;

	must(ts_sched_consumed(sched, &ns, &switches, &left), "consumed");
	check(ns == 0 && switches == 0 && left + MS > SCHED_SLICE_NS, "a new one has a slice of 10 ms");
	for (uint32_t i = 0; i < COUNT_OF(cases); i++)
		check_error(ts_sched_configure(sched, cases[i].budget_ns, cases[i].period_ns), cases[i].error,
			    cases[i].name);
	must(ts_sched_consumed(sched, &ns, &switches, &left), "consumed");
	check(left <= 5 * MS && left + MS > 5 * MS, "what is left is what was configured last");
}

static void test_bind(void)
{
	struct worker *w = worker_new(0, 0, PRIORITY_HIGH);
	cap_t other = make(CAP_SCHED_CONTEXT, 0), endpoint = make(CAP_ENDPOINT, 0);
	uint64_t before;

	check_error(ts_sched_bind(w->sched, w->thread), E_OK, "bind what is bound so already");
	check_error(ts_sched_bind(other, w->thread), E_BUSY, "a second context: E_BUSY");
	check_error(ts_sched_bind(w->sched, ROOT_CAP_THREAD), E_BUSY, "a second thread: E_BUSY");
	check_error(ts_sched_bind(other, other), E_TYPE, "what is no Thread: E_TYPE");
	check_error(ts_sched_bind(other, copy_of(w->thread, READ)), E_RIGHTS, "without write: E_RIGHTS");
	check_error(ts_sched_bind(w->sched, 0), E_OK, "unbind");
	DO(w, OP_NOTHING, 0);
	check(!is_done(w) && state_of(w) == STATE_READY, "a thread without context does not run");
	check_error(ts_sched_bind(other, w->thread), E_OK, "bind another");
	check_done(w, E_OK, "it runs");
	check(used_ns(other) > 0, "on that one");
	DO(w, OP_RECV, endpoint, 0, 0, 0, 0, 0, NEVER);
	drop(other);
	check(!is_done(w), "a context dies: its thread does not run");
	must(ts_sched_bind(w->sched, w->thread), "bind");
	check_done(w, E_NO_TIME, "recv has ended with E_NO_TIME");
	before = used_ns(w->sched);
	worker_end(w);
	w->sched = make(CAP_SCHED_CONTEXT, 0);
	check(before > 0, "and time is counted again");
}

static uint64_t turns(cap_t sched)
{
	uint64_t ns, switches = 0, left;

	must(ts_sched_consumed(sched, &ns, &switches, &left), "consumed");
	return switches;
}

/* A thread above main that never stops: main runs only because the budget is limited.  What the host makes of 5 ms nobody knows
 * (tests/host/kernel/ipc/test_budget.c does): what is counted is how often the thread gets the CPU. */
static void test_budget(void)
{
	struct worker *w = worker_new(0, 0, PRIORITY_HIGH);
	uint64_t before, start, count;

	before = turns(w->sched);
	start = now_ns();
	must(ts_sched_configure(w->sched, 5 * MS, 50 * MS), "configure");
	worker_run(w, count_forever);
	check(now_ns() - start >= 5 * MS - MS / 10, "a budget of 5 ms lasts that long");
	check(!is_done(w), "then others run");
	for (uint32_t i = 0; i < 10000 && turns(w->sched) - before < 6; i++)
		sleep_ns(10 * MS);
	count = turns(w->sched) - before;
	check(count >= 6, "again in the next periods");
	check(count <= (now_ns() - start) / (50 * MS) + 1, "once in each");
	must(ts_thread_suspend(w->thread), "suspend");
}

static void test_budget_fault(void)
{
	struct worker *w = worker_new(0, 0, PRIORITY_HIGH);
	cap_t endpoint = make(CAP_ENDPOINT, 0), reply = slot_new();
	struct ipc_msg m = {0};

	must(ts_thread_suspend(w->thread), "suspend");
	*(struct thread_config *)page_block() =
		(struct thread_config){.budget_ep = mint_of(endpoint, ALL, 77, 0), .priority = ~0u};
	must(ts_thread_configure(w->thread), "configure");
	uint64_t begun = now_ns();

	must(ts_sched_configure(w->sched, 2 * MS, 100 * MS), "configure");
	must(ts_thread_resume(w->thread), "resume");
	worker_run(w, count_forever);
	check_error(ts_recv(endpoint, reply, &m, now_ns() + LONG), E_OK,
		    "a handler gets the end of the budget");
	check(MSG_TAG_OP(m.tag) == MSG_OP_BUDGET && m.badge == 77 && m.label == LABEL(0), "as a message");
	check(m.w[0] >= begun + 100 * MS && m.w[0] < now_ns() + 100 * MS && m.w[1] >= MS, "with its facts");
	check_equal(state_of(w), STATE_FAULTED, "the thread waits for the answer");
	uint64_t counted = w->result[0], until = m.w[0];

	m.tag = MSG_TAG(FAULT_RESUME, 0, 0);
	check_error(ts_reply(reply, &m), E_OK, "FAULT_RESUME");
	check(w->result[0] == counted || now_ns() >= until, "does not give it time");
	check_error(ts_recv(endpoint, reply, &m, now_ns() + LONG), E_OK, "the next comes");
	check(now_ns() > until && w->result[0] > counted, "when the next budget is used up");
	must(ts_sched_configure(w->sched, 2 * MS, 0), "more time");
	m.tag = MSG_TAG(FAULT_HALT, 0, 0);
	check_error(ts_reply(reply, &m), E_OK, "FAULT_HALT");
	check_equal(state_of(w), STATE_SUSPENDED, "suspends it");
}

/* Main serves a call on the caller's time until less than so much of it is left, and answers. */
static void serve_until_left(cap_t sched, cap_t reply, uint64_t left_ns)
{
	struct ipc_msg m = {.tag = MSG_TAG(0, 0, 0)};
	uint64_t ns, switches, left = left_ns;

	while (left >= left_ns) /* ends: nobody else uses it */
		must(ts_sched_consumed(sched, &ns, &switches, &left), "consumed");
	must(ts_reply(reply, &m), "reply");
}

static void test_minimum(void)
{
	struct worker *poor = worker_new(0, 0, PRIORITY_HIGH), *rich = worker_new(1, 0, PRIORITY_HIGH);
	cap_t endpoint = make(CAP_ENDPOINT, 40 * MS), reply = slot_new();
	struct ipc_msg m = {0};
	uint64_t end;

	must(ts_sched_configure(poor->sched, 20 * MS, 100 * MS), "configure");
	DO(poor, OP_CALL, endpoint, MSG_TAG(1, 0, 0), 0, 0, 0, 0, NEVER);
	wait_done(poor); /* the host may have taken its first period */
	check_done(poor, E_NO_TIME, "a call by one whose whole budget is too small: E_NO_TIME");
	DO(rich, OP_CALL, endpoint, MSG_TAG(1, 0, 0), 0, 0, 0, 0, NEVER);
	check_error(ts_recv(endpoint, reply, &m, POLL), E_OK, "a call by one who has enough is taken");
	end = now_ns() + 1000 * MS;
	must(ts_sched_configure(rich->sched, 60 * MS, 1000 * MS), "configure");
	serve_until_left(rich->sched, reply, 40 * MS);
	check_done(rich, E_OK, "and answered");
	DO(rich, OP_CALL, endpoint, MSG_TAG(2, 0, 0), 0, 0, 0, 0, NEVER);
	check((ts_recv(endpoint, reply, &m, POLL) == E_TIMEOUT && !is_done(rich)) || now_ns() >= end,
	      "the next, with less than the minimum left, is not");
	check_error(ts_recv(endpoint, reply, &m, now_ns() + LONG), E_OK, "but in the next period");
	check(MSG_TAG_OP(m.tag) == 2 && now_ns() >= end, "with its message");
	must(ts_sched_configure(rich->sched, 60 * MS, LONG), "configure");
	serve_until_left(rich->sched, reply, 40 * MS);
	DO(rich, OP_CALL, endpoint, MSG_TAG(4, 0, 0), 0, 0, 0, 0, now_ns() + 20 * MS);
	wait_done(rich);
	check_done(rich, E_TIMEOUT, "who waits for budget keeps his timeout");
}

static uint64_t timer_interrupts(void)
{
	uint64_t v[6];

	(void)ts_kernel_info(ROOT_CAP_MACHINE, 1, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5]);
	return v[3];
}

/* A wait takes one interrupt, and one for each level of the timer wheel, however long it is. */
static void test_tickless(void)
{
	uint64_t before = timer_interrupts(), count;

	sleep_ns(500 * MS);
	count = timer_interrupts() - before;
	note("timer interrupts in 500 ms idle", count);
	check(count <= 5, "an idle CPU takes no timer interrupt but for the timeout");
	before = timer_interrupts();
	spin_ns(100 * MS);
	count = timer_interrupts() - before;
	note("timer interrupts in 100 ms of one thread alone", count);
	check(count <= 1, "nor does a running thread without equals and without limit");
}

void test_sched_context(void)
{
	group_begin("sched");
	test_configure();
	test_bind();
	group_begin("budget");
	test_budget();
	group_begin("budget");
	test_budget_fault();
	group_begin("budget");
	test_minimum();
	group_begin("tickless");
	test_tickless();
	group_end();
}
