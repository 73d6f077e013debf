/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Worst cases of messages and threads: full queues, largest messages, receivers that cannot receive, floods of faults. */
#include "bulk.h"

#include <string.h>

#define SAME_DEADLINE 3000000ull /* nanoseconds from now */

struct crowd {
	cap_t untyped, threads, endpoint;
};

static struct crowd crowd_new(const char *name)
{
	struct crowd crowd;

	group_begin(name);
	crowd.untyped = bulk_untyped(24);
	crowd.threads = bulk_threads(crowd.untyped);
	crowd.endpoint = make(CAP_ENDPOINT, 0);
	return crowd;
}

static void crowd_end(const struct crowd *crowd)
{
	check_error(ts_cnode_revoke(OWN(crowd->untyped), 0), E_OK, "the crowd goes");
	bulk_free(crowd->untyped);
}

/* Callers wait, and a send behind them; a receiver that takes no calls comes; then the endpoint dies. */
static void worst_callers(void)
{
	struct crowd crowd = crowd_new("callers");
	struct ipc_msg message = {0};

	for (uint32_t i = 0; i < BULK - 1u; i++)
		START(crowd.threads, i, 60u + i % 2u, OP_CALL, crowd.endpoint, MSG_TAG(1, 380, 0), 0, 0, 0, 0,
		      NEVER);
	START(crowd.threads, BULK - 1u, 255, OP_SEND, crowd.endpoint, MSG_TAG(1, 380, 0), 0, 0, 0, 0, NEVER);
	sleep_ns(20000000);
	check_error(ts_recv(crowd.endpoint, 0, &message, POLL), E_OK, "a send is found behind the calls");
	check_error(ts_recv(crowd.endpoint, 0, &message, POLL), E_TIMEOUT, "no call is taken without a slot");
	check_error(ts_cnode_delete(OWN(crowd.endpoint), 0), E_OK, "the endpoint dies");
	sleep_ns(20000000);
	crowd_end(&crowd);
}

/* Receivers whose Reply slot is in use: a caller passes all of them over. */
static void worst_receivers(void)
{
	struct crowd crowd = crowd_new("receivers");
	struct ipc_msg message = {.tag = MSG_TAG(1, 0, 0)};
	cap_t slot = slot_new();

	for (uint32_t i = 0; i < BULK; i++)
		START(crowd.threads, i, 60, OP_RECV, crowd.endpoint | (uint64_t)slot << 32, 0, 0, 0, 0, 0,
		      NEVER);
	sleep_ns(20000000);
	must(ts_cnode_copy(OWN(slot), OWN(crowd.endpoint), ALL), "the slot is filled");
	check_error(ts_call(crowd.endpoint, &message, now_ns() + 1000000), E_TIMEOUT, "nobody can receive");
	sleep_ns(20000000);
	crowd_end(&crowd);
}

/* Timeouts of many threads at the same moment, and at many. */
static void worst_timeouts(void)
{
	struct crowd crowd = crowd_new("timeouts");
	uint64_t start = now_ns() + 20000000;

	for (uint32_t i = 0; i < BULK; i++)
		START(crowd.threads, i, 60, OP_WAIT, CAP_SILENT, 0, 0, 0, 0, 0,
		      start + (i % 2u == 0 ? SAME_DEADLINE : i * 100000ull));
	sleep_ns(100000000);
	crowd_end(&crowd);
}

/* One signal after the other; everybody faults. */
static void worst_signals(void)
{
	struct crowd crowd = crowd_new("signals");
	cap_t notification = make(CAP_NOTIFICATION, 0);

	for (uint32_t i = 0; i < BULK; i++)
		START(crowd.threads, i, 60, OP_WAIT, notification, 0, 0, 0, 0, 0, NEVER);
	sleep_ns(20000000);
	for (uint32_t i = 0; i < BULK / 2u; i++)
		must(ts_signal(notification, 1), "a signal");
	check_error(ts_cnode_delete(OWN(notification), 0), E_OK, "the Notification dies");
	sleep_ns(20000000);
	crowd_end(&crowd);
}

/* Faults of many threads wait at an endpoint that dies: each gets its line in the log. */
static void worst_faults(void)
{
	struct user_regs regs = {.rip = 0x1000, .rsp = 0x1000};
	cap_t endpoint, badged;

	group_begin("faults");
	endpoint = make(CAP_ENDPOINT, 0);
	badged = mint_of(endpoint, ALL, 9, 0);
	for (uint32_t i = 0; i < 100u; i++) {
		cap_t thread = bare_thread(i, 0, badged, badged);

		bare_start(thread, &regs, 2);
	}
	sleep_ns(20000000);
	check_error(ts_cnode_delete(OWN(badged), 0), E_OK, "the badge goes");
	struct ipc_msg message = {0};
	cap_t slot = slot_new();

	(void)ts_recv(endpoint, slot, &message, POLL);
	check_error(ts_cnode_delete(OWN(endpoint), 0), E_OK, "the endpoint dies");
	sleep_ns(20000000);
}

/* Notices that are no more due when they are delivered. */
static void worst_notices(void)
{
	cap_t endpoint, cnode, extra;
	struct ipc_msg message = {0};

	group_begin("notices");
	endpoint = make(CAP_ENDPOINT, 0);
	cnode = make(CAP_CNODE, 8);
	extra = make(CAP_CNODE, 8);
	for (uint32_t i = 0; i < 250u; i++)
		must(ts_cnode_mint(SLOT_IN(cnode, i), OWN(endpoint), ALL, i + 1u, 1), "an anchor");
	for (uint32_t i = 0; i < 250u; i++)
		must(ts_cnode_mint(SLOT_IN(extra, i), SLOT_IN(cnode, i), ALL, 0, 0), "a child of it");
	check_error(ts_recv(endpoint, 0, &message, POLL), E_TIMEOUT, "250 notices that are not due");
	check_error(ts_cnode_delete(OWN(extra), 0), E_OK, "the children go");
	for (uint32_t i = 0; i < 250u; i++)
		must(ts_recv(endpoint, 0, &message, POLL), "a notice");
}

/* The largest messages with the most capabilities, both ways. */
static void worst_message(void)
{
	struct worker *w;
	struct ipc_msg message = {0};
	cap_t endpoint, reply, first;

	group_begin("message");
	endpoint = make(CAP_ENDPOINT, 0);
	reply = slot_new();
	w = worker_new(0, 0, PRIORITY_HIGH);
	first = slot_run(2u * MSG_MAX_CAPS);
	w->with_page = true;
	for (uint32_t i = 0; i < MSG_MAX_CAPS; i++) {
		w->page.send_slot[i] = OWN(endpoint);
		w->page.send_mode[i] = XFER_CHILD;
		w->page.send_rights[i] = ALL;
		w->page.recv_slot[i] = OWN(first + i);
		own_page()->recv_slot[i] = OWN(first + MSG_MAX_CAPS + i);
		own_page()->send_slot[i] = OWN(endpoint);
		own_page()->send_mode[i] = XFER_SIBLING;
		own_page()->send_rights[i] = ALL;
	}
	DO(w, OP_CALL, endpoint, MSG_TAG(1, MSG_MAX_WORDS, MSG_MAX_CAPS), 1, 2, 3, 4, NEVER);
	check_error(ts_recv(endpoint, reply, &message, POLL), E_OK, "a full message");
	message.tag = MSG_TAG(0, MSG_MAX_WORDS, MSG_MAX_CAPS);
	check_error(ts_reply(reply, &message), E_OK, "a full answer");
	memset(page_block(), 'x', MSG_DATA_BYTES);
	((char *)page_block())[MSG_DATA_BYTES - 1u] = '\n';
	must(ts_debug_write(ROOT_CAP_CONSOLE, MSG_DATA_BYTES), "a full line of the log");
}

void worst_messages(void)
{
	worst_callers();
	worst_receivers();
	worst_timeouts();
	worst_signals();
	worst_faults();
	worst_notices();
	worst_message();
}
