/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Reading from both sides, with VMIN and VTIME.
 *
 * No call waits here: what is not there yet is ST_WOULD_BLOCK, and the reader comes again when it is woken.  For VTIME the
 * terminal remembers whose read ends when; the service's timer wakes that reader, whose next read then finds its time
 * over.  One timed read a terminal at a time: a second reader's starts when the first one's is over.
 */
#include "tty.h"

#include <errno.h>

#include <tessera/service.h>

#define TENTH_NS 100000000ull
#define STALE_NS 50000000ull /* a read that was given up left its deadline: forgotten after this time */

bool slave_is_readable(const struct terminal *terminal)
{
	uint32_t minimum = terminal->ldisc.termios.cc[CC_MIN];

	if (ldisc_is_canonical(&terminal->ldisc))
		return ldisc_is_readable(&terminal->ldisc);
	if (minimum == 0 || terminal->ldisc.termios.cc[CC_TIME] != 0)
		minimum = 1;
	return ldisc_available(&terminal->ldisc) >= minimum;
}

static bool any_timed; /* some terminal may have a timed read */

static void start_time(struct terminal *terminal, uint64_t label, uint64_t deadline_ns)
{
	terminal->timed_label = label;
	terminal->timed_deadline_ns = deadline_ns;
	terminal->timed_is_woken = false;
	any_timed = true;
}

/* The reader's time for its first byte has begun, or is over. */
static bool first_byte_time_is_over(struct terminal *terminal, uint64_t label, uint64_t now)
{
	uint64_t deadline = terminal->timed_deadline_ns;

	if (terminal->timed_label == label && now >= deadline && now < deadline + STALE_NS) {
		terminal->timed_label = 0;
		return true;
	}
	if (terminal->timed_label == 0 || now >= deadline + STALE_NS)
		start_time(terminal, label, now + terminal->ldisc.termios.cc[CC_TIME] * TENTH_NS);
	return false;
}

/* The time between two bytes, counted from the last one that came. */
static bool next_byte_time_is_over(struct terminal *terminal, uint64_t label, uint64_t now)
{
	uint64_t deadline = terminal->last_input_ns + terminal->ldisc.termios.cc[CC_TIME] * TENTH_NS;

	if (now >= deadline) {
		terminal->timed_label = 0;
		return true;
	}
	start_time(terminal, label, deadline);
	return false;
}

/* Whether a raw read with `available` bytes there has to wait for more. */
static bool raw_read_waits(struct terminal *terminal, uint64_t label, uint32_t available, uint32_t count)
{
	uint32_t minimum = terminal->ldisc.termios.cc[CC_MIN], time = terminal->ldisc.termios.cc[CC_TIME];
	uint64_t now = time_now_ns();

	if (available >= count || available >= (minimum ? minimum : 1))
		return false;
	if (minimum == 0)
		return time != 0 && !first_byte_time_is_over(terminal, label, now);
	if (time == 0 || available == 0)
		return true;
	return !next_byte_time_is_over(terminal, label, now);
}

static int would_block(struct waiters *waiters, const struct caller *caller, bool wait)
{
	if (wait)
		waiters_add(waiters, caller->label);
	return ST_WOULD_BLOCK;
}

int slave_read(struct tty_file *file, const struct caller *caller, uint8_t *to, uint32_t count, bool wait,
	       uint32_t *done)
{
	struct terminal *terminal = file->terminal;
	int status = job_check(terminal, caller, TTY_SIGTTIN);

	*done = 0;
	if (file->is_hung_up)
		return 0;
	if (status == ST_WOULD_BLOCK)
		return would_block(&terminal->readers, caller, true);
	if (status != 0)
		return status;
	if (terminal->is_hung_up)
		return ldisc_is_readable(&terminal->ldisc) ? 0 : EIO;
	if (count == 0)
		return 0;
	if (ldisc_is_canonical(&terminal->ldisc)) {
		if (!ldisc_is_readable(&terminal->ldisc))
			return would_block(&terminal->readers, caller, wait);
	} else if (raw_read_waits(terminal, caller->label, ldisc_available(&terminal->ldisc), count)) {
		return would_block(&terminal->readers, caller, wait);
	}
	*done = ldisc_read(&terminal->ldisc, to, count);
	terminal_after_read(terminal);
	return 0;
}

int master_read(struct tty_file *file, const struct caller *caller, uint8_t *to, uint32_t count, bool wait,
		uint32_t *done)
{
	struct terminal *terminal = file->terminal;
	uint32_t head = terminal->is_packet && count > 0 ? 1 : 0;

	*done = 0;
	if (ring_used(&terminal->output) == 0 || terminal->ldisc.is_stopped) {
		if (terminal->was_opened && terminal->slave_files == 0)
			return EIO;
		return would_block(&terminal->master_waiters, caller, wait);
	}
	if (head)
		to[0] = 0; /* TIOCPKT_DATA */
	*done = head + ring_read(&terminal->output, to + head, count - head);
	terminal_slave_room(terminal);
	return 0;
}

/* ---- the service's timer ---- */

static struct terminal *timed(uint32_t index)
{
	struct terminal *terminal =
		index < SERIAL_PORTS ? terminal_serial(index) : terminal_pts(index - SERIAL_PORTS);

	return terminal && terminal->timed_label != 0 ? terminal : NULL;
}

uint64_t read_next_deadline(void)
{
	uint64_t next = DEADLINE_NEVER;
	bool is_any = false;

	if (!any_timed)
		return next;
	for (uint32_t i = 0; i < TERMINAL_MAX; i++) {
		struct terminal *terminal = timed(i);

		if (!terminal || terminal->timed_is_woken)
			continue;
		is_any = true;
		if (terminal->timed_deadline_ns < next)
			next = terminal->timed_deadline_ns;
	}
	any_timed = is_any;
	return next;
}

void read_timer(void)
{
	uint64_t now = time_now_ns();

	for (uint32_t i = 0; i < TERMINAL_MAX; i++) {
		struct terminal *terminal = timed(i);

		if (!terminal || terminal->timed_is_woken || now < terminal->timed_deadline_ns)
			continue;
		terminal->timed_is_woken = true;
		waiters_wake(&terminal->readers);
	}
}
