/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Faults, exceptions, the personality's entries and interruption. */
#include "../check.h"
#include "actors.h"

#define THREAD_CAP(i) (100u + (i))
#define FAULT_EP 150u
#define LAST_EP 151u
#define ENTRY 0x7fff00001000ull

static void configure(uint32_t i, const struct thread_config *config)
{
	assert_int_equal(CALL(OP_THREAD_SUSPEND, THREAD_CAP(i)), E_OK);
	*(struct thread_config *)&world_page()->words[MSG_REGISTER_WORDS] = *config;
	assert_int_equal(CALL(OP_THREAD_CONFIGURE, THREAD_CAP(i)), E_OK);
	assert_int_equal(CALL(OP_THREAD_RESUME, THREAD_CAP(i)), E_OK);
}

static void with_personality(uint32_t i)
{
	*(struct personality_config *)&world_page()->words[MSG_REGISTER_WORDS] = (struct personality_config){
		.syscall_entry = ENTRY,
		.exception_entry = ENTRY + 0x100,
		.interrupt_entry = ENTRY + 0x200,
		.start = ENTRY,
		.end = ENTRY + 0x10000,
		.exit_start = ENTRY + 0x800,
		.exit_end = ENTRY + 0x900,
	};
	assert_int_equal(CALL(OP_THREAD_SET_PERSONALITY, THREAD_CAP(i)), E_OK);
}

/* Actor 1 has a fault endpoint (badge 31) and a last resort (badge 32); actor 0 receives. */
static int setup(void **state)
{
	actors_setup(state);
	assert_int_equal(CALL(OP_CNODE_MINT, FAULT_EP, EP, RIGHT_WRITE | RIGHT_GRANT, 31, 0), E_OK);
	assert_int_equal(CALL(OP_CNODE_MINT, LAST_EP, EP, RIGHT_WRITE | RIGHT_GRANT, 32, 0), E_OK);
	configure(1, &(struct thread_config){.fault_ep = FAULT_EP, .last_ep = LAST_EP, .priority = ~0u});
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_world();
	return 0;
}

/* Makes actor 1 the current thread at that instruction, in user mode. */
static void run_at(uint64_t ip)
{
	ACT(1, OP_NOTHING, 0);
	assert_ptr_equal(cpu()->current, actors[1]);
	actors[1]->ctx.regs.rip = ip;
	actors[1]->ctx.regs.rsp = 0x7000;
	actors[1]->ctx.entry = CTX_FULL;
}

static void page_fault_message(void **state)
{
	(void)state;
	RECV(0, REPLY(0));
	run_at(0x5000);
	kernel_page_fault(0xdead000, 6);
	assert_int_equal(STATE(1), THREAD_FAULTED);
	assert_int_equal(RESULT(0, 0), 31);
	assert_int_equal(RESULT(0, 1), MSG_TAG(MSG_OP_PAGE_FAULT, 4, 0));
	assert_int_equal(RESULT(0, 2), 0xdead000);
	assert_int_equal(RESULT(0, 3), 6);
	assert_int_equal(RESULT(0, 4), 0x5000);
	assert_int_equal(RESULT(0, 5), 0x7000);
	assert_int_equal(RESULT(0, 6), 101);
	ACT(0, OP_REPLY, REPLY(0), MSG_TAG(FAULT_RESUME, 0, 0));
	assert_int_equal(ERROR(0), E_OK);
	assert_int_equal(STATE(1), THREAD_READY);
	assert_int_equal(actors[1]->ctx.regs.rip, 0x5000);
}

static void fault_queues_and_halts(void **state)
{
	(void)state;
	run_at(0x5000);
	kernel_page_fault(0xdead000, 4);
	assert_int_equal(STATE(1), THREAD_SENDING);
	RECV(0, REPLY(0));
	assert_int_equal(RESULT(0, 2), 0xdead000);
	ACT(0, OP_REPLY, REPLY(0), MSG_TAG(FAULT_RAISE, 0, 0)); /* without a personality: halt */
	assert_int_equal(STATE(1), THREAD_SUSPENDED);
	assert_int_equal(CALL(OP_THREAD_RESUME, THREAD_CAP(1)), E_OK);
	assert_int_equal(STATE(1), THREAD_READY);
}

static void lost_fault_reply_repeats_the_fault(void **state)
{
	(void)state;
	RECV(0, REPLY(0));
	run_at(0x5000);
	kernel_page_fault(0xdead000, 4);
	assert_int_equal(CALL(OP_CNODE_DELETE, REPLY(0)), E_OK);
	assert_int_equal(STATE(1), THREAD_READY);
	assert_int_equal(actors[1]->ctx.regs.rip, 0x5000);
}

static void revoked_fault_endpoint_suspends(void **state)
{
	(void)state;
	run_at(0x5000);
	kernel_page_fault(0xdead000, 4);
	assert_int_equal(CALL(OP_CNODE_DELETE, FAULT_EP), E_OK);
	RECV(0, REPLY(0));
	assert_int_equal(STATE(0), THREAD_READY); /* the Thread's own copy, a sibling, is still there */
	assert_int_equal(RESULT(0, 0), 31);
	ACT(0, OP_REPLY, REPLY(0), MSG_TAG(FAULT_RESUME, 0, 0));
	run_at(0x5000);
	kernel_page_fault(0xdead000, 4);
	assert_int_equal(CALL(OP_CNODE_REVOKE, EP), E_OK);
	assert_int_equal(STATE(1), THREAD_SENDING); /* checked again when it is taken */
	ACT(0, OP_RECV, EP | (uint64_t)REPLY(0) << 32, 0, 0, 0, 0, 0, DEADLINE_POLL);
	assert_int_equal(ERROR(0), E_TIMEOUT);
	assert_int_equal(STATE(1), THREAD_SUSPENDED);
}

static void raise_enters_the_personality(void **state)
{
	(void)state;
	with_personality(1);
	RECV(0, REPLY(0));
	run_at(0x5000);
	kernel_page_fault(0xdead000, 7);
	ACT(0, OP_REPLY, REPLY(0), MSG_TAG(FAULT_RAISE, 0, 0));
	assert_int_equal(STATE(1), THREAD_READY);
	assert_int_equal(actors[1]->ctx.regs.rip, ENTRY + 0x100);
	assert_int_equal(PAGE_OF(1)->exc_vector, 14);
	assert_int_equal(PAGE_OF(1)->exc_error, 7);
	assert_int_equal(PAGE_OF(1)->exc_address, 0xdead000);
	assert_int_equal(PAGE_OF(1)->context.rip, 0x5000);
	assert_int_equal(PAGE_OF(1)->sticky, STICKY_EXCEPTION);
}

static void second_exception_goes_to_the_last_resort(void **state)
{
	(void)state;
	with_personality(1);
	run_at(0x5000);
	kernel_exception(6, 0);
	assert_int_equal(STATE(1), THREAD_READY);
	assert_int_equal(actors[1]->ctx.regs.rip, ENTRY + 0x100);
	assert_int_equal(PAGE_OF(1)->exc_vector, 6);
	RECV(0, REPLY(0));
	run_at(ENTRY + 0x104);
	kernel_exception(13, 8);
	assert_int_equal(STATE(1), THREAD_FAULTED);
	assert_int_equal(RESULT(0, 0), 32);
	assert_int_equal(RESULT(0, 1), MSG_TAG(MSG_OP_EXCEPTION, 4, 0));
	assert_int_equal(RESULT(0, 2), 13);
	assert_int_equal(RESULT(0, 3), 8);
	ACT(0, OP_REPLY, REPLY(0), MSG_TAG(FAULT_HALT, 0, 0));
	assert_int_equal(STATE(1), THREAD_SUSPENDED);
}

static void exception_without_personality_or_endpoint(void **state)
{
	(void)state;
	RECV(0, REPLY(0));
	run_at(0x5000);
	kernel_exception(0, 0);
	assert_int_equal(RESULT(0, 0), 31);
	ACT(2, OP_NOTHING, 0);
	kernel_exception(0, 0); /* actor 2 has no endpoint */
	assert_int_equal(STATE(2), THREAD_SUSPENDED);
}

/* ---- interruption ---- */

static void interrupt_outside(void **state)
{
	(void)state;
	with_personality(1);
	run_at(0x5000);
	assert_int_equal(CALL(OP_THREAD_INTERRUPT, THREAD_CAP(1)), E_OK);
	assert_int_equal(actors[1]->ctx.regs.rip, ENTRY + 0x200);
	assert_int_equal(PAGE_OF(1)->context.rip, 0x5000);
	assert_int_equal(PAGE_OF(1)->exc_vector, ~0ull);
	assert_int_equal(PAGE_OF(1)->sticky, 0);
}

static void interrupt_inside(void **state)
{
	(void)state;
	with_personality(1);
	run_at(ENTRY + 0x850);
	assert_int_equal(CALL(OP_THREAD_INTERRUPT, THREAD_CAP(1)), E_OK);
	assert_int_equal(actors[1]->ctx.regs.rip, ENTRY + 0x800); /* the exit sequence starts again */
	assert_int_equal(PAGE_OF(1)->sticky, STICKY_INTERRUPT);
	ACT(1, OP_WAIT, NTFN, 0, 0, 0, 0, 0, DEADLINE_NEVER);
	assert_int_equal(STATE(1), THREAD_READY);
	assert_int_equal(ERROR(1), E_INTERRUPTED);
	PAGE_OF(1)->sticky = 0;
	ACT(1, OP_WAIT, NTFN, 0, 0, 0, 0, 0, DEADLINE_NEVER);
	assert_int_equal(STATE(1), THREAD_WAITING);
	actors[1]->ctx.regs.rip = ENTRY + 0x40;
	assert_int_equal(CALL(OP_THREAD_INTERRUPT, THREAD_CAP(1)), E_OK);
	assert_int_equal(STATE(1), THREAD_READY);
	assert_int_equal(ERROR(1), E_INTERRUPTED);
}

static void interrupt_waits_for_a_fault(void **state)
{
	(void)state;
	with_personality(1);
	RECV(0, REPLY(0));
	run_at(0x5000);
	kernel_page_fault(0xdead000, 7);
	assert_int_equal(CALL(OP_THREAD_INTERRUPT, THREAD_CAP(1)), E_OK);
	assert_int_equal(STATE(1), THREAD_FAULTED);
	ACT(0, OP_REPLY, REPLY(0), MSG_TAG(FAULT_RESUME, 0, 0));
	assert_int_equal(STATE(1), THREAD_READY);
	assert_int_equal(actors[1]->ctx.regs.rip, ENTRY + 0x200);
	assert_int_equal(PAGE_OF(1)->context.rip, 0x5000);
}

static void interrupt_of_a_program_that_waits_itself(void **state)
{
	(void)state;
	with_personality(1);
	ACT(1, OP_WAIT, NTFN, 0, 0, 0, 0, 0, DEADLINE_NEVER);
	assert_int_equal(CALL(OP_THREAD_INTERRUPT, THREAD_CAP(1)), E_OK);
	assert_int_equal(STATE(1), THREAD_READY);
	assert_int_equal(PAGE_OF(1)->context.rip, 0x401000 - 2); /* it will wait again */
	assert_int_equal(PAGE_OF(1)->context.rax, TESSERA_SYSCALL_BASE + OP_WAIT);
	assert_int_equal(actors[1]->ctx.regs.rip, ENTRY + 0x200);
}

static void interrupt_waits_for_an_open_call(void **state)
{
	(void)state;
	with_personality(1);
	RECV(0, REPLY(0));
	CALL_EP(1, EP, 3);
	assert_int_equal(CALL(OP_THREAD_INTERRUPT, THREAD_CAP(1)), E_OK);
	assert_int_equal(STATE(1), THREAD_CALLING);
	ACT(0, OP_REPLY_RECV, EP | (uint64_t)REPLY(0) << 32, MSG_TAG(0, 1, 0), 9, 0, 0, 0, DEADLINE_NEVER);
	assert_int_equal(STATE(1), THREAD_READY);
	assert_int_equal(actors[1]->ctx.regs.rip, ENTRY + 0x200);
	assert_int_equal(PAGE_OF(1)->context.rip, 0x401000);
	assert_int_equal(PAGE_OF(1)->context.rdx, 9);
}

/* ---- registers and configuration ---- */

static void registers(void **state)
{
	struct user_regs *regs = (struct user_regs *)&world_page()->words[MSG_REGISTER_WORDS];

	(void)state;
	assert_int_equal(CALL(OP_THREAD_SET_REGS, THREAD_CAP(2)), E_STATE);
	CALL(OP_THREAD_SUSPEND, THREAD_CAP(2));
	*regs = (struct user_regs){.rip = 1ull << 47};
	assert_int_equal(CALL(OP_THREAD_SET_REGS, THREAD_CAP(2)), E_ARG);
	*regs = (struct user_regs){.rip = 0x1234, .rax = 5, .r15 = 6};
	assert_int_equal(CALL(OP_THREAD_SET_REGS, THREAD_CAP(2), 3), E_ARG);
	assert_int_equal(CALL(OP_THREAD_SET_REGS, THREAD_CAP(2), 1, EP), E_TYPE);
	assert_int_equal(CALL(OP_THREAD_SET_REGS, THREAD_CAP(2), 1, THREAD_CAP(3)), E_STATE);
	assert_int_equal(CALL(OP_THREAD_SET_REGS, THREAD_CAP(2), 2), E_OK);
	memset(regs, 0, sizeof(*regs));
	assert_int_equal(CALL(OP_THREAD_READ_REGS, THREAD_CAP(2)), E_OK);
	assert_int_equal(world_result(0), 0);
	assert_int_equal(regs->rip, 0x1234);
	assert_int_equal(regs->rax, 5);
	assert_int_equal(regs->r15, 6);
}

static void new_registers_end_an_open_call(void **state)
{
	struct user_regs *regs = (struct user_regs *)&world_page()->words[MSG_REGISTER_WORDS];

	(void)state;
	RECV(0, REPLY(0));
	CALL_EP(1, EP, 3);
	CALL(OP_THREAD_SUSPEND, THREAD_CAP(1));
	assert_int_equal(CALL(OP_THREAD_READ_REGS, THREAD_CAP(1)), E_OK);
	assert_int_equal(world_result(0), 4);
	*regs = (struct user_regs){.rip = 0x1234, .rax = 5};
	assert_int_equal(CALL(OP_THREAD_SET_REGS, THREAD_CAP(1)), E_OK);
	assert_int_equal(STATE(1), THREAD_SUSPENDED);
	assert_int_equal(actors[1]->ctx.regs.rax, 5);
	ACT(0, OP_REPLY, REPLY(0), 0);
	assert_int_equal(ERROR(0), E_GONE);
}

static void configure_checks(void **state)
{
	struct thread_config *config = (struct thread_config *)&world_page()->words[MSG_REGISTER_WORDS];

	(void)state;
	*config = (struct thread_config){.priority = ~0u};
	assert_int_equal(CALL(OP_THREAD_CONFIGURE, THREAD_CAP(2)), E_STATE);
	CALL(OP_THREAD_SUSPEND, THREAD_CAP(2));
	config->priority = 256;
	assert_int_equal(CALL(OP_THREAD_CONFIGURE, THREAD_CAP(2)), E_ARG);
	*config = (struct thread_config){.priority = ~0u, .page_va = 0x1001};
	assert_int_equal(CALL(OP_THREAD_CONFIGURE, THREAD_CAP(2)), E_ALIGN);
	*config = (struct thread_config){.priority = ~0u, .page_va = USER_TOP};
	assert_int_equal(CALL(OP_THREAD_CONFIGURE, THREAD_CAP(2)), E_RANGE);
	*config = (struct thread_config){.priority = ~0u, .page_va = ROOT_MSG_PAGE_VA};
	assert_int_equal(CALL(OP_THREAD_CONFIGURE, THREAD_CAP(2)), E_MAPPED);
	*config = (struct thread_config){.priority = ~0u, .page_va = 0x300000000000ull};
	assert_int_equal(CALL(OP_THREAD_CONFIGURE, THREAD_CAP(2)), E_OK);
	*config = (struct thread_config){.priority = ~0u, .fault_ep = NTFN};
	assert_int_equal(CALL(OP_THREAD_CONFIGURE, THREAD_CAP(2)), E_TYPE);
	*config = (struct thread_config){.priority = 9,
					 .cspace = ROOT_CAP_CNODE,
					 .vspace = ROOT_CAP_VSPACE,
					 .label = 77,
					 .flags = THREAD_CFG_LABEL | THREAD_CFG_CLEAR_PAGE};
	PAGE_OF(2)->words[9] = 9;
	assert_int_equal(CALL(OP_THREAD_CONFIGURE, THREAD_CAP(2)), E_OK);
	assert_int_equal(PAGE_OF(2)->words[9], 0);
	assert_int_equal(actors[2]->label, 77);
	assert_int_equal(actors[2]->priority, 9);
	assert_true(pte_present(host_access(actors[2]->vspace_root, 0x300000000000ull)));
	assert_false(pte_present(host_access(actors[2]->vspace_root, 0x10000000ull + 2 * PAGE_SIZE)));
	assert_int_equal(CALL(OP_THREAD_RESUME, THREAD_CAP(2)), E_OK);
	assert_int_equal(STATE(2), THREAD_READY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(page_fault_message),
		TEST(fault_queues_and_halts),
		TEST(lost_fault_reply_repeats_the_fault),
		TEST(revoked_fault_endpoint_suspends),
		TEST(raise_enters_the_personality),
		TEST(second_exception_goes_to_the_last_resort),
		TEST(exception_without_personality_or_endpoint),
		TEST(interrupt_outside),
		TEST(interrupt_inside),
		TEST(interrupt_waits_for_a_fault),
		TEST(interrupt_of_a_program_that_waits_itself),
		TEST(interrupt_waits_for_an_open_call),
		TEST(registers),
		TEST(new_registers_end_an_open_call),
		TEST(configure_checks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
