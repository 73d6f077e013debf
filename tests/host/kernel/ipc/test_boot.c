/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reading the boot archive and root's ELF file, also when they are damaged: nothing is read outside (ASan watches). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <boot.h>

static unsigned char *archive;
static size_t archive_bytes;

static void append(const void *data, size_t bytes)
{
	archive = realloc(archive, archive_bytes + bytes);
	memcpy(archive + archive_bytes, data, bytes);
	archive_bytes += bytes;
}

static void pad(void)
{
	while (archive_bytes % 4 != 0)
		append("", 1);
}

static void add_file(const char *name, const char *text)
{
	char header[111];

	snprintf(header, sizeof(header), "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1,
		 0100644, 0, 0, 1, 0, (unsigned int)strlen(text), 0, 0, 0, 0, (unsigned int)strlen(name) + 1,
		 0);
	append(header, 110);
	append(name, strlen(name) + 1);
	pad();
	append(text, strlen(text));
	pad();
}

static int new_archive(void **state)
{
	(void)state;
	free(archive);
	archive = NULL;
	archive_bytes = 0;
	return 0;
}

static void assert_file(const char *name, const char *text)
{
	struct file_span file = archive_find(archive, archive_bytes, name);

	if (text == NULL) {
		assert_ptr_equal(file.data, NULL);
		return;
	}
	assert_int_equal(file.bytes, strlen(text));
	assert_memory_equal(file.data, text, file.bytes);
}

static void files_are_found(void **state)
{
	(void)state;
	add_file("boot/root", "first");
	add_file("boot/mem", "memory");
	add_file("TRAILER!!!", "");
	for (int i = 0; i < 300; i++) /* padding to a block, then an overlay */
		append("", 1);
	pad();
	add_file("boot/root", "the later one wins");
	add_file("TRAILER!!!", "");
	assert_file("boot/root", "the later one wins");
	assert_file("boot/mem", "memory");
	assert_file("boot/me", NULL);
	assert_file("boot/memo", NULL);
	assert_file("", NULL);
}

static void damaged_archives_are_harmless(void **state)
{
	(void)state;
	srand(3);
	for (int round = 0; round < 3000; round++) {
		new_archive(NULL);
		add_file("boot/root", "0123456789");
		add_file("boot/mem", "memory");
		for (int i = rand() % 4; i >= 0; i--)
			archive[(size_t)rand() % archive_bytes] = (unsigned char)"0f\377\0a8"[rand() % 6];
		size_t bytes = (size_t)rand() % (archive_bytes + 1);
		unsigned char *exact = malloc(bytes + 1);

		memcpy(exact, archive, bytes);
		struct file_span file = archive_find(exact, bytes, "boot/mem");

		if (file.data != NULL)
			assert_true(file.data >= exact && file.data + file.bytes <= exact + bytes);
		free(exact);
	}
}

/* A small ELF file: one header, two segments. */
struct small_elf {
	unsigned char identity[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, program_offset, section_offset;
	uint32_t flags;
	uint16_t header_bytes, program_bytes, program_count, section_bytes, section_count, names;
	struct {
		uint32_t type, flags;
		uint64_t offset, va, pa, file_bytes, memory_bytes, alignment;
	} programs[2];
	unsigned char rest[0x1000];
};

static struct small_elf good_elf(void)
{
	struct small_elf elf = {
		.identity = {0x7f, 'E', 'L', 'F', 2, 1, 1},
		.type = 2,
		.machine = 62,
		.version = 1,
		.entry = 0x400100,
		.program_offset = 64,
		.header_bytes = 64,
		.program_bytes = 56,
		.program_count = 2,
	};

	elf.programs[0].type = 1;
	elf.programs[0].flags = 5;
	elf.programs[0].va = 0x400000;
	elf.programs[0].file_bytes = 0x200;
	elf.programs[0].memory_bytes = 0x200;
	elf.programs[1].type = 1;
	elf.programs[1].flags = 6;
	elf.programs[1].offset = 0x200;
	elf.programs[1].va = 0x401200;
	elf.programs[1].file_bytes = 0x100;
	elf.programs[1].memory_bytes = 0x3000;
	return elf;
}

static bool reads(const struct small_elf *elf, struct elf_image *image)
{
	return elf_read((struct file_span){(const unsigned char *)elf, sizeof(*elf)}, image);
}

static void elf_is_read(void **state)
{
	struct small_elf elf = good_elf();
	struct elf_image image;

	(void)state;
	assert_true(reads(&elf, &image));
	assert_int_equal(image.segment_count, 2);
	assert_int_equal(image.entry, 0x400100);
	assert_int_equal(image.header_va, 0x400040);
	assert_int_equal(image.segments[0].rights, RIGHT_READ | RIGHT_EXECUTE);
	assert_int_equal(image.segments[1].rights, RIGHT_READ | RIGHT_WRITE);
}

static void bad_elf_is_refused(void **state)
{
	struct elf_image image;
	struct small_elf elf;

	(void)state;
#define REFUSED(change) (elf = good_elf(), change, assert_false(reads(&elf, &image)))
	REFUSED(elf.identity[4] = 1);
	REFUSED(elf.type = 3);
	REFUSED(elf.machine = 183);
	REFUSED(elf.entry = USER_TOP);
	REFUSED(elf.program_offset = ~0ull);
	REFUSED(elf.program_count = 0xffff);
	REFUSED(elf.programs[0].flags = 7); /* writable and executable */
	REFUSED(elf.programs[0].offset = sizeof(elf));
	REFUSED(elf.programs[0].file_bytes = ~0ull);
	REFUSED(elf.programs[1].memory_bytes = 1);
	REFUSED(elf.programs[1].va = USER_TOP - 0xe00);
	REFUSED(elf.programs[1].va = ~0xdffull);
	REFUSED(elf.programs[1].va = 0x401201);
	assert_false(elf_read((struct file_span){NULL, 0}, &image));
	assert_false(elf_read((struct file_span){(unsigned char *)&elf, 63}, &image));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(files_are_found, new_archive),
		cmocka_unit_test_setup_teardown(damaged_archives_are_harmless, new_archive, new_archive),
		cmocka_unit_test(elf_is_read),
		cmocka_unit_test(bad_elf_is_refused),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	new_archive(NULL);
	return failed;
}
