/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What descriptors are ready for, from the pages that the servers keep (abi/include/tessera/readiness.h). A descriptor is armed once,
 * then its readiness is a word to be read. Cookies are numbers of words, shared by all servers: a cookie is in use at one of them.
 *
 * All state belongs to the process that owns the address space and changes under files.lock; a vfork child, which shares the
 * memory but is another process to the servers, has none and asks. A fork's child starts without any.
 */
#pragma once

#include "lx/lx.h"

#define LX_COOKIE_NONE 0xffffu

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
bool lx_watch_wakes(const struct lx_thread *self, uint16_t cookie);
/* The word of a cookie now. */
uint64_t lx_watch_word(uint16_t cookie);
/* Gives a cookie back; file 0: the server need not be told. Under files.lock. */
void lx_watch_forget(struct lx_thread *self, cap_t file, uint16_t cookie);

/* POLL* of a descriptor among events, POLLERR, POLLHUP, POLLNVAL. is_waiting: if none, changes wake the calling thread. */
int16_t lx_fd_ready(struct lx_thread *self, int32_t fd, cap_t file, uint16_t events, bool is_waiting);
/* Asks the server itself. */
int16_t lx_fd_ask(struct lx_thread *self, cap_t file, uint16_t events, bool is_waiting);
/* A descriptor is being closed. Under files.lock. */
void lx_readiness_close(struct lx_thread *self, int32_t fd);
/* In a fork's child. */
void lx_readiness_after_fork(void);
/* A new thread runs in a slot: nothing wakes it yet. */
void lx_readiness_new_thread(uint32_t slot);
