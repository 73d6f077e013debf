/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* wait4 and waitid: proc knows the children; what is not there yet is waited for on the thread's Notification. */
#include <linux/wait.h>
#include <tessera/file.h>
#include <tessera/proto/proc.h>

#include "lx/readiness.h"
#include "lx/signal.h"
#include "sys.h"

#define P_ALL_CHILDREN 0
#define P_ONE 1
#define P_GROUP 2

struct wait_result {
	struct proc_wait_out out;
	struct rusage usage;
};

static long wait_child(int32_t which, uint32_t id, uint32_t options, struct wait_result *result)
{
	struct lx_thread *self = lx_self();
	struct proc_wait_in in = {.which = which, .id = id, .options = options, .wait = !(options & WNOHANG)};
	for (;;) {
		memset(result, 0, sizeof(*result));
		int status = proc_wait(LX_CAP_PROC, self->page, &in, &result->out);
		if (status == 0) {
			lx_is_unsettled = true; /* its descriptors are closed */
			memcpy(&result->usage, proc_wait_out_data(self->page),
			       lx_min(result->out.data_len, sizeof(result->usage)));
			return result->out.pid;
		}
		if (status != ST_WOULD_BLOCK)
			return lx_result(status);
		if (options & WNOHANG)
			return 0;
		long error = lx_wait(self, DEADLINE_NEVER);
		if (error)
			return error;
	}
}

long sys_wait4(int32_t pid, uint64_t user_status, uint32_t options, uint64_t user_usage)
{
	struct wait_result result;
	const uint32_t known = WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL;
	if (options & ~known)
		return -EINVAL;
	if (pid == INT32_MIN)
		return -ESRCH;
	int32_t which = pid == -1 ? P_ALL_CHILDREN : pid > 0 ? P_ONE : P_GROUP;
	uint32_t id = pid > 0 ? (uint32_t)pid : pid < -1 ? (uint32_t)-pid : 0;
	if (pid == 0)
		id = lx_self()->identity->pgid;
	long child = wait_child(which, id, options | WEXITED, &result);
	if (child <= 0)
		return child;
	int32_t status = (int32_t)result.out.status;
	if (user_status && lx_put(user_status, &status, sizeof(status)))
		return -EFAULT;
	if (user_usage && lx_put(user_usage, &result.usage, sizeof(result.usage)))
		return -EFAULT;
	return child;
}

/* si_status: the exit code or the signal, out of a status as wait4 shows it. */
static int32_t status_of(uint32_t status)
{
	if ((status & 0x7f) == 0)
		return (int32_t)(status >> 8 & 0xff);
	if ((status & 0xff) == 0x7f)
		return (int32_t)(status >> 8 & 0xff);
	return status == 0xffff ? SIGCONT : (int32_t)(status & 0x7f);
}

static int32_t code_of(uint32_t status)
{
	if (status == 0xffff)
		return CLD_CONTINUED;
	if ((status & 0xff) == 0x7f)
		return CLD_STOPPED;
	if ((status & 0x7f) == 0)
		return CLD_EXITED;
	return status & 0x80 ? CLD_DUMPED : CLD_KILLED;
}

static long wait_info(uint32_t which, int32_t id, struct lx_siginfo *info, uint32_t options,
		      uint64_t user_usage)
{
	struct wait_result result;
	const uint32_t known =
		WNOHANG | WSTOPPED | WEXITED | WCONTINUED | WNOWAIT | __WNOTHREAD | __WCLONE | __WALL;
	if ((options & ~known) || !(options & (WSTOPPED | WEXITED | WCONTINUED)) || which > P_GROUP)
		return -EINVAL;
	if (which != P_ALL_CHILDREN && id < 0)
		return -EINVAL;
	uint32_t wanted = which == P_GROUP && id == 0 ? lx_self()->identity->pgid : (uint32_t)id;
	long child = wait_child((int32_t)which, wanted, options, &result);
	if (child > 0) {
		const int32_t fields[3] = {(int32_t)result.out.pid, (int32_t)result.out.uid,
					   status_of(result.out.status)};
		info->signo = SIGCHLD;
		info->code = code_of(result.out.status);
		memcpy(info->rest, fields, sizeof(fields));
		if (user_usage && lx_put(user_usage, &result.usage, sizeof(result.usage)))
			return -EFAULT;
	}
	return child < 0 ? child : 0;
}

/* What it tells is written even when it failed: nothing then. */
long sys_waitid(uint32_t which, int32_t id, uint64_t user_info, uint32_t options, uint64_t user_usage)
{
	struct lx_siginfo info = {0};
	long result = wait_info(which, id, &info, options, user_usage);
	if (user_info && lx_put(user_info, &info, sizeof(info)))
		return -EFAULT;
	return result;
}
