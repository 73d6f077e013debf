/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A million random operations: three threads in two address spaces, holding a few capabilities of each kind and their own
 * CSpace, do what comes to their minds.  They may ruin themselves and each other, and nothing else.
 *
 * After each round the arena is revoked and everything made anew; what is not random is then tried and must work.
 * The kernel's command line may hold another seed: seed=N.
 */
#include "tests.h"

#include <string.h>

#define OWN SLOT_OWN
#define TAG(op, words) MSG_TAG((op), (words), 0)
#define CALLS 1000000u
#define ROUND_CALLS 3000u
#define RANDOM_WORKERS 3u
#define HELD 40u /* addresses 1 to HELD hold something at the start of a round */

static const uint16_t operations[] = {
	OP_SEND,
	OP_RECV,
	OP_CALL,
	OP_REPLY,
	OP_REPLY_RECV,
	OP_SIGNAL,
	OP_WAIT,
	OP_POLL,
	OP_YIELD,
	OP_NOTHING,
	OP_CNODE_COPY,
	OP_CNODE_COPY,
	OP_CNODE_MINT,
	OP_CNODE_MINT,
	OP_CNODE_MOVE,
	OP_CNODE_DELETE,
	OP_CNODE_REVOKE,
	OP_CAP_INSPECT,
	OP_CNODE_COPY_ALL,
	OP_UNTYPED_RETYPE,
	OP_UNTYPED_RETYPE,
	OP_UNTYPED_RETYPE,
	OP_MEMORY_DERIVE,
	OP_MEMORY_ATTACH,
	OP_MEMORY_ATTACH,
	OP_VIEW_MAP,
	OP_VIEW_MAP,
	OP_VIEW_MAP_VEC,
	OP_VSPACE_UNMAP,
	OP_VSPACE_PROTECT,
	OP_VSPACE_DONATE_TABLES,
	OP_VIEW_COPY,
	OP_VSPACE_QUERY,
	OP_THREAD_CONFIGURE,
	OP_THREAD_SET_REGS,
	OP_THREAD_READ_REGS,
	OP_THREAD_RESUME,
	OP_THREAD_SUSPEND,
	OP_THREAD_INTERRUPT,
	OP_THREAD_BIND_NOTIFICATION,
	OP_THREAD_SET_PERSONALITY,
	OP_SCHED_CONFIGURE,
	OP_SCHED_BIND,
	OP_SCHED_CONSUMED,
	OP_THREAD_SET_AFFINITY,
	OP_THREAD_SET_TLS,
	OP_TIME_GET,
	OP_IRQ_BIND,
	OP_IOPORT_IN,
	7777,
};

/* Argument 0 of a worker: the state of its generator; 1: calls it shall make; result 0: calls made, 1: without error. */
static uint64_t next_random(struct worker *w)
{
	uint64_t x = w->argument[0];

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	w->argument[0] = x;
	return x * 0x2545f4914f6cdd1dull;
}

static uint64_t below(struct worker *w, uint64_t limit)
{
	return (next_random(w) >> 20) % limit;
}

/* Something that is now and then right as an argument of some kind. */
static uint64_t random_argument(struct worker *w)
{
	static const uint64_t edges[] = {0,	     1,		 2,	4,	    6,
					 7,	     8,		 10,	12,	    63,
					 64,	     255,	 256,	0xffffffff, 1ull << 32,
					 1ull << 47, 1ull << 63, ~0ull, USER_TOP,   USER_TOP - PAGE_BYTES};

	switch (below(w, 12)) {
	case 0:
	case 1:
	case 2:
	case 3: return below(w, HELD + 8);
	case 4: return SLOT_IN(below(w, HELD + 1), below(w, 20));
	case 5: return SCRATCH_VA + below(w, 2048) * PAGE_BYTES;
	case 6: return TAG(below(w, 8), below(w, 6)) | below(w, 3) << 32;
	case 7: return below(w, 18);
	case 8: return 1ull << below(w, 64);
	case 9: return next_random(w);
	case 10: return below(w, 32) | below(w, 4) << 8;
	default: return edges[below(w, COUNT_OF(edges))];
	}
}

static void random_page(struct worker *w)
{
	struct msg_page *page = (struct msg_page *)w->page_va;

	for (uint32_t i = 4; i < 28; i++)
		page->words[i] = random_argument(w);
	((struct thread_config *)&page->words[4])->priority =
		PRIORITY_LOW + 1; /* nobody is to starve the test itself */
	for (uint32_t i = 0; i < MSG_MAX_CAPS; i++) {
		page->send_slot[i] = random_argument(w);
		page->recv_slot[i] = random_argument(w);
		page->send_mode[i] = (uint8_t)below(w, 4);
		page->send_rights[i] = (uint8_t)below(w, 32);
	}
	page->sticky = 0;
}

static void random_calls(struct worker *w)
{
	static const uint64_t deadlines[] = {POLL, POLL, POLL, 1, NEVER};
	struct user_regs regs;

	for (uint64_t i = 0; i < w->argument[1]; i++) {
		if (i % 8 == 0)
			random_page(w);
		for (uint32_t k = 0; k < 16; k++)
			((uint64_t *)&regs)[k] = random_argument(w);
		regs.rdi = below(w, 4) == 0
				   ? regs.rdi
				   : below(w, HELD + 1) | (below(w, 4) == 0 ? below(w, HELD + 8) << 32 : 0);
		regs.rax = TESSERA_SYSCALL_BASE + operations[below(w, COUNT_OF(operations))];
		if (regs.rax <= TESSERA_SYSCALL_BASE + OP_WAIT)
			regs.r12 = deadlines[below(w, COUNT_OF(deadlines))];
		if (regs.rax == TESSERA_SYSCALL_BASE + OP_UNTYPED_RETYPE)
			regs.r8 = 1 + below(w, 4);
		w->result[0]++;
		random_call(&regs);
		w->result[1] += (uint32_t)regs.rax == E_OK;
	}
}

/* A copy in the random threads' leaf; what cannot be copied moves there. */
static void give(cap_t leaf, uint32_t slot, cap_t what)
{
	if (ts_cnode_copy(SLOT_IN(leaf, slot), OWN(what), ALL) != E_OK)
		must(ts_cnode_move(SLOT_IN(leaf, slot), OWN(what)), "a capability for the random threads");
}

/* Root, two leaves and what lies in them. Everything is deep enough to be moved into the leaves. */
static cap_t make_cspace(void)
{
	cap_t home = make(CAP_UNTYPED, 20), root = slot_new(), leaf = slot_new(), endpoint, view = slot_new(),
	      memory = slot_new();
	cap_t inner = slot_new(), other = slot_new(), deep = slot_new();
	uint32_t slot = 1;

	must(ts_untyped_retype(CAP_ARENA, CAP_CNODE, 4, OWN(root), 1, 0, 0), "a root");
	must(ts_untyped_retype(CAP_ARENA, CAP_CNODE, 6, OWN(leaf), 1, 0, 0), "a leaf");
	must(ts_untyped_retype(home, CAP_UNTYPED, 19, OWN(inner), 1, 0, 0), "an Untyped");
	must(ts_untyped_retype(inner, CAP_UNTYPED, 18, OWN(other), 1, 0, 0), "an Untyped");
	must(ts_untyped_retype(other, CAP_UNTYPED, 16, OWN(deep), 1, 0, 0), "an Untyped");
	must(ts_untyped_retype(home, CAP_MEMORY, 64, OWN(memory), 1, 0, 0), "a Memory");
	must(ts_memory_attach(memory, OWN(view), space_cap(1), SCRATCH_VA, 2048, ALL), "a View");
	endpoint = make(CAP_ENDPOINT, 0);
	give(leaf, slot++, root);
	give(leaf, slot++, leaf);
	give(leaf, slot++, space_cap(1));
	give(leaf, slot++, endpoint);
	give(leaf, slot++, mint_of(endpoint, ALL, 5, 1));
	give(leaf, slot++, mint_of(endpoint, ALL, 6, 0));
	give(leaf, slot++, make(CAP_NOTIFICATION, 0));
	give(leaf, slot++, make(CAP_NOTIFICATION, 0));
	give(leaf, slot++, memory);
	give(leaf, slot++, view);
	give(leaf, slot++, deep);
	give(leaf, slot++, other);
	give(leaf, slot++, make(CAP_VSPACE, 0));
	give(leaf, slot++, make(CAP_THREAD, 0));
	give(leaf, slot++, make(CAP_CNODE, 4));
	give(leaf, slot++, make(CAP_SCHED_CONTEXT, 0));
	for (uint32_t i = 0; i < RANDOM_WORKERS; i++)
		give(leaf, slot++, worker(i)->thread);
	for (uint32_t i = 0; i < RANDOM_WORKERS; i++)
		give(leaf, slot++, worker(i)->sched);
	must(ts_cnode_copy(SLOT_IN(root, 0), OWN(leaf), ALL), "the leaf");
	return root;
}

static void start_round(uint64_t seed)
{
	struct user_regs regs = {0};
	cap_t root;

	group_begin("random");
	space_make(1);
	space_make(2);
	for (uint32_t i = 0; i < RANDOM_WORKERS; i++)
		worker_new(i, 1 + i % 2, PRIORITY_HIGH);
	root = make_cspace();
	for (uint32_t i = 0; i < RANDOM_WORKERS; i++) {
		struct worker *w = worker(i);

		must(ts_thread_suspend(w->thread), "suspend");
		*(struct thread_config *)page_block() =
			(struct thread_config){.cspace = root, .priority = PRIORITY_LOW};
		must(ts_thread_configure(w->thread), "its CSpace");
		w->argument[0] = seed * 3 + i + 1;
		w->argument[1] = ROUND_CALLS;
		regs.rip = (uint64_t)random_calls;
		regs.rdi = (uint64_t)w;
		regs.rsp = (uint64_t)w->stack + sizeof(w->stack) - 8;
		bare_start(w->thread, &regs, 2);
	}
}

static uint64_t calls_made(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < RANDOM_WORKERS; i++)
		sum += worker(i)->result[0];
	return sum;
}

/* Until nothing moves any more: all have ended, wait for ever, or are dead. */
static uint64_t run_round(uint64_t *successes)
{
	uint64_t before = ~0ull, now = calls_made();

	for (uint32_t i = 0; i < 1000 && (now != before || now == 0); i++) {
		before = now;
		sleep_ns(5000000);
		now = calls_made();
	}
	for (uint32_t i = 0; i < RANDOM_WORKERS; i++)
		*successes += worker(i)->result[1];
	return now;
}

/* What ordinary programs do still works. */
static bool is_sane(void)
{
	struct worker *w;
	struct ipc_msg m = {.tag = TAG(1, 1), .w = {1}};
	cap_t endpoint, reply;
	bool is_right;

	group_begin("random");
	space_make(1);
	w = worker_new(0, 1, PRIORITY_HIGH);
	endpoint = make(CAP_ENDPOINT, 0);
	reply = slot_new();
	DO(w, OP_CALL, endpoint, TAG(1, 1), 41, 0, 0, 0, NEVER);
	is_right = ts_recv(endpoint, reply, &m, POLL) == E_OK && m.w[0] == 41;
	m.tag = TAG(0, 1);
	m.w[0]++;
	is_right = is_right && ts_reply(reply, &m) == E_OK && is_done(w) && result_of(w, 2) == 42;
	struct mapped area = map_here(0, SCRATCH_VA, 4, READ | WRITE);

	area.words[5] = 5;
	is_right = is_right && area.words[5] == 5 && ts_cnode_revoke(OWN(CAP_ARENA), 0) == E_OK;
	return is_right && inspect(OWN(CAP_ARENA)).info[2] == 1ull << ARENA_LOG2;
}

static uint64_t first_seed(void)
{
	const char *text = boot_info()->cmdline;
	uint64_t seed = 0;

	while (*text != '\0' && memcmp(text, "seed=", 5) != 0)
		text++;
	for (text = *text != '\0' ? text + 5 : ""; *text >= '0' && *text <= '9'; text++)
		seed = seed * 10 + (uint64_t)(*text - '0');
	return seed * 1000000;
}

void test_random(void)
{
	uint64_t calls = 0, successes = 0, rounds = 0, seed = first_seed();
	bool is_right = true;

	while (calls < CALLS && rounds < 2000) {
		start_round(seed + rounds++);
		calls += run_round(&successes);
		is_right = is_right && is_sane();
	}
	note("calls", calls);
	note("successes", successes);
	note("rounds", rounds);
	check(calls >= CALLS, "a million random operations");
	check(successes > CALLS / 50, "some of which do something");
	check(is_right, "behind each round everything works and all memory comes back");
	group_end();
}
