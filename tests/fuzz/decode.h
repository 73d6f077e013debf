/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* From bytes to events: a record of DECODE_RECORD bytes is one event; at most DECODE_MAX of them are looked at. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DECODE_RECORD 12u
#define DECODE_MAX 400u

/* Runs one input from the beginning. */
void decode_run(const uint8_t *data, size_t size);

/* boot.c: an input that begins with this mark is a machine to boot. */
#define BOOT_MARK "BOOT"
bool boot_is_input(const uint8_t *data, size_t size);
void boot_run(const uint8_t *data, size_t size);

/* replay.c: the same for an input that is text; such a one begins with the mark. */
#define REPLAY_MARK "# events"
bool replay_is_text(const uint8_t *data, size_t size);
void replay_run(const uint8_t *data, size_t size);
