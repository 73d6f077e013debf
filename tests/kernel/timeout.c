/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Deadlines of send, recv, call, reply_recv and wait; suspension and resumption of what waits; atomic replies. */
#include "tests.h"

#define OWN SLOT_OWN
#define TAG(op, words) MSG_TAG((op), (words), 0)
#define BOTH(reply, endpoint) ((uint64_t)(reply) << 32 | (endpoint))
#define SOON_NS 250000000u /* the host may take the CPU away for a while */
#define SOON (now_ns() + SOON_NS)

static cap_t endpoint, notification, reply;

static void start(void)
{
	group_begin("timeout");
	space_make(1);
	endpoint = make(CAP_ENDPOINT, 0);
	notification = make(CAP_NOTIFICATION, 0);
	reply = slot_new();
}

static void test_deadlines(void)
{
	struct worker *w = worker_new(0, 1, PRIORITY_HIGH);
	struct ipc_msg m = {0};
	uint64_t bits = 0, deadline;

	DO(w, OP_SEND, endpoint, TAG(1, 0), 0, 0, 0, 0, SOON);
	wait_done(w);
	check_done(w, E_TIMEOUT, "send");
	DO(w, OP_RECV, endpoint, 0, 0, 0, 0, 0, SOON);
	wait_done(w);
	check_done(w, E_TIMEOUT, "recv");
	DO(w, OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, SOON);
	wait_done(w);
	check_done(w, E_TIMEOUT, "call that nobody takes");
	DO(w, OP_WAIT, notification, 0, 0, 0, 0, 0, SOON);
	wait_done(w);
	check_done(w, E_TIMEOUT, "wait");
	check_error(ts_recv(endpoint, 0, &m, POLL), E_TIMEOUT, "nothing is left at the endpoint");
	DO(w, OP_WAIT, notification, 0, 0, 0, 0, 0, 1);
	check_done(w, E_TIMEOUT, "a deadline in the past: at once");
	deadline = now_ns() + 3000000;
	check_error(ts_wait(notification, deadline, &bits), E_TIMEOUT, "wait of this thread");
	check(now_ns() >= deadline, "never early");
	check(now_ns() < deadline + 5000000000, "and not much too late");
	m.tag = TAG(1, 0);
	check_error(ts_call(endpoint, &m, POLL), E_TIMEOUT, "call with deadline 0");
	check_error(ts_wait(notification, POLL, &bits), E_TIMEOUT, "wait with deadline 0");
	DO(w, OP_WAIT, notification, 0, 0, 0, 0, 0, NEVER - 1);
	check_state(w, STATE_WAITING, "a deadline in 584 years waits");
	must(ts_signal(notification, 4), "signal");
	check_done(w, E_OK, "until a signal comes");
}

/* Many deadlines at once expire in order. */
static void stamp(struct worker *w)
{
	uint64_t bits;

	w->result[1] = ts_wait((cap_t)w->argument[0], w->argument[1], &bits);
	w->result[0] = now_ns();
}

static void test_many(void)
{
	bool is_right = true;
	uint64_t base = now_ns() + 20000000;

	for (uint32_t i = 0; i < 12; i++) {
		struct worker *w = worker_new(i, i % 2, PRIORITY_HIGH);

		w->argument[0] = notification;
		w->argument[1] = base + (i * 7 % 12) * 3000000ull + i;
		worker_run(w, stamp);
	}
	for (uint32_t i = 0; i < 12; i++)
		wait_done(worker(i));
	for (uint32_t i = 0; i < 12; i++)
		is_right = is_right && is_done(worker(i)) && worker(i)->result[1] == E_TIMEOUT &&
			   worker(i)->result[0] >= worker(i)->argument[1];
	check(is_right, "twelve threads with a deadline each wake up, none early");
	for (uint32_t i = 0; i < 12; i++) {
		for (uint32_t k = 0; k < 12; k++)
			is_right = is_right && (worker(i)->argument[1] < worker(k)->argument[1]
							? worker(i)->result[0] < worker(k)->result[0]
							: true);
	}
	check(is_right, "in the order of their deadlines");
}

static void test_atomic_reply(void)
{
	struct worker *w = worker_new(0, 1, PRIORITY_HIGH);
	struct ipc_msg m = {0};

	DO(w, OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, SOON);
	must(ts_recv(endpoint, reply, &m, POLL), "recv");
	wait_done(w);
	check_done(w, E_TIMEOUT, "a call times out while the server works on it");
	check(type_at(reply) == CAP_REPLY, "the Reply stays, dead");
	m.tag = TAG(0, 1);
	check_error(ts_reply(reply, &m), E_GONE, "reply to it: E_GONE");
	check(type_at(reply) == CAP_NULL, "its slot is empty then");
	DO(w, OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, SOON);
	must(ts_recv(endpoint, reply, &m, POLL), "recv");
	wait_done(w);
	DO(w, OP_SEND, endpoint, TAG(2, 0), 0, 0, 0, 0, NEVER);
	m.tag = TAG(0, 1);
	check_error(ts_reply_recv(endpoint, reply, &m, NEVER), E_GONE, "reply_recv to it: E_GONE");
	check(!is_done(w) && m.tag == TAG(0, 1), "and nothing is received");
	check_error(ts_recv(endpoint, 0, &m, POLL), E_OK, "what was queued is still there");
	DO(w, OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, now_ns() + 1000000000);
	must(ts_recv(endpoint, reply, &m, POLL), "recv");
	m.tag = TAG(0, 0);
	check_error(ts_reply(reply, &m), E_OK, "an answer in time");
	check_done(w, E_OK, "ends the call");
	sleep_ns(2000000);
	check_done(w, E_OK, "and its timeout");
	DO(w, OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, NEVER);
	must(ts_recv(endpoint, reply, &m, POLL), "recv");
	worker_end(w);
	check_error(ts_reply(reply, &m), E_GONE, "the caller has died: E_GONE");
}

static void test_suspension(void)
{
	struct worker *w = worker_new(0, 1, PRIORITY_HIGH);
	struct ipc_msg m = {.tag = TAG(3, 1), .w = {33}};

	DO(w, OP_RECV, endpoint, 0, 0, 0, 0, 0, NEVER);
	must(ts_thread_suspend(w->thread), "suspend");
	check_equal(state_of(w), STATE_SUSPENDED, "a receiver is suspended");
	check_error(ts_send(endpoint, &m, POLL), E_TIMEOUT, "it does not receive then");
	must(ts_thread_resume(w->thread), "resume");
	check_state(w, STATE_RECEIVING, "it receives again when resumed");
	must(ts_send(endpoint, &m, POLL), "send");
	check(is_done(w) && result_of(w, 2) == 33, "and gets its message");
	DO(w, OP_SEND, endpoint, TAG(4, 1), 44, 0, 0, 0, NEVER);
	must(ts_thread_suspend(w->thread), "suspend");
	check_error(ts_recv(endpoint, 0, &m, POLL), E_TIMEOUT, "a suspended sender's message is taken back");
	must(ts_thread_resume(w->thread), "resume");
	check(ts_recv(endpoint, 0, &m, POLL) == E_OK && m.w[0] == 44, "and sent again when it is resumed");
	DO(w, OP_WAIT, notification, 0, 0, 0, 0, 0, NEVER);
	must(ts_thread_suspend(w->thread), "suspend");
	must(ts_signal(notification, 8), "signal");
	check_equal(state_of(w), STATE_SUSPENDED, "a suspended waiter is not woken");
	must(ts_thread_resume(w->thread), "resume");
	check(is_done(w) && error_of(w) == E_OK && result_of(w, 0) == 8,
	      "it takes the signal when it is resumed");
	DO(w, OP_CALL, endpoint, TAG(5, 0), 0, 0, 0, 0, NEVER);
	must(ts_thread_suspend(w->thread), "suspend");
	check_error(ts_recv(endpoint, reply, &m, POLL), E_TIMEOUT, "a call that nobody took is taken back");
	must(ts_thread_resume(w->thread), "resume");
	must(ts_recv(endpoint, reply, &m, POLL), "recv");
	must(ts_thread_suspend(w->thread), "suspend");
	check_equal(state_of(w), STATE_CALLING, "one that was received stays open");
	m = (struct ipc_msg){.tag = TAG(0, 1), .w = {55}};
	check_error(ts_reply(reply, &m), E_OK, "its answer arrives");
	check(!is_done(w) && state_of(w) == STATE_SUSPENDED, "while the caller is suspended");
	must(ts_thread_resume(w->thread), "resume");
	check(is_done(w) && error_of(w) == E_OK && result_of(w, 2) == 55, "and is there when it goes on");
}

/* reply_recv that is suspended in its second half must not answer twice. */
static void test_suspended_reply_recv(void)
{
	struct worker *server = worker_new(0, 1, PRIORITY_HIGH), *client = worker_new(1, 0, PRIORITY_HIGH);
	struct ipc_msg m = {.tag = TAG(1, 0)};

	DO(server, OP_RECV, BOTH(reply, endpoint), 0, 0, 0, 0, 0, NEVER);
	DO(client, OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, NEVER);
	DO(server, OP_REPLY_RECV, BOTH(reply, endpoint), TAG(0, 0), 0, 0, 0, 0, NEVER);
	check_done(client, E_OK, "reply_recv has answered and waits");
	must(ts_thread_suspend(server->thread), "suspend");
	must(ts_thread_resume(server->thread), "resume");
	check_state(server, STATE_RECEIVING, "suspended and resumed it only receives");
	must(ts_send(endpoint, &m, POLL), "send");
	check_done(server, E_OK, "and gets the next message");
	DO(server, OP_RECV, BOTH(reply, endpoint), 0, 0, 0, 0, 0, NEVER);
	DO(client, OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, NEVER);
	DO(server, OP_REPLY_RECV, BOTH(reply, endpoint), TAG(0, 0), 0, 0, 0, 0, NEVER);
	must(ts_thread_interrupt(server->thread), "interrupt");
	check(is_done(client) && is_done(server) && error_of(server) == E_INTERRUPTED,
	      "interrupted in its second half it ends with E_INTERRUPTED");
	DO(server, OP_RECV, BOTH(reply, endpoint), 0, 0, 0, 0, 0, NEVER);
	DO(client, OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, NEVER);
	DO(server, OP_REPLY_RECV, BOTH(reply, endpoint), TAG(0, 0), 0, 0, 0, 0, SOON);
	wait_done(server);
	check(is_done(client) && is_done(server) && error_of(server) == E_TIMEOUT,
	      "at its deadline with E_TIMEOUT; the answer has arrived");
}

/* Time goes on for a suspended thread. */
static void test_suspended_deadlines(void)
{
	struct worker *w = worker_new(0, 1, PRIORITY_HIGH);
	struct ipc_msg m = {0};

	DO(w, OP_WAIT, notification, 0, 0, 0, 0, 0, SOON);
	must(ts_thread_suspend(w->thread), "suspend");
	sleep_ns(SOON_NS + 50000000u);
	check(!is_done(w) && state_of(w) == STATE_SUSPENDED, "a suspended wait does not time out");
	must(ts_thread_resume(w->thread), "resume");
	check_done(w, E_TIMEOUT, "but as soon as it is resumed");
	DO(w, OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, SOON);
	must(ts_recv(endpoint, reply, &m, POLL), "recv");
	must(ts_thread_suspend(w->thread), "suspend");
	sleep_ns(SOON_NS + 50000000u);
	check_error(ts_reply(reply, &m), E_GONE, "an open call times out while its thread is suspended");
	check(!is_done(w) && state_of(w) == STATE_SUSPENDED, "which stays so");
	must(ts_thread_resume(w->thread), "resume");
	check_done(w, E_TIMEOUT, "and has E_TIMEOUT when it is resumed");
}

static void test_regs_end_a_call(void)
{
	struct worker *w = worker_new(0, 1, PRIORITY_HIGH);
	struct ipc_msg m = {0};
	uint64_t state;

	DO(w, OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, NEVER);
	must(ts_recv(endpoint, reply, &m, POLL), "recv");
	must(ts_thread_suspend(w->thread), "suspend");
	must(ts_thread_read_regs(w->thread, &state), "registers");
	check_error(ts_thread_set_regs(w->thread, 0, 0), E_OK, "set_regs of a thread with an open call");
	check_equal(state_of(w), STATE_SUSPENDED, "ends that");
	check_error(ts_reply(reply, &m), E_GONE, "its Reply is dead: E_GONE");
}

void test_timeout(void)
{
	start();
	test_deadlines();
	start();
	test_many();
	start();
	test_atomic_reply();
	start();
	test_suspension();
	start();
	test_suspended_reply_recv();
	start();
	test_suspended_deadlines();
	start();
	test_regs_end_a_call();
	group_end();
}
