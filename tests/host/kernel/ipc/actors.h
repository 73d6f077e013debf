/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Several threads in the test machine (world.h), each of which can be made to issue a system call.
 *
 * Thread i has its own Thread object and label 100 + i; all share root's CSpace.  A low-priority thread of the world is always
 * ready, so that the scheduler never waits.
 */
#pragma once

#include "../world.h"

#define ACTORS 10u
#define UT 60u	   /* Untyped of 1 MiB */
#define EP 61u	   /* endpoint origin: all rights */
#define NTFN 62u   /* notification origin */
#define BADGED 63u /* EP with badge 77, write and grant */
#define EMPTY 128u /* slots from here on are empty */
#define REPLY(i) (EMPTY + (i))
#define THREAD_CAP(i) (100u + (i))
#define SCHED_CAP(i) (110u + (i))

extern struct thread *actors[ACTORS];

/* world_setup, and the objects above; all actors are ready. A cmocka set-up. */
int actors_setup(void **state);

/* Thread i makes a system call through the entry the architecture would take; it must be ready. Ends at the first return
 * to user mode, whoever runs then. */
void act(uint32_t i, uint32_t operation, const uint64_t args[7]);
#define ACT(i, operation, ...) act((i), (operation), (const uint64_t[7]){__VA_ARGS__})
/* The same, through kernel_syscall even where there is a fast path. */
extern bool actors_slow_only;

#define STATE(i) (actors[i]->state)
#define ERROR(i) ((enum tessera_error)actors[i]->ctx.regs.rax)
#define RESULT(i, n) ctx_arg(&actors[i]->ctx, (n))
#define PAGE_OF(i) thread_page(actors[i])

/* A system call of the world's own thread, whoever runs now. */
enum tessera_error actors_call(uint32_t operation, const uint64_t args[7]);
#undef CALL
#define CALL(operation, ...) actors_call((operation), (const uint64_t[7]){__VA_ARGS__})

/* Short forms */
#define RECV(i, reply) ACT((i), OP_RECV, EP | (uint64_t)(reply) << 32, 0, 0, 0, 0, 0, DEADLINE_NEVER)
#define CALL_EP(i, cap, w0) ACT((i), OP_CALL, (cap), MSG_TAG(1, 1, 0), (w0), 0, 0, 0, DEADLINE_NEVER)

/* Time passes; the timer interrupt comes if its time has come. */
void actors_time(uint64_t now_ns);
