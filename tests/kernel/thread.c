/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Threads: configure, registers, resume and suspend, and what these refuse. */
#include "tests.h"

#include <string.h>

#define OWN SLOT_OWN
#define PAGE_VA (WORKER_PAGE_VA + 5 * PAGE_BYTES)

static uint64_t configure(cap_t thread, const struct thread_config *config)
{
	*(struct thread_config *)page_block() = *config;
	return ts_thread_configure(thread);
}

static const struct thread_config usual = {
	.cspace = ROOT_CAP_CNODE, .vspace = ROOT_CAP_VSPACE, .page_va = PAGE_VA, .priority = PRIORITY_HIGH};

static void test_configure(void)
{
	cap_t thread = make(CAP_THREAD, 0), endpoint = make(CAP_ENDPOINT, 0), other = make(CAP_THREAD, 0),
	      bare = make(CAP_VSPACE, 0);
	struct thread_config config = usual;
	uint64_t phys, flags;

	check_error(ts_thread_resume(thread), E_STATE, "resume of a thread without a VSpace: E_STATE");
	check_error(configure(thread, &config), E_OK, "configure");
	must(ts_vspace_query(ROOT_CAP_VSPACE, PAGE_VA, &phys, &flags), "query");
	check((flags & 7) == (READ | WRITE), "its message page is mapped");
	check_error(configure(thread, &config), E_OK, "the same again");
	check_error(configure(other, &config), E_MAPPED, "another thread's page there: E_MAPPED");
	config.page_va = PAGE_VA + 1;
	check_error(configure(other, &config), E_ALIGN, "a page address that is not aligned: E_ALIGN");
	config.page_va = USER_TOP;
	check_error(configure(other, &config), E_RANGE, "past the user half: E_RANGE");
	config = usual;
	config.flags = 4;
	check_error(configure(other, &config), E_ARG, "an unknown flag: E_ARG");
	config = usual;
	config.priority = 256;
	check_error(configure(other, &config), E_ARG, "priority 256: E_ARG");
	config = usual;
	config.vspace = bare;
	check_error(configure(other, &config), E_NO_TABLE, "a space without tables: E_NO_TABLE");
	config.vspace = endpoint;
	check_error(configure(other, &config), E_TYPE, "an Endpoint as VSpace: E_TYPE");
	config = usual;
	config.cspace = endpoint;
	check_error(configure(other, &config), E_TYPE, "an Endpoint as CSpace: E_TYPE");
	config.cspace = CAP_EMPTY;
	check_error(configure(other, &config), E_CAP, "nothing as CSpace: E_CAP");
	config = usual;
	config.fault_ep = copy_of(endpoint, WRITE);
	check_error(configure(other, &config), E_RIGHTS, "a fault endpoint without grant: E_RIGHTS");
	check_error(configure(ROOT_CAP_THREAD, &usual), E_STATE, "of a running thread: E_STATE");
	config = (struct thread_config){.page_va = PAGE_VA + PAGE_BYTES, .priority = ~0u};
	check_error(configure(thread, &config), E_OK, "another page address");
	must(ts_vspace_query(ROOT_CAP_VSPACE, PAGE_VA, &phys, &flags), "query");
	check(phys == 0, "moves the page");
	drop(thread);
	must(ts_vspace_query(ROOT_CAP_VSPACE, PAGE_VA + PAGE_BYTES, &phys, &flags), "query");
	check(phys == 0, "the page goes with the thread");
}

/* The Thread's own copies need a place in the tree. */
static void test_depth(void)
{
	cap_t thread = make(CAP_THREAD, 0), endpoint = make(CAP_ENDPOINT, 0), chain = make(CAP_CNODE, 10),
	      last = slot_new();
	struct thread_config config = usual;
	slot_t from = OWN(endpoint);
	uint32_t i = 0;

	while (i < 1024 && ts_cnode_mint(SLOT_IN(chain, i), from, ALL, 0, 0) == E_OK)
		from = SLOT_IN(chain, i++);
	must(ts_cnode_move(OWN(last), from), "the last one");
	config.fault_ep = last;
	check_error(configure(thread, &config), E_DEPTH, "a fault endpoint at the end of the tree: E_DEPTH");
	must(ts_cnode_revoke(OWN(endpoint), 0), "revoke");
}

static void test_clear_page(void)
{
	struct worker *w = worker_new(5, 0, PRIORITY_HIGH);
	struct thread_config config = {.flags = THREAD_CFG_CLEAR_PAGE, .priority = ~0u};
	uint64_t state, sum = 0;

	page_of(w)->words[100] = 1;
	must(ts_thread_suspend(w->thread), "suspend");
	check_error(configure(w->thread, &config), E_OK, "configure with CLEAR_PAGE");
	for (uint32_t i = 0; i < 512; i++)
		sum |= ((volatile uint64_t *)page_of(w))[i];
	check_equal(sum, 0, "zeroes the message page");
	must(ts_thread_read_regs(w->thread, &state), "registers");
	const uint64_t *regs = page_block();

	for (uint32_t i = 0; i < 17; i++)
		sum |= regs[i];
	check_equal(sum, 0, "and the registers");
	worker_end(w);
}

static void test_set_regs(void)
{
	cap_t thread = bare_thread(5, 0, 0, 0);
	struct user_regs *regs = page_block(), wanted;
	uint64_t state = 99;

	for (uint32_t i = 0; i < sizeof(*regs) / 8; i++)
		((uint64_t *)&wanted)[i] = 0x1111 * (i + 1);
	wanted.rflags = ~0ull;
	*regs = wanted;
	check_error(ts_thread_set_regs(thread, 0, 0), E_OK, "set_regs");
	memset(regs, 0, sizeof(*regs));
	check_error(ts_thread_read_regs(thread, &state), E_OK, "read_regs");
	wanted.rflags = regs->rflags;
	check(state == STATE_SUSPENDED && memcmp(regs, &wanted, sizeof(wanted)) == 0, "tells what was set");
	check((regs->rflags & ~0x254dd5ull) == 0x202, "rflags is masked: interrupts on, I/O privilege 0");
	regs->rip = USER_TOP;
	check_error(ts_thread_set_regs(thread, 0, 0), E_ARG, "RIP past the user half: E_ARG");
	regs->rip = 0xffffffff80000000ull;
	check_error(ts_thread_set_regs(thread, 0, 0), E_ARG, "RIP in the kernel: E_ARG");
	*regs = wanted;
	regs->fs_base = 1ull << 47;
	check_error(ts_thread_set_regs(thread, 0, 0), E_ARG, "an FS base that is not canonical: E_ARG");
	*regs = wanted;
	regs->gs_base = 1ull << 63;
	check_error(ts_thread_set_regs(thread, 0, 0), E_ARG, "a GS base that is not canonical: E_ARG");
	*regs = wanted;
	regs->rsp = 1ull << 60;
	check_error(ts_thread_set_regs(thread, 0, 0), E_ARG, "an RSP that is not canonical: E_ARG");
	*regs = wanted;
	check_error(ts_thread_set_regs(thread, 4, 0), E_ARG, "an unknown flag: E_ARG");
	check_error(ts_thread_set_regs(thread, 3, thread), E_ARG, "both FPU flags: E_ARG");
	check_error(ts_thread_set_regs(thread, 1, CAP_EMPTY), E_CAP, "FPU state from nothing: E_CAP");
	check_error(ts_thread_set_regs(thread, 1, ROOT_CAP_VSPACE), E_TYPE, "FPU state of a VSpace: E_TYPE");
	check_error(ts_thread_set_regs(thread, 1, ROOT_CAP_THREAD), E_STATE,
		    "FPU state of a running thread: E_STATE");
	check_error(ts_thread_set_regs(ROOT_CAP_THREAD, 0, 0), E_STATE,
		    "registers of a running thread: E_STATE");
	check_error(ts_thread_read_regs(ROOT_CAP_THREAD, &state), E_OK, "read_regs of the caller itself");
	check(regs->rsp > ROOT_STACK_TOP - ROOT_STACK_BYTES && regs->rsp < ROOT_STACK_TOP &&
		      state == STATE_READY,
	      "tells its registers");
}

static void spin(struct worker *w)
{
	while (((volatile struct worker *)w)->argument[0] == 0)
		w->result[0]++;
}

static void test_suspend(void)
{
	struct worker *w = worker_new(5, 0, PRIORITY_LOW);
	volatile struct worker *shared = w;
	uint64_t before;

	worker_run(w, spin);
	for (uint32_t i = 0; i < 100 && shared->result[0] == 0; i++)
		sleep_ns(1000000);
	check(shared->result[0] != 0, "a thread of lower priority runs while others wait");
	check_error(ts_thread_suspend(w->thread), E_OK, "suspend");
	before = shared->result[0];
	sleep_ns(2000000);
	check(shared->result[0] == before && state_of(w) == STATE_SUSPENDED, "it runs no more");
	check_error(ts_thread_suspend(w->thread), E_OK, "suspend of a suspended one");
	check_error(ts_thread_resume(w->thread), E_OK, "resume");
	for (uint32_t i = 0; i < 100 && shared->result[0] == before; i++)
		sleep_ns(1000000);
	check(shared->result[0] != before, "it goes on where it was");
	check_error(ts_thread_resume(w->thread), E_OK, "resume of one that runs");
	w->argument[0] = 1;
	for (uint32_t i = 0; i < 100 && !is_done(w); i++)
		sleep_ns(1000000);
	check(is_done(w), "and ends what it was doing");
	worker_end(w);
}

/* A thread may end itself in any way: the machine goes on. */
static void suspend_self(struct worker *w)
{
	w->result[0] = ts_thread_suspend(w->thread);
}

static void delete_self(struct worker *w)
{
	w->result[1] = ts_cnode_delete(OWN(w->thread), 0);
}

static void test_self(void)
{
	struct worker *w = worker_new(5, 0, PRIORITY_HIGH);

	w->result[0] = 77;
	worker_run(w, suspend_self);
	check(!is_done(w) && state_of(w) == STATE_SUSPENDED, "a thread suspends itself");
	must(ts_thread_resume(w->thread), "resume");
	check(is_done(w) && w->result[0] == E_OK, "and sees E_OK when it is resumed");
	worker_run(w, delete_self);
	check(!is_done(w) && type_at(w->thread) == CAP_NULL, "a thread deletes itself");
	drop(w->wake);
	space_make(1);
	w = worker_new(5, 1, PRIORITY_HIGH);
	check_error(ts_cnode_delete(OWN(space_cap(1)), 0), E_OK, "a VSpace goes under a thread");
	check_equal(state_of(w), STATE_SUSPENDED, "the thread stops");
	check_error(ts_thread_resume(w->thread), E_STATE, "and cannot be resumed: E_STATE");
	worker_end(w);
}

static void test_tls(void)
{
	struct worker *w = worker_new(5, 0, PRIORITY_HIGH);
	uint64_t state;

	check_error(ts_thread_set_tls(ROOT_CAP_THREAD, 0x123450), E_OK, "set_tls of the caller");
	if (has_bases())
		check_equal(get_fs(), 0x123450, "is its FS base at once");
	check_error(ts_thread_set_tls(ROOT_CAP_THREAD, 1ull << 62), E_ARG,
		    "a base that is not canonical: E_ARG");
	check_error(ts_thread_set_tls(w->thread, 0x777000), E_OK, "set_tls of a thread that waits");
	must(ts_thread_read_regs(w->thread, &state), "registers");
	check_equal(((struct user_regs *)page_block())->fs_base, 0x777000, "read_regs tells it");
	must(ts_thread_set_tls(ROOT_CAP_THREAD, 0), "no base");
	check_error(ts_thread_set_affinity(w->thread, 0), E_OK, "affinity to CPU 0");
	check_error(ts_thread_set_affinity(w->thread, boot_info()->cpu_count), E_ARG,
		    "to a CPU there is not: E_ARG");
	check_error(ts_thread_set_priority(w->thread, 256), E_ARG, "priority 256: E_ARG");
	worker_end(w);
}

void test_thread(void)
{
	group_begin("thread");
	test_configure();
	test_depth();
	test_clear_page();
	group_begin("thread registers");
	test_set_regs();
	group_begin("thread");
	test_suspend();
	group_begin("thread");
	test_self();
	group_begin("thread");
	test_tls();
	group_end();
}
