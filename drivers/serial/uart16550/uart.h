/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One 16550 port: registers, initialisation, moving bytes between the chip and the port's rings.
 * Pure but for the two register accessors, which the program (port.c) or a test's fake device gives.
 * Source: National Semiconductor PC16550D data sheet.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <serial_region.h>

/* Registers, relative to the first port. */
#define UART_DATA 0u /* RBR, THR; DLL with DLAB */
#define UART_IER 1u  /* DLM with DLAB */
#define UART_IIR 2u  /* FCR when written */
#define UART_LCR 3u
#define UART_MCR 4u
#define UART_LSR 5u
#define UART_MSR 6u
#define UART_SCRATCH 7u

#define UART_IER_RX 0x01u
#define UART_IER_TX 0x02u
#define UART_IER_LINE 0x04u
#define UART_IER_MODEM 0x08u
#define UART_IIR_FIFOS 0xc0u /* both set: the FIFOs are on */
#define UART_FCR_ENABLE 0x01u
#define UART_FCR_TRIGGER_8 0x80u
#define UART_LCR_8N1 0x03u
#define UART_LCR_DLAB 0x80u
#define UART_MCR_DTR_RTS_OUT2 0x0bu
#define UART_LSR_DATA 0x01u
#define UART_LSR_OVERRUN 0x02u
#define UART_LSR_PARITY 0x04u
#define UART_LSR_FRAMING 0x08u
#define UART_LSR_BREAK 0x10u
#define UART_LSR_TX_EMPTY 0x20u
#define UART_MSR_CTS 0x10u
#define UART_MSR_DCD 0x80u

#define UART_FIFO_BYTES 16u
#define UART_CLOCK 115200u /* baud with divisor 1 */

struct uart {
	struct serial_port *shared;
	struct ring rx, tx;
	uint8_t (*read)(void *device, uint32_t reg);
	void (*write)(void *device, uint32_t reg, uint8_t value);
	void *device;
	uint8_t enabled; /* interrupts, as IER holds them */
	uint32_t baud;	 /* as the chip is set */
};

/* Looks for the chip and sets it up: 115200 8N1, FIFOs on. False: nothing there. What the rings and the FIFOs hold stays. */
bool uart_init(struct uart *uart);
/* Does everything there is to do: bytes in, bytes out, status, settings. True: rings or status changed, tty is to be told. */
bool uart_service(struct uart *uart);
