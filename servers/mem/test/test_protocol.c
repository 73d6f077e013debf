/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Requests with random words through the generated dispatcher, from every kind of caller: mem must answer each, keep its
 * invariants, and give everything back at the end.  Most values are near something that exists.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <tessera/process_page.h>
#include <tessera/proto/mem_server.h>

#include "fake_port.h"
#include "handlers.h"
#include "object.h"
#include "port_tables.h"
#include "space_private.h"

#define SPACES 8u
#define OBJECTS 8u
#define TURNS 200000u

static struct msg_page page;
static uint32_t spaces[SPACES], objects[OBJECTS];
static uint32_t kernel_failures;

/* ---- what control.c wants of grant.c, port.c and libtessera ---------------------------------- */

bool grant_space(struct request *rq, struct space *space)
{
	(void)rq;
	(void)space;
	return rand() % 50 != 0;
}

bool grant_object(struct request *rq, uint32_t object)
{
	(void)rq;
	(void)object;
	return rand() % 50 != 0;
}

uint32_t slot_count_free(void)
{
	return 0;
}

uint32_t port_slots_kept(void)
{
	return 0;
}

void port_tables_usage(uint64_t *untyped_free_bytes, uint64_t *table_pages)
{
	*untyped_free_bytes = 0;
	*table_pages = 0;
}

frame_t cache_frame(uint32_t index)
{
	return index < 256 ? fake_cache_frame(index) : FRAME_NONE;
}

/* ---- random requests ------------------------------------------------------------------------- */

static uint64_t pick(uint64_t n)
{
	return (uint64_t)rand() % n;
}

static uint64_t some_address(void)
{
	static const uint64_t bases[] = {0x10000000,
					 0x10000000,
					 0x10000000,
					 0x600000,
					 0x7ffeff000000,
					 PERSONALITY_IMAGE_BASE,
					 EXEC_AREA_VA,
					 PERSONALITY_HEAP_VA,
					 PERSONALITY_STACK_VA,
					 MESSAGE_PAGE_VA,
					 WINDOW_VA,
					 PROCESS_PAGE_VA,
					 0,
					 USER_TOP,
					 0xffff800000000000ull,
					 0x800000000000ull};
	if (pick(3))
		return 0x10000000 + pick(64) * PAGE_BYTES;
	uint64_t address = bases[pick(16)] + pick(128) * PAGE_BYTES;

	if (pick(8) == 0)
		address += pick(4096);
	if (pick(16) == 0)
		address = -pick(1 << 20);
	return address;
}

static uint64_t some_number(void)
{
	switch (pick(8)) {
	case 0: return 0;
	case 1: return ~0ull;
	case 2: return 1ull << pick(64);
	case 3: return pick(8);
	case 4: return some_address();
	default: return pick(64) * PAGE_BYTES;
	}
}

static uint64_t some_badge(uint32_t op)
{
	uint32_t space = spaces[pick(SPACES)], object = objects[pick(OBJECTS)];

	if (pick(64) == 0)
		return some_number() << 60 | some_number();
	if (op < MEM_AS_CREATE)
		return badge_make(MEM_BADGE_SPACE, space);
	if (pick(16) == 0)
		return badge_make(MEM_BADGE_OBJECT, object);
	return (uint64_t)(op < MEM_OBJECT_CREATE ? MEM_BADGE_PROC : MEM_BADGE_VFS) << 60;
}

/* Words with which the call of a process has a chance. */
static void fill_well(struct request *rq, uint32_t op)
{
	static const uint32_t flags[] = {0x22, 0x32, 0x21, 0x31, 0x8022, 0x132, 0x4022, 0x100022};

	rq->w[1] = (1 + pick(40)) * PAGE_BYTES;
	rq->w[2] = pick(8);
	rq->w[3] = op == MEM_MAP ? flags[pick(8)] : flags[pick(5)] & ~0x20u;
	page.words[4] = pick(40) * PAGE_BYTES; /* offset of map_object */
	if (op == MEM_ADVISE)
		rq->w[2] = pick(22);
	if (op == MEM_REMAP) {
		rq->w[2] = (1 + pick(40)) * PAGE_BYTES;
		rq->w[3] = pick(4);
		page.words[4] = some_address();
	}
}

static void fill(struct request *rq, uint32_t op)
{
	for (uint32_t i = 0; i < 4; i++)
		rq->w[i] = pick(2) ? some_address() : some_number();
	for (uint32_t i = 4; i < 24; i++)
		page.words[i] = pick(2) ? pick(300) : some_number();
	if (op < MEM_AS_CREATE && op != MEM_FUTEX_WAKE) {
		rq->w[0] = some_address();
		rq->w[1] = op == MEM_BRK ? rq->w[0] + pick(64) * PAGE_BYTES : some_number();
		rq->w[2] = op == MEM_BRK ? rq->w[0] + pick(64) * PAGE_BYTES : pick(9);
		rq->w[3] = pick(4) | (pick(2) << 4) | (pick(2) << 5) | (pick(8) == 0 ? some_number() : 0);
		if (op != MEM_BRK && pick(4))
			fill_well(rq, op);
	} else if (op >= MEM_AS_DESTROY && op < MEM_OBJECT_CREATE) {
		rq->w[0] = spaces[pick(SPACES)];
		rq->w[2] = op == MEM_AS_MOVE_PAGES ? spaces[pick(SPACES)]
			   : op == MEM_AS_PAGE	   ? pick(66)
						   : rq->w[2];
		if (op == MEM_AS_MOVE_PAGES && pick(4)) {
			rq->w[1] = PERSONALITY_HEAP_VA + pick(8) * PAGE_BYTES;
			rq->w[3] = EXEC_AREA_VA + pick(8) * PAGE_BYTES;
			page.words[4] = 1 + pick(8);
		}
	} else if (op == MEM_AS_FORK) {
		rq->w[0] = spaces[pick(SPACES)];
		rq->w[1] = pick(66);
	} else if (op == MEM_OBJECT_CREATE) {
		rq->w[0] = pick(64) * PAGE_BYTES;
	} else if (op == MEM_AS_CREATE) {
		rq->w[1] = pick(66);
		rq->w[2] = pick(2);
	} else if (op > MEM_OBJECT_CREATE) {
		rq->w[0] = objects[pick(OBJECTS)];
		rq->w[2] = pick(20);
		rq->w[3] = rq->w[2] * 4 + pick(2);
	}
}

static void remember(const struct request *rq, uint32_t op)
{
	uint32_t *place = op == MEM_OBJECT_CREATE ? &objects[pick(OBJECTS)] : &spaces[pick(SPACES)];

	if (MSG_TAG_OP(rq->tag) != 0 || (op != MEM_AS_CREATE && op != MEM_AS_FORK && op != MEM_OBJECT_CREATE))
		return;
	if (op == MEM_OBJECT_CREATE) {
		struct object *old = object_by_id(*place);
		if (old && old->area_count > 0) { /* cannot be forgotten: the new one is */
			object_destroy(object_by_id((uint32_t)rq->w[0]));
			return;
		}
		if (old)
			object_destroy(old);
	} else if (space_by_id(*place)) {
		space_destroy(space_by_id(*place));
	}
	*place = (uint32_t)rq->w[0];
}

static void one_request(void)
{
	static const uint32_t common[] = {MEM_MAP,   MEM_MAP,	  MEM_MAP_OBJECT, MEM_TOUCH,
					  MEM_TOUCH, MEM_PROTECT, MEM_UNMAP,	  MEM_OBJECT_SUPPLY};
	uint32_t op = pick(2) ? common[pick(8)] : MEM_OP_MIN + (uint32_t)pick(MEM_OP_MAX - MEM_OP_MIN + 2);
	if ((op == MEM_AS_DESTROY || op == MEM_AS_LIMITS) && pick(8))
		op = MEM_AS_FORK;
	struct request rq = {.page = &page};

	rq.badge = some_badge(op);
	rq.label = pick(40) << 32 | pick(5000);
	fill(&rq, op);
	page.received_kind[0] = (uint8_t)(pick(8) ? RECEIVED_BADGE : pick(3));
	page.received_badge[0] =
		badge_make(MEM_BADGE_OBJECT, objects[pick(OBJECTS)]) | (pick(2) ? MEM_BADGE_OBJECT_WRITE : 0);
	rq.tag = MSG_TAG(op, pick(20) ? 24 : pick(30), op == MEM_MAP_OBJECT ? 1 : pick(40) == 0);
	if (pick(20) == 0)
		fake_fail_in = pick(4);
	if (pick(3) == 0) {
		rq.badge = badge_make(MEM_BADGE_FAULT, spaces[pick(SPACES)]);
		rq.w[0] = some_address();
		rq.w[1] = pick(32);
		handle_page_fault(&rq);
		assert_true(MSG_TAG_OP(rq.tag) <= FAULT_HALT);
	} else {
		assert_int_equal(mem_dispatch(&rq), 0);
		assert_in_range(MSG_TAG_WORDS(rq.tag), 0, MSG_MAX_WORDS);
		remember(&rq, op);
	}
	kernel_failures += fake_fail_in != ~0ull;
	fake_fail_in = ~0ull;
}

static void check_all(void)
{
	for (uint32_t i = 0; i < SPACES; i++) {
		struct space *space = space_by_id(spaces[i]);
		if (space)
			fake_check(space);
	}
}

static void anything_from_anybody(void **state)
{
	(void)state;
	for (uint32_t turn = 0; turn < TURNS; turn++) {
		one_request();
		if (turn % 500 == 0)
			check_all();
	}
	assert_true(kernel_failures > 100);
	for (uint32_t i = 0; i < SPACES; i++) {
		if (space_by_id(spaces[i]))
			space_destroy(space_by_id(spaces[i]));
	}
	for (uint32_t i = 0; i < OBJECTS; i++) {
		struct object *object = object_by_id(objects[i]);
		if (object)
			object_destroy(object);
	}
	assert_int_equal(areas_used(), 0);
	assert_int_equal(objects_used(), 1);
	assert_int_equal(fake_spaces(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(anything_from_anybody)};

	srand(7);
	fake_start(4096);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
