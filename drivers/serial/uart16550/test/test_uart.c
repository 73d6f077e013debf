/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The driver against a register model of a 16550. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "uart.h"

struct chip {
	uint8_t ier, lcr, mcr, scratch, fcr, dll, dlm, errors;
	uint8_t input[4096];
	uint32_t input_at, input_length;
	uint8_t output[32768];
	uint32_t output_length;
	uint32_t fifo, sends; /* bytes waiting in the transmitter; it sends only when told if sends is 0 */
	bool is_absent;
	uint32_t accesses_left; /* until the driver dies before one; 0: it lives */
	jmp_buf death;
};

static struct chip chip;
static struct serial_port port;
static struct uart uart;

static void count_access(struct chip *c)
{
	if (c->accesses_left > 0 && --c->accesses_left == 0)
		longjmp(c->death, 1);
}

static uint8_t chip_read(void *device, uint32_t reg)
{
	struct chip *c = device;

	count_access(c);
	if (c->is_absent)
		return 0xff;
	switch (reg) {
	case UART_IIR: return c->fcr & UART_FCR_ENABLE ? UART_IIR_FIFOS : 0;
	case UART_DATA: return c->input_at < c->input_length ? c->input[c->input_at++] : 0;
	case UART_LSR:
		return (uint8_t)((c->input_at < c->input_length ? UART_LSR_DATA | c->errors : 0) |
				 (c->fifo == 0 ? UART_LSR_TX_EMPTY : 0));
	case UART_MSR: return UART_MSR_DCD;
	case UART_SCRATCH: return c->scratch;
	default: return 0;
	}
}

static void chip_write(void *device, uint32_t reg, uint8_t value)
{
	struct chip *c = device;
	bool dlab = (c->lcr & UART_LCR_DLAB) != 0;

	count_access(c);
	switch (reg) {
	case UART_DATA:
		if (dlab) {
			c->dll = value;
			return;
		}
		assert_true(c->fifo < UART_FIFO_BYTES);
		c->output[c->output_length++] = value;
		c->fifo += c->sends ? 0 : 1;
		return;
	case UART_IER: *(dlab ? &c->dlm : &c->ier) = value; return;
	case UART_IIR:
		if ((c->fcr ^ value) & UART_FCR_ENABLE) /* a change of it clears both FIFOs */
			c->input_at = c->input_length;
		c->fcr = value;
		return;
	case UART_LCR: c->lcr = value; return;
	case UART_MCR: c->mcr = value; return;
	case UART_SCRATCH: c->scratch = value; return;
	default: return;
	}
}

static int setup(void **state)
{
	(void)state;
	memset(&chip, 0, sizeof(chip));
	memset(&port, 0, sizeof(port));
	chip.sends = 1;
	uart = (struct uart){.shared = &port, .read = chip_read, .write = chip_write, .device = &chip};
	uart.rx = (struct ring){.shared = &port.rx, .data = port.rx_data, .size = SERIAL_RX_BYTES};
	uart.tx = (struct ring){.shared = &port.tx, .data = port.tx_data, .size = SERIAL_TX_BYTES};
	return 0;
}

static void sets_the_chip_up(void **state)
{
	(void)state;
	assert_true(uart_init(&uart));
	assert_int_equal(chip.lcr, UART_LCR_8N1);
	assert_int_equal(chip.dll, 1);
	assert_int_equal(chip.ier, UART_IER_RX | UART_IER_LINE | UART_IER_MODEM);
	assert_true(chip.fcr & UART_FCR_ENABLE);
	assert_int_equal(port.line, SERIAL_LINE_DCD);
	assert_int_equal(port.is_present, 1);
}

static void absent_chip(void **state)
{
	(void)state;
	chip.is_absent = true;
	assert_false(uart_init(&uart));
	assert_int_equal(port.is_present, 0);
}

static void receives_in_order(void **state)
{
	uint8_t got[64];

	(void)state;
	assert_true(uart_init(&uart));
	memcpy(chip.input, "hello, world", 12);
	chip.input_length = 12;
	assert_true(uart_service(&uart));
	assert_int_equal(ring_read(&uart.rx, got, sizeof(got)), 12);
	assert_memory_equal(got, "hello, world", 12);
	assert_false(uart_service(&uart));
}

static void full_ring_leaves_bytes_in_the_chip(void **state)
{
	uint8_t got[10];

	(void)state;
	assert_true(uart_init(&uart));
	port.rx.head = SERIAL_RX_BYTES - 2;
	memcpy(chip.input, "abcde", 5);
	chip.input_length = 5;
	(void)uart_service(&uart);
	assert_int_equal(chip.input_at, 2);
	assert_int_equal(port.rx_waiting, 1);
	assert_false(chip.ier & UART_IER_RX);
	port.rx.tail = SERIAL_RX_BYTES;
	assert_true(uart_service(&uart));
	assert_int_equal(port.rx_waiting, 0);
	assert_true(chip.ier & UART_IER_RX);
	assert_int_equal(ring_read(&uart.rx, got, 10), 3);
	assert_memory_equal(got, "cde", 3);
}

static void errors_are_counted(void **state)
{
	(void)state;
	assert_true(uart_init(&uart));
	chip.input_length = 1;
	chip.errors = UART_LSR_OVERRUN | UART_LSR_FRAMING;
	(void)uart_service(&uart);
	assert_int_equal(port.overruns, 1);
	assert_int_equal(port.framing_errors, 1);
}

static void sends_in_bursts_of_the_fifo(void **state)
{
	uint8_t text[100];

	(void)state;
	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)i;
	chip.sends = 0;
	assert_true(uart_init(&uart));
	assert_int_equal(ring_write(&uart.tx, text, sizeof(text)), sizeof(text));
	for (unsigned expected = 16; expected < 100; expected += 16) {
		assert_true(uart_service(&uart));
		assert_int_equal(chip.output_length, expected);
		assert_true(chip.ier & UART_IER_TX);
		chip.fifo = 0;
	}
	assert_true(uart_service(&uart));
	assert_int_equal(chip.output_length, 100);
	assert_memory_equal(chip.output, text, 100);
	assert_false(chip.ier & UART_IER_TX);
}

static void output_can_be_held(void **state)
{
	(void)state;
	assert_true(uart_init(&uart));
	(void)ring_write(&uart.tx, "abc", 3);
	port.tx_stop = 1;
	assert_false(uart_service(&uart));
	assert_int_equal(chip.output_length, 0);
	port.tx_stop = 0;
	assert_true(uart_service(&uart));
	assert_int_equal(chip.output_length, 3);
}

static void output_can_be_thrown_away(void **state)
{
	(void)state;
	assert_true(uart_init(&uart));
	(void)ring_write(&uart.tx, "old", 3);
	port.tx_discard_to = port.tx.head;
	(void)ring_write(&uart.tx, "new", 3);
	assert_true(uart_service(&uart));
	assert_int_equal(chip.output_length, 3);
	assert_memory_equal(chip.output, "new", 3);
	port.tx_discard_to = port.tx.head + 1000; /* a place that was never reached: nothing is lost */
	(void)ring_write(&uart.tx, "more", 4);
	(void)uart_service(&uart);
	assert_int_equal(chip.output_length, 7);
}

static void new_instance_goes_on(void **state)
{
	struct uart second;

	(void)state;
	assert_true(uart_init(&uart));
	(void)ring_write(&uart.tx, "kept", 4);
	second = (struct uart){.shared = &port, .read = chip_read, .write = chip_write, .device = &chip};
	assert_true(uart_init(&second));
	assert_true(uart_service(&second));
	assert_memory_equal(chip.output, "kept", 4);
}

/* One life of a driver, which ends before access `accesses`; false: it had nothing left to do before. */
static bool dies_at(uint32_t accesses)
{
	struct uart driver = {.shared = &port, .read = chip_read, .write = chip_write, .device = &chip};

	if (setjmp(chip.death) != 0)
		return true;
	chip.accesses_left = accesses;
	assert_true(uart_init(&driver));
	while (uart_service(&driver))
		;
	chip.accesses_left = 0;
	return false;
}

/* Wherever between two accesses a driver dies, the next one goes on without a byte lost, repeated or out of order. */
static void no_death_loses_a_byte(void **state)
{
	uint8_t text[300], got[300];

	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7);
	for (uint32_t accesses = 1;; accesses++) {
		bool has_died;

		(void)setup(state);
		assert_false(dies_at(0));
		memcpy(chip.input, text, sizeof(text));
		chip.input_length = sizeof(text);
		(void)ring_write(&uart.tx, text, sizeof(text));
		has_died = dies_at(accesses);
		assert_false(dies_at(0));
		assert_int_equal(ring_read(&uart.rx, got, sizeof(got)), sizeof(text));
		assert_memory_equal(got, text, sizeof(text));
		assert_int_equal(chip.output_length, sizeof(text));
		assert_memory_equal(chip.output, text, sizeof(text));
		if (!has_died)
			return;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sets_the_chip_up, setup),
		cmocka_unit_test_setup(absent_chip, setup),
		cmocka_unit_test_setup(receives_in_order, setup),
		cmocka_unit_test_setup(full_ring_leaves_bytes_in_the_chip, setup),
		cmocka_unit_test_setup(errors_are_counted, setup),
		cmocka_unit_test_setup(sends_in_bursts_of_the_fifo, setup),
		cmocka_unit_test_setup(output_can_be_held, setup),
		cmocka_unit_test_setup(output_can_be_thrown_away, setup),
		cmocka_unit_test_setup(new_instance_goes_on, setup),
		cmocka_unit_test_setup(no_death_loses_a_byte, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
