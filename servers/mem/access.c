/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* mem's own access to the memory of a process, for proc (CLEARTID, robust lists), vfs (/proc) and shared futexes. */
#include <string.h>

#include "object.h"
#include "space.h"

const uint8_t *space_peek(struct space *space, uint64_t page)
{
	const page_entry *entry = pages_find(&space->pages, page);

	if (!entry || !frames.pool[frame_pool(page_frame(*entry))].base)
		return NULL;
	return frame_bytes(page_frame(*entry));
}

uint8_t *space_poke(struct space *space, uint64_t page)
{
	const struct area *area = area_find(space, page);
	const page_entry *entry = pages_find(&space->pages, page);

	if (!area || !(area->prot & PROT_WRITE) || (area->flags & AREA_PROCESS_PAGES))
		return NULL;
	if (!entry || !(*entry & PAGE_WRITABLE)) {
		if (space_fault(space, page, ACCESS_WRITE) != FAULT_DONE)
			return NULL;
		entry = pages_find(&space->pages, page);
	}
	return frame_bytes(page_frame(*entry));
}

uint32_t space_read(struct space *space, uint64_t addr, void *to, uint32_t len)
{
	uint32_t done = 0;

	while (done < len) { /* each turn passes a page */
		uint64_t at = addr + done;
		uint32_t offset = (uint32_t)(at % PAGE_BYTES), part = (uint32_t)PAGE_BYTES - offset;
		const uint8_t *bytes = at >= addr ? space_peek(space, at >> PAGE_SHIFT) : NULL;
		if (!bytes)
			break;
		if (part > len - done)
			part = len - done;
		memcpy((uint8_t *)to + done, bytes + offset, part);
		done += part;
	}
	return done;
}
