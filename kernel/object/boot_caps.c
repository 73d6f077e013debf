/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The first capabilities: made once by kernel_main from boot memory, before any operation runs.
 *
 * Depths: the sentinel 0; the origins the kernel keeps 1, so that root's CNodes count as depth 1; root's copies and all
 * boot Untypeds 2.  Therefore root's CNodes can hold every Untyped and every origin made from one.
 */
#include <cspace.h>

#define RAM_LIMIT (1ull << 38) /* objects are named by 32-bit indices of 64 bytes */
#define UNTYPED_MAX_ORDER 46u

void boot_slots_init(struct slot *slots)
{
	derivation_init(&slots[BOOT_SLOT_SENTINEL]);
	boot_make_origin(slots, BOOT_SLOT_MEMORY, SLOT_TYPE_SENTINEL, 0, 0, 0);
}

void boot_make_origin(struct slot *slots, uint32_t which, uint32_t type, uint32_t rights, uint32_t object,
		      uint64_t badge)
{
	slot_set(&slots[which], slot_word(type, rights, SLOT_ORIGIN, object), badge);
	slots[which].detail = type == CAP_CNODE;
	slots[which].aux = type == CAP_CNODE ? (1u << badge) - 1u : 0;
	derivation_insert_child(&slots[BOOT_SLOT_SENTINEL], &slots[which]);
}

/* What boot_make_untypeds fills. */
struct untyped_writer {
	struct slot *parent, *slots;
	struct boot_untyped *described;
	uint32_t count, room;
	bool is_device;
};

static void write_untyped(struct untyped_writer *writer, uint64_t start, uint32_t order)
{
	struct slot *slot = &writer->slots[writer->count];

	if (writer->count == writer->room)
		return;
	slot_set(slot,
		 slot_word(CAP_UNTYPED, RIGHTS_ALL, SLOT_ORIGIN | (writer->is_device ? 0 : SLOT_CLEAN), 0),
		 start);
	slot->detail = writer->is_device;
	slot->data[0] = 1ull << order;
	derivation_insert_child(writer->parent, slot);
	writer->described[writer->count++] = (struct boot_untyped){
		.phys = start, .size_log2 = (uint8_t)order, .is_device = writer->is_device};
}

/* The largest naturally aligned block at start that ends by end. */
static uint32_t block_order(uint64_t start, uint64_t end)
{
	uint32_t fit = 63u - (uint32_t)__builtin_clzll(end - start);
	uint32_t aligned = start != 0 ? (uint32_t)__builtin_ctzll(start) : UNTYPED_MAX_ORDER;
	uint32_t order = fit < aligned ? fit : aligned;

	return order < UNTYPED_MAX_ORDER ? order : UNTYPED_MAX_ORDER;
}

/* Those blocks of a range's decomposition that have this order. */
static void write_order(struct untyped_writer *writer, struct boot_range range, uint32_t order)
{
	uint64_t start = (range.start + PAGE_SIZE - 1u) & ~(PAGE_SIZE - 1u);
	uint64_t end = range.end & ~(PAGE_SIZE - 1u);

	if (!writer->is_device) { /* page 0 stays unused: index 0 is no object */
		start = start == 0 ? PAGE_SIZE : start;
		end = end > RAM_LIMIT ? RAM_LIMIT : end;
	}
	while (start < end) { /* ends: start grows; at most two blocks of an order but the largest */
		uint32_t this_order = block_order(start, end);

		if (this_order == order)
			write_untyped(writer, start, order);
		start += 1ull << this_order;
	}
}

static void write_ranges(struct untyped_writer *writer, const struct boot_range *ranges, uint32_t count)
{
	for (uint32_t order = UNTYPED_MAX_ORDER; order >= PAGE_SHIFT; order--) {
		for (uint32_t i = 0; i < count && i < BOOT_MAX_RANGES; i++)
			write_order(writer, ranges[i], order);
	}
}

void boot_make_untypeds(struct slot *slots, const struct boot_handover *boot, struct slot *leaf0,
			uint32_t leaf_slots, struct boot_info *info)
{
	uint32_t room = leaf_slots - ROOT_CAP_UNTYPED;
	struct untyped_writer writer = {.parent = &slots[BOOT_SLOT_MEMORY],
					.slots = &leaf0[ROOT_CAP_UNTYPED],
					.described = info->untyped,
					.room = room < BOOT_MAX_UNTYPED ? room : BOOT_MAX_UNTYPED};

	write_ranges(&writer, boot->free_ram, boot->free_ram_count);
	writer.is_device = true;
	write_ranges(&writer, boot->device, boot->device_count);
	info->untyped_count = writer.count;
}
