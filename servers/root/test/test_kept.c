/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The end of the log: whole lines only, in order, across the end of the ring; positions of the past and of the future. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../kept.h"

static char text[KEPT_BYTES];

static uint32_t read_all(uint64_t position, uint32_t piece)
{
	uint32_t bytes = 0, count;

	while ((count = kept_read(&position, text + bytes, piece)) != 0)
		bytes += count;
	return bytes;
}

static void lines_have_their_levels(void **state)
{
	(void)state;
	kept_add(LOG_INFO, "one\n", 4);
	kept_add(LOG_ERROR, "two\n", 4);
	kept_add(99, "three\n", 6);
	assert_int_equal(read_all(0, 5), 23);
	assert_memory_equal(text, "<6>one\n<3>two\n<7>three\n", 23);
	assert_int_equal(read_all(7, 100), 16);
	assert_int_equal(read_all(23, 100), 0);
	assert_int_equal(read_all(~0ull, 100), 0);
}

/* Lines of all lengths, so that the ring's end falls anywhere in them. */
static void the_oldest_goes_first(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < 20000; n++) {
		char line[80];
		int length = snprintf(line, sizeof(line), "%u%.*s\n", n, (int)(n % 37),
				      "-------------------------------------");

		kept_add(LOG_INFO, line, (uint32_t)length);
		if (n % 19 != 0)
			continue;
		uint32_t bytes = read_all(0, 1000), first = (uint32_t)atoi(text + 3);

		assert_memory_equal(text, n > 2000 ? "<6>" : text, 3);
		assert_true(bytes <= KEPT_BYTES && (n < 2000 || bytes > KEPT_BYTES - 100));
		for (const char *at = text; at < text + bytes; at = strchr(at, '\n') + 1) {
			if (n > 2000)
				assert_int_equal(atoi(at + 3), first++);
		}
		if (n > 2000)
			assert_int_equal(first, n + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_have_their_levels),
		cmocka_unit_test(the_oldest_goes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
