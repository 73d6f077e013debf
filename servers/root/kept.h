/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The last KEPT_BYTES of the log, for dmesg; each line behind its level as in Linux' log: "<6>[    0.062194] root: ...". */
#pragma once

#include <stdint.h>

#include <tessera/service.h>

#define KEPT_BYTES 32768u /* a power of two; LX_LOG_BYTES of the personality */

/* Adds a line, which ends with a newline; at most KEPT_BYTES / 2 bytes. */
void kept_add(enum log_level level, const char *line, uint32_t count);
/* Copies what is left from *position on (counted from the first byte ever added; an earlier one means the oldest whole line),
 * at most max bytes, and moves *position behind it; how many. */
uint32_t kept_read(uint64_t *position, char *to, uint32_t max);
