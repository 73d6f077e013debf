/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Objects: memory that several areas can map.  Three kinds:
 *   file     frames of region cache, supplied by vfs, which decides over them; made and ended by vfs (windows too)
 *   shared   anonymous shared memory; zeroed frames of mem's on demand; ends with its last area
 *   image    the personality's image; for ever
 * An object that mem owns the frames of (shared, image) holds one reference to each.
 */
#pragma once

#include "area.h"
#include "pages.h"

enum object_kind { OBJECT_FILE, OBJECT_SHARED, OBJECT_IMAGE };

#define OBJECT_WINDOW 1u /* flag of object_create */

struct object {
	struct tree_node node; /* key: id; only of file objects */
	enum object_kind kind;
	uint32_t flags;
	uint32_t area_count;	  /* areas that map it */
	uint32_t writable_shared; /* of those, shared ones that may write */
	struct area *areas;	  /* ring's first */
	uint64_t name;
	uint64_t pages_end; /* pages the object has: size rounded up */
	struct pages pages;
};

/* A file object; NULL: no memory. */
struct object *object_create(uint64_t size_bytes, uint32_t flags, uint64_t name);
/* An object of another kind, without an id. */
struct object *object_create_internal(enum object_kind kind, uint64_t pages);
/* A file object by its id; NULL: none. */
struct object *object_by_id(uint32_t id);
static inline uint32_t object_id(const struct object *object)
{
	return (uint32_t)object->node.key;
}
/* Frame of a page, FRAME_NONE if absent. */
frame_t object_frame(struct object *object, uint64_t page);
/* Puts a frame at a page that has none (a frame of mem's: with the caller's reference). False: no memory. */
bool object_set_frame(struct object *object, uint64_t page, frame_t frame);
/* Ends an object no area maps; its frames are put. */
void object_destroy(struct object *object);
/* New size: shrinking unmaps what lies behind the end in every area and forgets the frames. */
void object_resize(struct object *object, uint64_t size_bytes);

/* An area begins / ceases to map its area->object; the last area of a shared object ends it. */
void object_attach(struct area *area);
void object_detach(struct area *area);

uint64_t objects_used(void);
