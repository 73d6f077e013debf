/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* x86_64: starting the other CPUs, and what one CPU sends to another. */
#pragma once

#include <compiler.h>

/* Starts all CPUs of the MADT, at most CPUS_MAX; those that do not answer are left out. Behind timer_init. */
void smp_start(void);
/* A report is about to be printed: all other CPUs stop. Later reports, on those, stop silently. */
void smp_stop_others(void);
