/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * delete and revoke.
 *
 * What is derived from a capability goes before it, the newest first; what lies in a dying CNode goes before the CNode, from
 * index 0 on; an object dies with its origin, when nothing is derived from that any more.  A capability whose deletion has
 * begun is dying: nobody can name it any more, its slot stays taken.
 */
#include "model.h"

static struct spec_cap *newest_leaf(struct spec *spec, struct spec_cap *cap)
{
	for (struct spec_cap *child; (child = spec_first_child(spec, cap)) != NULL;)
		cap = child;
	return cap;
}

/* What lies in a CNode at the lowest index; NULL: it is empty. */
static struct spec_cap *first_content(struct spec *spec, const struct spec_cap *cnode)
{
	struct spec_cap *first = NULL;

	for (uint32_t i = 0; i < spec->cap_count; i++) {
		struct spec_cap *cap = &spec->caps[i];

		if (cap->type != CAP_NULL && cap->place.holder == cnode->object &&
		    (first == NULL || cap->place.index < first->place.index))
			first = cap;
	}
	return first;
}

/* One step of the death of the object whose origin this is. True: it is dead. */
static bool object_die_step(struct spec *spec, struct spec_cap *origin)
{
	switch (origin->type) {
	case CAP_UNTYPED:
		if (origin->is_donated)
			spec_tables_take_back(spec, origin);
		return true;
	case CAP_ENDPOINT: return spec_endpoint_die_step(spec, spec_endpoint_of(spec, origin->object));
	case CAP_NOTIFICATION:
		return spec_notification_die_step(spec, spec_notification_of(spec, origin->object));
	case CAP_THREAD: spec_thread_die(spec, origin->object); return true;
	case CAP_VSPACE: return spec_vspace_die_step(spec, origin->object);
	case CAP_VIEW: return spec_view_die_step(spec, origin);
	case CAP_SCHED_CONTEXT: spec_context_die(spec, origin->object); return true;
	case CAP_IRQ: spec_irq_die(spec, origin); return true;
	default: return true;
	}
}

static bool is_in_thread(struct spec *spec, const struct spec_cap *cap)
{
	return spec_thread_of(spec, cap->place.holder) != NULL;
}

/* What goes next; *is_marked: only the mark that it is dying is set. NULL: nothing is left. */
static struct spec_cap *next_leaf(struct spec *spec, struct spec_place top, bool is_whole, bool *is_marked)
{
	struct spec_cap *target = spec_cap_at(spec, top), *leaf = NULL;

	*is_marked = false;
	while (target != NULL) { /* from a dying CNode to what lies in it, and on */
		leaf = newest_leaf(spec, target);
		if (spec_same_place(leaf->place, top) && !is_whole)
			return NULL;
		if (leaf->type != CAP_CNODE || !leaf->is_origin)
			return leaf;
		if (!leaf->is_dying) {
			*is_marked = true;
			return leaf;
		}
		target = first_content(spec, leaf);
	}
	return leaf;
}

/* The Thread that must not run while a capability goes; 0: none. */
static uint64_t thread_to_stop(struct spec *spec, const struct spec_cap *leaf)
{
	if (is_in_thread(spec, leaf))
		return leaf->place.holder;
	return leaf->type == CAP_THREAD && leaf->is_origin ? leaf->object : 0;
}

uint32_t spec_deletion_needs(struct spec *spec, struct spec_place top, bool is_whole)
{
	bool is_marked;
	const struct spec_cap *leaf = next_leaf(spec, top, is_whole, &is_marked);
	uint64_t thread = leaf != NULL && !is_marked ? thread_to_stop(spec, leaf) : 0;
	uint32_t cpu = thread != 0 ? spec_runs_on(spec, thread) : SPEC_NO_CPU;

	return cpu != spec->here ? cpu : SPEC_NO_CPU;
}

bool spec_deletion_step(struct spec *spec, struct spec_place top, bool is_whole)
{
	bool is_marked;
	struct spec_cap *leaf = next_leaf(spec, top, is_whole, &is_marked);

	if (leaf == NULL || spec_deletion_needs(spec, top, is_whole) != SPEC_NO_CPU)
		return false;
	if (is_marked) {
		leaf->is_dying = true;
		return true;
	}
	if (is_in_thread(spec, leaf)) {
		spec_unembed(spec, leaf->place);
		return true;
	}
	if (leaf->is_origin && !leaf->is_dying) {
		leaf->is_dying = true;
		return true;
	}
	if (leaf->is_origin && !object_die_step(spec, leaf))
		return true;
	if (leaf->type == CAP_REPLY)
		spec_reply_die(spec, leaf);
	spec_cap_remove(spec, leaf);
	return true;
}

enum tessera_error spec_deletion_decode(struct spec *spec, struct spec_thread *self, uint32_t operation,
					struct spec_place *top, bool *is_whole)
{
	bool is_again = spec_take_progress(self, operation);
	struct spec_slot slot;

	*is_whole = operation == OP_CNODE_DELETE;
	enum tessera_error error = spec_lookup_slot(spec, self, spec_arg(self, 0), RIGHT_WRITE, &slot);

	if (error != E_OK)
		return is_again ? SPEC_BLOCKED : error;
	struct spec_cap *cap = spec_cap_at(spec, slot.place);

	if (is_again && (cap == NULL || cap->placement != self->preempted_pages))
		return SPEC_BLOCKED; /* what was to go has gone meanwhile */
	if (cap == NULL)
		return E_CAP;
	if (!*is_whole && (cap->rights & RIGHT_REVOKE) == 0)
		return E_RIGHTS;
	*top = slot.place;
	if (*is_whole)
		cap->is_dying = true;
	return E_OK;
}
