/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Capability spaces: resolving slot designators, and what makes a capability from another one.
 *
 * Rights only shrink; a badge is set once; origins, Untypeds, Views and Replies exist once.  Origins (Untypeds and Views
 * carry the mark too) lie only in CNodes of smaller depth, which makes nested deletion end (deletion.c).
 */
#include <cspace.h>
#include <ipc.h>
#include <memory.h>
#include <panic.h>
#include <thread.h>

uint64_t cspace_generation = 1;

static ALWAYS_INLINE enum tessera_error lookup(const struct thread *thread, slot_t designator,
					       uint32_t cnode_rights, struct slot_place *out)
{
	cap_t address = (cap_t)(designator >> 32);
	uint32_t index = (uint32_t)designator, slots = UINT32_MAX;
	struct slot *cnode;

	if (address != 0) {
		if (cap_lookup(thread, address, CAP_CNODE, 0, &cnode) != E_OK)
			return E_SLOT;
	} else {
		cnode = leaf_of(thread, index);
		if (index == 0 || cnode == NULL)
			return E_SLOT;
		index &= 0xffu;
		slots = 255; /* those behind belong to the next leaf */
	}
	if ((~slot_rights(cnode) & cnode_rights) != 0)
		return E_RIGHTS;
	if (slots > cnode->aux)
		slots = cnode->aux;
	*out = (struct slot_place){
		.slot = slot_in(cnode, index), .depth = cnode->detail, .room = slots - index + 1u};
	return out->slot != NULL ? E_OK : E_SLOT;
}

enum tessera_error slot_lookup(const struct thread *thread, slot_t designator, uint32_t cnode_rights,
			       struct slot_place *out)
{
	return lookup(thread, designator, cnode_rights, out);
}

enum tessera_error slot_lookup_empty(const struct thread *thread, slot_t designator, struct slot_place *out)
{
	enum tessera_error error = lookup(thread, designator, RIGHT_WRITE, out);

	return error == E_OK && !slot_is_empty(out->slot) ? E_SLOT_USED : error;
}

enum tessera_error slot_lookup_cap(const struct thread *thread, slot_t designator, uint32_t cnode_rights,
				   struct slot **out)
{
	struct slot_place place;
	enum tessera_error error = lookup(thread, designator, cnode_rights, &place);

	if (error != E_OK)
		return error;
	*out = place.slot;
	return slot_is_empty(place.slot) || slot_has(place.slot, SLOT_DYING) ? E_CAP : E_OK;
}

enum tessera_error cap_derive(struct slot *src, struct slot *dst, uint32_t rights, bool as_child)
{
	bool is_child = as_child || slot_has(src, SLOT_ORIGIN);
	uint32_t type = slot_type(src);

	if (type == CAP_UNTYPED || type == CAP_VIEW || type == CAP_REPLY)
		return E_TYPE;
	if (is_child && src->depth >= DERIVATION_MAX_DEPTH)
		return E_DEPTH;
	slot_set(dst, slot_word(type, slot_rights(src) & rights, 0, slot_object(src)), src->badge);
	dst->detail = src->detail;
	dst->aux = src->aux;
	dst->data[0] = src->data[0];
	if (!is_child) {
		derivation_insert_sibling(src, dst);
		return E_OK;
	}
	derivation_insert_child(src, dst);
	if (slot_has(src, SLOT_ANCHOR))
		slot_add_flags(src, SLOT_ARMED);
	return E_OK;
}

void cap_embed(struct slot *src, struct thread *thread, uint32_t which)
{
	struct slot *own = &thread->slots[which];
	enum tessera_error error = cap_derive(src, own, RIGHTS_ALL, false);

	ASSERT(error == E_OK);
	slot_add_flags(own, SLOT_EMBEDDED);
	if (which == THREAD_SLOT_CSPACE) {
		thread->cspace_first = slot_object(own);
		thread->cspace_mask = own->aux;
		cspace_generation++;
	} else if (which == THREAD_SLOT_VSPACE) {
		thread->vspace_root = object_address(slot_object(own));
	}
}

enum tessera_error cap_move(struct slot *src, const struct slot_place *dst)
{
	slot_ref old_place = slot_index(src);

	if (slot_has(src, SLOT_ORIGIN) && !place_allows(dst, src->depth))
		return E_DEPTH;
	notice_unlink(src);
	cspace_generation += slot_type(src) == CAP_CNODE;
	derivation_move(src, dst->slot);
	notice_check(dst->slot);
	if (slot_type(dst->slot) == CAP_REPLY)
		reply_moved(dst->slot);
	else if (slot_has(dst->slot, SLOT_ORIGIN))
		vspace_slot_moved(dst->slot, old_place);
	return E_OK;
}

enum tessera_error cap_make_origin(struct slot *parent, const struct slot_place *place, uint64_t word,
				   uint64_t badge)
{
	if (parent->depth >= DERIVATION_MAX_DEPTH || !place_allows(place, parent->depth + 1u))
		return E_DEPTH;
	slot_set(place->slot, word | (uint64_t)SLOT_ORIGIN << 16, badge);
	derivation_insert_child(parent, place->slot);
	return E_OK;
}
