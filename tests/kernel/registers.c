/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Registers never leak: markers everywhere, and a look at every register of everybody afterwards. */
#include "tests.h"

#include <string.h>

#define OWN SLOT_OWN
#define TAG(op, words) MSG_TAG((op), (words), 0)
#define BOTH(reply, endpoint) ((uint64_t)(reply) << 32 | (endpoint))
#define REGISTERS 16u
#define RSP 7u

enum { OP_PLAIN, OP_BY_CAP, OP_BY_SLOT };
#define X(number, name, type, rights, how, handler) {number, #name},
static const struct {
	uint32_t number;
	const char *name;
} operations[] = {
#include <dispatch_table.inc>
};
#undef X

static cap_t endpoint, reply;

static void start(void)
{
	group_begin("registers");
	space_make(1);
	space_make(2);
	endpoint = make(CAP_ENDPOINT, 0);
	reply = slot_new();
}

/* RBX RBP R13 R14 R15 are never an argument or result. */
static bool is_kept(uint32_t i)
{
	return i == 1 || i == 6 || i >= 13;
}

static void mark(struct user_regs *regs, uint64_t marker)
{
	for (uint32_t i = 0; i < REGISTERS; i++)
		((uint64_t *)regs)[i] = marker + i;
}

/* True if a register or word holds one of the 256 values from marker on. */
static bool has_marker(const struct user_regs *regs, uint64_t marker)
{
	for (uint32_t i = 0; i < REGISTERS; i++) {
		if (i != RSP && ((const uint64_t *)regs)[i] - marker < 256)
			return true;
	}
	return false;
}

/* An operation that fails leaves all registers but RAX as they were, and `done`, which is 0 then. */
static bool fails_cleanly(uint32_t number)
{
	struct user_regs regs, before;

	mark(&regs, 0x7700000000000000ull);
	regs.rax = TESSERA_SYSCALL_BASE + number;
	before = regs;
	observed_call(&regs);
	if (regs.rcx != (uint64_t)raw_call_return || (regs.r11 & ~0x8d5ull) != 0x202)
		return false;
	for (uint32_t i = 0; i < REGISTERS; i++) {
		uint64_t now = ((uint64_t *)&regs)[i], then = ((uint64_t *)&before)[i];

		if (i == 0 || i == 2 || i == RSP || i == 11 || now == then)
			continue;
		if (i != 5 || now != 0) /* RDI: the count done */
			return false;
	}
	return regs.rax != E_OK;
}

static void test_errors(void)
{
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < COUNT_OF(operations); i++) {
		if (operations[i].number == OP_YIELD || operations[i].number == OP_NOTHING ||
		    operations[i].number == OP_TIME_GET)
			continue;
		if (!fails_cleanly(operations[i].number)) {
			wrong++;
			print("# ");
			print(operations[i].name);
			print("\n");
		}
	}
	check_equal(wrong, 0, "every operation that fails leaves the caller's registers alone");
}

static void test_success(void)
{
	struct user_regs regs, before;
	bool is_right = true;

	mark(&regs, 0x7700000000000000ull);
	regs.rax = TESSERA_SYSCALL_BASE + OP_NOTHING;
	before = regs;
	observed_call(&regs);
	for (uint32_t i = 0; i < REGISTERS; i++)
		is_right = is_right && (i == 0 || i == 2 || i == RSP || i == 11 ||
					((uint64_t *)&regs)[i] == ((uint64_t *)&before)[i]);
	check(is_right && regs.rax == E_OK, "nothing keeps everything but RAX, RCX and R11");
	check(regs.rcx == (uint64_t)raw_call_return, "RCX and R11 hold what SYSCALL puts there");
	mark(&regs, 0x7700000000000000ull);
	regs.rax = TESSERA_SYSCALL_BASE + OP_CAP_INSPECT;
	regs.rdi = ROOT_CAP_CLOCK;
	before = regs;
	observed_call(&regs);
	for (uint32_t i = 0; i < REGISTERS; i++)
		is_right = is_right && (!is_kept(i) || ((uint64_t *)&regs)[i] == ((uint64_t *)&before)[i]);
	check(is_right && regs.rdi == CAP_CLOCK && regs.rdx == 0 && regs.r9 == 0 && regs.r12 == before.r12,
	      "an operation with results changes those only");
}

/* A worker whose call has a marker in every register that is no argument. */
static void marked_do(struct worker *w, uint32_t operation, uint64_t marker, uint64_t a0, uint64_t tag)
{
	DO(w, OP_NOTHING, 0); /* sets what runs */
	mark(&w->regs, marker);
	w->regs.rax = TESSERA_SYSCALL_BASE + operation;
	w->regs.rdi = a0;
	w->regs.rsi = tag;
	w->regs.r12 = NEVER;
	worker_run(w, w->run);
}

#define MINE 0x1111000000000000ull
#define YOURS 0x2222000000000000ull

/* The registers of a receiver: own markers, and of the sender's words as many as the tag says, the rest zero. */
static bool is_clean(const struct worker *w, uint32_t words, uint64_t theirs, uint64_t own)
{
	const uint64_t got[4] = {w->regs.rdx, w->regs.r10, w->regs.r8, w->regs.r9};
	const uint64_t sent[4] = {theirs + 3, theirs + 10, theirs + 8, theirs + 9};
	const uint64_t *all = (const uint64_t *)&w->regs;

	for (uint32_t i = 0; i < 4; i++) {
		if (got[i] != (i < words ? sent[i] : 0))
			return false;
	}
	for (uint32_t i = 0; i < REGISTERS; i++) {
		if (is_kept(i) && all[i] != own + i)
			return false;
	}
	return w->regs.rcx == (uint64_t)raw_call_return && (w->regs.r11 & ~0x8d5ull) == 0x202;
}

static void test_messages(void)
{
	struct worker *a = worker_new(0, 1, PRIORITY_HIGH), *b = worker_new(1, 2, PRIORITY_HIGH);
	uint32_t wrong = 0;

	for (uint32_t words = 0; words <= 4; words++) {
		marked_do(b, OP_RECV, YOURS, endpoint, TAG(0, 0)); /* the receiver waits */
		marked_do(a, OP_SEND, MINE, endpoint, TAG(1, words));
		wrong += !is_done(b) || !is_clean(b, words, MINE, YOURS) || has_marker(&a->regs, YOURS);
		marked_do(a, OP_SEND, MINE, endpoint, TAG(1, words)); /* the sender waits */
		marked_do(b, OP_RECV, YOURS, endpoint, TAG(0, 0));
		wrong += !is_done(a) || !is_clean(b, words, MINE, YOURS) || has_marker(&a->regs, YOURS);
	}
	check_equal(wrong, 0, "send: 0 to 4 words arrive and nothing else");
	marked_do(b, OP_RECV, YOURS, BOTH(reply, endpoint), TAG(0, 0));
	for (uint32_t words = 0; words <= 4; words++) {
		marked_do(a, OP_CALL, MINE, endpoint, TAG(1, words));
		wrong += !is_done(b) || !is_clean(b, words, MINE, YOURS);
		marked_do(b, OP_REPLY_RECV, YOURS, BOTH(reply, endpoint), TAG(0, 4 - words));
		wrong += !is_done(a) || !is_clean(a, 4 - words, YOURS, MINE);
	}
	check_equal(wrong, 0, "call and reply_recv (the fast path): the same");
	marked_do(a, OP_CALL, MINE, endpoint, TAG(1, 1));
	marked_do(b, OP_REPLY, YOURS, reply, TAG(0, 2));
	check(is_clean(a, 2, YOURS, MINE), "reply: the same");
	check(!has_marker(&b->regs, MINE + 11), "and nothing of the caller beyond its word in the server");
}

static void test_others(void)
{
	struct worker *a = worker_new(0, 1, PRIORITY_HIGH), *b = worker_new(1, 2, PRIORITY_HIGH);
	cap_t notification = make(CAP_NOTIFICATION, 0), anchor;

	marked_do(b, OP_WAIT, YOURS, notification, 0);
	marked_do(a, OP_SIGNAL, MINE, notification, 5);
	check(is_done(b) && b->regs.rdi == 5 && b->regs.rsi == 0 && b->regs.rdx == YOURS + 3 &&
		      !has_marker(&b->regs, MINE),
	      "wait: the bits alone");
	must(ts_thread_bind_notification(b->thread, notification), "bind");
	marked_do(b, OP_RECV, YOURS, endpoint, 0);
	marked_do(a, OP_SIGNAL, MINE, notification, 6);
	check(is_done(b) && b->regs.rdx == 6 && b->regs.r10 == 0 && b->regs.r8 == 0 && b->regs.r9 == 0 &&
		      !has_marker(&b->regs, MINE),
	      "recv of a signal: its bits, zeros else");
	anchor = mint_of(endpoint, ALL, 3, 1);
	marked_do(b, OP_RECV, YOURS, endpoint, 0);
	check(is_done(b) && b->regs.rdi == 3 && b->regs.rdx == 0 && b->regs.r9 == 0 && b->regs.r12 == 0,
	      "recv of a notice: its badge, zeros else");
	drop(anchor);
	marked_do(b, OP_RECV, YOURS, endpoint, 0);
	must(ts_thread_interrupt(b->thread), "interrupt");
	check(is_done(b) && error_of(b) == E_INTERRUPTED && b->regs.rdx == YOURS + 3 &&
		      b->regs.r9 == YOURS + 9,
	      "an interrupted recv: its own registers");
}

/* A fault message tells four words. */
static void wild(struct worker *w)
{
	struct user_regs regs;

	for (uint32_t i = 0; i < REGISTERS; i++)
		((uint64_t *)&regs)[i] = MINE + i;
	w->result[0] = regs.rax;
	(void)*(volatile uint64_t *)(SCRATCH_VA + 64);
}

static void test_fault_message(void)
{
	struct worker *a = worker_new(0, 1, PRIORITY_HIGH), *b = worker_new(1, 2, PRIORITY_HIGH);

	worker_handlers(a, endpoint, 0);
	marked_do(b, OP_RECV, YOURS, BOTH(reply, endpoint), 0);
	worker_run(a, wild);
	check(is_done(b) && b->regs.rdx == SCRATCH_VA + 64 && !has_marker(&b->regs, MINE),
	      "a fault message tells four words and no register");
}

static void test_new_thread(void)
{
	cap_t home = make(CAP_UNTYPED, 13), thread = slot_new(), wake = make(CAP_NOTIFICATION, 0);
	struct user_regs regs = {.rip = (uint64_t)store_all, .rsp = SHARED_VA + 0x8000, .rbx = wake};
	volatile uint64_t *found = (volatile uint64_t *)(SHARED_VA + 0x8000);
	uint64_t sum = 0;

	/* a thread whose page and registers are full of markers, in the same memory */
	struct thread_config config = {.cspace = ROOT_CAP_CNODE,
				       .vspace = ROOT_CAP_VSPACE,
				       .page_va = WORKER_PAGE_VA,
				       .priority = PRIORITY_HIGH};

	for (uint32_t round = 0; round < 2; round++) {
		must(ts_untyped_retype(home, CAP_THREAD, 0, OWN(thread), 1, 0, 0), "a thread");
		*(struct thread_config *)page_block() = config;
		must(ts_thread_configure(thread), "configure");
		for (uint32_t i = 0; i < 512 && round == 1; i++)
			sum |= ((volatile uint64_t *)WORKER_PAGE_VA)[i];
		memset((void *)WORKER_PAGE_VA, 0xee, PAGE_BYTES);
		if (round == 0)
			mark(&regs, MINE);
		else
			regs = (struct user_regs){0};
		regs.rip = (uint64_t)store_all;
		regs.rsp = SHARED_VA + 0x8000;
		regs.rbx = wake;
		fpu_fill(0x5eC2e7);
		bare_start(thread, &regs, 0);
		must(ts_cnode_delete(OWN(thread), 0), "delete");
	}
	fpu_reset();
	check_equal(sum, 0, "a new Thread in used memory has a page of zeros");
	sum = 0;
	for (uint32_t i = 0; i < REGISTERS; i++)
		sum |= i == RSP || i == 1 ? 0 : found[i];
	check_equal(sum, 0, "and starts with nothing but the registers it was given");
}

void test_registers(void)
{
	start();
	test_errors();
	test_success();
	start();
	test_messages();
	start();
	test_others();
	start();
	test_fault_message();
	start();
	test_new_thread();
	group_end();
}
