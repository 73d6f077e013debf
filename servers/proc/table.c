/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The tables of processes and threads, their numbers, and what is published of them: the label table, which services
 * read, and the process page, which the process reads.
 *
 * Pids and tids share one space.  A number is free when no thread, process, group or session has it.
 */
#include "proc.h"

#include <string.h>

#define LAST_PLACES 16u /* kept for root's shell, which must be able to end what took the others */

struct proc_state proc;

static process_ref pid_process[PID_MAX]; /* live and zombie processes by pid */
static thread_ref tid_thread[PID_MAX];
static uint16_t group_uses[PID_MAX]; /* processes with this number as group or session */

static void forget(void)
{
	memset(pid_process, 0, sizeof(pid_process));
	memset(tid_thread, 0, sizeof(tid_thread));
	memset(group_uses, 0, sizeof(group_uses));
}

void table_init(void)
{
	forget();
	proc.next_generation = 1;
	proc.last_pid = 0;
}

static uint32_t generation_next(void)
{
	proc.next_generation = (proc.next_generation + 1) & 0x7fffffffu;
	if (proc.next_generation == 0)
		proc.next_generation = 1;
	return proc.next_generation;
}

bool pid_is_in_use(uint32_t pid)
{
	return pid_process[pid] != 0 || tid_thread[pid] != 0 || group_uses[pid] != 0;
}

uint32_t pid_alloc(void)
{
	for (uint32_t tries = 0; tries < PID_MAX; tries++) {
		uint32_t pid = proc.last_pid + 1;
		if (pid >= PID_MAX)
			pid = proc.last_pid >= 300
				      ? 300
				      : 2; /* Linux, too, leaves the first 300 to the start of the system */
		proc.last_pid = pid;
		if (!pid_is_in_use(pid))
			return pid;
	}
	return 0;
}

struct process *process_alloc(bool may_take_last)
{
	if (!may_take_last && proc.live_processes + proc.zombies + LAST_PLACES >= LABEL_PROCESSES)
		return NULL;
	for (uint32_t i = 1; i < LABEL_PROCESSES && i < proc.page_count; i++) {
		struct process *p = process_at((process_ref)i);
		if (p->state != PROCESS_FREE)
			continue;
		memset(p, 0, sizeof(*p));
		p->state = PROCESS_LIVE;
		p->generation = generation_next();
		if (i > proc.process_high)
			proc.process_high = (process_ref)i;
		proc.live_processes++;
		return p;
	}
	return NULL;
}

/* Enters pid, group and session, which the caller has set, into the maps. */
void process_enter(struct process *p)
{
	pid_process[p->pid] = process_index(p);
	group_uses[p->pgid]++;
	group_uses[p->sid]++;
}

void process_set_group(struct process *p, uint32_t pgid)
{
	group_uses[p->pgid]--;
	p->pgid = pgid;
	group_uses[pgid]++;
}

void process_set_session(struct process *p, uint32_t sid)
{
	group_uses[p->sid]--;
	p->sid = sid;
	group_uses[sid]++;
}

void process_free(struct process *p)
{
	process_ref index = process_index(p);
	if (p->state == PROCESS_ZOMBIE)
		proc.zombies--;
	else
		proc.live_processes--;
	if (pid_process[p->pid] == index) {
		pid_process[p->pid] = 0;
		group_uses[p->pgid]--;
		group_uses[p->sid]--;
	}
	p->state = PROCESS_FREE;
	struct label_process *l = &proc.labels->process[index];
	label_write_begin(l);
	l->state = LABEL_FREE;
	l->generation = 0;
	label_write_end(l);
	while (proc.process_high > 0 && process_at(proc.process_high)->state == PROCESS_FREE)
		proc.process_high--;
	proc.labels->process_high = proc.process_high;
}

struct thread *thread_alloc(struct process *p, uint32_t tid)
{
	static thread_ref hint = 1;
	for (uint32_t n = 1; n < LABEL_THREADS; n++) {
		uint32_t i = hint;
		hint = (thread_ref)(hint + 1 < LABEL_THREADS ? hint + 1 : 1);
		struct thread *t = thread_at((thread_ref)i);
		if (t->tid != 0)
			continue;
		memset(t, 0, sizeof(*t));
		t->generation = p->generation;
		t->tid = tid;
		t->process = process_index(p);
		t->next = p->threads;
		memcpy(t->name, p->name, sizeof(t->name));
		p->threads = (thread_ref)i;
		p->thread_count++;
		tid_thread[tid] = (thread_ref)i;
		proc.live_threads++;
		return t;
	}
	return NULL;
}

void thread_free(struct thread *t)
{
	struct process *p = process_at(t->process);
	thread_ref index = thread_index(t);
	thread_ref *link = &p->threads;
	while (*link != index)
		link = &thread_at(*link)->next;
	*link = t->next;
	p->thread_count--;
	signal_queue_clear(&t->queue);
	thread_unplace(t);
	if (tid_thread[t->tid] == index)
		tid_thread[t->tid] = 0;
	proc.labels->thread[index].generation = 0;
	proc.labels->thread[index].state = LABEL_FREE;
	t->tid = 0;
	proc.live_threads--;
}

/* Gives a thread another number: exec makes the thread that called it the leader. */
void thread_set_tid(struct thread *t, uint32_t tid)
{
	if (tid_thread[t->tid] == thread_index(t))
		tid_thread[t->tid] = 0;
	t->tid = tid;
	tid_thread[tid] = thread_index(t);
}

struct process *process_by_pid(uint32_t pid)
{
	if (pid == 0 || pid >= PID_MAX || pid_process[pid] == 0)
		return NULL;
	return process_at(pid_process[pid]);
}

struct thread *thread_by_tid(uint32_t tid)
{
	if (tid == 0 || tid >= PID_MAX || tid_thread[tid] == 0)
		return NULL;
	return thread_at(tid_thread[tid]);
}

struct process *process_by_label(uint64_t label)
{
	if ((label & LABEL_NATIVE) != 0 || LABEL_PROCESS(label) >= LABEL_PROCESSES)
		return NULL;
	struct process *p = process_at((process_ref)LABEL_PROCESS(label));
	if (p->state != PROCESS_LIVE || p->generation != LABEL_GENERATION(label))
		return NULL;
	return p;
}

struct thread *thread_by_label(uint64_t label)
{
	struct process *p = process_by_label(label);
	if (p == NULL || LABEL_THREAD(label) >= LABEL_THREADS)
		return NULL;
	struct thread *t = thread_at((thread_ref)LABEL_THREAD(label));
	return t->tid != 0 && t->process == process_index(p) ? t : NULL;
}

struct thread *process_leader(const struct process *p)
{
	thread_ref last = 0;
	for (thread_ref i = p->threads; i != 0; i = thread_at(i)->next) {
		if (thread_at(i)->tid == p->pid)
			return thread_at(i);
		last = i;
	}
	return last != 0 ? thread_at(last) : NULL;
}

bool pgid_is_in_session(uint32_t pgid, uint32_t sid)
{
	for (process_ref i = 1; i <= proc.process_high; i++) {
		const struct process *p = process_at(i);
		if (p->state != PROCESS_FREE && p->pgid == pgid && p->sid == sid)
			return true;
	}
	return false;
}

void child_link(struct process *parent, struct process *child)
{
	child->parent = process_index(parent);
	child->prev_sibling = 0;
	child->next_sibling = parent->first_child;
	if (parent->first_child != 0)
		process_at(parent->first_child)->prev_sibling = process_index(child);
	parent->first_child = process_index(child);
}

void child_unlink(struct process *child)
{
	if (child->parent == 0)
		return;
	if (child->prev_sibling != 0)
		process_at(child->prev_sibling)->next_sibling = child->next_sibling;
	else
		process_at(child->parent)->first_child = child->next_sibling;
	if (child->next_sibling != 0)
		process_at(child->next_sibling)->prev_sibling = child->prev_sibling;
	child->parent = 0;
}

static uint32_t state_label(const struct process *p)
{
	if (p->state == PROCESS_ZOMBIE)
		return LABEL_ZOMBIE;
	return p->is_stopped ? LABEL_STOPPED : LABEL_SLEEPING;
}

void publish_state(const struct process *p)
{
	struct label_process *l = &proc.labels->process[process_index(p)];
	label_write_begin(l);
	l->state = state_label(p);
	label_write_end(l);
}

static void publish_page(const struct process *p)
{
	struct process_page *page = process_page(p);
	page->pid = p->pid;
	page->ppid = p->parent != 0 ? process_at(p->parent)->pid : 0;
	page->pgid = p->pgid;
	page->sid = p->sid;
	page->uid = p->uid;
	page->euid = p->euid;
	page->suid = p->suid;
	page->gid = p->gid;
	page->egid = p->egid;
	page->sgid = p->sgid;
	page->is_secure = p->is_secure;
	page->flags = proc.personality_flags;
	page->limit_fsize = p->limit_soft[1];
	page->limit_data = p->limit_soft[2];
	page->limit_stack = p->limit_soft[3];
	page->limit_nofile = p->limit_soft[7];
	page->limit_as = p->limit_soft[9];
}

void publish_process(const struct process *p)
{
	struct label_process *l = &proc.labels->process[process_index(p)];
	label_write_begin(l);
	l->generation = p->generation;
	l->state = state_label(p);
	l->pid = p->pid;
	l->ppid = p->parent != 0 ? process_at(p->parent)->pid : 0;
	l->pgid = p->pgid;
	l->sid = p->sid;
	l->uid = p->uid;
	l->euid = p->euid;
	l->suid = p->suid;
	l->fsuid = p->fsuid;
	l->gid = p->gid;
	l->egid = p->egid;
	l->sgid = p->sgid;
	l->fsgid = p->fsgid;
	l->group_count = p->group_count;
	memcpy(l->groups, p->groups, p->group_count * sizeof(p->groups[0]));
	memcpy(l->limit_soft, p->limit_soft, sizeof(l->limit_soft));
	memcpy(l->limit_hard, p->limit_hard, sizeof(l->limit_hard));
	l->threads = p->thread_count;
	l->nice = (uint32_t)p->nice;
	l->oom_score_adj = p->oom_adj;
	l->space = p->space != 0 ? space_at(p->space)->id : 0;
	l->exit_signal = p->exit_signal;
	l->start_ns = p->start_ns;
	l->no_new_privs = p->no_new_privs;
	const struct thread *leader = process_leader(p);
	if (leader != NULL) {
		l->cpu = leader->cpu;
		l->cpu_mask = leader->cpu_mask & cpus_present();
	}
	memcpy(l->name, p->name, sizeof(l->name));
	label_write_end(l);
	if (proc.process_high > proc.labels->process_high)
		proc.labels->process_high = proc.process_high;
	if (p->state == PROCESS_LIVE)
		publish_page(p);
}

void publish_thread(const struct thread *t)
{
	struct label_thread *l = &proc.labels->thread[thread_index(t)];
	const struct process *p = process_at(t->process);
	l->generation = t->generation;
	l->process = t->process;
	l->state = LABEL_SLEEPING;
	l->tid = t->tid;
	l->next = t->next;
	l->cpu = t->cpu;
	l->cpu_mask = t->cpu_mask & cpus_present();
	memcpy(l->name, t->name, sizeof(l->name));
	struct process_thread *shared = &process_page(p)->thread[t->slot];
	shared->tid = t->tid;
	shared->label_index = thread_index(t);
	shared->cpu = t->cpu;
}
