/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Memory of the vfs: the frames of region `cache`, and slabs of equal objects cut from such frames.
 *
 * A frame is named by its page index in the region; 0 is never handed out and means "none". The region's end is kept for
 * transfer windows, which must be contiguous; files and objects take frames from the rest.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FRAME_BYTES 4096u
#define FRAME_LOG2 12u
#define FRAME_RUN_SIZES 5u /* runs of 1, 2, 4, 8, 16 frames */

struct frame_counts {
	uint64_t total; /* frames for files and objects */
	uint64_t kept;	/* of these, never for contents of files */
	uint64_t used;
	uint64_t slab;	/* of these, in slabs */
	uint64_t tables; /* and in tables that grow with the highest index used, and stay */
	uint64_t windows_total, windows_used; /* frames for windows */
};

/* Takes over a region of `bytes` bytes, page aligned. */
void frames_init(void *base, uint64_t bytes);
/* A frame with unspecified contents; zeroed, for a piece of a table that is never freed; 0 when there is none. */
uint32_t frame_alloc(void);
uint32_t frame_alloc_table(void);
/* For contents of files: leaves the last frames to pipes and objects, so that a full disk stops nothing but writing. */
uint32_t frame_alloc_file(void);
/* False once only what is kept for pipes and open files is left: no new names, pipes get by with one frame. */
bool frames_have_room(void);
void frame_free(uint32_t frame);
extern uint8_t *frames_base;
static inline void *frame_address(uint32_t frame)
{
	return frames_base + ((uint64_t)frame << FRAME_LOG2);
}
/* 1 << order contiguous frames from the windows' part (zeroed), first index; 0: none. */
uint32_t frame_run_alloc(uint32_t order);
void frame_run_free(uint32_t first, uint32_t order);
struct frame_counts frames_count(void);

/* A cache of equal objects. size: at most 2,000 bytes, a multiple of 8. */
struct slab_page;
struct slab {
	uint32_t size;
	uint32_t used;		    /* live objects */
	struct slab_page *partial;  /* pages with free room */
	struct slab_page *empty;    /* one page kept for the next object */
};
#define SLAB_OF(type) {.size = (sizeof(type) + 7u) & ~7u}

/* An object with unspecified contents; NULL when no frame is left. */
void *slab_alloc(struct slab *slab);
void slab_free(struct slab *slab, void *object);

/* Copies and fills with the widest registers the machine has; regions do not overlap. */
void bytes_copy(void *to, const void *from, uint64_t bytes);
void bytes_zero(void *to, uint64_t bytes);
/* Lets the two above use 32-byte registers. */
void bytes_use_avx2(bool yes);
