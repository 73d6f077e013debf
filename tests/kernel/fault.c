/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Faults and exceptions of threads without a personality, as messages, and what their answers do. */
#include "tests.h"

#include <string.h>

#define OWN SLOT_OWN
#define TAG(op, words) MSG_TAG((op), (words), 0)
#define BADGE 0xfa117ull

#define PF_PRESENT 1u
#define PF_WRITE 2u
#define PF_USER 4u
#define PF_FETCH 16u

static cap_t endpoint, handler, reply, memory, view;
static struct worker *w;

/* A worker of another space whose faults come here. */
static void start(void)
{
	group_begin("fault");
	space_make(1);
	endpoint = make(CAP_ENDPOINT, 0);
	handler = mint_of(endpoint, WRITE | GRANT, BADGE, 0);
	reply = slot_new();
	memory = make(CAP_MEMORY, 2);
	view = slot_new();
	must(ts_memory_attach(memory, OWN(view), space_cap(1), SCRATCH_VA, 2, ALL),
	     "a View of the worker's space");
	w = worker_new(0, 1, PRIORITY_HIGH);
	worker_handlers(w, handler, 0);
}

static void load(struct worker *self)
{
	self->result[0] = *(volatile uint64_t *)self->argument[0];
}

static void store(struct worker *self)
{
	*(volatile uint64_t *)self->argument[0] = self->argument[1];
}

static void jump(struct worker *self)
{
	((void (*)(void))self->argument[0])();
}

static void fault_at(void (*how)(struct worker *), uint64_t address)
{
	w->argument[0] = address;
	w->argument[1] = 0x5702e;
	worker_run(w, how);
}

static bool take(struct ipc_msg *m)
{
	return ts_recv(endpoint, reply, m, POLL) == E_OK;
}

static uint64_t answer(uint32_t status)
{
	struct ipc_msg m = {.tag = TAG(status, 0)};

	return ts_reply(reply, &m);
}

static void test_messages(void)
{
	static const struct {
		void (*how)(struct worker *);
		uint64_t address, code;
		const char *name;
	} faults[] = {
		{load, SCRATCH_VA + 8, PF_USER, "a load where nothing is"},
		{store, SCRATCH_VA + 16, PF_USER | PF_WRITE, "a store where nothing is"},
		{jump, SCRATCH_VA + 24, PF_USER | PF_FETCH, "a jump where nothing is"},
		{load, 0, PF_USER, "a load at 0"},
		{load, 0xffffffff80100000ull, PF_USER | PF_PRESENT, "a load in the kernel's image"},
		{load, 0xffff800000000000ull, PF_USER | PF_PRESENT, "a load in the kernel's direct map"},
		{store, TIME_PAGE_VA, PF_USER | PF_PRESENT | PF_WRITE, "a store to the clock page"},
		{store, (uint64_t)"text", PF_USER | PF_PRESENT | PF_WRITE, "a store to constants"},
		{jump, SHARED_VA, PF_USER | PF_PRESENT | PF_FETCH, "a jump to data"},
	};

	for (uint32_t i = 0; i < COUNT_OF(faults); i++) {
		struct ipc_msg m = {0};

		fault_at(faults[i].how, faults[i].address);
		bool is_taken = take(&m) && m.tag == TAG(MSG_OP_PAGE_FAULT, 4) && m.badge == BADGE &&
				m.label == LABEL(0);
		bool is_kernels = faults[i].address >> 63 !=
				  0; /* the processor may or may not tell that a page is there */

		check(is_taken && m.w[0] == faults[i].address &&
			      ((m.w[1] ^ faults[i].code) & ~(is_kernels ? PF_PRESENT : 0ull)) == 0 &&
			      m.w[3] >= (uint64_t)w->stack && m.w[3] < (uint64_t)w->stack + sizeof(w->stack),
		      join("address, code, badge and label of", faults[i].name));
		check_error(answer(FAULT_HALT), E_OK, "HALT");
		worker_end(w);
		w = worker_new(0, 1, PRIORITY_HIGH);
		worker_handlers(w, handler, 0);
	}
}

static void test_answers(void)
{
	struct ipc_msg m = {0}, again = {0};

	fault_at(load, SCRATCH_VA + 8);
	check_state(w, STATE_FAULTED, "a fault that nobody took yet");
	check_error(ts_recv(endpoint, 0, &m, POLL), E_TIMEOUT, "a recv without a slot takes no fault");
	check(take(&m), "recv with one does");
	check_state(w, STATE_FAULTED, "the thread waits for the answer");
	check_error(answer(FAULT_RESUME), E_OK, "RESUME without a mapping");
	check(take(&again) && again.w[0] == m.w[0] && again.w[2] == m.w[2], "the same fault happens again");
	must(ts_view_map(view, SCRATCH_VA, 0, 1, READ, 0), "a mapping");
	check_error(answer(FAULT_RESUME), E_OK, "RESUME with one");
	check(is_done(w) && w->result[0] == 0, "the load succeeds");
	fault_at(store, SCRATCH_VA);
	check(take(&m) && m.w[1] == (PF_USER | PF_PRESENT | PF_WRITE), "a store to a read-only page");
	must(ts_view_map(view, SCRATCH_VA, 0, 1, READ | WRITE, 0), "a mapping");
	must(answer(FAULT_RESUME), "resume");
	fault_at(load, SCRATCH_VA);
	check(is_done(w) && w->result[0] == 0x5702e, "succeeds when it is writable");
	fault_at(load, SCRATCH_VA + PAGE_BYTES);
	must(!take(&m), "a fault");
	drop(reply);
	check(take(&again) && again.w[0] == SCRATCH_VA + PAGE_BYTES,
	      "its Reply is deleted: the thread faults again");
	check_error(answer(FAULT_RAISE), E_OK, "RAISE without a personality");
	check(!is_done(w) && state_of(w) == STATE_SUSPENDED, "suspends the thread");
	must(ts_thread_resume(w->thread), "resume");
	check(take(&m), "which faults again when it is resumed");
	check_error(answer(0x1234), E_OK, "an unknown answer");
	check_equal(state_of(w), STATE_SUSPENDED, "suspends it");
	must(ts_thread_resume(w->thread), "resume");
	must(!take(&m), "a fault");
	must(ts_view_map(view, SCRATCH_VA + PAGE_BYTES, 1, 1, READ, 0), "a mapping");
	check_error(answer(FAULT_RESUME), E_OK, "RESUME at last");
	check(is_done(w), "and it goes on");
}

static void test_suspended(void)
{
	struct ipc_msg m = {0};
	uint64_t state;

	fault_at(load, SCRATCH_VA);
	must(ts_thread_suspend(w->thread), "suspend");
	check_error(ts_recv(endpoint, reply, &m, POLL), E_TIMEOUT,
		    "a suspended thread's fault is taken back");
	must(ts_thread_resume(w->thread), "resume");
	check(take(&m), "and comes again when it is resumed");
	must(ts_thread_suspend(w->thread), "suspend");
	check_error(answer(FAULT_RESUME), E_OK, "an answer while it is suspended");
	check_equal(state_of(w), STATE_SUSPENDED, "leaves it suspended");
	must(ts_thread_resume(w->thread), "resume");
	check(take(&m), "until it is resumed");
	must(ts_thread_suspend(w->thread), "suspend");
	must(ts_thread_read_regs(w->thread, &state), "registers");
	check_equal(state, STATE_FAULTED, "read_regs tells a fault");
	struct user_regs *regs = page_block();

	regs->rdi = (uint64_t)w;
	regs->rip = (uint64_t)load;
	w->argument[0] = (uint64_t)&w->index;
	regs->rsp -= 8; /* the return address of the interrupted load is still above */
	check_error(ts_thread_set_regs(w->thread, 0, 0), E_OK, "set_regs of a faulted thread");
	check_error(answer(FAULT_RESUME), E_GONE, "its fault is over: E_GONE");
}

static void test_no_handler(void)
{
	struct ipc_msg m = {0};

	worker_end(w);
	w = worker_new(0, 1, PRIORITY_HIGH);
	fault_at(load, SCRATCH_VA);
	check_state(w, STATE_SUSPENDED, "without a handler a fault suspends the thread");
	must(ts_view_map(view, SCRATCH_VA, 0, 1, READ, 0), "a mapping");
	must(ts_thread_resume(w->thread), "resume");
	check(is_done(w), "resumed it goes on at the same instruction");
	worker_handlers(w, handler, 0);
	fault_at(load, SCRATCH_VA + PAGE_BYTES);
	must(ts_cnode_revoke(OWN(endpoint), 0), "revoke");
	check_error(ts_recv(endpoint, reply, &m, POLL), E_TIMEOUT,
		    "its handler's capability goes: the fault does not arrive");
	check_state(w, STATE_SUSPENDED, "the thread is suspended");
	must(ts_thread_resume(w->thread), "resume");
	check_state(w, STATE_SUSPENDED, "again and again");
}

static void divide(struct worker *self)
{
	__asm__ volatile("divq %%rcx" : : "a"(1), "d"(0), "c"(0));
	self->result[0]++;
}

static void undefined(struct worker *self)
{
	__asm__ volatile("ud2");
	self->result[0]++;
}

static void breakpoint(struct worker *self)
{
	__asm__ volatile("int3");
	self->result[0]++;
}

static void privileged(struct worker *self)
{
	__asm__ volatile("hlt");
	self->result[0]++;
}

static void interrupt_gate(struct worker *self)
{
	__asm__ volatile("int $0x48"); /* the kernel's timer vector */
	self->result[0]++;
}

static void port(struct worker *self)
{
	__asm__ volatile("inb $0x71, %%al" : : : "rax");
	self->result[0]++;
}

static void not_canonical(struct worker *self)
{
	self->result[0] = *(volatile uint64_t *)0x8000000000000000ull;
}

static void step(struct worker *self)
{
	__asm__ volatile("pushfq\n\torl $0x100, (%%rsp)\n\tpopfq\n\tnop\n\tnop" : : : "memory", "cc");
	self->result[0]++;
}

static void aligned(struct worker *self)
{
	__asm__ volatile("movaps %%xmm0, 1(%0)" : : "r"(self->stack) : "memory");
}

static void test_exceptions(void)
{
	static const struct {
		void (*how)(struct worker *);
		uint64_t vector;
		const char *name;
	} exceptions[] = {
		{divide, 0, "a division by zero"},
		{step, 1, "a single step"},
		{breakpoint, 3, "a breakpoint"},
		{undefined, 6, "an undefined instruction"},
		{privileged, 13, "a privileged instruction"},
		{interrupt_gate, 13, "the timer's interrupt by software"},
		{port, 13, "port I/O"},
		{not_canonical, 13, "an address that is not canonical"},
		{aligned, 13, "an SSE access that is not aligned"},
	};

	for (uint32_t i = 0; i < COUNT_OF(exceptions); i++) {
		struct ipc_msg m = {0};

		fault_at(exceptions[i].how, 0);
		check(take(&m) && m.tag == TAG(MSG_OP_EXCEPTION, 4) && m.w[0] == exceptions[i].vector &&
			      m.badge == BADGE && m.w[3] >= (uint64_t)w->stack &&
			      m.w[3] < (uint64_t)w->stack + sizeof(w->stack),
		      join("an exception message for", exceptions[i].name));
		must(answer(FAULT_HALT), "halt");
		worker_end(w);
		w = worker_new(0, 1, PRIORITY_HIGH);
		worker_handlers(w, handler, 0);
	}
}

/* Bad system call returns: a thread whose RIP or RSP is at the edge of the user half. */
static void test_edges(void)
{
	cap_t thread = bare_thread(1, 1, handler, 0), top = slot_new();
	struct user_regs regs = {.rip = USER_TOP - 2, .rsp = SHARED_VA};
	struct ipc_msg m = {0};

	must(ts_memory_attach(memory, OWN(top), space_cap(1), USER_TOP - PAGE_BYTES, 1, ALL),
	     "the last page");
	struct mapped page = map_here(memory, SCRATCH_VA, 1, READ | WRITE);

	((volatile uint8_t *)page.words)[PAGE_BYTES - 2] =
		0x0f; /* SYSCALL in the last two bytes of the user half */
	((volatile uint8_t *)page.words)[PAGE_BYTES - 1] = 0x05;
	must(ts_view_map(top, USER_TOP - PAGE_BYTES, 0, 1, READ | EXECUTE, 0), "mapped there");
	regs.rax = TESSERA_SYSCALL_BASE + OP_NOTHING;
	bare_start(thread, &regs, 2);
	check(take(&m) && m.w[2] >= USER_TOP - 2 && m.w[2] <= USER_TOP,
	      "a system call in the last bytes of the user half ends in a fault of its own");
	must(answer(FAULT_HALT), "halt");
	check_error(ts_nothing(), E_OK, "and the kernel goes on");
}

void test_fault(void)
{
	start();
	test_messages();
	start();
	test_answers();
	start();
	test_suspended();
	start();
	test_no_handler();
	start();
	test_exceptions();
	start();
	test_edges();
	group_end();
}
