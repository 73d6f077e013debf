/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The generated table of calls, as the tracer sees it. kinds: one letter an argument, see tools/gen_syscalls.py. */
#pragma once

#include <stdint.h>

#define LX_HIDDEN __attribute__((visibility("hidden")))
struct lx_call_info {
	char name[24];
	char kinds[8];
};
LX_HIDDEN extern const struct lx_call_info lx_call_info[];
LX_HIDDEN extern const uint32_t lx_call_count;
