/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a boot protocol found, in one form for all of them: boot/<protocol>/ fills it, kernel/arch/<arch>/
 * turns it into struct boot_handover.  All addresses are physical.  Nothing in it is trusted to be sorted,
 * disjoint or aligned.
 */
#pragma once

#include <stdint.h>

#include <compiler.h>
#include <tessera/types.h>

enum boot_memory_type {
	BOOT_MEMORY_RAM = 1,
	BOOT_MEMORY_RESERVED = 2, /* and everything unknown */
	BOOT_MEMORY_ACPI = 3,	  /* RAM that holds firmware tables */
	BOOT_MEMORY_ACPI_NVS = 4,
};

struct boot_memory {
	uint64_t start, end;
	uint32_t type;
	uint32_t reserved;
};

#define BOOT_MEMORY_MAX 256u
struct boot_source {
	struct boot_memory memory[BOOT_MEMORY_MAX];
	uint32_t memory_count;
	uint32_t memory_dropped; /* entries that did not fit */
	uint64_t archive_start, archive_end;
	uint64_t rsdp; /* 0: unknown */
	const char *protocol;
	char cmdline[BOOT_CMDLINE_BYTES];
};

/* The architecture's entry in 64-bit mode with a stack; boot tables map the first 4 GiB at the direct map. */
NORETURN void arch_start(struct boot_source *source);
