/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The machine as a whole: power and the kernel's own figures. Held by root alone. */
#include "machine.h"

#include <cspace.h>

#include <kernel/handlers.h>

struct machine_facts machine_facts;

enum tessera_error invoke_machine_power_off(struct thread *self, UNUSED struct slot *cap)
{
	uint64_t how = ctx_arg(&self->ctx, 1);

	if (how > 1)
		return E_ARG;
	arch_power_off(how == 1);
}

static void report(struct thread *self, const uint64_t values[6])
{
	for (uint32_t i = 0; i < 6; i++)
		ctx_set_result(&self->ctx, i, values[i]);
}

/* Sums over all CPUs. */
static void report_counts(struct thread *self)
{
	uint64_t sums[6] = {0};

	for (uint32_t i = 0; i < cpus_used; i++) {
		const struct cpu *one = cpus[i];
		uint64_t fast = one->fast_calls + one->fast_replies;

		sums[0] += one->entries + fast;
		sums[1] += arch_cr3_writes(&one->arch);
		sums[2] += one->slow_switches + fast;
		sums[3] += one->timer_irqs;
		sums[4] += one->fast_calls;
		sums[5] += one->device_irqs;
	}
	report(self, sums);
}

enum tessera_error invoke_kernel_info(struct thread *self, UNUSED struct slot *cap)
{
	switch (ctx_arg(&self->ctx, 1)) {
	case 0:
		report(self, (const uint64_t[6]){KERNEL_VERSION, machine_facts.ram_bytes,
						 machine_facts.kernel_bytes, arch_tsc_hz(),
						 machine_facts.cpu_count});
		return E_OK;
	case 1: report_counts(self); return E_OK;
	default: return E_ARG;
	}
}
