/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * untyped_retype: objects from memory, one behind the other, each aligned to its size (Memory: to a page).
 *
 * What was handed out is not handed out again before the Untyped has no descendants any more.
 */
#include "model.h"

#define COUNT_MAX 256u
#define FLAG 1u /* Memory: not zeroed; VSpace: allow_wx */

/* 0: no object of that type and size can be made. */
static uint64_t object_bytes(uint64_t type, uint64_t size)
{
	switch (type) {
	case CAP_UNTYPED: return size >= 6 && size <= 47 ? 1ull << size : 0;
	case CAP_CNODE: return size >= 4 && size <= 20 ? 64ull << size : 0;
	case CAP_MEMORY: return size <= 1ull << 35 ? size * SPEC_PAGE : 0;
	case CAP_ENDPOINT: return size <= ENDPOINT_MINIMUM_MAX_NS ? 4096 : 0;
	case CAP_SCHED_CONTEXT:
	case CAP_NOTIFICATION: return size == 0 ? 64 : 0;
	case CAP_THREAD:
	case CAP_VSPACE: return size == 0 ? 8192 : 0;
	default: return 0;
	}
}

static enum tessera_error check_kind(const struct spec_cap *untyped, uint64_t type, uint64_t flags)
{
	if (flags > FLAG || (flags != 0 && type != CAP_MEMORY && type != CAP_VSPACE))
		return E_ARG;
	if (untyped->is_device && type != CAP_MEMORY && type != CAP_UNTYPED)
		return E_TYPE;
	if (type != CAP_MEMORY)
		return E_OK;
	if (untyped->is_device)
		return flags == 0 ? E_ARG : E_OK; /* a device's memory cannot be zeroed */
	return flags != 0 && !untyped->is_clean ? E_ARG : E_OK;
}

static enum tessera_error check_slots(struct spec *spec, const struct spec_thread *self,
				      const struct spec_cap *untyped, slot_t dst, uint64_t count)
{
	struct spec_slot slot;

	if (untyped->depth >= SPEC_DEPTH_MAX)
		return E_DEPTH;
	if ((uint64_t)(uint32_t)dst + count > 1ull << 32)
		return E_SLOT;
	for (uint64_t i = 0; i < count; i++) {
		enum tessera_error error = spec_lookup_empty(spec, self, dst + i, &slot);

		if (error == E_OK && slot.cnode_depth >= untyped->depth + 1u)
			error = E_DEPTH;
		if (error != E_OK)
			return error;
	}
	return E_OK;
}

static void init_object(struct spec *spec, struct spec_cap *cap, const struct spec_cap *untyped,
			uint64_t address, uint64_t size, uint64_t flags)
{
	switch (cap->type) {
	case CAP_UNTYPED:
		cap->base = address;
		cap->size = 1ull << size;
		cap->is_device = untyped->is_device;
		cap->is_clean = untyped->is_clean;
		break;
	case CAP_CNODE:
		cap->base = cap->depth;
		cap->size = 1ull << size;
		break;
	case CAP_MEMORY:
		cap->base = address / SPEC_PAGE;
		cap->size = size;
		cap->is_device = untyped->is_device;
		break;
	case CAP_ENDPOINT: spec_endpoint_init(spec, address, size); break;
	case CAP_SCHED_CONTEXT: spec_context_init(spec, address); break;
	case CAP_NOTIFICATION: spec_notification_init(spec, address); break;
	case CAP_THREAD: spec_thread_init(spec, address); break;
	case CAP_VSPACE: spec_vspace_init(spec, address, flags != 0); break;
	default: break;
	}
}

/* The objects behind the first `done` ones; *done counts on. */
static enum tessera_error make_objects(struct spec *spec, struct spec_thread *self, struct spec_cap *untyped,
				       uint64_t bytes, uint64_t start, const struct spec_hint *hint,
				       uint64_t *done)
{
	uint64_t type = spec_arg(self, 1), size = spec_arg(self, 2), count = spec_arg(self, 4), first = *done;
	slot_t dst = spec_arg(self, 3);
	struct spec_slot slot;
	struct spec_cap *made;

	for (uint64_t i = first; i < count; i++) {
		uint64_t offset = start + (i - first) * bytes, address = untyped->base + offset;
		bool has_object = type != CAP_UNTYPED && type != CAP_MEMORY;
		enum tessera_error error = E_OK;

		if (hint->is_preempted && i == hint->pages)
			return spec_preempted(self, OP_UNTYPED_RETYPE, i, 0);
		error = spec_lookup_empty(spec, self, dst + i, &slot);
		if (error == E_OK)
			error = spec_make_origin(spec, untyped, &slot, (uint32_t)type,
						 has_object ? address : 0, &made);
		if (error != E_OK)
			return error;
		untyped->used = offset + bytes;
		init_object(spec, made, untyped, address, size, spec_arg(self, 5));
		*done = i + 1u;
	}
	return E_OK;
}

enum tessera_error spec_op_retype(struct spec *spec, struct spec_thread *self, struct spec_cap *cap,
				  const struct spec_hint *hint)
{
	uint64_t type = spec_arg(self, 1), size = spec_arg(self, 2), count = spec_arg(self, 4), start = 0;
	uint64_t bytes = object_bytes(type, size), align = type == CAP_MEMORY ? SPEC_PAGE : bytes;
	uint64_t done = spec_take_progress(self, OP_UNTYPED_RETYPE) ? self->preempted_pages : 0;
	enum tessera_error error = E_OK;

	if (cap->is_donated)
		error = E_STATE;
	else if (bytes == 0 || count == 0 || count > COUNT_MAX)
		error = E_ARG;
	else
		error = check_kind(cap, type, spec_arg(self, 5));
	if (error == E_OK) {
		start = (cap->used + align - 1u) / align * align;
		if (start + bytes * (count - done) > cap->size)
			error = E_NO_MEMORY;
	}
	if (error == E_OK && done == 0)
		error = check_slots(spec, self, cap, spec_arg(self, 3), count);
	if (error == E_OK && hint->is_preempted &&
	    hint->pages == done) { /* still zeroing: nothing can be seen */
		return done != 0 ? spec_preempted(self, OP_UNTYPED_RETYPE, done, 0) : SPEC_PREEMPTED;
	}
	if (error == E_OK)
		error = make_objects(spec, self, cap, bytes, start, hint, &done);
	if (error != SPEC_PREEMPTED)
		spec_set_arg(self, 0, done);
	return error;
}
