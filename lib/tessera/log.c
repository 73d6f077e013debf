/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The log: one call to root for each line.  What stands in the message page is put back, so that a line can be logged
 * in the middle of preparing an answer.
 */
#include <tessera/runtime.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <tessera/proto/root.h>

#define LINE_MAX_BYTES 500u
#define LINE_WORDS ((LINE_MAX_BYTES + 7u) / 8u)

/* root has its own: it writes to the console. */
__attribute__((weak)) GENERAL_REGISTERS void log_bytes(enum log_level level, const char *text,
						       uint32_t length)
{
	struct msg_page *page = service_page();
	uint64_t *data = &page->words[MSG_REGISTER_WORDS];
	uint64_t saved[LINE_WORDS];
	uint32_t bytes = length < LINE_MAX_BYTES ? length : LINE_MAX_BYTES;
	uint32_t words = (bytes + 7u) / 8u;
	struct ipc_msg m = {.tag = MSG_TAG(ROOT_LOG, MSG_REGISTER_WORDS + words, 0), .w = {level, bytes}};

	for (uint32_t i = 0; i < words; i++)
		saved[i] = data[i];
	for (uint32_t i = 0; i < bytes; i++)
		((char *)data)[i] = text[i];
	(void)ts_call(SERVICE_CAP_LOG, &m, DEADLINE_NEVER);
	for (uint32_t i = 0; i < words; i++)
		data[i] = saved[i];
}

static void log_vector(enum log_level level, const char *format, va_list args)
{
	char text[LINE_MAX_BYTES + 1];
	int length = vsnprintf(text, sizeof(text), format, args);

	if (length > (int)LINE_MAX_BYTES)
		length = (int)LINE_MAX_BYTES;
	if (length > 0)
		log_bytes(level, text, (uint32_t)length);
}

/* Highest level that is sent: read from the command line once. */
static enum log_level highest_level(void)
{
	static int level = -1;

	if (level < 0)
		level = (int)service_option_number("loglevel", LOG_INFO);
	return (enum log_level)level;
}

void log_line(enum log_level level, const char *format, ...)
{
	va_list args;

	/* a trace is sent by those only who were asked for one */
	if (level > LOG_WARNING && level > highest_level() && level != LOG_STRACE)
		return;
	va_start(args, format);
	log_vector(level, format, args);
	va_end(args);
}

_Noreturn void service_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_vector(LOG_ERROR, format, args);
	va_end(args);
	_Exit(1);
}
