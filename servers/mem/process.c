/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Requests of processes on their own address space, and page faults.  The badge says whose space it is; the answer to a
 * badge of a space that is gone is ESRCH (a fault: the thread is left suspended).
 */
#include <string.h>

#include <tessera/proto/mem_server.h>

#include "futex.h"
#include "handlers.h"
#include "object.h"
#include "space_private.h"

#define FAULT_ERROR_WRITE 2u
#define FAULT_ERROR_FETCH 16u

static struct space *caller(const struct request *rq)
{
	return MEM_BADGE_KIND(rq->badge) == MEM_BADGE_SPACE ? space_by_id((uint32_t)rq->badge) : NULL;
}

void handle_page_fault(struct request *rq)
{
	struct space *space =
		MEM_BADGE_KIND(rq->badge) == MEM_BADGE_FAULT ? space_by_id((uint32_t)rq->badge) : NULL;
	enum access access = ACCESS_READ;

	if (!space) {
		rq->tag = MSG_TAG(FAULT_HALT, 0, 0);
		return;
	}
	if (rq->w[1] & FAULT_ERROR_WRITE)
		access = ACCESS_WRITE;
	else if (rq->w[1] & FAULT_ERROR_FETCH)
		access = ACCESS_EXECUTE;
	enum fault_result result = space_fault(space, rq->w[0] >> PAGE_SHIFT, access);
	rq->tag = MSG_TAG(result == FAULT_DONE ? FAULT_RESUME : FAULT_RAISE, 0, 0);
}

int mem_on_map(struct request *rq, const struct mem_map_in *in, struct mem_map_out *out)
{
	struct space *space = caller(rq);
	const struct map_request request = {
		.addr = in->addr, .len = in->len, .prot = in->prot, .flags = in->flags};

	return space ? space_map(space, &request, &out->addr) : MEM_ESRCH;
}

int mem_on_map_object(struct request *rq, const struct mem_map_object_in *in, struct mem_map_object_out *out)
{
	struct space *space = caller(rq);
	uint64_t badge = rq->page->received_badge[0];

	if (!space)
		return MEM_ESRCH;
	if (rq->page->received_kind[0] != RECEIVED_BADGE || MEM_BADGE_KIND(badge) != MEM_BADGE_OBJECT)
		return MEM_EACCES;
	const struct map_request request = {
		.addr = in->addr,
		.len = in->len,
		.prot = in->prot,
		.flags = in->flags,
		.offset = in->offset,
		.object = object_by_id((uint32_t)badge),
		.object_may_write = (badge & MEM_BADGE_OBJECT_WRITE) != 0,
	};
	return request.object ? space_map(space, &request, &out->addr) : MEM_EACCES;
}

int mem_on_unmap(struct request *rq, const struct mem_unmap_in *in, struct mem_unmap_out *out)
{
	struct space *space = caller(rq);

	(void)out;
	return space ? space_unmap(space, in->addr, in->len) : MEM_ESRCH;
}

int mem_on_protect(struct request *rq, const struct mem_protect_in *in, struct mem_protect_out *out)
{
	struct space *space = caller(rq);

	(void)out;
	return space ? space_protect(space, in->addr, in->len, in->prot) : MEM_ESRCH;
}

int mem_on_remap(struct request *rq, const struct mem_remap_in *in, struct mem_remap_out *out)
{
	struct space *space = caller(rq);
	const struct remap_request request = {.old_addr = in->old_addr,
					      .old_len = in->old_len,
					      .new_len = in->new_len,
					      .new_addr = in->new_addr,
					      .flags = in->flags};

	return space ? space_remap(space, &request, &out->addr) : MEM_ESRCH;
}

int mem_on_advise(struct request *rq, const struct mem_advise_in *in, struct mem_advise_out *out)
{
	struct space *space = caller(rq);

	(void)out;
	return space ? space_advise(space, in->addr, in->len, in->advice) : MEM_ESRCH;
}

int mem_on_brk(struct request *rq, const struct mem_brk_in *in, struct mem_brk_out *out)
{
	struct space *space = caller(rq);

	(void)out;
	return space ? space_brk(space, in->start, in->old_end, in->new_end) : MEM_ESRCH;
}

int mem_on_incore(struct request *rq, const struct mem_incore_in *in, struct mem_incore_out *out)
{
	struct space *space = caller(rq);
	uint8_t *bytes = answer_data(rq);
	uint64_t first = in->addr >> PAGE_SHIFT, pages = (in->len + PAGE_BYTES - 1) >> PAGE_SHIFT;

	if (!space)
		return MEM_ESRCH;
	if (in->addr % PAGE_BYTES)
		return MEM_EINVAL;
	if (pages > MEM_INCORE_OUT_MAX)
		pages = MEM_INCORE_OUT_MAX;
	for (uint64_t i = 0; i < pages; i++) {
		if (!area_find(space, first + i) || first + i >= PROGRAM_END_PAGE)
			return MEM_ENOMEM;
		bytes[i] = pages_find(&space->pages, first + i) != NULL;
	}
	out->data_len = (uint32_t)pages;
	return 0;
}

int mem_on_futex_wait(struct request *rq, const struct mem_futex_wait_in *in, struct mem_futex_wait_out *out)
{
	struct space *space = caller(rq);

	(void)out;
	return space ? futex_wait(space, rq->label, in->addr, in->expected, in->bitset) : MEM_ESRCH;
}

int mem_on_futex_wake(struct request *rq, const struct mem_futex_wake_in *in, struct mem_futex_wake_out *out)
{
	struct space *space = caller(rq);

	return space ? futex_wake(space, in->addr, in->count, in->bitset, &out->woken) : MEM_ESRCH;
}

int mem_on_futex_cancel(struct request *rq, const struct mem_futex_cancel_in *in,
			struct mem_futex_cancel_out *out)
{
	(void)in;
	if (!caller(rq))
		return MEM_ESRCH;
	out->was_woken = futex_cancel(rq->label);
	return 0;
}

int mem_on_query(struct request *rq, const struct mem_query_in *in, struct mem_query_out *out)
{
	struct space *space = caller(rq);
	uint64_t page = in->addr >> PAGE_SHIFT;
	const struct area *area = space ? area_find(space, page) : NULL;

	if (!space)
		return MEM_ESRCH;
	if (!area)
		return MEM_ENOMEM;
	out->start = area_start(area) << PAGE_SHIFT;
	out->end = area->end << PAGE_SHIFT;
	out->prot = area->prot;
	out->flags = area->flags & AREA_SHARED ? 0x1u | MEM_QUERY_SHARED : 0x2u;
	if (area->flags & AREA_GROWSDOWN)
		out->flags |= 0x100u;
	if (area->object && !pages_find(&space->pages, page) && area->object->kind != OBJECT_IMAGE &&
	    space_object_state(area, page) == FAULT_BUS)
		out->flags |= MEM_QUERY_BUS;
	if (space->out_of_memory_page == page)
		out->flags |= MEM_QUERY_OOM;
	return 0;
}

/* Pages made present by one request at most, so that others are served meanwhile. */
#define TOUCH_MAX_BYTES (4096 * PAGE_BYTES)

int mem_on_touch(struct request *rq, const struct mem_touch_in *in, struct mem_touch_out *out)
{
	struct space *space = caller(rq);
	uint64_t end = in->addr + in->len;

	if (!space)
		return MEM_ESRCH;
	if (end < in->addr || end > PERSONALITY_BASE)
		return MEM_EFAULT;
	if (in->len > TOUCH_MAX_BYTES)
		end = in->addr + TOUCH_MAX_BYTES;
	for (uint64_t at = in->addr; at < end; at = (at | (PAGE_BYTES - 1)) + 1) {
		uint64_t page = at >> PAGE_SHIFT;
		const page_entry *entry = pages_find(&space->pages, page);
		bool is_there = entry && (*entry & PAGE_MAPPED) && (!in->write || (*entry & PAGE_WRITABLE));
		if (!is_there &&
		    space_fault(space, page, in->write ? ACCESS_WRITE : ACCESS_READ) != FAULT_DONE)
			return out->done ? 0 : MEM_EFAULT;
		out->done =
			((at | (PAGE_BYTES - 1)) + 1 < end ? (at | (PAGE_BYTES - 1)) + 1 : end) - in->addr;
	}
	return 0;
}
