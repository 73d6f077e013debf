/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Gives a service what the manifest lists, and nothing else: capabilities into its leaf from SERVICE_CAP_FIRST on,
 * mappings of regions from SERVICE_REGION_VA on.  What was given is noted in its info page by name.
 */
#include "root.h"

#include <string.h>

#include <tessera/labels.h>

#define LARGE_PAGE 0x200000ull
#define WAITER_LEAVES (LABEL_THREADS / 256u)
#define IRQ_LINES 24u

static cap_t waiters[WAITER_LEAVES]; /* made when the first service gets them */
static cap_t irqs[IRQ_LINES];

static void must(enum tessera_error error, const struct service *service, const char *name)
{
	if (error != E_OK)
		die("%s: cannot give it `%s`: error %d", service->manifest->name, name, (int)error);
}

/* ---- what is made once ---- */

static void make_waiters(void)
{
	for (uint32_t i = 0; i < WAITER_LEAVES && waiters[i] == 0; i++)
		waiters[i] = arena_object(CAP_CNODE, 8);
}

static cap_t irq_of(uint32_t line)
{
	if (line >= IRQ_LINES)
		die("no interrupt line %u", line);
	if (irqs[line] == 0) {
		cap_t slot = take_first_leaf_slot();
		enum tessera_error error = ts_machine_irq(ROOT_CAP_MACHINE, SLOT_OWN(slot), line);

		if (error != E_OK)
			die("cannot make interrupt line %u: error %d", line, (int)error);
		irqs[line] = slot;
	}
	return irqs[line];
}

static cap_t ioport_of(uint32_t first, uint32_t count)
{
	cap_t slot = take_first_leaf_slot();
	enum tessera_error error = ts_machine_ioport(ROOT_CAP_MACHINE, SLOT_OWN(slot), first, count);

	if (error != E_OK)
		die("cannot make ports %#x+%u: error %d", first, count, (int)error);
	return slot;
}

/* ---- capabilities ---- */

/* Where the source of a simple grant stands. */
static cap_t source_of(const struct manifest_cap *c)
{
	switch (c->kind) {
	case MANIFEST_CAP_ENDPOINT: return service_at(c->object + 1)->endpoint;
	case MANIFEST_CAP_NOTIFICATION: return service_at(c->object + 1)->notification;
	case MANIFEST_CAP_IRQ: return irq_of(c->object);
	case MANIFEST_CAP_IOPORT: return ioport_of(c->object, c->count);
	case MANIFEST_CAP_MACHINE: return ROOT_CAP_MACHINE;
	default: return ROOT_CAP_CLOCK;
	}
}

static void note(struct service_info *info, const char *name, cap_t address, uint32_t count)
{
	struct service_cap_entry *entry = &info->caps[info->cap_count];

	if (info->cap_count == SERVICE_MAX_CAPS)
		die("%s: more capabilities than its info page holds", info->name);
	info->cap_count++;
	memcpy(entry->name, name, MANIFEST_NAME_BYTES);
	entry->address = address;
	entry->count = count;
}

static void grant_waiters(struct service *service, const struct manifest_cap *c, struct service_info *info)
{
	make_waiters();
	for (uint32_t i = 0; i < WAITER_LEAVES; i++)
		must(ts_cnode_copy(SLOT_IN(service->cnode, SERVICE_WAITERS_LEAF + i), SLOT_OWN(waiters[i]),
				   c->rights),
		     service, c->name);
	note(info, c->name, SERVICE_WAITERS_LEAF << 8, WAITER_LEAVES * 256);
}

/* A region's Memories; returns the next free slot of the leaf. */
static cap_t grant_region(struct service *service, const struct manifest_cap *c, struct service_info *info,
			  cap_t at)
{
	const struct region *region = region_at(c->object);

	note(info, c->name, at, region->parts);
	for (uint32_t i = 0; i < region->parts; i++)
		must(ts_cnode_copy(SLOT_IN(service->leaf, at + i), SLOT_OWN(region->memory[i]), c->rights),
		     service, c->name);
	return at + region->parts;
}

static cap_t grant_cap(struct service *service, const struct manifest_cap *c, struct service_info *info,
		       cap_t at)
{
	if (c->kind == MANIFEST_CAP_WAITERS) {
		grant_waiters(service, c, info);
		return at;
	}
	if (c->kind == MANIFEST_CAP_REGION)
		return grant_region(service, c, info, at);
	must(ts_cnode_mint(SLOT_IN(service->leaf, at), SLOT_OWN(source_of(c)), c->rights, c->badge, 0),
	     service, c->name);
	note(info, c->name, at, 1);
	return at + 1;
}

/* ---- regions ---- */

static void plan_mappings(const struct service *service, const struct manifest *manifest,
			  struct service_info *info)
{
	uint64_t va = SERVICE_REGION_VA;

	for (uint32_t i = 0; i < manifest->map_count; i++) {
		const struct manifest_map *map = &manifest->map[i];
		const struct region *region = region_at(map->region);
		struct service_region_entry *entry = &info->regions[info->region_count];

		if (map->service != service->number - 1)
			continue;
		if (info->region_count == SERVICE_MAX_REGIONS || region->parts != 1)
			die("%s: cannot map region %s", info->name, region->manifest->name);
		info->region_count++;
		memcpy(entry->name, region->manifest->name, MANIFEST_NAME_BYTES);
		entry->va = va;
		entry->bytes = region->pages * PAGE;
		if (region->manifest->kind == MANIFEST_REGION_ARCHIVE)
			entry->bytes = ((const struct boot_info *)ROOT_BOOT_INFO_VA)->archive_bytes;
		entry->rights = map->rights;
		va = (va + region->pages * PAGE + 2 * LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
	}
}

void grant_all(struct service *service, const struct manifest *manifest, struct service_info *info)
{
	cap_t at = SERVICE_CAP_FIRST;

	for (uint32_t i = 0; i < manifest->cap_count; i++) {
		if (manifest->cap[i].service == service->number - 1)
			at = grant_cap(service, &manifest->cap[i], info, at);
	}
	plan_mappings(service, manifest, info);
}

void grant_mappings(struct service *service, const struct manifest *manifest, const struct service_info *info)
{
	uint32_t next = 0;

	for (uint32_t i = 0; i < manifest->map_count; i++) {
		const struct manifest_map *map = &manifest->map[i];
		const struct region *region = region_at(map->region);
		uint64_t done = 0;
		cap_t view;

		if (map->service != service->number - 1)
			continue;
		view = service_take_slot(service);
		must(ts_memory_attach(region->memory[0], SLOT_OWN(view), service->vspace,
				      info->regions[next].va, region->pages, map->rights),
		     service, region->manifest->name);
		must(ts_view_map(view, info->regions[next].va, 0, region->pages, map->rights, &done), service,
		     region->manifest->name);
		next++;
	}
}
