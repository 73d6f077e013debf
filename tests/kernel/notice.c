/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Drop notices: when they come, when not, arming, and their place before messages and signals. */
#include "tests.h"

#define OWN SLOT_OWN
#define TAG(op, words) MSG_TAG((op), (words), 0)

static cap_t endpoint, reply;

static void start(void)
{
	group_begin("notice");
	space_make(1);
	endpoint = make(CAP_ENDPOINT, 0);
	reply = slot_new();
}

static cap_t anchor_of(uint64_t badge)
{
	return mint_of(endpoint, ALL, badge, 1);
}

static void expect_notice(uint64_t badge, const char *name)
{
	struct ipc_msg m = {.label = 99};
	uint64_t error = ts_recv(endpoint, 0, &m, POLL);

	check(error == E_OK && m.tag == TAG(MSG_OP_NOTICE, 0) && m.badge == badge && m.label == 0, name);
}

static void expect_nothing(const char *name)
{
	struct ipc_msg m = {0};

	check_error(ts_recv(endpoint, 0, &m, POLL), E_TIMEOUT, name);
}

static void test_arming(void)
{
	cap_t anchor = anchor_of(7), first, second, grandchild;

	expect_notice(7, "an anchor without any child is due at once");
	expect_nothing("once");
	first = mint_of(anchor, WRITE, 0, 0);
	expect_nothing("not while there is a child");
	drop(first);
	expect_notice(7, "a child came and went: armed again, due again");
	first = mint_of(anchor, WRITE, 0, 0);
	second = copy_of(first, WRITE);
	grandchild = mint_of(second, WRITE, 0, 0);
	drop(first);
	expect_nothing("not while a sibling of the child is left");
	drop(second);
	check(type_at(grandchild) == CAP_NULL, "its children go with it");
	expect_notice(7, "when the last descendant is gone");
	first = mint_of(anchor, WRITE, 0, 0);
	drop(first);
	first = mint_of(anchor, WRITE, 0, 0);
	expect_nothing("minting again before delivery cancels it");
	must(ts_cnode_revoke(OWN(anchor), 0), "revoke");
	expect_notice(7, "revoking the anchor's children is their end too");
	first = mint_of(anchor, WRITE, 0, 0);
	drop(anchor);
	check(type_at(first) == CAP_NULL, "the anchor goes");
	expect_nothing("and gives no notice of itself");
}

static void test_order(void)
{
	cap_t notification = make(CAP_NOTIFICATION, 0), anchor = anchor_of(8),
	      child = mint_of(anchor, WRITE | GRANT, 0, 0);
	struct worker *w = worker_new(0, 1, PRIORITY_HIGH);
	struct ipc_msg m = {0};

	must(ts_thread_bind_notification(ROOT_CAP_THREAD, notification), "bind");
	DO(w, OP_SEND, endpoint, TAG(1, 0), 0, 0, 0, 0, NEVER);
	must(ts_signal(notification, 0x10), "signal");
	drop(child);
	expect_notice(8, "a notice comes before signals and messages");
	check(ts_recv(endpoint, 0, &m, POLL) == E_OK && m.tag == TAG(MSG_OP_SIGNAL, 1) && m.w[0] == 0x10 &&
		      m.badge == 0,
	      "signals of the bound notification before messages");
	check(ts_recv(endpoint, 0, &m, POLL) == E_OK && m.tag == TAG(1, 0), "then messages");
	must(ts_thread_bind_notification(ROOT_CAP_THREAD, 0), "unbind");
	child = mint_of(anchor, WRITE | GRANT, 0, 0);
	DO(w, OP_CALL, child, TAG(1, 0), 0, 0, 0, 0, NEVER);
	drop(child);
	expect_notice(8, "no message with a badge follows its notice:");
	check_error(ts_recv(endpoint, reply, &m, POLL), E_TIMEOUT, "it is not delivered");
	check_done(w, E_REVOKED, "its sender gets E_REVOKED");
}

static void test_waiting(void)
{
	struct worker *w = worker_new(0, 1, PRIORITY_HIGH);
	cap_t anchor = anchor_of(9), child;

	expect_notice(9, "first");
	child = mint_of(anchor, WRITE, 0, 0);
	DO(w, OP_RECV, endpoint, 0, 0, 0, 0, 0, NEVER);
	check_state(w, STATE_RECEIVING, "a receiver waits");
	drop(child);
	check_done(w, E_OK, "it gets the notice when the last child goes");
	check(result_of(w, 0) == 9 && result_of(w, 1) == TAG(MSG_OP_NOTICE, 0) && result_of(w, 6) == 0,
	      "with the badge");
	DO(w, OP_RECV, (uint64_t)reply << 32 | endpoint, 0, 0, 0, 0, 0, NEVER);
	drop(mint_of(anchor, WRITE, 0, 0));
	check(is_done(w) && result_of(w, 1) == TAG(MSG_OP_NOTICE, 0) && type_at(reply) == CAP_NULL,
	      "one that takes calls gets it without a Reply");
	DO(w, OP_RECV, endpoint, 0, 0, 0, 0, 0, NEVER);
	cap_t fresh = anchor_of(10);
	check(is_done(w) && result_of(w, 0) == 10, "a waiting receiver hears of a new anchor at once");
	drop(fresh);
}

static void test_moved(void)
{
	cap_t anchor = anchor_of(11), other = anchor_of(12), place = slot_new(), deleted = anchor_of(13);

	must(ts_cnode_move(OWN(place), OWN(anchor)), "move");
	drop(deleted);
	uint64_t badges = 0;

	for (uint32_t i = 0; i < 2; i++) {
		struct ipc_msg m = {0};

		if (ts_recv(endpoint, 0, &m, POLL) == E_OK && m.tag == TAG(MSG_OP_NOTICE, 0))
			badges |= 1ull << m.badge;
	}
	check_equal(badges, 1 << 11 | 1 << 12,
		    "due anchors may move or be deleted: those left give their notices");
	expect_nothing("and no other");
	drop(other);
	drop(place);
}

static void test_failed_transfer(void)
{
	cap_t anchor = anchor_of(14), other = make(CAP_ENDPOINT, 0);
	struct worker *w = worker_new(0, 1, PRIORITY_HIGH);
	struct ipc_msg m = {0};

	expect_notice(14, "first");
	w->with_page = true;
	w->page.send_slot[0] = anchor;
	w->page.send_mode[0] = XFER_CHILD;
	w->page.send_rights[0] = WRITE;
	own_page()->recv_slot[0] = 0;
	DO(w, OP_SEND, other, MSG_TAG(1, 0, 1), 0, 0, 0, 0, NEVER);
	must(ts_recv(other, 0, &m, POLL), "recv");
	check(own_page()->received_kind[0] == RECEIVED_NONE, "a child that could not be transferred");
	expect_notice(14, "counts as one that came and went");
	own_page()->recv_slot[0] = slot_new();
	DO(w, OP_SEND, other, MSG_TAG(1, 0, 1), 0, 0, 0, 0, NEVER);
	must(ts_recv(other, 0, &m, POLL), "recv");
	expect_nothing("one that was transferred is there");
	drop((cap_t)own_page()->recv_slot[0]);
	expect_notice(14, "until it goes");
	own_page()->recv_slot[0] = 0;
}

static void test_many(void)
{
	cap_t first = slot_run(100), children = make(CAP_CNODE, 8);
	bool is_right = true;
	uint64_t seen[2] = {0};

	for (uint32_t i = 0; i < 100; i++) {
		must(ts_cnode_mint(OWN(first + i), OWN(endpoint), ALL, i + 1, 1), "an anchor");
		must(ts_cnode_mint(SLOT_IN(children, i), OWN(first + i), WRITE, 0, 0), "its child");
	}
	expect_nothing("100 anchors with a child each");
	drop(children);
	for (uint32_t i = 0; i < 100; i++) {
		struct ipc_msg m = {0};

		is_right =
			is_right && ts_recv(endpoint, 0, &m, POLL) == E_OK && m.tag == TAG(MSG_OP_NOTICE, 0);
		is_right = is_right && (seen[m.badge / 64] >> (m.badge % 64) & 1) == 0;
		seen[m.badge / 64] |= 1ull << (m.badge % 64);
	}
	check(is_right, "their CNode goes: 100 notices, each badge once");
	expect_nothing("and no more");
	children = make(CAP_CNODE, 8);
	for (uint32_t i = 0; i < 100; i++)
		must(ts_cnode_mint(SLOT_IN(children, i), OWN(first + i), WRITE, 0, 0), "a child again");
	for (uint32_t i = 0; i < 100; i++)
		must(ts_cnode_revoke(OWN(first + i), 0), "revoke");
	for (uint32_t i = 0; i < 100; i++)
		must(ts_cnode_mint(SLOT_IN(children, i), OWN(first + i), WRITE, 0, 0), "one more");
	expect_nothing("100 due anchors that are not due any more are passed over");
}

void test_notice(void)
{
	start();
	test_arming();
	start();
	test_order();
	start();
	test_waiting();
	start();
	test_moved();
	start();
	test_failed_transfer();
	start();
	test_many();
	group_end();
}
