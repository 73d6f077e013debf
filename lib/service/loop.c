/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The loop of a service: answer one request and take the next in one kernel entry.
 * Invariant: rq->reply_slot is an empty slot whenever recv is executed.
 */
#include <service.h>

#include <service_status.h>
#include <tessera/service.h>

/* Notes for root's crash report what is being done. */
static void note(const struct request *rq)
{
	struct service_status *status = (struct service_status *)SERVICE_STATUS_VA;

	status->label = rq->label;
	status->badge = rq->badge;
	status->operation = MSG_TAG_OP(rq->tag);
	status->requests++;
}

static uint64_t next_deadline(const struct service_ops *ops)
{
	return ops->next_deadline ? ops->next_deadline(ops->context) : DEADLINE_NEVER;
}

/* Handles what was received; true: rq holds an answer to be sent. */
static bool handle(const struct service_ops *ops, struct request *rq)
{
	note(rq);
	switch (MSG_TAG_OP(rq->tag)) {
	case MSG_OP_NOTICE:
		if (ops->notice)
			ops->notice(ops->context, rq->badge);
		return false;
	case MSG_OP_SIGNAL:
		if (ops->signal)
			ops->signal(ops->context, rq->w[0]);
		return false;
	default: rq->undo_op = 0; return ops->message(rq) != SERVICE_NO_REPLY;
	}
}

/* Calls the timer if its time has come; returns the next deadline. */
static uint64_t run_timer(const struct service_ops *ops)
{
	uint64_t deadline = next_deadline(ops);

	if (deadline == DEADLINE_NEVER || !ops->timer || deadline > time_now_ns())
		return deadline;
	ops->timer(ops->context);
	return next_deadline(ops);
}

/* Waits for a message without answering one. */
static enum tessera_error receive(const struct service_ops *ops, struct request *rq)
{
	enum tessera_error error = ts_recv(SERVICE_CAP_ENDPOINT, rq->reply_slot, &rq->msg, run_timer(ops));

	if (error == E_SLOT_USED) /* a handler wanted no answer sent and did not keep the Reply */
		(void)ts_cnode_delete(SLOT_OWN(rq->reply_slot), 0);
	else if (error != E_OK && error != E_TIMEOUT && error != E_INTERRUPTED)
		service_fail("receive failed: error %d", (int)error);
	return error;
}

_Noreturn void service_run(const struct service_ops *ops)
{
	struct request rq = {
		.page = service_page(), .context = ops->context, .reply_slot = SERVICE_CAP_REPLY};
	enum tessera_error error = E_TIMEOUT;

	for (;;) {
		if (error == E_OK && handle(ops, &rq)) {
			error = ts_reply_recv(SERVICE_CAP_ENDPOINT, rq.reply_slot, &rq.msg, run_timer(ops));
			if (error == E_OK)
				continue;
			if (error == E_GONE && rq.undo_op != 0 && ops->undo)
				ops->undo(&rq);
		}
		error = receive(ops, &rq);
	}
}

cap_t service_keep_reply(struct request *rq)
{
	cap_t kept = rq->reply_slot, next = slot_alloc();

	if (next == 0)
		return 0;
	rq->reply_slot = next;
	return kept;
}

enum tessera_error service_reply_kept(cap_t reply, struct request *rq)
{
	enum tessera_error error = ts_reply(reply, &rq->msg);

	/* The first Reply slot is no slot of slot_alloc: it is lost for that use, which costs one slot. */
	if (reply != SERVICE_CAP_REPLY)
		slot_free(reply);
	return error;
}
