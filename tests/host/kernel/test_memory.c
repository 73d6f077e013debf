/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The operations on memory and address spaces (200-299): success and every documented error.
 */
#include "check.h"

#include <stdio.h>

#define UT 60u	   /* Untyped, 8 MiB */
#define TABLES 61u /* Untyped donated to SPACE: 16 pages */
#define SPACE 62u
#define MEM 63u	    /* 1100 pages */
#define VIEW 64u    /* MEM everywhere in SPACE */
#define RO_LEAF 65u /* leaf 0 without rights */
#define POOL 66u    /* Untyped, 1 MiB, for single tests */
#define EP 67u
#define FREE 100u
#define VA 0x10000000ull
#define RW (RIGHT_READ | RIGHT_WRITE)
#define RX (RIGHT_READ | RIGHT_EXECUTE)

static int setup(void **state)
{
	world_setup(state);
	world_untyped(UT, 23);
	world_untyped(TABLES, 16);
	world_untyped(POOL, 20);
	world_make(UT, CAP_VSPACE, 0, SPACE);
	world_make(UT, CAP_MEMORY, 1100, MEM);
	world_make(UT, CAP_ENDPOINT, 0, EP);
	assert_int_equal(CALL(OP_VSPACE_DONATE_TABLES, SPACE, TABLES), E_OK);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, VIEW, SPACE, 0, 0, RIGHTS_ALL), E_OK);
	assert_int_equal(CALL(OP_CNODE_COPY, RO_LEAF, ROOT_CAP_LEAF, 0), E_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_world();
	return 0;
}

static paddr_t root_of(uint32_t space)
{
	return object_address(slot_object(world_slot(space)));
}

static uint64_t frame_of(uint32_t memory, uint64_t page)
{
	return (world_slot(memory)->badge + page) << PAGE_SHIFT;
}

static void assert_mapped(uint32_t space, uint64_t va, uint64_t phys, uint32_t rights)
{
	assert_int_equal(CALL(OP_VSPACE_QUERY, space, va), E_OK);
	assert_int_equal(world_result(0), phys);
	assert_int_equal(world_result(1) & 0xff, rights);
	host_access(root_of(space), va);
}

static void assert_unmapped(uint32_t space, uint64_t va)
{
	assert_mapped(space, va, 0, 0);
}

/* ---- retype -------------------------------------------------------------------------------------------- */

static void retype_makes_every_type(void **state)
{
	static const struct {
		uint32_t type;
		uint64_t size, bytes;
	} kinds[] = {{CAP_UNTYPED, 12, 4096}, {CAP_UNTYPED, 6, 64},	 {CAP_CNODE, 4, 1024},
		     {CAP_ENDPOINT, 0, 4096}, {CAP_NOTIFICATION, 0, 64}, {CAP_THREAD, 0, 8192},
		     {CAP_VSPACE, 0, 8192},   {CAP_MEMORY, 3, 3 * 4096}, {CAP_SCHED_CONTEXT, 0, 64}};

	(void)state;
	for (uint32_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		struct slot *untyped = world_slot(POOL);
		uint64_t align = kinds[i].type == CAP_MEMORY ? 4096 : kinds[i].bytes;
		uint64_t start = (untyped->data[1] + align - 1) & ~(align - 1);

		assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, kinds[i].type, kinds[i].size, FREE + 2 * i, 2),
				 E_OK);
		assert_int_equal(world_result(0), 2);
		assert_int_equal(untyped->data[1], start + 2 * kinds[i].bytes);
		for (uint32_t j = 0; j < 2; j++) {
			assert_int_equal(slot_type(world_slot(FREE + 2 * i + j)), kinds[i].type);
			assert_int_equal(slot_rights(world_slot(FREE + 2 * i + j)), RIGHTS_ALL);
			assert_int_equal(world_slot(FREE + 2 * i + j)->depth, untyped->depth + 1);
		}
	}
}

static void retype_errors(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, 200, CAP_ENDPOINT, 0, FREE, 1), E_CAP);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, EP, CAP_ENDPOINT, 0, FREE, 1), E_TYPE);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_NULL, 0, FREE, 1), E_ARG);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_REPLY, 0, FREE, 1), E_ARG);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_VIEW, 0, FREE, 1), E_ARG);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, 1u << 20, 0, FREE, 1), E_ARG);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_ENDPOINT, ENDPOINT_MINIMUM_MAX_NS + 1, FREE, 1),
			 E_ARG);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_CNODE, 3, FREE, 1), E_ARG);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_CNODE, 21, FREE, 1), E_ARG);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_UNTYPED, 5, FREE, 1), E_ARG);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_UNTYPED, 48, FREE, 1), E_ARG);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_UNTYPED, ~0ull, FREE, 1), E_ARG);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_MEMORY, 0, FREE, 1), E_ARG);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_MEMORY, ~0ull, FREE, 1), E_ARG);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_ENDPOINT, 0, FREE, 0), E_ARG);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_ENDPOINT, 0, FREE, 257), E_ARG);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_ENDPOINT, 0, FREE, 1, 1), E_ARG);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_MEMORY, 1, FREE, 1, 2), E_ARG);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_UNTYPED, 21, FREE, 1), E_NO_MEMORY);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_MEMORY, 200, FREE, 2), E_NO_MEMORY);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_ENDPOINT, 0, 0, 1), E_SLOT);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_ENDPOINT, 0, 250, 7), E_SLOT);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_ENDPOINT, 0, 0xffffffffull, 2), E_SLOT);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_ENDPOINT, 0, EP - 1, 1), E_SLOT_USED);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_ENDPOINT, 0, SLOT_IN(RO_LEAF, FREE), 1), E_RIGHTS);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, TABLES, CAP_ENDPOINT, 0, FREE, 1), E_STATE);
	world_make(POOL, CAP_CNODE, 4, FREE);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_ENDPOINT, 0, SLOT_IN(FREE, 0), 1), E_DEPTH);
	assert_int_equal(world_result(0), 0);
}

static void watermark_returns(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < 3; round++) {
		assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_MEMORY, 256, FREE, 1), E_OK);
		assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_NOTIFICATION, 0, FREE + 1, 1),
				 E_NO_MEMORY);
		memset(phys_to_ptr((paddr_t){frame_of(FREE, 0)}), 0x5a, 256 * PAGE_SIZE);
		assert_int_equal(CALL(OP_CNODE_REVOKE, POOL, 0), E_OK);
	}
	/* what comes next is zero, whatever stood there */
	world_make(POOL, CAP_MEMORY, 256, FREE);
	for (uint64_t i = 0; i < 256 * PAGE_SIZE; i += 8)
		assert_int_equal(*(uint64_t *)phys_to_ptr((paddr_t){frame_of(FREE, 0) + i}), 0);
}

static void large_retype_is_preempted_and_zeroed(void **state)
{
	unsigned char *memory;
	uint64_t bytes = 8ull << 20;

	(void)state;
	world_untyped(FREE, 23);
	memory = phys_to_ptr((paddr_t){world_slot(FREE)->badge});
	memset(memory, 0xa5, bytes);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, FREE, CAP_MEMORY, bytes / PAGE_SIZE, FREE + 1, 1), E_OK);
	assert_true(world.restarts > 0);
	for (uint64_t i = 0; i < bytes; i += 8)
		assert_int_equal(*(uint64_t *)(memory + i), 0);
}

/* A retype that is given up while zeroing must not make another one hand out dirty memory. */
static void zeroing_progress_is_safe(void **state)
{
	struct slot *untyped;
	unsigned char *memory;

	(void)state;
	world_untyped(FREE, 23);
	untyped = world_slot(FREE);
	memory = phys_to_ptr((paddr_t){untyped->badge});
	memset(memory, 0xa5, 8ull << 20);
	cpu()->work = 0;
	ctx_set_result(&world.self->ctx, 0, FREE);
	ctx_set_result(&world.self->ctx, 1, CAP_CNODE);
	ctx_set_result(&world.self->ctx, 2, 16);
	ctx_set_result(&world.self->ctx, 3, FREE + 1);
	ctx_set_result(&world.self->ctx, 4, 1);
	ctx_set_result(&world.self->ctx, 5, 0);
	world.self->ctx.entry = CTX_SYSCALL;
	kernel_syscall(OP_UNTYPED_RETYPE); /* 4 MiB: stops after the first */
	assert_true(untyped->aux != 0);
	assert_true(slot_is_empty(world_slot(FREE + 1)));
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, FREE, CAP_NOTIFICATION, 0, FREE + 2, 3), E_OK);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, FREE, CAP_MEMORY, 1000, FREE + 5, 1), E_OK);
	for (uint64_t i = 0; i < 1000 * PAGE_SIZE; i += 8)
		assert_int_equal(*(uint64_t *)phys_to_ptr((paddr_t){frame_of(FREE + 5, 0) + i}), 0);
}

static void unzeroed_memory_only_when_clean(void **state)
{
	uint32_t device = ROOT_CAP_UNTYPED;

	(void)state;
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_MEMORY, 8, FREE, 1, 1),
			 E_OK); /* POOL was never handed out */
	assert_int_equal(CALL(OP_CNODE_DELETE, FREE, 0), E_OK);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_MEMORY, 8, FREE, 1, 1), E_ARG);
	while (!world.info.untyped[device - ROOT_CAP_UNTYPED].is_device)
		device++;
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, device, CAP_ENDPOINT, 0, FREE, 1, 0), E_TYPE);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, device, CAP_MEMORY, 1, FREE, 1, 0), E_ARG);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, device, CAP_UNTYPED, 16, FREE, 1, 0), E_OK);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, FREE, CAP_MEMORY, 2, FREE + 1, 1, 1), E_OK);
	assert_int_equal(CALL(OP_VSPACE_DONATE_TABLES, SPACE, device), E_TYPE);
	/* device memory is mapped uncached */
	assert_int_equal(CALL(OP_MEMORY_ATTACH, FREE + 1, FREE + 2, SPACE, 0, 0, RW), E_OK);
	assert_int_equal(CALL(OP_VIEW_MAP, FREE + 2, VA, 0, 1, RW), E_OK);
	assert_true((host_access(root_of(SPACE), VA) & PTE_PCD) != 0);
	assert_int_equal(CALL(OP_VIEW_MAP, FREE + 2, VA + PAGE_SIZE, 1, 1, RW | MAP_WRITE_COMBINE), E_OK);
	assert_int_equal(host_access(root_of(SPACE), VA + PAGE_SIZE) & (PTE_PCD | PTE_PWT), PTE_PWT);
}

/* ---- Memory and View ---------------------------------------------------------------------------------- */

static void derive_makes_sub_ranges(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_MEMORY_DERIVE, MEM, FREE, 10, 20, RIGHT_READ), E_OK);
	assert_int_equal(world_slot(FREE)->badge, world_slot(MEM)->badge + 10);
	assert_int_equal(world_slot(FREE)->data[0], 20);
	assert_int_equal(slot_rights(world_slot(FREE)), RIGHT_READ);
	assert_int_equal(CALL(OP_MEMORY_DERIVE, FREE, FREE + 1, 19, 1, RIGHTS_ALL), E_OK);
	assert_int_equal(slot_rights(world_slot(FREE + 1)), RIGHT_READ);
	assert_int_equal(CALL(OP_MEMORY_DERIVE, FREE, FREE + 2, 19, 2, RIGHTS_ALL), E_RANGE);
	assert_int_equal(CALL(OP_MEMORY_DERIVE, FREE, FREE + 2, 0, 0, RIGHTS_ALL), E_RANGE);
	assert_int_equal(CALL(OP_MEMORY_DERIVE, FREE, FREE + 2, ~0ull, 2, RIGHTS_ALL), E_RANGE);
	assert_int_equal(CALL(OP_MEMORY_DERIVE, FREE, FREE + 2, 1, ~0ull, RIGHTS_ALL), E_RANGE);
	assert_int_equal(CALL(OP_MEMORY_DERIVE, FREE, 0, 0, 1, RIGHTS_ALL), E_SLOT);
	assert_int_equal(CALL(OP_MEMORY_DERIVE, FREE, EP, 0, 1, RIGHTS_ALL), E_SLOT_USED);
	world_slot(FREE + 1)->depth += DERIVATION_MAX_DEPTH;
	assert_int_equal(CALL(OP_MEMORY_DERIVE, FREE + 1, FREE + 2, 0, 1, RIGHTS_ALL), E_DEPTH);
	world_slot(FREE + 1)->depth -= DERIVATION_MAX_DEPTH;
}

static void attach_errors(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, FREE, 200, 0, 0, RW), E_CAP);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, FREE, EP, 0, 0, RW), E_TYPE);
	assert_int_equal(CALL(OP_CNODE_COPY, FREE + 1, SPACE, RIGHT_READ), E_OK);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, FREE, FREE + 1, 0, 0, RW), E_RIGHTS);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, FREE, SPACE, 0x123, 1, RW), E_ALIGN);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, FREE, SPACE, USER_TOP, 1, RW), E_RANGE);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, FREE, SPACE, USER_TOP - PAGE_SIZE, 2, RW), E_RANGE);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, FREE, SPACE, 0x1000, ~0ull, RW), E_RANGE);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, 0, SPACE, 0, 0, RW), E_SLOT);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, EP, SPACE, 0, 0, RW), E_SLOT_USED);
	world_make(UT, CAP_CNODE, 4, FREE + 2);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, SLOT_IN(FREE + 2, 0), SPACE, 0, 0, RW), E_OK);
	world_make(POOL, CAP_CNODE, 4, FREE + 3);
	world_untyped(FREE + 4, 14);
	world_slot(FREE + 3)->detail = 100; /* as if it were that deep */
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, SLOT_IN(FREE + 3, 0), SPACE, 0, 0, RW), E_DEPTH);
	world_slot(FREE + 3)->detail = world_slot(FREE + 3)->depth;
	/* a View is neither copied nor minted */
	assert_int_equal(CALL(OP_CNODE_COPY, FREE, VIEW, RIGHTS_ALL), E_TYPE);
	assert_int_equal(CALL(OP_CNODE_MINT, FREE, VIEW, RIGHTS_ALL, 0, 0), E_TYPE);
}

/* ---- mapping ------------------------------------------------------------------------------------------- */

static void map_unmap_protect(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, VA, 5, 600, RW), E_OK);
	assert_int_equal(world_result(0), 600);
	for (uint64_t i = 0; i < 600; i++)
		assert_mapped(SPACE, VA + i * PAGE_SIZE, frame_of(MEM, 5 + i), RW);
	assert_unmapped(SPACE, VA + 600 * PAGE_SIZE);
	assert_int_equal(CALL(OP_VSPACE_PROTECT, SPACE, VA + PAGE_SIZE, 598, RIGHT_READ), E_OK);
	assert_int_equal(world_result(0), 598);
	assert_mapped(SPACE, VA, frame_of(MEM, 5), RW);
	assert_mapped(SPACE, VA + PAGE_SIZE, frame_of(MEM, 6), RIGHT_READ);
	assert_mapped(SPACE, VA + 598 * PAGE_SIZE, frame_of(MEM, 603), RIGHT_READ);
	assert_mapped(SPACE, VA + 599 * PAGE_SIZE, frame_of(MEM, 604), RW);
	/* no rights at all, and back */
	assert_int_equal(CALL(OP_VSPACE_PROTECT, SPACE, VA, 2, 0), E_OK);
	assert_mapped(SPACE, VA, frame_of(MEM, 5), 0);
	assert_int_equal(host_access(root_of(SPACE), VA), 0);
	assert_int_equal(CALL(OP_VSPACE_PROTECT, SPACE, VA, 2, RW), E_OK);
	assert_mapped(SPACE, VA, frame_of(MEM, 5), RW);
	assert_world();
	assert_int_equal(CALL(OP_VSPACE_UNMAP, SPACE, VA + PAGE_SIZE, 10000), E_OK);
	assert_int_equal(world_result(0), 10000);
	assert_mapped(SPACE, VA, frame_of(MEM, 5), RW);
	assert_unmapped(SPACE, VA + PAGE_SIZE);
	assert_int_equal(vspace_at(slot_object(world_slot(SPACE)))->tables_used, 3);
	assert_int_equal(CALL(OP_VSPACE_UNMAP, SPACE, 0, USER_TOP >> PAGE_SHIFT), E_OK);
	assert_int_equal(vspace_at(slot_object(world_slot(SPACE)))->tables_used, 0);
}

static void map_errors(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, FREE, SPACE, VA, 16, RIGHT_READ), E_OK);
	assert_int_equal(CALL(OP_VIEW_MAP, FREE, VA + 1, 0, 1, RIGHT_READ), E_ALIGN);
	assert_int_equal(CALL(OP_VIEW_MAP, FREE, VA - PAGE_SIZE, 0, 1, RIGHT_READ), E_RANGE);
	assert_int_equal(CALL(OP_VIEW_MAP, FREE, VA + 16 * PAGE_SIZE, 0, 1, RIGHT_READ), E_RANGE);
	assert_int_equal(CALL(OP_VIEW_MAP, FREE, VA + 15 * PAGE_SIZE, 0, 2, RIGHT_READ), E_RANGE);
	assert_int_equal(CALL(OP_VIEW_MAP, FREE, VA, 0, ~0ull, RIGHT_READ), E_RANGE);
	assert_int_equal(CALL(OP_VIEW_MAP, FREE, VA, 1099, 2, RIGHT_READ), E_RANGE);
	assert_int_equal(CALL(OP_VIEW_MAP, FREE, VA, ~0ull, 1, RIGHT_READ), E_RANGE);
	assert_int_equal(CALL(OP_VIEW_MAP, FREE, VA, 0, 1, RW), E_RIGHTS);
	assert_int_equal(CALL(OP_VIEW_MAP, FREE, VA, 0, 1, RX), E_RIGHTS);
	assert_int_equal(CALL(OP_VIEW_MAP, FREE, VA, 0, 1, RIGHT_READ | RIGHT_GRANT), E_ARG);
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, VA, 0, 1, RW | RIGHT_EXECUTE), E_RIGHTS);
	assert_int_equal(CALL(OP_VIEW_MAP, FREE, VA, 0, 0, RIGHT_READ), E_OK);
	/* another Memory's page is in the way */
	world_make(UT, CAP_MEMORY, 4, FREE + 1);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, FREE + 1, FREE + 2, SPACE, 0, 0, RW), E_OK);
	assert_int_equal(CALL(OP_VIEW_MAP, FREE + 2, VA + 2 * PAGE_SIZE, 0, 1, RW), E_OK);
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, VA, 0, 4, RW), E_MAPPED);
	assert_int_equal(world_result(0), 2);
	/* the same Memory's page is replaced */
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, VA, 7, 2, RX), E_OK);
	assert_mapped(SPACE, VA + PAGE_SIZE, frame_of(MEM, 8), RX);
	assert_int_equal(CALL(OP_VIEW_MAP, EP, VA, 7, 2, RX), E_TYPE);
}

static void tables_run_out(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_VSPACE_UNMAP, SPACE, 0, USER_TOP >> PAGE_SHIFT), E_OK);
	for (uint32_t i = 0; i < 14; i++) /* 16 tables: two upper ones and 14 leaf tables */
		assert_int_equal(CALL(OP_VIEW_MAP, VIEW, VA + i * LARGE_PAGE_BYTES, i, 1, RW), E_OK);
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, VA + 14 * LARGE_PAGE_BYTES - PAGE_SIZE, 0, 2, RW),
			 E_NO_TABLE);
	assert_int_equal(world_result(0), 1);
	assert_int_equal(CALL(OP_VSPACE_UNMAP, SPACE, VA, 1), E_OK);
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, VA + 14 * LARGE_PAGE_BYTES, 0, 1, RW), E_OK);
	/* more tables */
	world_make(POOL, CAP_UNTYPED, 12, FREE);
	assert_int_equal(CALL(OP_VSPACE_DONATE_TABLES, SPACE, FREE), E_OK);
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, VA, 0, 1, RW), E_OK);
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, VA + (1ull << 40), 0, 1, RW), E_NO_TABLE);
	assert_world();
}

static void map_vec_scatters(void **state)
{
	struct map_entry *entries = (struct map_entry *)&world_page()->words[MSG_REGISTER_WORDS];

	(void)state;
	for (uint64_t i = 0; i < MAP_VEC_MAX; i++)
		entries[i] =
			(struct map_entry){(VA + i * 3 * PAGE_SIZE) | (i % 2 ? RW : RX), MAP_VEC_MAX - i};
	assert_int_equal(CALL(OP_VIEW_MAP_VEC, VIEW, MAP_VEC_MAX), E_OK);
	assert_int_equal(world_result(0), MAP_VEC_MAX);
	for (uint64_t i = 0; i < MAP_VEC_MAX; i++)
		assert_mapped(SPACE, VA + i * 3 * PAGE_SIZE, frame_of(MEM, MAP_VEC_MAX - i), i % 2 ? RW : RX);
	assert_int_equal(CALL(OP_VIEW_MAP_VEC, VIEW, MAP_VEC_MAX + 1), E_RANGE);
	entries[1].page = 1100;
	assert_int_equal(CALL(OP_VIEW_MAP_VEC, VIEW, 3), E_RANGE);
	assert_int_equal(world_result(0), 1);
	entries[1] = (struct map_entry){VA | RW | RIGHT_EXECUTE, 0};
	assert_int_equal(CALL(OP_VIEW_MAP_VEC, VIEW, 3), E_RIGHTS);
	entries[1] = (struct map_entry){VA | 0x800, 0};
	assert_int_equal(CALL(OP_VIEW_MAP_VEC, VIEW, 3), E_ARG);
	entries[1] = (struct map_entry){(1ull << 40) | RW, 0};
	assert_int_equal(CALL(OP_VIEW_MAP_VEC, VIEW, 3), E_OK);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, FREE, SPACE, VA, 16, RIGHT_READ), E_OK);
	entries[0] = (struct map_entry){(VA + 16 * PAGE_SIZE) | RIGHT_READ, 0};
	assert_int_equal(CALL(OP_VIEW_MAP_VEC, FREE, 1), E_RANGE);
	/* an unaligned Memory of another's page in the way, and no tables */
	world_make(UT, CAP_MEMORY, 4, FREE + 1);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, FREE + 1, FREE + 2, SPACE, 0, 0, RW), E_OK);
	entries[0] = (struct map_entry){(VA + 3 * PAGE_SIZE) | RW, 0};
	assert_int_equal(CALL(OP_VIEW_MAP_VEC, FREE + 2, 1), E_MAPPED);
	for (uint64_t i = 0; i < 20; i++)
		entries[i] = (struct map_entry){((i + 1) << 41) | RW, 0};
	assert_int_equal(CALL(OP_VIEW_MAP_VEC, VIEW, 20), E_NO_TABLE);
}

static void large_pages(void **state)
{
	uint64_t first, base = VA & ~(LARGE_PAGE_BYTES - 1);

	(void)state;
	first = (0 - world_slot(MEM)->badge) %
		LARGE_PAGE_PAGES; /* first page of MEM whose frame is aligned */
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, base, first, LARGE_PAGE_PAGES, RW), E_OK);
	assert_int_equal(world_result(0), LARGE_PAGE_PAGES);
	assert_true((host_access(root_of(SPACE), base + 0x5000) & PTE_LARGE) != 0);
	assert_mapped(SPACE, base + 0x5000, frame_of(MEM, first + 5), RW);
	assert_world();
	/* one page of it is replaced: it is split */
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, base + 0x3000, 0, 1, RIGHT_READ), E_OK);
	assert_mapped(SPACE, base + 0x3000, frame_of(MEM, 0), RIGHT_READ);
	assert_mapped(SPACE, base + 0x4000, frame_of(MEM, first + 4), RW);
	assert_world();
	/* mapped again whole: there is a table, small pages stay */
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, base, first, LARGE_PAGE_PAGES, RIGHT_READ), E_OK);
	assert_mapped(SPACE, base + 0x3000, frame_of(MEM, first + 3), RIGHT_READ);
	assert_int_equal(CALL(OP_VSPACE_UNMAP, SPACE, base, LARGE_PAGE_PAGES), E_OK);
	/* protect of a part splits, of the whole does not */
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, base, first, LARGE_PAGE_PAGES, RW), E_OK);
	assert_int_equal(CALL(OP_VSPACE_PROTECT, SPACE, base, LARGE_PAGE_PAGES, RIGHT_READ), E_OK);
	assert_true((host_access(root_of(SPACE), base) & PTE_LARGE) != 0);
	assert_int_equal(CALL(OP_VSPACE_PROTECT, SPACE, base, LARGE_PAGE_PAGES, RW), E_OK);
	assert_int_equal(CALL(OP_VSPACE_PROTECT, SPACE, base + PAGE_SIZE, 1, RIGHT_READ), E_OK);
	assert_mapped(SPACE, base, frame_of(MEM, first), RW);
	assert_mapped(SPACE, base + PAGE_SIZE, frame_of(MEM, first + 1), RIGHT_READ);
	assert_int_equal(CALL(OP_VSPACE_UNMAP, SPACE, base, LARGE_PAGE_PAGES), E_OK);
	/* unmap of a part */
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, base, first, LARGE_PAGE_PAGES, RW), E_OK);
	assert_int_equal(CALL(OP_VSPACE_UNMAP, SPACE, base + 0x10000, 16), E_OK);
	assert_unmapped(SPACE, base + 0x10000);
	assert_mapped(SPACE, base + 0x20000, frame_of(MEM, first + 32), RW);
}

static void splitting_needs_a_table(void **state)
{
	uint64_t first, base = 1ull << 39;

	(void)state;
	world_make(UT, CAP_VSPACE, 0, FREE);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_UNTYPED, 13, FREE + 1, 1), E_OK);
	assert_int_equal(CALL(OP_VSPACE_DONATE_TABLES, FREE, FREE + 1),
			 E_OK); /* two tables: just the upper ones */
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, FREE + 2, FREE, 0, 0, RW), E_OK);
	first = (0 - world_slot(MEM)->badge) % LARGE_PAGE_PAGES;
	assert_int_equal(CALL(OP_VIEW_MAP, FREE + 2, base, first, LARGE_PAGE_PAGES, RW), E_OK);
	assert_int_equal(CALL(OP_VSPACE_UNMAP, FREE, base, 1), E_NO_TABLE);
	assert_int_equal(CALL(OP_VSPACE_PROTECT, FREE, base + PAGE_SIZE, 600, RIGHT_READ), E_NO_TABLE);
	assert_int_equal(CALL(OP_VIEW_MAP, FREE + 2, base, 0, 1, RW), E_NO_TABLE);
	assert_mapped(FREE, base, frame_of(MEM, first), RW);
	/* a View that meets only a part of it clears the whole */
	assert_int_equal(CALL(OP_MEMORY_DERIVE, MEM, FREE + 3, first + 100, 1, RW), E_OK);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, FREE + 3, FREE + 4, FREE, base + 100 * PAGE_SIZE, 1, RW),
			 E_OK);
	assert_int_equal(CALL(OP_CNODE_DELETE, FREE + 3, 0), E_OK);
	assert_unmapped(FREE, base);
}

static void unmap_and_protect_errors(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_VSPACE_UNMAP, SPACE, 1, 1), E_ALIGN);
	assert_int_equal(CALL(OP_VSPACE_UNMAP, SPACE, USER_TOP, 1), E_RANGE);
	assert_int_equal(CALL(OP_VSPACE_UNMAP, SPACE, 0, ~0ull), E_RANGE);
	assert_int_equal(CALL(OP_VSPACE_UNMAP, SPACE, ~0ull << PAGE_SHIFT, 2), E_RANGE);
	assert_int_equal(CALL(OP_VSPACE_PROTECT, SPACE, 1, 1, RIGHT_READ), E_ALIGN);
	assert_int_equal(CALL(OP_VSPACE_PROTECT, SPACE, USER_TOP, 1, RIGHT_READ), E_RANGE);
	assert_int_equal(CALL(OP_VSPACE_PROTECT, SPACE, 0, 1ull << 33, RIGHT_READ), E_RANGE);
	assert_int_equal(CALL(OP_VSPACE_PROTECT, SPACE, 0, 1, RIGHT_READ | RIGHT_GRANT), E_ARG);
	assert_int_equal(CALL(OP_VSPACE_PROTECT, SPACE, 0, 1, RW | RIGHT_EXECUTE), E_RIGHTS);
	assert_int_equal(CALL(OP_VSPACE_QUERY, SPACE, USER_TOP), E_RANGE);
	assert_int_equal(CALL(OP_CNODE_COPY, FREE, SPACE, RIGHT_READ), E_OK);
	assert_int_equal(CALL(OP_VSPACE_UNMAP, FREE, 0, 1), E_RIGHTS);
	assert_int_equal(CALL(OP_VSPACE_PROTECT, FREE, 0, 1, 0), E_RIGHTS);
}

static void protect_asks_the_views(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_CNODE_DELETE, VIEW, 0), E_OK);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, FREE, SPACE, VA, 8, RIGHT_READ), E_OK);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, FREE + 1, SPACE, VA + 4 * PAGE_SIZE, 8, RW), E_OK);
	assert_int_equal(CALL(OP_VIEW_MAP, FREE, VA, 0, 8, RIGHT_READ), E_OK);
	assert_int_equal(CALL(OP_VIEW_MAP, FREE + 1, VA + 8 * PAGE_SIZE, 8, 4, RIGHT_READ), E_OK);
	assert_int_equal(CALL(OP_VSPACE_PROTECT, SPACE, VA, 16, RW), E_OK);
	assert_int_equal(world_result(0),
			 12); /* four pages no View covers with write; four more are not mapped */
	assert_mapped(SPACE, VA + 3 * PAGE_SIZE, frame_of(MEM, 3), RIGHT_READ);
	assert_mapped(SPACE, VA + 4 * PAGE_SIZE, frame_of(MEM, 4), RW);
	assert_world();
	/* the View's death takes the pages its window shares with the other */
	assert_int_equal(CALL(OP_CNODE_DELETE, FREE + 1, 0), E_OK);
	assert_mapped(SPACE, VA + 3 * PAGE_SIZE, frame_of(MEM, 3), RIGHT_READ);
	assert_unmapped(SPACE, VA + 4 * PAGE_SIZE);
}

static void execute_and_write_needs_allow_wx(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, UT, CAP_VSPACE, 0, FREE, 1, 1), E_OK);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_UNTYPED, 14, FREE + 1, 1), E_OK);
	assert_int_equal(CALL(OP_VSPACE_DONATE_TABLES, FREE, FREE + 1), E_OK);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, FREE + 2, FREE, 0, 0, RIGHTS_ALL), E_OK);
	assert_int_equal(CALL(OP_VIEW_MAP, FREE + 2, VA, 0, 1, RW | RIGHT_EXECUTE), E_OK);
	assert_mapped(FREE, VA, frame_of(MEM, 0), RW | RIGHT_EXECUTE);
	assert_int_equal(CALL(OP_VSPACE_PROTECT, FREE, VA, 1, RX), E_OK);
	assert_int_equal(CALL(OP_VSPACE_PROTECT, FREE, VA, 1, RW | RIGHT_EXECUTE), E_OK);
	assert_mapped(FREE, VA, frame_of(MEM, 0), RW | RIGHT_EXECUTE);
}

static void donate_errors(void **state)
{
	(void)state;
	assert_int_equal(CALL(OP_VSPACE_DONATE_TABLES, SPACE, FREE), E_CAP);
	assert_int_equal(CALL(OP_VSPACE_DONATE_TABLES, SPACE, 0), E_SLOT);
	assert_int_equal(CALL(OP_VSPACE_DONATE_TABLES, SPACE, EP), E_TYPE);
	assert_int_equal(CALL(OP_VSPACE_DONATE_TABLES, SPACE, UT), E_CHILDREN);
	assert_int_equal(CALL(OP_VSPACE_DONATE_TABLES, SPACE, TABLES), E_STATE);
	assert_int_equal(CALL(OP_VSPACE_DONATE_TABLES, SPACE, SLOT_IN(RO_LEAF, POOL)), E_RIGHTS);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_UNTYPED, 8, FREE, 1), E_OK);
	assert_int_equal(CALL(OP_VSPACE_DONATE_TABLES, SPACE, FREE), E_ARG);
	assert_int_equal(CALL(OP_CNODE_COPY, FREE + 1, SPACE, RIGHT_READ), E_OK);
	assert_int_equal(CALL(OP_VSPACE_DONATE_TABLES, FREE + 1, POOL), E_RIGHTS);
}

/* ---- fork ------------------------------------------------------------------------------------------------ */

#define CHILD 110u
#define CHILD_TABLES 111u
#define CHILD_VIEW 112u

static void make_child(void)
{
	world_make(UT, CAP_VSPACE, 0, CHILD);
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, POOL, CAP_UNTYPED, 16, CHILD_TABLES, 1), E_OK);
	assert_int_equal(CALL(OP_VSPACE_DONATE_TABLES, CHILD, CHILD_TABLES), E_OK);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, CHILD_VIEW, CHILD, 0, 0, RIGHTS_ALL), E_OK);
}

static void copy_for_fork(void **state)
{
	const uint64_t far = 0x7f0000000000ull;

	(void)state;
	make_child();
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, VA, 0, 520, RW), E_OK);
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, far, 600, 3, RX), E_OK);
	world_make(UT, CAP_MEMORY, 1, FREE);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, FREE, FREE + 1, SPACE, 0, 0, RW), E_OK);
	assert_int_equal(CALL(OP_VIEW_MAP, FREE + 1, far + 5 * PAGE_SIZE, 0, 1, RW), E_OK);
	for (uint64_t i = 0; i < 520; i++)
		host_access(root_of(SPACE), VA + i * PAGE_SIZE);
	/* without flag 1 the source keeps write */
	assert_int_equal(CALL(OP_VIEW_COPY, CHILD_VIEW, SPACE, VA, 4, 0), E_OK);
	assert_mapped(SPACE, VA, frame_of(MEM, 0), RW);
	assert_mapped(CHILD, VA, frame_of(MEM, 0), RIGHT_READ);
	assert_unmapped(CHILD, VA + 4 * PAGE_SIZE);
	assert_int_equal(CALL(OP_VIEW_COPY, CHILD_VIEW, SPACE, 0, USER_TOP >> PAGE_SHIFT, 1), E_OK);
	assert_int_equal(world_result(0), USER_TOP >> PAGE_SHIFT);
	for (uint64_t i = 0; i < 520; i++) {
		assert_mapped(SPACE, VA + i * PAGE_SIZE, frame_of(MEM, i), RIGHT_READ);
		assert_mapped(CHILD, VA + i * PAGE_SIZE, frame_of(MEM, i), RIGHT_READ);
	}
	assert_mapped(CHILD, far + 2 * PAGE_SIZE, frame_of(MEM, 602), RX);
	assert_unmapped(CHILD, far + 5 * PAGE_SIZE); /* another Memory's */
	assert_mapped(SPACE, far + 5 * PAGE_SIZE, frame_of(FREE, 0), RW);
}

static void copy_cuts_rights(void **state)
{
	(void)state;
	make_child();
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, FREE, CHILD, 0, 0, RIGHT_READ), E_OK);
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, VA, 0, 2, RX), E_OK);
	assert_int_equal(CALL(OP_CNODE_DELETE, CHILD_VIEW, 0), E_OK);
	assert_int_equal(CALL(OP_VIEW_COPY, FREE, SPACE, VA, 2, 0), E_OK);
	assert_mapped(CHILD, VA, frame_of(MEM, 0), RIGHT_READ);
	assert_mapped(SPACE, VA, frame_of(MEM, 0), RX);
}

static void copy_of_large_pages(void **state)
{
	uint64_t first, base = VA & ~(LARGE_PAGE_BYTES - 1);

	(void)state;
	make_child();
	first = (0 - world_slot(MEM)->badge) % LARGE_PAGE_PAGES;
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, base, first, LARGE_PAGE_PAGES, RW), E_OK);
	host_access(root_of(SPACE), base);
	assert_int_equal(CALL(OP_VIEW_COPY, CHILD_VIEW, SPACE, base, LARGE_PAGE_PAGES, 1), E_OK);
	assert_true((host_access(root_of(CHILD), base) & PTE_LARGE) != 0);
	assert_mapped(CHILD, base + 0x7000, frame_of(MEM, first + 7), RIGHT_READ);
	assert_mapped(SPACE, base + 0x7000, frame_of(MEM, first + 7), RIGHT_READ);
	assert_int_equal(CALL(OP_VSPACE_UNMAP, CHILD, base, LARGE_PAGE_PAGES), E_OK);
	/* a part of it only */
	assert_int_equal(CALL(OP_VIEW_COPY, CHILD_VIEW, SPACE, base + PAGE_SIZE, 2, 0), E_OK);
	assert_unmapped(CHILD, base);
	assert_mapped(CHILD, base + PAGE_SIZE, frame_of(MEM, first + 1), RIGHT_READ);
	assert_mapped(CHILD, base + 2 * PAGE_SIZE, frame_of(MEM, first + 2), RIGHT_READ);
	assert_unmapped(CHILD, base + 3 * PAGE_SIZE);
}

static void copy_errors(void **state)
{
	(void)state;
	make_child();
	assert_int_equal(CALL(OP_VIEW_MAP, VIEW, VA, 0, 8, RW), E_OK);
	assert_int_equal(CALL(OP_VIEW_COPY, CHILD_VIEW, 200, VA, 1, 0), E_CAP);
	assert_int_equal(CALL(OP_VIEW_COPY, CHILD_VIEW, EP, VA, 1, 0), E_TYPE);
	assert_int_equal(CALL(OP_CNODE_COPY, FREE, SPACE, RIGHT_READ), E_OK);
	assert_int_equal(CALL(OP_VIEW_COPY, CHILD_VIEW, FREE, VA, 1, 0), E_RIGHTS);
	assert_int_equal(CALL(OP_VIEW_COPY, CHILD_VIEW, SPACE, VA + 1, 1, 0), E_ALIGN);
	assert_int_equal(CALL(OP_VIEW_COPY, CHILD_VIEW, SPACE, USER_TOP, 1, 0), E_RANGE);
	assert_int_equal(CALL(OP_VIEW_COPY, CHILD_VIEW, SPACE, VA, ~0ull, 0), E_RANGE);
	assert_int_equal(CALL(OP_VIEW_COPY, CHILD_VIEW, SPACE, VA, 1, 2), E_ARG);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, FREE + 1, CHILD, VA, 4, RIGHT_WRITE), E_OK);
	assert_int_equal(CALL(OP_VIEW_COPY, FREE + 1, SPACE, VA, 1, 0), E_RIGHTS);
	assert_int_equal(CALL(OP_VIEW_COPY, FREE + 1, SPACE, VA, 5, 0), E_RIGHTS);
	/* in the way: another Memory's page in the destination */
	world_make(UT, CAP_MEMORY, 1, FREE + 2);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, FREE + 2, FREE + 3, CHILD, 0, 0, RW), E_OK);
	assert_int_equal(CALL(OP_VIEW_MAP, FREE + 3, VA + 5 * PAGE_SIZE, 0, 1, RW), E_OK);
	assert_int_equal(CALL(OP_VIEW_COPY, CHILD_VIEW, SPACE, VA, 8, 0), E_MAPPED);
	assert_int_equal(world_result(0), 5);
	/* no tables */
	world_make(UT, CAP_VSPACE, 0, FREE + 4);
	assert_int_equal(CALL(OP_MEMORY_ATTACH, MEM, FREE + 5, FREE + 4, 0, 0, RW), E_OK);
	assert_int_equal(CALL(OP_VIEW_COPY, FREE + 5, SPACE, VA, 8, 0), E_NO_TABLE);
	assert_int_equal(world_result(0), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(retype_makes_every_type),
		TEST(retype_errors),
		TEST(watermark_returns),
		TEST(large_retype_is_preempted_and_zeroed),
		TEST(zeroing_progress_is_safe),
		TEST(unzeroed_memory_only_when_clean),
		TEST(derive_makes_sub_ranges),
		TEST(attach_errors),
		TEST(map_unmap_protect),
		TEST(map_errors),
		TEST(tables_run_out),
		TEST(map_vec_scatters),
		TEST(large_pages),
		TEST(splitting_needs_a_table),
		TEST(unmap_and_protect_errors),
		TEST(protect_asks_the_views),
		TEST(execute_and_write_needs_allow_wx),
		TEST(donate_errors),
		TEST(copy_for_fork),
		TEST(copy_cuts_rights),
		TEST(copy_of_large_pages),
		TEST(copy_errors),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
