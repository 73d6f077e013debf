/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* epoll sets live in the personality; what poll and epoll share. */
#pragma once

#include "lx/lx.h"

struct lx_pollfd {
	int32_t fd;
	int16_t events, revents;
};

/* The signal mask for the time of a wait (ppoll, pselect6, epoll_pwait), and the result with which the wait ends. */
long lx_enter_mask(struct lx_thread *self, uint64_t user, uint64_t bytes);
long lx_leave_mask(struct lx_thread *self, long result);

/* Waits until one of the descriptors is ready; the count of ready ones, 0 after the deadline, or a negative errno. */
long lx_poll(struct lx_thread *self, struct lx_pollfd *fds, uint32_t count, uint64_t deadline);
/* A descriptor is being closed: a set goes with its own; entries stay while the description lives. Under files.lock. */
void lx_epoll_forget(struct lx_files *files, int32_t fd);
/* In a fork's child: its copies of the sets are armed anew. */
void lx_epoll_after_fork(struct lx_files *files);
/* Readiness of a set seen as a descriptor; -1 when fd is no epoll descriptor. */
int32_t lx_epoll_readiness(struct lx_thread *self, int32_t fd, uint32_t events, bool is_waiting);
