/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Clocks (from the clock page), sleeping (on the thread's Notification), timers (through proc). */
#include <linux/times.h>
#include <tessera/proto/proc.h>

#include "sys.h"
#include "lx/when.h"

#define TICKS_PER_SEC 100
#define TIMER_CREATE 16u
#define TIMER_SET 17u
#define TIMER_GET 18u
#define TIMER_OVERRUN 19u
#define TIMER_DELETE 20u

/* ---------------------------------------------------------------- processor time */

static long usage_of(int32_t who, struct rusage *usage)
{
	struct msg_page *page = lx_self()->page;
	struct proc_usage_in in = {.who = who};
	struct proc_usage_out out = {0};
	long error = lx_result(proc_usage(LX_CAP_PROC, page, &in, &out));
	memset(usage, 0, sizeof(*usage));
	if (!error)
		memcpy(usage, proc_usage_out_data(page), lx_min(out.data_len, sizeof(*usage)));
	return error;
}

static uint64_t timeval_ns(const struct __kernel_old_timeval *t)
{
	return (uint64_t)t->tv_sec * (uint64_t)NS_PER_SEC + (uint64_t)t->tv_usec * 1000u;
}

long sys_getrusage(int32_t who, uint64_t buffer)
{
	struct rusage usage;
	if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD)
		return -EINVAL;
	long error = usage_of(who, &usage);
	return error ? error : lx_put(buffer, &usage, sizeof(usage));
}

long sys_times(uint64_t buffer)
{
	struct rusage own, children;
	if (buffer) {
		long error = usage_of(RUSAGE_SELF, &own);
		if (!error)
			error = usage_of(RUSAGE_CHILDREN, &children);
		if (error)
			return error;
		const uint64_t tick = (uint64_t)NS_PER_SEC / TICKS_PER_SEC;
		struct tms t = {.tms_utime = (long)(timeval_ns(&own.ru_utime) / tick),
				.tms_stime = (long)(timeval_ns(&own.ru_stime) / tick),
				.tms_cutime = (long)(timeval_ns(&children.ru_utime) / tick),
				.tms_cstime = (long)(timeval_ns(&children.ru_stime) / tick)};
		if (lx_put(buffer, &t, sizeof(t)))
			return -EFAULT;
	}
	return (long)(lx_now() / ((uint64_t)NS_PER_SEC / TICKS_PER_SEC));
}

/* ---------------------------------------------------------------- clocks */

static long clock_ns(uint32_t clock, uint64_t *ns)
{
	struct rusage usage;
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI: *ns = lx_now() + lx_wall_offset(); return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME: *ns = lx_now(); return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
	case CLOCK_THREAD_CPUTIME_ID: {
		long error = usage_of(clock == CLOCK_THREAD_CPUTIME_ID ? RUSAGE_THREAD : RUSAGE_SELF, &usage);
		*ns = timeval_ns(&usage.ru_utime) + timeval_ns(&usage.ru_stime);
		return error;
	}
	default: return -EINVAL;
	}
}

long sys_clock_gettime(uint32_t clock, uint64_t buffer)
{
	uint64_t ns;
	long error = clock_ns(clock, &ns);
	if (error)
		return error;
	struct __kernel_timespec t = lx_timespec(ns);
	return lx_put(buffer, &t, sizeof(t));
}

long sys_clock_getres(uint32_t clock, uint64_t buffer)
{
	struct __kernel_timespec t = {.tv_nsec = 1};
	if (clock > CLOCK_BOOTTIME && clock != CLOCK_TAI)
		return -EINVAL;
	return buffer ? lx_put(buffer, &t, sizeof(t)) : 0;
}

long sys_clock_settime(uint32_t clock, uint64_t buffer)
{
	int64_t time[2];
	if (clock != CLOCK_REALTIME)
		return -EINVAL;
	if (lx_get(time, buffer, sizeof(time)))
		return -EFAULT;
	if (time[0] < 0 || time[1] < 0 || time[1] >= NS_PER_SEC)
		return -EINVAL;
	return -EPERM; /* only root (the service) holds the Clock */
}

long sys_gettimeofday(uint64_t buffer, uint64_t zone)
{
	uint64_t ns = lx_now() + lx_wall_offset();
	const int64_t tv[2] = {(int64_t)(ns / (uint64_t)NS_PER_SEC),
			       (int64_t)(ns % (uint64_t)NS_PER_SEC / 1000)};
	const int32_t tz[2] = {0, 0};
	if (buffer && lx_put(buffer, tv, sizeof(tv)))
		return -EFAULT;
	return zone ? lx_put(zone, tz, sizeof(tz)) : 0;
}

long sys_settimeofday(uint64_t buffer, uint64_t zone)
{
	int64_t time[2];
	int32_t unused[2];
	if (buffer && lx_get(time, buffer, sizeof(time)))
		return -EFAULT;
	if (buffer && (time[0] < 0 || time[1] < 0 || time[1] > 1000000))
		return -EINVAL;
	if (zone && lx_get(unused, zone, sizeof(unused)))
		return -EFAULT;
	return buffer || lx_self()->identity->euid != 0 ? -EPERM : 0;
}

long sys_time(uint64_t buffer)
{
	int64_t seconds = (int64_t)((lx_now() + lx_wall_offset()) / (uint64_t)NS_PER_SEC);
	if (buffer && lx_put(buffer, &seconds, sizeof(seconds)))
		return -EFAULT;
	return seconds;
}

/* ---------------------------------------------------------------- sleeping */

static long sleep_until(struct lx_thread *self, uint64_t deadline)
{
	for (;;) {
		long error = lx_wait(self, deadline);
		if (error)
			return error == -ETIMEDOUT ? 0 : error;
	}
}

static long sleep_relative(struct lx_thread *self, uint64_t deadline, uint64_t user_rest);

static long sleep_again(struct lx_thread *self)
{
	return sleep_relative(self, self->restart_data[0], self->restart_data[1]);
}

static long sleep_relative(struct lx_thread *self, uint64_t deadline, uint64_t user_rest)
{
	long error = sleep_until(self, deadline);
	if (error != -ERESTARTSYS)
		return error;
	uint64_t now = lx_now();
	struct __kernel_timespec rest = lx_timespec(deadline > now ? deadline - now : 0);
	if (user_rest && lx_put(user_rest, &rest, sizeof(rest)))
		return -EFAULT;
	self->restart = sleep_again;
	self->restart_data[0] = deadline;
	self->restart_data[1] = user_rest;
	return -ERESTART_RESTARTBLOCK;
}

long sys_clock_nanosleep(uint32_t clock, uint32_t flags, uint64_t user, uint64_t user_rest)
{
	struct lx_thread *self = lx_self();
	struct __kernel_timespec t;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME &&
	    clock != CLOCK_TAI)
		return clock == CLOCK_PROCESS_CPUTIME_ID ? -EOPNOTSUPP : -EINVAL;
	if (lx_get(&t, user, sizeof(t)))
		return -EFAULT;
	if (!lx_timespec_ok(&t))
		return -EINVAL;
	if (!(flags & 1u /* TIMER_ABSTIME */))
		return sleep_relative(self, lx_deadline_after(lx_timespec_ns(&t)), user_rest);
	bool is_realtime = clock == CLOCK_REALTIME || clock == CLOCK_TAI;
	long error = sleep_until(self, lx_deadline_absolute(&t, is_realtime));
	return error == -ERESTARTSYS ? -ERESTARTNOHAND : error;
}

long sys_nanosleep(uint64_t user, uint64_t user_rest)
{
	return sys_clock_nanosleep(CLOCK_MONOTONIC, 0, user, user_rest);
}

long sys_restart_syscall(void)
{
	struct lx_thread *self = lx_self();
	long (*restart)(struct lx_thread *) = self->restart;
	return restart ? restart(self) : -EINTR;
}

/* ---------------------------------------------------------------- interval timers */

struct interval {
	int64_t interval_sec, interval_usec, value_sec, value_usec;
};

static long timer_call(struct proc_timer_in *in, struct proc_timer_out *out)
{
	return lx_result(proc_timer(LX_CAP_PROC, lx_self()->page, in, out));
}

static bool microseconds_ok(int64_t sec, int64_t usec)
{
	return sec >= 0 && usec >= 0 && usec < 1000000;
}

static struct interval interval_of(const struct proc_timer_out *out)
{
	const uint64_t second = (uint64_t)NS_PER_SEC;
	uint64_t value = out->value_ns ? out->value_ns + 999 : 0;
	return (struct interval){.interval_sec = (int64_t)(out->interval_ns / second),
				 .interval_usec = (int64_t)(out->interval_ns % second / 1000),
				 .value_sec = (int64_t)(value / second),
				 .value_usec = (int64_t)(value % second / 1000)};
}

long sys_setitimer(uint32_t which, uint64_t user_new, uint64_t user_old)
{
	struct interval wanted = {0};
	if (which > 2)
		return -EINVAL;
	if (user_new && lx_get(&wanted, user_new, sizeof(wanted)))
		return -EFAULT;
	if (!microseconds_ok(wanted.interval_sec, wanted.interval_usec) ||
	    !microseconds_ok(wanted.value_sec, wanted.value_usec))
		return -EINVAL;
	struct proc_timer_in in = {.which = which,
				   .set = 1,
				   .value_ns = (uint64_t)wanted.value_sec * (uint64_t)NS_PER_SEC +
					       (uint64_t)wanted.value_usec * 1000u,
				   .interval_ns = (uint64_t)wanted.interval_sec * (uint64_t)NS_PER_SEC +
						  (uint64_t)wanted.interval_usec * 1000u};
	if (which == ITIMER_REAL && in.value_ns == 0)
		in.interval_ns = 0; /* those of processor time keep it */
	struct proc_timer_out out = {0};
	long error = timer_call(&in, &out);
	if (error || !user_old)
		return error;
	struct interval old = interval_of(&out);
	return lx_put(user_old, &old, sizeof(old));
}

long sys_getitimer(uint32_t which, uint64_t user)
{
	struct proc_timer_in in = {.which = which};
	struct proc_timer_out out = {0};
	if (which > 2)
		return -EINVAL;
	long error = timer_call(&in, &out);
	struct interval now = interval_of(&out);
	return error ? error : lx_put(user, &now, sizeof(now));
}

long sys_alarm(uint32_t seconds)
{
	struct proc_timer_in in = {.which = 0, .set = 1, .value_ns = seconds * (uint64_t)NS_PER_SEC};
	struct proc_timer_out out = {0};
	long error = timer_call(&in, &out);
	if (error)
		return error;
	uint64_t rest = out.value_ns / (uint64_t)NS_PER_SEC;
	bool rounds_up = out.value_ns % (uint64_t)NS_PER_SEC >= (uint64_t)NS_PER_SEC / 2 ||
			 (rest == 0 && out.value_ns);
	return (long)(rest + rounds_up);
}

/* ---------------------------------------------------------------- POSIX timers */

#define SIGEVENT_BYTES 64u

long sys_timer_create(uint32_t clock, uint64_t user_event, uint64_t user_id)
{
	struct lx_thread *self = lx_self();
	struct proc_timer_in in = {.which = TIMER_CREATE, .clock = clock};
	struct proc_timer_out out = {0};
	if (user_event) {
		if (lx_get(proc_timer_in_data(self->page), user_event, SIGEVENT_BYTES))
			return -EFAULT;
		in.data_len = SIGEVENT_BYTES;
	}
	long error = timer_call(&in, &out);
	return error ? error : lx_put(user_id, &out.id, sizeof(out.id));
}

static long put_itimerspec(uint64_t user, const struct proc_timer_out *out)
{
	const struct __kernel_timespec both[2] = {lx_timespec(out->interval_ns), lx_timespec(out->value_ns)};
	return user ? lx_put(user, both, sizeof(both)) : 0;
}

long sys_timer_settime(uint32_t id, uint32_t flags, uint64_t user_new, uint64_t user_old)
{
	struct __kernel_timespec both[2];
	if (!user_new)
		return -EINVAL;
	if (lx_get(both, user_new, sizeof(both)))
		return -EFAULT;
	if (!lx_timespec_ok(&both[0]) || !lx_timespec_ok(&both[1]))
		return -EINVAL;
	struct proc_timer_in in = {.which = TIMER_SET,
				   .set = flags & 1u ? 2 : 1,
				   .id = id,
				   .interval_ns = lx_timespec_ns(&both[0]),
				   .value_ns = lx_timespec_ns(&both[1])};
	struct proc_timer_out out = {0};
	long error = timer_call(&in, &out);
	return error ? error : put_itimerspec(user_old, &out);
}

long sys_timer_gettime(uint32_t id, uint64_t user)
{
	struct proc_timer_in in = {.which = TIMER_GET, .id = id};
	struct proc_timer_out out = {0};
	long error = timer_call(&in, &out);
	return error ? error : put_itimerspec(user, &out);
}

long sys_timer_getoverrun(uint32_t id)
{
	struct proc_timer_in in = {.which = TIMER_OVERRUN, .id = id};
	struct proc_timer_out out = {0};
	long error = timer_call(&in, &out);
	return error ? error : (long)out.overrun;
}

long sys_timer_delete(uint32_t id)
{
	struct proc_timer_in in = {.which = TIMER_DELETE, .id = id};
	struct proc_timer_out out = {0};
	return timer_call(&in, &out);
}
