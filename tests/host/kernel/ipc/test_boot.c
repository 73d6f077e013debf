/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reading the beginning of the boot archive, also when it is damaged: nothing is read outside (ASan watches). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../../kernel/core/root_image.h"

#define HEADER_BYTES 110u
#define FILE_PAGES 3u

/* An archive with boot/root alone: cpio header, name, image, pages. */
struct archive {
	char header[HEADER_BYTES];
	char name[10];
	struct root_image image;
	unsigned char pages[FILE_PAGES][PAGE_SIZE];
};

static void write_field(struct archive *archive, unsigned int field, unsigned int value)
{
	char text[9];

	snprintf(text, sizeof(text), "%08x", value);
	memcpy(archive->header + 6 + 8 * field, text, 8);
}

static struct archive *good_archive(void)
{
	struct archive *archive = calloc(1, sizeof(*archive));

	memset(archive->header, '0', sizeof(archive->header));
	memcpy(archive->header, "070701", 6);
	memcpy(archive->name, "boot/root", 10);
	write_field(archive, 6, sizeof(archive->image) + sizeof(archive->pages));
	write_field(archive, 11, sizeof(archive->name));
	archive->image = (struct root_image){.magic = ROOT_IMAGE_MAGIC, .ip = 0x400100, .sp = 0x800000};
	archive->image.segments[0] = (struct root_segment){
		.va = 0x400000, .pages = 1, .file_pages = 1, .rights = RIGHT_READ | RIGHT_EXECUTE};
	archive->image.segments[1] = (struct root_segment){
		.va = 0x401000, .pages = 9, .file_pages = 2, .rights = RIGHT_READ | RIGHT_WRITE};
	return archive;
}

/* Whether the first bytes of it are accepted: from memory of exactly that size. */
static bool is_read(const struct archive *archive, size_t bytes)
{
	unsigned char *exact = malloc(bytes + (bytes == 0));
	struct root_image image;

	memcpy(exact, archive, bytes);
	const unsigned char *pages = root_image_read(exact, bytes, &image);
	uint64_t count = 0;

	for (uint32_t i = 0; pages != NULL && i < ROOT_SEGMENTS_MAX; i++)
		count += image.segments[i].file_pages;
	if (pages != NULL)
		assert_true(pages > exact && pages + count * PAGE_SIZE <= exact + bytes);
	free(exact);
	return pages != NULL;
}

static void a_good_archive_is_read(void **state)
{
	struct archive *archive = good_archive();
	struct root_image image;

	(void)state;
	assert_ptr_equal(root_image_read((unsigned char *)archive, sizeof(*archive), &image), archive->pages);
	assert_memory_equal(&image, &archive->image, sizeof(image));
	memcpy(archive->header + 54, "0000A0D8",
	       8); /* capital digits, as GNU cpio writes them; too many bytes */
	assert_false(is_read(archive, sizeof(*archive)));
	memcpy(archive->header + 54, "000030D8", 8);
	assert_true(is_read(archive, sizeof(*archive)));
	free(archive);
}

static void a_bad_archive_is_refused(void **state)
{
	struct archive *archive;

	(void)state;
#define REFUSED(change) \
	(archive = good_archive(), change, assert_false(is_read(archive, sizeof(*archive))), free(archive))
	REFUSED(archive->header[0] = '1');
	REFUSED(archive->header[5] = '7');     /* the old format */
	REFUSED(archive->header[54] = 'g');    /* no number */
	REFUSED(archive->header[54] = '\x10'); /* a control character that a mask could make a digit */
	REFUSED(archive->header[54] = 'f');    /* 4 GiB */
	REFUSED(write_field(archive, 6, sizeof(archive->image) + sizeof(archive->pages) + 1));
	REFUSED(write_field(archive, 6, sizeof(archive->image) + sizeof(archive->pages) - 1));
	REFUSED(write_field(archive, 6, sizeof(archive->image) - 1));
	REFUSED(write_field(archive, 6, 0));
	REFUSED(write_field(archive, 11, 9));
	REFUSED(write_field(archive, 11, 11));
	REFUSED(archive->name[0] = 'x');
	REFUSED(archive->name[9] = 'x');
	REFUSED(archive->image.magic ^= 1);
	REFUSED(archive->image.segments[0].rights |= RIGHT_WRITE);
	REFUSED(archive->image.segments[ROOT_SEGMENTS_MAX - 1].rights = RIGHT_WRITE | RIGHT_EXECUTE);
	REFUSED(archive->image.segments[0].file_pages = FILE_PAGES);
	REFUSED(archive->image.segments[1].file_pages = ~0u);
	REFUSED(archive->image.segments[ROOT_SEGMENTS_MAX - 1].file_pages = 1);
	archive = good_archive();
	for (size_t bytes = 0; bytes < sizeof(*archive); bytes++)
		assert_false(is_read(archive, bytes));
	free(archive);
}

/* Whatever is accepted lies inside: is_read asserts it. */
static void damaged_archives_are_harmless(void **state)
{
	uint32_t accepted = 0;

	(void)state;
	srand(3);
	for (int round = 0; round < 20000; round++) {
		struct archive *archive = good_archive();

		for (int i = rand() % 4; i >= 0; i--)
			((unsigned char *)
				 archive)[(size_t)rand() % (HEADER_BYTES + 10 + sizeof(archive->image))] =
				(unsigned char)"0f\377\0a8"[rand() % 6];
		accepted += is_read(archive,
				    rand() % 8 == 0 ? (size_t)rand() % sizeof(*archive) : sizeof(*archive));
		free(archive);
	}
	assert_true(accepted > 1000 && accepted < 19000); /* both happen */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_archive_is_read),
		cmocka_unit_test(a_bad_archive_is_refused),
		cmocka_unit_test(damaged_archives_are_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
