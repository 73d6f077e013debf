/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The kernel's log, over arch_debug_write. No state, no buffering: what is printed is out. */
#include <hal.h>
#include <log.h>

void log_text(const char *text)
{
	size_t length = 0;

	while (text[length] != '\0') /* bounded: constant texts of the kernel */
		length++;
	arch_debug_write(text, length);
}

void log_hex(uint64_t value)
{
	char digits[18] = "0x";
	uint32_t count = 1;

	while (count < 16 && value >> (4u * count) != 0)
		count++;
	for (uint32_t i = 0; i < count; i++)
		digits[2 + i] = "0123456789abcdef"[(value >> (4u * (count - 1 - i))) & 15u];
	arch_debug_write(digits, 2u + count);
}

void log_decimal(uint64_t value, const char *unit)
{
	char digits[20];
	uint32_t at = sizeof(digits);

	do { /* at most 20 digits */
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	arch_debug_write(digits + at, sizeof(digits) - at);
	log_text(unit);
}

void log_line(enum log_level level, const char *text, const struct log_field *fields, uint32_t count)
{
	static const char *const names[] = {"error: ", "warning: ", ""};

	log_text("kernel: ");
	log_text(names[level]);
	log_text(text);
	for (uint32_t i = 1; i < count; i++) {
		log_text(" ");
		log_text(fields[i].key);
		log_text("=");
		log_hex(fields[i].value);
	}
	log_text("\n");
}
