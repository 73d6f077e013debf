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

/* Sums over all CPUs. */
static void add_counters(uint64_t sums[6])
{
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
}

enum tessera_error invoke_kernel_info(struct thread *self, UNUSED struct slot *cap)
{
	const uint64_t facts[6] = {KERNEL_VERSION, machine_facts.ram_bytes, machine_facts.kernel_bytes,
				   arch_tsc_hz(), machine_facts.cpu_count};
	uint64_t what = ctx_arg(&self->ctx, 1), sums[6] = {0};

	if (what > 1)
		return E_ARG;
	add_counters(sums);
	for (uint32_t i = 0; i < 6; i++)
		ctx_set_result(&self->ctx, i, what == 0 ? facts[i] : sums[i]);
	return E_OK;
}
