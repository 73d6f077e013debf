/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Worst cases of the capability operations: wide and deep trees, nested and huge CNodes, many objects at once. */
#include "bulk.h"

#define MANY 100000u
#define DEEPEST 100u /* deeper than the tree may be */

/* 100,000 descendants of one capability. */
static void worst_wide(void)
{
	cap_t untyped, cnode, endpoint;

	group_begin("wide");
	untyped = bulk_untyped(24);
	cnode = slot_new();
	endpoint = make(CAP_ENDPOINT, 0);
	must(ts_untyped_retype(untyped, CAP_CNODE, 17, OWN(cnode), 1, 0, 0), "a CNode of 131072 slots");
	for (uint32_t i = 0; i < MANY; i++)
		must(ts_cnode_mint(SLOT_IN(cnode, i), OWN(endpoint), ALL, i + 1u, 0), "a badge");
	check_error(ts_cnode_revoke(OWN(endpoint), 0), E_OK, "revoke of 100,000 descendants");
	for (uint32_t i = 0; i < MANY; i++)
		must(ts_cnode_mint(SLOT_IN(cnode, i), OWN(endpoint), ALL, i + 1u, 1), "an anchor");
	check_error(ts_cnode_delete(OWN(cnode), 0), E_OK, "delete of a CNode with 100,000 anchors");
	bulk_free(untyped);
}

/* A tree as deep as it can be, badge below badge, each with brothers. */
static void worst_deep(void)
{
	cap_t endpoint, leaf;
	slot_t from;
	uint64_t error = E_OK;

	group_begin("deep");
	endpoint = make(CAP_ENDPOINT, 0);
	leaf = make(CAP_CNODE, 10);
	from = OWN(endpoint);
	for (uint32_t i = 0; i < DEEPEST && error == E_OK; i++) {
		error = ts_cnode_mint(SLOT_IN(leaf, 4 * i), from, ALL, 0, 0);
		for (uint32_t k = 1; k < 4 && error == E_OK; k++)
			error = ts_cnode_mint(SLOT_IN(leaf, 4 * i + k), from, ALL, 0, 0);
		from = SLOT_IN(leaf, 4 * i);
	}
	check_error(error, E_DEPTH, "a tree as deep as it can be");
	check_error(ts_cnode_revoke(OWN(endpoint), 0), E_OK, "revoke of it");
}

/* CNodes in CNodes, as deep as the tree allows; each full of copies of the others. */
static void worst_nested(void)
{
	cap_t untyped, home, endpoint, cnodes[DEEPEST];
	uint32_t count = 0;
	uint64_t error = E_OK;

	group_begin("nested");
	untyped = bulk_untyped(22);
	endpoint = make(CAP_ENDPOINT, 0);
	home = untyped;
	for (uint32_t i = 0; i < 24u && error == E_OK; i++) { /* Untypeds halve */
		cap_t deeper = slot_new();

		cnodes[count] = slot_new();
		if (count == 0)
			error = ts_untyped_retype(home, CAP_CNODE, 4, OWN(cnodes[0]), 1, 0, 0);
		else
			error = ts_untyped_retype(home, CAP_CNODE, 4, SLOT_IN(cnodes[count - 1u], 15), 1, 0,
						  0);
		if (error == E_OK && count != 0)
			error = ts_cnode_copy(OWN(cnodes[count]), SLOT_IN(cnodes[count - 1u], 15), ALL);
		for (uint32_t k = 0; k < 15u && error == E_OK; k++)
			error = ts_cnode_mint(SLOT_IN(cnodes[count], k), OWN(endpoint), ALL, 7, 0);
		if (error == E_OK)
			error = ts_untyped_retype(home, CAP_UNTYPED, 21u - i, OWN(deeper), 1, 0, 0);
		home = deeper;
		count++;
	}
	note("CNodes in CNodes", count);
	check_error(ts_cnode_delete(OWN(cnodes[0]), 0), E_OK, "delete of the outermost CNode");
	bulk_free(untyped);
}

/* A CNode of a million slots, empty but for the last. */
static void worst_huge(void)
{
	cap_t untyped, cnode, endpoint;

	group_begin("huge");
	untyped = bulk_untyped(27);
	cnode = slot_new();
	endpoint = make(CAP_ENDPOINT, 0);
	check_error(ts_untyped_retype(untyped, CAP_CNODE, 20, OWN(cnode), 1, 0, 0), E_OK,
		    "a CNode of a million slots");
	must(ts_cnode_mint(SLOT_IN(cnode, 0xfffffu), OWN(endpoint), ALL, 1, 0), "its last slot");
	(void)inspect(OWN(cnode));
	check_error(ts_cnode_delete(OWN(cnode), 0), E_OK, "delete of it");
	bulk_free(untyped);
}

/* Copying a full CNode of 4096 slots, onto an empty and onto a full one. */
static void worst_copy_all(void)
{
	cap_t untyped, source, target, endpoint;

	group_begin("copy all");
	untyped = bulk_untyped(22);
	endpoint = make(CAP_ENDPOINT, 0);
	source = slot_new();
	target = slot_new();
	must(ts_untyped_retype(untyped, CAP_CNODE, 12, OWN(source), 1, 0, 0), "a CNode");
	must(ts_untyped_retype(untyped, CAP_CNODE, 12, OWN(target), 1, 0, 0), "another");
	for (uint32_t i = 0; i < 4096u; i++)
		must(ts_cnode_mint(SLOT_IN(source, i), OWN(endpoint), ALL, i + 1u, 1), "an anchor");
	check_error(ts_cnode_copy_all(target, source, 0), E_OK, "copy of 4096 capabilities");
	check_error(ts_cnode_copy_all(target, source, 0), E_OK, "and onto themselves");
	check_error(ts_cnode_revoke(OWN(endpoint), 0), E_OK, "revoke of all");
	check_error(ts_cnode_copy_all(target, source, 0), E_OK, "copy of nothing");
	bulk_free(untyped);
}

/* As many objects of each type as one retype makes, and one that is large. */
static void worst_retype(void)
{
	static const struct {
		uint8_t type, size;
	} kinds[] = {{CAP_UNTYPED, 6}, {CAP_CNODE, 4},	{CAP_ENDPOINT, 0}, {CAP_NOTIFICATION, 0},
		     {CAP_THREAD, 0},  {CAP_VSPACE, 0}, {CAP_MEMORY, 1}};
	cap_t untyped, home, cnode, large;

	for (uint32_t i = 0; i < COUNT_OF(kinds); i++) {
		group_begin("retype");
		untyped = bulk_untyped(23);
		cnode = make(CAP_CNODE, 8);
		home = slot_new();
		must(ts_untyped_retype(untyped, CAP_UNTYPED, 23, OWN(home), 1, 0, 0), "a child");
		check_error(
			ts_untyped_retype(home, kinds[i].type, kinds[i].size, SLOT_IN(cnode, 0), 256, 0, 0),
			E_OK, "256 objects");
		check_error(ts_cnode_revoke(OWN(untyped), 0), E_OK, "and revoked");
		bulk_free(untyped);
	}
	group_begin("retype");
	untyped = bulk_untyped(26);
	large = slot_new();
	check_error(ts_untyped_retype(untyped, CAP_MEMORY, 16383, OWN(large), 1, 0, 0), E_OK, "64 MiB");
	bulk_free(untyped);
}

void worst_capabilities(void)
{
	worst_wide();
	worst_deep();
	worst_nested();
	worst_huge();
	worst_copy_all();
	worst_retype();
}
