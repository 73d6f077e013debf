/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* delete and revoke: subtrees, nested CNodes, step limits, and what one sees of a deletion that is not finished. */
#include "tests.h"

#define OWN SLOT_OWN
#define DYING 0x800u

static void test_delete_errors(void)
{
	cap_t endpoint = make(CAP_ENDPOINT, 0), weak = copy_of(endpoint, ALL & ~REVOKE);

	check_error(ts_cnode_delete(OWN(slot_new()), 0), E_CAP, "delete of an empty slot: E_CAP");
	check_error(ts_cnode_revoke(OWN(slot_new()), 0), E_CAP, "revoke of an empty slot: E_CAP");
	check_error(ts_cnode_revoke(OWN(weak), 0), E_RIGHTS, "revoke without the right: E_RIGHTS");
	check_error(ts_cnode_revoke(OWN(endpoint), 0), E_OK, "revoke");
	check(type_at(weak) == CAP_NULL && type_at(endpoint) == CAP_ENDPOINT,
	      "takes what was derived and leaves the capability");
	check_error(ts_cnode_revoke(OWN(endpoint), 0), E_OK, "revoke of one without descendants");
	check_error(ts_cnode_delete(OWN(endpoint), 0), E_OK, "delete");
	check(type_at(endpoint) == CAP_NULL, "empties the slot");
}

/* Marks as many siblings below a parent. */
static void make_family(cap_t cnode, cap_t parent, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		must(ts_cnode_mint(SLOT_IN(cnode, i), OWN(parent), ALL, 0, 0), "a child");
}

static void test_step_limits(void)
{
	cap_t endpoint = make(CAP_ENDPOINT, 0), parent = mint_of(endpoint, ALL, 9, 0),
	      cnode = make(CAP_CNODE, 8);
	struct ipc_msg message = {.tag = MSG_TAG(1, 0, 0)};
	uint32_t calls = 1;
	uint64_t error;

	make_family(cnode, parent, 100);
	check_error(ts_cnode_revoke(OWN(parent), 10), E_MORE, "revoke with a limit of 10 steps: E_MORE");
	check_equal(inspect(OWN(cnode)).info[1], 90, "10 of 100 are gone");
	check_error(ts_cnode_revoke(OWN(parent), 0), E_OK, "the rest without a limit");
	check_equal(inspect(OWN(cnode)).info[1], 0, "none is left");
	make_family(cnode, parent, 100);
	check_error(ts_cnode_delete(OWN(parent), 1), E_MORE, "delete with a limit of one step: E_MORE");
	check((inspect(OWN(parent)).type & DYING) != 0, "inspect tells that it is dying");
	check_error(ts_send(parent, &message, POLL), E_CAP, "a dying capability cannot be used: E_CAP");
	check_error(ts_cnode_copy(OWN(slot_new()), OWN(parent), ALL), E_CAP, "nor copied: E_CAP");
	check_error(ts_cnode_move(OWN(slot_new()), OWN(parent)), E_CAP, "nor moved: E_CAP");
	check_error(ts_cnode_copy(OWN(parent), OWN(endpoint), ALL), E_SLOT_USED,
		    "its slot cannot be filled: E_SLOT_USED");
	while ((error = ts_cnode_delete(OWN(parent), 7)) == E_MORE)
		calls++;
	check_error(error, E_OK, "calls with a limit end");
	check(calls > 10 && calls < 20, "in as many steps as it takes");
	check(type_at(parent) == CAP_NULL && inspect(OWN(cnode)).info[1] == 0, "all are gone");
	make_family(cnode, endpoint, 20);
	check_error(ts_cnode_delete(OWN(endpoint), 5), E_MORE, "delete of an origin stops");
	check_error(ts_cnode_revoke(OWN(CAP_ARENA), 0), E_OK, "a revoke above finishes it");
}

/* Three CNodes, each holding the next one's capability... the containment rule wants the inner ones deeper. */
static void test_nested(void)
{
	cap_t outer_home = make(CAP_UNTYPED, 17), middle_home = slot_new(), inner_home = slot_new();
	cap_t outer = make(CAP_CNODE, 4), endpoint = make(CAP_ENDPOINT, 0);
	slot_t middle = SLOT_IN(outer, 0);

	must(ts_untyped_retype(outer_home, CAP_UNTYPED, 16, OWN(middle_home), 1, 0, 0), "a deeper Untyped");
	must(ts_untyped_retype(middle_home, CAP_UNTYPED, 15, OWN(inner_home), 1, 0, 0), "one deeper still");
	check_error(ts_untyped_retype(middle_home, CAP_CNODE, 4, middle, 1, 0, 0), E_OK,
		    "a CNode in a CNode");
	cap_t middle_cap = slot_new();
	must(ts_cnode_copy(OWN(middle_cap), middle, ALL), "its capability");
	check_error(ts_untyped_retype(inner_home, CAP_CNODE, 4, SLOT_IN(middle_cap, 5), 1, 0, 0), E_OK,
		    "a third one in that");
	cap_t inner_cap = slot_new(), leaf_cap;
	must(ts_cnode_copy(OWN(inner_cap), SLOT_IN(middle_cap, 5), ALL), "its capability");
	must(ts_cnode_copy(SLOT_IN(inner_cap, 7), OWN(outer), ALL),
	     "the outer one in the innermost: a ring of copies");
	must(ts_cnode_mint(SLOT_IN(inner_cap, 8), OWN(endpoint), ALL, 4, 0), "and a badge");
	leaf_cap = mint_of(inner_cap, READ, 0, 0);
	check_error(ts_cnode_delete(OWN(outer), 0), E_OK, "deleting the outer one");
	check(type_at(middle_cap) == CAP_NULL && type_at(inner_cap) == CAP_NULL &&
		      type_at(leaf_cap) == CAP_NULL,
	      "takes the ones inside");
	check((inspect(OWN(endpoint)).type & FACT_DESCENDANTS) == 0, "and what they held");
	check_equal(inspect(OWN(inner_home)).info[2], 1u << 15, "their memory has come back");
}

static void test_nested_limits(void)
{
	cap_t home = make(CAP_UNTYPED, 16), outer = make(CAP_CNODE, 6), endpoint = make(CAP_ENDPOINT, 0);
	uint64_t error = E_MORE;
	uint32_t calls = 0;

	for (uint32_t i = 0; i < 8; i++) {
		cap_t inner = slot_new();

		must(ts_untyped_retype(home, CAP_CNODE, 4, SLOT_IN(outer, i), 1, 0, 0), "an inner CNode");
		must(ts_cnode_copy(OWN(inner), SLOT_IN(outer, i), ALL), "its capability");
		for (uint32_t k = 0; k < 16; k++)
			must(ts_cnode_mint(SLOT_IN(inner, k), OWN(endpoint), ALL, k + 1, 0), "a badge");
	}
	for (; error == E_MORE && calls < 1000; calls++)
		error = ts_cnode_delete(OWN(outer), 1);
	check_error(error, E_OK, "8 CNodes in a CNode, one step a call");
	note("calls", calls);
	check(calls >= 8 * 16 && (inspect(OWN(endpoint)).type & FACT_DESCENDANTS) == 0,
	      "everything inside is gone");
	check_equal(inspect(OWN(home)).info[2], 1u << 16, "their memory has come back");
}

static void test_large(void)
{
	cap_t endpoint = make(CAP_ENDPOINT, 0), cnode = make(CAP_CNODE, 14);
	uint64_t start;

	for (uint32_t i = 0; i < 16384; i++)
		must(ts_cnode_mint(SLOT_IN(cnode, i), OWN(endpoint), ALL, i + 1, 0), "a badge");
	start = now_ns();
	check_error(ts_cnode_revoke(OWN(endpoint), 0), E_OK,
		    "revoke of 16384 capabilities, restarted by the kernel");
	note("microseconds", (now_ns() - start) / 1000);
	check((inspect(OWN(endpoint)).type & FACT_DESCENDANTS) == 0 &&
		      inspect(SLOT_IN(cnode, 16383)).type == CAP_NULL,
	      "none is left");
	check_error(ts_cnode_delete(OWN(cnode), 0), E_OK, "an empty CNode of 16384 slots goes");
}

/* Waits on argument 0 until argument 1 and tells when it went on. */
static void tell_when(struct worker *w)
{
	uint64_t bits;

	(void)ts_wait((cap_t)w->argument[0], w->argument[1], &bits);
	w->result[0] = now_ns();
}

/* Revokes 16384 capabilities while the worker waits; true if it went on in the middle of that. */
static bool was_preempted(struct worker *w, cap_t endpoint, cap_t cnode, cap_t silent)
{
	uint64_t start;

	for (uint32_t i = 0; i < 16384; i++)
		must(ts_cnode_mint(SLOT_IN(cnode, i), OWN(endpoint), ALL, i + 1, 0), "a badge");
	w->argument[0] = silent;
	w->argument[1] = now_ns() + 500000;
	worker_run(w, tell_when);
	start = now_ns();
	must(ts_cnode_revoke(OWN(endpoint), 0), "revoke");
	return is_done(w) && w->result[0] > start && w->result[0] < now_ns();
}

/* The host may take the CPU away between any two instructions: several attempts. */
static void test_preemption(void)
{
	cap_t endpoint = make(CAP_ENDPOINT, 0), cnode = make(CAP_CNODE, 14),
	      silent = make(CAP_NOTIFICATION, 0);
	struct worker *w = worker_new(0, 0, PRIORITY_HIGH);
	bool has_run = false;

	for (uint32_t i = 0; i < 20 && !has_run; i++) {
		has_run = was_preempted(w, endpoint, cnode, silent);
		sleep_ns(1000000);
	}
	check(has_run, "a thread of higher priority runs meanwhile");
	check((inspect(OWN(endpoint)).type & FACT_DESCENDANTS) == 0, "the revoke is complete all the same");
}

/* What a thread loses with its CSpace. */
static void test_cspace_goes(void)
{
	cap_t home = make(CAP_UNTYPED, 14), root = slot_new(), thread = make(CAP_THREAD, 0),
	      endpoint = make(CAP_ENDPOINT, 0);
	struct user_regs regs = {.rip = (uint64_t)store_all, .rsp = (uint64_t)worker(1)->stack};
	uint64_t state = 9, error = E_OK;

	must(ts_untyped_retype(home, CAP_CNODE, 4, OWN(root), 1, 0, 0), "a CSpace root");
	*(struct thread_config *)page_block() = (struct thread_config){.cspace = root,
								       .vspace = ROOT_CAP_VSPACE,
								       .page_va = WORKER_PAGE_VA + PAGE_BYTES,
								       .priority = PRIORITY_LOW};
	must(ts_thread_configure(thread), "a thread with that root");
	must(ts_sched_bind(make(CAP_SCHED_CONTEXT, 0), thread), "its time");
	check_error(ts_cnode_delete(OWN(root), 0), E_OK, "deleting a CSpace root in use");
	bare_start(thread, &regs, 2);
	for (uint32_t i = 0; i < 50 && error != E_CAP; i++) { /* it may be seen before its system call */
		sleep_ns(1000000);
		must(ts_thread_read_regs(thread, &state), "its state");
		error = ((struct user_regs *)page_block())->rax;
	}
	check_equal(state, STATE_READY, "the thread goes on");
	check_error(error, E_CAP, "and its addresses name nothing: E_CAP");
	must(ts_thread_suspend(thread), "stop");
	drop(endpoint);
}

void test_delete(void)
{
	group_begin("delete");
	test_delete_errors();
	test_nested();
	test_nested_limits();
	test_step_limits();
	group_begin("delete");
	test_large();
	group_end();
	group_begin("delete");
	test_preemption();
	test_cspace_goes();
	group_end();
}
