/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The kernel lock.  See lock.h.
 *
 * Order: the lock, then the words by number.  Holders of a word alone (the fast path) never wait; before they have it, for one entry.
 * Who comes first takes the lock, so that a CPU which a virtual machine's host does not run holds up nobody by waiting; who has been
 * overtaken PATIENCE times claims the next turn (docs/decisions/0006-locking.md).
 * Shootdowns are generations: shots_wanted is counted up under the lock, shots_done follows it when the CPU has forgotten its
 * translations: in the interrupt, or while it waits here.  A CPU in user mode or idle answers in the interrupt.
 */
#include <lock.h>

#define PATIENCE 64u

static struct {
	uint32_t is_taken;
	uint32_t turn;	 /* who alone may take it next, by number + 1; 0: whoever comes */
	uint32_t passed; /* how often it was released */
	uint32_t reserved;
	uint64_t asked,
		kicked; /* CPUs by bit: must answer a shootdown; are to be interrupted. Of the lock's holder. */
} lock ALIGNED(64);

void lock_answer(struct cpu *here)
{
	uint32_t wanted = __atomic_load_n(&here->shots_wanted, __ATOMIC_ACQUIRE);

	if (wanted == here->shots_done)
		return;
	arch_tlb_forget(here->current == here->idle);
	__atomic_store_n(&here->shots_done, wanted, __ATOMIC_RELEASE);
}

static void wait_a_little(void)
{
	lock_answer(cpu());
	arch_relax();
}

static bool try_lock(uint32_t me)
{
	uint32_t turn = __atomic_load_n(&lock.turn, __ATOMIC_RELAXED);

	if ((turn != 0 && turn != me) || __atomic_load_n(&lock.is_taken, __ATOMIC_RELAXED) != 0)
		return false;
	return __atomic_exchange_n(&lock.is_taken, 1, __ATOMIC_ACQUIRE) == 0;
}

static void claim_turn(uint32_t me)
{
	uint32_t nobody = 0;

	(void)__atomic_compare_exchange_n(&lock.turn, &nobody, me, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static void acquire(void)
{
	uint32_t me = cpu()->id + 1, began = __atomic_load_n(&lock.passed, __ATOMIC_RELAXED);

	/* bounded by the others' kernel entries: PATIENCE, and one of each who claims */
	while (!try_lock(me)) {
		wait_a_little();
		if (__atomic_load_n(&lock.passed, __ATOMIC_RELAXED) - began >= PATIENCE)
			claim_turn(me);
	}
	if (lock.turn == me)
		__atomic_store_n(&lock.turn, 0, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < cpus_used; i++) {
		(void)__atomic_exchange_n(&cpus[i]->word_closed, WORD_CLOSED, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&cpus[i]->word, __ATOMIC_ACQUIRE) != 0) /* its fast path */
			wait_a_little();
	}
}

static void release(void)
{
	for (uint32_t i = 0; i < cpus_used; i++)
		__atomic_store_n(&cpus[i]->word_closed, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&lock.passed, lock.passed + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&lock.is_taken, 0, __ATOMIC_RELEASE);
}

/* Those of a set of CPUs that have not answered yet. */
static uint64_t unanswered(uint64_t set)
{
	for (uint64_t left = set; left != 0; left &= left - 1) { /* at most CPUS_MAX turns */
		uint32_t id = (uint32_t)__builtin_ctzll(left);

		if (__atomic_load_n(&cpus[id]->shots_done, __ATOMIC_ACQUIRE) ==
		    __atomic_load_n(&cpus[id]->shots_wanted, __ATOMIC_RELAXED))
			set &= ~(1ull << id);
	}
	return set;
}

/* Without the lock: until each of the set has answered what was asked before. */
static void await(uint64_t set)
{
	while (unanswered(set) != 0) /* ends: they answer in their interrupt or here */
		wait_a_little();
}

void lock_take_all(void)
{
	acquire();
	while ((lock.asked = unanswered(lock.asked)) != 0) { /* ends: see await */
		uint64_t asked = lock.asked;

		release();
		await(asked);
		acquire();
	}
}

/*
 * If it took the lock in turn instead, it would close the words of the others, whose next fast paths would take the lock: once begun,
 * no CPU would find its word open again.
 */
bool lock_own_later(void)
{
	struct cpu *here = cpu();
	uint32_t began = __atomic_load_n(&lock.passed, __ATOMIC_RELAXED);

	lock_disown(arch_here());
	while (__atomic_load_n(&here->word_closed, __ATOMIC_RELAXED) != 0 &&
	       __atomic_load_n(&lock.passed, __ATOMIC_RELAXED) == began) /* ends: one kernel entry does */
		wait_a_little();
	if (arch_try_lock(offsetof(struct cpu, word)))
		return true;
	lock_disown(arch_here());
	return false;
}

void lock_release_all(void)
{
	uint64_t asked = lock.asked;

	for (uint64_t left = lock.kicked | asked; left != 0; left &= left - 1) /* at most CPUS_MAX turns */
		arch_interrupt_cpu((uint32_t)__builtin_ctzll(left));
	lock.kicked = 0;
	release();
	await(asked);
}

void lock_kick(uint32_t id)
{
	lock.kicked |= 1ull << id;
}

void lock_shoot(paddr_t root)
{
	for (uint32_t i = 0; i < cpus_used; i++) {
		if (cpus[i] == cpu() || arch_current_root(&cpus[i]->arch).raw != root.raw)
			continue;
		__atomic_store_n(&cpus[i]->shots_wanted, cpus[i]->shots_wanted + 1, __ATOMIC_RELEASE);
		lock.asked |= 1ull << i;
	}
}
