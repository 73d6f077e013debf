/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The tree against a sorted array, at random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tree.h"

#define KEYS 512u

static struct tree_node nodes[KEYS];
static bool is_in[KEYS];

static void check_queries(const struct tree *tree, uint32_t key)
{
	uint32_t below = key, above = key;

	while (below > 0 && !is_in[below])
		below--;
	while (above < KEYS && !is_in[above])
		above++;
	assert_ptr_equal(tree_floor(tree, key), is_in[below] ? &nodes[below] : NULL);
	assert_ptr_equal(tree_ceiling(tree, key), above < KEYS ? &nodes[above] : NULL);
}

static void random_operations(void **state)
{
	struct tree tree = {0};

	(void)state;
	srand(1);
	for (uint32_t turn = 0; turn < 40000; turn++) {
		uint32_t key = (uint32_t)rand() % KEYS;
		nodes[key].key = key;
		if (is_in[key]) {
			struct tree_node copy = {.key = key};
			assert_false(tree_insert(&tree, &copy));
			tree_remove(&tree, &nodes[key]);
		} else {
			assert_true(tree_insert(&tree, &nodes[key]));
		}
		is_in[key] = !is_in[key];
		if (turn % 64 == 0)
			assert_true(tree_check(&tree));
		check_queries(&tree, (uint32_t)rand() % KEYS);
	}
}

static void neighbours(void **state)
{
	struct tree tree = {0};
	static struct tree_node node[100];

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		node[i].key = i * 10;
		tree_insert(&tree, &node[i]);
	}
	assert_ptr_equal(tree_first(&tree), &node[0]);
	assert_ptr_equal(tree_next(&node[41]), &node[42]);
	assert_ptr_equal(tree_previous(&node[41]), &node[40]);
	assert_null(tree_next(&node[99]));
	assert_null(tree_previous(&node[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(random_operations), cmocka_unit_test(neighbours)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
