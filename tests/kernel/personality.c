/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reflected system calls and exceptions of threads with a personality. */
#include "personality.h"
#include "tests.h"

#include <string.h>

#define OWN SLOT_OWN
#define TAG(op, words) MSG_TAG((op), (words), 0)

static cap_t faults, last, reply;

void personality_set(cap_t thread, const void *start, const void *end)
{
	*(struct personality_config *)page_block() = (struct personality_config){
		.syscall_entry = (uint64_t)pers_syscall,
		.exception_entry = (uint64_t)pers_exception,
		.interrupt_entry = (uint64_t)pers_interrupt,
		.start = (uint64_t)start,
		.end = (uint64_t)end,
	};
	must(ts_thread_set_personality(thread), "a personality");
}

volatile uint64_t *notes(const struct worker *w)
{
	return page_of(w)->personality;
}

static struct worker *start(void)
{
	struct worker *w;

	group_begin("personality");
	faults = make(CAP_ENDPOINT, 0);
	last = make(CAP_ENDPOINT, 0);
	reply = slot_new();
	w = worker_new(0, 0, PRIORITY_HIGH);
	worker_handlers(w, faults, last);
	personality_set(w->thread, pers_start, pers_end);
	return w;
}

/* A system call with the registers of w->regs. */
static void foreign(struct worker *w)
{
	raw_call(&w->regs);
}

static void test_errors(void)
{
	static const struct {
		struct personality_config config;
		const char *name;
	} bad[] = {
		{{.syscall_entry = USER_TOP}, "a system call entry past the user half: E_ARG"},
		{{.syscall_entry = 4096, .exception_entry = 1ull << 63},
		 "an exception entry in the kernel half: E_ARG"},
		{{.syscall_entry = 4096, .interrupt_entry = ~0ull},
		 "an interrupt entry at the end of memory: E_ARG"},
		{{.syscall_entry = 4096, .start = 8192, .end = 4096},
		 "code that ends before it starts: E_ARG"},
		{{.syscall_entry = 4096, .end = USER_TOP + 1}, "code past the user half: E_ARG"},
		{{.syscall_entry = 4096, .exit_start = 2, .exit_end = 1},
		 "an exit sequence that ends before it starts: E_ARG"},
	};
	struct worker *w = start();

	for (uint32_t i = 0; i < COUNT_OF(bad); i++) {
		*(struct personality_config *)page_block() = bad[i].config;
		check_error(ts_thread_set_personality(w->thread), E_ARG, bad[i].name);
	}
	*(struct personality_config *)page_block() = (struct personality_config){.exception_entry = 4096};
	check_error(ts_thread_set_personality(w->thread), E_OK, "system call entry 0");
	w->regs = (struct user_regs){.rax = 39};
	worker_run(w, foreign);
	check_done(w, E_NO_OP, "removes it");
}

/* A foreign system call with a marker in every register. */
static void test_syscall(void)
{
	struct worker *w = start();
	struct user_regs before;
	const volatile uint64_t *seen = notes(w) + NOTE_REGS;
	bool is_untouched = true;

	for (uint32_t i = 0; i < 16; i++)
		((uint64_t *)&w->regs)[i] = 0xabc0000 + i;
	w->regs.rax = 39;
	before = w->regs;
	worker_run(w, foreign);
	check(is_done(w) && notes(w)[NOTE_SYSCALLS] == 1, "a foreign system call enters the handler");
	for (uint32_t i = 0; i < 16; i++) {
		if (i != 2 && i != 7 && i != 11) /* RCX and R11 are SYSCALL's, RSP holds the page */
			is_untouched = is_untouched && seen[i] == ((uint64_t *)&before)[i];
	}
	check(is_untouched, "with all other registers as they were");
	check_equal(notes(w)[NOTE_RSP], w->page_va, "and the message page in RSP");
	check_equal(page_of(w)->syscall_rip, (uint64_t)raw_call_return, "the page tells RIP");
	check(page_of(w)->syscall_rsp >= (uint64_t)w->stack &&
		      page_of(w)->syscall_rsp < (uint64_t)w->stack + sizeof(w->stack),
	      "RSP");
	check((page_of(w)->syscall_rflags & 0x202) == 0x202, "and RFLAGS");
	check((notes(w)[NOTE_FLAGS] & ~0x44ull & ~0x8d5ull) == 0x202, "the handler's own flags are clean");
	check_equal(w->regs.rax, 39 + 4711, "its result reaches the program");
	before.rax = 39 + 4711;
	is_untouched = w->regs.rbx == before.rbx && w->regs.r12 == before.r12 && w->regs.rdi == before.rdi &&
		       w->regs.r15 == before.r15;
	check(is_untouched, "and nothing else");
	w->regs.rax = 0xffffffffffffffffull;
	worker_run(w, foreign);
	check_equal(w->regs.rax, 4710, "any number is foreign but the native ones");
	w->regs.rax = TESSERA_SYSCALL_BASE + 0xffff;
	worker_run(w, foreign);
	check_error(w->regs.rax, E_NO_OP, "an unknown native number is not reflected: E_NO_OP");
}

static void undefined(struct worker *w)
{
	register uint64_t marker __asm__("r15") = 0x1515;

	__asm__ volatile("undefined_here: ud2" : "+r"(marker));
	w->result[0] = marker;
}
extern char undefined_here[];

static void load(struct worker *w)
{
	w->result[0] = *(volatile uint64_t *)w->argument[0];
}

static void test_exception(void)
{
	struct worker *w = start();
	struct msg_page *page = page_of(w);
	struct ipc_msg m = {0};

	notes(w)[NOTE_SKIP] = 2;
	worker_run(w, undefined);
	check(is_done(w) && notes(w)[NOTE_EXCEPTIONS] == 1 && w->result[0] == 0x1515,
	      "an exception enters the exception entry, which may go on");
	check(page->exc_vector == 6 && page->context.rip == (uint64_t)undefined_here + 2 &&
		      page->context.r15 == 0x1515,
	      "with vector and context in the page");
	check(notes(w)[NOTE_RSP] == w->page_va && notes(w)[NOTE_RCX] == w->page_va,
	      "and its address in RSP and RCX");
	check_error(ts_recv(faults, reply, &m, POLL), E_TIMEOUT, "the fault endpoint hears nothing of it");
	notes(w)[NOTE_SKIP] = 0;
	w->argument[0] = SCRATCH_VA + 0x123;
	worker_run(w, load);
	check(ts_recv(faults, reply, &m, POLL) == E_OK && m.tag == TAG(MSG_OP_PAGE_FAULT, 4),
	      "a page fault goes to the fault endpoint first");
	struct mapped page_there = map_here(0, SCRATCH_VA, 1, READ | WRITE);

	m.tag = TAG(FAULT_RAISE, 0);
	check_error(ts_reply(reply, &m), E_OK, "RAISE");
	check(page->exc_vector == 14 && page->exc_address == SCRATCH_VA + 0x123 && page->exc_error == 4,
	      "makes it an exception 14 with address and code");
	check(is_done(w) && notes(w)[NOTE_EXCEPTIONS] == 2, "in the exception entry");
	check_equal(page->sticky, 0, "the entry has cleared the sticky flag");
	drop(page_there.memory);
}

static void test_double(void)
{
	struct worker *w = start();
	struct ipc_msg m = {0};

	notes(w)[NOTE_AGAIN] = 1;
	worker_run(w, undefined);
	check(!is_done(w) && notes(w)[NOTE_EXCEPTIONS] == 1, "an exception inside the exception entry");
	check(ts_recv(last, reply, &m, POLL) == E_OK && m.tag == TAG(MSG_OP_EXCEPTION, 4) && m.w[0] == 6,
	      "goes to the last resort");
	check((page_of(w)->sticky & STICKY_EXCEPTION) != 0, "the sticky flag is set");
	check(m.w[2] > (uint64_t)pers_exception && m.w[2] < (uint64_t)pers_interrupt, "with the RIP inside");
	m.tag = TAG(FAULT_HALT, 0);
	check_error(ts_reply(reply, &m), E_OK, "HALT");
	check_equal(state_of(w), STATE_SUSPENDED, "suspends it");
	w = start();
	page_of(w)->sticky = STICKY_EXCEPTION;
	w->argument[0] = SCRATCH_VA;
	worker_run(w, load);
	must(ts_recv(faults, reply, &m, POLL), "a page fault");
	m.tag = TAG(FAULT_RAISE, 0);
	must(ts_reply(reply, &m), "raise");
	check(ts_recv(last, reply, &m, POLL) == E_OK && m.tag == TAG(MSG_OP_EXCEPTION, 4) && m.w[0] == 14,
	      "RAISE inside the entry: to the last resort too");
	check_equal(notes(w)[NOTE_EXCEPTIONS], 0, "the entry is not entered twice");
	w = start();
	worker_handlers(w, 0, 0);
	cap_t none = make(CAP_THREAD, 0);

	(void)none;
	worker_end(w);
	w = worker_new(0, 0, PRIORITY_HIGH);
	personality_set(w->thread, pers_start, pers_end);
	notes(w)[NOTE_AGAIN] = 1;
	worker_run(w, undefined);
	check(!is_done(w) && state_of(w) == STATE_SUSPENDED, "without a last resort the thread is suspended");
}

void test_personality(void)
{
	test_errors();
	test_syscall();
	test_exception();
	test_double();
	group_end();
}
