/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The scheduler: priorities, round robin, yield, priority changes, and consumed time. */
#include "tests.h"

#define ROBIN 3u

/* The order in which workers ran: argument 0 names the log in shared memory. */
struct order {
	volatile uint64_t count;
	volatile uint64_t index[64];
};

static struct order *order(void)
{
	return (struct order *)(SHARED_VA + SHARED_PAGES * PAGE_BYTES - PAGE_BYTES);
}

static void log_self(struct worker *w)
{
	struct order *log = order();

	if (log->count < COUNT_OF(log->index))
		log->index[log->count] = w->index;
	log->count++;
}

static void log_and_yield(struct worker *w)
{
	for (uint32_t i = 0; i < 4; i++) {
		log_self(w);
		(void)ts_yield();
	}
}

static void count_forever(struct worker *w)
{
	for (;;) /* ends with its Thread */
		w->result[0]++;
}

static void wait_for_count(uint64_t count)
{
	for (uint32_t i = 0; i < 4000 && order()->count < count; i++)
		sleep_ns(1000000);
}

static void test_priorities(void)
{
	static const uint32_t priorities[4] = {200, 120, 255, 110};

	order()->count = 0;
	for (uint32_t i = 0; i < 4; i++)
		worker_new(i, 0, PRIORITY_HIGH);
	for (uint32_t i = 0; i < 4; i++) {
		must(ts_thread_set_priority(worker(i)->thread, priorities[i]), "a priority");
		worker_run(worker(i), log_self);
	}
	check_equal(order()->count, 0, "nobody of lower priority runs while main does");
	wait_for_count(4);
	check(order()->count == 4 && order()->index[0] == 3 && order()->index[1] == 1 &&
		      order()->index[2] == 0 && order()->index[3] == 2,
	      "then they run in the order of their priorities");
	must(ts_thread_set_priority(worker(2)->thread, PRIORITY_HIGH), "a priority");
	worker_run(worker(2), log_self);
	check_equal(order()->count, 5, "a thread of higher priority runs at once");
	must(ts_thread_set_priority(worker(2)->thread, PRIORITY_LOW), "a priority");
	worker_run(worker(2), log_self);
	check_equal(order()->count, 5, "not when its priority has been lowered");
	must(ts_thread_set_priority(worker(2)->thread, 0), "a priority");
	check_equal(order()->count, 6, "but as soon as it is raised again, to the highest");
}

static void test_yield(void)
{
	bool is_round_robin = true;

	order()->count = 0;
	for (uint32_t i = 0; i < ROBIN; i++) {
		worker_new(i, i, PRIORITY_LOW);
		must(ts_sched_configure(worker(i)->sched, SCHED_BUDGET_MAX_NS, 0), "no slice ends meanwhile");
		worker_run(worker(i), log_and_yield);
	}
	wait_for_count(4 * ROBIN);
	for (uint32_t i = 0; i < 4 * ROBIN; i++)
		is_round_robin = is_round_robin && order()->index[i] == i % ROBIN;
	check(order()->count == 4 * ROBIN && is_round_robin, "three threads in three spaces yield in turn");
	check_error(ts_yield(), E_OK, "yield without anybody of the same priority");
}

static uint64_t fewest_turns(void)
{
	uint64_t fewest = ~0ull, ns, switches = 0, left;

	for (uint32_t i = 0; i < ROBIN; i++) {
		must(ts_sched_consumed(worker(i)->sched, &ns, &switches, &left), "consumed");
		fewest = switches < fewest ? switches : fewest;
	}
	return fewest;
}

/* The host may take the CPU away for any time: how often each ran tells more than for how long. */
static void test_slices(void)
{
	uint64_t fewest = ~0ull, most = 0, least_ns = ~0ull, switches = 0, ns = 0, left = 0;

	for (uint32_t i = 0; i < ROBIN; i++) {
		worker_new(i, 0, PRIORITY_LOW);
		worker_run(worker(i), count_forever);
	}
	for (uint32_t i = 0; i < 20 && fewest_turns() <= 4; i++)
		sleep_ns(400000000); /* 40 slices, if the host gives them */
	for (uint32_t i = 0; i < ROBIN; i++) {
		must(ts_thread_suspend(worker(i)->thread), "suspend");
		check_error(ts_sched_consumed(worker(i)->sched, &ns, &switches, &left), E_OK, "consumed");
		fewest = switches < fewest ? switches : fewest;
		most = switches > most ? switches : most;
		least_ns = ns < least_ns ? ns : least_ns;
	}
	note("fewest turns", fewest);
	note("most turns", most);
	note("least ns", least_ns);
	check(fewest > 3, "threads of the same priority that never yield all run");
	check(most - fewest <= 2, "in turn");
	check(most < 100 && least_ns > 10000000, "for slices of about 10 ms");
}

static void test_consumed(void)
{
	uint64_t before = 0, after = 0, first = 0, second = 0, left = 0;

	check_error(ts_sched_consumed(ROOT_CAP_SCHED, &before, &first, &left), E_OK,
		    "consumed of the caller");
	for (volatile uint32_t i = 0; i < 1000000; i++)
		;
	must(ts_sched_consumed(ROOT_CAP_SCHED, &after, &second, &left), "consumed");
	check(after > before, "grows while it runs");
	for (uint32_t i = 0; i == 0 || (i < 10 && after - before >= 150000000);
	     i++) { /* the host's pauses count, too */
		must(ts_sched_consumed(ROOT_CAP_SCHED, &before, &first, &left), "consumed");
		sleep_ns(200000000);
		must(ts_sched_consumed(ROOT_CAP_SCHED, &after, &second, &left), "consumed");
	}
	check(after - before < 150000000, "not while it waits");
	check_equal(second, first + 1, "and it was given the CPU once more");
}

/* Tickless: while nobody runs there is no timer interrupt but the one that ends the wait. */
static void test_tickless(void)
{
	uint64_t v[6], before;

	(void)ts_kernel_info(ROOT_CAP_MACHINE, 1, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5]);
	before = v[3];
	sleep_ns(100000000);
	(void)ts_kernel_info(ROOT_CAP_MACHINE, 1, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5]);
	note("timer interrupts in 100 ms", v[3] - before);
	check(v[3] - before <= 8, "an idle CPU takes no periodic timer interrupt");
}

void test_schedule(void)
{
	group_begin("schedule");
	test_priorities();
	group_begin("schedule");
	space_make(1);
	space_make(2);
	test_yield();
	group_begin("schedule");
	test_slices();
	group_begin("schedule");
	test_consumed();
	test_tickless();
	group_end();
}
