/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * poll, select and their kin. One pass looks at every file (core/readiness.c); the first pass that finds nothing ready has seen to
 * it that changes wake us, so the sleep that follows ends at the first change, and the pass is repeated.
 */
#include "lx/epoll.h"
#include "lx/files.h"
#include "lx/readiness.h"
#include "lx/signal.h"
#include "sys.h"
#include "lx/when.h"

#define POLL_ALWAYS (POLLERR | POLLHUP | POLLNVAL)
#define POLL_COUNT_MAX 1024u

static int16_t poll_file(struct lx_thread *self, int32_t fd, int16_t events, bool is_waiting)
{
	cap_t file = lx_fd_cap(&self->process->files, fd);
	if (!file)
		return POLLNVAL;
	int32_t set = self->process->files.epolls == 0
			      ? -1
			      : lx_epoll_readiness(self, fd, (uint32_t)events, is_waiting);
	return set >= 0 ? (int16_t)set : lx_fd_ready(self, fd, file, (uint16_t)events, is_waiting);
}

static long poll_pass(struct lx_thread *self, struct lx_pollfd *fds, uint32_t count, bool is_waiting)
{
	long ready = 0;
	for (uint32_t i = 0; i < count; i++) {
		fds[i].revents = 0;
		if (fds[i].fd < 0)
			continue;
		fds[i].revents = poll_file(self, fds[i].fd, fds[i].events, is_waiting && ready == 0);
		ready += fds[i].revents != 0;
	}
	return ready;
}

long lx_poll(struct lx_thread *self, struct lx_pollfd *fds, uint32_t count, uint64_t deadline)
{
	lx_settle(self);
	for (;;) {
		long ready = poll_pass(self, fds, count, deadline != DEADLINE_POLL);
		if (ready || deadline == DEADLINE_POLL)
			return ready;
		long error = lx_wait(self, deadline);
		if (error == -ETIMEDOUT)
			return poll_pass(self, fds, count, false);
		if (error)
			return error == -ERESTARTSYS ? -EINTR : error;
	}
}

/* ---------------------------------------------------------------- deadlines */

long lx_deadline_relative(uint64_t user, uint64_t *deadline)
{
	struct __kernel_timespec t;
	*deadline = DEADLINE_NEVER;
	if (user == 0)
		return 0;
	if (lx_get(&t, user, sizeof(t)))
		return -EFAULT;
	if (!lx_timespec_ok(&t))
		return -EINVAL;
	uint64_t ns = lx_timespec_ns(&t);
	*deadline = ns ? lx_deadline_after(ns) : DEADLINE_POLL;
	return 0;
}

uint64_t lx_deadline_absolute(const struct __kernel_timespec *t, bool is_realtime)
{
	uint64_t ns = lx_timespec_ns(t);
	uint64_t offset = is_realtime ? lx_wall_offset() : 0;
	return ns > offset ? ns - offset : 1;
}

/* ppoll and pselect6 show what is left. */
static void put_rest(uint64_t user, uint64_t deadline)
{
	if (!user || deadline == DEADLINE_NEVER)
		return;
	uint64_t now = lx_now();
	struct __kernel_timespec rest = lx_timespec(deadline > now ? deadline - now : 0);
	(void)!lx_put(user, &rest, sizeof(rest));
}

/* ---------------------------------------------------------------- masks for the time of a wait */

long lx_enter_mask(struct lx_thread *self, uint64_t user, uint64_t bytes)
{
	uint64_t mask;
	if (!user)
		return 0;
	if (bytes != sizeof(mask))
		return -EINVAL;
	if (lx_get(&mask, user, sizeof(mask)))
		return -EFAULT;
	self->saved_mask = lx_mask(self);
	self->restore_mask = true;
	lx_set_mask(self, mask);
	return 0;
}

/* Without a signal the old mask is back at once; with one, its handler sees it in the frame. */
long lx_leave_mask(struct lx_thread *self, long result)
{
	if (!self->restore_mask)
		return result;
	if (result != -EINTR) {
		self->restore_mask = false;
		lx_set_mask(self, self->saved_mask);
		return result;
	}
	return -ERESTARTNOHAND;
}

/* ---------------------------------------------------------------- poll */

static long poll_user(struct lx_thread *self, uint64_t user, uint32_t count, uint64_t deadline)
{
	struct lx_pollfd few[16];
	struct lx_pollfd *fds = few;
	uint64_t bytes = count * sizeof(*fds);
	if (count > LX_FD_MAX || count > self->identity->limit_nofile)
		return -EINVAL;
	if (count > ARRAY_SIZE(few))
		fds = lx_alloc(bytes);
	if (!fds)
		return -ENOMEM;
	long result = lx_get(fds, user, bytes);
	if (!result)
		result = lx_poll(self, fds, count, deadline);
	if (result >= 0) {
		for (uint32_t i = 0; i < count; i++) {
			if (lx_put(user + i * sizeof(*fds) + 6, &fds[i].revents, 2))
				result = -EFAULT;
		}
	}
	if (fds != few)
		lx_free(fds, bytes);
	return result;
}

static long poll_again(struct lx_thread *self)
{
	long result = poll_user(self, self->restart_data[0], (uint32_t)self->restart_data[1],
				self->restart_data[2]);
	return result == -EINTR ? -ERESTART_RESTARTBLOCK : result;
}

long sys_poll(uint64_t user, uint32_t count, int32_t timeout_ms)
{
	struct lx_thread *self = lx_self();
	uint64_t deadline = timeout_ms < 0    ? DEADLINE_NEVER
			    : timeout_ms == 0 ? DEADLINE_POLL
					      : lx_deadline_after((uint64_t)timeout_ms * 1000000u);
	long result = poll_user(self, user, count, deadline);
	if (result != -EINTR)
		return result;
	self->restart = poll_again;
	self->restart_data[0] = user;
	self->restart_data[1] = count;
	self->restart_data[2] = deadline;
	return -ERESTART_RESTARTBLOCK;
}

long sys_ppoll(uint64_t user, uint32_t count, uint64_t timeout, uint64_t mask, uint64_t mask_bytes)
{
	struct lx_thread *self = lx_self();
	uint64_t deadline;
	long error = lx_deadline_relative(timeout, &deadline);
	if (!error)
		error = lx_enter_mask(self, mask, mask_bytes);
	if (error)
		return error;
	long result = poll_user(self, user, count, deadline);
	put_rest(timeout, deadline);
	if (result == -EINTR && !self->restore_mask)
		return -ERESTARTNOHAND;
	return lx_leave_mask(self, result);
}

/* ---------------------------------------------------------------- select */

#define SET_BYTES(n) (((n) + 63u) / 64u * 8u)
#define SELECT_IN (POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR)
#define SELECT_OUT (POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR)
#define SELECT_EXCEPT (POLLPRI)

struct select_sets {
	uint64_t words[3][LX_FD_MAX / 64];
};

static bool set_has(const uint64_t *set, uint32_t fd)
{
	return set[fd / 64] & (1ull << (fd % 64));
}

static uint32_t sets_to_poll(const struct select_sets *sets, uint32_t n, struct lx_pollfd *fds)
{
	uint32_t count = 0;
	for (uint32_t fd = 0; fd < n; fd++) {
		int events = (set_has(sets->words[0], fd) ? POLLIN | POLLRDNORM : 0) |
			     (set_has(sets->words[1], fd) ? POLLOUT | POLLWRNORM : 0) |
			     (set_has(sets->words[2], fd) ? POLLPRI : 0);
		if (events)
			fds[count++] = (struct lx_pollfd){.fd = (int32_t)fd, .events = (int16_t)events};
	}
	return count;
}

/* The sets as select answers them; how many bits are set, or -EBADF. */
static long poll_to_sets(const struct lx_pollfd *fds, uint32_t count, struct select_sets *sets)
{
	static const int masks[3] = {SELECT_IN, SELECT_OUT, SELECT_EXCEPT};
	struct select_sets asked = *sets;
	long bits = 0;
	memset(sets, 0, sizeof(*sets));
	for (uint32_t i = 0; i < count; i++) {
		uint32_t fd = (uint32_t)fds[i].fd;
		if (fds[i].revents & POLLNVAL)
			return -EBADF;
		for (uint32_t kind = 0; kind < 3; kind++) {
			if (!(fds[i].revents & masks[kind]) || !set_has(asked.words[kind], fd))
				continue;
			sets->words[kind][fd / 64] |= 1ull << (fd % 64);
			bits++;
		}
	}
	return bits;
}

static long get_sets(struct select_sets *sets, uint32_t n, const uint64_t user[3])
{
	memset(sets, 0, sizeof(*sets));
	for (uint32_t kind = 0; kind < 3; kind++) {
		if (user[kind] && lx_get(sets->words[kind], user[kind], SET_BYTES(n)))
			return -EFAULT;
	}
	return 0;
}

static long put_sets(const struct select_sets *sets, uint32_t n, const uint64_t user[3])
{
	for (uint32_t kind = 0; kind < 3; kind++) {
		if (user[kind] && lx_put(user[kind], sets->words[kind], SET_BYTES(n)))
			return -EFAULT;
	}
	return 0;
}

static long select_until(struct lx_thread *self, int32_t n, const uint64_t user[3], uint64_t deadline)
{
	struct select_sets sets;
	if (n < 0)
		return -EINVAL;
	uint32_t limit = (uint32_t)lx_min((uint64_t)n, LX_FD_MAX);
	if (get_sets(&sets, limit, user))
		return -EFAULT;
	struct lx_pollfd *fds = lx_alloc(limit * sizeof(*fds) + 8);
	if (!fds)
		return -ENOMEM;
	uint32_t count = sets_to_poll(&sets, limit, fds);
	long result = lx_poll(self, fds, count, deadline);
	if (result >= 0)
		result = poll_to_sets(fds, count, &sets);
	lx_free(fds, limit * sizeof(*fds) + 8);
	if (result >= 0 && put_sets(&sets, limit, user))
		return -EFAULT;
	return result;
}

long sys_select(int32_t n, uint64_t in, uint64_t out, uint64_t except, uint64_t timeout)
{
	struct lx_thread *self = lx_self();
	const uint64_t user[3] = {in, out, except};
	uint64_t deadline = DEADLINE_NEVER;
	int64_t tv[2];
	if (timeout) {
		if (lx_get(tv, timeout, sizeof(tv)))
			return -EFAULT;
		if (tv[0] < 0 || tv[1] < 0)
			return -EINVAL;
		struct __kernel_timespec t = {.tv_sec = tv[0] + tv[1] / 1000000,
					      .tv_nsec = tv[1] % 1000000 * 1000};
		deadline = tv[0] || tv[1] ? lx_deadline_after(lx_timespec_ns(&t)) : DEADLINE_POLL;
	}
	long result = select_until(self, n, user, deadline);
	if (timeout && deadline != DEADLINE_POLL) {
		uint64_t now = lx_now();
		uint64_t rest = deadline > now ? deadline - now : 0;
		tv[0] = (int64_t)(rest / (uint64_t)NS_PER_SEC);
		tv[1] = (int64_t)(rest % (uint64_t)NS_PER_SEC / 1000);
		(void)!lx_put(timeout, tv, sizeof(tv));
	}
	return result == -EINTR ? -ERESTARTNOHAND : result;
}

long sys_pselect6(int32_t n, uint64_t in, uint64_t out, uint64_t except, uint64_t timeout, uint64_t user_mask)
{
	struct lx_thread *self = lx_self();
	const uint64_t user[3] = {in, out, except};
	uint64_t deadline, mask[2] = {0, 0};
	long error = lx_deadline_relative(timeout, &deadline);
	if (!error && user_mask)
		error = lx_get(mask, user_mask, sizeof(mask));
	if (!error)
		error = lx_enter_mask(self, mask[0], mask[1]);
	if (error)
		return error;
	long result = select_until(self, n, user, deadline);
	put_rest(timeout, deadline);
	if (result == -EINTR && !self->restore_mask)
		return -ERESTARTNOHAND;
	return lx_leave_mask(self, result);
}
