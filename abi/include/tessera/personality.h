/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The header of the personality's image (linux/): what mem and proc must know of it.
 *
 * The image (boot/personality) is an ELF64 ET_DYN without a single dynamic relocation, linked at 0. Its first PT_LOAD
 * (read-only) has p_vaddr 0 and begins with this struct; then come text (RX), the vDSO (RX) and data/bss (RW private),
 * each page aligned. All fields are offsets from the image's base, which mem chooses at each exec.
 *
 * A thread is started at `start` (a fresh address space: pid 1 and exec) with RCX = its message page and any stack;
 * threads and forked children start at the address that the personality itself names to proc.
 * personality_config: syscall_entry, exception_entry, interrupt_entry, [code_start, code_end), [exit_start, exit_end),
 * all with the base added.
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define PERSONALITY_MAGIC 0x315345524f53504cull /* "LPSORES1" */

struct personality_entries {
	uint64_t magic;
	uint64_t image_bytes; /* from base to the end of bss, page aligned */
	uint64_t start;
	uint64_t syscall_entry, exception_entry, interrupt_entry;
	uint64_t code_start,
		code_end; /* the personality's code for thread_interrupt; the restore sequence and the vDSO lie outside */
	uint64_t exit_start, exit_end;
	uint64_t vdso, vdso_bytes; /* an ELF shared object, page aligned */
};
static_assert(sizeof(struct personality_entries) == 96, "the entry header is ABI");
static_assert(offsetof(struct personality_entries, start) == 16, "entry.S relies on the order");
