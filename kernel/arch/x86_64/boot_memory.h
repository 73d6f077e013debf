/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: from the firmware's memory map to the ranges that the core hands to root.
 */
#pragma once

#include <boot_source.h>

#include "../../genarch/range_set.h"

struct boot_ranges {
	struct range_set ram;	 /* everything that is RAM, for counting */
	struct range_set free;	 /* what root may have */
	struct range_set device; /* what is not RAM and not the kernel's */
};

/* Sorts the map. Free RAM is without image, archive and the first MiB, and below 2^38 (object indices). */
void boot_memory_sort(struct boot_ranges *ranges, struct boot_source *source);
/* Opens the largest free range, as far as the boot tables map it, for frames_take; returns its place in free. */
uint32_t boot_memory_open(const struct boot_ranges *ranges);
