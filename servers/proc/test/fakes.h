/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * proc's rules on the host: kernel objects, address spaces and other services are replaced by counters.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../proc.h"

#define FAKE_CPUS 4u
extern unsigned fake_moves, fake_barriers;
extern unsigned fake_interrupts, fake_wakes, fake_suspends, fake_resumes, fake_bundles, fake_spaces,
	fake_sessions_ended;
extern uint32_t fake_system_ended;
extern uint64_t fake_now_ns;

extern unsigned fake_log_lines;
extern uint64_t fake_resident[LABEL_PROCESSES]; /* by space */
extern bool fake_is_short, fake_has_terminal;

/* Empty tables, and pid 1 as uid 0. */
void fake_reset(void);
/* A process with one thread, made as fork would; parent NULL: pid 1. */
struct process *fake_process(struct process *parent);
struct thread *fake_thread(struct process *p);
uint64_t fake_label(const struct thread *t);
