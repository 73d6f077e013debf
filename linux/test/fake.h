/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The personality's surroundings for host tests: threads without kernel, services that answer what a test says. */
#pragma once

#include "lx/lx.h"

#define FAKE_THREADS 4u
struct fake_thread {
	struct lx_thread thread;
	struct msg_page page;
	uint32_t signals; /* on its Notification */
};
extern struct fake_thread fake[FAKE_THREADS];
extern struct process_page fake_page;
extern uint32_t fake_current;	     /* index of the thread that runs */
extern int fake_answer;		     /* status of every service call */
extern uint16_t fake_last_operation; /* of the last service call */
extern uint32_t fake_calls;
extern uint64_t fake_deleted;	/* slot of the last cnode_delete */
extern long (*fake_wait)(void); /* what happens while a thread waits: lx_wait's result */

void fake_reset(void);
