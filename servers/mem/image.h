/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The personality's image: read once from its ELF file into an object whose frames all processes share (text, constants)
 * or copy (data).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <tessera/personality.h>

#include "object.h"

#define IMAGE_SEGMENTS 8u

struct image_segment {
	uint64_t first_page, pages; /* from the image's base */
	uint32_t prot;
	bool is_anonymous; /* bss: zeroed */
};

struct image {
	struct object *object;
	frame_t first_frame; /* frames of the image's pages, consecutive */
	uint64_t pages;	     /* from the base to the end of bss */
	uint32_t segments;
	struct image_segment segment[IMAGE_SEGMENTS];
	struct personality_entries entries;
};

extern struct image image;

/* Reads the ELF file; NULL, or what is wrong with it. */
const char *image_load(const void *file, size_t bytes);
