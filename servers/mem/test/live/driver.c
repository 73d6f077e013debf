/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Plays proc and vfs for mem on the real kernel: makes processes that do what it says (program.c), checks what they see,
 * and prints what each operation costs in instructions (under QEMU's -icount shift=0, where the TSC counts them).
 */
#include <stdlib.h>
#include <string.h>

#include <tessera/memory.h>
#include <tessera/process_page.h>
#include <tessera/proto/mem.h>
#include <tessera/proto/root.h>
#include <tessera/service.h>

#include "live.h"

#define ANON 0x22ull
#define FIXED 0x10ull
#define RW 3ull
#define BASE 0x10000000ull
#define HOST_PRIORITY 100u

struct child {
	uint32_t space, number;
	cap_t mem, vspace, fault; /* from mem */
	cap_t memory, thread, sched, root, leaf, reply;
	uint64_t result, value;
};

static cap_t mem, mem_vfs;
static struct msg_page *page;
static uint32_t passed, failed, children;
static struct personality_config config;
static uint64_t base, start_entry;
static struct object_pool pool; /* of what a process's thread and capability space are made of */

static uint64_t tsc(void)
{
	return __builtin_ia32_rdtsc();
}

static void check(bool is_good, const char *what)
{
	if (is_good)
		passed++;
	else
		failed++;
	log_line(LOG_INFO, "%s %u - %s", is_good ? "ok" : "not ok", passed + failed, what);
}

/* ---- processes ------------------------------------------------------------------------------- */

static void name_slots(struct child *child)
{
	child->mem = slot_alloc();
	child->vspace = slot_alloc();
	child->fault = slot_alloc();
	page->recv_slot[0] = SLOT_OWN(child->mem);
	page->recv_slot[1] = SLOT_OWN(child->vspace);
	page->recv_slot[2] = SLOT_OWN(child->fault);
}

__attribute__((noinline)) static int create(struct child *child)
{
	const struct mem_as_create_in in = {.process_page = ++children};
	struct mem_as_create_out out = {0};

	*child = (struct child){.number = children};
	name_slots(child);
	uint64_t before = tsc();
	int status = mem_as_create(mem, page, &in, &out);
	log_line(LOG_INFO, "as_create: %llu instructions", (unsigned long long)(tsc() - before));
	memcpy(&config, &page->words[MSG_REGISTER_WORDS], sizeof(config));
	child->space = out.space;
	base = out.personality_base;
	start_entry = out.start_entry;
	return status;
}

static int fork_child(const struct child *parent, struct child *child, uint64_t *cost)
{
	const struct mem_as_fork_in in = {
		.parent = parent->space, .process_page = ++children % 500, .is_alone = 1};
	struct mem_as_fork_out out = {0};

	*child = (struct child){.number = children};
	name_slots(child);
	uint64_t before = tsc();
	int status = mem_as_fork(mem, page, &in, &out);
	*cost = tsc() - before;
	child->space = out.space;
	return status;
}

/* The next call of a process that runs, which must be this one. */
static bool receive(struct child *child)
{
	struct ipc_msg m = {0};

	if (ts_recv(SERVICE_CAP_ENDPOINT, child->reply, &m, time_now_ns() + 2000000000ull) != E_OK)
		return false;
	child->result = m.w[0];
	child->value = m.w[1];
	return m.label == child->number;
}

static bool configure(struct child *child)
{
	uint64_t page_va = MESSAGE_PAGE_VA;
	struct thread_config *thread = (void *)&page->words[MSG_REGISTER_WORDS];

	*thread = (struct thread_config){.cspace = child->root,
					 .vspace = child->vspace,
					 .fault_ep = child->fault,
					 .page_va = page_va,
					 .label = child->number,
					 .flags = THREAD_CFG_LABEL,
					 .priority = HOST_PRIORITY};
	if (ts_thread_configure(child->thread) != E_OK || ts_sched_bind(child->sched, child->thread) != E_OK)
		return false;
	memcpy(&page->words[MSG_REGISTER_WORDS], &config, sizeof(config));
	if (ts_thread_set_personality(child->thread) != E_OK)
		return false;
	struct user_regs *regs = (void *)&page->words[MSG_REGISTER_WORDS];
	*regs = (struct user_regs){.rip = start_entry,
				   .rsp = PERSONALITY_STACK_VA + PERSONALITY_STACK_STRIDE - 8,
				   .rdi = page_va,
				   .rflags = 0x202};
	return ts_thread_set_regs(child->thread, 2, 0) == E_OK && ts_thread_resume(child->thread) == E_OK;
}

__attribute__((noinline)) static bool start(struct child *child)
{
	if (!pool.source)
		pool_init(&pool, SERVICE_CAP_UNTYPED, 14, 1, NULL);
	child->memory = pool_get(&pool);
	child->reply = slot_alloc();
	child->thread = object_make(child->memory, CAP_THREAD, 0);
	child->sched = object_make(child->memory, CAP_SCHED_CONTEXT, 0);
	child->root = object_make(child->memory, CAP_CNODE, 4);
	child->leaf = object_make(child->memory, CAP_CNODE, 4);
	if (!child->leaf ||
	    ts_cnode_copy(SLOT_IN(child->root, 0), SLOT_OWN(child->leaf), RIGHTS_ALL) != E_OK ||
	    ts_cnode_copy(SLOT_IN(child->leaf, LIVE_CAP_MEM), SLOT_OWN(child->mem), RIGHTS_ALL) != E_OK ||
	    ts_cnode_mint(SLOT_IN(child->leaf, LIVE_CAP_DRIVER), SLOT_OWN(SERVICE_CAP_ENDPOINT), RIGHTS_ALL,
			  7, 0) != E_OK)
		return false;
	return configure(child) && receive(child);
}

__attribute__((noinline)) static uint64_t tell(struct child *child, enum live_command command, uint64_t a,
					       uint64_t b, uint64_t c)
{
	const struct ipc_msg m = {.tag = MSG_TAG(0, 4, 0), .w = {command, a, b, c}};

	if (ts_reply(child->reply, &m) != E_OK || !receive(child))
		service_fail("process %u does not answer", child->number);
	return child->result;
}

static uint64_t destroy(struct child *child)
{
	const struct mem_as_destroy_in in = {.space = child->space};
	struct mem_as_destroy_out out;

	if (child->memory) {
		slot_release(child->reply);
		pool_put(&pool, child->memory);
		slot_free(child->thread);
		slot_free(child->sched);
		slot_free(child->root);
		slot_free(child->leaf);
	}
	slot_release(child->mem);
	slot_release(child->fault);
	uint64_t before = tsc();
	int status = mem_as_destroy(mem, page, &in, &out);
	uint64_t cost = tsc() - before;
	if (status != 0)
		check(false, "as_destroy");
	slot_release(child->vspace);
	return cost;
}

static struct mem_usage_out usage(void)
{
	const struct mem_usage_in in = {};
	struct mem_usage_out out = {0};

	(void)mem_usage(mem, page, &in, &out);
	return out;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_anonymous(struct child *child)
{
	check(tell(child, LIVE_MAP, BASE, 0x400000, RW | (ANON | FIXED) << 32) == 0 && child->value == BASE,
	      "map");
	(void)tell(child, LIVE_TOUCH, BASE, 1, 4096);
	uint64_t cost = tell(child, LIVE_TOUCH, BASE + 0x20000, 20, 0x3000);
	log_line(LOG_INFO, "anonymous fault, scattered: %llu instructions", (unsigned long long)(cost / 20));
	cost = tell(child, LIVE_TOUCH, BASE + 0x200000, 256, 0x1000);
	log_line(LOG_INFO, "anonymous page, sequential: %llu instructions", (unsigned long long)(cost / 256));
	(void)tell(child, LIVE_READ, BASE + 0x100000, 0, 0);
	check(child->value == 0, "fresh memory is zero");
	check(tell(child, LIVE_UNMAP, BASE + 0x100000, 0x1000, 0) == 0, "unmap");
	check(tell(child, LIVE_READ, BASE + 0x100000, 0, 0) == (LIVE_FAULT | 14) &&
		      child->value == BASE + 0x100000,
	      "a fault outside is raised");
	check(tell(child, LIVE_QUERY, BASE + 0x100000, 0, 0) == 12, "query outside");
	check(tell(child, LIVE_PROTECT, BASE, 0x1000, 1) == 0, "protect");
	check(tell(child, LIVE_WRITE, BASE, 1, 0) == (LIVE_FAULT | 14),
	      "a write to read-only memory is raised");
	check(tell(child, LIVE_PROTECT, BASE, 0x1000, 3) == 0 && tell(child, LIVE_WRITE, BASE, 1, 0) == 0,
	      "protect back");
	check(tell(child, LIVE_WRITE, base, 1, 0) == (LIVE_FAULT | 14),
	      "the image's constants are read-only");
}

static void test_fork(struct child *parent)
{
	struct child child;
	uint64_t cost;

	for (uint32_t i = 0; i < 3; i++) {
		(void)tell(parent, LIVE_WRITE, BASE + 0x201000, 5, 0);
		check(fork_child(parent, &child, &cost) == 0, "as_fork");
		log_line(LOG_INFO, "as_fork: %llu instructions", (unsigned long long)cost);
		check(start(&child), "the child runs");
		check(child.value == 2, "the child has the parent's data");
		(void)tell(&child, LIVE_WRITE, BASE + 0x201000, 6, 0);
		cost = tell(&child, LIVE_TOUCH, BASE + 0x230000, 10, 0x2000);
		log_line(LOG_INFO, "copy-on-write fault: %llu instructions", (unsigned long long)(cost / 10));
		(void)tell(parent, LIVE_READ, BASE + 0x201000, 0, 0);
		check(parent->value == 5, "the parent keeps its page");
		(void)tell(&child, LIVE_READ, BASE + 0x202000, 0, 0);
		check(child.value == 2, "the child reads the parent's page");
		cost = destroy(&child);
		log_line(LOG_INFO, "as_destroy: %llu instructions", (unsigned long long)cost);
		cost = tell(parent, LIVE_TOUCH, BASE + 0x230000, 10, 0x2000);
		log_line(LOG_INFO, "the same pages in the parent: %llu instructions each",
			 (unsigned long long)(cost / 10));
	}
}

static void test_object(struct child *child)
{
	const struct mem_object_create_in create_in = {.size = 0x8000, .name = 77};
	struct mem_object_create_out out = {0};
	cap_t read_only = slot_alloc(), writable = slot_alloc();
	uint8_t *cache = service_region("cache", NULL);
	uint32_t frame[8];

	page->recv_slot[0] = SLOT_OWN(read_only);
	page->recv_slot[1] = SLOT_OWN(writable);
	page->recv_slot[2] = 0;
	check(mem_object_create(mem_vfs, page, &create_in, &out) == 0, "object_create");
	for (uint32_t i = 0; i < 8; i++) {
		frame[i] = 100 + 3 * i;
		*(uint64_t *)(void *)(cache + frame[i] * 4096ull) = 1000 + i;
	}
	const struct mem_object_supply_in supply = {
		.object = out.object, .count = 8, .data_len = sizeof(frame)};
	struct mem_object_supply_out supply_out;
	memcpy(&page->words[MSG_REGISTER_WORDS], frame, sizeof(frame));
	check(mem_object_supply(mem_vfs, page, &supply, &supply_out) == 0, "object_supply");
	check(ts_cnode_copy(SLOT_IN(child->leaf, LIVE_CAP_OBJECT), SLOT_OWN(writable), RIGHTS_ALL) == E_OK,
	      "copy");
	check(tell(child, LIVE_MAP_OBJECT, 0, 0x8000, RW | 1ull << 32) == 0, "map shared");
	uint64_t shared = child->value;
	check(tell(child, LIVE_MAP_OBJECT, 0, 0x9000, RW | 2ull << 32) == 0, "map private");
	uint64_t private = child->value;
	(void)tell(child, LIVE_READ, private + 0x3000, 0, 0);
	check(child->value == 1003, "file content");
	(void)tell(child, LIVE_WRITE, private + 0x3000, 5, 0);
	(void)tell(child, LIVE_WRITE, shared + 0x4000, 6, 0);
	(void)tell(child, LIVE_READ, private + 0x4000, 0, 0);
	check(child->value == 6 && *(uint64_t *)(void *)(cache + frame[4] * 4096ull) == 6,
	      "shared writes are seen");
	check(*(uint64_t *)(void *)(cache + frame[3] * 4096ull) == 1003, "private writes are not");
	check(tell(child, LIVE_READ, private + 0x8000, 0, 0) == (LIVE_FAULT | 14), "behind the end: raised");
	check(tell(child, LIVE_QUERY, private + 0x8000, 0, 0) == 0 && (child->value & MEM_QUERY_BUS),
	      "and it is SIGBUS");
	const struct mem_object_resize_in resize = {.object = out.object, .size = 0x4000};
	struct mem_object_resize_out resize_out;
	check(mem_object_resize(mem_vfs, page, &resize, &resize_out) == 0, "object_resize");
	check(tell(child, LIVE_READ, shared + 0x4000, 0, 0) == (LIVE_FAULT | 14), "truncated pages are gone");
	(void)tell(child, LIVE_UNMAP, shared, 0x8000, 0);
	const struct mem_object_destroy_in end = {.object = out.object};
	struct mem_object_destroy_out end_out;
	check(mem_object_destroy(mem_vfs, page, &end, &end_out) == 16, "a mapped object is busy");
	(void)tell(child, LIVE_UNMAP, private, 0x9000, 0);
	check(mem_object_destroy(mem_vfs, page, &end, &end_out) == 0, "object_destroy");
	(void)ts_cnode_delete(SLOT_IN(child->leaf, LIVE_CAP_OBJECT), 0);
	slot_release(read_only);
	slot_release(writable);
}

static void test_leaks(struct child *parent)
{
	struct child child;
	uint64_t cost, total = 0, total_destroy = 0;
	struct mem_usage_out before = usage(), after;

	for (uint32_t i = 0; i < 300; i++) {
		if (fork_child(parent, &child, &cost) != 0 || !start(&child)) {
			check(false, "fork in a loop");
			return;
		}
		total += cost;
		total_destroy += destroy(&child);
	}
	after = usage();
	log_line(LOG_INFO, "as_fork %llu, as_destroy %llu instructions on average",
		 (unsigned long long)(total / 300), (unsigned long long)(total_destroy / 300));
	log_line(LOG_INFO, "pages %llu -> %llu, slots %llu -> %llu, untyped %llu -> %llu",
		 (unsigned long long)before.pages_free, (unsigned long long)after.pages_free,
		 (unsigned long long)before.slots_free, (unsigned long long)after.slots_free,
		 (unsigned long long)before.untyped_free_bytes, (unsigned long long)after.untyped_free_bytes);
	check(before.pages_free == after.pages_free && before.slots_free == after.slots_free &&
		      before.untyped_free_bytes == after.untyped_free_bytes && before.areas == after.areas,
	      "300 processes leave nothing");
}

static void test_out_of_memory(struct child *child)
{
	struct mem_usage_out before = usage();
	uint64_t bytes = before.pages_total * 4096;

	check(tell(child, LIVE_MAP, 0, bytes * 2, RW | ANON << 32) == 12, "more than there is: ENOMEM");
	check(tell(child, LIVE_MAP, 0, bytes, RW | ANON << 32) == 0, "all there is");
	uint64_t at = child->value;
	check(tell(child, LIVE_TOUCH, at, before.pages_total, 4096) == (LIVE_FAULT | 14),
	      "too much is raised");
	check(tell(child, LIVE_QUERY, child->value, 0, 0) == 0 && (child->value & MEM_QUERY_OOM),
	      "and it is for lack of memory");
	log_line(LOG_INFO, "%llu pages left then", (unsigned long long)usage().pages_free);
	check(tell(child, LIVE_UNMAP, at, bytes, 0) == 0 && usage().pages_free + 8 > before.pages_free,
	      "all comes back");
}

static void finish(void)
{
	const struct root_power_in in = {.how = 3, .status = failed != 0};
	struct root_power_out out;

	log_line(LOG_INFO, "%u passed, %u failed", passed, failed);
	(void)root_power(SERVICE_CAP_CONTROL, page, &in, &out);
	for (;;)
		(void)ts_yield();
}

int main(void)
{
	struct child first;

	page = service_page();
	mem = service_cap("mem");
	mem_vfs = service_cap("mem_vfs");
	service_ready();
	check(create(&first) == 0, "as_create");
	check(start(&first), "the program runs");
	check(first.result == 0x1234567890abcdefull && first.value == 1, "it has its data and bss");
	test_anonymous(&first);
	test_object(&first);
	test_fork(&first);
	test_leaks(&first);
	test_out_of_memory(&first);
	destroy(&first);
	finish();
}
