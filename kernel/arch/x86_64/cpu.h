/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: what the CPU can do, and its tables (GDT, IDT, TSS).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cpu;

struct cpu_features {
	bool has_erms, has_fsgsbase, has_smap, has_smep, has_umip, has_xsave, has_xsaveopt, has_x2apic,
		has_tsc_deadline;
	bool has_gigabyte_pages, has_rdrand, has_rdseed;
	uint32_t physical_bits;
	uint32_t leaf7_edx, amd8_ebx, amd21_eax; /* CPUID words of speculation.c; 0 where the CPU has none */
	bool is_intel;
	uint64_t xcr0_possible; /* state components the CPU has */
};
extern struct cpu_features cpu_features;

/* Reads CPUID. */
void cpu_detect(void);
/* canary.c: gives the stack canary its value of this boot; for a caller that never returns. */
void canary_init(void);
/* The IDT: one page of gates. */
struct gate {
	uint16_t offset_low, selector, flags, offset_middle;
	uint32_t offset_high, reserved;
};
extern struct gate cpu_idt[];
/* Patches the stubs for this processor, whose text must still be writable, and fills the IDT; all CPUs share both. */
void cpu_make_idt(void);
/* Makes this CPU the one that self describes, with those stacks (STACKS_BYTES): loads GDT, TSS, GS and IDT. */
void cpu_load_tables(struct cpu *self, unsigned char *stacks);
/* Makes the kernel stack ready for entries from user mode; the caller must not return on it any more. */
void cpu_prepare_stack(void);
/* Turns on what was detected: SYSCALL, NX, write protection, SMEP, SMAP, UMIP, global pages, FSGSBASE, the PAT. */
void cpu_enable(void);

/* The first CPU's stacks. */
extern unsigned char boot_stacks[];
/* Whether that page of a CPU's stacks is a guard, which is not mapped. */
bool cpu_is_guard(uint64_t offset);
