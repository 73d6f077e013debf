/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The kernel's log: one line an event, `level text key=value ...`, to the debug console.
 * No formats and no varargs: a line is a text and named numbers, printed in hexadecimal.
 *
 *   LOG(LOG_WARN, "thread suspended after a fault", F("address", address), F("ip", ip));
 */
#pragma once

#include <stdint.h>

#include <compiler.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO };

struct log_field {
	const char *key;
	uint64_t value;
};

#define F(key, value) {(key), (uint64_t)(value)}
#define LOG(level, text, ...)                                                      \
	log_line((level), (text), (const struct log_field[]){{0, 0}, __VA_ARGS__}, \
		 (uint32_t)(sizeof((struct log_field[]){{0, 0}, __VA_ARGS__}) / sizeof(struct log_field)))

/* Prints one line; fields[0] is a place holder and not printed. */
void log_line(enum log_level level, const char *text, const struct log_field *fields, uint32_t count);
/* Parts of a line, for reports; a number in decimal with the text that follows it. */
void log_text(const char *text);
void log_hex(uint64_t value);
void log_decimal(uint64_t value, const char *unit);
