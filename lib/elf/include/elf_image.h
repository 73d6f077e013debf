/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Checks a static ELF64 program for x86_64 and lists its segments. Pure: no copying, no mapping.
 * Accepted images have page-disjoint segments inside [low, high), none writable and executable, all data inside the file.
 * Format: System V ABI, AMD64 supplement.
 */
#pragma once

#include <stdint.h>

#define ELF_MAX_SEGMENTS 8u
#define ELF_PAGE 4096u

enum elf_error {
	ELF_OK = 0,
	ELF_TRUNCATED,	   /* a header or segment goes past the file */
	ELF_NOT_ELF,	   /* not a little-endian ELF64 file of version 1 */
	ELF_WRONG_KIND,	   /* not ET_EXEC for x86_64, or with an interpreter */
	ELF_TOO_MANY,	   /* more than ELF_MAX_SEGMENTS, or none */
	ELF_BAD_SEGMENT,   /* file size above memory size, alignment, overflow, outside [low, high) */
	ELF_OVERLAP,	   /* two segments share a page */
	ELF_WRITE_EXECUTE, /* a segment is both */
	ELF_BAD_ENTRY,	   /* the entry lies in no executable segment */
};

struct elf_segment {
	uint64_t va, memory_bytes; /* as linked, not rounded */
	uint64_t file_offset, file_bytes;
	uint32_t rights; /* RIGHT_READ, RIGHT_WRITE, RIGHT_EXECUTE */
	uint32_t reserved;
};

struct elf_image {
	uint64_t entry;
	uint64_t header_va; /* where the program headers are mapped, for AT_PHDR; 0: nowhere */
	uint32_t header_count, header_bytes; /* number, size of one */
	uint32_t segment_count;
	uint32_t reserved;
	uint64_t low, high; /* page-aligned bounds of all segments */
	struct elf_segment segment[ELF_MAX_SEGMENTS];
};

/* file[0..bytes) is checked; *out is written only with ELF_OK. */
enum elf_error elf_check(const void *file, uint64_t bytes, uint64_t low, uint64_t high,
			 struct elf_image *out);
const char *elf_error_text(enum elf_error error);
