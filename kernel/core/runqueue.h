/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The run queue: ready threads by priority, a two-level bitmap over rings of equals (struct run_queue).
 *
 * Invariants: bits[] has exactly the priorities whose ring is not empty, summary exactly the words of bits[] that are not 0,
 * and best is the lowest of them; a thread is in the ring of its priority if and only if is_queued is set.
 * List code only: of a thread it uses queue_next, queue_prev, priority and is_queued; heads are found by run_queue_head, of
 * which the proof has another one.  Every operation takes constant time.
 * A header, because calls in place of its code would cost the scheduler 16 instructions a switch.
 * Proved with CBMC: proofs/runqueue.  Checked: tests/host/kernel/ipc/test_sched.c and the fuzzer (tests/fuzz/abstract.c).
 */
#pragma once

#include <queue.h>

/* Highest priority in it (0 is highest), PRIORITIES if it is empty; what `best` is kept at. */
static inline uint32_t run_queue_best(const struct run_queue *queue)
{
	if (queue->summary == 0)
		return PRIORITIES;
	uint32_t word = (uint32_t)__builtin_ctzll(queue->summary);

	return word * 64u + (uint32_t)__builtin_ctzll(queue->bits[word]);
}

static inline void run_queue_mark(struct run_queue *queue, struct thread *thread)
{
	uint32_t priority = thread->priority;

	thread->is_queued = 1;
	queue->bits[priority / 64u] |= 1ull << (priority % 64u);
	queue->summary |= 1ull << (priority / 64u);
	if (priority < queue->best)
		queue->best = priority;
}

/* Puts a thread, which is in no ring, behind its equals. */
static inline void run_queue_append(struct run_queue *queue, struct thread *thread)
{
	ring_append(run_queue_head(queue, thread->priority), thread);
	run_queue_mark(queue, thread);
}

/* Puts a thread, which is in no ring, before its equals. */
static inline void run_queue_prepend(struct run_queue *queue, struct thread *thread)
{
	thread_ref *head = run_queue_head(queue, thread->priority);

	ring_append(head, thread);
	*head = thread_ref_of(thread);
	run_queue_mark(queue, thread);
}

/* Takes a thread out, which is in it. */
static inline void run_queue_remove(struct run_queue *queue, struct thread *thread)
{
	uint32_t priority = thread->priority;
	thread_ref *head = run_queue_head(queue, priority);

	ring_remove(head, thread);
	thread->is_queued = 0;
	if (*head != 0)
		return;
	queue->bits[priority / 64u] &= ~(1ull << (priority % 64u));
	if (queue->bits[priority / 64u] == 0)
		queue->summary &= ~(1ull << (priority / 64u));
	queue->best = run_queue_best(queue);
}

/* Puts a thread, which is in no ring, behind its equals and takes out the first of them; there are some. */
static inline struct thread *run_queue_exchange(struct run_queue *queue, struct thread *thread)
{
	struct thread *first = ring_exchange(run_queue_head(queue, thread->priority), thread);

	thread->is_queued = 1;
	first->is_queued = 0;
	return first;
}

/* Takes the first of the highest priority out; NULL if it is empty. */
static inline struct thread *run_queue_take_best(struct run_queue *queue)
{
	if (queue->summary == 0)
		return NULL;
	struct thread *best = thread_at(*run_queue_head(queue, queue->best));

	run_queue_remove(queue, best);
	return best;
}
