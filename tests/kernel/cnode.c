/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* copy, mint, move, inspect, copy_all: success, every error, and where the new capability stands in the tree. */
#include "tests.h"

#define OWN SLOT_OWN

static void test_copy(void)
{
	cap_t endpoint = make(CAP_ENDPOINT, 0), memory = make(CAP_MEMORY, 2), untyped = make(CAP_UNTYPED, 12);
	cap_t view = slot_new(), first = slot_new(), second = slot_new(), weak;

	check_error(ts_cnode_copy(OWN(first), OWN(endpoint), READ | WRITE), E_OK, "copy of an origin");
	check(inspect(OWN(first)).rights == (READ | WRITE) && inspect(OWN(first)).type == CAP_ENDPOINT,
	      "it has only those rights");
	check((inspect(OWN(endpoint)).type & (FACT_ORIGIN | FACT_DESCENDANTS)) ==
		      (FACT_ORIGIN | FACT_DESCENDANTS),
	      "it is a child of the origin");
	check_error(ts_cnode_copy(OWN(second), OWN(first), ALL), E_OK, "copy of a copy");
	check(inspect(OWN(second)).rights == (READ | WRITE), "rights do not grow");
	check((inspect(OWN(first)).type & FACT_DESCENDANTS) == 0, "it is a sibling of the copy");
	drop(first);
	check(type_at(second) == CAP_ENDPOINT, "a sibling stays when the copy goes");
	check_error(ts_cnode_copy(OWN(second), OWN(endpoint), ALL), E_SLOT_USED,
		    "copy to a used slot: E_SLOT_USED");
	check_error(ts_cnode_copy(OWN(first), OWN(first), ALL), E_CAP, "copy of an empty slot: E_CAP");
	check_error(ts_cnode_copy(OWN(first), OWN(0x200), ALL), E_SLOT, "copy from no slot: E_SLOT");
	check_error(ts_cnode_copy(OWN(first), OWN(untyped), ALL), E_TYPE, "copy of an Untyped: E_TYPE");
	must(ts_memory_attach(memory, OWN(view), ROOT_CAP_VSPACE, SCRATCH_VA, 2, ALL), "a View");
	check_error(ts_cnode_copy(OWN(first), OWN(view), ALL), E_TYPE, "copy of a View: E_TYPE");
	check_error(ts_cnode_copy(OWN(first), OWN(memory), 0), E_OK, "copy without any right");
	check(inspect(OWN(first)).rights == 0 && inspect(OWN(first)).info[1] == 2,
	      "a Memory's copy has its pages");
	weak = mint_of(ROOT_CAP_LEAF, WRITE, 0, 0);
	check_error(ts_cnode_copy(OWN(slot_new()), SLOT_IN(weak, ROOT_CAP_CONSOLE), ALL), E_RIGHTS,
		    "copy out of a CNode without read: E_RIGHTS");
}

static void test_depth(void)
{
	cap_t endpoint = make(CAP_ENDPOINT, 0), slots[2] = {slot_new(), slot_new()};
	uint64_t error = E_OK;
	uint32_t depth = 0;

	cap_t leaf = make(CAP_CNODE, 10), source = endpoint;
	slot_t from = OWN(source);

	for (; depth < 1000 && error == E_OK; depth++) {
		error = ts_cnode_mint(SLOT_IN(leaf, depth), from, ALL, 0, 0);
		from = error == E_OK ? SLOT_IN(leaf, depth) : from;
	}
	check_error(error, E_DEPTH, "minting deeper and deeper ends with E_DEPTH");
	check(depth > 50, "behind more than 50 generations");
	check_error(ts_cnode_copy(OWN(slots[0]), from, ALL), E_OK, "a sibling can still be made there");
	check_error(ts_cnode_mint(OWN(slots[1]), OWN(slots[0]), ALL, 0, 0), E_DEPTH, "and no child of it");
	check_error(ts_cnode_revoke(OWN(endpoint), 0), E_OK, "one revoke takes all of them");
	check((inspect(OWN(endpoint)).type & FACT_DESCENDANTS) == 0 && type_at(slots[0]) == CAP_NULL,
	      "none is left");
}

/* Derives parts of parts until that is refused; what is refused then: E_DEPTH. */
static uint64_t derive_deep(cap_t memory)
{
	uint64_t error = E_OK;

	while (error == E_OK) { /* ends: the tree is less deep than the group has slots */
		cap_t part = slot_new();

		error = ts_memory_derive(memory, OWN(part), 0, 1, ALL);
		memory = part;
	}
	return error;
}

/* An origin as deep as the tree goes: a copy of it would be its child. */
static void test_deepest_origin(void)
{
	cap_t parent, untyped = make(CAP_UNTYPED, 12), next = untyped, endpoint = slot_new();
	uint64_t error = E_OK;

	do { /* ends as derive_deep does */
		parent = untyped;
		untyped = next;
		next = slot_new();
		error = ts_untyped_retype(untyped, CAP_UNTYPED, 12, OWN(next), 1, 0, 0);
	} while (error == E_OK);
	check_error(error, E_DEPTH, "an Untyped in an Untyped and so on ends with E_DEPTH");
	drop(untyped);
	must(ts_untyped_retype(parent, CAP_ENDPOINT, 0, OWN(endpoint), 1, 0, 0), "an Endpoint as deep");
	check_error(ts_cnode_copy(OWN(next), OWN(endpoint), ALL), E_DEPTH,
		    "a copy of an origin there: E_DEPTH");
	check_error(derive_deep(make(CAP_MEMORY, 2)), E_DEPTH,
		    "memory_derive of a part of a part and so on: E_DEPTH");
}

static void test_mint(void)
{
	cap_t endpoint = make(CAP_ENDPOINT, 0), notification = make(CAP_NOTIFICATION, 0),
	      memory = make(CAP_MEMORY, 1);
	cap_t untyped = make(CAP_UNTYPED, 12), badged = slot_new(), other = slot_new();

	check_error(ts_cnode_mint(OWN(badged), OWN(endpoint), WRITE | GRANT, 77, 0), E_OK,
		    "mint with a badge");
	check(inspect(OWN(badged)).badge == 77 && inspect(OWN(badged)).rights == (WRITE | GRANT),
	      "badge and rights are set");
	check_error(ts_cnode_mint(OWN(other), OWN(badged), ALL, 78, 0), E_ARG, "a second badge: E_ARG");
	check_error(ts_cnode_mint(OWN(other), OWN(badged), ALL, 0, 0), E_OK, "mint keeps the badge with 0");
	check(inspect(OWN(other)).badge == 77 && inspect(OWN(other)).rights == (WRITE | GRANT),
	      "the child has badge and no more rights");
	check((inspect(OWN(badged)).type & FACT_DESCENDANTS) != 0, "it is a child");
	drop(badged);
	check(type_at(other) == CAP_NULL, "a child goes with its parent");
	check_error(ts_cnode_mint(OWN(other), OWN(notification), ALL, 5, 0), E_OK,
		    "a Notification takes a badge");
	drop(other);
	check_error(ts_cnode_mint(OWN(other), OWN(memory), ALL, 5, 0), E_ARG, "a badge on a Memory: E_ARG");
	check_error(ts_cnode_mint(OWN(other), OWN(memory), READ, 0, 0), E_OK,
		    "mint of a Memory without a badge");
	drop(other);
	check_error(ts_cnode_mint(OWN(other), OWN(endpoint), ALL, 5, 2), E_ARG, "an unknown flag: E_ARG");
	check_error(ts_cnode_mint(OWN(other), OWN(endpoint), ALL, 0, 1), E_ARG,
		    "a notice without a badge: E_ARG");
	check_error(ts_cnode_mint(OWN(other), OWN(notification), ALL, 5, 1), E_ARG,
		    "a notice of a Notification: E_ARG");
	check_error(ts_cnode_mint(OWN(other), OWN(untyped), ALL, 0, 0), E_TYPE, "mint of an Untyped: E_TYPE");
	check_error(ts_cnode_mint(OWN(other), OWN(badged), ALL, 0, 0), E_CAP, "mint of an empty slot: E_CAP");
	check_error(ts_cnode_mint(OWN(memory), OWN(endpoint), ALL, 0, 0), E_SLOT_USED,
		    "mint to a used slot: E_SLOT_USED");
}

static void test_move(void)
{
	cap_t endpoint = make(CAP_ENDPOINT, 0), child = mint_of(endpoint, ALL, 3, 0), target = slot_new();
	cap_t inner = make(CAP_CNODE, 4), weak = copy_of(inner, READ);

	check_error(ts_cnode_move(OWN(target), OWN(child)), E_OK, "move");
	check(type_at(child) == CAP_NULL && inspect(OWN(target)).badge == 3,
	      "it stands there and no more here");
	check_error(ts_cnode_move(OWN(child), OWN(child)), E_CAP, "move of an empty slot: E_CAP");
	check_error(ts_cnode_move(OWN(target), OWN(target)), E_SLOT_USED, "move onto itself: E_SLOT_USED");
	check_error(ts_cnode_move(OWN(endpoint), OWN(target)), E_SLOT_USED,
		    "move to a used slot: E_SLOT_USED");
	check_error(ts_cnode_move(OWN(child), OWN(endpoint)), E_OK, "move of an origin");
	check_error(ts_cnode_revoke(OWN(child), 0), E_OK, "it keeps its place in the tree:");
	check(type_at(target) == CAP_NULL, "revoking it takes the child");
	check_error(ts_cnode_move(SLOT_IN(inner, 0), OWN(child)), E_DEPTH,
		    "an origin to a CNode that is not shallower: E_DEPTH");
	check_error(ts_cnode_move(SLOT_IN(inner, 0), OWN(inner)), E_DEPTH, "a CNode into itself: E_DEPTH");
	target = copy_of(child, ALL);
	check_error(ts_cnode_move(SLOT_IN(inner, 3), OWN(target)), E_OK, "a copy may go there");
	check_error(ts_cnode_move(OWN(target), SLOT_IN(weak, 3)), E_RIGHTS,
		    "move out of a CNode without write: E_RIGHTS");
	check_error(ts_cnode_move(OWN(target), SLOT_IN(inner, 3)), E_OK, "and back");
}

static void test_inspect(void)
{
	cap_t cnode = make(CAP_CNODE, 5), untyped = make(CAP_UNTYPED, 14), memory = make(CAP_MEMORY, 7),
	      view = slot_new();
	struct cap_facts facts = inspect(OWN(slot_new()));

	check(facts.error == E_OK && facts.type == CAP_NULL, "an empty slot is no error");
	must(ts_cnode_copy(SLOT_IN(cnode, 4), OWN(memory), ALL), "a copy");
	facts = inspect(OWN(cnode));
	check(facts.info[0] == 32 && facts.info[1] == 1, "a CNode tells slots and slots in use");
	must(ts_untyped_retype(untyped, CAP_NOTIFICATION, 0, OWN(slot_new()), 1, 0, 0), "a child");
	facts = inspect(OWN(untyped));
	check(facts.info[1] == 14 && facts.info[2] == (1u << 14) - 64 && facts.info[0] % (1u << 14) == 0,
	      "an Untyped tells address, size and bytes free");
	facts = inspect(OWN(memory));
	check(facts.info[0] % PAGE_BYTES == 0 && facts.info[0] != 0 && facts.info[1] == 7,
	      "a Memory tells address and pages");
	must(ts_memory_attach(memory, OWN(view), ROOT_CAP_VSPACE, SCRATCH_VA, 9, READ), "a View");
	facts = inspect(OWN(view));
	check(facts.info[0] == SCRATCH_VA && facts.info[1] == 9 && facts.rights == READ,
	      "a View tells its window");
	facts = inspect(OWN(mint_of(make(CAP_ENDPOINT, 0), ALL, 1ull << 63 | 5, 1)));
	check(facts.badge == (1ull << 63 | 5) && (facts.type & FACT_ANCHOR) != 0,
	      "an anchor tells itself and a badge of 64 bits");
	cnode = make(CAP_CNODE, 11);
	check(inspect(OWN(cnode)).info[1] == ~0ull, "slots of a large CNode are not counted");
}

static void test_copy_all(void)
{
	cap_t from = make(CAP_CNODE, 4), to = make(CAP_CNODE, 4), wide = make(CAP_CNODE, 5),
	      endpoint = make(CAP_ENDPOINT, 0);
	uint64_t copied = 99;

	for (uint32_t i = 0; i < 6; i++)
		must(ts_cnode_mint(SLOT_IN(from, 2 * i), OWN(endpoint), ALL, i + 1, 0), "a badge");
	must(ts_cnode_copy(SLOT_IN(to, 4), OWN(from), ALL), "something in the way");
	check_error(ts_cnode_copy_all(to, from, &copied), E_OK, "copy_all");
	check(copied == 5 && inspect(SLOT_IN(to, 10)).badge == 6 &&
		      (inspect(SLOT_IN(to, 4)).type & 0xff) == CAP_CNODE,
	      "everything is copied but where something was");
	check((inspect(SLOT_IN(from, 10)).type & FACT_DESCENDANTS) == 0, "as siblings");
	check_error(ts_cnode_copy_all(to, from, &copied), E_OK, "again");
	check_equal(copied, 0, "nothing more to copy");
	check_error(ts_cnode_copy_all(wide, from, 0), E_RANGE, "CNodes of different size: E_RANGE");
	check_error(ts_cnode_copy_all(to, endpoint, 0), E_TYPE, "from an Endpoint: E_TYPE");
	check_error(ts_cnode_copy_all(endpoint, from, 0), E_TYPE, "to an Endpoint: E_TYPE");
	check_error(ts_cnode_copy_all(to, CAP_EMPTY, 0), E_CAP, "from nothing: E_CAP");
	check_error(ts_cnode_copy_all(CAP_EMPTY, from, 0), E_CAP, "to nothing: E_CAP");
	check_error(ts_cnode_copy_all(copy_of(to, READ), from, 0), E_RIGHTS,
		    "to a CNode without write: E_RIGHTS");
	check_error(ts_cnode_copy_all(to, copy_of(from, WRITE), 0), E_RIGHTS,
		    "from a CNode without read: E_RIGHTS");
}

static void test_copy_all_large(void)
{
	cap_t from = make(CAP_CNODE, 11), to = make(CAP_CNODE, 11), endpoint = make(CAP_ENDPOINT, 0);
	cap_t copy = copy_of(endpoint, ALL);
	uint64_t copied = 0;

	for (uint32_t i = 0; i < 2048; i++)
		must(ts_cnode_copy(SLOT_IN(from, i), OWN(copy), ALL), "a copy");
	check_error(ts_cnode_copy_all(to, from, &copied), E_OK, "2048 capabilities in one restarted call");
	check_equal(copied, 2048, "all are copied and counted");
	check_error(ts_cnode_copy_all(to, to, &copied), E_OK, "a CNode onto itself");
	check_equal(copied, 0, "copies nothing");
}

void test_cnode(void)
{
	group_begin("cnode");
	test_copy();
	test_depth();
	test_deepest_origin();
	group_end();
	group_begin("cnode");
	test_mint();
	test_move();
	test_inspect();
	group_end();
	group_begin("copy_all");
	test_copy_all();
	test_copy_all_large();
	group_end();
}
