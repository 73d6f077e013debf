/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Who a process is, and what it may: ids, groups, sessions, limits, priorities, capabilities. proc decides. */
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <tessera/proto/proc.h>

#include "sys.h"
#include "lx/when.h"

/* ---------------------------------------------------------------- ids; the fast paths stand in entry.S */

long sys_getpid(void)
{
	return lx_self()->identity->pid;
}

long sys_gettid(void)
{
	return lx_self()->tid;
}

long sys_getppid(void)
{
	return lx_self()->identity->ppid;
}

long sys_getpgrp(void)
{
	return lx_self()->identity->pgid;
}

long sys_getuid(void)
{
	return lx_self()->identity->uid;
}

long sys_geteuid(void)
{
	return lx_self()->identity->euid;
}

long sys_getgid(void)
{
	return lx_self()->identity->gid;
}

long sys_getegid(void)
{
	return lx_self()->identity->egid;
}

static long put_three(const uint64_t user[3], uint32_t a, uint32_t b, uint32_t c)
{
	const uint32_t values[3] = {a, b, c};
	for (uint32_t i = 0; i < 3; i++) {
		if (lx_put(user[i], &values[i], sizeof(values[i])))
			return -EFAULT;
	}
	return 0;
}

long sys_getresuid(uint64_t ruid, uint64_t euid, uint64_t suid)
{
	const struct process_page *id = lx_self()->identity;
	return put_three((const uint64_t[3]){ruid, euid, suid}, id->uid, id->euid, id->suid);
}

long sys_getresgid(uint64_t rgid, uint64_t egid, uint64_t sgid)
{
	const struct process_page *id = lx_self()->identity;
	return put_three((const uint64_t[3]){rgid, egid, sgid}, id->gid, id->egid, id->sgid);
}

enum { SET_UID, SET_GID, SET_REUID, SET_REGID, SET_RESUID, SET_RESGID, SET_FSUID, SET_FSGID };

static long set_ids(uint32_t which, uint32_t a, uint32_t b, uint32_t c)
{
	struct proc_set_ids_in in = {.which = which, .a = a, .b = b, .c = c};
	struct proc_set_ids_out out;
	return lx_result(proc_set_ids(LX_CAP_PROC, lx_self()->page, &in, &out));
}

long sys_setuid(uint32_t uid)
{
	return set_ids(SET_UID, uid, 0, 0);
}

long sys_setgid(uint32_t gid)
{
	return set_ids(SET_GID, gid, 0, 0);
}

long sys_setreuid(uint32_t ruid, uint32_t euid)
{
	return set_ids(SET_REUID, ruid, euid, 0);
}

long sys_setregid(uint32_t rgid, uint32_t egid)
{
	return set_ids(SET_REGID, rgid, egid, 0);
}

long sys_setresuid(uint32_t ruid, uint32_t euid, uint32_t suid)
{
	return set_ids(SET_RESUID, ruid, euid, suid);
}

long sys_setresgid(uint32_t rgid, uint32_t egid, uint32_t sgid)
{
	return set_ids(SET_RESGID, rgid, egid, sgid);
}

/* setfsuid and setfsgid answer the old value, whatever happens. */
long sys_setfsuid(uint32_t uid)
{
	uint32_t old = lx_self()->identity->euid;
	(void)set_ids(SET_FSUID, uid, 0, 0);
	return old;
}

long sys_setfsgid(uint32_t gid)
{
	uint32_t old = lx_self()->identity->egid;
	(void)set_ids(SET_FSGID, gid, 0, 0);
	return old;
}

long sys_getgroups(int32_t count, uint64_t user)
{
	struct msg_page *page = lx_self()->page;
	struct proc_groups_in in = {.set = 0};
	struct proc_groups_out out = {0};
	long error = lx_result(proc_groups(LX_CAP_PROC, page, &in, &out));
	if (error)
		return error;
	int32_t have = (int32_t)(out.data_len / 4);
	if (count < 0 || (count > 0 && count < have))
		return -EINVAL;
	if (count > 0 && have > 0 && lx_put(user, proc_groups_out_data(page), out.data_len))
		return -EFAULT;
	return have;
}

long sys_setgroups(int32_t count, uint64_t user)
{
	struct msg_page *page = lx_self()->page;
	if (lx_self()->identity->euid != 0)
		return -EPERM;
	if (count < 0 || (uint32_t)count > PROC_GROUPS_IN_MAX / 4)
		return -EINVAL;
	if (lx_get(proc_groups_in_data(page), user, (uint64_t)count * 4))
		return -EFAULT;
	struct proc_groups_in in = {.set = 1, .data_len = (uint32_t)count * 4};
	struct proc_groups_out out;
	return lx_result(proc_groups(LX_CAP_PROC, page, &in, &out));
}

/* ---------------------------------------------------------------- groups of processes, sessions */

long sys_setpgid(int32_t pid, int32_t pgid)
{
	if (pid < 0)
		return -ESRCH;
	if (pgid < 0)
		return -EINVAL;
	struct proc_set_group_in in = {.pid = (uint32_t)pid, .pgid = (uint32_t)pgid};
	struct proc_set_group_out out;
	return lx_result(proc_set_group(LX_CAP_PROC, lx_self()->page, &in, &out));
}

static long get_ids(int32_t pid, struct proc_get_ids_out *out)
{
	struct proc_get_ids_in in = {.pid = (uint32_t)pid};
	return pid < 0 ? -ESRCH : lx_result(proc_get_ids(LX_CAP_PROC, lx_self()->page, &in, out));
}

long sys_getpgid(int32_t pid)
{
	const struct process_page *id = lx_self()->identity;
	struct proc_get_ids_out out = {0};
	if (pid == 0 || (uint32_t)pid == id->pid)
		return id->pgid;
	long error = get_ids(pid, &out);
	return error ? error : (long)out.pgid;
}

long sys_getsid(int32_t pid)
{
	const struct process_page *id = lx_self()->identity;
	struct proc_get_ids_out out = {0};
	if (pid == 0 || (uint32_t)pid == id->pid)
		return id->sid;
	long error = get_ids(pid, &out);
	return error ? error : (long)out.sid;
}

long sys_setsid(void)
{
	struct proc_set_session_in in;
	struct proc_set_session_out out = {0};
	long error = lx_result(proc_set_session(LX_CAP_PROC, lx_self()->page, &in, &out));
	return error ? error : (long)out.sid;
}

/* ---------------------------------------------------------------- limits */

long sys_prlimit64(int32_t pid, uint32_t resource, uint64_t user_new, uint64_t user_old)
{
	uint64_t wanted[2] = {0, 0};
	if (resource >= 16)
		return -EINVAL;
	if (user_new && lx_get(wanted, user_new, sizeof(wanted)))
		return -EFAULT;
	if (user_new && wanted[0] > wanted[1])
		return -EINVAL;
	struct proc_limits_in in = {.pid = (uint32_t)pid,
				    .resource = resource,
				    .set = user_new != 0,
				    .soft = wanted[0],
				    .hard = wanted[1]};
	struct proc_limits_out out = {0};
	if (user_new && user_old) { /* the old ones first: a set may answer the new ones */
		struct proc_limits_in get = {.pid = (uint32_t)pid, .resource = resource};
		struct proc_limits_out old = {0};
		long error = lx_result(proc_limits(LX_CAP_PROC, lx_self()->page, &get, &old));
		if (!error)
			error = lx_result(proc_limits(LX_CAP_PROC, lx_self()->page, &in, &out));
		return error ? error : lx_put(user_old, (const uint64_t[2]){old.soft, old.hard}, 16);
	}
	long error = lx_result(proc_limits(LX_CAP_PROC, lx_self()->page, &in, &out));
	if (error || !user_old)
		return error;
	return lx_put(user_old, (const uint64_t[2]){out.soft, out.hard}, 16);
}

long sys_getrlimit(uint32_t resource, uint64_t user)
{
	if (!user && resource < 16)
		return -EFAULT;
	return sys_prlimit64(0, resource, 0, user);
}

long sys_setrlimit(uint32_t resource, uint64_t user)
{
	if (!user)
		return -EFAULT;
	return sys_prlimit64(0, resource, user, 0);
}

/* ---------------------------------------------------------------- scheduling */

enum { SCHED_GET_NICE, SCHED_SET_NICE, SCHED_GET_POLICY, SCHED_SET_POLICY };

static long sched_call(uint32_t what, int32_t pid, int64_t value, int64_t *result)
{
	struct proc_sched_in in = {.what = what, .pid = (uint32_t)pid, .value = value};
	struct proc_sched_out out = {0};
	long error = lx_result(proc_sched(LX_CAP_PROC, lx_self()->page, &in, &out));
	if (result)
		*result = out.value;
	return error;
}

long sys_getpriority(uint32_t which, int32_t who)
{
	int64_t nice;
	if (which > 2)
		return -EINVAL;
	long error = sched_call(SCHED_GET_NICE, which == 0 ? who : 0, 0, &nice);
	return error ? error : 20 - nice;
}

long sys_setpriority(uint32_t which, int32_t who, int32_t nice)
{
	if (which > 2)
		return -EINVAL;
	nice = nice < -20 ? -20 : nice > 19 ? 19 : nice;
	return sched_call(SCHED_SET_NICE, which == 0 ? who : 0, nice, NULL);
}

long sys_sched_yield(void)
{
	(void)ts_yield();
	return 0;
}

long sys_sched_getscheduler(int32_t pid)
{
	int64_t policy;
	long error = pid < 0 ? -EINVAL : sched_call(SCHED_GET_POLICY, pid, 0, &policy);
	return error ? error : policy;
}

long sys_sched_setscheduler(int32_t pid, int32_t policy, uint64_t user)
{
	int32_t priority;
	if (pid < 0 || !user || sys_sched_get_priority_max(policy) < 0)
		return -EINVAL;
	if (lx_get(&priority, user, sizeof(priority)))
		return -EFAULT;
	if (priority < sys_sched_get_priority_min(policy) || priority > sys_sched_get_priority_max(policy))
		return -EINVAL;
	return sched_call(SCHED_SET_POLICY, pid, policy, NULL);
}

long sys_sched_getparam(int32_t pid, uint64_t user)
{
	const int32_t priority = 0;
	int64_t policy;
	long error = pid < 0 || !user ? -EINVAL : sched_call(SCHED_GET_POLICY, pid, 0, &policy);
	return error ? error : lx_put(user, &priority, sizeof(priority));
}

long sys_sched_setparam(int32_t pid, uint64_t user)
{
	int32_t priority;
	if (pid < 0 || !user)
		return -EINVAL;
	if (lx_get(&priority, user, sizeof(priority)))
		return -EFAULT;
	return priority != 0 ? -EINVAL : 0;
}

long sys_sched_get_priority_max(int32_t policy)
{
	return policy == 1 || policy == 2 ? 99 : policy == 0 || policy == 3 || policy == 5 ? 0 : -EINVAL;
}

long sys_sched_get_priority_min(int32_t policy)
{
	return policy == 1 || policy == 2 ? 1 : policy == 0 || policy == 3 || policy == 5 ? 0 : -EINVAL;
}

long sys_sched_rr_get_interval(int32_t pid, uint64_t user)
{
	const struct __kernel_timespec slice = {.tv_nsec = 10000000};
	return pid < 0 ? -EINVAL : lx_put(user, &slice, sizeof(slice));
}

static long affinity(int32_t tid, bool is_set, uint64_t *mask)
{
	struct proc_affinity_in in = {.tid = (uint32_t)tid, .set = is_set, .mask = *mask};
	struct proc_affinity_out out = {0};
	long error = lx_result(proc_affinity(LX_CAP_PROC, lx_self()->page, &in, &out));
	*mask = out.mask;
	return error;
}

long sys_sched_getaffinity(int32_t pid, uint32_t bytes, uint64_t user)
{
	uint64_t mask = 0;
	if (bytes < 8 || (bytes & 7))
		return -EINVAL;
	long error = affinity(pid, false, &mask);
	if (!error)
		error = lx_put(user, &mask, sizeof(mask));
	return error ? error : 8;
}

long sys_sched_setaffinity(int32_t pid, uint32_t bytes, uint64_t user)
{
	uint64_t mask = 0;
	if (lx_get(&mask, user, lx_min(bytes, sizeof(mask))))
		return -EFAULT;
	return affinity(pid, true, &mask);
}

long sys_getcpu(uint64_t user_cpu, uint64_t user_node)
{
	const uint32_t cpu = lx_self()->shared->cpu, node = 0;
	if (user_cpu && lx_put(user_cpu, &cpu, sizeof(cpu)))
		return -EFAULT;
	return user_node ? lx_put(user_node, &node, sizeof(node)) : 0;
}

/* ---------------------------------------------------------------- capabilities of Linux: all for uid 0, none else */

static long cap_header(uint64_t user, uint32_t *words)
{
	struct __user_cap_header_struct header;
	uint32_t version, known = _LINUX_CAPABILITY_VERSION_3;
	if (lx_get(&version, user, sizeof(version)))
		return -EFAULT;
	if (version != _LINUX_CAPABILITY_VERSION_1 && version != _LINUX_CAPABILITY_VERSION_2 &&
	    version != _LINUX_CAPABILITY_VERSION_3)
		return lx_put(user, &known, sizeof(known)) ? -EFAULT : -EINVAL;
	*words = version == _LINUX_CAPABILITY_VERSION_1 ? 1 : 2;
	return lx_get(&header, user, sizeof(header)); /* whose capabilities: everybody's are the same */
}

#define CAPS_KNOWN ((1ull << (CAP_LAST_CAP + 1)) - 1)
long sys_capget(uint64_t header, uint64_t user)
{
	uint32_t words;
	long error = cap_header(header, &words);
	if (error)
		return error == -EINVAL && user == 0 ? 0 : error;
	uint64_t caps = lx_self()->identity->euid == 0 ? CAPS_KNOWN : 0;
	const uint32_t data[6] = {(uint32_t)caps,	  (uint32_t)caps,	  0,
				  (uint32_t)(caps >> 32), (uint32_t)(caps >> 32), 0};
	return user ? lx_put(user, data, words * 12u) : 0;
}

long sys_capset(uint64_t header, uint64_t user)
{
	uint32_t words, data[6] = {0};
	long error = cap_header(header, &words);
	if (error)
		return error;
	if (lx_get(data, user, words * 12u))
		return -EFAULT;
	return lx_self()->identity->euid == 0 ? 0 : data[0] | data[1] | data[3] | data[4] ? -EPERM : 0;
}

/* ---------------------------------------------------------------- prctl */

static long set_name(uint64_t user)
{
	struct lx_thread *self = lx_self();
	char name[16] = {0};
	long length = lx_get_string(name, user, sizeof(name) - 1);
	if (length == -EFAULT)
		return length;
	memcpy(proc_set_name_in_data(self->page), name, sizeof(name));
	struct proc_set_name_in in = {.data_len = sizeof(name)};
	struct proc_set_name_out out;
	memcpy(self->name, name, sizeof(name));
	if (self->tid == self->identity->pid)
		memcpy(self->identity->name, name, sizeof(name));
	return lx_result(proc_set_name(LX_CAP_PROC, self->page, &in, &out));
}

#define TIMER_SLACK_DEFAULT_NS 50000

static long parent_death(uint32_t signal, uint32_t set, uint32_t *old)
{
	struct proc_parent_death_in in = {.signal = signal, .set = set};
	struct proc_parent_death_out out = {0};
	long error = lx_result(proc_parent_death(LX_CAP_PROC, lx_self()->page, &in, &out));
	*old = out.signal;
	return error;
}

long sys_prctl(uint32_t option, uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	struct lx_thread *self = lx_self();
	uint32_t value;
	long error;
	switch (option) {
	case PR_SET_NAME: return set_name(arg2);
	case PR_GET_NAME: return lx_put(arg2, self->name[0] ? self->name : self->identity->name, 16);
	case PR_SET_PDEATHSIG: return arg2 > LX_SIGNALS ? -EINVAL : parent_death((uint32_t)arg2, 1, &value);
	case PR_GET_PDEATHSIG:
		error = parent_death(0, 0, &value);
		return error ? error : lx_put(arg2, &value, sizeof(value));
	case PR_SET_CHILD_SUBREAPER: return parent_death(arg2 != 0, 2, &value);
	case PR_GET_CHILD_SUBREAPER:
		error = parent_death(0, 5, &value);
		return error ? error : lx_put(arg2, &value, sizeof(value));
	case PR_GET_DUMPABLE: return !self->process->is_not_dumpable;
	case PR_SET_DUMPABLE:
		if (arg2 > 1)
			return -EINVAL;
		self->process->is_not_dumpable = arg2 == 0;
		return 0;
	case PR_CAPBSET_READ: return arg2 > CAP_LAST_CAP ? -EINVAL : 1;
	case PR_SET_NO_NEW_PRIVS:
		return arg2 != 1 || arg3 || arg4 || arg5 ? -EINVAL : parent_death(1, 3, &value);
	case PR_GET_NO_NEW_PRIVS: error = parent_death(0, 4, &value); return error ? error : (long)value;
	case PR_GET_KEEPCAPS: return self->process->keeps_capabilities;
	case PR_SET_KEEPCAPS:
		if (arg2 > 1)
			return -EINVAL;
		self->process->keeps_capabilities = arg2 != 0;
		return 0;
	case PR_GET_SECCOMP: return 0;
	case PR_SET_TIMERSLACK: self->process->timer_slack_ns = arg2; return 0;
	case PR_GET_TIMERSLACK:
		return self->process->timer_slack_ns ? (long)self->process->timer_slack_ns
						     : TIMER_SLACK_DEFAULT_NS;
	default: return -EINVAL;
	}
}

#define ARCH_SET_GS_CODE 0x1001u
#define ARCH_SET_FS_CODE 0x1002u
#define ARCH_GET_FS_CODE 0x1003u
#define ARCH_GET_GS_CODE 0x1004u

long sys_arch_prctl(uint32_t code, uint64_t address)
{
	struct lx_thread *self = lx_self();
	uint64_t base;
	bool is_set = code == ARCH_SET_FS_CODE || code == ARCH_SET_GS_CODE;
	if (is_set && address >= USER_TOP)
		return -EPERM;
	switch (code) {
	case ARCH_SET_FS_CODE: lx_set_fs_base(self, address); return 0;
	case ARCH_SET_GS_CODE: lx_set_gs_base(self, address); return 0;
	case ARCH_GET_FS_CODE: base = lx_fs_base(self); return lx_put(address, &base, sizeof(base));
	case ARCH_GET_GS_CODE: base = lx_gs_base(self); return lx_put(address, &base, sizeof(base));
	default: return -EINVAL;
	}
}
