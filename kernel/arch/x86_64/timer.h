/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the clock (TSC) and the one-shot timer (local APIC).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Measures the TSC and the timer, makes the clock page, reads the RTC. After lapic_init. */
void timer_init(uint64_t boot_tsc);
/* The timer's interrupt: acknowledges it. True if the armed deadline has passed; else it has been armed again. */
bool timer_arrived(void);
/* timer_init's part for each CPU: lets the hardware interrupt it. */
void timer_enable(void);

/* calibrate.c: how fast the two counters run. lapic_hz is 0 where it was not measured. */
struct clock_rates {
	uint64_t tsc_hz, lapic_hz;
};
struct clock_rates clock_measure(bool wants_lapic);

/* rtc.c: seconds since 1970 by the battery clock; 0 if it makes no sense. */
uint64_t rtc_read(void);
