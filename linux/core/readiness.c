/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Cookies and readiness pages of the process; see lx/readiness.h. The state is on the heap, made when a descriptor is polled for
 * the second time or enters an epoll set: who polls a descriptor once asks its server and is done.
 */
#include <tessera/memory.h>
#include <tessera/proto/file.h>
#include <tessera/proto/mem.h>
#include <tessera/readiness.h>

#include "lx/files.h"
#include "lx/readiness.h"

#define PAGE_VA(server) (WINDOW_VA + 0x8000000ull + (server) * LX_PAGE)
#define ALWAYS (POLLERR | POLLHUP)
#define POLL_CONSTANT (POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM)

/* What is known of a descriptor; a cookie is FD_COOKIE + its number. */
enum { FD_NEW = 0, FD_ASK, FD_CONSTANT, FD_COOKIE };

struct lx_readiness *lx_readiness;
static uint64_t polled[LX_FD_MAX / 64]; /* descriptors that were asked once */

bool lx_is_unsettled;

static bool is_ours(const struct lx_thread *self)
{
	return !self->process->is_vfork_child;
}

/* Maps the page of the server behind a file. */
static bool open_page(struct lx_thread *self, cap_t file)
{
	struct msg_page *page = self->page;
	cap_t object = LX_SCRATCH(LX_SCRATCH_THREAD(self->slot));
	struct file_readiness_in in = {};
	struct file_readiness_out out = {0};
	page->recv_slot[0] = SLOT_OWN(object);
	int status = file_readiness(file, page, &in, &out);
	page->recv_slot[0] = 0;
	if (status != 0 || out.server >= LX_SERVERS)
		return false;
	struct mem_map_object_in map = {.addr = PAGE_VA(out.server),
					.len = LX_PAGE,
					.prot = PROT_READ,
					.flags = MAP_SHARED | MAP_FIXED | MAP_PERSONALITY};
	struct mem_map_object_out mapped;
	lx_send_cap(self, 0, object);
	status = mem_map_object(LX_CAP_MEM, page, &map, &mapped);
	(void)ts_cnode_delete(SLOT_OWN(object), 0);
	if (status == 0)
		lx_readiness->words[out.server] = (const uint64_t *)PAGE_VA(out.server);
	return status == 0;
}

static uint16_t cookie_take(void)
{
	for (uint32_t i = 0; i < READINESS_WORDS; i++) {
		if (!lx_readiness->cookie[i].is_used) {
			lx_readiness->cookie[i] = (struct lx_cookie){.is_used = 1};
			return (uint16_t)i;
		}
	}
	return LX_COOKIE_NONE;
}

/* One order to the server; its page is made if the process has none yet. */
static int order(struct lx_thread *self, cap_t file, const struct file_watch_in *in,
		 struct file_watch_out *out)
{
	*out = (struct file_watch_out){0};
	int status = file_watch(file, self->page, in, out);
	if (status == ENOENT && open_page(self, file))
		status = file_watch(file, self->page, in, out);
	return status == 0 && out->server >= LX_SERVERS ? EIO : status;
}

long lx_watch(struct lx_thread *self, cap_t file, uint16_t *cookie, uint32_t events, uint32_t flags,
	      uint32_t *revents)
{
	*revents = 0;
	if (!is_ours(self))
		return LX_WATCH_ASK; /* a page of its own would take the place of its parent's */
	if (!lx_readiness)
		lx_readiness = lx_alloc(sizeof(*lx_readiness));
	if (!lx_readiness)
		return LX_WATCH_ASK;
	uint16_t number = *cookie == LX_COOKIE_NONE ? cookie_take() : *cookie;
	struct file_watch_in in = {.cookie = number, .events = events, .flags = flags, .slot = self->slot};
	struct file_watch_out out;
	int status = order(self, file, &in, &out);
	if (status == 0 && out.kind == WATCH_ARMED && number != LX_COOKIE_NONE) {
		struct lx_cookie *c = &lx_readiness->cookie[number];
		c->events = (uint16_t)events;
		c->flags = (uint8_t)flags;
		c->server = (uint8_t)out.server;
		__atomic_or_fetch(&c->threads, 1ull << self->slot, __ATOMIC_RELAXED);
		*cookie = number;
		*revents = out.revents;
		return 0;
	}
	if (number != *cookie)
		lx_readiness->cookie[number].is_used = 0;
	if (status == 0 && out.kind == WATCH_CONSTANT)
		return LX_WATCH_CONSTANT;
	return status == EBADF || status == -E_CAP ? -EBADF : LX_WATCH_ASK;
}

void lx_watch_forget(struct lx_thread *self, cap_t file, uint16_t cookie)
{
	struct file_watch_in in = {.cookie = cookie};
	struct file_watch_out out = {0};
	if (cookie == LX_COOKIE_NONE || !is_ours(self))
		return;
	if (file)
		(void)file_watch(file, self->page, &in, &out);
	lx_readiness->cookie[cookie].is_used = 0;
}

int16_t lx_fd_ask_edges(struct lx_thread *self, cap_t file, uint16_t events, bool is_waiting, uint32_t *edges)
{
	struct file_poll_in in = {.events = events, .wait = is_waiting};
	struct file_poll_out out = {0};
	int status = file_poll(file, self->page, &in, &out);
	if (status != 0)
		return status == -E_CAP || status == EBADF ? POLLNVAL : POLLERR;
	*edges = out.edges;
	return (int16_t)(out.revents & (events | ALWAYS | POLLNVAL));
}

int16_t lx_fd_ask(struct lx_thread *self, cap_t file, uint16_t events, bool is_waiting)
{
	uint32_t edges;
	return lx_fd_ask_edges(self, file, events, is_waiting, &edges);
}

/* Arms a descriptor that has been polled before, for all it was ever polled for. */
static int16_t arm(struct lx_thread *self, int32_t fd, cap_t file, uint16_t events, bool is_waiting)
{
	struct lx_files *files = &self->process->files;
	uint16_t mark = lx_readiness ? lx_readiness->by_fd[fd] : (uint16_t)FD_NEW, cookie = LX_COOKIE_NONE;
	uint32_t revents = 0, all = events;
	if (mark == FD_ASK)
		return lx_fd_ask(self, file, events, is_waiting);
	lx_lock(&files->lock);
	if (mark >= FD_COOKIE) {
		cookie = (uint16_t)(mark - FD_COOKIE);
		all |= lx_readiness->cookie[cookie].events;
	}
	long result = lx_fd_cap(files, fd) ? lx_watch(self, file, &cookie, all, 0, &revents) : -EBADF;
	if (lx_readiness && result >= 0)
		lx_readiness->by_fd[fd] = result == 0			? (uint16_t)(FD_COOKIE + cookie)
					  : result == LX_WATCH_CONSTANT ? (uint16_t)FD_CONSTANT
									: (uint16_t)FD_ASK;
	lx_unlock(&files->lock);
	if (result < 0)
		return POLLNVAL;
	return result == 0 ? (int16_t)(revents & (events | ALWAYS))
			   : lx_fd_ask(self, file, events, is_waiting);
}

int16_t lx_fd_ready(struct lx_thread *self, int32_t fd, cap_t file, uint16_t events, bool is_waiting)
{
	uint64_t bit = 1ull << (fd & 63), *asked = &polled[(uint32_t)fd / 64];
	if (!is_ours(self) || !(*asked & bit)) {
		*asked |= is_ours(self) ? bit : 0;
		return lx_fd_ask(self, file, events, is_waiting);
	}
	uint16_t mark = lx_readiness ? lx_readiness->by_fd[fd] : (uint16_t)FD_NEW;
	if (mark == FD_CONSTANT)
		return (int16_t)(events & POLL_CONSTANT);
	if (mark < FD_COOKIE)
		return arm(self, fd, file, events, is_waiting);
	uint16_t cookie = (uint16_t)(mark - FD_COOKIE);
	uint64_t word = lx_watch_word(cookie);
	if ((events & ~lx_readiness->cookie[cookie].events) ||
	    (is_waiting && !lx_watch_wakes(self, cookie)) || (word & READINESS_CLOSED))
		return arm(self, fd, file, events, is_waiting);
	return (int16_t)(word & (events | ALWAYS));
}

void lx_settle_slow(struct lx_thread *self)
{
	const struct time_page *clock = (const struct time_page *)TIME_PAGE_VA;
	struct file_poll_in in = {0};
	struct file_poll_out out;
	lx_is_unsettled = false;
	if (lx_readiness && clock->cpu_count > 1)
		(void)file_poll(LX_SCRATCH(LX_SCRATCH_CWD), self->page, &in, &out);
}

void lx_readiness_close(struct lx_thread *self, int32_t fd)
{
	lx_is_unsettled = true;
	if (!is_ours(self))
		return;
	polled[(uint32_t)fd / 64] &= ~(1ull << (fd & 63));
	if (!lx_readiness)
		return;
	if (lx_readiness->by_fd[fd] >= FD_COOKIE)
		lx_readiness->cookie[lx_readiness->by_fd[fd] - FD_COOKIE].is_used = 0;
	lx_readiness->by_fd[fd] = FD_NEW;
}

void lx_readiness_after_fork(void)
{
	if (lx_readiness)
		memset(lx_readiness, 0, sizeof(*lx_readiness));
}

void lx_readiness_new_thread(uint32_t slot)
{
	for (uint32_t i = 0; lx_readiness && i < READINESS_WORDS; i++)
		__atomic_and_fetch(&lx_readiness->cookie[i].threads, ~(1ull << slot), __ATOMIC_RELAXED);
}
