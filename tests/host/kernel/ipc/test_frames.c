/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The memory that boot takes: zeroed, aligned, without overlap, and a panic where there is none left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <frames.h>

#define START (HOST_PHYS_BASE + 3 * PAGE_SIZE)
#define RANGE_PAGES 64u
#define END (START + RANGE_PAGES * PAGE_SIZE)

static int open_range(void **state)
{
	(void)state;
	memset(host_memory, 0xa5, 128 * PAGE_SIZE);
	frames_open((struct boot_range){START, END});
	return 0;
}

static void assert_zero(const unsigned char *memory, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		assert_int_equal(memory[i], 0);
}

static void it_is_zeroed_aligned_and_in_a_row(void **state)
{
	static const struct {
		uint64_t bytes, alignment, pages;
	} rows[] = {
		{PAGE_SIZE, PAGE_SIZE, 1},
		{4 * PAGE_SIZE, 4 * PAGE_SIZE, 4},
		{64, PAGE_SIZE, 1},
		{0x5240, PAGE_SIZE, 6},
		{3 * PAGE_SIZE, PAGE_SIZE, 3},
		{2 * PAGE_SIZE, 2 * PAGE_SIZE, 2},
	};
	uint64_t next = START;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned char *memory = frames_take(rows[i].bytes);
		uint64_t address = ptr_to_phys(memory).raw;

		assert_int_equal(address % rows[i].alignment, 0);
		assert_true(address >= next && address < next + rows[i].alignment);
		assert_zero(memory, rows[i].pages * PAGE_SIZE);
		next = address + rows[i].pages * PAGE_SIZE;
		assert_int_equal(*(unsigned char *)phys_to_ptr((paddr_t){next}), 0xa5);
	}
	assert_int_equal(frames_close(), next);
}

/* Whether taking so much ends the machine: tried in a child. */
static bool panics(uint64_t bytes)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		(void)frames_take(bytes);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status != 0;
}

static void too_much_is_a_panic(void **state)
{
	(void)state;
	assert_true(panics((RANGE_PAGES + 1) * PAGE_SIZE));
	assert_true(panics(RANGE_PAGES * PAGE_SIZE)); /* aligned to its size it does not fit */
	assert_false(panics((RANGE_PAGES - 1) * PAGE_SIZE));
	(void)frames_take((RANGE_PAGES - 1) * PAGE_SIZE);
	assert_false(panics(1));
	assert_true(panics(PAGE_SIZE + 1));
	assert_int_equal(frames_close(), END - PAGE_SIZE);
	assert_true(panics(1)); /* boot is over */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(it_is_zeroed_aligned_and_in_a_row, open_range),
		cmocka_unit_test_setup(too_much_is_a_panic, open_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
