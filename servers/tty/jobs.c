/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Who is calling (by the label table that proc writes and the process's own page), job control, and signals (through the ring to proc).
 * The table may change while it is read; an entry is taken twice until its sequence number stays.
 */
#include "tty.h"

#include <errno.h>
#include <fcntl.h>

#include <tessera/rings.h>
#include <tessera/service.h>

#define READ_TRIES 100u
#define PAGE_BYTES 4096u
#define SIGNAL_BIT(signal) (1ull << ((signal) - 1))

static const struct label_table *labels;
static const uint8_t *pages; /* one process_page every 4096 bytes */
static uint32_t page_count;
static struct upcall_ring *ring;
static cap_t proc_notify;

void jobs_init(const struct label_table *table, const struct process_page *process_pages, uint32_t count,
	       void *upcalls, cap_t notify)
{
	labels = table;
	pages = (const uint8_t *)process_pages;
	page_count = count;
	ring = upcalls;
	proc_notify = notify;
}

uint32_t account_of(uint64_t label)
{
	return quota_of_label(labels, label);
}

static void copy_entry(const struct label_process *p, struct caller *out)
{
	out->pid = p->pid;
	out->pgid = p->pgid;
	out->sid = p->sid;
	out->euid = p->euid;
	out->egid = p->egid;
}

void caller_of(uint64_t label, struct caller *out)
{
	uint32_t index = LABEL_PROCESS(label);
	const struct label_process *p = &labels->process[index % LABEL_PROCESSES];

	*out = (struct caller){.label = label};
	if ((label & LABEL_NATIVE) || index >= LABEL_PROCESSES)
		return;
	for (uint32_t i = 0; i < READ_TRIES; i++) {
		uint32_t seq = __atomic_load_n(&p->seq, __ATOMIC_ACQUIRE);

		copy_entry(p, out);
		out->is_known = p->generation == LABEL_GENERATION(label) && p->state != LABEL_FREE;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if ((seq & 1) == 0 && p->seq == seq)
			return;
	}
	out->is_known = false;
}

void signal_group(uint32_t pgid, uint32_t signal, uint32_t sid)
{
	uint32_t head = ring->head;

	if (head - __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) >= UPCALL_ENTRIES) {
		ring->overflow++;
		log_line(LOG_WARNING, "the ring to proc is full: signal %u to group %u is lost", signal,
			 pgid);
		return;
	}
	ring->entry[head % UPCALL_ENTRIES] =
		(struct upcall){.kind = UPCALL_SIGNAL_GROUP, .a = pgid, .b = signal, .c = sid};
	__atomic_store_n(&ring->head, head + 1, __ATOMIC_RELEASE);
	(void)ts_signal(proc_notify, PROC_NOTIFY_TTY);
}

/* One process by index, if it lives. */
static const struct label_process *process_at(uint32_t index)
{
	const struct label_process *p = &labels->process[index];

	return p->state != LABEL_FREE && p->state != LABEL_DEAD ? p : NULL;
}

static uint32_t process_end(void)
{
	return labels->process_high < LABEL_PROCESSES ? (uint32_t)labels->process_high + 1 : LABEL_PROCESSES;
}

static const struct label_process *process_of_pid(uint32_t pid)
{
	for (uint32_t i = 1; i < process_end(); i++) {
		const struct label_process *p = process_at(i);

		if (p && p->pid == pid)
			return p;
	}
	return NULL;
}

bool job_group_in_session(uint32_t pgid, uint32_t sid)
{
	for (uint32_t i = 1; i < process_end(); i++) {
		const struct label_process *p = process_at(i);

		if (p && p->pgid == pgid && p->sid == sid)
			return true;
	}
	return false;
}

/* No member has a parent in the same session but another group: nobody would continue it. */
static bool is_orphaned(uint32_t pgid)
{
	for (uint32_t i = 1; i < process_end(); i++) {
		const struct label_process *p = process_at(i), *parent;

		if (!p || p->pgid != pgid || p->state == LABEL_ZOMBIE)
			continue;
		parent = process_of_pid(p->ppid);
		if (parent && parent->sid == p->sid && parent->pgid != pgid)
			return false;
	}
	return true;
}

/* What the process says of itself, in its page: it can only harm itself by lying. */
static bool is_ignored_or_blocked(const struct caller *caller, uint32_t signal)
{
	uint32_t index = LABEL_PROCESS(caller->label), thread = LABEL_THREAD(caller->label);
	const struct process_page *page = (const struct process_page *)(pages + index * PAGE_BYTES);

	if (index >= page_count)
		return false;
	if (page->handler[signal - 1] == 1)
		return true;
	for (uint32_t i = 0; i < PROCESS_THREADS; i++) {
		if (page->thread[i].tid != 0 && page->thread[i].label_index == thread)
			return (page->thread[i].blocked & SIGNAL_BIT(signal)) != 0;
	}
	return false;
}

int job_check(struct terminal *terminal, const struct caller *caller, uint32_t signal)
{
	if (!caller->is_known || terminal->sid == 0 || terminal->sid != caller->sid || terminal->pgid == 0 ||
	    terminal->pgid == caller->pgid)
		return 0;
	if (is_ignored_or_blocked(caller, signal))
		return signal == TTY_SIGTTIN ? EIO : 0;
	if (is_orphaned(caller->pgid))
		return EIO;
	signal_group(caller->pgid, signal, caller->sid);
	return ST_WOULD_BLOCK;
}

void job_take_terminal(struct terminal *terminal, const struct caller *caller)
{
	if (!caller->is_known || caller->pid != caller->sid || terminal->sid != 0 ||
	    terminal_of_session(caller->sid))
		return;
	terminal->sid = caller->sid;
	terminal->pgid = caller->pgid;
}

void job_end_session(struct terminal *terminal)
{
	if (terminal->kind != TERMINAL_PTY) {
		terminal_hang_up(terminal);
		return;
	}
	if (terminal->pgid != 0)
		signal_group(terminal->pgid, TTY_SIGHUP, terminal->sid);
	terminal->sid = terminal->pgid = 0;
	waiters_wake(&terminal->readers);
	waiters_wake(&terminal->writers);
}
