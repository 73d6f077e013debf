/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The boot-time allocator of physical frames: a bitmap, 64 frames a word, over one window of free RAM.  It
 * ends with boot: what it took is the kernel's for ever, the rest of the window is free RAM again.
 */
#pragma once

#include <hal.h>

/* Opens the window: at most FRAMES_MAX frames of the range, which must be mapped. */
#define FRAMES_MAX 4096u
void frames_open(struct boot_range range);
/* One zeroed frame; stops boot if there is none. */
paddr_t frame_allocate(void);
/* That many bytes in a row, in whole frames. */
void *frames_allocate(uint64_t bytes);
/* Ends it: what was taken. */
struct boot_range frames_close(void);
