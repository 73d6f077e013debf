/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Threads for IPC tests: see actors.h. */
#include "actors.h"

#include <timer.h>

#define CALL_IP 0x401000ull

struct thread *actors[ACTORS];
bool actors_slow_only;

/* Makes a ready thread the one that runs. */
static void make_current(struct thread *thread)
{
	struct thread *current = cpu()->current;

	if (current == thread)
		return;
	assert_int_equal(thread->state, THREAD_READY);
	sched_block(thread, THREAD_READY);
	switch_to(thread);
	if (current->state == THREAD_READY)
		sched_ready(current);
	cpu()->reschedule = 0;
	timer_rearm(); /* as sched_finish does */
}

enum tessera_error actors_call(uint32_t operation, const uint64_t args[7])
{
	make_current(world.self);
	return world_call(operation, args);
}

static void configure(uint32_t i)
{
	struct thread_config *config = (struct thread_config *)&world_page()->words[MSG_REGISTER_WORDS];

	*config = (struct thread_config){
		.cspace = ROOT_CAP_CNODE,
		.vspace = ROOT_CAP_VSPACE,
		.page_va = 0x10000000ull + i * PAGE_SIZE,
		.label = 100 + i,
		.flags = THREAD_CFG_LABEL,
		.priority = 32,
	};
	assert_int_equal(CALL(OP_THREAD_CONFIGURE, THREAD_CAP(i)), E_OK);
	world_make(UT, CAP_SCHED_CONTEXT, 0, SCHED_CAP(i));
	assert_int_equal(CALL(OP_SCHED_BIND, SCHED_CAP(i), THREAD_CAP(i)), E_OK);
	assert_int_equal(CALL(OP_THREAD_RESUME, THREAD_CAP(i)), E_OK);
	actors[i] = thread_at(slot_object(world_slot(THREAD_CAP(i))));
}

int actors_setup(void **state)
{
	world_setup(state);
	actors_slow_only = false;
	sched_set_priority(world.other, 255);
	world_untyped(UT, 20);
	world_untyped(UT + 10, 16);
	assert_int_equal(CALL(OP_VSPACE_DONATE_TABLES, ROOT_CAP_VSPACE, UT + 10), E_OK);
	world_make(UT, CAP_ENDPOINT, 0, EP);
	world_make(UT, CAP_NOTIFICATION, 0, NTFN);
	assert_int_equal(CALL(OP_CNODE_MINT, BADGED, EP, RIGHT_WRITE | RIGHT_GRANT, 77, 0), E_OK);
	for (uint32_t i = 0; i < ACTORS; i++) {
		world_make(UT, CAP_THREAD, 0, THREAD_CAP(i));
		configure(i);
	}
	return 0;
}

void act(uint32_t i, uint32_t operation, const uint64_t args[7])
{
	struct arch_context *ctx = &actors[i]->ctx;

	make_current(actors[i]);
	for (uint32_t n = 0; n < 7; n++)
		ctx_set_result(ctx, n, args[n]);
	ctx->regs.rip = CALL_IP;
	ctx->regs.rax = TESSERA_SYSCALL_BASE + operation;
	ctx->call_number = ctx->regs.rax;
	ctx->entry = CTX_SYSCALL;
	if (operation == OP_CALL && !actors_slow_only)
		kernel_ipc_call(
			ENTRY_ARGUMENTS(args[0], args[1], args[2], args[3], args[4], args[5], args[6]));
	else if (operation == OP_REPLY_RECV && !actors_slow_only)
		kernel_ipc_reply_recv(
			ENTRY_ARGUMENTS(args[0], args[1], args[2], args[3], args[4], args[5], args[6]));
	else
		kernel_syscall(operation);
}

void actors_time(uint64_t now_ns)
{
	host.time_ns = now_ns;
	for (uint32_t i = 0; i < 10 && cpu()->arch.timer_deadline_ns <= now_ns; i++) {
		cpu()->arch.timer_deadline_ns = ~0ull;
		kernel_timer();
	}
}
