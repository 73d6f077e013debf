/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Starting root: used by main.c only, ends with boot. */
#pragma once

#include <hal.h>
#include <memory.h>

/* ---- archive.c: newc cpio ---- */

struct file_span {
	const unsigned char *data; /* NULL: no such file */
	uint64_t bytes;
};
/* The file of that name; of several the last. The archive may be several cpios one after the other. */
struct file_span archive_find(const unsigned char *archive, uint64_t bytes, const char *name);

/* ---- elf.c: static ELF64 ---- */

struct elf_segment {
	uint64_t va, offset, file_bytes, memory_bytes;
	uint32_t rights; /* RIGHT_* */
};
#define ELF_SEGMENTS_MAX 8u
struct elf_image {
	uint64_t entry;
	uint64_t header_va; /* of the program headers; 0: not loaded */
	uint32_t header_count, segment_count;
	struct elf_segment segments[ELF_SEGMENTS_MAX];
};
/* Checks an ELF file completely: every segment lies in the file and in the user half, none is writable and executable. */
MUST_CHECK bool elf_read(struct file_span file, struct elf_image *out);
