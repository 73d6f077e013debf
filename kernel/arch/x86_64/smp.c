/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the other CPUs: from INIT and SIPI to the core's loop, one after the other.
 *
 * A CPU begins in real mode at TRAMPOLINE, the copy of a few instructions of boot/pvh/entry.S, and comes through the boot
 * tables and entry.S to smp_entered on its own kernel stack.  Its clock must agree with the first CPU's: what it reads must lie
 * between what that one reads before and after.  Source: Intel SDM volume 3, 8.4 and 10.6.
 */
#include "smp.h"

#include <frames.h>
#include <log.h>
#include <object.h>

#include "../../genarch/acpi.h"

#include "asm.h"
#include "cpu.h"
#include "fpu.h"
#include "irq.h"
#include "kernel_map.h"
#include "layout.h"
#include "speculation.h"
#include "timer.h"
#include "trap.h"

#define TRAMPOLINE 0x8000u /* a page below 1 MiB */
#define ICR_FIXED 0x4000u  /* edge, assert */
#define ICR_NMI 0x4400u
#define ICR_INIT 0x4500u
#define ICR_STARTUP 0x4600u
#define ICR_ALL_OTHERS 0xc0000u
#define INIT_NS 10000000ull
#define STARTUP_NS 100000000ull /* a CPU that has not answered by then is left out */

/* boot/pvh/entry.S */
extern unsigned char boot_trampoline[], boot_trampoline_end[]; /* physical */

/* Where entry.S brings the CPU. */
uint64_t smp_root, smp_stack;
/* The CPU that is being started, and what its clock said when it had come up; 0: not yet. */
static struct cpu *starting;
static uint64_t started_tsc;
static uint32_t is_stopping;

NORETURN void smp_entered(void);

void arch_interrupt_cpu(uint32_t id)
{
	lapic_send(cpus[id]->arch.lapic_id, ICR_FIXED | VECTOR_CPU);
}

void smp_stop_others(void)
{
	if (__atomic_exchange_n(&is_stopping, 1, __ATOMIC_SEQ_CST) != 0)
		halt();
	if (cpus_used > 1)
		lapic_send(0, ICR_ALL_OTHERS | ICR_NMI);
}

/* Entered by entry.S on the CPU's own stack. */
void smp_entered(void)
{
	struct cpu *self = __atomic_exchange_n(&starting, NULL, __ATOMIC_ACQ_REL);

	if (self == NULL)
		halt(); /* too late */
	cpu_enable();
	cpu_load_tables(self, (unsigned char *)self->arch.stacks);
	THIS_CPU->root = smp_root;
	lapic_enable();
	fpu_enable();
	timer_enable();
	__atomic_store_n(&started_tsc, arch_tsc(), __ATOMIC_RELEASE);
	while (__atomic_load_n(&cpus_used, __ATOMIC_ACQUIRE) <= self->id) /* for ever if it is not wanted */
		arch_relax();
	kernel_cpu_main();
}

static struct cpu *make_cpu(uint32_t id)
{
	struct cpu *self = frames_take(sizeof(*self));

	self->id = id;
	self->idle = frames_take(sizeof(*self->idle));
	self->arch.stacks = (uint64_t)kernel_map_stacks(id);
	if (speculation.is_separated)
		kernel_map_separate(self);
	return self;
}

static void wait_until(uint64_t deadline_ns)
{
	while (arch_time_now_ns() < deadline_ns && __atomic_load_n(&started_tsc, __ATOMIC_ACQUIRE) == 0)
		arch_relax();
}

/* False: it does not answer, or its clock is another one. */
static bool start(struct cpu *self, uint32_t lapic)
{
	uint64_t before = arch_tsc();

	started_tsc = 0;
	smp_root = THIS_CPU->root;
	smp_stack = self->arch.stacks + STACKS_KERNEL_END;
	__atomic_store_n(&starting, self, __ATOMIC_RELEASE);
	lapic_send(lapic, ICR_INIT);
	wait_until(arch_time_now_ns() + INIT_NS);
	for (uint32_t i = 0; i < 2 && started_tsc == 0; i++) { /* the second if the first was lost */
		lapic_send(lapic, ICR_STARTUP | TRAMPOLINE / PAGE_SIZE);
		wait_until(arch_time_now_ns() + STARTUP_NS);
	}
	return __atomic_exchange_n(&starting, NULL, __ATOMIC_ACQ_REL) == NULL && started_tsc >= before &&
	       started_tsc <= arch_tsc();
}

void smp_start(void)
{
	uint32_t count = acpi_madt.cpu_count < CPUS_MAX ? acpi_madt.cpu_count : CPUS_MAX;

	const paddr_t code = {(uint64_t)boot_trampoline};
	bool is_well = true;

	arch_copy(phys_to_ptr((paddr_t){TRAMPOLINE}), phys_to_ptr(code),
		  (size_t)(boot_trampoline_end - boot_trampoline + 7) & ~7ull);
	for (uint32_t i = 0; i < count && is_well; i++) {
		if (acpi_madt.lapic_ids[i] == lapic_id())
			continue;
		cpus[cpus_used] = make_cpu(cpus_used);
		is_well = start(cpus[cpus_used], acpi_madt.lapic_ids[i]);
		if (is_well)
			__atomic_store_n(&cpus_used, cpus_used + 1, __ATOMIC_RELEASE);
		else
			log_text("boot: a CPU does not start, or its clock differs; it and those behind it "
				 "are "
				 "left out\n");
	}
	((struct time_page *)phys_to_ptr(arch_time_page()))->cpu_count = cpus_used;
}
