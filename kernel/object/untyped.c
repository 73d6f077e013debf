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
#define VSPACE_WORK 600u /* beyond that */
#define CHECK_WORK 6u

struct retype {
	uint32_t type, flags, count; /* arguments */
	uint32_t made;		     /* of count */
	uint64_t size;		     /* the argument */
	uint64_t object_bytes;
	uint64_t at, end; /* offsets in the Untyped: of the next object, behind the last one */
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

	if (LIKELY(flags == 0 && !is_device))
		return E_OK;
	if (flags > RETYPE_FLAG || (flags != 0 && type != CAP_MEMORY && type != CAP_VSPACE))
		return E_ARG;
	if (is_device && type != CAP_MEMORY && type != CAP_UNTYPED)
		return E_TYPE;
	if (type == CAP_MEMORY && (is_device ? flags == 0 : !slot_has(untyped, SLOT_CLEAN)))
		return E_ARG;
	return E_OK;
}

/* All but the slots. out->made is set already. */
static enum tessera_error decode(const struct thread *self, struct slot *untyped, struct retype *out)
{
	uint64_t type = ctx_arg(&self->ctx, 1), size = ctx_arg(&self->ctx, 2), count = ctx_arg(&self->ctx, 4);
	uint64_t flags = ctx_arg(&self->ctx, 5), bytes = object_bytes(type, size);
	uint64_t align = type == CAP_MEMORY ? PAGE_SIZE : bytes;
	enum tessera_error error;

	if (slot_has(untyped, SLOT_TABLES))
		return E_STATE;
	if (bytes == 0 || count - 1u >= RETYPE_MAX_COUNT)
		return E_ARG;
	untyped_reset_if_unused(untyped); /* before its SLOT_CLEAN is looked at */
	error = check_kind(untyped, type, flags);
	if (error != E_OK)
		return error;
	out->type = (uint32_t)type;
	out->flags = (uint32_t)flags;
	out->count = (uint32_t)count;
	out->size = size;
	out->object_bytes = bytes;
	out->at = (untyped->data[1] + align - 1u) & -align;
	out->end = out->at + bytes * (count - out->made);
	return out->end > untyped->data[0] ? E_NO_MEMORY : E_OK;
}

/* The destination slots from that of the i-th object on that lie in one CNode: there, empty and deep enough. */
static ALWAYS_INLINE enum tessera_error check_run(const struct thread *self, const struct slot *untyped,
						  const struct retype *retype, uint32_t i,
						  struct slot_place *place)
{
	enum tessera_error error = slot_lookup_empty(self, ctx_arg(&self->ctx, 3) + i, place);

	if (error == E_OK && !place_allows(place, untyped->depth + 1u))
		return E_DEPTH;
	for (uint32_t k = 1; error == E_OK && k < place->room && k < retype->count - i; k++)
		error = slot_is_empty(&place->slot[k]) ? E_OK : E_SLOT_USED;
	return error;
}

/* Those behind the first run. */
static NOINLINE enum tessera_error check_more(const struct thread *self, const struct slot *untyped,
					      const struct retype *retype, uint32_t i)
{
	enum tessera_error error = E_OK;
	struct slot_place place;

	for (; error == E_OK && i < retype->count; i += place.room)
		error = check_run(self, untyped, retype, i, &place);
	return error;
}

/* All destination slots; *first: the place of the first one. */
static enum tessera_error check_slots(const struct thread *self, const struct slot *untyped,
				      const struct retype *retype, struct slot_place *first)
{
	enum tessera_error error;

	if (untyped->depth >= DERIVATION_MAX_DEPTH)
		return E_DEPTH;
	if ((uint64_t)(uint32_t)ctx_arg(&self->ctx, 3) + retype->count > 1ull << 32)
		return E_SLOT;
	work_add((retype->count - retype->made) * CHECK_WORK);
	error = check_run(self, untyped, retype, retype->made, first);
	if (error == E_OK && UNLIKELY(first->room < retype->count - retype->made))
		error = check_more(self, untyped, retype, retype->made + first->room);
	return error;
}

static void zero_bytes(unsigned char *at, uint64_t bytes)
{
	const unsigned char *end = at + bytes;

	if (((ptr_to_phys(at).raw | bytes) & (PAGE_SIZE - 1u)) != 0)
		arch_zero(at, bytes);
	else
		for (; at < end; at += PAGE_SIZE) /* at most ZERO_PIECE */
			arch_zero_page(at);
}

/* More than one piece. E_RESTART: preempted, the progress stands in aux. */
static NOINLINE enum tessera_error zero_pieces(struct slot *untyped, const struct retype *retype)
{
	unsigned char *base = phys_to_ptr((paddr_t){untyped->badge});
	uint64_t whole = (untyped->data[1] + PAGE_SIZE - 1u) & ~(PAGE_SIZE - 1u);
	uint64_t at = (uint64_t)untyped->aux << PAGE_SHIFT;

	if (retype->at < whole)
		arch_zero(base + retype->at, whole - retype->at);
	at = at < whole ? whole : at;
	while (at < retype->end) { /* ends: at grows; preempted after each piece at most */
		uint64_t piece = retype->end - at < ZERO_PIECE ? retype->end - at : ZERO_PIECE;

		zero_bytes(base + at, piece);
		at += piece;
		untyped->aux = (uint32_t)(at >> PAGE_SHIFT);
		work_add((uint32_t)ZERO_PIECE / 8u);
		if (at < retype->end && work_is_enough())
			return E_RESTART;
	}
	return E_OK;
}

/* Zeroes what is about to be handed out, if it is to be. */
static enum tessera_error zero(struct slot *untyped, const struct retype *retype)
{
	uint64_t bytes = retype->end - retype->at;

	if (retype->type == CAP_UNTYPED || (retype->type == CAP_MEMORY && retype->flags != 0))
		return E_OK;
	if (UNLIKELY(bytes > ZERO_PIECE))
		return zero_pieces(untyped, retype);
	zero_bytes(phys_to_ptr((paddr_t){untyped->badge + retype->at}), bytes);
	return E_OK;
}

/* Fills in what the type of an object behind an index needs. */
static NOINLINE void init_object(struct slot *slot, const struct retype *retype)
{
	switch (retype->type) {
	case CAP_CNODE:
		slot->badge = retype->size;
		slot->detail = slot->depth;
		slot->aux = (1u << retype->size) - 1u;
		break;
	case CAP_THREAD: thread_init(thread_at(slot_object(slot))); break;
	case CAP_SCHED_CONTEXT: sched_context_init(sched_context_at(slot_object(slot))); break;
	case CAP_ENDPOINT: endpoint_at(slot_object(slot))->minimum_tsc = sched_tsc_of_ns(retype->size); break;
	case CAP_VSPACE:
		vspace_init(slot_object(slot), retype->flags);
		work_add(VSPACE_WORK);
		break;
	default: break;
	}
}

/* The next object, in an empty slot that is deep enough. */
static NOINLINE void make_object(struct slot *untyped, struct slot *slot, struct retype *retype)
{
	uint64_t address = untyped->badge + retype->at;
	bool is_memory = retype->type == CAP_MEMORY, is_range = is_memory || retype->type == CAP_UNTYPED;
	uint32_t object = is_range ? 0 : object_index((paddr_t){address});

	slot_set(slot, slot_word(retype->type, RIGHTS_ALL, SLOT_ORIGIN, object), 0);
	derivation_insert_child(untyped, slot);
	if (is_range) {
		slot->badge = is_memory ? address >> PAGE_SHIFT : address;
		slot->detail = untyped->detail;
		slot->data[0] = is_memory ? retype->size : retype->object_bytes;
		if (!is_memory && slot_has(untyped, SLOT_CLEAN))
			slot_add_flags(slot, SLOT_CLEAN);
	} else {
		init_object(slot, retype);
	}
	retype->at += retype->object_bytes;
	untyped->data[1] = retype->at;
	retype->made++;
	work_add(OBJECT_WORK);
}

/* All objects, from *place on, in slots that check_slots has found. E_RESTART: that is enough for one entry. */
static enum tessera_error make_objects(const struct thread *self, struct slot *untyped, struct retype *retype,
				       struct slot_place *place)
{
	for (;;) { /* at most RETYPE_MAX_COUNT turns */
		enum tessera_error error = E_OK;

		make_object(untyped, place->slot++, retype);
		if (retype->made == retype->count)
			return E_OK;
		if (work_is_enough())
			return E_RESTART;
		if (--place->room == 0)
			error = slot_lookup_empty(self, ctx_arg(&self->ctx, 3) + retype->made, place);
		if (error != E_OK)
			return error;
	}
}

enum tessera_error invoke_untyped_retype(struct thread *self, struct slot *cap)
{
	struct retype retype = {.made = (uint32_t)restart_take(self, OP_UNTYPED_RETYPE)};
	struct slot_place place;
	enum tessera_error error = decode(self, cap, &retype);

	if (error == E_OK)
		error = check_slots(self, cap, &retype, &place);
	if (error == E_OK)
		error = zero(cap, &retype);
	if (error == E_OK)
		error = make_objects(self, cap, &retype, &place);
	if (UNLIKELY(error == E_RESTART))
		return retype.made != 0 ? restart_later(self, OP_UNTYPED_RETYPE, retype.made) : error;
	ctx_set_result(&self->ctx, 0, retype.made);
	return error;
}
