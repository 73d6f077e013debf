/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Timeouts: one hierarchical wheel per CPU whose nodes lie in the threads. Insert and cancel are constant-time.
 * Deadlines are absolute nanoseconds; a timer never fires early, and late by at most one tick (1024 ns) and the
 * interrupt's latency. Only the earliest deadline is armed in hardware.
 */
#pragma once

#include <object.h>

#define TIMER_TICK_SHIFT 10u
#define TIMER_NONE (~0u) /* thread.timer_bucket */

/* Starts a thread's timeout in the wheel of this CPU; not for DEADLINE_NEVER. The thread has no timeout running. */
void timer_start(struct timer_wheel *wheel, struct thread *thread, uint64_t deadline_ns);
/* The wheel a thread's timeout was started in. */
static ALWAYS_INLINE struct timer_wheel *timer_wheel_of(const struct thread *thread)
{
	return &cpus[thread->timer_cpu]->wheel;
}
/* Stops it; nothing if it does not run. */
void timer_cancel(struct timer_wheel *wheel, struct thread *thread);
/* The time at which timer_expire must be called next (a deadline or a step towards it); ~0: no timeout. */
uint64_t timer_next_ns(const struct timer_wheel *wheel);
/* Takes out one thread whose deadline is not later than now_ns; NULL: none. *steps counts down the work, 0 ends early. */
struct thread *timer_expire(struct timer_wheel *wheel, uint64_t now_ns, uint32_t *steps);
/* Arms the hardware for the next timeout or the end of the context in use, if that is earlier than what is armed. */
void timer_rearm(void);
/* The hardware's timer has fired: nothing is armed any more. */
void timer_is_unarmed(struct cpu *self);
/* The CPU becomes idle: arms it for the next timeout alone, so that nothing else wakes it. */
void timer_rearm_idle(void);
