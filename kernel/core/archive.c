/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Reading the boot archive: cpio in the "newc" format.
 * Source: the format's description in cpio(5) and Linux' Documentation/driver-api/early-userspace/buffer-format.rst.
 * Every length is checked against what is left; a malformed header ends the search.
 */
#include "boot.h"

#define HEADER_BYTES 110u
#define FIELD_FILE_BYTES 54u
#define FIELD_NAME_BYTES 94u

/* An eight-digit hexadecimal field; false: not one. */
static bool read_field(const unsigned char *text, uint64_t *out)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < 8; i++) {
		unsigned char c = text[i];

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint64_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value << 4 | (uint64_t)((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	*out = value;
	return true;
}

static bool is_magic(const unsigned char *header)
{
	static const unsigned char magic[5] = {'0', '7', '0', '7', '0'};

	for (uint32_t i = 0; i < sizeof(magic); i++) {
		if (header[i] != magic[i])
			return false;
	}
	return header[5] == '1' || header[5] == '2';
}

/* True if the bytes are the name with its end. */
static bool is_equal(const unsigned char *text, const char *name, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes; i++) {
		if (text[i] != (unsigned char)name[i])
			return false;
		if (name[i] == '\0')
			return i + 1 == bytes;
	}
	return false;
}

static uint64_t align4(uint64_t value)
{
	return (value + 3u) & ~3ull;
}

/* One header at *at: its name and data; *at is moved behind it. False: no header there. */
static bool next_file(const unsigned char *archive, uint64_t bytes, uint64_t *at, struct file_span *name,
		      struct file_span *data)
{
	const unsigned char *header = archive + *at;

	if (bytes - *at < HEADER_BYTES || !is_magic(header))
		return false;
	if (!read_field(header + FIELD_FILE_BYTES, &data->bytes) ||
	    !read_field(header + FIELD_NAME_BYTES, &name->bytes))
		return false;
	uint64_t name_at = *at + HEADER_BYTES;
	uint64_t data_at = align4(name_at + name->bytes);

	if (data_at > bytes || data->bytes > bytes - data_at)
		return false;
	name->data = archive + name_at;
	data->data = archive + data_at;
	*at = align4(data_at + data->bytes);
	return true;
}

struct file_span archive_find(const unsigned char *archive, uint64_t bytes, const char *name)
{
	struct file_span found = {0};
	uint64_t at = 0;

	while (at < bytes) { /* each round moves on by four bytes or a file */
		struct file_span path, data;

		if (next_file(archive, bytes, &at, &path, &data)) {
			if (is_equal(path.data, name, path.bytes))
				found = data;
		} else if (archive[at] == 0) {
			at += 4; /* padding between two archives */
		} else {
			break;
		}
	}
	return found;
}
