/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads: accessors, life cycle, faults and personality entries.
 *
 * Life cycle of a Thread:
 *   SUSPENDED --resume--> READY --send/call--> SENDING --taken--> READY (send) or CALLING (call)
 *   READY --recv--> RECEIVING --message--> READY;   READY --wait--> WAITING --signal--> READY
 *   CALLING --reply, Reply deleted, timeout--> READY;   any --suspend--> SUSPENDED
 *   (an open call or fault keeps its state with is_suspended set);   any --thread_destroy--> gone
 */
#pragma once

#include <object.h>
#include <tessera/operations.h>

/* Resolves an index; not for 0. */
static ALWAYS_INLINE struct thread *thread_at(thread_ref ref)
{
	return (struct thread *)phys_to_ptr((paddr_t){(uint64_t)ref * 64u});
}

/* The index of a thread. */
static ALWAYS_INLINE thread_ref thread_ref_of(const struct thread *thread)
{
	return (thread_ref)(ptr_to_phys(thread).raw / 64u);
}

/* The first of the run queue's ring of that priority; in it is 0 if the ring is empty. */
static ALWAYS_INLINE thread_ref *run_queue_head(struct run_queue *queue, uint32_t priority)
{
	return &queue->heads[priority];
}

/* The kernel's own mapping of the thread's message page. */
static ALWAYS_INLINE struct msg_page *thread_page(struct thread *thread)
{
	return (struct msg_page *)((unsigned char *)thread + 4096);
}

static ALWAYS_INLINE paddr_t thread_page_phys(const struct thread *thread)
{
	return (paddr_t){ptr_to_phys(thread).raw + 4096u};
}

/* Initialises a zeroed Thread object: suspended, lowest priority. Called by retype. */
void thread_init(struct thread *thread);

/*
 * The object dies: takes the thread out of every queue and timer, makes its Reply dead, unbinds its notification and
 * stops it; then its own slots are emptied, which unmaps the message page. Constant time.
 */
void thread_destroy(struct thread *thread);
/* Its recv takes no Notification's signals any more; nothing if it took none. */
void thread_unbind_notification(struct thread *thread);

/* The VSpace in slots[THREAD_SLOT_VSPACE] goes away: the thread stops and has no address space any more. */
void thread_vspace_gone(struct thread *thread);
/* The same for slots[THREAD_SLOT_CSPACE]: its capability addresses name nothing any more. */
void thread_cspace_gone(struct thread *thread);

/* Stops a thread: a send, recv or wait is taken back (the system call will be executed again), an open call stays. */
void thread_stop(struct thread *thread);

/*
 * What the thread waited for is over, with this error: its timeout ends, and an interrupt that was put off takes place.
 * True: it may run, the caller passes it to sched_ready or sched_handoff.  False: it is suspended.
 * It is in no queue, and its Reply is gone.
 */
MUST_CHECK bool thread_end_wait(struct thread *thread, enum tessera_error error);
/* A blocked thread leaves queues and timers, its Reply stands dead, and it goes on with this error. */
void thread_wake(struct thread *thread, enum tessera_error error);

/* fault.c: the thread cannot go on; it sends a fault message through slots[which] (THREAD_SLOT_FAULT, _LAST, _BUDGET) or is
 * suspended.  op: MSG_OP_PAGE_FAULT, MSG_OP_EXCEPTION or MSG_OP_BUDGET. */
void fault_raise(struct thread *thread, uint32_t which, uint64_t op, uint64_t word, uint64_t error_code);
/* The answer to a fault message, FAULT_*; the Reply is gone already. */
void fault_answer(struct thread *thread, uint32_t status);
/* A thread that waits at an endpoint is sent away: E_REVOKED; a faulted one is suspended, with a line in the log. */
void thread_refuse(struct thread *thread);

/* personality.c: enters the exception entry with vector, error and address; false: the thread has none, or is inside. */
MUST_CHECK bool personality_exception(struct thread *thread, uint64_t vector, uint64_t error_code,
				      uint64_t address);
/* thread_interrupt's meaning. */
void personality_interrupt(struct thread *thread);
/* A foreign system call of the current thread: enters the handler. False: no personality. */
MUST_CHECK bool personality_syscall(struct thread *thread);
