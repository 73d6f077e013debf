/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: port I/O for drivers, and which ports stay the kernel's.
 */
#include <hal.h>

#include "asm.h"

struct port_range {
	uint32_t first, last;
};

/* PIC, PIT, PIC, and QEMU's debug console. */
static const struct port_range kernel_ports[] = {{0x20, 0x21}, {0x40, 0x43}, {0xa0, 0xa1}, {0xe9, 0xe9}};

bool arch_ioport_allowed(uint32_t first, uint32_t count)
{
	if (count == 0 || first > 0xffff || count > 0x10000 - first)
		return false;
	for (size_t i = 0; i < ARRAY_COUNT(kernel_ports); i++) {
		if (first <= kernel_ports[i].last && first + count > kernel_ports[i].first)
			return false;
	}
	return true;
}

uint32_t arch_ioport_in(uint16_t port, uint32_t width)
{
	if (width == 1)
		return in8(port);
	return width == 2 ? in16(port) : in32(port);
}

void arch_ioport_out(uint16_t port, uint32_t width, uint32_t value)
{
	if (width == 1)
		out8(port, (uint8_t)value);
	else if (width == 2)
		out16(port, (uint16_t)value);
	else
		out32(port, value);
}
