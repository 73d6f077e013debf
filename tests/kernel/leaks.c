/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Nothing passes from one protection domain to another: one thread's state is markers everywhere, and another one, in another
 * address space, stores all it has right after the kernel has switched to it, by each way there is; used memory becomes
 * objects; and the pages the kernel fills hold no address of its own.
 */
#include "tests.h"

#include <stddef.h>
#include <string.h>

#define OWN SLOT_OWN
#define TAG(op, words) MSG_TAG((op), (words), 0)
#define BOTH(reply, endpoint) ((uint64_t)(reply) << 32 | (endpoint))
#define MARKER 0xbad5ec2e5ec2e700ull /* leaks.S */
#define BASE_MARKER 0x5ec2e7ba0000ull
#define SOON 1000000000ull
#define KERNEL_HALF 0xffff800000000000ull
#define FLAG_AVX 1u
#define FLAG_BASES 2u

/* leaks.S knows these layouts. */
_Static_assert(TIME_PAGE_VA + offsetof(struct time_page, xsave_mask) == 0x7fffffffd000 + 48,
	       "TIME_PAGE_XSAVE_MASK");
struct leak_call {
	uint64_t rax, rdi, rsi, r12, flags;
};
struct leak_image {
	uint64_t general[15], selectors;
	uint8_t xsave[3968] __attribute__((aligned(64)));
};
void leak_call(const struct leak_call *call);
void leak_fault(const struct leak_call *call);
void leak_spin(const struct leak_call *call);
void leak_watch(const struct leak_call *call, struct leak_image *into);
void leak_watch_spin(const volatile uint64_t *flag, struct leak_image *into);
extern const char leak_start[];

/* In shared memory, behind the workers' part. */
static struct leak_call *const filled = (struct leak_call *)(SHARED_VA + 0x80000);
static struct leak_call *const watched = (struct leak_call *)(SHARED_VA + 0x80040);
static struct leak_image *const image = (struct leak_image *)(SHARED_VA + 0x81000);
static uint64_t *const bases = (uint64_t *)(SHARED_VA + 0x80080);
static volatile uint64_t *const flag = (volatile uint64_t *)(SHARED_VA + 0x800c0);
static struct worker *filler, *watcher;

static uint64_t leak_flags(void)
{
	bool has_avx = (((const struct time_page *)TIME_PAGE_VA)->xsave_mask & 4) != 0;

	return (has_avx ? FLAG_AVX : 0) | (has_bases() ? FLAG_BASES : 0);
}

static bool is_marker(uint64_t value)
{
	return value >> 16 == MARKER >> 16 || value == BASE_MARKER;
}

/* An address of the kernel's; small negative numbers are none. */
static bool is_kernel_address(uint64_t value)
{
	return value >= KERNEL_HALF && value < ~0ull - PAGE_BYTES;
}

static uint64_t suspicious_words(const void *from, uint64_t bytes)
{
	uint64_t count = 0, value;

	for (uint64_t at = 0; at + sizeof(value) <= bytes;
	     at += 2) { /* x87 registers begin at each multiple of 2 */
		memcpy(&value, (const uint8_t *)from + at, sizeof(value));
		count += is_marker(value);
		if (at % sizeof(value) == 0)
			count += is_kernel_address(value);
	}
	return count;
}

static void run_call(struct worker *w)
{
	(void)w;
	leak_call((const struct leak_call *)(SHARED_VA + 0x80000));
	fpu_reset();
}

static void run_fault(struct worker *w)
{
	(void)w;
	leak_fault((const struct leak_call *)(SHARED_VA + 0x80000));
}

static void run_spin(struct worker *w)
{
	(void)w;
	leak_spin((const struct leak_call *)(SHARED_VA + 0x80000));
}

static void store_bases(uint64_t *into)
{
	into[0] = has_bases() ? get_fs() : 0;
	into[1] = has_bases() ? get_gs() : 0;
}

static void run_watch(struct worker *w)
{
	(void)w;
	leak_watch((const struct leak_call *)(SHARED_VA + 0x80040),
		   (struct leak_image *)(SHARED_VA + 0x81000));
	store_bases((uint64_t *)(SHARED_VA + 0x80080));
}

static void run_watch_spin(struct worker *w)
{
	(void)w;
	leak_watch_spin((const volatile uint64_t *)(SHARED_VA + 0x800c0),
			(struct leak_image *)(SHARED_VA + 0x81000));
	store_bases((uint64_t *)(SHARED_VA + 0x80080));
}

static void start(void)
{
	group_begin("leaks");
	space_make(1);
	space_make(2);
	filler = worker_new(0, 1, PRIORITY_HIGH);
	watcher = worker_new(1, 2, PRIORITY_HIGH);
	memset(image, 0, sizeof(*image));
	*flag = 0;
	bases[0] = 1;
}

/* The watcher has stored what it found: x87 and SSE in their initial state, and no marker anywhere. */
static void check_clean(const char *name)
{
	uint16_t control;
	uint32_t mxcsr;

	memcpy(&control, image->xsave, sizeof(control));
	memcpy(&mxcsr, image->xsave + 24, sizeof(mxcsr));
	check(is_done(watcher) && mxcsr == 0x1f80 && control == 0x37f, join(name, "was stored"));
	check_equal(suspicious_words(image, sizeof(*image)), 0, join(name, "leaks no register"));
	check(image->selectors == 0 && bases[0] == 0 && bases[1] == 0, join(name, "leaks no segment"));
}

/* The watcher waits in one call, the filler makes the other with markers in every register it does not use. */
static void pass(const char *name, struct leak_call wait, struct leak_call call)
{
	wait.flags = call.flags = leak_flags();
	*watched = wait;
	*filled = call;
	worker_run(watcher, run_watch);
	worker_run(filler, run_call);
	check_clean(name);
}

#define CALL(operation) (TESSERA_SYSCALL_BASE + (operation))

static void test_switches(void)
{
	start();
	cap_t endpoint = make(CAP_ENDPOINT, 0), notification = make(CAP_NOTIFICATION, 0), reply = slot_new();

	pass("send", (struct leak_call){CALL(OP_RECV), endpoint, 0, NEVER, 0},
	     (struct leak_call){CALL(OP_SEND), endpoint, TAG(1, 0), NEVER, 0});
	pass("signal", (struct leak_call){CALL(OP_WAIT), notification, 0, NEVER, 0},
	     (struct leak_call){CALL(OP_SIGNAL), notification, 1, 0, 0});
	pass("a call, slow",
	     (struct leak_call){CALL(OP_RECV), BOTH(reply, endpoint), 0, now_ns() + 20 * SOON, 0},
	     (struct leak_call){CALL(OP_CALL), endpoint, TAG(1, 0), NEVER, 0});
	start();
	endpoint = make(CAP_ENDPOINT, 0);
	reply = slot_new();
	pass("a call, fast", (struct leak_call){CALL(OP_RECV), BOTH(reply, endpoint), 0, NEVER, 0},
	     (struct leak_call){CALL(OP_CALL), endpoint, TAG(1, 0), NEVER, 0});
}

/* The watcher calls, the filler has received and answers with markers. */
static void test_reply(void)
{
	struct leak_call wait = {0}, call = {0};

	start();
	cap_t endpoint = make(CAP_ENDPOINT, 0), reply = slot_new();

	wait = (struct leak_call){CALL(OP_CALL), endpoint, TAG(1, 0), NEVER, leak_flags()};
	call = (struct leak_call){CALL(OP_REPLY_RECV), BOTH(reply, endpoint), TAG(0, 0), NEVER, leak_flags()};
	DO(filler, OP_RECV, BOTH(reply, endpoint), 0, 0, 0, 0, 0, NEVER);
	*watched = wait;
	*filled = call;
	worker_run(watcher, run_watch);
	worker_run(filler, run_call);
	check_clean("reply_recv");
}

static void test_fault_switch(void)
{
	start();
	cap_t endpoint = make(CAP_ENDPOINT, 0), reply = slot_new();

	worker_handlers(filler, endpoint, 0);
	*watched = (struct leak_call){CALL(OP_RECV), BOTH(reply, endpoint), 0, NEVER, leak_flags()};
	*filled = (struct leak_call){0, SCRATCH_VA, MARKER, MARKER, leak_flags()};
	worker_run(watcher, run_watch);
	worker_run(filler, run_fault);
	check_clean("a fault");
}

static void test_preemption(void)
{
	start();
	*filled = (struct leak_call){MARKER, MARKER, MARKER, MARKER, leak_flags()};
	must(ts_thread_set_priority(watcher->thread, PRIORITY_LOW), "priority");
	must(ts_thread_set_priority(filler->thread, PRIORITY_LOW), "priority");
	worker_run(watcher, run_watch_spin);
	worker_run(filler, run_spin);
	sleep_ns(100000000); /* ten slices */
	*flag = 1;
	for (uint32_t i = 0; i < 500 && !is_done(watcher); i++)
		sleep_ns(1000000);
	check_clean("preemption");
	check(!is_done(filler), "the other one spins");
}

/* A thread in the memory of one that died with markers everywhere. */
static void test_new_thread(void)
{
	cap_t home, thread, wake, time;
	struct user_regs regs = {
		.rip = (uint64_t)leak_spin, .rsp = SHARED_VA + 0x83000, .rdi = (uint64_t)filled};
	uint64_t *stack = (uint64_t *)(SHARED_VA + 0x83000);

	start();
	home = make(CAP_UNTYPED, 13);
	thread = slot_new();
	wake = make(CAP_NOTIFICATION, 0);
	time = make(CAP_SCHED_CONTEXT, 0);
	stack[0] = (uint64_t)image;
	stack[1] = wake;
	*filled = (struct leak_call){MARKER, MARKER, MARKER, MARKER, leak_flags()};
	struct thread_config config = {.cspace = ROOT_CAP_CNODE,
				       .vspace = ROOT_CAP_VSPACE,
				       .page_va = WORKER_PAGE_VA,
				       .priority = PRIORITY_LOW};

	for (uint32_t round = 0; round < 2; round++) {
		must(ts_untyped_retype(home, CAP_THREAD, 0, OWN(thread), 1, 0, 0), "a thread");
		*(struct thread_config *)page_block() = config;
		must(ts_thread_configure(thread), "configure");
		must(ts_sched_bind(time, thread), "its time");
		bare_start(thread, &regs, 0);
		sleep_ns(20000000);
		must(ts_cnode_delete(OWN(thread), 0), "delete");
		regs = (struct user_regs){.rip = (uint64_t)leak_start, .rsp = SHARED_VA + 0x83000};
	}
	check(image->xsave[24] == 0x80 && image->general[0] == 0, "a new thread in used memory ran");
	check_equal(suspicious_words(image, sizeof(*image)), 0, "and found no register of the dead one's");
}

/* Memory full of markers becomes objects, and nobody sees the markers. */
static void test_used_memory(void)
{
	cap_t home, memory, cnode, notification, vspace;
	uint64_t used = 0, phys = 0, flags = 0, bits = 0;

	start();
	home = make(CAP_UNTYPED, 16);
	memory = slot_new();
	must(ts_untyped_retype(home, CAP_MEMORY, 16, OWN(memory), 1, 0, 0), "memory");
	struct mapped mapped = map_here(memory, SCRATCH_VA, 16, READ | WRITE);

	for (uint32_t i = 0; i < 16 * PAGE_BYTES / 8; i++)
		mapped.words[i] = MARKER + (i & 0xff);
	must(ts_cnode_revoke(OWN(home), 0), "revoke");
	cnode = slot_new();
	must(ts_untyped_retype(home, CAP_CNODE, 8, OWN(cnode), 1, 0, 0), "cnode");
	used = inspect(OWN(cnode)).info[1];
	check_equal(used, 0, "a CNode in used memory is empty");
	notification = slot_new();
	must(ts_untyped_retype(home, CAP_NOTIFICATION, 0, OWN(notification), 1, 0, 0), "notification");
	check_error(ts_wait(notification, POLL, &bits), E_TIMEOUT,
		    "a Notification in used memory has no signal");
	vspace = slot_new();
	must(ts_untyped_retype(home, CAP_VSPACE, 0, OWN(vspace), 1, 0, 0), "vspace");
	for (uint64_t va = 0; va < 256; va++) {
		(void)ts_vspace_query(vspace, va << 39, &phys, &flags);
		used |= phys;
	}
	check_equal(used, 0, "a VSpace in used memory maps nothing");
}

static void test_kernel_pages(void)
{
	const struct boot_info *info = boot_info();
	const uint8_t *end = (const uint8_t *)(info + 1);
	uint64_t rest = 0;

	group_begin("leaks");
	for (const uint8_t *at = end; at < (const uint8_t *)ROOT_BOOT_INFO_VA + PAGE_BYTES; at++)
		rest |= *at;
	for (uint64_t i = sizeof(struct time_page); i < PAGE_BYTES; i++)
		rest |= ((const uint8_t *)TIME_PAGE_VA)[i];
	check_equal(rest, 0, "the rest of the boot information's and the clock's page is zero");
	check_equal(suspicious_words((const void *)ROOT_BOOT_INFO_VA, PAGE_BYTES) +
			    suspicious_words((const void *)TIME_PAGE_VA, PAGE_BYTES),
		    0, "no address of the kernel's stands in them");
	group_end();
}

/* What operations tell: no address of the kernel's, and nothing behind what they are to write. */
static void test_told(void)
{
	uint64_t count = 0, changed = 0;

	start();
	for (cap_t address = 1; address < 512; address++) { /* root's leaf and the group's */
		struct cap_facts facts = inspect(OWN(address));

		count += suspicious_words(facts.info, sizeof(facts.info)) + is_kernel_address(facts.badge);
	}
	check_equal(count, 0, "cap_inspect tells no address of the kernel's");
	memset(page_block(), 0x5a, 2048);
	(void)state_of(watcher); /* thread_read_regs */
	check_equal(suspicious_words(page_block(), 2048), 0, "read_regs tells none");
	for (uint64_t i = sizeof(struct user_regs); i < 2048; i++)
		changed += ((const uint8_t *)page_block())[i] != 0x5a;
	check_equal(changed, 0, "and writes nothing behind the registers");
	memset(page_block(), 0, 2048);
}

void test_leaks(void)
{
	test_switches();
	test_reply();
	test_fault_switch();
	test_preemption();
	test_new_thread();
	test_used_memory();
	test_told();
	test_kernel_pages();
}
