/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Accounts of users: limits, root, users beyond the table, labels of the dead, and counts that come back to nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <quota.h>

enum { FILES, PAGES };

static int start(void **state)
{
	(void)state;
	quota_init();
	quota_limit(FILES, 10);
	return 0;
}

static void test_limit(void **state)
{
	(void)state;
	uint32_t a = quota_account(1000), b;
	assert_true(quota_charge(a, FILES, 10));
	assert_false(quota_charge(a, FILES, 1));
	assert_true(quota_charge(a, PAGES, 1u << 30)); /* no limit was set */
	b = quota_account(1001);
	assert_int_not_equal(a, b);
	assert_true(quota_charge(b, FILES, 10)); /* the other user has his own */
	quota_release(a, FILES, 1);
	assert_int_equal(quota_account(1000), a);
	assert_true(quota_charge(a, FILES, 1));
	assert_false(quota_charge(a, FILES, ~0ull)); /* no overflow */
	assert_int_equal(quota_used(a, FILES), 10);
}

static void test_root_has_no_limit(void **state)
{
	(void)state;
	assert_int_equal(quota_account(0), QUOTA_ROOT);
	assert_true(quota_charge(QUOTA_ROOT, FILES, 1000));
	assert_int_equal(quota_used(QUOTA_ROOT, FILES), 1000);
	quota_release(QUOTA_ROOT, FILES, 1000);
	assert_int_equal(quota_used(QUOTA_ROOT, FILES), 0);
}

/* Users without an account of their own share one, and so its limit. */
static void test_crowd(void **state)
{
	(void)state;
	uint32_t shared = 0;
	for (uint32_t uid = 1; uid <= 100; uid++) {
		shared = quota_account(uid);
		assert_true(shared < QUOTA_ACCOUNTS);
		if (uid <= QUOTA_ACCOUNTS - 2)
			assert_true(quota_charge(shared, FILES, 1));
	}
	assert_int_equal(shared, QUOTA_ACCOUNTS - 1);
	assert_true(quota_charge(quota_account(90), FILES, 10));
	assert_false(quota_charge(quota_account(91), FILES, 1));
	quota_release(quota_account(7), FILES, 1);
	assert_int_not_equal(quota_account(200), shared); /* 7's place is free */
}

/* An account that is looked up and not charged is nobody's yet. */
static void test_account_without_charge(void **state)
{
	(void)state;
	uint32_t a = quota_account(5);
	assert_int_equal(quota_account(6), a);
	assert_true(quota_charge(a, FILES, 4));
	assert_int_not_equal(quota_account(5), a);
	assert_int_equal(quota_used(quota_account(6), FILES), 4);
}

static void test_labels(void **state)
{
	(void)state;
	static struct label_table labels;
	labels.process[3] = (struct label_process){.generation = 9, .uid = 1000, .fsuid = 0};
	uint32_t user = quota_account(1000);
	assert_true(quota_charge(user, FILES, 1));
	assert_int_equal(quota_of_label(&labels, LABEL_MAKE(9, 3, 1)), user); /* the real uid */
	assert_int_not_equal(quota_of_label(&labels, LABEL_MAKE(8, 3, 1)), user);
	assert_int_not_equal(quota_of_label(&labels, LABEL_MAKE(8, 3, 1)), QUOTA_ROOT);
	assert_int_not_equal(quota_of_label(&labels, LABEL_MAKE(9, 0xffff, 1)), QUOTA_ROOT);
	assert_int_equal(quota_of_label(&labels, LABEL_NATIVE | 3), QUOTA_ROOT);
}

static void test_random(void **state)
{
	(void)state;
	uint64_t held[40] = {0};
	uint32_t account[40] = {0};
	srand(1);
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t who = (uint32_t)rand() % 40;
		if (held[who] == 0)
			account[who] = quota_account(who + 100);
		assert_int_equal(quota_account(who + 100), account[who]);
		if (held[who] > 0 && rand() % 2) {
			quota_release(account[who], FILES, held[who]);
			held[who] = 0;
			continue;
		}
		uint64_t more = 1 + (uint64_t)rand() % 6;
		assert_int_equal(quota_charge(account[who], FILES, more), held[who] + more <= 10);
		held[who] += held[who] + more <= 10 ? more : 0;
		assert_int_equal(quota_used(account[who], FILES), held[who]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_limit, start),
		cmocka_unit_test_setup(test_root_has_no_limit, start),
		cmocka_unit_test_setup(test_crowd, start),
		cmocka_unit_test_setup(test_account_without_charge, start),
		cmocka_unit_test_setup(test_labels, start),
		cmocka_unit_test_setup(test_random, start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
