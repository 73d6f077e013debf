/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Life of a thread in the personality, and the units a process owns beside lx_process. */
#pragma once

#include "lx/lx.h"

/* Sets the calling thread's struct lx_thread up; its message page is fresh. identity_va: its process's page. */
struct lx_thread *lx_thread_init(struct msg_page *page, struct lx_process *process, uint64_t identity_va);
/* Where the heap of the program starts; nothing is mapped yet. */
void lx_brk_init(uint64_t start);
/* All locks that a fork must hold, in order; a child resets them instead. */
void lx_fork_lock(struct lx_process *process);
void lx_fork_unlock(struct lx_process *process);
void lx_futex_lock(void);
void lx_futex_unlock(void);
/* A fork's child: nobody but the caller waits. */
void lx_futex_reset(void);
/* Wakes up to count private waiters of an address. */
uint32_t lx_futex_wake_private(uint64_t address, uint32_t count, uint32_t bitset);
void lx_mm_lock(void);
void lx_mm_unlock(void);
/* Whether a thread of this address space has this tid, a vfork child included. */
bool lx_thread_lives(uint32_t tid);
