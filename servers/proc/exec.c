/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * exec: a fresh address space and personality state under the old pid, with the process's Thread, CNodes and label kept
 * (docs/decisions/0001).  Before the commit errors go back to the caller; after it a failure ends the process.
 */
#include "proc.h"

#include <errno.h>
#include <string.h>
#include <tessera/file.h>
#include <tessera/proto/file.h>
#include <tessera/proto/mem.h>
#include <tessera/proto/proc_server.h>
#include <tessera/service.h>

#define S_ISUID 04000u
#define S_ISGID 02000u
#define S_IXGRP 00010u
#define SIGKILL 9u
#define SIGCHLD 17u
#define RLIMIT_DATA 2u
#define RLIMIT_STACK 3u
#define RLIMIT_AS 9u
#define STACK_DEFAULT 0x800000ull /* what mem gives a new space */

void process_name_set(struct process *p, const char *path, size_t length)
{
	size_t name = strnlen(path, length);
	memset(p->name, 0, sizeof(p->name));
	memcpy(p->name, path, name < 15 ? name : 15);
	path += name < length ? name + 1 : 0;
	length -= name < length ? name + 1 : 0;
	memset(p->exe, 0, sizeof(p->exe));
	memcpy(p->exe, path, length < sizeof(p->exe) - 1 ? length : sizeof(p->exe) - 1);
	memcpy(proc.labels->process[process_index(p)].exe, p->exe, sizeof(p->exe));
}

/* Owner and mode of the file in scratch slot 3, from its server. */
static int file_identity(const struct process *p, struct file_stat *stat)
{
	cap_t file = slot_alloc();
	if (file == 0)
		return ENOMEM;
	int status = EBADF;
	if (ts_cnode_copy(SLOT_OWN(file), SLOT_IN(p->scratch, LX_SCRATCH_EXE), RIGHTS_ALL) == E_OK) {
		struct file_stat_in in = {};
		struct file_stat_out out = {0};
		status = file_stat(file, proc.page, &in, &out);
		if (status == 0 && out.data_len >= sizeof(*stat))
			memcpy(stat, file_stat_out_data(proc.page), sizeof(*stat));
		else if (status >= 0)
			status = status != 0 ? status : EIO;
		else
			status = EACCES;
	}
	slot_release(file);
	return status;
}

static int new_space(const struct process *p, const struct proc_exec_in *in, struct space **out)
{
	int error = space_create(process_index(p), out);
	if (error != 0)
		return error;
	struct mem_as_move_pages_in move = {.from = space_at(p->space)->id,
					    .from_addr = in->area,
					    .to = (*out)->id,
					    .to_addr = EXEC_AREA_VA,
					    .pages = in->pages};
	struct mem_as_move_pages_out moved;
	int status = mem_as_move_pages(proc.mem, proc.page, &move, &moved);
	if (status == 0)
		return 0;
	space_put(*out, p);
	return status > 0 ? status : EFAULT;
}

/* Ends all threads but one, which becomes the leader. */
static void keep_only(struct process *p, struct thread *keep)
{
	thread_ref next;
	for (thread_ref i = p->threads; i != 0; i = next) {
		next = thread_at(i)->next;
		if (thread_at(i) != keep)
			thread_end(thread_at(i));
	}
	if (keep->tid != p->pid)
		thread_set_tid(keep, p->pid);
}

static void close_on_exec(struct process *p, const uint64_t *bitmap, uint32_t words)
{
	for (uint32_t leaf = 0; leaf < words && leaf < FD_LEAVES; leaf++) {
		uint64_t bits = p->fd_leaf[leaf] != 0 ? bitmap[leaf] : 0;
		while (bits != 0) {
			uint32_t slot = (uint32_t)__builtin_ctzll(bits);
			bits &= bits - 1;
			(void)ts_cnode_delete(SLOT_IN(p->fd_leaf[leaf], slot), 0);
		}
	}
}

static void set_ids(struct process *p, const struct file_stat *stat)
{
	uint32_t old_euid = p->euid, old_egid = p->egid;
	if ((stat->mode & S_ISUID) && !p->no_new_privs)
		p->euid = stat->uid;
	if ((stat->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && !p->no_new_privs)
		p->egid = stat->gid;
	p->suid = p->fsuid = p->euid;
	p->sgid = p->fsgid = p->egid;
	p->is_secure = p->euid != p->uid || p->egid != p->gid || old_euid != p->euid || old_egid != p->egid;
}

static void reset_page(struct process *p, const struct process_thread *caller, const struct space *s,
		       const struct proc_exec_in *in)
{
	struct process_page *page = process_page(p);
	for (uint32_t i = 0; i < LX_SIGNALS; i++) {
		if (page->handler[i] != 1)
			page->handler[i] = 0;
		page->action_flags[i] = 0;
	}
	memset(page->thread, 0, sizeof(page->thread));
	page->thread[0].blocked = caller->blocked;
	page->thread[0].system_ticks = caller->system_ticks;
	page->thread[0].pending = 0;
	page->arg_start = page->arg_end = page->env_start = page->env_end = page->brk_start =
		page->stack_start = 0;
	page->exec_area = EXEC_AREA_VA;
	page->exec_pages = in->pages;
	page->personality_base = s->personality_base;
	page->start_mode = 1;
	process_random(page);
}

/* Moves the process over: from here on there is no way back. 0, or the process has to die. */
static int commit(struct process *p, struct thread *t, struct space *s, const struct proc_exec_in *in)
{
	struct process_thread caller = process_page(p)->thread[t->slot];
	struct space *old = space_at(p->space);
	uint32_t slot;
	robust_release(p, t);
	space_slot_put(old, t->slot);
	p->faults += space_put(old, p);
	p->space = (space_ref)(s - proc.space);
	p->main_slot = 0;
	t->slot = 0;
	timers_clear(p);
	if (space_slot_take(s, 0, &slot) != 0 || notification_create(p, 0) != 0)
		return ENOMEM;
	waiters_set(t);
	(void)ts_cnode_delete(SLOT_IN(p->service_leaf, LX_CAP_MEM), 0);
	if (ts_cnode_copy(SLOT_IN(p->service_leaf, LX_CAP_MEM), SLOT_OWN(s->mem), RIGHTS_ALL) != E_OK)
		return ENOMEM;
	reset_page(p, &caller, s, in);
	if (p->limit_soft[RLIMIT_AS] != ~0ull || p->limit_soft[RLIMIT_DATA] != ~0ull ||
	    p->limit_soft[RLIMIT_STACK] != STACK_DEFAULT)
		space_set_limits(s, p->limit_soft[RLIMIT_AS], p->limit_soft[RLIMIT_DATA],
				 p->limit_soft[RLIMIT_STACK]);
	memcpy(t->name, p->name, sizeof(t->name));
	publish_process(p);
	publish_thread(t);
	struct thread_start start = {.ip = s->start_entry,
				     .sp = PERSONALITY_STACK_VA + PERSONALITY_STACK_STRIDE,
				     .rsi = PROCESS_PAGE_VA,
				     .is_page_cleared = true};
	return thread_start(t, s, &start);
}

int proc_on_exec(struct request *rq, const struct proc_exec_in *in, struct proc_exec_out *out)
{
	(void)out;
	struct thread *t = thread_by_label(rq->label);
	if (t == NULL)
		return ESRCH;
	struct process *p = process_at(t->process);
	uint8_t data[PROC_EXEC_IN_MAX];
	if (in->bitmap_bytes > in->data_len || in->bitmap_bytes % 8 != 0 ||
	    in->bitmap_bytes > FD_LEAVES * 8 || in->area % 4096 != 0 || in->pages == 0 ||
	    in->pages > EXEC_AREA_MAX_BYTES / 4096)
		return EINVAL;
	memcpy(data, proc_exec_in_data(rq->page), in->data_len);
	struct file_stat stat;
	int error = file_identity(p, &stat);
	struct space *s = NULL;
	if (error == 0)
		error = new_space(p, in, &s);
	if ((error == ENOMEM || error == EAGAIN || (error == 0 && s->is_low)) && oom_relieve(p) && error != 0)
		error = new_space(p, in, &s);
	if (error != 0)
		return error;

	/* The caller's call ends here, and it runs no more: it is stopped first, or another CPU would let it go on. */
	suspend_thread(t);
	(void)ts_cnode_delete(SLOT_OWN(rq->reply_slot), 0);
	keep_only(p, t);
	uint64_t bitmap[FD_LEAVES] = {0};
	memcpy(bitmap, data, in->bitmap_bytes);
	close_on_exec(p, bitmap, in->bitmap_bytes / 8);
	set_ids(p, &stat);
	process_name_set(p, (const char *)data + in->bitmap_bytes, in->data_len - in->bitmap_bytes);
	vfork_release(p);
	p->has_execed = true;
	p->exit_signal = SIGCHLD;
	(void)ts_cnode_delete(SLOT_IN(p->scratch, LX_SCRATCH_OLD_EXE), 0);
	if (commit(p, t, s, in) != 0) {
		report_line(p, "exec failed after its commit: killed");
		process_end(p, SIGKILL);
	}
	return SERVICE_NO_REPLY;
}
