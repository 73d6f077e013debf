/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * mem: RAM, address spaces of Linux processes, demand paging, copy-on-write, objects, shared futexes.
 * This file sets it up and sorts messages; what each does stands in process.c and control.c.
 */
#include <cpio_archive.h>
#include <tessera/proto/mem_server.h>
#include <tessera/service.h>

#include "handlers.h"
#include "image.h"
#include "port_tables.h"
#include "space_private.h"

static uint32_t cache_pool;

frame_t cache_frame(uint32_t index)
{
	return index < frames.pool[cache_pool].pages ? frames.pool[cache_pool].first + index : FRAME_NONE;
}

/* Adds a Memory as a pool of frames, mapped here (so that large pages fit) or not. */
static uint32_t add_memory(cap_t memory, uint32_t rights, bool is_mapped)
{
	static uint64_t next_va = SERVICE_FREE_VA;
	uint64_t type = 0, its_rights, badge, phys = 0, pages = 0, unused, va = next_va;

	if (ts_cap_inspect(SLOT_OWN(memory), &type, &its_rights, &badge, &phys, &pages, &unused) != E_OK ||
	    (type & 0xff) != CAP_MEMORY || pages >= PAGE_FRAME_MASK)
		service_fail("capability %u is no usable Memory", memory);
	if (is_mapped) {
		va += phys % 0x200000u;
		next_va = (va + pages * PAGE_BYTES + 0x3fffff) & ~0x1fffffull;
		if (!port_map_own(memory, va, pages))
			service_fail("cannot map %llu pages of Memory", (unsigned long long)pages);
	}
	log_line(LOG_DEBUG, "Memory of %llu pages at %#llx", (unsigned long long)pages,
		 (unsigned long long)phys);
	uint32_t pool = frames_add_pool(is_mapped ? (uint8_t *)va : NULL, (uint32_t)pages);
	if (pool == FRAME_POOLS)
		service_fail("too many Memories");
	port_set_pool(pool, memory, rights);
	return pool;
}

static void add_all_memory(void)
{
	const uint32_t all = RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE;
	uint32_t count;
	cap_t ram = service_caps("ram", &count);

	for (uint32_t i = 0; i < count && frames.pools < FRAME_POOLS - 2; i++)
		(void)add_memory(ram + i, all, true);
	if (!frames_start())
		service_fail("too little RAM");
	cache_pool = add_memory(service_cap("cache"), all, true);
	process_pages_pool = add_memory(service_cap("procpages"), RIGHT_READ | RIGHT_WRITE, false);
}

static void load_personality(void)
{
	uint64_t bytes;
	const void *archive = service_region("archive", &bytes);
	struct cpio_entry file;
	const char *problem;

	if (!archive || !cpio_find(archive, bytes, "boot/personality", &file))
		service_fail("the boot archive has no boot/personality");
	problem = image_load(file.data, file.bytes);
	if (problem)
		service_fail("boot/personality: %s", problem);
}

static int on_message(struct request *rq)
{
	switch (MSG_TAG_OP(rq->tag)) {
	case MSG_OP_PAGE_FAULT: handle_page_fault(rq); return 0;
	case MSG_OP_EXCEPTION: rq->tag = MSG_TAG(FAULT_HALT, 0, 0); return 0;
	default: return mem_dispatch(rq);
	}
}

int main(void)
{
	static const struct service_ops ops = {.message = on_message, .undo = mem_undo};

	page_copy_choose();
	port_start();
	if (!grant_start())
		service_fail("no capability slots");
	add_all_memory();
	load_personality();
	log_line(LOG_INFO, "%u of %u pages free, personality of %u pages", frames.free_count, frames.total,
		 (uint32_t)image.pages);
	service_ready();
	service_run(&ops);
}
