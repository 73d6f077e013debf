/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* x86_64: floating-point state; see fpu.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Chooses the state components and turns them on. After cpu_enable. */
void fpu_init(void);
/* Turns them on, on another CPU than the one that chose. */
void fpu_enable(void);
/* XCR0, and the bytes its area takes; 0 and 512 without XSAVE. */
uint64_t fpu_components(void);
size_t fpu_area_bytes(void);
/* string.S: pages are zeroed with AVX. */
extern bool zero_by_vector;
