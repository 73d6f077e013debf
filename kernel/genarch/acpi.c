/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * reading ACPI tables: RSDP, RSDT or XSDT, MADT, FADT, and the one package _S5_ in the DSDT.
 *
 * Firmware is not trusted: lengths are bounded, checksums verified, and every field is read inside its
 * table.  Tables are mapped before they are read.  Source: ACPI specification 6.5, chapter 5; the scan for
 * _S5_ is the well-known one, AML is not interpreted.
 */
#include "acpi.h"

#include "boot_support.h"

#define TABLE_MAX_BYTES 0x100000u
#define TABLES_MAX 64u
#define HEADER_BYTES 36u
#define ADDRESS_LIMIT (1ull << 45)	     /* of the direct map */
#define RSDP_SIGNATURE 0x2052545020445352ull /* "RSD PTR " */
#define SIGNATURE(a, b, c, d) \
	((uint32_t)(a) | ((uint32_t)(b) << 8) | ((uint32_t)(c) << 16) | ((uint32_t)(d) << 24))

/* A table or a part of it that has been mapped and checked. */
struct table {
	const uint8_t *bytes;
	uint32_t length;
};

struct acpi_madt acpi_madt;
struct acpi_power acpi_power = {.reset_space = 0xff};

/* Little-endian field of 1 to 8 bytes; 0 if it lies outside the table. */
static uint64_t field(const struct table *table, uint32_t offset, uint32_t size)
{
	uint64_t value = 0;

	if (offset > table->length || size > table->length - offset)
		return 0;
	for (uint32_t i = size; i > 0; i--)
		value = (value << 8) | table->bytes[offset + i - 1];
	return value;
}

static bool is_sum_zero(const struct table *table)
{
	uint8_t sum = 0;

	for (uint32_t i = 0; i < table->length; i++)
		sum = (uint8_t)(sum + table->bytes[i]);
	return sum == 0;
}

/* Maps that many bytes, at most 1 MiB, as a table. */
static bool map(uint64_t address, uint32_t length, struct table *table)
{
	if (address == 0 || address >= ADDRESS_LIMIT)
		return false;
	kernel_map_direct(address, address + length);
	*table = (struct table){phys_to_ptr((paddr_t){address}), length};
	return true;
}

/* Maps a table and takes its length from its header. Its checksum is the caller's business. */
static bool table_open(uint64_t address, struct table *table)
{
	if (!map(address, HEADER_BYTES, table))
		return false;
	uint32_t length = (uint32_t)field(table, 4, 4);

	return length >= HEADER_BYTES && length <= TABLE_MAX_BYTES && map(address, length, table);
}

/* ---- RSDP ---- */

static bool rsdp_open(uint64_t address, struct table *rsdp)
{
	if (!map(address, HEADER_BYTES, rsdp) || field(rsdp, 0, 8) != RSDP_SIGNATURE)
		return false;
	const struct table first_version = {rsdp->bytes, 20};

	return is_sum_zero(&first_version);
}

/* Where it is said to be, or in the firmware's area below 1 MiB, in steps of 16 bytes; 0: nowhere. */
static uint64_t rsdp_find(uint64_t address, struct table *rsdp)
{
	if (rsdp_open(address, rsdp))
		return address;
	for (address = 0xe0000; address < 0x100000; address += 16) {
		if (rsdp_open(address, rsdp))
			return address;
	}
	return 0;
}

/* ---- MADT ---- */

static void madt_defaults(void)
{
	acpi_madt.ioapic = (paddr_t){0xfec00000};
	acpi_madt.cpu_count = 1;
	for (uint32_t i = 0; i < ARCH_IRQ_LINES; i++)
		acpi_madt.line_gsi[i] = i;
}

/* Flag 1: it may be started. */
static void madt_cpu(uint32_t lapic, uint32_t flags)
{
	if ((flags & 1u) == 0)
		return;
	if (acpi_madt.cpu_count < CPUS_MAX)
		acpi_madt.lapic_ids[acpi_madt.cpu_count] = lapic;
	acpi_madt.cpu_count++;
}

static void madt_entry(const struct table *entry, bool *has_ioapic)
{
	uint32_t line = (uint32_t)field(entry, 3, 1);

	switch (field(entry, 0, 1)) {
	case 0: /* local APIC */ madt_cpu((uint32_t)field(entry, 3, 1), (uint32_t)field(entry, 4, 4)); break;
	case 9: /* the same with a number that needs more than 8 bits */
		madt_cpu((uint32_t)field(entry, 4, 4), (uint32_t)field(entry, 8, 4));
		break;
	case 1: /* I/O APIC: the first counts */
		if (!*has_ioapic && entry->length >= 12) {
			acpi_madt.ioapic = (paddr_t){field(entry, 4, 4)};
			acpi_madt.ioapic_first = (uint32_t)field(entry, 8, 4);
			*has_ioapic = true;
		}
		break;
	case 2: /* an ISA line that goes elsewhere */
		if (line < 16 && entry->length >= 10) {
			acpi_madt.line_gsi[line] = (uint32_t)field(entry, 4, 4);
			acpi_madt.line_flags[line] = (uint32_t)field(entry, 8, 2);
		}
		break;
	default: break;
	}
}

static void madt_read(const struct table *madt)
{
	uint32_t offset = 44;
	bool has_ioapic = false;

	acpi_madt.cpu_count = 0;
	while (offset + 2 <= madt->length) { /* every entry has at least two bytes */
		uint32_t length = (uint32_t)field(madt, offset + 1, 1);

		if (length < 2 || length > madt->length - offset)
			break;
		const struct table entry = {madt->bytes + offset, length};

		madt_entry(&entry, &has_ioapic);
		offset += length;
	}
}

/* ---- FADT ---- */

static void fadt_read(const struct table *fadt)
{
	struct table reset, dsdt;
	uint64_t dsdt_address = field(fadt, 140, 8);

	acpi_power.smi_command = (uint16_t)field(fadt, 48, 4);
	acpi_power.acpi_enable = (uint8_t)field(fadt, 52, 1);
	acpi_power.pm1a_control = (uint16_t)field(fadt, 64, 4);
	acpi_power.pm1b_control = (uint16_t)field(fadt, 68, 4);
	if ((field(fadt, 112, 4) >> 10) & 1) {
		acpi_power.reset_space = (uint8_t)field(fadt, 116, 1);
		acpi_power.reset_address = field(fadt, 120, 8);
		acpi_power.reset_value = (uint8_t)field(fadt, 128, 1);
		if (acpi_power.reset_space == 0 && !map(acpi_power.reset_address, 1, &reset))
			acpi_power.reset_space = 0xff;
	}
	if (dsdt_address == 0)
		dsdt_address = field(fadt, 40, 4);
	if (table_open(dsdt_address, &dsdt)) {
		acpi_power.dsdt = (paddr_t){dsdt_address};
		acpi_power.dsdt_bytes = dsdt.length;
	}
}

/* ---- root table ---- */

static void root_table_read(const struct table *root, uint32_t entry_bytes)
{
	uint32_t count = (root->length - HEADER_BYTES) / entry_bytes;

	if (!is_sum_zero(root))
		return;
	for (uint32_t i = 0; i < count && i < TABLES_MAX; i++) {
		struct table table;

		if (!table_open(field(root, HEADER_BYTES + i * entry_bytes, entry_bytes), &table) ||
		    !is_sum_zero(&table))
			continue;
		uint32_t signature = (uint32_t)field(&table, 0, 4);

		if (signature == SIGNATURE('A', 'P', 'I', 'C'))
			madt_read(&table);
		else if (signature == SIGNATURE('F', 'A', 'C', 'P'))
			fadt_read(&table);
	}
}

uint64_t acpi_init(uint64_t rsdp)
{
	struct table pointer, root;

	madt_defaults();
	rsdp = rsdp_find(rsdp, &pointer);
	if (rsdp == 0)
		return 0;
	if (field(&pointer, 15, 1) >= 2 && table_open(field(&pointer, 24, 8), &root))
		root_table_read(&root, 8);
	else if (table_open(field(&pointer, 16, 4), &root))
		root_table_read(&root, 4);
	return rsdp;
}

/* ---- power off ---- */

/* One element of the package: a byte constant, or the opcodes for zero, one and ones. */
static uint8_t package_byte(const struct table *dsdt, uint32_t *offset)
{
	uint8_t code = (uint8_t)field(dsdt, *offset, 1);

	*offset += 1;
	if (code != 0x0a)
		return code;
	*offset += 1;
	return (uint8_t)field(dsdt, *offset - 1, 1);
}

bool acpi_sleep_types(uint8_t types[2])
{
	if (acpi_power.dsdt.raw == 0)
		return false;
	const struct table dsdt = {phys_to_ptr(acpi_power.dsdt), acpi_power.dsdt_bytes};

	for (uint32_t i = HEADER_BYTES; i + 12 < dsdt.length; i++) {
		if (field(&dsdt, i, 4) != SIGNATURE('_', 'S', '5', '_') || dsdt.bytes[i + 4] != 0x12)
			continue;
		uint32_t offset = i + 5;

		offset += 1 + (dsdt.bytes[offset] >> 6); /* package length */
		offset += 1;				 /* number of elements */
		types[0] = package_byte(&dsdt, &offset);
		types[1] = package_byte(&dsdt, &offset);
		return true;
	}
	return false;
}
