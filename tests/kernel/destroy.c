/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Threads that destroy what they stand on: their address space, their tables, their CSpace, all their memory. */
#include "tests.h"

#define OWN SLOT_OWN
#define TAG(op, words) MSG_TAG((op), (words), 0)

static cap_t endpoint, reply;

static void start(void)
{
	group_begin("destroy");
	space_make(1);
	endpoint = make(CAP_ENDPOINT, 0);
	reply = slot_new();
}

/* What the rest of the system can do must not have changed. */
static void check_alive(const char *name)
{
	struct worker *w;
	struct ipc_msg m = {0};

	space_make(2);
	w = worker_new(9, 2, PRIORITY_HIGH);
	DO(w, OP_CALL, endpoint, TAG(1, 1), 17, 0, 0, 0, NEVER);
	bool is_right = ts_recv(endpoint, reply, &m, POLL) == E_OK && m.w[0] == 17;

	m.tag = TAG(0, 0);
	is_right = is_right && ts_reply(reply, &m) == E_OK && is_done(w) && error_of(w) == E_OK;
	check(is_right, join("everybody else goes on when a thread deletes", name));
}

static void test_space(void)
{
	struct worker *w;

	start();
	w = worker_new(0, 1, PRIORITY_HIGH);
	DO(w, OP_CNODE_DELETE, space_cap(1), 0);
	check(!is_done(w) && state_of(w) == STATE_SUSPENDED,
	      "a running thread deletes its VSpace: it is suspended");
	(void)ts_cnode_delete(OWN(space_cap(1)), 0); /* it may have been stopped in the middle */
	check(type_at(space_cap(1)) == CAP_NULL, "and anybody can finish it");
	check_alive("its VSpace");
	check_error(ts_thread_resume(w->thread), E_STATE, "it cannot be resumed: E_STATE");
}

static void test_cspace(void)
{
	cap_t home, root, leaf;
	struct worker *w;

	start();
	home = make(CAP_UNTYPED, 16);
	root = slot_new();
	leaf = slot_new();
	w = worker_new(0, 1, PRIORITY_HIGH);
	must(ts_untyped_retype(home, CAP_CNODE, 4, OWN(root), 1, 0, 0), "a root");
	must(ts_untyped_retype(home, CAP_CNODE, 6, OWN(leaf), 1, 0, 0), "a leaf");
	must(ts_cnode_copy(SLOT_IN(root, 0), OWN(leaf), ALL), "the leaf in it");
	must(ts_cnode_copy(SLOT_IN(leaf, 1), OWN(root), ALL), "the root in the leaf");
	must(ts_cnode_move(SLOT_IN(leaf, 2), OWN(home)) == E_DEPTH ? E_OK : E_STATE,
	     "an Untyped does not go into what it holds");
	must(ts_cnode_copy(SLOT_IN(leaf, 3), OWN(leaf), ALL), "the leaf in itself");
	must(ts_cnode_copy(SLOT_IN(leaf, 4), OWN(w->wake), ALL), "its wake-up");
	must(ts_thread_suspend(w->thread), "suspend");
	*(struct thread_config *)page_block() = (struct thread_config){.cspace = root, .priority = ~0u};
	must(ts_thread_configure(w->thread), "its CSpace");
	w->wake = 4;
	must(ts_thread_resume(w->thread),
	     "resume"); /* its wait names nothing there: it suspends itself, or tries to */
	must(ts_thread_suspend(w->thread), "suspend");
	check_error(ts_cnode_revoke(OWN(home), 0), E_OK, "a CSpace that holds itself is destroyed");
	check_equal(inspect(OWN(home)).info[2], 1u << 16, "all of it");
	check_alive("its CSpace");
}

/* The thread revokes the Untyped that its Thread, its stack's View and everything else come from. */
static void test_everything(void)
{
	cap_t home, thread, wake;
	struct worker *w = worker(0);

	start();
	home = make(CAP_UNTYPED, 20);
	thread = slot_new();
	wake = slot_new();
	must(ts_untyped_retype(home, CAP_THREAD, 0, OWN(thread), 1, 0, 0), "a thread");
	must(ts_untyped_retype(home, CAP_NOTIFICATION, 0, OWN(wake), 1, 0, 0), "a notification");
	*(struct thread_config *)page_block() = (struct thread_config){.cspace = ROOT_CAP_CNODE,
								       .vspace = space_cap(1),
								       .page_va = WORKER_PAGE_VA,
								       .priority = PRIORITY_HIGH};
	must(ts_thread_configure(thread), "configure");
	must(ts_sched_bind(make(CAP_SCHED_CONTEXT, 0), thread),
	     "its time, from elsewhere: it must last to the end");
	struct user_regs regs = {
		.rip = (uint64_t)raw_call, .rdi = (uint64_t)&w->regs, .rsp = (uint64_t)w->stack + 4096 - 8};

	w->regs = (struct user_regs){.rax = TESSERA_SYSCALL_BASE + OP_CNODE_REVOKE, .rdi = home};
	bare_start(thread, &regs, 2);
	check(type_at(thread) == CAP_NULL && type_at(wake) == CAP_NULL,
	      "a thread revokes the memory it is made of: it is gone");
	check_equal(inspect(OWN(home)).info[2], 1u << 20, "the revoke is complete all the same");
	check_alive("itself");
}

static void test_tables(void)
{
	struct worker *w;
	struct ipc_msg m = {0};
	cap_t tables, view, vspace;

	start();
	vspace = space_cap(1);
	w = worker_new(0, 1, PRIORITY_HIGH);
	worker_handlers(w, endpoint, 0);
	tables = make(CAP_UNTYPED, 16);
	view = slot_new();
	must(ts_vspace_donate_tables(vspace, OWN(tables)), "more tables");
	must(ts_memory_attach(CAP_SHARED, OWN(view), vspace, 0, 0, ALL), "a View");
	DO(w, OP_CNODE_REVOKE, tables, 0);
	check(ts_recv(endpoint, reply, &m, POLL) == E_OK && m.tag == TAG(MSG_OP_PAGE_FAULT, 4) &&
		      m.w[0] == (uint64_t)raw_call_return,
	      "a thread revokes its space's tables: it faults at its next instruction");
	check_error(ts_untyped_retype(tables, CAP_MEMORY, 16, OWN(slot_new()), 1, 0, 0), E_OK,
		    "they can be used again");
	check_error(ts_view_map(view, SHARED_VA, 0, 1, READ, 0), E_OK,
		    "the space works with what it still has");
	m.tag = TAG(FAULT_HALT, 0);
	must(ts_reply(reply, &m), "halt");
	check_alive("its tables");
}

void test_destroy(void)
{
	test_space();
	test_cspace();
	test_everything();
	test_tables();
	group_end();
}
