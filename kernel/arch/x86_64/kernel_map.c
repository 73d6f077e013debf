/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the kernel's half of every address space, built once at boot.
 *
 *   DIRECT_MAP_BASE      all RAM, writable, never executable; the image's text and constants read-only there too
 *   KERNEL_OFFSET        the image, by pages: text RX, constants R, data RW; guard pages of stacks absent
 *   DEVICE_WINDOW        registers of the interrupt controllers, uncached
 *   STACK_WINDOW         the stacks of all CPUs but the first, with guard pages
 *
 * Invariant (checked in map_page): no kernel mapping is both writable and executable; all are global and
 * supervisor-only.  Entries of the root never change after boot, so new roots copy them.
 */
#include "kernel_map.h"

#include <frames.h>
#include <object.h>
#include <panic.h>

#include "asm.h"
#include "cpu.h"
#include "layout.h"
#include "trap.h"

#define DEVICE_WINDOW 0xffffffffc0000000ull
#define STACK_WINDOW 0xffffffffd0000000ull
#define KERNEL_BITS (PTE_PRESENT | PTE_GLOBAL | PTE_ACCESSED)
#define BITS_TEXT KERNEL_BITS
#define BITS_CONSTANT (KERNEL_BITS | PTE_NX)
#define BITS_DATA (KERNEL_BITS | PTE_DIRTY | PTE_WRITE | PTE_NX)
#define BITS_DEVICE (BITS_DATA | PTE_PCD | PTE_PWT)
#define LARGE_BYTES (PAGE_SIZE * PT_ENTRIES)
#define HUGE_BYTES (LARGE_BYTES * PT_ENTRIES)

/* kernel.ld */
extern unsigned char image_text_start[], image_text_end[], image_rodata_start[], image_rodata_end[];
extern unsigned char image_data_start[], image_data_end[];

static pte_t *kernel_root;

/* The entry of va at a level below a root, with the tables between made. */
static pte_t *entry_of(pte_t *table, uint64_t va, unsigned int level)
{
	for (unsigned int at = PT_LEVELS - 1; at > level; at--) {
		pte_t *entry = &table[pt_index(va, at)];

		if (!(*entry & PTE_PRESENT))
			*entry = ptr_to_phys(frames_take(PAGE_SIZE)).raw | PTE_PRESENT | PTE_WRITE |
				 PTE_ACCESSED;
		else if (*entry & PTE_LARGE)
			return entry; /* mapped already by something larger */
		table = phys_to_ptr(pte_address(*entry));
	}
	return &table[pt_index(va, level)];
}

static void map_page(uint64_t va, uint64_t pa, pte_t bits, unsigned int level)
{
	pte_t *entry = entry_of(kernel_root, va, level);

	if ((bits & PTE_WRITE) && !(bits & PTE_NX))
		kernel_panic("boot: a kernel mapping would be writable and executable");
	if (!(*entry & PTE_PRESENT))
		*entry = pa | bits | (level > 0 ? PTE_LARGE : 0);
}

bool kernel_map_is_guard(uint64_t va)
{
	uint64_t offset = va - (uint64_t)boot_stacks, in_window = va - STACK_WINDOW;

	if (in_window < CPUS_MAX * STACKS_BYTES)
		offset = in_window % STACKS_BYTES;
	return offset < STACKS_BYTES && cpu_is_guard(offset);
}

unsigned char *kernel_map_stacks(uint32_t number)
{
	uint64_t start = STACK_WINDOW + number * (uint64_t)STACKS_BYTES;

	for (uint64_t offset = 0; offset < STACKS_BYTES; offset += PAGE_SIZE) {
		if (!cpu_is_guard(offset))
			map_page(start + offset, ptr_to_phys(frames_take(PAGE_SIZE)).raw, BITS_DATA, 0);
	}
	return (unsigned char *)start;
}

static void map_image(const unsigned char *start, const unsigned char *end, pte_t bits)
{
	for (uint64_t va = (uint64_t)start; va < (uint64_t)end; va += PAGE_SIZE) {
		if (!kernel_map_is_guard(va))
			map_page(va, va - KERNEL_OFFSET, bits, 0);
	}
}

/* Whether the image's text and constants, which follow each other, have a part in a physical range. */
static bool holds_read_only(uint64_t pa, uint64_t bytes)
{
	return pa < (uint64_t)image_rodata_end - KERNEL_OFFSET &&
	       pa + bytes > (uint64_t)image_text_start - KERNEL_OFFSET;
}

/* The 2 MiB that hold the image: by pages, so that text and constants are read-only here too. */
static void map_direct_by_pages(uint64_t start)
{
	for (uint64_t pa = start; pa < start + LARGE_BYTES; pa += PAGE_SIZE)
		map_page(pa + DIRECT_MAP_BASE, pa, holds_read_only(pa, PAGE_SIZE) ? BITS_CONSTANT : BITS_DATA,
			 0);
}

void kernel_map_direct(uint64_t start, uint64_t end)
{
	uint64_t pa = start & ~(LARGE_BYTES - 1);

	while (pa < end) { /* at most the RAM there is, in steps of 2 MiB or 1 GiB */
		bool is_huge = cpu_features.has_gigabyte_pages && (pa & (HUGE_BYTES - 1)) == 0 &&
			       pa >= start && end - pa >= HUGE_BYTES && pa != 0;

		if (is_huge && !(*entry_of(kernel_root, pa + DIRECT_MAP_BASE, 2) & PTE_PRESENT)) {
			map_page(pa + DIRECT_MAP_BASE, pa, BITS_DATA, 2);
			pa += HUGE_BYTES;
			continue;
		}
		if (holds_read_only(pa, LARGE_BYTES))
			map_direct_by_pages(pa);
		else
			map_page(pa + DIRECT_MAP_BASE, pa, BITS_DATA, 1);
		pa += LARGE_BYTES;
	}
}

volatile uint32_t *kernel_map_device(unsigned int window_page, paddr_t page)
{
	uint64_t va = DEVICE_WINDOW + window_page * PAGE_SIZE;

	map_page(va, page.raw & ~(PAGE_SIZE - 1), BITS_DEVICE, 0);
	return (volatile uint32_t *)(va + (page.raw & (PAGE_SIZE - 1)));
}

void kernel_map_init(const struct boot_source *source)
{
	kernel_root = frames_take(PAGE_SIZE);
	map_image(image_text_start, image_text_end, BITS_TEXT);
	map_image(image_rodata_start, image_rodata_end, BITS_CONSTANT);
	map_image(image_data_start, image_data_end, BITS_DATA);
	for (uint32_t i = 0; i < source->memory_count; i++) {
		const struct boot_memory *memory = &source->memory[i];

		if (memory->type != BOOT_MEMORY_RESERVED)
			kernel_map_direct(memory->start, memory->end);
	}
	kernel_map_direct(source->archive_start, source->archive_end);
	arch_vspace_switch(ptr_to_phys(kernel_root));
}

/* ---- user mode's tables, where they are separated ---- */

static void expose(pte_t *root, uint64_t start, uint64_t bytes, pte_t bits)
{
	for (uint64_t va = start; va < start + bytes; va += PAGE_SIZE) {
		uint64_t pa = va - (va >= KERNEL_OFFSET ? KERNEL_OFFSET : DIRECT_MAP_BASE);

		if (va >= STACK_WINDOW)
			pa = pte_address(*entry_of(kernel_root, va, 0)).raw;
		*entry_of(root, va, 0) = pa | bits;
	}
}

void kernel_map_separate(struct cpu *self)
{
	pte_t *root = frames_take(PAGE_SIZE);

	self->arch.user_root = ptr_to_phys(root).raw;
	expose(root, (uint64_t)entry_text_start, (uint64_t)(entry_text_end - entry_text_start), BITS_TEXT);
	expose(root, (uint64_t)cpu_idt, PAGE_SIZE, BITS_CONSTANT);
	expose(root, (uint64_t)self, PAGE_SIZE, BITS_DATA);
	for (uint64_t i = 0; i < IST_STACKS; i++)
		expose(root,
		       self->arch.stacks + STACKS_KERNEL_END + i * (GUARD_BYTES + IST_STACK_BYTES) +
			       GUARD_BYTES,
		       IST_STACK_BYTES, BITS_DATA);
}

/* ---- address spaces (hal.h) ---- */

void arch_vspace_init(pte_t *root)
{
	arch_copy(root + USER_PT_ENTRIES, kernel_root + USER_PT_ENTRIES,
		  (PT_ENTRIES - USER_PT_ENTRIES) * sizeof(pte_t));
}

void arch_vspace_leave(paddr_t root)
{
	if (root.raw == THIS_CPU->root)
		arch_vspace_switch(ptr_to_phys(kernel_root));
}

void arch_tlb_flush_page(paddr_t root, uint64_t va)
{
	if (root.raw == THIS_CPU->root)
		invalidate_page(va);
}

void arch_tlb_flush_all(paddr_t root)
{
	if (root.raw != THIS_CPU->root)
		return;
	THIS_CPU->cr3_writes++;
	write_cr3(root.raw);
}

void arch_tlb_forget(bool is_idle)
{
	if (is_idle)
		arch_vspace_switch(ptr_to_phys(kernel_root));
	else
		arch_tlb_flush_all((paddr_t){THIS_CPU->root});
}

uint64_t arch_cr3_writes(const struct arch_cpu *other)
{
	return other->cr3_writes;
}
