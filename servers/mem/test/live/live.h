/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the driver asks of the program in its processes: the answer to each call is the next command. */
#pragma once

#include <stdint.h>

#define LIVE_CAP_MEM 1u
#define LIVE_CAP_DRIVER 2u
#define LIVE_CAP_OBJECT 3u

enum live_command {
	LIVE_TOUCH, /* a: address, b: pages, c: bytes between them; writes, result: instructions (TSC) */
	LIVE_WRITE, /* a: address, b: value */
	LIVE_READ,  /* a: address; value */
	LIVE_MAP,   /* a: address, b: bytes, c: prot | flags << 32; value: address */
	LIVE_MAP_OBJECT,
	LIVE_UNMAP,
	LIVE_PROTECT,
	LIVE_QUERY, /* a: address; value: flags */
};
#define LIVE_FAULT 0xfa000000u /* result: an exception was raised; value: the address */
