/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the others see when a server, a caller, an endpoint or a capability goes away in the middle of IPC. */
#include "tests.h"

#define OWN SLOT_OWN
#define TAG(op, words) MSG_TAG((op), (words), 0)
#define BOTH(reply, endpoint) ((uint64_t)(reply) << 32 | (endpoint))

static cap_t endpoint, reply;

static void start(void)
{
	group_begin("death");
	space_make(1);
	space_make(2);
	endpoint = make(CAP_ENDPOINT, 0);
	reply = slot_new();
}

static void test_endpoint(void)
{
	cap_t copy = copy_of(endpoint, ALL);

	for (uint32_t i = 0; i < 4; i++)
		worker_new(i, i % 3, PRIORITY_HIGH);
	DO(worker(0), OP_SEND, copy, TAG(1, 0), 0, 0, 0, 0, NEVER);
	DO(worker(1), OP_CALL, copy, TAG(1, 0), 0, 0, 0, 0, NEVER);
	check_error(ts_cnode_delete(OWN(endpoint), 0), E_OK, "an Endpoint dies");
	check_done(worker(0), E_REVOKED, "a queued sender gets E_REVOKED");
	check_done(worker(1), E_REVOKED, "a queued caller too");
	endpoint = make(CAP_ENDPOINT, 0);
	DO(worker(2), OP_RECV, endpoint, 0, 0, 0, 0, 0, NEVER);
	DO(worker(3), OP_RECV, BOTH(reply, endpoint), 0, 0, 0, 0, 0, NEVER);
	drop(endpoint);
	check_done(worker(2), E_REVOKED, "a receiver too");
	check_done(worker(3), E_REVOKED, "and one that takes calls");
	for (uint32_t i = 0; i < 4; i++)
		worker_end(worker(i));
	endpoint = make(CAP_ENDPOINT, 0);
	for (uint32_t i = 0; i < 16; i++) {
		worker_new(i, 1, PRIORITY_HIGH);
		DO(worker(i), (i & 1) ? OP_CALL : OP_SEND, endpoint, TAG(1, 0), 0, 0, 0, 0, NEVER);
	}
	drop(endpoint);
	uint32_t woken = 0;

	for (uint32_t i = 0; i < 16; i++)
		woken += is_done(worker(i)) && error_of(worker(i)) == E_REVOKED;
	check_equal(woken, 16, "16 waiting threads are all woken");
}

static void test_queued(void)
{
	struct worker *w = worker_new(0, 1, PRIORITY_HIGH);
	cap_t badged = mint_of(endpoint, ALL, 5, 0);
	struct ipc_msg m = {0};

	DO(w, OP_SEND, badged, TAG(1, 0), 0, 0, 0, 0, NEVER);
	drop(badged);
	check_error(ts_recv(endpoint, 0, &m, POLL), E_TIMEOUT,
		    "a queued message through a capability that is gone does not arrive");
	check_done(w, E_REVOKED, "its sender gets E_REVOKED");
	must(ts_cnode_mint(OWN(badged), OWN(endpoint), ALL, 5, 0), "mint");
	DO(w, OP_CALL, badged, TAG(1, 0), 0, 0, 0, 0, NEVER);
	drop(badged);
	must(ts_cnode_mint(OWN(badged), OWN(endpoint), ALL, 6, 0), "another badge in the same slot");
	check_error(ts_recv(endpoint, reply, &m, POLL), E_TIMEOUT, "nor through another badge in that slot");
	check_done(w, E_REVOKED, "the caller gets E_REVOKED");
	DO(w, OP_CALL, badged, TAG(1, 0), 0, 0, 0, 0, NEVER);
	must(ts_recv(endpoint, reply, &m, POLL), "recv");
	drop(badged);
	check_state(w, STATE_CALLING, "a call that was received outlives its capability");
	check_error(ts_reply(reply, &m), E_OK, "and is answered");
	check_done(w, E_OK, "as if nothing had been");
}

static void test_server(void)
{
	struct worker *server = worker_new(0, 1, PRIORITY_HIGH), *client = worker_new(1, 2, PRIORITY_HIGH);
	cap_t home = make(CAP_UNTYPED, 12), replies = slot_new(), slot;
	struct ipc_msg m = {.tag = TAG(1, 0)};

	must(ts_untyped_retype(home, CAP_CNODE, 4, OWN(replies), 1, 0, 0), "a CNode for Replies");
	must(ts_cnode_copy(SLOT_IN(ROOT_CAP_CNODE, 3), OWN(replies), ALL), "as a leaf");
	slot = 3u << 8 | 4;
	DO(server, OP_RECV, BOTH(slot, endpoint), 0, 0, 0, 0, 0, NEVER);
	DO(client, OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, NEVER);
	worker_end(server);
	check_state(client, STATE_CALLING, "a server thread dies: its Reply is still in its CSpace");
	check_error(ts_cnode_revoke(OWN(home), 0), E_OK, "its CSpace goes");
	check_done(client, E_DEAD, "the caller gets E_DEAD");
	server = worker_new(0, 1, PRIORITY_HIGH);
	DO(server, OP_RECV, BOTH(slot, endpoint), 0, 0, 0, 0, 0, NEVER);
	check_done(server, E_SLOT, "recv into a CNode that is gone: E_SLOT");
	must(ts_untyped_retype(home, CAP_CNODE, 4, OWN(replies), 1, 0, 0), "a CNode for Replies");
	must(ts_cnode_copy(SLOT_IN(ROOT_CAP_CNODE, 3), OWN(replies), ALL), "as a leaf");
	DO(server, OP_RECV, BOTH(slot, endpoint), 0, 0, 0, 0, 0, NEVER);
	must(ts_cnode_revoke(OWN(home), 0), "the CNode goes while recv waits");
	DO(client, OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, NEVER);
	check_done(server, E_SLOT, "recv ends with E_SLOT when a call comes");
	check_state(client, STATE_CALLING, "the call stays queued");
	check_error(ts_recv(endpoint, reply, &m, POLL), E_OK, "for the next receiver");
	server = worker_new(2, 1, PRIORITY_HIGH);
	cap_t second = slot_new();
	DO(server, OP_RECV, BOTH(second, endpoint), 0, 0, 0, 0, 0, NEVER);
	must(ts_cnode_copy(OWN(second), OWN(endpoint), ALL), "its slot is filled meanwhile");
	must(ts_reply(reply, &m), "reply");
	DO(client, OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, NEVER);
	check_done(server, E_SLOT_USED, "recv ends with E_SLOT_USED when a call comes");
	check_state(client, STATE_CALLING, "the call then waits for another receiver");
}

static void test_thread_states(void)
{
	static const uint64_t operations[] = {OP_SEND, OP_CALL, OP_RECV, OP_WAIT};
	cap_t notification = make(CAP_NOTIFICATION, 0);
	struct ipc_msg m = {.tag = TAG(1, 0)};

	for (uint32_t i = 0; i < COUNT_OF(operations); i++) {
		worker_new(i, i % 3, PRIORITY_HIGH);
		DO(worker(i), (uint32_t)operations[i], operations[i] == OP_WAIT ? notification : endpoint,
		   TAG(1, 0), 0, 0, 0, 0, NEVER);
		worker_end(worker(i));
		check_error(operations[i] == OP_RECV ? ts_send(endpoint, &m, POLL)
						     : ts_recv(endpoint, reply, &m, POLL),
			    E_TIMEOUT,
			    join("a thread that died leaves nothing at an Endpoint:", i == 0   ? "send"
										      : i == 1 ? "call"
										      : i == 2 ? "recv"
											       : "wait"));
	}
	check_error(ts_signal(notification, 1), E_OK, "nor at a Notification");
	uint64_t bits = 0;
	check(ts_poll(notification, &bits) == E_OK && bits == 1, "whose word stays");
	worker_new(5, 1, PRIORITY_HIGH);
	DO(worker(5), OP_WAIT, notification, 0, 0, 0, 0, 0, NEVER);
	drop(notification);
	check_done(worker(5), E_REVOKED, "a Notification dies: its waiter gets E_REVOKED");
}

/* A chain client -> first -> second whose middle dies with its CSpace. */
static void test_chain(void)
{
	struct worker *client = worker_new(0, 1, PRIORITY_HIGH), *first = worker_new(1, 2, PRIORITY_HIGH);
	cap_t deep = make(CAP_ENDPOINT, 0), first_reply = slot_new();
	struct ipc_msg m = {0};

	DO(first, OP_RECV, BOTH(first_reply, endpoint), 0, 0, 0, 0, 0, NEVER);
	DO(client, OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, NEVER);
	DO(first, OP_CALL, deep, TAG(1, 0), 0, 0, 0, 0, NEVER);
	must(ts_recv(deep, reply, &m, POLL), "the second server");
	worker_end(first);
	drop(first_reply);
	check_done(client, E_DEAD, "the middle of a chain dies: its client gets E_DEAD");
	check_error(ts_reply(reply, &m), E_GONE, "the end of the chain answers nobody: E_GONE");
}

/* A receiver of lower priority is woken by a message while its endpoint dies before it runs. */
static void test_woken_then_gone(void)
{
	struct worker *w = worker_new(0, 1, PRIORITY_HIGH);
	struct ipc_msg m = {.tag = TAG(6, 1), .w = {66}};

	must(ts_thread_set_priority(w->thread, PRIORITY_LOW), "a priority");
	DO(w, OP_RECV, endpoint, 0, 0, 0, 0, 0, NEVER);
	for (uint32_t i = 0; i < 100 && state_of(w) != STATE_RECEIVING; i++)
		sleep_ns(1000000);
	must(ts_send(endpoint, &m, POLL), "send");
	drop(endpoint);
	for (uint32_t i = 0; i < 100 && !is_done(w); i++)
		sleep_ns(1000000);
	check(is_done(w) && error_of(w) == E_OK && result_of(w, 2) == 66,
	      "a message that was delivered stays delivered");
}

/* A server that has answered waits in the second half of its reply_recv. */
static struct worker *waiting_server(void)
{
	struct worker *server = worker_new(0, 1, PRIORITY_HIGH), *client = worker_new(1, 2, PRIORITY_HIGH);

	DO(server, OP_RECV, BOTH(reply, endpoint), 0, 0, 0, 0, 0, NEVER);
	DO(client, OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, NEVER);
	DO(server, OP_REPLY_RECV, BOTH(reply, endpoint), TAG(0, 0), 0, 0, 0, 0, NEVER);
	must(is_done(client) ? E_OK : E_STATE, "an answer");
	return server;
}

static void test_reply_recv(void)
{
	struct worker *server = waiting_server();
	struct ipc_msg m = {0};

	must(ts_cnode_copy(OWN(reply), OWN(endpoint), ALL), "the slot of a waiting reply_recv is filled");
	DO(worker(1), OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, NEVER);
	check_state(worker(1), STATE_CALLING, "a call is not taken then");
	check_done(server, E_SLOT_USED, "reply_recv ends with E_SLOT_USED");
	start();
	must(ts_untyped_retype(CAP_ARENA, CAP_CNODE, 4, OWN(reply), 1, 0, 0), "a CNode for Replies");
	must(ts_cnode_copy(SLOT_IN(ROOT_CAP_CNODE, 3), OWN(reply), ALL), "as a leaf");
	cap_t home = reply;

	reply = 3u << 8 | 4;
	server = waiting_server();
	drop(home);
	DO(worker(1), OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, NEVER);
	check_state(worker(1), STATE_CALLING, "a call to one whose CNode went is not taken");
	check_done(server, E_SLOT, "reply_recv ends with E_SLOT");
	start();
	server = waiting_server();
	drop(endpoint);
	check_done(server, E_REVOKED, "the endpoint goes: reply_recv ends with E_REVOKED");
	start();
	server = waiting_server();
	must(ts_sched_bind(server->sched, 0), "its time is taken away");
	must(ts_sched_bind(server->sched, server->thread), "and given back");
	check_done(server, E_NO_TIME, "reply_recv ends with E_NO_TIME");
	DO(server, OP_RECV, BOTH(reply, endpoint), 0, 0, 0, 0, 0, NEVER);
	DO(worker(1), OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, NEVER);
	DO(server, OP_REPLY_RECV, BOTH(reply, endpoint), TAG(0, MSG_MAX_WORDS + 1), 0, 0, 0, 0, NEVER);
	check_done(server, E_ARG, "reply_recv of too many words: E_ARG");
	check_state(worker(1), STATE_CALLING, "and nothing is answered");
	DO(server, OP_REPLY, reply, TAG(0, 0), 0, 0, 0, 0);
	check_done(worker(1), E_OK, "the Reply is as good as before");
	DO(worker(1), OP_SEND, endpoint, TAG(1, 0), 0, 0, 0, 0, NEVER);
	must(ts_thread_interrupt(worker(1)->thread), "interrupt");
	check_done(worker(1), E_INTERRUPTED, "an interrupted send: E_INTERRUPTED");
	check_error(ts_recv(endpoint, 0, &m, POLL), E_TIMEOUT, "is not queued any more");
}

void test_death(void)
{
	start();
	test_endpoint();
	start();
	test_queued();
	start();
	test_server();
	start();
	test_thread_states();
	start();
	test_chain();
	start();
	test_woken_then_gone();
	start();
	test_reply_recv();
	group_end();
}
