/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Operations on capability slots: copy, mint, move, inspect, copy_all.  (delete and revoke: delete.c) */
#include "model.h"

#define MINT_NOTICE 1u
#define COUNT_MAX 1024u /* slots in use are counted up to this size */

static bool is_badged_type(uint32_t type)
{
	return type == CAP_ENDPOINT || type == CAP_NOTIFICATION;
}

static enum tessera_error copy(struct spec *spec, struct spec_thread *self)
{
	struct spec_slot dst;
	struct spec_cap *src, *made;
	enum tessera_error error = spec_lookup_empty(spec, self, spec_arg(self, 0), &dst);

	if (error == E_OK)
		error = spec_lookup_source(spec, self, spec_arg(self, 1), RIGHT_READ, &src);
	return error != E_OK ? error
			     : spec_derive(spec, src, dst.place, (uint32_t)spec_arg(self, 2), false, &made);
}

/* A badge is set once, on an Endpoint or Notification; a notice needs a badged Endpoint capability. */
static enum tessera_error check_mint(const struct spec_cap *src, uint64_t badge, uint64_t flags)
{
	if (flags > MINT_NOTICE)
		return E_ARG;
	if (badge != 0 && (!is_badged_type(src->type) || src->badge != 0))
		return E_ARG;
	if (flags == MINT_NOTICE && (src->type != CAP_ENDPOINT || (badge == 0 && src->badge == 0)))
		return E_ARG;
	return E_OK;
}

static enum tessera_error mint(struct spec *spec, struct spec_thread *self)
{
	uint64_t badge = spec_arg(self, 3), flags = spec_arg(self, 4);
	struct spec_slot dst;
	struct spec_cap *src, *made;
	enum tessera_error error = spec_lookup_empty(spec, self, spec_arg(self, 0), &dst);

	if (error == E_OK)
		error = spec_lookup_source(spec, self, spec_arg(self, 1), RIGHT_READ, &src);
	if (error == E_OK)
		error = check_mint(src, badge, flags);
	if (error == E_OK)
		error = spec_derive(spec, src, dst.place, (uint32_t)spec_arg(self, 2), true, &made);
	if (error != E_OK)
		return error;
	if (badge != 0)
		made->badge = badge;
	if (flags == MINT_NOTICE) {
		made->is_anchor = true;
		made->is_armed = true;
		spec_notice_check(spec, made);
	}
	return E_OK;
}

static enum tessera_error move_slot(struct spec *spec, struct spec_thread *self)
{
	struct spec_slot dst;
	struct spec_cap *src;
	enum tessera_error error = spec_lookup_empty(spec, self, spec_arg(self, 0), &dst);

	if (error == E_OK)
		error = spec_lookup_source(spec, self, spec_arg(self, 1), RIGHT_READ | RIGHT_WRITE, &src);
	return error != E_OK ? error : spec_move(spec, src, &dst);
}

static uint64_t slots_in_use(const struct spec *spec, const struct spec_cap *cnode)
{
	uint64_t used = 0;

	if (cnode->size > COUNT_MAX)
		return ~0ull;
	for (uint32_t i = 0; i < spec->cap_count; i++)
		used += spec->caps[i].type != CAP_NULL && spec->caps[i].place.holder == cnode->object;
	return used;
}

static uint64_t log2_of(uint64_t power)
{
	uint64_t log2 = 0;

	while (power >> log2 > 1u)
		log2++;
	return log2;
}

static void inspect_info(const struct spec *spec, const struct spec_cap *cap, uint64_t info[3])
{
	switch (cap->type) {
	case CAP_UNTYPED:
		info[0] = cap->base;
		info[1] = log2_of(cap->size);
		info[2] = cap->is_donated ? 0 : cap->size - cap->used;
		break;
	case CAP_CNODE:
		info[0] = cap->size;
		info[1] = slots_in_use(spec, cap);
		break;
	case CAP_MEMORY:
		info[0] = cap->base * SPEC_PAGE;
		info[1] = cap->size;
		break;
	case CAP_VIEW:
	case CAP_IOPORT:
		info[0] = cap->base;
		info[1] = cap->size;
		break;
	default: break;
	}
}

static enum tessera_error inspect(struct spec *spec, struct spec_thread *self)
{
	uint64_t info[3] = {0, 0, 0}, type = CAP_NULL, rights = 0, badge = 0;
	struct spec_slot slot;
	enum tessera_error error = spec_lookup_slot(spec, self, spec_arg(self, 0), RIGHT_READ, &slot);

	if (error != E_OK)
		return error;
	const struct spec_cap *cap = spec_cap_at(spec, slot.place);

	if (cap != NULL) {
		type = cap->type | (cap->is_origin ? 0x100u : 0) |
		       (spec_has_descendants(spec, cap) ? 0x200u : 0) | (cap->is_anchor ? 0x400u : 0) |
		       (cap->is_dying ? 0x800u : 0);
		rights = cap->rights;
		badge = is_badged_type(cap->type) ? cap->badge : 0;
		inspect_info(spec, cap, info);
	}
	spec_set_arg(self, 0, type);
	spec_set_arg(self, 1, rights);
	spec_set_arg(self, 2, badge);
	for (unsigned int i = 0; i < 3; i++)
		spec_set_arg(self, 3 + i, info[i]);
	return E_OK;
}

/* All that can be copied, to the same index; it may stop behind any index and go on there when it is executed again. */
static enum tessera_error copy_all(struct spec *spec, struct spec_thread *self, const struct spec_hint *hint)
{
	uint64_t copied = 0, first = 0;
	struct spec_cap *dst, *src, *made;
	enum tessera_error error;

	if (spec_take_progress(self, OP_CNODE_COPY_ALL)) {
		first = self->preempted_pages;
		copied = self->preempted_left;
	}
	error = spec_lookup_cap(spec, self, (cap_t)spec_arg(self, 0), CAP_CNODE, RIGHT_WRITE, &dst);
	if (error == E_OK)
		error = spec_lookup_cap(spec, self, (cap_t)spec_arg(self, 1), CAP_CNODE, RIGHT_READ, &src);
	if (error == E_OK && dst->size != src->size)
		error = E_RANGE;
	for (uint64_t i = first; error == E_OK && i < src->size; i++) {
		if (hint->is_preempted && i == hint->pages)
			return spec_preempted(self, OP_CNODE_COPY_ALL, i, copied);
		struct spec_cap *from = spec_cap_at(spec, (struct spec_place){src->object, (uint32_t)i});
		struct spec_place to = {dst->object, (uint32_t)i};

		if (from != NULL && !from->is_dying && spec_cap_at(spec, to) == NULL)
			copied += spec_derive(spec, from, to, RIGHTS_ALL, false, &made) == E_OK;
	}
	spec_set_arg(self, 0, copied);
	return error;
}

bool spec_cnode_syscall(struct spec *spec, struct spec_thread *self, uint32_t operation,
			const struct spec_hint *hint, enum tessera_error *error)
{
	switch (operation) {
	case OP_CNODE_COPY: *error = copy(spec, self); return true;
	case OP_CNODE_MINT: *error = mint(spec, self); return true;
	case OP_CNODE_MOVE: *error = move_slot(spec, self); return true;
	case OP_CAP_INSPECT: *error = inspect(spec, self); return true;
	case OP_CNODE_COPY_ALL: *error = copy_all(spec, self, hint); return true;
	default: return false;
	}
}
