/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A kernel for mem's tests: address spaces as lists of mappings, and a CPU that accesses them. */
#pragma once

#include "space.h"

/* Counts down with each operation that may fail; at zero it fails. ~0: never. */
extern uint64_t fake_fail_in;
extern uint32_t fake_last_woken, fake_wakes;
extern uint64_t fake_dead_label;
/* Living fake address spaces. */
uint32_t fake_spaces(void);
/* Mapping of a page: rights, and the frame; 0: none. */
uint32_t fake_rights(const struct port_space *space, uint64_t page, frame_t *frame);
/* Asserts that space and fake tables agree (the invariant in space.h). */
void fake_check(struct space *space);
/* An access as a thread would make it: faults are served by space_fault. The bytes of the page, NULL: *why. */
uint8_t *fake_access(struct space *space, uint64_t page, enum access access, enum fault_result *why);
/* The pools of frames, the image, process pages; ends the test on failure. */
void fake_start(uint32_t ram_pages);
/* Frame of region cache. */
frame_t fake_cache_frame(uint32_t index);
