/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Workers: threads that execute one raw system call after the other as the test tells them, in this program's address
 * space or in another one, so that a test in straight lines can bring any thread into any state.
 *
 * A worker lies in shared memory.  worker_do fills in the call and wakes it; being of higher priority it runs at once,
 * until its call is done or blocks.  Code that runs in a worker of another space finds this program's code and constants
 * there, but not its variables: it touches nothing but its struct worker and what that names in shared memory.
 */
#pragma once

#include "harness.h"

#define WORKERS 16u
#define WORKER_STACK_BYTES 8192u
#define SPACES 4u

#define PRIORITY_HIGH 50u
#define PRIORITY_MAIN 100u
#define PRIORITY_LOW 150u

#define LABEL(i) (0x4c00000000ull + (i))

/* States of thread_read_regs. */
enum {
	STATE_SUSPENDED,
	STATE_READY,
	STATE_SENDING,
	STATE_RECEIVING,
	STATE_CALLING,
	STATE_WAITING,
	STATE_FAULTED
};

struct worker {
	struct user_regs regs;		 /* of the call: before, and after it */
	void (*run)(struct worker *);	 /* what it does when it is woken */
	volatile uint64_t started, done; /* how often */
	uint64_t index;
	uint64_t operation; /* whose result regs.rax is; 0: of none */
	cap_t thread, sched, wake;
	uint64_t page_va;
	bool with_page;	      /* copy page to the message page before the call and back behind it */
	uint64_t argument[4]; /* for run */
	volatile uint64_t result[8];
	struct msg_page page;
	struct fpu_image fpu;
	unsigned char stack[WORKER_STACK_BYTES] __attribute__((aligned(16)));
};

/* The i-th worker; workers stay empty until worker_new. */
struct worker *worker(uint32_t i);
/* Makes worker i in space (0: this one, 1..: space_make'd) and lets it wait. */
struct worker *worker_new(uint32_t i, uint32_t space, uint32_t priority);
/* Gives it a system call; it runs when its priority lets it. */
void worker_do(struct worker *w, uint32_t operation, const uint64_t arguments[7]);
#define DO(w, operation, ...) worker_do((w), (operation), (const uint64_t[7]){__VA_ARGS__})
/* Lets it run a function. */
void worker_run(struct worker *w, void (*run)(struct worker *));
/* True if the last thing given to it is finished. */
bool is_done(const struct worker *w);
/* Waits until it is, however slow the host is (but not for ever): is_done. */
bool wait_done(const struct worker *w);
/* RAX, which the matrix notes, and result i of its last call. */
uint64_t error_of(const struct worker *w);
uint64_t result_of(const struct worker *w, uint32_t i);
/* thread_read_regs' state. */
uint64_t state_of(const struct worker *w);
/* Checks that it is done with this error / has not returned and is in this state. */
void check_done(const struct worker *w, enum tessera_error wanted, const char *name);
void check_state(const struct worker *w, uint64_t wanted, const char *name);
/* Deletes its Thread. The struct may be used again. */
void worker_end(struct worker *w);

/* The message page of the worker as it is now; only for those in this space. */
struct msg_page *page_of(const struct worker *w);

/* Makes address space i (1..): with this program's code, its constants and a copy of its variables, and shared memory. */
void space_make(uint32_t i);
cap_t space_cap(uint32_t i);
/* Puts the same into a VSpace that somebody else made, with tables for it (2^SPACE_TABLES_LOG2 bytes are enough). */
void space_fill(cap_t vspace);
#define SPACE_TABLES_LOG2 17u
/* Before the first space_make: copies this program. */
void spaces_start(void);

/* A Thread in the arena that is configured but has no registers: cspace root's, this space, page i. */
cap_t bare_thread(uint32_t i, uint32_t space, cap_t fault_ep, cap_t last_ep);
/* Sets registers and resumes: entry(stack_top), stack. */
void bare_start(cap_t thread, const struct user_regs *regs, uint64_t flags);
/* Makes worker i's thread send its faults there: suspends and configures it. */
void worker_handlers(struct worker *w, cap_t fault_ep, cap_t last_ep);
