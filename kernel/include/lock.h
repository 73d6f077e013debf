/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The kernel lock: a big-reader lock, and what is done to other CPUs when it is released.
 *
 * Each CPU has a lock word in its own cache line.  The fast path takes only its own (lock_own), unless it stays closed; everything else
 * takes the lock proper and closes all words, so it excludes everything, and no series of fast paths keeps it out.  So two fast
 * paths may run at once; they touch only what their CPU owns (docs/decisions/0006-locking.md).  With one CPU there is nothing
 * to take but the fast path's word.
 *
 * Nobody waits for another CPU while it holds the lock: what another CPU has to do (forget translations, choose a thread, execute a
 * call) is noted here and asked for by an interrupt when the lock is released; whoever waits answers meanwhile.
 */
#pragma once

#include <object.h>

#define WORD_CLOSED 0x80u /* the highest bit of the word: the sign of what arch_try_lock makes of it */

/* Excludes all other CPUs. On return all shootdowns that were asked for before have been answered. */
void lock_take_all(void);
/* Interrupts the CPUs noted, releases, and waits until shootdowns asked for by lock_shoot are answered. */
void lock_release_all(void);

static ALWAYS_INLINE void lock_take(void)
{
	if (CPUS_MAX > 1 && UNLIKELY(cpus_used > 1))
		lock_take_all();
}

static ALWAYS_INLINE void lock_release(void)
{
	if (CPUS_MAX > 1 && UNLIKELY(cpus_used > 1))
		lock_release_all();
}

static ALWAYS_INLINE void lock_disown(struct cpu ARCH_CPU_SPACE *here)
{
	if (CPUS_MAX > 1)
		__atomic_store_n(&here->word, 0, __ATOMIC_RELEASE);
}

/* lock_own, when another CPU has the kernel. */
KEEPS_REGISTERS NOINLINE MUST_CHECK bool lock_own_later(void);

/* The fast path's. It waits for the one who has the kernel, but not for a second one: then it is false. */
static ALWAYS_INLINE MUST_CHECK bool lock_own(void)
{
	return CPUS_MAX == 1 || LIKELY(arch_try_lock(offsetof(struct cpu, word))) || lock_own_later();
}

/* For arch_switch_and_deliver, which does lock_disown. */
static ALWAYS_INLINE uint8_t *lock_word(void)
{
	return CPUS_MAX > 1 ? &cpu()->word : NULL;
}

/* That CPU is interrupted when the lock is released. */
void lock_kick(uint32_t id);
/* Every other CPU on which this address space is current forgets its translations; an idle one leaves it. */
void lock_shoot(paddr_t root);
/* Answers a shootdown asked of this CPU. No lock is needed. */
void lock_answer(struct cpu *here);
