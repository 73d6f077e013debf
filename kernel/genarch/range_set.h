/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A bounded set of address ranges: sorted, disjoint, not touching.  Used at boot to turn a firmware's memory
 * map, which may overlap, be unaligned or be longer than the set, into what is free.
 *
 * A set that is full loses its smallest range: less memory, never wrong memory.  Pure; tested on the host.
 */
#pragma once

#include <hal.h>

struct range_set {
	struct boot_range ranges[BOOT_MAX_RANGES];
	uint32_t count;
	uint64_t lost_bytes; /* what had to be dropped because the set was full */
};

/* Adds [start, end); merges what overlaps or touches. An empty range changes nothing. */
void range_set_add(struct range_set *set, uint64_t start, uint64_t end);
/* Removes [start, end) from whatever covers it. */
void range_set_remove(struct range_set *set, uint64_t start, uint64_t end);
/* The sum of all ranges. */
uint64_t range_set_bytes(const struct range_set *set);
/* Shrinks every range to whole pages; drops what is empty then. */
void range_set_trim_to_pages(struct range_set *set);
