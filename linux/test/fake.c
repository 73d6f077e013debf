/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* See fake.h. Program memory is the test's own memory. */
#include "fake.h"

#include "lx/thread.h"
#include "lx/when.h"

struct fake_thread fake[FAKE_THREADS];
struct process_page fake_page;
uint32_t fake_current;
int fake_answer;
uint16_t fake_last_operation;
uint32_t fake_calls;
uint64_t fake_deleted;
long (*fake_wait)(void);
struct lx_process lx_main;

void fake_reset(void)
{
	memset(fake, 0, sizeof(fake));
	memset(&fake_page, 0, sizeof(fake_page));
	memset(&lx_main, 0, sizeof(lx_main));
	fake_current = 0;
	fake_answer = 0;
	fake_calls = 0;
	fake_deleted = 0;
	fake_wait = NULL;
	fake_page.limit_nofile = LX_FD_MAX;
	lx_main.identity = &fake_page;
	lx_main.files.leaves = 1;
	for (uint32_t i = 0; i < FAKE_THREADS; i++) {
		struct lx_thread *t = &fake[i].thread;
		*t = (struct lx_thread){.page = &fake[i].page,
					.identity = &fake_page,
					.process = &lx_main,
					.slot = i,
					.tid = 100 + i};
		t->shared = &fake_page.thread[i];
		fake_page.thread[i].tid = t->tid;
	}
}

struct lx_thread *lx_self(void)
{
	return &fake[fake_current].thread;
}

bool lx_thread_lives(uint32_t tid)
{
	return tid >= 100 && tid < 100 + FAKE_THREADS;
}

void lx_lock(struct lx_lock *lock)
{
	if (lock->word != 0)
		__builtin_trap(); /* one thread at a time: a lock that is held stays held */
	lock->word = lx_self()->tid;
}

void lx_unlock(struct lx_lock *lock)
{
	lock->word = 0;
}

long lx_result(int status)
{
	return status >= 0 ? -status : -EBADF;
}

long lx_wait(struct lx_thread *self, uint64_t deadline)
{
	(void)self;
	return fake_wait ? fake_wait() : deadline == DEADLINE_NEVER ? -ERESTARTSYS : -ETIMEDOUT;
}

uint64_t lx_now(void)
{
	return 1000000000;
}

uint64_t lx_wall_offset(void)
{
	return 5000000000ull;
}

uint64_t lx_deadline_absolute(const struct __kernel_timespec *t, bool is_realtime)
{
	return lx_timespec_ns(t) - (is_realtime ? lx_wall_offset() : 0);
}

long lx_get(void *dst, uint64_t user, uint64_t bytes)
{
	if (user < 4096)
		return -EFAULT;
	memcpy(dst, (const void *)user, bytes);
	return 0;
}

int lx_load32(uint32_t *out, const uint32_t *src)
{
	*out = *src;
	return 0;
}

int lx_cmpxchg32(uint32_t *address, uint32_t *expected, uint32_t desired)
{
	return __atomic_compare_exchange_n(address, expected, desired, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST)
		       ? 0
		       : 1;
}

enum tessera_error ts_call(cap_t ep, struct ipc_msg *m, uint64_t deadline_ns)
{
	(void)ep;
	(void)deadline_ns;
	fake_last_operation = MSG_TAG_OP(m->tag);
	fake_calls++;
	m->tag = MSG_TAG(fake_answer, 4, 0);
	memset(m->w, 0, sizeof(m->w));
	return E_OK;
}

enum tessera_error ts_signal(cap_t notification, uint64_t bits)
{
	uint32_t slot = notification & 63u;
	(void)bits;
	if (slot < FAKE_THREADS)
		fake[slot].signals++;
	return E_OK;
}

enum tessera_error ts_cnode_delete(slot_t slot, uint64_t limit)
{
	(void)limit;
	fake_deleted = slot;
	return E_OK;
}
