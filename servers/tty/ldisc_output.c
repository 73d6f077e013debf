/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Line discipline: output processing with its column, and echo. */
#include "ldisc_internal.h"

#define TAB 8u
#define PIECE 256u /* bytes put on the wire at a time */

static bool is_control(uint8_t byte)
{
	return byte < 0x20 || byte == 0x7f;
}

static bool is_continuation(const struct ldisc *ldisc, uint8_t byte)
{
	return (ldisc->termios.iflag & IF_IUTF8) != 0 && (byte & 0xc0u) == 0x80u;
}

/* ---- output processing ---- */

static uint32_t process_newline(const struct ldisc *ldisc, uint8_t *out, uint32_t *column)
{
	uint32_t flags = ldisc->termios.oflag, count = 0;

	if (flags & OF_ONLRET)
		*column = 0;
	if (flags & OF_ONLCR) {
		*column = 0;
		out[count++] = '\r';
	}
	out[count++] = '\n';
	return count;
}

static uint32_t process_return(const struct ldisc *ldisc, uint8_t *out, uint32_t *column)
{
	uint32_t flags = ldisc->termios.oflag;

	if ((flags & OF_ONOCR) && *column == 0)
		return 0;
	out[0] = (flags & OF_OCRNL) ? '\n' : '\r';
	if ((flags & OF_OCRNL) == 0 || (flags & OF_ONLRET))
		*column = 0;
	return 1;
}

static uint32_t process_tab(const struct ldisc *ldisc, uint8_t *out, uint32_t *column)
{
	uint32_t spaces = TAB - *column % TAB;

	*column += spaces;
	if ((ldisc->termios.oflag & OF_TABDLY) != OF_XTABS) {
		out[0] = '\t';
		return 1;
	}
	for (uint32_t i = 0; i < spaces; i++)
		out[i] = ' ';
	return spaces;
}

/* What a byte becomes on the wire (at most TAB bytes in out), and where that leaves the column. */
static uint32_t process(const struct ldisc *ldisc, uint8_t byte, uint8_t *out, uint32_t *column)
{
	switch (byte) {
	case '\n': return process_newline(ldisc, out, column);
	case '\r': return process_return(ldisc, out, column);
	case '\t': return process_tab(ldisc, out, column);
	case '\b': *column -= *column > 0; break;
	default:
		if ((ldisc->termios.oflag & OF_OLCUC) && byte >= 'a' && byte <= 'z')
			byte &= (uint8_t)~0x20u;
		if (!is_control(byte) && !is_continuation(ldisc, byte))
			(*column)++;
		break;
	}
	out[0] = byte;
	return 1;
}

/* Processes at most as many bytes as surely fit a piece; *taken of them. The piece's length. */
static uint32_t process_piece(const struct ldisc *ldisc, const uint8_t *bytes, uint32_t count, uint8_t *piece,
			      uint32_t *taken, uint32_t *column)
{
	uint32_t length = 0, done = 0;

	while (done < count && length + TAB <= PIECE)
		length += process(ldisc, bytes[done++], piece + length, column);
	*taken = done;
	return length;
}

/* One piece, or as much of it as there is room for. Bytes taken. */
static uint32_t write_piece(struct ldisc *ldisc, const uint8_t *bytes, uint32_t count)
{
	uint8_t piece[PIECE];

	while (count > 0) {
		uint32_t column = ldisc->column, taken;
		uint32_t length = process_piece(ldisc, bytes, count, piece, &taken, &column);

		if (ldisc->port.output(ldisc->port.context, piece, length)) {
			ldisc->column = column;
			return taken;
		}
		count = taken / 2;
	}
	return 0;
}

static uint32_t write_raw(struct ldisc *ldisc, const uint8_t *bytes, uint32_t count)
{
	while (count > 0 && !ldisc->port.output(ldisc->port.context, bytes, count))
		count /= 2;
	return count;
}

uint32_t ldisc_write(struct ldisc *ldisc, const uint8_t *bytes, uint32_t count)
{
	uint32_t done = 0;

	while (done < count) {
		bool is_processed = (ldisc->termios.oflag & OF_OPOST) != 0;
		uint32_t taken = is_processed ? write_piece(ldisc, bytes + done, count - done)
					      : write_raw(ldisc, bytes + done, count - done);

		if (taken == 0)
			break;
		done += taken;
	}
	return done;
}

/* ---- echo ---- */

static void emit(struct ldisc *ldisc, const char *text, uint32_t count)
{
	(void)ldisc_write(ldisc, (const uint8_t *)text, count);
}

void echo_raw(struct ldisc *ldisc, uint8_t byte)
{
	(void)ldisc_write(ldisc, &byte, 1);
}

void echo_character(struct ldisc *ldisc, uint8_t byte)
{
	char text[2] = {'^', (char)(byte ^ 0x40)};

	if ((ldisc->termios.lflag & LF_ECHOCTL) && is_control(byte) && byte != '\t')
		emit(ldisc, text, 2);
	else
		echo_raw(ldisc, byte);
}

void echo_lnext(struct ldisc *ldisc)
{
	emit(ldisc, "^\b", 2);
}

/* How many columns a tab that stood at head took up: from the line's start or the tab before it. */
static uint32_t tab_width(const struct ldisc *ldisc)
{
	uint32_t columns = 0;

	for (uint32_t at = ldisc->head; at != ldisc->canon_head; at--) {
		uint8_t byte = ldisc->data[(at - 1) % LDISC_BUFFER];

		if (byte == '\t')
			return TAB - columns % TAB;
		if (is_control(byte))
			columns += (ldisc->termios.lflag & LF_ECHOCTL) ? 2 : 0;
		else
			columns += !is_continuation(ldisc, byte);
	}
	return TAB - (columns + ldisc->canon_column) % TAB;
}

void echo_erase(struct ldisc *ldisc, uint8_t byte)
{
	uint32_t flags = ldisc->termios.lflag;

	if ((flags & LF_ECHOE) == 0) {
		echo_character(ldisc, ldisc->termios.cc[CC_ERASE]);
	} else if (byte == '\t') {
		for (uint32_t width = tab_width(ldisc); width > 0; width--)
			emit(ldisc, "\b", 1);
	} else {
		if (is_control(byte) && (flags & LF_ECHOCTL))
			emit(ldisc, "\b \b", 3);
		if (!is_control(byte) || (flags & LF_ECHOCTL))
			emit(ldisc, "\b \b", 3);
	}
}
