/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: from the firmware's memory map to ranges.
 *
 * Rules: RAM counts only where no other entry claims the same bytes; RAM shrinks to whole pages and
 * everything else grows to them; a page that nobody describes below 4 GiB is device memory.
 */
#include "boot_memory.h"

#include <frames.h>

#include "cpu.h"
#include "layout.h"

#define FIRST_MIB 0x100000ull
#define LEGACY_START 0xa0000ull
#define FOUR_GIB 0x100000000ull
#define INDEX_LIMIT (1ull << 38) /* slot_ref: physical address / 64 in 32 bits */
#define DIRECT_MAP_LIMIT (1ull << 45)
#define LAPIC_PAGE 0xfee00000ull
#define IOAPIC_PAGE 0xfec00000ull

extern unsigned char image_start[], image_end[];

static uint64_t page_down(uint64_t address)
{
	return address & ~(PAGE_SIZE - 1);
}

static uint64_t page_up(uint64_t address)
{
	return (address + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

/* Where physical addresses end for us. */
static uint64_t address_limit(void)
{
	uint64_t limit = 1ull << (cpu_features.physical_bits & 63u);

	return limit < DIRECT_MAP_LIMIT ? limit : DIRECT_MAP_LIMIT;
}

static void clip(struct boot_source *source)
{
	uint64_t limit = address_limit();

	for (uint32_t i = 0; i < source->memory_count; i++) {
		struct boot_memory *memory = &source->memory[i];

		if (memory->end > limit)
			memory->end = limit;
		if (memory->start > memory->end)
			memory->start = memory->end;
	}
}

static void add_ram(struct range_set *set, const struct boot_source *source)
{
	for (uint32_t i = 0; i < source->memory_count; i++) {
		if (source->memory[i].type == BOOT_MEMORY_RAM)
			range_set_add(set, source->memory[i].start, source->memory[i].end);
	}
	range_set_trim_to_pages(set);
}

static void remove_claimed(struct range_set *set, const struct boot_source *source)
{
	for (uint32_t i = 0; i < source->memory_count; i++) {
		const struct boot_memory *memory = &source->memory[i];

		if (memory->type != BOOT_MEMORY_RAM)
			range_set_remove(set, page_down(memory->start), page_up(memory->end));
	}
}

static void find_device(struct range_set *device, const struct range_set *ram)
{
	uint64_t ram_end = ram->count > 0 ? ram->ranges[ram->count - 1].end : 0;
	uint64_t limit = address_limit() < INDEX_LIMIT ? address_limit() : INDEX_LIMIT;
	uint64_t above = ram_end > FOUR_GIB ? ram_end : FOUR_GIB;

	range_set_add(device, LEGACY_START, FOUR_GIB);
	range_set_add(device, (above + (1ull << 30) - 1) & ~((1ull << 30) - 1), limit);
	for (uint32_t i = 0; i < ram->count; i++)
		range_set_remove(device, ram->ranges[i].start, ram->ranges[i].end);
	range_set_remove(device, LAPIC_PAGE, LAPIC_PAGE + PAGE_SIZE);
	range_set_remove(device, IOAPIC_PAGE, IOAPIC_PAGE + PAGE_SIZE);
}

void boot_memory_sort(struct boot_ranges *ranges, struct boot_source *source)
{
	clip(source);
	add_ram(&ranges->ram, source);
	remove_claimed(&ranges->ram, source);
	ranges->free = ranges->ram;
	range_set_remove(&ranges->free, 0, FIRST_MIB);
	range_set_remove(&ranges->free, (uint64_t)image_start, page_up((uint64_t)image_end - KERNEL_OFFSET));
	range_set_remove(&ranges->free, page_down(source->archive_start), page_up(source->archive_end));
	range_set_remove(&ranges->free, INDEX_LIMIT, ~0ull);
	find_device(&ranges->device, &ranges->ram);
}

uint32_t boot_memory_open(const struct boot_ranges *ranges)
{
	struct boot_range best = {0, 0};
	uint32_t place = 0;

	for (uint32_t i = 0; i < ranges->free.count; i++) {
		struct boot_range range = ranges->free.ranges[i];

		range.end = range.end > FOUR_GIB ? FOUR_GIB : range.end;
		if (range.start < range.end && range.end - range.start > best.end - best.start) {
			best = range;
			place = i;
		}
	}
	frames_open(best);
	return place;
}
