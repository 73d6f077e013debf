/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fakes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <tessera/service.h>

unsigned fake_interrupts, fake_wakes, fake_suspends, fake_resumes, fake_bundles, fake_spaces,
	fake_sessions_ended;
unsigned fake_moves, fake_barriers;
uint32_t fake_system_ended;
uint64_t fake_now_ns;

static struct label_table labels;
static struct process_page pages[LABEL_PROCESSES] __attribute__((aligned(4096)));
static struct msg_page message;

unsigned fake_log_lines;
void log_line(enum log_level level, const char *format, ...)
{
	(void)level;
	(void)format;
	fake_log_lines++;
}

uint64_t now_ns(void)
{
	return fake_now_ns;
}
uint64_t time_wall_ns(void);
uint64_t time_wall_ns(void)
{
	return fake_now_ns + 1000000000000ull;
}
void wake_thread(const struct thread *t)
{
	(void)t;
	fake_wakes++;
}
void interrupt_thread(const struct thread *t)
{
	(void)t;
	fake_interrupts++;
}
int thread_set_home(const struct thread *t, uint32_t cpu)
{
	(void)t;
	fake_moves++;
	return cpu < FAKE_CPUS ? 0 : EAGAIN;
}
void thread_barrier(const struct thread *t)
{
	(void)t;
	fake_barriers++;
}
const char *service_option(const char *key)
{
	(void)key;
	return NULL;
}
void suspend_thread(const struct thread *t)
{
	(void)t;
	fake_suspends++;
}
void resume_thread(const struct thread *t)
{
	(void)t;
	fake_resumes++;
}
void bundle_destroy(struct process *p)
{
	(void)p;
	fake_bundles--;
}
void thread_object_destroy(struct thread *t)
{
	t->thread = 0;
}
uint64_t thread_consumed_ns(struct thread *t)
{
	return t->consumed_ns;
}
uint64_t ticks_ns(uint64_t ticks)
{
	return ticks;
}
uint64_t fake_resident[LABEL_PROCESSES];
bool fake_is_short, fake_has_terminal;
uint64_t space_resident(const struct space *s)
{
	return fake_resident[s - proc.space];
}
bool space_is_short(const struct space *s)
{
	(void)s;
	return fake_is_short;
}
bool space_memory_is_low(void)
{
	return false;
}
uint64_t space_total_pages(void)
{
	return 10000;
}
bool session_has_terminal(uint32_t sid)
{
	(void)sid;
	return fake_has_terminal;
}
uint64_t space_faults(const struct space *s)
{
	(void)s;
	return 7;
}
uint64_t space_put(struct space *s, const struct process *user)
{
	(void)user;
	if (--s->refs == 0)
		fake_spaces--;
	return 7;
}
void space_slot_put(struct space *s, uint32_t slot)
{
	s->slots_used &= ~(1ull << slot);
}
void space_release_robust(const struct space *s, uint64_t head, uint32_t tid)
{
	(void)s;
	(void)head;
	(void)tid;
}
void space_write_word(const struct space *s, uint64_t address, uint32_t value)
{
	(void)s;
	(void)address;
	(void)value;
}
void space_set_limits(const struct space *s, uint64_t as_bytes, uint64_t data_bytes, uint64_t stack_bytes)
{
	(void)s;
	(void)as_bytes;
	(void)data_bytes;
	(void)stack_bytes;
}
void system_ended(uint32_t code)
{
	fake_system_ended = code;
}
void session_ended(uint32_t sid)
{
	(void)sid;
	fake_sessions_ended++;
}

uint64_t fake_label(const struct thread *t)
{
	return LABEL_MAKE(t->generation, t->process, thread_index(t));
}

struct thread *fake_thread(struct process *p)
{
	struct thread *t = thread_alloc(p, p->threads == 0 ? p->pid : pid_alloc());
	t->slot = (uint8_t)(p->thread_count - 1);
	t->thread = 1;
	publish_thread(t);
	return t;
}

struct process *fake_process(struct process *parent)
{
	struct process *p = process_alloc(true);
	p->pid = pid_alloc();
	p->pgid = parent != NULL ? parent->pgid : p->pid;
	p->sid = parent != NULL ? parent->sid : p->pid;
	p->exit_signal = 17;
	p->limit_soft[11] = 100;
	p->limit_soft[0] = p->limit_hard[0] = ~0ull; /* RLIMIT_CPU */
	process_enter(p);
	p->space = process_index(p);
	space_at(p->space)->refs = 1;
	fake_spaces++;
	fake_bundles++;
	memset(process_page(p), 0, sizeof(struct process_page));
	if (parent != NULL)
		child_link(parent, p);
	fake_thread(p);
	publish_process(p);
	return p;
}

void fake_reset(void)
{
	memset(&proc, 0, sizeof(proc));
	memset(&labels, 0, sizeof(labels));
	proc.labels = &labels;
	proc.cpu_count = FAKE_CPUS;
	proc.pages = pages;
	proc.page_count = LABEL_PROCESSES;
	proc.page = &message;
	fake_interrupts = fake_wakes = fake_suspends = fake_resumes = fake_bundles = fake_spaces =
		fake_sessions_ended = 0;
	fake_system_ended = ~0u;
	fake_now_ns = 1000;
	table_init();
	signal_init();
	fake_process(NULL);
}
