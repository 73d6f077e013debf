/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The rules of processes, waiting, signals, groups, ids and timers. */
#include "fakes.h"

#include <errno.h>
#include <string.h>
#include <tessera/file.h>
#include <tessera/proto/proc_server.h>

static struct msg_page page;

static struct request request_of(const struct thread *t)
{
	struct request rq = {.page = &page};
	rq.label = fake_label(t);
	return rq;
}

static struct thread *leader(struct process *p)
{
	return process_leader(p);
}

static int kill_from(struct process *from, int32_t pid, uint32_t signal)
{
	struct request rq = request_of(leader(from));
	struct proc_kill_in in = {.pid = pid, .signal = signal};
	struct proc_kill_out out;
	return proc_on_kill(&rq, &in, &out);
}

static int wait_for(struct process *p, int32_t which, uint32_t id, uint32_t options,
		    struct proc_wait_out *out)
{
	struct request rq = request_of(leader(p));
	struct proc_wait_in in = {.which = which, .id = id, .options = options, .wait = 1};
	memset(out, 0, sizeof(*out));
	return proc_on_wait(&rq, &in, out);
}

static uint32_t fetch(struct process *p, uint64_t blocked, uint32_t take)
{
	struct request rq = request_of(leader(p));
	struct proc_signal_fetch_in in = {.blocked = blocked, .take = take};
	struct proc_signal_fetch_out out = {0};
	return proc_on_signal_fetch(&rq, &in, &out) == 0 ? out.signal : ~0u;
}

static struct process *init(void)
{
	return process_by_pid(1);
}

static int reset(void **state)
{
	(void)state;
	fake_reset();
	return 0;
}

static void numbers_are_unique_and_come_back(void **state)
{
	(void)state;
	struct process *a = fake_process(init()), *b = fake_process(init());
	assert_int_not_equal(a->pid, b->pid);
	uint32_t pid = a->pid;
	assert_ptr_equal(process_by_pid(pid), a);
	process_end(a, 0);
	assert_true(pid_is_in_use(pid)); /* a zombie keeps its number */
	struct proc_wait_out out;
	assert_int_equal(wait_for(init(), 1, pid, 4, &out), 0);
	assert_int_equal(out.pid, pid);
	assert_null(process_by_pid(pid));
	assert_false(pid_is_in_use(pid));
	proc.last_pid = PID_MAX - 2;
	assert_int_equal(pid_alloc(), PID_MAX - 1);
	assert_int_equal(pid_alloc(), 300);
}

static void a_label_counts_only_in_its_generation(void **state)
{
	(void)state;
	struct process *a = fake_process(init());
	uint64_t label = fake_label(leader(a));
	assert_ptr_equal(process_by_label(label), a);
	assert_null(process_by_label(label + (1ull << 32)));
	assert_null(process_by_label(LABEL_NATIVE | 3));
	assert_null(thread_by_label(label + 1));
	process_end(a, 0);
	assert_null(process_by_label(label));
}

static void wait_reports_each_child_once(void **state)
{
	(void)state;
	struct proc_wait_out out;
	struct process *p = fake_process(init());
	assert_int_equal(wait_for(p, 0, 0, 4, &out), ECHILD);
	struct process *c = fake_process(p);
	uint32_t pid = c->pid;
	assert_int_equal(wait_for(p, 0, 0, 4 | 1, &out), 0);
	assert_int_equal(out.pid, 0);
	assert_int_equal(wait_for(p, 0, 0, 4, &out), ST_WOULD_BLOCK);
	process_end(c, 7 << 8);
	assert_int_equal(fake_wakes, 1);
	assert_int_equal(wait_for(p, 1, pid, 4 | 0x1000000, &out), 0); /* WNOWAIT */
	assert_int_equal(wait_for(p, 1, pid, 4, &out), 0);
	assert_int_equal(out.status, 7 << 8);
	assert_int_equal(wait_for(p, 0, 0, 4, &out), ECHILD);
	assert_int_equal(wait_for(p, 0, 0, 0, &out), EINVAL);
}

static int ask_affinity(struct thread *caller, const struct thread *t, uint64_t mask)
{
	struct request rq = {.label = fake_label(caller), .page = &page};
	struct proc_affinity_in in = {.tid = t->tid, .set = 1, .mask = mask};
	struct proc_affinity_out out = {0};
	int error = proc_on_affinity(&rq, &in, &out);
	assert_int_equal(out.mask, error == EPERM ? 0 : t->cpu_mask & 15u);
	return error;
}

static void threads_are_spread_over_the_cpus(void **state)
{
	(void)state;
	struct thread *t[8];
	uint32_t on[FAKE_CPUS] = {0};
	struct process *p = fake_process(init());
	for (uint32_t i = 0; i < 8; i++) {
		t[i] = fake_thread(p);
		t[i]->cpu_mask = ~0ull;
		assert_int_equal(thread_place(t[i]), 0);
		on[t[i]->cpu]++;
	}
	for (uint32_t i = 0; i < FAKE_CPUS; i++)
		assert_int_equal(on[i], 2);
	uint8_t empty = t[3]->cpu;
	for (uint32_t i = 0; i < 8; i++) /* all of one CPU end: the next two come there */
		if (t[i]->cpu == empty)
			thread_free(t[i]);
	for (uint32_t i = 0; i < 2; i++) {
		t[i] = fake_thread(p);
		t[i]->cpu_mask = ~0ull;
		assert_int_equal(thread_place(t[i]), 0);
		assert_int_equal(t[i]->cpu, empty);
	}
}

static void an_affinity_mask_moves_a_thread(void **state)
{
	(void)state;
	struct process *p = fake_process(init()), *other = fake_process(init());
	struct thread *t = leader(p);
	other->uid = other->euid = 1000;
	t->cpu_mask = ~0ull;
	assert_int_equal(thread_place(t), 0);
	t->consumed_ns = 5000;
	uint32_t from = t->cpu, to = (from + 1) % FAKE_CPUS;
	unsigned moves = fake_moves;
	assert_int_equal(ask_affinity(leader(other), t, 1u << to), EPERM);
	assert_int_equal(ask_affinity(t, t, 0), EINVAL);
	assert_int_equal(ask_affinity(t, t, 1u << FAKE_CPUS), EINVAL);
	assert_int_equal(ask_affinity(t, t, 1u << from | 1ull << 60), 0);
	assert_int_equal(fake_moves, moves); /* it is there already */
	assert_int_equal(ask_affinity(t, t, 1u << to), 0);
	assert_int_equal(fake_moves, moves + 1);
	assert_int_equal(t->cpu, to);
	assert_int_equal(process_page(p)->thread[t->slot].cpu, to);
	t->consumed_ns = 7000;
	uint64_t before = proc.labels->cpu[from].user_ns;
	publish_cpu_times(); /* what it did stays where it did it */
	assert_int_equal(proc.labels->cpu[from].user_ns - before, 5000);
	assert_int_equal(proc.labels->cpu[to].user_ns, 2000);
}

static void system_time_is_told_apart(void **state)
{
	(void)state;
	struct process *p = fake_process(init());
	struct thread *t = leader(p);
	fake_now_ns = p->start_ns + 5000000000ull;
	uint64_t *ticks = &process_page(p)->thread[t->slot].system_ticks;
	t->consumed_ns = 1000000000ull;
	*ticks = 400000000ull;
	struct cpu_time time = process_time(p);
	assert_int_equal(time.user_ns, 600000000ull);
	assert_int_equal(time.system_ns, 400000000ull);
	t->consumed_ns = 1500000000ull;
	*ticks = ~0ull >> 1; /* a lie: no more than it has used, and what was told stands */
	assert_int_equal(process_time(p).user_ns, 600000000ull);
	assert_int_equal(process_time(p).system_ns, 900000000ull);
	t->consumed_ns = 3000000000ull;
	*ticks = 0; /* another */
	assert_int_equal(process_time(p).user_ns, 2100000000ull);
	assert_int_equal(process_time(p).system_ns, 900000000ull);
	*ticks = 1000000000ull; /* in a call when it was asked: told as user time */
	assert_int_equal(process_time(p).user_ns, 2100000000ull);
	*ticks = 900000000ull;
	process_end(p, 0);
	publish_cpu_times();
	assert_int_equal(proc.labels->cpu[0].system_ns, 900000000ull);
	struct proc_wait_out out;
	assert_int_equal(wait_for(init(), 1, p->pid, 4, &out), 0);
	int64_t rusage[4];
	memcpy(rusage, proc_wait_out_data(&page), sizeof(rusage));
	assert_int_equal(rusage[0], 2);
	assert_int_equal(rusage[2], 0);
	assert_int_equal(init()->children.user_ns, 2100000000ull);
	assert_int_equal(init()->children.system_ns, 900000000ull);
}

static void reports_are_rationed(void **state)
{
	(void)state;
	report_init();
	fake_log_lines = 0;
	for (int i = 0; i < 1000; i++)
		report_line(init(), "line %d", i);
	assert_int_equal(fake_log_lines, 20);
	fake_now_ns += 2000000000ull;
	for (int i = 0; i < 10; i++)
		report_line(init(), "line %d", i);
	assert_int_equal(fake_log_lines, 20 + 2 + 1); /* two more, and how many were left out */
	struct request rq = request_of(leader(init()));
	struct proc_report_in in = {.data_len = 240};
	struct proc_report_out out;
	fake_now_ns += 1000000000ull;
	memset(proc_report_in_data(&page), 0x1b, 240);
	assert_int_equal(proc_on_report(&rq, &in, &out), 0);
	assert_int_equal(fake_log_lines, 23 + 2);
}

static int ask_out_of_memory(struct process *p)
{
	struct request rq = request_of(leader(p));
	struct proc_out_of_memory_in in = {};
	struct proc_out_of_memory_out out = {0};
	int status = proc_on_out_of_memory(&rq, &in, &out);
	return status == 0 && out.killed ? -1 : status;
}

static void the_largest_goes_when_memory_is_out(void **state)
{
	(void)state;
	report_init();
	struct process *small = fake_process(init()), *large = fake_process(init()),
		       *shell = fake_process(init());
	fake_resident[small->space] = 100;
	fake_resident[large->space] = 5000;
	fake_resident[init()->space] = 9000;
	fake_is_short = false;
	assert_int_equal(ask_out_of_memory(small), 0); /* nobody is killed on a process's word */
	assert_int_equal(large->state, PROCESS_LIVE);
	fake_is_short = true;
	assert_int_equal(ask_out_of_memory(small), -1);
	assert_int_equal(large->state, PROCESS_ZOMBIE);
	assert_int_equal(large->exit_status, 9);
	assert_int_equal(proc_oom_adjust(shell, 1001), EINVAL);
	assert_int_equal(proc_oom_adjust(small, -1000), 0);
	assert_int_equal(proc_oom_adjust(shell, 500), 0);
	assert_int_equal(ask_out_of_memory(small), -1);
	assert_int_equal(shell->state, PROCESS_ZOMBIE);
	assert_int_equal(ask_out_of_memory(small), ENOMEM); /* pid 1 and -1000 stay */
}

static void roots_shell_may_make_room(void **state)
{
	(void)state;
	report_init();
	struct process *shell = fake_process(init());
	process_set_group(shell, shell->pid);
	process_set_session(shell, shell->pid);
	struct process *hog = fake_process(shell);
	fake_now_ns += 5000000000ull;
	struct process *command = fake_process(shell); /* just started, and larger */
	command->start_ns = fake_now_ns;
	fake_resident[command->space] = 3000;
	fake_resident[hog->space] = 1000;
	fake_resident[shell->space] = 2000;
	proc.tty = 1;
	fake_has_terminal = false;
	assert_false(oom_relieve(shell));
	fake_has_terminal = true;
	hog->euid = 5;
	assert_false(oom_relieve(hog));
	hog->euid = 0;
	assert_true(oom_relieve(shell));
	assert_int_equal(hog->state, PROCESS_ZOMBIE);
	assert_int_equal(shell->state, PROCESS_LIVE); /* spared, though it holds more */
	assert_int_equal(command->state, PROCESS_LIVE);
	struct process *stranger = fake_process(command);
	assert_false(oom_relieve(stranger)); /* a grandchild is no shell's command */
}

static void orphans_go_to_init(void **state)
{
	(void)state;
	struct proc_wait_out out;
	struct process *p = fake_process(init()), *c = fake_process(p), *z = fake_process(p);
	process_end(z, 1 << 8);
	process_end(p, 0);
	assert_int_equal(c->parent, process_index(init()));
	assert_int_equal(wait_for(init(), 1, z->pid, 4, &out), 0);
	assert_int_equal(out.status, 1 << 8);
}

static void ignoring_sigchld_reaps(void **state)
{
	(void)state;
	struct proc_wait_out out;
	struct process *p = fake_process(init()), *c = fake_process(p);
	process_page(p)->handler[16] = 1;
	process_end(c, 0);
	assert_int_equal(wait_for(p, 0, 0, 4, &out), ECHILD);
	assert_int_equal(fake_spaces, 2);
	assert_int_equal(proc.zombies, 0);
}

static void stop_and_continue_are_reported(void **state)
{
	(void)state;
	struct proc_wait_out out;
	struct process *p = fake_process(init()), *c = fake_process(p);
	assert_int_equal(kill_from(p, (int32_t)c->pid, 19), 0);
	assert_true(c->is_stopped);
	assert_int_equal(wait_for(p, 0, 0, 4 | 2, &out), 0);
	assert_int_equal(out.status, 19 << 8 | 0x7f);
	assert_int_equal(wait_for(p, 0, 0, 4 | 2, &out), ST_WOULD_BLOCK);
	assert_int_equal(kill_from(p, (int32_t)c->pid, 18), 0);
	assert_false(c->is_stopped);
	assert_int_equal(wait_for(p, 0, 0, 4 | 8, &out), 0);
	assert_int_equal(out.status, 0xffff);
}

static void default_actions_need_no_cooperation(void **state)
{
	(void)state;
	struct process *p = fake_process(init()), *c = fake_process(p);
	assert_int_equal(kill_from(p, (int32_t)c->pid, 15), 0);
	assert_int_equal(c->state, PROCESS_ZOMBIE);
	assert_int_equal(c->exit_status, 15);
	c = fake_process(p);
	assert_int_equal(kill_from(p, (int32_t)c->pid, 11), 0);
	assert_int_equal(c->exit_status, 11);
	c = fake_process(p);
	assert_int_equal(kill_from(p, (int32_t)c->pid, 28), 0); /* SIGWINCH */
	assert_int_equal(c->state, PROCESS_LIVE);
	assert_int_equal(fake_interrupts, 0);
}

static void caught_signals_interrupt_and_are_fetched_once(void **state)
{
	(void)state;
	struct process *p = fake_process(init());
	process_page(p)->handler[9] = 0x1234;
	process_page(p)->handler[11] = 0x1234;
	assert_int_equal(kill_from(init(), (int32_t)p->pid, 12), 0);
	assert_int_equal(kill_from(init(), (int32_t)p->pid, 10), 0);
	assert_int_equal(kill_from(init(), (int32_t)p->pid, 10), 0);
	assert_true(fake_interrupts >= 2);
	assert_int_equal(process_page(p)->pending, 1u << 9 | 1u << 11);
	assert_int_equal(fetch(p, 1u << 9, 0), 12);
	assert_int_equal(fetch(p, 0, 0), 10);
	assert_int_equal(fetch(p, 0, 0), 0);
	assert_int_equal(process_page(p)->pending, 0);
}

static void blocked_signals_wait(void **state)
{
	(void)state;
	struct process *p = fake_process(init());
	process_page(p)->thread[0].blocked = 1u << 14;
	assert_int_equal(kill_from(init(), (int32_t)p->pid, 15), 0);
	assert_int_equal(p->state, PROCESS_LIVE);
	assert_int_equal(fake_interrupts, 0);
	assert_int_equal(fetch(p, 1u << 14, 0), 0);
	assert_int_equal(fetch(p, 0, 1), 15); /* sigtimedwait takes it whatever its disposition */
	assert_int_equal(kill_from(init(), (int32_t)p->pid, 15), 0);
	assert_int_equal(fetch(p, 0, 0), ~0u); /* unblocked: its default action ends the process */
	assert_int_equal(p->exit_status, 15);
}

static void kill_ignores_masks_of_sigkill(void **state)
{
	(void)state;
	struct process *p = fake_process(init());
	process_page(p)->thread[0].blocked = ~0ull;
	process_page(p)->handler[8] = 1;
	assert_int_equal(kill_from(init(), (int32_t)p->pid, 9), 0);
	assert_int_equal(p->exit_status, 9);
}

static void realtime_signals_queue(void **state)
{
	(void)state;
	struct process *p = fake_process(init());
	process_page(p)->handler[33] = 0x1234;
	for (int i = 0; i < 3; i++) {
		struct siginfo_head info = {.signo = 34, .code = -1};
		info.u.rt.value = (uint64_t)i;
		assert_int_equal(signal_send(p, NULL, 34, &info), 0);
	}
	struct siginfo_head info;
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(fetch(p, 0, 0), 34);
		memcpy(&info, proc_signal_fetch_out_data(&page), sizeof(info));
		assert_int_equal(info.u.rt.value, i);
	}
	assert_int_equal(fetch(p, 0, 0), 0);
	assert_int_equal(quota_used(QUOTA_ROOT, QUOTA_SIGNALS), 0);
	p->limit_soft[11] = 1;
	info = (struct siginfo_head){.signo = 34, .code = -1};
	assert_int_equal(signal_send(p, NULL, 34, &info), 0);
	assert_int_equal(signal_send(p, NULL, 34, &info), EAGAIN);
}

/* A user who queues all he may, over several processes, leaves entries to others; the end of the processes gives all back. */
static void queued_signals_have_a_quota(void **state)
{
	(void)state;
	struct process *hog[2] = {fake_process(init()), fake_process(init())}, *other = fake_process(init());
	struct siginfo_head info = {.signo = 34, .code = -1};
	uint32_t count = 0;
	for (uint32_t i = 0; i < 2; i++) {
		hog[i]->uid = 1000;
		hog[i]->limit_soft[11] = ~0ull;
		process_page(hog[i])->handler[33] = 0x1234;
		process_page(hog[i])->thread[0].blocked = ~0ull;
	}
	other->uid = 1001;
	process_page(other)->handler[33] = 0x1234;
	process_page(other)->thread[0].blocked = ~0ull;
	while (signal_send(hog[count % 2], NULL, 34, &info) == 0)
		count++;
	assert_int_equal(count, SIGNAL_ENTRIES / 4);
	assert_int_equal(signal_send(other, NULL, 34, &info), 0);
	info.signo = 10; /* a standard one is delivered without its siginfo */
	process_page(hog[0])->handler[9] = 0x1234;
	assert_int_equal(signal_send(hog[0], NULL, 10, &info), 0);
	assert_true(hog[0]->queue.pending & (1u << 9));
	process_end(hog[0], 0);
	process_end(hog[1], 0);
	assert_int_equal(quota_used(quota_account(1000), QUOTA_SIGNALS), 0);
	/* RLIMIT_SIGPENDING counts all of a user's processes. */
	struct process *more = fake_process(init());
	more->uid = 1001;
	more->limit_soft[11] = 1;
	info.signo = 34;
	process_page(more)->handler[33] = 0x1234;
	assert_int_equal(signal_send(more, NULL, 34, &info), EAGAIN);
}

static void permissions_and_targets_of_kill(void **state)
{
	(void)state;
	struct process *a = fake_process(init()), *b = fake_process(init());
	a->uid = a->euid = a->suid = 1000;
	assert_int_equal(kill_from(a, (int32_t)b->pid, 15), EPERM);
	assert_int_equal(kill_from(a, 30000, 15), ESRCH);
	assert_int_equal(kill_from(a, (int32_t)a->pid, 65), EINVAL);
	assert_int_equal(kill_from(a, (int32_t)a->pid, 0), 0);
	assert_int_equal(kill_from(a, INT32_MIN, 15), ESRCH);
	b->uid = 1000;
	assert_int_equal(kill_from(a, (int32_t)b->pid, 0), 0);
	assert_int_equal(kill_from(a, 1, 18), 0); /* SIGCONT within the session */
	process_set_group(a, a->pid);
	process_set_group(b, a->pid);
	assert_int_equal(kill_from(a, 0, 15), SERVICE_NO_REPLY); /* itself last */
	assert_int_equal(a->exit_status, 15);
	assert_int_equal(b->exit_status, 15);
}

static void init_gets_only_what_it_asked_for(void **state)
{
	(void)state;
	assert_int_equal(kill_from(init(), 1, 9), 0);
	assert_int_equal(init()->state, PROCESS_LIVE);
	process_page(init())->handler[14] = 0x1234;
	assert_int_equal(kill_from(init(), 1, 15), 0);
	assert_int_equal(fake_interrupts, 1);
	process_end(init(), 3 << 8);
	assert_int_equal(fake_system_ended, 3);
}

static void a_thread_takes_what_others_block(void **state)
{
	(void)state;
	struct process *p = fake_process(init());
	struct thread *second = fake_thread(p);
	process_page(p)->handler[9] = 0x1234;
	process_page(p)->thread[0].blocked = 1u << 9;
	assert_int_equal(kill_from(init(), (int32_t)p->pid, 10), 0);
	assert_int_equal(fake_interrupts, 1);
	struct request rq = request_of(second);
	struct proc_signal_fetch_in in = {0};
	struct proc_signal_fetch_out out = {0};
	assert_int_equal(proc_on_signal_fetch(&rq, &in, &out), 0);
	assert_int_equal(out.signal, 10);
	thread_end(second);
	assert_int_equal(p->thread_count, 1);
}

static void orphaned_stopped_groups_get_hup_and_cont(void **state)
{
	(void)state;
	struct process *shell = fake_process(init()), *job = fake_process(shell);
	process_set_session(shell, shell->pid);
	process_set_group(shell, shell->pid);
	process_set_session(job, shell->pid);
	process_set_group(job, job->pid);
	assert_false(group_is_orphaned(job->pgid));
	process_stop(job, 20);
	process_page(job)->handler[0] = 0x1234;
	struct process *bystander = fake_process(job);
	process_end(bystander, 0); /* its parent is in the same group: it held nothing */
	assert_true(job->is_stopped);
	process_end(shell, 0);
	assert_int_equal(fake_sessions_ended, 1);
	assert_true(group_is_orphaned(job->pgid));
	assert_false(job->is_stopped);
	assert_int_equal(fetch(job, 0, 0), 1);
}

static void groups_and_sessions(void **state)
{
	(void)state;
	struct process *p = fake_process(init()), *c = fake_process(p);
	struct request rq = request_of(leader(p));
	struct proc_set_group_in in = {.pid = c->pid, .pgid = 0};
	struct proc_set_group_out none;
	assert_int_equal(proc_on_set_group(&rq, &in, &none), 0);
	assert_int_equal(c->pgid, c->pid);
	c->has_execed = true;
	assert_int_equal(proc_on_set_group(&rq, &in, &none), EACCES);
	in = (struct proc_set_group_in){.pid = 0, .pgid = 29999};
	assert_int_equal(proc_on_set_group(&rq, &in, &none), EPERM);
	in = (struct proc_set_group_in){.pid = 1, .pgid = 1};
	assert_int_equal(proc_on_set_group(&rq, &in, &none), ESRCH);
	in = (struct proc_set_group_in){.pid = 0, .pgid = (uint32_t)-1};
	assert_int_equal(proc_on_set_group(&rq, &in, &none), EINVAL);
	struct proc_set_session_in sin = {};
	struct proc_set_session_out sout = {0};
	assert_int_equal(proc_on_set_session(&rq, &sin, &sout), 0);
	assert_int_equal(p->sid, p->pid);
	assert_int_equal(proc_on_set_session(&rq, &sin, &sout), EPERM);
}

static void ids_follow_linux(void **state)
{
	(void)state;
	struct process *p = fake_process(init());
	struct request rq = request_of(leader(p));
	struct proc_set_ids_out none;
	struct proc_set_ids_in in = {.which = 4, .a = 1000, .b = 1000, .c = 0};
	assert_int_equal(proc_on_set_ids(&rq, &in, &none), 0);
	in = (struct proc_set_ids_in){.which = 2, .a = ~0u, .b = 0};
	assert_int_equal(proc_on_set_ids(&rq, &in, &none), 0); /* back through the saved id */
	assert_int_equal(p->euid, 0);
	in = (struct proc_set_ids_in){.which = 0, .a = 1000};
	assert_int_equal(proc_on_set_ids(&rq, &in, &none), 0); /* privileged: all of them */
	in = (struct proc_set_ids_in){.which = 0, .a = 0};
	assert_int_equal(proc_on_set_ids(&rq, &in, &none), EPERM);
	in = (struct proc_set_ids_in){.which = 9};
	assert_int_equal(proc_on_set_ids(&rq, &in, &none), EINVAL);
	assert_int_equal(process_page(p)->uid, 1000);
	assert_int_equal(proc.labels->process[process_index(p)].euid, 1000);
}

/* SIGXCPU at the soft limit, which moves on by a second; SIGKILL at the hard one. */
static void processor_time_is_limited(void **state)
{
	const uint64_t second = 1000000000u;
	(void)state;
	struct process *p = fake_process(init());
	struct request rq = request_of(leader(p));
	struct proc_limits_in in = {.set = 1, .resource = 0, .soft = 1, .hard = 3};
	struct proc_limits_out out;
	process_page(p)->handler[23] = 0x1234;
	assert_int_equal(proc_on_limits(&rq, &in, &out), 0);
	timers_run();
	assert_true(timers_next_deadline() <= fake_now_ns + second);
	leader(p)->consumed_ns = second - 1;
	fake_now_ns += second;
	timers_run();
	assert_int_equal(p->queue.pending, 0);
	leader(p)->consumed_ns = second;
	fake_now_ns += second;
	timers_run();
	assert_int_equal(p->queue.pending, 1u << 23);
	assert_int_equal(p->limit_soft[0], 2);
	leader(p)->consumed_ns = 3 * second;
	fake_now_ns += second;
	timers_run();
	assert_int_equal(p->state, PROCESS_ZOMBIE);
	assert_int_equal(p->exit_status, 9);
	assert_int_equal(timers_next_deadline(), ~0ull);
}

static void timers_fire_and_count_overruns(void **state)
{
	(void)state;
	struct process *p = fake_process(init());
	struct request rq = request_of(leader(p));
	struct proc_timer_out out;
	struct proc_timer_in in = {.which = 0, .set = 1, .value_ns = 500};
	process_page(p)->handler[13] = 0x1234;
	assert_int_equal(timers_next_deadline(), ~0ull);
	assert_int_equal(proc_on_timer(&rq, &in, &out), 0);
	assert_int_equal(timers_next_deadline(), 1500);
	timers_run();
	assert_int_equal(fake_interrupts, 0);
	fake_now_ns = 1500;
	timers_run();
	assert_int_equal(fake_interrupts, 1);
	assert_int_equal(timers_next_deadline(), ~0ull);
	in = (struct proc_timer_in){.which = 16, .clock = 1};
	assert_int_equal(proc_on_timer(&rq, &in, &out), 0);
	in = (struct proc_timer_in){
		.which = 17, .set = 1, .id = out.id, .value_ns = 100000, .interval_ns = 100000};
	assert_int_equal(proc_on_timer(&rq, &in, &out), 0);
	fake_now_ns = 1500 + 350000;
	timers_run();
	assert_int_equal(p->timers[0].overrun, 2);
	in = (struct proc_timer_in){.which = 17, .id = TIMERS};
	assert_int_equal(proc_on_timer(&rq, &in, &out), EINVAL);
	process_end(p, 0);
	assert_int_equal(timers_next_deadline(), ~0ull);
}

static void tables_fill_and_empty(void **state)
{
	(void)state;
	unsigned made = 0;
	struct process *p;
	while ((p = process_alloc(true)) != NULL) {
		p->pid = pid_alloc();
		p->pgid = p->sid = p->pid;
		process_enter(p);
		made++;
	}
	assert_int_equal(made, LABEL_PROCESSES - 2);
	for (uint32_t i = 2; i < LABEL_PROCESSES; i++)
		process_free(process_at((process_ref)i));
	assert_int_equal(proc.live_processes, 1);
	assert_int_equal(proc.process_high, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(numbers_are_unique_and_come_back, reset),
		cmocka_unit_test_setup(a_label_counts_only_in_its_generation, reset),
		cmocka_unit_test_setup(wait_reports_each_child_once, reset),
		cmocka_unit_test_setup(threads_are_spread_over_the_cpus, reset),
		cmocka_unit_test_setup(an_affinity_mask_moves_a_thread, reset),
		cmocka_unit_test_setup(system_time_is_told_apart, reset),
		cmocka_unit_test_setup(reports_are_rationed, reset),
		cmocka_unit_test_setup(the_largest_goes_when_memory_is_out, reset),
		cmocka_unit_test_setup(roots_shell_may_make_room, reset),
		cmocka_unit_test_setup(orphans_go_to_init, reset),
		cmocka_unit_test_setup(ignoring_sigchld_reaps, reset),
		cmocka_unit_test_setup(stop_and_continue_are_reported, reset),
		cmocka_unit_test_setup(default_actions_need_no_cooperation, reset),
		cmocka_unit_test_setup(caught_signals_interrupt_and_are_fetched_once, reset),
		cmocka_unit_test_setup(blocked_signals_wait, reset),
		cmocka_unit_test_setup(kill_ignores_masks_of_sigkill, reset),
		cmocka_unit_test_setup(realtime_signals_queue, reset),
		cmocka_unit_test_setup(queued_signals_have_a_quota, reset),
		cmocka_unit_test_setup(permissions_and_targets_of_kill, reset),
		cmocka_unit_test_setup(init_gets_only_what_it_asked_for, reset),
		cmocka_unit_test_setup(a_thread_takes_what_others_block, reset),
		cmocka_unit_test_setup(orphaned_stopped_groups_get_hup_and_cont, reset),
		cmocka_unit_test_setup(groups_and_sessions, reset),
		cmocka_unit_test_setup(ids_follow_linux, reset),
		cmocka_unit_test_setup(processor_time_is_limited, reset),
		cmocka_unit_test_setup(timers_fire_and_count_overruns, reset),
		cmocka_unit_test_setup(tables_fill_and_empty, reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
