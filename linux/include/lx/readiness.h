/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What descriptors are ready for, from the pages that the servers keep (abi/include/tessera/readiness.h). A descriptor is armed once,
 * then its readiness is a word to be read. Cookies are numbers of words, shared by all servers: a cookie is in use at one of them.
 *
 * All state belongs to the process that owns the address space and changes under files.lock; a vfork child, which shares the
 * memory but is another process to the servers, has none and asks. A fork's child starts without any.
 */
#pragma once

#include <tessera/readiness.h>

#include "lx/lx.h"

#define LX_COOKIE_NONE 0xffffu
#define LX_SERVERS 2u /* with readiness pages: vfs, tty */

struct lx_cookie {
	uint64_t threads; /* thread slots that its changes wake */
	uint16_t events;
	uint8_t flags, server;
	uint32_t is_used;
};

struct lx_readiness {
	uint16_t by_fd[LX_FD_MAX]; /* what poll knows of a descriptor (core/readiness.c) */
	struct lx_cookie cookie[READINESS_WORDS];
	const uint64_t *words[LX_SERVERS]; /* the servers' pages */
};
HIDDEN extern struct lx_readiness *lx_readiness; /* NULL: nothing was armed yet */

/* Results of lx_watch, beside 0: armed. */
#define LX_WATCH_ASK 1 /* no cookie, no page, or a server without them: the server is to be asked each time */
#define LX_WATCH_CONSTANT 2 /* its readiness never changes */

/*
 * Arms an open file, or changes what it is armed for; changes wake the calling thread. *cookie: LX_COOKIE_NONE, or the one it has.
 * *revents: what is ready now. Or a negative errno. Under files.lock.
 */
long lx_watch(struct lx_thread *self, cap_t file, uint16_t *cookie, uint32_t events, uint32_t flags,
	      uint32_t *revents);
/* Whether changes of a cookie wake the calling thread. */
static inline bool lx_watch_wakes(const struct lx_thread *self, uint16_t cookie)
{
	return __atomic_load_n(&lx_readiness->cookie[cookie].threads, __ATOMIC_RELAXED) &
	       (1ull << self->slot);
}
/* The word of a cookie now. */
static inline uint64_t lx_watch_word(uint16_t cookie)
{
	const uint64_t *words = lx_readiness->words[lx_readiness->cookie[cookie].server];
	return __atomic_load_n(&words[cookie], __ATOMIC_ACQUIRE);
}
/* Gives a cookie back; file 0: the server need not be told. Under files.lock. */
void lx_watch_forget(struct lx_thread *self, cap_t file, uint16_t cookie);

/* What this process closed or reaped may not be known to the server yet, if that runs on another CPU: before words are
 * read, it is asked anything, for it hears of closed files before it answers. */
HIDDEN extern bool lx_is_unsettled;
void lx_settle_slow(struct lx_thread *self);
static inline void lx_settle(struct lx_thread *self)
{
	if (lx_is_unsettled)
		lx_settle_slow(self);
}

/* POLL* of a descriptor among events, POLLERR, POLLHUP, POLLNVAL. is_waiting: if none, changes wake the calling thread. */
int16_t lx_fd_ready(struct lx_thread *self, int32_t fd, cap_t file, uint16_t events, bool is_waiting);
/* Asks the server itself. edges: changes when something of events has come anew; 0: not counted. */
int16_t lx_fd_ask_edges(struct lx_thread *self, cap_t file, uint16_t events, bool is_waiting,
			uint32_t *edges);
int16_t lx_fd_ask(struct lx_thread *self, cap_t file, uint16_t events, bool is_waiting);
/* A descriptor is being closed. Under files.lock. */
void lx_readiness_close(struct lx_thread *self, int32_t fd);
/* In a fork's child. */
void lx_readiness_after_fork(void);
/* A new thread runs in a slot: nothing wakes it yet. */
void lx_readiness_new_thread(uint32_t slot);
