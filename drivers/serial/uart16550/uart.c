/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* See uart.h. */
#include "uart.h"

#define RX_ROUNDS 512u /* bytes taken at a time: the others wait for the next call */

static uint8_t get(struct uart *uart, uint32_t reg)
{
	return uart->read(uart->device, reg);
}

static void put(struct uart *uart, uint32_t reg, uint8_t value)
{
	uart->write(uart->device, reg, value);
}

static void set_baud(struct uart *uart, uint32_t baud)
{
	uint32_t divisor = baud == 0 || baud > UART_CLOCK ? 1 : UART_CLOCK / baud;

	put(uart, UART_LCR, UART_LCR_8N1 | UART_LCR_DLAB);
	put(uart, UART_DATA, (uint8_t)divisor);
	put(uart, UART_IER, (uint8_t)(divisor >> 8));
	put(uart, UART_LCR, UART_LCR_8N1);
	uart->baud = baud;
}

static bool is_there(struct uart *uart)
{
	put(uart, UART_SCRATCH, 0x5a);
	if (get(uart, UART_SCRATCH) != 0x5a)
		return false;
	put(uart, UART_SCRATCH, 0xa5);
	return get(uart, UART_SCRATCH) == 0xa5;
}

static void read_modem(struct uart *uart)
{
	uint8_t modem = get(uart, UART_MSR);

	uart->shared->line =
		(modem & UART_MSR_DCD ? SERIAL_LINE_DCD : 0) | (modem & UART_MSR_CTS ? SERIAL_LINE_CTS : 0);
}

static void count_errors(struct serial_port *port, uint8_t status)
{
	port->overruns += (status & UART_LSR_OVERRUN) != 0;
	port->parity_errors += (status & UART_LSR_PARITY) != 0;
	port->framing_errors += (status & UART_LSR_FRAMING) != 0;
	port->breaks += (status & UART_LSR_BREAK) != 0;
}

/* Is there room in rx? If not, tty is asked to say when; it may have made some just before it could see that. */
static bool has_room(struct uart *uart)
{
	if (ring_free(&uart->rx) > 0)
		return true;
	__atomic_store_n(&uart->shared->rx_waiting, 1, __ATOMIC_SEQ_CST);
	if (ring_free(&uart->rx) == 0)
		return false;
	uart->shared->rx_waiting = 0;
	return true;
}

/* Takes what the chip has received, as far as there is room: the rest stays there, which holds up a patient sender. */
static bool receive(struct uart *uart)
{
	struct serial_port *port = uart->shared;
	bool has_moved = false;

	port->rx_waiting = 0;
	for (uint32_t i = 0; i < RX_ROUNDS && has_room(uart); i++) {
		uint8_t status = get(uart, UART_LSR), byte;

		if ((status & UART_LSR_DATA) == 0)
			break;
		count_errors(port, status);
		byte = get(uart, UART_DATA);
		if ((status & UART_LSR_BREAK) == 0)
			(void)ring_write(&uart->rx, &byte, 1);
		has_moved = true;
	}
	return has_moved;
}

/* An instance before this one has turned them on: what they hold is ours to go on with. */
static bool are_fifos_on(struct uart *uart)
{
	return (get(uart, UART_IIR) & UART_IIR_FIFOS) == UART_IIR_FIFOS;
}

bool uart_init(struct uart *uart)
{
	struct serial_port *port = uart->shared;

	uart->rx = (struct ring){.shared = &port->rx, .data = port->rx_data, .size = SERIAL_RX_BYTES};
	uart->tx = (struct ring){.shared = &port->tx, .data = port->tx_data, .size = SERIAL_TX_BYTES};
	if (!is_there(uart))
		return false;
	put(uart, UART_IER, 0);
	set_baud(uart, port->baud);
	if (!are_fifos_on(uart))
		(void)receive(uart); /* what came before us: turning the FIFOs on clears them */
	put(uart, UART_IIR, UART_FCR_ENABLE | UART_FCR_TRIGGER_8);
	put(uart, UART_MCR, UART_MCR_DTR_RTS_OUT2);
	read_modem(uart);
	uart->enabled = UART_IER_RX | UART_IER_LINE | UART_IER_MODEM;
	put(uart, UART_IER, uart->enabled);
	port->is_present = 1;
	return true;
}

/* Throws away the output that tty does not want sent any more, once for each wish. */
static bool discard(struct uart *uart)
{
	struct serial_port *port = uart->shared;
	uint32_t to = __atomic_load_n(&port->tx_discard_to, __ATOMIC_ACQUIRE);
	uint32_t count = to - port->tx.tail;

	if (port->tx_discarded == to)
		return false;
	if (count <= ring_used(&uart->tx))
		ring_consume(&uart->tx, count);
	__atomic_store_n(&port->tx_discarded, to, __ATOMIC_RELEASE);
	return true;
}

/*
 * Fills the chip's FIFO while it is empty; a chip that sends at once (QEMU) is fed without an interrupt between. A byte
 * leaves the ring when the chip has it, so that a crash between two accesses neither loses nor repeats one.
 */
static bool transmit(struct uart *uart)
{
	bool has_moved = false;
	uint8_t burst[UART_FIFO_BYTES];

	while (uart->shared->tx_stop == 0 && ring_used(&uart->tx) > 0 &&
	       (get(uart, UART_LSR) & UART_LSR_TX_EMPTY) != 0) {
		uint32_t count = ring_peek(&uart->tx, burst, sizeof(burst));

		for (uint32_t i = 0; i < count; i++) {
			put(uart, UART_DATA, burst[i]);
			ring_consume(&uart->tx, 1);
		}
		has_moved = true;
	}
	return has_moved;
}

/* The transmitter interrupts only while there is something left to send, the receiver only while there is room. */
static void set_interrupts(struct uart *uart)
{
	bool is_sending = ring_used(&uart->tx) > 0 && uart->shared->tx_stop == 0;
	uint32_t receiver = uart->shared->rx_waiting ? 0 : UART_IER_RX | UART_IER_LINE;
	uint8_t wanted = (uint8_t)(receiver | UART_IER_MODEM | (is_sending ? UART_IER_TX : 0));

	if (wanted != uart->enabled)
		put(uart, UART_IER, wanted);
	uart->enabled = wanted;
}

bool uart_service(struct uart *uart)
{
	uint32_t line = uart->shared->line;
	bool has_moved;

	if (uart->shared->baud != uart->baud && uart->shared->baud != 0)
		set_baud(uart, uart->shared->baud);
	(void)get(uart, UART_IIR); /* acknowledges the transmitter's interrupt */
	has_moved = receive(uart);
	has_moved |= discard(uart);
	has_moved |= transmit(uart);
	read_modem(uart);
	set_interrupts(uart);
	return has_moved || line != uart->shared->line;
}
