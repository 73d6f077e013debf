/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The scheduler: highest priority first, round robin among equals with a 10 ms slice.
 *
 * Handlers only change states and queues (sched_ready, sched_block, ...) and note in cpu()->reschedule that the choice
 * must be made again; the choice and the switch are made once, at the end of the kernel entry (sched_finish).
 */
#pragma once

#include <object.h>

#define SCHED_SLICE_NS 10000000ull

/* Prepares a CPU's data: empty queues, nothing armed, the idle thread is current. */
void sched_init(struct cpu *self, struct thread *idle);
/* The thread may run: state becomes READY, it stands last among its equals of its home CPU (or is current and goes on). */
void sched_ready(struct thread *thread);
/* True if it runs on another CPU now, which cpu()->elsewhere names then: only that CPU may touch it (E_ELSEWHERE). */
MUST_CHECK bool sched_is_elsewhere(const struct thread *thread);
/* Makes a CPU its home and moves it there if it is ready. It does not run elsewhere. */
void sched_set_home(struct thread *thread, uint32_t id);
/* The thread stops being ready and gets this state. Takes it out of the run queue if it is there. */
void sched_block(struct thread *thread, enum thread_state state);
/* The current thread goes behind its equals. */
void sched_give_way(void);
/* The current thread has blocked and its partner goes on at once, unless somebody of higher priority is ready. */
void sched_handoff(struct thread *partner);
/* Changes the priority of a thread that is in no queue but the run queue. */
void sched_set_priority(struct thread *thread, uint8_t priority);
/* End of a kernel entry: picks and switches if cpu()->reschedule is set. */
void sched_finish(void);
/* Makes next current: accounting, arch_context_switch, arch_vspace_switch. The one place where threads change. */
void switch_to(struct thread *next);
/* When the current thread's slice ends: ~0 while nobody of its priority waits. */
uint64_t sched_slice_end(void);
/* The timer has fired: ends the slice if it is over at now_ns. */
void sched_tick(uint64_t now_ns);
/* Highest ready priority (0 is highest), PRIORITIES if the run queue is empty. */
uint32_t sched_best(const struct run_queue *queue);
