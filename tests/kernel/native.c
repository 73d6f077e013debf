/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The names of tessera/native.h, which stand over the operations: hand-over of capabilities and pages, frames, threads, processes;
 * and view_unmap, which memory handed over needs.
 */
#include "tests.h"

#include <tessera/native.h>

#define OWN SLOT_OWN
#define VA SCRATCH_VA
#define PAGE_VA (WORKER_PAGE_VA + 12 * PAGE_BYTES)
#define MARK 0x6d656d6f7279ull

static bool is_mapped(cap_t vspace, uint64_t va)
{
	uint64_t phys = 0;

	(void)ts_vspace_query(vspace, va, &phys, NULL);
	return phys != 0;
}

/* ---- capabilities and memory ------------------------------------------------------------------------------- */

static void test_cap_transfer(void)
{
	cap_t endpoint = make(CAP_ENDPOINT, 0), cnode = make(CAP_CNODE, 4);
	cap_t copy = copy_of(endpoint, READ | WRITE);

	check_error(ts_cap_transfer(SLOT_IN(cnode, 1), OWN(copy), XFER_CHILD, WRITE), E_OK, "as a child");
	check(inspect(SLOT_IN(cnode, 1)).rights == WRITE && (inspect(OWN(copy)).type & FACT_DESCENDANTS) != 0,
	      "it has those rights and the source a descendant");
	must(ts_cnode_revoke(OWN(endpoint), 0), "revoke");
	copy = copy_of(endpoint, ALL);
	check_error(ts_cap_transfer(SLOT_IN(cnode, 1), OWN(copy), XFER_SIBLING, READ), E_OK, "as a sibling");
	check((inspect(OWN(copy)).type & FACT_DESCENDANTS) == 0, "the source has no descendant by that");
	check_error(ts_cap_transfer(SLOT_IN(cnode, 2), OWN(copy), XFER_MOVE, 0), E_OK, "moved");
	check(type_at(copy) == CAP_NULL && inspect(SLOT_IN(cnode, 2)).rights == ALL, "with all its rights");
	check_error(ts_cap_transfer(SLOT_IN(cnode, 2), SLOT_IN(cnode, 1), XFER_MOVE, 0), E_SLOT_USED,
		    "to a used slot: E_SLOT_USED");
	check_error(ts_cap_transfer(SLOT_IN(cnode, 3), OWN(CAP_EMPTY), XFER_CHILD, 0), E_CAP,
		    "of nothing: E_CAP");
	check_error(ts_cap_transfer(SLOT_IN(cnode, 3), SLOT_IN(cnode, 1), 3, 0), E_ARG,
		    "in another way: E_ARG");
}

static void test_frames(void)
{
	cap_t piece = make(CAP_UNTYPED, 14), memory = slot_new();

	check_error(ts_frame_alloc(piece, OWN(memory), 4), E_OK, "frame_alloc");
	check(inspect(OWN(memory)).info[1] == 4 && inspect(OWN(piece)).info[2] == 0,
	      "four frames, the Untyped is used up");
	check_error(ts_frame_alloc(piece, OWN(slot_new()), 1), E_NO_MEMORY, "one more: E_NO_MEMORY");
	struct mapped area = map_here(memory, VA, 4, READ | WRITE);

	area.words[7] = MARK;
	check_error(ts_frame_free(OWN(memory)), E_OK, "frame_free");
	check(!is_mapped(ROOT_CAP_VSPACE, VA), "takes the mappings along");
	check_error(ts_frame_free(OWN(memory)), E_CAP, "twice: E_CAP");
	check_error(ts_frame_alloc(piece, OWN(memory), 4), E_OK, "the frames can be had again");
	check_equal(map_here(memory, VA, 4, READ).words[7], 0, "zeroed");
	drop(memory);
}

static void test_view_unmap(void)
{
	cap_t memory = make(CAP_MEMORY, 1024), part = slot_new(), other, space;
	struct mapped whole = map_here(memory, VA, 1024, READ), stranger;
	uint64_t done = 99;

	must(ts_memory_derive(memory, OWN(part), 4, 2, ALL), "a part of the Memory");
	other = slot_new();
	must(ts_memory_attach(part, OWN(other), ROOT_CAP_VSPACE, VA, 16, READ), "a View of the part");
	check_error(ts_view_unmap(other, VA, 16, &done), E_OK, "view_unmap");
	check(done == 16 && !is_mapped(ROOT_CAP_VSPACE, VA + 4 * PAGE_BYTES) &&
		      !is_mapped(ROOT_CAP_VSPACE, VA + 5 * PAGE_BYTES),
	      "clears what points into its Memory");
	check(is_mapped(ROOT_CAP_VSPACE, VA + 3 * PAGE_BYTES) &&
		      is_mapped(ROOT_CAP_VSPACE, VA + 6 * PAGE_BYTES),
	      "and nothing else");
	check_error(ts_view_unmap(other, VA, 16, &done), E_OK, "where nothing of it is");
	check_error(ts_view_unmap(other, VA, 0, &done), E_OK, "no page");
	check_equal(done, 0, "is done at once");
	check_error(ts_view_unmap(other, VA + 1, 1, &done), E_ALIGN, "not aligned: E_ALIGN");
	check_error(ts_view_unmap(other, VA + PAGE_BYTES, 16, &done), E_RANGE,
		    "across the window's end: E_RANGE");
	check_error(ts_view_unmap(other, VA - PAGE_BYTES, 2, &done), E_RANGE, "before the window: E_RANGE");
	check_error(ts_view_unmap(other, VA, ~0ull, &done), E_RANGE, "2^64 pages: E_RANGE");
	check_equal(done, 0, "nothing was done");
	stranger = map_here(0, VA + 2048 * PAGE_BYTES, 1, READ | WRITE);
	check_error(ts_view_unmap(whole.view, VA, 1024, &done), E_OK, "of 1024 pages");
	check(done == 1024 && !is_mapped(ROOT_CAP_VSPACE, VA + 1023 * PAGE_BYTES), "clears all of them");
	stranger.words[0] = MARK;
	space = make(CAP_VSPACE, 0);
	other = slot_new();
	must(ts_memory_attach(memory, OWN(other), space, VA, 16, READ), "a View of a space without tables");
	check_error(ts_view_unmap(other, VA, 16, &done), E_OK, "in a space without tables");
}

/* A large page, of which a part is unmapped, needs a table. */
static void test_view_unmap_large(void)
{
	cap_t vspace = make(CAP_VSPACE, 0), memory = slot_new(), view = slot_new();
	uint64_t done = 99;

	must(ts_vspace_donate_tables(vspace, OWN(make(CAP_UNTYPED, 14))), "four tables");
	must(ts_frame_alloc(make(CAP_UNTYPED, 22), OWN(memory), 1024), "two large pages");
	must(ts_memory_attach(memory, OWN(view), vspace, VA, 1024, READ), "a View");
	must(ts_view_map(view, VA, 0, 1024, READ, 0), "two tables lead to them");
	check_error(ts_view_unmap(view, VA + PAGE_BYTES, 1, &done), E_OK, "a part of a large page");
	check(is_mapped(vspace, VA) && !is_mapped(vspace, VA + PAGE_BYTES) &&
		      is_mapped(vspace, VA + 2 * PAGE_BYTES),
	      "the rest stays");
	must(ts_view_unmap(view, VA + LARGE_BYTES, 512, &done), "the other large page");
	check(!is_mapped(vspace, VA + LARGE_BYTES), "goes whole, without a table");
}

/* The same where no table is left. */
static void test_view_unmap_no_table(void)
{
	cap_t vspace = make(CAP_VSPACE, 0), memory = slot_new(), view = slot_new();
	uint64_t done = 99;

	must(ts_frame_alloc(make(CAP_UNTYPED, 21), OWN(memory), 512), "a large page");
	must(ts_vspace_donate_tables(vspace, OWN(make(CAP_UNTYPED, 13))), "two tables");
	must(ts_memory_attach(memory, OWN(view), vspace, VA, 512, READ), "a View");
	must(ts_view_map(view, VA, 0, 512, READ, 0), "a mapping");
	check_error(ts_view_unmap(view, VA + PAGE_BYTES, 1, &done), E_NO_TABLE,
		    "a part of a large page without a table for the split: E_NO_TABLE");
	check(done == 0 && is_mapped(vspace, VA + PAGE_BYTES), "nothing was cleared");
	check_error(ts_view_unmap(view, VA, 512, &done), E_OK, "all of it needs none");
	check(!is_mapped(vspace, VA), "it is gone");
}

/* ---- threads -------------------------------------------------------------------------------------------------- */

static const struct thread_config thread_config = {
	.cspace = ROOT_CAP_CNODE, .vspace = ROOT_CAP_VSPACE, .page_va = PAGE_VA, .priority = PRIORITY_HIGH};

/* What a thread of these tests does; self is its own capability. */
static _Noreturn void thread_main(struct worker *w)
{
	w->result[0] = 1;
	(void)ts_thread_yield();
	w->argument[0] = now_ns() + 2000000;
	w->result[1] = ts_thread_sleep(w->wake, w->argument[0]);
	w->result[2] = now_ns();
	w->result[3] = ts_thread_sleep(w->wake, NEVER);
	w->result[4] = 1;
	ts_thread_exit(w->thread);
}

static void start(cap_t thread, void (*entry)(struct worker *), struct worker *w)
{
	struct user_regs regs = {
		.rip = (uint64_t)entry, .rdi = (uint64_t)w, .rsp = (uint64_t)w->stack + sizeof(w->stack) - 8};

	bare_start(thread, &regs, 2);
}

static void test_threads(void)
{
	struct worker *w = worker(12);
	struct thread_config config = thread_config;
	uint64_t state = 0;

	w->thread = slot_run(2);
	w->sched = w->thread + 1;
	w->wake = make(CAP_NOTIFICATION, 0);
	for (uint32_t i = 0; i < 8; i++)
		w->result[i] = 0;
	config.page_va++;
	check_error(ts_thread_create(CAP_ARENA, w->thread, own_page(), &config), E_ALIGN,
		    "thread_create with a bad page: E_ALIGN");
	check_equal(type_at(w->thread) + type_at(w->sched), CAP_NULL, "leaves nothing behind");
	check_error(ts_thread_create(CAP_ARENA, w->thread, own_page(), &thread_config), E_OK,
		    "thread_create");
	check_error(ts_thread_create(CAP_ARENA, w->thread, own_page(), &thread_config), E_SLOT_USED,
		    "in a used slot: E_SLOT_USED");
	check(type_at(w->thread) == CAP_THREAD && type_at(w->sched) == CAP_SCHED_CONTEXT,
	      "leaves what is there");
	start(w->thread, thread_main, w);
	check(w->result[0] == 1, "it runs and sleeps");
	for (uint32_t i = 0; i < 1000 && w->result[2] == 0; i++)
		sleep_ns(1000000);
	check(w->result[2] >= w->argument[0] && w->result[1] == E_OK,
	      "thread_sleep ends at its time, never early");
	must(ts_signal(w->wake, 1), "a signal");
	check(w->result[4] == 1 && w->result[3] == E_INTERRUPTED, "or early by a signal: E_INTERRUPTED");
	must(ts_thread_read_regs(w->thread, &state), "its state");
	check_equal(state, STATE_SUSPENDED, "after thread_exit it stands still");
	check_error(ts_thread_sleep(w->wake, POLL), E_OK, "sleep until a time that is past");
	check_error(ts_thread_sleep(CAP_EMPTY, POLL), E_CAP, "sleep on nothing: E_CAP");
	check_error(ts_thread_destroy(OWN(w->thread)), E_OK, "thread_destroy");
	check(type_at(w->thread) == CAP_NULL && !is_mapped(ROOT_CAP_VSPACE, PAGE_VA),
	      "thread and message page are gone");
}

/* ---- processes ------------------------------------------------------------------------------------------------ */

/* What a process finds in its own CSpace. */
#define PROCESS_CAP_DONE 5u
#define PROCESS_CAP_MEMORY 10u

struct process {
	cap_t untyped, first;
};

static void process_exits(struct worker *w)
{
	*(volatile char *)(PROCESS_EXIT_VA + w->argument[0]) = 0;
}

static void process_faults(struct worker *w)
{
	*(volatile char *)0x1230 = (char)w->index;
}

/* Reads the memory it was granted, writes there, and tells main. */
static void process_reads(struct worker *w)
{
	volatile uint64_t *words = (volatile uint64_t *)VA;

	w->result[0] = words[0];
	w->result[1] = words[512];
	words[1] = MARK + 1;
	(void)ts_signal(PROCESS_CAP_DONE, 1);
	process_exits(w);
}

static struct process process_new(cap_t anchor)
{
	struct process process = {make(CAP_UNTYPED, 18), slot_run(PROCESS_SLOTS)};
	struct thread_config config = {.page_va = PAGE_VA, .priority = PRIORITY_HIGH, .fault_ep = anchor};

	check_error(ts_process_create(process.untyped, process.first, own_page(), &config, SPACE_TABLES_LOG2),
		    E_OK, "process_create");
	space_fill(process.first + PROCESS_VSPACE);
	return process;
}

static void test_process_ends(cap_t endpoint, cap_t anchor)
{
	struct process process = process_new(anchor);
	struct process_end end = {0};
	cap_t reply = slot_new();

	check_equal(type_at(process.first + PROCESS_SPARE), CAP_NULL, "the spare slot is empty");
	check_error(ts_process_wait(endpoint, reply, POLL, &end), E_TIMEOUT, "it has not ended: E_TIMEOUT");
	worker(12)->argument[0] = 42;
	start(process.first + PROCESS_THREAD, process_exits, worker(12));
	check_error(ts_process_wait(endpoint, reply, NEVER, &end), E_OK, "process_wait");
	check(end.kind == PROCESS_EXITED && end.code == 42 && end.badge == 0x77, "tells its exit status");
	check_equal(type_at(reply), CAP_NULL, "the slot for the Reply is empty again");
	start(process.first + PROCESS_THREAD, process_faults, worker(12));
	check_error(ts_process_wait(endpoint, reply, NEVER, &end), E_OK, "process_wait");
	check(end.kind == PROCESS_FAULTED && end.code == 0x1230, "tells a fault");
	check_error(ts_process_wait(endpoint, reply, POLL, &end), E_TIMEOUT, "each is told once");
	check_error(ts_process_kill(OWN(process.untyped)), E_OK, "process_kill");
	check(type_at(process.first + PROCESS_THREAD) == CAP_NULL &&
		      inspect(OWN(process.untyped)).info[2] == 1u << 18,
	      "nothing is left of it");
	check_error(ts_process_wait(endpoint, reply, POLL, &end), E_OK, "process_wait");
	check(end.kind == PROCESS_KILLED && end.badge == 0x77, "tells that it was killed");
	check_error(ts_send(mint_of(endpoint, WRITE, 3, 0), &(struct ipc_msg){.tag = MSG_TAG(1, 0, 0)}, POLL),
		    E_TIMEOUT, "nobody listens");
}

static void test_process_errors(cap_t anchor)
{
	struct thread_config config = {.page_va = PAGE_VA, .priority = PRIORITY_HIGH, .fault_ep = anchor};
	cap_t small = make(CAP_UNTYPED, 14), large = make(CAP_UNTYPED, 18), first = slot_run(PROCESS_SLOTS);
	uint32_t left = 0;

	check_error(ts_process_create(small, first, own_page(), &config, 14), E_NO_MEMORY,
		    "process_create from too little: E_NO_MEMORY");
	config.fault_ep = CAP_EMPTY;
	check_error(ts_process_create(large, first, own_page(), &config, 14), E_CAP,
		    "without an anchor: E_CAP");
	config.fault_ep = anchor;
	config.page_va = USER_TOP;
	check_error(ts_process_create(large, first, own_page(), &config, 14), E_RANGE,
		    "with a page outside: E_RANGE");
	for (uint32_t i = 0; i < PROCESS_SLOTS; i++)
		left += type_at(first + i) != CAP_NULL;
	check_equal(left, 0, "each time nothing is left behind");
}

static void test_grant(cap_t anchor, cap_t endpoint)
{
	struct process process = process_new(anchor);
	struct process_end end = {0};
	struct worker *w = worker(12);
	cap_t deep = slot_new(), deeper = slot_new(), memory = slot_new(), view = slot_new();
	cap_t done = make(CAP_NOTIFICATION, 0), vspace = process.first + PROCESS_VSPACE, again;
	uint64_t bits = 0;

	must(ts_untyped_retype(make(CAP_UNTYPED, 16), CAP_UNTYPED, 15, OWN(deep), 1, 0, 0), "Untypeds");
	must(ts_untyped_retype(deep, CAP_UNTYPED, 14, OWN(deeper), 1, 0, 0), "deeper than the process");
	must(ts_frame_alloc(deeper, OWN(memory), 2), "two pages");
	struct mapped area = map_here(memory, VA, 2, READ | WRITE);

	again = copy_of(memory, ALL);
	area.words[0] = MARK;
	area.words[512] = ~MARK;
	must(ts_cnode_copy(SLOT_IN(process.first + PROCESS_LEAF, PROCESS_CAP_DONE), OWN(done), ALL),
	     "a copy");
	check_error(ts_memory_grant(memory, view, vspace, VA,
				    SLOT_IN(process.first + PROCESS_LEAF, PROCESS_CAP_MEMORY)),
		    E_OK, "memory_grant");
	check(type_at(memory) == CAP_NULL && type_at(again) == CAP_NULL && type_at(area.view) == CAP_NULL &&
		      type_at(view) == CAP_NULL && !is_mapped(ROOT_CAP_VSPACE, VA) &&
		      !is_mapped(ROOT_CAP_VSPACE, VA + PAGE_BYTES),
	      "the giver has lost the pages, its copies and its mappings");
	start(process.first + PROCESS_THREAD, process_reads, w);
	check_error(ts_wait(done, NEVER, &bits), E_OK, "the receiver runs");
	check(w->result[0] == MARK && w->result[1] == ~MARK, "and finds what was written");
	must(ts_process_wait(endpoint, slot_new(), NEVER, &end), "its end");
	must(ts_cnode_move(OWN(memory), SLOT_IN(process.first + PROCESS_LEAF, PROCESS_CAP_MEMORY)), "back");
	check_equal(map_here(memory, VA, 2, READ).words[1], MARK + 1, "they are the same pages, not a copy");
	must(ts_process_kill(OWN(process.untyped)), "kill");
}

static void test_grant_errors(void)
{
	cap_t vspace = make(CAP_VSPACE, 0), cnode = make(CAP_CNODE, 4), view = slot_new();
	cap_t memory = make(CAP_MEMORY, 2), weak = copy_of(memory, ALL & ~REVOKE), tables;

	check_error(ts_memory_grant(weak, view, vspace, VA, SLOT_IN(cnode, 1)), E_RIGHTS,
		    "memory_grant without revoke: E_RIGHTS");
	check_error(ts_memory_grant(memory, view, vspace, VA + 1, SLOT_IN(cnode, 1)), E_ALIGN,
		    "to no page's address: E_ALIGN");
	check_error(ts_memory_grant(memory, view, cnode, VA, SLOT_IN(cnode, 1)), E_TYPE,
		    "to what is no VSpace: E_TYPE");
	check_error(ts_memory_grant(memory, view, vspace, VA, SLOT_IN(cnode, 1)), E_NO_TABLE,
		    "to a space without tables: E_NO_TABLE");
	tables = make(CAP_UNTYPED, 14);
	must(ts_vspace_donate_tables(vspace, OWN(tables)), "tables");
	check_error(ts_memory_grant(memory, view, vspace, VA, SLOT_IN(cnode, 1)), E_DEPTH,
		    "to a CNode that is not shallower than the Memory: E_DEPTH");
	check_error(ts_memory_grant(CAP_EMPTY, view, vspace, VA, SLOT_IN(cnode, 1)), E_CAP,
		    "of nothing: E_CAP");
	check(type_at(memory) == CAP_MEMORY && type_at(view) == CAP_NULL && !is_mapped(vspace, VA) &&
		      inspect(SLOT_IN(cnode, 2)).type == CAP_NULL,
	      "each time the giver keeps it and nothing is left behind");
}

void test_native(void)
{
	group_begin("native");
	test_cap_transfer();
	test_frames();
	group_end();
	group_begin("view_unmap");
	test_view_unmap();
	group_end();
	group_begin("view_unmap");
	test_view_unmap_large();
	group_end();
	group_begin("view_unmap");
	test_view_unmap_no_table();
	group_end();
	group_begin("native thread");
	test_threads();
	group_end();
	group_begin("native process");
	cap_t endpoint = make(CAP_ENDPOINT, 0);

	test_process_ends(endpoint, mint_of(endpoint, ALL, 0x77, 1));
	test_process_errors(mint_of(endpoint, ALL, 0x78, 1));
	test_grant(mint_of(endpoint, ALL, 0x79, 1), endpoint);
	test_grant_errors();
	group_end();
}
