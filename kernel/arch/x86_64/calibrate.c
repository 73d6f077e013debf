/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: how fast the TSC and the local APIC's timer run.
 *
 * The CPU or the hypervisor may say so (CPUID 15H, 40000010H); else both are measured against the PIT's second
 * counter, between two moments at which it has just changed.  How long depends on how fast the counter can be
 * read: 0.25 ms when a reading takes nanoseconds (instruction-counting QEMU), 20 ms when it takes microseconds.
 * Source: Intel SDM volume 2 (CPUID), 8254 data sheet.
 */
#include <hal.h>

#include "asm.h"
#include "irq.h"
#include "timer.h"

#define PIT_HZ 1193182ull
#define PIT_CHANNEL2 0x42u
#define PIT_COMMAND 0x43u
#define PIT_GATE 0x61u
#define PIT_MODE2_CHANNEL2 0xb4u
#define PIT_LATCH_CHANNEL2 0x80u
#define SHORT_TICKS 300u       /* 0.25 ms */
#define LONG_TICKS 24000u      /* 20 ms */
#define FAST_READINGS 8u       /* readings between two changes of the counter */
#define READINGS_MAX 50000000u /* a PIT that stands still must not stop boot */
#define NICE_HZ 100000000ull   /* rates within 0.05% of a multiple are taken as that */
#define LAPIC_FALLBACK_HZ 1000000000ull

struct moment {
	uint64_t tsc;
	uint32_t lapic, pit, readings;
};

static uint32_t pit_read(void)
{
	out8(PIT_COMMAND, PIT_LATCH_CHANNEL2);
	uint32_t low = in8(PIT_CHANNEL2);

	return low | ((uint32_t)in8(PIT_CHANNEL2) << 8);
}

static void pit_start(void)
{
	out8(PIT_GATE, (uint8_t)((in8(PIT_GATE) & ~2u) | 1u)); /* gate on, speaker off */
	out8(PIT_COMMAND, PIT_MODE2_CHANNEL2);
	out8(PIT_CHANNEL2, 0); /* 65536: 55 ms */
	out8(PIT_CHANNEL2, 0);
}

/* The moment at which the counter has just changed, at least ticks below start. */
static struct moment wait_change(uint32_t start, uint32_t ticks)
{
	struct moment moment = {0, 0, 0, 0};
	uint32_t before, now = pit_read();

	do { /* at most READINGS_MAX */
		before = now;
		now = pit_read();
		moment.readings++;
	} while ((now == before || ((start - now) & 0xffff) < ticks) && moment.readings < READINGS_MAX);
	moment.tsc = arch_tsc();
	moment.lapic = lapic_read(LAPIC_TIMER_CURRENT);
	moment.pit = now;
	return moment;
}

static uint64_t nice(uint64_t hz)
{
	uint64_t near = (hz + NICE_HZ / 2) / NICE_HZ * NICE_HZ;
	uint64_t off = near > hz ? near - hz : hz - near;

	return off <= hz / 2000 ? near : hz;
}

static struct clock_rates measure(void)
{
	pit_start();
	lapic_write(LAPIC_TIMER_DIVIDE, 0xb);
	lapic_write(LAPIC_TIMER_INITIAL, ~0u);
	struct moment start = wait_change(pit_read(), 2);
	struct moment first = wait_change(start.pit, 1);
	bool is_fast = first.readings >= FAST_READINGS;
	struct moment last = wait_change(first.pit, is_fast ? SHORT_TICKS : LONG_TICKS);
	uint64_t ticks = (first.pit - last.pit) & 0xffff;

	lapic_write(LAPIC_TIMER_INITIAL, 0);
	if (ticks == 0)
		return (struct clock_rates){NICE_HZ * 10, LAPIC_FALLBACK_HZ};
	return (struct clock_rates){
		.tsc_hz = nice((last.tsc - first.tsc) * PIT_HZ / ticks),
		.lapic_hz = nice((uint64_t)(first.lapic - last.lapic) * PIT_HZ / ticks),
	};
}

/* What CPUID says; 0: nothing. */
static uint64_t tsc_hz_by_cpuid(void)
{
	if (cpuid(0, 0).eax >= 0x15) {
		struct cpuid tsc = cpuid(0x15, 0);

		if (tsc.eax != 0 && tsc.ebx != 0 && tsc.ecx != 0)
			return (uint64_t)tsc.ecx * tsc.ebx / tsc.eax;
	}
	if (((cpuid(1, 0).ecx >> 31) & 1) && cpuid(0x40000000u, 0).eax >= 0x40000010u)
		return (uint64_t)cpuid(0x40000010u, 0).eax * 1000;
	return 0;
}

struct clock_rates clock_measure(bool wants_lapic)
{
	uint64_t tsc_hz = tsc_hz_by_cpuid();

	if (tsc_hz != 0 && !wants_lapic)
		return (struct clock_rates){tsc_hz, LAPIC_FALLBACK_HZ};
	struct clock_rates rates = measure();

	if (tsc_hz != 0)
		rates.tsc_hz = tsc_hz;
	return rates;
}
