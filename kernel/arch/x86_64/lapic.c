/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the local APIC, in x2APIC mode where the CPU has it, else through its page; and the PIC, which is
 * given vectors of its own and masked.  Source: Intel SDM volume 3, chapter 10; Intel 8259A data sheet.
 */
#include "irq.h"

#include <hal.h>

#include "asm.h"
#include "cpu.h"
#include "kernel_map.h"
#include "layout.h"

#define MSR_APIC_BASE 0x1bu
#define APIC_BASE_ENABLE 0x800ull
#define APIC_BASE_X2APIC 0x400ull
#define MSR_X2APIC 0x800u
#define SPURIOUS_ENABLE 0x100u
#define ICR_PENDING 0x1000u /* delivery status; not in x2APIC mode */

#define PIC1 0x20u
#define PIC2 0xa0u

static volatile uint32_t *lapic_page; /* NULL in x2APIC mode */

uint32_t lapic_read(uint32_t reg)
{
	if (lapic_page != NULL)
		return lapic_page[reg / 4];
	return (uint32_t)read_msr(MSR_X2APIC + reg / 16);
}

void lapic_write(uint32_t reg, uint32_t value)
{
	if (lapic_page != NULL)
		lapic_page[reg / 4] = value;
	else
		write_msr(MSR_X2APIC + reg / 16, value);
}

uint32_t lapic_id(void)
{
	uint32_t id = lapic_read(LAPIC_ID);

	return lapic_page != NULL ? id >> 24 : id;
}

void lapic_send(uint64_t id, uint32_t mode)
{
	if (lapic_page == NULL) {
		write_msr(MSR_X2APIC + LAPIC_ICR / 16, id << 32 | mode);
		return;
	}
	lapic_page[LAPIC_ICR_HIGH / 4] = (uint32_t)id << 24;
	lapic_page[LAPIC_ICR / 4] = mode;
	while (lapic_page[LAPIC_ICR / 4] & ICR_PENDING) /* until it is sent: some microseconds */
		arch_relax();
}

/* Vectors that nobody mistakes for exceptions, then silence: command words 1 to 4, and the mask. */
static void pic_silence(uint16_t port, uint8_t vector, uint8_t cascade)
{
	out8(port, 0x11);
	out8(port + 1, vector);
	out8(port + 1, cascade);
	out8(port + 1, 1);
	out8(port + 1, 0xff);
}

void lapic_init(void)
{
	pic_silence(PIC1, VECTOR_PIC, 4);
	pic_silence(PIC2, VECTOR_PIC + 8, 2);
	if (!cpu_features.has_x2apic)
		lapic_page =
			kernel_map_device(KERNEL_MAP_LAPIC, (paddr_t){read_msr(MSR_APIC_BASE) & PTE_ADDRESS});
	lapic_enable();
}

void lapic_enable(void)
{
	uint64_t base = read_msr(MSR_APIC_BASE) | APIC_BASE_ENABLE;

	write_msr(MSR_APIC_BASE, base | (cpu_features.has_x2apic ? APIC_BASE_X2APIC : 0));
	THIS_CPU->lapic_id = lapic_id();
	lapic_write(LAPIC_LVT_TIMER, LAPIC_LVT_MASKED);
	lapic_write(LAPIC_LVT_LINT0, LAPIC_LVT_MASKED);
	lapic_write(LAPIC_LVT_LINT1, 0x400); /* NMI */
	lapic_write(LAPIC_LVT_ERROR, LAPIC_LVT_MASKED);
	lapic_write(LAPIC_TPR, 0);
	lapic_write(LAPIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
}
