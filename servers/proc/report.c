/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a personality has to say about its end goes into the log, whoever looks: signals that a program's own fault caused, and
 * panics. A program can cause as many as it likes, so the lines are rationed, all processes together: REPORT_BURST at once,
 * then one each REPORT_REFILL_NS; the next line that passes says how many did not.
 */
#include "proc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <tessera/proto/proc_server.h>
#include <tessera/service.h>

#define REPORT_BURST 20u
#define REPORT_REFILL_NS 1000000000ull

static uint32_t lines_left;
static uint64_t refilled_ns, suppressed;

void report_init(void)
{
	lines_left = REPORT_BURST;
	refilled_ns = now_ns();
	suppressed = 0;
}

static bool take_line(void)
{
	uint64_t more = (now_ns() - refilled_ns) / REPORT_REFILL_NS;
	refilled_ns += more * REPORT_REFILL_NS;
	lines_left = more < REPORT_BURST - lines_left ? lines_left + (uint32_t)more : REPORT_BURST;
	if (lines_left == 0) {
		suppressed++;
		return false;
	}
	lines_left--;
	return true;
}

void report_line(const struct process *p, const char *format, ...)
{
	char text[REPORT_BYTES + 1];
	va_list arguments;
	if (!take_line())
		return;
	if (suppressed != 0)
		log_line(LOG_WARNING, "%lu lines about processes were left out", (unsigned long)suppressed);
	suppressed = 0;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	log_line(LOG_WARNING, "pid %u (%s): %s", p->pid, p->name, text);
}

int proc_on_report(struct request *rq, const struct proc_report_in *in, struct proc_report_out *out)
{
	(void)out;
	const struct process *p = process_by_label(rq->label);
	char text[REPORT_BYTES + 1];
	if (p == NULL)
		return ESRCH;
	uint32_t length = in->data_len < REPORT_BYTES ? in->data_len : REPORT_BYTES;
	memcpy(text, proc_report_in_data(rq->page), length);
	text[length] = '\0';
	for (uint32_t i = 0; i < length; i++)
		if (text[i] < ' ' || text[i] > '~') /* it could play with the terminal of who reads the log */
			text[i] = '?';
	report_line(p, "%s", text);
	return 0;
}
