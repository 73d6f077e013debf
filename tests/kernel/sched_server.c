/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Lending: servers run on their clients' time and priority, and no action open to a client stops a server from serving others.
 *
 * Main is the server; its clients are workers above it.  While it serves one it runs on that one's time and at its priority.
 * The host may take the CPU away at any time for any time, so only order, outcome and whose account changes are looked at; how
 * much time it is exactly, tests/host/kernel/ipc/test_lending.c compares.
 */
#include "tests.h"

#define MS 1000000ull

static cap_t endpoint, reply;
static struct worker *client, *other;
static struct ipc_msg m;

static void begin(const char *name)
{
	group_begin(name);
	endpoint = make(CAP_ENDPOINT, 0);
	reply = slot_new();
	client = worker_new(0, 0, PRIORITY_HIGH);
	other = worker_new(1, 0, PRIORITY_HIGH - 1); /* it runs at once even while main serves client */
}

/* The client calls and main has the message. */
static void accept_call(struct worker *from, cap_t slot)
{
	DO(from, OP_CALL, endpoint, MSG_TAG(1, 0, 0), 0, 0, 0, 0, NEVER);
	must(ts_recv(endpoint, slot, &m, POLL), "recv");
}

/* Another client is served as ever. */
static void check_serves(const char *name)
{
	cap_t slot = slot_new();

	accept_call(other, slot);
	m.tag = MSG_TAG(5, 0, 0);
	must(ts_reply(slot, &m), "reply");
	check_done(other, E_OK, name);
}

static void test_lending(void)
{
	begin("lending");
	accept_call(client, reply);
	uint64_t client_before = used_ns(client->sched), main_before = used_ns(ROOT_CAP_SCHED);

	spin_ns(20 * MS);
	check(used_ns(client->sched) - client_before >= 19 * MS, "a server runs on its client's time");
	check_equal(used_ns(ROOT_CAP_SCHED), main_before, "not on its own");
	check_error(ts_reply(reply, &m), E_OK, "and answers");
	check_done(client, E_OK, "the client goes on");
	client_before = used_ns(client->sched);
	spin_ns(5 * MS);
	check_equal(used_ns(client->sched), client_before, "and pays no more");
}

static void test_priority(void)
{
	struct worker *middle;

	begin("lending priority");
	middle = worker_new(2, 0, (PRIORITY_HIGH + PRIORITY_MAIN) / 2);
	accept_call(client, reply);
	DO(middle, OP_NOTHING, 0);
	check(!is_done(middle), "a server runs at its client's priority");
	must(ts_reply(reply, &m), "reply");
	check_done(middle, E_OK, "until it has answered");
	accept_call(client, reply);
	must(ts_recv(endpoint, slot_new(), &m, POLL) == E_TIMEOUT ? E_OK : E_STATE, "nothing more");
	DO(middle, OP_NOTHING, 0);
	check_done(middle, E_OK, "or receives again");
	check_error(ts_reply(reply, &m), E_OK, "it can still answer");
}

/* ---- the ceiling (docs/decisions/0014-ceiling.md) ---- */

static volatile char ran[8]; /* who ran, in their order; s: the server has served somebody */
static volatile uint32_t ran_count;

static void log_run(char who)
{
	if (ran_count < sizeof(ran))
		ran[ran_count] = who;
	ran_count++;
}

static void run_between(struct worker *w)
{
	(void)w;
	log_run('b');
}

static void call_and_log(struct worker *w)
{
	struct ipc_msg message = {.tag = MSG_TAG(1, 0, 0)};

	w->result[0] = ts_call(endpoint, &message, NEVER);
	log_run((char)w->argument[0]);
}

/* While it serves the first, somebody of higher priority calls, and somebody between the two wants to run. */
static void serve_two(struct worker *w)
{
	struct ipc_msg message;

	for (uint32_t i = 0; i < 2; i++) {
		(void)ts_recv(endpoint, (cap_t)w->argument[0], &message, NEVER);
		if (i == 0) {
			worker_run(worker(0), call_and_log);
			worker_run(worker(4), run_between);
		}
		log_run('s');
		message.tag = MSG_TAG(0, 0, 0);
		(void)ts_reply((cap_t)w->argument[0], &message);
	}
}

static bool ran_as(uint32_t server_priority, const char *order)
{
	struct worker *server, *low;

	begin("ceiling");
	server = worker_new(2, 0, server_priority);
	low = worker_new(3, 0, PRIORITY_MAIN - 10u);
	worker_new(4, 0, PRIORITY_MAIN - 20u);
	must(ts_thread_set_priority(client->thread, PRIORITY_MAIN - 30u), "the high client's");
	client->argument[0] = 'h';
	low->argument[0] = 'l';
	server->argument[0] = slot_new();
	ran_count = 0;
	worker_run(server, serve_two);
	for (uint32_t i = 0; i < 10000 && state_of(server) != STATE_RECEIVING; i++)
		sleep_ns(MS); /* main is above it */
	worker_run(low, call_and_log);
	wait_done(server);
	wait_done(low);
	for (uint32_t i = 0; i < 5; i++) {
		if (ran_count != 5 || ran[i] != order[i])
			return false;
	}
	return true;
}

static void test_ceiling(void)
{
	check(ran_as(PRIORITY_HIGH, "sshbl"),
	      "a server at its ceiling serves a high client before anybody between it and a low one runs");
	check(ran_as(PRIORITY_LOW, "bslsh"),
	      "a server below it is held up: who waits in its queue raises nobody");
}

/* ---- what clients may do ---- */

static void test_dies(void)
{
	begin("lending: dies");
	accept_call(client, reply);
	drop(client->thread);
	uint64_t before = used_ns(ROOT_CAP_SCHED);

	spin_ns(5 * MS);
	check(used_ns(ROOT_CAP_SCHED) - before >= 4 * MS,
	      "the client of a server dies: it goes on on its own time");
	check_error(ts_reply(reply, &m), E_GONE, "the answer: E_GONE");
	check_serves("and others are served");
}

/* Main runs on lent time; true as soon as it runs on its own. */
static bool main_pays_within(uint64_t ns)
{
	uint64_t before = used_ns(ROOT_CAP_SCHED), end = now_ns() + ns;

	while (used_ns(ROOT_CAP_SCHED) == before && now_ns() < end)
		;
	return used_ns(ROOT_CAP_SCHED) != before;
}

static void test_runs_dry(void)
{
	uint64_t end, of_server, of_client;

	begin("lending: runs dry");
	accept_call(client, reply);
	of_server = used_ns(ROOT_CAP_SCHED);
	end = now_ns() + 300 * MS;
	must(ts_sched_configure(client->sched, 2 * MS, 300 * MS), "configure");
	check(main_pays_within(10000 * MS),
	      "the client's budget ends inside the server: it goes on on its own");
	of_client = used_ns(client->sched);
	spin_ns(5 * MS);
	check(used_ns(ROOT_CAP_SCHED) - of_server >= 5 * MS, "as long as it takes");
	check_equal(used_ns(client->sched), of_client, "and the client pays no more");
	check_serves("it serves others meanwhile");
	check_error(ts_reply(reply, &m), E_OK, "then answers");
	check(!is_done(client) || now_ns() >= end, "the client has no time to take it");
	check(wait_done(client) && now_ns() >= end && error_of(client) == E_OK, "but in its next period");
}

/* Calls with so little left that it ends before the call, in it, or inside the server. */
static void test_little_left(void)
{
	const uint64_t period = 30000 * MS;
	uint64_t start = now_ns();
	uint32_t served = 0;

	begin("lending: little left");
	for (uint32_t i = 0; i < 24 && now_ns() - start < period; i++) {
		must(ts_sched_configure(client->sched, SCHED_BUDGET_MIN_NS << (i % 8u), period), "little");
		DO(client, OP_CALL, endpoint, MSG_TAG(1, 0, 0), 0, 0, 0, 0, NEVER);
		if (ts_recv(endpoint, reply, &m, POLL) == E_OK) {
			served++;
			spin_ns(2 * MS);
			must(ts_reply(reply, &m), "reply");
		}
		must(ts_sched_configure(client->sched, SCHED_SLICE_NS, 0), "enough");
		if (is_done(client))
			continue;
		must(ts_recv(endpoint, reply, &m, POLL), "it calls when it has time");
		must(ts_reply(reply, &m), "reply");
	}
	note("of 24 calls with little left, taken at once", served);
	check_done(client, E_OK, "calls with little left are answered, if not at once");
	check(now_ns() - start < period, "and the server never waits for a client's time to come back");
	check_serves("nor stops serving others");
}

static void test_takes_back(void)
{
	begin("lending: takes back");
	accept_call(client, reply);
	drop(client->sched);
	uint64_t before = used_ns(ROOT_CAP_SCHED);

	spin_ns(5 * MS);
	check(used_ns(ROOT_CAP_SCHED) - before >= 4 * MS,
	      "a client revokes what it lent: the server goes on");
	check_error(ts_reply(reply, &m), E_OK, "it answers");
	check(!is_done(client), "a client that has no time");
	check_serves("and serves others");
}

static void test_never_collects(void)
{
	begin("lending: never collects");
	accept_call(client, reply);
	must(ts_thread_suspend(client->thread), "suspend");
	check_serves("a client that never collects its answer stops nobody");
	check_error(ts_reply(reply, &m), E_OK, "it is answered all the same");
	check_equal(state_of(client), STATE_SUSPENDED, "while it is suspended");
	check_serves("nor does one that has been answered");
}

static void test_fills_slots(void)
{
	cap_t gift, into;

	begin("lending: fills slots");
	gift = make(CAP_NOTIFICATION, 0);
	into = slot_new();
	own_page()->recv_slot[0] = into;
	for (uint32_t i = 0; i < 3; i++) {
		client->with_page = true;
		client->page.send_slot[0] = gift;
		client->page.send_mode[0] = XFER_CHILD;
		client->page.send_rights[0] = READ;
		DO(client, OP_CALL, endpoint, MSG_TAG(1, 0, 1), 0, 0, 0, 0, NEVER);
		check_error(ts_recv(endpoint, reply, &m, POLL), E_OK, "a message with a capability arrives");
		check(own_page()->received_kind[0] == (i == 0 ? RECEIVED_SLOT : RECEIVED_NONE),
		      "its capability only while the slot is empty");
		m.tag = MSG_TAG(0, 0, 0);
		must(ts_reply(reply, &m), "reply");
	}
	own_page()->recv_slot[0] = 0;
	check_serves("full receive slots stop nobody");
}

/* ---- a server of its own ---- */

static void serve(struct worker *w)
{
	struct ipc_msg message;

	for (;;) { /* ends with its Thread */
		if (ts_recv((cap_t)w->argument[0], (cap_t)w->argument[1], &message, NEVER) != E_OK)
			return;
		w->result[0]++;
		if (type_at((cap_t)w->argument[1]) == CAP_REPLY) {
			w->result[1]++;
			message.tag = MSG_TAG(0, 0, 0);
			(void)ts_reply((cap_t)w->argument[1], &message);
		}
	}
}

static void flood_sends(struct worker *w)
{
	struct ipc_msg message = {.tag = MSG_TAG(1, 0, 0)};

	for (;;) /* ends with its Thread */
		(void)ts_send((cap_t)w->argument[0], &message, NEVER);
}

static void flood_notices(struct worker *w)
{
	for (;;) { /* ends with its Thread */
		(void)ts_cnode_mint(SLOT_OWN(w->argument[2]), SLOT_OWN(w->argument[0]), WRITE, 0, 0);
		(void)ts_cnode_delete(SLOT_OWN(w->argument[2]), 0);
	}
}

/* A server with 1 ms in 10 of its own, below a flood; the client calls ten times. */
static void check_flood(const char *name, void (*flood)(struct worker *), cap_t target)
{
	struct worker *server = worker_new(2, 0, PRIORITY_HIGH - 10), *noise = worker_new(3, 0, PRIORITY_LOW);
	uint32_t answered = 0;

	must(ts_sched_configure(server->sched, MS, 10 * MS), "configure");
	server->argument[0] = endpoint;
	server->argument[1] = slot_new();
	worker_run(server, serve);
	noise->argument[0] = target;
	noise->argument[2] = slot_new();
	worker_run(noise, flood);
	for (uint32_t i = 0; i < 10 && answered == i; i++) {
		DO(client, OP_CALL, endpoint, MSG_TAG(1, 0, 0), 0, 0, 0, 0, NEVER);
		sleep_ns(2 * MS);
		answered += wait_done(client) && error_of(client) == E_OK;
	}
	for (uint32_t k = 0; k < 10000 && server->result[0] <= 20; k++)
		sleep_ns(MS);
	note("taken from the flood", server->result[0] - server->result[1]);
	check_equal(answered, 10, name);
	check(server->result[0] > 20, "while it takes the flood");
	check(used_ns(server->sched) > 0, "on its own time");
}

static void test_floods(void)
{
	begin("lending: plain sends");
	check_flood("plain sends do not stop a server that lives on its clients' time", flood_sends,
		    endpoint);
	begin("lending: drop notices");
	check_flood("nor do drop notices", flood_notices, mint_of(endpoint, ALL, 9, 1));
}

/* ---- chains ---- */

/* Takes one call, and calls on; its answer is lost if it dies in between. */
static void forward(struct worker *w)
{
	struct ipc_msg message = {.tag = MSG_TAG(1, 0, 0)};

	if (ts_recv((cap_t)w->argument[0], (cap_t)w->argument[1], &message, NEVER) != E_OK)
		return;
	message.tag = MSG_TAG(2, 0, 0);
	w->result[0] = ts_call((cap_t)w->argument[2], &message,
			       w->argument[3] == NEVER ? NEVER : now_ns() + w->argument[3]);
	message.tag = MSG_TAG(3, 0, 0);
	w->result[1] = ts_reply((cap_t)w->argument[1], &message);
}

/* client calls middle, which calls main; that call waits at most so long. */
static struct worker *start_chain(const char *name, uint64_t timeout_ns)
{
	struct worker *middle;
	cap_t first;

	begin(name);
	first = make(CAP_ENDPOINT, 0);
	middle = worker_new(2, 0, PRIORITY_HIGH);
	middle->argument[0] = first;
	middle->argument[1] = slot_new();
	middle->argument[2] = endpoint;
	middle->argument[3] = timeout_ns;
	worker_run(middle, forward);
	DO(client, OP_CALL, first, MSG_TAG(1, 0, 0), 0, 0, 0, 0, NEVER);
	must(ts_recv(endpoint, reply, &m, POLL), "recv");
	return middle;
}

static void test_chain(void)
{
	struct worker *middle = start_chain("lending chain", NEVER);
	uint64_t before = used_ns(client->sched);

	spin_ns(5 * MS);
	check(used_ns(client->sched) - before >= 4 * MS, "a chain of calls runs on the first one's time");
	check_error(ts_reply(reply, &m), E_OK, "its end answers");
	check(middle->result[0] == E_OK && middle->result[1] == E_OK, "its middle answers");
	check_done(client, E_OK, "its beginning goes on");

	middle = start_chain("lending chain, middle dies", NEVER);
	drop(middle->thread);
	drop((cap_t)middle->argument[1]); /* as its CNode would be deleted */
	check_done(client, E_DEAD, "the middle dies: the first has its time back and goes on");
	before = used_ns(client->sched);
	spin_ns(5 * MS);
	check_equal(used_ns(client->sched), before, "the last goes on on its own");
	check_error(ts_reply(reply, &m), E_GONE, "for nobody");
	check_serves("and serves others");

	middle = start_chain("lending chain, middle's CSpace dies", NEVER);
	drop((cap_t)middle->argument[1]);
	check_done(client, E_DEAD, "the first has its time back through two servers");
	check(main_pays_within(10000 * MS), "the last goes on on its own");
	before = used_ns(client->sched);
	spin_ns(5 * MS);
	check_equal(used_ns(client->sched), before, "and the first pays no more");
	before = used_ns(middle->sched);
	check_error(ts_reply(reply, &m), E_OK, "it answers the middle");
	check(middle->result[0] == E_OK && middle->result[1] != E_OK, "which has nobody to answer");
	check(used_ns(middle->sched) > before, "and goes on on its own");
	check_serves("and others are served");

	middle = start_chain("lending chain, middle gives up", 300 * MS);
	check(main_pays_within(10000 * MS), "the middle gives up: the last goes on on its own");
	check(middle->result[0] == E_TIMEOUT && middle->result[1] == E_OK, "the middle gives up and answers");
	check_done(client, E_OK, "the first goes on");
	check_error(ts_reply(reply, &m), E_GONE, "the last answers nobody");
	check_serves("and serves others");
}

void test_sched_server(void)
{
	test_lending();
	test_priority();
	test_dies();
	test_ceiling();
	test_runs_dry();
	test_little_left();
	test_takes_back();
	test_never_collects();
	test_fills_slots();
	test_floods();
	test_chain();
	group_end();
}
