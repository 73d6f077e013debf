/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Signals: queues, who takes one, and the default actions, which proc carries out itself.
 *
 * Masks and dispositions are read from the process page: they concern that process alone.  Summaries of what is pending
 * are written there, then the mask is read; the personality stores its mask, then reads the summary: none is lost.
 * Rules: signal(7), POSIX.1-2017 section 2.4; siginfo layout of Linux x86_64.
 */
#include "proc.h"

#include <errno.h>
#include <string.h>
#include <tessera/proto/proc_server.h>

#define SIGHUP 1u
#define SIGKILL 9u
#define SIGCHLD 17u
#define SIGCONT 18u
#define SIGSTOP 19u
#define SIGTSTP 20u
#define SIGTTIN 21u
#define SIGTTOU 22u
#define FIRST_REALTIME 32u
#define RLIMIT_SIGPENDING 11u
#define SI_USER 0
#define SI_KERNEL 128
#define SI_TKILL (-6)

#define BIT(signal) (1ull << ((signal) - 1u))
#define SYNCHRONOUS (BIT(4) | BIT(5) | BIT(7) | BIT(8) | BIT(11) | BIT(31))
#define DEFAULT_STOP (BIT(SIGSTOP) | BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU))
#define DEFAULT_IGNORE (BIT(SIGCHLD) | BIT(SIGCONT) | BIT(23) | BIT(28))
#define UNBLOCKABLE (BIT(SIGKILL) | BIT(SIGSTOP))

/* Core files are never written, so no status carries the core bit: `core` signals end a process as all others do. */
enum disposition { TAKE_IGNORE, TAKE_END, TAKE_STOP, TAKE_HANDLER };

void signal_init(void)
{
	for (uint32_t i = 1; i + 1 < SIGNAL_ENTRIES; i++)
		proc.signal[i].next = (signal_ref)(i + 1);
	proc.signal_free = 1;
	quota_init();
	quota_limit(QUOTA_SIGNALS, SIGNAL_ENTRIES / 4);
}

static enum disposition disposition(const struct process *p, uint32_t signal)
{
	uint64_t handler = process_page(p)->handler[signal - 1];
	if (BIT(signal) & UNBLOCKABLE)
		return signal == SIGSTOP ? TAKE_STOP : TAKE_END;
	if (handler == 1)
		return TAKE_IGNORE;
	if (handler != 0)
		return TAKE_HANDLER;
	if (BIT(signal) & DEFAULT_IGNORE)
		return TAKE_IGNORE;
	if (BIT(signal) & DEFAULT_STOP)
		return TAKE_STOP;
	return TAKE_END;
}

static uint64_t blocked_of(const struct thread *t)
{
	return process_page(process_at(t->process))->thread[t->slot].blocked & ~UNBLOCKABLE;
}

static bool is_waiting_for_signals(const struct thread *t)
{
	return process_page(process_at(t->process))->thread[t->slot].waiting_mask_valid != 0;
}

/* ---- queues ---- */

static void publish_pending(const struct process *p, const struct thread *t)
{
	struct process_page *page = process_page(p);
	page->pending = p->queue.pending;
	if (t != NULL)
		page->thread[t->slot].pending = t->queue.pending;
	__atomic_thread_fence(
		__ATOMIC_SEQ_CST); /* before its mask is read: lx_set_mask does it the other way round */
}

static int queue_put(struct process *p, struct signal_queue *q, const struct siginfo_head *info)
{
	uint32_t signal = (uint32_t)info->signo;
	if (signal < FIRST_REALTIME && (q->pending & BIT(signal)))
		return 0;
	uint32_t account = quota_account(p->uid);
	bool is_over = signal >= FIRST_REALTIME &&
		       quota_used(account, QUOTA_SIGNALS) >= p->limit_soft[RLIMIT_SIGPENDING];
	signal_ref index = proc.signal_free;
	if (index == 0 || is_over || !quota_charge(account, QUOTA_SIGNALS, 1)) {
		if (signal >= FIRST_REALTIME && info->code != SI_USER)
			return EAGAIN;
		q->pending |= BIT(signal); /* without its siginfo, as Linux does */
		return 0;
	}
	struct signal_entry *e = &proc.signal[index];
	proc.signal_free = e->next;
	e->next = 0;
	e->signal = (uint16_t)signal;
	e->account = (uint16_t)account;
	memcpy(e->info, info, SIGINFO_BYTES);
	if (q->last != 0)
		proc.signal[q->last].next = index;
	else
		q->first = index;
	q->last = index;
	q->pending |= BIT(signal);
	return 0;
}

/* Removes the entry behind `before` (0: the first). */
static void queue_unlink(struct signal_queue *q, signal_ref before, signal_ref index)
{
	struct signal_entry *e = &proc.signal[index];
	if (before != 0)
		proc.signal[before].next = e->next;
	else
		q->first = e->next;
	if (q->last == index)
		q->last = before;
	e->next = proc.signal_free;
	proc.signal_free = index;
	quota_release(e->account, QUOTA_SIGNALS, 1);
}

/* Takes one instance of a signal that is pending in q. */
static void queue_take(struct signal_queue *q, uint32_t signal, struct siginfo_head *info)
{
	bool is_found = false, has_more = false;
	signal_ref before = 0, next;
	for (signal_ref i = q->first; i != 0; i = next) {
		next = proc.signal[i].next;
		if (proc.signal[i].signal != signal) {
			before = i;
		} else if (!is_found) {
			is_found = true;
			memcpy(info, proc.signal[i].info, SIGINFO_BYTES);
			queue_unlink(q, before, i);
		} else {
			has_more = true;
			before = i;
		}
	}
	if (!is_found) {
		memset(info, 0, sizeof(*info));
		info->signo = (int32_t)signal;
	}
	if (!has_more)
		q->pending &= ~BIT(signal);
}

static void queue_discard(struct signal_queue *q, uint64_t mask)
{
	struct siginfo_head info;
	while (q->pending & mask)
		queue_take(q, (uint32_t)__builtin_ctzll(q->pending & mask) + 1, &info);
}

void signal_queue_clear(struct signal_queue *q)
{
	queue_discard(q, ~0ull);
}

static void discard_everywhere(struct process *p, uint64_t mask)
{
	queue_discard(&p->queue, mask);
	for (thread_ref i = p->threads; i != 0; i = thread_at(i)->next) {
		queue_discard(&thread_at(i)->queue, mask);
		publish_pending(p, thread_at(i));
	}
	publish_pending(p, NULL);
}

/* ---- who takes it ---- */

static struct thread *find_taker(struct process *p, struct thread *only, uint32_t signal)
{
	if (only != NULL)
		return (blocked_of(only) & BIT(signal)) ? NULL : only;
	struct thread *found = NULL;
	for (thread_ref i = p->threads; i != 0; i = thread_at(i)->next) {
		struct thread *t = thread_at(i);
		if (blocked_of(t) & BIT(signal))
			continue;
		if (t->tid == p->pid)
			return t;
		found = t;
	}
	return found;
}

bool group_is_orphaned(uint32_t pgid)
{
	for (process_ref i = 1; i <= proc.process_high; i++) {
		const struct process *p = process_at(i);
		if (p->state != PROCESS_LIVE || p->pgid != pgid || p->parent == 0)
			continue;
		const struct process *parent = process_at(p->parent);
		if (parent->state == PROCESS_LIVE && parent->pgid != pgid && parent->sid == p->sid)
			return false;
	}
	return true;
}

void signal_orphaned_group(uint32_t pgid)
{
	if (!group_is_orphaned(pgid))
		return;
	bool has_stopped = false;
	for (process_ref i = 1; i <= proc.process_high; i++)
		has_stopped |= process_at(i)->state == PROCESS_LIVE && process_at(i)->pgid == pgid &&
			       process_at(i)->is_stopped;
	if (!has_stopped)
		return;
	signal_group(pgid, SIGHUP);
	signal_group(pgid, SIGCONT);
}

static void stop_unless_orphaned(struct process *p, uint32_t signal)
{
	if (signal == SIGSTOP || !group_is_orphaned(p->pgid))
		process_stop(p, signal);
}

/* Carries out a default action. */
static void act(struct process *p, enum disposition what, uint32_t signal)
{
	if (what == TAKE_STOP)
		stop_unless_orphaned(p, signal);
	else if (what == TAKE_END)
		process_end(p, signal);
}

/* A signal that has just been queued for t (NULL: the process): act, or get a thread to take it. */
static void dispatch(struct process *p, struct thread *t, uint32_t signal)
{
	enum disposition what = disposition(p, signal);
	struct thread *taker = find_taker(p, t, signal);
	if (taker == NULL)
		return;
	if (what == TAKE_HANDLER || is_waiting_for_signals(taker)) {
		interrupt_thread(taker);
		return;
	}
	struct siginfo_head info;
	queue_take(t != NULL ? &t->queue : &p->queue, signal, &info);
	publish_pending(p, t);
	act(p, what, signal);
}

static bool is_dropped(struct process *p, struct thread *t, uint32_t signal)
{
	if (p->pid == INIT_PID && process_page(p)->handler[signal - 1] == 0)
		return true; /* init gets only what it asked for */
	if (disposition(p, signal) != TAKE_IGNORE)
		return false;
	/* an ignored signal that is blocked is kept: the disposition may change; one that is waited for, too */
	struct thread *taker = find_taker(p, t, signal);
	return taker != NULL && !is_waiting_for_signals(taker);
}

int signal_send(struct process *p, struct thread *t, uint32_t signal, const struct siginfo_head *info)
{
	if (signal == 0 || p->state != PROCESS_LIVE || p->is_ending)
		return 0;
	if (signal == SIGCONT) {
		discard_everywhere(p, DEFAULT_STOP);
		process_continue(p);
	} else if (BIT(signal) & DEFAULT_STOP) {
		discard_everywhere(p, BIT(SIGCONT));
	}
	if (is_dropped(p, t, signal))
		return 0;
	if (signal == SIGKILL || signal == SIGSTOP) {
		act(p, disposition(p, signal), signal);
		return 0;
	}
	int error = queue_put(p, t != NULL ? &t->queue : &p->queue, info);
	publish_pending(p, t);
	if (error == 0)
		dispatch(p, t, signal);
	return error;
}

int signal_send_kernel(struct process *p, uint32_t signal)
{
	struct siginfo_head info = {.signo = (int32_t)signal, .code = SI_KERNEL};
	return signal_send(p, NULL, signal, &info);
}

void signal_group(uint32_t pgid, uint32_t signal)
{
	for (process_ref i = 1; i <= proc.process_high; i++)
		if (process_at(i)->state == PROCESS_LIVE && process_at(i)->pgid == pgid)
			(void)signal_send_kernel(process_at(i), signal);
}

/* Masks or dispositions have changed: look at everything that is pending again. */
void signal_recheck(struct process *p, struct thread *t)
{
	uint64_t waiting = p->queue.pending | t->queue.pending;
	while (waiting != 0 && p->state == PROCESS_LIVE) {
		uint32_t signal = (uint32_t)__builtin_ctzll(waiting) + 1;
		waiting &= waiting - 1;
		if (disposition(p, signal) == TAKE_IGNORE) {
			queue_discard(&p->queue, BIT(signal));
			queue_discard(&t->queue, BIT(signal));
			publish_pending(p, t);
			continue;
		}
		if (t->queue.pending & BIT(signal))
			dispatch(p, t, signal);
		else
			dispatch(p, NULL, signal);
	}
}

/* ---- the personality's calls ---- */

/* The next signal t may take, 0: none. */
static uint32_t next_signal(const struct process *p, const struct thread *t, uint64_t blocked)
{
	uint64_t ready = (t->queue.pending | p->queue.pending) & ~(blocked & ~UNBLOCKABLE);
	uint64_t own = t->queue.pending & ready & SYNCHRONOUS;
	if (own != 0)
		return (uint32_t)__builtin_ctzll(own) + 1;
	return ready != 0 ? (uint32_t)__builtin_ctzll(ready) + 1 : 0;
}

int proc_on_signal_fetch(struct request *rq, const struct proc_signal_fetch_in *in,
			 struct proc_signal_fetch_out *out)
{
	struct thread *t = thread_by_label(rq->label);
	if (t == NULL)
		return ESRCH;
	struct process *p = process_at(t->process);
	struct siginfo_head info = {0};
	uint32_t signal;
	while ((signal = next_signal(p, t, in->blocked)) != 0) {
		queue_take((t->queue.pending & BIT(signal)) ? &t->queue : &p->queue, signal, &info);
		publish_pending(p, t);
		enum disposition what = disposition(p, signal);
		if (in->take || what == TAKE_HANDLER)
			break;
		act(p, what, signal);
		if (p->state != PROCESS_LIVE)
			return SERVICE_NO_REPLY;
	}
	out->signal = signal;
	out->more = next_signal(p, t, in->blocked) != 0;
	out->data_len = SIGINFO_BYTES;
	memcpy(proc_signal_fetch_out_data(rq->page), &info, SIGINFO_BYTES);
	return 0;
}

int proc_on_signal_mask(struct request *rq, const struct proc_signal_mask_in *in,
			struct proc_signal_mask_out *out)
{
	(void)in;
	(void)out;
	struct thread *t = thread_by_label(rq->label);
	if (t == NULL)
		return ESRCH;
	struct process *p = process_at(t->process);
	signal_recheck(p, t);
	return p->state == PROCESS_LIVE ? 0 : SERVICE_NO_REPLY;
}

int proc_on_signal_pending(struct request *rq, const struct proc_signal_pending_in *in,
			   struct proc_signal_pending_out *out)
{
	(void)in;
	struct thread *t = thread_by_label(rq->label);
	if (t == NULL)
		return ESRCH;
	out->mask = t->queue.pending | process_at(t->process)->queue.pending;
	return 0;
}

int proc_on_signal_raise(struct request *rq, const struct proc_signal_raise_in *in,
			 struct proc_signal_raise_out *out)
{
	(void)out;
	struct thread *t = thread_by_label(rq->label);
	if (t == NULL)
		return ESRCH;
	if (in->signal == 0 || in->signal > LX_SIGNALS)
		return EINVAL;
	struct process *p = process_at(t->process);
	enum disposition what = disposition(p, in->signal);
	if (what != TAKE_HANDLER || in->force) {
		process_end(p, in->signal);
		return SERVICE_NO_REPLY;
	}
	struct siginfo_head info = {.signo = (int32_t)in->signal, .code = (int32_t)in->code};
	info.u.address = in->address;
	(void)queue_put(p, &t->queue, &info);
	publish_pending(p, t);
	return 0;
}

/* ---- kill ---- */

static bool may_signal(const struct process *from, const struct process *to, uint32_t signal)
{
	if (from->euid == 0 || from->euid == to->suid || from->euid == to->uid || from->uid == to->suid ||
	    from->uid == to->uid)
		return true;
	return signal == SIGCONT && from->sid == to->sid;
}

static int kill_one(struct process *from, struct process *p, struct thread *t,
		    const struct siginfo_head *info)
{
	if (!may_signal(from, p, (uint32_t)info->signo))
		return EPERM;
	return signal_send(p, t, (uint32_t)info->signo, info);
}

/* pid 0, -1, -group: success if one could be sent. The caller's own process comes last: the signal may end it. */
static int kill_many(struct process *from, int32_t pid, const struct siginfo_head *info)
{
	uint32_t pgid = pid == 0 ? from->pgid : (uint32_t)-pid;
	int result = ESRCH;
	bool is_own = false;
	for (process_ref i = 1; i <= proc.process_high; i++) {
		struct process *p = process_at(i);
		bool is_in = pid == -1 ? p->pid != INIT_PID && p != from : p->pgid == pgid;
		if (p->state != PROCESS_LIVE || !is_in)
			continue;
		if (p == from) {
			is_own = true;
			continue;
		}
		int error = kill_one(from, p, NULL, info);
		if (error == 0 || result == ESRCH)
			result = error;
	}
	return is_own ? kill_one(from, from, NULL, info) : result;
}

static int kill_thread(struct process *from, const struct proc_kill_in *in, const struct siginfo_head *info)
{
	struct thread *t = in->tid > 0 ? thread_by_tid((uint32_t)in->tid) : NULL;
	if (in->tid <= 0 || in->pid < 0)
		return EINVAL;
	if (t == NULL || (in->pid != 0 && process_at(t->process)->pid != (uint32_t)in->pid))
		return ESRCH;
	return kill_one(from, process_at(t->process), t, info);
}

static int kill_any(struct process *from, const struct proc_kill_in *in, const struct siginfo_head *info)
{
	if (in->tid != 0)
		return kill_thread(from, in, info);
	if (in->pid <= 0)
		return kill_many(from, in->pid, info);
	struct process *p = process_by_pid((uint32_t)in->pid);
	return p == NULL ? ESRCH : kill_one(from, p, NULL, info);
}

int proc_on_kill(struct request *rq, const struct proc_kill_in *in, struct proc_kill_out *out)
{
	(void)out;
	struct thread *caller = thread_by_label(rq->label);
	if (caller == NULL)
		return ESRCH;
	struct process *from = process_at(caller->process);
	uint32_t generation = from->generation;
	if (in->signal > LX_SIGNALS || in->pid == INT32_MIN)
		return in->signal > LX_SIGNALS ? EINVAL : ESRCH;
	struct siginfo_head info = {.signo = (int32_t)in->signal, .code = in->tid != 0 ? SI_TKILL : SI_USER};
	info.u.rt.pid = (int32_t)from->pid;
	info.u.rt.uid = from->uid;
	if (in->data_len == SIGINFO_BYTES) {
		memcpy(&info, proc_kill_in_data(rq->page), SIGINFO_BYTES);
		info.signo = (int32_t)in->signal;
		bool is_own = in->pid > 0 && (uint32_t)in->pid == from->pid;
		if ((info.code >= 0 || info.code == SI_TKILL) && !is_own)
			return EPERM;
	} else if (in->data_len != 0) {
		return EINVAL;
	}
	int error = kill_any(from, in, &info);
	bool is_alive = from->state == PROCESS_LIVE && from->generation == generation && !from->is_ending;
	return is_alive ? error : SERVICE_NO_REPLY;
}
