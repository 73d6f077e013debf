/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the order in which the machine is set up, from the boot protocol's first C code to kernel_main.
 *
 * Runs once, on the kernel stack, with interrupts off.  Until kernel_map_init the boot protocol's tables are
 * in force: the first 4 GiB, everything writable and executable.
 */
#include <frames.h>
#include <log.h>
#include <object.h>
#include <panic.h>

#include <boot_source.h>

#include "../../genarch/acpi.h"
#include "asm.h"
#include "boot_memory.h"
#include "console.h"
#include "cpu.h"
#include "fpu.h"
#include "irq.h"
#include "kernel_map.h"
#include "layout.h"
#include "../../genarch/options.h"
#include "smp.h"
#include "speculation.h"
#include "timer.h"
#include "trap.h"

extern unsigned char image_start[], image_end[];

static struct boot_ranges ranges;
static struct boot_handover handover;

static void report_memory(const struct boot_source *source)
{
	log_text("boot: ");
	log_decimal(range_set_bytes(&ranges.ram) >> 20, " MiB RAM in ");
	log_decimal(ranges.ram.count, " ranges, archive ");
	log_decimal((source->archive_end - source->archive_start) >> 10, " KiB\n");
	if (source->memory_dropped != 0 || ranges.free.lost_bytes != 0)
		log_text("boot: the memory map is too long, some memory is not used\n");
}

static void setup_memory(struct boot_source *source)
{
	boot_memory_sort(&ranges, source);
	report_memory(source);
	if (source->archive_start % PAGE_SIZE != 0)
		kernel_panic("boot: the archive does not start at a page");
	handover.boot_range = boot_memory_open(&ranges);
	kernel_map_init(source);
	if (speculation.is_separated)
		kernel_map_separate(&boot_cpu);
}

static void report_clock(void)
{
	log_text("boot: clock ");
	log_decimal(arch_tsc_hz() / 1000000, " MHz, ");
	log_decimal(acpi_madt.cpu_count, " CPU(s), ");
	log_decimal(cpus_used, " used, xcr0 ");
	log_hex(fpu_components());
	log_text("\n");
}

static void setup_devices(const struct boot_source *source)
{
	handover.rsdp = acpi_init(source->rsdp);
	lapic_init();
	ioapic_init(&acpi_madt);
	fpu_init();
	timer_init(handover.boot_tsc);
	smp_start();
	report_clock();
	speculation_report();
}

static void fill_handover(const struct boot_source *source)
{
	arch_copy(handover.free_ram, ranges.free.ranges, sizeof(handover.free_ram));
	handover.free_ram_count = ranges.free.count;
	arch_copy(handover.device, ranges.device.ranges, sizeof(handover.device));
	handover.device_count = ranges.device.count;
	handover.archive = (struct boot_range){source->archive_start, source->archive_end};
	handover.ram_bytes = range_set_bytes(&ranges.ram);
	handover.image_bytes = (uint64_t)image_end - KERNEL_OFFSET - (uint64_t)image_start;
	handover.cpu_count = cpus_used;
	arch_copy(handover.cmdline, source->cmdline, BOOT_CMDLINE_BYTES);
}

void arch_start(struct boot_source *source)
{
	handover.boot_tsc = arch_tsc();
	options_init(source->cmdline);
	console_init();
	log_text("boot: Tessera " TESSERA_VERSION ", x86_64, by ");
	log_text(source->protocol);
	log_text("\n");
	cpu_detect();
	canary_init();
	speculation_choose();
	cpu_enable();
	cpu_make_idt();
	cpu_load_tables(&boot_cpu, boot_stacks);
	setup_memory(source);
	setup_devices(source);
	fill_handover(source);
	kernel_main(&handover);
}
