/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The groups of the conformance program, one function each; main.c runs them in this order. */
#pragma once

/* Every result of a stub goes into the matrix (matrix.c). Before invoke.h. */
#define TESSERA_OBSERVE(number, error) observe((number), (error))
#include "worker.h"

/* raw_call, and its result goes into the matrix too. In this address space. */
void observed_call(struct user_regs *regs);
/* The same for calls that nobody judges one by one, in any space with the shared memory: only results that are not documented count. */
void random_call(struct user_regs *regs);

/* One capability of each type there is, with all rights (door.c). The caller drops the Irq and the IoPort. */
void make_one_of_each(cap_t made[CAP_TYPE_COUNT]);

/* Computes for so long; what a SchedContext has paid for (sched_context.c). */
void spin_ns(uint64_t ns);
uint64_t used_ns(cap_t sched);

void test_boot(const uint64_t *stack);
void test_door(void);
void test_arguments(void);
void test_limits(void);
void test_cnode(void);
void test_delete(void);
void test_untyped(void);
void test_memory(void);
void test_vspace(void);
void test_view_copy(void);
void test_thread(void);
void test_schedule(void);
void test_sched_context(void);
void test_sched_server(void);
void test_ipc(void);
void test_timeout(void);
void test_death(void);
void test_transfer(void);
void test_notice(void);
void test_signal(void);
void test_destroy(void);
void test_fault(void);
void test_instructions(void);
void test_personality(void);
void test_interrupt(void);
void test_registers(void);
void test_fpu(void);
void test_leaks(void);
void test_devices(void);
void test_native(void);
void test_authority(void);
void test_smp(void);
void test_concurrent(void);
void test_random(void);
void test_matrix(void);
