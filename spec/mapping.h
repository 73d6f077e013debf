/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Address spaces as lists of runs of mappings, and the page tables these cost.
 *
 * A table exists for each 2 MiB (level 0), 1 GiB (1) and 512 GiB (2) that hold a mapping, apart from large pages, which need no
 * level 0.  Tables come from what was donated to the VSpace; one is given back when something was cleared and it is empty.
 */
#pragma once

#include "model.h"

#define USER_PAGES (USER_TOP / SPEC_PAGE)

/* Frames first to first + count. */
struct frames {
	uint64_t first, count;
};
#define ALL_FRAMES ((struct frames){0, ~0ull})

bool spec_frames_hold(struct frames frames, uint64_t frame);

/* The run that maps va; NULL: none. */
struct spec_run *spec_run_at(struct spec_vspace *vspace, uint64_t va);
/* The first run that ends behind va, NULL: none. */
struct spec_run *spec_run_from(struct spec_vspace *vspace, uint64_t va);
/* Makes [va, end) free of mappings, whatever they are; kept ones too. */
void spec_runs_erase(struct spec_vspace *vspace, uint64_t va, uint64_t end);
/* Maps pages that are free. */
void spec_runs_add(struct spec_vspace *vspace, struct spec_run run);
/* The part of the run at va that lies before end, with va as its start. */
struct spec_run spec_run_part(const struct spec_run *run, uint64_t va, uint64_t end);

bool spec_has_table(const struct spec_vspace *vspace, uint32_t level, uint64_t va);
/* Makes the tables down to that level for va; a large page in the way of level 0 is split. E_NO_TABLE: those made stay. */
enum tessera_error spec_make_tables(struct spec_vspace *vspace, uint32_t level, uint64_t va);
/* The large page that covers va, if va is not its start, becomes 512 small ones. E_NO_TABLE. */
enum tessera_error spec_split_at(struct spec_vspace *vspace, uint64_t va);
/* The first page in [va, end) that maps one of those frames and is not kept; a large page counts as a whole. end: none. */
uint64_t spec_next_mapping(struct spec_vspace *vspace, uint64_t va, uint64_t end, struct frames frames);
/* Clears them all; a large page as a whole. */
void spec_clear_range(struct spec_vspace *vspace, uint64_t va, uint64_t end, struct frames frames);

/* vspace.c: for vspace_unmap and view_unmap. */
enum tessera_error spec_unmap_frames(struct spec *spec, struct spec_thread *self, uint64_t space,
				     struct frames frames, enum tessera_error error,
				     const struct spec_hint *hint);
