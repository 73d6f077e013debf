/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * PVH: reads struct hvm_start_info into struct boot_source.
 *
 * The structures lie anywhere in the first 4 GiB, which the boot tables map.  What the loader says is
 * bounded, not believed: counts are clipped, strings are cut.  Source: Xen, docs/misc/pvh.pandoc.
 */
#include <boot_source.h>

#include <hal.h>

#define START_MAGIC 0x336ec578u
#define MAPPED_LIMIT 0x100000000ull

struct hvm_start_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, cmdline, rsdp;
	uint64_t memory_map; /* from version 1 on */
	uint32_t memory_count, reserved;
};
static_assert(sizeof(struct hvm_start_info) == 56, "PVH ABI");

struct hvm_module {
	uint64_t address, size, cmdline, reserved;
};

struct hvm_memory {
	uint64_t address, size;
	uint32_t type, reserved;
};

static struct boot_source source;

/* Entered by boot/pvh/entry.S. */
NORETURN void pvh_start(uint32_t start_info);

static const void *low_pointer(uint64_t address, uint64_t size)
{
	if (address == 0 || address >= MAPPED_LIMIT || size > MAPPED_LIMIT - address)
		return NULL;
	return phys_to_ptr((paddr_t){address});
}

static void read_memory(const struct hvm_start_info *info)
{
	uint32_t count = info->memory_count < BOOT_MEMORY_MAX ? info->memory_count : BOOT_MEMORY_MAX;
	const struct hvm_memory *map = low_pointer(info->memory_map, count * sizeof(*map));

	if (info->version < 1 || map == NULL)
		return;
	for (uint32_t i = 0; i < count; i++) {
		bool is_known = map[i].type >= BOOT_MEMORY_RAM && map[i].type <= BOOT_MEMORY_ACPI_NVS;
		uint64_t end = map[i].address + map[i].size;

		source.memory[i] = (struct boot_memory){
			.start = map[i].address,
			.end = end < map[i].address ? ~0ull : end,
			.type = is_known ? map[i].type : BOOT_MEMORY_RESERVED,
		};
	}
	source.memory_count = count;
	source.memory_dropped = info->memory_count - count;
}

static void read_cmdline(uint64_t address)
{
	const char *text = low_pointer(address, BOOT_CMDLINE_BYTES);

	for (uint32_t i = 0; text != NULL && i + 1 < BOOT_CMDLINE_BYTES && text[i] != '\0'; i++)
		source.cmdline[i] = text[i];
}

void pvh_start(uint32_t start_info)
{
	const struct hvm_start_info *info = low_pointer(start_info, sizeof(*info));

	source.protocol = "PVH";
	if (info != NULL && info->magic == START_MAGIC) {
		const struct hvm_module *module = low_pointer(info->modules, sizeof(*module));

		read_memory(info);
		read_cmdline(info->cmdline);
		source.rsdp = info->rsdp;
		if (info->module_count > 0 && module != NULL) {
			source.archive_start = module->address;
			source.archive_end = module->address + module->size;
		}
	}
	arch_start(&source);
}
