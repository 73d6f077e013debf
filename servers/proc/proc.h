/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * proc: processes, threads, signals, identity of Linux programs.  The structures all files of the server share.
 *
 * Everything is in tables of fixed size indexed by the label's numbers; index 0 is none.  The server is one thread and
 * handles one request at a time, so nothing here is locked.  What a process writes into its process page is a hint
 * about that process alone: it is read once and checked.
 *
 * Life of a process:  FREE -> LIVE (fork, pid 1) -> [STOPPED <-> LIVE] -> ZOMBIE (its kernel objects are gone) -> FREE (waited for).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <quota.h>
#include <tessera/invoke.h>
#include <tessera/labels.h>
#include <tessera/process_page.h>
#include <tessera/rings.h>

#define PID_MAX 32768u
#define INIT_PID 1u
#define MAX_SPACES LABEL_PROCESSES
#define SIGNAL_ENTRIES 4096u /* queued signals of all processes together */
#define SIGINFO_BYTES 128u
#define QUOTA_SIGNALS \
	0u /* quota.h: queued signals; an ordinary user has a quarter of all, and at most RLIMIT_SIGPENDING */
#define FD_LEAVES LX_FD_LEAVES
#define RUSAGE_BYTES 144u
#define UNIMPLEMENTED_NUMBERS 512u

typedef uint16_t process_ref;
typedef uint16_t thread_ref;
typedef uint16_t space_ref;
typedef uint16_t signal_ref;

/* Processor time as Linux splits it: in the program; in the personality and in services for it (process_page.h). */
struct cpu_time {
	uint64_t user_ns, system_ns;
};

enum process_state { PROCESS_FREE = 0, PROCESS_LIVE, PROCESS_ZOMBIE };

/* An address space of mem's; shared by vfork children. */
struct space {
	uint32_t refs;	     /* processes in it; 0: free entry */
	bool is_low;	     /* mem had hardly anything left when it was made */
	uint32_t id;	     /* mem's number */
	uint64_t slots_used; /* thread slots, one bit each */
	cap_t mem, vspace, fault;
	uint64_t start_entry, personality_base;
	struct personality_config config;
};

/* Signals waiting for a thread or a process: at most one entry for each standard signal, a queue for real-time ones. */
struct signal_queue {
	uint64_t pending; /* bit signal - 1 */
	signal_ref first, last;
};

struct signal_entry {
	signal_ref next;
	uint16_t signal;
	uint16_t account; /* QUOTA_SIGNALS: of the receiver's user, as on Linux */
	uint16_t reserved;
	uint8_t info[SIGINFO_BYTES];
};

struct timer {
	bool is_used;
	uint8_t signal;
	uint8_t notify; /* SIGEV_* */
	uint32_t overrun;
	uint32_t clock;
	uint64_t expires_ns; /* absolute, 0: disarmed */
	uint64_t interval_ns;
	uint64_t value; /* sigev_value */
	uint32_t tid;	/* SIGEV_THREAD_ID */
};
#define TIMERS 32u /* timer_create's, each process */
#define ITIMERS 3u

struct thread {
	uint32_t generation;
	uint32_t tid;
	process_ref process;
	thread_ref next; /* of the process */
	uint8_t slot;	 /* thread slot in its address space */
	bool is_waiting_child;
	bool is_vfork_waiting;
	bool has_own_unit; /* the Thread lies in its own pool unit, not in the process's bundle */
	cap_t thread, sched;
	cap_t unit, sched_unit; /* the pools' Untypeds, with has_own_unit */
	struct signal_queue queue;
	uint64_t clear_tid, robust_head;
	uint64_t consumed_ns; /* last known */
	uint64_t cpu_mask;    /* sched_setaffinity; CPUs that there are not count as absent */
	uint8_t cpu;	      /* where it runs, with is_placed */
	bool is_placed;
	struct cpu_time told;	   /* by thread_time, last */
	struct cpu_time elsewhere; /* what it did on CPUs it has left */
	char name[16];
};

struct process {
	enum process_state state;
	uint32_t generation;
	uint32_t pid, pgid, sid;
	process_ref parent, first_child, next_sibling, prev_sibling;
	space_ref space;
	uint8_t main_slot;  /* thread slot of the first thread: says where the process page is */
	thread_ref threads; /* first; the leader is the one whose tid is pid */
	uint32_t thread_count;
	/* identity */
	uint32_t uid, euid, suid, fsuid, gid, egid, sgid, fsgid;
	uint32_t group_count, groups[LABEL_GROUPS];
	bool no_new_privs, is_secure, is_subreaper;
	uint32_t parent_death_signal;
	int32_t nice;
	int16_t oom_adj; /* oom_score_adj */
	uint64_t limit_soft[LABEL_LIMITS], limit_hard[LABEL_LIMITS];
	/* kernel objects */
	cap_t bundle; /* Untyped of the pool holding what follows */
	cap_t root_cnode, service_leaf, thread_leaf, scratch, fd_leaf[FD_LEAVES];
	cap_t fd_unit[FD_LEAVES];
	uint32_t fd_leaves; /* no leaf from this number on */
	cap_t notification[PROCESS_THREADS], notification_unit[PROCESS_THREADS];
	/* signals */
	struct signal_queue queue;
	bool is_stopped, is_stop_reported, is_continue_reported, is_killed;
	uint32_t stop_signal;
	/* ending */
	uint32_t exit_status, exit_signal;
	bool is_ending, has_execed;
	thread_ref vfork_parent; /* thread that waits for our exec or end */
	uint32_t vfork_generation;
	uint64_t start_ns;
	struct cpu_time ended_threads, children;
	uint64_t faults, children_faults; /* page faults in spaces that are gone; of children waited for */
	struct timer itimer[ITIMERS];
	struct timer timers[TIMERS];
	bool has_timers;
	uint64_t cpu_look_ns; /* when RLIMIT_CPU is compared again */
	char name[16];
	char exe[256];
};

/* The server's state. */
struct proc_state {
	struct process process[LABEL_PROCESSES];
	struct thread thread[LABEL_THREADS];
	struct space space[MAX_SPACES];
	struct signal_entry signal[SIGNAL_ENTRIES];
	signal_ref signal_free;
	uint32_t next_generation, last_pid;
	uint32_t live_processes, live_threads, zombies;
	process_ref process_high;
	struct label_table *labels;
	struct process_page *pages; /* region procpages; page i belongs to process i */
	uint32_t page_count, cpu_count;
	uint32_t threads_on[LABEL_CPUS];
	struct cpu_time done[LABEL_CPUS]; /* by threads that have ended or run on another CPU now */
	struct upcall_ring *upcalls_tty, *upcalls_vfs;
	cap_t mem, vfs, tty, waiters, vfs_notify, receive;
	struct msg_page *page; /* the server thread's message page */
	uint32_t personality_flags;
	uint64_t unimplemented
		[UNIMPLEMENTED_NUMBERS]; /* calls answered ENOSYS, by number; the last: all beyond */
};
extern struct proc_state proc;

static inline struct process *process_at(process_ref index)
{
	return &proc.process[index];
}
static inline struct thread *thread_at(thread_ref index)
{
	return &proc.thread[index];
}
static inline process_ref process_index(const struct process *p)
{
	return (process_ref)(p - proc.process);
}
static inline thread_ref thread_index(const struct thread *t)
{
	return (thread_ref)(t - proc.thread);
}
static inline struct process_page *process_page(const struct process *p)
{
	return (struct process_page *)((char *)proc.pages + (size_t)process_index(p) * 4096u);
}
static inline struct space *space_at(space_ref index)
{
	return &proc.space[index];
}

/* ---- table.c: allocation, lookup, publishing ---- */

void table_init(void);
struct process *process_alloc(bool may_take_last); /* NULL: table full, but for the last places */
void process_free(struct process *p);		   /* after it was waited for */
struct thread *thread_alloc(struct process *p, uint32_t tid);
void thread_free(struct thread *t);		  /* unlinked from its process */
uint32_t pid_alloc(void);			  /* 0: none left */
struct process *process_by_pid(uint32_t pid);	  /* live or zombie; NULL: none */
struct thread *thread_by_tid(uint32_t tid);	  /* NULL: none */
struct process *process_by_label(uint64_t label); /* NULL: not one of ours, or dead */
struct thread *thread_by_label(uint64_t label);
struct thread *process_leader(const struct process *p); /* first thread */
bool pgid_is_in_session(uint32_t pgid, uint32_t sid);
bool pid_is_in_use(uint32_t pid);	       /* as pid, tid, pgid or sid */
void publish_process(const struct process *p); /* label table and process page */
void publish_thread(const struct thread *t);
void publish_state(const struct process *p);
void child_link(struct process *parent, struct process *child);
void child_unlink(struct process *child);
uint64_t now_ns(void);

/* ---- kobject.c: kernel objects of processes and threads ---- */

/* All return 0 or a Linux errno; on failure nothing is left behind. */
int bundle_create(struct process *p, struct thread *t, const struct space *s);
void bundle_destroy(struct process *p);
int thread_object_create(struct process *p, struct thread *t, const struct space *s);
void thread_object_destroy(struct thread *t);
int fd_leaf_create(struct process *p, uint32_t leaf);
int notification_create(struct process *p, uint32_t slot);
/* Where and with what a thread starts. */
struct thread_start {
	uint64_t ip, sp, fs_base, rdi, rsi;
	cap_t fpu_from; /* 0: reset */
	bool is_page_cleared;
};
int thread_start(struct thread *t, const struct space *s, const struct thread_start *start);
int copy_descriptors(const struct process *from, struct process *to);
void wake_thread(const struct thread *t);      /* signals its Notification */
void interrupt_thread(const struct thread *t); /* thread_interrupt: it will look for signals */
void suspend_thread(const struct thread *t);
void resume_thread(const struct thread *t);
int thread_set_home(const struct thread *t, uint32_t cpu); /* 0 or EAGAIN */
void thread_barrier(const struct thread *t); /* its CPU, if it runs, has ordered its memory accesses */
void waiters_set(struct thread *t);
void waiters_clear(const struct thread *t);
uint64_t thread_consumed_ns(struct thread *t);
uint64_t ticks_ns(uint64_t ticks); /* of a thread's system_ticks, inside or outside */
uint64_t kobject_untyped_free(void);
uint64_t kobject_slots_free(void);
void kobject_init(void);

/* ---- space.c: address spaces ---- */

int space_create(process_ref page, struct space **out);
int space_fork(const struct space *parent, process_ref page, struct space **out);
uint64_t space_faults(const struct space *s);	/* page faults so far */
uint64_t space_resident(const struct space *s); /* pages */
bool space_is_short(const struct space *s);	/* a fault of it found no memory, and there is hardly any */
bool space_memory_is_low(void);			/* what mem has left is hardly enough for a program */
uint64_t space_total_pages(void);		/* of the machine, for programs */
/* The last user's: destroyed; the page faults of its life, else 0. */
uint64_t space_put(struct space *s, const struct process *user);
int space_slot_take(struct space *s, uint32_t wanted, uint32_t *slot); /* wanted: 0.. or ~0 for any from 1 */
void space_slot_put(struct space *s, uint32_t slot);
void space_release_robust(const struct space *s, uint64_t head, uint32_t tid);
void space_write_word(const struct space *s, uint64_t address,
		      uint32_t value); /* and wakes a shared futex there */
void space_set_limits(const struct space *s, uint64_t as_bytes, uint64_t data_bytes, uint64_t stack_bytes);

/* ---- main.c: what proc tells others ---- */

void system_ended(uint32_t code);	 /* pid 1 has ended */
bool session_has_terminal(uint32_t sid); /* asks tty */
void session_ended(uint32_t sid);	 /* its leader has ended: tty hangs up */

/* ---- placement.c: which CPU a thread runs on ---- */

void placement_init(void);
uint64_t cpus_present(void);	       /* one bit each */
int thread_place(struct thread *t);    /* before it starts; nothing if it is placed. 0 or EAGAIN */
void thread_unplace(struct thread *t); /* it is gone, or moves */
int thread_set_cpus(struct thread *t, uint64_t mask); /* EINVAL: no such CPU; EAGAIN */
void thread_time_ended(struct thread *t);	      /* its last time, for its CPU and its process */
void publish_cpu_times(void);			      /* to the label table */

/* ---- identity.c ---- */

void host_init(void);
void host_set(uint32_t which, const char *name, uint32_t length); /* HOST_SET_*; fewer than HOST_NAME_BYTES */

/* ---- oom.c ---- */

#define OOM_ADJ_MIN (-1000)
#define OOM_ADJ_MAX 1000
/* A fork or exec of p found nothing or little left. True: p is root's shell or its child, somebody else was ended. */
bool oom_relieve(const struct process *p);
/* Whether it leads a session of root's that has a terminal. */
bool is_roots_shell(const struct process *p);
int proc_oom_adjust(struct process *p, int32_t adjustment); /* EINVAL */

/* ---- report.c ---- */

#define REPORT_BYTES 240u
void report_init(void);
/* A line about a process for the log, unless there have been too many. */
void report_line(const struct process *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- exit.c, wait.c ---- */

/* Ends a process: status as wait reports it. Its caller's Reply, if it is in a call to us, dies with its thread. */
void process_end(struct process *p, uint32_t status);
/* The locks that a thread holds and has announced (set_robust_list) are released: it ends, or its memory is replaced. */
void robust_release(const struct process *p, struct thread *t);
void thread_end(struct thread *t);
void parent_notify(struct process *p, uint32_t code, uint32_t status); /* SIGCHLD and wake-up of waiters */
void vfork_release(struct process *p);
void process_reap(struct process *p);		 /* a zombie whose status was taken */
struct cpu_time thread_time(struct thread *t);	 /* neither part ever becomes less */
struct cpu_time process_time(struct process *p); /* of all its threads, ended ones too */
void cpu_time_add(struct cpu_time *to, struct cpu_time more);

/* ---- signal.c ---- */

struct siginfo_head { /* the start of Linux' siginfo_t, x86_64 */
	int32_t signo, error, code, pad;
	union {
		struct {
			int32_t pid;
			uint32_t uid;
			int32_t status;
			int32_t pad2;
			int64_t utime, stime;
		} child;
		struct {
			int32_t pid;
			uint32_t uid;
			uint64_t value;
		} rt;
		struct {
			int32_t id, overrun;
			uint64_t value;
		} timer;
		uint64_t address;
		uint8_t bytes[SIGINFO_BYTES - 16];
	} u;
};
static_assert(sizeof(struct siginfo_head) == SIGINFO_BYTES, "siginfo is 128 bytes");

void signal_init(void);
/* Sends to a process (t NULL) or one of its threads. 0 or EAGAIN (queue full). May end the process. */
int signal_send(struct process *p, struct thread *t, uint32_t signal, const struct siginfo_head *info);
int signal_send_kernel(struct process *p, uint32_t signal); /* SI_KERNEL */
void signal_group(uint32_t pgid, uint32_t signal);
void signal_queue_clear(struct signal_queue *q);
void signal_recheck(struct process *p, struct thread *t);
bool signal_has_deliverable(struct process *p, struct thread *t);
bool group_is_orphaned(uint32_t pgid);
void signal_orphaned_group(uint32_t pgid);

/* ---- clock.c: timers ---- */

uint64_t timers_next_deadline(void); /* absolute ns, ~0: none */
void timers_run(void);
void timers_clear(struct process *p);
void timers_limit_changed(struct process *p); /* RLIMIT_CPU was set or inherited */

/* ---- table.c, for fork and exec ---- */

void process_enter(struct process *p); /* pid, pgid, sid are set: into the maps */
void process_set_group(struct process *p, uint32_t pgid);
void process_set_session(struct process *p, uint32_t sid);
void thread_set_tid(struct thread *t, uint32_t tid);

/* ---- fork.c, exec.c ---- */

int process_start_init(void); /* pid 1; 0 or errno */
void process_random(struct process_page *page);
void process_name_set(struct process *p, const char *path, size_t length);

/* ---- stop.c ---- */

void process_stop(struct process *p, uint32_t signal);
void process_continue(struct process *p);
