/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Random requests of several processes against a simple model of what Linux' memory does: each page of a process is absent,
 * private (with a value, or still the object's) or shared.  After each request the invariants are checked now and then,
 * and at the end nothing may be left.  The kernel refuses at random in a second round.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_port.h"
#include "object.h"
#include "space_private.h"

#define PROCESSES 6u
#define PAGES 192u
#define OBJECTS 3u
#define OBJECT_PAGES 48u
#define STORES 200000u
#define FIRST_PAGE 0x20000ull
#define NO_STORE ~0u

struct model_page {
	bool is_mapped, is_shared, is_own; /* own: value counts, else the store's */
	uint32_t prot;
	uint32_t store;		      /* of shared and unwritten object pages; NO_STORE: anonymous private */
	uint32_t object, object_page; /* file object + 1 and page; 0: none */
	uint64_t value;
};

struct model {
	struct space *space;
	struct model_page page[PAGES];
};

static struct model model[PROCESSES];
static struct object *object[OBJECTS];
static uint32_t object_size[OBJECTS];
static uint64_t store[STORES]; /* contents of shared anonymous pages and file pages */
static uint32_t stores;
static bool may_fail;
static uint64_t stamp;

static uint32_t pick(uint32_t n)
{
	return (uint32_t)rand() % n;
}

/* A random range of model pages. */
static void pick_range(uint32_t *first, uint32_t *count)
{
	*first = pick(PAGES);
	*count = 1 + pick(pick(4) ? 8 : 40);
	if (*first + *count > PAGES)
		*count = PAGES - *first;
}

static uint64_t address(uint32_t page)
{
	return (FIRST_PAGE + page) << PAGE_SHIFT;
}

static uint64_t content(const struct model_page *page)
{
	if (page->store == NO_STORE || page->is_own)
		return page->value;
	return store[page->store];
}

static bool is_behind_end(const struct model_page *page)
{
	return page->object && page->object_page >= object_size[page->object - 1];
}

/* ---- operations ------------------------------------------------------------------------------ */

static void do_map(struct model *m)
{
	uint32_t first, count, prots[] = {1, 3, 3, 3, 0, 5};
	uint32_t prot = prots[pick(6)], kind = pick(4), which = pick(OBJECTS), offset = pick(OBJECT_PAGES);
	uint64_t out;

	pick_range(&first, &count);
	struct map_request request = {.addr = address(first),
				      .len = count * PAGE_BYTES,
				      .prot = prot,
				      .flags = 0x10u | (kind & 1 ? 1u : 2u)};
	if (kind >= 2) {
		request.object = object[which];
		request.offset = offset * PAGE_BYTES;
		request.object_may_write = true;
	} else {
		request.flags |= 0x20u;
	}
	if (stores + count > STORES)
		return;
	if (space_map(m->space, &request, &out) != 0) {
		/* What was there is gone all the same. */
		assert_true(may_fail);
		return;
	}
	assert_int_equal(out, address(first));
	for (uint32_t i = 0; i < count; i++) {
		struct model_page *page = &m->page[first + i];
		*page = (struct model_page){
			.is_mapped = true, .is_shared = kind & 1, .prot = prot, .store = NO_STORE};
		if (kind >= 2) {
			page->object = which + 1;
			page->object_page = offset + i;
			page->store = which * OBJECT_PAGES + (offset + i < OBJECT_PAGES ? offset + i : 0);
		} else if (kind & 1) {
			page->store = stores;
			store[stores++] = 0;
		}
	}
}

static void do_unmap(struct model *m)
{
	uint32_t first, count;

	pick_range(&first, &count);
	assert_int_equal(space_unmap(m->space, address(first), count * PAGE_BYTES), 0);
	memset(&m->page[first], 0, count * sizeof(m->page[0]));
}

static void do_protect(struct model *m)
{
	uint32_t first, count, prots[] = {0, 1, 3, 5, 3, 1}, prot = prots[pick(6)];
	uint32_t until = 0; /* the first hole */

	pick_range(&first, &count);
	while (until < count && m->page[first + until].is_mapped)
		until++;
	int error = space_protect(m->space, address(first), count * PAGE_BYTES, prot);
	assert_int_equal(error, until < count ? MEM_ENOMEM : 0);
	for (uint32_t i = 0; i < until; i++)
		m->page[first + i].prot = prot;
}

static void do_advise(struct model *m)
{
	uint32_t first, count;

	pick_range(&first, &count);
	(void)space_advise(m->space, address(first), count * PAGE_BYTES, 4);
	for (uint32_t i = 0; i < count; i++) {
		struct model_page *page = &m->page[first + i];
		page->is_own = false;
		page->value = 0;
	}
}

static enum fault_result expected(const struct model_page *page, enum access access)
{
	const uint32_t need[] = {1, 2, 4};

	if (!page->is_mapped)
		return FAULT_NO_AREA;
	if (!(page->prot & need[access]) && !(access == ACCESS_READ && page->prot))
		return FAULT_FORBIDDEN;
	return FAULT_DONE;
}

static void do_access(struct model *m, bool writes)
{
	uint32_t index = pick(PAGES);
	struct model_page *page = &m->page[index];
	enum access access = writes ? ACCESS_WRITE : ACCESS_READ;
	enum fault_result why, want = expected(page, access);
	uint64_t value;
	uint8_t *bytes = fake_access(m->space, FIRST_PAGE + index, access, &why);

	if (why == FAULT_NO_MEMORY && may_fail)
		return;
	if (want == FAULT_DONE && is_behind_end(page) && !page->is_own)
		want = FAULT_BUS;
	assert_int_equal(why, want);
	if (why != FAULT_DONE)
		return;
	memcpy(&value, bytes, sizeof(value));
	assert_int_equal(value, content(page));
	if (!writes)
		return;
	value = ++stamp;
	memcpy(bytes, &value, sizeof(value));
	if (page->is_shared) {
		store[page->store] = value;
	} else {
		page->is_own = true;
		page->value = value;
	}
}

static void do_fork(struct model *m)
{
	struct model *child = &model[pick(PROCESSES)];

	if (child->space)
		return;
	if (space_fork(m->space, 2, true, &child->space) != 0) {
		assert_true(may_fail);
		child->space = NULL;
		return;
	}
	memcpy(child->page, m->page, sizeof(m->page));
}

static void do_end(struct model *m)
{
	uint32_t living = 0;

	for (uint32_t i = 0; i < PROCESSES; i++)
		living += model[i].space != NULL;
	if (living == 1)
		return;
	space_destroy(m->space);
	memset(m, 0, sizeof(*m));
}

static bool is_behind_new_end(const struct model_page *page, uint32_t which, uint32_t end)
{
	return page->object == which + 1 && page->object_page >= end;
}

static void do_resize(void)
{
	uint32_t which = pick(OBJECTS), size = 1 + pick(OBJECT_PAGES), old = object_size[which];

	object_resize(object[which], size * PAGE_BYTES);
	object_size[which] = size;
	for (uint32_t p = 0; p < PROCESSES; p++) {
		for (uint32_t i = 0; i < PAGES; i++) {
			if (is_behind_new_end(&model[p].page[i], which, size))
				model[p].page[i].is_own = false;
		}
	}
	for (uint32_t i = old; i < size; i++) { /* vfs supplies zeroed frames */
		frame_t frame = fake_cache_frame(which * OBJECT_PAGES + i);
		memset(frame_bytes(frame), 0, PAGE_BYTES);
		store[which * OBJECT_PAGES + i] = 0;
		assert_true(object_set_frame(object[which], i, frame));
	}
}

static void do_move(struct model *m)
{
	uint32_t first, count, target = pick(PAGES), new_count = 1 + pick(20);
	uint64_t out;

	pick_range(&first, &count);
	if (target + new_count > PAGES || (target < first + count && first < target + new_count))
		return;
	const struct model_page *model_first = &m->page[first];
	/* Only ranges of one kind, so that they are one area. */
	for (uint32_t i = 0; i < count; i++) {
		const struct model_page *page = &m->page[first + i];
		if (!page->is_mapped || page->prot != model_first->prot || page->is_shared || page->object)
			return;
	}
	const struct remap_request request = {.old_addr = address(first),
					      .old_len = count * PAGE_BYTES,
					      .flags = 3,
					      .new_len = new_count * PAGE_BYTES,
					      .new_addr = address(target)};
	int error = space_remap(m->space, &request, &out);
	if (error == MEM_EFAULT) /* several areas that could not be merged */
		return;
	assert_int_equal(error, 0);
	for (uint32_t i = 0; i < new_count; i++) {
		m->page[target + i] = m->page[first];
		m->page[target + i].is_own = false;
		m->page[target + i].value = 0;
		if (i < count)
			m->page[target + i] = m->page[first + i];
	}
	memset(&m->page[first], 0, count * sizeof(m->page[0]));
}

/* ---- the rounds ------------------------------------------------------------------------------ */

static void step(void)
{
	struct model *m = &model[pick(PROCESSES)];

	while (!m->space)
		m = &model[pick(PROCESSES)];
	if (may_fail && pick(8) == 0)
		fake_fail_in = pick(3);
	switch (pick(40)) {
	case 0 ... 2:
		fake_fail_in = ~0ull;
		do_map(m);
		break;
	case 3 ... 4: do_unmap(m); break;
	case 5 ... 6: do_protect(m); break;
	case 7: do_advise(m); break;
	case 8 ... 9: do_fork(m); break;
	case 10: do_end(m); break;
	case 11: do_resize(); break;
	case 12 ... 13: do_move(m); break;
	case 14 ... 26: do_access(m, true); break;
	default: do_access(m, false); break;
	}
	fake_fail_in = ~0ull;
}

static void start_world(void)
{
	memset(model, 0, sizeof(model));
	stores = OBJECTS * OBJECT_PAGES;
	for (uint32_t o = 0; o < OBJECTS; o++) {
		object[o] = object_create(OBJECT_PAGES * PAGE_BYTES, 0, o);
		object_size[o] = OBJECT_PAGES;
		for (uint32_t i = 0; i < OBJECT_PAGES; i++) {
			uint64_t value = ++stamp;
			frame_t frame = fake_cache_frame(o * OBJECT_PAGES + i);
			memcpy(frame_bytes(frame), &value, sizeof(value));
			store[o * OBJECT_PAGES + i] = value;
			assert_true(object_set_frame(object[o], i, frame));
		}
	}
	assert_int_equal(space_create(1, false, &model[0].space), 0);
}

static void end_world(uint32_t free_before)
{
	for (uint32_t i = 0; i < PROCESSES; i++) {
		if (model[i].space)
			space_destroy(model[i].space);
	}
	for (uint32_t o = 0; o < OBJECTS; o++) {
		assert_int_equal(object[o]->area_count, 0);
		object_destroy(object[o]);
	}
	assert_int_equal(areas_used(), 0);
	assert_int_equal(objects_used(), 1);
	assert_int_equal(fake_spaces(), 0);
	assert_in_range(frames.free_count, free_before,
			free_before + 40); /* the first process's were in use then */
}

static void run(unsigned seed, uint32_t steps, bool with_failures)
{
	srand(seed);
	start_world();
	uint32_t free_before = frames.free_count;
	may_fail = with_failures;
	for (uint32_t i = 0; i < steps; i++) {
		step();
		if (i % 97 != 0)
			continue;
		for (uint32_t p = 0; p < PROCESSES; p++) {
			if (model[p].space)
				fake_check(model[p].space);
		}
		if (stores > STORES - 100)
			break;
	}
	end_world(free_before);
}

static void as_the_model_says(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 12; seed++)
		run(seed, 40000, false);
}

static void with_refusals(void **state)
{
	(void)state;
	for (unsigned seed = 100; seed <= 108; seed++)
		run(seed, 40000, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(as_the_model_says),
					   cmocka_unit_test(with_refusals)};

	fake_start(4096);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
