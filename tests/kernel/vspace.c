/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Address spaces: unmap, protect, donated tables, W^X, query, copies for fork, and their death. */
#include "tests.h"

#define OWN SLOT_OWN
#define VA SCRATCH_VA

/* Rights at an address of a space; ~0: nothing is there. */
static uint64_t rights_at(cap_t vspace, uint64_t va)
{
	uint64_t phys = 0, flags = 0;

	(void)ts_vspace_query(vspace, va, &phys, &flags);
	return phys == 0 ? ~0ull : flags & 7;
}

/* A VSpace with that many tables. */
static cap_t new_space(uint32_t tables, uint64_t flags)
{
	cap_t vspace = slot_new(), untyped = make(CAP_UNTYPED, 12 + (uint32_t)__builtin_ctz(tables));

	must(ts_untyped_retype(CAP_ARENA, CAP_VSPACE, 0, OWN(vspace), 1, flags, 0), "a VSpace");
	must(ts_vspace_donate_tables(vspace, OWN(untyped)), "its tables");
	return vspace;
}

static cap_t view_of(cap_t memory, cap_t vspace)
{
	cap_t view = slot_new();

	must(ts_memory_attach(memory, OWN(view), vspace, 0, 0, ALL), "a View");
	return view;
}

static void test_unmap(void)
{
	struct mapped area = map_here(0, VA, 8, READ | WRITE);
	uint64_t done = 99;

	check_error(ts_vspace_unmap(ROOT_CAP_VSPACE, VA + PAGE_BYTES, 2, &done), E_OK, "unmap");
	check(done == 2 && rights_at(ROOT_CAP_VSPACE, VA + PAGE_BYTES) == ~0ull &&
		      rights_at(ROOT_CAP_VSPACE, VA + 3 * PAGE_BYTES) != ~0ull,
	      "clears that range");
	check_error(ts_vspace_unmap(ROOT_CAP_VSPACE, VA + (1ull << 40), 1ull << 26, &done), E_OK,
		    "unmap of a huge range where nothing is");
	check_equal(done, 1ull << 26, "passes over what is absent");
	check_error(ts_vspace_unmap(ROOT_CAP_VSPACE, VA + 1, 1, 0), E_ALIGN,
		    "an address that is not aligned: E_ALIGN");
	check_error(ts_vspace_unmap(ROOT_CAP_VSPACE, USER_TOP, 1, 0), E_RANGE,
		    "at the end of the user half: E_RANGE");
	check_error(ts_vspace_unmap(ROOT_CAP_VSPACE, VA, ~0ull, 0), E_RANGE, "2^64 pages: E_RANGE");
	check_error(ts_vspace_unmap(ROOT_CAP_VSPACE, 1ull << 63, 1, 0), E_RANGE,
		    "in the kernel half: E_RANGE");
	check_error(ts_vspace_unmap(ROOT_CAP_VSPACE, ROOT_MSG_PAGE_VA, 1, 0), E_OK, "over the message page");
	check_error(ts_vspace_unmap(ROOT_CAP_VSPACE, TIME_PAGE_VA, 1, 0), E_OK, "over the clock page");
	check(rights_at(ROOT_CAP_VSPACE, ROOT_MSG_PAGE_VA) == (READ | WRITE) &&
		      rights_at(ROOT_CAP_VSPACE, TIME_PAGE_VA) == READ,
	      "both stay");
	check_error(ts_vspace_unmap(ROOT_CAP_VSPACE, VA, 0, &done), E_OK, "no page");
	drop(area.memory);
}

static void test_protect(void)
{
	struct mapped area = map_here(0, VA, 8, READ | WRITE);
	cap_t read_only = copy_of(make(CAP_MEMORY, 1), READ), view = slot_new();
	uint64_t done = 99;

	check_error(ts_vspace_protect(ROOT_CAP_VSPACE, VA, 4, READ, &done), E_OK, "protect");
	check(done == 4 && rights_at(ROOT_CAP_VSPACE, VA) == READ &&
		      rights_at(ROOT_CAP_VSPACE, VA + 4 * PAGE_BYTES) == (READ | WRITE),
	      "changes that range");
	check_error(ts_vspace_protect(ROOT_CAP_VSPACE, VA, 4, READ | WRITE, &done), E_OK,
		    "write comes back, for the View allows it");
	check(done == 4 && rights_at(ROOT_CAP_VSPACE, VA) == (READ | WRITE), "so it is");
	check_error(ts_vspace_protect(ROOT_CAP_VSPACE, VA, 1, 0, &done), E_OK, "no right");
	check_equal(rights_at(ROOT_CAP_VSPACE, VA), 0, "the page is held without access");
	check_error(ts_vspace_protect(ROOT_CAP_VSPACE, VA, 1, READ | WRITE, &done), E_OK, "and back");
	area.words[0] = 4711;
	check_equal(area.words[0], 4711, "it can be used again");
	check_error(ts_vspace_protect(ROOT_CAP_VSPACE, VA, 1, WRITE | EXECUTE, 0), E_RIGHTS,
		    "write and execute: E_RIGHTS");
	check_error(ts_vspace_protect(ROOT_CAP_VSPACE, VA, 1, GRANT, 0), E_ARG,
		    "a right that maps nothing: E_ARG");
	check_error(ts_vspace_protect(ROOT_CAP_VSPACE, VA + 8, 1, READ, 0), E_ALIGN,
		    "an address that is not aligned: E_ALIGN");
	check_error(ts_vspace_protect(ROOT_CAP_VSPACE, USER_TOP, 1, READ, 0), E_RANGE,
		    "past the user half: E_RANGE");
	must(ts_memory_attach(read_only, OWN(view), ROOT_CAP_VSPACE, VA + 8 * PAGE_BYTES, 1, ALL),
	     "a read-only View");
	must(ts_view_map(view, VA + 8 * PAGE_BYTES, 0, 1, READ, 0), "its mapping");
	check_error(ts_vspace_protect(ROOT_CAP_VSPACE, VA + 7 * PAGE_BYTES, 2, READ | WRITE, &done), E_OK,
		    "write where one View does not allow it");
	check(done == 1 && rights_at(ROOT_CAP_VSPACE, VA + 8 * PAGE_BYTES) == READ,
	      "that page is left and counted out");
	(void)ts_vspace_protect(ROOT_CAP_VSPACE, ROOT_MSG_PAGE_VA, 1, READ, 0);
	check_equal(rights_at(ROOT_CAP_VSPACE, ROOT_MSG_PAGE_VA), READ | WRITE,
		    "a message page is never changed");
}

static void test_wx(void)
{
	cap_t memory = make(CAP_MEMORY, 1), strict = new_space(4, 0), loose = new_space(4, 1);
	cap_t in_strict = view_of(memory, strict), in_loose = view_of(memory, loose);

	check_error(ts_view_map(in_strict, VA, 0, 1, WRITE | EXECUTE, 0), E_RIGHTS,
		    "W^X: no page is writable and executable");
	check_error(ts_view_map(in_loose, VA, 0, 1, WRITE | EXECUTE, 0), E_OK,
		    "but in a VSpace with allow_wx");
	check_equal(rights_at(loose, VA), READ | WRITE | EXECUTE, "there it is");
	check_error(ts_vspace_protect(loose, VA, 1, READ, 0), E_OK, "protect takes it away");
	check_error(ts_vspace_protect(loose, VA, 1, READ | WRITE | EXECUTE, 0), E_OK, "and gives it there");
	check_error(ts_untyped_retype(CAP_ARENA, CAP_VSPACE, 0, OWN(slot_new()), 1, 2, 0), E_ARG,
		    "an unknown flag for a VSpace: E_ARG");
}

static void test_tables(void)
{
	cap_t vspace = make(CAP_VSPACE, 0), view = view_of(make(CAP_MEMORY, 4), vspace);
	cap_t one = make(CAP_UNTYPED, 12), many = make(CAP_UNTYPED, 14), busy = make(CAP_UNTYPED, 14),
	      small = make(CAP_UNTYPED, 11);
	uint64_t done = 99, state = 0;

	check_error(ts_view_map(view, VA, 0, 1, READ, &done), E_NO_TABLE, "no tables: E_NO_TABLE");
	check_equal(done, 0, "nothing is mapped");
	check_error(ts_vspace_donate_tables(vspace, OWN(one)), E_OK, "one table");
	check_error(ts_view_map(view, VA, 0, 1, READ, 0), E_NO_TABLE, "of three that are needed: E_NO_TABLE");
	check_error(ts_vspace_donate_tables(vspace, OWN(one)), E_STATE, "the same Untyped again: E_STATE");
	check_error(ts_untyped_retype(one, CAP_NOTIFICATION, 0, OWN(slot_new()), 1, 0, 0), E_STATE,
		    "retype of donated memory: E_STATE");
	check_error(ts_vspace_donate_tables(vspace, OWN(small)), E_ARG, "less than a page: E_ARG");
	check_error(ts_vspace_donate_tables(vspace, OWN(view)), E_TYPE, "a View: E_TYPE");
	check_error(ts_vspace_donate_tables(vspace, OWN(slot_new())), E_CAP, "nothing: E_CAP");
	check_error(ts_vspace_donate_tables(vspace, OWN(0)), E_SLOT, "no slot: E_SLOT");
	must(ts_untyped_retype(busy, CAP_NOTIFICATION, 0, OWN(slot_new()), 1, 0, 0), "a child");
	check_error(ts_vspace_donate_tables(vspace, OWN(busy)), E_CHILDREN,
		    "an Untyped with children: E_CHILDREN");
	check_error(ts_vspace_donate_tables(vspace, OWN(many)), E_OK, "four tables more");
	check_error(ts_view_map(view, VA + LARGE_BYTES - 2 * PAGE_BYTES, 0, 4, READ, &done), E_OK,
		    "two leaf tables");
	check_error(ts_vspace_unmap(vspace, 0, USER_TOP / PAGE_BYTES, 0), E_OK, "unmap of everything");
	for (uint64_t i = 0; i < 20 && state == 0; i++) { /* 20 * 3 tables from 5: only if they return */
		state = ts_view_map(view, VA + (i << 39), 0, 1, READ, 0);
		state += ts_vspace_unmap(vspace, VA + (i << 39), 1, 0);
	}
	check_error(state, E_OK, "empty tables return to the pool");
	must(ts_view_map(view, VA, 0, 4, READ, 0), "mapping");
	check_error(ts_cnode_revoke(OWN(many), 0), E_OK, "revoke of donated memory");
	check_equal(rights_at(vspace, VA), ~0ull, "clears the VSpace first");
	check_error(ts_untyped_retype(many, CAP_MEMORY, 4, OWN(slot_new()), 1, 0, 0), E_OK,
		    "the memory is the owner's again");
	check_error(ts_view_map(view, VA, 0, 1, READ, 0), E_NO_TABLE,
		    "the VSpace has it no more: E_NO_TABLE");
}

static void test_no_table_stops(void)
{
	cap_t vspace = new_space(4, 0), view = view_of(make(CAP_MEMORY, 1024), vspace);
	uint64_t done = 0;

	check_error(ts_view_map(view, VA + PAGE_BYTES, 0, 1024, READ, &done), E_NO_TABLE,
		    "tables run out in the middle: E_NO_TABLE");
	check_equal(done, 1023, "the count done is returned");
	check(rights_at(vspace, VA + 1023 * PAGE_BYTES) == READ &&
		      rights_at(vspace, VA + 1024 * PAGE_BYTES) == ~0ull,
	      "and mapped");
}

static void test_query(void)
{
	struct mapped area = map_here(0, VA, 2, READ | WRITE);
	uint64_t phys, flags = 0;

	must(ts_vspace_query(ROOT_CAP_VSPACE, VA, &phys, &flags), "query");
	check((flags & 0x30000) == 0, "a page nobody touched is neither accessed nor dirty");
	(void)area.words[0];
	must(ts_vspace_query(ROOT_CAP_VSPACE, VA + 8, &phys, &flags), "query");
	check((flags & 0x30000) == 0x10000, "after a load it is accessed");
	area.words[0] = 1;
	must(ts_vspace_query(ROOT_CAP_VSPACE, VA, &phys, &flags), "query");
	check((flags & 0x30000) == 0x30000, "after a store dirty");
	check_error(ts_vspace_query(ROOT_CAP_VSPACE, USER_TOP, &phys, &flags), E_RANGE,
		    "past the user half: E_RANGE");
	check_error(ts_vspace_query(ROOT_CAP_VSPACE, VA + (1ull << 39), &phys, &flags), E_OK,
		    "where nothing is");
	check(phys == 0 && flags == 0, "is nothing");
}

static void test_end(void)
{
	cap_t tables = make(CAP_UNTYPED, 14), vspace = make(CAP_VSPACE, 0), view,
	      memory = make(CAP_MEMORY, 1);

	must(ts_vspace_donate_tables(vspace, OWN(tables)), "tables");
	view = view_of(memory, vspace);
	must(ts_view_map(view, VA, 0, 1, READ, 0), "a mapping");
	check_error(ts_cnode_delete(OWN(vspace), 0), E_OK, "a VSpace dies");
	check(type_at(view) == CAP_NULL && type_at(memory) == CAP_MEMORY, "its Views go, the Memory stays");
	check_equal(inspect(OWN(tables)).info[2], 1u << 14, "its tables come back");
}

void test_vspace(void)
{
	group_begin("vspace");
	test_unmap();
	group_begin("protect");
	test_protect();
	group_begin("vspace");
	test_wx();
	test_tables();
	group_end();
	group_begin("vspace");
	test_no_table_stops();
	test_query();
	test_end();
	group_end();
}
