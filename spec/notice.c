/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Drop notices and capabilities in messages.
 *
 * A notice is due when the anchor is armed and has no descendant; that is decided at delivery, so an anchor may stand in the
 * endpoint's list that is not due any more.
 */
#include "model.h"

static bool is_due(const struct spec *spec, const struct spec_cap *anchor)
{
	return anchor->is_armed && !anchor->is_dying && !spec_has_descendants(spec, anchor);
}

bool spec_notice_forget(struct spec *spec, const struct spec_cap *anchor)
{
	struct spec_endpoint *endpoint = spec_endpoint_of(spec, anchor->object);
	uint32_t before = endpoint != NULL ? endpoint->notice_count : 0;

	if (before == 0)
		return false;
	spec_places_remove(endpoint->notices, &endpoint->notice_count, anchor->place);
	return endpoint->notice_count < before;
}

enum tessera_error spec_notice_take(struct spec *spec, struct spec_endpoint *endpoint,
				    struct spec_thread *receiver)
{
	while (endpoint->notice_count > 0) {
		struct spec_cap *anchor = spec_cap_at(spec, endpoint->notices[0]);

		spec_places_remove(endpoint->notices, &endpoint->notice_count, anchor->place);
		if (!is_due(spec, anchor))
			continue;
		anchor->is_armed = false;
		spec_deliver(receiver, anchor->badge, MSG_TAG(MSG_OP_NOTICE, 0, 0), (const uint64_t[4]){0},
			     0);
		return E_OK;
	}
	return E_CAP;
}

void spec_notice_check(struct spec *spec, struct spec_cap *anchor)
{
	struct spec_endpoint *endpoint = spec_endpoint_of(spec, anchor->object);
	struct spec_thread *receiver;

	if (!is_due(spec, anchor) || spec_places_find(endpoint->notices, endpoint->notice_count,
						      anchor->place) < endpoint->notice_count)
		return;
	spec_places_append(endpoint->notices, &endpoint->notice_count, SPEC_NOTICES, anchor->place);
	if (endpoint->plain_count > 0)
		receiver = spec_thread_of(spec, endpoint->plain[0]);
	else if (endpoint->receiver_count > 0)
		receiver = spec_thread_of(spec, endpoint->receivers[0]);
	else
		return;
	if (spec_notice_take(spec, endpoint, receiver) != E_OK)
		return;
	spec_endpoint_leave(spec, receiver);
	if (spec_end_wait(spec, receiver, E_OK))
		spec_sched_ready(spec, receiver);
}

/* ---- capabilities in messages ---- */

/* A child that could not be delivered counts as one that came and went. */
static void count_as_dropped(struct spec *spec, struct spec_cap *source, uint32_t mode)
{
	if (mode == XFER_CHILD && source->is_anchor) {
		source->is_armed = true;
		spec_notice_check(spec, source);
	}
}

static bool transfer_to_slot(struct spec *spec, struct spec_cap *source, struct spec_thread *to,
			     uint32_t index, uint32_t mode, uint32_t rights)
{
	slot_t target = to->page.recv_slot[index];
	struct spec_slot slot;
	struct spec_cap *made;

	if (target == 0 || spec_lookup_empty(spec, to, target, &slot) != E_OK)
		return false;
	switch (mode) {
	case XFER_CHILD: return spec_derive(spec, source, slot.place, rights, true, &made) == E_OK;
	case XFER_SIBLING: return spec_derive(spec, source, slot.place, rights, false, &made) == E_OK;
	case XFER_MOVE: return spec_move(spec, source, &slot) == E_OK;
	default: return false;
	}
}

static uint8_t transfer_one(struct spec *spec, struct spec_thread *from, struct spec_thread *to,
			    uint64_t endpoint, uint32_t index)
{
	uint32_t mode = from->page.send_mode[index], rights = from->page.send_rights[index];
	uint32_t needed = mode == XFER_MOVE ? RIGHT_READ | RIGHT_WRITE : RIGHT_READ;
	struct spec_cap *source;

	if (spec_lookup_source(spec, from, from->page.send_slot[index], needed, &source) != E_OK)
		return RECEIVED_NONE;
	if (endpoint != 0 && source->type == CAP_ENDPOINT && source->object == endpoint) {
		to->page.received_badge[index] = source->badge;
		return RECEIVED_BADGE;
	}
	if (transfer_to_slot(spec, source, to, index, mode, rights))
		return RECEIVED_SLOT;
	count_as_dropped(spec, source, mode);
	return RECEIVED_NONE;
}

void spec_transfer_caps(struct spec *spec, struct spec_thread *from, struct spec_thread *to,
			uint64_t endpoint, uint32_t count)
{
	uint32_t arrived = 0;

	for (uint32_t i = 0; i < MSG_MAX_CAPS; i++) {
		uint8_t kind = RECEIVED_NONE;

		to->page.received_badge[i] = 0;
		if (i < count)
			kind = transfer_one(spec, from, to, endpoint, i);
		to->page.received_kind[i] = kind;
		arrived += kind == RECEIVED_SLOT;
	}
	from->page.transferred = arrived;
}
