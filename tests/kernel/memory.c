/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Memory and Views: derive, attach, map, and the errors of each; what a View's death takes along. */
#include "tests.h"

#define OWN SLOT_OWN
#define VA SCRATCH_VA

static uint64_t query(uint64_t va, uint64_t *flags)
{
	uint64_t phys = 0;

	(void)ts_vspace_query(ROOT_CAP_VSPACE, va, &phys, flags);
	return phys;
}

static bool is_mapped(uint64_t va, uint64_t rights)
{
	uint64_t flags = 0;

	return query(va, &flags) != 0 && (flags & 7) == rights;
}

static void test_derive(void)
{
	cap_t memory = make(CAP_MEMORY, 8), part = slot_new(), used = copy_of(memory, READ);

	check_error(ts_memory_derive(memory, OWN(part), 3, 2, READ), E_OK, "derive");
	check(inspect(OWN(part)).info[0] == inspect(OWN(memory)).info[0] + 3 * PAGE_BYTES &&
		      inspect(OWN(part)).info[1] == 2 && inspect(OWN(part)).rights == READ,
	      "it is that sub-range with those rights");
	check_error(ts_memory_derive(part, OWN(slot_new()), 1, 1, ALL), E_OK, "derive from that");
	check_error(ts_memory_derive(part, OWN(slot_new()), 2, 1, ALL), E_RANGE, "from the end on: E_RANGE");
	check_error(ts_memory_derive(part, OWN(slot_new()), 1, 2, ALL), E_RANGE, "past the end: E_RANGE");
	check_error(ts_memory_derive(part, OWN(slot_new()), 0, 0, ALL), E_RANGE, "no page: E_RANGE");
	check_error(ts_memory_derive(part, OWN(slot_new()), ~0ull, 2, ALL), E_RANGE,
		    "an index that overflows: E_RANGE");
	check_error(ts_memory_derive(part, OWN(slot_new()), 1, ~0ull, ALL), E_RANGE,
		    "a length that overflows: E_RANGE");
	check_error(ts_memory_derive(part, OWN(used), 0, 1, ALL), E_SLOT_USED, "to a used slot: E_SLOT_USED");
	check_error(ts_memory_derive(part, OWN(0), 0, 1, ALL), E_SLOT, "to no slot: E_SLOT");
	drop(memory);
	check(type_at(part) == CAP_NULL, "children go with the Memory");
}

static void test_attach(void)
{
	cap_t memory = make(CAP_MEMORY, 4), view = slot_new(),
	      weak_space = copy_of(ROOT_CAP_VSPACE, ALL & ~WRITE);
	cap_t weak = copy_of(memory, READ), deep = slot_new(), inner = slot_new();

	check_error(ts_memory_attach(memory, OWN(view), ROOT_CAP_VSPACE, VA, 4, READ | WRITE), E_OK,
		    "attach");
	check_error(ts_memory_attach(memory, OWN(view), ROOT_CAP_VSPACE, VA, 4, READ), E_SLOT_USED,
		    "to a used slot: E_SLOT_USED");
	check_error(ts_memory_attach(memory, OWN(0), ROOT_CAP_VSPACE, VA, 4, READ), E_SLOT,
		    "to no slot: E_SLOT");
	check_error(ts_memory_attach(memory, OWN(slot_new()), memory, VA, 4, READ), E_TYPE,
		    "to what is no VSpace: E_TYPE");
	check_error(ts_memory_attach(memory, OWN(slot_new()), CAP_EMPTY, VA, 4, READ), E_CAP,
		    "to nothing: E_CAP");
	check_error(ts_memory_attach(memory, OWN(slot_new()), weak_space, VA, 4, READ), E_RIGHTS,
		    "to a VSpace without write: E_RIGHTS");
	check_error(ts_memory_attach(memory, OWN(slot_new()), ROOT_CAP_VSPACE, VA + 1, 4, READ), E_ALIGN,
		    "a window that is not aligned: E_ALIGN");
	check_error(ts_memory_attach(memory, OWN(slot_new()), ROOT_CAP_VSPACE, USER_TOP, 1, READ), E_RANGE,
		    "a window above the user half: E_RANGE");
	check_error(
		ts_memory_attach(memory, OWN(slot_new()), ROOT_CAP_VSPACE, USER_TOP - PAGE_BYTES, 2, READ),
		E_RANGE, "a window across its end: E_RANGE");
	check_error(ts_memory_attach(memory, OWN(slot_new()), ROOT_CAP_VSPACE, VA, ~0ull, READ), E_RANGE,
		    "a window of 2^64 pages: E_RANGE");
	check_error(ts_memory_attach(memory, OWN(slot_new()), ROOT_CAP_VSPACE, 1ull << 63, 1, READ), E_RANGE,
		    "a window in the kernel half: E_RANGE");
	cap_t rest = slot_new();
	check_error(ts_memory_attach(weak, OWN(rest), ROOT_CAP_VSPACE, 0, 0, ALL), E_OK,
		    "no window: the whole user half");
	check(inspect(OWN(rest)).info[1] == USER_TOP / PAGE_BYTES && inspect(OWN(rest)).rights == READ,
	      "with the Memory's rights at most");
	must(ts_untyped_retype(make(CAP_UNTYPED, 14), CAP_UNTYPED, 13, OWN(deep), 1, 0, 0),
	     "a deeper Untyped");
	must(ts_untyped_retype(deep, CAP_CNODE, 4, OWN(inner), 1, 0, 0), "a deep CNode");
	check_error(ts_memory_attach(memory, SLOT_IN(inner, 0), ROOT_CAP_VSPACE, VA, 4, READ), E_DEPTH,
		    "in a CNode that is not shallower: E_DEPTH");
}

static void test_map(void)
{
	struct mapped area = map_here(make(CAP_MEMORY, 8), VA, 4, READ | WRITE);
	uint64_t done = 99, phys = inspect(OWN(area.memory)).info[0], flags;
	cap_t view = area.view;

	area.words[0] = 0x1234;
	area.words[3 * 512] = 0x5678;
	check(query(VA + 3 * PAGE_BYTES, &flags) == phys + 3 * PAGE_BYTES && is_mapped(VA, READ | WRITE),
	      "four pages are mapped");
	check_error(ts_view_map(view, VA, 3, 1, READ | WRITE, &done), E_OK,
		    "another page of the same Memory replaces one");
	check(done == 1 && area.words[0] == 0x5678, "at once, also for this CPU");
	check_error(ts_view_map(view, VA + PAGE_BYTES, 0, 0, READ, &done), E_OK, "no page");
	check_equal(done, 0, "is done at once");
	check_error(ts_view_map(view, VA + 1, 0, 1, READ, 0), E_ALIGN,
		    "an address that is not aligned: E_ALIGN");
	check_error(ts_view_map(view, VA - PAGE_BYTES, 0, 1, READ, 0), E_RANGE, "below the window: E_RANGE");
	check_error(ts_view_map(view, VA + 3 * PAGE_BYTES, 0, 2, READ, 0), E_RANGE,
		    "across the window's end: E_RANGE");
	check_error(ts_view_map(view, VA, 7, 2, READ, 0), E_RANGE, "past the Memory: E_RANGE");
	check_error(ts_view_map(view, VA, ~0ull, 2, READ, 0), E_RANGE, "an index that overflows: E_RANGE");
	check_error(ts_view_map(view, VA, 0, ~0ull, READ, 0), E_RANGE, "2^64 pages: E_RANGE");
	check_error(ts_view_map(view, VA, 0, 1, READ | GRANT, 0), E_ARG, "a right that maps nothing: E_ARG");
	check_error(ts_view_map(view, VA, 0, 1, 1ull << 32, 0), E_ARG, "an unknown flag: E_ARG");
	check_error(ts_view_map(view, VA, 0, 1, READ | WRITE | EXECUTE, 0), E_RIGHTS,
		    "write and execute together: E_RIGHTS");
	check_error(ts_view_map(view, VA, 0, 1, READ | EXECUTE, 0), E_OK, "execute alone");
	check(is_mapped(VA, READ | EXECUTE), "replaces write");
	check_error(ts_view_map(view, VA, 0, 1, 0, 0), E_OK, "no right at all");
	check(query(VA, &flags) == phys && (flags & 7) == 0, "holds the page without access");
	check_error(ts_view_map(view, VA, 0, 1, READ | MAP_UNCACHED, 0), E_OK, "uncached");
}

static void test_in_the_way(void)
{
	struct mapped area = map_here(0, VA, 4, READ | WRITE);
	cap_t other = slot_new(), reader = slot_new(), read_only = copy_of(area.memory, READ),
	      top = slot_new();
	uint64_t done = 99;

	must(ts_memory_attach(make(CAP_MEMORY, 8), OWN(other), ROOT_CAP_VSPACE, VA - 4 * PAGE_BYTES, 12, ALL),
	     "another View");
	check_error(ts_view_map(other, VA - 2 * PAGE_BYTES, 0, 6, READ, &done), E_MAPPED,
		    "pages of another Memory in the way: E_MAPPED");
	check_equal(done, 2, "what came before is done");
	check(is_mapped(VA - PAGE_BYTES, READ) && is_mapped(VA, READ | WRITE), "and what was there stays");
	must(ts_memory_attach(read_only, OWN(reader), ROOT_CAP_VSPACE, VA, 4, ALL),
	     "a View of a read-only copy");
	check_error(ts_view_map(reader, VA, 0, 1, READ | WRITE, 0), E_RIGHTS,
		    "more than the View has: E_RIGHTS");
	check_error(ts_view_map(reader, VA, 0, 1, READ, 0), E_OK,
		    "the same Memory through another View replaces");
	must(ts_memory_attach(area.memory, OWN(top), ROOT_CAP_VSPACE, 0, 0, ALL), "a View of everything");
	check_error(ts_view_map(top, ROOT_MSG_PAGE_VA, 0, 1, READ, 0), E_MAPPED,
		    "over a message page: E_MAPPED");
	check_error(ts_view_map(top, TIME_PAGE_VA, 0, 1, READ, 0), E_MAPPED, "over the clock page: E_MAPPED");
	check_error(ts_view_map(top, USER_TOP, 0, 1, READ, 0), E_RANGE,
		    "at the end of the user half: E_RANGE");
	check_error(ts_view_map(top, 1ull << 63, 0, 1, READ, 0), E_RANGE, "in the kernel half: E_RANGE");
}

static void test_vector(void)
{
	struct mapped area = map_here(make(CAP_MEMORY, 16), VA, 16, READ | WRITE);
	struct map_entry *entry = page_block();
	uint64_t done = 99;

	for (uint64_t i = 0; i < 16; i++)
		area.words[i * 512] = i;
	must(ts_vspace_unmap(ROOT_CAP_VSPACE, VA, 16, 0), "unmapping");
	for (uint64_t i = 0; i < 8; i++)
		entry[i] = (struct map_entry){.vaddr = (VA + (15 - i) * PAGE_BYTES) | READ, .page = 2 * i};
	check_error(ts_view_map_vec(area.view, 8, &done), E_OK, "view_map_vec");
	check(done == 8 && area.words[15 * 512] == 0 && area.words[8 * 512] == 14,
	      "maps each page where it is wanted");
	entry[1] = (struct map_entry){.vaddr = (VA + 16 * PAGE_BYTES) | READ, .page = 0};
	check_error(ts_view_map_vec(area.view, 8, &done), E_RANGE, "an entry outside the window: E_RANGE");
	check_equal(done, 1, "those before it are done");
	entry[1] = (struct map_entry){.vaddr = VA | READ, .page = 16};
	check_error(ts_view_map_vec(area.view, 2, 0), E_RANGE, "an entry past the Memory: E_RANGE");
	entry[1] = (struct map_entry){.vaddr = VA | READ | 0x800, .page = 0};
	check_error(ts_view_map_vec(area.view, 2, 0), E_ARG, "an entry with an unknown flag: E_ARG");
	entry[1] = (struct map_entry){.vaddr = VA | WRITE | EXECUTE, .page = 0};
	check_error(ts_view_map_vec(area.view, 2, 0), E_RIGHTS, "an entry with write and execute: E_RIGHTS");
	check_error(ts_view_map_vec(area.view, MAP_VEC_MAX + 1, 0), E_RANGE,
		    "more entries than the page holds: E_RANGE");
	check_error(ts_view_map_vec(area.view, 0, &done), E_OK, "no entry");
	cap_t wide = slot_new(), far = slot_new();

	must(ts_memory_attach(make(CAP_MEMORY, 1), OWN(wide), ROOT_CAP_VSPACE, 0, 0, ALL), "another Memory");
	entry[0] = (struct map_entry){.vaddr = ROOT_MSG_PAGE_VA | READ, .page = 0};
	check_error(ts_view_map_vec(wide, 1, 0), E_MAPPED, "an entry over a message page: E_MAPPED");
	cap_t bare = make(CAP_VSPACE, 0);
	must(ts_memory_attach(area.memory, OWN(far), bare, 0, 0, ALL), "a space without tables");
	check_error(ts_view_map_vec(far, 1, &done), E_NO_TABLE, "an entry without a table: E_NO_TABLE");
	for (uint64_t i = 0; i < MAP_VEC_MAX; i++)
		entry[i] = (struct map_entry){.vaddr = (VA + (i % 16) * PAGE_BYTES) | READ, .page = i % 16};
	check_error(ts_view_map_vec(area.view, MAP_VEC_MAX, &done), E_OK, "a full vector");
	check_equal(done, MAP_VEC_MAX, "is done whole, over a preemption");
}

static void test_deaths(void)
{
	struct mapped area = map_here(0, VA, 4, READ | WRITE);
	cap_t second = slot_new(), part = slot_new(), part_view = slot_new();
	uint64_t flags;

	must(ts_memory_attach(area.memory, OWN(second), ROOT_CAP_VSPACE, VA, 4, READ), "a second View");
	must(ts_memory_derive(area.memory, OWN(part), 2, 2, ALL), "a part");
	must(ts_memory_attach(part, OWN(part_view), ROOT_CAP_VSPACE, VA, 8, READ), "a View of it");
	must(ts_view_map(part_view, VA + 6 * PAGE_BYTES, 1, 1, READ, 0), "a mapping of it");
	drop(part_view);
	check(query(VA + 6 * PAGE_BYTES, &flags) == 0 && query(VA, &flags) != 0,
	      "a View's mappings go with it");
	check(query(VA + 3 * PAGE_BYTES, &flags) == 0, "also those of its pages through another View");
	drop(second);
	check(query(VA, &flags) == 0, "a View's death clears its window whoever mapped there");
	must(ts_view_map(area.view, VA, 0, 4, READ, 0), "mapping");
	drop(area.memory);
	check(query(VA, &flags) == 0 && type_at(area.view) == CAP_NULL && type_at(part) == CAP_NULL,
	      "a Memory's Views go with it");
}

static void test_large_pages(void)
{
	cap_t home = make(CAP_UNTYPED, 22), memory = slot_new(), view = slot_new();
	volatile uint64_t *words = (volatile uint64_t *)VA;
	uint64_t done = 0;

	must(ts_untyped_retype(home, CAP_MEMORY, 1024, OWN(memory), 1, 0, 0), "4 MiB");
	must(ts_memory_attach(memory, OWN(view), ROOT_CAP_VSPACE, VA, 2048, ALL), "a View");
	check_error(ts_view_map(view, VA, 0, 1024, READ | WRITE, &done), E_OK,
		    "4 MiB at an address that large pages can take");
	check_equal(done, 1024, "all pages are counted");
	for (uint64_t i = 0; i < 1024; i++)
		words[i * 512] = i + 1;
	check_error(ts_vspace_unmap(ROOT_CAP_VSPACE, VA + 5 * PAGE_BYTES, 1, 0), E_OK,
		    "a hole in a large page");
	check(!is_mapped(VA + 5 * PAGE_BYTES, READ | WRITE) && is_mapped(VA + 4 * PAGE_BYTES, READ | WRITE),
	      "only that page is gone");
	check(words[6 * 512] == 7 && words[511 * 512] == 512, "the others hold what they held");
	check_error(ts_vspace_protect(ROOT_CAP_VSPACE, VA + LARGE_BYTES, 1, READ, 0), E_OK,
		    "protection of a part of a large page");
	check(is_mapped(VA + LARGE_BYTES, READ) && is_mapped(VA + LARGE_BYTES + PAGE_BYTES, READ | WRITE),
	      "changes that part");
	check_error(ts_view_map(view, VA + 2 * LARGE_BYTES + PAGE_BYTES, 0, 600, READ, &done), E_OK,
		    "at an address that is not aligned for them");
	check(done == 600 && words[(1024 + 1 + 599) * 512] == 600, "small pages are used");
}

/* Splitting needs a table: without one nothing changes. */
static void test_no_split(void)
{
	cap_t vspace = make(CAP_VSPACE, 0), home = make(CAP_UNTYPED, 21), memory = slot_new(),
	      view = slot_new();
	uint64_t phys, flags, done = 99;

	for (uint32_t i = 0; i < 2; i++)
		must(ts_vspace_donate_tables(vspace, OWN(make(CAP_UNTYPED, 12))), "a table");
	must(ts_untyped_retype(home, CAP_MEMORY, 512, OWN(memory), 1, 0, 0), "2 MiB");
	must(ts_memory_attach(memory, OWN(view), vspace, VA, 512, ALL), "a View");
	check_error(ts_view_map(view, VA, 0, 512, READ | WRITE, 0), E_OK, "a large page needs two tables");
	check_error(ts_vspace_unmap(vspace, VA + PAGE_BYTES, 1, &done), E_NO_TABLE,
		    "unmap of a part without a table: E_NO_TABLE");
	check_equal(done, 0, "nothing is done");
	check_error(ts_vspace_protect(vspace, VA, 1, READ, 0), E_NO_TABLE, "protect of a part: E_NO_TABLE");
	check_error(ts_view_map(view, VA + PAGE_BYTES, 0, 1, READ, 0), E_NO_TABLE,
		    "a mapping in it: E_NO_TABLE");
	must(ts_vspace_query(vspace, VA + PAGE_BYTES, &phys, &flags), "query");
	check(phys == inspect(OWN(memory)).info[0] + PAGE_BYTES && (flags & 7) == (READ | WRITE),
	      "the large page is whole");
	check_error(ts_vspace_protect(vspace, VA, 512, READ, 0), E_OK, "protect of all of it needs none");
	check_error(ts_vspace_unmap(vspace, VA, 512, 0), E_OK, "nor does unmap");
}

void test_memory(void)
{
	group_begin("memory");
	test_derive();
	test_attach();
	group_end();
	group_begin("map");
	test_map();
	group_begin("map");
	test_in_the_way();
	group_begin("map");
	test_vector();
	group_begin("map");
	test_deaths();
	group_end();
	group_begin("large pages");
	test_large_pages();
	group_begin("large pages");
	test_no_split();
	group_end();
}
