/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Requests of proc (as_*) and vfs (object_*, and reading of processes) on the control endpoint.  Who asks is known by the
 * badge's kind; others get EPERM.
 */
#include <string.h>

#include <tessera/process_page.h>
#include <tessera/proto/mem_server.h>
#include <tessera/service.h>

#include "futex.h"
#include "handlers.h"
#include "image.h"
#include "object.h"
#include "port_tables.h"
#include "space_private.h"

static bool is_proc(const struct request *rq)
{
	return MEM_BADGE_KIND(rq->badge) == MEM_BADGE_PROC;
}

static bool is_vfs(const struct request *rq)
{
	return MEM_BADGE_KIND(rq->badge) == MEM_BADGE_VFS;
}

/* The space or object that a request names, for those who may ask about it; otherwise the error to answer. */

static int readable_space(const struct request *rq, uint32_t id, struct space **space)
{
	if (!is_proc(rq) && !is_vfs(rq))
		return MEM_EPERM;
	*space = space_by_id(id);
	return *space ? 0 : MEM_ESRCH;
}

static int vfs_object(const struct request *rq, uint32_t id, struct object **object)
{
	if (!is_vfs(rq))
		return MEM_EPERM;
	*object = object_by_id(id);
	return *object ? 0 : MEM_ESRCH;
}

/* ---- by proc --------------------------------------------------------------------------------- */

static void tell_entries(const struct space *space, struct personality_config *out)
{
	uint64_t base = space->personality_base;

	*out = (struct personality_config){
		.syscall_entry = base + image.entries.syscall_entry,
		.exception_entry = base + image.entries.exception_entry,
		.interrupt_entry = base + image.entries.interrupt_entry,
		.start = base + image.entries.code_start,
		.end = base + image.entries.code_end,
		.exit_start = base + image.entries.exit_start,
		.exit_end = base + image.entries.exit_end,
	};
}

#define LOW_PAGES 128u
#define LOW_TABLE_BYTES (128u * 1024u)

/* Whether what is left would hardly do for one more program. */
static bool is_low(void)
{
	uint64_t untyped_bytes, table_pages;

	port_tables_usage(&untyped_bytes, &table_pages);
	return frames.free_count < frames.reserve + LOW_PAGES || untyped_bytes < LOW_TABLE_BYTES;
}

int mem_on_as_create(struct request *rq, const struct mem_as_create_in *in, struct mem_as_create_out *out)
{
	struct space *space;

	if (!is_proc(rq))
		return MEM_EPERM;
	int error = space_create(in->process_page, in->allow_wx != 0, &space);
	if (error)
		return error;
	if (!grant_space(rq, space)) {
		space_destroy(space);
		return MEM_ENOMEM;
	}
	tell_entries(space, answer_data(rq));
	out->space = space->id;
	out->personality_base = space->personality_base;
	out->start_entry = space->personality_base + image.entries.start;
	uint64_t low = is_low();
	memcpy((uint8_t *)answer_data(rq) + sizeof(struct personality_config), &low, sizeof(low));
	out->data_len = sizeof(struct personality_config) + sizeof(low);
	return 0;
}

int mem_on_as_fork(struct request *rq, const struct mem_as_fork_in *in, struct mem_as_fork_out *out)
{
	struct space *parent = space_by_id(in->parent), *child;

	if (!is_proc(rq))
		return MEM_EPERM;
	if (!parent)
		return MEM_ESRCH;
	int error = space_fork(parent, in->process_page, in->is_alone != 0, &child);
	if (error)
		return error;
	if (!grant_space(rq, child)) {
		space_destroy(child);
		return MEM_ENOMEM;
	}
	out->low = is_low();
	out->space = child->id;
	return 0;
}

static void end_space(uint32_t id)
{
	struct space *space = space_by_id(id);

	if (!space)
		return;
	futex_forget_space(space);
	space_destroy(space);
}

void mem_undo_as_create(struct request *rq)
{
	end_space((uint32_t)rq->w[0]);
}

void mem_undo_as_fork(struct request *rq)
{
	end_space((uint32_t)rq->w[0]);
}

int mem_on_as_page(struct request *rq, const struct mem_as_page_in *in, struct mem_as_page_out *out)
{
	struct space *space = space_by_id(in->space);

	(void)out;
	if (!is_proc(rq))
		return MEM_EPERM;
	return space ? space_process_page(space, in->process_page, in->thread_slot, in->present != 0)
		     : MEM_ESRCH;
}

int mem_on_as_destroy(struct request *rq, const struct mem_as_destroy_in *in, struct mem_as_destroy_out *out)
{
	const struct space *space = space_by_id(in->space);

	if (!is_proc(rq))
		return MEM_EPERM;
	if (!space)
		return MEM_ESRCH;
	out->faults = space->faults;
	end_space(in->space);
	return 0;
}

int mem_on_as_move_pages(struct request *rq, const struct mem_as_move_pages_in *in,
			 struct mem_as_move_pages_out *out)
{
	struct space *from = space_by_id(in->from), *to = space_by_id(in->to);

	(void)out;
	if (!is_proc(rq))
		return MEM_EPERM;
	return from && to ? space_move_pages(from, in->from_addr, to, in->to_addr, in->pages) : MEM_ESRCH;
}

static uint64_t limit_pages(uint64_t bytes)
{
	return bytes == ~0ull ? SPACE_NO_LIMIT : bytes >> PAGE_SHIFT;
}

int mem_on_as_limits(struct request *rq, const struct mem_as_limits_in *in, struct mem_as_limits_out *out)
{
	struct space *space = space_by_id(in->space);

	(void)out;
	if (!is_proc(rq))
		return MEM_EPERM;
	if (!space)
		return MEM_ESRCH;
	space->limit_virtual = limit_pages(in->as_bytes);
	space->limit_data = limit_pages(in->data_bytes);
	space->limit_stack = limit_pages(in->stack_bytes);
	return 0;
}

int mem_on_as_write_word(struct request *rq, const struct mem_as_write_word_in *in,
			 struct mem_as_write_word_out *out)
{
	struct space *space = space_by_id(in->space);

	(void)out;
	if (!is_proc(rq))
		return MEM_EPERM;
	return space ? futex_clear_tid(space, in->addr, in->value, in->wake != 0) : MEM_ESRCH;
}

int mem_on_as_robust(struct request *rq, const struct mem_as_robust_in *in, struct mem_as_robust_out *out)
{
	struct space *space = space_by_id(in->space);

	(void)out;
	if (!is_proc(rq))
		return MEM_EPERM;
	if (!space)
		return MEM_ESRCH;
	futex_robust_list(space, in->head, in->tid);
	return 0;
}

/* ---- by proc and vfs ------------------------------------------------------------------------- */

int mem_on_as_read(struct request *rq, const struct mem_as_read_in *in, struct mem_as_read_out *out)
{
	uint32_t len = in->len < MEM_AS_READ_OUT_MAX ? in->len : MEM_AS_READ_OUT_MAX;
	struct space *space;
	int error = readable_space(rq, in->space, &space);

	if (error)
		return error;
	out->data_len = space_read(space, in->addr, answer_data(rq), len);
	return 0;
}

static void describe_area(const struct area *area, struct mem_area *out)
{
	uint32_t flags = area->prot & (MEM_AREA_READ | MEM_AREA_WRITE | MEM_AREA_EXEC);

	if (area->flags & AREA_SHARED)
		flags |= MEM_AREA_SHARED;
	if (area->flags & AREA_HEAP)
		flags |= MEM_AREA_HEAP;
	if (area->flags & AREA_STACK)
		flags |= MEM_AREA_STACK;
	*out = (struct mem_area){
		.start = area_start(area) << PAGE_SHIFT,
		.end = area->end << PAGE_SHIFT,
		.offset = area->object ? area->offset << PAGE_SHIFT : 0,
		.name = area->object ? area->object->name : 0,
		.flags = flags,
		.resident_pages = (uint32_t)pages_count(&area->space->pages, area_start(area), area->end),
	};
}

static_assert(PROT_READ == MEM_AREA_READ && PROT_WRITE == MEM_AREA_WRITE && PROT_EXEC == MEM_AREA_EXEC,
	      "same bits");

int mem_on_as_maps(struct request *rq, const struct mem_as_maps_in *in, struct mem_as_maps_out *out)
{
	struct mem_area *records = answer_data(rq);
	uint32_t count = 0;
	struct space *space;
	int error = readable_space(rq, in->space, &space);

	if (error)
		return error;
	struct area *area = area_from(space, in->from >> PAGE_SHIFT);
	while (area && !(area->flags & AREA_PERSONALITY) &&
	       (count + 1) * sizeof(*records) <= MEM_AS_MAPS_OUT_MAX) {
		describe_area(area, &records[count++]);
		area = area_next(area);
	}
	out->next = area && !(area->flags & AREA_PERSONALITY) ? area_start(area) << PAGE_SHIFT : ~0ull;
	out->data_len = count * (uint32_t)sizeof(*records);
	return 0;
}

/* Of the pages of an area, those others may hold too. */
static uint64_t count_shared(const struct area *area)
{
	uint64_t shared = 0;

	if (!area->object)
		return 0;
	for (struct page_block *block = pages_block_from(&area->space->pages, area_start(area));
	     block && block_first_page(block) < area->end; block = pages_block_next(block)) {
		uint64_t mask = block->present & block_mask(block, area_start(area), area->end);
		for (uint64_t bits = mask; bits; bits &= bits - 1)
			shared += !frame_is_exclusive(page_frame(block->entry[__builtin_ctzll(bits)]));
	}
	return shared;
}

int mem_on_as_usage(struct request *rq, const struct mem_as_usage_in *in, struct mem_as_usage_out *out)
{
	struct space *space;
	int error = readable_space(rq, in->space, &space);

	if (error)
		return error;
	out->virtual_pages = space->virtual_pages;
	out->resident_pages = pages_count(&space->pages, 0, PROGRAM_END_PAGE);
	for (struct area *area = area_from(space, 0); area && !(area->flags & AREA_PERSONALITY);
	     area = area_next(area))
		out->shared_pages += count_shared(area);
	out->is_short = space->out_of_memory_page != ~0ull && is_low();
	out->faults = space->faults;
	out->data_pages = space->data_pages;
	out->stack_pages = space->stack_pages;
	out->text_pages = space->text_pages;
	return 0;
}

int mem_on_usage(struct request *rq, const struct mem_usage_in *in, struct mem_usage_out *out)
{
	(void)in;
	if (MEM_BADGE_KIND(rq->badge) == MEM_BADGE_FAULT)
		return MEM_EPERM;
	out->low = is_low();
	out->pages_total = frames.total;
	out->pages_free = frames.free_count;
	out->spaces = spaces_in_use;
	out->areas = areas_used();
	out->objects = objects_used();
	out->slots_free = slot_count_free() + port_slots_kept();
	port_tables_usage(&out->untyped_free_bytes, &out->table_pages);
	return 0;
}

/* ---- by vfs ---------------------------------------------------------------------------------- */

int mem_on_object_create(struct request *rq, const struct mem_object_create_in *in,
			 struct mem_object_create_out *out)
{
	if (!is_vfs(rq))
		return MEM_EPERM;
	struct object *object = object_create(in->size, in->flags & OBJECT_WINDOW, in->name);
	if (!object)
		return MEM_ENOMEM;
	if (!grant_object(rq, object_id(object))) {
		object_destroy(object);
		return MEM_ENOMEM;
	}
	out->object = object_id(object);
	return 0;
}

int mem_on_object_supply(struct request *rq, const struct mem_object_supply_in *in,
			 struct mem_object_supply_out *out)
{
	const uint32_t *index = answer_data(rq); /* data of the request stands there too */
	struct object *object;
	int error = vfs_object(rq, in->object, &object);

	(void)out;
	if (error)
		return error;
	if (in->count * sizeof(*index) > in->data_len || in->first_page + in->count < in->first_page)
		return MEM_EINVAL;
	for (uint32_t i = 0; i < in->count; i++) {
		frame_t frame = cache_frame(index[i]);
		if (frame == FRAME_NONE)
			return MEM_EINVAL;
		if (!pages_find(&object->pages, in->first_page + i) &&
		    !object_set_frame(object, in->first_page + i, frame))
			return MEM_ENOMEM;
	}
	return 0;
}

int mem_on_object_resize(struct request *rq, const struct mem_object_resize_in *in,
			 struct mem_object_resize_out *out)
{
	struct object *object;
	int error = vfs_object(rq, in->object, &object);

	(void)out;
	if (error)
		return error;
	object_resize(object, in->size);
	return 0;
}

int mem_on_object_destroy(struct request *rq, const struct mem_object_destroy_in *in,
			  struct mem_object_destroy_out *out)
{
	struct object *object;
	int error = vfs_object(rq, in->object, &object);

	(void)out;
	if (error)
		return error;
	if (object->area_count)
		return MEM_EBUSY;
	object_destroy(object);
	return 0;
}

int mem_on_object_state(struct request *rq, const struct mem_object_state_in *in,
			struct mem_object_state_out *out)
{
	struct object *object;
	int error = vfs_object(rq, in->object, &object);

	if (error)
		return error;
	out->mappings = object->area_count;
	out->writable_shared = object->writable_shared;
	out->dirty = object->writable_shared != 0;
	return 0;
}
