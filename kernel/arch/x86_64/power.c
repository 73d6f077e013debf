/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: power off and reset, from the proper way to the desperate one.
 */
#include <hal.h>

#include "../../genarch/acpi.h"
#include "asm.h"

#define SLEEP_ENABLE 0x2000u
#define SLEEP_TYPE(type) ((uint16_t)(((type) & 7u) << 10))
#define SCI_ENABLE 0x1u
#define QEMU_PIIX_PM1A 0x604u
#define BOCHS_SHUTDOWN 0xb004u

/* ACPI's S5, as FADT and DSDT describe it. */
static void acpi_power_off(void)
{
	uint8_t types[2];

	if (acpi_power.pm1a_control == 0 || !acpi_sleep_types(types))
		return;
	if (!(in16(acpi_power.pm1a_control) & SCI_ENABLE) && acpi_power.smi_command != 0) {
		out8(acpi_power.smi_command, acpi_power.acpi_enable);
		for (uint32_t i = 0; i < 100000 && !(in16(acpi_power.pm1a_control) & SCI_ENABLE); i++)
			arch_relax();
	}
	out16(acpi_power.pm1a_control, SLEEP_TYPE(types[0]) | SLEEP_ENABLE);
	if (acpi_power.pm1b_control != 0)
		out16(acpi_power.pm1b_control, SLEEP_TYPE(types[1]) | SLEEP_ENABLE);
}

static void acpi_reset(void)
{
	if (acpi_power.reset_space == 1)
		out8((uint16_t)acpi_power.reset_address, acpi_power.reset_value);
	else if (acpi_power.reset_space == 0)
		*(volatile uint8_t *)phys_to_ptr((paddr_t){acpi_power.reset_address}) =
			acpi_power.reset_value;
}

/* No interrupt table and an interrupt: the processor shuts down, and the chip set resets it. */
static NORETURN void triple_fault(void)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} PACKED nothing = {0, 0};

	__asm__ volatile("lidt %0; int3" : : "m"(nothing));
	halt();
}

void arch_power_off(bool reset)
{
	if (!reset) {
		acpi_power_off();
		out16(QEMU_PIIX_PM1A, SLEEP_ENABLE);
		out16(BOCHS_SHUTDOWN, SLEEP_ENABLE);
	} else {
		acpi_reset();
		out8(0xcf9, 0x02);
		out8(0xcf9, 0x06);
		out8(0x64, 0xfe);
	}
	triple_fault();
}
