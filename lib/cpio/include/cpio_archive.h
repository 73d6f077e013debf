/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Reads a cpio archive of the newc format (magic 070701 or 070702), as Linux' initramfs: several archives may follow each
 * other, with zero padding between.  Nothing is copied; every length is checked against the archive's end.
 * Format: kernel.org, Documentation/driver-api/early-userspace/buffer-format.rst.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cpio_entry {
	const char *name; /* NUL-terminated, without leading "/" and "./"; "" or "." is the root */
	uint32_t name_length;
	uint32_t mode, uid, gid, nlink, mtime, ino;
	uint32_t dev_major, dev_minor, rdev_major, rdev_minor;
	const uint8_t *data;
	uint64_t bytes;
};

struct cpio_reader {
	const uint8_t *base;
	uint64_t bytes, at;
};

enum cpio_result { CPIO_END = 0, CPIO_ENTRY = 1, CPIO_MALFORMED = -1 };

struct cpio_reader cpio_open(const void *base, uint64_t bytes);
/* The next entry; trailers are skipped. After CPIO_MALFORMED the reader stands still. */
enum cpio_result cpio_next(struct cpio_reader *reader, struct cpio_entry *out);
/* The last file with that name (later archives win). */
bool cpio_find(const void *base, uint64_t bytes, const char *name, struct cpio_entry *out);
