/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Random sequences of capability and memory operations; after each all invariants are checked.
 *
 * TESSERA_SEED and TESSERA_STEPS choose another run.  Arguments are mostly sensible (a capability of the right type, an empty
 * slot), sometimes anything.  Deletions often have small limits, so that half-deleted objects meet everything else.
 */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

#define FIRST 60u /* leaf slots that are played with */
#define LAST 140u
#define POOLS 3u
#define STEPS 60000u
#define BASES 4u

static const uint64_t bases[BASES] = {0x10000000ull, 0x101ff000ull, 0x7f0000000000ull, 0x40000000ull};
static uint64_t random_state;
static uint32_t calls_ok, calls_failed;

static uint32_t pick(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 16) % below);
}

static bool chance(uint32_t percent)
{
	return pick(100) < percent;
}

/* Address of a slot of that type, searched from anywhere on; rarely, or if there is none, any. The pools are left alone. */
static uint32_t any_of(uint32_t type)
{
	uint32_t slots = LAST - FIRST - POOLS, start = pick(slots);

	for (uint32_t i = 0; i < slots && !chance(1); i++) {
		uint32_t address = FIRST + POOLS + (start + i) % slots;

		if (slot_type(world_slot(address)) == type &&
		    (!slot_has(world_slot(address), SLOT_DYING) || chance(10)))
			return address;
	}
	return FIRST + POOLS + start;
}

/* A designator: mostly a slot of the leaf, sometimes in one of the CNodes. */
static slot_t any_slot(uint32_t type)
{
	if (chance(25))
		return SLOT_IN(any_of(CAP_CNODE), pick(17));
	return any_of(type);
}

static uint64_t any_va(void)
{
	return bases[pick(BASES)] + pick(20) * PAGE_SIZE + (chance(10) ? pick(4) * LARGE_PAGE_BYTES : 0);
}

static uint64_t any_count(void)
{
	return chance(15) ? LARGE_PAGE_PAGES + pick(600) : pick(12);
}

static uint32_t any_rights(void)
{
	static const uint32_t usual[] = {RIGHT_READ, RIGHT_READ | RIGHT_WRITE, RIGHT_READ | RIGHT_EXECUTE, 0};

	return chance(96) ? usual[pick(4)] : pick(64);
}

static enum tessera_error do_retype(void)
{
	static const struct {
		uint32_t type;
		uint64_t size;
	} kinds[] = {{CAP_UNTYPED, 14}, {CAP_UNTYPED, 17}, {CAP_UNTYPED, 19},	  {CAP_CNODE, 4},
		     {CAP_CNODE, 4},	{CAP_ENDPOINT, 0}, {CAP_NOTIFICATION, 0}, {CAP_THREAD, 0},
		     {CAP_VSPACE, 0},	{CAP_VSPACE, 0},   {CAP_MEMORY, 20},	  {CAP_MEMORY, 40},
		     {CAP_MEMORY, 1100}};
	uint32_t kind = pick(ARRAY_COUNT(kinds));

	return CALL(OP_UNTYPED_RETYPE, chance(50) ? FIRST + pick(POOLS) : any_of(CAP_UNTYPED),
		    kinds[kind].type, kinds[kind].size, any_slot(CAP_NULL), chance(80) ? 1 : pick(4),
		    chance(10));
}

static enum tessera_error do_map(void)
{
	struct map_entry *entries = (struct map_entry *)&world_page()->words[MSG_REGISTER_WORDS];

	if (chance(60))
		return CALL(OP_VIEW_MAP, any_of(CAP_VIEW), any_va(), pick(24), any_count(), any_rights());
	for (uint32_t i = 0; i < 10; i++)
		entries[i] = (struct map_entry){any_va() | any_rights(), pick(22)};
	return CALL(OP_VIEW_MAP_VEC, any_of(CAP_VIEW), pick(11));
}

static enum tessera_error do_range(void)
{
	uint64_t pages = chance(10) ? USER_TOP >> PAGE_SHIFT : any_count();

	switch (pick(4)) {
	case 0: return CALL(OP_VSPACE_UNMAP, any_of(CAP_VSPACE), pages > 100000 ? 0 : any_va(), pages);
	case 1: return CALL(OP_VSPACE_PROTECT, any_of(CAP_VSPACE), any_va(), any_count(), any_rights());
	case 2:
		return CALL(OP_VIEW_COPY, any_of(CAP_VIEW), any_of(CAP_VSPACE), pages > 100000 ? 0 : any_va(),
			    pages, pick(2));
	default: return CALL(OP_VSPACE_DONATE_TABLES, any_of(CAP_VSPACE), any_slot(CAP_UNTYPED));
	}
}

static enum tessera_error do_memory(void)
{
	if (chance(30))
		return CALL(OP_MEMORY_DERIVE, any_of(CAP_MEMORY), any_slot(CAP_NULL), pick(10), 1 + pick(30),
			    chance(70) ? RIGHTS_ALL : pick(32));
	return CALL(OP_MEMORY_ATTACH, any_of(CAP_MEMORY), any_slot(CAP_NULL), any_of(CAP_VSPACE), any_va(),
		    chance(70) ? 0 : any_count(), chance(70) ? RIGHTS_ALL : any_rights());
}

static enum tessera_error do_slots(void)
{
	static const uint32_t types[] = {CAP_UNTYPED, CAP_CNODE,  CAP_ENDPOINT, CAP_NOTIFICATION,
					 CAP_THREAD,  CAP_VSPACE, CAP_MEMORY,	CAP_VIEW};
	uint32_t type = types[pick(ARRAY_COUNT(types))];

	switch (pick(6)) {
	case 0: return CALL(OP_CNODE_COPY, any_slot(CAP_NULL), any_slot(type), pick(32));
	case 1:
		return CALL(OP_CNODE_MINT, any_slot(CAP_NULL), any_slot(chance(50) ? CAP_ENDPOINT : type),
			    RIGHTS_ALL, pick(3), pick(2));
	case 2: return CALL(OP_CNODE_COPY_ALL, any_of(CAP_CNODE), any_of(CAP_CNODE));
	case 3: return CALL(OP_CAP_INSPECT, any_slot(type));
	default: return CALL(OP_CNODE_MOVE, any_slot(CAP_NULL), any_slot(type));
	}
}

static enum tessera_error do_thread(void)
{
	struct thread_config *config = (struct thread_config *)&world_page()->words[MSG_REGISTER_WORDS];

	*config = (struct thread_config){.cspace = chance(50) ? any_of(CAP_CNODE) : 0,
					 .vspace = chance(70) ? any_of(CAP_VSPACE) : 0,
					 .fault_ep = chance(30) ? any_of(CAP_ENDPOINT) : 0,
					 .last_ep = chance(30) ? any_of(CAP_ENDPOINT) : 0,
					 .page_va = 0x7fff80000000ull + pick(3) * PAGE_SIZE,
					 .priority = 200};
	return CALL(OP_THREAD_CONFIGURE, any_of(CAP_THREAD));
}

static enum tessera_error do_deletion(void)
{
	uint64_t limit = chance(50) ? 0 : 1 + pick(5);
	uint32_t type = chance(70) ? 1 + pick(CAP_MACHINE) : CAP_VIEW;

	if (chance(1))
		return CALL(OP_CNODE_REVOKE, FIRST + pick(POOLS), limit);
	return CALL(chance(60) ? OP_CNODE_DELETE : OP_CNODE_REVOKE, any_slot(type), limit);
}

static enum tessera_error step(void)
{
	uint32_t choice = pick(100);

	if (choice < 18)
		return do_retype();
	if (choice < 32)
		return do_memory();
	if (choice < 52)
		return do_map();
	if (choice < 68)
		return do_range();
	if (choice < 84)
		return do_slots();
	if (choice < 92)
		return do_thread();
	return do_deletion();
}

/* Programs touch memory: fills the translation cache. */
static void touch(void)
{
	for (uint32_t i = 0; i < 6; i++) {
		struct slot *slot = world_slot(any_of(CAP_VSPACE));

		if (slot_type(slot) == CAP_VSPACE && !slot_has(slot, SLOT_DYING) &&
		    !vspace_at(slot_object(slot))->is_dying)
			host_access(object_address(slot_object(slot)), any_va());
	}
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

/* Now and then everything goes, in one deletion that meets all kinds of objects. */
static void start_again(void)
{
	for (uint32_t i = 0; i < POOLS; i++)
		assert_int_equal(CALL(OP_CNODE_REVOKE, FIRST + i, 0), E_OK);
	for (uint32_t i = FIRST + POOLS; i < LAST; i++) {
		if (!slot_is_empty(world_slot(i)))
			assert_int_equal(CALL(OP_CNODE_DELETE, i, 0), E_OK);
	}
	assert_world();
	for (uint32_t i = 0; i < POOLS; i++) {
		assert_false(derivation_has_descendants(world_slot(FIRST + i)));
		assert_int_equal(CALL(OP_CAP_INSPECT, FIRST + i), E_OK);
		assert_int_equal(world_result(5), world_slot(FIRST + i)->data[0]);
	}
}

static void make_pools(void)
{
	world_setup(NULL);
	for (uint32_t i = 0; i < POOLS; i++)
		world_untyped(FIRST + i, 23);
}

static void invariants_hold(void **state)
{
	uint64_t seed = setting("TESSERA_SEED", 1), steps = setting("TESSERA_STEPS", STEPS);

	(void)state;
	random_state = seed * 0x9e3779b97f4a7c15ull + 1;
	make_pools();
	for (uint64_t i = 0; i < steps; i++) {
		const char *problem;
		enum tessera_error error = step();

		calls_ok += error == E_OK;
		calls_failed += error != E_OK;
		problem = world_check(true);
		if (problem != NULL)
			fail_msg("seed %llu step %llu: %s", (unsigned long long)seed, (unsigned long long)i,
				 problem);
		touch();
		if (i % 3000 == 2999)
			start_again();
	}
	print_message("# %u calls succeeded, %u were refused\n", calls_ok, calls_failed);
	assert_true(calls_ok > steps / 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(invariants_hold),
	};

	return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
