/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Messages, replies, timeouts, notices and revocation: what each side sees in every state. */
#include "../check.h"
#include "actors.h"

#define THREAD_CAP(i) (100u + (i))

static int teardown(void **state)
{
	(void)state;
	assert_world();
	return 0;
}

static void assert_received(uint32_t i, uint64_t badge, uint64_t tag, uint64_t w0, uint64_t label)
{
	assert_int_equal(STATE(i), THREAD_READY);
	assert_int_equal(ERROR(i), E_OK);
	assert_int_equal(RESULT(i, 0), badge);
	assert_int_equal(RESULT(i, 1), tag);
	assert_int_equal(RESULT(i, 2), w0);
	assert_int_equal(RESULT(i, 6), label);
}

/* ---- send, recv ---- */

static void send_meets_receiver(void **state)
{
	(void)state;
	RECV(0, 0);
	assert_int_equal(STATE(0), THREAD_RECEIVING);
	ACT(1, OP_SEND, BADGED, MSG_TAG(5, 2, 0), 11, 12, 13, 14, DEADLINE_NEVER);
	assert_int_equal(ERROR(1), E_OK);
	assert_received(0, 77, MSG_TAG(5, 2, 0), 11, 101);
	assert_int_equal(RESULT(0, 3), 12);
	assert_int_equal(RESULT(0, 4), 0); /* registers behind the length do not leak */
	assert_int_equal(RESULT(0, 5), 0);
}

static void receiver_meets_senders_by_priority(void **state)
{
	(void)state;
	ACT(1, OP_SEND, EP, MSG_TAG(1, 1, 0), 1, 0, 0, 0, DEADLINE_NEVER);
	ACT(2, OP_SEND, EP, MSG_TAG(1, 1, 0), 2, 0, 0, 0, DEADLINE_NEVER);
	assert_int_equal(STATE(2), THREAD_SENDING);
	assert_int_equal(CALL(OP_THREAD_SET_PRIORITY, THREAD_CAP(2), 8), E_OK);
	ACT(3, OP_SEND, EP, MSG_TAG(1, 1, 0), 3, 0, 0, 0, DEADLINE_NEVER);
	RECV(0, 0);
	assert_received(0, 0, MSG_TAG(1, 1, 0), 2, 102);
	assert_int_equal(STATE(2), THREAD_READY);
	RECV(0, 0);
	assert_received(0, 0, MSG_TAG(1, 1, 0), 1, 101);
	RECV(0, 0);
	assert_received(0, 0, MSG_TAG(1, 1, 0), 3, 103);
}

/* Calls and sends of one priority are taken in the order in which they came; without a slot for a Reply, calls are passed over. */
static void equals_keep_their_order_whether_they_call_or_send(void **state)
{
	(void)state;
	CALL_EP(1, EP, 1);
	ACT(2, OP_SEND, EP, MSG_TAG(1, 1, 0), 2, 0, 0, 0, DEADLINE_NEVER);
	CALL_EP(3, EP, 3);
	ACT(4, OP_SEND, EP, MSG_TAG(1, 1, 0), 4, 0, 0, 0, DEADLINE_NEVER);
	CALL_EP(5, EP, 5);
	for (uint32_t i = 1; i <= 3; i++) {
		RECV(0, REPLY(i));
		assert_received(0, 0, MSG_TAG(1, 1, 0), i, 100 + i);
	}
	RECV(0, 0); /* 4 stands before 5 here, and 5 is not taken */
	assert_received(0, 0, MSG_TAG(1, 1, 0), 4, 104);
	ACT(0, OP_RECV, EP, 0, 0, 0, 0, 0, DEADLINE_POLL);
	assert_int_equal(ERROR(0), E_TIMEOUT);
	ACT(2, OP_SEND, EP, MSG_TAG(1, 1, 0), 6, 0, 0, 0, DEADLINE_NEVER);
	assert_int_equal(CALL(OP_THREAD_SET_PRIORITY, THREAD_CAP(2), 33), E_OK); /* lower than the caller's */
	RECV(0, 0);
	assert_received(0, 0, MSG_TAG(1, 1, 0), 6, 102);
	RECV(0, REPLY(5));
	assert_received(0, 0, MSG_TAG(1, 1, 0), 5, 105);
	assert_int_equal(endpoint_at(slot_object(world_slot(EP)))->sender_summary, 0);
}

static void long_messages_are_copied(void **state)
{
	(void)state;
	for (uint32_t i = 4; i < MSG_MAX_WORDS; i++)
		PAGE_OF(1)->words[i] = i * 3;
	RECV(0, REPLY(0));
	ACT(1, OP_CALL, EP, MSG_TAG(1, MSG_MAX_WORDS, 0), 1, 2, 3, 4, DEADLINE_NEVER);
	for (uint32_t i = 4; i < MSG_MAX_WORDS; i++)
		assert_int_equal(PAGE_OF(0)->words[i], i * 3);
	PAGE_OF(0)->words[4] = 4711;
	PAGE_OF(0)->words[5] = 4712;
	ACT(0, OP_REPLY, REPLY(0), MSG_TAG(0, 5, 0), 1, 2, 3, 4);
	assert_int_equal(PAGE_OF(1)->words[4], 4711);
	assert_int_equal(PAGE_OF(1)->words[5], 15);
}

static void bad_tags_are_refused(void **state)
{
	const uint64_t bad[] = {MSG_TAG(1, 385, 0), MSG_TAG(1, 0, 5), MSG_TAG(1, 0, 0) | 1ull << 35,
				MSG_TAG(MSG_OP_NOTICE, 0, 0), MSG_TAG(MSG_OP_PAGE_FAULT, 4, 0)};

	(void)state;
	for (uint32_t i = 0; i < ARRAY_COUNT(bad); i++) {
		ACT(1, OP_SEND, EP, bad[i], 0, 0, 0, 0, DEADLINE_NEVER);
		assert_int_equal(ERROR(1), E_ARG);
		ACT(1, OP_CALL, EP, bad[i], 0, 0, 0, 0, DEADLINE_NEVER);
		assert_int_equal(ERROR(1), E_ARG);
	}
}

static void rights_are_needed(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_CNODE_COPY, EMPTY, EP, RIGHT_WRITE), E_OK);
	ACT(1, OP_CALL, EMPTY, 0, 0, 0, 0, 0, DEADLINE_NEVER);
	assert_int_equal(ERROR(1), E_RIGHTS);
	ACT(1, OP_SEND, EMPTY, MSG_TAG(1, 0, 1), 0, 0, 0, 0, DEADLINE_NEVER);
	assert_int_equal(ERROR(1), E_RIGHTS);
	ACT(1, OP_RECV, EMPTY, 0, 0, 0, 0, 0, DEADLINE_NEVER);
	assert_int_equal(ERROR(1), E_RIGHTS);
	ACT(1, OP_SEND, NTFN, 0, 0, 0, 0, 0, DEADLINE_NEVER);
	assert_int_equal(ERROR(1), E_TYPE);
	ACT(1, OP_SEND, 200, 0, 0, 0, 0, 0, DEADLINE_NEVER);
	assert_int_equal(ERROR(1), E_CAP);
}

/* ---- call, reply ---- */

static void call_and_reply(void **state)
{
	(void)state;
	RECV(0, REPLY(0));
	sched_set_priority(world.self, 200);
	CALL_EP(1, BADGED, 42);
	assert_ptr_equal(cpu()->current, actors[0]); /* straight to the partner */
	assert_received(0, 77, MSG_TAG(1, 1, 0), 42, 101);
	assert_int_equal(STATE(1), THREAD_CALLING);
	assert_int_equal(slot_type(world_slot(REPLY(0))), CAP_REPLY);
	ACT(0, OP_REPLY_RECV, EP | (uint64_t)REPLY(0) << 32, MSG_TAG(9, 1, 0), 43, 7, 7, 7, DEADLINE_NEVER);
	assert_int_equal(STATE(0), THREAD_RECEIVING);
	assert_received(1, 0, MSG_TAG(9, 1, 0), 43, DEADLINE_NEVER); /* no label in an answer */
	assert_int_equal(RESULT(1, 3), 0);
	assert_true(slot_is_empty(world_slot(REPLY(0))));
	assert_ptr_equal(cpu()->current, actors[1]);
}

static void call_waits_for_a_receiver_with_a_slot(void **state)
{
	(void)state;
	RECV(0, 0);
	CALL_EP(1, EP, 1);
	assert_int_equal(STATE(0), THREAD_RECEIVING);
	assert_int_equal(STATE(1), THREAD_SENDING);
	ACT(2, OP_SEND, EP, MSG_TAG(1, 1, 0), 2, 0, 0, 0, DEADLINE_NEVER);
	assert_received(0, 0, MSG_TAG(1, 1, 0), 2, 102);
	ACT(0, OP_RECV, EP, 0, 0, 0, 0, 0, DEADLINE_POLL);
	assert_int_equal(ERROR(0), E_TIMEOUT);
	RECV(0, REPLY(0));
	assert_received(0, 0, MSG_TAG(1, 1, 0), 1, 101);
}

static void reply_slot_filled_meanwhile(void **state)
{
	(void)state;
	RECV(0, REPLY(0));
	assert_int_equal(CALL(OP_CNODE_COPY, REPLY(0), NTFN, RIGHTS_ALL), E_OK);
	CALL_EP(1, EP, 1);
	assert_int_equal(STATE(1), THREAD_SENDING);
	assert_int_equal(STATE(0), THREAD_READY);
	assert_int_equal(ERROR(0), E_SLOT_USED);
	RECV(0, REPLY(0));
	assert_int_equal(ERROR(0), E_SLOT_USED);
	RECV(0, 0x5000);
	assert_int_equal(ERROR(0), E_SLOT);
	RECV(0, REPLY(1));
	assert_int_equal(ERROR(0), E_OK);
}

static void reply_slot_deleted_meanwhile(void **state)
{
	(void)state;
	world_make(UT, CAP_CNODE, 4, EMPTY);
	assert_int_equal(CALL(OP_CNODE_COPY, SLOT_IN(ROOT_CAP_CNODE, 9), EMPTY, RIGHTS_ALL), E_OK);
	RECV(0, 9 << 8 | 3);
	assert_int_equal(STATE(0), THREAD_RECEIVING);
	assert_int_equal(CALL(OP_CNODE_DELETE, EMPTY), E_OK);
	CALL_EP(1, EP, 1);
	assert_int_equal(ERROR(0), E_SLOT);
	assert_int_equal(STATE(1), THREAD_SENDING);
}

static void dead_callers_answer_is_gone(void **state)
{
	(void)state;
	RECV(0, REPLY(0));
	CALL_EP(1, EP, 1);
	assert_int_equal(CALL(OP_CNODE_DELETE, THREAD_CAP(1)), E_OK);
	ACT(0, OP_REPLY_RECV, EP | (uint64_t)REPLY(0) << 32, 0, 0, 0, 0, 0, DEADLINE_NEVER);
	assert_int_equal(STATE(0), THREAD_READY); /* at once, without receiving */
	assert_int_equal(ERROR(0), E_GONE);
	assert_true(slot_is_empty(world_slot(REPLY(0))));
	ACT(0, OP_REPLY_RECV, EP | (uint64_t)REPLY(0) << 32, 0, 0, 0, 0, 0, DEADLINE_NEVER);
	assert_int_equal(ERROR(0), E_CAP);
}

static void deleted_reply_wakes_the_caller(void **state)
{
	(void)state;
	RECV(0, REPLY(0));
	CALL_EP(1, EP, 1);
	assert_int_equal(CALL(OP_CNODE_DELETE, REPLY(0)), E_OK);
	assert_int_equal(STATE(1), THREAD_READY);
	assert_int_equal(ERROR(1), E_DEAD);
	assert_int_equal(actors[1]->reply_slot, 0);
}

static void moved_reply_still_answers(void **state)
{
	(void)state;
	RECV(0, REPLY(0));
	CALL_EP(1, EP, 1);
	assert_int_equal(CALL(OP_CNODE_MOVE, REPLY(1), REPLY(0)), E_OK);
	assert_int_equal(CALL(OP_CNODE_COPY, REPLY(2), REPLY(1), RIGHTS_ALL), E_TYPE);
	ACT(0, OP_REPLY, REPLY(1), MSG_TAG(0, 1, 0), 5);
	assert_int_equal(ERROR(0), E_OK);
	assert_received(1, 0, MSG_TAG(0, 1, 0), 5, DEADLINE_NEVER);
}

/* ---- timeouts ---- */

static void timeouts(void **state)
{
	(void)state;
	host.time_ns = 1000000;
	ACT(1, OP_SEND, EP, 0, 0, 0, 0, 0, DEADLINE_POLL);
	assert_int_equal(ERROR(1), E_TIMEOUT);
	ACT(1, OP_CALL, EP, 0, 0, 0, 0, 0, 999999);
	assert_int_equal(ERROR(1), E_TIMEOUT);
	ACT(1, OP_SEND, EP, 0, 0, 0, 0, 0, 2000000);
	ACT(2, OP_CALL, EP, 0, 0, 0, 0, 0, 3000000);
	ACT(3, OP_WAIT, NTFN, 0, 0, 0, 0, 0, 4000000);
	actors_time(1999999);
	assert_int_equal(STATE(1), THREAD_SENDING);
	actors_time(2002000);
	assert_int_equal(STATE(1), THREAD_READY);
	assert_int_equal(ERROR(1), E_TIMEOUT);
	RECV(0, REPLY(0)); /* takes the call, whose deadline goes on */
	assert_int_equal(STATE(2), THREAD_CALLING);
	actors_time(3002000);
	assert_int_equal(ERROR(2), E_TIMEOUT);
	actors_time(4002000);
	assert_int_equal(ERROR(3), E_TIMEOUT);
	ACT(0, OP_REPLY, REPLY(0), 0);
	assert_int_equal(ERROR(0), E_GONE);
}

static void answer_in_time_ends_the_timeout(void **state)
{
	(void)state;
	RECV(0, REPLY(0));
	ACT(1, OP_CALL, EP, 0, 0, 0, 0, 0, 5000000);
	ACT(0, OP_REPLY, REPLY(0), 0);
	assert_int_equal(ERROR(1), E_OK);
	assert_int_equal(actors[1]->timer_bucket, ~0u);
	actors_time(9000000);
	assert_int_equal(ERROR(1), E_OK);
}

/* ---- suspension, interruption, death ---- */

static void suspension_takes_back_and_repeats(void **state)
{
	(void)state;
	ACT(1, OP_SEND, EP, MSG_TAG(1, 1, 0), 9, 0, 0, 0, DEADLINE_NEVER);
	assert_int_equal(CALL(OP_THREAD_SUSPEND, THREAD_CAP(1)), E_OK);
	assert_int_equal(STATE(1), THREAD_SUSPENDED);
	assert_int_equal(actors[1]->ctx.regs.rip, 0x401000 - 2);
	assert_int_equal(actors[1]->ctx.regs.rax, TESSERA_SYSCALL_BASE + OP_SEND);
	ACT(0, OP_RECV, EP, 0, 0, 0, 0, 0, DEADLINE_POLL);
	assert_int_equal(ERROR(0), E_TIMEOUT);
	/* a reply_recv whose reply is done is repeated as recv */
	RECV(0, REPLY(0));
	CALL_EP(2, EP, 1);
	ACT(0, OP_REPLY_RECV, EP | (uint64_t)REPLY(0) << 32, 0, 0, 0, 0, 0, DEADLINE_NEVER);
	assert_int_equal(CALL(OP_THREAD_SUSPEND, THREAD_CAP(0)), E_OK);
	assert_int_equal(actors[0]->ctx.regs.rax, TESSERA_SYSCALL_BASE + OP_RECV);
}

static void open_call_completes_while_suspended(void **state)
{
	(void)state;
	RECV(0, REPLY(0));
	CALL_EP(1, EP, 1);
	assert_int_equal(CALL(OP_THREAD_SUSPEND, THREAD_CAP(1)), E_OK);
	assert_int_equal(STATE(1), THREAD_CALLING);
	ACT(0, OP_REPLY, REPLY(0), MSG_TAG(0, 1, 0), 3);
	assert_int_equal(ERROR(0), E_OK);
	assert_int_equal(STATE(1), THREAD_SUSPENDED);
	assert_int_equal(RESULT(1, 2), 3);
	assert_int_equal(CALL(OP_THREAD_RESUME, THREAD_CAP(1)), E_OK);
	assert_int_equal(STATE(1), THREAD_READY);
}

static void interrupt_without_personality(void **state)
{
	(void)state;
	ACT(1, OP_WAIT, NTFN, 0, 0, 0, 0, 0, DEADLINE_NEVER);
	assert_int_equal(CALL(OP_THREAD_INTERRUPT, THREAD_CAP(1)), E_OK);
	assert_int_equal(ERROR(1), E_INTERRUPTED);
	CALL_EP(2, EP, 1);
	assert_int_equal(CALL(OP_THREAD_INTERRUPT, THREAD_CAP(2)), E_OK);
	assert_int_equal(STATE(2), THREAD_SENDING);
}

static void death_in_every_state(void **state)
{
	(void)state;
	RECV(0, REPLY(0));
	CALL_EP(1, EP, 1); /* 1: calling, 0: ready with a Reply */
	RECV(2, REPLY(2)); /* receiving */
	ACT(3, OP_WAIT, NTFN, 0, 0, 0, 0, 0, 7000000);
	assert_int_equal(CALL(OP_CNODE_DELETE, THREAD_CAP(2)), E_OK);
	ACT(4, OP_SEND, EP, 0, 0, 0, 0, 0, 8000000);
	ACT(5, OP_SEND, EP, MSG_TAG(1, 1, 0), 6, 0, 0, 0, DEADLINE_NEVER);
	assert_int_equal(STATE(4), THREAD_SENDING);
	assert_int_equal(CALL(OP_CNODE_DELETE, THREAD_CAP(4)), E_OK);
	assert_int_equal(CALL(OP_CNODE_DELETE, THREAD_CAP(3)), E_OK);
	assert_int_equal(CALL(OP_CNODE_DELETE, THREAD_CAP(1)), E_OK);
	actors_time(9000000);
	ACT(0, OP_REPLY, REPLY(0), 0);
	assert_int_equal(ERROR(0), E_GONE);
	RECV(0, REPLY(0));
	assert_received(0, 0, MSG_TAG(1, 1, 0), 6, 105);
}

/* ---- revocation ---- */

static void endpoint_death_wakes_everybody(void **state)
{
	(void)state;
	ACT(1, OP_SEND, EP, 0, 0, 0, 0, 0, DEADLINE_NEVER);
	CALL_EP(2, BADGED, 1);
	RECV(0, 0);
	assert_int_equal(ERROR(0), E_OK);
	RECV(0, 0);
	assert_int_equal(STATE(0), THREAD_RECEIVING);
	assert_int_equal(CALL(OP_CNODE_DELETE, EP), E_OK);
	assert_int_equal(ERROR(0), E_REVOKED);
	assert_int_equal(ERROR(2), E_REVOKED);
	assert_int_equal(STATE(2), THREAD_READY);
}

static void queued_message_of_a_revoked_capability(void **state)
{
	(void)state;
	CALL_EP(1, BADGED, 1);
	ACT(2, OP_SEND, EP, MSG_TAG(1, 1, 0), 2, 0, 0, 0, DEADLINE_NEVER);
	assert_int_equal(CALL(OP_CNODE_DELETE, BADGED), E_OK);
	assert_int_equal(CALL(OP_CNODE_MINT, BADGED, EP, RIGHTS_ALL, 77, 0), E_OK); /* alike, but another */
	RECV(0, REPLY(0));
	assert_received(0, 0, MSG_TAG(1, 1, 0), 2, 102);
	assert_int_equal(ERROR(1), E_REVOKED);
}

/* ---- notices ---- */

#define ANCHOR 140u
#define CHILD 141u

static void notices(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_CNODE_MINT, ANCHOR, EP, RIGHT_WRITE | RIGHT_GRANT, 5, 1), E_OK);
	assert_int_equal(CALL(OP_CNODE_MINT, CHILD, ANCHOR, RIGHTS_ALL, 0, 0), E_OK);
	ACT(0, OP_RECV, EP, 0, 0, 0, 0, 0, DEADLINE_POLL);
	while (ERROR(0) == E_OK) /* the anchor alone may have given a notice before it had a child */
		ACT(0, OP_RECV, EP, 0, 0, 0, 0, 0, DEADLINE_POLL);
	ACT(1, OP_SEND, EP, MSG_TAG(1, 1, 0), 1, 0, 0, 0, DEADLINE_NEVER);
	assert_int_equal(CALL(OP_CNODE_DELETE, CHILD), E_OK);
	RECV(0, 0);
	assert_received(0, 5, MSG_TAG(MSG_OP_NOTICE, 0, 0), 0, 0);
	RECV(0, 0);
	assert_received(0, 0, MSG_TAG(1, 1, 0), 1, 101);
	/* delivered to somebody who waits already; deriving arms again */
	assert_int_equal(CALL(OP_CNODE_MINT, CHILD, ANCHOR, RIGHTS_ALL, 0, 0), E_OK);
	RECV(0, REPLY(0));
	assert_int_equal(CALL(OP_CNODE_DELETE, CHILD), E_OK);
	assert_received(0, 5, MSG_TAG(MSG_OP_NOTICE, 0, 0), 0, 0);
	/* minting again cancels a queued notice */
	assert_int_equal(CALL(OP_CNODE_MINT, CHILD, ANCHOR, RIGHTS_ALL, 0, 0), E_OK);
	assert_int_equal(CALL(OP_CNODE_DELETE, CHILD), E_OK);
	assert_int_equal(CALL(OP_CNODE_MINT, CHILD, ANCHOR, RIGHTS_ALL, 0, 0), E_OK);
	ACT(0, OP_RECV, EP, 0, 0, 0, 0, 0, DEADLINE_POLL);
	assert_int_equal(ERROR(0), E_TIMEOUT);
	assert_int_equal(CALL(OP_CNODE_DELETE, CHILD), E_OK);
	assert_int_equal(CALL(OP_CNODE_MOVE, CHILD, ANCHOR), E_OK); /* with its notice */
	RECV(0, 0);
	assert_received(0, 5, MSG_TAG(MSG_OP_NOTICE, 0, 0), 0, 0);
}

static void queued_message_never_follows_its_notice(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_CNODE_MINT, ANCHOR, EP, RIGHT_WRITE | RIGHT_GRANT, 5, 1), E_OK);
	assert_int_equal(CALL(OP_CNODE_MINT, CHILD, ANCHOR, RIGHTS_ALL, 0, 0), E_OK);
	CALL_EP(1, CHILD, 1);
	assert_int_equal(CALL(OP_CNODE_DELETE, CHILD), E_OK);
	RECV(0, REPLY(0));
	assert_received(0, 5, MSG_TAG(MSG_OP_NOTICE, 0, 0), 0, 0);
	ACT(0, OP_RECV, EP | (uint64_t)REPLY(0) << 32, 0, 0, 0, 0, 0, DEADLINE_POLL);
	assert_int_equal(ERROR(0), E_TIMEOUT);
	assert_int_equal(ERROR(1), E_REVOKED);
}

/* ---- notifications ---- */

static void signals(void **state)
{
	(void)state;
	ACT(1, OP_SIGNAL, NTFN, 3);
	ACT(1, OP_SIGNAL, NTFN, 4);
	ACT(2, OP_WAIT, NTFN, 0, 0, 0, 0, 0, DEADLINE_NEVER);
	assert_int_equal(RESULT(2, 0), 7);
	ACT(2, OP_POLL, NTFN);
	assert_int_equal(RESULT(2, 0), 0);
	ACT(2, OP_WAIT, NTFN, 0, 0, 0, 0, 0, DEADLINE_NEVER);
	ACT(3, OP_WAIT, NTFN, 0, 0, 0, 0, 0, DEADLINE_NEVER);
	ACT(1, OP_SIGNAL, NTFN, 16);
	assert_int_equal(STATE(2), THREAD_READY);
	assert_int_equal(RESULT(2, 0), 16);
	assert_int_equal(STATE(3), THREAD_WAITING);
	assert_int_equal(CALL(OP_CNODE_DELETE, NTFN), E_OK);
	assert_int_equal(ERROR(3), E_REVOKED);
}

static void bound_notification(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_THREAD_BIND_NOTIFICATION, THREAD_CAP(0), NTFN), E_OK);
	assert_int_equal(CALL(OP_THREAD_BIND_NOTIFICATION, THREAD_CAP(1), NTFN), E_BUSY);
	RECV(0, REPLY(0));
	ACT(1, OP_SIGNAL, NTFN, 6);
	assert_received(0, 0, MSG_TAG(MSG_OP_SIGNAL, 1, 0), 6, 0);
	ACT(1, OP_SEND, EP, 0, 0, 0, 0, 0, DEADLINE_NEVER);
	ACT(2, OP_SIGNAL, NTFN, 1);
	RECV(0, 0);
	assert_received(0, 0, MSG_TAG(MSG_OP_SIGNAL, 1, 0), 1, 0);
	RECV(0, 0);
	assert_received(0, 0, 0, 0, 101);
	assert_int_equal(CALL(OP_CNODE_DELETE, NTFN), E_OK);
	assert_int_equal(actors[0]->bound, 0);
}

/* ---- capabilities in messages ---- */

static void transfers(void **state)
{
	struct msg_page *from = PAGE_OF(1), *to = PAGE_OF(0);

	(void)state;
	from->send_slot[0] = NTFN;
	from->send_rights[0] = RIGHT_WRITE;
	from->send_mode[0] = XFER_CHILD;
	from->send_slot[1] = BADGED;
	from->send_slot[2] = 250;  /* empty */
	from->send_slot[3] = NTFN; /* no slot for it */
	from->send_rights[3] = RIGHTS_ALL;
	to->recv_slot[0] = EMPTY + 20;
	to->recv_slot[1] = EMPTY + 21;
	to->recv_slot[2] = EMPTY + 22;
	RECV(0, REPLY(0));
	ACT(1, OP_CALL, EP, MSG_TAG(1, 0, 4), 0, 0, 0, 0, DEADLINE_NEVER);
	assert_int_equal(ERROR(0), E_OK);
	assert_int_equal(to->received_kind[0], RECEIVED_SLOT);
	assert_int_equal(to->received_kind[1], RECEIVED_BADGE);
	assert_int_equal(to->received_badge[1], 77);
	assert_int_equal(to->received_kind[2], RECEIVED_NONE);
	assert_int_equal(to->received_kind[3], RECEIVED_NONE);
	assert_int_equal(from->transferred, 1);
	assert_int_equal(slot_rights(world_slot(EMPTY + 20)), RIGHT_WRITE);
	assert_true(slot_is_empty(world_slot(EMPTY + 21)));
	/* back: moved */
	to->send_slot[0] = EMPTY + 20;
	to->send_mode[0] = XFER_MOVE;
	from->recv_slot[0] = EMPTY + 30;
	ACT(0, OP_REPLY, REPLY(0), MSG_TAG(0, 0, 1));
	assert_true(slot_is_empty(world_slot(EMPTY + 20)));
	assert_int_equal(slot_type(world_slot(EMPTY + 30)), CAP_NOTIFICATION);
	assert_int_equal(from->received_kind[0], RECEIVED_SLOT);
}

static void transfer_cannot_take_the_reply_slot(void **state)
{
	(void)state;
	PAGE_OF(1)->send_slot[0] = NTFN;
	PAGE_OF(1)->send_mode[0] = XFER_SIBLING;
	PAGE_OF(0)->recv_slot[0] = REPLY(0);
	RECV(0, REPLY(0));
	ACT(1, OP_CALL, EP, MSG_TAG(1, 0, 1), 0, 0, 0, 0, DEADLINE_NEVER);
	assert_int_equal(slot_type(world_slot(REPLY(0))), CAP_REPLY);
	assert_int_equal(PAGE_OF(0)->received_kind[0], RECEIVED_NONE);
}

static void failed_transfer_of_a_child_gives_a_notice(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_CNODE_MINT, ANCHOR, EP, RIGHT_WRITE | RIGHT_GRANT, 5, 1), E_OK);
	ACT(0, OP_RECV, EP, 0, 0, 0, 0, 0, DEADLINE_POLL);
	ACT(0, OP_RECV, EP, 0, 0, 0, 0, 0, DEADLINE_POLL);
	assert_int_equal(ERROR(0), E_TIMEOUT);
	RECV(0, REPLY(0));
	CALL_EP(1, EP, 1);
	PAGE_OF(0)->send_slot[0] = ANCHOR;
	PAGE_OF(0)->send_mode[0] = XFER_CHILD;
	PAGE_OF(0)->send_rights[0] = RIGHTS_ALL;
	ACT(0, OP_REPLY, REPLY(0), MSG_TAG(0, 0, 1)); /* actor 1 named no slot */
	assert_int_equal(PAGE_OF(0)->transferred, 0);
	RECV(0, 0);
	assert_received(0, 5, MSG_TAG(MSG_OP_NOTICE, 0, 0), 0, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, actors_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(send_meets_receiver),
		TEST(receiver_meets_senders_by_priority),
		TEST(equals_keep_their_order_whether_they_call_or_send),
		TEST(long_messages_are_copied),
		TEST(bad_tags_are_refused),
		TEST(rights_are_needed),
		TEST(call_and_reply),
		TEST(call_waits_for_a_receiver_with_a_slot),
		TEST(reply_slot_filled_meanwhile),
		TEST(reply_slot_deleted_meanwhile),
		TEST(dead_callers_answer_is_gone),
		TEST(deleted_reply_wakes_the_caller),
		TEST(moved_reply_still_answers),
		TEST(timeouts),
		TEST(answer_in_time_ends_the_timeout),
		TEST(suspension_takes_back_and_repeats),
		TEST(open_call_completes_while_suspended),
		TEST(interrupt_without_personality),
		TEST(death_in_every_state),
		TEST(endpoint_death_wakes_everybody),
		TEST(queued_message_of_a_revoked_capability),
		TEST(notices),
		TEST(queued_message_never_follows_its_notice),
		TEST(signals),
		TEST(bound_notification),
		TEST(transfers),
		TEST(transfer_cannot_take_the_reply_slot),
		TEST(failed_transfer_of_a_child_gives_a_notice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
