/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * proc's start and its loop: requests of processes, questions that tty and vfs leave in their rings, faults that no
 * personality could take (`last resort`), timers; and the small calls that belong nowhere else.
 */
#include "proc.h"

#include <errno.h>
#include <linux_names.h>
#include <stdatomic.h>
#include <string.h>
#include <tessera/file.h>
#include <tessera/proto/file.h>
#include <tessera/proto/proc_server.h>
#include <tessera/proto/root.h>
#include <tessera/proto/tty.h>
#include <tessera/service.h>

#define SIGKILL 9u

int proc_on_descriptor_leaf(struct request *rq, const struct proc_descriptor_leaf_in *in,
			    struct proc_descriptor_leaf_out *out)
{
	(void)out;
	struct process *p = process_by_label(rq->label);
	if (p == NULL)
		return ESRCH;
	if (in->leaf == 0 || in->leaf >= FD_LEAVES)
		return EMFILE;
	return fd_leaf_create(p, in->leaf);
}

static void set_name(struct thread *t, const char *name, uint32_t length)
{
	memset(t->name, 0, sizeof(t->name));
	memcpy(t->name, name, length < 15 ? length : 15);
	publish_thread(t);
	struct process *p = process_at(t->process);
	if (t->tid == p->pid) {
		memcpy(p->name, t->name, sizeof(p->name));
		publish_process(p);
	}
}

int proc_on_set_name(struct request *rq, const struct proc_set_name_in *in, struct proc_set_name_out *out)
{
	(void)out;
	struct thread *t = thread_by_label(rq->label);
	if (t == NULL)
		return ESRCH;
	set_name(t, proc_set_name_in_data(rq->page), in->data_len);
	return 0;
}

int proc_on_clear_tid(struct request *rq, const struct proc_clear_tid_in *in, struct proc_clear_tid_out *out)
{
	(void)out;
	struct thread *t = thread_by_label(rq->label);
	if (t == NULL)
		return ESRCH;
	if (in->address != ~0ull)
		t->clear_tid = in->address;
	if (in->robust_head != ~0ull)
		t->robust_head = in->robust_head;
	return 0;
}

int proc_on_power(struct request *rq, const struct proc_power_in *in, struct proc_power_out *out)
{
	(void)out;
	const struct process *p = process_by_label(rq->label);
	if (p == NULL || p->euid != 0)
		return EPERM;
	if (in->how > 2)
		return EINVAL;
	struct root_power_in power = {.how = in->how};
	struct root_power_out done;
	return root_power(SERVICE_CAP_CONTROL, proc.page, &power, &done) == 0 ? 0 : EIO;
}

int proc_on_unimplemented(struct request *rq, const struct proc_unimplemented_in *in,
			  struct proc_unimplemented_out *out)
{
	(void)out;
	const struct process *p = process_by_label(rq->label);
	uint32_t index = in->number < UNIMPLEMENTED_NUMBERS - 1 ? in->number : UNIMPLEMENTED_NUMBERS - 1;
	if (proc.unimplemented[index]++ == 0)
		log_line(LOG_WARNING, "system call %s (%u) is not implemented (first: pid %u, %s)",
			 linux_call_name(in->number), in->number, p != NULL ? p->pid : 0,
			 p != NULL ? p->name : "?");
	return 0;
}

int proc_on_system_info(struct request *rq, const struct proc_system_info_in *in,
			struct proc_system_info_out *out)
{
	(void)rq;
	(void)in;
	out->processes = proc.live_processes;
	out->threads = proc.live_threads;
	out->running = 1;
	out->load1 = proc.labels->load1;
	out->load5 = proc.labels->load5;
	out->load15 = proc.labels->load15;
	return 0;
}

int proc_on_stop_count(struct request *rq, const struct proc_stop_count_in *in,
		       struct proc_stop_count_out *out)
{
	(void)rq;
	(void)in;
	out->processes = proc.live_processes;
	out->threads = proc.live_threads;
	out->zombies = proc.zombies;
	out->untyped_free = kobject_untyped_free();
	out->slots_free = kobject_slots_free();
	for (uint32_t i = 0; i < UNIMPLEMENTED_NUMBERS; i++)
		out->unimplemented += proc.unimplemented[i];
	return 0;
}

/* ---- what proc tells others ---- */

/* What programs asked for and did not get, for whoever watches with --strace. */
static void list_unimplemented(void)
{
	for (uint32_t i = 0; i < UNIMPLEMENTED_NUMBERS; i++)
		if (proc.unimplemented[i] != 0)
			log_line(LOG_STRACE, "not implemented: %s (%u), %lu calls", linux_call_name(i), i,
				 (unsigned long)proc.unimplemented[i]);
}

void system_ended(uint32_t code)
{
	if (proc.personality_flags & LX_FLAG_STRACE)
		list_unimplemented();
	struct root_power_in in = {.how = 3, .status = code};
	struct root_power_out out;
	(void)root_power(SERVICE_CAP_CONTROL, proc.page, &in, &out);
}

bool session_has_terminal(uint32_t sid)
{
	struct tty_session_in in = {.sid = sid};
	struct tty_session_out out = {0};
	return proc.tty != 0 && tty_session(proc.tty, proc.page, &in, &out) == 0 && out.device != 0;
}

void session_ended(uint32_t sid)
{
	struct tty_session_end_in in = {.sid = sid};
	struct tty_session_end_out out;
	if (proc.tty != 0)
		(void)tty_session_end(proc.tty, proc.page, &in, &out);
}

/* ---- upcalls of tty and vfs ---- */

/* Single words, of which no reader needs two of one moment: not between label_write_begin and its end. */
static void refresh_process(struct process *p)
{
	struct label_process *l = &proc.labels->process[process_index(p)];
	const struct process_page *page = process_page(p);
	uint64_t caught = 0, ignored = 0;
	for (uint32_t i = 0; i < LX_SIGNALS; i++) {
		caught |= page->handler[i] > 1 ? 1ull << i : 0;
		ignored |= page->handler[i] == 1 ? 1ull << i : 0;
	}
	struct cpu_time time = process_time(p);
	l->user_ns = time.user_ns;
	l->system_ns = time.system_ns;
	l->children_user_ns = p->children.user_ns;
	l->children_system_ns = p->children.system_ns;
	l->old_faults = p->faults;
	l->children_faults = p->children_faults;
	l->arg_start = page->arg_start;
	l->arg_end = page->arg_end;
	l->env_start = page->env_start;
	l->env_end = page->env_end;
	l->brk_start = page->brk_start;
	l->stack_start = page->stack_start;
	l->signals_pending = p->queue.pending;
	l->signals_ignored = ignored;
	l->signals_caught = caught;
	const struct thread *leader = process_leader(p);
	l->signals_blocked = leader != NULL ? page->thread[leader->slot].blocked : 0;
	l->state = p->is_stopped ? LABEL_STOPPED : LABEL_SLEEPING;
	for (thread_ref i = p->threads; i != 0; i = thread_at(i)->next) {
		uint64_t state = 0;
		if (ts_thread_read_regs(thread_at(i)->thread, &state) == E_OK && state == 1 && !p->is_stopped)
			l->state = LABEL_RUNNING;
		time = thread_time(thread_at(i));
		proc.labels->thread[i].user_ns = time.user_ns;
		proc.labels->thread[i].system_ns = time.system_ns;
		proc.labels->thread[i].next = thread_at(i)->next;
	}
}

static void refresh(void)
{
	uint64_t running = 0;
	for (process_ref i = 1; i <= proc.process_high; i++) {
		if (process_at(i)->state != PROCESS_LIVE)
			continue;
		refresh_process(process_at(i));
		running += proc.labels->process[i].state == LABEL_RUNNING;
	}
	publish_cpu_times();
	proc.labels->running = running;
	proc.labels->processes = proc.live_processes + proc.zombies;
	proc.labels->threads = proc.live_threads;
	proc.labels->refreshed++;
}

static void answer_descriptors(struct upcall_ring *ring, uint32_t index)
{
	memset(ring->answer, 0, FD_LEAVES * sizeof(uint64_t));
	if (index == 0 || index >= LABEL_PROCESSES || process_at((process_ref)index)->state != PROCESS_LIVE)
		return;
	const struct process *p = process_at((process_ref)index);
	for (uint32_t leaf = 0; leaf < FD_LEAVES; leaf++) {
		for (uint32_t slot = 0; p->fd_leaf[leaf] != 0 && slot < LX_FD_LEAF_SLOTS; slot++) {
			uint64_t type = 0, rights, badge, i0, i1, i2;
			if (ts_cap_inspect(SLOT_IN(p->fd_leaf[leaf], slot), &type, &rights, &badge, &i0, &i1,
					   &i2) == E_OK &&
			    (type & 0xff) != CAP_NULL)
				ring->answer[leaf] |= 1ull << slot;
		}
	}
}

/* What an open file of a process says of its path: the descriptor is copied for the question. */
static void answer_path(struct upcall_ring *ring, uint32_t index, uint32_t number)
{
	ring->answer[0] = ring->answer[UPCALL_DESCRIPTION] = 0;
	if (index == 0 || index >= LABEL_PROCESSES || process_at((process_ref)index)->state != PROCESS_LIVE)
		return;
	const struct process *p = process_at((process_ref)index);
	uint32_t leaf = number / LX_FD_LEAF_SLOTS;
	slot_t from = SLOT_IN(p->scratch, number & 0xffu);
	if (!(number & OWN_SCRATCH)) {
		if (leaf >= FD_LEAVES || p->fd_leaf[leaf] == 0)
			return;
		from = SLOT_IN(p->fd_leaf[leaf], number % LX_FD_LEAF_SLOTS);
	}
	cap_t file = slot_alloc();
	struct file_path_in in = {};
	struct file_path_out out = {0};
	if (file != 0 && ts_cnode_copy(SLOT_OWN(file), from, RIGHTS_ALL) == E_OK &&
	    file_path(file, proc.page, &in, &out) == 0 && out.data_len <= (UPCALL_DESCRIPTION - 1) * 8) {
		memcpy(&ring->answer[1], file_path_out_data(proc.page), out.data_len);
		ring->answer[0] = out.data_len;
		ring->answer[UPCALL_DESCRIPTION] = out.description;
	}
	if (file != 0)
		slot_release(file);
}

static void answer_counts(struct upcall_ring *ring)
{
	ring->answer[0] = proc.live_processes;
	ring->answer[1] = proc.live_threads;
	ring->answer[2] = proc.zombies;
	ring->answer[3] = kobject_untyped_free();
	ring->answer[4] = kobject_slots_free();
	ring->answer[5] = 0;
	uint32_t n = 6;
	for (uint32_t i = 0; i < UNIMPLEMENTED_NUMBERS; i++) {
		ring->answer[5] += proc.unimplemented[i];
		if (proc.unimplemented[i] != 0 && n < 255)
			ring->answer[n++] = ((uint64_t)i << 32) | (uint32_t)proc.unimplemented[i];
	}
	ring->answer[n] = 0;
}

static void set_name_of(const struct upcall_ring *ring, uint32_t index, uint32_t tid)
{
	struct thread *t = index > 0 && index < LABEL_THREADS ? thread_at((thread_ref)index) : NULL;
	if (t != NULL && t->tid != 0 && t->tid == tid)
		set_name(t, ring->text, 15);
}

static void upcall(struct upcall_ring *ring, const struct upcall *u)
{
	struct process *p;
	switch (u->kind) {
	case UPCALL_SIGNAL_GROUP:
		if (u->b >= 1 && u->b <= LX_SIGNALS)
			signal_group(u->a, u->b);
		break;
	case UPCALL_SIGNAL_PROCESS:
		p = process_by_pid(u->a);
		if (p != NULL && u->b >= 1 && u->b <= LX_SIGNALS)
			(void)signal_send_kernel(p, u->b);
		break;
	case UPCALL_REFRESH: refresh(); break;
	case UPCALL_DESCRIPTORS: answer_descriptors(ring, u->a); break;
	case UPCALL_OOM_ADJUST:
		if (u->a > 0 && u->a < LABEL_PROCESSES &&
		    process_at((process_ref)u->a)->state == PROCESS_LIVE)
			(void)proc_oom_adjust(process_at((process_ref)u->a), (int32_t)u->b);
		break;
	case UPCALL_COUNTS: answer_counts(ring); break;
	case UPCALL_SET_NAME: set_name_of(ring, u->a, u->b); break;
	case UPCALL_SET_HOST: host_set(u->a, ring->text, HOST_NAME_BYTES - 1); break;
	case UPCALL_DESCRIPTOR_PATH: answer_path(ring, u->a, u->b); break;
	default: log_line(LOG_WARNING, "upcall of unknown kind %u", u->kind);
	}
}

/* Takes what is in a ring; its producer is trusted no further than the ring. True: something was answered. */
static bool drain(struct upcall_ring *ring)
{
	if (ring == NULL)
		return false;
	uint32_t taken = 0;
	uint32_t head = atomic_load_explicit((_Atomic uint32_t *)&ring->head, memory_order_acquire);
	while (ring->tail != head && taken < UPCALL_ENTRIES) {
		struct upcall u = ring->entry[ring->tail % UPCALL_ENTRIES];
		upcall(ring, &u);
		ring->tail++;
		atomic_store_explicit((_Atomic uint32_t *)&ring->done, ring->done + 1, memory_order_release);
		taken++;
	}
	return taken != 0;
}

static void on_signal(void *context, uint64_t bits)
{
	(void)context;
	if (bits & PROC_NOTIFY_TTY)
		(void)drain(proc.upcalls_tty);
	if ((bits & PROC_NOTIFY_VFS) && drain(proc.upcalls_vfs) && proc.vfs_notify != 0)
		(void)ts_signal(proc.vfs_notify, VFS_NOTIFY_PROC);
}

/* ---- faults inside a personality's exception entry: only its own process can have caused them ---- */

static int on_fault(struct request *rq)
{
	struct process *p = process_by_label(rq->label);
	if (p != NULL) {
		report_line(p, "fault in its personality, vector %lu at 0x%lx: killed",
			    (unsigned long)rq->w[0], (unsigned long)rq->w[2]);
		process_end(p, SIGKILL); /* no fault of the program's: it may be memory that was not there */
	}
	return SERVICE_NO_REPLY;
}

static int on_message(struct request *rq)
{
	uint16_t op = MSG_TAG_OP(rq->tag);
	if (op == MSG_OP_PAGE_FAULT || op == MSG_OP_EXCEPTION)
		return on_fault(rq);
	return proc_dispatch(rq);
}

static uint64_t on_next_deadline(void *context)
{
	(void)context;
	return timers_next_deadline();
}

static void on_timer(void *context)
{
	(void)context;
	timers_run();
}

static bool find_environment(void)
{
	uint64_t pages_bytes = 0;
	proc.page = service_page();
	proc.labels = service_region("labels", NULL);
	proc.pages = service_region("procpages", &pages_bytes);
	proc.page_count = (uint32_t)(pages_bytes / 4096);
	proc.upcalls_tty = service_region("upcalls_tty", NULL);
	proc.upcalls_vfs = service_region("upcalls_vfs", NULL);
	proc.mem = service_cap("mem");
	proc.vfs = service_cap("vfs");
	proc.tty = service_cap("tty");
	proc.vfs_notify = service_cap("vfs_notify");
	proc.waiters = SERVICE_WAITERS_LEAF << 8;
	proc.receive = SERVICE_CAP_ENDPOINT;
	if (service_option("strace") != NULL)
		proc.personality_flags |= LX_FLAG_STRACE;
	return proc.labels != NULL && proc.pages != NULL && proc.mem != 0 && proc.vfs != 0;
}

int main(void)
{
	static const struct service_ops ops = {
		.message = on_message,
		.signal = on_signal,
		.next_deadline = on_next_deadline,
		.timer = on_timer,
	};
	if (!find_environment())
		service_fail("the manifest does not give what proc needs");
	table_init();
	signal_init();
	report_init();
	host_init();
	placement_init();
	kobject_init();
	int error = process_start_init();
	if (error != 0)
		service_fail("pid 1 cannot be started: error %d", error);
	service_ready();
	service_run(&ops);
}
