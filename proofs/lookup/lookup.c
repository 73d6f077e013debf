/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The kernel's own cap_lookup (kernel/include/cspace.h) beside what its comment says, for CBMC.
 *
 * For any thread, address, type and rights, and any content of the slots it meets: it reads inside the tables alone, at the
 * address's places, its answer is the documented one, and the out-parameter is written on success only.
 * Not a claim: that the mask of an index is really executed (arch_mask_index is the host's; the architecture's is assembly).
 * LAST is 0 for the check that the assumptions do not contradict each other: then the last claim must fail.
 */
#include <cspace.h>

#ifndef LAST
#define LAST 1
#endif

struct thread caller;
cap_t address;
struct slot root_slot, leaf_slot;
uint32_t reads;

/* Any value, for CBMC. */
struct slot nondet_slot(void);
uint32_t nondet_u32(void);

static bool is_size_less_one(uint32_t mask)
{
	return (mask & (mask + 1u)) == 0 && mask + 1u != 0;
}

static bool is_leaf(const struct slot *slot)
{
	return slot_type(slot) == CAP_CNODE && !slot_has(slot, SLOT_DYING);
}

struct slot *slot_at(slot_ref ref)
{
	reads++;
	__CPROVER_assert(reads <= 2u, "two loads");
	if (reads == 1u) {
		__CPROVER_assert(ref - caller.cspace_first <= caller.cspace_mask, "inside the root");
		__CPROVER_assert(ref == caller.cspace_first + (address >> 8), "the place in the root");
		return &root_slot;
	}
	__CPROVER_assert(is_leaf(&root_slot), "a leaf is a CNode that lives");
	__CPROVER_assert(ref - slot_object(&root_slot) <= root_slot.aux, "inside the leaf");
	__CPROVER_assert(ref == slot_object(&root_slot) + (address & 0xffu), "the place in the leaf");
	return &leaf_slot;
}

static enum tessera_error expected(uint32_t type, uint32_t rights)
{
	if ((address >> 8) > caller.cspace_mask || !is_leaf(&root_slot) || (address & 0xffu) > root_slot.aux)
		return E_CAP;
	if (slot_is_empty(&leaf_slot) || slot_has(&leaf_slot, SLOT_DYING))
		return E_CAP;
	if (slot_type(&leaf_slot) != type)
		return E_TYPE;
	return (slot_rights(&leaf_slot) & rights) == rights ? E_OK : E_RIGHTS;
}

void prove_lookup(void)
{
	uint32_t type = nondet_u32();
	uint32_t rights = nondet_u32();
	struct slot *out = NULL;

	address = nondet_u32();
	caller.cspace_first = nondet_u32();
	caller.cspace_mask = nondet_u32();
	root_slot = nondet_slot();
	leaf_slot = nondet_slot();
	__CPROVER_assume(0 < type && type <= 0xffu && type != CAP_NULL && rights <= 0xffu);
	__CPROVER_assume(is_size_less_one(caller.cspace_mask));
	__CPROVER_assume(slot_type(&root_slot) != CAP_CNODE || is_size_less_one(root_slot.aux));

	enum tessera_error error = cap_lookup(&caller, address, type, rights, &out);

	__CPROVER_assert(error == expected(type, rights), "answer");
	__CPROVER_assert(out == (error == E_OK ? &leaf_slot : NULL), "out on success only");
	__CPROVER_assert(LAST == 1, "last");
}
