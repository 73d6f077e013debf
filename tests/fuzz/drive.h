/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Runs the real kernel and the specification side by side, one operation after the other, and compares after each.
 */
#pragma once

#include "machine.h"

/* What happens, and with what numbers: the trace of a run is a list of these. */
struct event {
	enum {
		EVENT_SYSCALL,
		EVENT_AGAIN,
		EVENT_FOREIGN,
		EVENT_FAULT,
		EVENT_EXCEPTION,
		EVENT_IRQ,
		EVENT_TIME,
		EVENT_TOUCH,
		EVENT_PAGE,
		EVENT_INTERRUPT
	} kind;
	uint64_t cpu, thread, number; /* where, who, the operation, vector or line */
	uint64_t args[7];
	uint64_t ip;
	bool is_fast, is_pressed, is_held, is_locked, is_printed;
	uint64_t result; /* RAX afterwards, if the thread is still there */
};

extern struct spec specified;

/* Makes the machine, brings both to the state from which every input starts, and keeps that. */
void drive_boot(void);
/* Back to that state. */
void drive_restart(void);

/* The CPU on which the next events happen. */
void drive_play(uint32_t cpu);
/* The interrupt that another CPU has sent to this one; nothing if there is none. */
void drive_interrupt(void);
/* All interrupts between CPUs, until there are no more. */
void drive_settle(void);

/* How a system call is made. */
struct how {
	bool is_fast;	 /* by the fast path, if it has one */
	bool is_pressed; /* an interrupt is pending */
	bool is_held;	 /* other CPUs are inside their fast paths */
	bool is_locked;	 /* another CPU is in the kernel */
};
/* The current thread makes a system call; or executes the one before which it stands, if it stands before one (args do not count). */
void drive_syscall(uint32_t number, const uint64_t args[7], uint64_t ip, struct how how);
void drive_foreign(uint64_t number, uint64_t ip);
void drive_fault(uint64_t address, uint64_t error_code);
void drive_exception(uint64_t vector, uint64_t error_code);
void drive_irq(uint32_t line);
void drive_time(uint64_t now_ns);
/* The program of the address space that is current touches memory, or the processor reads ahead. */
void drive_touch(uint64_t va);
/* The current thread writes a word of its message page. */
void drive_page(uint32_t word, uint64_t value);

/* Whether the current thread stands before a system call. */
bool drive_stands_before_call(void);
/* The operation's name. */
const char *drive_name(uint32_t number);

/* prelude.c: the operations that every input starts behind. */
void prelude(void);
/* What is done again for each: the kernel keeps interrupt lines in no memory that could be restored. */
void prelude_of_each_run(void);

/* How many events there have been in all runs. */
extern uint64_t drive_count;
/* Prints each event as it happens. */
extern bool drive_is_verbose;
