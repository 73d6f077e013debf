/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * authority_graph: the derivation tree in pre-order, in batches.
 *
 * There is one reader.  It begins again when the tree has changed since its first batch; a Reply that moves counts as a change,
 * too, though Replies are not told.
 */
#include "model.h"

static uint32_t slot_number(const struct spec *spec, struct spec_place place)
{
	uint64_t base = place.holder == SPEC_KERNEL_SLOTS ? spec->kernel_slots : place.holder;

	return (uint32_t)(base / 64u + place.index);
}

static uint64_t log2_of(uint64_t power)
{
	uint64_t log2 = 0;

	while (power >> log2 > 1u)
		log2++;
	return log2;
}

static uint64_t badge_of(struct spec *spec, const struct spec_cap *cap)
{
	switch (cap->type) {
	case CAP_ENDPOINT:
	case CAP_NOTIFICATION: return cap->badge;
	case CAP_CNODE: return log2_of(cap->size);
	case CAP_THREAD: return spec_thread_of(spec, cap->object)->label;
	default: return cap->base;
	}
}

/* Bytes of an Untyped, pages of a Memory or a window, ports; of a Thread the slot of the Reply it waits for. */
static uint64_t info_of(const struct spec *spec, const struct spec_cap *cap)
{
	if (cap->type == CAP_UNTYPED || cap->type == CAP_MEMORY || cap->type == CAP_VIEW ||
	    cap->type == CAP_IOPORT)
		return cap->size;
	for (uint32_t i = 0; cap->type == CAP_THREAD && i < spec->cap_count; i++) {
		if (spec->caps[i].type == CAP_REPLY && spec->caps[i].object == cap->object)
			return slot_number(spec, spec->caps[i].place);
	}
	return 0;
}

static struct authority_record describe(struct spec *spec, const struct spec_cap *cap)
{
	bool is_embedded = spec_thread_of(spec, cap->place.holder) != NULL;

	return (struct authority_record){
		.slot = slot_number(spec, cap->place),
		.object = (uint32_t)(cap->object / 64u),
		.depth = (uint16_t)cap->depth,
		.type = (uint8_t)cap->type,
		.rights = (uint8_t)cap->rights,
		.flags = (cap->is_origin ? AUTHORITY_ORIGIN : 0) | (cap->is_anchor ? AUTHORITY_ANCHOR : 0) |
			 (cap->is_dying ? AUTHORITY_DYING : 0) | (is_embedded ? AUTHORITY_EMBEDDED : 0),
		.badge = badge_of(spec, cap),
		.info = info_of(spec, cap),
	};
}

enum tessera_error spec_op_authority_graph(struct spec *spec, struct spec_thread *self)
{
	struct authority_record *records = (struct authority_record *)&self->page.words[MSG_REGISTER_WORDS];
	uint64_t index = spec_arg(self, 1);
	uint32_t count = 0;

	if (index == 0) {
		spec->reader_changes = spec->tree_changes;
		spec->reader_next = 0;
	} else if (index != spec->reader_next || spec->reader_changes != spec->tree_changes) {
		return E_STATE;
	}
	for (; count < AUTHORITY_BATCH && spec->reader_next < spec->tree_count; count++)
		records[count] = describe(spec, &spec->caps[spec->tree[spec->reader_next++]]);
	spec_set_arg(self, 0, count);
	spec_set_arg(self, 1, spec->reader_next);
	return E_OK;
}
