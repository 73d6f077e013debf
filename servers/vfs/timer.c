/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * eventfd and timerfd. Armed timers form one short list. Expirations are counted when somebody looks and when the service's
 * timer fires; all deadlines are kept on the boot clock (a wall-clock timer is converted when it is set).
 */
#include "timer.h"

#include <poll.h>
#include <string.h>

#include "env.h"

#define NSEC 1000000000ull
#define TIMER_ABSOLUTE 1u

struct inode *timers_armed;

int event_read(struct inode *inode, const struct caller *caller, void *to, uint32_t length, uint32_t *done)
{
	if (length < 8)
		return EINVAL;
	if (inode->event.count == 0) {
		if (caller->wait && wait_add(&inode->waiters, caller->label, POLLIN) != 0)
			return ENOMEM;
		return ST_WOULD_BLOCK;
	}
	uint64_t value = inode->event.is_semaphore ? 1 : inode->event.count;
	inode->event.count -= value;
	memcpy(to, &value, 8);
	*done = 8;
	wait_wake_if(&inode->waiters, POLLOUT);
	return 0;
}

int event_write(struct inode *inode, const struct caller *caller, const void *from, uint32_t length,
		uint32_t *done)
{
	uint64_t value;
	if (length < 8)
		return EINVAL;
	memcpy(&value, from, 8);
	if (value == ~0ull)
		return EINVAL;
	if (value > ~0ull - 1 - inode->event.count) {
		if (caller->wait && wait_add(&inode->waiters, caller->label, POLLOUT) != 0)
			return ENOMEM;
		return ST_WOULD_BLOCK;
	}
	inode->event.count += value;
	*done = 8;
	if (value > 0)
		wait_wake_if(&inode->waiters, POLLIN);
	watch_changed_if(&inode->watches, POLLIN);
	return 0;
}

uint32_t event_poll(const struct inode *inode)
{
	uint32_t events = inode->event.count > 0 ? POLLIN | POLLRDNORM : 0u;
	return events | (inode->event.count < ~0ull - 1 ? POLLOUT | POLLWRNORM : 0u);
}

static void arm(struct inode *inode, uint64_t expires)
{
	timer_disarm(inode);
	inode->timer.expires_ns = expires;
	inode->timer.is_armed = 1;
	inode->timer.next_armed = timers_armed;
	timers_armed = inode;
}

void timer_disarm(struct inode *inode)
{
	if (!inode->timer.is_armed)
		return;
	struct inode **at = &timers_armed;
	while (*at != inode)
		at = &(*at)->timer.next_armed;
	*at = inode->timer.next_armed;
	inode->timer.is_armed = 0;
	inode->timer.expires_ns = 0;
}

/* Counts what has expired by now. */
static void catch_up(struct inode *inode, uint64_t now)
{
	struct timer_state *timer = &inode->timer;
	bool was_ready = timer->expirations > 0;
	if (!timer->is_armed || timer->expires_ns > now)
		return;
	if (timer->interval_ns == 0) {
		timer->expirations++;
		timer_disarm(inode);
	} else {
		uint64_t periods = (now - timer->expires_ns) / timer->interval_ns + 1;
		timer->expirations += periods;
		timer->expires_ns += periods * timer->interval_ns;
	}
	/* Linux starts an interval again when it is read: one change until then. */
	if (!was_ready)
		watch_changed_if(&inode->watches, POLLIN);
}

static bool spec_is_valid(int64_t sec, int64_t nsec)
{
	return sec >= 0 && nsec >= 0 && nsec < (int64_t)NSEC;
}

static uint64_t spec_ns(int64_t sec, int64_t nsec)
{
	uint64_t limit = ~0ull / NSEC / 4;
	return ((uint64_t)sec > limit ? limit : (uint64_t)sec) * NSEC + (uint64_t)nsec;
}

static void split(uint64_t ns, int64_t *sec, int64_t *nsec)
{
	*sec = (int64_t)(ns / NSEC);
	*nsec = (int64_t)(ns % NSEC);
}

void timer_get(struct inode *inode, struct timer_spec *out)
{
	uint64_t now = env_now_ns();
	catch_up(inode, now);
	uint64_t left = inode->timer.is_armed ? inode->timer.expires_ns - now : 0;
	split(left, &out->value_sec, &out->value_nsec);
	split(inode->timer.interval_ns, &out->interval_sec, &out->interval_nsec);
}

int timer_set(struct inode *inode, uint32_t flags, const struct timer_spec *spec, struct timer_spec *old)
{
	if (!spec_is_valid(spec->value_sec, spec->value_nsec) ||
	    !spec_is_valid(spec->interval_sec, spec->interval_nsec))
		return EINVAL;
	if (flags & ~3u) /* TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET */
		return EINVAL;
	timer_get(inode, old);
	timer_disarm(inode);
	inode->timer.expirations = 0;
	watch_changed_if(&inode->watches, 0);
	inode->timer.interval_ns = spec_ns(spec->interval_sec, spec->interval_nsec);
	uint64_t value = spec_ns(spec->value_sec, spec->value_nsec);
	if (value == 0)
		return 0;
	uint64_t now = env_now_ns();
	if (!(flags & TIMER_ABSOLUTE)) {
		arm(inode, now + value);
		return 0;
	}
	if (inode->timer.clock == 0) { /* CLOCK_REALTIME */
		uint64_t wall = env_wall_ns();
		value = value > wall ? now + (value - wall) : now;
	}
	arm(inode, value == 0 ? 1 : value);
	return 0;
}

int timer_read(struct inode *inode, const struct caller *caller, void *to, uint32_t length, uint32_t *done)
{
	if (length < 8)
		return EINVAL;
	catch_up(inode, env_now_ns());
	if (inode->timer.expirations == 0) {
		if (caller->wait && wait_add(&inode->waiters, caller->label, POLLIN) != 0)
			return ENOMEM;
		return ST_WOULD_BLOCK;
	}
	memcpy(to, &inode->timer.expirations, 8);
	inode->timer.expirations = 0;
	*done = 8;
	return 0;
}

uint32_t timer_poll(struct inode *inode)
{
	catch_up(inode, env_now_ns());
	return inode->timer.expirations > 0 ? POLLIN | POLLRDNORM : 0u;
}

uint64_t timers_next(void)
{
	uint64_t next = ~0ull;
	for (const struct inode *inode = timers_armed; inode; inode = inode->timer.next_armed)
		if ((inode->waiters || inode->watches) && inode->timer.expires_ns < next)
			next = inode->timer.expires_ns;
	return next;
}

void timers_run(uint64_t now_ns)
{
	struct inode *next;
	for (struct inode *inode = timers_armed; inode; inode = next) {
		next = inode->timer.next_armed;
		catch_up(inode, now_ns);
		if (inode->timer.expirations > 0)
			wait_wake_if(&inode->waiters, POLLIN);
	}
}
