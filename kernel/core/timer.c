/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The timer wheel: timeouts of threads, one wheel per CPU, nodes inside the threads.
 *
 * Invariant: a thread with deadline tick d > elapsed stands in level l, slot s, where l is the highest base-64 digit in
 * which d and elapsed differ and s is that digit of d.  So all slots of a level lie behind elapsed's own, the lowest
 * level that is not empty holds the earliest deadline, and its first slot's start is when to look next.
 * Advancing empties one slot at a time: level 0 expires, higher levels are sorted into lower ones.  If that stops in
 * between (steps), elapsed stands at that slot's start, cascading tells its level, and it goes on before anything else.
 */
#include <sched.h>
#include <thread.h>
#include <timer.h>

#define DIGIT_BITS 6u

/* First tick that is not before ns; saturates. */
static uint64_t tick_of(uint64_t deadline_ns)
{
	uint64_t tick = deadline_ns >> TIMER_TICK_SHIFT;

	if ((deadline_ns & ((1u << TIMER_TICK_SHIFT) - 1u)) == 0 ||
	    tick == DEADLINE_NEVER >> TIMER_TICK_SHIFT)
		return tick;
	return tick + 1;
}

/* Bucket of a tick that is later than elapsed. */
static uint32_t bucket_of(uint64_t elapsed, uint64_t tick)
{
	uint32_t level = (63u - (uint32_t)__builtin_clzll(elapsed ^ tick)) / DIGIT_BITS;
	uint32_t slot = (uint32_t)(tick >> (level * DIGIT_BITS)) % TIMER_SLOTS;

	return level * TIMER_SLOTS + slot;
}

static void bucket_insert(struct timer_wheel *wheel, struct thread *thread, uint64_t tick)
{
	uint32_t bucket = bucket_of(wheel->elapsed, tick);
	thread_ref ref = thread_ref_of(thread);
	thread_ref *head = &wheel->heads[bucket];

	thread->timer_bucket = bucket;
	wheel->bits[bucket / TIMER_SLOTS] |= 1ull << (bucket % TIMER_SLOTS);
	if (*head == 0) {
		thread->timer_next = ref;
		thread->timer_prev = ref;
		*head = ref;
		return;
	}
	struct thread *first = thread_at(*head);

	thread->timer_next = *head;
	thread->timer_prev = first->timer_prev;
	thread_at(first->timer_prev)->timer_next = ref;
	first->timer_prev = ref;
}

static void bucket_remove(struct timer_wheel *wheel, struct thread *thread)
{
	uint32_t bucket = thread->timer_bucket;
	thread_ref ref = thread_ref_of(thread);
	thread_ref *head = &wheel->heads[bucket];

	if (thread->timer_next == ref) {
		*head = 0;
		wheel->bits[bucket / TIMER_SLOTS] &= ~(1ull << (bucket % TIMER_SLOTS));
	} else {
		thread_at(thread->timer_prev)->timer_next = thread->timer_next;
		thread_at(thread->timer_next)->timer_prev = thread->timer_prev;
		if (*head == ref)
			*head = thread->timer_next;
	}
	thread->timer_next = 0;
	thread->timer_prev = 0;
	thread->timer_bucket = TIMER_NONE;
}

void timer_start(struct timer_wheel *wheel, struct thread *thread, uint64_t deadline_ns)
{
	uint64_t tick = tick_of(deadline_ns);

	thread->timer_deadline_ns = deadline_ns;
	thread->timer_cpu = (uint8_t)cpu()->id;
	bucket_insert(wheel, thread, tick > wheel->elapsed ? tick : wheel->elapsed + 1);
}

void timer_cancel(struct timer_wheel *wheel, struct thread *thread)
{
	if (thread->timer_bucket != TIMER_NONE)
		bucket_remove(wheel, thread);
}

/* The level to look at next: a slot that is half sorted, else the lowest that is not empty; TIMER_LEVELS: all are. */
static uint32_t next_level(const struct timer_wheel *wheel)
{
	uint32_t half = wheel->cascading;
	uint64_t slot = wheel->elapsed >> (half * DIGIT_BITS) & (TIMER_SLOTS - 1u);
	uint32_t level = 0;

	if (half != 0 && (wheel->bits[half] >> slot & 1u) != 0)
		return half;
	while (level < TIMER_LEVELS && wheel->bits[level] == 0)
		level++;
	return level;
}

/* The tick at which the first slot of a level that is not empty begins. (The top level's digit is the last of the tick.) */
static uint64_t first_tick(const struct timer_wheel *wheel, uint32_t level)
{
	uint64_t slot = (uint64_t)__builtin_ctzll(wheel->bits[level]);
	uint32_t shift = level * DIGIT_BITS;
	uint64_t above = wheel->elapsed >> (shift + DIGIT_BITS) << (shift + DIGIT_BITS);

	return above | slot << shift;
}

uint64_t timer_next_ns(const struct timer_wheel *wheel)
{
	uint32_t level = next_level(wheel);

	if (level == TIMER_LEVELS)
		return DEADLINE_NEVER;
	uint64_t tick = first_tick(wheel, level);

	return tick > DEADLINE_NEVER >> TIMER_TICK_SHIFT ? DEADLINE_NEVER - 1 : tick << TIMER_TICK_SHIFT;
}

struct thread *timer_expire(struct timer_wheel *wheel, uint64_t now_ns, uint32_t *steps)
{
	uint64_t now = now_ns >> TIMER_TICK_SHIFT;

	while (*steps > 0) { /* bounded by *steps */
		(*steps)--;
		uint32_t level = next_level(wheel);

		if (level == TIMER_LEVELS || first_tick(wheel, level) > now) {
			if (now > wheel->elapsed)
				wheel->elapsed = now;
			return NULL;
		}
		wheel->elapsed = first_tick(wheel, level);
		wheel->cascading = level;
		struct thread *thread = thread_at(
			wheel->heads[level * TIMER_SLOTS + (uint32_t)__builtin_ctzll(wheel->bits[level])]);
		uint64_t tick = tick_of(thread->timer_deadline_ns);

		bucket_remove(wheel, thread);
		if (tick <= wheel->elapsed)
			return thread;
		bucket_insert(wheel, thread, tick);
	}
	return NULL;
}

/* Invariant outside this file: what is armed is not later than the earliest timeout. */
void timer_rearm(void)
{
	struct cpu *self = cpu();
	struct timer_wheel *wheel = &self->wheel;
	uint64_t next = timer_next_ns(wheel);
	uint64_t end = sched_context_end();

	self->armed = end != DEADLINE_NEVER ? self->context : NULL;
	if (end < next)
		next = end;
	if (next < wheel->armed_ns) {
		wheel->armed_ns = next;
		arch_timer_arm(next);
	}
	uint64_t end_tsc = self->context_tsc + self->context->left_tsc;

	if (end != DEADLINE_NEVER && end_tsc < wheel->armed_tsc)
		wheel->armed_tsc = end_tsc;
}

void timer_rearm_idle(void)
{
	struct timer_wheel *wheel = &cpu()->wheel;
	uint64_t next = timer_next_ns(wheel);

	cpu()->armed = NULL;
	wheel->armed_tsc = ~0ull;
	if (wheel->armed_ns == next)
		return;
	wheel->armed_ns = next;
	arch_timer_arm(next);
}

void timer_is_unarmed(struct cpu *self)
{
	self->armed = NULL;
	self->wheel.armed_ns = DEADLINE_NEVER;
	self->wheel.armed_tsc = ~0ull;
}
