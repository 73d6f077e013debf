/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The scheduler and its contexts: highest priority first, round robin among equals; lending along calls.
 * The rules stand in docs/decisions/0007-time.md.
 *
 * Lending (core/lending.c).  The threads that use one context are a chain: from its runner through `lender` to its owner.
 * Invariants, but for threads that wait in recv, whose context, lender, depth and priority endpoint_remove sets:
 *   a thread's context is its own and it has no lender, or it is on the chain of a lent one, and its own is idle;
 *   on the chain, everybody but the runner is CALLING or FAULTED; a chain has at most SCHED_LENDING_DEPTH links;
 *   a thread without own context is in no chain and not ready.
 *
 * Handlers only change states and queues (sched_ready, sched_block, ...) and note in cpu()->reschedule that the choice
 * must be made again; the choice and the switch are made once, at the end of the kernel entry (sched_finish).
 */
#pragma once

#include <object.h>

#define SCHED_FULL (~0ull)	 /* left_tsc: as much as the budget, when it is charged next */
#define SCHED_USED_UP_NS 1000ull /* less than that counts as nothing: the timer is not more exact */

/* Prepares a CPU's data: empty queues, nothing armed, the idle thread is current. */
void sched_init(struct cpu *self, struct thread *idle);
/* The thread may run: state becomes READY, it stands last among its equals of its home CPU (or is current and goes on).
 * Without time: it gives back what it was lent, or is POSTPONED. */
void sched_ready(struct thread *thread);
/* The same for a thread that has waited, as the last thing an entry does: switches at once if its priority is higher. */
void sched_ready_now(struct thread *thread);
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
/* Sets the own priority; that of a thread on lent time only rises. */
void sched_set_priority(struct thread *thread, uint8_t priority);
/* A thread whose context or priority has changed: its place in the run queue is found again, or it is postponed. */
void sched_reconsider(struct thread *thread, uint8_t priority);
/* The thread would run but has no time: it waits until then (0: until it gets a context). */
void sched_postpone(struct thread *thread, uint64_t until_ns);
/* End of a kernel entry: picks and switches if cpu()->reschedule is set. */
void sched_finish(void);
/* Makes next, which has a context, current: that, arch_context_switch, arch_vspace_switch. Everybody but the fast path comes here. */
void switch_to(struct thread *next);
/* When the context in use must be looked at: ~0 while it is a slice that nobody of the same priority waits for. */
uint64_t sched_context_end(void);
/* The timer has fired: deals with a context that is used up. */
void sched_tick(void);

/* ---- contexts (object/sched_context.c) ---- */

static ALWAYS_INLINE struct sched_context *sched_context_at(sched_ref ref)
{
	return (struct sched_context *)phys_to_ptr((paddr_t){(uint64_t)ref * 64u});
}

/* A new context: round robin. */
void sched_context_init(struct sched_context *context);
/* Makes it a thread's own; neither is bound. */
void sched_context_bind(struct sched_context *context, struct thread *thread);
/* Undoes that; nothing if it is not bound. The thread is postponed, or woken from recv with E_NO_TIME. */
void sched_context_unbind(struct sched_context *context);
/* Charges what the CPU has used since the last time to the context in use. */
void sched_charge(struct cpu *self);
/* Makes a context the one in use on the CPU; charges the one that was. Nothing if it is already. */
void sched_context_use(struct cpu *self, struct sched_context *next);
/* True if a thread's context has at least that much left now (0: as much as counts as time). False without context. */
MUST_CHECK bool sched_has_time(const struct thread *thread, uint64_t wanted_tsc);
/* The same for as much as counts as time. */
static ALWAYS_INLINE MUST_CHECK bool sched_may_run(const struct thread *thread)
{
	bool has_slice = thread->context != 0 && sched_context_at(thread->context)->period_ns == 0;

	return LIKELY(has_slice) || sched_has_time(thread, 0);
}

uint64_t sched_tsc_of_ns(uint64_t ns);
uint64_t sched_ns_of_tsc(uint64_t tsc);

/* ---- lending (core/lending.c) ---- */

/* The server, which uses its own context, gets the caller's and at least its priority. Nothing if the caller has no time to lend. */
void lending_begin(struct thread *caller, struct thread *server);
/* The thread's call or fault is over: what it lent comes back to it. Nothing if it lent nothing. */
void lending_end(struct thread *caller);
/* A runner gives back what it was lent, and with it its caller's priority. Nothing if it runs on its own. */
void lending_give_back(struct thread *server);
