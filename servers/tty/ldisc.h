/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The line discipline: what a terminal does between the wire and its reader and writer.  Pure: no IPC, no time; what it
 * wants of the world it asks through struct ldisc_port.
 *
 * Input goes through ldisc_input (editing, echo, signals, flow control) into a ring of LDISC_BUFFER bytes; a line is
 * readable once it is complete, in raw mode each byte is.  Output goes through ldisc_write (post-processing) to the wire.
 * Follows Linux' n_tty in what a program can see.
 *
 * Invariants: tail <= canon_head <= head (as counters that only grow), head - tail <= LDISC_BUFFER; a mark stands on every
 * byte that ends a line; bytes in [canon_head, head) are the line being edited.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "termios.h"

#define LDISC_BUFFER 4096u

struct ldisc_port {
	/* Puts all bytes on the wire, or none (false): there is not that much room. */
	bool (*output)(void *context, const uint8_t *bytes, uint32_t count);
	/* Sends a signal to the foreground group. */
	void (*signal)(void *context, uint32_t signal);
	/* Throws away what has not left yet. */
	void (*flush_output)(void *context);
	/* The output is held (^S) or goes on. */
	void (*stopped)(void *context, bool is_stopped);
	void *context;
};

struct ldisc {
	struct tty_termios termios;
	struct ldisc_port port;
	uint32_t head, canon_head, tail;
	uint32_t column, canon_column; /* of the output; where the edited line began */
	bool lnext, is_stopped;
	bool is_erasing; /* ECHOPRT: erased characters are being shown after a backslash */
	uint8_t data[LDISC_BUFFER];
	uint64_t marks[LDISC_BUFFER / 64];
};

/* Sane settings (as a fresh terminal of Linux), empty. */
void ldisc_init(struct ldisc *ldisc, const struct ldisc_port *port);
/* New settings; what was typed becomes readable when canonical mode is left. */
void ldisc_set(struct ldisc *ldisc, const struct tty_termios *termios);

/* Bytes from the wire; how many were taken (fewer than count: a raw reader must read first). */
uint32_t ldisc_input(struct ldisc *ldisc, const uint8_t *bytes, uint32_t count);
/* Bytes a read could return now (canonical: of complete lines; an end-of-file mark counts). */
bool ldisc_is_readable(const struct ldisc *ldisc);
uint32_t ldisc_available(const struct ldisc *ldisc);
/* Bytes in the ring, of unfinished lines too. */
static inline uint32_t ldisc_held(const struct ldisc *ldisc)
{
	return ldisc->head - ldisc->tail;
}
/* Takes up to count bytes; canonical: at most one line, without the end-of-file mark (0: end of file). */
uint32_t ldisc_read(struct ldisc *ldisc, uint8_t *to, uint32_t count);
/* Post-processes and outputs; how many bytes were taken (fewer than count: no room on the wire). */
uint32_t ldisc_write(struct ldisc *ldisc, const uint8_t *bytes, uint32_t count);

void ldisc_flush_input(struct ldisc *ldisc);
/* Holds or releases the output, as ^S and ^Q do. */
void ldisc_stop(struct ldisc *ldisc, bool is_stopped);

static inline bool ldisc_is_canonical(const struct ldisc *ldisc)
{
	return (ldisc->termios.lflag & LF_ICANON) != 0;
}
