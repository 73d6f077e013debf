/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * range_set against a plain array of bytes: random additions and removals, and a set that is full.
 */
#include "../range_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SPACE 4096u

static unsigned char model[SPACE];

static void check_order(const struct range_set *set)
{
	assert_true(set->count <= BOOT_MAX_RANGES);
	for (uint32_t i = 0; i < set->count; i++) {
		assert_true(set->ranges[i].start < set->ranges[i].end);
		if (i > 0)
			assert_true(set->ranges[i - 1].end <= set->ranges[i].start);
	}
}

static bool has(const struct range_set *set, uint64_t at)
{
	for (uint32_t i = 0; i < set->count; i++) {
		if (at >= set->ranges[i].start && at < set->ranges[i].end)
			return true;
	}
	return false;
}

/* Long ranges in a small space: the set is never full, so it is the model exactly. */
static void test_equals_model(void **state)
{
	struct range_set set = {.count = 0};

	(void)state;
	srand(1);
	memset(model, 0, sizeof(model));
	for (uint32_t round = 0; round < 3000; round++) {
		uint64_t start = (uint64_t)rand() % SPACE, length = (uint64_t)rand() % 400;
		uint64_t end = start + length < SPACE ? start + length : SPACE;
		bool is_add = rand() % 2 == 0;

		if (is_add)
			range_set_add(&set, start, end);
		else
			range_set_remove(&set, start, end);
		memset(model + start, is_add, end - start);
		check_order(&set);
		for (uint32_t at = 0; round % 16 == 0 && at < SPACE; at++)
			assert_int_equal(has(&set, at), model[at]);
	}
	assert_int_equal(set.lost_bytes, 0);
}

/* Many short ranges: what is in the set is in the model, and what is missing has been counted. */
static void test_full_set_only_loses(void **state)
{
	struct range_set set = {.count = 0};
	uint64_t bytes = 0;

	(void)state;
	srand(2);
	memset(model, 0, sizeof(model));
	for (uint32_t round = 0; round < 400; round++) {
		uint64_t start = (uint64_t)rand() % (SPACE - 16), length = 1 + (uint64_t)rand() % 12;

		range_set_add(&set, start, start + length);
		memset(model + start, 1, length);
		check_order(&set);
	}
	for (uint32_t at = 0; at < SPACE; at++) {
		bytes += model[at];
		if (has(&set, at))
			assert_int_equal(model[at], 1);
	}
	assert_int_equal(set.count, BOOT_MAX_RANGES);
	assert_true(set.lost_bytes > 0 && range_set_bytes(&set) + set.lost_bytes >= bytes);
}

static void test_removal_splits_a_full_set(void **state)
{
	struct range_set set = {.count = 0};

	(void)state;
	for (uint64_t i = 0; i < BOOT_MAX_RANGES; i++)
		range_set_add(&set, i * 100, i * 100 + 50);
	range_set_remove(&set, 10, 20);
	check_order(&set);
	assert_int_equal(set.count, BOOT_MAX_RANGES);
	assert_false(has(&set, 15));
	assert_true(has(&set, 25));
}

static void test_trim(void **state)
{
	struct range_set set = {.count = 0};

	(void)state;
	range_set_add(&set, 0x1001, 0x2fff);	    /* less than a page */
	range_set_add(&set, 0x4800, 0x7800);	    /* two pages */
	range_set_add(&set, ~0ull - 0x1800, ~0ull); /* the end of the space */
	range_set_trim_to_pages(&set);
	check_order(&set);
	assert_int_equal(set.ranges[0].start, 0x5000);
	assert_int_equal(set.ranges[0].end, 0x7000);
	for (uint32_t i = 0; i < set.count; i++)
		assert_int_equal((set.ranges[i].start | set.ranges[i].end) % PAGE_SIZE, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equals_model),
		cmocka_unit_test(test_full_set_only_loses),
		cmocka_unit_test(test_removal_splits_a_full_set),
		cmocka_unit_test(test_trim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
