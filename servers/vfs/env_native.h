/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What only the native environment has. */
#pragma once

#include <stdbool.h>

void env_native_start(void);
/* Whether the processor has AVX2 and the kernel keeps its registers. */
bool env_native_has_avx2(void);
