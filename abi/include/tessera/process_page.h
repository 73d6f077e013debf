/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The page a Linux process shares with proc (region `procpages`, one per process), and the format of exec's strings.
 * proc believes nothing here beyond what concerns the process itself.
 */
#pragma once

#include <tessera/types.h>

#define PERSONALITY_IMAGE_BASE 0x7fff00000000ull
#define EXEC_AREA_VA 0x7fff40000000ull
#define EXEC_AREA_MAX_BYTES 0x400000ull
#define PERSONALITY_HEAP_VA 0x7fff50000000ull
#define PERSONALITY_HEAP_BYTES 0x10000000ull
#define MESSAGE_PAGE_VA \
	0x7fff60000000ull /* + thread slot * 4096; shares a page table with the first stacks */
#define PERSONALITY_STACK_VA 0x7fff60040000ull
#define PERSONALITY_STACK_STRIDE 0x10000ull /* upper half used, lower half guard */
#define WINDOW_VA 0x7fff70000000ull
#define WINDOW_BYTES 0x10000000ull
#define PROCESS_PAGE_VA \
	0x7fffffff0000ull   /* a vfork child in thread slot t of its parent's space: - t * 4096 */
#define PROCESS_THREADS 64u /* threads a process may have */

/* Capability addresses in a Linux process */
#define LX_CAP_MEM 1u
#define LX_CAP_PROC 2u
#define LX_CAP_LOG 4u
#define LX_CAP_NOTIFICATION(slot) \
	(0x100u + (((slot) >> 6) << 8) + ((slot) & 63u)) /* thread leaf: 64 slots, root slot 1 */
#define LX_SCRATCH(i) (0x800u + (i))
#define LX_SCRATCH_CWD 1u
#define LX_SCRATCH_ROOT 2u
#define LX_SCRATCH_EXE 3u
#define LX_SCRATCH_OLD_EXE 6u /* where exec keeps the old one until it succeeds; proc empties it then */
#define LX_SCRATCH_THREAD(slot) (8u + (slot)) /* scratch leaf: 128 slots */
#define LX_SCRATCH_PATH(slot) (72u + (slot))  /* the last threads have none */
#define LX_SCRATCH_SLOTS 128u
#define LX_FD_ADDRESS(fd) (((16u + ((fd) >> 6)) << 8) | ((fd) & 63u))
#define LX_FD_LEAF_SLOTS 64u
#define LX_FD_LEAVES 48u /* root slots 16 to 63, the last of a root of 4 KiB */
#define LX_FD_MAX (LX_FD_LEAVES * LX_FD_LEAF_SLOTS)
#define LX_ROOT_LOG2 6u
#define LX_SERVICE_LEAF_LOG2 5u
#define LX_THREAD_LEAF_LOG2 6u
#define LX_SCRATCH_LOG2 7u
#define LX_FD_LEAF_LOG2 6u

#define LX_SIGNALS 64u

/* Personality options (flags, from the command line) */
#define LX_FLAG_STRACE 0x1u

struct process_thread {
	uint64_t blocked; /* personality writes: the thread's signal mask */
	uint64_t pending; /* proc writes: summary of the thread's queue */
	uint32_t tid;	  /* proc writes; 0: slot free */
	uint16_t label_index;
	uint16_t cpu;	     /* proc writes: where it runs */
	uint32_t vfork_done; /* proc writes 1 when the vfork child of this thread has left the space */
	uint32_t
		waiting_mask_valid; /* personality: 1 while in sigtimedwait/sigsuspend, `blocked` is then what it waits with */
	/*
	 * Personality writes: counter ticks spent in the personality and in what it calls, waits excluded. Negative (bit 63)
	 * while the thread is in there: the counter at its entry is taken off and comes back at its exit.
	 */
	uint64_t system_ticks;
};

struct process_page {
	/* proc writes */
	uint32_t pid, ppid, pgid, sid;
	uint32_t uid, euid, suid, gid, egid, sgid;
	uint32_t flags;			/* LX_FLAG_* */
	uint32_t is_secure;		/* AT_SECURE */
	uint64_t pending;		/* summary of the process queue */
	uint64_t exec_area, exec_pages; /* where exec's strings lie in this space */
	uint64_t personality_base;
	uint64_t limit_stack, limit_nofile, limit_fsize, limit_data, limit_as;
	uint64_t random[4];  /* fresh at exec and fork */
	uint64_t start_mode; /* 0: first start of pid 1 (open /dev/ttyS0 by itself), 1: exec */
	/* personality writes, for itself */
	uint64_t handler[LX_SIGNALS];	   /* 0 SIG_DFL, 1 SIG_IGN, else caught; index signal - 1 */
	uint64_t action_flags[LX_SIGNALS]; /* SA_*: NOCLDSTOP, NOCLDWAIT are read by proc */
	uint64_t arg_start, arg_end, env_start, env_end, brk_start, stack_start;
	char name[16]; /* comm, at exec */
	uint32_t umask, reserved;
	struct process_thread thread[PROCESS_THREADS];
};
static_assert(sizeof(struct process_page) <= 4096, "one page");

/* exec's strings, at the start of the area; offsets from the area's start. */
#define EXEC_MAGIC 0x43455845u
struct exec_area {
	uint32_t magic;
	uint32_t argc, envc;
	uint32_t flags;				/* EXEC_* */
	uint64_t strings_offset, strings_bytes; /* argv strings then envp strings, each NUL-terminated */
	uint64_t path_offset, path_bytes;	/* AT_EXECFN and /proc/pid/exe, without NUL */
	uint64_t total_bytes;
};
