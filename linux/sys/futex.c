/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Futexes. Words in private memory have their queues here, sleeping on thread Notifications; words in shared memory have
 * them in mem. Which it is says the program's FUTEX_PRIVATE_FLAG, or else mem about the address.
 *
 * Invariant: a thread is in at most one queue; it is there exactly while futex_woken is 0 and it is inside wait_private.
 * All queues are guarded by one lock, which is held over the word's load (that may fault and wait for mem, nothing else).
 */
#include <linux/futex.h>
#include <tessera/memory.h>
#include <tessera/proto/mem.h>

#include "sys.h"
#include "lx/thread.h"
#include "lx/when.h"

#define BUCKETS 64u
#define COMMAND(operation) ((operation) & (uint32_t)FUTEX_CMD_MASK)
#define OPARG_SHIFT_BIT ((uint32_t)FUTEX_OP_OPARG_SHIFT << 28)

static struct {
	struct lx_lock lock;
	struct lx_thread *bucket[BUCKETS];
} queues;

void lx_futex_lock(void)
{
	lx_lock(&queues.lock);
}

void lx_futex_unlock(void)
{
	lx_unlock(&queues.lock);
}

void lx_futex_reset(void)
{
	memset(queues.bucket, 0, sizeof(queues.bucket));
}

static struct lx_thread **bucket_of(uint64_t address)
{
	return &queues.bucket[(address >> 2 ^ address >> 12) % BUCKETS];
}

/* At the end: wake-ups are in the order of arrival. */
static void enqueue(struct lx_thread *thread, uint64_t address, uint32_t bitset)
{
	struct lx_thread **link = bucket_of(address);
	while (*link)
		link = &(*link)->futex_next;
	thread->futex_next = NULL;
	thread->futex_address = address;
	thread->futex_bitset = bitset;
	thread->futex_woken = 0;
	*link = thread;
}

static void dequeue(struct lx_thread *thread)
{
	struct lx_thread **link = bucket_of(thread->futex_address);
	while (*link && *link != thread)
		link = &(*link)->futex_next;
	if (*link)
		*link = thread->futex_next;
}

static uint32_t wake_locked(uint64_t address, uint32_t count, uint32_t bitset)
{
	struct lx_thread **link = bucket_of(address);
	uint32_t woken = 0;
	while (*link && woken < count) {
		struct lx_thread *thread = *link;
		if (thread->futex_address != address || !(thread->futex_bitset & bitset)) {
			link = &thread->futex_next;
			continue;
		}
		*link = thread->futex_next;
		thread->futex_woken = 1;
		(void)ts_signal(LX_CAP_NOTIFICATION(thread->slot), 1);
		woken++;
	}
	return woken;
}

uint32_t lx_futex_wake_private(uint64_t address, uint32_t count, uint32_t bitset)
{
	lx_futex_lock();
	uint32_t woken = wake_locked(address, count, bitset);
	lx_futex_unlock();
	return woken;
}

static bool is_shared(struct lx_thread *self, uint64_t address, uint32_t operation)
{
	if (operation & FUTEX_PRIVATE_FLAG)
		return false;
	struct mem_query_in in = {.addr = address};
	struct mem_query_out out = {0};
	return mem_query(LX_CAP_MEM, self->page, &in, &out) == 0 && (out.flags & MEM_QUERY_SHARED);
}

/* ---------------------------------------------------------------- waiting */

static long wait_private(struct lx_thread *self, uint64_t address, uint32_t expected, uint32_t bitset,
			 uint64_t deadline)
{
	uint32_t value;
	lx_futex_lock();
	if (lx_load32(&value, (const uint32_t *)address)) {
		lx_futex_unlock();
		return -EFAULT;
	}
	if (value != expected) {
		lx_futex_unlock();
		return -EAGAIN;
	}
	enqueue(self, address, bitset);
	lx_futex_unlock();
	long error = 0;
	while (!__atomic_load_n(&self->futex_woken, __ATOMIC_ACQUIRE) && !error)
		error = lx_wait(self, deadline);
	lx_futex_lock();
	bool was_woken = self->futex_woken;
	if (!was_woken)
		dequeue(self);
	lx_futex_unlock();
	return was_woken ? 0 : error;
}

static long wait_shared(struct lx_thread *self, uint64_t address, uint32_t expected, uint32_t bitset,
			uint64_t deadline)
{
	for (;;) {
		struct mem_futex_wait_in in = {.addr = address, .expected = expected, .bitset = bitset};
		struct mem_futex_wait_out out;
		long error = lx_result(mem_futex_wait(LX_CAP_MEM, self->page, &in, &out));
		if (error)
			return error;
		error = lx_wait(self, deadline);
		struct mem_futex_cancel_in cancel = {.addr = address};
		struct mem_futex_cancel_out cancelled = {0};
		long failed = lx_result(mem_futex_cancel(LX_CAP_MEM, self->page, &cancel, &cancelled));
		if (failed || cancelled.was_woken)
			return 0;
		if (error)
			return error;
	}
}

static long wait_on(struct lx_thread *self, bool shared, uint64_t address, uint32_t expected, uint32_t bitset,
		    uint64_t deadline)
{
	return shared ? wait_shared(self, address, expected, bitset, deadline)
		      : wait_private(self, address, expected, bitset, deadline);
}

static long wait_again(struct lx_thread *self)
{
	const uint64_t *d = self->restart_data;
	long error = wait_on(self, d[4], d[0], (uint32_t)d[1], (uint32_t)d[2], d[3]);
	return error == -ERESTARTSYS ? -ERESTART_RESTARTBLOCK : error;
}

static long futex_wait(struct lx_thread *self, uint64_t address, uint32_t operation, uint32_t expected,
		       uint64_t timeout, uint32_t bitset)
{
	uint64_t deadline = DEADLINE_NEVER;
	struct __kernel_timespec t;
	if (bitset == 0)
		return -EINVAL;
	if (timeout) {
		if (lx_get(&t, timeout, sizeof(t)))
			return -EFAULT;
		if (!lx_timespec_ok(&t))
			return -EINVAL;
		bool is_relative = COMMAND(operation) == FUTEX_WAIT;
		deadline = is_relative ? lx_deadline_after(lx_timespec_ns(&t))
				       : lx_deadline_absolute(&t, operation & FUTEX_CLOCK_REALTIME);
	}
	bool shared = is_shared(self, address, operation);
	long error = wait_on(self, shared, address, expected, bitset, deadline);
	if (error != -ERESTARTSYS || !timeout)
		return error;
	self->restart = wait_again;
	const uint64_t data[5] = {address, expected, bitset, deadline, shared};
	memcpy(self->restart_data, data, sizeof(data));
	return -ERESTART_RESTARTBLOCK;
}

/* ---------------------------------------------------------------- waking */

static long futex_wake(struct lx_thread *self, uint64_t address, uint32_t operation, uint32_t count,
		       uint32_t bitset)
{
	if (bitset == 0)
		return -EINVAL;
	if (!is_shared(self, address, operation))
		return lx_futex_wake_private(address, count, bitset);
	struct mem_futex_wake_in in = {.addr = address, .count = count, .bitset = bitset};
	struct mem_futex_wake_out out = {0};
	long error = lx_result(mem_futex_wake(LX_CAP_MEM, self->page, &in, &out));
	return error ? error : (long)out.woken;
}

static void move_waiters(uint64_t from, uint64_t to, uint32_t count, uint32_t *moved)
{
	struct lx_thread **link = bucket_of(from);
	for (*moved = 0; *link && *moved < count;) {
		struct lx_thread *thread = *link;
		if (thread->futex_address != from) {
			link = &thread->futex_next;
			continue;
		}
		*link = thread->futex_next;
		enqueue(thread, to, thread->futex_bitset);
		(*moved)++;
		if (bucket_of(to) == bucket_of(from) && from == to)
			break;
	}
}

/* Wakes `wake` waiters and moves up to `move` others. In shared memory all of them are woken instead. */
static long futex_requeue(struct lx_thread *self, uint64_t from, uint32_t operation, uint32_t wake,
			  uint32_t move, uint64_t to, const uint32_t *expected)
{
	uint32_t value, moved;
	bool shared = is_shared(self, from, operation);
	if ((int32_t)wake < 0 || (int32_t)move < 0)
		return -EINVAL;
	lx_futex_lock();
	bool is_bad = expected && lx_load32(&value, (const uint32_t *)from);
	if (is_bad || (expected && value != *expected)) {
		lx_futex_unlock();
		return is_bad ? -EFAULT : -EAGAIN;
	}
	if (shared) {
		lx_futex_unlock();
		return futex_wake(self, from, operation, wake + move < wake ? ~0u : wake + move, ~0u);
	}
	uint32_t woken = wake_locked(from, wake, ~0u);
	move_waiters(from, to, move, &moved);
	lx_futex_unlock();
	return expected ? woken + moved : woken;
}

/* FUTEX_WAKE_OP: an operation on the second word decides whether its waiters are woken too. */
static long apply_op(uint64_t address, uint32_t encoded, bool *is_true)
{
	uint32_t op = encoded >> 28 & 0x7, compare = encoded >> 24 & 0xf;
	int32_t op_arg = (int32_t)(encoded << 8) >> 20, compare_arg = (int32_t)(encoded << 20) >> 20;
	if (encoded & OPARG_SHIFT_BIT)
		op_arg = 1 << (op_arg & 31);
	uint32_t old;
	if (lx_load32(&old, (const uint32_t *)address))
		return -EFAULT;
	int done;
	do {
		uint32_t arg = (uint32_t)op_arg;
		uint32_t value = op == FUTEX_OP_SET    ? arg
				 : op == FUTEX_OP_ADD  ? old + arg
				 : op == FUTEX_OP_OR   ? old | arg
				 : op == FUTEX_OP_ANDN ? old & ~arg
						       : old ^ arg;
		if (op > FUTEX_OP_XOR)
			return -ENOSYS;
		done = lx_cmpxchg32((uint32_t *)address, &old, value);
	} while (done == 1);
	if (done < 0)
		return -EFAULT;
	int32_t was = (int32_t)old;
	const bool results[6] = {was == compare_arg, was != compare_arg,
				 was<compare_arg, was <= compare_arg, was> compare_arg, was >= compare_arg};
	if (compare > 5)
		return -ENOSYS;
	*is_true = results[compare];
	return 0;
}

static long futex_wake_op(struct lx_thread *self, uint64_t first, uint32_t operation, uint32_t wake,
			  uint32_t wake2, uint64_t second, uint32_t encoded)
{
	bool is_true = false;
	long error = apply_op(second, encoded, &is_true);
	if (error)
		return error;
	long woken = futex_wake(self, first, operation, wake, ~0u);
	if (woken < 0 || !is_true)
		return woken;
	long more = futex_wake(self, second, operation, wake2, ~0u);
	return more < 0 ? more : woken + more;
}

long sys_futex(uint64_t address, uint32_t operation, uint32_t value, uint64_t timeout, uint64_t second,
	       uint32_t value3)
{
	struct lx_thread *self = lx_self();
	if (address & 3)
		return -EINVAL;
	if (!lx_user_ok(address, 4))
		return -EFAULT;
	bool uses_second = COMMAND(operation) >= FUTEX_REQUEUE && COMMAND(operation) <= FUTEX_WAKE_OP;
	if (uses_second && ((second & 3) || !lx_user_ok(second, 4)))
		return second & 3 ? -EINVAL : -EFAULT;
	switch (COMMAND(operation)) {
	case FUTEX_WAIT: return futex_wait(self, address, operation, value, timeout, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAIT_BITSET: return futex_wait(self, address, operation, value, timeout, value3);
	case FUTEX_WAKE: return futex_wake(self, address, operation, value, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAKE_BITSET: return futex_wake(self, address, operation, value, value3);
	case FUTEX_REQUEUE:
		return futex_requeue(self, address, operation, value, (uint32_t)timeout, second, NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(self, address, operation, value, (uint32_t)timeout, second, &value3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(self, address, operation, value, (uint32_t)timeout, second, value3);
	default: return -ENOSYS; /* priority inheritance */
	}
}
