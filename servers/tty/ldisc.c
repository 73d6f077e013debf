/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Line discipline: the input ring, reading, and what each input byte does. Echo and output: ldisc_output.c. */
#include "ldisc_internal.h"

#include <string.h>

#define DISABLED 0u /* a control character of 0 is off; also the byte that stands for ^D in the ring */

static uint8_t cc(const struct ldisc *ldisc, uint32_t which)
{
	return ldisc->termios.cc[which];
}

static bool is_cc(const struct ldisc *ldisc, uint8_t byte, uint32_t which)
{
	return cc(ldisc, which) != DISABLED && byte == cc(ldisc, which);
}

/* ---- the ring ---- */

static bool is_marked(const struct ldisc *ldisc, uint32_t at)
{
	at %= LDISC_BUFFER;
	return (ldisc->marks[at / 64] >> (at % 64)) & 1;
}

static void set_mark(struct ldisc *ldisc, uint32_t at, bool value)
{
	at %= LDISC_BUFFER;
	if (value)
		ldisc->marks[at / 64] |= 1ull << (at % 64);
	else
		ldisc->marks[at / 64] &= ~(1ull << (at % 64));
}

static uint32_t room(const struct ldisc *ldisc)
{
	return LDISC_BUFFER - (ldisc->head - ldisc->tail);
}

static void put(struct ldisc *ldisc, uint8_t byte, bool marked)
{
	ldisc->data[ldisc->head % LDISC_BUFFER] = byte;
	set_mark(ldisc, ldisc->head, marked);
	ldisc->head++;
}

void ldisc_flush_input(struct ldisc *ldisc)
{
	ldisc->tail = ldisc->canon_head = ldisc->head;
	ldisc->lnext = ldisc->is_erasing = false;
}

void ldisc_init(struct ldisc *ldisc, const struct ldisc_port *port)
{
	static const uint8_t defaults[TTY_CC_COUNT] = {
		[CC_INTR] = 3,	   [CC_QUIT] = 28,   [CC_ERASE] = 127, [CC_KILL] = 21, [CC_EOF] = 4,
		[CC_MIN] = 1,	   [CC_START] = 17,  [CC_STOP] = 19,   [CC_SUSP] = 26, [CC_REPRINT] = 18,
		[CC_DISCARD] = 15, [CC_WERASE] = 23, [CC_LNEXT] = 22,
	};

	memset(ldisc, 0, sizeof(*ldisc));
	ldisc->port = *port;
	ldisc->termios = (struct tty_termios){
		.iflag = IF_ICRNL | IF_IXON | IF_IUTF8,
		.oflag = OF_OPOST | OF_ONLCR,
		.cflag = CF_DEFAULT,
		.lflag = LF_ISIG | LF_ICANON | LF_ECHO | LF_ECHOE | LF_ECHOK | LF_ECHOCTL | LF_ECHOKE |
			 LF_IEXTEN,
	};
	memcpy(ldisc->termios.cc, defaults, sizeof(defaults));
}

void ldisc_set(struct ldisc *ldisc, const struct tty_termios *termios)
{
	bool was_canonical = ldisc_is_canonical(ldisc);

	ldisc->termios = *termios;
	ldisc->lnext = false;
	if (was_canonical != ldisc_is_canonical(ldisc)) {
		/* What is there counts as one line for a canonical reader that comes now, and as bytes for a raw one. */
		if (ldisc->head != ldisc->tail && !was_canonical)
			set_mark(ldisc, ldisc->head - 1, true);
		ldisc->canon_head = ldisc->head;
	}
	if ((termios->iflag & IF_IXON) == 0 && ldisc->is_stopped)
		ldisc_stop(ldisc, false);
}

/* ---- reading ---- */

bool ldisc_is_readable(const struct ldisc *ldisc)
{
	return ldisc_is_canonical(ldisc) ? ldisc->canon_head != ldisc->tail : ldisc->head != ldisc->tail;
}

uint32_t ldisc_available(const struct ldisc *ldisc)
{
	uint32_t count = (ldisc_is_canonical(ldisc) ? ldisc->canon_head : ldisc->head) - ldisc->tail;
	uint32_t ends = 0;

	if (!ldisc_is_canonical(ldisc))
		return count;
	for (uint32_t i = 0; i < count; i++)
		ends += is_marked(ldisc, ldisc->tail + i) &&
			ldisc->data[(ldisc->tail + i) % LDISC_BUFFER] == DISABLED;
	return count - ends;
}

static uint32_t read_line(struct ldisc *ldisc, uint8_t *to, uint32_t count)
{
	uint32_t done = 0;

	while (ldisc->tail != ldisc->canon_head) {
		uint8_t byte = ldisc->data[ldisc->tail % LDISC_BUFFER];
		bool marked = is_marked(ldisc, ldisc->tail);

		if (marked && byte == DISABLED) {
			ldisc->tail++;
			break;
		}
		if (done == count)
			break;
		to[done++] = byte;
		ldisc->tail++;
		if (marked)
			break;
	}
	return done;
}

uint32_t ldisc_read(struct ldisc *ldisc, uint8_t *to, uint32_t count)
{
	uint32_t done = 0;

	if (ldisc_is_canonical(ldisc))
		return read_line(ldisc, to, count);
	while (done < count && ldisc->tail != ldisc->head)
		to[done++] = ldisc->data[ldisc->tail++ % LDISC_BUFFER];
	if ((int32_t)(ldisc->canon_head - ldisc->tail) < 0)
		ldisc->canon_head = ldisc->tail;
	return done;
}

/* ---- editing ---- */

static bool is_continuation(const struct ldisc *ldisc, uint8_t byte)
{
	return (ldisc->termios.iflag & IF_IUTF8) != 0 && (byte & 0xc0u) == 0x80u;
}

static bool is_word(uint8_t byte)
{
	return (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') ||
	       byte == '_' || byte >= 0x80;
}

/* Where the last character of the edited line begins. */
static uint32_t last_character(const struct ldisc *ldisc)
{
	uint32_t at = ldisc->head - 1;

	while (at != ldisc->canon_head && is_continuation(ldisc, ldisc->data[at % LDISC_BUFFER]))
		at--;
	return at;
}

/* ECHOPRT: what is erased is printed, between a backslash and a slash. */
static void echo_erased(struct ldisc *ldisc, uint32_t at, uint32_t end)
{
	if (!ldisc->is_erasing)
		echo_raw(ldisc, '\\');
	ldisc->is_erasing = true;
	echo_character(ldisc, ldisc->data[at % LDISC_BUFFER]);
	while (++at != end)
		echo_raw(ldisc, ldisc->data[at % LDISC_BUFFER]);
}

static void finish_erasing(struct ldisc *ldisc)
{
	if (ldisc->is_erasing)
		echo_raw(ldisc, '/');
	ldisc->is_erasing = false;
}

/* Takes the last character off the line, and off the screen. */
static void erase_character(struct ldisc *ldisc)
{
	uint32_t end = ldisc->head, at = last_character(ldisc), flags = ldisc->termios.lflag;

	ldisc->head = at;
	if ((flags & LF_ECHO) && (flags & LF_ECHOPRT))
		echo_erased(ldisc, at, end);
	else if (flags & LF_ECHO)
		echo_erase(ldisc, ldisc->data[at % LDISC_BUFFER]);
}

static void erase_word(struct ldisc *ldisc)
{
	bool has_word = false;

	while (ldisc->head != ldisc->canon_head) {
		bool word = is_word(ldisc->data[last_character(ldisc) % LDISC_BUFFER]);

		if (has_word && !word)
			return;
		has_word |= word;
		erase_character(ldisc);
	}
}

static void kill_line(struct ldisc *ldisc)
{
	uint32_t flags = ldisc->termios.lflag;

	if ((flags & LF_ECHO) && (flags & LF_ECHOK) && (flags & LF_ECHOKE) && (flags & LF_ECHOE)) {
		while (ldisc->head != ldisc->canon_head)
			erase_character(ldisc);
		return;
	}
	ldisc->head = ldisc->canon_head;
	if (flags & LF_ECHO) {
		finish_erasing(ldisc);
		echo_character(ldisc, cc(ldisc, CC_KILL));
		if (flags & LF_ECHOK)
			echo_raw(ldisc, '\n');
	}
}

static void erase(struct ldisc *ldisc, uint8_t byte)
{
	if (ldisc->head == ldisc->canon_head)
		return;
	if (is_cc(ldisc, byte, CC_KILL))
		kill_line(ldisc);
	else if (is_cc(ldisc, byte, CC_ERASE))
		erase_character(ldisc);
	else
		erase_word(ldisc);
	if (ldisc->head == ldisc->canon_head && (ldisc->termios.lflag & LF_ECHO))
		finish_erasing(ldisc);
}

static void reprint(struct ldisc *ldisc)
{
	finish_erasing(ldisc);
	echo_character(ldisc, cc(ldisc, CC_REPRINT));
	echo_raw(ldisc, '\n');
	ldisc->canon_column = ldisc->column;
	for (uint32_t at = ldisc->canon_head; at != ldisc->head; at++)
		echo_character(ldisc, ldisc->data[at % LDISC_BUFFER]);
}

/* ---- one byte from the wire ---- */

static void signal_group(struct ldisc *ldisc, uint8_t byte, uint32_t signal)
{
	if ((ldisc->termios.lflag & LF_NOFLSH) == 0) {
		ldisc_flush_input(ldisc);
		ldisc->port.flush_output(ldisc->port.context);
	}
	if (ldisc->is_stopped)
		ldisc_stop(ldisc, false);
	if (ldisc->termios.lflag & LF_ECHO)
		echo_character(ldisc, byte);
	ldisc->port.signal(ldisc->port.context, signal);
}

/* ^C ^\ ^Z. True: it was one. */
static bool take_signal(struct ldisc *ldisc, uint8_t byte)
{
	static const uint8_t signals[][2] = {
		{CC_INTR, TTY_SIGINT}, {CC_QUIT, TTY_SIGQUIT}, {CC_SUSP, TTY_SIGTSTP}};

	if ((ldisc->termios.lflag & LF_ISIG) == 0)
		return false;
	for (uint32_t i = 0; i < 3; i++) {
		if (is_cc(ldisc, byte, signals[i][0])) {
			signal_group(ldisc, byte, signals[i][1]);
			return true;
		}
	}
	return false;
}

/* ^S ^Q, and any byte with IXANY. True: the byte is used up. */
static bool take_flow(struct ldisc *ldisc, uint8_t byte)
{
	if ((ldisc->termios.iflag & IF_IXON) == 0)
		return false;
	if (is_cc(ldisc, byte, CC_START) || is_cc(ldisc, byte, CC_STOP)) {
		ldisc_stop(ldisc, is_cc(ldisc, byte, CC_STOP) &&
					  !(ldisc->is_stopped && is_cc(ldisc, byte, CC_START)));
		return true;
	}
	if (ldisc->is_stopped && (ldisc->termios.iflag & IF_IXANY))
		ldisc_stop(ldisc, false);
	return false;
}

static void end_line(struct ldisc *ldisc, uint8_t byte)
{
	put(ldisc, byte, true);
	ldisc->canon_head = ldisc->head;
}

/* Editing and ends of lines in canonical mode. True: the byte is used up. */
static bool take_canonical(struct ldisc *ldisc, uint8_t byte)
{
	uint32_t flags = ldisc->termios.lflag;
	bool extended = (flags & LF_IEXTEN) != 0;

	if (is_cc(ldisc, byte, CC_ERASE) || is_cc(ldisc, byte, CC_KILL) ||
	    (extended && is_cc(ldisc, byte, CC_WERASE))) {
		erase(ldisc, byte);
	} else if (extended && is_cc(ldisc, byte, CC_LNEXT)) {
		ldisc->lnext = true;
		if (flags & LF_ECHO)
			finish_erasing(ldisc);
		if ((flags & LF_ECHO) && (flags & LF_ECHOCTL))
			echo_lnext(ldisc);
	} else if (extended && (flags & LF_ECHO) && is_cc(ldisc, byte, CC_REPRINT)) {
		reprint(ldisc);
	} else if (byte == '\n') {
		if (flags & (LF_ECHO | LF_ECHONL))
			echo_raw(ldisc, '\n');
		end_line(ldisc, byte);
	} else if (is_cc(ldisc, byte, CC_EOF)) {
		end_line(ldisc, DISABLED);
	} else if (is_cc(ldisc, byte, CC_EOL) || (extended && is_cc(ldisc, byte, CC_EOL2))) {
		if (flags & LF_ECHO)
			echo_character(ldisc, byte);
		end_line(ldisc, byte);
	} else {
		return false;
	}
	return true;
}

/* A byte that goes into the ring. The last place of a canonical line is kept for its end. */
static void take_data(struct ldisc *ldisc, uint8_t byte)
{
	uint32_t flags = ldisc->termios.lflag;
	/* PARMRK: 377 announces an error there, so one that was received is doubled */
	bool is_doubled = byte == 0xff && (ldisc->termios.iflag & IF_PARMRK) != 0;

	if (ldisc_is_canonical(ldisc) && room(ldisc) <= 1u + is_doubled) {
		if (ldisc->termios.iflag & IF_IMAXBEL)
			echo_raw(ldisc, '\a');
		return;
	}
	if (flags & LF_ECHO) {
		finish_erasing(ldisc);
		if (ldisc->head == ldisc->canon_head)
			ldisc->canon_column = ldisc->column;
		if (byte == '\n')
			echo_raw(ldisc, byte);
		else
			echo_character(ldisc, byte);
	}
	if (is_doubled)
		put(ldisc, byte, false);
	put(ldisc, byte, false);
}

static bool translate(const struct ldisc *ldisc, uint8_t *byte)
{
	uint32_t flags = ldisc->termios.iflag;

	if (*byte == '\r') {
		if (flags & IF_IGNCR)
			return false;
		if (flags & IF_ICRNL)
			*byte = '\n';
	} else if (*byte == '\n' && (flags & IF_INLCR)) {
		*byte = '\r';
	}
	return true;
}

static void take(struct ldisc *ldisc, uint8_t byte)
{
	uint32_t flags = ldisc->termios.iflag;

	if (flags & IF_ISTRIP)
		byte &= 0x7f;
	if ((flags & IF_IUCLC) && (ldisc->termios.lflag & LF_IEXTEN) && byte >= 'A' && byte <= 'Z')
		byte |= 0x20;
	if (ldisc->lnext) {
		ldisc->lnext = false;
		take_data(ldisc, byte);
		return;
	}
	if (take_flow(ldisc, byte) || take_signal(ldisc, byte) || !translate(ldisc, &byte))
		return;
	if (ldisc_is_canonical(ldisc) && take_canonical(ldisc, byte))
		return;
	take_data(ldisc, byte);
}

uint32_t ldisc_input(struct ldisc *ldisc, const uint8_t *bytes, uint32_t count)
{
	uint32_t done = 0;

	while (done < count) {
		/* A reader with something to read holds the wire up; an endless line is cut instead (take_data). */
		if (room(ldisc) <= 1 && ldisc_is_readable(ldisc))
			break;
		take(ldisc, bytes[done++]);
	}
	return done;
}

void ldisc_stop(struct ldisc *ldisc, bool is_stopped)
{
	if (ldisc->is_stopped == is_stopped)
		return;
	ldisc->is_stopped = is_stopped;
	ldisc->port.stopped(ldisc->port.context, is_stopped);
}
