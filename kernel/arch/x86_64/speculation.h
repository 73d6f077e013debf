/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: what is done against CPUs that guess: which of it, and the parts that are instructions of their own.
 */
#pragma once

#include <stdbool.h>

struct speculation {
	bool is_separated; /* user mode has page tables of its own, and buffers are emptied on the way to it */
	bool has_ibrs;	   /* the CPU keeps predictions of kernel and user apart by itself: enhanced IBRS */
	bool has_auto_ibrs; /* the same, AMD's way */
	bool has_retpoline; /* calls through the table of operations are not predicted */
	bool has_stibp;	    /* predictions are kept apart from the other thread of the core */
	bool has_ibpb;	    /* predictions are forgotten when the address space changes */
	bool fills_returns; /* the stack of predicted returns is overwritten then */
};
/* The same for all CPUs. */
extern struct speculation speculation;

/* Decides, by CPUID and the options mitigations=, kpti=; after cpu_detect. */
void speculation_choose(void);
/* Turns on in this CPU what is a bit of a register. */
void speculation_enable(void);
/* One line of the boot log. */
void speculation_report(void);

/* When another address space is switched to; only if speculation_has_barrier. */
void speculation_barrier(void);
static inline bool speculation_has_barrier(void)
{
	return speculation.has_ibpb || speculation.fills_returns;
}
