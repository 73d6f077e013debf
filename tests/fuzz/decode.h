/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* From bytes to events: a record of DECODE_RECORD bytes is one event; at most DECODE_MAX of them are looked at. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define DECODE_RECORD 12u
#define DECODE_MAX 400u

/* Runs one input from the beginning. */
void decode_run(const uint8_t *data, size_t size);
