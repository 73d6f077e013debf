/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Advisory locks: POSIX record locks by process, flock by open file description. */
#pragma once

#include "file.h"

#define LOCKS_MAX 4096u /* of all files: their lists are searched one by one */

/* Range [start, end), type F_RDLCK 0, F_WRLCK 1, F_UNLCK 2. */
struct lock_range {
	uint64_t start, end;
	uint32_t type, pid;
};

/* F_SETLK: 0, EAGAIN (told to wait: ST_WOULD_BLOCK), EDEADLK, ENOLCK. */
int lock_set(struct file *file, const struct caller *caller, struct lock_range range);
/* F_GETLK: range becomes the first lock in the way, or type F_UNLCK. */
void lock_get(struct file *file, const struct caller *caller, struct lock_range *range);
/* flock: 0, ST_WOULD_BLOCK, EINVAL, ENOLCK. */
int lock_flock(struct file *file, const struct caller *caller, uint32_t operation);
/* A description of an inode with locks closes. */
void lock_file_closed(struct file *file);
void lock_free_all(struct inode *inode);
/* The caller no longer waits for a record lock. */
void lock_wait_forget(uint64_t label);
/* Threads that wait behind locks are woken now and then, because a holder may have died: next moment, and doing it. */
uint64_t lock_recheck_next(void);
extern uint32_t lock_waits_used; /* 0: nobody waits */
void lock_recheck_run(uint64_t now_ns);
