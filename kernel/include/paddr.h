/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A physical address.  A struct, so that it is never mixed up with a virtual one. */
#pragma once

#include <stdint.h>

typedef struct {
	uint64_t raw;
} paddr_t;
