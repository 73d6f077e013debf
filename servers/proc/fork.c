/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * New processes and threads: fork, vfork, clone, and pid 1.
 *
 * A process is complete before its thread runs; if a step fails everything made so far is taken back and the caller
 * gets EAGAIN or ENOMEM.
 */
#include "proc.h"

#include <errno.h>
#include <string.h>
#include <tessera/proto/mem.h>
#include <tessera/proto/proc_server.h>
#include <tessera/proto/vfs.h>
#include <tessera/service.h>

#define CLONE_EXIT_SIGNAL 0xffu
#define CLONE_VM 0x100u
#define CLONE_VFORK 0x4000u
#define CLONE_PARENT 0x8000u
#define RLIMIT_NPROC 6u
#define RLIM_INFINITY (~0ull)
#define SIGCHLD 17u

__attribute__((target("rdrnd"))) static bool hardware_random(uint64_t *value)
{
	unsigned long long v;
	for (int tries = 0; tries < 10; tries++) {
		if (__builtin_ia32_rdrand64_step(&v)) {
			*value = v;
			return true;
		}
	}
	return false;
}

/* splitmix64 (Steele, Lea, Flood 2014) over time: only where the processor has no generator. */
static uint64_t weak_random(void)
{
	static uint64_t state;
	state += 0x9e3779b97f4a7c15ull + now_ns();
	uint64_t z = state;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

void process_random(struct process_page *page)
{
	const struct time_page *clock = (const struct time_page *)TIME_PAGE_VA;
	for (uint32_t i = 0; i < 4; i++)
		if (!(clock->cpu_features & CPU_FEATURE_RDRAND) || !hardware_random(&page->random[i]))
			page->random[i] = weak_random();
}

static bool is_over_process_limit(const struct process *p)
{
	if (p->uid == 0 || p->limit_soft[RLIMIT_NPROC] == RLIM_INFINITY)
		return false;
	uint64_t count = 0;
	for (process_ref i = 1; i <= proc.process_high; i++) {
		const struct process *other = process_at(i);
		if (other->state != PROCESS_FREE && other->uid == p->uid)
			count += other->state == PROCESS_ZOMBIE ? 1 : other->thread_count;
	}
	return count >= p->limit_soft[RLIMIT_NPROC];
}

static void copy_identity(const struct process *from, struct process *to)
{
	to->pgid = from->pgid;
	to->sid = from->sid;
	to->uid = from->uid;
	to->euid = from->euid;
	to->suid = from->suid;
	to->fsuid = from->fsuid;
	to->gid = from->gid;
	to->egid = from->egid;
	to->sgid = from->sgid;
	to->fsgid = from->fsgid;
	to->group_count = from->group_count;
	memcpy(to->groups, from->groups, sizeof(to->groups));
	to->no_new_privs = from->no_new_privs;
	to->nice = from->nice;
	to->oom_adj = from->oom_adj;
	memcpy(to->limit_soft, from->limit_soft, sizeof(to->limit_soft));
	memcpy(to->limit_hard, from->limit_hard, sizeof(to->limit_hard));
	memcpy(to->name, from->name, sizeof(to->name));
	memcpy(to->exe, from->exe, sizeof(to->exe));
	memcpy(proc.labels->process[process_index(to)].exe, from->exe, sizeof(from->exe));
}

static void copy_page(const struct process *from, const struct thread *caller, struct process *to,
		      uint32_t slot)
{
	struct process_page *page = process_page(to);
	uint64_t blocked = process_page(from)->thread[caller->slot].blocked;
	memcpy(page, process_page(from), offsetof(struct process_page, thread));
	memset(page->thread, 0, sizeof(page->thread));
	page->thread[slot].blocked = blocked;
	page->pending = 0;
	process_random(page);
}

/* The address space and thread slot of a new process. */
static int join_space(const struct process *parent, const struct thread *caller, struct process *child,
		      uint64_t flags, uint32_t *slot)
{
	struct space *s = space_at(parent->space);
	if (!(flags & CLONE_VM)) {
		struct space *copy = NULL;
		int error = space_fork(s, process_index(child), &copy);
		if (error != 0)
			return error;
		child->space = (space_ref)(copy - proc.space);
		return space_slot_take(copy, caller->slot, slot);
	}
	int error = space_slot_take(s, ~0u, slot);
	if (error != 0)
		return error;
	struct mem_as_page_in in = {
		.space = s->id, .process_page = process_index(child), .thread_slot = *slot, .present = 1};
	struct mem_as_page_out out;
	if (mem_as_page(proc.mem, proc.page, &in, &out) != 0) {
		space_slot_put(s, *slot);
		return ENOMEM;
	}
	s->refs++;
	child->space = parent->space;
	child->main_slot = (uint8_t)*slot;
	return 0;
}

/* Takes back a child that could not be completed. */
static int abandon(struct process *child, int error)
{
	bundle_destroy(child);
	uint32_t slot = child->threads != 0 ? thread_at(child->threads)->slot : child->main_slot;
	if (child->threads != 0)
		thread_free(thread_at(child->threads));
	if (child->space != 0) {
		space_slot_put(space_at(child->space), slot);
		space_put(space_at(child->space), child);
	}
	process_free(child);
	return error;
}

static int fork_objects(struct process *parent, struct thread *caller, struct process *child,
			const struct proc_fork_in *in)
{
	uint32_t slot = 0;
	int error = join_space(parent, caller, child, in->flags, &slot);
	if (error != 0)
		return error;
	struct thread *t = thread_alloc(child, child->pid);
	if (t == NULL)
		return EAGAIN;
	t->slot = (uint8_t)slot;
	t->cpu_mask = caller->cpu_mask;
	t->cpu = caller->cpu;
	copy_page(parent, caller, child, slot);
	const struct space *s = space_at(child->space);
	error = bundle_create(child, t, s);
	if (error == 0)
		error = copy_descriptors(parent, child);
	return error;
}

static uint64_t process_page_va(const struct process *p)
{
	return PROCESS_PAGE_VA - (uint64_t)p->main_slot * 4096u;
}

/* The stack a thread of the personality starts on if the caller names none. */
static uint64_t stack_top(uint32_t slot)
{
	return PERSONALITY_STACK_VA + (slot + 1ull) * PERSONALITY_STACK_STRIDE;
}

static int fork_start(struct process *child, struct thread *caller, const struct proc_fork_in *in)
{
	struct thread *t = thread_at(child->threads);
	struct thread_start start = {
		.ip = in->child_ip,
		.sp = in->child_sp != 0 ? in->child_sp : stack_top(t->slot),
		.fs_base = in->fs_base,
		.rdi = t->slot,
		.rsi = process_page_va(child),
		.fpu_from = caller->thread,
	};
	publish_process(child);
	publish_thread(t);
	return thread_start(t, space_at(child->space), &start);
}

static int fork_once(struct thread *caller, const struct proc_fork_in *in, struct proc_fork_out *out,
		     bool may_take_last)
{
	struct process *parent = process_at(caller->process);
	if ((in->flags & CLONE_EXIT_SIGNAL) > LX_SIGNALS)
		return EINVAL;
	if (is_over_process_limit(parent))
		return EAGAIN;
	struct process *child = process_alloc(may_take_last);
	if (child == NULL)
		return EAGAIN;
	uint32_t pid = pid_alloc();
	copy_identity(parent, child);
	child->pid = pid;
	bool is_sibling = (in->flags & CLONE_PARENT) && parent->parent != 0;
	child->exit_signal = is_sibling ? parent->exit_signal : (uint32_t)(in->flags & CLONE_EXIT_SIGNAL);
	child->start_ns = now_ns();
	if (pid == 0) {
		process_free(child);
		return EAGAIN;
	}
	process_enter(child);
	int error = fork_objects(parent, caller, child, in);
	if (error != 0)
		return abandon(child, error);
	child_link(is_sibling ? process_at(parent->parent) : parent, child);
	if (in->flags & CLONE_VFORK) {
		process_page(parent)->thread[caller->slot].vfork_done = 0;
		child->vfork_parent = thread_index(caller);
		child->vfork_generation = caller->generation;
	}
	error = fork_start(child, caller, in);
	if (error != 0) {
		child_unlink(child);
		return abandon(child, error);
	}
	if (parent->has_timers) /* none is inherited, but RLIMIT_CPU is */
		timers_limit_changed(child);
	proc.labels->forks++;
	out->pid = pid;
	out->tid = pid;
	if (!(in->flags & CLONE_VM) && space_at(child->space)->is_low && is_roots_shell(parent))
		(void)oom_relieve(parent);
	return 0;
}

int proc_on_fork(struct request *rq, const struct proc_fork_in *in, struct proc_fork_out *out)
{
	struct thread *caller = thread_by_label(rq->label);
	if (caller == NULL)
		return ESRCH;
	int error = fork_once(caller, in, out, false);
	if (error != EAGAIN && error != ENOMEM)
		return error;
	const struct process *p = process_at(caller->process);
	if (!is_roots_shell(p))
		return error;
	(void)oom_relieve(p);
	return fork_once(caller, in, out, true);
}

int proc_on_thread(struct request *rq, const struct proc_thread_in *in, struct proc_thread_out *out)
{
	struct thread *caller = thread_by_label(rq->label);
	if (caller == NULL)
		return ESRCH;
	struct process *p = process_at(caller->process);
	struct space *s = space_at(p->space);
	uint32_t slot;
	if (is_over_process_limit(p) || space_slot_take(s, ~0u, &slot) != 0)
		return EAGAIN;
	uint32_t tid = pid_alloc();
	struct thread *t = tid != 0 ? thread_alloc(p, tid) : NULL;
	if (t == NULL) {
		space_slot_put(s, slot);
		return EAGAIN;
	}
	t->slot = (uint8_t)slot;
	t->cpu_mask = caller->cpu_mask;
	t->cpu = caller->cpu;
	t->clear_tid = in->clear_tid;
	memset(&process_page(p)->thread[slot], 0, sizeof(struct process_thread));
	process_page(p)->thread[slot].blocked = process_page(p)->thread[caller->slot].blocked;
	struct thread_start start = {
		.ip = in->entry_ip,
		.sp = in->entry_sp != 0 ? in->entry_sp : stack_top(slot),
		.fs_base = in->fs_base,
		.rdi = slot,
		.rsi = in->argument,
		.fpu_from = caller->thread,
	};
	publish_thread(t);
	int error = thread_object_create(p, t, s);
	if (error == 0)
		error = thread_start(t, s, &start);
	if (error != 0) {
		thread_end(t);
		return EAGAIN;
	}
	publish_process(p);
	out->tid = tid;
	out->slot = slot;
	return 0;
}

static void init_limits(struct process *p)
{
	for (uint32_t i = 0; i < LABEL_LIMITS; i++)
		p->limit_soft[i] = p->limit_hard[i] = RLIM_INFINITY;
	p->limit_soft[3] = 8u << 20;
	p->limit_soft[4] = 0; /* no core files */
	p->limit_soft[RLIMIT_NPROC] = p->limit_hard[RLIMIT_NPROC] = LABEL_PROCESSES / 2;
	p->limit_soft[7] = 1024;
	p->limit_hard[7] = LX_FD_MAX;
	p->limit_soft[11] = p->limit_hard[11] = SIGNAL_ENTRIES / 4;
	p->limit_soft[13] = p->limit_hard[13] = 0;
	p->limit_soft[14] = p->limit_hard[14] = 0;
}

/* Asks vfs for the root directory and puts it into the scratch slots of pid 1. */
static int init_directories(const struct process *p)
{
	cap_t root = slot_alloc();
	if (root == 0)
		return ENOMEM;
	struct vfs_root_in in = {};
	struct vfs_root_out out = {};
	proc.page->recv_slot[0] = SLOT_OWN(root);
	int status = vfs_root(proc.vfs, proc.page, &in, &out);
	proc.page->recv_slot[0] = 0;
	if (status != 0 ||
	    ts_cnode_copy(SLOT_IN(p->scratch, LX_SCRATCH_CWD), SLOT_OWN(root), RIGHTS_ALL) != E_OK ||
	    ts_cnode_copy(SLOT_IN(p->scratch, LX_SCRATCH_ROOT), SLOT_OWN(root), RIGHTS_ALL) != E_OK) {
		log_line(LOG_ERROR, "vfs gives no root directory (status %d)", status);
		return EIO;
	}
	slot_release(root);
	return 0;
}

int process_start_init(void)
{
	struct process *p = process_alloc(false);
	if (p == NULL)
		return EAGAIN;
	p->pid = p->pgid = p->sid = pid_alloc();
	p->start_ns = now_ns();
	p->exit_signal = SIGCHLD;
	init_limits(p);
	process_enter(p);
	process_name_set(p, "tessera-init\0/sbin/tessera-init", 31);
	struct space *s = NULL;
	int error = space_create(process_index(p), &s);
	if (error != 0)
		return error;
	p->space = (space_ref)(s - proc.space);
	uint32_t slot;
	struct thread *t = thread_alloc(p, p->pid);
	if (t == NULL || space_slot_take(s, 0, &slot) != 0)
		return EAGAIN;
	t->cpu_mask = ~0ull;
	error = bundle_create(p, t, s);
	if (error == 0)
		error = init_directories(p);
	if (error != 0)
		return error;
	struct process_page *page = process_page(p);
	memset(page, 0, sizeof(*page));
	process_random(page);
	page->personality_base = s->personality_base;
	publish_process(p);
	publish_thread(t);
	struct thread_start start = {
		.ip = s->start_entry, .sp = stack_top(0), .rsi = PROCESS_PAGE_VA, .is_page_cleared = true};
	return thread_start(t, s, &start);
}
