/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The whole capability graph, read in batches by the holder of Machine.
 *
 * The reader's place is kept here and not by the caller, who names it by index alone: no address that user space gives is followed.
 * The place is good as long as the tree's generation is the one it was begun with, since then no slot has left the list.
 */
#include <kernel/handlers.h>

#include <cspace.h>
#include <thread.h>

static struct {
	uint64_t generation, index;
	slot_ref next;
} reader;

static_assert(AUTHORITY_ORIGIN == SLOT_ORIGIN && AUTHORITY_ANCHOR == SLOT_ANCHOR &&
		      AUTHORITY_DYING == SLOT_DYING && AUTHORITY_EMBEDDED == SLOT_EMBEDDED,
	      "records carry the slot's flags as they are");
#define FLAGS_TOLD (SLOT_ORIGIN | SLOT_ANCHOR | SLOT_DYING | SLOT_EMBEDDED)

static void describe(const struct slot *slot, struct authority_record *record)
{
	uint32_t type = slot_type(slot);
	bool has_count = type == CAP_UNTYPED || type == CAP_MEMORY || type == CAP_VIEW || type == CAP_IOPORT;

	*record = (struct authority_record){.slot = slot_index(slot),
					    .object = slot_object(slot),
					    .depth = slot->depth,
					    .type = (uint8_t)type,
					    .rights = (uint8_t)slot_rights(slot),
					    .flags = slot_flags(slot) & FLAGS_TOLD,
					    .badge = slot->badge,
					    .info = has_count ? slot->data[0] : 0};
	if (type == CAP_THREAD) {
		record->badge = thread_at(slot_object(slot))->label;
		record->info = thread_at(slot_object(slot))->reply_slot;
	}
}

enum tessera_error invoke_authority_graph(struct thread *self, UNUSED struct slot *cap)
{
	struct authority_record *records =
		(struct authority_record *)&thread_page(self)->words[MSG_REGISTER_WORDS];
	uint64_t index = ctx_arg(&self->ctx, 1);
	uint32_t count = 0;

	if (index == 0) {
		reader.generation = derivation_generation;
		reader.index = 0;
		reader.next = slot_at(derivation_sentinel)->next;
	} else if (index != reader.index || reader.generation != derivation_generation) {
		return E_STATE;
	}
	for (; count < AUTHORITY_BATCH && reader.next != derivation_sentinel; count++) {
		describe(slot_at(reader.next), &records[count]);
		reader.next = slot_at(reader.next)->next;
	}
	reader.index += count;
	ctx_set_result(&self->ctx, 0, count);
	ctx_set_result(&self->ctx, 1, reader.index);
	return E_OK;
}
