/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The end of threads and processes.  Order: robust lists, the kernel objects (their CNodes' capabilities go with them,
 * which tells the servers), memory, then the zombie and SIGCHLD: whoever hears of the death sees all of its effects.
 */
#include "proc.h"

#include <errno.h>
#include <string.h>
#include <tessera/proto/proc_server.h>

#define SIGHUP 1u
#define SIGCHLD 17u
#define SIGCONT 18u
#define SA_NOCLDWAIT 2u
#define CLD_EXITED 1u
#define CLD_KILLED 2u
#define TICK_NS 10000000u /* of clock_t */

void cpu_time_add(struct cpu_time *to, struct cpu_time more)
{
	to->user_ns += more.user_ns;
	to->system_ns += more.system_ns;
}

/*
 * The kernel says what the thread consumed, with what services did for it on its time; its personality how much of that was system
 * time: only the split can be lied about.
 * It notes that when a call ends, so time told as user time may turn out to be system time; as on Linux (cputime_adjust), what has
 * been told stands.
 */
struct cpu_time thread_time(struct thread *t)
{
	uint64_t consumed = thread_consumed_ns(t);
	const struct process *p = process_at(t->process);
	uint64_t system = ticks_ns(process_page(p)->thread[t->slot].system_ticks);
	if (system > consumed)
		system = consumed;
	if (consumed - system < t->told.user_ns)
		system = consumed - t->told.user_ns;
	if (system < t->told.system_ns)
		system = t->told.system_ns;
	t->told = (struct cpu_time){.user_ns = consumed - system, .system_ns = system};
	return t->told;
}

struct cpu_time process_time(struct process *p)
{
	struct cpu_time total = p->ended_threads;
	for (thread_ref i = p->threads; i != 0; i = thread_at(i)->next)
		cpu_time_add(&total, thread_time(thread_at(i)));
	return total;
}

void robust_release(const struct process *p, struct thread *t)
{
	if (t->robust_head != 0)
		space_release_robust(space_at(p->space), t->robust_head, t->tid);
	t->robust_head = 0;
}

/* One thread goes, others of its process stay. The process's bundle keeps its first thread's memory until the end. */
void thread_end(struct thread *t)
{
	struct process *p = process_at(t->process);
	suspend_thread(t);
	thread_time_ended(t);
	robust_release(p, t);
	process_page(p)->thread[t->slot].tid = 0;
	thread_object_destroy(t);
	if (t->clear_tid != 0)
		space_write_word(space_at(p->space), t->clear_tid, 0);
	space_slot_put(space_at(p->space), t->slot);
	thread_free(t);
	publish_process(p);
}

void vfork_release(struct process *p)
{
	if (p->vfork_parent == 0)
		return;
	struct thread *t = thread_at(p->vfork_parent);
	if (t->tid != 0 && t->generation == p->vfork_generation) {
		__atomic_store_n(&process_page(process_at(t->process))->thread[t->slot].vfork_done, 1,
				 __ATOMIC_RELEASE);
		wake_thread(t);
	}
	p->vfork_parent = 0;
}

static struct process *reaper_of(const struct process *p)
{
	for (process_ref i = p->parent; i != 0; i = process_at(i)->parent)
		if (process_at(i)->is_subreaper && process_at(i)->state == PROCESS_LIVE)
			return process_at(i);
	return process_by_pid(INIT_PID);
}

/* Children of an ended process get a new parent, who hears of those that are zombies already. */
static void give_children_away(struct process *p)
{
	struct process *reaper = reaper_of(p);
	while (p->first_child != 0) {
		struct process *child = process_at(p->first_child);
		child_unlink(child);
		if (reaper == NULL || reaper == p) {
			if (child->state == PROCESS_ZOMBIE)
				process_free(child);
			continue;
		}
		child_link(reaper, child);
		child->exit_signal = SIGCHLD;
		publish_process(child);
		if (child->pgid != p->pgid && child->sid == p->sid)
			signal_orphaned_group(child->pgid);
		if (child->parent_death_signal != 0 && child->state == PROCESS_LIVE)
			(void)signal_send_kernel(child, child->parent_death_signal);
		if (child->state == PROCESS_ZOMBIE)
			parent_notify(child, CLD_EXITED, child->exit_status);
	}
}

static void end_threads(struct process *p)
{
	for (thread_ref i = p->threads; i != 0; i = thread_at(i)->next) {
		struct thread *t = thread_at(i);
		if (t->thread == 0)
			continue;
		suspend_thread(t);
		thread_time_ended(t);
		robust_release(p, t);
	}
}

static void free_threads(struct process *p)
{
	while (p->threads != 0) {
		struct thread *t = thread_at(p->threads);
		if (t->has_own_unit)
			thread_object_destroy(t);
		space_slot_put(space_at(p->space), t->slot);
		thread_free(t);
	}
}

/* Whether a process keeps its group from being orphaned: its parent is in another group of the session. */
static bool holds_group(const struct process *p)
{
	if (p->parent == 0)
		return false;
	const struct process *parent = process_at(p->parent);
	return parent->pgid != p->pgid && parent->sid == p->sid;
}

/* What follows for others from the end of a session's leader, and of the last one that held a group. */
static void end_session(const struct process *p)
{
	if (p->sid == p->pid)
		session_ended(p->sid);
	if (holds_group(p))
		signal_orphaned_group(p->pgid);
}

void process_end(struct process *p, uint32_t status)
{
	if (p->state != PROCESS_LIVE || p->is_ending)
		return;
	p->is_ending = true;
	p->exit_status = status;
	if (p->pid == INIT_PID)
		system_ended((status & 0x7f) != 0 ? 128 + (status & 0x7f) : (status >> 8) & 0xff);
	end_threads(p);
	timers_clear(p);
	for (thread_ref i = p->threads; i != 0; i = thread_at(i)->next)
		signal_queue_clear(&thread_at(i)->queue);
	bundle_destroy(p);
	struct space *s = space_at(p->space);
	free_threads(p);
	p->faults += space_put(s, p);
	p->space = 0;
	signal_queue_clear(&p->queue);
	vfork_release(p);
	p->is_stopped = false;
	p->state = PROCESS_ZOMBIE;
	proc.live_processes--;
	proc.zombies++;
	publish_process(p);
	give_children_away(p);
	end_session(p);
	uint32_t code = (status & 0x7f) == 0 ? CLD_EXITED : CLD_KILLED;
	parent_notify(p, code, status);
}

/* Whether the parent wants no zombie: SIGCHLD ignored or SA_NOCLDWAIT. */
static bool is_reaped_at_once(const struct process *parent)
{
	const struct process_page *page = process_page(parent);
	return page->handler[SIGCHLD - 1] == 1 || (page->action_flags[SIGCHLD - 1] & SA_NOCLDWAIT) != 0;
}

void parent_notify(struct process *p, uint32_t code, uint32_t status)
{
	if (p->parent == 0) {
		if (p->state == PROCESS_ZOMBIE)
			process_free(p);
		return;
	}
	struct process *parent = process_at(p->parent);
	if (parent->state != PROCESS_LIVE)
		return;
	struct siginfo_head info = {.signo = SIGCHLD, .code = (int32_t)code};
	info.u.child.pid = (int32_t)p->pid;
	info.u.child.uid = p->uid;
	info.u.child.status = (int32_t)(code == CLD_EXITED ? (status >> 8) & 0xff : status & 0x7f);
	info.u.child.utime = (int64_t)(p->ended_threads.user_ns / TICK_NS);
	info.u.child.stime = (int64_t)(p->ended_threads.system_ns / TICK_NS);
	bool is_end = p->state == PROCESS_ZOMBIE;
	uint32_t signal = is_end ? p->exit_signal : SIGCHLD;
	for (thread_ref i = parent->threads; i != 0; i = thread_at(i)->next) {
		struct thread *t = thread_at(i);
		if (!t->is_waiting_child)
			continue;
		t->is_waiting_child = false;
		wake_thread(t);
	}
	if (is_end && signal == SIGCHLD && is_reaped_at_once(parent))
		process_reap(p);
	if (signal != 0 && signal <= LX_SIGNALS) {
		info.signo = (int32_t)signal;
		(void)signal_send(parent, NULL, signal, &info);
	}
}

void process_reap(struct process *p)
{
	if (p->parent != 0) {
		cpu_time_add(&process_at(p->parent)->children, p->ended_threads);
		cpu_time_add(&process_at(p->parent)->children, p->children);
		process_at(p->parent)->children_faults += p->faults + p->children_faults;
	}
	child_unlink(p);
	process_free(p);
}

int proc_on_exit(struct request *rq, const struct proc_exit_in *in, struct proc_exit_out *out)
{
	(void)out;
	struct thread *t = thread_by_label(rq->label);
	if (t == NULL)
		return ESRCH;
	struct process *p = process_at(t->process);
	if (in->group || p->thread_count == 1)
		process_end(p, in->status & 0xffff);
	else
		thread_end(t);
	return SERVICE_NO_REPLY;
}
