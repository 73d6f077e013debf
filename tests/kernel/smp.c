/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Several CPUs: threads that run at the same time, and what one CPU does to a thread that runs on another.  With one CPU
 * there is nothing to test; tools/run_tests.py boots with one, two and four.
 */
#include "tests.h"

#define LONG_NS 5000000000ull /* the host may take a CPU away for any time */
#define STRESS_NS 1000000000ull
#define STRESS_ROUNDS 2000u
#define SHOT_NS 100000000ull
#define PAGE_VA SCRATCH_VA
#define NEW_PART_VA 0x300000000000ull

static uint32_t other_cpu(void)
{
	return boot_info()->cpu_count - 1;
}

/* A worker whose home is the last CPU. */
static struct worker *worker_there(uint32_t i, uint32_t space)
{
	struct worker *w = worker_new(i, space, PRIORITY_MAIN);

	must(ts_thread_set_affinity(w->thread, other_cpu()), "affinity");
	return w;
}

/* Without giving up this CPU: false if it takes too long. */
static bool wait_until_done(const struct worker *w)
{
	uint64_t end = now_ns() + LONG_NS;

	while (!is_done(w) && now_ns() < end)
		;
	return is_done(w);
}

static bool grows(const volatile uint64_t *counter)
{
	uint64_t before = *counter, end = now_ns() + LONG_NS;

	while (*counter == before && now_ns() < end)
		;
	return *counter != before;
}

static bool stands_still_for(const volatile uint64_t *counter, uint64_t duration_ns)
{
	uint64_t before = *counter, end = now_ns() + duration_ns;

	while (now_ns() < end)
		;
	return *counter == before;
}

static bool stands_still(const volatile uint64_t *counter)
{
	return stands_still_for(counter, 2000000);
}

static void count_forever(struct worker *w)
{
	for (;;) /* ends with its Thread */
		w->result[0]++;
}

static void write_forever(struct worker *w)
{
	volatile uint64_t *word = (volatile uint64_t *)w->argument[0];

	for (;;) /* ends with its Thread, or with a fault */
		(*word)++;
}

static void serve_forever(struct worker *w)
{
	struct ipc_msg message = {0};

	(void)ts_recv((cap_t)w->argument[0], (cap_t)w->argument[1], &message, NEVER);
	while (ts_reply_recv((cap_t)w->argument[0], (cap_t)w->argument[1], &message, NEVER) == E_OK)
		w->result[0]++;
	(void)ts_cnode_delete(SLOT_OWN((cap_t)w->argument[1]),
			      0); /* a call that was taken but not answered */
}

static void call_forever(struct worker *w)
{
	struct ipc_msg message = {.w = {1, 2, 3, 4}};

	do {
		message.tag = MSG_TAG(1, 4, 0);
		w->result[1] = ts_call((cap_t)w->argument[0], &message, NEVER);
		w->result[0]++;
	} while (w->result[1] == E_OK);
}

static void test_running(void)
{
	struct worker *w = worker_there(0, 0);
	struct user_regs *regs = page_block();
	uint64_t state = 0, rip;

	worker_run(w, count_forever);
	check(grows(&w->result[0]), "a thread runs on another CPU while this one runs too");
	check_error(ts_thread_set_priority(w->thread, PRIORITY_LOW), E_OK,
		    "set_priority while it runs there");
	check_error(ts_thread_read_regs(w->thread, &state), E_OK, "read_regs while it runs there");
	rip = regs->rip;
	check(state == STATE_READY && rip - (uint64_t)count_forever < 256, "tells where it is");
	check(grows(&w->result[0]), "and it goes on");
	check_error(ts_thread_suspend(w->thread), E_OK, "suspend");
	check(stands_still(&w->result[0]), "it stands when suspend returns");
	check_error(ts_thread_resume(w->thread), E_OK, "resume");
	check(grows(&w->result[0]), "it goes on");
	check_error(ts_thread_set_affinity(w->thread, 0), E_OK, "affinity to this CPU while it runs there");
	check(stands_still(&w->result[0]), "it does not run beside a thread of higher priority");
	check_error(ts_thread_set_affinity(w->thread, other_cpu()), E_OK,
		    "affinity back while it is ready here");
	check(grows(&w->result[0]), "it goes on");
	check_error(ts_cnode_delete(SLOT_OWN(w->thread), 0), E_OK, "its deletion while it runs");
	check(stands_still(&w->result[0]), "it stands when delete returns");
}

static void test_messages(void)
{
	struct worker *w = worker_there(0, 0);
	cap_t endpoint = make(CAP_ENDPOINT, 0), notification = make(CAP_NOTIFICATION, 0);
	struct ipc_msg message = {.w = {1, 2, 3, 4}};
	bool is_right = true;

	DO(w, OP_WAIT, notification, 0, 0, 0, 0, 0, NEVER);
	check_error(ts_signal(notification, 5), E_OK, "a signal to another CPU");
	check(wait_until_done(w) && result_of(w, 0) == 5, "arrives while this CPU runs");
	w->argument[0] = endpoint;
	w->argument[1] = slot_new();
	worker_run(w, serve_forever);
	for (uint32_t i = 0; i < 2000; i++) {
		message = (struct ipc_msg){.tag = MSG_TAG(1, 4, 0), .w = {i, 2, 3, 4}};
		is_right = ts_call(endpoint, &message, NEVER) == E_OK && message.w[0] == i && is_right;
	}
	check(is_right, "2,000 calls to a server whose home is another CPU");
	struct worker *caller = worker_there(1, 0);

	caller->argument[0] = endpoint;
	worker_run(caller, call_forever);
	for (uint32_t i = 0; i < 2000; i++) {
		message = (struct ipc_msg){.tag = MSG_TAG(1, 4, 0), .w = {i, 2, 3, 4}};
		is_right = ts_call(endpoint, &message, NEVER) == E_OK && message.w[0] == i && is_right;
	}
	check(is_right && grows(&caller->result[0]), "the same while another CPU calls it too");
	check_error(ts_cnode_delete(SLOT_OWN(endpoint), 0), E_OK,
		    "the endpoint is deleted while the other CPU calls");
	check(wait_until_done(caller) && wait_until_done(w), "caller and server learn it");
	check(caller->result[1] == E_REVOKED || caller->result[1] == E_DEAD || caller->result[1] == E_CAP,
	      "by an error");
}

/* Client and server call each other on another CPU without a pause, by the fast path: the kernel is there for others all the same. */
static void test_busy_pair(void)
{
	space_make(1);
	space_make(2);
	struct worker *server = worker_there(0, 1), *client = worker_there(1, 2);
	uint32_t done = 0;

	server->argument[0] = client->argument[0] = make(CAP_ENDPOINT, 0);
	server->argument[1] = slot_new();
	worker_run(server, serve_forever);
	worker_run(client, call_forever);
	check(grows(&client->result[0]), "two threads call each other on another CPU");
	uint64_t start = now_ns();

	for (; done < 20000 && now_ns() - start < LONG_NS; done++)
		(void)ts_yield();
	note("microseconds", (now_ns() - start) / 1000);
	check_equal(done, 20000, "which keeps nobody out of the kernel");
}

/*
 * A page that another CPU writes goes away: when the call returns it is written no more.  Fails if lock_shoot asks nobody (tried):
 * the other CPU goes on with the translation it remembers, for which the test waits long enough on a loaded machine.
 */
static void test_shootdown(void)
{
	struct worker *w = worker_there(0, 0);
	struct mapped page = map_here(0, PAGE_VA, 1, READ | WRITE);
	cap_t view = slot_new();

	must(ts_memory_attach(page.memory, SLOT_OWN(view), ROOT_CAP_VSPACE, PAGE_VA + LARGE_BYTES, 1, ALL),
	     "a View");
	must(ts_view_map(view, PAGE_VA + LARGE_BYTES, 0, 1, READ | WRITE, 0), "a second mapping");
	w->argument[0] = PAGE_VA + LARGE_BYTES;
	worker_run(w, write_forever);
	check(grows(page.words), "another CPU writes a page");
	check_error(ts_vspace_unmap(ROOT_CAP_VSPACE, PAGE_VA + LARGE_BYTES, 1, 0), E_OK, "it is unmapped");
	check(stands_still_for(page.words, SHOT_NS), "and written no more when unmap returns");
	worker_end(w);
	w = worker_there(1, 0);
	must(ts_view_map(view, PAGE_VA + LARGE_BYTES, 0, 1, READ | WRITE, 0), "mapped again");
	w->argument[0] = PAGE_VA + LARGE_BYTES;
	worker_run(w, write_forever);
	check(grows(page.words), "another CPU writes it again");
	check_error(ts_cnode_delete(SLOT_OWN(view), 0), E_OK, "its View is deleted");
	check(stands_still_for(page.words, SHOT_NS), "and it is written no more when delete returns");
}

/* Maps, unmaps, mints, deletes, suspends and moves while another CPU calls without a pause. */
static void test_stress(void)
{
	space_make(1);
	space_make(2);
	struct worker *server = worker_there(0, 1), *client = worker_there(1, 2);
	cap_t endpoint = make(CAP_ENDPOINT, 0), minted = slot_new();
	struct mapped page = map_here(0, PAGE_VA, 1, READ | WRITE);
	uint64_t end = now_ns() + STRESS_NS, failures = 0;

	server->argument[0] = client->argument[0] = endpoint;
	server->argument[1] = slot_new();
	worker_run(server, serve_forever);
	worker_run(client, call_forever);
	for (uint32_t i = 0; i < STRESS_ROUNDS && now_ns() < end; i++) {
		page.words[0] = i;
		failures += ts_vspace_unmap(ROOT_CAP_VSPACE, PAGE_VA, 1, 0) != E_OK;
		failures += ts_view_map(page.view, PAGE_VA, 0, 1, READ | WRITE, 0) != E_OK;
		failures += page.words[0] != i;
		failures += ts_cnode_mint(SLOT_OWN(minted), SLOT_OWN(endpoint), ALL, i + 1, 0) != E_OK;
		failures += ts_cnode_delete(SLOT_OWN(minted), 0) != E_OK;
		failures += ts_thread_suspend(client->thread) != E_OK;
		failures += ts_thread_set_affinity(client->thread, i % boot_info()->cpu_count) != E_OK;
		failures += ts_thread_resume(client->thread) != E_OK;
	}
	check_equal(failures, 0, "memory, capabilities and threads change while another CPU calls");
	must(ts_thread_set_affinity(client->thread, other_cpu()), "affinity");
	check(grows(&client->result[0]), "and its calls go on");
}

static void read_when_told(struct worker *w)
{
	const volatile uint64_t *told = &w->argument[1];

	while (*told == 0)
		; /* in user mode: it must not enter the kernel before it reads */
	w->result[0] = *(volatile uint64_t *)w->argument[0];
}

/* A page in a part of the address space (512 GiB) that had none: another CPU's user mode finds it, with separated page tables too. */
static void test_new_part(void)
{
	struct worker *w = worker_there(0, 0);
	volatile uint64_t *told = &w->argument[1];

	w->argument[0] = NEW_PART_VA;
	*told = 0;
	worker_run(w, read_when_told);
	sleep_ns(1000000);
	struct mapped page = map_here(0, NEW_PART_VA, 1, READ | WRITE);

	page.words[0] = 77;
	*told = 1;
	check(wait_until_done(w) && w->result[0] == 77, "a page in a new part of its space is read there");
}

/* Everything is revoked while threads of another space run on another CPU; the arena must come back whole each time. */
static void test_revoke(void)
{
	for (uint32_t round = 0; round < 20; round++) {
		group_begin("smp");
		space_make(1);
		struct worker *counter = worker_there(0, 1), *server = worker_there(1, 1),
			      *caller = worker_there(2, 0);

		server->argument[0] = make(CAP_ENDPOINT, 0);
		server->argument[1] = slot_new();
		caller->argument[0] = server->argument[0];
		worker_run(counter, count_forever);
		worker_run(server, serve_forever);
		worker_run(caller, call_forever);
		sleep_ns(1000000 + round * 100000);
	}
	group_begin("smp");
	check(true, "20 times an arena is revoked whose threads run on another CPU");
}

/* A revoke that goes to another CPU meets a thread there that runs on this one by now, and comes back. */
static void test_revoke_both(void)
{
	for (uint32_t round = 0; round < 4; round++) {
		uint32_t first = round % 2;

		group_begin("smp");
		for (uint32_t i = 0; i < 2; i++) {
			struct worker *w = worker_new(i, 0, PRIORITY_LOW);

			must(ts_thread_set_affinity(w->thread, i == first ? 0 : other_cpu()), "affinity");
			worker_run(w, count_forever);
		}
		(void)grows(&worker(1 - first)->result[0]);
	}
	group_begin("smp");
	check(true, "an arena is revoked whose threads run on both CPUs");
}

void test_smp(void)
{
	group_begin("smp");
	note("CPUs", boot_info()->cpu_count);
	if (boot_info()->cpu_count == 1)
		return;
	test_running();
	group_begin("smp");
	test_messages();
	group_begin("smp");
	test_busy_pair();
	group_begin("smp");
	test_shootdown();
	group_begin("smp");
	test_new_part();
	group_begin("smp");
	test_stress();
	test_revoke();
	test_revoke_both();
	group_end();
}
