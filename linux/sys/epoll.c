/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * epoll. A set belongs to the process (a fork's child has a copy of it); an entry is armed when it is added and stays so until its
 * open file description is gone, whichever descriptors are closed before: as on Linux. One pass reads the words of all entries.
 *
 * Level triggered: an entry is reported while it is ready. EPOLLET: when the count of changes is another than when it was
 * reported last. What cannot be armed (the server has no readiness pages, or a user has too many) is asked.
 * Sets change under files.lock.
 */
#include <linux/eventpoll.h>
#include <tessera/readiness.h>

#include "lx/epoll.h"
#include "lx/files.h"
#include "lx/readiness.h"
#include "lx/signal.h"
#include "lx/when.h"
#include "sys.h"

#define EPOLL_ENTRIES 128u
#define EPOLL_DEPTH 5u /* sets in sets, as on Linux */
#define EPOLL_EVENTS 0xffffu
#define EXCLUSIVE_MAY (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

struct epoll_entry {
	int32_t fd; /* -1: closed, the description lives on elsewhere */
	uint32_t events;
	uint64_t data;
	uint64_t seen;	   /* EPOLLET: count of changes when it was reported last */
	uint64_t count;	   /* of the current pass */
	uint32_t reported; /* EPOLLET, not armed: readiness that was reported and has not ceased since */
	uint16_t cookie;
	bool is_disabled; /* EPOLLONESHOT has fired */
	bool is_fresh;	  /* added or changed: readiness counts as a change */
	bool is_set;	  /* another set */
	uint32_t
		turn; /* place in the list of ready ones: when it became ready or was reported last; 0: not ready */
	uint32_t ready; /* events of the current pass */
};

struct lx_epoll {
	int32_t fd; /* its descriptor */
	uint32_t count, last_turn;
	struct epoll_entry entry[EPOLL_ENTRIES];
};

/* What an entry is ready for, and how often that changed. */
struct state {
	uint32_t events;
	uint64_t count;
	bool is_counted; /* count means something */
};

static struct lx_epoll *epoll_find(struct lx_files *files, int32_t fd)
{
	for (uint32_t i = 0; i < files->epolls; i++) {
		if (files->epoll[i] && files->epoll[i]->fd == fd)
			return files->epoll[i];
	}
	return NULL;
}

static struct epoll_entry *entry_find(struct lx_epoll *set, int32_t fd)
{
	for (uint32_t i = 0; i < set->count; i++) {
		if (set->entry[i].fd == fd)
			return &set->entry[i];
	}
	return NULL;
}

static void entry_remove(struct lx_thread *self, struct lx_epoll *set, struct epoll_entry *entry)
{
	lx_watch_forget(self, entry->fd < 0 ? 0 : lx_fd_own(entry->fd), entry->cookie);
	*entry = set->entry[--set->count];
}

void lx_epoll_forget(struct lx_files *files, int32_t fd)
{
	struct lx_thread *self = lx_self();
	lx_readiness_close(self, fd);
	for (uint32_t i = 0; i < files->epolls; i++) {
		struct lx_epoll *set = files->epoll[i];
		if (!set)
			continue;
		if (set->fd == fd) {
			files->epoll[i] = NULL;
			if (self->process->is_vfork_child)
				continue; /* the set is the parent's */
			while (set->count > 0)
				entry_remove(self, set, &set->entry[0]);
			lx_free(set, sizeof(*set));
			continue;
		}
		struct epoll_entry *entry = self->process->is_vfork_child ? NULL : entry_find(set, fd);
		if (entry && entry->cookie == LX_COOKIE_NONE)
			entry_remove(self, set, entry);
		else if (entry)
			entry->fd = -1;
	}
}

void lx_epoll_after_fork(struct lx_files *files)
{
	for (uint32_t i = 0; i < files->epolls; i++) {
		struct lx_epoll *set = files->epoll[i];
		for (uint32_t n = 0; set && n < set->count; n++) {
			set->entry[n].cookie = LX_COOKIE_NONE;
			set->entry[n].is_fresh = true;
			if (set->entry[n].fd < 0)
				set->entry[n--] = set->entry[--set->count];
		}
	}
}

/* ---------------------------------------------------------------- looking */

static struct state set_state(struct lx_thread *self, struct lx_epoll *set, bool is_waiting, uint32_t depth);

static uint32_t interest(const struct epoll_entry *entry)
{
	return (entry->events & EPOLL_EVENTS) | EPOLLERR | EPOLLHUP;
}

/* Arms an entry, or adds the calling thread to those its changes wake. LX_WATCH_* or a negative errno. */
static long entry_arm(struct lx_thread *self, struct epoll_entry *entry)
{
	uint32_t revents;
	return lx_watch(self, lx_fd_own(entry->fd), &entry->cookie, entry->events & EPOLL_EVENTS,
			entry->events & EPOLLET ? WATCH_EDGE : 0, &revents);
}

static inline struct state word_state(uint16_t cookie)
{
	uint64_t word = lx_watch_word(cookie);
	return (struct state){
		.events = word & READINESS_EVENTS, .count = READINESS_COUNT(word), .is_counted = true};
}

/* A set, or what is to be armed or asked. */
static struct state entry_state_slow(struct lx_thread *self, struct epoll_entry *entry, bool is_waiting,
				     uint32_t depth)
{
	struct lx_epoll *inner = entry->is_set ? epoll_find(&self->process->files, entry->fd) : NULL;
	if (entry->is_set)
		return inner && depth < EPOLL_DEPTH ? set_state(self, inner, is_waiting, depth + 1)
						    : (struct state){.is_counted = true};
	bool is_armed = entry->cookie != LX_COOKIE_NONE && !self->process->is_vfork_child;
	if (entry->fd >= 0)
		is_armed = entry_arm(self, entry) == 0;
	if (is_armed)
		return word_state(entry->cookie);
	uint32_t edges = 0;
	uint16_t events = (uint16_t)lx_fd_ask_edges(self, lx_fd_own(entry->fd), (uint16_t)interest(entry),
						    is_waiting, &edges);
	return (struct state){.events = events, .count = edges, .is_counted = edges != 0};
}

static inline struct state entry_state(struct lx_thread *self, struct epoll_entry *entry, bool is_waiting,
				       uint32_t depth)
{
	bool is_armed = entry->cookie != LX_COOKIE_NONE && !self->process->is_vfork_child;
	if (is_armed && (!is_waiting || lx_watch_wakes(self, entry->cookie)))
		return word_state(entry->cookie);
	return entry_state_slow(self, entry, is_waiting, depth);
}

/* Events of an entry that are to be reported now. */
static uint32_t entry_pending(struct epoll_entry *entry, const struct state *state)
{
	uint32_t now = state->events & interest(entry);
	if (!(entry->events & EPOLLET))
		return now;
	if (!state->is_counted) { /* input may have been renewed unseen: only output is judged by edges */
		uint32_t fresh = now & (~entry->reported | EPOLLIN | EPOLLRDNORM);
		entry->reported = now;
		return fresh ? now : 0;
	}
	if (!entry->is_fresh && state->count == entry->seen)
		return 0;
	if (now == 0) { /* it came and went */
		entry->seen = state->count;
		entry->is_fresh = false;
	}
	return now;
}

/* Readiness of a set as a descriptor; its changes are those of its entries. */
static struct state set_state(struct lx_thread *self, struct lx_epoll *set, bool is_waiting, uint32_t depth)
{
	struct state all = {.is_counted = true};
	for (uint32_t i = 0; i < set->count; i++) {
		struct epoll_entry *entry = &set->entry[i];
		if (entry->is_disabled)
			continue;
		struct state state = entry_state(self, entry, is_waiting, depth);
		all.count += state.count;
		if (!(state.events & READINESS_CLOSED) && entry_pending(entry, &state))
			all.events = EPOLLIN | EPOLLRDNORM;
	}
	return all;
}

/* The common entry: armed, judged by level, and nothing to report. */
static inline bool is_quiet(const struct lx_thread *self, const struct epoll_entry *entry, bool is_waiting)
{
	return entry->cookie != LX_COOKIE_NONE && !(entry->events & EPOLLET) &&
	       (!is_waiting || lx_watch_wakes(self, entry->cookie)) &&
	       !(lx_watch_word(entry->cookie) & (interest(entry) | READINESS_CLOSED));
}

/* Looks at all files of the set; how many entries have something to report, and the one whose turn is first. */
static uint32_t epoll_look(struct lx_thread *self, struct lx_epoll *set, bool is_waiting,
			   struct epoll_entry **first)
{
	bool is_ours = !self->process->is_vfork_child;
	uint32_t ready = 0;
	*first = NULL;
	for (uint32_t i = 0; i < set->count; i++) {
		struct epoll_entry *entry = &set->entry[i];
		entry->ready = 0;
		if (entry->is_disabled)
			continue;
		if (is_ours && is_quiet(self, entry, is_waiting && ready == 0)) {
			entry->turn = 0;
			continue;
		}
		struct state state = entry_state(self, entry, is_waiting && ready == 0, 1);
		if (state.events & (READINESS_CLOSED | POLLNVAL)) {
			entry->fd = -1; /* nobody to be told */
			entry_remove(self, set, entry);
			i--;
			continue;
		}
		entry->count = state.count;
		entry->ready = entry_pending(entry, &state);
		if (!entry->ready) {
			entry->turn = 0;
			continue;
		}
		if (entry->turn == 0)
			entry->turn = ++set->last_turn;
		if (!*first || entry->turn < (*first)->turn)
			*first = entry;
		ready++;
	}
	return ready;
}

/* The ready entry whose turn is next, not behind the one reported last in this pass. */
static struct epoll_entry *epoll_next(struct lx_epoll *set)
{
	struct epoll_entry *next = NULL;
	for (uint32_t i = 0; i < set->count; i++) {
		struct epoll_entry *entry = &set->entry[i];
		if (entry->ready && (!next || entry->turn < next->turn))
			next = entry;
	}
	return next;
}

/* One pass: events that are to be reported, at most `max`, in the order of Linux' ready list. */
static uint32_t epoll_pass(struct lx_thread *self, struct lx_epoll *set, struct epoll_event *events,
			   uint32_t max, bool is_waiting)
{
	struct epoll_entry *entry;
	uint32_t ready = epoll_look(self, set, is_waiting, &entry), count = 0;
	while (count < max && ready > 0) {
		events[count++] = (struct epoll_event){.events = entry->ready, .data = entry->data};
		entry->ready = 0;
		entry->seen = entry->count;
		entry->is_fresh = false;
		entry->turn = ++set->last_turn;
		if (entry->events & EPOLLONESHOT)
			entry->is_disabled = true;
		if (--ready > 0)
			entry = epoll_next(set);
	}
	return count;
}

int32_t lx_epoll_readiness(struct lx_thread *self, int32_t fd, uint32_t events, bool is_waiting)
{
	struct lx_files *files = &self->process->files;
	if (!epoll_find(files, fd))
		return -1;
	lx_lock(&files->lock);
	struct lx_epoll *set = epoll_find(files, fd);
	struct state state = set ? set_state(self, set, is_waiting, 1) : (struct state){0};
	lx_unlock(&files->lock);
	return (int32_t)(state.events & events);
}

/* ---------------------------------------------------------------- calls */

long sys_epoll_create1(uint32_t flags)
{
	struct lx_thread *self = lx_self();
	struct lx_files *files = &self->process->files;
	if (flags & ~(uint32_t)EPOLL_CLOEXEC)
		return -EINVAL;
	struct lx_epoll *set = lx_alloc(sizeof(*set));
	if (!set)
		return -ENOMEM;
	long fd = sys_eventfd2(0, flags & EPOLL_CLOEXEC); /* holds the number; the set is ours */
	set->fd = (int32_t)fd;
	uint32_t index = 0;
	lx_lock(&files->lock);
	while (index < LX_EPOLL_MAX && files->epoll[index])
		index++;
	if (fd >= 0 && index < LX_EPOLL_MAX) {
		files->epoll[index] = set;
		if (index >= files->epolls)
			files->epolls = index + 1;
	}
	lx_unlock(&files->lock);
	if (fd >= 0 && index < LX_EPOLL_MAX)
		return fd;
	if (fd >= 0)
		(void)lx_fd_close(self, (int32_t)fd);
	lx_free(set, sizeof(*set));
	return fd < 0 ? fd : -ENOMEM;
}

long sys_epoll_create(int32_t size)
{
	return size <= 0 ? -EINVAL : sys_epoll_create1(0);
}

/* How deep sets lie in a set; more than EPOLL_DEPTH if `wanted` is among them. */
static uint32_t set_depth(struct lx_files *files, const struct lx_epoll *set, const struct lx_epoll *wanted,
			  uint32_t depth)
{
	uint32_t deepest = 1;
	if (set == wanted || depth > EPOLL_DEPTH)
		return EPOLL_DEPTH + 1;
	for (uint32_t i = 0; i < set->count; i++) {
		const struct lx_epoll *inner = epoll_find(files, set->entry[i].fd);
		uint32_t below = inner ? set_depth(files, inner, wanted, depth + 1) + 1 : 1;
		deepest = below > deepest ? below : deepest;
	}
	return deepest;
}

static long epoll_add(struct lx_thread *self, struct lx_epoll *set, int32_t fd,
		      const struct epoll_event *event)
{
	struct lx_files *files = &self->process->files;
	struct lx_epoll *inner = epoll_find(files, fd);
	if ((event->events & EPOLLEXCLUSIVE) && (inner || (event->events & ~EXCLUSIVE_MAY)))
		return -EINVAL;
	if (inner && set_depth(files, inner, set, 1) >= EPOLL_DEPTH)
		return -ELOOP;
	if (entry_find(set, fd))
		return -EEXIST;
	if (set->count == EPOLL_ENTRIES)
		return -ENOSPC;
	struct epoll_entry *entry = &set->entry[set->count];
	*entry = (struct epoll_entry){.fd = fd,
				      .events = event->events,
				      .data = event->data,
				      .cookie = LX_COOKIE_NONE,
				      .is_fresh = true,
				      .is_set = inner != NULL};
	long armed = inner ? 0 : entry_arm(self, entry);
	if (armed == LX_WATCH_CONSTANT)
		return -EPERM; /* files that are always ready cannot be in a set */
	if (armed < 0)
		return armed;
	set->count++;
	return 0;
}

static long epoll_modify(struct lx_thread *self, struct epoll_entry *entry, const struct epoll_event *event)
{
	if ((event->events | entry->events) & EPOLLEXCLUSIVE)
		return -EINVAL;
	entry->events = event->events;
	entry->data = event->data;
	entry->is_fresh = true;
	entry->is_disabled = false;
	entry->reported = 0;
	entry->turn = 0;
	if (entry->cookie != LX_COOKIE_NONE)
		(void)entry_arm(self, entry);
	return 0;
}

static long epoll_change(struct lx_thread *self, struct lx_epoll *set, uint32_t operation, int32_t fd,
			 const struct epoll_event *event)
{
	struct epoll_entry *entry = entry_find(set, fd);
	switch (operation) {
	case EPOLL_CTL_ADD: return epoll_add(self, set, fd, event);
	case EPOLL_CTL_MOD: return entry ? epoll_modify(self, entry, event) : -ENOENT;
	case EPOLL_CTL_DEL:
		if (entry)
			entry_remove(self, set, entry);
		return entry ? 0 : -ENOENT;
	default: return -EINVAL;
	}
}

long sys_epoll_ctl(int32_t fd, uint32_t operation, int32_t target, uint64_t user)
{
	struct lx_thread *self = lx_self();
	struct lx_files *files = &self->process->files;
	struct epoll_event event = {0};
	if (operation != EPOLL_CTL_DEL && lx_get(&event, user, sizeof(event)))
		return -EFAULT;
	if (!lx_fd_cap(files, fd) || !lx_fd_cap(files, target))
		return -EBADF;
	lx_lock(&files->lock);
	struct lx_epoll *set = epoll_find(files, fd);
	long result = !set || fd == target ? -EINVAL : epoll_change(self, set, operation, target, &event);
	lx_unlock(&files->lock);
	return result;
}

static long epoll_until(int32_t fd, uint64_t user, int32_t max, uint64_t deadline)
{
	struct lx_thread *self = lx_self();
	struct lx_files *files = &self->process->files;
	struct epoll_event events[64];
	if (!lx_fd_own(fd))
		return -EBADF;
	if (max <= 0)
		return -EINVAL;
	uint32_t room = (uint32_t)lx_min((uint64_t)max, ARRAY_SIZE(events));
	if (!lx_user_ok(user, room * sizeof(events[0])))
		return -EFAULT;
	lx_settle(self);
	for (;;) {
		lx_lock(&files->lock);
		struct lx_epoll *set = epoll_find(files, fd);
		uint32_t ready = set ? epoll_pass(self, set, events, room, deadline != DEADLINE_POLL) : 0;
		lx_unlock(&files->lock);
		if (!set)
			return -EINVAL;
		if (ready || deadline == DEADLINE_POLL) {
			long error = lx_put(user, events, ready * sizeof(events[0]));
			return error ? error : (long)ready;
		}
		long error = lx_wait(self, deadline);
		if (error == -ETIMEDOUT)
			deadline = DEADLINE_POLL;
		else if (error)
			return error == -ERESTARTSYS ? -EINTR : error;
	}
}

/* With the signal mask at mask instead of the thread's, unless that is 0. */
static long epoll_masked(int32_t fd, uint64_t user, int32_t max, uint64_t deadline, uint64_t mask,
			 uint64_t mask_bytes)
{
	struct lx_thread *self = lx_self();
	long error = lx_enter_mask(self, mask, mask_bytes);
	if (error)
		return error;
	long result = epoll_until(fd, user, max, deadline);
	if (!self->restore_mask)
		return result;
	result = lx_leave_mask(self, result);
	return result == -ERESTARTNOHAND ? -EINTR : result;
}

long sys_epoll_wait(int32_t fd, uint64_t user, int32_t max, int32_t timeout_ms)
{
	return sys_epoll_pwait(fd, user, max, timeout_ms, 0, 8);
}

long sys_epoll_pwait(int32_t fd, uint64_t user, int32_t max, int32_t timeout_ms, uint64_t mask,
		     uint64_t mask_bytes)
{
	uint64_t deadline = timeout_ms < 0    ? DEADLINE_NEVER
			    : timeout_ms == 0 ? DEADLINE_POLL
					      : lx_deadline_after((uint64_t)timeout_ms * 1000000u);
	return epoll_masked(fd, user, max, deadline, mask, mask_bytes);
}

long sys_epoll_pwait2(int32_t fd, uint64_t user, int32_t max, uint64_t timeout, uint64_t mask,
		      uint64_t mask_bytes)
{
	uint64_t deadline;
	long error = lx_deadline_relative(timeout, &deadline);
	return error ? error : epoll_masked(fd, user, max, deadline, mask, mask_bytes);
}
