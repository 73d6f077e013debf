/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Queues of threads that wait on a word of shared memory.  A word is known by its frame and offset, so that every mapping
 * of it means the same queue; a word of private memory by space and address (the personality keeps those itself, but for
 * threads that die and threads of one process that ask anyway).
 *
 * Nobody waits in mem: a thread that was queued waits on its Notification, which a wake-up signals.  A thread is queued at
 * most once; what is queued for threads that no longer exist is skipped.
 */
#pragma once

#include "space.h"

/* 0: queued; EAGAIN: the word differs; EFAULT; EINVAL; ENOMEM. */
int futex_wait(struct space *space, uint64_t label, uint64_t addr, uint32_t expected, uint32_t bitset);
/* 0 and how many were woken; EFAULT, EINVAL. */
int futex_wake(struct space *space, uint64_t addr, uint32_t count, uint32_t bitset, uint32_t *woken);
/* Takes the caller out; true: it was queued no more (woken). */
bool futex_cancel(uint64_t label);
/* Takes out all waiters of a space that ends. */
void futex_forget_space(const struct space *space);

/* A dying thread's word: value is written, and waiters woken if wake. 0, EFAULT. */
int futex_clear_tid(struct space *space, uint64_t addr, uint32_t value, bool wake);
/* Walks a robust list: futexes of tid are marked OWNER_DIED and one waiter of each is woken. */
void futex_robust_list(struct space *space, uint64_t head, uint32_t tid);
