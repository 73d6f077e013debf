/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* See cpio_archive.h. */
#include <cpio_archive.h>

#include <string.h>

#define HEADER_BYTES 110u
#define FIELDS 13u

enum {
	INO,
	MODE,
	UID,
	GID,
	NLINK,
	MTIME,
	FILESIZE,
	DEVMAJOR,
	DEVMINOR,
	RDEVMAJOR,
	RDEVMINOR,
	NAMESIZE,
	CHECK
};

struct cpio_reader cpio_open(const void *base, uint64_t bytes)
{
	return (struct cpio_reader){.base = base, .bytes = bytes};
}

#define EACH_BYTE 0x0101010101010101ull

/* Eight hexadecimal digits of either case, all at once: the archive is read several times during boot. */
static bool read_hex8(const uint8_t *text, uint32_t *out)
{
	uint64_t chars, letters, digits, above_9;

	memcpy(&chars, text, sizeof(chars));
	letters = chars >> 6 & EACH_BYTE;
	digits = (chars & 0x0f * EACH_BYTE) + 9 * letters;
	above_9 = (digits + 0x76 * EACH_BYTE) >> 7 & EACH_BYTE;
	/* valid if they are what these digits look like in lower case */
	if ((digits & 0xf0 * EACH_BYTE) != 0 ||
	    (chars | letters << 5) != digits + '0' * EACH_BYTE + ('a' - '9' - 1) * above_9)
		return false;
	digits = __builtin_bswap64(digits); /* the first digit is the highest */
	digits = (digits | digits >> 4) & 0x00ff00ff00ff00ffull;
	digits = (digits | digits >> 8) & 0x0000ffff0000ffffull;
	*out = (uint32_t)(digits | digits >> 16);
	return true;
}

static bool read_header(const uint8_t *header, uint32_t *fields)
{
	if (memcmp(header, "070701", 6) != 0 && memcmp(header, "070702", 6) != 0)
		return false;
	for (uint32_t i = 0; i < FIELDS; i++) {
		if (!read_hex8(header + 6 + i * 8, &fields[i]))
			return false;
	}
	return true;
}

static uint64_t align4(uint64_t value)
{
	return (value + 3) & ~3ull;
}

static void strip_prefix(struct cpio_entry *entry)
{
	while (entry->name[0] == '/' || (entry->name[0] == '.' && entry->name[1] == '/')) {
		uint32_t skip = entry->name[0] == '/' ? 1 : 2;

		entry->name += skip;
		entry->name_length -= skip;
	}
}

/* One entry at reader->at, trailers included. */
static enum cpio_result read_entry(struct cpio_reader *reader, struct cpio_entry *out)
{
	uint32_t f[FIELDS] = {0};
	uint64_t left = reader->bytes - reader->at, data_at;

	if (left < HEADER_BYTES || !read_header(reader->base + reader->at, f))
		return CPIO_MALFORMED;
	data_at = align4(HEADER_BYTES + (uint64_t)f[NAMESIZE]);
	if (f[NAMESIZE] == 0 || data_at > left || f[FILESIZE] > left - data_at)
		return CPIO_MALFORMED;
	*out = (struct cpio_entry){
		.name = (const char *)reader->base + reader->at + HEADER_BYTES,
		.name_length = f[NAMESIZE] - 1,
		.mode = f[MODE],
		.uid = f[UID],
		.gid = f[GID],
		.nlink = f[NLINK],
		.mtime = f[MTIME],
		.ino = f[INO],
		.dev_major = f[DEVMAJOR],
		.dev_minor = f[DEVMINOR],
		.rdev_major = f[RDEVMAJOR],
		.rdev_minor = f[RDEVMINOR],
		.data = reader->base + reader->at + data_at,
		.bytes = f[FILESIZE],
	};
	if (memchr(out->name, '\0', f[NAMESIZE]) != out->name + out->name_length)
		return CPIO_MALFORMED;
	reader->at += align4(data_at + f[FILESIZE]);
	if (reader->at > reader->bytes)
		reader->at = reader->bytes;
	return CPIO_ENTRY;
}

enum cpio_result cpio_next(struct cpio_reader *reader, struct cpio_entry *out)
{
	for (;;) {
		enum cpio_result result;

		while (reader->at < reader->bytes && reader->base[reader->at] == 0)
			reader->at++;
		if (reader->at == reader->bytes)
			return CPIO_END;
		result = read_entry(reader, out);
		if (result != CPIO_ENTRY)
			return result;
		if (strcmp(out->name, "TRAILER!!!") == 0)
			continue;
		strip_prefix(out);
		return CPIO_ENTRY;
	}
}

bool cpio_find(const void *base, uint64_t bytes, const char *name, struct cpio_entry *out)
{
	struct cpio_reader reader = cpio_open(base, bytes);
	struct cpio_entry entry;
	bool found = false;

	while (cpio_next(&reader, &entry) == CPIO_ENTRY) {
		if (strcmp(entry.name, name) != 0)
			continue;
		*out = entry;
		found = true;
	}
	return found;
}
