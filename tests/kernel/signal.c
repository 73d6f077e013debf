/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Notifications: signal, wait, poll, and binding to a thread that receives. */
#include "tests.h"

#define OWN SLOT_OWN
#define TAG(op, words) MSG_TAG((op), (words), 0)

static cap_t notification, endpoint;

static void start(void)
{
	group_begin("signal");
	space_make(1);
	notification = make(CAP_NOTIFICATION, 0);
	endpoint = make(CAP_ENDPOINT, 0);
}

static void test_signals(void)
{
	uint64_t bits = 99;

	check(ts_poll(notification, &bits) == E_OK && bits == 0, "poll of nothing is no error");
	check_error(ts_signal(notification, 0x8000000000000001ull), E_OK, "signal");
	must(ts_signal(notification, 0x10), "signal");
	check(ts_poll(notification, &bits) == E_OK && bits == 0x8000000000000011ull,
	      "bits add up to a word of 64");
	check(ts_poll(notification, &bits) == E_OK && bits == 0, "which taking clears");
	must(ts_signal(notification, 6), "signal");
	check(ts_wait(notification, POLL, &bits) == E_OK && bits == 6, "wait takes what is there");
	must(ts_signal(notification, 0), "signal of no bit");
	check_error(ts_wait(notification, POLL, &bits), E_TIMEOUT, "signal of no bit signals nothing");
}

static void test_waiters(void)
{
	struct worker *w[3];

	for (uint32_t i = 0; i < 3; i++) {
		w[i] = worker_new(i, i % 2, PRIORITY_HIGH);
		DO(w[i], OP_WAIT, notification, 0, 0, 0, 0, 0, NEVER);
		check_state(w[i], STATE_WAITING, "wait waits");
	}
	must(ts_signal(notification, 1), "signal");
	check(is_done(w[0]) && result_of(w[0], 0) == 1 && !is_done(w[1]),
	      "the first of three waiters gets the signal");
	must(ts_signal(notification, 2), "signal");
	check(is_done(w[1]) && result_of(w[1], 0) == 2 && !is_done(w[2]), "then the second");
	must(ts_signal(notification, 0), "signal of no bit");
	check(!is_done(w[2]), "no bit wakes nobody");
	must(ts_thread_suspend(w[2]->thread), "suspend");
	must(ts_signal(notification, 4), "signal");
	uint64_t bits = 0;

	check(ts_poll(notification, &bits) == E_OK && bits == 4, "a suspended waiter does not take it");
}

static void test_bound(void)
{
	struct worker *w = worker_new(0, 1, PRIORITY_HIGH), *other = worker_new(1, 0, PRIORITY_HIGH);
	cap_t weak = mint_of(notification, WRITE, 0, 0), second = make(CAP_NOTIFICATION, 0);
	struct ipc_msg m = {.tag = TAG(1, 1), .w = {5}};

	check_error(ts_thread_bind_notification(w->thread, notification), E_OK, "bind");
	check_error(ts_thread_bind_notification(w->thread, notification), E_OK, "again the same");
	check_error(ts_thread_bind_notification(other->thread, notification), E_BUSY,
		    "to another thread: E_BUSY");
	check_error(ts_thread_bind_notification(w->thread, endpoint), E_TYPE, "an Endpoint: E_TYPE");
	check_error(ts_thread_bind_notification(w->thread, CAP_EMPTY), E_CAP, "nothing: E_CAP");
	check_error(ts_thread_bind_notification(w->thread, weak), E_RIGHTS, "one without read: E_RIGHTS");
	DO(w, OP_RECV, endpoint, 0, 0, 0, 0, 0, NEVER);
	must(ts_signal(weak, 0x21), "signal");
	check(is_done(w) && result_of(w, 1) == TAG(MSG_OP_SIGNAL, 1) && result_of(w, 2) == 0x21,
	      "recv of the bound thread gets the signal");
	check(result_of(w, 0) == 0 && result_of(w, 6) == 0, "without badge and label");
	uint64_t bits = 99;

	check(ts_poll(notification, &bits) == E_OK && bits == 0, "which clears the word");
	must(ts_signal(notification, 0x42), "signal");
	DO(w, OP_RECV, endpoint, 0, 0, 0, 0, 0, NEVER);
	check(is_done(w) && result_of(w, 2) == 0x42, "a signal that came before recv too");
	DO(w, OP_RECV, endpoint, 0, 0, 0, 0, 0, NEVER);
	must(ts_send(endpoint, &m, POLL), "send");
	check(is_done(w) && result_of(w, 1) == TAG(1, 1), "messages come as ever");
	check_error(ts_thread_bind_notification(w->thread, second), E_OK, "another one takes its place");
	check_error(ts_thread_bind_notification(other->thread, notification), E_OK,
		    "the first is free again");
	check_error(ts_thread_bind_notification(w->thread, 0), E_OK, "unbind");
	DO(w, OP_RECV, endpoint, 0, 0, 0, 0, 0, NEVER);
	must(ts_signal(second, 1), "signal");
	check_state(w, STATE_RECEIVING, "then recv does not take its signals");
	check_error(ts_thread_bind_notification(w->thread, second), E_OK,
		    "binding while the thread receives");
	check(is_done(w) && result_of(w, 2) == 1, "delivers what is there already");
}

static void test_bound_elsewhere(void)
{
	struct worker *w = worker_new(0, 1, PRIORITY_HIGH), *other = worker_new(1, 0, PRIORITY_HIGH);
	cap_t reply = slot_new();
	struct ipc_msg m = {0};

	must(ts_thread_bind_notification(w->thread, notification), "bind");
	DO(w, OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, NEVER);
	must(ts_signal(notification, 1), "signal");
	check_state(w, STATE_CALLING, "a signal does not end a call");
	must(ts_recv(endpoint, reply, &m, POLL), "recv");
	m.tag = TAG(0, 0);
	must(ts_reply(reply, &m), "reply");
	DO(other, OP_WAIT, notification, 0, 0, 0, 0, 0, NEVER);
	check(is_done(other) && result_of(other, 0) == 1, "the signal is still there");
	worker_end(w);
	check_error(ts_thread_bind_notification(other->thread, notification), E_OK,
		    "the bound thread dies: the notification is free");
	DO(other, OP_RECV, endpoint, 0, 0, 0, 0, 0, NEVER);
	drop(notification);
	check_state(other, STATE_RECEIVING, "the notification dies: recv goes on waiting");
	m.tag = TAG(1, 0);
	must(ts_send(endpoint, &m, POLL), "send");
	check_done(other, E_OK, "for messages");
}

void test_signal(void)
{
	start();
	test_signals();
	start();
	test_waiters();
	start();
	test_bound();
	start();
	test_bound_elsewhere();
	group_end();
}
