/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Operations on capability slots (abi/operations.toml, 100-199).
 *
 * Handlers decode first and change something only when nothing can fail any more.  Slots are resolved anew by each call.
 */
#include <kernel/handlers.h>

#include <cspace.h>
#include <ipc.h>
#include <memory.h>
#include <restart.h>

#define MINT_NOTICE 1u
#define COPY_WORK 300u /* instructions, about (work_add) */
#define PASS_WORK 20u
#define INSPECT_COUNT_MAX 1024u /* slots in use are counted up to this size; beyond: ~0 */

/* cap_inspect's bits above the type */
#define INSPECT_ORIGIN 0x100u
#define INSPECT_DESCENDANTS 0x200u
#define INSPECT_ANCHOR 0x400u
#define INSPECT_DYING 0x800u

enum tessera_error invoke_cnode_copy(struct thread *self, const struct slot_place *dst, struct slot *src)
{
	return cap_derive(src, dst->slot, (uint32_t)ctx_arg(&self->ctx, 2), false);
}

/* Whether badge and flags may be given to a child of src. */
static enum tessera_error mint_check(const struct slot *src, uint64_t badge, uint64_t flags)
{
	uint32_t type = slot_type(src);
	bool is_badged_type = type == CAP_ENDPOINT || type == CAP_NOTIFICATION;

	if ((flags & ~(uint64_t)MINT_NOTICE) != 0)
		return E_ARG;
	if (badge != 0 && (!is_badged_type || src->badge != 0))
		return E_ARG;
	if ((flags & MINT_NOTICE) != 0 && (type != CAP_ENDPOINT || (badge | src->badge) == 0))
		return E_ARG;
	return E_OK;
}

enum tessera_error invoke_cnode_mint(struct thread *self, const struct slot_place *dst, struct slot *src)
{
	uint64_t badge = ctx_arg(&self->ctx, 3), flags = ctx_arg(&self->ctx, 4);
	enum tessera_error error = mint_check(src, badge, flags);

	if (error == E_OK)
		error = cap_derive(src, dst->slot, (uint32_t)ctx_arg(&self->ctx, 2), true);
	if (error != E_OK)
		return error;
	if (badge != 0)
		dst->slot->badge = badge;
	if ((flags & MINT_NOTICE) != 0) {
		slot_add_flags(dst->slot, SLOT_ANCHOR | SLOT_ARMED);
		notice_check(dst->slot);
	}
	return E_OK;
}

enum tessera_error invoke_cnode_move(UNUSED struct thread *self, const struct slot_place *dst,
				     struct slot *src)
{
	return cap_move(src, dst);
}

/* Progress: steps done | 0x100 | the slot's generation. */
#define STEPS_SHIFT 9u

/* delete and revoke: a restarted call whose slot has been emptied meanwhile (another generation) has succeeded. */
static enum tessera_error remove_at(struct thread *self, uint32_t operation)
{
	uint64_t limit = ctx_arg(&self->ctx, 1), progress = restart_take(self, operation);
	uint64_t steps = progress >> STEPS_SHIFT;
	struct slot_place place;
	enum tessera_error error = slot_lookup(self, ctx_arg(&self->ctx, 0), RIGHT_WRITE, &place);

	if (error != E_OK)
		return progress != 0 ? E_OK : error;
	if (progress != 0 && (progress & 0xffu) != slot_generation(place.slot))
		return E_OK;
	if (slot_is_empty(place.slot))
		return E_CAP;
	if (operation == OP_CNODE_REVOKE && (slot_rights(place.slot) & RIGHT_REVOKE) == 0)
		return E_RIGHTS;
	progress = 0x100u | slot_generation(place.slot);
	error = cap_remove(place.slot, operation == OP_CNODE_DELETE, limit, &steps);
	if (error == E_RESTART || error == E_ELSEWHERE)
		restart_note(self, operation, steps << STEPS_SHIFT | progress);
	return error;
}

enum tessera_error invoke_cnode_delete(struct thread *self, UNUSED struct slot *cap)
{
	return remove_at(self, OP_CNODE_DELETE);
}

enum tessera_error invoke_cnode_revoke(struct thread *self, UNUSED struct slot *cap)
{
	return remove_at(self, OP_CNODE_REVOKE);
}

static uint64_t count_used(const struct slot *cnode)
{
	uint32_t slots = 1u << cnode->badge;
	uint64_t used = 0;

	if (slots > INSPECT_COUNT_MAX)
		return ~0ull;
	for (uint32_t i = 0; i < slots; i++)
		used += !slot_is_empty(slot_at(slot_object(cnode) + i));
	return used;
}

/* The three info words, as operations.toml lists them. */
static void inspect_info(struct slot *slot, uint64_t info[3])
{
	switch (slot_type(slot)) {
	case CAP_UNTYPED:
		untyped_reset_if_unused(slot);
		info[0] = slot->badge;
		info[1] = (uint64_t)__builtin_ctzll(slot->data[0]);
		info[2] = slot_has(slot, SLOT_TABLES) ? 0 : slot->data[0] - slot->data[1];
		break;
	case CAP_CNODE:
		info[0] = 1ull << slot->badge;
		info[1] = count_used(slot);
		break;
	case CAP_MEMORY:
		info[0] = slot->badge << PAGE_SHIFT;
		info[1] = slot->data[0];
		break;
	case CAP_VIEW:
	case CAP_IOPORT:
		info[0] = slot->badge;
		info[1] = slot->data[0];
		break;
	default: break;
	}
}

static uint64_t inspect_type(const struct slot *slot)
{
	return slot_type(slot) | (slot_has(slot, SLOT_ORIGIN) ? INSPECT_ORIGIN : 0) |
	       (derivation_has_descendants(slot) ? INSPECT_DESCENDANTS : 0) |
	       (slot_has(slot, SLOT_ANCHOR) ? INSPECT_ANCHOR : 0) |
	       (slot_has(slot, SLOT_DYING) ? INSPECT_DYING : 0);
}

enum tessera_error invoke_cap_inspect(struct thread *self, const struct slot_place *place)
{
	uint64_t info[3] = {0, 0, 0};
	struct slot *slot = place->slot;
	bool is_badged = slot_type(slot) == CAP_ENDPOINT || slot_type(slot) == CAP_NOTIFICATION;

	inspect_info(slot, info);
	ctx_set_result(&self->ctx, 0, inspect_type(slot));
	ctx_set_result(&self->ctx, 1, slot_rights(slot));
	ctx_set_result(&self->ctx, 2, is_badged ? slot->badge : 0);
	for (uint32_t i = 0; i < 3; i++)
		ctx_set_result(&self->ctx, 3 + i, info[i]);
	return E_OK;
}

/* Copies what can be copied from index to index. progress: index << 32 | copied; false: preempted. */
static bool copy_slots(const struct slot *dst_cnode, const struct slot *src_cnode, uint64_t *progress)
{
	uint32_t slots = 1u << src_cnode->badge;
	uint32_t copied = (uint32_t)*progress;

	for (uint32_t i = (uint32_t)(*progress >> 32); i < slots; i++) {
		struct slot *src = slot_at(slot_object(src_cnode) + i);
		struct slot *dst = slot_at(slot_object(dst_cnode) + i);

		bool is_copy = !slot_is_empty(src) && !slot_has(src, SLOT_DYING) && slot_is_empty(dst) &&
			       cap_derive(src, dst, RIGHTS_ALL, false) == E_OK;

		copied += is_copy;
		*progress = (uint64_t)(i + 1u) << 32 | copied;
		work_add(is_copy ? COPY_WORK : PASS_WORK);
		if (i + 1u < slots && work_is_enough())
			return false;
	}
	return true;
}

enum tessera_error invoke_cnode_copy_all(struct thread *self, UNUSED struct slot *cap)
{
	uint64_t progress = restart_take(self, OP_CNODE_COPY_ALL);
	struct slot *dst, *src;
	enum tessera_error error =
		cap_lookup(self, (cap_t)ctx_arg(&self->ctx, 0), CAP_CNODE, RIGHT_WRITE, &dst);

	if (error == E_OK)
		error = cap_lookup(self, (cap_t)ctx_arg(&self->ctx, 1), CAP_CNODE, RIGHT_READ, &src);
	if (error == E_OK && dst->badge != src->badge)
		error = E_RANGE;
	if (error == E_OK && !copy_slots(dst, src, &progress))
		return restart_later(self, OP_CNODE_COPY_ALL, progress);
	ctx_set_result(&self->ctx, 0, (uint32_t)progress);
	return error;
}
