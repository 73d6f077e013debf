/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The memory that boot takes: from the front of one range of free RAM, never given back.  Page tables, the CPUs' data and
 * stacks, root's first objects and image come from it; it ends with boot (docs/decisions/0013).
 */
#pragma once

#include <hal.h>

/* The range to take from, page aligned; phys_to_ptr must be able to reach it. */
void frames_open(struct boot_range range);
/* Zeroed memory in whole pages, aligned to the largest power of two that divides bytes, to a page at least. Panics if there is
 * no such memory left. */
void *frames_take(uint64_t bytes);
/* Ends it: where the rest of the range begins, a page. */
uint64_t frames_close(void);
