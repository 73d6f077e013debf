/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The personality of personality.S, which notes what it was given: shared by personality.c and interrupt.c. */
#pragma once

#include "tests.h"

extern char pers_start[], pers_syscall[], pers_exception[], pers_interrupt[], pers_end[];

/* Indices of msg_page.personality[]. */
enum {
	NOTE_RSP,
	NOTE_RCX,
	NOTE_SYSCALLS,
	NOTE_EXCEPTIONS,
	NOTE_INTERRUPTS,
	NOTE_SKIP,
	NOTE_AGAIN,
	NOTE_REGS = 8,
	NOTE_FLAGS = 24,
};

/* Registers it for a thread of this space; the personality's code reaches from start to end. */
void personality_set(cap_t thread, const void *start, const void *end);
/* What the worker's personality noted. */
volatile uint64_t *notes(const struct worker *w);
