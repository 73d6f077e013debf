/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The end of the log; see kept.h. A ring of bytes: positions count all that was ever added. */
#include "kept.h"

static char kept[KEPT_BYTES];
static uint64_t kept_end; /* bytes ever added */

static void add(const char *bytes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		kept[kept_end++ % KEPT_BYTES] = bytes[i];
}

/* syslog(2)'s levels: error, warning, information, debug. */
void kept_add(enum log_level level, const char *line, uint32_t count)
{
	static const char levels[][4] = {"<3>", "<4>", "<6>", "<7>", "<7>"};

	add(levels[level <= LOG_STRACE ? level : LOG_DEBUG], 3);
	add(line, count);
}

/* The oldest line that is whole: what lies before it may be another's rest. */
static uint64_t oldest(void)
{
	uint64_t at = kept_end > KEPT_BYTES ? kept_end - KEPT_BYTES + 1 : 0;

	while (at != 0 && at < kept_end && kept[(at - 1) % KEPT_BYTES] != '\n')
		at++;
	return at;
}

uint32_t kept_read(uint64_t *position, char *to, uint32_t max)
{
	uint64_t first = oldest();
	uint32_t count = 0;

	if (*position < first)
		*position = first;
	while (count < max && *position < kept_end)
		to[count++] = kept[(*position)++ % KEPT_BYTES];
	return count;
}
