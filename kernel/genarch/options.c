/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * the words of the kernel's command line that the architecture understands.  They are separated by blanks and
 * compared whole; what nobody asks for is ignored, for it may be root's.  The words: docs/hardware.md.
 */
#include "options.h"

#include <tessera/types.h>

static char cmdline[BOOT_CMDLINE_BYTES];

void options_init(const char *text)
{
	for (uint32_t i = 0; i + 1 < BOOT_CMDLINE_BYTES && text[i] != '\0'; i++)
		cmdline[i] = text[i];
}

bool has_option(const char *word)
{
	uint32_t matched = 0;
	bool is_start = true;

	for (uint32_t i = 0; i < BOOT_CMDLINE_BYTES; i++) {
		bool is_end = cmdline[i] == ' ' || cmdline[i] == '\0';

		if (is_end && is_start && word[matched] == '\0')
			return true;
		if (cmdline[i] == '\0')
			return false;
		if (is_end) {
			is_start = true;
			matched = 0;
		} else if (is_start && word[matched] == cmdline[i]) {
			matched++;
		} else {
			is_start = false;
		}
	}
	return false;
}
