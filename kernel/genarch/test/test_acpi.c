/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Reading ACPI tables: what a good firmware says, and that a bad one is read inside its tables only.
 *
 * The tables stand in the test machine's memory.  What the kernel would map elsewhere ends the reading (there is nothing to
 * read on a real machine either); phys_to_ptr aborts where a table has been read without being mapped.
 */
#include "../acpi.h"

#include "../boot_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RSDP 0x1000u
#define RSDT 0x1100u
#define XSDT 0x1200u
#define MADT 0x2000u
#define FADT 0x3000u
#define DSDT 0x4000u
#define MADT_BYTES 96u
#define FADT_BYTES 276u
#define DSDT_BYTES 64u

static jmp_buf is_outside;

void kernel_map_direct(uint64_t start, uint64_t end)
{
	assert_true(start < end && end <= (1ull << 45) + (1u << 20)); /* the direct map, and a table */
	if (start < HOST_PHYS_BASE || end > HOST_PHYS_BASE + HOST_PHYS_BYTES)
		longjmp(is_outside, 1);
}

static void put(uint32_t at, uint64_t value, uint32_t size)
{
	memcpy(host_memory + at, &value, size);
}

/* Makes the sum of those bytes zero by the one at. */
static void seal(uint32_t start, uint32_t length, uint32_t at)
{
	uint8_t sum = 0;

	host_memory[at] = 0;
	for (uint32_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + host_memory[start + i]);
	host_memory[at] = (uint8_t)-sum;
}

static void put_header(uint32_t at, const char *signature, uint32_t length)
{
	memcpy(host_memory + at, signature, 4);
	put(at + 4, length, 4);
}

/* Two CPUs that may be started, one that may not, one with a long number; an I/O APIC; IRQ 0 on line 2, IRQ 9 level, low. */
static void make_madt(void)
{
	static const unsigned char entries[MADT_BYTES - 44] = {
		0, 8,  0, 5, 1,	   0,	 0, 0,				 /* local APIC 5 */
		0, 8,  0, 6, 0,	   0,	 0, 0,				 /* not to be started */
		9, 16, 0, 0, 0x00, 0x01, 0, 0, 1,   0, 0, 0, 0, 0, 0, 0, /* 256 */
		2, 10, 0, 0, 2,	   0,	 0, 0, 0,   0,			 /* IRQ 0 */
		2, 10, 0, 9, 9,	   0,	 0, 0, 0xf, 0,			 /* IRQ 9 */
	};

	put_header(MADT, "APIC", MADT_BYTES);
	memcpy(host_memory + MADT + 44, entries, sizeof(entries));
	seal(MADT, MADT_BYTES, MADT + 9);
}

static void make_fadt(void)
{
	put_header(FADT, "FACP", FADT_BYTES);
	put(FADT + 40, HOST_PHYS_BASE + DSDT, 4);
	put(FADT + 48, 0xb2, 4);
	put(FADT + 52, 0xf1, 1);
	put(FADT + 64, 0x604, 4);
	put(FADT + 112, 1u << 10, 4);
	put(FADT + 116, 1, 1);
	put(FADT + 120, 0xcf9, 8);
	put(FADT + 128, 0xf, 1);
	seal(FADT, FADT_BYTES, FADT + 9);
	put_header(DSDT, "DSDT", DSDT_BYTES);
	memcpy(host_memory + DSDT + 40, "_S5_\x12\x06\x04\x0a\x05\x01\x00\x00", 12);
}

static void make_tables(uint32_t revision)
{
	memset(host_memory, 0, 0x5000);
	memset(&acpi_madt, 0, sizeof(acpi_madt));
	acpi_power = (struct acpi_power){.reset_space = 0xff};
	make_madt();
	make_fadt();
	put_header(RSDT, "RSDT", 36 + 2 * 4);
	put(RSDT + 36, HOST_PHYS_BASE + MADT, 4);
	put(RSDT + 40, HOST_PHYS_BASE + FADT, 4);
	seal(RSDT, 36 + 2 * 4, RSDT + 9);
	put_header(XSDT, "XSDT", 36 + 2 * 8);
	put(XSDT + 36, HOST_PHYS_BASE + MADT, 8);
	put(XSDT + 44, HOST_PHYS_BASE + FADT, 8);
	seal(XSDT, 36 + 2 * 8, XSDT + 9);
	memcpy(host_memory + RSDP, "RSD PTR ", 8);
	put(RSDP + 15, revision, 1);
	put(RSDP + 16, HOST_PHYS_BASE + RSDT, 4);
	put(RSDP + 24, HOST_PHYS_BASE + XSDT, 8);
	seal(RSDP, 20, RSDP + 8);
}

/* Reads them; false: something outside memory would have been mapped. */
static bool read_tables(void)
{
	uint8_t types[2];

	if (setjmp(is_outside) != 0)
		return false;
	if (acpi_init(HOST_PHYS_BASE + RSDP) != 0)
		(void)acpi_sleep_types(types);
	return true;
}

static void test_good_tables(void **state)
{
	uint8_t types[2] = {0, 0};

	(void)state;
	for (uint32_t revision = 0; revision <= 2; revision += 2) { /* by RSDT, by XSDT */
		make_tables(revision);
		assert_int_equal(acpi_init(HOST_PHYS_BASE + RSDP), HOST_PHYS_BASE + RSDP);
		assert_int_equal(acpi_madt.cpu_count, 2);
		assert_int_equal(acpi_madt.lapic_ids[0], 5);
		assert_int_equal(acpi_madt.lapic_ids[1], 256);
		assert_int_equal(acpi_madt.line_gsi[0], 2);
		assert_int_equal(acpi_madt.line_gsi[1], 1);
		assert_int_equal(acpi_madt.line_flags[9], 0xf);
		assert_int_equal(acpi_power.pm1a_control, 0x604);
		assert_int_equal(acpi_power.smi_command, 0xb2);
		assert_int_equal(acpi_power.reset_address, 0xcf9);
		assert_true(acpi_sleep_types(types));
		assert_int_equal(types[0], 5);
		assert_int_equal(types[1], 1);
	}
}

/* A wrong sum: the table counts as absent. */
static void test_sums(void **state)
{
	(void)state;
	make_tables(2);
	host_memory[MADT + 50]++;
	assert_true(read_tables());
	assert_int_equal(acpi_madt.cpu_count, 1); /* as without MADT */
	assert_int_equal(acpi_power.pm1a_control, 0x604);
	make_tables(2);
	host_memory[XSDT + 20]++;
	assert_true(read_tables());
	assert_int_equal(acpi_power.pm1a_control, 0);
	make_tables(2);
	host_memory[RSDP + 10]++; /* nor anywhere below 1 MiB, which this machine does not have */
	assert_false(read_tables());
}

static void test_reset_register(void **state)
{
	(void)state;
	make_tables(2);
	put(FADT + 116, 0, 1);
	put(FADT + 120, HOST_PHYS_BASE + 0x4800, 8);
	seal(FADT, FADT_BYTES, FADT + 9);
	assert_true(read_tables());
	assert_int_equal(acpi_power.reset_space, 0);
	put(FADT + 120, 0x7fff80000000, 8); /* would come out in the kernel's image */
	seal(FADT, FADT_BYTES, FADT + 9);
	assert_true(read_tables());
	assert_int_equal(acpi_power.reset_space, 0xff);
}

/* Damage with right sums: nothing is read outside (phys_to_ptr and ASan watch). */
static void test_damage_is_harmless(void **state)
{
	static const struct {
		uint32_t at, length;
	} tables[] = {{MADT, MADT_BYTES}, {FADT, FADT_BYTES}, {DSDT, DSDT_BYTES}, {XSDT, 36 + 2 * 8}};
	uint32_t inside = 0;

	(void)state;
	srand(4);
	for (int round = 0; round < 20000; round++) {
		make_tables(2);
		for (int i = rand() % 6; i >= 0; i--) {
			size_t which = (size_t)rand() % 4;

			host_memory[tables[which].at + 4 + (uint32_t)rand() % (tables[which].length - 4)] =
				(uint8_t)rand();
			seal(tables[which].at, tables[which].length, tables[which].at + 9);
		}
		inside += read_tables();
		assert_true(acpi_madt.cpu_count <= 1u << 20);
	}
	assert_true(inside > 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_tables),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_reset_register),
		cmocka_unit_test(test_damage_is_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
