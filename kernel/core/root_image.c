/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Reading the beginning of the boot archive, a cpio in the "newc" format.  It may be damaged: every length is checked
 * against what there is before anything behind it is read.
 * Source: cpio(5), and Linux' Documentation/driver-api/early-userspace/buffer-format.rst.
 */
#include "root_image.h"

#define FILE_BYTES_AT 54u
#define NAME_BYTES_AT 94u
#define NAME_AT 110u
#define NAME_BYTES 10u			/* "boot/root" with its end */
#define IMAGE_AT (NAME_AT + NAME_BYTES) /* a file's data is aligned to four bytes, as this is */
#define NO_NUMBER ~0ull

/* An eight-digit hexadecimal field, or NO_NUMBER. */
static uint64_t read_field(const unsigned char *text)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < 8; i++) {
		unsigned char c = text[i], letter = c | 0x20;

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint64_t)(c - '0');
		else if (letter >= 'a' && letter <= 'f')
			value = value << 4 | (uint64_t)(letter - 'a' + 10);
		else
			return NO_NUMBER;
	}
	return value;
}

static bool is_equal(const unsigned char *bytes, const char *text, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (bytes[i] != (unsigned char)text[i])
			return false;
	}
	return true;
}

/* The bytes of the first file, if that is boot/root and has at least a header; else 0. */
static uint64_t file_bytes(const unsigned char *archive, uint64_t bytes)
{
	if (bytes < IMAGE_AT + sizeof(struct root_image) || !is_equal(archive, "070701", 6) ||
	    read_field(archive + NAME_BYTES_AT) != NAME_BYTES ||
	    !is_equal(archive + NAME_AT, "boot/root", NAME_BYTES))
		return 0;
	uint64_t size = read_field(archive + FILE_BYTES_AT);

	return size >= sizeof(struct root_image) && size <= bytes - IMAGE_AT ? size : 0;
}

const unsigned char *root_image_read(const unsigned char *archive, uint64_t bytes, struct root_image *out)
{
	uint64_t size = file_bytes(archive, bytes), pages = 0;

	if (size == 0)
		return NULL;
	arch_copy(out, archive + IMAGE_AT, sizeof(*out));
	for (uint32_t i = 0; i < ROOT_SEGMENTS_MAX; i++) {
		if ((out->segments[i].rights & RIGHT_WRITE) && (out->segments[i].rights & RIGHT_EXECUTE))
			return NULL;
		pages += out->segments[i].file_pages;
	}
	if (out->magic != ROOT_IMAGE_MAGIC || pages > (size - sizeof(*out)) / PAGE_SIZE)
		return NULL;
	return archive + IMAGE_AT + sizeof(*out);
}
