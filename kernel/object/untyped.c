/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Untyped memory and retype: the only way to a new object.
 *
 * Invariant: what was handed out from an Untyped lies below its watermark (data[1]), each object disjoint from all others;
 * the watermark returns to zero only when the Untyped has no children.  While a large retype is being zeroed, the
 * bytes from the watermark's page on up to page aux are zero and handed out to nobody; so a restart goes on there.
 */
#include <kernel/handlers.h>

#include <ipc.h>
#include <memory.h>
#include <restart.h>
#include <sched.h>
#include <thread.h>

#define RETYPE_MAX_COUNT 256u
#define RETYPE_FLAG 1u /* Memory: not zeroed; VSpace: allow_wx */
#define CNODE_MIN_LOG2 4u
#define CNODE_MAX_LOG2 20u
#define UNTYPED_MIN_LOG2 6u
#define UNTYPED_MAX_LOG2 47u
#define ZERO_PIECE 0x2000ull /* bytes zeroed in one step */

/* Instructions, about (work_add). */
#define OBJECT_WORK 300u
#define VSPACE_WORK 900u
#define CHECK_WORK 6u

struct retype {
	uint32_t type, flags, count;
	uint64_t size; /* the argument */
	uint64_t object_bytes;
	uint64_t start, end; /* offsets in the Untyped */
	slot_t dst;
};

void untyped_reset_if_unused(struct slot *untyped)
{
	if (untyped->data[1] == 0 || slot_has(untyped, SLOT_TABLES) || derivation_has_descendants(untyped))
		return;
	untyped->data[1] = 0;
	untyped->aux = 0;
	slot_drop_flags(untyped, SLOT_CLEAN);
}

/* Bytes of one object; 0: type or size is not allowed. */
static uint64_t object_bytes(uint64_t type, uint64_t size)
{
	switch (type) {
	case CAP_UNTYPED: return size >= UNTYPED_MIN_LOG2 && size <= UNTYPED_MAX_LOG2 ? 1ull << size : 0;
	case CAP_CNODE:
		return size >= CNODE_MIN_LOG2 && size <= CNODE_MAX_LOG2 ? sizeof(struct slot) << size : 0;
	case CAP_MEMORY: return size <= 1ull << (UNTYPED_MAX_LOG2 - PAGE_SHIFT) ? size << PAGE_SHIFT : 0;
	case CAP_ENDPOINT: return size <= ENDPOINT_MINIMUM_MAX_NS ? ENDPOINT_BYTES : 0;
	case CAP_SCHED_CONTEXT: return size == 0 ? SCHED_CONTEXT_BYTES : 0;
	case CAP_NOTIFICATION: return size == 0 ? NOTIFICATION_BYTES : 0;
	case CAP_THREAD: return size == 0 ? THREAD_BYTES : 0;
	case CAP_VSPACE: return size == 0 ? VSPACE_BYTES : 0;
	default: return 0;
	}
}

/* What may be made from this Untyped. */
static enum tessera_error check_kind(const struct slot *untyped, uint64_t type, uint64_t flags)
{
	bool is_device = untyped->detail != 0;

	if (flags > RETYPE_FLAG || (flags != 0 && type != CAP_MEMORY && type != CAP_VSPACE))
		return E_ARG;
	if (is_device && type != CAP_MEMORY && type != CAP_UNTYPED)
		return E_TYPE;
	if (type == CAP_MEMORY && is_device && flags == 0)
		return E_ARG;
	if (type == CAP_MEMORY && !is_device && flags != 0 && !slot_has(untyped, SLOT_CLEAN))
		return E_ARG;
	return E_OK;
}

/* What is left to do behind the first `done` objects. */
static enum tessera_error decode(const struct thread *self, struct slot *untyped, uint32_t done,
				 struct retype *out)
{
	uint64_t type = ctx_arg(&self->ctx, 1), size = ctx_arg(&self->ctx, 2), count = ctx_arg(&self->ctx, 4);
	uint64_t flags = ctx_arg(&self->ctx, 5), bytes = object_bytes(type, size), align;
	enum tessera_error error;

	if (slot_has(untyped, SLOT_TABLES))
		return E_STATE;
	if (bytes == 0 || count == 0 || count > RETYPE_MAX_COUNT)
		return E_ARG;
	untyped_reset_if_unused(untyped); /* before its SLOT_CLEAN is looked at */
	error = check_kind(untyped, type, flags);
	if (error != E_OK)
		return error;
	align = type == CAP_MEMORY ? PAGE_SIZE : bytes;
	*out = (struct retype){.type = (uint32_t)type,
			       .flags = (uint32_t)flags,
			       .count = (uint32_t)count - done,
			       .size = size,
			       .object_bytes = bytes,
			       .dst = ctx_arg(&self->ctx, 3) + done};
	out->start = (untyped->data[1] + align - 1u) & ~(align - 1u);
	out->end = out->start + bytes * out->count;
	return out->end > untyped->data[0] ? E_NO_MEMORY : E_OK;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static bool are_empty(const struct slot *slots, uint32_t count)
{
	uint32_t i = 0;

	while (i < count && slot_is_empty(&slots[i])) /* at most RETYPE_MAX_COUNT turns */
		i++;
	return i == count;
}

/* A run of destination slots in one CNode, from index i on: there, empty and deep enough. */
static ALWAYS_INLINE enum tessera_error check_run(const struct thread *self, const struct slot *untyped,
						  const struct retype *retype, uint32_t i,
						  struct slot_place *place)
{
	enum tessera_error error = slot_lookup_empty(self, retype->dst + i, place);

	if (error == E_OK && !place_allows(place, untyped->depth + 1u))
		error = E_DEPTH;
	if (error == E_OK && !are_empty(place->slot, least(place->room, retype->count - i)))
		error = E_SLOT_USED;
	return error;
}

/* All destination slots; *first: the place of the first one. */
static enum tessera_error check_slots(const struct thread *self, const struct slot *untyped,
				      const struct retype *retype, struct slot_place *first)
{
	struct slot_place place;
	enum tessera_error error;

	if (untyped->depth >= DERIVATION_MAX_DEPTH)
		return E_DEPTH;
	if ((uint64_t)(uint32_t)retype->dst + retype->count > 1ull << 32)
		return E_SLOT;
	error = check_run(self, untyped, retype, 0, first);
	work_add(retype->count * CHECK_WORK);
	for (uint32_t i = error == E_OK ? first->room : 0; error == E_OK && i < retype->count;
	     i += place.room)
		error = check_run(self, untyped, retype, i, &place);
	return error;
}

static void zero_bytes(unsigned char *at, uint64_t bytes)
{
	if (((ptr_to_phys(at).raw | bytes) & (PAGE_SIZE - 1u)) != 0) {
		arch_zero(at, bytes);
		return;
	}
	for (uint64_t done = 0; done < bytes; done += PAGE_SIZE) /* at most ZERO_PIECE */
		arch_zero_page(at + done);
}

/* Zeroes what is about to be handed out. False: preempted, the progress stands in aux. */
static bool zero(struct slot *untyped, const struct retype *retype)
{
	unsigned char *base = phys_to_ptr((paddr_t){untyped->badge});
	uint64_t whole = (untyped->data[1] + PAGE_SIZE - 1u) & ~(PAGE_SIZE - 1u);
	uint64_t at = (uint64_t)untyped->aux << PAGE_SHIFT;

	if (retype->end - retype->start <= ZERO_PIECE) {
		zero_bytes(base + retype->start, retype->end - retype->start);
		return true;
	}
	if (retype->start < whole)
		arch_zero(base + retype->start, whole - retype->start);
	at = at < whole ? whole : at;
	while (at < retype->end) { /* ends: at grows; preempted after each piece at most */
		uint64_t piece = retype->end - at < ZERO_PIECE ? retype->end - at : ZERO_PIECE;

		zero_bytes(base + at, piece);
		at += piece;
		untyped->aux = (uint32_t)(at >> PAGE_SHIFT);
		work_add((uint32_t)ZERO_PIECE / 8u);
		if (at < retype->end && work_is_enough())
			return false;
	}
	return true;
}

/* Fills in what the type needs beyond word and badge. */
static void init_object(const struct slot *untyped, struct slot *slot, const struct retype *retype)
{
	switch (retype->type) {
	case CAP_UNTYPED:
		slot->detail = untyped->detail;
		slot->data[0] = retype->object_bytes;
		if (slot_has(untyped, SLOT_CLEAN))
			slot_add_flags(slot, SLOT_CLEAN);
		break;
	case CAP_MEMORY:
		slot->detail = untyped->detail;
		slot->data[0] = retype->size;
		break;
	case CAP_CNODE:
		slot->detail = slot->depth;
		slot->aux = (1u << slot->badge) - 1u;
		break;
	case CAP_THREAD: thread_init(thread_at(slot_object(slot))); break;
	case CAP_SCHED_CONTEXT: sched_context_init(sched_context_at(slot_object(slot))); break;
	case CAP_ENDPOINT: endpoint_at(slot_object(slot))->minimum_tsc = sched_tsc_of_ns(retype->size); break;
	case CAP_VSPACE: vspace_init(slot_object(slot), slot_index(slot), retype->flags); break;
	default: break;
	}
}

/* What stands in the badge of a new object's origin. */
static uint64_t object_badge(const struct retype *retype, uint64_t address)
{
	switch (retype->type) {
	case CAP_UNTYPED: return address;
	case CAP_MEMORY: return address >> PAGE_SHIFT;
	case CAP_CNODE: return retype->size;
	default: return 0;
	}
}

/* One object in an empty slot that is deep enough. */
static enum tessera_error make_object(struct slot *untyped, const struct slot_place *place,
				      const struct retype *retype, uint32_t i)
{
	uint64_t address = untyped->badge + retype->start + i * retype->object_bytes;
	bool has_index = retype->type != CAP_UNTYPED && retype->type != CAP_MEMORY;
	uint32_t object = has_index ? object_index((paddr_t){address}) : 0;
	enum tessera_error error =
		cap_make_origin(untyped, place, slot_word(retype->type, RIGHTS_ALL, 0, object),
				object_badge(retype, address));

	if (error == E_OK)
		init_object(untyped, place->slot, retype);
	untyped->data[1] = retype->start + (i + 1u) * retype->object_bytes;
	return error;
}

/* All objects, from place on; *made of them when it stops: E_RESTART, or a slot in a CNode behind the first is gone. */
static enum tessera_error make_objects(const struct thread *self, struct slot *untyped,
				       const struct retype *retype, struct slot_place place, uint32_t *made)
{
	enum tessera_error error = E_OK;

	while (*made < retype->count && error == E_OK) { /* at most RETYPE_MAX_COUNT turns */
		if (place.room == 0)
			error = slot_lookup_empty(self, retype->dst + *made, &place);
		if (error == E_OK)
			error = make_object(untyped, &place, retype, *made);
		*made += error == E_OK;
		place.slot++;
		place.room--;
		work_add(retype->type == CAP_VSPACE ? VSPACE_WORK : OBJECT_WORK);
		if (error == E_OK && *made < retype->count && work_is_enough())
			return E_RESTART;
	}
	return error;
}

enum tessera_error invoke_untyped_retype(struct thread *self, struct slot *cap)
{
	uint32_t before = (uint32_t)restart_take(self, OP_UNTYPED_RETYPE), made = 0;
	struct slot_place place;
	struct retype retype;
	enum tessera_error error = decode(self, cap, before, &retype);
	bool is_zeroed;

	if (error == E_OK)
		error = check_slots(self, cap, &retype, &place);
	if (error == E_OK) {
		is_zeroed = retype.type != CAP_UNTYPED && !(retype.type == CAP_MEMORY && retype.flags != 0);
		if (is_zeroed && !zero(cap, &retype))
			error = E_RESTART;
		else
			error = make_objects(self, cap, &retype, place, &made);
	}
	made += before;
	if (error == E_RESTART)
		return made != 0 ? restart_later(self, OP_UNTYPED_RETYPE, made) : error;
	ctx_set_result(&self->ctx, 0, made);
	return error;
}
