/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Capabilities in messages: up to four, each a child, a sibling or the capability itself, as the sender asks.
 *
 * The message arrives whatever happens to its capabilities; both sides learn which arrived (msg_page.received_kind,
 * .transferred).  A capability of the very endpoint it is sent through is not handed over: the receiver gets its badge.
 * Each word of a message page is read once.
 */
#include <cspace.h>
#include <ipc.h>
#include <thread.h>

/* A child that could not be delivered counts as one that came and went. */
static void count_as_dropped(struct slot *source, uint32_t mode)
{
	if (mode != XFER_CHILD || !slot_has(source, SLOT_ANCHOR))
		return;
	slot_add_flags(source, SLOT_ARMED);
	notice_check(source);
}

/* Puts source where the receiver wants its index-th capability. */
static bool transfer_to_slot(struct slot *source, struct thread *receiver, uint32_t index, uint32_t mode,
			     uint32_t rights)
{
	slot_t target = thread_page(receiver)->recv_slot[index];
	struct slot_place place;

	if (target == 0 || slot_lookup_empty(receiver, target, &place) != E_OK)
		return false;
	if (mode == XFER_MOVE)
		return cap_move(source, &place) == E_OK;
	return mode <= XFER_SIBLING && cap_derive(source, place.slot, rights, mode == XFER_CHILD) == E_OK;
}

/* One capability; RECEIVED_*. */
static uint8_t transfer_one(struct thread *sender, struct thread *receiver, endpoint_ref ref, uint32_t index)
{
	const struct msg_page *page = thread_page(sender);
	slot_t from = page->send_slot[index];
	uint32_t mode = page->send_mode[index];
	uint32_t rights = page->send_rights[index];
	struct slot *source;

	if (slot_lookup_cap(sender, from, mode == XFER_MOVE ? RIGHT_READ | RIGHT_WRITE : RIGHT_READ,
			    &source) != E_OK)
		return RECEIVED_NONE;
	if (ref != 0 && slot_type(source) == CAP_ENDPOINT && slot_object(source) == ref) {
		thread_page(receiver)->received_badge[index] = source->badge;
		return RECEIVED_BADGE;
	}
	if (transfer_to_slot(source, receiver, index, mode, rights))
		return RECEIVED_SLOT;
	count_as_dropped(source, mode);
	return RECEIVED_NONE;
}

void transfer_caps(struct thread *sender, struct thread *receiver, endpoint_ref ref, uint32_t count)
{
	struct msg_page *page = thread_page(receiver);
	uint32_t arrived = 0;

	for (uint32_t i = 0; i < MSG_MAX_CAPS; i++) {
		uint8_t kind = RECEIVED_NONE;

		page->received_badge[i] = 0;
		if (i < count)
			kind = transfer_one(sender, receiver, ref, i);
		page->received_kind[i] = kind;
		if (kind == RECEIVED_SLOT)
			arrived++;
	}
	thread_page(sender)->transferred = arrived;
}
