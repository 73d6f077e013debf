/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The label table: what services may know of the process behind a message without asking `proc`.
 * Region `labels`: proc writes, vfs, tty, mem and root read.  A writer bumps seq to odd, writes, bumps it to even.
 * An entry counts only if its generation equals the label's.
 */
#pragma once

#include <tessera/types.h>

#define LABEL_THREAD(label) ((uint32_t)((label) & 0xffffu))
#define LABEL_PROCESS(label) ((uint32_t)(((label) >> 16) & 0xffffu))
#define LABEL_GENERATION(label) ((uint32_t)((label) >> 32))
#define LABEL_NATIVE (1ull << 63)
#define LABEL_MAKE(generation, process, thread) \
	(((uint64_t)(generation) << 32) | ((uint64_t)(process) << 16) | (uint64_t)(thread))

#define LABEL_PROCESSES 512u /* index 0 is none */
#define LABEL_THREADS 2048u  /* index 0 is none */
#define LABEL_GROUPS 32u
#define HOST_NAME_BYTES 65u /* with the NUL; proc.host */
#define HOST_SET_NAME 1u
#define HOST_SET_DOMAIN 2u
#define LABEL_LIMITS 16u
#define LABEL_CPUS 64u

enum label_state { LABEL_FREE = 0, LABEL_RUNNING, LABEL_SLEEPING, LABEL_STOPPED, LABEL_ZOMBIE, LABEL_DEAD };

struct label_process {
	uint32_t seq;
	uint32_t generation; /* 31 bits, never 0 */
	uint32_t state;	     /* enum label_state */
	uint32_t pid, ppid, pgid, sid;
	uint32_t uid, euid, suid, fsuid;
	uint32_t gid, egid, sgid, fsgid;
	uint32_t group_count;
	uint32_t groups[LABEL_GROUPS];
	uint64_t limit_soft[LABEL_LIMITS]; /* RLIMIT_* */
	uint32_t threads, nice;
	uint32_t space; /* mem's address space */
	uint32_t exit_signal;
	uint64_t start_ns; /* since boot */
	/* Refreshed by proc when asked through the procfs ring, and at exit; of children that were waited for. */
	uint64_t user_ns, system_ns, children_user_ns, children_system_ns;
	uint64_t old_faults, children_faults; /* page faults before the last exec; of children */
	uint64_t arg_start, arg_end, env_start, env_end, brk_start,
		stack_start; /* in the program, from exec */
	uint64_t signals_pending, signals_blocked, signals_ignored, signals_caught;
	char name[16]; /* comm */
	char exe[256]; /* path given to exec, for /proc/pid/exe */
	uint64_t limit_hard[LABEL_LIMITS];
	uint32_t is_session_leader_lost;
	uint32_t no_new_privs;
	int32_t oom_score_adj;
	uint32_t cpu;	   /* of its first thread */
	uint64_t cpu_mask; /* where that may run */
	uint32_t reserved[10];
};
/* Around what proc writes: readers on other CPUs see seq odd, or changed. */
static inline void label_write_begin(struct label_process *entry)
{
	__atomic_store_n(&entry->seq, entry->seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}
static inline void label_write_end(struct label_process *entry)
{
	__atomic_store_n(&entry->seq, entry->seq + 1, __ATOMIC_RELEASE);
}

static_assert(sizeof(struct label_process) <= 1280, "label_process stays small");

struct label_thread {
	uint32_t generation;
	uint16_t process; /* index */
	uint16_t state;	  /* enum label_state */
	uint32_t tid;
	uint32_t next; /* next thread of the process, 0: none */
	char name[16];
	uint64_t user_ns, system_ns;
	uint32_t cpu, reserved;
	uint64_t cpu_mask; /* where it may run */
};

/* Upward requests: rings in region `labels`' second part are NOT used; see rings.h */
struct label_table {
	struct label_process process[LABEL_PROCESSES];
	struct label_thread thread[LABEL_THREADS];
	uint64_t process_high;						   /* highest process index in use */
	uint64_t processes, threads, forks, running, load1, load5, load15; /* loads: 16.16 fixed point */
	char host_name[HOST_NAME_BYTES], domain_name[HOST_NAME_BYTES];
	uint64_t cpu_count;
	/* Processor time of all threads that are or were, by CPU: of the last refresh. */
	struct {
		uint64_t user_ns, system_ns;
	} cpu[LABEL_CPUS];
	uint64_t refreshed; /* counts refreshes of the times (asked through rings.h) */
};
