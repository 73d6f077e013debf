/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The scheduler: a run queue for each CPU.
 *
 * Invariants: the run queue holds exactly the threads that are READY, not current and not in a hand-over; its bitmap and
 * `best` agree with its rings; current is READY whenever the kernel is left, or it is the idle thread.
 * A slice (slice_end_ns) begins when a thread that stood in the queue is noticed to have equals waiting; it is kept
 * over preemption and over calls, and ends when the thread is put last.
 * A thread is made ready on its home CPU; a server that is called runs on its caller's.
 * Locking: the kernel lock; interrupts are off.
 */
#include <lock.h>
#include <queue.h>
#include <sched.h>
#include <switch.h>
#include <timer.h>

struct cpu boot_cpu ALIGNED(4096);
struct cpu *cpus[CPUS_MAX] = {&boot_cpu};
uint32_t cpus_used = 1;

/* ---- run queue ---- */

uint32_t sched_best(const struct run_queue *queue)
{
	if (queue->summary == 0)
		return PRIORITIES;
	uint32_t word = (uint32_t)__builtin_ctzll(queue->summary);

	return word * 64u + (uint32_t)__builtin_ctzll(queue->bits[word]);
}

static void queue_mark(struct run_queue *queue, uint32_t priority)
{
	queue->bits[priority / 64u] |= 1ull << (priority % 64u);
	queue->summary |= 1ull << (priority / 64u);
	if (priority < queue->best)
		queue->best = priority;
}

static void queue_unmark(struct run_queue *queue, uint32_t priority)
{
	uint64_t *word = &queue->bits[priority / 64u];

	*word &= ~(1ull << (priority % 64u));
	if (*word == 0)
		queue->summary &= ~(1ull << (priority / 64u));
	queue->best = sched_best(queue);
}

static void queue_append(struct run_queue *queue, struct thread *thread)
{
	ring_append(&queue->heads[thread->priority], thread);
	thread->is_queued = 1;
	queue_mark(queue, thread->priority);
}

static void queue_remove(struct run_queue *queue, struct thread *thread)
{
	ring_remove(&queue->heads[thread->priority], thread);
	thread->is_queued = 0;
	if (queue->heads[thread->priority] == 0)
		queue_unmark(queue, thread->priority);
}

/* ---- states ---- */

void sched_init(struct cpu *self, struct thread *idle)
{
	idle->state = THREAD_IDLE;
	idle->priority = PRIORITIES - 1u;
	self->current = idle;
	self->idle = idle;
	self->ready.best = PRIORITIES;
	self->wheel.armed_ns = DEADLINE_NEVER;
	idle->consumed_tsc -= arch_tsc();
	self->reschedule = 1;
}

/* A CPU has to choose again. */
static void reconsider(struct cpu *target)
{
	target->reschedule = 1;
	if (target != cpu())
		lock_kick(target->id);
}

static void enqueue(struct cpu *target, struct thread *thread)
{
	thread->cpu = (uint8_t)target->id;
	thread->slice_end_ns = 0;
	queue_append(&target->ready, thread);
	if (target->current->state != THREAD_READY || thread->priority <= target->current->priority)
		reconsider(target);
}

void sched_ready(struct thread *thread)
{
	thread->state = THREAD_READY;
	if (thread != cpu()->current && !thread->is_queued)
		enqueue(cpus[thread->home], thread);
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
	if (thread->cpu == id || thread->state != THREAD_READY)
		return;
	if (thread->is_queued)
		queue_remove(&cpus[thread->cpu]->ready, thread);
	else
		reconsider(cpu()); /* it is current: sched_is_elsewhere */
	enqueue(cpus[id], thread);
}

void sched_block(struct thread *thread, enum thread_state state)
{
	struct cpu *self = cpu();

	if (thread->is_queued)
		queue_remove(&cpus[thread->cpu]->ready, thread);
	thread->state = (uint8_t)state;
	if (thread == self->current)
		self->reschedule = 1;
}

void sched_give_way(void)
{
	struct cpu *self = cpu();
	struct thread *current = self->current;

	if (self->ready.best > current->priority)
		return;
	current->slice_end_ns = 0;
	queue_append(&self->ready, current);
	self->reschedule = 1;
}

void sched_set_priority(struct thread *thread, uint8_t priority)
{
	struct cpu *target = cpus[thread->cpu];
	bool was_queued = thread->is_queued != 0;

	if (was_queued)
		queue_remove(&target->ready, thread);
	thread->priority = priority;
	if (was_queued)
		queue_append(&target->ready, thread);
	reconsider(target);
}

/* ---- choice and switch ---- */

void switch_to(struct thread *next)
{
	struct cpu *self = cpu();
	struct thread *from = self->current;

	self->slow_switches++;
	next->cpu = (uint8_t)self->id;
	switch_accounts(arch_here(), from, next);
	arch_context_switch(&from->ctx, &next->ctx);
	if (next->vspace_root.raw != 0) /* the idle thread has none */
		arch_vspace_switch(next->vspace_root);
}

/* Somebody of the same priority waits: the slice ends some time. (Timeouts are armed when they are started.) */
static void arm_slice(const struct cpu *self)
{
	if (self->ready.best == self->current->priority)
		timer_rearm();
}

void sched_handoff(struct thread *partner)
{
	struct cpu *self = cpu();

	if (partner->priority > self->ready.best) {
		partner->state = THREAD_READY;
		enqueue(self, partner);
		return;
	}
	partner->state = THREAD_READY;
	switch_to(partner);
	self->reschedule = 0;
	arm_slice(self);
}

/* Takes the best thread out of the queue; the idle thread if it is empty. */
static struct thread *take_best(struct cpu *self)
{
	struct run_queue *queue = &self->ready;

	if (queue->summary == 0)
		return self->idle;
	struct thread *best = thread_at(queue->heads[queue->best]);

	queue_remove(queue, best);
	return best;
}

/* The current thread if it may go on before everybody in the queue, else the best of the queue. */
static struct thread *choose(struct cpu *self)
{
	struct thread *current = self->current;

	if (current->state != THREAD_READY || current->is_queued)
		return take_best(self);
	if (current->priority <= self->ready.best)
		return current;
	ring_prepend(&self->ready.heads[current->priority], current);
	current->is_queued = 1;
	queue_mark(&self->ready, current->priority);
	return take_best(self);
}

void sched_finish(void)
{
	struct cpu *self = cpu();

	if (self->current == self->idle && self->is_idling)
		return;		   /* an interrupt inside the loop below: that one goes on */
	while (self->reschedule) { /* ends when a thread is ready: the processor waits for that */
		self->reschedule = 0;
		struct thread *next = choose(self);

		if (next != self->current)
			switch_to(next);
		arm_slice(self);
		if (next != self->idle)
			return;
		self->is_idling = 1;
		lock_release();
		while (!self->reschedule)
			arch_idle();
		lock_take();
		self->is_idling = 0;
	}
}

/* ---- slices ---- */

uint64_t sched_slice_end(void)
{
	struct cpu *self = cpu();
	struct thread *current = self->current;

	if (self->ready.best != current->priority || current->state != THREAD_READY || current->is_queued)
		return DEADLINE_NEVER;
	if (current->slice_end_ns == 0)
		current->slice_end_ns = arch_time_now_ns() + SCHED_SLICE_NS;
	return current->slice_end_ns;
}

void sched_tick(uint64_t now_ns)
{
	struct thread *current = cpu()->current;

	if (current == cpu()->idle || current->state != THREAD_READY || current->slice_end_ns == 0)
		return;
	if (now_ns >= current->slice_end_ns)
		sched_give_way();
}
