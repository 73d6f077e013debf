/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Watches: what a service keeps of the descriptors that processes have armed (abi/include/tessera/readiness.h).
 *
 * A watch is one cookie of one process. It stands in the list of the object it watches and in the table of its process's page, and
 * goes when the description closes, when the cookie is used for another description, when the process takes its page anew
 * (exec), or when the process has died: whoever comes across it then drops it. One thread, no locks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <tessera/readiness.h>

struct watch_page;

struct watch {
	struct watch *next;  /* of the object */
	struct watch **list; /* the object's */
	void *file;	     /* the open file description */
	struct watch_page *page;
	uint64_t threads; /* thread slots to be woken */
	uint32_t events;  /* POLL* that count */
	uint16_t cookie;
	uint16_t flags; /* WATCH_EDGE */
};

/* One process; at most one page of memory together with what a service adds. */
struct watch_page {
	uint64_t owner;	 /* the process: its label without the thread; 0: nobody */
	uint64_t *words; /* what the process sees */
	struct watch *watch[READINESS_WORDS];
	uint16_t thread[READINESS_THREADS]; /* label's thread index by slot */
};

struct watch_order {
	uint64_t label; /* of the caller */
	uint32_t cookie, events, flags, slot;
};

/* A page for a process; all its cookies are forgotten, its words 0. */
void watch_page_start(struct watch_page *page, uint64_t owner);
/* Forgets all cookies. */
void watch_page_clear(struct watch_page *page);
/*
 * Arms or changes a cookie for an open file of the object with this list, and adds the thread. *revents: what is ready. events 0:
 * forgets the cookie. EINVAL: a number is out of range; ENOMEM.
 */
int watch_set(struct watch_page *page, struct watch **list, void *file, const struct watch_order *order,
	      uint32_t *revents);
/* The object has changed. key: POLL* for which Linux would wake; 0: something was taken. */
void watch_changed(struct watch **list, uint32_t key);
/* The last descriptor of the description has gone. */
void watch_closed(struct watch **list, const void *file);

/* ---- what the service has to bring */

struct watch *watch_alloc(void); /* NULL: no memory */
void watch_release(struct watch *watch);
/* POLL* of a description now. */
uint32_t watch_readiness(void *file);
bool watch_owner_lives(uint64_t owner);
void watch_wake(uint32_t thread);
