/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What tests on the host see of the simulated machine: physical memory, translation cache, clock, interrupt lines.
 */
#pragma once

#include <hal.h>

#define HOST_TLB_ENTRIES 1024u
#define HOST_TIME_PAGE HOST_PHYS_BASE /* the first page of host_memory */

struct host_translation {
	uint64_t root, va; /* root 0: unused */
	pte_t entry;
};

struct host_machine {
	uint64_t interrupted_cpus; /* by bit */
	struct host_translation tlb[HOST_TLB_ENTRIES];
	uint32_t tlb_next;
	uint64_t current_root;
	uint64_t flush_page_count, flush_all_count, switch_count;
	uint64_t time_ns, timer_deadline_ns, wall_offset_ns;
	uint32_t unmasked_lines; /* bit per line */
	uint64_t port_value, last_port, last_port_value;
	void (*idle)(
		void); /* what the processor does when it waits; it does not return. NULL: the test fails */
	bool is_quiet; /* the log goes nowhere */
};
extern struct host_machine host;

/* Zeroes memory and machine. */
void host_reset(void);

/*
 * What a program of that address space would get at va: fills the translation cache as a processor may.  0: page fault.
 * A cached translation is used without looking at the tables.
 */
pte_t host_access(paddr_t root, uint64_t va);

/* Whether every cached translation is still what the tables say, or less. Tables that were freed must not be cached. */
bool host_tlb_is_coherent(void);
