/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads for the proof of the run queue, in place of kernel/include/thread.h: of a thread only what rings and run queue use,
 * with the kernel's types, and an index for each of THREADS.
 *
 * Threads and heads are variables of their own, and the accessors choose among them: a solver cannot cope with accesses at
 * addresses it does not know.  Heads exist only at the priorities that some thread has; that no other is touched is asserted.
 */
#pragma once

#define thread kernel_thread
#define run_queue kernel_run_queue
#include <object.h>
#undef thread
#undef run_queue

#define THREADS 4u

#define FIELD(type, field) __typeof__(((struct kernel_##type *)0)->field)

struct thread {
	FIELD(thread, queue_next) queue_next;
	FIELD(thread, queue_prev) queue_prev;
	FIELD(thread, is_queued) is_queued;
	FIELD(thread, priority) priority;
};

/* Without the heads: run_queue_head. */
struct run_queue {
	FIELD(run_queue, summary) summary;
	FIELD(run_queue, bits) bits;
	FIELD(run_queue, best) best;
};

extern struct thread thread_1, thread_2, thread_3, thread_4;
extern uint32_t level_1, level_2, level_3, level_4; /* the priority of each thread ... */
extern thread_ref head_1, head_2, head_3, head_4; /* ... and the head there; of equal ones the first counts */

static inline struct thread *thread_at(thread_ref ref)
{
	__CPROVER_assert(1 <= ref && ref <= THREADS, "the index names a thread");
	return ref == 1 ? &thread_1 : ref == 2 ? &thread_2 : ref == 3 ? &thread_3 : &thread_4;
}

static inline thread_ref thread_ref_of(const struct thread *thread)
{
	return thread == &thread_1 ? 1u : thread == &thread_2 ? 2u : thread == &thread_3 ? 3u : 4u;
}

static inline thread_ref *run_queue_head(UNUSED struct run_queue *queue, uint32_t priority)
{
	if (priority == level_1)
		return &head_1;
	if (priority == level_2)
		return &head_2;
	if (priority == level_3)
		return &head_3;
	__CPROVER_assert(priority == level_4, "some thread has that priority");
	return &head_4;
}
