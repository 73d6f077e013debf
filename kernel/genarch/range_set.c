/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A bounded set of address ranges; see range_set.h.  Every loop runs over at most BOOT_MAX_RANGES entries.
 */
#include "range_set.h"

static uint64_t range_bytes(const struct boot_range *range)
{
	return range->end - range->start;
}

static void delete_at(struct range_set *set, uint32_t index)
{
	for (uint32_t i = index; i + 1 < set->count; i++)
		set->ranges[i] = set->ranges[i + 1];
	set->count--;
}

static void insert_at(struct range_set *set, uint32_t index, struct boot_range range)
{
	for (uint32_t i = set->count; i > index; i--)
		set->ranges[i] = set->ranges[i - 1];
	set->ranges[index] = range;
	set->count++;
}

static uint32_t smallest(const struct range_set *set)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < set->count; i++) {
		if (range_bytes(&set->ranges[i]) < range_bytes(&set->ranges[best]))
			best = i;
	}
	return best;
}

/* Inserts in order; in a full set the smallest range, or the new one if that is smaller, is lost. */
static void insert_sorted(struct range_set *set, struct boot_range range)
{
	if (set->count == BOOT_MAX_RANGES) {
		uint32_t victim = smallest(set);

		if (range_bytes(&set->ranges[victim]) >= range_bytes(&range)) {
			set->lost_bytes += range_bytes(&range);
			return;
		}
		set->lost_bytes += range_bytes(&set->ranges[victim]);
		delete_at(set, victim);
	}
	uint32_t index = 0;

	while (index < set->count && set->ranges[index].start < range.start)
		index++;
	insert_at(set, index, range);
}

void range_set_add(struct range_set *set, uint64_t start, uint64_t end)
{
	uint32_t i = 0;

	if (start >= end)
		return;
	while (i < set->count) {
		const struct boot_range *other = &set->ranges[i];

		if (other->end < start || other->start > end) {
			i++;
			continue;
		}
		start = other->start < start ? other->start : start;
		end = other->end > end ? other->end : end;
		delete_at(set, i);
	}
	insert_sorted(set, (struct boot_range){start, end});
}

void range_set_remove(struct range_set *set, uint64_t start, uint64_t end)
{
	uint32_t i = 0;

	while (start < end && i < set->count) { /* each round passes a range or takes one away */
		struct boot_range range = set->ranges[i];

		if (range.end <= start || range.start >= end) {
			i++;
			continue;
		}
		delete_at(set, i);
		if (range.start < start)
			insert_sorted(set, (struct boot_range){range.start, start});
		if (range.end > end)
			insert_sorted(set, (struct boot_range){end, range.end});
	}
}

uint64_t range_set_bytes(const struct range_set *set)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < set->count; i++)
		sum += range_bytes(&set->ranges[i]);
	return sum;
}

void range_set_trim_to_pages(struct range_set *set)
{
	uint32_t i = 0;

	while (i < set->count) {
		struct boot_range *range = &set->ranges[i];
		uint64_t start = range->start, end = range->end;

		range->start = (start + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
		range->end = end & ~(PAGE_SIZE - 1);
		if (range->start < range->end && range->start >= start)
			i++;
		else
			delete_at(set, i);
	}
}
