/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* view_copy: what fork does with the mappings of an address space. */
#include "tests.h"

#define OWN SLOT_OWN
#define VA SCRATCH_VA

static uint64_t look(cap_t vspace, uint64_t va, uint64_t *rights)
{
	uint64_t phys = 0, flags = 0;

	(void)ts_vspace_query(vspace, va, &phys, &flags);
	*rights = flags & 7;
	return phys;
}

struct fork {
	struct mapped parent;
	cap_t space, view, tables;
};

static struct fork make_fork(uint64_t pages)
{
	struct fork fork = {.parent = map_here(0, VA, pages, READ | WRITE),
			    .space = make(CAP_VSPACE, 0),
			    .view = slot_new(),
			    .tables = make(CAP_UNTYPED, 16)};

	must(ts_vspace_donate_tables(fork.space, OWN(fork.tables)), "tables");
	must(ts_memory_attach(fork.parent.memory, OWN(fork.view), fork.space, VA, pages, ALL),
	     "the child's View");
	return fork;
}

static void test_copy(void)
{
	struct fork fork = make_fork(8);
	uint64_t done = 99, there = 0, here = 0, phys;

	must(ts_vspace_unmap(ROOT_CAP_VSPACE, VA + 3 * PAGE_BYTES, 1, 0), "a hole");
	check_error(ts_view_copy(fork.view, ROOT_CAP_VSPACE, VA, 8, 0, &done), E_OK, "copy");
	check_equal(done, 8, "all pages are passed over");
	phys = look(fork.space, VA, &there);
	check(phys != 0 && phys == look(ROOT_CAP_VSPACE, VA, &here) && there == READ,
	      "the copy maps the same page without write");
	check_equal(here, READ | WRITE, "the source keeps write");
	check_equal(look(fork.space, VA + 3 * PAGE_BYTES, &there), 0, "a hole stays a hole");
	check_error(ts_view_copy(fork.view, ROOT_CAP_VSPACE, VA, 8, 1, &done), E_OK,
		    "again, with copy on write");
	(void)look(ROOT_CAP_VSPACE, VA, &here);
	check_equal(here, READ, "the source has lost write");
	check_error(ts_vspace_protect(ROOT_CAP_VSPACE, VA, 1, READ | WRITE, 0), E_OK,
		    "which its View may give back");
	check_error(ts_view_copy(fork.view, ROOT_CAP_VSPACE, VA, 0, 0, &done), E_OK, "no page");
}

static void test_errors(void)
{
	struct fork fork = make_fork(4);
	cap_t weak = copy_of(ROOT_CAP_VSPACE, ALL & ~WRITE), other = slot_new(), blind = slot_new();
	uint64_t done = 99;

	check_error(ts_view_copy(fork.view, ROOT_CAP_VSPACE, VA, 5, 0, 0), E_RANGE,
		    "past the window: E_RANGE");
	check_error(ts_view_copy(fork.view, ROOT_CAP_VSPACE, VA - PAGE_BYTES, 1, 0, 0), E_RANGE,
		    "below the window: E_RANGE");
	check_error(ts_view_copy(fork.view, ROOT_CAP_VSPACE, VA, ~0ull, 0, 0), E_RANGE,
		    "2^64 pages: E_RANGE");
	check_error(ts_view_copy(fork.view, ROOT_CAP_VSPACE, VA + 1, 1, 0, 0), E_ALIGN,
		    "an address that is not aligned: E_ALIGN");
	check_error(ts_view_copy(fork.view, ROOT_CAP_VSPACE, VA, 1, 2, 0), E_ARG, "an unknown flag: E_ARG");
	check_error(ts_view_copy(fork.view, fork.view, VA, 1, 0, 0), E_TYPE, "from no VSpace: E_TYPE");
	check_error(ts_view_copy(fork.view, CAP_EMPTY, VA, 1, 0, 0), E_CAP, "from nothing: E_CAP");
	check_error(ts_view_copy(fork.view, weak, VA, 1, 0, 0), E_RIGHTS,
		    "from a VSpace without write: E_RIGHTS");
	must(ts_memory_attach(fork.parent.memory, OWN(blind), fork.space, VA, 4, 0), "a View without rights");
	check_error(ts_view_copy(blind, ROOT_CAP_VSPACE, VA, 1, 0, 0), E_RIGHTS,
		    "into a View without read: E_RIGHTS");
	must(ts_memory_attach(make(CAP_MEMORY, 1), OWN(other), fork.space, 0, 0, ALL),
	     "another Memory there");
	must(ts_view_map(other, VA + 2 * PAGE_BYTES, 0, 1, READ, 0), "in the way");
	check_error(ts_view_copy(fork.view, ROOT_CAP_VSPACE, VA, 4, 0, &done), E_MAPPED,
		    "another Memory's page in the way: E_MAPPED");
	check_equal(done, 2, "the pages before it are done");
}

static void test_other_memory(void)
{
	struct fork fork = make_fork(4);
	cap_t other = slot_new();
	uint64_t rights;

	must(ts_memory_attach(make(CAP_MEMORY, 1), OWN(other), ROOT_CAP_VSPACE, 0, 0, ALL),
	     "another Memory in the source");
	must(ts_vspace_unmap(ROOT_CAP_VSPACE, VA + PAGE_BYTES, 1, 0), "a hole");
	must(ts_view_map(other, VA + PAGE_BYTES, 0, 1, READ, 0), "filled with it");
	check_error(ts_view_copy(fork.view, ROOT_CAP_VSPACE, VA, 4, 0, 0), E_OK,
		    "copy where another Memory is mapped too");
	check(look(fork.space, VA + PAGE_BYTES, &rights) == 0 &&
		      look(fork.space, VA + 2 * PAGE_BYTES, &rights) != 0,
	      "only the View's Memory is copied");
}

static void test_tables(void)
{
	struct fork fork = make_fork(1024);
	cap_t space = make(CAP_VSPACE, 0), tables = make(CAP_UNTYPED, 14), view = slot_new();
	uint64_t done = 0, rights;

	must(ts_vspace_donate_tables(space, OWN(tables)), "four tables");
	must(ts_memory_attach(fork.parent.memory, OWN(view), space, VA, 1024, ALL), "a View");
	must(ts_vspace_protect(ROOT_CAP_VSPACE, VA, 1, READ, 0), "small pages, perhaps");
	must(ts_vspace_protect(ROOT_CAP_VSPACE, VA + LARGE_BYTES, 1, READ, 0), "here too");
	check_error(ts_view_copy(view, ROOT_CAP_VSPACE, VA, 1024, 0, &done), E_OK,
		    "two leaf tables with four tables");
	check_equal(done, 1024, "all are passed over");
	check(look(space, VA + 1023 * PAGE_BYTES, &rights) ==
		      look(ROOT_CAP_VSPACE, VA + 1023 * PAGE_BYTES, &rights),
	      "to the last page");
	cap_t small = make(CAP_VSPACE, 0), small_view = slot_new();

	for (uint32_t i = 0; i < 3; i++)
		must(ts_vspace_donate_tables(small, OWN(make(CAP_UNTYPED, 12))), "a table");
	must(ts_memory_attach(fork.parent.memory, OWN(small_view), small, VA, 1024, ALL), "a View");
	check_error(ts_view_copy(small_view, ROOT_CAP_VSPACE, VA, 1024, 1, &done), E_NO_TABLE,
		    "with three: E_NO_TABLE");
	check_equal(done, 512, "the count done is returned");
}

/* fork and a store in the parent, seen by a thread of each space. */
static void read_words(struct worker *w)
{
	w->result[0] = *(volatile uint64_t *)w->argument[0];
}

static void test_sharing(void)
{
	space_make(1);
	struct worker *child = worker_new(0, 1, PRIORITY_HIGH);
	struct mapped area = map_here(0, VA, 1, READ | WRITE);
	cap_t view = slot_new();

	area.words[0] = 0xc0ffee;
	must(ts_memory_attach(area.memory, OWN(view), space_cap(1), VA, 1, ALL), "the child's View");
	check_error(ts_view_copy(view, ROOT_CAP_VSPACE, VA, 1, 1, 0), E_OK, "copy to a space with a thread");
	child->argument[0] = VA;
	worker_run(child, read_words);
	check(is_done(child) && child->result[0] == 0xc0ffee, "which reads what the parent wrote");
}

void test_view_copy(void)
{
	group_begin("view_copy");
	test_copy();
	group_begin("view_copy");
	test_errors();
	group_begin("view_copy");
	test_other_memory();
	group_begin("view_copy");
	test_tables();
	group_begin("view_copy");
	test_sharing();
	group_end();
}
