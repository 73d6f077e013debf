/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What only the native environment has. */
#pragma once

#include <stdbool.h>

void env_native_start(void);
/* Whether the kernel keeps the 32-byte registers. */
bool env_native_has_avx(void);
