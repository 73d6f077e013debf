/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * the words of the kernel's command line that the architecture understands.  They are separated by blanks and
 * compared whole; what nobody asks for is ignored, for it may be root's.  The words: docs/hardware.md.
 */
#include "options.h"

static const char *cmdline = "";

void options_init(const char *text)
{
	cmdline = text;
}

bool has_option(const char *word)
{
	const char *at = cmdline;

	while (*at != '\0') { /* a word each round */
		const char *matched = word;

		while (*matched != '\0' && *at == *matched) {
			at++;
			matched++;
		}
		if (*matched == '\0' && (*at == ' ' || *at == '\0'))
			return true;
		while (*at != '\0' && *at != ' ')
			at++;
		while (*at == ' ')
			at++;
	}
	return false;
}
