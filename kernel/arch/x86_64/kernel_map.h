/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the kernel's half of every address space: image, direct map, device registers.
 */
#pragma once

#include <hal.h>

#include <boot_source.h>

#include "../../genarch/boot_support.h" /* kernel_map_direct */

/* Pages of the device window. */
enum { KERNEL_MAP_LAPIC, KERNEL_MAP_IOAPIC };

/* Builds the tables and makes them current. frames_open first. */
void kernel_map_init(const struct boot_source *source);
/* Maps new stacks (STACKS_BYTES: layout.h) for a CPU that is not the first. */
unsigned char *kernel_map_stacks(uint32_t number);
/* Makes the tables of user mode for one CPU, whose stacks are known: the entry code and what it touches. */
void kernel_map_separate(struct cpu *self);
/* Whether va lies in the page below a kernel stack, which is never mapped. */
bool kernel_map_is_guard(uint64_t va);
/* Maps one page of device registers, uncached. */
volatile uint32_t *kernel_map_device(unsigned int window_page, paddr_t page);
