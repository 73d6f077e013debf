/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Region `uart`: what tty and the serial driver share.  Each ring has one producer and one consumer (lib/ring); the region
 * outlives both sides, so a restarted driver goes on where the old one was.
 * tty signals UART_NOTIFY_TTY after it wrote to tx or changed a setting, the driver TTY_NOTIFY_UART after it wrote to rx,
 * made room in tx, or changed a status word.
 */
#pragma once

#include <ring.h>
#include <tessera/types.h>

#define SERIAL_PORTS 2u
#define SERIAL_RX_BYTES 4096u
#define SERIAL_TX_BYTES 16384u

#define SERIAL_LINE_DCD 0x1u /* carrier */
#define SERIAL_LINE_CTS 0x2u

struct serial_port {
	/* the driver writes */
	uint32_t is_present;
	uint32_t line;	   /* SERIAL_LINE_* */
	uint32_t overruns; /* bytes lost in the chip, since boot */
	uint32_t breaks, parity_errors, framing_errors;
	uint32_t
		rx_waiting; /* 1: rx is full, bytes stay in the chip; tty signals the driver once it has made room */
	uint32_t tx_discarded; /* the last tx_discard_to that was obeyed */
	uint32_t reserved0[8];
	/* tty writes */
	uint32_t baud;	  /* 0: as it is (115200) */
	uint32_t tx_stop; /* 1: hold the output (XOFF received) */
	uint32_t
		tx_discard_to; /* the output before this place in tx (as its head counts) is not to be sent */
	uint32_t reserved1[13];
	struct ring_shared rx, tx;
	uint8_t rx_data[SERIAL_RX_BYTES];
	uint8_t tx_data[SERIAL_TX_BYTES];
};

struct serial_region {
	struct serial_port port[SERIAL_PORTS];
};
static_assert(sizeof(struct serial_region) <= 65536, "region uart is 64 KiB");
