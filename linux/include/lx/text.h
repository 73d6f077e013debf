/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A line of text being built: for strace, panics, decimal names. What does not fit is dropped. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define LX_TEXT_BYTES 480u
struct lx_text {
	uint32_t length;
	char bytes[LX_TEXT_BYTES];
};

static inline void text_start(struct lx_text *t)
{
	t->length = 0;
}

static inline void text_char(struct lx_text *t, char c)
{
	if (t->length < LX_TEXT_BYTES)
		t->bytes[t->length++] = c;
}

static inline void text_string(struct lx_text *t, const char *s)
{
	while (*s != '\0')
		text_char(t, *s++);
}

static inline void text_base(struct lx_text *t, uint64_t value, uint32_t base)
{
	char digits[24];
	uint32_t n = 0;
	do {
		uint32_t digit = (uint32_t)(value % base);
		digits[n++] = (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
		value /= base;
	} while (value != 0);
	while (n > 0)
		text_char(t, digits[--n]);
}

static inline void text_number(struct lx_text *t, int64_t value)
{
	if (value < 0)
		text_char(t, '-');
	text_base(t, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10);
}

static inline void text_hex(struct lx_text *t, uint64_t value)
{
	text_string(t, "0x");
	text_base(t, value, 16);
}
