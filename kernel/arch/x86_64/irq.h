/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: interrupt controllers: local APIC, I/O APIC and the PIC that must keep quiet.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../../genarch/acpi.h"

/* Masks the PIC, maps and enables the local APIC. Before anything below. */
void lapic_init(void);
/* Finds and masks all pins of the I/O APIC as the MADT describes it. */
void ioapic_init(const struct acpi_madt *madt);

/* This CPU's number as interrupts address it. */
uint32_t lapic_id(void);
uint32_t lapic_read(uint32_t reg);
void lapic_write(uint32_t reg, uint32_t value);

/* Sends an interrupt to the local APIC of that number: mode is the low half of the command. */
void lapic_send(uint64_t id, uint32_t mode);
/* lapic_init's part for each CPU. */
void lapic_enable(void);

/* Local APIC registers (offset in the page; MSR = 0x800 + offset / 16 in x2APIC mode). Intel SDM 3, 10. */
#define LAPIC_ID 0x020u
#define LAPIC_TPR 0x080u
#define LAPIC_EOI 0x0b0u
#define LAPIC_SPURIOUS 0x0f0u
#define LAPIC_ICR 0x300u
#define LAPIC_ICR_HIGH 0x310u
#define LAPIC_LVT_TIMER 0x320u
#define LAPIC_LVT_LINT0 0x350u
#define LAPIC_LVT_LINT1 0x360u
#define LAPIC_LVT_ERROR 0x370u
#define LAPIC_TIMER_INITIAL 0x380u
#define LAPIC_TIMER_CURRENT 0x390u
#define LAPIC_TIMER_DIVIDE 0x3e0u
#define LAPIC_LVT_MASKED 0x10000u
