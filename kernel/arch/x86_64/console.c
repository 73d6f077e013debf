/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the kernel's own output.  Port 0xE9 costs one instruction a byte and needs no set-up; the serial
 * port (16550, 115200 8N1) is polled.  A panic takes the serial port back.
 */
#include "console.h"

#include <hal.h>

#include "asm.h"
#include "../../genarch/options.h"
#include "smp.h"

#define DEBUG_PORT 0xe9u
#define COM1 0x3f8u
#define LINE_STATUS 5u
#define TRANSMITTER_EMPTY 0x20u
#define TRIES 100000u

static bool has_serial, is_serial_on;

static void serial_init(void)
{
	out8(COM1 + 7, 0x5a);
	has_serial = in8(COM1 + 7) == 0x5a;
	is_serial_on = has_serial;
	if (!has_serial)
		return;
	out8(COM1 + 1, 0);    /* no interrupts */
	out8(COM1 + 3, 0x80); /* divisor */
	out8(COM1, 1);
	out8(COM1 + 1, 0);
	out8(COM1 + 3, 3); /* 8N1 */
	out8(COM1 + 2, 7); /* FIFOs on and empty */
	out8(COM1 + 4, 3); /* DTR, RTS */
}

static void serial_write(char c)
{
	for (uint32_t i = 0; i < TRIES && !(in8(COM1 + LINE_STATUS) & TRANSMITTER_EMPTY); i++)
		arch_relax();
	out8(COM1, (uint8_t)c);
}

void console_init(void)
{
	if (has_option("log=serial"))
		serial_init();
}

void console_release(void)
{
	is_serial_on = false;
}

void arch_panic_begin(void)
{
	smp_stop_others();
	is_serial_on = has_serial;
}

void arch_debug_write(const char *text, size_t length)
{
	out8_all(DEBUG_PORT, text, length);
	for (size_t i = 0; is_serial_on && i < length; i++) {
		if (text[i] == '\n')
			serial_write('\r');
		serial_write(text[i]);
	}
}
