/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Terminals and their wires.
 *
 * Life of a pseudo-terminal: FREE --open of ptmx--> PTY --master's last close--> hung up --slave's last close--> FREE.
 * Serial lines live for ever.
 */
#include "tty.h"

#include <stdlib.h>
#include <string.h>

#include <tessera/rings.h>
#include <tessera/service.h>

static struct terminal serial[SERIAL_PORTS];
static struct terminal *ptys[PTY_MAX]; /* allocated when first used, kept */
static cap_t uart_notify;
static bool needs_kick;

/* ---- waiters ---- */

void waiters_add(struct waiters *waiters, uint64_t label)
{
	uint32_t thread = LABEL_THREAD(label);

	if ((label & LABEL_NATIVE) || thread >= LABEL_THREADS)
		return;
	if ((waiters->bits[thread / 64] >> (thread % 64)) & 1)
		return;
	waiters->bits[thread / 64] |= 1ull << (thread % 64);
	waiters->count++;
}

void waiters_wake(struct waiters *waiters)
{
	for (uint32_t word = 0; word < LABEL_THREADS / 64 && waiters->count > 0; word++) {
		for (uint64_t bits = waiters->bits[word]; bits != 0; bits &= bits - 1) {
			service_wake(word * 64 + (uint32_t)__builtin_ctzll(bits));
			waiters->count--;
		}
		waiters->bits[word] = 0;
	}
}

void terminal_master_input(struct terminal *terminal)
{
	terminal->master_edges.in++;
	waiters_wake(&terminal->master_waiters);
}

void terminal_slave_room(struct terminal *terminal)
{
	terminal->slave_edges.out++;
	waiters_wake(&terminal->writers);
}

/* Bytes have come to the slave's side; canon_head: of the line discipline before them. */
static void slave_input(struct terminal *terminal, uint32_t canon_head)
{
	const struct ldisc *ldisc = &terminal->ldisc;

	if (!ldisc_is_canonical(ldisc) || ldisc->canon_head != canon_head)
		terminal->slave_edges.in++;
	terminal->last_input_ns = time_now_ns();
	waiters_wake(&terminal->readers);
}

/* ---- what the line discipline asks for ---- */

static struct ring *wire_of(struct terminal *terminal)
{
	return terminal->kind == TERMINAL_SERIAL ? &terminal->tx : &terminal->output;
}

static bool port_output(void *context, const uint8_t *bytes, uint32_t count)
{
	struct terminal *terminal = context;
	struct ring *wire = wire_of(terminal);

	if (ring_free(wire) < count)
		return false;
	(void)ring_write(wire, bytes, count);
	if (terminal->kind == TERMINAL_SERIAL)
		needs_kick = true;
	else
		terminal_master_input(terminal);
	return true;
}

static void port_signal(void *context, uint32_t signal)
{
	struct terminal *terminal = context;

	if (terminal->pgid != 0)
		signal_group(terminal->pgid, signal, terminal->sid);
}

static void port_flush(void *context)
{
	terminal_flush_output(context);
}

static void port_stopped(void *context, bool is_stopped)
{
	struct terminal *terminal = context;

	if (terminal->kind == TERMINAL_SERIAL) {
		terminal->port->tx_stop = is_stopped;
		needs_kick = true;
	} else if (!is_stopped) {
		terminal_master_input(terminal);
	}
}

static void start_ldisc(struct terminal *terminal)
{
	struct ldisc_port port = {
		.output = port_output,
		.signal = port_signal,
		.flush_output = port_flush,
		.stopped = port_stopped,
		.context = terminal,
	};

	ldisc_init(&terminal->ldisc, &port);
}

/* ---- serial lines ---- */

/* tty_size=COLUMNSxROWS of the command line, else 80x24. */
static struct tty_winsize option_size(void)
{
	const char *text = service_option("tty_size");
	char *end = NULL;
	unsigned long columns = text ? strtoul(text, &end, 10) : 0;
	unsigned long rows = end && *end == 'x' ? strtoul(end + 1, NULL, 10) : 0;

	if (columns == 0 || rows == 0 || columns > 1000 || rows > 1000)
		return (struct tty_winsize){.rows = 24, .columns = 80};
	return (struct tty_winsize){.rows = (uint16_t)rows, .columns = (uint16_t)columns};
}

static void start_serial(struct terminal *terminal, uint32_t index, struct serial_port *port)
{
	*terminal = (struct terminal){
		.kind = TERMINAL_SERIAL,
		.index = index,
		.port = port,
		.winsize = option_size(),
		.rx = {.shared = &port->rx, .data = port->rx_data, .size = SERIAL_RX_BYTES},
		.tx = {.shared = &port->tx, .data = port->tx_data, .size = SERIAL_TX_BYTES},
	};
	start_ldisc(terminal);
}

void terminals_init(struct serial_region *region, cap_t notify)
{
	struct tty_termios raw;

	uart_notify = notify;
	for (uint32_t i = 0; i < SERIAL_PORTS; i++)
		start_serial(&serial[i], i, &region->port[i]);
	/* The second line carries a program's standard error, as bytes. */
	raw = serial[1].ldisc.termios;
	raw.oflag = 0;
	raw.iflag = 0;
	raw.lflag = 0;
	ldisc_set(&serial[1].ldisc, &raw);
}

struct terminal *terminal_serial(uint32_t index)
{
	return index < SERIAL_PORTS && serial[index].port->is_present ? &serial[index] : NULL;
}

/* IXOFF: asks the other end to stop while much waits to be read, and to go on when little does. */
static void settle_sender(struct terminal *terminal)
{
	struct ldisc *ldisc = &terminal->ldisc;
	uint32_t held = ldisc_held(ldisc);
	bool wanted = (ldisc->termios.iflag & IF_IXOFF) != 0 &&
		      held > (terminal->is_sender_stopped ? LDISC_BUFFER / 4 : LDISC_BUFFER / 4 * 3);

	if (wanted != terminal->is_sender_stopped &&
	    port_output(terminal, &ldisc->termios.cc[wanted ? CC_STOP : CC_START], 1))
		terminal->is_sender_stopped = wanted;
}

/* Bytes from the driver into the line discipline, as far as that takes them. */
static void pump(struct terminal *terminal)
{
	uint8_t bytes[256];
	uint32_t left = SERIAL_RX_BYTES; /* a ring holds no more, whatever its indices say */
	uint32_t canon_head = terminal->ldisc.canon_head;
	bool has_input = false;

	while (left > 0 && ring_used(&terminal->rx) > 0) {
		uint32_t count = ring_peek(&terminal->rx, bytes, sizeof(bytes));
		uint32_t taken = ldisc_input(&terminal->ldisc, bytes, count);

		ring_consume(&terminal->rx, taken);
		has_input |= taken > 0;
		left -= count < left ? count : left;
		if (taken < count)
			break;
	}
	if (!has_input)
		return;
	__atomic_thread_fence(
		__ATOMIC_SEQ_CST); /* the room made is to be seen before: has_room of the driver */
	if (__atomic_load_n(&terminal->port->rx_waiting, __ATOMIC_SEQ_CST))
		needs_kick = true; /* the driver waits for room */
	settle_sender(terminal);
	slave_input(terminal, canon_head);
}

void terminals_serial_input(void)
{
	for (uint32_t i = 0; i < SERIAL_PORTS; i++) {
		struct terminal *terminal = &serial[i];

		if (!terminal->port->is_present)
			continue;
		pump(terminal);
		if (ring_free(&terminal->tx) >= WRITE_ROOM)
			terminal_slave_room(terminal);
	}
}

void terminal_kick(void)
{
	if (needs_kick)
		(void)ts_signal(uart_notify, UART_NOTIFY_TTY);
	needs_kick = false;
}

/* ---- pseudo-terminals ---- */

struct terminal *terminal_pts(uint32_t index)
{
	return index < PTY_MAX && ptys[index] && ptys[index]->kind == TERMINAL_PTY ? ptys[index] : NULL;
}

static bool allocate(uint32_t index)
{
	uint8_t *data;

	if (ptys[index])
		return true;
	ptys[index] = calloc(1, sizeof(struct terminal));
	data = malloc(PTY_OUTPUT_BYTES);
	if (!ptys[index] || !data) {
		free(ptys[index]);
		free(data);
		ptys[index] = NULL;
		return false;
	}
	ptys[index]->output_data = data;
	return true;
}

struct terminal *terminal_new_pty(uint32_t account)
{
	if (!quota_has_room(account, QUOTA_PTYS, 1))
		return NULL;
	for (uint32_t i = 0; i < PTY_MAX; i++) {
		struct terminal *terminal;
		uint8_t *data;

		if (terminal_pts(i))
			continue;
		if (!allocate(i))
			return NULL;
		terminal = ptys[i];
		data = terminal->output_data;
		*terminal = (struct terminal){.kind = TERMINAL_PTY,
					      .index = i,
					      .account = account,
					      .is_locked = true,
					      .output_data = data};
		(void)quota_charge(account, QUOTA_PTYS, 1);
		terminal->output = (struct ring){
			.shared = &terminal->output_counters, .data = data, .size = PTY_OUTPUT_BYTES};
		start_ldisc(terminal);
		terminal->ldisc.termios.iflag = IF_ICRNL | IF_IXON;
		terminal->ldisc.termios.cflag = CF_PTY;
		return terminal;
	}
	return NULL;
}

void terminal_release_pty(struct terminal *terminal)
{
	terminal->kind = TERMINAL_FREE;
	quota_release(terminal->account, QUOTA_PTYS, 1);
}

uint32_t terminal_device(const struct terminal *terminal)
{
	return terminal->kind == TERMINAL_SERIAL ? (4u << 8) | (64 + terminal->index)
						 : (136u << 8) | terminal->index;
}

uint64_t terminal_pts_mask(void)
{
	uint64_t mask = 0;

	for (uint32_t i = 0; i < PTY_MAX; i++)
		mask |= terminal_pts(i) && !ptys[i]->is_hung_up ? 1ull << i : 0;
	return mask;
}

uint32_t terminal_count(void)
{
	return SERIAL_PORTS + (uint32_t)__builtin_popcountll(terminal_pts_mask());
}

uint32_t terminal_master_write(struct terminal *terminal, const uint8_t *bytes, uint32_t count)
{
	uint32_t canon_head = terminal->ldisc.canon_head;
	uint32_t taken = terminal->in_reader_hold ? 0 : ldisc_input(&terminal->ldisc, bytes, count);

	if (taken > 0)
		slave_input(terminal, canon_head);
	return taken;
}

/* ---- both ---- */

struct terminal *terminal_of_session(uint32_t sid)
{
	for (uint32_t i = 0; sid != 0 && i < TERMINAL_MAX; i++) {
		struct terminal *terminal = i < SERIAL_PORTS ? &serial[i] : terminal_pts(i - SERIAL_PORTS);

		if (terminal && terminal->sid == sid)
			return terminal;
	}
	return NULL;
}

void terminal_after_read(struct terminal *terminal)
{
	if (terminal->kind == TERMINAL_SERIAL) {
		pump(terminal);
		settle_sender(terminal);
	} else {
		terminal->master_edges.out++;
		waiters_wake(&terminal->master_waiters);
	}
}

uint32_t terminal_output_used(const struct terminal *terminal)
{
	const struct serial_port *port = terminal->port;

	if (terminal->kind != TERMINAL_SERIAL)
		return ring_used(&terminal->output);
	if (__atomic_load_n(&port->tx_discarded, __ATOMIC_ACQUIRE) != port->tx_discard_to)
		return port->tx.head - port->tx_discard_to; /* the driver has not looked yet */
	return ring_used(&terminal->tx);
}

uint32_t terminal_output_free(const struct terminal *terminal)
{
	return ring_free(terminal->kind == TERMINAL_SERIAL ? &terminal->tx : &terminal->output);
}

void terminal_flush_output(struct terminal *terminal)
{
	if (terminal->kind == TERMINAL_PTY) {
		ring_discard(&terminal->output);
		terminal_slave_room(terminal);
		return;
	}
	/* The ring is the driver's to read: it is asked. What the chip has already taken goes out. */
	__atomic_store_n(&terminal->port->tx_discard_to, terminal->port->tx.head, __ATOMIC_RELEASE);
	needs_kick = true;
}

void terminal_hang_up(struct terminal *terminal)
{
	if (terminal->pgid != 0) {
		signal_group(terminal->pgid, TTY_SIGHUP, terminal->sid);
		signal_group(terminal->pgid, TTY_SIGCONT, terminal->sid);
	}
	terminal->sid = terminal->pgid = 0;
	files_hang_up(terminal);
	ldisc_flush_input(&terminal->ldisc);
	terminal->slave_edges.in++;
	waiters_wake(&terminal->readers);
	terminal_slave_room(terminal);
	terminal_master_input(terminal);
}
