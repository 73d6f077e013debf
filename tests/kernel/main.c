/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The kernel's conformance program: started instead of root, it tests every operation of abi/operations.toml against what
 * is written there, and says so in TAP on the kernel's log.
 */
#include "tests.h"

/* start.S calls it with the stack pointer the kernel gave. */
void program_start(const uint64_t *stack);

void program_start(const uint64_t *stack)
{
	test_boot(stack);
	harness_start();
	spaces_start();
	must(ts_thread_set_priority(ROOT_CAP_THREAD, PRIORITY_MAIN), "main's priority");
	test_door();
	test_arguments();
	test_limits();
	test_cnode();
	test_delete();
	test_untyped();
	test_memory();
	test_vspace();
	test_view_copy();
	test_thread();
	test_schedule();
	test_sched_context();
	test_sched_server();
	test_ipc();
	test_timeout();
	test_death();
	test_transfer();
	test_notice();
	test_signal();
	test_destroy();
	test_fault();
	test_instructions();
	test_personality();
	test_interrupt();
	test_registers();
	test_fpu();
	test_leaks();
	test_devices();
	test_native();
	test_authority();
	test_smp();
	test_concurrent();
	test_random();
	test_matrix();
	finish();
}
