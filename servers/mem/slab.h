/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Small objects of one size each, cut from frames of mem's own RAM.  A page whose objects are all free goes back (but for
 * the slab's only one), so that usage() after any load is what it was before.  Objects come uninitialised.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slab_page;

struct slab {
	uint32_t object_bytes; /* a multiple of 8, at most 2000 */
	uint32_t pages;
	uint64_t used;
	struct slab_page *partial; /* pages with free objects, doubly linked */
};

#define SLAB_INIT(type) {.object_bytes = (uint32_t)((sizeof(type) + 7u) & ~7u)}

/* An object with undefined content, or NULL when no frame is left. */
void *slab_alloc(struct slab *slab);
void slab_free(struct slab *slab, void *object);
