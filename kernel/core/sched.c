/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The scheduler: a run queue for each CPU.
 *
 * Invariants: the run queue (runqueue.c) holds exactly the threads that are READY, not current and not in a hand-over;
 * current is READY whenever the kernel is left, or it is the idle thread.
 * The current thread's context is in use (cpu.context) whenever the kernel is left; time is charged to it when that changes.
 * A thread is made ready on its home CPU; a server that is called runs on its caller's.
 * Locking: the kernel lock; interrupts are off.
 */
#include <cspace.h>
#include <ipc.h>
#include <lock.h>
#include <runqueue.h>
#include <sched.h>
#include <timer.h>

struct cpu boot_cpu ALIGNED(4096);
struct cpu *cpus[CPUS_MAX] = {&boot_cpu};
uint32_t cpus_used = 1;

/* ---- states ---- */

void sched_init(struct cpu *self, struct thread *idle)
{
	idle->state = THREAD_IDLE;
	idle->priority = PRIORITIES - 1u;
	self->current = idle;
	self->idle = idle;
	self->ready.best = PRIORITIES;
	timer_is_unarmed(self);
	self->context = &self->idle_context;
	self->context_tsc = arch_tsc();
	self->reschedule = 1;
}

/* A CPU has to choose again. */
static void reconsider(struct cpu *target)
{
	target->reschedule = 1;
	if (target != cpu())
		lock_kick(target->id);
}

/* After a thread of that priority has become ready: it runs before the current one, or ends its slice, which is to be armed. */
static bool has_to_choose(const struct cpu *target, uint8_t priority)
{
	const struct thread *current = target->current;

	if (current->state != THREAD_READY || priority < current->priority)
		return true;
	return priority == current->priority && target->armed != target->context;
}

static void enqueue(struct cpu *target, struct thread *thread)
{
	thread->cpu = (uint8_t)target->id;
	run_queue_append(&target->ready, thread);
	if (has_to_choose(target, thread->priority))
		reconsider(target);
}

void sched_postpone(struct thread *thread, uint64_t until_ns)
{
	sched_block(thread, THREAD_POSTPONED);
	if (until_ns == 0)
		return;
	timer_start(&cpu()->wheel, thread, until_ns);
	timer_rearm();
}

/* What a thread was lent is used up: its own context is next. False: that is, too, and it is postponed. */
static NOINLINE bool find_time(struct thread *thread)
{
	if (thread->lender != 0)
		lending_give_back(thread);
	if (sched_may_run(thread))
		return true;
	sched_postpone(thread, thread->context != 0 ? sched_context_at(thread->context)->refill_ns : 0);
	return false;
}

static void use_context_of(struct cpu *self, const struct thread *thread)
{
	sched_context_use(self,
			  thread->context != 0 ? sched_context_at(thread->context) : &self->idle_context);
}

/* It is current somewhere: simply goes on, or on another context, and is looked at by the CPU on which it runs. */
static NOINLINE void ready_current(struct cpu *owner, struct thread *thread)
{
	if (owner != cpu()) {
		use_context_of(owner, thread);
		reconsider(owner);
	} else if (sched_may_run(thread) || find_time(thread)) {
		thread->state = THREAD_READY;
	}
}

static ALWAYS_INLINE void ready_on(struct cpu *target, struct thread *thread)
{
	struct cpu *owner = cpus[thread->cpu];

	if (UNLIKELY(owner->current == thread)) {
		ready_current(owner, thread);
		return;
	}
	if (UNLIKELY(!sched_may_run(thread) && !find_time(thread)))
		return;
	thread->state = THREAD_READY;
	if (!thread->is_queued)
		enqueue(target, thread);
}

void sched_ready(struct thread *thread)
{
	ready_on(cpus[thread->home], thread);
}

bool sched_is_elsewhere(const struct thread *thread)
{
	struct cpu *self = cpu();

	if (CPUS_MAX == 1 || thread->cpu == self->id || cpus[thread->cpu]->current != thread)
		return false;
	self->elsewhere = thread->cpu;
	return true;
}

void sched_set_home(struct thread *thread, uint32_t id)
{
	thread->home = (uint8_t)id;
	if (thread->state != THREAD_READY)
		thread->cpu = (uint8_t)id; /* an answer by the fast path would keep it on the server's */
	if (thread->cpu == id || thread->context == 0)
		return; /* current, and without a context: choose postpones it */
	if (thread->is_queued)
		run_queue_remove(&cpus[thread->cpu]->ready, thread);
	else
		reconsider(cpu()); /* it is current: sched_is_elsewhere */
	enqueue(cpus[id], thread);
}

void sched_block(struct thread *thread, enum thread_state state)
{
	struct cpu *self = cpu();

	if (thread->is_queued)
		run_queue_remove(&cpus[thread->cpu]->ready, thread);
	thread->state = (uint8_t)state;
	if (thread == self->current)
		self->reschedule = 1;
}

void sched_reconsider(struct thread *thread, uint8_t priority)
{
	bool is_waiting = thread->is_queued || thread->state == THREAD_POSTPONED;

	if (thread->state == THREAD_SENDING) {
		endpoint_ref ref = thread->queue_object;

		endpoint_remove(thread);
		thread->priority = priority;
		endpoint_queue_sender(ref, thread);
		return;
	}
	if (is_waiting) {
		timer_cancel(timer_wheel_of(thread), thread);
		sched_block(thread, THREAD_SUSPENDED);
	}
	thread->priority = priority;
	if (is_waiting || thread->state == THREAD_READY)
		sched_ready(thread);
	if (thread == cpu()->current)
		cpu()->reschedule = 1;
}

void sched_set_priority(struct thread *thread, uint8_t priority)
{
	bool is_raised = thread->lender != 0 && thread->priority < priority;

	thread->own_priority = priority;
	sched_reconsider(thread, is_raised ? thread->priority : priority);
}

/* ---- choice and switch ---- */

/* The context in use is next's already. */
static ALWAYS_INLINE void switch_thread(struct cpu *self, struct thread *next)
{
	struct thread *from = self->current;

	self->slow_switches++;
	if (from->state != THREAD_READY && from->lender == 0)
		from->cpu = from->home; /* there it goes on */
	next->cpu = (uint8_t)self->id;
	self->current = next;
	arch_context_switch(&from->ctx, &next->ctx);
	if (next->vspace_root.raw != 0) /* the idle thread has none */
		arch_vspace_switch(next->vspace_root);
}

void switch_to(struct thread *next)
{
	struct cpu *self = cpu();

	sched_context_use(self, sched_context_at(next->context));
	switch_thread(self, next);
}

/* The context in use ends some time. (Timeouts are armed when they are started.) */
static ALWAYS_INLINE void arm_end(struct cpu *self)
{
	if (LIKELY(self->context_tsc + self->context->left_tsc >= self->wheel.armed_tsc))
		self->armed = self->context;
	else
		timer_rearm();
}

/* But for a slice that no equal waits for. */
static ALWAYS_INLINE void arm_context_end(struct cpu *self)
{
	if (self->ready.best == self->current->priority || self->context->period_ns != 0)
		arm_end(self);
}

void sched_handoff(struct thread *partner)
{
	struct cpu *self = cpu();

	if (partner->lender == 0 && partner->home != self->id) {
		sched_ready(partner); /* who is lent nothing runs at home */
		return;
	}
	if (partner->priority > self->ready.best || !sched_may_run(partner)) {
		ready_on(self, partner);
		return;
	}
	partner->state = THREAD_READY;
	switch_to(partner);
	self->reschedule = 0;
	arm_context_end(self);
}

void sched_ready_now(struct thread *thread)
{
	struct cpu *self = cpu();
	struct thread *current = self->current;
	bool is_best = current->state == THREAD_READY && thread->priority < current->priority;

	if (!is_best || self->reschedule || thread->home != self->id || !sched_may_run(thread)) {
		sched_ready(thread);
		return;
	}
	run_queue_prepend(&self->ready, current);
	thread->state = THREAD_READY;
	switch_to(thread);
	arm_context_end(self);
}

void sched_give_way(void)
{
	struct cpu *self = cpu();
	struct thread *current = self->current;

	if (self->context->period_ns == 0)
		self->context->left_tsc = SCHED_FULL; /* when it is charged next */
	if (self->ready.best > current->priority || current->context == 0)
		return;
	if (self->ready.best == current->priority) {
		switch_to(run_queue_exchange(&self->ready, current));
		self->reschedule = 0;
		arm_end(self);
		return;
	}
	run_queue_append(&self->ready, current);
	self->reschedule = 1;
}

/* Takes the best thread out of the queue; the idle thread if it is empty. */
static struct thread *take_best(struct cpu *self)
{
	struct thread *best = run_queue_take_best(&self->ready);

	return best != NULL ? best : self->idle;
}

/* The current thread if it may go on before everybody in the queue, else the best of the queue. */
static struct thread *choose(struct cpu *self)
{
	struct thread *current = self->current;

	if (current->state == THREAD_READY && current->context == 0)
		current->state = THREAD_POSTPONED; /* another CPU took its context away */
	if (current->state != THREAD_READY || current->is_queued)
		return take_best(self);
	if (current->priority <= self->ready.best)
		return current;
	run_queue_prepend(&self->ready, current);
	return take_best(self);
}

/* Nobody is ready: the processor waits until somebody is. */
static NOINLINE void idle(struct cpu *self)
{
	timer_rearm_idle();
	self->is_idling = 1;
	lock_release();
	while (!self->reschedule)
		arch_idle();
	lock_take();
	self->is_idling = 0;
}

void sched_finish(void)
{
	struct cpu *self = cpu();

	if (self->is_idling)
		return;		   /* an interrupt inside idle(), which goes on */
	while (self->reschedule) { /* ends when a thread is ready: the processor waits for that */
		self->reschedule = 0;
		struct thread *next = choose(self);

		use_context_of(self, next);
		if (next != self->current)
			switch_thread(self, next);
		arm_context_end(self);
		if (LIKELY(next != self->idle))
			return;
		idle(self);
	}
}

/* ---- the end of a context ---- */

uint64_t sched_context_end(void)
{
	struct cpu *self = cpu();
	struct thread *current = self->current;
	bool is_unlimited = self->context->period_ns == 0;

	if (current == self->idle || current->state != THREAD_READY || current->is_queued)
		return DEADLINE_NEVER;
	if (is_unlimited && self->ready.best != current->priority)
		return DEADLINE_NEVER;
	sched_charge(self);
	return arch_time_now_ns() + sched_ns_of_tsc(self->context->left_tsc);
}

/* A thread has used up its own context: its handler is told, once a period. */
static void report_end(struct thread *thread, struct sched_context *context)
{
	context->is_reported = 1;
	fault_raise(thread, THREAD_SLOT_BUDGET, MSG_OP_BUDGET, context->refill_ns,
		    sched_ns_of_tsc(context->consumed_tsc));
}

void sched_tick(void)
{
	struct cpu *self = cpu();
	struct thread *current = self->current;
	struct sched_context *context = self->context;

	if (current->context == 0 || current->state != THREAD_READY || current->is_queued)
		return;
	sched_charge(self);
	if (context->period_ns == 0 && context->left_tsc <= sched_tsc_of_ns(SCHED_USED_UP_NS))
		sched_give_way();
	else if (sched_may_run(current))
		return;
	else if (current->lender == 0 && !context->is_reported &&
		 slot_type(&current->slots[THREAD_SLOT_BUDGET]) == CAP_ENDPOINT)
		report_end(current, context);
	else
		sched_ready(current);
}
