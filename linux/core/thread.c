/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads and children: fork, vfork, clone, exit, and the first code of what they make.
 *
 * | who              | starts in        | reads its birth from            | frees the birth      |
 * | fork's child     | lx_child_start   | its copy of the parent's memory | (all of the pool)    |
 * | vfork's child    | lx_child_start   | the shared memory               | itself               |
 * | thread           | lx_child_start   | the shared memory               | itself               |
 * A birth holds the program's registers as the child has them; nothing of the parent's personality stack is used.
 */
#include <linux/sched.h>
#include <tessera/proto/proc.h>

#include "lx/epoll.h"
#include "lx/readiness.h"
#include "lx/signal.h"
#include "sys.h"
#include "lx/thread.h"

#define BIRTHS 64u

static struct lx_birth births[BIRTHS];
/* Held from before a thread is made until its number stands where the program wants it: the thread itself waits for that. */
static struct lx_lock birth_lock;
static uint32_t vfork_tids[PROCESS_THREADS]; /* of the vfork child that lives in a thread slot */

uint64_t lx_rdfsbase(void);
void lx_wrfsbase(uint64_t base);
uint64_t lx_rdgsbase(void);
void lx_wrgsbase(uint64_t base);
void lx_child_main(struct msg_page *page, struct lx_birth *birth) NORETURN;

static const struct time_page *const clock_page = (const struct time_page *)TIME_PAGE_VA;

static bool has_fsgsbase(void)
{
	return clock_page->cpu_features & CPU_FEATURE_FSGSBASE;
}

uint64_t lx_fs_base(struct lx_thread *self)
{
	return has_fsgsbase() ? lx_rdfsbase() : self->fs_base;
}

void lx_set_fs_base(struct lx_thread *self, uint64_t base)
{
	self->fs_base = base;
	if (has_fsgsbase())
		lx_wrfsbase(base);
	else
		(void)ts_thread_set_tls(0, base);
}

uint64_t lx_gs_base(struct lx_thread *self)
{
	return has_fsgsbase() ? lx_rdgsbase() : self->gs_base;
}

void lx_set_gs_base(struct lx_thread *self, uint64_t base)
{
	self->gs_base = base;
	if (has_fsgsbase())
		lx_wrgsbase(base);
}

struct lx_thread *lx_thread_init(struct msg_page *page, struct lx_process *process, uint64_t identity_va)
{
	struct lx_thread *self = lx_self();
	uint32_t slot = (uint32_t)(((uint64_t)page - MESSAGE_PAGE_VA) / LX_PAGE);
	struct process_page *identity = (struct process_page *)identity_va;
	memset(self, 0, sizeof(*self));
	self->page = page;
	self->slot = slot;
	self->identity = identity;
	self->shared = &identity->thread[slot];
	self->tid = self->shared->tid;
	self->process = process;
	page->personality[(PAGE_IDENTITY - PAGE_STACK) / 8] = identity_va;
	page->personality[(PAGE_FLAGS - PAGE_STACK) / 8] = identity->flags & LX_FLAG_STRACE;
	page->personality[(PAGE_TID - PAGE_STACK) / 8] = self->tid;
	page->personality[(PAGE_TICKS - PAGE_STACK) / 8] = (uint64_t)&self->shared->system_ticks;
	lx_time_enter(self);
	return self;
}

bool lx_thread_lives(uint32_t tid)
{
	const struct process_page *page = (const struct process_page *)PROCESS_PAGE_VA;
	for (uint32_t slot = 0; slot < PROCESS_THREADS; slot++) {
		if (page->thread[slot].tid == tid || vfork_tids[slot] == tid)
			return true;
	}
	return false;
}

/* ---------------------------------------------------------------- fork's locks */

void lx_fork_lock(struct lx_process *process)
{
	lx_lock(&birth_lock);
	lx_lock(&process->files.lock);
	lx_lock(&process->sighand.lock);
	lx_mm_lock();
	lx_futex_lock();
	lx_heap_lock();
}

void lx_fork_unlock(struct lx_process *process)
{
	lx_heap_unlock();
	lx_futex_unlock();
	lx_mm_unlock();
	lx_unlock(&process->sighand.lock);
	lx_unlock(&process->files.lock);
	lx_unlock(&birth_lock);
}

/* ---------------------------------------------------------------- births */

static struct lx_birth *birth_alloc(void)
{
	for (uint32_t i = 0; i < BIRTHS; i++) {
		uint32_t free_mark = 0;
		if (__atomic_compare_exchange_n(&births[i].in_use, &free_mark, 1, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return &births[i];
	}
	return NULL;
}

static void birth_free(struct lx_birth *birth)
{
	__atomic_store_n(&birth->in_use, 0, __ATOMIC_RELEASE);
}

static void birth_fill(struct lx_birth *birth, struct lx_thread *self, uint64_t stack)
{
	birth->regs = *lx_call_regs(self);
	birth->regs.rip = self->page->syscall_rip;
	birth->regs.rcx = self->page->syscall_rip;
	birth->regs.r11 = self->page->syscall_rflags;
	birth->regs.rflags = self->page->syscall_rflags;
	birth->regs.rsp = stack ? stack : self->page->syscall_rsp;
	birth->regs.rax = 0;
	birth->process = self->process;
	birth->blocked = lx_mask(self);
	birth->fs_base = lx_fs_base(self);
	birth->gs_base = lx_gs_base(self);
	birth->altstack_sp = self->altstack_sp;
	birth->altstack_size = self->altstack_size;
	birth->set_tid = 0;
	birth->clear_tid = 0;
	birth->is_thread = 0;
	birth->is_fork = 0;
}

/* ---------------------------------------------------------------- the child's side */

static void after_fork(struct lx_process *process)
{
	lx_fork_unlock(process);
	lx_futex_reset();
	lx_readiness_after_fork();
	lx_epoll_after_fork(&process->files);
	memset(vfork_tids, 0, sizeof(vfork_tids));
	for (uint32_t i = 0; i < BIRTHS; i++)
		births[i].in_use = 0;
}

void lx_child_main(struct msg_page *page, struct lx_birth *birth)
{
	struct lx_birth own = *birth;
	bool is_vfork = !own.is_fork && !own.is_thread;
	uint64_t slot = ((uint64_t)page - MESSAGE_PAGE_VA) / LX_PAGE;
	uint64_t identity_va = (uint64_t)own.process->identity;
	if (is_vfork)
		identity_va = PROCESS_PAGE_VA - slot * LX_PAGE;
	if (own.is_fork)
		identity_va = PROCESS_PAGE_VA;
	struct lx_thread *self = lx_thread_init(page, own.process, identity_va);
	if (own.is_fork) {
		own.process->identity = self->identity;
		own.process->is_vfork_child = false;
		after_fork(own.process);
	} else {
		if (is_vfork) {
			own.process->identity = self->identity;
			vfork_tids[slot] = self->tid;
		}
		birth_free(birth);
	}
	if (own.is_thread) {
		lx_readiness_new_thread(self->slot);
		lx_lock(&birth_lock);
		lx_unlock(&birth_lock);
	}
	lx_set_fs_base(self, own.fs_base);
	if (own.gs_base)
		lx_set_gs_base(self, own.gs_base);
	self->altstack_sp = own.is_thread ? 0 : own.altstack_sp;
	self->altstack_size = own.is_thread ? 0 : own.altstack_size;
	if (own.set_tid)
		(void)!lx_put(own.set_tid, &self->tid, sizeof(self->tid));
	self->clear_tid = own.clear_tid;
	own.regs.page = page;
	own.regs.orig_rax = ~0ull;
	struct lx_regs *regs = lx_call_regs(self);
	*regs = own.regs;
	lx_set_mask(self, own.blocked);
	lx_resume(regs);
}

/* ---------------------------------------------------------------- the parent's side */

struct clone_request {
	uint64_t flags, stack, tls;
	uint64_t parent_tid, child_tid;
};

static long clone_thread(struct lx_thread *self, const struct clone_request *request)
{
	struct lx_birth *birth = birth_alloc();
	if (!birth)
		return -EAGAIN;
	birth_fill(birth, self, request->stack);
	birth->is_thread = 1;
	if (request->flags & CLONE_SETTLS)
		birth->fs_base = request->tls;
	if (request->flags & CLONE_CHILD_SETTID)
		birth->set_tid = request->child_tid;
	if (request->flags & CLONE_CHILD_CLEARTID)
		birth->clear_tid = request->child_tid;
	struct proc_thread_in in = {
		.flags = request->flags,
		.entry_ip = (uint64_t)lx_child_start,
		.entry_sp = (uint64_t)birth,
		.fs_base = birth->fs_base,
		.clear_tid = 0, /* sys_exit clears the word: proc would do it again, after it was reused */
		.argument = (uint64_t)birth};
	struct proc_thread_out out;
	lx_lock(&birth_lock);
	long error = lx_result(proc_thread(LX_CAP_PROC, self->page, &in, &out));
	if (!error && (request->flags & CLONE_PARENT_SETTID))
		(void)!lx_put(request->parent_tid, &out.tid, sizeof(out.tid));
	lx_unlock(&birth_lock);
	if (error)
		birth_free(birth);
	return error ? error : (long)out.tid;
}

static long clone_copied(struct lx_thread *self, const struct clone_request *request, struct lx_birth *birth)
{
	birth->is_fork = 1;
	struct proc_fork_in in = {.flags = request->flags & ~(uint64_t)(CLONE_VM | CLONE_VFORK),
				  .child_ip = (uint64_t)lx_child_start,
				  .child_sp = (uint64_t)birth,
				  .fs_base = birth->fs_base};
	struct proc_fork_out out;
	lx_fork_lock(self->process);
	int status = proc_fork(LX_CAP_PROC, self->page, &in, &out);
	lx_fork_unlock(self->process);
	birth_free(birth);
	return status == 0 ? (long)out.pid : lx_result(status);
}

/* Waits until the child has left the shared space. Signals stay pending meanwhile, as on Linux. */
static void await_vfork(struct lx_thread *self)
{
	uint64_t seen = 0;
	lx_time_leave(self);
	while (!__atomic_load_n(&self->shared->vfork_done, __ATOMIC_ACQUIRE)) {
		seen |= __atomic_fetch_and(&self->page->sticky, ~STICKY_INTERRUPT, __ATOMIC_ACQ_REL);
		(void)ts_wait(LX_CAP_NOTIFICATION(self->slot), DEADLINE_NEVER, NULL);
	}
	lx_time_enter(self);
	__atomic_or_fetch(&self->page->sticky, seen & STICKY_INTERRUPT, __ATOMIC_ACQ_REL);
}

static long clone_shared(struct lx_thread *self, const struct clone_request *request, struct lx_birth *birth)
{
	struct lx_process *child = lx_alloc(sizeof(*child));
	if (!child) {
		birth_free(birth);
		return -ENOMEM;
	}
	memcpy(child, self->process, sizeof(*child));
	child->is_vfork_child = true;
	child->files.lock.word = 0;
	child->sighand.lock.word = 0;
	birth->process = child;
	struct proc_fork_in in = {.flags = request->flags,
				  .child_ip = (uint64_t)lx_child_start,
				  .child_sp = (uint64_t)birth,
				  .fs_base = birth->fs_base};
	struct proc_fork_out out;
	self->shared->vfork_done = 0;
	long error = lx_result(proc_fork(LX_CAP_PROC, self->page, &in, &out));
	if (error) {
		birth_free(birth);
		lx_free(child, sizeof(*child));
		return error;
	}
	if (!(request->flags & CLONE_VFORK))
		return out.pid; /* the child's units are never given back: nobody tells when it has gone */
	await_vfork(self);
	vfork_tids[(PROCESS_PAGE_VA - (uint64_t)child->identity) / LX_PAGE % PROCESS_THREADS] = 0;
	lx_free(child, sizeof(*child));
	return out.pid;
}

static long clone_process(struct lx_thread *self, const struct clone_request *request)
{
	struct lx_birth *birth = birth_alloc();
	if (!birth)
		return -EAGAIN;
	birth_fill(birth, self, request->stack);
	if (request->flags & CLONE_SETTLS)
		birth->fs_base = request->tls;
	if (request->flags & CLONE_CHILD_SETTID)
		birth->set_tid = request->child_tid;
	if (request->flags & CLONE_CHILD_CLEARTID)
		birth->clear_tid = request->child_tid;
	long pid = request->flags & CLONE_VM ? clone_shared(self, request, birth)
					     : clone_copied(self, request, birth);
	if (pid > 0 && (request->flags & CLONE_PARENT_SETTID)) {
		uint32_t tid = (uint32_t)pid;
		(void)!lx_put(request->parent_tid, &tid, sizeof(tid));
	}
	return pid;
}

#define CLONE_THREAD_SET (CLONE_VM | CLONE_SIGHAND | CLONE_FS | CLONE_FILES)
#define CLONE_NAMESPACES                                                                           \
	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | \
	 CLONE_NEWCGROUP)

long sys_clone(uint64_t flags, uint64_t stack, uint64_t parent_tid, uint64_t child_tid, uint64_t tls)
{
	struct lx_thread *self = lx_self();
	const struct clone_request request = {
		.flags = flags, .stack = stack, .tls = tls, .parent_tid = parent_tid, .child_tid = child_tid};
	if (flags & CLONE_NAMESPACES)
		return -EPERM;
	if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM))
		return -EINVAL;
	if (!(flags & CLONE_THREAD))
		return clone_process(self, &request);
	if ((flags & CLONE_THREAD_SET) != CLONE_THREAD_SET)
		return -EINVAL; /* threads with units of their own: nobody uses them */
	return clone_thread(self, &request);
}

long sys_fork(void)
{
	return clone_process(lx_self(), &(struct clone_request){.flags = SIGCHLD});
}

long sys_vfork(void)
{
	return clone_process(lx_self(), &(struct clone_request){.flags = CLONE_VM | CLONE_VFORK | SIGCHLD});
}

/* ---------------------------------------------------------------- ends */

static long leave(struct lx_thread *self, uint32_t status, uint32_t is_group)
{
	struct proc_exit_in in = {.status = status, .group = is_group};
	struct proc_exit_out out;
	(void)proc_exit(LX_CAP_PROC, self->page, &in, &out);
	for (;;)
		(void)ts_wait(LX_CAP_NOTIFICATION(self->slot), DEADLINE_NEVER, NULL);
}

long sys_exit(uint32_t status)
{
	struct lx_thread *self = lx_self();
	uint32_t zero = 0;
	if (self->clear_tid && self->process->identity == (void *)PROCESS_PAGE_VA &&
	    lx_put(self->clear_tid, &zero, 4) == 0)
		(void)lx_futex_wake_private(self->clear_tid, 1, ~0u);
	return leave(self, (status & 0xff) << 8, 0);
}

long sys_exit_group(uint32_t status)
{
	return leave(lx_self(), (status & 0xff) << 8, 1);
}

long sys_set_tid_address(uint64_t address)
{
	struct lx_thread *self = lx_self();
	self->clear_tid = address;
	return self->tid;
}

long sys_set_robust_list(uint64_t head, uint64_t bytes)
{
	struct lx_thread *self = lx_self();
	if (bytes != 24)
		return -EINVAL;
	self->robust_head = head;
	struct proc_clear_tid_in in = {.address = ~0ull, .robust_head = head};
	struct proc_clear_tid_out out;
	return lx_result(proc_clear_tid(LX_CAP_PROC, self->page, &in, &out));
}

long sys_get_robust_list(int32_t tid, uint64_t head, uint64_t bytes)
{
	struct lx_thread *self = lx_self();
	const uint64_t size = 24;
	if (tid != 0 && (uint32_t)tid != self->tid)
		return -EPERM;
	long error = lx_put(head, &self->robust_head, sizeof(self->robust_head));
	return error ? error : lx_put(bytes, &size, sizeof(size));
}
