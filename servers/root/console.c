/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The log: lines with time and name, written to the kernel's log device.
 * The line is put together in the message page, where debug_write takes it from.
 */
#include "kept.h"
#include "root.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PREFIX_BYTES 48u
#define LINE_BYTES 512u

static uint64_t highest_level = LOG_INFO;

void console_set_level(uint64_t level)
{
	highest_level = level;
}

static char *line_buffer(void)
{
	return (char *)&((struct msg_page *)ROOT_MSG_PAGE_VA)->words[MSG_REGISTER_WORDS];
}

static const char *level_text(enum log_level level)
{
	static const char *const texts[] = {"error: ", "warning: ", "", "", ""};

	return level <= LOG_STRACE ? texts[level] : "";
}

void say_for(const char *name, enum log_level level, const char *text, uint32_t length)
{
	uint64_t us = time_now_ns() / 1000;
	char prefix[PREFIX_BYTES], *line = line_buffer();
	uint32_t count, room;

	if (level > highest_level && level != LOG_STRACE) /* sent only when it was asked for */
		return;
	if (level == LOG_STRACE)
		count = (uint32_t)snprintf(prefix, sizeof(prefix), "[strace %5lu.%06lu] ", us / 1000000,
					   us % 1000000);
	else
		count = (uint32_t)snprintf(prefix, sizeof(prefix), "[%5lu.%06lu] %.16s: %s", us / 1000000,
					   us % 1000000, name, level_text(level));
	room = MSG_DATA_BYTES - count - 1;
	length = length < room ? length : room;
	memmove(line + count, text, length);
	memcpy(line, prefix, count);
	line[count + length] = '\n';
	if (level != LOG_STRACE)
		kept_add(level, line, count + length + 1);
	(void)ts_debug_write(ROOT_CAP_CONSOLE, count + length + 1);
}

/* libc's standard error, and lib/tessera. */
void log_bytes(enum log_level level, const char *text, uint32_t length)
{
	say_for("root", level, text, length);
}

void say(enum log_level level, const char *format, ...)
{
	char text[LINE_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	say_for("root", level, text, (uint32_t)strlen(text));
}

void say_plain(const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line_buffer(), LINE_BYTES, format, args);
	va_end(args);
	line_buffer()[length] = '\n';
	(void)ts_debug_write(ROOT_CAP_CONSOLE, (uint64_t)length + 1);
}

_Noreturn void die(const char *format, ...)
{
	char text[LINE_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	say(LOG_ERROR, "%s", text);
	say_plain("tessera: panic: root cannot go on: %s", text);
	for (;;)
		(void)ts_machine_power_off(ROOT_CAP_MACHINE, 0);
}
