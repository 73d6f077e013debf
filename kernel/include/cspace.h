/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Capability slots, capability spaces, the derivation tree and deletion.
 *
 * A slot is empty exactly when its type is CAP_NULL; then everything in it but the generation is zero.
 * Every capability but a Reply stands in the derivation list.  Errors leave nothing changed (decode, then invoke).
 * A slot pointer must not be kept over a return to user space: its CNode may be gone.  Keep the address.
 */
#pragma once

#include <object.h>
#include <slot_access.h>
#include <tessera/operations.h>

/* Kernel-internal result: the system call is to be executed again (dispatch calls ctx_restart). */
#define E_RESTART ((enum tessera_error)255)
/* Kernel-internal result: to be executed by the CPU where a thread runs that it is about (cpu()->elsewhere). */
#define E_ELSEWHERE ((enum tessera_error)253)

#define DERIVATION_MAX_DEPTH 64u /* a deletion looks for a leaf from the top each time */
#define SLOT_TYPE_SENTINEL 0xffu

/* ---- slots ------------------------------------------------------------------------------------- */

/* The same for an object behind a 64-byte index, as slot words carry it. */
static ALWAYS_INLINE uint32_t object_index(paddr_t address)
{
	return (uint32_t)(address.raw >> SLOT_SHIFT);
}

static ALWAYS_INLINE paddr_t object_address(uint32_t index)
{
	return (paddr_t){(uint64_t)index << SLOT_SHIFT};
}

static ALWAYS_INLINE uint64_t slot_word(uint32_t type, uint32_t rights, uint32_t flags, uint32_t object)
{
	return (uint64_t)(type & 0xffu) | (uint64_t)(rights & 0xffu) << 8 | (uint64_t)(flags & 0xffu) << 16 |
	       (uint64_t)object << 32;
}

static ALWAYS_INLINE uint32_t slot_type(const struct slot *slot)
{
	return (uint32_t)slot->word & 0xffu;
}

static ALWAYS_INLINE uint32_t slot_rights(const struct slot *slot)
{
	return (uint32_t)(slot->word >> 8) & 0xffu;
}

/* SLOT_* */
static ALWAYS_INLINE uint32_t slot_flags(const struct slot *slot)
{
	return (uint32_t)(slot->word >> 16) & 0xffu;
}

static ALWAYS_INLINE bool slot_has(const struct slot *slot, uint32_t flags)
{
	return (slot_flags(slot) & flags) == flags;
}

static ALWAYS_INLINE void slot_add_flags(struct slot *slot, uint32_t flags)
{
	slot->word |= (uint64_t)flags << 16;
}

static ALWAYS_INLINE void slot_drop_flags(struct slot *slot, uint32_t flags)
{
	slot->word &= ~((uint64_t)flags << 16);
}

static ALWAYS_INLINE uint32_t slot_generation(const struct slot *slot)
{
	return (uint32_t)(slot->word >> 24) & 0xffu;
}

static ALWAYS_INLINE uint32_t slot_object(const struct slot *slot)
{
	return (uint32_t)(slot->word >> 32);
}

static ALWAYS_INLINE bool slot_is_empty(const struct slot *slot)
{
	return slot_type(slot) == CAP_NULL;
}

/* Fills an empty slot's word (from slot_word) and badge; the generation is kept. Not in the derivation list yet. */
static ALWAYS_INLINE void slot_set(struct slot *slot, uint64_t word, uint64_t badge)
{
	slot->word = (word & ~0xff000000ull) | (slot->word & 0xff000000ull);
	slot->badge = badge;
}

/* Empties a slot that is not (or no more) in the derivation list; the generation counts up. */
static ALWAYS_INLINE void slot_clear(struct slot *slot)
{
	uint64_t generation = (slot->word + 0x01000000ull) & 0xff000000ull;

	*slot = (struct slot){.word = generation};
}

/* ---- lookup ------------------------------------------------------------------------------------ */

/*
 * A capability address leads to a slot by two loads: the leaf CNode in the root, the slot in the leaf.  NULL: there is none.
 * Both indices are masked by the table's size behind their check: a CPU that runs ahead of a check it will find failed
 * still reads inside the table (Spectre, variant 1).
 */
static ALWAYS_INLINE struct slot *leaf_of(const struct thread *thread, cap_t address)
{
	struct slot *leaf;

	if (UNLIKELY((address >> 8) > thread->cspace_mask))
		return NULL;
	leaf = slot_at(thread->cspace_first + arch_mask_index(address >> 8, &thread->cspace_mask));
	return LIKELY((leaf->word & (0xffu | SLOT_DYING << 16)) == CAP_CNODE) ? leaf : NULL;
}

static ALWAYS_INLINE struct slot *slot_in(const struct slot *cnode, uint32_t index)
{
	if (UNLIKELY(index > cnode->aux))
		return NULL;
	return slot_at(slot_object(cnode) + arch_mask_index(index, &cnode->aux));
}

static ALWAYS_INLINE struct slot *slot_of(const struct thread *thread, cap_t address)
{
	const struct slot *leaf = leaf_of(thread, address);

	return LIKELY(leaf != NULL) ? slot_in(leaf, address & 0xffu) : NULL;
}

/* The capability of that type (not CAP_NULL) at an address.  E_CAP: no slot, empty or dying; E_TYPE; E_RIGHTS. */
static ALWAYS_INLINE MUST_CHECK enum tessera_error cap_lookup(const struct thread *thread, cap_t address,
							      uint32_t type, uint32_t rights,
							      struct slot **out)
{
	struct slot *slot = slot_of(thread, address);
	uint32_t word;

	if (UNLIKELY(slot == NULL))
		return E_CAP;
	word = (uint32_t)slot->word;
	if (LIKELY((word & (0xffu | rights << 8 | SLOT_DYING << 16)) == (type | rights << 8))) {
		*out = slot;
		return E_OK;
	}
	if ((word & 0xffu) == CAP_NULL || (word & (SLOT_DYING << 16)) != 0)
		return E_CAP;
	return (word & 0xffu) != type ? E_TYPE : E_RIGHTS;
}

/* A slot, the depth of its CNode's origin, for the containment rule (place_allows), and how many slots its designator and
 * those behind it name in the same CNode. */
struct slot_place {
	struct slot *slot;
	uint32_t depth, room;
};

/*
 * The slot a slot_t designates, empty or not, dying or not.  cnode_rights: what the CNode capability must carry
 * (RIGHT_READ to copy from, RIGHT_WRITE to change).  E_SLOT: it names no slot; E_RIGHTS.
 */
MUST_CHECK enum tessera_error slot_lookup(const struct thread *thread, slot_t designator,
					  uint32_t cnode_rights, struct slot_place *out);
/* The same for a destination: write is needed, and the slot must be empty: E_SLOT_USED, and *out is set. */
MUST_CHECK enum tessera_error slot_lookup_empty(const struct thread *thread, slot_t designator,
						struct slot_place *out);
/* The same for a source: a capability that is there and not dying: E_CAP, and *out is set. */
MUST_CHECK enum tessera_error slot_lookup_cap(const struct thread *thread, slot_t designator,
					      uint32_t cnode_rights, struct slot **out);

/* Containment: an origin or Untyped of that depth lies only in a CNode of smaller depth. */
static inline bool place_allows(const struct slot_place *place, uint32_t depth)
{
	return place->depth < depth;
}

/* ---- derivation list (core/derivation.c): list code only, no payload ------------------------------- */

/* Counts the changes of the list: whoever reads it in steps begins again when it differs (authority.c). */
extern uint64_t derivation_generation;
extern slot_ref derivation_sentinel;

/* Makes slot the list's sentinel (depth 0); once, at boot. */
void derivation_init(struct slot *sentinel);
/* Links new, whose word is set, as child of / sibling of; depth is set. Child: parent's depth < DERIVATION_MAX_DEPTH. */
void derivation_insert_child(struct slot *parent, struct slot *new_slot);
void derivation_insert_sibling(struct slot *of, struct slot *new_slot);
/* Copies all of from into the empty slot to, which takes its place in the list; from is emptied. */
void derivation_move(struct slot *from, struct slot *to);
/* Unlinks a leaf; its predecessor in the list is returned. The slot is not emptied. */
struct slot *derivation_remove(struct slot *leaf);

static ALWAYS_INLINE bool derivation_has_descendants(const struct slot *slot)
{
	return slot->next != 0 && slot_at(slot->next)->depth > slot->depth;
}

/* ---- capabilities (core/cspace.c) ------------------------------------------------------------------ */

/*
 * A new capability of the same object in the empty place: a sibling of src, or its child if src is an origin or as_child.
 * rights are cut to src's.  E_TYPE: Untyped, View, Reply; E_DEPTH.  A child of an anchor arms it.
 */
MUST_CHECK enum tessera_error cap_derive(struct slot *src, struct slot *dst, uint32_t rights, bool as_child);
/* The same into one of a Thread's own slots, empty, marked SLOT_EMBEDDED: its CSpace or VSpace is that then.
 * src can be copied and lies less than DERIVATION_MAX_DEPTH - 1 deep. */
void cap_embed(struct slot *src, struct thread *thread, uint32_t which);
/* Empties one of a Thread's own slots; nothing if it is empty. Tells thread_vspace_gone / thread_cspace_gone. */
void cap_unembed(struct slot *embedded);
/* Moves; E_DEPTH by the containment rule. src and dst.slot differ. */
MUST_CHECK enum tessera_error cap_move(struct slot *src, const struct slot_place *dst);
/*
 * A new object's origin as child of parent (retype, machine_irq, boot): fills and links place->slot.
 * detail: see struct slot.  E_DEPTH.  data[] and aux are the caller's to set afterwards.
 */
MUST_CHECK enum tessera_error cap_make_origin(struct slot *parent, const struct slot_place *place,
					      uint64_t word, uint64_t badge);

/* ---- deletion (core/deletion.c) -------------------------------------------------------------------- */

/*
 * Removes all that is derived from a capability, and itself too if is_whole.  Preemptible: E_MORE when limit steps (0: no limit)
 * are done (*steps counts them over restarts, 0 at first), E_RESTART when work_is_enough(); called again it goes on where it was.
 * The current thread may be among what is destroyed: its memory stays valid until it is retyped.
 */
MUST_CHECK enum tessera_error cap_remove(struct slot *slot, bool is_whole, uint64_t limit, uint64_t *steps);

/* Takes a leaf capability whose object has been dealt with out of the tree and empties its slot. Constant time. */
void cap_remove_leaf(struct slot *leaf);

/* ---- boot ------------------------------------------------------------------------------------------ */

/* Slots that only the kernel holds, in boot memory, zeroed before boot_slots_init: the origins of root's first objects, of
 * depth 1, in the slots ROOT_CAP_CNODE to ROOT_CAP_SCHED as their children in root's leaf, and these. */
#define BOOT_SLOT_SENTINEL 0u
#define BOOT_SLOT_MEMORY (ROOT_CAP_SCHED + 1u) /* parent of all boot Untypeds, depth 1, has no object */
#define BOOT_SLOT_COUNT (BOOT_SLOT_MEMORY + 1u)
/* Makes sentinel and BOOT_SLOT_MEMORY. */
void boot_slots_init(struct slot *slots);
/* An origin of depth 1 in one of the kernel's slots; detail 1 for CNodes is set here. */
void boot_make_origin(struct slot *slots, uint32_t which, uint32_t type, uint32_t rights, uint32_t object,
		      uint64_t badge);
/*
 * Splits the free RAM and the device ranges into naturally aligned Untypeds, biggest RAM first, in leaf0[ROOT_CAP_UNTYPED..]
 * (at most BOOT_MAX_UNTYPED and leaf_slots), and describes them in info. What does not fit is lost.
 */
void boot_make_untypeds(struct slot *slots, const struct boot_handover *boot, struct slot *leaf0,
			uint32_t leaf_slots, struct boot_info *info);
