/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The shared memory regions of the manifest. */
#include "root.h"

#include <string.h>

#define LARGE_PAGE 0x200000ull

static struct region regions[MANIFEST_REGIONS];
static uint32_t region_count;
static bool is_mapped[MANIFEST_REGIONS];

const struct region *region_at(uint32_t index)
{
	return &regions[index];
}

static uint64_t share_pages(const struct manifest_region *m, const struct boot_info *info)
{
	uint64_t bytes = info->ram_bytes / m->bytes;

	if (bytes >= 2 * LARGE_PAGE)
		bytes = (bytes + LARGE_PAGE / 2) & ~(LARGE_PAGE - 1);
	return bytes / PAGE;
}

/* A child of the archive's Memory: deep enough in the tree that a View of it may lie in a service's leaf. */
static cap_t archive_child(void)
{
	cap_t slot = take_slot();
	enum tessera_error error = ts_memory_derive(ROOT_CAP_ARCHIVE, SLOT_OWN(slot), 0,
						    cap_pages(ROOT_CAP_ARCHIVE), RIGHT_READ | RIGHT_EXECUTE);

	if (error != E_OK)
		die("cannot derive the archive's Memory: error %d", (int)error);
	return slot;
}

static void make(struct region *region, const struct manifest_region *m, const struct boot_info *info)
{
	bool is_zeroed = (m->flags & MANIFEST_REGION_UNZEROED) == 0;

	region->manifest = m;
	region->parts = 1;
	switch (m->kind) {
	case MANIFEST_REGION_FIXED: region->memory[0] = memory_pages(m->bytes / PAGE, is_zeroed, PAGE); break;
	case MANIFEST_REGION_SHARE:
		region->memory[0] = memory_pages(share_pages(m, info), is_zeroed, LARGE_PAGE);
		break;
	case MANIFEST_REGION_ARCHIVE: region->memory[0] = archive_child(); break;
	default: region->parts = memory_rest(region->memory, REGION_PARTS, &region->pages); return;
	}
	region->pages = cap_pages(region->memory[0]);
}

/* Makes the regions of one kind; the large ones come first, the rest of RAM last. */
static void make_kind(const struct manifest *manifest, const struct boot_info *info, uint32_t kind)
{
	for (uint32_t i = 0; i < manifest->region_count; i++) {
		if (manifest->region[i].kind == kind)
			make(&regions[i], &manifest->region[i], info);
	}
}

void regions_make(const struct manifest *manifest, const struct boot_info *info)
{
	region_count = manifest->region_count;
	make_kind(manifest, info, MANIFEST_REGION_SHARE);
	make_kind(manifest, info, MANIFEST_REGION_FIXED);
	make_kind(manifest, info, MANIFEST_REGION_ARCHIVE);
}

void regions_make_rest(const struct manifest *manifest, const struct boot_info *info)
{
	make_kind(manifest, info, MANIFEST_REGION_REST);
}

const void *region_for_root(const char *name)
{
	for (uint32_t i = 0; i < region_count; i++) {
		uint64_t va = ROOT_REGION_VA + i * ROOT_SERVICE_STRIDE;

		if (strcmp(regions[i].manifest->name, name) != 0)
			continue;
		if (!is_mapped[i])
			(void)memory_map_for_root(regions[i].memory[0], va, regions[i].pages, RIGHT_READ);
		is_mapped[i] = true;
		return (const void *)va;
	}
	return NULL;
}
