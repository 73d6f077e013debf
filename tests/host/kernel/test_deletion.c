/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Deletion: nested containers, step limits, preemption, and what the death of each object leaves behind.
 */
#include "check.h"

#define UT 60u	/* Untyped, 4 MiB */
#define UT2 61u /* Untyped made from UT: its objects are one level deeper */
#define UT3 62u /* Untyped made from UT2 */
#define EP 63u
#define A 64u /* CNode from UT, 16 slots */
#define B 65u /* place of other CNodes */
#define FREE 100u
#define VA 0x10000000ull
#define RW (RIGHT_READ | RIGHT_WRITE)

static int setup(void **state)
{
	world_setup(state);
	world_untyped(UT, 22);
	world_make(UT, CAP_UNTYPED, 20, UT2);
	world_make(UT2, CAP_UNTYPED, 18, UT3);
	world_make(UT, CAP_ENDPOINT, 0, EP);
	world_make(UT, CAP_CNODE, 4, A);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_world();
	return 0;
}

static uint32_t type_in(uint32_t cnode, uint32_t index)
{
	if (CALL(OP_CAP_INSPECT, SLOT_IN(cnode, index)) != E_OK)
		return CAP_NULL;
	return world_result(0) & 0xff;
}

/* ---- containers ------------------------------------------------------------------------------------------ */

/* A holds B (from UT2), B holds C (from UT3); objects and copies in each. */
static void make_nest(void)
{
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, UT3, CAP_CNODE, 5, B, 1), E_OK);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, UT3, CAP_ENDPOINT, 0, FREE, 4), E_OK);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, UT2, CAP_CNODE, 4, B + 1, 1), E_OK);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(CALL(OP_CNODE_COPY, SLOT_IN(B, i), i % 2 ? EP : FREE, RIGHTS_ALL), E_OK);
	assert_int_equal(CALL(OP_CNODE_MOVE, SLOT_IN(B + 1, 3), B), E_OK);
	assert_int_equal(CALL(OP_CNODE_MOVE, SLOT_IN(B + 1, 4), FREE), E_OK);
	assert_int_equal(CALL(OP_CNODE_MOVE, SLOT_IN(A, 7), B + 1), E_OK);
	assert_int_equal(CALL(OP_CNODE_MOVE, SLOT_IN(A, 8), FREE + 1), E_OK);
	assert_world();
}

static void nested_cnodes_go_together(void **state)
{
	(void)state;
	make_nest();
	assert_int_equal(CALL(OP_CNODE_DELETE, A, 0), E_OK);
	assert_true(slot_is_empty(world_slot(A)));
	assert_false(derivation_has_descendants(world_slot(EP)));
	assert_int_equal(slot_type(world_slot(FREE + 2)), CAP_ENDPOINT);
	/* UT2's CNode is gone; only UT3 with the two Endpoints is left */
	assert_int_equal(CALL(OP_CNODE_REVOKE, UT3, 0), E_OK);
	assert_true(slot_is_empty(world_slot(FREE + 2)));
}

static void revoke_of_the_untyped_takes_the_nest(void **state)
{
	(void)state;
	make_nest();
	assert_int_equal(CALL(OP_CNODE_REVOKE, UT, 0), E_OK);
	for (uint32_t i = UT2; i < FREE + 4; i++)
		assert_true(slot_is_empty(world_slot(i)));
	assert_int_equal(CALL(OP_CAP_INSPECT, UT), E_OK);
	assert_int_equal(world_result(5), 1u << 22);
}

static void every_limit_gets_there(void **state)
{
	(void)state;
	for (uint64_t limit = 1; limit < 12; limit++) {
		uint32_t calls = 0;
		enum tessera_error error;

		make_nest();
		do {
			const char *problem;

			error = CALL(OP_CNODE_DELETE, A, limit);
			problem = world_check(true);
			if (problem != NULL)
				fail_msg("limit %u: %s", (unsigned)limit, problem);
			calls++;
			assert_in_range(calls, 1, 200);
			if (error == E_MORE) { /* dying: it can be neither used nor filled, moved or copied */
				assert_int_equal(CALL(OP_CNODE_COPY, 200, A, RIGHTS_ALL), E_CAP);
				assert_int_equal(CALL(OP_CNODE_MOVE, 200, A), E_CAP);
				assert_int_equal(CALL(OP_CNODE_COPY, A, EP, RIGHTS_ALL), E_SLOT_USED);
				assert_int_equal(CALL(OP_CNODE_COPY, SLOT_IN(A, 1), EP, RIGHTS_ALL), E_SLOT);
			}
		} while (error == E_MORE);
		assert_int_equal(error, E_OK);
		assert_int_equal(CALL(OP_CNODE_REVOKE, UT3, 0), E_OK);
		assert_int_equal(CALL(OP_UNTYPED_RETYPE, UT, CAP_CNODE, 4, A, 1), E_OK);
	}
}

/* A killed deleter loses nothing: an ancestor's revoke goes on. */
static void another_deletion_goes_on(void **state)
{
	(void)state;
	make_nest();
	assert_int_equal(CALL(OP_CNODE_DELETE, A, 2), E_MORE);
	assert_int_equal(CALL(OP_CNODE_REVOKE, UT3, 1), E_MORE);
	assert_int_equal(CALL(OP_CNODE_REVOKE, UT2, 1), E_MORE);
	assert_int_equal(CALL(OP_CNODE_REVOKE, UT, 0), E_OK);
	assert_true(slot_is_empty(world_slot(A)));
	assert_int_equal(CALL(OP_CNODE_DELETE, A, 0), E_CAP);
}

/* CNodes that hold copies of each other and of themselves. */
static void copies_may_form_rings(void **state)
{
	(void)state;
	world_make(UT, CAP_CNODE, 4, B);
	assert_int_equal(CALL(OP_CNODE_COPY, SLOT_IN(A, 0), A, RIGHTS_ALL), E_OK);
	assert_int_equal(CALL(OP_CNODE_COPY, SLOT_IN(A, 1), B, RIGHTS_ALL), E_OK);
	assert_int_equal(CALL(OP_CNODE_COPY, SLOT_IN(B, 0), A, RIGHTS_ALL), E_OK);
	assert_int_equal(CALL(OP_CNODE_COPY, SLOT_IN(B, 1), B, RIGHTS_ALL), E_OK);
	assert_int_equal(CALL(OP_CNODE_COPY, SLOT_IN(B, 2), SLOT_IN(B, 1), RIGHTS_ALL), E_OK);
	assert_int_equal(CALL(OP_CNODE_DELETE, A, 0), E_OK);
	assert_int_equal(type_in(B, 0), CAP_NULL);
	assert_int_equal(type_in(B, 1), CAP_CNODE);
	/* delete through itself */
	assert_int_equal(CALL(OP_CNODE_DELETE, SLOT_IN(B, 1), 0), E_OK);
	assert_int_equal(CALL(OP_CNODE_DELETE, B, 0), E_OK);
}

static void large_cnode_is_preempted(void **state)
{
	(void)state;
	world_untyped(FREE, 22);
	world_make(FREE, CAP_CNODE, 15, B);
	for (uint32_t i = 5; i < 1u << 15; i += 1000)
		assert_int_equal(CALL(OP_CNODE_COPY, SLOT_IN(B, i), EP, RIGHTS_ALL), E_OK);
	assert_int_equal(CALL(OP_CNODE_DELETE, B, 0), E_OK);
	assert_true(world.restarts > 2);
	assert_false(derivation_has_descendants(world_slot(EP)));
}

/* A call that is executed again after somebody else finished, and after the slot was filled anew, has succeeded. */
static void restarted_call_sees_a_new_generation(void **state)
{
	struct arch_context *ctx = &world.self->ctx;
	uint64_t key, progress;

	(void)state;
	world_make(UT, CAP_CNODE, 11, B);
	for (uint32_t i = 0; i < 2048; i++)
		assert_int_equal(CALL(OP_CNODE_COPY, SLOT_IN(B, i), EP, RIGHTS_ALL), E_OK);
	for (uint32_t i = 0; i < 7; i++)
		ctx_set_result(ctx, i, i == 0 ? EP : 0);
	ctx->entry = CTX_SYSCALL;
	kernel_syscall(OP_CNODE_REVOKE); /* stops after a while */
	assert_true(world.self->restart_key != 0);
	key = world.self->restart_key;
	progress = world.self->restart_progress;
	/* somebody else does the rest meanwhile */
	assert_int_equal(CALL(OP_CNODE_DELETE, EP, 0), E_OK);
	world_make(UT, CAP_NOTIFICATION, 0, EP);
	assert_int_equal(CALL(OP_CNODE_COPY, FREE, EP, RIGHTS_ALL), E_OK);
	world.self->restart_key = key;
	world.self->restart_progress = progress;
	assert_int_equal(CALL(OP_CNODE_REVOKE, EP, 0), E_OK);
	assert_int_equal(slot_type(world_slot(FREE)), CAP_NOTIFICATION); /* left alone */
	assert_int_equal(CALL(OP_CNODE_REVOKE, EP, 0), E_OK);
	assert_true(slot_is_empty(world_slot(FREE)));
}

/* ---- address spaces -------------------------------------------------------------------------------------- */

#define SPACE 70u
#define TABLES 71u
#define MEM 72u
#define VIEW 73u

static void make_space(void)
{
	world_make(UT, CAP_VSPACE, 0, SPACE);
	world_make(UT2, CAP_UNTYPED, 16, TABLES);
	assert_int_equal(CALL(OP_VSPACE_DONATE_TABLES, SPACE, TABLES), E_OK);
	world_make(UT, CAP_MEMORY, 64, MEM);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, VIEW, SPACE, 0, 0, RIGHTS_ALL), E_OK);
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, VA, 0, 64, RW), E_OK);
	for (uint64_t i = 0; i < 64; i++)
		assert_true(host_access(object_address(slot_object(world_slot(SPACE))), VA + i * PAGE_SIZE) !=
			    0);
}

static pte_t look(uint64_t va)
{
	return host_access(object_address(slot_object(world_slot(SPACE))), va);
}

static void memory_takes_its_mappings_along(void **state)
{
	(void)state;
	make_space();
	assert_int_equal(CALL(OP_CNODE_REVOKE, MEM, 0), E_OK);
	assert_int_equal(look(VA), 0);
	assert_true(slot_is_empty(world_slot(VIEW)));
	assert_int_equal(vspace_at(slot_object(world_slot(SPACE)))->tables_used, 0);
	assert_int_equal(vspace_at(slot_object(world_slot(SPACE)))->views, 0);
}

static void view_clears_what_overlaps(void **state)
{
	(void)state;
	make_space();
	/* a second View of a part of the Memory over a part of the window */
	assert_int_equal(CALL(OP_MEMORY_DERIVE, MEM, FREE, 8, 8, RIGHTS_ALL), E_OK);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, FREE, FREE + 1, SPACE, VA + 4 * PAGE_SIZE, 8, RIGHTS_ALL),
			 E_OK);
	assert_int_equal(CALL(OP_CNODE_DELETE, FREE + 1, 0), E_OK);
	for (uint64_t i = 0; i < 64; i++) { /* pages 8..11: in the window, and of its Memory */
		bool is_cleared = i >= 8 && i < 12;

		assert_int_equal(look(VA + i * PAGE_SIZE) == 0, is_cleared);
	}
	/* the first View maps them again */
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, VA + 8 * PAGE_SIZE, 8, 4, RW), E_OK);
}

static void view_deletion_keeps_its_cursor(void **state)
{
	uint32_t calls = 0;
	enum tessera_error error;

	(void)state;
	make_space();
	for (uint64_t i = 1; i < 10; i++)
		assert_int_equal(CALL(OP_VIEW_MAP, VIEW, VA + i * LARGE_PAGE_BYTES, i, 1, RW), E_OK);
	do {
		const char *problem;

		error = CALL(OP_CNODE_DELETE, VIEW, 1);
		problem = world_check(true);
		if (problem != NULL)
			fail_msg("%s", problem);
		calls++;
	} while (error == E_MORE);
	assert_int_equal(error, E_OK);
	assert_true(calls >= 9);
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, VA, 0, 1, RW), E_CAP);
}

static void vspace_dies_with_views_and_tables(void **state)
{
	uint64_t root;

	(void)state;
	make_space();
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, FREE + i, SPACE, 0, 0, RIGHTS_ALL), E_OK);
	root = object_address(slot_object(world_slot(SPACE))).raw;
	arch_vspace_switch((paddr_t){root});
	assert_int_equal(CALL(OP_CNODE_DELETE, SPACE, 3), E_MORE);
	assert_int_equal(CALL(OP_CNODE_DELETE, SPACE, 0), E_OK);
	assert_int_not_equal(cpu()->arch.root.raw, root); /* no CPU is left in it */
	for (uint32_t i = 0; i < 6; i++)
		assert_true(slot_is_empty(world_slot(FREE + i)));
	assert_true(slot_is_empty(world_slot(VIEW)));
	assert_false(slot_has(world_slot(TABLES), SLOT_TABLES));
	world_make(TABLES, CAP_MEMORY, 16, FREE);
}

static void revoked_tables_clear_the_space(void **state)
{
	(void)state;
	make_space();
	world_make(UT2, CAP_UNTYPED, 13, FREE);
	assert_int_equal(CALL(OP_VSPACE_DONATE_TABLES, SPACE, FREE), E_OK);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, TABLES, CAP_MEMORY, 1, FREE + 1, 1), E_STATE);
	assert_int_equal(CALL(OP_CNODE_REVOKE, TABLES, 0), E_OK);
	assert_int_equal(look(VA), 0);
	assert_false(slot_has(world_slot(TABLES), SLOT_TABLES));
	world_make(TABLES, CAP_MEMORY, 16, FREE + 1);
	memset(phys_to_ptr((paddr_t){world_slot(FREE + 1)->badge << PAGE_SHIFT}), 0xff, 16 * PAGE_SIZE);
	assert_world();
	/* the other donation still serves, but for one table too few */
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, VA, 0, 1, RW), E_NO_TABLE);
	assert_int_equal(CALL(OP_CNODE_DELETE, FREE, 0), E_OK);
	assert_int_equal(vspace_at(slot_object(world_slot(SPACE)))->tables_first, 0);
}

/* After a reset every table of every Untyped that is left can be taken again. */
static void a_reset_pool_is_whole(void **state)
{
	(void)state;
	make_space();
	world_make(UT2, CAP_UNTYPED, 16, FREE);
	assert_int_equal(CALL(OP_VSPACE_DONATE_TABLES, SPACE, FREE), E_OK);
	world_make(UT2, CAP_UNTYPED, 12, FREE + 1);
	assert_int_equal(CALL(OP_VSPACE_DONATE_TABLES, SPACE, FREE + 1), E_OK);
	for (uint32_t round = 0; round < 2; round++) {
		for (uint64_t i = 1; i < 25; i++)
			assert_int_equal(CALL(OP_VIEW_MAP, VIEW, VA + i * LARGE_PAGE_BYTES, i, 1, RW), E_OK);
		assert_int_equal(CALL(round == 0 ? OP_CNODE_REVOKE : OP_CNODE_DELETE, FREE + 1, 0), E_OK);
		assert_int_equal(look(VA), 0);
	}
}

static void moved_slots_stay_linked(void **state)
{
	(void)state;
	make_space();
	assert_int_equal(CALL(OP_CNODE_MOVE, FREE, VIEW), E_OK);
	assert_int_equal(CALL(OP_CNODE_MOVE, FREE + 1, TABLES), E_OK);
	assert_int_equal(CALL(OP_CNODE_MOVE, FREE + 2, SPACE), E_OK);
	assert_world();
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, VIEW, FREE + 2, 0, 0, RIGHTS_ALL), E_OK);
	assert_int_equal(CALL(OP_CNODE_MOVE, TABLES, VIEW), E_OK);
	assert_world();
	assert_int_equal(CALL(OP_VIEW_MAP, FREE, VA + (4ull << 30), 0, 1, RW), E_OK);
	assert_int_equal(CALL(OP_CNODE_DELETE, FREE + 2, 0), E_OK);
	assert_true(slot_is_empty(world_slot(FREE)));
	assert_true(slot_is_empty(world_slot(TABLES)));
}

/* ---- threads and endpoints ------------------------------------------------------------------------------- */

#define THREAD 80u

static void make_thread(void)
{
	struct thread_config *config = (struct thread_config *)&world_page()->words[MSG_REGISTER_WORDS];

	make_space();
	world_make(UT, CAP_THREAD, 0, THREAD);
	*config = (struct thread_config){
		.cspace = A, .vspace = SPACE, .fault_ep = EP, .page_va = 0x7fff80000000ull, .priority = 200};
	assert_int_equal(CALL(OP_THREAD_CONFIGURE, THREAD), E_OK);
}

static void thread_takes_its_page_along(void **state)
{
	(void)state;
	make_thread();
	assert_true(look(0x7fff80000000ull) != 0);
	assert_true(look(TIME_PAGE_VA) != 0);
	/* unmap and Views leave them alone */
	assert_int_equal(CALL(OP_VSPACE_UNMAP, SPACE, 0, USER_TOP >> PAGE_SHIFT), E_OK);
	assert_int_equal(CALL(OP_VSPACE_PROTECT, SPACE, 0, USER_TOP >> PAGE_SHIFT, 0), E_RANGE);
	assert_int_equal(CALL(OP_VSPACE_PROTECT, SPACE, 0x7fff80000000ull, 1, 0), E_OK);
	assert_true(look(0x7fff80000000ull) != 0);
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, 0x7fff80000000ull, 0, 1, RW), E_MAPPED);
	assert_world();
	assert_int_equal(CALL(OP_CNODE_DELETE, THREAD, 0), E_OK);
	assert_int_equal(look(0x7fff80000000ull), 0);
	assert_true(look(TIME_PAGE_VA) != 0);
	assert_false(derivation_has_descendants(world_slot(A)));
}

static void thread_loses_what_is_revoked(void **state)
{
	struct thread *thread;

	(void)state;
	make_thread();
	thread = thread_at(slot_object(world_slot(THREAD)));
	assert_int_equal(thread->cspace_mask, 15);
	assert_int_equal(CALL(OP_CNODE_REVOKE, A, 0), E_OK);
	assert_int_equal(thread->cspace_mask, 0);
	assert_int_not_equal(slot_type(slot_at(thread->cspace_first)), CAP_CNODE);
	assert_int_equal(CALL(OP_CNODE_DELETE, EP, 0), E_OK);
	assert_true(slot_is_empty(&thread->slots[THREAD_SLOT_FAULT]));
	assert_int_equal(CALL(OP_CNODE_DELETE, SPACE, 0), E_OK);
	assert_int_equal(thread->vspace_root.raw, 0);
	assert_int_equal(thread->state, THREAD_SUSPENDED);
}

/* Whether an address names a capability of the thread's CSpace. */
static bool can_name(const struct thread *thread, cap_t address)
{
	const struct slot *slot = slot_of(thread, address);

	return slot != NULL && !slot_is_empty(slot) && !slot_has(slot, SLOT_DYING);
}

static void a_thread_may_delete_itself(void **state)
{
	uint64_t steps = 0;

	(void)state;
	make_nest();
	assert_true(can_name(world.self, ROOT_CAP_CNODE));
	assert_int_equal(CALL(OP_CNODE_DELETE, ROOT_CAP_THREAD, 0), E_OK); /* only root's copy of it */
	assert_false(world.self_is_gone);
	assert_int_equal(cap_remove(&world.boot_slots[ROOT_CAP_THREAD], true, 0, &steps), E_OK);
	assert_int_equal(world.self->state, THREAD_SUSPENDED);
	assert_false(can_name(world.self, ROOT_CAP_CNODE));
	sched_finish();
	assert_ptr_equal(cpu()->current, world.other);
}

static void anchors_notice_the_last_one(void **state)
{
	struct endpoint *endpoint = endpoint_at(slot_object(world_slot(EP)));

	(void)state;
	assert_int_equal(CALL(OP_CNODE_MINT, FREE, EP, RIGHTS_ALL, 7, 1), E_OK);
	assert_int_equal(CALL(OP_CNODE_MINT, FREE + 1, FREE, RIGHTS_ALL, 0, 0), E_OK);
	assert_int_equal(CALL(OP_CNODE_COPY, FREE + 2, FREE + 1, RIGHTS_ALL), E_OK);
	notice_unlink(world_slot(FREE));
	assert_int_equal(endpoint->notices, 0);
	assert_int_equal(CALL(OP_CNODE_DELETE, FREE + 2, 0), E_OK);
	assert_int_equal(endpoint->notices, 0);
	assert_int_equal(CALL(OP_CNODE_DELETE, FREE + 1, 0), E_OK);
	assert_int_equal(endpoint->notices, slot_index(world_slot(FREE)));
	/* a queued anchor moves, and dies, with its place in the ring */
	assert_int_equal(CALL(OP_CNODE_MOVE, FREE + 3, FREE), E_OK);
	assert_int_equal(endpoint->notices, slot_index(world_slot(FREE + 3)));
	assert_int_equal(CALL(OP_RECV, EP), E_OK);
	assert_int_equal(world_result(0), 7);
	assert_int_equal(MSG_TAG_OP(world_result(1)), MSG_OP_NOTICE);
	assert_int_equal(endpoint->notices, 0);
	assert_int_equal(CALL(OP_CNODE_MINT, FREE + 1, FREE + 3, RIGHTS_ALL, 0, 0), E_OK);
	assert_int_equal(CALL(OP_CNODE_DELETE, FREE + 1, 0), E_OK);
	assert_int_equal(endpoint->notices, slot_index(world_slot(FREE + 3)));
	assert_int_equal(CALL(OP_CNODE_DELETE, FREE + 3, 0), E_OK);
	assert_int_equal(endpoint->notices, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(nested_cnodes_go_together),
		TEST(revoke_of_the_untyped_takes_the_nest),
		TEST(every_limit_gets_there),
		TEST(another_deletion_goes_on),
		TEST(copies_may_form_rings),
		TEST(large_cnode_is_preempted),
		TEST(restarted_call_sees_a_new_generation),
		TEST(memory_takes_its_mappings_along),
		TEST(view_clears_what_overlaps),
		TEST(view_deletion_keeps_its_cursor),
		TEST(vspace_dies_with_views_and_tables),
		TEST(revoked_tables_clear_the_space),
		TEST(a_reset_pool_is_whole),
		TEST(moved_slots_stay_linked),
		TEST(thread_takes_its_page_along),
		TEST(thread_loses_what_is_revoked),
		TEST(a_thread_may_delete_itself),
		TEST(anchors_notice_the_last_one),
	};

	return cmocka_run_group_tests_name("deletion", tests, NULL, NULL);
}
