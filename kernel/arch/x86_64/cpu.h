/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: what the CPU can do, and its tables (GDT, IDT, TSS).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cpu_features {
	bool has_fsgsbase, has_smap, has_smep, has_umip, has_xsave, has_xsaveopt, has_x2apic,
		has_tsc_deadline;
	bool has_gigabyte_pages, has_rdrand, has_rdseed;
	uint32_t physical_bits;
	uint64_t xcr0_possible; /* state components the CPU has */
};
extern struct cpu_features cpu_features;

/* Reads CPUID. */
void cpu_detect(void);
/* canary.c: gives the stack canary its value of this boot; for a caller that never returns. */
void canary_init(void);
/* Loads GDT, TSS and IDT. */
void cpu_load_tables(void);
/* Makes the kernel stack ready for entries from user mode; the caller must not return on it any more. */
void cpu_prepare_stack(void);
/* Turns on what was detected: SYSCALL, NX, write protection, SMEP, SMAP, UMIP, global pages, FSGSBASE, the PAT.
 * Patches the stubs; the kernel's text must still be writable. */
void cpu_enable(void);

/* The kernel stack and its guard page, for the panic report and the kernel's map. */
extern unsigned char kernel_stack_guard[], kernel_stack[], kernel_stack_end[];
extern unsigned char ist_stacks[]; /* IST_STACKS times guard and stack */
#define IST_STACKS 4u
