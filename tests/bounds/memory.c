/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Worst cases of mapping: full, sparse and shared page tables, large pages to split, many Views. */
#include "bulk.h"

#define USER_PAGES ((USER_TOP - LARGE_BYTES) >> 12)
#define MANY_TABLES_LOG2 24u /* 4096 tables */
#define GIGABYTE 0x40000000ull
#define SLICE 0x8000000000ull /* what an entry of the highest level covers */
#define VIEWS 200u

struct area {
	cap_t untyped, space, memory, view;
};

static cap_t space_in(cap_t untyped)
{
	cap_t space = slot_new(), tables = slot_new();

	must(ts_untyped_retype(untyped, CAP_VSPACE, 0, OWN(space), 1, 0, 0), "an address space");
	must(ts_untyped_retype(untyped, CAP_UNTYPED, MANY_TABLES_LOG2, OWN(tables), 1, 0, 0), "its tables");
	must(ts_vspace_donate_tables(space, OWN(tables)), "donated");
	return space;
}

/* An address space of its own and a Memory that can be mapped anywhere in it. */
static struct area area_new(const char *name, uint64_t pages)
{
	struct area area;

	group_begin(name);
	area.untyped = bulk_untyped(28);
	area.space = space_in(area.untyped);
	area.memory = slot_new();
	area.view = slot_new();
	must(ts_untyped_retype(area.untyped, CAP_MEMORY, pages, OWN(area.memory), 1, 0, 0), "a Memory");
	must(ts_memory_attach(area.memory, OWN(area.view), area.space, 0, 0, ALL), "a View of all");
	return area;
}

static void copy_and_delete(const struct area *area)
{
	cap_t other = space_in(area->untyped), view = slot_new();

	must(ts_memory_attach(area->memory, OWN(view), other, 0, 0, ALL), "a View of the other space");
	check_error(ts_view_copy(view, area->space, LARGE_BYTES, USER_PAGES, 1, 0), E_OK, "copy");
	check_error(ts_view_copy(view, area->space, LARGE_BYTES, USER_PAGES, 1, 0), E_OK, "copy again");
	check_error(ts_cnode_delete(OWN(view), 0), E_OK, "delete of a View");
	check_error(ts_cnode_delete(OWN(other), 0), E_OK, "delete of the other space");
}

/* Maps, protects, copies and unmaps one page every `stride` bytes. */
static void worst_sparse(const char *name, uint64_t stride, uint32_t count)
{
	struct area area = area_new(name, 1);

	for (uint32_t i = 0; i < count; i++)
		must(ts_view_map(area.view, stride * (i + 1u) - PAGE_BYTES, 0, 1, READ | WRITE, 0), "a page");
	check_error(ts_vspace_protect(area.space, LARGE_BYTES, 1u << 31, READ, 0), E_OK, "protect");
	check_error(ts_vspace_protect(area.space, LARGE_BYTES, 1u << 31, READ | WRITE, 0), E_OK,
		    "protect back");
	copy_and_delete(&area);
	check_error(ts_vspace_unmap(area.space, LARGE_BYTES, USER_PAGES, 0), E_OK, "unmap");
	for (uint32_t i = 0; i < count; i++)
		must(ts_view_map(area.view, stride * (i + 1u) - PAGE_BYTES, 0, 1, READ | WRITE, 0), "a page");
	check_error(ts_cnode_delete(OWN(area.view), 0), E_OK, "delete of its View");
	bulk_free(area.untyped);
}

/* 64 MiB in small pages, not aligned to large ones. */
static void worst_dense(void)
{
	struct area area = area_new("dense", 16384);
	uint64_t va = GIGABYTE + PAGE_BYTES;

	check_error(ts_view_map(area.view, va, 0, 16384, READ | WRITE, 0), E_OK, "map 64 MiB");
	check_error(ts_view_map(area.view, va, 0, 16384, READ | WRITE, 0), E_OK, "map them again");
	check_error(ts_vspace_protect(area.space, va, 16384, READ, 0), E_OK, "protect");
	copy_and_delete(&area);
	check_error(ts_vspace_unmap(area.space, va, 16384, 0), E_OK, "unmap");
	check_error(ts_view_map(area.view, va, 0, 16384, READ | WRITE, 0), E_OK, "map 64 MiB");
	check_error(ts_cnode_delete(OWN(area.view), 0), E_OK, "delete of the View");
	bulk_free(area.untyped);
}

/* Large pages, and parts of them. */
static void worst_large(void)
{
	struct area area = area_new("large", 16384);
	uint64_t va = GIGABYTE;

	check_error(ts_view_map(area.view, va, 0, 16384, READ | WRITE, 0), E_OK, "map");
	check_error(ts_vspace_protect(area.space, va + PAGE_BYTES, 1024, READ, 0), E_OK, "protect a part");
	check_error(ts_vspace_unmap(area.space, va + 8 * LARGE_BYTES + PAGE_BYTES, 1024, 0), E_OK,
		    "unmap a part");
	copy_and_delete(&area);
	check_error(ts_vspace_unmap(area.space, va, 16384, 0), E_OK, "unmap");
	bulk_free(area.untyped);
}

/* Every page of another Memory: protect has to look for the View of each. */
static void worst_views(void)
{
	struct area area = area_new("views", VIEWS);
	cap_t cnode = slot_new();

	must(ts_untyped_retype(area.untyped, CAP_CNODE, 9, OWN(cnode), 1, 0, 0), "a CNode");
	must(ts_view_map(area.view, GIGABYTE, 0, VIEWS, READ, 0), "pages");
	for (uint32_t i = 0; i < VIEWS; i++) {
		must(ts_memory_derive(area.memory, SLOT_IN(cnode, i), i, 1, ALL), "a part");
		cap_t part = slot_new();

		must(ts_cnode_copy(OWN(part), SLOT_IN(cnode, i), ALL), "its capability");
		must(ts_memory_attach(part, SLOT_IN(cnode, 256u + i), area.space, GIGABYTE + i * PAGE_BYTES,
				      1, ALL),
		     "a View of it");
		drop(part);
		if (i % 64u == 63u)
			note("Views", i + 1u);
	}
	must(ts_vspace_protect(area.space, GIGABYTE, VIEWS, 0, 0), "without rights");
	check_error(ts_vspace_protect(area.space, GIGABYTE, VIEWS, READ | WRITE, 0), E_OK, "protect");
	check_error(ts_cnode_delete(OWN(area.space), 0), E_OK, "delete of the space");
	bulk_free(area.untyped);
}

/* A vector of pages, each in a table of its own. */
static void worst_vector(void)
{
	struct area area = area_new("vector", MAP_VEC_MAX);
	struct map_entry *entries = page_block();

	for (uint64_t i = 0; i < MAP_VEC_MAX; i++)
		entries[i] = (struct map_entry){(i + 1u) * GIGABYTE | READ, i};
	check_error(ts_view_map_vec(area.view, MAP_VEC_MAX, 0), E_OK, "a vector");
	check_error(ts_view_map_vec(area.view, MAP_VEC_MAX, 0), E_OK, "the same again");
	bulk_free(area.untyped);
}

void worst_memory(void)
{
	worst_sparse("a page in 2 MiB", LARGE_BYTES, 2048);
	worst_sparse("a page in 1 GiB", GIGABYTE, 512);
	worst_sparse("a page in 512 GiB", SLICE, 255);
	worst_dense();
	worst_large();
	worst_views();
	worst_vector();
}
