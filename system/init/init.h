/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * pid 1: what the host tool asked for (options and program), and the terminals.
 *
 * An ordinary static Linux program; it holds nothing that another program could not have.
 */
#pragma once

#include <stdbool.h>

#define OPTIONS_PATH "/etc/tessera/options" /* lines key=value, written by ./tessera run */
#define RUN_PATH "/etc/tessera/run" /* argv of the program, each word ended by NUL; absent: the shell */
#define ARGUMENTS_MAX 1024
#define READY_BYTE "\005" /* ENQ on the console: terminals are set up; ./tessera takes it out of the output */

struct options {
	bool is_plain; /* tty=plain: no echo, no signals, no translation of line ends; input still by lines */
	bool is_awaited;	/* sync=1: the host sends input only after a READY_BYTE */
	bool has_error_console; /* stderr=ttyS1 */
	unsigned short rows, columns;
	char term[32];
	char **argv; /* NULL: the shell */
};

/* Reads both files; what is missing or unreadable keeps its default. */
void options_read(struct options *options);

/* Opens the terminals as descriptors 0, 1 and 2 and sets them up. False: there is no terminal. */
bool terminal_open(const struct options *options);
/* In a new session: makes descriptor 0 its controlling terminal. */
void terminal_take(void);
/* Waits until everything written has left. */
void terminal_drain(void);
