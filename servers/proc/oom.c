/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Out of memory: somebody has to go. As on Linux it is the process that holds most, what its oom_score_adj adds or takes off
 * included, and what the kernel keeps for each child it has (a fork bomb is found by that); among equals the youngest; never
 * pid 1, never one with -1000. It is killed with all that share its memory, and
 * the log says so. Two occasions: a page fault for which mem has no frame (the faulting personality asks, and tries again), and a
 * fork or exec of root's own shell that finds nothing left: whoever sits at root's terminal can always run a command. No
 * process is believed that memory is short: mem says it.
 */
#include "proc.h"

#include <errno.h>
#include <tessera/proto/proc_server.h>

#define SIGKILL 9u
#define CHILD_PAGES 18u /* bundle, VSpace and tables of a small process */
#define RELIEF_MAX 64u
#define RECENT_NS 2000000000ull /* a pipeline that is being put together */

/* What killing it would bring, in pages; 0: it is not to be killed. */
static uint64_t score(const struct process *p, uint64_t total_pages)
{
	if (p->state != PROCESS_LIVE || p->is_ending || p->pid == INIT_PID || p->oom_adj == OOM_ADJ_MIN)
		return 0;
	uint64_t children = 0;
	for (process_ref i = p->first_child; i != 0; i = process_at(i)->next_sibling)
		children++;
	int64_t points = (int64_t)(space_resident(space_at(p->space)) + children * CHILD_PAGES) +
			 (int64_t)p->oom_adj * (int64_t)total_pages / OOM_ADJ_MAX;
	return points > 1 ? (uint64_t)points : 1;
}

/* shell: whom memory is sought for, NULL: anybody; it and what it has just started stay. */
static bool is_spared(const struct process *p, const struct process *shell)
{
	if (shell == NULL)
		return false;
	bool is_new = p->parent == process_index(shell) && now_ns() - p->start_ns < RECENT_NS;
	return p == shell || is_new;
}

static struct process *choose(const struct process *shell)
{
	uint64_t total_pages = space_total_pages(), most = 0;
	struct process *victim = NULL;
	for (process_ref i = 1; i <= proc.process_high; i++) {
		struct process *p = process_at(i);
		uint64_t points = is_spared(p, shell) ? 0 : score(p, total_pages);
		if (points > most || (points == most && points != 0 && p->start_ns > victim->start_ns)) {
			most = points;
			victim = p;
		}
	}
	return victim;
}

static bool kill_one(const struct process *shell)
{
	struct process *victim = choose(shell);
	if (victim == NULL)
		return false;
	space_ref space = victim->space;
	report_line(victim, "out of memory: killed, %lu KiB resident, oom_score_adj %d",
		    (unsigned long)space_resident(space_at(space)) * 4, victim->oom_adj);
	for (process_ref i = 1; i <= proc.process_high; i++)
		if (process_at(i)->state == PROCESS_LIVE && process_at(i)->space == space)
			process_end(process_at(i), SIGKILL);
	return true;
}

bool is_roots_shell(const struct process *p)
{
	return p->euid == 0 && p->sid == p->pid && session_has_terminal(p->sid);
}

bool oom_relieve(const struct process *p)
{
	const struct process *shell = is_roots_shell(p) ? p : p->parent != 0 ? process_at(p->parent) : NULL;
	if (shell == NULL || p->euid != 0 || (shell != p && !is_roots_shell(shell)))
		return false;
	bool has_killed = false;
	for (uint32_t i = 0; i < RELIEF_MAX && kill_one(shell); i++) {
		has_killed = true;
		if (!space_memory_is_low())
			break;
	}
	return has_killed;
}

int proc_on_out_of_memory(struct request *rq, const struct proc_out_of_memory_in *in,
			  struct proc_out_of_memory_out *out)
{
	(void)in;
	struct process *p = process_by_label(rq->label);
	if (p == NULL)
		return ESRCH;
	uint32_t generation = p->generation;
	if (!space_is_short(space_at(p->space)))
		return 0; /* some has come back */
	if (!kill_one(NULL))
		return ENOMEM;
	out->killed = 1;
	return p->state == PROCESS_LIVE && p->generation == generation ? 0 : SERVICE_NO_REPLY;
}

int proc_oom_adjust(struct process *p, int32_t adjustment)
{
	if (adjustment < OOM_ADJ_MIN || adjustment > OOM_ADJ_MAX)
		return EINVAL;
	p->oom_adj = (int16_t)adjustment;
	publish_process(p);
	return 0;
}
