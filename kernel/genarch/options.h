/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * boot options, words of the kernel's command line.
 */
#pragma once

#include <stdbool.h>

/* The command line, which stays where it is; once, before anybody asks. */
void options_init(const char *cmdline);
/* Whether the command line has the word, for instance "log=serial". */
bool has_option(const char *word);
