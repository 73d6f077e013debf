/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Tests to the nanosecond: the simulated clock moves only when a test says so, and nobody has used any time when it begins.
 *
 * What docs/decisions/0007-time.md says is tested with these, rule by rule (test_budget.c, test_lending.c); the tests in QEMU
 * (tests/kernel/sched_*.c) look only at order and outcome.
 */
#pragma once

#include "actors.h"

#define T 1024000ull	 /* about a millisecond, and whole ticks of the timer wheel */
#define START (1000 * T) /* when each test begins */
#define SERVER 0u	 /* EP is its endpoint */
#define CLIENT 1u
#define SECOND 2u /* another client, or an equal */
#define DEEP 3u	  /* a server that the server calls, or a handler */
#define DEEP_EP (EMPTY + 20u)
#define BUDGET_EP (EMPTY + 21u)
#define NOBODY (ACTORS) /* the world's own thread, below all others */

/* An actor's own context. */
struct sched_context *context_of(uint32_t i);
void budget(uint32_t i, uint64_t budget_ns, uint64_t period_ns);
void set_priority(uint32_t i, uint64_t priority);
/* Whoever is best runs, and is the one expected (NOBODY: none of the actors). */
void assert_runs(uint32_t i);
/* Time passes, to a moment that counts from START. */
void until(uint64_t ns);
/* So much is used up and left of an actor's own context now. */
void assert_account(uint32_t i, uint64_t consumed_ns, uint64_t left_ns);
/* Server i answers through REPLY(i), successfully. */
void answer(uint32_t i);
/* Nobody is ready but the world's own thread, nothing is armed, nobody has used any time. */
void begin(void);
/* Becomes ready if it is suspended, and waits for messages. */
void serve(uint32_t i, uint32_t endpoint);
/* These become ready, in their order, and the first runs. */
void start(uint32_t first, uint32_t last);
/* The client alone, with 5 T in 50 T. */
void begin_alone(void);

/* The set-up and tear-down of each test. */
int timed_setup(void **state);
int timed_teardown(void **state);
/* Calls and answers of the tests that are set up from now on take no fast path. */
extern bool timed_is_slow;

#define TEST(name) cmocka_unit_test_setup_teardown(name, timed_setup, timed_teardown)
