/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The byte ring: order, wrap-around, a hostile partner, two threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ring.h>

#define SIZE 16u

static uint8_t data[SIZE];
static struct ring_shared shared;

static struct ring fresh(uint32_t start)
{
	shared = (struct ring_shared){.head = start, .tail = start};
	return (struct ring){.shared = &shared, .data = data, .size = SIZE};
}

static void bytes_come_out_in_order(void **state)
{
	struct ring ring = fresh(0xfffffffau); /* the counters wrap on the way */
	uint8_t next_in = 0, next_out = 0;

	(void)state;
	for (int round = 0; round < 100; round++) {
		uint8_t in[7], out[9];

		for (unsigned i = 0; i < sizeof(in); i++)
			in[i] = (uint8_t)(next_in + i);
		next_in = (uint8_t)(next_in + ring_write(&ring, in, sizeof(in)));
		uint32_t got = ring_read(&ring, out, (uint32_t)round % 9u);

		for (uint32_t i = 0; i < got; i++)
			assert_int_equal(out[i], next_out++);
	}
}

static void full_and_empty(void **state)
{
	struct ring ring = fresh(5);
	uint8_t bytes[20] = {1, 2, 3};

	(void)state;
	assert_int_equal(ring_read(&ring, bytes, 20), 0);
	assert_int_equal(ring_write(&ring, bytes, 20), SIZE);
	assert_int_equal(ring_free(&ring), 0);
	assert_int_equal(ring_write(&ring, bytes, 1), 0);
	ring_discard(&ring);
	assert_int_equal(ring_used(&ring), 0);
	assert_int_equal(ring_free(&ring), SIZE);
}

static void looking_takes_nothing(void **state)
{
	struct ring ring = fresh(SIZE - 2); /* across the end of the buffer */
	char bytes[8];

	(void)state;
	assert_int_equal(ring_write(&ring, "abcde", 5), 5);
	assert_int_equal(ring_peek(&ring, bytes, 8), 5);
	ring_consume(&ring, 2);
	assert_int_equal(ring_used(&ring), 3);
	assert_int_equal(ring_read(&ring, bytes, 8), 3);
	assert_memory_equal(bytes, "cde", 3);
}

static void mad_partner_harms_nobody(void **state)
{
	struct ring ring = fresh(0);
	uint8_t bytes[100];

	(void)state;
	shared.head = 0x80000000u;
	assert_int_equal(ring_used(&ring), SIZE);
	assert_int_equal(ring_read(&ring, bytes, sizeof(bytes)), SIZE);
	shared = (struct ring_shared){.head = 3, .tail = 77};
	assert_int_equal(ring_write(&ring, bytes, sizeof(bytes)), 0);
	assert_in_range(ring_read(&ring, bytes, sizeof(bytes)), 0, SIZE);
}

static void *producer(void *context)
{
	struct ring *ring = context;

	for (uint32_t sent = 0; sent < 100000;) {
		uint8_t byte = (uint8_t)sent;

		sent += ring_write(ring, &byte, 1);
	}
	return NULL;
}

static void two_threads(void **state)
{
	struct ring ring = fresh(0);
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, producer, &ring), 0);
	for (uint32_t taken = 0; taken < 100000;) {
		uint8_t bytes[8];
		uint32_t got = ring_read(&ring, bytes, sizeof(bytes));

		for (uint32_t i = 0; i < got; i++)
			assert_int_equal(bytes[i], (uint8_t)taken++);
	}
	pthread_join(thread, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_out_in_order),
		cmocka_unit_test(full_and_empty),
		cmocka_unit_test(looking_takes_nothing),
		cmocka_unit_test(mad_partner_harms_nobody),
		cmocka_unit_test(two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
