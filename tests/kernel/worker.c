/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Workers and address spaces.  See worker.h.
 */
#include "worker.h"

#include <elf.h>
#include <string.h>

extern const Elf64_Ehdr __ehdr_start;
extern char _end[];

static cap_t spaces[SPACES];

/* ---- workers ------------------------------------------------------------------------------------------------ */

struct worker *worker(uint32_t i)
{
	return (struct worker *)SHARED_VA + i;
}

struct msg_page *page_of(const struct worker *w)
{
	return (struct msg_page *)w->page_va;
}

/* What is a message's: words and capabilities, without what the kernel writes for the personality. */
static void run_call(struct worker *w)
{
	const uint64_t bytes = offsetof(struct msg_page, syscall_rip);

	if (w->with_page)
		memcpy(page_of(w), &w->page, bytes);
	w->operation = (uint32_t)w->regs.rax - TESSERA_SYSCALL_BASE;
	raw_call(&w->regs);
	if (w->with_page)
		memcpy(&w->page, page_of(w), bytes);
}

static void worker_main(struct worker *w)
{
	uint64_t bits;
	enum tessera_error error;

	for (;;) { /* ends with the Thread */
		error = ts_wait(w->wake, NEVER, &bits);
		if (error == E_OK) {
			w->run(w);
			w->done++;
		} else if (error != E_INTERRUPTED) {
			(void)ts_thread_suspend(w->thread); /* the arena is being revoked */
		}
	}
}

cap_t bare_thread(uint32_t i, uint32_t space, cap_t fault_ep, cap_t last_ep)
{
	cap_t thread = make(CAP_THREAD, 0);

	*(struct thread_config *)page_block() = (struct thread_config){
		.cspace = ROOT_CAP_CNODE,
		.vspace = space_cap(space),
		.fault_ep = fault_ep,
		.last_ep = last_ep,
		.page_va = WORKER_PAGE_VA + i * PAGE_BYTES,
		.label = LABEL(i),
		.flags = THREAD_CFG_LABEL,
		.priority = PRIORITY_HIGH,
	};
	must(ts_thread_configure(thread), "a thread's configuration");
	worker(i)->sched = make(CAP_SCHED_CONTEXT, 0);
	must(ts_sched_bind(worker(i)->sched, thread), "a thread's time");
	return thread;
}

void bare_start(cap_t thread, const struct user_regs *regs, uint64_t flags)
{
	memcpy(page_block(), regs, sizeof(*regs));
	must(ts_thread_set_regs(thread, flags, 0), "a thread's registers");
	must(ts_thread_resume(thread), "a thread's start");
}

struct worker *worker_new(uint32_t i, uint32_t space, uint32_t priority)
{
	struct worker *w = worker(i);
	struct user_regs regs = {.rip = (uint64_t)worker_main, .rdi = (uint64_t)w};

	memset(w, 0, offsetof(struct worker, stack));
	w->index = i;
	w->page_va = WORKER_PAGE_VA + i * PAGE_BYTES;
	w->wake = make(CAP_NOTIFICATION, 0);
	w->thread = bare_thread(i, space, 0, 0);
	must(ts_thread_set_priority(w->thread, priority), "a worker's priority");
	regs.rsp = (uint64_t)w->stack + sizeof(w->stack) - 8;
	bare_start(w->thread, &regs, 2);
	return w;
}

void worker_run(struct worker *w, void (*run)(struct worker *))
{
	w->run = run;
	w->operation = 0;
	w->started++;
	(void)ts_signal(w->wake, 1);
}

void worker_do(struct worker *w, uint32_t operation, const uint64_t arguments[7])
{
	w->regs = call_regs(operation, arguments);
	worker_run(w, run_call);
}

bool is_done(const struct worker *w)
{
	return w->done == w->started;
}

bool wait_done(const struct worker *w)
{
	for (uint32_t i = 0; i < 10000 && !is_done(w); i++)
		sleep_ns(1000000);
	return is_done(w);
}

uint64_t error_of(const struct worker *w)
{
	if (w->operation != 0)
		observe(w->operation, w->regs.rax);
	return w->regs.rax;
}

uint64_t result_of(const struct worker *w, uint32_t i)
{
	const uint64_t results[7] = {w->regs.rdi, w->regs.rsi, w->regs.rdx, w->regs.r10,
				     w->regs.r8,  w->regs.r9,  w->regs.r12};

	return results[i];
}

uint64_t state_of(const struct worker *w)
{
	uint64_t state = ~0ull;

	(void)ts_thread_read_regs(w->thread, &state);
	return state;
}

void check_done(const struct worker *w, enum tessera_error wanted, const char *name)
{
	if (is_done(w))
		check_error(error_of(w), wanted, name);
	else
		check_equal(state_of(w), ~0ull, name);
}

void check_state(const struct worker *w, uint64_t wanted, const char *name)
{
	if (is_done(w))
		check_equal(~error_of(w), wanted, name);
	else
		check_equal(state_of(w), wanted, name);
}

void worker_end(struct worker *w)
{
	drop(w->thread);
	drop(w->sched);
	drop(w->wake);
}

void worker_handlers(struct worker *w, cap_t fault_ep, cap_t last_ep)
{
	must(ts_thread_suspend(w->thread), "a worker stops");
	*(struct thread_config *)page_block() =
		(struct thread_config){.fault_ep = fault_ep, .last_ep = last_ep, .priority = ~0u};
	must(ts_thread_configure(w->thread), "a worker's handlers");
	must(ts_thread_resume(w->thread), "a worker goes on");
}

/* ---- spaces ------------------------------------------------------------------------------------------------- */

static uint64_t image_start(void)
{
	return (uint64_t)&__ehdr_start;
}

static uint64_t image_pages(void)
{
	return ((uint64_t)_end - image_start() + PAGE_BYTES - 1) / PAGE_BYTES;
}

cap_t space_cap(uint32_t i)
{
	return i == 0 ? ROOT_CAP_VSPACE : spaces[i];
}

static const Elf64_Phdr *segment(uint32_t i)
{
	const Elf64_Phdr *header = (const Elf64_Phdr *)(image_start() + __ehdr_start.e_phoff) + i;

	return i < __ehdr_start.e_phnum ? header : 0;
}

static void copy_segment(const Elf64_Phdr *header)
{
	uint64_t first = header->p_vaddr & ~(PAGE_BYTES - 1);
	uint64_t end = (header->p_vaddr + header->p_memsz + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);

	memcpy((void *)(SCRATCH_VA + (first - image_start())), (const void *)first, end - first);
}

void spaces_start(void)
{
	const Elf64_Phdr *header;

	must(ts_untyped_retype(CAP_KEEP, CAP_MEMORY, image_pages(), SLOT_OWN(CAP_IMAGE), 1, 0, 0),
	     "memory for the image");
	must(ts_memory_attach(CAP_IMAGE, SLOT_OWN(CAP_IMAGE_VIEW), ROOT_CAP_VSPACE, SCRATCH_VA, image_pages(),
			      ALL),
	     "its View");
	must(ts_view_map(CAP_IMAGE_VIEW, SCRATCH_VA, 0, image_pages(), READ | WRITE, 0), "its mapping");
	for (uint32_t i = 0; (header = segment(i)) != 0; i++) {
		if (header->p_type == PT_LOAD)
			copy_segment(header);
	}
	drop(CAP_IMAGE_VIEW);
}

static void map_segment(cap_t view, const Elf64_Phdr *header)
{
	uint64_t first = header->p_vaddr & ~(PAGE_BYTES - 1);
	uint64_t end = (header->p_vaddr + header->p_memsz + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	uint32_t rights =
		READ | ((header->p_flags & PF_W) ? WRITE : 0) | ((header->p_flags & PF_X) ? EXECUTE : 0);

	must(ts_view_map(view, first, (first - image_start()) / PAGE_BYTES, (end - first) / PAGE_BYTES,
			 rights, 0),
	     "a segment");
}

void space_fill(cap_t vspace)
{
	cap_t image = slot_new(), shared = slot_new();
	const Elf64_Phdr *header;

	must(ts_memory_attach(CAP_IMAGE, SLOT_OWN(image), vspace, image_start(), image_pages(), ALL),
	     "a View of the image");
	for (uint32_t n = 0; (header = segment(n)) != 0; n++) {
		if (header->p_type == PT_LOAD)
			map_segment(image, header);
	}
	must(ts_memory_attach(CAP_SHARED, SLOT_OWN(shared), vspace, SHARED_VA, SHARED_PAGES, ALL),
	     "a View of shared memory");
	must(ts_view_map(shared, SHARED_VA, 0, SHARED_PAGES, READ | WRITE, 0), "shared memory in a space");
}

void space_make(uint32_t i)
{
	cap_t tables = make(CAP_UNTYPED, SPACE_TABLES_LOG2);

	spaces[i] = make(CAP_VSPACE, 0);
	must(ts_vspace_donate_tables(spaces[i], SLOT_OWN(tables)), "a space's tables");
	space_fill(spaces[i]);
}
