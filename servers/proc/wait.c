/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * wait4 and waitid: looks through the children once and answers at once; a caller that has to wait is marked and woken
 * by parent_notify, then asks again.  Also struct rusage.
 */
#include "proc.h"

#include <errno.h>
#include <string.h>
#include <tessera/file.h>
#include <tessera/proto/proc_server.h>

#define WNOHANG 1u
#define WSTOPPED 2u
#define WEXITED 4u
#define WCONTINUED 8u
#define WNOWAIT 0x1000000u
#define WCLONE 0x80000000u
#define WALL 0x40000000u
#define P_ALL 0
#define P_PID 1
#define P_PGID 2
#define SIGCHLD 17u
#define SIGCONT 18u

enum { CHILD_EXITED = 1, CHILD_KILLED = 2, CHILD_STOPPED = 5, CHILD_CONTINUED = 6 };

static void rusage_fill(uint8_t *rusage, struct cpu_time time, uint64_t faults)
{
	struct {
		int64_t user_sec, user_usec, system_sec, system_usec, sizes[4], minor_faults, rest[9];
	} r = {0};
	static_assert(sizeof(r) == RUSAGE_BYTES, "struct rusage of Linux x86_64");
	r.user_sec = (int64_t)(time.user_ns / 1000000000u);
	r.user_usec = (int64_t)(time.user_ns % 1000000000u / 1000u);
	r.system_sec = (int64_t)(time.system_ns / 1000000000u);
	r.system_usec = (int64_t)(time.system_ns % 1000000000u / 1000u);
	r.minor_faults = (int64_t)faults;
	memcpy(rusage, &r, sizeof(r));
}

static bool is_wanted(const struct process *child, const struct proc_wait_in *in)
{
	if (in->which == P_PID && child->pid != in->id)
		return false;
	if (in->which == P_PGID && child->pgid != in->id)
		return false;
	if (in->options & WALL)
		return true;
	return ((in->options & WCLONE) != 0) == (child->exit_signal != SIGCHLD);
}

/* What there is to report of a child: CLD_* code, or 0. */
static uint32_t child_event(const struct process *child, uint32_t options)
{
	if (child->state == PROCESS_ZOMBIE) {
		if (!(options & WEXITED))
			return 0;
		if ((child->exit_status & 0x7f) == 0)
			return CHILD_EXITED;
		return CHILD_KILLED;
	}
	if (child->is_stopped && !child->is_stop_reported && (options & WSTOPPED))
		return CHILD_STOPPED;
	if (!child->is_stopped && child->is_continue_reported && (options & WCONTINUED))
		return CHILD_CONTINUED;
	return 0;
}

static void report(struct request *rq, struct process *child, uint32_t code, uint32_t options,
		   struct proc_wait_out *out)
{
	out->pid = child->pid;
	out->uid = child->uid;
	out->code = code;
	if (code == CHILD_STOPPED)
		out->status = (child->stop_signal << 8) | 0x7f;
	else if (code == CHILD_CONTINUED)
		out->status = 0xffff;
	else
		out->status = child->exit_status;
	out->data_len = RUSAGE_BYTES;
	struct cpu_time time = process_time(child);
	cpu_time_add(&time, child->children);
	rusage_fill(proc_wait_out_data(rq->page), time, child->faults + child->children_faults);
	if (options & WNOWAIT)
		return;
	if (code == CHILD_STOPPED)
		child->is_stop_reported = true;
	else if (code == CHILD_CONTINUED)
		child->is_continue_reported = false;
	else
		process_reap(child);
}

int proc_on_wait(struct request *rq, const struct proc_wait_in *in, struct proc_wait_out *out)
{
	struct thread *t = thread_by_label(rq->label);
	if (t == NULL)
		return ESRCH;
	if (in->which < P_ALL || in->which > P_PGID || !(in->options & (WEXITED | WSTOPPED | WCONTINUED)))
		return EINVAL;
	struct process *p = process_at(t->process);
	bool has_candidate = false;
	for (process_ref i = p->first_child; i != 0; i = process_at(i)->next_sibling) {
		struct process *child = process_at(i);
		if (!is_wanted(child, in))
			continue;
		has_candidate = true;
		uint32_t code = child_event(child, in->options);
		if (code == 0)
			continue;
		t->is_waiting_child = false;
		report(rq, child, code, in->options, out);
		return 0;
	}
	if (!has_candidate)
		return ECHILD;
	if (in->options & WNOHANG)
		return 0;
	t->is_waiting_child = in->wait != 0;
	return ST_WOULD_BLOCK;
}

int proc_on_usage(struct request *rq, const struct proc_usage_in *in, struct proc_usage_out *out)
{
	struct thread *t = thread_by_label(rq->label);
	if (t == NULL)
		return ESRCH;
	struct process *p = process_at(t->process);
	struct cpu_time time;
	uint64_t faults = 0;
	if (in->who == 0) {
		time = process_time(p);
		faults = p->faults + space_faults(space_at(p->space));
	} else if (in->who == -1) {
		time = p->children;
		faults = p->children_faults;
	} else if (in->who == 1) {
		time = thread_time(t);
	} else {
		return EINVAL;
	}
	out->data_len = RUSAGE_BYTES;
	rusage_fill(proc_usage_out_data(rq->page), time, faults);
	return 0;
}
