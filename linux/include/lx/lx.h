/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The personality's state and the helpers everybody uses.
 *
 * Where what lives: struct lx_thread at the top of the thread's personality stack; struct lx_process (the units files,
 * fs, sighand, mm) in the image's bss, or on the heap for a vfork child, which shares the memory but not the units.
 * Locks (struct lx_lock) are taken in the order files, sighand, mm, futex, heap; fork holds all of them. A lock whose owner's
 * has died counts as open: a thread that was killed alone cannot block the others.
 * System calls are `long sys_NAME(the call's arguments)`: the result or a negative errno; they run on the thread's own stack.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tessera/invoke.h>
#include <tessera/process_page.h>
#include <tessera/protocol.h>
#include <tessera/types.h>

#include "lx/layout.h"
#include "lx/uapi.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define NORETURN __attribute__((noreturn))
/* Data of other files: reached relative to RIP, without a GOT (the image has no relocations). */
#define HIDDEN __attribute__((visibility("hidden")))
#define MUST_CHECK __attribute__((warn_unused_result))

/* A program's registers at the door; the layout of struct user_regs with two words of our own at the end. */
struct lx_regs {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rip, rflags;
	struct msg_page *page;
	uint64_t orig_rax; /* number of the system call */
};
static_assert(sizeof(struct lx_regs) == REGS_BYTES, "entry.S");

struct lx_lock {
	uint32_t word; /* 0, or the owner's tid */
};

struct lx_action {
	uint64_t handler, flags, restorer, mask;
};

#define LX_EPOLL_MAX 32u
struct lx_epoll;

struct lx_files {
	struct lx_lock lock;
	uint32_t took_locks; /* a POSIX record lock was taken once: close releases */
	uint64_t leaves;     /* bit n: descriptor leaf n exists */
	uint32_t epolls;     /* epoll[] from here on was never used */
	uint64_t used[LX_FD_MAX / 64];
	uint64_t cloexec[LX_FD_MAX / 64];
	uint64_t no_window[LX_FD_MAX / 64];   /* the server does not know windows (terminals) */
	struct lx_epoll *epoll[LX_EPOLL_MAX]; /* sets, with the descriptor they belong to */
};

struct lx_fs {
	uint32_t umask;
	uint32_t has_root; /* chroot was called: paths carry the root capability */
};

struct lx_sighand {
	struct lx_lock lock;
	uint32_t epolls; /* epoll[] from here on was never used */
	struct lx_action action[LX_SIGNALS];
};

struct lx_process {
	struct process_page *identity; /* the process page, or a vfork child's copy of it */
	bool is_vfork_child;
	bool uses_membarrier;			  /* registered for private expedited barriers */
	bool is_not_dumpable, keeps_capabilities; /* prctl: told back, without effect */
	uint64_t timer_slack_ns;		  /* the same; 0: the default */
	struct lx_fs fs;
	struct lx_sighand sighand;
	struct lx_files files;
};

struct lx_birth {
	struct lx_regs regs;
	struct lx_process *process; /* NULL: the parent's (fork: the copied one) */
	uint64_t blocked, fs_base, gs_base, set_tid, clear_tid;
	uint64_t altstack_sp, altstack_size;
	uint32_t in_use, is_thread;
	uint32_t is_fork, reserved;
};

struct lx_thread {
	struct msg_page *page;
	struct process_page *identity;
	struct process_thread *shared; /* of the real process page: mask and pending summary */
	struct lx_process *process;
	uint32_t slot, tid;
	uint64_t fs_base; /* last one set by us; the register counts where FSGSBASE exists */
	uint64_t gs_base;
	uint64_t altstack_sp, altstack_size;
	uint32_t altstack_flags;
	bool restore_mask; /* saved_mask is to be put back when no handler runs */
	uint64_t saved_mask;
	uint64_t clear_tid, robust_head;
	/* restart_syscall */
	long (*restart)(struct lx_thread *self);
	uint64_t restart_data[6];
	/* the transfer window */
	uint32_t window, window_bytes; /* bytes 0: none yet, ~0: none to be had */
	/* a private futex wait */
	struct lx_thread *futex_next;
	uint64_t futex_address;
	uint32_t futex_bitset;
	uint32_t futex_woken;
	char name[16]; /* of PR_SET_NAME; empty: the process's */
	/* the last page fault that found no memory, and how often in a row */
	uint64_t oom_address;
	uint32_t oom_tries;
};
static_assert(sizeof(struct lx_thread) <= LX_THREAD_BYTES, "fits above the stack");

HIDDEN extern struct lx_process lx_main; /* the process that owns this space */
HIDDEN extern struct personality_entries lx_entries;

/* ---- arch */
static inline struct lx_thread *lx_thread_of_slot(uint32_t slot)
{
	return (struct lx_thread *)(PERSONALITY_STACK_VA + ((uint64_t)slot + 1) * PERSONALITY_STACK_STRIDE -
				    LX_THREAD_BYTES);
}
#ifndef TESSERA_HOST
static inline struct lx_thread *lx_self(void)
{
	uint64_t sp;
	__asm__("movq %%rsp, %0" : "=r"(sp));
	return (struct lx_thread *)((sp | (PERSONALITY_STACK_STRIDE - 1)) + 1 - LX_THREAD_BYTES);
}
#else
struct lx_thread *lx_self(void);
#endif

uint64_t lx_copy(void *dst, const void *src, uint64_t n);
uint64_t lx_clear(void *dst, uint64_t n);
int64_t lx_copy_string(char *dst, const char *src, uint64_t max);
int lx_touch(void *address);
int lx_load32(uint32_t *out, const uint32_t *src);
int lx_cmpxchg32(uint32_t *address, uint32_t *expected, uint32_t desired);
NORETURN void lx_restore(struct msg_page *page);
void lx_child_start(void);
uint64_t lx_fs_base(struct lx_thread *self);
void lx_set_fs_base(struct lx_thread *self, uint64_t base);
uint64_t lx_gs_base(struct lx_thread *self);
void lx_set_gs_base(struct lx_thread *self, uint64_t base);
/* Loads `regs` and leaves for the program, signals first. */
NORETURN void lx_leave(struct lx_regs *regs);
/* Frame of the system call that the calling thread is in. */
static inline struct lx_regs *lx_call_regs(struct lx_thread *self)
{
	return (struct lx_regs *)((uint64_t)self - REGS_BYTES);
}

/* ---- program memory (core/user.c): 0 or -EFAULT; nothing of the personality's part is ever touched */
static inline bool lx_user_ok(uint64_t address, uint64_t bytes)
{
	return address < PERSONALITY_BASE && bytes <= PERSONALITY_BASE - address;
}
MUST_CHECK long lx_get(void *dst, uint64_t user, uint64_t bytes);
MUST_CHECK long lx_put(uint64_t user, const void *src, uint64_t bytes);
/* Length without NUL; -EFAULT; -ENAMETOOLONG when max bytes hold no NUL. */
MUST_CHECK long lx_get_string(char *dst, uint64_t user, uint64_t max);
/* Makes the pages present and writable, at most the first `bytes`. */
MUST_CHECK long lx_touch_range(uint64_t user, uint64_t bytes);

/* ---- small things */
void *memcpy(void *dst, const void *src, size_t n);
void *memset(void *dst, int byte, size_t n);
void *memmove(void *dst, const void *src, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);

static inline uint64_t lx_align_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) & ~(unit - 1);
}
static inline uint64_t lx_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void lx_lock(struct lx_lock *lock);
void lx_unlock(struct lx_lock *lock);

/* Heap of the personality: zeroed memory, at most 64 KiB a piece; NULL when it is full. */
void *lx_alloc(size_t bytes);
void lx_free(void *piece, size_t bytes);
void lx_heap_lock(void);
void lx_heap_unlock(void);
#define LX_EXEC_BUFFER \
	(PERSONALITY_HEAP_VA + 0x8000000ull) /* upper half of the heap: exec builds its strings here */

/* ---- services */
/* A stub's status as a result: 0, or a negative errno. */
long lx_result(int status);

/* Deadline arithmetic: absolute nanoseconds since boot. */
uint64_t lx_now(void);
uint64_t lx_wall_offset(void);

/*
 * System time: the personality notes when a thread comes in and leaves, and takes off what it waits (process_page.h). Calls
 * that are answered in entry.S at once (getpid and its kin) are too short for two looks at the counter and stay user time.
 */
void lx_time_enter(struct lx_thread *self);
void lx_time_leave(struct lx_thread *self);

/* One wait on the thread's Notification: 0 (look again), -ETIMEDOUT, -ERESTARTSYS (a signal may be there). */
MUST_CHECK long lx_wait(struct lx_thread *self, uint64_t deadline);
/* Whether thread_interrupt came: long loops stop at the next chunk. */
bool lx_signal_waits(struct lx_thread *self);

/* A line of the trace; nothing without --strace. */
void lx_log(uint32_t level, const char *text, size_t bytes);
/* A line about this process for the log, whoever traces; proc rations them. */
void lx_report(const char *text, size_t bytes);
void lx_panic(const char *text, uint64_t a, uint64_t b) NORETURN;

NORETURN void lx_exit_process(uint32_t wait_status);
