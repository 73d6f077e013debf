/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Messages between address spaces: send, recv, call, reply, reply_recv, in every order of arrival. */
#include "tests.h"

#include <string.h>

#define OWN SLOT_OWN
#define TAG(op, words) MSG_TAG((op), (words), 0)
#define ENDPOINT_AND(reply, endpoint) ((uint64_t)(reply) << 32 | (endpoint))

static cap_t endpoint, badged, reply;

static void start(void)
{
	group_begin("ipc");
	space_make(1);
	space_make(2);
	endpoint = make(CAP_ENDPOINT, 0);
	badged = mint_of(endpoint, WRITE | GRANT, 0xbad9e, 0);
	reply = slot_new();
}

static bool is_message(const struct ipc_msg *m, uint64_t badge, uint64_t tag, uint64_t w0, uint64_t label)
{
	return m->badge == badge && m->tag == tag && m->w[0] == w0 && m->label == label;
}

static void test_send(void)
{
	struct worker *w = worker_new(0, 1, PRIORITY_HIGH);
	struct ipc_msg m = {0};

	DO(w, OP_SEND, badged, TAG(7, 3), 11, 12, 13, 14, NEVER);
	check_state(w, STATE_SENDING, "send waits for a receiver");
	check_error(ts_recv(endpoint, 0, &m, POLL), E_OK, "recv takes it");
	check(is_message(&m, 0xbad9e, TAG(7, 3), 11, LABEL(0)) && m.w[1] == 12 && m.w[2] == 13,
	      "badge, tag, words and label arrive");
	check_equal(m.w[3], 0, "a register behind the length is zero");
	check_done(w, E_OK, "send is done then");
	DO(w, OP_RECV, endpoint, 0, 0, 0, 0, 0, NEVER);
	check_state(w, STATE_RECEIVING, "recv waits for a sender");
	m = (struct ipc_msg){.tag = TAG(8, 4), .w = {1, 2, 3, 4}};
	check_error(ts_send(badged, &m, POLL), E_OK, "send meets a receiver");
	check_done(w, E_OK, "which has the message at once, being of higher priority");
	check(result_of(w, 0) == 0xbad9e && result_of(w, 1) == TAG(8, 4) && result_of(w, 5) == 4,
	      "with badge, tag and words");
	check_equal(result_of(w, 6), 0, "and the sender's label");
	check_error(ts_send(endpoint, &m, POLL), E_TIMEOUT, "send without a receiver, polling: E_TIMEOUT");
	check_error(ts_recv(endpoint, 0, &m, POLL), E_TIMEOUT, "recv without a sender, polling: E_TIMEOUT");
}

static void test_tags(void)
{
	static const uint64_t bad[] = {TAG(1, 385),
				       TAG(1, 0xffff),
				       MSG_TAG(1, 0, 5),
				       MSG_TAG(1, 0, 7),
				       1ull << 35,
				       1ull << 63,
				       TAG(MSG_OP_PAGE_FAULT, 0),
				       TAG(MSG_OP_NOTICE, 0),
				       TAG(MSG_OP_SIGNAL, 1),
				       TAG(0xffff, 0)};
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < COUNT_OF(bad); i++) {
		struct ipc_msg m = {.tag = bad[i]};

		wrong += ts_send(endpoint, &m, POLL) != E_ARG;
		m.tag = bad[i];
		wrong += ts_call(endpoint, &m, POLL) != E_ARG;
	}
	check_equal(wrong, 0, "send and call with a bad tag: E_ARG");
	struct ipc_msg m = {.tag = MSG_TAG(1, 0, 1)};

	check_error(ts_send(mint_of(endpoint, WRITE, 1, 0), &m, POLL), E_RIGHTS,
		    "capabilities without grant: E_RIGHTS");
	check_error(ts_call(mint_of(endpoint, WRITE, 1, 0), &m, POLL), E_RIGHTS,
		    "call without grant: E_RIGHTS");
	m.tag = TAG(1, 0);
	check_error(ts_send(mint_of(endpoint, WRITE, 1, 0), &m, POLL), E_TIMEOUT,
		    "a plain send needs write alone");
}

static void test_call(void)
{
	struct worker *w = worker_new(0, 1, PRIORITY_HIGH);
	struct ipc_msg m = {0};

	DO(w, OP_CALL, badged, TAG(1, 1), 5, 6, 7, 8, NEVER);
	check_state(w, STATE_CALLING, "call waits for a receiver");
	check_error(ts_recv(endpoint, 0, &m, POLL), E_TIMEOUT, "a recv without a slot takes no call");
	check_error(ts_recv(endpoint, reply, &m, POLL), E_OK, "recv with one does");
	check(is_message(&m, 0xbad9e, TAG(1, 1), 5, LABEL(0)) && type_at(reply) == CAP_REPLY,
	      "message and Reply arrive");
	check_state(w, STATE_CALLING, "the caller waits for its answer");
	check_error(ts_recv(endpoint, reply, &m, POLL), E_SLOT_USED, "recv into a used slot: E_SLOT_USED");
	check_error(ts_recv(endpoint, 0x200, &m, POLL), E_SLOT, "recv into no slot: E_SLOT");
	check_error(ts_cnode_copy(OWN(slot_new()), OWN(reply), ALL), E_TYPE,
		    "a Reply cannot be copied: E_TYPE");
	m.tag = TAG(0xfff8, 2);
	m.w[0] = 21;
	m.w[1] = 22;
	check_error(ts_reply(reply, &m), E_OK, "reply");
	check_done(w, E_OK, "the caller has its answer");
	check(result_of(w, 0) == 0 && result_of(w, 1) == TAG(0xfff8, 2) && result_of(w, 2) == 21 &&
		      result_of(w, 3) == 22,
	      "any status and words");
	check(result_of(w, 4) == 0 && result_of(w, 5) == 0 && type_at(reply) == CAP_NULL,
	      "zero behind the length; the Reply is used up");
	check_error(ts_reply(reply, &m), E_CAP, "a second reply: E_CAP");
	check_equal(result_of(w, 6), NEVER, "a call's seventh register keeps what the caller put there");
}

static void test_moved_reply(void)
{
	struct worker *w = worker_new(0, 1, PRIORITY_HIGH);
	struct ipc_msg m = {0};
	cap_t other = slot_new(), cnode = make(CAP_CNODE, 4);

	DO(w, OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, NEVER);
	must(ts_recv(endpoint, reply, &m, POLL), "recv");
	check_error(ts_cnode_move(OWN(other), OWN(reply)), E_OK, "a Reply moves");
	m.tag = TAG(1, 385);
	check_error(ts_reply(other, &m), E_ARG, "reply with a bad tag: E_ARG");
	check_state(w, STATE_CALLING, "changes nothing");
	must(ts_cnode_move(SLOT_IN(cnode, 3), OWN(other)), "it moves again");
	drop(cnode);
	check_done(w, E_DEAD, "the CNode with the Reply goes: the caller gets E_DEAD");
	DO(w, OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, NEVER);
	must(ts_recv(endpoint, reply, &m, POLL), "recv");
	drop(reply);
	check_done(w, E_DEAD, "the Reply is deleted: E_DEAD");
}

static void test_reply_recv(void)
{
	struct worker *server = worker_new(0, 1, PRIORITY_HIGH), *client = worker_new(1, 2, PRIORITY_HIGH);
	struct ipc_msg m = {.tag = TAG(3, 4), .w = {1, 2, 3, 4}};
	uint64_t both = ENDPOINT_AND(reply, endpoint);

	DO(server, OP_REPLY_RECV, both, TAG(0, 0), 0, 0, 0, 0, NEVER);
	check_done(server, E_CAP, "reply_recv without a Reply: E_CAP, nothing is received");
	DO(server, OP_RECV, both, 0, 0, 0, 0, 0, NEVER);
	DO(client, OP_CALL, badged, TAG(3, 4), 1, 2, 3, 4, NEVER);
	check_done(server, E_OK, "the server has the call");
	DO(server, OP_REPLY_RECV, both, TAG(9, 2), 51, 52, 53, 54, NEVER);
	check_done(client, E_OK, "reply_recv answers");
	check(result_of(client, 1) == TAG(9, 2) && result_of(client, 3) == 52 && result_of(client, 4) == 0,
	      "with tag and words");
	check_state(server, STATE_RECEIVING, "and waits for the next");
	check(type_at(reply) == CAP_NULL, "with an empty slot");
	DO(client, OP_SEND, badged, TAG(4, 1), 77, 0, 0, 0, NEVER);
	check_done(server, E_OK, "a plain send ends that too");
	check(result_of(server, 2) == 77 && type_at(reply) == CAP_NULL, "without a Reply");
	DO(client, OP_CALL, badged, TAG(3, 0), 0, 0, 0, 0, NEVER);
	must(ts_recv(endpoint, reply, &m, POLL), "recv");
	/* main runs at its client's priority until it has answered */
	DO(worker_new(2, 1, PRIORITY_HIGH - 1), OP_CALL, endpoint, TAG(5, 1), 99, 0, 0, 0, NEVER);
	m.tag = TAG(0, 0);
	check_error(ts_reply_recv(endpoint, reply, &m, POLL), E_OK,
		    "reply_recv takes what is queued already");
	check(m.tag == TAG(5, 1) && m.w[0] == 99 && m.label == LABEL(2) && type_at(reply) == CAP_REPLY,
	      "into the same slot");
	m.tag = TAG(0, 0);
	check_error(ts_reply_recv(endpoint, reply, &m, POLL), E_TIMEOUT,
		    "reply_recv that finds nothing, polling: E_TIMEOUT");
	check_done(worker(2), E_OK, "has answered all the same");
}

static void fill_page(struct msg_page *page, uint64_t marker)
{
	for (uint64_t i = 0; i < MSG_MAX_WORDS; i++)
		page->words[i] = marker + i;
}

static bool has_words(const struct msg_page *page, uint64_t marker, uint32_t from, uint32_t to)
{
	for (uint64_t i = from; i < to; i++) {
		if (page->words[i] != marker + i)
			return false;
	}
	return true;
}

static void test_long(void)
{
	static const uint32_t lengths[] = {4, 5, 14, 383, 384};
	struct worker *w = worker_new(0, 1, PRIORITY_HIGH);
	bool is_copied = true, is_kept = true;
	struct ipc_msg m = {0};

	w->with_page = true;
	for (uint32_t i = 0; i < COUNT_OF(lengths); i++) {
		uint32_t words = lengths[i];

		fill_page(&w->page, 0xaaaa0000);
		fill_page(own_page(), 0xbbbb0000);
		DO(w, OP_CALL, endpoint, TAG(1, words), 1, 2, 3, 4, NEVER);
		must(ts_recv(endpoint, reply, &m, POLL), "recv");
		is_copied = is_copied && m.w[0] == 1 && m.w[3] == 4 &&
			    has_words(own_page(), 0xaaaa0000, 4, words);
		is_kept = is_kept && has_words(own_page(), 0xbbbb0000, words, 384);
		fill_page(own_page(), 0xcccc0000);
		m.tag = TAG(0, words);
		must(ts_reply(reply, &m), "reply");
		is_copied = is_copied && is_done(w) && has_words(&w->page, 0xcccc0000, 4, words);
		is_kept = is_kept && has_words(&w->page, 0xaaaa0000, words, 384);
	}
	check(is_copied, "4 to 384 words travel both ways");
	check(is_kept, "and not one more");
	worker_end(w);
}

static void test_order(void)
{
	static const uint32_t priorities[4] = {90, 60, 60, 70};
	struct ipc_msg m = {0};
	uint64_t got[4] = {0};

	for (uint32_t i = 0; i < 4; i++) {
		struct worker *w = worker_new(i, i % 3, priorities[i]);

		DO(w, (i & 1) ? OP_CALL : OP_SEND, endpoint, TAG(1, 1), i + 1, 0, 0, 0, NEVER);
	}
	for (uint32_t i = 0; i < 4; i++) {
		(void)ts_recv(endpoint, reply, &m, POLL);
		got[i] = m.w[0];
		drop(reply);
	}
	check(got[0] == 2 && got[1] == 3 && got[2] == 4 && got[3] == 1,
	      "messages are taken by their senders' priority, equals in turn");
	DO(worker(0), OP_SEND, endpoint, TAG(1, 1), 1, 0, 0, 0, NEVER);
	DO(worker(3), OP_SEND, endpoint, TAG(1, 1), 4, 0, 0, 0, NEVER);
	must(ts_thread_set_priority(worker(0)->thread, 20), "a priority");
	(void)ts_recv(endpoint, 0, &m, POLL);
	check_equal(m.w[0], 1, "a change of priority moves a queued sender");
	(void)ts_recv(endpoint, 0, &m, POLL);
	DO(worker(0), OP_RECV, endpoint, 0, 0, 0, 0, 0, NEVER);
	DO(worker(3), OP_RECV, endpoint, 0, 0, 0, 0, 0, NEVER);
	must(ts_send(endpoint, &m, POLL), "send");
	check(is_done(worker(0)) && !is_done(worker(3)), "receivers are served in turn");
	must(ts_send(endpoint, &m, POLL), "send");
	check(is_done(worker(3)), "each once");
}

/* A chain: client -> first server -> second server, and back. */
static void test_chain(void)
{
	struct worker *client = worker_new(0, 1, PRIORITY_HIGH), *first = worker_new(1, 2, PRIORITY_HIGH),
		      *second = worker_new(2, 1, PRIORITY_HIGH);
	cap_t deep = make(CAP_ENDPOINT, 0), first_reply = slot_new(), second_reply = slot_new();

	DO(first, OP_RECV, ENDPOINT_AND(first_reply, endpoint), 0, 0, 0, 0, 0, NEVER);
	DO(second, OP_RECV, ENDPOINT_AND(second_reply, deep), 0, 0, 0, 0, 0, NEVER);
	DO(client, OP_CALL, endpoint, TAG(1, 1), 10, 0, 0, 0, NEVER);
	DO(first, OP_CALL, deep, TAG(1, 1), result_of(first, 2) + 1, 0, 0, 0, NEVER);
	check(is_done(second) && result_of(second, 2) == 11 && result_of(second, 6) == LABEL(1),
	      "a server calls another one");
	DO(second, OP_REPLY, second_reply, TAG(0, 1), 12, 0, 0, 0);
	check_done(first, E_OK, "which answers");
	DO(first, OP_REPLY, first_reply, TAG(0, 1), result_of(first, 2) + 1, 0, 0, 0);
	check_done(client, E_OK, "and the first one its client");
	check_equal(result_of(client, 2), 13, "with what came back");
}

/* A system call with another last argument, then a call without a deadline. */
static void call_after_other(struct worker *w)
{
	struct user_regs other = {.rax = TESSERA_SYSCALL_BASE + OP_NOTHING, .r12 = 77};

	raw_call(&other);
	w->regs = (struct user_regs){
		.rax = TESSERA_SYSCALL_BASE + OP_CALL, .rdi = w->argument[0], .rsi = TAG(1, 4), .r12 = NEVER};
	raw_call(&w->regs);
}

/* call's last argument is no result: it stays, whichever way the call and its answer took in the kernel. */
static void test_deadline_stays(void)
{
	struct worker *server = worker_new(0, 1, PRIORITY_HIGH), *client = worker_new(1, 2, PRIORITY_HIGH);

	DO(server, OP_RECV, ENDPOINT_AND(reply, endpoint), 0, 0, 0, 0, 0, NEVER);
	client->argument[0] = endpoint;
	worker_run(client, call_after_other);
	DO(server, OP_REPLY, reply, TAG(0, 1), 1, 0, 0, 0);
	check(is_done(client) && error_of(client) == E_OK && result_of(client, 6) == NEVER,
	      "the deadline's register is as it was behind an answered call");
}

void test_ipc(void)
{
	start();
	test_send();
	test_tags();
	start();
	test_call();
	start();
	test_moved_reply();
	start();
	test_reply_recv();
	start();
	test_long();
	start();
	test_order();
	start();
	test_chain();
	start();
	test_deadline_stays();
	group_end();
}
