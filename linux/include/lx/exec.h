/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the personality of a process hands to its successor at exec, beside the strings: its convention with itself, right
 * behind struct exec_area. proc and mem do not read it.
 */
#pragma once

#include "lx/lx.h"

/* Scratch slots of an exec: the new program's file until it takes the place of the old one, which waits
 * in LX_OLD_EXE and is deleted by proc. */
#define LX_NEW_EXE LX_SCRATCH(5u)
#define LX_OLD_EXE LX_SCRATCH(LX_SCRATCH_OLD_EXE)

#define LX_EXEC_STATE_OFFSET 64u
struct lx_exec_state {
	uint64_t used[LX_FD_MAX / 64]; /* descriptors that survive */
	uint64_t blocked, leaves;
	uint32_t umask, has_root;
	char name[16]; /* comm */
};
static_assert(sizeof(struct exec_area) <= LX_EXEC_STATE_OFFSET, "the state lies behind the header");

/* Reads up to 3,040 bytes of a file at an offset into the message page's data; the count, or a negative errno. */
long lx_file_read(cap_t file, uint64_t offset, uint32_t bytes);
/* Size and mode of a file. */
long lx_file_size(cap_t file, uint64_t *size, uint32_t *mode);
/* Opens a path for execution into a scratch slot. 0 or a negative errno. */
long lx_open_exec(const char *path, uint64_t length, cap_t start, cap_t destination, bool is_nofollow);
