/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The form of boot/root, the first file of the boot archive: the first program's memory, laid out in whole pages, so that
 * the kernel copies and maps pages and knows neither an executable's format nor what a stack begins with.
 * tools/tessera_tool/root_image.py makes it from an ELF file; kernel/core/root_image.c checks it.
 *
 * struct root_image, then the pages of segment 0, of segment 1 and so on, without gaps.
 */
#pragma once

#include <assert.h>
#include <stdint.h>

struct root_segment {
	uint64_t va;	     /* of its first page */
	uint32_t pages;	     /* in memory; 0: the segment is not used */
	uint32_t file_pages; /* the first of them, which the file has; the others are zero */
	uint32_t rights;     /* RIGHT_*; not both write and execute */
	uint32_t reserved;
};

#define ROOT_IMAGE_MAGIC 0x31474d4941525354ull /* "TSRAIMG1" */
#define ROOT_SEGMENTS_MAX 8u
struct root_image {
	uint64_t magic; /* ROOT_IMAGE_MAGIC */
	uint64_t ip,
		sp; /* where it starts, and its stack then: argc, argv, envp and auxv as Linux has them */
	struct root_segment segments[ROOT_SEGMENTS_MAX];
};
static_assert(sizeof(struct root_image) == 216, "root_image.py packs this");
