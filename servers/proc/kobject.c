/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Kernel objects of Linux processes and threads: makes them, fills the CSpace (tessera/process_page.h), destroys them.
 *
 * A process's first thread and its CNodes lie in one piece of memory, its bundle: revoking that ends them all at once.
 * Further threads, descriptor leaves and Notifications have pieces of their own.
 */
#include "proc.h"

#include <errno.h>
#include <string.h>
#include <tessera/memory.h>
#include <tessera/proto/mem.h>
#include <tessera/service.h>

#define PRIORITY_LINUX 128u
#define BUNDLE_LOG2 15u

static struct object_pool bundles, thread_units, leaf_units, notification_units;

void kobject_init(void)
{
	pool_init(&notification_units, SERVICE_CAP_UNTYPED, 6, 64, NULL);
	pool_init(&leaf_units, SERVICE_CAP_UNTYPED, 12, 8, &notification_units);
	pool_init(&thread_units, SERVICE_CAP_UNTYPED, 13, 8, &leaf_units);
	pool_init(&bundles, SERVICE_CAP_UNTYPED, BUNDLE_LOG2, 4, &thread_units);
}

uint64_t kobject_untyped_free(void)
{
	uint64_t type, rights, badge, base, size_log2, free_bytes = 0;
	if (ts_cap_inspect(SLOT_OWN(SERVICE_CAP_UNTYPED), &type, &rights, &badge, &base, &size_log2,
			   &free_bytes) != E_OK)
		free_bytes = 0;
	return free_bytes + ((uint64_t)bundles.free_count << BUNDLE_LOG2) +
	       ((uint64_t)thread_units.free_count << 13) + ((uint64_t)leaf_units.free_count << 12) +
	       ((uint64_t)notification_units.free_count << 6);
}

/* Slots in use that do not come back with the pools: what the leak test compares. */
uint64_t kobject_slots_free(void)
{
	return slot_count_free() + bundles.free_count + thread_units.free_count + leaf_units.free_count +
	       notification_units.free_count;
}

static cap_t make(cap_t untyped, enum cap_type type, uint64_t size, bool *ok)
{
	if (!*ok)
		return 0;
	cap_t cap = object_make(untyped, type, size);
	if (cap == 0)
		*ok = false;
	return cap;
}

static void copy(slot_t to, slot_t from, uint64_t rights, bool *ok)
{
	if (*ok && ts_cnode_copy(to, from, rights) != E_OK)
		*ok = false;
}

static void mint(slot_t to, slot_t from, uint64_t rights, uint64_t badge, bool *ok)
{
	if (*ok && ts_cnode_mint(to, from, rights, badge, 0) != E_OK)
		*ok = false;
}

/* The badge with which a process calls us; the label tells the rest. */
static uint64_t process_badge(const struct process *p)
{
	return ((uint64_t)p->generation << 32) | process_index(p);
}

static void fill_service_leaf(struct process *p, const struct space *s, bool *ok)
{
	cap_t leaf = p->service_leaf;
	copy(SLOT_IN(leaf, LX_CAP_MEM), s->mem, RIGHTS_ALL, ok);
	mint(SLOT_IN(leaf, LX_CAP_PROC), proc.receive, RIGHT_WRITE | RIGHT_GRANT, process_badge(p), ok);
	if (proc.personality_flags & LX_FLAG_STRACE)
		copy(SLOT_IN(leaf, LX_CAP_LOG), SERVICE_CAP_LOG, RIGHTS_ALL, ok);
}

static void fill_root(struct process *p, bool *ok)
{
	cap_t root = p->root_cnode;
	copy(SLOT_IN(root, 0), p->service_leaf, RIGHT_READ, ok);
	copy(SLOT_IN(root, 1), p->thread_leaf, RIGHT_READ, ok);
	copy(SLOT_IN(root, 8), p->scratch, RIGHT_READ | RIGHT_WRITE, ok);
	copy(SLOT_IN(root, 16), p->fd_leaf[0], RIGHT_READ | RIGHT_WRITE, ok);
}

int bundle_create(struct process *p, struct thread *t, const struct space *s)
{
	bool ok = true;
	p->bundle = pool_get(&bundles);
	if (p->bundle == 0)
		return EAGAIN;
	t->thread = make(p->bundle, CAP_THREAD, 0, &ok);
	p->scratch = make(p->bundle, CAP_CNODE, LX_SCRATCH_LOG2, &ok);
	p->root_cnode = make(p->bundle, CAP_CNODE, LX_ROOT_LOG2, &ok);
	p->thread_leaf = make(p->bundle, CAP_CNODE, LX_THREAD_LEAF_LOG2, &ok);
	p->fd_leaf[0] = make(p->bundle, CAP_CNODE, LX_FD_LEAF_LOG2, &ok);
	p->fd_leaves = 1;
	p->service_leaf = make(p->bundle, CAP_CNODE, LX_SERVICE_LEAF_LOG2, &ok);
	p->notification[t->slot] = make(p->bundle, CAP_NOTIFICATION, 0, &ok);
	t->sched = make(p->bundle, CAP_SCHED_CONTEXT, 0, &ok);
	if (ok)
		ok = ts_sched_bind(t->sched, t->thread) == E_OK;
	if (ok)
		copy(SLOT_IN(p->thread_leaf, t->slot), p->notification[t->slot], RIGHT_READ | RIGHT_WRITE,
		     &ok);
	fill_service_leaf(p, s, &ok);
	fill_root(p, &ok);
	if (!ok) {
		bundle_destroy(p);
		t->thread = 0;
		return EAGAIN;
	}
	waiters_set(t);
	return 0;
}

/* A capability that went with its piece of memory: only our slot is left to be given back. */
static void forget(cap_t *cap)
{
	if (*cap != 0)
		slot_free(*cap);
	*cap = 0;
}

void bundle_destroy(struct process *p)
{
	for (thread_ref i = p->threads; i != 0; i = thread_at(i)->next)
		waiters_clear(thread_at(i));
	for (uint32_t i = 1; i < p->fd_leaves; i++) {
		if (p->fd_unit[i] == 0)
			continue;
		pool_put(&leaf_units, p->fd_unit[i]);
		forget(&p->fd_leaf[i]);
		p->fd_unit[i] = 0;
	}
	if (p->bundle != 0)
		pool_put(&bundles, p->bundle);
	p->bundle = 0;
	for (uint32_t i = 0; i < PROCESS_THREADS; i++) {
		if (p->notification_unit[i] != 0)
			pool_put(&notification_units, p->notification_unit[i]);
		p->notification_unit[i] = 0;
		forget(&p->notification[i]);
	}
	for (thread_ref i = p->threads; i != 0; i = thread_at(i)->next)
		if (!thread_at(i)->has_own_unit) {
			forget(&thread_at(i)->thread);
			forget(&thread_at(i)->sched);
		}
	forget(&p->scratch);
	forget(&p->root_cnode);
	forget(&p->thread_leaf);
	forget(&p->fd_leaf[0]);
	forget(&p->service_leaf);
}

int notification_create(struct process *p, uint32_t slot)
{
	if (p->notification[slot] != 0)
		return 0;
	cap_t unit = pool_get(&notification_units);
	if (unit == 0)
		return EAGAIN;
	cap_t cap = object_make(unit, CAP_NOTIFICATION, 0);
	if (cap == 0 || ts_cnode_copy(SLOT_IN(p->thread_leaf, slot), cap, RIGHT_READ | RIGHT_WRITE) != E_OK) {
		pool_put(&notification_units, unit);
		forget(&cap);
		return EAGAIN;
	}
	p->notification[slot] = cap;
	p->notification_unit[slot] = unit;
	return 0;
}

/* A Thread and its SchedContext in pieces of their own. */
static int units_get(struct thread *t)
{
	t->unit = pool_get(&thread_units);
	t->sched_unit = pool_get(&notification_units);
	if (t->unit != 0 && t->sched_unit != 0) {
		t->thread = object_make(t->unit, CAP_THREAD, 0);
		t->sched = object_make(t->sched_unit, CAP_SCHED_CONTEXT, 0);
	}
	return t->thread != 0 && t->sched != 0 && ts_sched_bind(t->sched, t->thread) == E_OK ? 0 : EAGAIN;
}

static void units_put(struct thread *t)
{
	if (t->unit != 0)
		pool_put(&thread_units, t->unit);
	if (t->sched_unit != 0)
		pool_put(&notification_units, t->sched_unit);
	t->unit = 0;
	t->sched_unit = 0;
	forget(&t->thread);
	forget(&t->sched);
}

int thread_object_create(struct process *p, struct thread *t, const struct space *s)
{
	(void)s;
	if (notification_create(p, t->slot) != 0)
		return EAGAIN;
	if (units_get(t) != 0) {
		units_put(t);
		return EAGAIN;
	}
	t->has_own_unit = true;
	waiters_set(t);
	return 0;
}

void thread_object_destroy(struct thread *t)
{
	if (t->thread == 0)
		return;
	waiters_clear(t);
	if (t->has_own_unit) {
		units_put(t);
		t->has_own_unit = false;
	} else {
		slot_release(t->thread);
		slot_release(t->sched);
		t->thread = 0;
		t->sched = 0;
	}
}

int fd_leaf_create(struct process *p, uint32_t leaf)
{
	if (p->fd_leaf[leaf] != 0)
		return 0;
	cap_t unit = pool_get(&leaf_units);
	if (unit == 0)
		return ENOMEM;
	bool ok = true;
	cap_t cap = make(unit, CAP_CNODE, LX_FD_LEAF_LOG2, &ok);
	copy(SLOT_IN(p->root_cnode, 16 + leaf), cap, RIGHT_READ | RIGHT_WRITE, &ok);
	if (!ok) {
		pool_put(&leaf_units, unit);
		forget(&cap);
		return ENOMEM;
	}
	p->fd_leaf[leaf] = cap;
	p->fd_unit[leaf] = unit;
	if (leaf >= p->fd_leaves)
		p->fd_leaves = leaf + 1;
	return 0;
}

int copy_descriptors(const struct process *from, struct process *to)
{
	for (uint32_t i = 0; i < from->fd_leaves; i++) {
		uint64_t copied;
		if (from->fd_leaf[i] == 0)
			continue;
		if (i > 0 && fd_leaf_create(to, i) != 0)
			return ENOMEM;
		if (ts_cnode_copy_all(to->fd_leaf[i], from->fd_leaf[i], &copied) != E_OK)
			return ENOMEM;
	}
	for (uint32_t i = LX_SCRATCH_CWD; i <= LX_SCRATCH_EXE; i++) {
		enum tessera_error e =
			ts_cnode_copy(SLOT_IN(to->scratch, i), SLOT_IN(from->scratch, i), RIGHTS_ALL);
		if (e != E_OK && e != E_CAP)
			return ENOMEM;
	}
	return 0;
}

/* Whether the registers, page and authority of a thread could be set. Its message page starts at slot * 4096. */
int thread_start(struct thread *t, const struct space *s, const struct thread_start *start)
{
	const struct process *p = process_at(t->process);
	uint64_t page_va = MESSAGE_PAGE_VA + (uint64_t)t->slot * 4096u;
	struct thread_config *config = (struct thread_config *)&proc.page->words[MSG_REGISTER_WORDS];
	*config = (struct thread_config){
		.cspace = p->root_cnode,
		.vspace = s->vspace,
		.fault_ep = s->fault,
		.last_ep = proc.receive,
		.page_va = page_va,
		.label = LABEL_MAKE(t->generation, t->process, thread_index(t)),
		.flags = THREAD_CFG_LABEL | (start->is_page_cleared ? THREAD_CFG_CLEAR_PAGE : 0),
		.priority = PRIORITY_LINUX,
	};
	if (ts_thread_configure(t->thread) != E_OK)
		return EAGAIN;
	struct personality_config *personality =
		(struct personality_config *)&proc.page->words[MSG_REGISTER_WORDS];
	*personality = s->config;
	if (ts_thread_set_personality(t->thread) != E_OK)
		return EAGAIN;
	struct user_regs *regs = (struct user_regs *)&proc.page->words[MSG_REGISTER_WORDS];
	*regs = (struct user_regs){
		.rip = start->ip,
		.rsp = start->sp,
		.rcx = page_va,
		.rdi = start->rdi,
		.rsi = start->rsi,
		.fs_base = start->fs_base,
		.rflags = 0x202,
	};
	if (ts_thread_set_regs(t->thread, start->fpu_from != 0 ? 1 : 2, start->fpu_from) != E_OK)
		return EINVAL;
	if (thread_place(t) != 0)
		return EAGAIN;
	publish_thread(t);
	return ts_thread_resume(t->thread) == E_OK ? 0 : EAGAIN;
}

void wake_thread(const struct thread *t)
{
	(void)ts_signal(process_at(t->process)->notification[t->slot], 1);
}

void interrupt_thread(const struct thread *t)
{
	if (t->thread != 0)
		(void)ts_thread_interrupt(t->thread);
}

void suspend_thread(const struct thread *t)
{
	if (t->thread != 0)
		(void)ts_thread_suspend(t->thread);
}

void resume_thread(const struct thread *t)
{
	if (t->thread != 0)
		(void)ts_thread_resume(t->thread);
}

int thread_set_home(const struct thread *t, uint32_t cpu)
{
	return ts_thread_set_affinity(t->thread, cpu) == E_OK ? 0 : EAGAIN;
}

/* To tell of a thread that runs elsewhere, its CPU is interrupted and executes the call. */
void thread_barrier(const struct thread *t)
{
	uint64_t state;
	if (t->thread != 0)
		(void)ts_thread_read_regs(t->thread, &state);
}

/* Services find a thread's Notification in CNode `waiters`, at its index. */
static slot_t waiters_slot(const struct thread *t)
{
	return SLOT_OWN(proc.waiters + ((uint32_t)(thread_index(t) >> 8) << 8) + (thread_index(t) & 255u));
}

void waiters_set(struct thread *t)
{
	const struct process *p = process_at(t->process);
	(void)ts_cnode_delete(waiters_slot(t), 0);
	if (ts_cnode_copy(waiters_slot(t), p->notification[t->slot], RIGHT_WRITE) != E_OK)
		log_line(LOG_ERROR, "thread %u: no slot in waiters", t->tid);
}

void waiters_clear(const struct thread *t)
{
	(void)ts_cnode_delete(waiters_slot(t), 0);
}

uint64_t thread_consumed_ns(struct thread *t)
{
	uint64_t ns, switches, left_ns;
	if (t->thread != 0 && ts_sched_consumed(t->sched, &ns, &switches, &left_ns) == E_OK)
		t->consumed_ns = ns;
	return t->consumed_ns;
}

uint64_t ticks_ns(uint64_t ticks)
{
	return time_ticks_ns(ticks >> 63 ? ticks + time_ticks() : ticks);
}

uint64_t now_ns(void)
{
	return time_now_ns();
}
