/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A service's request, as the generated dispatchers (tessera/proto/NAME_server.h) take it.
 *
 * The same words carry the request and then its answer: a handler reads its `in` struct, not rq->w.  Data of request
 * and answer share the message page: take what is needed of the request's data before writing the answer's.
 */
#pragma once

#include <tessera/protocol.h>

#define SERVICE_NO_REPLY (-1) /* the handler has kept the Reply, or wants none sent */

struct request {
	union {
		struct ipc_msg msg; /* for ts_recv and ts_reply_recv */
		struct {
			uint64_t badge;
			uint64_t tag;
			uint64_t w[4];
			uint64_t label;
		};
	};
	struct msg_page *page; /* this thread's message page */
	void *context;	       /* the service's own */
	cap_t reply_slot;      /* where the request's Reply stands */
	uint32_t undo_op;      /* operation to undo when the reply gets E_GONE; 0: none */
};

/* Makes rq->msg the answer: status, length in words, number of capabilities (in page->send_slot). */
static inline int service_answer(struct request *rq, int status, uint32_t words, uint32_t caps)
{
	if (status == SERVICE_NO_REPLY)
		return SERVICE_NO_REPLY;
	rq->tag = MSG_TAG(status, words, caps);
	return 0;
}

/* ---- the loop (loop.c) ------------------------------------------------------------------------------------------ */

struct service_ops {
	/* A request: leaves the answer in rq and returns 0, or SERVICE_NO_REPLY (see service_keep_reply). A dispatcher of
	 * a protocol, or a function that looks at the operation and the badge and calls the right one. */
	int (*message)(struct request *rq);
	/* The reply to the request in rq could not be delivered (E_GONE) and rq->undo_op is set: take it back. May be NULL. */
	void (*undo)(struct request *rq);
	/* Every capability derived from the anchor with this badge is gone. May be NULL. */
	void (*notice)(void *context, uint64_t badge);
	/* Bits of the bound notification. May be NULL. */
	void (*signal)(void *context, uint64_t bits);
	/* When (ns since boot) `timer` wants to be called, DEADLINE_NEVER: not. Asked before each wait. Both NULL: no timer. */
	uint64_t (*next_deadline)(void *context);
	void (*timer)(void *context);
	void *context; /* rq->context, and the first argument of the others */
};

/*
 * Serves for ever on SERVICE_CAP_ENDPOINT: reply_recv, one request at a time.  Capabilities of requests are received in the
 * slots the service wrote to page->recv_slot; the handler empties those that are filled (page->received_kind).
 * `timer` is called when the deadline has passed, also under steady load.
 */
_Noreturn void service_run(const struct service_ops *ops);

/*
 * Keeps the request's Reply for later: returns the address it stands at (0: no slot left, answer with ENOMEM instead) and
 * receives the next one elsewhere.  The handler then returns SERVICE_NO_REPLY.
 */
cap_t service_keep_reply(struct request *rq);
/* Answers a kept Reply with what service_answer made of rq and gives its slot back. E_GONE: the caller no longer waits. */
enum tessera_error service_reply_kept(cap_t reply, struct request *rq);
