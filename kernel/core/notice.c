/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Drop notices: an endpoint's server learns that every capability derived from an anchor is gone.
 *
 * The ring of due notices hangs on the endpoint and runs through the anchors' link_next and link_prev.
 * Invariant: an anchor is in the ring exactly while it has SLOT_QUEUED.  Being in the ring is a hint: whether the anchor
 * is armed and without descendants is decided at delivery.
 */
#include <cspace.h>
#include <ipc.h>
#include <queue.h>
#include <sched.h>
#include <thread.h>
#include <timer.h>

#define NOTICE_ROUNDS 16u

void notice_unlink(struct slot *anchor)
{
	if (!slot_has(anchor, SLOT_QUEUED))
		return;
	slot_ring_remove(&endpoint_at(slot_object(anchor))->notices, anchor);
	slot_drop_flags(anchor, SLOT_QUEUED);
}

static bool is_due(const struct slot *anchor)
{
	return slot_has(anchor, SLOT_ANCHOR | SLOT_ARMED) && !slot_has(anchor, SLOT_DYING) &&
	       !derivation_has_descendants(anchor);
}

enum tessera_error notice_take(endpoint_ref ref, struct thread *receiver)
{
	struct endpoint *endpoint = endpoint_at(ref);

	for (uint32_t round = 0; round < NOTICE_ROUNDS; round++) {
		if (endpoint->notices == 0)
			return E_CAP;
		struct slot *anchor = slot_at(endpoint->notices);

		notice_unlink(anchor);
		if (!is_due(anchor))
			continue;
		slot_drop_flags(anchor, SLOT_ARMED);
		message_deliver(receiver, &(struct message){.badge = anchor->badge,
							    .tag = MSG_TAG(MSG_OP_NOTICE, 0, 0)});
		ctx_set_result(&receiver->ctx, 6, 0);
		return E_OK;
	}
	return E_RESTART;
}

void notice_check(struct slot *anchor)
{
	if (slot_has(anchor, SLOT_QUEUED) || !is_due(anchor))
		return;
	endpoint_ref ref = slot_object(anchor);
	struct endpoint *endpoint = endpoint_at(ref);
	thread_ref waiting = endpoint->plain_receivers != 0 ? endpoint->plain_receivers : endpoint->receivers;

	slot_ring_append(&endpoint->notices, anchor);
	slot_add_flags(anchor, SLOT_QUEUED);
	if (waiting == 0)
		return;
	struct thread *receiver = thread_at(waiting);

	if (notice_take(ref, receiver) != E_OK)
		return;
	endpoint_remove(receiver);
	if (thread_end_wait(receiver, E_OK))
		sched_ready(receiver);
}
