/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the architecture gives to the code in this folder, while booting.
 */
#pragma once

#include <stdint.h>

/* Makes sure that a physical range can be read through phys_to_ptr; for firmware tables. */
void kernel_map_direct(uint64_t start, uint64_t end);
