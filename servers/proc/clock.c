/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Interval timers and POSIX timers.  Times are absolute nanoseconds since boot; the server's loop asks for the next
 * deadline and calls timers_run.  ITIMER_VIRTUAL and ITIMER_PROF count processor time: since that never runs faster than
 * the clock, they are looked at again after the time that is still missing.
 */
#include "proc.h"

#include <errno.h>
#include <string.h>
#include <tessera/proto/proc_server.h>
#include <tessera/service.h>

#define NEVER (~0ull)
#define RLIMIT_CPU 0u
#define CPU_LOOK_MIN_NS 10000000u /* a limit of whole seconds is not looked at more often than this */
#define SIGKILL 9u
#define SIGALRM 14u
#define SIGXCPU 24u
#define SI_TIMER (-2)
#define SI_KERNEL 128
#define SIGEV_SIGNAL 0u
#define SIGEV_NONE 1u
#define SIGEV_THREAD_ID 4u
#define CLOCK_REALTIME 0u
#define CLOCK_MONOTONIC 1u
#define CLOCK_BOOTTIME 7u
#define NSEC_PER_SEC 1000000000ull
#define MIN_INTERVAL_NS 10000u /* no timer may keep proc busy */

enum { TIMER_CREATE = 16, TIMER_SET, TIMER_GET, TIMER_OVERRUN, TIMER_DELETE };

static const uint8_t itimer_signal[ITIMERS] = {SIGALRM, 26, 27};

/* RLIMIT_CPU's soft limit, or NEVER. (The hard one is not lower.) As on Linux, 0 is one second. */
static uint64_t cpu_limit_ns(const struct process *p)
{
	uint64_t seconds = p->limit_soft[RLIMIT_CPU] != 0 ? p->limit_soft[RLIMIT_CPU] : 1;
	return seconds < NEVER / NSEC_PER_SEC ? seconds * NSEC_PER_SEC : NEVER;
}

static bool has_any(const struct process *p)
{
	if (cpu_limit_ns(p) != NEVER && !p->is_ending)
		return true;
	for (uint32_t i = 0; i < ITIMERS; i++)
		if (p->itimer[i].expires_ns != 0)
			return true;
	for (uint32_t i = 0; i < TIMERS; i++)
		if (p->timers[i].is_used)
			return true;
	return false;
}

static uint32_t
	armed; /* processes with timers: maybe too many (one was forgotten with its timers), never too few */

static void count_armed(struct process *p)
{
	bool has = has_any(p);
	if (has && !p->has_timers)
		armed++;
	if (!has && p->has_timers)
		armed--;
	p->has_timers = has;
}

void timers_limit_changed(struct process *p)
{
	p->cpu_look_ns = 0; /* now */
	count_armed(p);
}

/* What an interval timer counts: ITIMER_REAL the clock, ITIMER_VIRTUAL user time, ITIMER_PROF all processor time. */
static uint64_t itimer_clock(struct process *p, uint32_t which)
{
	if (which == 0)
		return now_ns();
	struct cpu_time time = process_time(p);
	return which == 1 ? time.user_ns : time.user_ns + time.system_ns;
}

/* When to look at a timer again. */
static uint64_t due_ns(struct process *p, uint32_t which)
{
	const struct timer *t = &p->itimer[which];
	if (t->expires_ns == 0)
		return NEVER;
	if (which == 0)
		return t->expires_ns;
	uint64_t used = itimer_clock(p, which);
	return now_ns() + (used < t->expires_ns ? t->expires_ns - used : 0);
}

uint64_t timers_next_deadline(void)
{
	uint64_t next = NEVER;
	if (armed == 0) /* asked after every request */
		return NEVER;
	for (process_ref i = 1; i <= proc.process_high; i++) {
		struct process *p = process_at(i);
		if (p->state != PROCESS_LIVE || !p->has_timers)
			continue;
		if (cpu_limit_ns(p) != NEVER && p->cpu_look_ns < next)
			next = p->cpu_look_ns;
		for (uint32_t k = 0; k < ITIMERS; k++)
			if (due_ns(p, k) < next)
				next = due_ns(p, k);
		for (uint32_t k = 0; k < TIMERS; k++)
			if (p->timers[k].is_used && p->timers[k].expires_ns != 0 &&
			    p->timers[k].expires_ns < next)
				next = p->timers[k].expires_ns;
	}
	return next;
}

/* Steps an expired timer on; how often it expired beyond once. */
static uint32_t timer_step(struct timer *t, uint64_t now)
{
	if (t->interval_ns == 0) {
		t->expires_ns = 0;
		return 0;
	}
	uint64_t missed = (now - t->expires_ns) / t->interval_ns;
	t->expires_ns += (missed + 1) * t->interval_ns;
	return (uint32_t)(missed < INT32_MAX ? missed : INT32_MAX);
}

static void posix_expire(struct process *p, uint32_t id, uint64_t now)
{
	struct timer *t = &p->timers[id];
	t->overrun = timer_step(t, now);
	if (t->notify == SIGEV_NONE)
		return;
	struct siginfo_head info = {.signo = t->signal, .code = SI_TIMER};
	info.u.timer.id = (int32_t)id;
	info.u.timer.overrun = (int32_t)t->overrun;
	info.u.timer.value = t->value;
	struct thread *target = t->notify == SIGEV_THREAD_ID ? thread_by_tid(t->tid) : NULL;
	(void)signal_send(p, target, t->signal, &info);
}

/*
 * RLIMIT_CPU, as Linux: SIGXCPU at the soft limit, which then is one second more; SIGKILL at the hard one. All threads may run
 * at once, so the next look comes when all of them together could have reached it.
 */
static void cpu_limit_run(struct process *p, uint64_t now)
{
	uint64_t limit = cpu_limit_ns(p);
	if (limit == NEVER || now < p->cpu_look_ns)
		return;
	struct cpu_time time = process_time(p);
	uint64_t used = time.user_ns + time.system_ns;
	uint64_t hard = p->limit_hard[RLIMIT_CPU] != 0 ? p->limit_hard[RLIMIT_CPU] : 1;
	if (hard != NEVER && used / NSEC_PER_SEC >= hard) {
		(void)signal_send_kernel(p, SIGKILL);
		return;
	}
	if (used >= limit) {
		p->limit_soft[RLIMIT_CPU]++;
		limit += NSEC_PER_SEC;
		publish_process(p);
		(void)signal_send_kernel(p, SIGXCPU);
	}
	uint64_t missing = used < limit ? (limit - used) / (p->thread_count + 1) : 0;
	p->cpu_look_ns = now + (missing > CPU_LOOK_MIN_NS ? missing : CPU_LOOK_MIN_NS);
}

static void process_timers_run(struct process *p, uint64_t now)
{
	uint32_t generation = p->generation;
	cpu_limit_run(p, now);
	if (p->state != PROCESS_LIVE || p->generation != generation)
		return;
	for (uint32_t k = 0; k < ITIMERS; k++) {
		uint64_t clock = itimer_clock(p, k);
		if (p->itimer[k].expires_ns == 0 || p->itimer[k].expires_ns > clock)
			continue;
		(void)timer_step(&p->itimer[k], clock);
		(void)signal_send_kernel(p, itimer_signal[k]);
		if (p->state != PROCESS_LIVE || p->generation != generation)
			return;
	}
	for (uint32_t k = 0; k < TIMERS; k++) {
		if (!p->timers[k].is_used || p->timers[k].expires_ns == 0 || p->timers[k].expires_ns > now)
			continue;
		posix_expire(p, k, now);
		if (p->state != PROCESS_LIVE || p->generation != generation)
			return;
	}
	count_armed(p);
}

void timers_run(void)
{
	uint64_t now = now_ns();
	for (process_ref i = 1; i <= proc.process_high; i++)
		if (process_at(i)->state == PROCESS_LIVE && process_at(i)->has_timers)
			process_timers_run(process_at(i), now);
}

void timers_clear(struct process *p)
{
	memset(p->timers, 0, sizeof(p->timers));
	if (p->is_ending)
		memset(p->itimer, 0, sizeof(p->itimer));
	count_armed(p);
}

static uint64_t remaining(uint64_t expires, uint64_t clock)
{
	if (expires == 0)
		return 0;
	return expires > clock ? expires - clock : 1;
}

static uint64_t add(uint64_t a, uint64_t b)
{
	return a > NEVER - b ? NEVER - 1 : a + b;
}

static int itimer(struct process *p, const struct proc_timer_in *in, struct proc_timer_out *out)
{
	struct timer *t = &p->itimer[in->which];
	uint64_t clock = itimer_clock(p, in->which);
	out->value_ns = remaining(t->expires_ns, clock);
	out->interval_ns = t->interval_ns;
	if (!in->set)
		return 0;
	t->expires_ns = in->value_ns != 0 ? add(clock, in->value_ns) : 0;
	t->interval_ns =
		in->interval_ns != 0 && in->interval_ns < MIN_INTERVAL_NS ? MIN_INTERVAL_NS : in->interval_ns;
	count_armed(p);
	return 0;
}

/* struct sigevent of Linux x86_64: value, signo, notify, tid. */
struct sigevent_head {
	uint64_t value;
	int32_t signo, notify;
	int32_t tid;
};

static int timer_create(struct request *rq, struct process *p, const struct proc_timer_in *in,
			struct proc_timer_out *out)
{
	struct sigevent_head event = {.signo = SIGALRM, .notify = SIGEV_SIGNAL};
	uint32_t id = 0;
	while (id < TIMERS && p->timers[id].is_used)
		id++;
	if (id == TIMERS)
		return EAGAIN;
	if (in->clock != CLOCK_REALTIME && in->clock != CLOCK_MONOTONIC && in->clock != CLOCK_BOOTTIME)
		return EINVAL;
	event.value = id;
	if (in->data_len >= sizeof(event))
		memcpy(&event, proc_timer_in_data(rq->page), sizeof(event));
	bool is_known =
		event.notify == SIGEV_SIGNAL || event.notify == SIGEV_NONE || event.notify == SIGEV_THREAD_ID;
	if (!is_known ||
	    (event.notify != SIGEV_NONE && (event.signo < 1 || event.signo > (int32_t)LX_SIGNALS)))
		return EINVAL;
	p->timers[id] = (struct timer){.is_used = true,
				       .signal = (uint8_t)event.signo,
				       .notify = (uint8_t)event.notify,
				       .clock = in->clock,
				       .value = event.value,
				       .tid = (uint32_t)event.tid};
	out->id = id;
	return 0;
}

static int timer_set(struct process *p, struct timer *t, const struct proc_timer_in *in)
{
	uint64_t value = in->value_ns;
	if (in->set == 2 && t->clock == CLOCK_REALTIME && value != 0) {
		uint64_t offset = time_wall_ns() - now_ns();
		value = value > offset ? value - offset : 1;
	} else if (in->set != 2 && value != 0) {
		value = add(now_ns(), value);
	}
	t->expires_ns = value;
	t->interval_ns =
		in->interval_ns != 0 && in->interval_ns < MIN_INTERVAL_NS ? MIN_INTERVAL_NS : in->interval_ns;
	t->overrun = 0;
	count_armed(p);
	return 0;
}

int proc_on_timer(struct request *rq, const struct proc_timer_in *in, struct proc_timer_out *out)
{
	struct process *p = process_by_label(rq->label);
	if (p == NULL)
		return ESRCH;
	if (in->which < ITIMERS)
		return itimer(p, in, out);
	if (in->which == TIMER_CREATE)
		return timer_create(rq, p, in, out);
	if (in->which < TIMER_CREATE || in->which > TIMER_DELETE || in->id >= TIMERS ||
	    !p->timers[in->id].is_used)
		return EINVAL;
	struct timer *t = &p->timers[in->id];
	out->value_ns = remaining(t->expires_ns, now_ns());
	out->interval_ns = t->interval_ns;
	out->overrun = t->overrun;
	if (in->which == TIMER_SET)
		return timer_set(p, t, in);
	if (in->which == TIMER_DELETE)
		memset(t, 0, sizeof(*t));
	return 0;
}
