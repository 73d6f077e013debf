/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The newc reader: joined archives, names, truncation at every byte, random damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cpio_archive.h>

static char archive[4096];
static uint64_t length;

static void add(const char *name, const char *data, unsigned mode)
{
	length += (uint64_t)sprintf(archive + length,
				    "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s", 7, mode,
				    1, 2, 1, 0x5f000000, (unsigned)strlen(data), 0, 0, 4, 64,
				    (unsigned)strlen(name) + 1, 0, name) +
		  1;
	length = (length + 3) & ~3ull;
	length += (uint64_t)sprintf(archive + length, "%s", data);
	length = (length + 3) & ~3ull;
}

static void build(void)
{
	memset(archive, 0, sizeof(archive));
	length = 0;
	add("./etc", "", 040755);
	add("etc/motd", "hello", 0100644);
	add("TRAILER!!!", "", 0);
	length = (length + 511) & ~511ull;
	add("/etc/motd", "other", 0100600);
	add("TRAILER!!!", "", 0);
}

static void entries_of_joined_archives(void **state)
{
	struct cpio_reader reader;
	struct cpio_entry entry;

	(void)state;
	build();
	reader = cpio_open(archive, length);
	assert_int_equal(cpio_next(&reader, &entry), CPIO_ENTRY);
	assert_string_equal(entry.name, "etc");
	assert_int_equal(entry.mode, 040755);
	assert_int_equal(cpio_next(&reader, &entry), CPIO_ENTRY);
	assert_string_equal(entry.name, "etc/motd");
	assert_int_equal(entry.bytes, 5);
	assert_memory_equal(entry.data, "hello", 5);
	assert_int_equal(entry.rdev_minor, 64);
	assert_int_equal(cpio_next(&reader, &entry), CPIO_ENTRY);
	assert_memory_equal(entry.data, "other", 5);
	assert_int_equal(cpio_next(&reader, &entry), CPIO_END);
	assert_true(cpio_find(archive, length, "etc/motd", &entry));
	assert_int_equal(entry.mode, 0100600);
	assert_false(cpio_find(archive, length, "etc/mot", &entry));
}

/* Reads everything; the sanitizer watches the borders of an exact copy. */
static void read_all(const char *bytes, uint64_t count)
{
	char *copy = malloc(count ? count : 1);
	struct cpio_reader reader = cpio_open(copy, count);
	struct cpio_entry entry;
	volatile uint8_t sum = 0;

	memcpy(copy, bytes, count);
	for (int i = 0; i < 100 && cpio_next(&reader, &entry) == CPIO_ENTRY; i++) {
		for (uint64_t j = 0; j < entry.bytes; j++)
			sum = (uint8_t)(sum + entry.data[j]);
		sum = (uint8_t)(sum + strlen(entry.name));
	}
	free(copy);
}

static void truncated_and_damaged(void **state)
{
	(void)state;
	build();
	for (uint64_t cut = 0; cut <= length; cut++)
		read_all(archive, cut);
	srand(1);
	for (int i = 0; i < 20000; i++) {
		build();
		for (int j = 0; j < 3; j++)
			archive[(uint64_t)rand() % length] = "0123456789abcdefF\0\377x"[rand() % 20];
		read_all(archive, length);
	}
}

/* Every byte at every place of a header's digits. */
static void digits_of_either_case(void **state)
{
	const char *digits = "0123456789abcdefABCDEF";
	struct cpio_entry entry;

	(void)state;
	for (uint32_t c = 0; c < 256; c++) {
		for (uint32_t place = 0; place < 8; place++) {
			build();
			archive[6 + 8 + place] = (char)c; /* mode */
			struct cpio_reader reader = cpio_open(archive, length);
			bool is_digit = c != 0 && strchr(digits, (int)c) != NULL;
			assert_int_equal(cpio_next(&reader, &entry), is_digit ? CPIO_ENTRY : CPIO_MALFORMED);
			char text[9] = "00000000";
			snprintf(text, sizeof(text), "%08x", 040755u);
			text[place] = (char)c;
			if (is_digit)
				assert_int_equal(entry.mode, strtoul(text, NULL, 16));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_of_joined_archives),
		cmocka_unit_test(digits_of_either_case),
		cmocka_unit_test(truncated_and_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
