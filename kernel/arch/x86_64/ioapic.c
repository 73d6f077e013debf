/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: interrupt lines 0 to 23 on the I/O APIC.
 *
 * A level-triggered line is masked at its pin when it interrupts, until arch_irq_unmask.  An edge on a masked
 * pin would be lost, so an edge-triggered line is masked by software only: an interrupt that comes meanwhile
 * is remembered and sent again to this CPU by arch_irq_unmask.
 * Source: Intel 82093AA data sheet; ACPI specification, MADT.
 */
#include "irq.h"

#include <hal.h>

#include "kernel_map.h"
#include "layout.h"

#define IOAPIC_SELECT 0u
#define IOAPIC_WINDOW 4u /* in 32-bit words: byte 0x10 */
#define IOAPIC_VERSION 1u
#define IOAPIC_PIN(n) (0x10u + 2u * (n))
#define PIN_MASKED 0x10000u
#define PIN_LEVEL 0x8000u
#define PIN_ACTIVE_LOW 0x2000u
#define ICR_SELF 0x40000u

enum line_state { LINE_OFF, LINE_ON, LINE_WAITING, LINE_PENDING };

struct line {
	uint32_t pin;  /* ~0: the machine has none */
	uint32_t mode; /* PIN_LEVEL, PIN_ACTIVE_LOW and the vector */
	enum line_state state;
};

static volatile uint32_t *ioapic;
static struct line lines[ARCH_IRQ_LINES];

static uint32_t ioapic_read(uint32_t reg)
{
	ioapic[IOAPIC_SELECT] = reg;
	return ioapic[IOAPIC_WINDOW];
}

static void ioapic_write(uint32_t reg, uint32_t value)
{
	ioapic[IOAPIC_SELECT] = reg;
	ioapic[IOAPIC_WINDOW] = value;
}

static void pin_write(const struct line *line, bool is_masked)
{
	if (line->pin != ~0u)
		ioapic_write(IOAPIC_PIN(line->pin), line->mode | (is_masked ? PIN_MASKED : 0));
}

/* What MADT flags say about a line; 0 in a field: as usual for the bus (ISA: edge, high; PCI: level, low). */
static uint32_t line_mode(uint32_t line, uint32_t flags)
{
	uint32_t usual = line < 16 ? 0 : PIN_LEVEL | PIN_ACTIVE_LOW;
	uint32_t polarity = flags & 3u, trigger = (flags >> 2) & 3u;
	uint32_t mode = VECTOR_LINE + line;

	mode |= polarity == 0 ? usual & PIN_ACTIVE_LOW : (polarity == 3 ? PIN_ACTIVE_LOW : 0);
	mode |= trigger == 0 ? usual & PIN_LEVEL : (trigger == 3 ? PIN_LEVEL : 0);
	return mode;
}

void ioapic_init(const struct acpi_madt *madt)
{
	ioapic = kernel_map_device(KERNEL_MAP_IOAPIC, madt->ioapic);
	uint32_t pins = ((ioapic_read(IOAPIC_VERSION) >> 16) & 0xffu) + 1;

	for (uint32_t i = 0; i < ARCH_IRQ_LINES; i++) {
		uint32_t gsi = madt->line_gsi[i];
		bool is_here = gsi >= madt->ioapic_first && gsi - madt->ioapic_first < pins;

		lines[i].pin = is_here ? gsi - madt->ioapic_first : ~0u;
		lines[i].mode = line_mode(i, madt->line_flags[i]);
		lines[i].state = LINE_OFF;
	}
	for (uint32_t pin = 0; pin < pins; pin++) {
		ioapic_write(IOAPIC_PIN(pin), PIN_MASKED);
		ioapic_write(IOAPIC_PIN(pin) + 1, lapic_id() << 24);
	}
}

bool arch_irq_arrived(uint32_t number)
{
	struct line *line = &lines[number];
	bool is_told = line->state == LINE_ON;

	if (line->mode & PIN_LEVEL)
		pin_write(line, true);
	if (line->state == LINE_ON)
		line->state = LINE_WAITING;
	else if (line->state == LINE_WAITING && !(line->mode & PIN_LEVEL))
		line->state = LINE_PENDING;
	lapic_write(LAPIC_EOI, 0);
	return is_told;
}

void arch_irq_unmask(uint32_t number)
{
	struct line *line = &lines[number];
	enum line_state before = line->state;

	line->state = LINE_ON;
	if (before == LINE_OFF || (line->mode & PIN_LEVEL))
		pin_write(line, false);
	else if (before == LINE_PENDING)
		lapic_send(0, ICR_SELF | (VECTOR_LINE + number));
}

void arch_irq_mask(uint32_t number)
{
	lines[number].state = LINE_OFF;
	pin_write(&lines[number], true);
}
