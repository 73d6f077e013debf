/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The services: their kernel objects, capability spaces and (re)starts.
 *
 * Life of a service:  DOWN --service_start--> STARTING --ready--> READY --fault--> CRASHED --service_restart--> STARTING
 * What a restart throws away is what was made from `body` (thread, address space, page tables) and the views; endpoint,
 * Notification, capability space and memory stay, so clients and regions outlive it.
 */
#include "root.h"

#include <string.h>

#include <tessera/labels.h>

#define CNODE_LOG2 8u
#define TABLES_MIN_LOG2 14u

static struct service services[MANIFEST_SERVICES];
static struct service_info infos[MANIFEST_SERVICES];
static const struct manifest *manifest;

struct service *service_at(uint32_t number)
{
	return number >= 1 && number <= manifest->service_count ? &services[number - 1] : NULL;
}

uint32_t service_count(void)
{
	return manifest->service_count;
}

const char *service_name(uint32_t number)
{
	const struct service *service = service_at(number);

	return service ? service->manifest->name : "?";
}

static void must(enum tessera_error error, const struct service *service, const char *what)
{
	if (error != E_OK)
		die("%s: %s: error %d", service->manifest->name, what, (int)error);
}

/* ---- objects ---- */

static uint32_t log2_up(uint64_t bytes)
{
	uint32_t log2 = 12;

	while ((1ull << log2) < bytes)
		log2++;
	return log2;
}

static uint32_t untyped_log2(const struct manifest_service *m, const struct boot_info *info)
{
	if (m->untyped_share == 0)
		return m->untyped_log2;
	return log2_up(info->ram_bytes / m->untyped_share);
}

/* A capability of root's endpoint, for one use by one service. */
static cap_t mint_own(struct service *service, uint64_t use)
{
	cap_t slot = take_slot();

	must(ts_cnode_mint(SLOT_OWN(slot), SLOT_OWN(ROOT_CAP_ENDPOINT), RIGHT_WRITE | RIGHT_GRANT,
			   use | service->number, 0),
	     service, "root's endpoint");
	return slot;
}

static void make_objects(struct service *service)
{
	const struct manifest_service *m = service->manifest;

	service->cnode = arena_object(CAP_CNODE, CNODE_LOG2);
	service->leaf = arena_object(CAP_CNODE, CNODE_LOG2);
	must(ts_cnode_copy(SLOT_IN(service->cnode, 0), SLOT_OWN(service->leaf), RIGHTS_ALL), service, "leaf");
	for (uint32_t i = 0; i < m->free_leaves; i++) {
		cap_t leaf = arena_object(CAP_CNODE, CNODE_LOG2);

		service->free_leaves[i] = leaf;
		must(ts_cnode_copy(SLOT_IN(service->cnode, SERVICE_FREE_LEAF + i), SLOT_OWN(leaf),
				   RIGHTS_ALL),
		     service, "leaf");
	}
	service->endpoint = arena_object(CAP_ENDPOINT, 0);
	service->notification = arena_object(CAP_NOTIFICATION, 0);
	service->sched = arena_object(CAP_SCHED_CONTEXT, 0);
	service->body = arena_object(CAP_UNTYPED, log2_up(m->table_pages * PAGE));
	service->log_ep = mint_own(service, 0);
	service->control_ep = mint_own(service, BADGE_CONTROL);
	service->fault_ep = mint_own(service, BADGE_FAULT);
}

cap_t service_take_slot(struct service *service)
{
	cap_t slot = take_slot();

	if (service->body_slot_count == SERVICE_BODY_SLOTS)
		die("%s: too many views and page tables", service->manifest->name);
	service->body_slots[service->body_slot_count++] = slot;
	return slot;
}

/* Thread and VSpace from the body; what is left of it becomes page tables. */
static void make_body(struct service *service)
{
	uint64_t left = 0;

	service->thread = service_take_slot(service);
	service->vspace = service_take_slot(service);
	must(object_make_at(service->body, CAP_THREAD, 0, SLOT_OWN(service->thread)), service, "thread");
	must(object_make_at(service->body, CAP_VSPACE, 0, SLOT_OWN(service->vspace)), service,
	     "address space");
	must(ts_sched_bind(service->sched, service->thread), service, "time");
	for (uint32_t log2 = TABLES_MIN_LOG2;; log2++) {
		cap_t slot;

		(void)ts_cap_inspect(SLOT_OWN(service->body), NULL, NULL, NULL, NULL, NULL, &left);
		if (left < 1ull << log2)
			return;
		slot = service_take_slot(service);
		must(object_make_at(service->body, CAP_UNTYPED, log2, SLOT_OWN(slot)), service,
		     "page tables");
		must(ts_vspace_donate_tables(service->vspace, SLOT_OWN(slot)), service, "page tables");
	}
}

/* ---- capability space ---- */

static void give(struct service *service, uint32_t to, cap_t from, uint32_t rights)
{
	must(ts_cnode_copy(SLOT_IN(service->leaf, to), SLOT_OWN(from), rights), service, "own capabilities");
}

/* The capabilities that go with the body. */
static void give_body(struct service *service)
{
	give(service, SERVICE_CAP_VSPACE, service->vspace, RIGHT_READ | RIGHT_WRITE);
	give(service, SERVICE_CAP_THREAD, service->thread, RIGHT_READ | RIGHT_WRITE);
}

static void give_own(struct service *service, const struct boot_info *info)
{
	uint32_t log2 = untyped_log2(service->manifest, info);

	give(service, SERVICE_CAP_CNODE, service->cnode, RIGHT_READ | RIGHT_WRITE);
	give(service, SERVICE_CAP_LEAF, service->leaf, RIGHT_READ | RIGHT_WRITE);
	give(service, SERVICE_CAP_LOG, service->log_ep, RIGHT_WRITE | RIGHT_GRANT);
	give(service, SERVICE_CAP_CONTROL, service->control_ep, RIGHT_WRITE | RIGHT_GRANT);
	give(service, SERVICE_CAP_ENDPOINT, service->endpoint, RIGHTS_ALL);
	give(service, SERVICE_CAP_NOTIFICATION, service->notification, RIGHT_READ | RIGHT_WRITE);
	if (log2 != 0)
		must(ts_cnode_move(SLOT_IN(service->leaf, SERVICE_CAP_UNTYPED), SLOT_OWN(memory_share(log2))),
		     service, "Untyped");
}

static void fill_info(struct service *service, const struct boot_info *boot, struct service_info *info)
{
	const struct manifest_service *m = service->manifest;

	*info = (struct service_info){
		.magic = SERVICE_INFO_MAGIC,
		.number = service->number,
		.heap_bytes = (uint64_t)m->heap_pages * PAGE,
		.ram_bytes = boot->ram_bytes,
		.kernel_bytes = boot->kernel_bytes,
		.free_leaves = m->free_leaves,
	};
	memcpy(info->name, m->name, MANIFEST_NAME_BYTES);
	memcpy(info->cmdline, boot->cmdline, BOOT_CMDLINE_BYTES);
}

void services_make(const struct manifest *m, const struct boot_info *info)
{
	manifest = m;
	for (uint32_t i = 0; i < m->service_count; i++) {
		struct service *service = &services[i];

		service->manifest = &m->service[i];
		service->number = i + 1;
		load_prepare(service);
		make_objects(service);
		give_own(service, info);
		fill_info(service, info, &infos[i]);
	}
	regions_make_rest(m, info);
	for (uint32_t i = 0; i < m->service_count; i++) {
		infos[i].boot_bytes = memory_taken_bytes();
		grant_all(&services[i], m, &infos[i]);
	}
}

/* ---- start ---- */

static void configure(struct service *service)
{
	struct msg_page *page = (struct msg_page *)ROOT_MSG_PAGE_VA;
	struct thread_config config = {
		.cspace = service->cnode,
		.vspace = service->vspace,
		.fault_ep = service->fault_ep,
		.last_ep =
			service->fault_ep, /* processor exceptions: lib/tessera registers no exception entry */
		.page_va = SERVICE_MSG_PAGE_VA,
		.label = LABEL_NATIVE | service->number,
		.flags = THREAD_CFG_LABEL,
		.priority = service->manifest->priority,
	};
	struct user_regs regs = {.rip = service->image.entry, .rsp = load_stack_pointer()};

	memcpy(&page->words[MSG_REGISTER_WORDS], &config, sizeof(config));
	must(ts_thread_configure(service->thread), service, "thread configuration");
	memcpy(&page->words[MSG_REGISTER_WORDS], &regs, sizeof(regs));
	must(ts_thread_set_regs(service->thread, 0, 0), service, "registers");
	must(ts_thread_bind_notification(service->thread, service->notification), service, "notification");
}

void service_start(struct service *service)
{
	struct service_info *info = &infos[service->number - 1];

	info->restarts = service->restarts;
	make_body(service);
	load_fill(service, info);
	load_map(service);
	grant_mappings(service, manifest, info);
	give_body(service);
	configure(service);
	service->state = SERVICE_STARTING;
	must(ts_thread_resume(service->thread), service, "start");
	say(LOG_DEBUG, "started %s (%lu KiB)", service->manifest->name,
	    service->memory_pages * (PAGE / 1024));
}

/* ---- restart ---- */

/* Everything the instance left in its own slots; a Reply among them wakes its caller with an error. */
static void clear_slots(struct service *service)
{
	(void)ts_cnode_delete(SLOT_IN(service->leaf, SERVICE_CAP_REPLY), 0);
	for (uint32_t leaf = 0; leaf < service->manifest->free_leaves; leaf++) {
		for (uint32_t slot = 0; slot < 256; slot++)
			(void)ts_cnode_delete(SLOT_IN(service->free_leaves[leaf], slot), 0);
	}
}

void service_restart(struct service *service)
{
	(void)ts_cnode_revoke(SLOT_OWN(service->body), 0);
	for (uint32_t i = 0; i < service->body_slot_count; i++)
		slot_release(service->body_slots[i]);
	service->body_slot_count = 0;
	clear_slots(service);
	service->restarts++;
	service_start(service);
}
