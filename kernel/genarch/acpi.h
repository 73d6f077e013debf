/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * the little ACPI the kernel needs: where interrupt lines go, how many CPUs there are, how to power
 * off.  Everything else is user space's (the service `dev`).
 */
#pragma once

#include <object.h>

struct acpi_madt {
	paddr_t ioapic;
	uint32_t ioapic_first; /* its first global interrupt */
	uint32_t cpu_count;
	uint32_t lapic_ids[CPUS_MAX];	     /* of the first of them */
	uint32_t line_gsi[ARCH_IRQ_LINES];   /* global interrupt of each ISA line */
	uint32_t line_flags[ARCH_IRQ_LINES]; /* MADT flags: polarity bits 0-1, trigger bits 2-3 */
};

struct acpi_power {
	uint16_t pm1a_control, pm1b_control, smi_command;
	uint8_t acpi_enable;
	uint8_t reset_value, reset_space; /* space: 0 memory, 1 I/O; 0xff none */
	uint64_t reset_address;
	paddr_t dsdt; /* mapped; 0: none */
	uint32_t dsdt_bytes;
};

extern struct acpi_madt acpi_madt;
extern struct acpi_power acpi_power;

/* Reads the tables; defaults stand where there are none. rsdp: physical address or 0. Returns the RSDP used, or 0. */
uint64_t acpi_init(uint64_t rsdp);
/* The value to write to SLP_TYP of both control registers for power off; false: the DSDT does not tell. */
MUST_CHECK bool acpi_sleep_types(uint8_t types[2]);
