/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The operations on capability slots (100-199): success and every documented error.
 */
#include "check.h"

#define UT 60u /* Untyped, 1 MiB */
#define EP 61u
#define NTFN 62u
#define CNODE 63u /* 16 slots */
#define FREE 100u
#define RO_LEAF 64u /* capability to leaf 0 without rights */

static int setup(void **state)
{
	world_setup(state);
	world_untyped(UT, 20);
	world_make(UT, CAP_ENDPOINT, 0, EP);
	world_make(UT, CAP_NOTIFICATION, 0, NTFN);
	world_make(UT, CAP_CNODE, 4, CNODE);
	assert_int_equal(CALL(OP_CNODE_COPY, RO_LEAF, ROOT_CAP_LEAF, 0), E_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_world();
	return 0;
}

static void boot_untypeds_are_described(void **state)
{
	uint64_t bytes = 0;

	(void)state;
	for (uint32_t i = 0; i < world.info.untyped_count; i++) {
		const struct boot_untyped *untyped = &world.info.untyped[i];

		assert_int_equal(CALL(OP_CAP_INSPECT, ROOT_CAP_UNTYPED + i), E_OK);
		assert_int_equal(world_result(0) & 0xff, CAP_UNTYPED);
		assert_int_equal(world_result(3), untyped->phys);
		assert_int_equal(world_result(4), untyped->size_log2);
		assert_int_equal(untyped->phys & ((1ull << untyped->size_log2) - 1), 0);
		bytes += untyped->is_device ? 0 : 1ull << untyped->size_log2;
		if (i > 0 && !untyped->is_device)
			assert_true(untyped->size_log2 <= world.info.untyped[i - 1].size_log2);
	}
	assert_int_equal(bytes, HOST_PHYS_BASE + HOST_PHYS_BYTES - WORLD_RAM_START);
}

static void copy_of_an_origin_is_a_child(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_CNODE_COPY, FREE, EP, RIGHT_WRITE | RIGHT_GRANT), E_OK);
	assert_int_equal(world_slot(FREE)->depth, world_slot(EP)->depth + 1);
	assert_int_equal(slot_rights(world_slot(FREE)), RIGHT_WRITE | RIGHT_GRANT);
	assert_false(slot_has(world_slot(FREE), SLOT_ORIGIN));
	/* and a copy of the copy is its sibling, with no more rights */
	assert_int_equal(CALL(OP_CNODE_COPY, FREE + 1, FREE, RIGHTS_ALL), E_OK);
	assert_int_equal(world_slot(FREE + 1)->depth, world_slot(FREE)->depth);
	assert_int_equal(slot_rights(world_slot(FREE + 1)), RIGHT_WRITE | RIGHT_GRANT);
	/* deleting the first copy leaves the second */
	assert_int_equal(CALL(OP_CNODE_DELETE, FREE, 0), E_OK);
	assert_int_equal(slot_type(world_slot(FREE + 1)), CAP_ENDPOINT);
}

static void copy_errors(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_CNODE_COPY, 0, EP, RIGHTS_ALL), E_SLOT);
	assert_int_equal(CALL(OP_CNODE_COPY, 5 << 8, EP, RIGHTS_ALL), E_SLOT);
	assert_int_equal(CALL(OP_CNODE_COPY, WORLD_ROOT_SLOTS << 8, EP, RIGHTS_ALL), E_SLOT);
	assert_int_equal(CALL(OP_CNODE_COPY, SLOT_IN(EP, 0), EP, RIGHTS_ALL), E_SLOT);
	assert_int_equal(CALL(OP_CNODE_COPY, SLOT_IN(CNODE, 16), EP, RIGHTS_ALL), E_SLOT);
	assert_int_equal(CALL(OP_CNODE_COPY, NTFN, EP, RIGHTS_ALL), E_SLOT_USED);
	assert_int_equal(CALL(OP_CNODE_COPY, FREE, FREE + 1, RIGHTS_ALL), E_CAP);
	assert_int_equal(CALL(OP_CNODE_COPY, FREE, 7 << 8, RIGHTS_ALL), E_SLOT);
	assert_int_equal(CALL(OP_CNODE_COPY, FREE, UT, RIGHTS_ALL), E_TYPE);
	assert_int_equal(CALL(OP_CNODE_COPY, SLOT_IN(RO_LEAF, FREE), EP, RIGHTS_ALL), E_RIGHTS);
	assert_int_equal(CALL(OP_CNODE_COPY, FREE, SLOT_IN(RO_LEAF, EP), RIGHTS_ALL), E_RIGHTS);
	assert_true(slot_is_empty(world_slot(FREE)));
}

static void depth_has_a_limit(void **state)
{
	enum tessera_error error = E_OK;
	uint32_t count = 0;

	(void)state;
	world_make(UT, CAP_CNODE, 11, FREE);
	assert_int_equal(CALL(OP_CNODE_MINT, SLOT_IN(FREE, 0), EP, RIGHTS_ALL, 0, 0), E_OK);
	while (error == E_OK && count < 2000) {
		error = CALL(OP_CNODE_MINT, SLOT_IN(FREE, count + 1), SLOT_IN(FREE, count), RIGHTS_ALL, 0, 0);
		count += error == E_OK;
	}
	assert_int_equal(error, E_DEPTH);
	assert_int_equal(world_slot(EP)->depth + 1 + count, DERIVATION_MAX_DEPTH);
	assert_world();
	assert_int_equal(CALL(OP_CNODE_REVOKE, EP, 0), E_OK);
	assert_false(derivation_has_descendants(world_slot(EP)));
}

static void mint_badges_and_rights(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_CNODE_MINT, FREE, EP, RIGHT_WRITE, 77, 0), E_OK);
	assert_int_equal(world_slot(FREE)->badge, 77);
	assert_int_equal(CALL(OP_CNODE_MINT, FREE + 1, FREE, RIGHTS_ALL, 0, 0), E_OK);
	assert_int_equal(world_slot(FREE + 1)->badge, 77);
	assert_int_equal(world_slot(FREE + 1)->depth, world_slot(FREE)->depth + 1);
	assert_int_equal(CALL(OP_CNODE_MINT, FREE + 2, NTFN, RIGHTS_ALL, 5, 0), E_OK);
	assert_int_equal(world_slot(FREE + 2)->badge, 5);
	assert_int_equal(CALL(OP_CNODE_MINT, FREE + 3, EP, RIGHT_WRITE, 9, 1), E_OK);
	assert_true(slot_has(world_slot(FREE + 3), SLOT_ANCHOR | SLOT_ARMED));
}

static void mint_errors(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_CNODE_MINT, FREE, EP, RIGHT_WRITE, 77, 0), E_OK);
	assert_int_equal(CALL(OP_CNODE_MINT, FREE + 1, FREE, RIGHT_WRITE, 78, 0), E_ARG);
	assert_int_equal(CALL(OP_CNODE_MINT, FREE + 1, CNODE, RIGHT_WRITE, 1, 0), E_ARG);
	assert_int_equal(CALL(OP_CNODE_MINT, FREE + 1, EP, RIGHT_WRITE, 0, 1), E_ARG);
	assert_int_equal(CALL(OP_CNODE_MINT, FREE + 1, NTFN, RIGHT_WRITE, 1, 1), E_ARG);
	assert_int_equal(CALL(OP_CNODE_MINT, FREE + 1, EP, RIGHT_WRITE, 1, 2), E_ARG);
	assert_int_equal(CALL(OP_CNODE_MINT, FREE + 1, UT, RIGHT_WRITE, 0, 0), E_TYPE);
	assert_int_equal(CALL(OP_CNODE_MINT, FREE, EP, RIGHT_WRITE, 0, 0), E_SLOT_USED);
	assert_int_equal(CALL(OP_CNODE_MINT, 0, EP, RIGHT_WRITE, 0, 0), E_SLOT);
	assert_int_equal(CALL(OP_CNODE_MINT, FREE + 1, FREE + 2, RIGHT_WRITE, 0, 0), E_CAP);
	assert_int_equal(CALL(OP_CNODE_MINT, SLOT_IN(RO_LEAF, FREE + 1), EP, RIGHT_WRITE, 0, 0), E_RIGHTS);
}

static void move_keeps_the_place(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_CNODE_COPY, FREE, EP, RIGHTS_ALL), E_OK);
	assert_int_equal(CALL(OP_CNODE_MOVE, FREE + 1, EP), E_OK);
	assert_true(slot_is_empty(world_slot(EP)));
	assert_int_equal(slot_generation(world_slot(EP)), 1);
	assert_true(slot_has(world_slot(FREE + 1), SLOT_ORIGIN));
	assert_int_equal(CALL(OP_CNODE_REVOKE, FREE + 1, 0), E_OK);
	assert_true(slot_is_empty(world_slot(FREE)));
}

static void move_errors(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_CNODE_MOVE, NTFN, EP), E_SLOT_USED);
	assert_int_equal(CALL(OP_CNODE_MOVE, 0, EP), E_SLOT);
	assert_int_equal(CALL(OP_CNODE_MOVE, FREE, FREE + 1), E_CAP);
	assert_int_equal(CALL(OP_CNODE_MOVE, SLOT_IN(RO_LEAF, FREE), EP), E_RIGHTS);
	assert_int_equal(CALL(OP_CNODE_MOVE, FREE, SLOT_IN(RO_LEAF, EP)), E_RIGHTS);
	/* an origin needs a CNode that is less deep; a CNode never goes into itself */
	assert_int_equal(CALL(OP_CNODE_MOVE, SLOT_IN(CNODE, 0), EP), E_DEPTH);
	assert_int_equal(CALL(OP_CNODE_MOVE, SLOT_IN(CNODE, 0), CNODE), E_DEPTH);
	/* copies go anywhere */
	assert_int_equal(CALL(OP_CNODE_COPY, SLOT_IN(CNODE, 0), EP, RIGHTS_ALL), E_OK);
	assert_int_equal(CALL(OP_CNODE_MOVE, SLOT_IN(CNODE, 1), SLOT_IN(CNODE, 0)), E_OK);
}

static void delete_and_revoke_errors(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_CNODE_DELETE, FREE, 0), E_CAP);
	assert_int_equal(CALL(OP_CNODE_DELETE, 0, 0), E_SLOT);
	assert_int_equal(CALL(OP_CNODE_DELETE, SLOT_IN(RO_LEAF, EP), 0), E_RIGHTS);
	assert_int_equal(CALL(OP_CNODE_REVOKE, FREE, 0), E_CAP);
	assert_int_equal(CALL(OP_CNODE_REVOKE, SLOT_IN(CNODE, 99), 0), E_SLOT);
	assert_int_equal(CALL(OP_CNODE_REVOKE, SLOT_IN(RO_LEAF, EP), 0), E_RIGHTS);
	assert_int_equal(CALL(OP_CNODE_COPY, FREE, EP, RIGHT_WRITE), E_OK);
	assert_int_equal(CALL(OP_CNODE_REVOKE, FREE, 0), E_RIGHTS);
}

static void limits_are_kept(void **state)
{
	uint32_t calls = 0;

	(void)state;
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(CALL(OP_CNODE_COPY, FREE + i, EP, RIGHTS_ALL), E_OK);
	while (CALL(OP_CNODE_REVOKE, EP, 3) == E_MORE) {
		calls++;
		assert_world();
	}
	assert_in_range(calls, 6, 7);
	for (uint32_t i = 0; i < 20; i++)
		assert_true(slot_is_empty(world_slot(FREE + i)));
	assert_int_equal(slot_type(world_slot(EP)), CAP_ENDPOINT);
}

static void inspect_tells_everything(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_CAP_INSPECT, FREE), E_OK);
	assert_int_equal(world_result(0), CAP_NULL);
	assert_int_equal(CALL(OP_CAP_INSPECT, CNODE), E_OK);
	assert_int_equal(world_result(0), CAP_CNODE | 0x100);
	assert_int_equal(world_result(1), RIGHTS_ALL);
	assert_int_equal(world_result(2), 0);
	assert_int_equal(world_result(3), 16);
	assert_int_equal(world_result(4), 0);
	assert_int_equal(CALL(OP_CNODE_COPY, SLOT_IN(CNODE, 3), CNODE, 0), E_OK);
	assert_int_equal(CALL(OP_CAP_INSPECT, CNODE), E_OK);
	assert_int_equal(world_result(0), CAP_CNODE | 0x300);
	assert_int_equal(world_result(4), 1);
	assert_int_equal(CALL(OP_CNODE_MINT, FREE, EP, RIGHT_WRITE, 9, 1), E_OK);
	assert_int_equal(CALL(OP_CAP_INSPECT, FREE), E_OK);
	assert_int_equal(world_result(0), CAP_ENDPOINT | 0x400);
	assert_int_equal(world_result(2), 9);
	world_make(UT, CAP_MEMORY, 3, FREE + 1);
	assert_int_equal(CALL(OP_CAP_INSPECT, FREE + 1), E_OK);
	assert_int_equal(world_result(3), world_slot(FREE + 1)->badge << PAGE_SHIFT);
	assert_int_equal(world_result(4), 3);
	assert_int_equal(CALL(OP_CAP_INSPECT, 0), E_SLOT);
	assert_int_equal(CALL(OP_CAP_INSPECT, SLOT_IN(RO_LEAF, EP)), E_RIGHTS);
}

static void copy_all_fills_the_gaps(void **state)
{
	const uint32_t other = FREE + 1;

	(void)state;
	world_make(UT, CAP_CNODE, 4, other);
	world_make(UT, CAP_CNODE, 5, FREE + 2);
	world_untyped(FREE + 4, 16); /* one level deeper: may lie in CNode */
	for (uint32_t i = 0; i < 16; i += 2)
		assert_int_equal(CALL(OP_CNODE_COPY, SLOT_IN(CNODE, i), EP, RIGHT_WRITE), E_OK);
	assert_int_equal(CALL(OP_CNODE_COPY, SLOT_IN(other, 2), NTFN, RIGHT_WRITE), E_OK);
	assert_int_equal(CALL(OP_CNODE_COPY_ALL, other, CNODE), E_OK);
	assert_int_equal(world_result(0), 7);
	assert_int_equal(CALL(OP_CAP_INSPECT, SLOT_IN(other, 2)), E_OK);
	assert_int_equal(world_result(0), CAP_NOTIFICATION);
	assert_int_equal(CALL(OP_CAP_INSPECT, SLOT_IN(other, 4)), E_OK);
	assert_int_equal(world_result(0), CAP_ENDPOINT);
	/* siblings: the source's death leaves them */
	assert_int_equal(CALL(OP_CNODE_DELETE, CNODE, 0), E_OK);
	assert_int_equal(CALL(OP_CAP_INSPECT, SLOT_IN(other, 4)), E_OK);
	assert_int_equal(world_result(0), CAP_ENDPOINT);
	assert_int_equal(CALL(OP_CNODE_COPY_ALL, other, CNODE), E_CAP);
	assert_int_equal(CALL(OP_CNODE_COPY_ALL, other, EP), E_TYPE);
	assert_int_equal(CALL(OP_CNODE_COPY_ALL, other, FREE + 2), E_RANGE);
	assert_int_equal(CALL(OP_CNODE_COPY_ALL, RO_LEAF, ROOT_CAP_LEAF), E_RIGHTS);
	assert_int_equal(CALL(OP_CNODE_COPY_ALL, ROOT_CAP_LEAF, RO_LEAF), E_RIGHTS);
}

static void copy_all_is_preempted(void **state)
{
	(void)state;
	world_make(UT, CAP_CNODE, 11, FREE);
	world_make(UT, CAP_CNODE, 11, FREE + 1);
	for (uint32_t i = 0; i < 2048; i += 3)
		assert_int_equal(CALL(OP_CNODE_COPY, SLOT_IN(FREE, i), EP, RIGHT_WRITE), E_OK);
	assert_int_equal(CALL(OP_CNODE_COPY_ALL, FREE + 1, FREE), E_OK);
	assert_int_equal(world_result(0), 683);
	assert_true(world.restarts > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(boot_untypeds_are_described),
		TEST(copy_of_an_origin_is_a_child),
		TEST(copy_errors),
		TEST(depth_has_a_limit),
		TEST(mint_badges_and_rights),
		TEST(mint_errors),
		TEST(move_keeps_the_place),
		TEST(move_errors),
		TEST(delete_and_revoke_errors),
		TEST(limits_are_kept),
		TEST(inspect_tells_everything),
		TEST(copy_all_fills_the_gaps),
		TEST(copy_all_is_preempted),
	};

	return cmocka_run_group_tests_name("capabilities", tests, NULL, NULL);
}
