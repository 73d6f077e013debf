/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The terminals' ioctl commands.  Numbers: Linux uapi asm-generic/ioctls.h.
 * A command's structure arrives checked for length; a command a terminal does not know is ENOTTY.
 */
#include "tty.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum {
	CMD_TCGETS = 0x5401,
	CMD_TCSETS,
	CMD_TCSETSW,
	CMD_TCSETSF,
	CMD_TCGETA,
	CMD_TCSETA,
	CMD_TCSETAW,
	CMD_TCSETAF,
	CMD_TCSBRK = 0x5409,
	CMD_TCXONC,
	CMD_TCFLSH,
	CMD_TIOCEXCL,
	CMD_TIOCNXCL,
	CMD_TIOCSCTTY,
	CMD_TIOCGPGRP,
	CMD_TIOCSPGRP,
	CMD_TIOCOUTQ,
	CMD_TIOCSTI,
	CMD_TIOCGWINSZ,
	CMD_TIOCSWINSZ,
	CMD_TIOCMGET,
	CMD_TIOCMBIS,
	CMD_TIOCMBIC,
	CMD_TIOCMSET,
	CMD_FIONREAD = 0x541b,
	CMD_TIOCPKT = 0x5420,
	CMD_FIONBIO,
	CMD_TIOCNOTTY,
	CMD_TIOCSETD,
	CMD_TIOCGETD,
	CMD_TCSBRKP,
	CMD_TIOCGSID = 0x5429,
};
#define CMD_TCGETS2 0x802c542au
#define CMD_TCSETS2 0x402c542bu
#define CMD_TCSETSW2 0x402c542cu
#define CMD_TCSETSF2 0x402c542du
#define CMD_TIOCGPTN 0x80045430u
#define CMD_TIOCSPTLCK 0x40045431u
#define CMD_TIOCGDEV 0x80045432u
#define CMD_TIOCGPTLCK 0x80045439u
#define CMD_TIOCGPKT 0x80045438u
#define CMD_TIOCGEXCL 0x80045440u

#define BAUD_DEFAULT 115200u
#define MODEM_DTR_RTS_CTS_CAR_DSR 0x166u

struct command {
	struct request *rq;
	struct tty_file *file;
	struct terminal *terminal;
	const struct caller *caller;
	uint64_t argument;
	const void *in;
	uint32_t in_len;
	void *out;
	uint32_t *out_len;
};

static int give(const struct command *c, const void *bytes, uint32_t length)
{
	memcpy(c->out, bytes, length);
	*c->out_len = length;
	return 0;
}

static int give_number(const struct command *c, uint32_t value)
{
	return give(c, &value, sizeof(value));
}

/* The structure of a command that sets something. */
static int take(const struct command *c, void *to, uint32_t length)
{
	if (c->in_len < length)
		return EINVAL;
	memcpy(to, c->in, length);
	return 0;
}

/* ---- settings ---- */

static int get_termios(const struct command *c, bool second)
{
	struct tty_termios2 t = {
		.base = c->terminal->ldisc.termios, .ispeed = BAUD_DEFAULT, .ospeed = BAUD_DEFAULT};

	return give(c, &t, second ? sizeof(t) : sizeof(t.base));
}

/* Waiting for the output to be out: the caller comes again when the wire is empty. */
static int drained(const struct command *c)
{
	if (c->file->side == FILE_MASTER || c->terminal->is_hung_up || terminal_output_used(c->terminal) == 0)
		return 0;
	if (c->terminal->kind == TERMINAL_PTY)
		return 0; /* as Linux: a pseudo-terminal has no hardware to wait for */
	waiters_add(&c->terminal->writers, c->caller->label);
	return ST_WOULD_BLOCK;
}

/* The structure of System V: the low halves of the flags, and the first control characters. */
static int get_termio(const struct command *c)
{
	const struct tty_termios *t = &c->terminal->ldisc.termios;
	struct tty_termio old = {.iflag = (uint16_t)t->iflag,
				 .oflag = (uint16_t)t->oflag,
				 .cflag = (uint16_t)t->cflag,
				 .lflag = (uint16_t)t->lflag,
				 .line = t->line};

	memcpy(old.cc, t->cc, sizeof(old.cc));
	return give(c, &old, TTY_TERMIO_BYTES);
}

static int take_termio(const struct command *c, struct tty_termios *t)
{
	struct tty_termio old;
	int status = take(c, &old, TTY_TERMIO_BYTES);

	if (status != 0)
		return status;
	*t = c->terminal->ldisc.termios;
	t->iflag = (t->iflag & ~0xffffu) | old.iflag;
	t->oflag = (t->oflag & ~0xffffu) | old.oflag;
	t->cflag = (t->cflag & ~0xffffu) | old.cflag;
	t->lflag = (t->lflag & ~0xffffu) | old.lflag;
	t->line = old.line;
	memcpy(t->cc, old.cc, sizeof(old.cc));
	return 0;
}

static int set_termios(const struct command *c, bool is_old, bool drain, bool flush)
{
	struct tty_termios t;
	int status = is_old ? take_termio(c, &t) : take(c, &t, sizeof(t));

	if (status == 0)
		status = job_check(c->terminal, c->caller, TTY_SIGTTOU);
	if (status == 0 && drain)
		status = drained(c);
	if (status != 0)
		return status;
	if (flush)
		ldisc_flush_input(&c->terminal->ldisc);
	ldisc_set(&c->terminal->ldisc, &t);
	waiters_wake(&c->terminal->readers);
	if (c->terminal->kind == TERMINAL_SERIAL)
		terminal_after_read(c->terminal); /* IXOFF may have gone */
	return 0;
}

static int set_size(const struct command *c)
{
	struct tty_winsize size;
	int status = take(c, &size, sizeof(size));

	if (status != 0)
		return status;
	if (memcmp(&size, &c->terminal->winsize, sizeof(size)) == 0)
		return 0;
	c->terminal->winsize = size;
	if (c->terminal->pgid != 0)
		signal_group(c->terminal->pgid, TTY_SIGWINCH, c->terminal->sid);
	return 0;
}

/* ---- sessions ---- */

static int take_terminal(const struct command *c)
{
	const struct caller *caller = c->caller;
	struct terminal *terminal = c->terminal;

	if (caller->is_known && terminal->sid == caller->sid && caller->pid == caller->sid)
		return 0;
	if (!caller->is_known || caller->pid != caller->sid || terminal_of_session(caller->sid))
		return EPERM;
	if (terminal->sid != 0) {
		if (c->argument != 1 || caller->euid != 0)
			return EPERM;
		terminal->sid = terminal->pgid = 0; /* stolen: the old session has no terminal any more */
	}
	terminal->sid = caller->sid;
	terminal->pgid = caller->pgid;
	return 0;
}

static int give_up_terminal(const struct command *c)
{
	struct terminal *terminal = c->terminal;

	if (!c->caller->is_known || terminal->sid == 0 || terminal->sid != c->caller->sid)
		return ENOTTY;
	if (c->caller->pid != c->caller->sid)
		return 0; /* only for itself, which the label table does not tell */
	if (terminal->pgid != 0) {
		signal_group(terminal->pgid, TTY_SIGHUP, terminal->sid);
		signal_group(terminal->pgid, TTY_SIGCONT, terminal->sid);
	}
	terminal->sid = terminal->pgid = 0;
	return 0;
}

/* Is it the caller's controlling terminal? A master answers for its slave. */
static bool controls(const struct command *c)
{
	return c->file->side == FILE_MASTER || (c->terminal->sid != 0 && c->terminal->sid == c->caller->sid);
}

static int set_group(const struct command *c)
{
	int32_t pgid;
	int status = take(c, &pgid, sizeof(pgid));

	if (status == 0 && !controls(c))
		status = ENOTTY;
	if (status == 0)
		status = job_check(c->terminal, c->caller, TTY_SIGTTOU);
	if (status != 0)
		return status;
	if (pgid < 0)
		return EINVAL;
	if (!job_group_in_session((uint32_t)pgid, c->terminal->sid))
		return EPERM;
	c->terminal->pgid = (uint32_t)pgid;
	waiters_wake(&c->terminal->readers); /* who was in the background looks again */
	waiters_wake(&c->terminal->writers);
	return 0;
}

/* ---- the wire ---- */

static int flush(const struct command *c)
{
	int status = job_check(c->terminal, c->caller, TTY_SIGTTOU);

	if (status != 0)
		return status;
	if (c->argument > 2)
		return EINVAL;
	if (c->argument != 1)
		ldisc_flush_input(&c->terminal->ldisc);
	if (c->argument != 0)
		terminal_flush_output(c->terminal);
	return 0;
}

static int flow(const struct command *c)
{
	uint8_t stop = c->terminal->ldisc.termios.cc[CC_STOP],
		start = c->terminal->ldisc.termios.cc[CC_START];
	int status = job_check(c->terminal, c->caller, TTY_SIGTTOU);

	if (status != 0)
		return status;
	switch (c->argument) {
	case 0: /* TCOOFF */
	case 1: /* TCOON */ ldisc_stop(&c->terminal->ldisc, c->argument == 0); return 0;
	case 2: /* TCIOFF */
	case 3: /* TCION */
		c->terminal->in_reader_hold = c->argument == 2;
		(void)c->terminal->ldisc.port.output(c->terminal, c->argument == 2 ? &stop : &start, 1);
		return 0;
	default: return EINVAL;
	}
}

static int set_nonblocking(const struct command *c)
{
	int32_t on;
	int status = take(c, &on, sizeof(on));

	if (status == 0)
		c->file->flags = on ? c->file->flags | O_NONBLOCK : c->file->flags & ~(uint32_t)O_NONBLOCK;
	return status;
}

/* ---- tables ---- */

static int master_only(const struct command *c, uint32_t command)
{
	int32_t value = 0;
	int status = 0;

	if (c->file->side != FILE_MASTER)
		return ENOTTY;
	switch (command) {
	case CMD_TIOCGPTN: return give_number(c, c->terminal->index);
	case CMD_TIOCGPTLCK: return give_number(c, c->terminal->is_locked);
	case CMD_TIOCGPKT: return give_number(c, c->terminal->is_packet);
	default: status = take(c, &value, sizeof(value)); break;
	}
	if (status != 0)
		return status;
	if (command == CMD_TIOCSPTLCK)
		c->terminal->is_locked = value != 0;
	else
		c->terminal->is_packet = value != 0;
	return 0;
}

static uint32_t readable_bytes(const struct command *c)
{
	return c->file->side == FILE_MASTER ? ring_used(&c->terminal->output)
					    : ldisc_available(&c->terminal->ldisc);
}

static int session_command(const struct command *c, uint32_t command)
{
	switch (command) {
	case CMD_TIOCSCTTY: return take_terminal(c);
	case CMD_TIOCNOTTY: return give_up_terminal(c);
	case CMD_TIOCGPGRP: return controls(c) ? give_number(c, c->terminal->pgid) : ENOTTY;
	case CMD_TIOCGSID:
		return controls(c) && c->terminal->sid != 0 ? give_number(c, c->terminal->sid) : ENOTTY;
	default: return set_group(c);
	}
}

/* Putting words into another's mouth is for root alone; Linux lets a session do it to itself, which shells have paid for. */
static int simulate_input(const struct command *c)
{
	uint8_t byte;
	int status = c->caller->euid == 0 && c->caller->is_known ? take(c, &byte, 1) : EPERM;

	if (status == 0 && ldisc_input(&c->terminal->ldisc, &byte, 1) == 1)
		waiters_wake(&c->terminal->readers);
	return status;
}

static int other_command(const struct command *c, uint32_t command)
{
	switch (command) {
	case CMD_TCSBRK:
	case CMD_TCSBRKP: return drained(c);
	case CMD_TIOCEXCL:
	case CMD_TIOCNXCL: c->terminal->is_exclusive = command == CMD_TIOCEXCL; return 0;
	case CMD_TIOCGEXCL: return give_number(c, c->terminal->is_exclusive);
	case CMD_TIOCOUTQ: return give_number(c, terminal_output_used(c->terminal));
	case CMD_FIONREAD: return give_number(c, readable_bytes(c));
	case CMD_FIONBIO: return set_nonblocking(c);
	case CMD_TIOCSTI: return simulate_input(c);
	case CMD_TIOCGETD: return give_number(c, 0);
	case CMD_TIOCSETD: return EINVAL;
	case CMD_TIOCGDEV: return give_number(c, terminal_device(c->terminal));
	case CMD_TIOCMGET:
		return c->terminal->kind == TERMINAL_SERIAL ? give_number(c, MODEM_DTR_RTS_CTS_CAR_DSR)
							    : ENOTTY;
	default: return ENOTTY;
	}
}

static int dispatch(const struct command *c, uint32_t command)
{
	switch (command) {
	case CMD_TCGETS: return get_termios(c, false);
	case CMD_TCGETS2: return get_termios(c, true);
	case CMD_TCSETS:
	case CMD_TCSETS2: return set_termios(c, false, false, false);
	case CMD_TCSETSW:
	case CMD_TCSETSW2: return set_termios(c, false, true, false);
	case CMD_TCSETSF:
	case CMD_TCSETSF2: return set_termios(c, false, true, true);
	case CMD_TCGETA: return get_termio(c);
	case CMD_TCSETA:
	case CMD_TCSETAW:
	case CMD_TCSETAF: return set_termios(c, true, command != CMD_TCSETA, command == CMD_TCSETAF);
	case CMD_TIOCGWINSZ: return give(c, &c->terminal->winsize, sizeof(c->terminal->winsize));
	case CMD_TIOCSWINSZ: return set_size(c);
	case CMD_TCFLSH: return flush(c);
	case CMD_TCXONC: return flow(c);
	case CMD_TIOCSCTTY:
	case CMD_TIOCNOTTY:
	case CMD_TIOCGPGRP:
	case CMD_TIOCSPGRP:
	case CMD_TIOCGSID: return session_command(c, command);
	case CMD_TIOCGPTN:
	case CMD_TIOCSPTLCK:
	case CMD_TIOCGPTLCK:
	case CMD_TIOCPKT:
	case CMD_TIOCGPKT: return master_only(c, command);
	default: return other_command(c, command);
	}
}

int tty_ioctl(struct request *rq, struct tty_file *file, uint32_t command, uint64_t argument, const void *in,
	      uint32_t in_len, uint64_t *result, void *out, uint32_t *out_len)
{
	struct caller caller;
	struct command c = {
		.rq = rq,
		.file = file,
		.terminal = file->terminal,
		.caller = &caller,
		.argument = argument,
		.in = in,
		.in_len = in_len,
		.out = out,
		.out_len = out_len,
	};
	int status;

	*result = 0;
	*out_len = 0;
	if (file->is_hung_up)
		return EIO;
	caller_of(rq->label, &caller);
	status = dispatch(&c, command);
	if (status == ST_WOULD_BLOCK) /* in the background, or the output is not out: it comes again */
		waiters_add(&file->terminal->readers, rq->label);
	return status;
}
