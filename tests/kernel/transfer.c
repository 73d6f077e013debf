/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Capabilities in messages: child, sibling, move, the own endpoint; what arrives, and what both sides are told. */
#include "tests.h"

#include <string.h>

#define OWN SLOT_OWN
#define TAG(op, words, caps) MSG_TAG((op), (words), (caps))
#define BOTH(reply, endpoint) ((uint64_t)(reply) << 32 | (endpoint))

static cap_t endpoint, reply, into[MSG_MAX_CAPS];
static struct worker *sender;

/* The sender is a worker of another space, the receiver this thread with four slots. */
static void start(void)
{
	group_begin("transfer");
	space_make(1);
	endpoint = make(CAP_ENDPOINT, 0);
	reply = slot_new();
	sender = worker_new(0, 1, PRIORITY_HIGH);
	sender->with_page = true;
	memset(own_page()->recv_slot, 0, sizeof(own_page()->recv_slot));
	for (uint32_t i = 0; i < MSG_MAX_CAPS; i++) {
		into[i] = slot_new();
		own_page()->recv_slot[i] = into[i];
	}
}

static void give(struct msg_page *page, uint32_t i, slot_t slot, uint8_t mode, uint8_t rights)
{
	page->send_slot[i] = slot;
	page->send_mode[i] = mode;
	page->send_rights[i] = rights;
}

/* Sends count capabilities as the page says; received. */
static void pass(uint32_t count, const char *name)
{
	struct ipc_msg m = {0};

	DO(sender, OP_SEND, endpoint, TAG(1, 1, count), 77, 0, 0, 0, NEVER);
	check(ts_recv(endpoint, reply, &m, POLL) == E_OK && m.w[0] == 77 && m.tag == TAG(1, 1, count),
	      join("the message arrives:", name));
}

static bool is_received(uint32_t i, uint8_t kind)
{
	return own_page()->received_kind[i] == kind;
}

static void test_modes(void)
{
	cap_t memory = make(CAP_MEMORY, 1), copy = copy_of(memory, ALL), moved = copy_of(memory, READ);

	give(&sender->page, 0, copy, XFER_CHILD, READ);
	give(&sender->page, 1, copy, XFER_SIBLING, READ | WRITE);
	give(&sender->page, 2, moved, XFER_MOVE, 0);
	give(&sender->page, 3, memory, XFER_SIBLING, ALL);
	pass(4, "four capabilities");
	check(is_received(0, RECEIVED_SLOT) && is_received(1, RECEIVED_SLOT) &&
		      is_received(2, RECEIVED_SLOT) && is_received(3, RECEIVED_SLOT),
	      "all four are reported");
	check_equal(sender->page.transferred, 4, "the sender is told the number");
	check(inspect(OWN(into[0])).rights == READ && inspect(OWN(into[1])).rights == (READ | WRITE),
	      "child and sibling with fewer rights");
	check(inspect(OWN(into[2])).rights == READ && type_at(moved) == CAP_NULL,
	      "a moved one with its own, gone from the sender");
	check((inspect(OWN(copy)).type & FACT_DESCENDANTS) != 0 &&
		      (inspect(OWN(into[1])).type & FACT_DESCENDANTS) == 0,
	      "the child is below its source");
	drop(copy);
	check(type_at(into[0]) == CAP_NULL && type_at(into[1]) == CAP_MEMORY,
	      "and goes with it; the sibling stays");
	check(type_at(into[3]) == CAP_MEMORY && (inspect(OWN(into[3])).type & FACT_ORIGIN) == 0,
	      "a sibling of an origin is its child");
	drop(memory);
	check(type_at(into[3]) == CAP_NULL && type_at(into[2]) == CAP_NULL, "and all go with the origin");
}

static void test_refused(void)
{
	cap_t memory = make(CAP_MEMORY, 1), untyped = make(CAP_UNTYPED, 12),
	      weak = mint_of(ROOT_CAP_LEAF, READ, 0, 0);

	must(ts_cnode_copy(OWN(into[3]), OWN(memory), READ), "a used slot");
	own_page()->recv_slot[2] = 0;
	give(&sender->page, 0, CAP_EMPTY, XFER_CHILD, ALL);
	give(&sender->page, 1, untyped, XFER_SIBLING, ALL);
	give(&sender->page, 2, memory, XFER_SIBLING, ALL);
	give(&sender->page, 3, memory, XFER_SIBLING, ALL);
	pass(4, "with nothing that can be transferred");
	check(is_received(0, RECEIVED_NONE), "an empty source is not transferred");
	check(is_received(1, RECEIVED_NONE), "nor a copy of an Untyped");
	check(is_received(2, RECEIVED_NONE), "nor what has no slot");
	check(is_received(3, RECEIVED_NONE) && inspect(OWN(into[3])).rights == READ,
	      "nor what has a used slot");
	check_equal(sender->page.transferred, 0, "the sender is told so");
	give(&sender->page, 0, untyped, XFER_MOVE, 0);
	give(&sender->page, 1, SLOT_IN(weak, ROOT_CAP_CONSOLE), XFER_MOVE, 0);
	give(&sender->page, 2, 0xffffffffffffffffull, XFER_CHILD, ALL);
	own_page()->recv_slot[2] = into[2];
	pass(3, "with an Untyped that moves");
	check(is_received(0, RECEIVED_SLOT) && type_at(into[0]) == CAP_UNTYPED, "an Untyped can move");
	check(is_received(1, RECEIVED_NONE), "nothing moves out of a CNode without write");
	check(is_received(2, RECEIVED_NONE), "a designator of no slot transfers nothing");
	give(&sender->page, 0, memory, 3, ALL);
	pass(1, "with an unknown mode");
	check(is_received(0, RECEIVED_NONE) && is_received(1, RECEIVED_NONE),
	      "an unknown mode transfers nothing");
	own_page()->recv_slot[0] = 0xfffffff0;
	give(&sender->page, 0, memory, XFER_CHILD, ALL);
	pass(1, "to no slot at all");
	check(is_received(0, RECEIVED_NONE), "a receive slot that does not exist takes nothing");
}

static void test_own_endpoint(void)
{
	cap_t badged = mint_of(endpoint, ALL, 0x1234567890ull, 0),
	      other = mint_of(make(CAP_ENDPOINT, 0), ALL, 9, 0);

	give(&sender->page, 0, badged, XFER_SIBLING, ALL);
	give(&sender->page, 1, other, XFER_SIBLING, ALL);
	pass(2, "with the endpoint it goes through");
	check(is_received(0, RECEIVED_BADGE) && own_page()->received_badge[0] == 0x1234567890ull &&
		      type_at(into[0]) == CAP_NULL,
	      "the receiver gets the badge, not the capability");
	check(is_received(1, RECEIVED_SLOT) && own_page()->received_badge[1] == 0 &&
		      inspect(OWN(into[1])).badge == 9,
	      "another Endpoint is handed over");
	check_equal(sender->page.transferred, 1, "only that one counts");
}

static void test_reply(void)
{
	cap_t memory = make(CAP_MEMORY, 1), target = slot_new(), cnode = make(CAP_CNODE, 4);
	struct ipc_msg m = {0};

	sender->page.recv_slot[0] = target;
	sender->page.recv_slot[1] = SLOT_IN(cnode, 7);
	give(&sender->page, 0, memory, XFER_CHILD, READ);
	DO(sender, OP_CALL, endpoint, TAG(1, 0, 1), 0, 0, 0, 0, NEVER);
	must(ts_recv(endpoint, reply, &m, POLL), "recv");
	check(is_received(0, RECEIVED_SLOT) && type_at(into[0]) == CAP_MEMORY, "a call transfers too");
	give(own_page(), 0, memory, XFER_SIBLING, WRITE);
	give(own_page(), 1, endpoint, XFER_CHILD, WRITE);
	m.tag = TAG(0, 0, 2);
	check_error(ts_reply(reply, &m), E_OK, "and an answer");
	check(sender->page.received_kind[0] == RECEIVED_SLOT && inspect(OWN(target)).rights == WRITE,
	      "into the caller's slot");
	check(sender->page.received_kind[1] == RECEIVED_SLOT &&
		      (inspect(SLOT_IN(cnode, 7)).type & 0xff) == CAP_ENDPOINT,
	      "also in a CNode that is no leaf of its CSpace");
	check_equal(own_page()->transferred, 2, "the one who answers is told");
	DO(sender, OP_CALL, endpoint, TAG(1, 0, 0), 0, 0, 0, 0, NEVER);
	must(ts_recv(endpoint, reply, &m, POLL), "recv");
	cap_t travels = slot_new(), holder = into[1];
	struct worker *other =
		worker_new(1, 0, PRIORITY_HIGH - 1); /* main runs at sender's until it has answered */

	own_page()->recv_slot[0] = holder;
	other->with_page = true;
	give(&other->page, 0, reply, XFER_MOVE, 0);
	DO(other, OP_SEND, endpoint, TAG(2, 0, 1), 0, 0, 0, 0, NEVER);
	must(ts_recv(endpoint, travels, &m, POLL), "recv");
	check(type_at(holder) == CAP_REPLY && type_at(reply) == CAP_NULL, "a Reply can be handed on");
	m.tag = TAG(0, 0, 0);
	check_error(ts_reply(holder, &m), E_OK, "and answered there");
	check_done(sender, E_OK, "the caller gets it");
}

/* What is transferred cannot take the slot that the Reply needs. */
static void test_reply_slot(void)
{
	cap_t memory = make(CAP_MEMORY, 1);
	struct ipc_msg m = {0};

	own_page()->recv_slot[0] = reply;
	give(&sender->page, 0, memory, XFER_CHILD, READ);
	DO(sender, OP_CALL, endpoint, TAG(1, 0, 1), 0, 0, 0, 0, NEVER);
	must(ts_recv(endpoint, reply, &m, POLL), "recv");
	check(type_at(reply) == CAP_REPLY && is_received(0, RECEIVED_NONE),
	      "the slot of the Reply is the Reply's");
	m.tag = TAG(0, 0, 0);
	check_error(ts_reply(reply, &m), E_OK, "which answers");
}

/* A waiting receiver gets capabilities too; receive slots stay from message to message. */
static void test_waiting_receiver(void)
{
	cap_t memory = make(CAP_MEMORY, 1), target = slot_new();
	struct ipc_msg m = {.tag = TAG(1, 0, 1)};

	sender->page.recv_slot[0] = target;
	DO(sender, OP_RECV, endpoint, 0, 0, 0, 0, 0, NEVER);
	give(own_page(), 0, memory, XFER_CHILD, READ);
	check_error(ts_send(endpoint, &m, POLL), E_OK, "send to a waiting receiver");
	check(is_done(sender) && sender->page.received_kind[0] == RECEIVED_SLOT &&
		      type_at(target) == CAP_MEMORY,
	      "it has the capability");
	check_equal(own_page()->transferred, 1, "the sender knows");
	DO(sender, OP_RECV, endpoint, 0, 0, 0, 0, 0, NEVER);
	must(ts_send(endpoint, &m, POLL), "send");
	check(sender->page.received_kind[0] == RECEIVED_NONE, "the slot is still named, and used now");
	m.tag = TAG(1, 0, 0);
	DO(sender, OP_RECV, endpoint, 0, 0, 0, 0, 0, NEVER);
	must(ts_send(endpoint, &m, POLL), "send");
	check_done(sender, E_OK, "a message without capabilities");
}

void test_transfer(void)
{
	start();
	test_modes();
	start();
	test_refused();
	start();
	test_own_endpoint();
	start();
	test_reply();
	start();
	test_reply_slot();
	start();
	test_waiting_receiver();
	group_end();
	memset(own_page()->recv_slot, 0, sizeof(own_page()->recv_slot));
}
