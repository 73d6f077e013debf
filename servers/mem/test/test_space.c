/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Address spaces case by case: life, faults, fork, limits, mappings, objects, futexes, exec's strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <tessera/memory.h>
#include <tessera/process_page.h>

#include "fake_port.h"
#include "futex.h"
#include "image.h"
#include "object.h"
#include "space_private.h"

#define ANON_PRIVATE 0x22u
#define ANON_SHARED 0x21u
#define FIXED 0x10u
#define RW (PROT_READ | PROT_WRITE)
#define BASE 0x10000000ull
#define PAGE(addr) ((addr) >> PAGE_SHIFT)

static int setup(void **state)
{
	(void)state;
	fake_start(4096);
	return 0;
}

static struct space *create(void)
{
	struct space *space = NULL;

	assert_int_equal(space_create(1, false, &space), 0);
	fake_check(space);
	return space;
}

static uint64_t map(struct space *space, uint64_t addr, uint64_t pages, uint32_t prot, uint32_t flags)
{
	const struct map_request request = {
		.addr = addr, .len = pages * PAGE_BYTES, .prot = prot, .flags = flags};
	uint64_t out = 0;

	assert_int_equal(space_map(space, &request, &out), 0);
	return out;
}

static void write_at(struct space *space, uint64_t addr, uint64_t value)
{
	enum fault_result why;
	uint8_t *bytes = fake_access(space, PAGE(addr), ACCESS_WRITE, &why);

	assert_int_equal(why, FAULT_DONE);
	memcpy(bytes + addr % PAGE_BYTES, &value, sizeof(value));
}

static uint64_t read_at(struct space *space, uint64_t addr)
{
	enum fault_result why;
	uint8_t *bytes = fake_access(space, PAGE(addr), ACCESS_READ, &why);
	uint64_t value;

	assert_int_equal(why, FAULT_DONE);
	memcpy(&value, bytes + addr % PAGE_BYTES, sizeof(value));
	return value;
}

static enum fault_result fault(struct space *space, uint64_t addr, enum access access)
{
	enum fault_result why;

	(void)fake_access(space, PAGE(addr), access, &why);
	return why;
}

static void life_leaks_nothing(void **state)
{
	struct space *first = create();

	(void)state;
	space_destroy(first);
	uint32_t free_frames = frames.free_count;
	for (uint32_t i = 0; i < 200; i++) {
		struct space *space = create(), *child;
		map(space, BASE, 300, RW, ANON_PRIVATE | FIXED);
		map(space, 0, 30, RW, ANON_SHARED);
		for (uint32_t p = 0; p < 100; p++)
			write_at(space, BASE + p * 3 * PAGE_BYTES, p);
		assert_int_equal(space_fork(space, 2, true, &child), 0);
		write_at(child, BASE, 7);
		fake_check(space);
		fake_check(child);
		space_destroy(i % 2 ? space : child);
		space_destroy(i % 2 ? child : space);
	}
	assert_int_equal(frames.free_count, free_frames);
	assert_int_equal(areas_used(), 0);
	assert_int_equal(fake_spaces(), 0);
	assert_int_equal(objects_used(), 1);
}

static void ids_are_not_reused(void **state)
{
	struct space *space = create();
	uint32_t id = space->id;

	(void)state;
	assert_ptr_equal(space_by_id(id), space);
	space_destroy(space);
	assert_null(space_by_id(id));
	assert_null(space_by_id(0));
	assert_null(space_by_id(~0u));
}

static void personality_is_there(void **state)
{
	struct space *space = create();
	uint64_t base = space->personality_base;
	frame_t frame;

	(void)state;
	assert_int_equal(fake_rights(&space->port, PAGE(base), NULL), RIGHT_READ);
	assert_int_equal(fake_rights(&space->port, PAGE(base) + 1, NULL), RIGHT_READ | RIGHT_EXECUTE);
	assert_int_equal(fake_rights(&space->port, PAGE(base) + 4, NULL), RIGHT_READ | RIGHT_WRITE);
	assert_int_equal(read_at(space, base + 0x1000), 0x9090909090909090ull);
	assert_int_equal(read_at(space, base + 0x4000), 0x7777777777777777ull);
	assert_int_equal(read_at(space, base + 0x5000), 0);
	assert_int_equal(read_at(space, PERSONALITY_HEAP_VA), 0);
	assert_int_equal(fault(space, PERSONALITY_STACK_VA, ACCESS_WRITE), FAULT_NO_AREA);
	assert_int_equal(fault(space, PERSONALITY_STACK_VA + 0x9000, ACCESS_WRITE), FAULT_DONE);
	assert_int_equal(fault(space, base + 0x1000, ACCESS_WRITE), FAULT_FORBIDDEN);
	fake_rights(&space->port, PAGE(PROCESS_PAGE_VA), &frame);
	assert_int_equal(frame, frames.pool[process_pages_pool].first + 1);
	assert_int_equal(space_unmap(space, base, 0x1000), MEM_EINVAL);
	assert_int_equal(space_protect(space, base, 0x1000, RW), MEM_ENOMEM);
	assert_int_equal(space_process_page(space, 3, 1, true), 0);
	assert_int_equal(space_process_page(space, 3, 1, false), 0);
	assert_int_equal(space_process_page(space, 3, 64, true), MEM_EINVAL);
	fake_check(space);
	space_destroy(space);
}

static void copy_on_write(void **state)
{
	struct space *parent = create(), *child;

	(void)state;
	map(parent, BASE, 8, RW, ANON_PRIVATE | FIXED);
	for (uint64_t i = 0; i < 8; i++)
		write_at(parent, BASE + i * PAGE_BYTES, 100 + i);
	uint32_t free_before = frames.free_count;
	assert_int_equal(space_fork(parent, 2, true, &child), 0);
	fake_check(parent);
	fake_check(child);
	assert_true(free_before - frames.free_count < 20);
	write_at(child, BASE, 1);
	write_at(parent, BASE + PAGE_BYTES, 2);
	assert_int_equal(read_at(parent, BASE), 100);
	assert_int_equal(read_at(child, BASE + PAGE_BYTES), 101);
	for (uint64_t i = 2; i < 8; i++)
		assert_int_equal(read_at(child, BASE + i * PAGE_BYTES), 100 + i);
	space_destroy(child);
	uint64_t copied = frames.copied;
	write_at(parent, BASE + 5 * PAGE_BYTES, 3);
	assert_int_equal(frames.copied, copied); /* the only reference: no copy */
	/* What was written after the fork is copied at once by the next one, the rest is not. */
	assert_int_equal(space_fork(parent, 2, true, &child), 0);
	assert_true(fake_rights(&parent->port, PAGE(BASE) + 5, NULL) & RIGHT_WRITE);
	assert_false(fake_rights(&parent->port, PAGE(BASE) + 6, NULL) & RIGHT_WRITE);
	fake_check(parent);
	fake_check(child);
	assert_int_equal(read_at(child, BASE + 5 * PAGE_BYTES), 3);
	space_destroy(child);
	/* But not beside a thread that may write: all pages are those of one moment. */
	write_at(parent, BASE + 5 * PAGE_BYTES, 4);
	assert_int_equal(space_fork(parent, 2, false, &child), 0);
	for (uint64_t i = 0; i < 8; i++)
		assert_false(fake_rights(&parent->port, PAGE(BASE) + i, NULL) & RIGHT_WRITE);
	space_destroy(child);
	space_destroy(parent);
}

static void shared_memory(void **state)
{
	struct space *parent = create(), *child;
	uint64_t at = map(parent, 0, 4, RW, ANON_SHARED);

	(void)state;
	write_at(parent, at, 5);
	assert_int_equal(space_fork(parent, 2, true, &child), 0);
	write_at(child, at, 6);
	write_at(child, at + 3 * PAGE_BYTES, 7);
	assert_int_equal(read_at(parent, at), 6);
	assert_int_equal(read_at(parent, at + 3 * PAGE_BYTES), 7);
	space_destroy(parent);
	assert_int_equal(read_at(child, at), 6);
	space_destroy(child);
	assert_int_equal(objects_used(), 1);
}

static void stack_grows(void **state)
{
	struct space *space = create();
	uint64_t top = 0x7ffeffff0000ull,
		 at = map(space, top - 0x10000, 16, RW, ANON_PRIVATE | FIXED | 0x100u);

	(void)state;
	space->limit_stack = 64;
	assert_int_equal(at, top - 0x10000);
	write_at(space, top - 0x20000, 1);
	assert_int_equal(fault(space, top - 0x41000, ACCESS_WRITE), FAULT_NO_AREA);
	write_at(space, top - 0x40000, 1);
	assert_int_equal(space->stack_pages, 64);
	space->limit_stack = SPACE_NO_LIMIT;
	/* Another mapping below: the guard stays. */
	map(space, top - 0x40000 - 0x200000, 1, RW, ANON_PRIVATE | FIXED);
	assert_int_equal(fault(space, top - 0x40000 - 0x180000, ACCESS_WRITE), FAULT_NO_AREA);
	write_at(space, top - 0x40000 - 0x80000, 1);
	fake_check(space);
	space_destroy(space);
}

static void protection(void **state)
{
	struct space *space = create();

	(void)state;
	map(space, BASE, 8, RW, ANON_PRIVATE | FIXED);
	for (uint64_t i = 0; i < 8; i++)
		write_at(space, BASE + i * PAGE_BYTES, i);
	assert_int_equal(space_protect(space, BASE + 0x2000, 0x2000, PROT_READ), 0);
	assert_int_equal(fault(space, BASE + 0x2000, ACCESS_WRITE), FAULT_FORBIDDEN);
	assert_int_equal(space_protect(space, BASE + 0x3000, 0x2000, 0), 0);
	fake_check(space);
	assert_int_equal(fault(space, BASE + 0x3000, ACCESS_READ), FAULT_FORBIDDEN);
	assert_int_equal(space_protect(space, BASE, 0x8000, PROT_READ | PROT_EXEC), 0);
	assert_int_equal(space->areas.count, create()->areas.count + 1);
	assert_int_equal(space_protect(space, BASE, 0x8000, RW), 0);
	for (uint64_t i = 0; i < 8; i++)
		assert_int_equal(read_at(space, BASE + i * PAGE_BYTES), i);
	assert_int_equal(space_protect(space, BASE, 0x8000, RW | PROT_EXEC), MEM_EACCES);
	assert_int_equal(space_protect(space, BASE, 0x9000, RW), MEM_ENOMEM);
	assert_int_equal(space_protect(space, BASE + 1, 0x1000, RW), MEM_EINVAL);
	fake_check(space);
	space_destroy(space);
}

static void write_and_execute_if_allowed(void **state)
{
	struct space *space;

	(void)state;
	assert_int_equal(space_create(1, true, &space), 0);
	map(space, BASE, 2, RW | PROT_EXEC, ANON_PRIVATE | FIXED);
	assert_int_equal(fault(space, BASE, ACCESS_WRITE), FAULT_DONE);
	assert_int_equal(fault(space, BASE, ACCESS_EXECUTE), FAULT_DONE);
	fake_check(space);
	space_destroy(space);
}

static void break_moves(void **state)
{
	struct space *space = create();
	uint64_t start = 0x600123;

	(void)state;
	assert_int_equal(space_brk(space, start, start, start + 0x5000), 0);
	write_at(space, 0x601000, 1);
	assert_int_equal(space_brk(space, start, start + 0x5000, start + 0x9000), 0);
	assert_int_equal(read_at(space, 0x601000), 1);
	assert_int_equal(space->virtual_pages, 9);
	assert_int_equal(space_brk(space, start, start + 0x9000, start), 0);
	assert_int_equal(space->virtual_pages, 0);
	assert_int_equal(fault(space, 0x601000, ACCESS_READ), FAULT_NO_AREA);
	map(space, 0x605000, 1, RW, ANON_PRIVATE | FIXED);
	assert_int_equal(space_brk(space, start, start, start + 0x9000), MEM_ENOMEM);
	space->limit_data = 2;
	assert_int_equal(space_brk(space, start, start, start + 0x4000), MEM_ENOMEM);
	fake_check(space);
	space_destroy(space);
}

static void limits_and_bad_requests(void **state)
{
	struct space *space = create();
	uint64_t out;
	struct map_request request = {.len = 0x1000, .prot = RW, .flags = ANON_PRIVATE};

	(void)state;
	space->limit_virtual = 10;
	request.len = 11 * PAGE_BYTES;
	assert_int_equal(space_map(space, &request, &out), MEM_ENOMEM);
	space->limit_virtual = SPACE_NO_LIMIT;
	request.len = 1ull << 40;
	assert_int_equal(space_map(space, &request, &out), MEM_ENOMEM);
	request.flags |= 0x4000u; /* MAP_NORESERVE */
	assert_int_equal(space_map(space, &request, &out), 0);
	request.flags = ANON_PRIVATE | FIXED;
	request.len = 0x1000;
	request.addr = 0x1000;
	assert_int_equal(space_map(space, &request, &out), MEM_EPERM);
	request.addr = PERSONALITY_BASE - 0x1000;
	request.len = 0x2000;
	assert_int_equal(space_map(space, &request, &out), MEM_ENOMEM);
	request.addr = 0x123;
	assert_int_equal(space_map(space, &request, &out), MEM_EINVAL);
	request.len = 0;
	assert_int_equal(space_map(space, &request, &out), MEM_EINVAL);
	request.len = ~0ull;
	request.addr = 0;
	request.flags = ANON_PRIVATE;
	assert_int_equal(space_map(space, &request, &out), MEM_ENOMEM);
	map(space, BASE, 1, RW, ANON_PRIVATE | FIXED);
	request = (struct map_request){.addr = BASE, .len = 1, .prot = RW, .flags = ANON_PRIVATE | 0x100000u};
	assert_int_equal(space_map(space, &request, &out), MEM_EEXIST);
	fake_check(space);
	space_destroy(space);
}

static void mappings_go_down(void **state)
{
	struct space *space = create();
	uint64_t before = map(space, 0, 4, RW, ANON_PRIVATE);

	(void)state;
	for (uint32_t i = 0; i < 20; i++) {
		uint64_t at = map(space, 0, 4, i % 2 ? RW : PROT_READ, ANON_PRIVATE);
		assert_int_equal(at, before - 4 * PAGE_BYTES);
		before = at;
	}
	uint64_t hole = before + 8 * PAGE_BYTES;
	assert_int_equal(space_unmap(space, hole, 4 * PAGE_BYTES), 0);
	assert_int_equal(map(space, 0, 4, RW, ANON_PRIVATE), hole);
	assert_int_equal(map(space, 0, 1, RW, ANON_PRIVATE), before - PAGE_BYTES);
	fake_check(space);
	space_destroy(space);
}

/* A file object of some pages; page i begins with stamp + i. */
static struct object *file(uint32_t first_index, uint32_t pages, uint64_t stamp)
{
	struct object *object = object_create(pages * PAGE_BYTES, 0, 99);

	for (uint32_t i = 0; i < pages; i++) {
		uint64_t value = stamp + i;
		memcpy(frame_bytes(fake_cache_frame(first_index + i)), &value, sizeof(value));
		assert_true(object_set_frame(object, i, fake_cache_frame(first_index + i)));
	}
	return object;
}

static uint64_t map_file(struct space *space, struct object *object, uint64_t pages, uint32_t prot,
			 uint32_t flags)
{
	const struct map_request request = {.len = pages * PAGE_BYTES,
					    .prot = prot,
					    .flags = flags,
					    .object = object,
					    .object_may_write = true};
	uint64_t out = 0;

	assert_int_equal(space_map(space, &request, &out), 0);
	return out;
}

static void files(void **state)
{
	struct space *space = create(), *child;
	struct object *object = file(0, 40, 1000);
	uint64_t private = map_file(space, object, 40, RW, 2), shared = map_file(space, object, 40, RW, 1);

	(void)state;
	assert_int_equal(read_at(space, private + 20 * PAGE_BYTES), 1020);
	assert_int_equal(fake_rights(&space->port, PAGE(private) + 19, NULL) != 0, true); /* neighbours */
	write_at(space, private + 20 * PAGE_BYTES, 5);
	write_at(space, shared + 21 * PAGE_BYTES, 6);
	assert_int_equal(read_at(space, shared + 20 * PAGE_BYTES), 1020);
	assert_int_equal(read_at(space, private + 21 * PAGE_BYTES), 6);
	assert_int_equal(space_fork(space, 2, true, &child), 0);
	assert_int_equal(read_at(child, private + 20 * PAGE_BYTES), 5);
	assert_int_equal(read_at(child, private + 22 * PAGE_BYTES), 1022);
	fake_check(child);
	assert_int_equal(object->area_count, 4);
	object_resize(object, 20 * PAGE_BYTES + 5);
	fake_check(space);
	assert_int_equal(read_at(space, private + 20 * PAGE_BYTES), 5); /* the last page remains */
	assert_int_equal(fault(space, private + 21 * PAGE_BYTES, ACCESS_READ), FAULT_BUS);
	assert_int_equal(fault(child, shared + 21 * PAGE_BYTES, ACCESS_WRITE), FAULT_BUS);
	space_destroy(child);
	space_destroy(space);
	assert_int_equal(object->area_count, 0);
	uint32_t id = object_id(object);
	object_destroy(object);
	assert_null(object_by_id(id));
}

static void file_rights(void **state)
{
	struct space *space = create();
	struct object *object = file(0, 4, 1);
	struct map_request request = {.len = 0x4000, .prot = RW, .flags = 1, .object = object};
	uint64_t out;

	(void)state;
	assert_int_equal(space_map(space, &request, &out), MEM_EACCES);
	request.prot = PROT_READ;
	assert_int_equal(space_map(space, &request, &out), 0);
	assert_int_equal(space_protect(space, out, 0x4000, RW), MEM_EACCES);
	assert_int_equal(object->writable_shared, 0);
	space_destroy(space);
	object_destroy(object);
}

static void windows(void **state)
{
	struct space *space = create(), *child;
	struct object *object = object_create(0x10000, OBJECT_WINDOW, 0);
	struct map_request request = {.addr = WINDOW_VA,
				      .len = 0x10000,
				      .prot = RW,
				      .flags = 1 | FIXED | MAP_PERSONALITY,
				      .object = object,
				      .object_may_write = true};
	uint64_t out;

	(void)state;
	assert_true(object_set_frame(object, 0, fake_cache_frame(9)));
	assert_int_equal(space_map(space, &request, &out), 0);
	write_at(space, WINDOW_VA, 4);
	assert_int_equal(*(uint64_t *)(void *)frame_bytes(fake_cache_frame(9)), 4);
	assert_int_equal(space_fork(space, 2, true, &child), 0);
	assert_int_equal(fault(child, WINDOW_VA, ACCESS_READ), FAULT_NO_AREA);
	assert_int_equal(space_unmap(space, WINDOW_VA, 0x10000), 0);
	assert_int_equal(object->area_count, 0);
	request.addr = PROCESS_PAGE_VA;
	assert_int_equal(space_map(space, &request, &out), MEM_EINVAL);
	space_destroy(child);
	space_destroy(space);
	object_destroy(object);
}

static void remapping(void **state)
{
	struct space *space = create();
	struct remap_request request = {.old_addr = BASE, .old_len = 0x4000, .new_len = 0x8000, .flags = 1};
	uint64_t out;

	(void)state;
	map(space, BASE, 4, RW, ANON_PRIVATE | FIXED);
	for (uint64_t i = 0; i < 4; i++)
		write_at(space, BASE + i * PAGE_BYTES, i + 1);
	assert_int_equal(space_remap(space, &request, &out), 0);
	assert_int_equal(out, BASE);
	map(space, BASE + 0x8000, 1, PROT_READ, ANON_PRIVATE | FIXED);
	request.old_len = 0x8000;
	request.new_len = 0x10000;
	request.flags = 0;
	assert_int_equal(space_remap(space, &request, &out), MEM_ENOMEM);
	request.flags = 1;
	assert_int_equal(space_remap(space, &request, &out), 0);
	assert_int_not_equal(out, BASE);
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(read_at(space, out + i * PAGE_BYTES), i + 1);
	assert_int_equal(read_at(space, out + 0xf000), 0);
	assert_int_equal(fault(space, BASE, ACCESS_READ), FAULT_NO_AREA);
	fake_check(space);
	request = (struct remap_request){
		.old_addr = out, .old_len = 0x10000, .new_len = 0x2000, .flags = 3, .new_addr = BASE};
	assert_int_equal(space_remap(space, &request, &out), 0);
	assert_int_equal(read_at(space, BASE + 0x1000), 2);
	assert_int_equal(space->virtual_pages, 3);
	request = (struct remap_request){
		.old_addr = BASE, .old_len = 0x100000, .new_len = 0x200000, .flags = 1};
	assert_int_equal(space_remap(space, &request, &out), MEM_EFAULT);
	fake_check(space);
	space_destroy(space);
}

static void advice(void **state)
{
	struct space *space = create(), *child;

	(void)state;
	map(space, BASE, 4, RW, ANON_PRIVATE | FIXED);
	write_at(space, BASE, 1);
	write_at(space, BASE + 0x1000, 2);
	assert_int_equal(space_advise(space, BASE, 0x1000, 4), 0);
	assert_int_equal(read_at(space, BASE), 0);
	assert_int_equal(read_at(space, BASE + 0x1000), 2);
	assert_int_equal(space_advise(space, BASE, 0x5000, 4), MEM_ENOMEM);
	assert_int_equal(space_advise(space, BASE, 0x1000, 77), MEM_EINVAL);
	write_at(space, BASE, 9);
	assert_int_equal(space_advise(space, BASE, 0x1000, 18), 0);
	assert_int_equal(space_advise(space, BASE + 0x3000, 0x1000, 10), 0);
	assert_int_equal(space_fork(space, 2, true, &child), 0);
	assert_int_equal(read_at(child, BASE), 0);
	assert_int_equal(fault(child, BASE + 0x3000, ACCESS_READ), FAULT_NO_AREA);
	fake_check(child);
	space_destroy(child);
	space_destroy(space);
}

static void exec_strings(void **state)
{
	struct space *old = create(), *new_space = create();

	(void)state;
	write_at(old, PERSONALITY_HEAP_VA + 0x5000, 11);
	write_at(old, PERSONALITY_HEAP_VA + 0x7000, 12);
	assert_int_equal(space_move_pages(old, PERSONALITY_HEAP_VA + 0x5000, new_space, EXEC_AREA_VA, 3), 0);
	assert_int_equal(read_at(new_space, EXEC_AREA_VA), 11);
	assert_int_equal(read_at(new_space, EXEC_AREA_VA + 0x1000), 0);
	assert_int_equal(read_at(new_space, EXEC_AREA_VA + 0x2000), 12);
	assert_int_equal(read_at(old, PERSONALITY_HEAP_VA + 0x5000), 0);
	assert_int_equal(space_move_pages(old, PERSONALITY_HEAP_VA, new_space, BASE, 1), MEM_EINVAL);
	assert_int_equal(space_move_pages(old, old->personality_base, new_space, EXEC_AREA_VA, 1),
			 MEM_EINVAL);
	fake_check(old);
	fake_check(new_space);
	space_destroy(old);
	space_destroy(new_space);
}

static void shared_futex(void **state)
{
	struct space *one = create(), *two;
	uint64_t at = map(one, 0, 1, RW, ANON_SHARED);
	uint32_t woken;

	(void)state;
	write_at(one, at, 42);
	assert_int_equal(space_fork(one, 2, true, &two), 0);
	assert_int_equal(futex_wait(one, 0x100000005ull, at, 41, ~0u), MEM_EAGAIN);
	assert_int_equal(futex_wait(one, 0x100000005ull, at, 42, ~0u), 0);
	assert_int_equal(futex_wait(two, 0x200000006ull, at, 42, 2), 0);
	assert_int_equal(futex_wait(two, 0x200000007ull, 0x5000, 42, 2), MEM_EFAULT);
	assert_int_equal(futex_wake(two, at, 10, 1, &woken), 0);
	assert_int_equal(woken, 1);
	assert_int_equal(fake_last_woken, 5);
	assert_true(futex_cancel(0x100000005ull));
	assert_false(futex_cancel(0x200000006ull));
	/* A thread that is gone is no reason to wake less. */
	assert_int_equal(futex_wait(one, 0x300000005ull, at, 42, ~0u), 0);
	assert_int_equal(futex_wait(one, 0x300000008ull, at, 42, ~0u), 0);
	fake_dead_label = 0x300000005ull;
	assert_int_equal(futex_wake(two, at, 1, ~0u, &woken), 0);
	assert_int_equal(fake_last_woken, 8);
	assert_int_equal(futex_wait(one, 0x300000009ull, at, 42, ~0u), 0);
	futex_forget_space(one);
	assert_true(futex_cancel(0x300000009ull));
	space_destroy(one);
	space_destroy(two);
}

static void robust_list(void **state)
{
	struct space *space = create();
	uint64_t at = map(space, BASE, 2, RW, ANON_PRIVATE | FIXED);

	(void)state;
	/* head: next, offset 8, pending 0; entries at +0x100 and +0x200, the second points back */
	write_at(space, at, at + 0x100);
	write_at(space, at + 8, 8);
	write_at(space, at + 16, 0);
	write_at(space, at + 0x100, at + 0x200);
	write_at(space, at + 0x108, 77);
	write_at(space, at + 0x200, at);
	write_at(space, at + 0x208, 78);
	futex_robust_list(space, at, 77);
	assert_int_equal(read_at(space, at + 0x108), 0x40000000u);
	assert_int_equal(read_at(space, at + 0x208), 78);
	write_at(space, at + 0x100, at + 0x100); /* a ring without end */
	futex_robust_list(space, at, 77);
	futex_robust_list(space, 0xdead000, 77);
	assert_int_equal(futex_clear_tid(space, at + 0x1000, 0, true), 0);
	assert_int_equal(futex_clear_tid(space, 0x5000, 0, true), MEM_EFAULT);
	space_destroy(space);
}

static void sequential_faults_get_more(void **state)
{
	struct space *space = create();

	(void)state;
	map(space, BASE, 200, RW, ANON_PRIVATE | FIXED);
	uint64_t faults = space->faults;
	for (uint64_t i = 0; i < 200; i++)
		write_at(space, BASE + i * PAGE_BYTES, i);
	assert_true(space->faults - faults < 30);
	fake_check(space);
	space_destroy(space);
}

static void memory_runs_out(void **state)
{
	struct space *space = create();

	(void)state;
	map(space, BASE, 3000, RW, ANON_PRIVATE | FIXED);
	map(space, BASE * 2, 3000, RW, ANON_PRIVATE | FIXED);
	uint64_t i = 0;
	enum fault_result why = FAULT_DONE;
	for (; i < 6000 && why == FAULT_DONE; i++)
		why = fault(space, (i < 3000 ? BASE : BASE * 2) + (i % 3000) * PAGE_BYTES, ACCESS_WRITE);
	assert_int_equal(why, FAULT_NO_MEMORY);
	assert_true(frames.free_count >= frames.reserve);
	assert_int_equal(space->out_of_memory_page, PAGE((i <= 3000 ? BASE : BASE * 2)) + (i - 1) % 3000);
	fake_check(space);
	struct space *other;
	assert_int_equal(space_create(2, false, &other), MEM_ENOMEM);
	space_destroy(space);
	space_destroy(create());
}

/* Every point of failure of creation, fork and faults leaves nothing behind. */
static void kernel_refuses(void **state)
{
	struct space *space = create(), *other;

	(void)state;
	map(space, BASE, 40, RW, ANON_PRIVATE | FIXED);
	for (uint64_t i = 0; i < 40; i++)
		write_at(space, BASE + i * PAGE_BYTES, i);
	space_destroy(create());
	uint32_t free_frames = frames.free_count;
	for (uint64_t n = 0; n < 12; n++) {
		fake_fail_in = n;
		if (space_create(2, false, &other) == 0)
			space_destroy(other);
		fake_fail_in = n;
		if (space_fork(space, 2, true, &other) == 0)
			space_destroy(other);
		fake_fail_in = ~0ull;
		fake_check(space);
		assert_int_equal(frames.free_count, free_frames);
	}
	fake_fail_in = 0;
	map(space, BASE * 2, 4, RW, ANON_PRIVATE | FIXED);
	assert_int_equal(fault(space, BASE * 2, ACCESS_WRITE), FAULT_NO_MEMORY);
	fake_fail_in = ~0ull;
	for (uint64_t i = 0; i < 40; i++)
		assert_int_equal(read_at(space, BASE + i * PAGE_BYTES), i);
	assert_int_equal(read_at(space, BASE * 2), 0);
	space_destroy(space);
}

static void bad_images(void **state)
{
	uint8_t file_bytes[4096];

	(void)state;
	memset(file_bytes, 0, sizeof(file_bytes));
	assert_non_null(image_load(file_bytes, sizeof(file_bytes)));
	assert_non_null(image_load(file_bytes, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(life_leaks_nothing, setup),
		cmocka_unit_test(ids_are_not_reused),
		cmocka_unit_test(personality_is_there),
		cmocka_unit_test(copy_on_write),
		cmocka_unit_test(shared_memory),
		cmocka_unit_test(stack_grows),
		cmocka_unit_test(protection),
		cmocka_unit_test(write_and_execute_if_allowed),
		cmocka_unit_test(break_moves),
		cmocka_unit_test(limits_and_bad_requests),
		cmocka_unit_test(mappings_go_down),
		cmocka_unit_test(files),
		cmocka_unit_test(file_rights),
		cmocka_unit_test(windows),
		cmocka_unit_test(remapping),
		cmocka_unit_test(advice),
		cmocka_unit_test(exec_strings),
		cmocka_unit_test(shared_futex),
		cmocka_unit_test(robust_list),
		cmocka_unit_test(sequential_faults_get_more),
		cmocka_unit_test(memory_runs_out),
		cmocka_unit_test(kernel_refuses),
		cmocka_unit_test(bad_images),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
