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
