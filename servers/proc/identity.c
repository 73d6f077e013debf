/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Users, groups, process groups, sessions, limits, priorities: Linux' rules (credentials(7), setpgid(2), setrlimit(2)). */
#include "proc.h"

#include <errno.h>
#include <string.h>
#include <tessera/proto/proc_server.h>

#define UNCHANGED 0xffffffffu
#define RLIMIT_CPU 0u
#define RLIMIT_DATA 2u
#define RLIMIT_STACK 3u
#define RLIMIT_NOFILE 7u
#define RLIMIT_AS 9u
#define SCHED_OTHER 0

enum { SET_UID, SET_GID, SET_REUID, SET_REGID, SET_RESUID, SET_RESGID, SET_FSUID, SET_FSGID };

/* Real, effective, saved and file-system id of one kind. */
struct ids {
	uint32_t *real, *effective, *saved, *file;
};

static bool is_one_of(uint32_t id, const struct ids *i)
{
	return id == *i->real || id == *i->effective || id == *i->saved;
}

static int set_single(const struct ids *i, uint32_t id, bool is_privileged)
{
	if (is_privileged)
		*i->real = *i->saved = id;
	else if (id != *i->real && id != *i->saved)
		return EPERM;
	*i->effective = *i->file = id;
	return 0;
}

static int set_pair(const struct ids *i, uint32_t real, uint32_t effective, bool is_privileged)
{
	uint32_t old_real = *i->real;
	bool real_ok = real == UNCHANGED || real == *i->real || real == *i->effective;
	if (!is_privileged && (!real_ok || (effective != UNCHANGED && !is_one_of(effective, i))))
		return EPERM;
	if (real != UNCHANGED)
		*i->real = real;
	if (effective != UNCHANGED)
		*i->effective = effective;
	if (real != UNCHANGED || (effective != UNCHANGED && effective != old_real))
		*i->saved = *i->effective;
	*i->file = *i->effective;
	return 0;
}

static int set_triple(const struct ids *i, const struct proc_set_ids_in *in, bool is_privileged)
{
	bool is_allowed = (in->a == UNCHANGED || is_one_of(in->a, i)) &&
			  (in->b == UNCHANGED || is_one_of(in->b, i)) &&
			  (in->c == UNCHANGED || is_one_of(in->c, i));
	if (!is_privileged && !is_allowed)
		return EPERM;
	if (in->a != UNCHANGED)
		*i->real = in->a;
	if (in->b != UNCHANGED)
		*i->effective = in->b;
	if (in->c != UNCHANGED)
		*i->saved = in->c;
	*i->file = *i->effective;
	return 0;
}

static int change_ids(struct process *p, const struct proc_set_ids_in *in)
{
	struct ids user = {&p->uid, &p->euid, &p->suid, &p->fsuid};
	struct ids group = {&p->gid, &p->egid, &p->sgid, &p->fsgid};
	const struct ids *ids = in->which % 2 == 0 ? &user : &group;
	bool is_privileged = p->euid == 0;
	switch (in->which) {
	case SET_UID:
	case SET_GID: return in->a == UNCHANGED ? EINVAL : set_single(ids, in->a, is_privileged);
	case SET_REUID:
	case SET_REGID: return set_pair(ids, in->a, in->b, is_privileged);
	case SET_RESUID:
	case SET_RESGID: return set_triple(ids, in, is_privileged);
	case SET_FSUID:
	case SET_FSGID:
		if (is_privileged || is_one_of(in->a, ids) || in->a == *ids->file)
			*ids->file = in->a;
		return 0;
	default: return EINVAL;
	}
}

int proc_on_set_ids(struct request *rq, const struct proc_set_ids_in *in, struct proc_set_ids_out *out)
{
	(void)out;
	struct process *p = process_by_label(rq->label);
	if (p == NULL)
		return ESRCH;
	int error = change_ids(p, in);
	publish_process(p);
	return error;
}

int proc_on_groups(struct request *rq, const struct proc_groups_in *in, struct proc_groups_out *out)
{
	struct process *p = process_by_label(rq->label);
	if (p == NULL)
		return ESRCH;
	if (in->set) {
		if (p->euid != 0)
			return EPERM;
		if (in->data_len > sizeof(p->groups) || in->data_len % 4 != 0)
			return EINVAL;
		memcpy(p->groups, proc_groups_in_data(rq->page), in->data_len);
		p->group_count = in->data_len / 4;
		publish_process(p);
	}
	out->data_len = p->group_count * 4;
	memcpy(proc_groups_out_data(rq->page), p->groups, out->data_len);
	return 0;
}

int proc_on_set_group(struct request *rq, const struct proc_set_group_in *in, struct proc_set_group_out *out)
{
	(void)out;
	struct process *caller = process_by_label(rq->label);
	if (caller == NULL)
		return ESRCH;
	struct process *p = in->pid == 0 ? caller : process_by_pid(in->pid);
	uint32_t pgid = in->pgid != 0 || p == NULL ? in->pgid : p->pid;
	if ((int32_t)in->pgid < 0)
		return EINVAL;
	if (p == NULL || p->state != PROCESS_LIVE || (p != caller && p->parent != process_index(caller)))
		return ESRCH;
	if (p != caller && p->has_execed)
		return EACCES;
	if (p->sid == p->pid || p->sid != caller->sid)
		return EPERM;
	if (pgid >= PID_MAX || (pgid != p->pid && !pgid_is_in_session(pgid, p->sid)))
		return EPERM;
	process_set_group(p, pgid);
	publish_process(p);
	return 0;
}

int proc_on_get_ids(struct request *rq, const struct proc_get_ids_in *in, struct proc_get_ids_out *out)
{
	const struct process *p = in->pid == 0 ? process_by_label(rq->label) : process_by_pid(in->pid);
	if (p == NULL)
		return ESRCH;
	out->ppid = p->parent != 0 ? process_at(p->parent)->pid : 0;
	out->pgid = p->pgid;
	out->sid = p->sid;
	return 0;
}

int proc_on_set_session(struct request *rq, const struct proc_set_session_in *in,
			struct proc_set_session_out *out)
{
	(void)in;
	struct process *p = process_by_label(rq->label);
	if (p == NULL)
		return ESRCH;
	if (p->sid == p->pid)
		return EPERM;
	for (process_ref i = 1; i <= proc.process_high; i++)
		if (process_at(i)->state != PROCESS_FREE && process_at(i)->pgid == p->pid)
			return EPERM;
	process_set_group(p, p->pid);
	process_set_session(p, p->pid);
	publish_process(p);
	out->sid = p->pid;
	return 0;
}

static int set_limit(struct process *caller, struct process *p, const struct proc_limits_in *in)
{
	uint64_t ceiling = LX_FD_MAX;
	if (in->soft > in->hard)
		return EINVAL;
	if (in->hard > p->limit_hard[in->resource] && caller->euid != 0)
		return EPERM;
	if (in->resource == RLIMIT_NOFILE && in->hard > ceiling)
		return EPERM;
	p->limit_soft[in->resource] = in->soft;
	p->limit_hard[in->resource] = in->hard;
	publish_process(p);
	if (in->resource == RLIMIT_CPU)
		timers_limit_changed(p);
	bool is_for_mem =
		in->resource == RLIMIT_AS || in->resource == RLIMIT_DATA || in->resource == RLIMIT_STACK;
	if (p->space != 0 && is_for_mem)
		space_set_limits(space_at(p->space), p->limit_soft[RLIMIT_AS], p->limit_soft[RLIMIT_DATA],
				 p->limit_soft[RLIMIT_STACK]);
	return 0;
}

int proc_on_limits(struct request *rq, const struct proc_limits_in *in, struct proc_limits_out *out)
{
	struct process *caller = process_by_label(rq->label);
	struct process *p = in->pid == 0 ? caller : process_by_pid(in->pid);
	if (caller == NULL || p == NULL || p->state != PROCESS_LIVE)
		return ESRCH;
	if (in->resource >= LABEL_LIMITS)
		return EINVAL;
	if (p != caller && caller->euid != 0 && (caller->uid != p->uid || caller->uid != p->suid))
		return EPERM;
	out->soft = p->limit_soft[in->resource];
	out->hard = p->limit_hard[in->resource];
	return in->set ? set_limit(caller, p, in) : 0;
}

int proc_on_sched(struct request *rq, const struct proc_sched_in *in, struct proc_sched_out *out)
{
	struct process *caller = process_by_label(rq->label);
	struct process *p = in->pid == 0 ? caller : process_by_pid(in->pid);
	if (caller == NULL || p == NULL)
		return ESRCH;
	switch (in->what) {
	case 0: out->value = p->nice; return 0;
	case 1:
		if (caller->euid != 0 && caller->euid != p->uid && caller->euid != p->euid)
			return EPERM;
		if (in->value < p->nice && caller->euid != 0)
			return EACCES;
		p->nice = (int32_t)(in->value < -20 ? -20 : in->value > 19 ? 19 : in->value);
		publish_process(p);
		return 0;
	case 2: out->value = SCHED_OTHER; return 0;
	case 3: return in->value == SCHED_OTHER ? 0 : EPERM;
	default: return EINVAL;
	}
}

static bool may_schedule(const struct process *caller, const struct process *p)
{
	return caller->euid == 0 || caller->euid == p->uid || caller->euid == p->euid;
}

int proc_on_affinity(struct request *rq, const struct proc_affinity_in *in, struct proc_affinity_out *out)
{
	struct thread *caller = thread_by_label(rq->label);
	struct thread *t = in->tid == 0 ? caller : thread_by_tid(in->tid);
	if (caller == NULL || t == NULL)
		return ESRCH;
	int error = 0;
	if (in->set && !may_schedule(process_at(caller->process), process_at(t->process)))
		return EPERM;
	if (in->set)
		error = thread_set_cpus(t, in->mask);
	out->mask = t->cpu_mask & cpus_present();
	return error;
}

static void barrier_of(const struct process *p)
{
	for (thread_ref i = p->threads; i != 0; i = thread_at(i)->next)
		thread_barrier(thread_at(i));
}

int proc_on_barrier(struct request *rq, const struct proc_barrier_in *in, struct proc_barrier_out *out)
{
	(void)out;
	const struct process *p = process_by_label(rq->label);
	if (p == NULL)
		return ESRCH;
	if (proc.cpu_count == 1)
		return 0; /* every switch between threads is one */
	if (!in->all)
		barrier_of(p);
	for (process_ref i = 1; in->all && i <= proc.process_high; i++)
		if (process_at(i)->state == PROCESS_LIVE)
			barrier_of(process_at(i));
	return 0;
}

void host_init(void)
{
	strcpy(proc.labels->host_name, "tessera");
	strcpy(proc.labels->domain_name, "(none)");
}

void host_set(uint32_t which, const char *name, uint32_t length)
{
	char *to = which == HOST_SET_NAME ? proc.labels->host_name : proc.labels->domain_name;
	memset(to, 0, HOST_NAME_BYTES);
	memcpy(to, name, length);
}

int proc_on_host(struct request *rq, const struct proc_host_in *in, struct proc_host_out *out)
{
	const struct process *p = process_by_label(rq->label);
	if (p == NULL)
		return ESRCH;
	if (in->set > HOST_SET_DOMAIN || in->data_len >= HOST_NAME_BYTES)
		return EINVAL;
	if (in->set != 0) {
		if (p->euid != 0)
			return EPERM;
		host_set(in->set, proc_host_in_data(rq->page), in->data_len);
	}
	char *names = proc_host_out_data(rq->page);
	memcpy(names, proc.labels->host_name, HOST_NAME_BYTES);
	memcpy(names + HOST_NAME_BYTES, proc.labels->domain_name, HOST_NAME_BYTES);
	out->data_len = 2 * HOST_NAME_BYTES;
	return 0;
}

int proc_on_parent_death(struct request *rq, const struct proc_parent_death_in *in,
			 struct proc_parent_death_out *out)
{
	struct process *p = process_by_label(rq->label);
	if (p == NULL)
		return ESRCH;
	if (in->set == 1) {
		if (in->signal > LX_SIGNALS)
			return EINVAL;
		p->parent_death_signal = in->signal;
	} else if (in->set == 2) {
		p->is_subreaper = in->signal != 0;
	} else if (in->set == 3) {
		p->no_new_privs = true;
	}
	out->signal = in->set == 4   ? p->no_new_privs
		      : in->set == 5 ? p->is_subreaper
				     : p->parent_death_signal;
	return 0;
}
