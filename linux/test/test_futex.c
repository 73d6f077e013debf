/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Private futex queues: waiting, order of wake-ups, bit sets, requeue, WAKE_OP. Other threads act while one "waits". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/futex.h>

#include "fake.h"
#include "lx/thread.h"
#include "sys.h"

#define PRIVATE(op) ((uint32_t)(op) | FUTEX_PRIVATE_FLAG)

static uint32_t word, other;
static uint64_t at(uint32_t *address)
{
	return (uint64_t)address;
}

static int reset(void **state)
{
	(void)state;
	fake_reset();
	lx_futex_reset();
	word = 5;
	other = 0;
	return 0;
}

static long wait_word(uint32_t expected)
{
	return sys_futex(at(&word), PRIVATE(FUTEX_WAIT), expected, 0, 0, 0);
}

static void test_values(void **state)
{
	(void)state;
	assert_int_equal(wait_word(4), -EAGAIN);
	assert_int_equal(wait_word(5), -ERESTARTSYS);		       /* a signal came */
	assert_int_equal(lx_futex_wake_private(at(&word), 9, ~0u), 0); /* it has left the queue */
	struct __kernel_timespec t = {.tv_sec = 1};
	assert_int_equal(sys_futex(at(&word), PRIVATE(FUTEX_WAIT), 5, (uint64_t)&t, 0, 0), -ETIMEDOUT);
	t.tv_nsec = -1;
	assert_int_equal(sys_futex(at(&word), PRIVATE(FUTEX_WAIT), 5, (uint64_t)&t, 0, 0), -EINVAL);
	assert_int_equal(sys_futex(at(&word) + 1, PRIVATE(FUTEX_WAIT), 5, 0, 0, 0), -EINVAL);
	assert_int_equal(sys_futex(PERSONALITY_BASE, PRIVATE(FUTEX_WAKE), 1, 0, 0, 0), -EFAULT);
	assert_int_equal(sys_futex(at(&word), PRIVATE(FUTEX_WAIT_BITSET), 5, 0, 0, 0), -EINVAL);
	assert_int_equal(sys_futex(at(&word), PRIVATE(FUTEX_LOCK_PI), 0, 0, 0, 0), -ENOSYS);
}

static long wake_one(void)
{
	fake_wait = NULL;
	assert_int_equal(lx_futex_wake_private(at(&word), 1, ~0u), 1);
	return 0;
}

static void test_wake(void **state)
{
	(void)state;
	fake_wait = wake_one;
	assert_int_equal(wait_word(5), 0);
	assert_int_equal(fake[0].signals, 1);
}

/* Thread 0 waits; meanwhile 1 waits; meanwhile 2 waits; then `act` runs. */
static void (*act)(void);
static long nest(void)
{
	if (fake_current == 2) {
		fake_wait = NULL;
		act();
		fake_current = 2;
		return 0;
	}
	fake_current++;
	(void)wait_word(5);
	fake_current--;
	return 0;
}

static void wake_in_order(void)
{
	assert_int_equal(lx_futex_wake_private(at(&word), 1, ~0u), 1);
	assert_int_equal(fake[0].thread.futex_woken, 1);
	assert_int_equal(fake[1].thread.futex_woken, 0);
	assert_int_equal(lx_futex_wake_private(at(&word), 10, ~0u), 2);
	assert_int_equal(lx_futex_wake_private(at(&word), 10, ~0u), 0);
}

static void test_order(void **state)
{
	(void)state;
	act = wake_in_order;
	fake_wait = nest;
	assert_int_equal(wait_word(5), 0);
}

static void requeue(void)
{
	assert_int_equal(sys_futex(at(&word), PRIVATE(FUTEX_CMP_REQUEUE), 1, 1, at(&other), 4), -EAGAIN);
	assert_int_equal(sys_futex(at(&word), PRIVATE(FUTEX_CMP_REQUEUE), 1, 1, at(&other), 5), 2);
	assert_int_equal(fake[0].thread.futex_woken, 1);
	assert_int_equal(lx_futex_wake_private(at(&other), 9, ~0u), 1);
	assert_int_equal(fake[1].thread.futex_woken, 1);
	assert_int_equal(fake[2].thread.futex_woken, 0);
	assert_int_equal(lx_futex_wake_private(at(&word), 9, 2), 1);
}

static void test_requeue(void **state)
{
	(void)state;
	act = requeue;
	fake_wait = nest;
	assert_int_equal(wait_word(5), 0);
}

static long wake_bits(void)
{
	fake_wait = NULL;
	assert_int_equal(lx_futex_wake_private(at(&word), 1, 2), 0);
	assert_int_equal(lx_futex_wake_private(at(&word), 1, 4), 1);
	return 0;
}

static void test_bitset(void **state)
{
	(void)state;
	fake_wait = wake_bits;
	assert_int_equal(sys_futex(at(&word), PRIVATE(FUTEX_WAIT_BITSET), 5, 0, 0, 4), 0);
}

static void test_wake_op(void **state)
{
	(void)state;
	uint32_t add_if_zero = FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 0);
	assert_int_equal(sys_futex(at(&word), PRIVATE(FUTEX_WAKE_OP), 1, 1, at(&other), add_if_zero), 0);
	assert_int_equal(other, 3);
	uint32_t shifted = FUTEX_OP((uint32_t)(FUTEX_OP_OR | FUTEX_OP_OPARG_SHIFT), 4, FUTEX_OP_CMP_GT, 2);
	assert_int_equal(sys_futex(at(&word), PRIVATE(FUTEX_WAKE_OP), 1, 1, at(&other), shifted), 0);
	assert_int_equal(other, 19);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_values, reset), cmocka_unit_test_setup(test_wake, reset),
		cmocka_unit_test_setup(test_order, reset),  cmocka_unit_test_setup(test_requeue, reset),
		cmocka_unit_test_setup(test_bitset, reset), cmocka_unit_test_setup(test_wake_op, reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
