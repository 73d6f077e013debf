/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What tests on the host see of the simulated machine: physical memory, clock, interrupt lines.  What each processor has of its own
 * (translation cache, timer) stands in struct arch_cpu.
 */
#pragma once

#include <object.h>

#define HOST_TIME_PAGE HOST_PHYS_BASE /* the first page of host_memory */

struct host_machine {
	uint64_t interrupted_cpus; /* by bit */
	uint64_t flush_page_count, flush_all_count;
	uint64_t time_ns, wall_offset_ns;
	uint32_t unmasked_lines; /* bit per line */
	uint64_t port_value, last_port, last_port_value;
	void (*idle)(
		void); /* what the processor does when it waits; it does not return. NULL: the test fails */
	void (*relax)(void); /* what others do while a CPU waits for them; NULL: nothing */
	void (*leave)(
		bool is_panic); /* the end of kernel_main and of a panic's report; does not return. NULL: the test fails */
	void (*written)(const char *text, size_t length); /* sees the log; NULL: nobody */
	bool is_quiet;					  /* it goes nowhere else */
};
extern struct host_machine host;

/* Zeroes memory and machine, the processors of all CPUs in use with it. */
void host_reset(void);

/*
 * What a program of that address space would get at va on the current CPU: fills its translation cache as a processor may.  0: page fault.
 * A cached translation is used without looking at the tables.
 */
pte_t host_access(paddr_t root, uint64_t va);

/* Whether every cached translation of all CPUs is still what the tables say, or less. Tables that were freed must not be cached. */
bool host_tlb_is_coherent(void);
