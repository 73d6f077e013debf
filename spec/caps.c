/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Capabilities: how they are named, the derivation tree, and what makes one from another.
 *
 * retype, memory_derive, mint and attach make children; copy makes a sibling, or a child of an origin; move keeps the place in
 * the tree.  Rights only shrink.  An origin may lie only in a CNode whose own origin is less deep in the tree.
 * An Untyped without descendants has everything to hand out again.
 */
#include "model.h"

/* ---- names ---- */

struct spec_cap *spec_cap_at(struct spec *spec, struct spec_place place)
{
	for (uint32_t i = 0; i < spec->cap_count; i++) {
		if (spec->caps[i].place.index == place.index && spec->caps[i].place.holder == place.holder &&
		    spec->caps[i].type != CAP_NULL)
			return &spec->caps[i];
	}
	return NULL;
}

/* The CNode capability that stands in a slot of the thread's root CNode. */
static struct spec_cap *leaf_cnode(struct spec *spec, const struct spec_thread *thread, uint32_t index)
{
	struct spec_cap *root = spec_cap_at(spec, (struct spec_place){thread->address, SPEC_SLOT_CSPACE});
	struct spec_cap *leaf;

	if (root == NULL || index >= root->size)
		return NULL;
	leaf = spec_cap_at(spec, (struct spec_place){root->object, index});
	return leaf != NULL && leaf->type == CAP_CNODE && !leaf->is_dying ? leaf : NULL;
}

enum tessera_error spec_lookup_cap(struct spec *spec, const struct spec_thread *thread, cap_t address,
				   uint32_t type, uint32_t rights, struct spec_cap **out)
{
	const struct spec_cap *leaf = leaf_cnode(spec, thread, address >> 8);
	struct spec_cap *cap;

	if (leaf == NULL || (address & 0xffu) >= leaf->size)
		return E_CAP;
	cap = spec_cap_at(spec, (struct spec_place){leaf->object, address & 0xffu});
	if (cap == NULL || cap->is_dying)
		return E_CAP;
	if (type != CAP_NULL && cap->type != type)
		return E_TYPE;
	if ((cap->rights & rights) != rights)
		return E_RIGHTS;
	*out = cap;
	return E_OK;
}

/* Through a CNode capability (high half), or in the caller's own CSpace (high half 0). */
enum tessera_error spec_lookup_slot(struct spec *spec, const struct spec_thread *thread, slot_t designator,
				    uint32_t rights, struct spec_slot *out)
{
	cap_t address = (cap_t)(designator >> 32);
	uint32_t index = (uint32_t)designator;
	struct spec_cap *cnode = NULL;

	if (address != 0) {
		if (spec_lookup_cap(spec, thread, address, CAP_CNODE, 0, &cnode) != E_OK)
			return E_SLOT;
	} else {
		if (index != 0)
			cnode = leaf_cnode(spec, thread, index >> 8);
		index &= 0xffu;
	}
	if (cnode == NULL)
		return E_SLOT;
	if ((cnode->rights & rights) != rights)
		return E_RIGHTS;
	if (index >= cnode->size)
		return E_SLOT;
	*out = (struct spec_slot){{cnode->object, index}, (uint32_t)cnode->base};
	return E_OK;
}

enum tessera_error spec_lookup_empty(struct spec *spec, const struct spec_thread *thread, slot_t designator,
				     struct spec_slot *out)
{
	enum tessera_error error = spec_lookup_slot(spec, thread, designator, RIGHT_WRITE, out);

	if (error == E_OK && spec_cap_at(spec, out->place) != NULL)
		error = E_SLOT_USED;
	return error;
}

enum tessera_error spec_lookup_source(struct spec *spec, const struct spec_thread *thread, slot_t designator,
				      uint32_t rights, struct spec_cap **out)
{
	struct spec_slot slot;
	enum tessera_error error = spec_lookup_slot(spec, thread, designator, rights, &slot);

	if (error != E_OK)
		return error;
	*out = spec_cap_at(spec, slot.place);
	return *out == NULL || (*out)->is_dying ? E_CAP : E_OK;
}

/* ---- the tree ---- */

static uint32_t number_of(const struct spec *spec, const struct spec_cap *cap)
{
	return (uint32_t)(cap - spec->caps);
}

static uint32_t tree_find(const struct spec *spec, const struct spec_cap *cap)
{
	uint32_t number = number_of(spec, cap), i = 0;

	while (i < spec->tree_count && spec->tree[i] != number)
		i++;
	SPEC_ASSERT(i < spec->tree_count);
	return i;
}

static void tree_insert(struct spec *spec, uint32_t at, const struct spec_cap *cap)
{
	for (uint32_t i = spec->tree_count; i > at; i--)
		spec->tree[i] = spec->tree[i - 1u];
	spec->tree[at] = number_of(spec, cap);
	spec->tree_changes++;
	spec->tree_count++;
}

struct spec_cap *spec_cap_new(struct spec *spec, struct spec_place place)
{
	uint32_t i = 0;

	while (i < spec->cap_count && spec->caps[i].type != CAP_NULL)
		i++;
	SPEC_ASSERT(i < SPEC_CAPS);
	if (i == spec->cap_count)
		spec->cap_count++;
	spec->caps[i] = (struct spec_cap){.place = place, .placement = ++spec->last_placement};
	return &spec->caps[i];
}

void spec_tree_add_child(struct spec *spec, const struct spec_cap *parent, struct spec_cap *cap)
{
	cap->depth = parent->depth + 1u;
	tree_insert(spec, tree_find(spec, parent) + 1u, cap);
}

void spec_tree_add_sibling(struct spec *spec, const struct spec_cap *of, struct spec_cap *cap)
{
	cap->depth = of->depth;
	tree_insert(spec, tree_find(spec, of), cap);
}

struct spec_cap *spec_first_child(struct spec *spec, const struct spec_cap *cap)
{
	if (cap->type == CAP_REPLY)
		return NULL;
	uint32_t next = tree_find(spec, cap) + 1u;

	if (next == spec->tree_count || spec->caps[spec->tree[next]].depth <= cap->depth)
		return NULL;
	return &spec->caps[spec->tree[next]];
}

bool spec_has_descendants(const struct spec *spec, const struct spec_cap *cap)
{
	if (cap->type == CAP_REPLY)
		return false;
	uint32_t next = tree_find(spec, cap) + 1u;

	return next < spec->tree_count && spec->caps[spec->tree[next]].depth > cap->depth;
}

struct spec_cap *spec_parent_of(struct spec *spec, const struct spec_cap *cap)
{
	for (uint32_t i = tree_find(spec, cap); i-- > 0;) {
		if (spec->caps[spec->tree[i]].depth < cap->depth)
			return &spec->caps[spec->tree[i]];
	}
	return NULL;
}

/* The parent's last descendant is gone. */
static void became_childless(struct spec *spec, struct spec_cap *parent)
{
	if (parent->type == CAP_UNTYPED) {
		parent->used = 0;
		parent->is_clean = false;
	}
	if (parent->is_anchor)
		spec_notice_check(spec, parent);
}

void spec_cap_remove(struct spec *spec, struct spec_cap *cap)
{
	struct spec_cap *parent = NULL;

	SPEC_ASSERT(!spec_has_descendants(spec, cap));
	if (cap->type != CAP_REPLY) {
		uint32_t at = tree_find(spec, cap);

		parent = spec_parent_of(spec, cap);
		for (uint32_t i = at; i + 1u < spec->tree_count; i++)
			spec->tree[i] = spec->tree[i + 1u];
		spec->tree_count--;
		spec->tree_changes++;
		if (cap->is_anchor)
			spec_notice_forget(spec, cap);
	}
	*cap = (struct spec_cap){.type = CAP_NULL};
	if (parent != NULL && !spec_has_descendants(spec, parent))
		became_childless(spec, parent);
}

/* ---- one from another ---- */

static bool is_copyable(const struct spec_cap *cap)
{
	return cap->type != CAP_UNTYPED && cap->type != CAP_VIEW && cap->type != CAP_REPLY;
}

enum tessera_error spec_derive(struct spec *spec, struct spec_cap *src, struct spec_place dst,
			       uint32_t rights, bool as_child, struct spec_cap **out)
{
	bool is_child = as_child || src->is_origin;
	struct spec_cap *cap;

	if (!is_copyable(src))
		return E_TYPE;
	if (is_child && src->depth >= SPEC_DEPTH_MAX)
		return E_DEPTH;
	cap = spec_cap_new(spec, dst);
	cap->type = src->type;
	cap->rights = src->rights & rights;
	cap->object = src->object;
	cap->is_device = src->is_device;
	cap->badge = src->badge;
	cap->base = src->base;
	cap->size = src->size;
	if (is_child) {
		spec_tree_add_child(spec, src, cap);
		if (src->is_anchor)
			src->is_armed = true;
	} else {
		spec_tree_add_sibling(spec, src, cap);
	}
	*out = cap;
	return E_OK;
}

enum tessera_error spec_embed(struct spec *spec, struct spec_cap *src, struct spec_place dst)
{
	struct spec_cap *cap;

	return spec_derive(spec, src, dst, RIGHTS_ALL, false, &cap);
}

/* Every list that names the place names the new one. */
static void rename_place(struct spec *spec, struct spec_cap *cap, struct spec_place old)
{
	if (cap->type == CAP_VIEW) {
		struct spec_vspace *vspace = spec_vspace_of(spec, cap->object);
		uint32_t at = spec_places_find(vspace->views, vspace->view_count, old);

		vspace->views[at] = cap->place;
	}
}

enum tessera_error spec_move(struct spec *spec, struct spec_cap *src, const struct spec_slot *dst)
{
	struct spec_place old = src->place;

	if (src->is_origin && dst->cnode_depth >= src->depth)
		return E_DEPTH;
	bool was_due = src->is_anchor && spec_notice_forget(spec, src);

	src->place = dst->place;
	src->placement = ++spec->last_placement;
	if (src->type != CAP_REPLY) /* they do not stand in the tree */
		spec->tree_changes++;
	rename_place(spec, src, old);
	if (was_due)
		spec_notice_check(spec, src);
	return E_OK;
}

enum tessera_error spec_make_origin(struct spec *spec, struct spec_cap *parent, const struct spec_slot *dst,
				    uint32_t type, uint64_t object, struct spec_cap **out)
{
	if (parent->depth >= SPEC_DEPTH_MAX || dst->cnode_depth >= parent->depth + 1u)
		return E_DEPTH;
	struct spec_cap *cap = spec_cap_new(spec, dst->place);

	cap->type = type;
	cap->rights = RIGHTS_ALL;
	cap->object = object;
	cap->is_origin = true;
	spec_tree_add_child(spec, parent, cap);
	*out = cap;
	return E_OK;
}
