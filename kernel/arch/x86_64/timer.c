/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the clock and the one-shot timer.
 *
 * Time is ((TSC - base) * mult) >> 32, in the kernel and, through the clock page, in user space.  The timer is
 * the local APIC's: TSC-deadline mode where the CPU has it, else its counter, which may be shorter than the
 * deadline: then it is armed again when it fires early.  Invariant: kernel_timer is called only when the
 * deadline has passed.
 */
#include "timer.h"

#include <frames.h>

#include "asm.h"
#include "cpu.h"
#include "fpu.h"
#include "irq.h"
#include "layout.h"

#define NS_PER_SECOND 1000000000ull
#define SHIFT 32u
#define MSR_TSC_DEADLINE 0x6e0u
#define TIMER_TSC_DEADLINE 0x40000u
#define TIMER_DIVIDE_BY_1 0xbu

static struct {
	uint64_t tsc_base, mult;
	uint64_t tsc_mult;   /* ns to TSC ticks, SHIFT */
	uint64_t lapic_mult; /* ns to timer ticks, SHIFT */
	uint64_t tsc_hz;
	struct time_page *page;
} clock_state;

static uint64_t scale(uint64_t value, uint64_t mult)
{
	return (uint64_t)(((unsigned __int128)value * mult) >> SHIFT);
}

/* (numerator << SHIFT) / denominator; the quotient fits for all rates from 1 MHz to 1 THz. */
static uint64_t ratio(uint64_t numerator, uint64_t denominator)
{
	uint64_t high = numerator / denominator, rest = numerator % denominator;

	return (high << SHIFT) + (rest << SHIFT) / denominator;
}

uint64_t arch_tsc_hz(void)
{
	return clock_state.tsc_hz;
}

uint64_t arch_time_now_ns(void)
{
	return scale(arch_tsc() - clock_state.tsc_base, clock_state.mult);
}

/* ---- the clock page ---- */

static void page_write_begin(struct time_page *page)
{
	__atomic_store_n(&page->seq, page->seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static void page_write_end(struct time_page *page)
{
	__atomic_store_n(&page->seq, page->seq + 1, __ATOMIC_RELEASE);
}

static uint64_t feature_bits(void)
{
	return (cpu_features.has_fsgsbase ? CPU_FEATURE_FSGSBASE : 0) |
	       (cpu_features.has_rdrand ? CPU_FEATURE_RDRAND : 0) |
	       (cpu_features.has_xsave ? CPU_FEATURE_XSAVE : 0) |
	       (cpu_features.has_rdseed ? CPU_FEATURE_RDSEED : 0);
}

/* Nobody can read it yet. */
static void page_init(void)
{
	struct time_page *page = frames_take(PAGE_SIZE);

	clock_state.page = page;
	page->shift = SHIFT;
	page->tsc_base = clock_state.tsc_base;
	page->mult = clock_state.mult;
	page->tsc_hz = clock_state.tsc_hz;
	page->cpu_features = feature_bits();
	page->xsave_mask = fpu_components();
	page->xsave_bytes = fpu_area_bytes();
}

paddr_t arch_time_page(void)
{
	return ptr_to_phys(clock_state.page);
}

void arch_set_wall_offset(uint64_t wall_offset_ns)
{
	page_write_begin(clock_state.page);
	clock_state.page->wall_offset_ns = wall_offset_ns;
	page_write_end(clock_state.page);
}

/* ---- the timer ---- */

static void arm_hardware(uint64_t deadline_ns, uint64_t now_ns)
{
	uint64_t delta = deadline_ns > now_ns ? deadline_ns - now_ns : 0;

	if (cpu_features.has_tsc_deadline) {
		/* rounded up, and bounded so that the product stays small */
		uint64_t bounded = delta < 3600 * NS_PER_SECOND ? delta : 3600 * NS_PER_SECOND;

		write_msr(MSR_TSC_DEADLINE, arch_tsc() + scale(bounded, clock_state.tsc_mult) + 1);
		return;
	}
	uint64_t ticks = delta < NS_PER_SECOND ? scale(delta, clock_state.lapic_mult) + 1 : ~0u;

	lapic_write(LAPIC_TIMER_INITIAL, ticks < ~0u ? (uint32_t)ticks : ~0u);
}

void arch_timer_arm(uint64_t deadline_ns)
{
	THIS_CPU->deadline_ns = deadline_ns;
	if (deadline_ns != DEADLINE_NEVER)
		arm_hardware(deadline_ns, arch_time_now_ns());
	else if (cpu_features.has_tsc_deadline)
		write_msr(MSR_TSC_DEADLINE, 0);
	else
		lapic_write(LAPIC_TIMER_INITIAL, 0);
}

bool timer_arrived(void)
{
	uint64_t now_ns = arch_time_now_ns();
	uint64_t deadline_ns = THIS_CPU->deadline_ns;

	lapic_write(LAPIC_EOI, 0);
	if (deadline_ns == DEADLINE_NEVER)
		return false;
	if (now_ns < deadline_ns) {
		arm_hardware(deadline_ns, now_ns);
		return false;
	}
	THIS_CPU->deadline_ns = DEADLINE_NEVER;
	return true;
}

void timer_enable(void)
{
	if (cpu_features.has_tsc_deadline) {
		lapic_write(LAPIC_LVT_TIMER, TIMER_TSC_DEADLINE | VECTOR_TIMER);
		__atomic_thread_fence(__ATOMIC_SEQ_CST); /* before the MSR may be written (SDM 3, 10.5.4.1) */
		return;
	}
	lapic_write(LAPIC_TIMER_DIVIDE, TIMER_DIVIDE_BY_1);
	lapic_write(LAPIC_LVT_TIMER, VECTOR_TIMER);
}

void timer_init(uint64_t boot_tsc)
{
	struct clock_rates rates = clock_measure(!cpu_features.has_tsc_deadline);

	clock_state.tsc_base = boot_tsc;
	clock_state.tsc_hz = rates.tsc_hz;
	clock_state.mult = ratio(NS_PER_SECOND, rates.tsc_hz);
	clock_state.tsc_mult = ratio(rates.tsc_hz, NS_PER_SECOND);
	clock_state.lapic_mult = ratio(rates.lapic_hz, NS_PER_SECOND);
	page_init();
	timer_enable();
	uint64_t wall_ns = rtc_read() * NS_PER_SECOND;
	uint64_t now_ns = arch_time_now_ns();

	arch_set_wall_offset(wall_ns > now_ns ? wall_ns - now_ns : 0);
}
