/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Locks, the personality's heap, waiting, time, the log: what everything else stands on.
 *
 * The heap hands out powers of two from 64 bytes to 64 KiB from free lists, over memory that is present from the start
 * (demand zero) and never goes back. A freed piece is cleared when it is handed out again.
 */
#include <tessera/file.h>
#include <tessera/proto/proc.h>
#include <tessera/proto/root.h>

#include "lx/lx.h"
#include "lx/text.h"
#include "lx/thread.h"

struct lx_process lx_main;

static const struct time_page *const clock_page = (const struct time_page *)TIME_PAGE_VA;

size_t strlen(const char *s)
{
	size_t n = 0;
	while (s[n] != '\0')
		n++;
	return n;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;
	for (size_t i = 0; i < n; i++) {
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	}
	return 0;
}

/* ---------------------------------------------------------------- locks */

void lx_lock(struct lx_lock *lock)
{
	uint32_t own = lx_self()->tid;
	for (;;) {
		uint32_t seen = 0;
		if (__atomic_compare_exchange_n(&lock->word, &seen, own, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return;
		if (seen && !lx_thread_lives(seen) &&
		    __atomic_compare_exchange_n(&lock->word, &seen, own, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return;
		(void)ts_yield();
	}
}

void lx_unlock(struct lx_lock *lock)
{
	__atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
}

/* ---------------------------------------------------------------- heap */

#define HEAP_MIN_LOG2 6u
#define HEAP_CLASSES 11u /* 64 bytes to 64 KiB */

struct heap_piece {
	struct heap_piece *next;
};

static struct {
	struct lx_lock lock;
	uint64_t used;
	struct heap_piece *freed[HEAP_CLASSES];
} heap;

static uint32_t heap_class(size_t bytes)
{
	uint32_t class = 0;
	while (((size_t)1 << (class + HEAP_MIN_LOG2)) < bytes)
		class ++;
	return class;
}

void *lx_alloc(size_t bytes)
{
	uint32_t class = heap_class(bytes);
	if (class >= HEAP_CLASSES)
		return NULL;
	size_t rounded = (size_t)1 << (class + HEAP_MIN_LOG2);
	lx_lock(&heap.lock);
	struct heap_piece *piece = heap.freed[class];
	bool is_fresh = piece == NULL;
	if (!is_fresh) {
		heap.freed[class] = piece->next;
	} else {
		uint64_t at = lx_align_up(heap.used, lx_min(rounded, LX_PAGE));
		if (PERSONALITY_HEAP_VA + at + rounded <= LX_EXEC_BUFFER) {
			piece = (struct heap_piece *)(PERSONALITY_HEAP_VA + at);
			heap.used = at + rounded;
		}
	}
	lx_unlock(&heap.lock);
	if (piece && !is_fresh)
		memset(piece, 0, rounded);
	return piece;
}

void lx_free(void *memory, size_t bytes)
{
	if (!memory)
		return;
	uint32_t class = heap_class(bytes);
	struct heap_piece *piece = memory;
	lx_lock(&heap.lock);
	piece->next = heap.freed[class];
	heap.freed[class] = piece;
	lx_unlock(&heap.lock);
}

void lx_heap_lock(void)
{
	lx_lock(&heap.lock);
}

void lx_heap_unlock(void)
{
	lx_unlock(&heap.lock);
}

/* ---------------------------------------------------------------- results, time, waiting */

long lx_result(int status)
{
	if (status == 0)
		return 0;
	if (status == ST_WOULD_BLOCK)
		return -EAGAIN;
	if (status > 0)
		return status < 4096 ? -status : -EIO;
	switch (-status) {
	case E_CAP:
	case E_TYPE:
	case E_RIGHTS: return -EBADF;
	case E_NO_MEMORY:
	case E_NO_TABLE: return -ENOMEM;
	default: return -EIO;
	}
}

uint64_t lx_rdtsc(void);

static uint64_t clock_read(uint64_t *wall_offset)
{
	uint32_t seq;
	uint64_t ns;
	do {
		seq = __atomic_load_n(&clock_page->seq, __ATOMIC_ACQUIRE);
		uint64_t ticks = lx_rdtsc() - clock_page->tsc_base;
		ns = (uint64_t)(((unsigned __int128)ticks * clock_page->mult) >> (clock_page->shift & 63));
		*wall_offset = clock_page->wall_offset_ns;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while ((seq & 1) || seq != clock_page->seq);
	return ns;
}

uint64_t lx_now(void)
{
	uint64_t wall;
	return clock_read(&wall);
}

uint64_t lx_wall_offset(void)
{
	uint64_t wall;
	(void)clock_read(&wall);
	return wall;
}

void lx_time_enter(struct lx_thread *self)
{
	uint64_t *ticks = &self->shared->system_ticks;
	if (!(*ticks >> 63))
		*ticks -= lx_rdtsc();
}

void lx_time_leave(struct lx_thread *self)
{
	uint64_t *ticks = &self->shared->system_ticks;
	if (*ticks >> 63)
		*ticks += lx_rdtsc();
}

bool lx_signal_waits(struct lx_thread *self)
{
	return (__atomic_load_n(&self->page->sticky, __ATOMIC_ACQUIRE) & STICKY_INTERRUPT) != 0;
}

long lx_wait(struct lx_thread *self, uint64_t deadline)
{
	if (lx_signal_waits(self))
		return -ERESTARTSYS;
	lx_time_leave(self);
	enum tessera_error error = ts_wait(LX_CAP_NOTIFICATION(self->slot), deadline, NULL);
	lx_time_enter(self);
	switch (error) {
	case E_OK: return 0;
	case E_TIMEOUT: return -ETIMEDOUT;
	case E_INTERRUPTED:
		__atomic_or_fetch(&self->page->sticky, STICKY_INTERRUPT, __ATOMIC_RELEASE);
		return -ERESTARTSYS;
	default: lx_panic("wait failed: error, slot", (uint64_t)error, self->slot);
	}
}

/* ---------------------------------------------------------------- log */

void lx_log(uint32_t level, const char *text, size_t bytes)
{
	struct msg_page *page = lx_self()->page;
	bytes = lx_min(bytes, ROOT_LOG_IN_MAX);
	memcpy(root_log_in_data(page), text, bytes);
	struct root_log_in in = {.level = level, .data_len = (uint32_t)bytes};
	struct root_log_out out;
	(void)root_log(LX_CAP_LOG, page, &in, &out);
}

void lx_report(const char *text, size_t bytes)
{
	struct msg_page *page = lx_self()->page;
	struct proc_report_in in = {.data_len = (uint32_t)lx_min(bytes, PROC_REPORT_IN_MAX)};
	struct proc_report_out out;
	memcpy(proc_report_in_data(page), text, in.data_len);
	(void)proc_report(LX_CAP_PROC, page, &in, &out);
}

void lx_exit_process(uint32_t wait_status)
{
	struct proc_exit_in in = {.status = wait_status, .group = 1};
	struct proc_exit_out out;
	(void)proc_exit(LX_CAP_PROC, lx_self()->page, &in, &out);
	for (;;)
		(void)ts_wait(LX_CAP_NOTIFICATION(lx_self()->slot), DEADLINE_NEVER, NULL);
}

void lx_panic(const char *text, uint64_t a, uint64_t b)
{
	struct lx_text line;
	text_start(&line);
	text_string(&line, "personality: ");
	text_string(&line, text);
	text_string(&line, " ");
	text_hex(&line, a);
	text_string(&line, " ");
	text_hex(&line, b);
	lx_report(line.bytes, line.length);
	lx_exit_process(SIGKILL);
}
