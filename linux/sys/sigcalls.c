/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Signal calls. Dispositions and masks are ours, mirrored in the process page for proc; queues are proc's. */
#include <tessera/proto/proc.h>

#include "lx/signal.h"
#include "sys.h"
#include "lx/when.h"

#define SIGSET_BYTES 8u
#define SA_KNOWN                                                                                          \
	(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER | SA_RESETHAND | \
	 0x04000000ul)
#define DEFAULT_IGNORED \
	(1ull << (SIGCHLD - 1) | 1ull << (SIGURG - 1) | 1ull << (SIGWINCH - 1) | 1ull << (SIGCONT - 1))

/* ---------------------------------------------------------------- dispositions */

static void tell_proc(struct lx_thread *self)
{
	struct proc_signal_mask_in in;
	struct proc_signal_mask_out out;
	(void)proc_signal_mask(LX_CAP_PROC, self->page, &in, &out);
}

/* A signal that is ignored now must not stay pending. */
static void discard_if_pending(struct lx_thread *self, uint32_t signal, const struct lx_action *action)
{
	uint64_t bit = lx_signal_bit(signal);
	bool is_ignored = action->handler == 1 || (action->handler == 0 && (DEFAULT_IGNORED & bit));
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (is_ignored && ((self->identity->pending | self->shared->pending) & bit))
		tell_proc(self);
}

long sys_rt_sigaction(uint32_t signal, uint64_t user_new, uint64_t user_old, uint64_t bytes)
{
	struct lx_thread *self = lx_self();
	struct lx_sighand *hand = &self->process->sighand;
	struct lx_action action, old;
	if (bytes != SIGSET_BYTES || signal == 0 || signal > LX_SIGNALS)
		return -EINVAL;
	if (user_new && (signal == SIGKILL || signal == SIGSTOP))
		return -EINVAL;
	if (user_new && lx_get(&action, user_new, sizeof(action)))
		return -EFAULT;
	lx_lock(&hand->lock);
	old = hand->action[signal - 1];
	if (user_new) {
		action.flags &= SA_KNOWN;
		action.mask &= ~(lx_signal_bit(SIGKILL) | lx_signal_bit(SIGSTOP));
		hand->action[signal - 1] = action;
		self->identity->handler[signal - 1] = action.handler;
		self->identity->action_flags[signal - 1] = action.flags;
	}
	lx_unlock(&hand->lock);
	if (user_new)
		discard_if_pending(self, signal, &action);
	return user_old ? lx_put(user_old, &old, sizeof(old)) : 0;
}

/* ---------------------------------------------------------------- masks */

long sys_rt_sigprocmask(uint32_t how, uint64_t user_new, uint64_t user_old, uint64_t bytes)
{
	struct lx_thread *self = lx_self();
	uint64_t old = lx_mask(self), set;
	if (bytes != SIGSET_BYTES)
		return -EINVAL;
	if (user_new) {
		if (lx_get(&set, user_new, sizeof(set)))
			return -EFAULT;
		if (how > SIG_SETMASK)
			return -EINVAL;
		lx_set_mask(self, how == SIG_BLOCK ? old | set : how == SIG_UNBLOCK ? old & ~set : set);
	}
	return user_old ? lx_put(user_old, &old, sizeof(old)) : 0;
}

long sys_rt_sigpending(uint64_t user, uint64_t bytes)
{
	struct lx_thread *self = lx_self();
	struct proc_signal_pending_in in;
	struct proc_signal_pending_out out = {0};
	if (bytes > SIGSET_BYTES)
		return -EINVAL;
	long error = lx_result(proc_signal_pending(LX_CAP_PROC, self->page, &in, &out));
	uint64_t mask = out.mask & lx_mask(self);
	return error ? error : lx_put(user, &mask, bytes);
}

long sys_rt_sigreturn(void)
{
	struct lx_thread *self = lx_self();
	struct lx_regs *regs = lx_call_regs(self);
	regs->rsp = self->page->syscall_rsp;
	if (lx_frame_pop(self, regs) != 0)
		lx_force_signal(self, regs, SIGSEGV, SI_KERNEL, 0, NULL);
	lx_resume(regs);
}

long sys_sigaltstack(uint64_t user_new, uint64_t user_old)
{
	struct lx_thread *self = lx_self();
	uint64_t sp = self->page->syscall_rsp;
	bool is_on = self->altstack_size && sp > self->altstack_sp &&
		     sp - self->altstack_sp <= self->altstack_size;
	stack_t old, stack;
	memset(&old, 0, sizeof(old));
	old.ss_sp = (void *)self->altstack_sp;
	old.ss_size = self->altstack_size;
	old.ss_flags = self->altstack_size == 0 ? SS_DISABLE : is_on ? SS_ONSTACK : 0;
	if (user_new) {
		if (lx_get(&stack, user_new, sizeof(stack)))
			return -EFAULT;
		if (is_on)
			return -EPERM;
		uint32_t mode = (uint32_t)stack.ss_flags & ~SS_AUTODISARM;
		if (mode != 0 && mode != SS_DISABLE && mode != SS_ONSTACK)
			return -EINVAL;
		bool is_same =
			(uint64_t)stack.ss_sp == self->altstack_sp && stack.ss_size == self->altstack_size;
		if (mode != SS_DISABLE && !is_same && stack.ss_size < MINSIGSTKSZ)
			return -ENOMEM;
		self->altstack_sp = mode == SS_DISABLE ? 0 : (uint64_t)stack.ss_sp;
		self->altstack_size = mode == SS_DISABLE ? 0 : stack.ss_size;
		self->altstack_flags = (uint32_t)stack.ss_flags & SS_AUTODISARM;
	}
	return user_old ? lx_put(user_old, &old, sizeof(old)) : 0;
}

/* ---------------------------------------------------------------- waiting for signals */

long sys_pause(void)
{
	struct lx_thread *self = lx_self();
	long error;
	do {
		error = lx_wait(self, DEADLINE_NEVER);
	} while (error == 0);
	return -ERESTARTNOHAND;
}

long sys_rt_sigsuspend(uint64_t user, uint64_t bytes)
{
	struct lx_thread *self = lx_self();
	uint64_t mask;
	if (bytes != SIGSET_BYTES)
		return -EINVAL;
	if (lx_get(&mask, user, sizeof(mask)))
		return -EFAULT;
	self->saved_mask = lx_mask(self);
	self->restore_mask = true;
	lx_set_mask(self, mask);
	return sys_pause();
}

/* Takes a signal of the set, whatever its disposition. The number, 0 for none, or a negative errno. */
static long take_signal(struct lx_thread *self, uint64_t set, uint64_t user_info)
{
	struct proc_signal_fetch_in in = {.blocked = ~set, .take = 1};
	struct proc_signal_fetch_out out = {0};
	struct lx_siginfo info = {0};
	long error = lx_result(proc_signal_fetch(LX_CAP_PROC, self->page, &in, &out));
	if (error || out.signal == 0)
		return error;
	memcpy(&info, proc_signal_fetch_out_data(self->page), lx_min(out.data_len, sizeof(info)));
	info.signo = (int32_t)out.signal;
	if (user_info && lx_put(user_info, &info, sizeof(info)))
		return -EFAULT;
	return out.signal;
}

/* While waiting the set counts as unblocked, so that proc wakes us for it. */
static long await_signal(struct lx_thread *self, uint64_t set, uint64_t user_info, uint64_t deadline)
{
	uint64_t old = lx_mask(self);
	long result;
	self->shared->waiting_mask_valid = 1;
	lx_set_mask(self, old & ~set);
	for (;;) {
		__atomic_and_fetch(&self->page->sticky, ~STICKY_INTERRUPT, __ATOMIC_ACQ_REL);
		result = take_signal(self, set, user_info);
		if (result != 0)
			break;
		uint64_t others = (self->identity->pending | self->shared->pending) & ~old & ~set;
		result = others ? -EINTR : deadline == DEADLINE_POLL ? -ETIMEDOUT : lx_wait(self, deadline);
		if (result == -ERESTARTSYS || result == 0)
			continue;
		break;
	}
	self->shared->waiting_mask_valid = 0;
	lx_set_mask(self, old);
	if (result == -EINTR)
		__atomic_or_fetch(&self->page->sticky, STICKY_INTERRUPT, __ATOMIC_ACQ_REL);
	return result == -ETIMEDOUT ? -EAGAIN : result;
}

long sys_rt_sigtimedwait(uint64_t user_set, uint64_t user_info, uint64_t timeout, uint64_t bytes)
{
	struct lx_thread *self = lx_self();
	uint64_t set, deadline;
	if (bytes != SIGSET_BYTES)
		return -EINVAL;
	if (lx_get(&set, user_set, sizeof(set)))
		return -EFAULT;
	long error = lx_deadline_relative(timeout, &deadline);
	if (error)
		return error;
	set &= ~(lx_signal_bit(SIGKILL) | lx_signal_bit(SIGSTOP));
	return await_signal(self, set, user_info, deadline);
}

/* ---------------------------------------------------------------- sending */

static long send(int32_t pid, int32_t tid, uint32_t signal, uint64_t user_info)
{
	struct lx_thread *self = lx_self();
	struct proc_kill_in in = {.pid = pid, .tid = tid, .signal = signal};
	struct proc_kill_out out;
	if (signal > LX_SIGNALS)
		return -EINVAL;
	if (user_info) {
		struct lx_siginfo info;
		if (lx_get(&info, user_info, sizeof(info)))
			return -EFAULT;
		bool is_self = pid == (int32_t)self->identity->pid;
		if ((info.code >= 0 || info.code == SI_TKILL) && !is_self)
			return -EPERM;
		info.signo = (int32_t)signal;
		memcpy(proc_kill_in_data(self->page), &info, sizeof(info));
		in.data_len = sizeof(info);
	}
	return lx_result(proc_kill(LX_CAP_PROC, self->page, &in, &out));
}

long sys_kill(int32_t pid, uint32_t signal)
{
	return send(pid, 0, signal, 0);
}

long sys_tkill(int32_t tid, uint32_t signal)
{
	return tid <= 0 ? -EINVAL : send(0, tid, signal, 0);
}

long sys_tgkill(int32_t pid, int32_t tid, uint32_t signal)
{
	return pid <= 0 || tid <= 0 ? -EINVAL : send(pid, tid, signal, 0);
}

long sys_rt_sigqueueinfo(int32_t pid, uint32_t signal, uint64_t info)
{
	return info ? send(pid, 0, signal, info) : -EFAULT;
}

long sys_rt_tgsigqueueinfo(int32_t pid, int32_t tid, uint32_t signal, uint64_t info)
{
	if (pid <= 0 || tid <= 0)
		return -EINVAL;
	return info ? send(pid, tid, signal, info) : -EFAULT;
}
