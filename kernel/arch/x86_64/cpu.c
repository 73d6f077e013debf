/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: CPU features, control registers, GDT, TSS and IDT.
 *
 * Features are used where CPUID reports them and never required, but for long mode, NX and SYSCALL, which
 * the entry code needs.  Source: Intel SDM volume 3, chapters 2, 5, 6, 7; volume 4 for the MSRs.
 */
#include "cpu.h"

#include <object.h>

#include "asm.h"
#include "layout.h"
#include "speculation.h"
#include "trap.h"

#define MSR_EFER 0xc0000080u
#define MSR_STAR 0xc0000081u
#define MSR_LSTAR 0xc0000082u
#define MSR_SFMASK 0xc0000084u
#define MSR_PAT 0x277u
#define EFER_SYSCALL 0x1ull
#define EFER_NX 0x800ull

#define CR0_MONITOR 0x2ull
#define CR0_EMULATE 0x4ull
#define CR0_TASK_SWITCHED 0x8ull
#define CR0_NUMERIC_ERROR 0x20ull
#define CR0_WRITE_PROTECT 0x10000ull
#define CR4_DEBUG_EXTENSIONS 0x8ull
#define CR4_MACHINE_CHECK 0x40ull
#define CR4_GLOBAL_PAGES 0x80ull
#define CR4_FXSAVE 0x200ull
#define CR4_SIMD_EXCEPTIONS 0x400ull
#define CR4_UMIP 0x800ull
#define CR4_FSGSBASE 0x10000ull
#define CR4_XSAVE 0x40000ull
#define CR4_SMEP 0x100000ull
#define CR4_SMAP 0x200000ull

/* Cleared by SYSCALL: TF IF DF IOPL NT AC */
#define SYSCALL_FLAGS_CLEARED 0x47700ull
/* Index 0 write-back, 1 write-combining, 2 uncached-, 3 uncached; the upper half is not used. */
#define PAT_VALUE 0x0007040600070106ull

#define GATE_PRESENT_INTERRUPT 0x8e00u
#define GATE_FROM_USER 0x6000u

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3, io_map;
} PACKED;
static_assert(sizeof(struct tss) == 104, "a 64-bit TSS");

static_assert(sizeof(struct gate) == 16, "a 64-bit gate");

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} PACKED;

struct cpu_features cpu_features;
bool cpu_is_modern;

struct gate cpu_idt[PAGE_SIZE / sizeof(struct gate)] ALIGNED(PAGE_SIZE);

void cpu_detect(void)
{
	uint32_t highest = cpuid(0, 0).eax, highest_extended = cpuid(0x80000000u, 0).eax;
	struct cpuid basic = cpuid(1, 0), extended = cpuid(0x80000001u, 0);
	struct cpuid more = {0, 0, 0, 0};

	if (highest >= 7)
		more = cpuid(7, 0);
	cpu_features.leaf7_edx = more.edx;
	cpu_features.amd8_ebx = highest_extended >= 0x80000008u ? cpuid(0x80000008u, 0).ebx : 0;
	cpu_features.amd21_eax = highest_extended >= 0x80000021u ? cpuid(0x80000021u, 0).eax : 0;
	cpu_features.is_intel = cpuid(0, 0).ebx == 0x756e6547u; /* "Genu" */
	cpu_features.has_x2apic = (basic.ecx >> 21) & 1;
	cpu_features.has_tsc_deadline = (basic.ecx >> 24) & 1;
	cpu_features.has_xsave = ((basic.ecx >> 26) & 1) && highest >= 13;
	cpu_features.has_rdrand = (basic.ecx >> 30) & 1;
	cpu_features.has_fsgsbase = more.ebx & 1;
	cpu_features.has_smep = (more.ebx >> 7) & 1;
	cpu_features.has_erms = (more.ebx >> 9) & 1;
	cpu_features.has_rdseed = (more.ebx >> 18) & 1;
	cpu_features.has_smap = (more.ebx >> 20) & 1;
	cpu_features.has_umip = (more.ecx >> 2) & 1;
	cpu_features.has_gigabyte_pages = (extended.edx >> 26) & 1;
	cpu_features.physical_bits = highest_extended >= 0x80000008u ? cpuid(0x80000008u, 0).eax & 0xffu : 36;
	if (cpu_features.has_xsave) {
		struct cpuid area = cpuid(13, 0);

		cpu_features.xcr0_possible = ((uint64_t)area.edx << 32) | area.eax;
		cpu_features.has_xsaveopt = cpuid(13, 1).eax & 1;
	}
}

/* ---- tables ---- */

static void gate_set(unsigned int vector, unsigned int ist, bool is_for_user)
{
	const unsigned char *stubs = speculation.is_separated ? trap_stubs_separated : trap_stubs;
	uint64_t stub = (uint64_t)stubs + vector * TRAP_STUB_BYTES;
	uint32_t flags = GATE_PRESENT_INTERRUPT | ist | (is_for_user ? GATE_FROM_USER : 0);

	cpu_idt[vector] = (struct gate){
		.offset_low = (uint16_t)stub,
		.selector = SEL_KERNEL_CODE,
		.flags = (uint16_t)flags,
		.offset_middle = (uint16_t)(stub >> 16),
		.offset_high = (uint32_t)(stub >> 32),
	};
}

bool cpu_is_guard(uint64_t offset)
{
	if (offset < STACKS_KERNEL_END)
		return offset < GUARD_BYTES;
	return (offset - STACKS_KERNEL_END) % (GUARD_BYTES + IST_STACK_BYTES) < GUARD_BYTES;
}

/* Where number i (0 to IST_STACKS - 1) of the stacks for exceptions that must not trust RSP begins; the word there tells
 * the CPU. */
static uint64_t ist_start(struct cpu *self, uint64_t i)
{
	uint64_t start = self->arch.stacks + STACKS_KERNEL_END + (i + 1) * (GUARD_BYTES + IST_STACK_BYTES) -
			 IST_RESERVED;

	*(struct cpu **)start = self;
	return start;
}

static void tss_init(struct cpu *self)
{
	struct tss *tss = (struct tss *)self->arch.tss;
	uint64_t *gdt = self->arch.gdt, base = (uint64_t)tss;

	self->arch.entry_self = self;
	tss->rsp[0] = speculation.is_separated
			      ? (uint64_t)&self->arch.entry_self
			      : self->arch.stacks + STACKS_KERNEL_END - 16; /* leaves the first word */
	for (unsigned int i = 0; i < IST_STACKS; i++)
		tss->ist[i] = ist_start(self, i);
	tss->io_map = sizeof(*tss); /* no port for user mode */
	gdt[SEL_KERNEL_CODE / 8] = 0x00af9b000000ffff;
	gdt[SEL_KERNEL_DATA / 8] = 0x00cf93000000ffff;
	gdt[SEL_USER_DATA / 8] = 0x00cff3000000ffff;
	gdt[SEL_USER_CODE / 8] = 0x00affb000000ffff;
	gdt[SEL_TSS / 8] =
		(sizeof(*tss) - 1) | ((base & 0xffffff) << 16) | 0x890000000000ull | ((base >> 24) << 56);
	gdt[SEL_TSS / 8 + 1] = base >> 32;
}

static void patch_clac(void)
{
	extern unsigned char trap_clac[];

	trap_clac[0] = 0x0f;
	trap_clac[1] = 0x01;
	trap_clac[2] = 0xca;
}

void cpu_make_idt(void)
{
	if (cpu_features.has_smap)
		patch_clac();
	for (unsigned int vector = 0; vector < VECTOR_COUNT; vector++)
		gate_set(vector, 0, vector == VECTOR_BREAKPOINT);
	gate_set(VECTOR_DEBUG, 1, false);
	gate_set(VECTOR_NMI, 2, false);
	gate_set(VECTOR_DOUBLE_FAULT, 3, false);
	gate_set(VECTOR_MACHINE_CHECK, 4, false);
}

void cpu_load_tables(struct cpu *self, unsigned char *stacks)
{
	struct table_pointer gdt_pointer = {sizeof(self->arch.gdt) - 1, (uint64_t)self->arch.gdt};
	struct table_pointer idt_pointer = {VECTOR_COUNT * sizeof(struct gate) - 1, (uint64_t)cpu_idt};

	self->self = self;
	self->arch.stacks = (uint64_t)stacks;
	self->arch.deadline_ns = DEADLINE_NEVER;
	tss_init(self);
	__asm__ volatile("lgdt %0" : : "m"(gdt_pointer));
	load_selectors(); /* clears GS */
	write_msr(MSR_GS_BASE, (uint64_t)self);
	write_msr(MSR_KERNEL_GS_BASE, 0);
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
	__asm__ volatile("lidt %0" : : "m"(idt_pointer));
}

/* The stubs enter C by a jump on a stack that holds one word, the address to return to. Boot runs on this stack and
 * ends with arch_resume_current, which calls this. */
void cpu_prepare_stack(void)
{
	uint64_t *first = (uint64_t *)(cpu()->arch.stacks + STACKS_KERNEL_END) - 1;

	*first = (uint64_t)(speculation.is_separated ? return_separated : return_to_current);
	cpu()->kernel_stack_top = (uint64_t)first;
}

/* ---- control registers ---- */

static void enable_cr4(void)
{
	uint64_t cr4 =
		read_cr4() | CR4_DEBUG_EXTENSIONS | CR4_MACHINE_CHECK | CR4_FXSAVE | CR4_SIMD_EXCEPTIONS;

	cr4 |= speculation.is_separated ? 0 : CR4_GLOBAL_PAGES; /* else they would stay in the TLB */
	cr4 |= cpu_features.has_umip ? CR4_UMIP : 0;
	cr4 |= cpu_features.has_fsgsbase ? CR4_FSGSBASE : 0;
	cr4 |= cpu_features.has_xsave ? CR4_XSAVE : 0;
	cr4 |= cpu_features.has_smep ? CR4_SMEP : 0;
	cr4 |= cpu_features.has_smap ? CR4_SMAP : 0;
	write_cr4(cr4);
}

void cpu_enable(void)
{
	write_cr0((read_cr0() & ~(CR0_EMULATE | CR0_TASK_SWITCHED)) | CR0_MONITOR | CR0_NUMERIC_ERROR |
		  CR0_WRITE_PROTECT);
	enable_cr4();
	write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_SYSCALL | EFER_NX);
	write_msr(MSR_STAR, ((uint64_t)SEL_USER_CODE32 << 48) | ((uint64_t)SEL_KERNEL_CODE << 32));
	cpu_is_modern = cpu_features.has_xsaveopt && cpu_features.has_fsgsbase && !speculation.is_separated &&
			!speculation_has_barrier();
	write_msr(MSR_LSTAR, (uint64_t)(speculation.is_separated ? syscall_entry_separated
					: cpu_is_modern		 ? syscall_entry
								 : syscall_entry_old));
	speculation_enable();
	write_msr(MSR_SFMASK, SYSCALL_FLAGS_CLEARED);
	write_msr(MSR_PAT, PAT_VALUE);
}
