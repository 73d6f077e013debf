/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Which CPU a Linux thread runs on: from its start the one with the fewest threads of those its affinity mask allows, until
 * the mask forbids that one.  Nothing moves threads between CPUs otherwise.  Also what the CPUs have done for threads.
 */
#include "proc.h"

#include <errno.h>
#include <tessera/service.h>

void placement_init(void)
{
	const struct time_page *clock = (const struct time_page *)TIME_PAGE_VA;

	proc.cpu_count = clock->cpu_count < LABEL_CPUS ? (uint32_t)clock->cpu_count : LABEL_CPUS;
	if (proc.cpu_count == 0)
		proc.cpu_count = 1;
	proc.labels->cpu_count = proc.cpu_count;
}

uint64_t cpus_present(void)
{
	return ~0ull >> (LABEL_CPUS - proc.cpu_count);
}

/* Behind the CPU chosen last, so that equals take turns. */
static uint8_t least_loaded(uint64_t mask)
{
	static uint32_t last;
	uint32_t best = LABEL_CPUS;

	for (uint32_t i = 1; i <= proc.cpu_count; i++) {
		uint32_t cpu = (last + i) % proc.cpu_count;

		if (((mask >> cpu) & 1) &&
		    (best == LABEL_CPUS || proc.threads_on[cpu] < proc.threads_on[best]))
			best = cpu;
	}
	last = best;
	return (uint8_t)best;
}

int thread_place(struct thread *t)
{
	if (t->is_placed)
		return 0;
	uint64_t mask = t->cpu_mask & cpus_present();
	uint8_t cpu = least_loaded(mask != 0 ? mask : cpus_present());
	if (proc.cpu_count > 1 && thread_set_home(t, cpu) != 0)
		return EAGAIN;
	t->cpu = cpu;
	t->is_placed = true;
	proc.threads_on[cpu]++;
	return 0;
}

/* What a thread did where it runs now. */
static struct cpu_time time_here(struct thread *t)
{
	struct cpu_time time = thread_time(t);

	time.user_ns -= time.user_ns < t->elsewhere.user_ns ? time.user_ns : t->elsewhere.user_ns;
	time.system_ns -= time.system_ns < t->elsewhere.system_ns ? time.system_ns : t->elsewhere.system_ns;
	return time;
}

void thread_unplace(struct thread *t)
{
	if (t->is_placed)
		proc.threads_on[t->cpu]--;
	t->is_placed = false;
}

void thread_time_ended(struct thread *t)
{
	cpu_time_add(&proc.done[t->cpu], time_here(t));
	cpu_time_add(&process_at(t->process)->ended_threads, thread_time(t));
}

int thread_set_cpus(struct thread *t, uint64_t mask)
{
	mask &= cpus_present();
	if (mask == 0)
		return EINVAL;
	t->cpu_mask = mask;
	if (!((mask >> t->cpu) & 1)) {
		struct cpu_time time = time_here(t);

		cpu_time_add(&proc.done[t->cpu], time);
		cpu_time_add(&t->elsewhere, time);
		thread_unplace(t);
		if (thread_place(t) != 0)
			return EAGAIN;
	}
	publish_thread(t);
	publish_process(process_at(t->process));
	return 0;
}

void publish_cpu_times(void)
{
	struct cpu_time times[LABEL_CPUS];

	for (uint32_t i = 0; i < proc.cpu_count; i++)
		times[i] = proc.done[i];
	for (process_ref i = 1; i <= proc.process_high; i++) {
		if (process_at(i)->state != PROCESS_LIVE)
			continue;
		for (thread_ref t = process_at(i)->threads; t != 0; t = thread_at(t)->next)
			cpu_time_add(&times[thread_at(t)->cpu], time_here(thread_at(t)));
	}
	for (uint32_t i = 0; i < proc.cpu_count; i++) {
		proc.labels->cpu[i].user_ns = times[i].user_ns;
		proc.labels->cpu[i].system_ns = times[i].system_ns;
	}
}
