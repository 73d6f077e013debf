/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* thread_interrupt: outside the personality, inside, in its exit sequence, while waiting, calling, faulting, suspended. */
#include "personality.h"
#include "tests.h"

#define OWN SLOT_OWN
#define TAG(op, words) MSG_TAG((op), (words), 0)
#define BOTH(reply, endpoint) ((uint64_t)(reply) << 32 | (endpoint))

static cap_t endpoint, notification, reply;

enum where { OUTSIDE, INSIDE, NOWHERE };

/* A worker whose system calls count as the program's own (OUTSIDE), or the personality's (INSIDE). */
static struct worker *start(enum where where)
{
	struct worker *w;

	group_begin(where == NOWHERE  ? "interrupt without personality"
		    : where == INSIDE ? "interrupt inside"
				      : "interrupt outside");
	endpoint = make(CAP_ENDPOINT, 0);
	notification = make(CAP_NOTIFICATION, 0);
	reply = slot_new();
	w = worker_new(0, 0, PRIORITY_HIGH);
	if (where == OUTSIDE)
		personality_set(w->thread, pers_start, pers_end);
	else if (where == INSIDE)
		personality_set(w->thread, raw_call, raw_call_return + 1);
	return w;
}

static void interrupt(const struct worker *w)
{
	must(ts_thread_interrupt(w->thread), "interrupt");
}

static void spin(struct worker *w)
{
	volatile struct worker *shared = w;

	while (shared->argument[0] == 0)
		shared->result[0]++;
}

static void test_running(void)
{
	struct worker *w = start(OUTSIDE);
	struct msg_page *page = page_of(w);

	must(ts_thread_set_priority(w->thread, PRIORITY_LOW), "a priority");
	worker_run(w, spin);
	for (uint32_t i = 0; i < 100 && w->result[0] == 0; i++)
		sleep_ns(1000000);
	interrupt(w);
	check(page->exc_vector == ~0ull && page->context.rip >= (uint64_t)spin &&
		      page->context.rip < (uint64_t)spin + 64,
	      "a program that runs: its context is saved");
	w->argument[0] = 1;
	for (uint32_t i = 0; i < 100 && !is_done(w); i++)
		sleep_ns(1000000);
	check(is_done(w) && notes(w)[NOTE_INTERRUPTS] == 1, "it enters the interrupt entry, and goes on");
	check(notes(w)[NOTE_RSP] == w->page_va && notes(w)[NOTE_RCX] == w->page_va,
	      "with the page's address in RSP and RCX");
	check_equal(page->sticky, 0, "the sticky flag is not touched");
}

static void test_outside_waits(void)
{
	static const uint32_t operations[] = {OP_WAIT, OP_RECV, OP_SEND};
	static const char *const names[] = {"wait", "recv", "send"};

	for (uint32_t i = 0; i < COUNT_OF(operations); i++) {
		struct worker *w = start(OUTSIDE);

		DO(w, operations[i], operations[i] == OP_WAIT ? notification : endpoint, TAG(1, 0), 0, 0, 0,
		   0, NEVER);
		interrupt(w);
		check(notes(w)[NOTE_INTERRUPTS] == 1 &&
			      page_of(w)->context.rip == (uint64_t)raw_call_return - 2 &&
			      page_of(w)->context.rax == TESSERA_SYSCALL_BASE + operations[i],
		      join("the program's own system call is taken back:", names[i]));
		check(!is_done(w) && state_of(w) == (operations[i] == OP_WAIT ? STATE_WAITING
						     : i == 1		      ? STATE_RECEIVING
									      : STATE_SENDING),
		      join("and made again when the entry returns:", names[i]));
	}
}

static void test_outside_call(void)
{
	struct worker *w = start(OUTSIDE);
	struct ipc_msg m = {0};

	DO(w, OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, NEVER);
	must(ts_recv(endpoint, reply, &m, POLL), "recv");
	interrupt(w);
	check(notes(w)[NOTE_INTERRUPTS] == 0 && state_of(w) == STATE_CALLING,
	      "a call that was received is not ended");
	m = (struct ipc_msg){.tag = TAG(0, 1), .w = {88}};
	check_error(ts_reply(reply, &m), E_OK, "it is answered");
	check(notes(w)[NOTE_INTERRUPTS] == 1, "then the interrupt takes place");
	check(is_done(w) && error_of(w) == E_OK && result_of(w, 2) == 88, "and the program has its answer");
	DO(w, OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, NEVER);
	must(ts_recv(endpoint, reply, &m, POLL), "recv");
	interrupt(w);
	drop(reply);
	check(is_done(w) && error_of(w) == E_DEAD && notes(w)[NOTE_INTERRUPTS] == 2,
	      "also when the answer is E_DEAD");
}

static void load(struct worker *w)
{
	w->result[0] = *(volatile uint64_t *)w->argument[0];
}

static void test_outside_fault(void)
{
	struct worker *w = start(OUTSIDE);
	struct ipc_msg m = {0};

	worker_handlers(w, endpoint, 0);
	w->argument[0] = SCRATCH_VA;
	worker_run(w, load);
	must(ts_recv(endpoint, reply, &m, POLL), "a fault");
	interrupt(w);
	check_equal(notes(w)[NOTE_INTERRUPTS], 0, "a fault that is being handled is not ended");
	(void)map_here(0, SCRATCH_VA, 1, READ | WRITE);
	m.tag = TAG(FAULT_RESUME, 0);
	must(ts_reply(reply, &m), "resume");
	check(is_done(w) && notes(w)[NOTE_INTERRUPTS] == 1, "the interrupt takes place behind it");
}

static void test_outside_suspended(void)
{
	struct worker *w = start(OUTSIDE);

	DO(w, OP_WAIT, notification, 0, 0, 0, 0, 0, NEVER);
	must(ts_thread_suspend(w->thread), "suspend");
	interrupt(w);
	check(notes(w)[NOTE_INTERRUPTS] == 0 && state_of(w) == STATE_SUSPENDED,
	      "a suspended thread stays suspended");
	must(ts_thread_resume(w->thread), "resume");
	check_equal(notes(w)[NOTE_INTERRUPTS], 1, "and enters the interrupt entry when it is resumed");
	must(ts_signal(notification, 1), "signal");
	check_done(w, E_OK, "then it goes on");
	DO(w, OP_THREAD_INTERRUPT, w->thread, 0);
	check(is_done(w) && error_of(w) == E_OK && notes(w)[NOTE_INTERRUPTS] == 2,
	      "a thread interrupts itself");
}

/* A call as the personality makes it: the flag is argument 3 before it, result 3 after it. */
static void run_inside(struct worker *w)
{
	page_of(w)->sticky = w->argument[3];
	w->operation = (uint32_t)w->regs.rax - TESSERA_SYSCALL_BASE;
	raw_call(&w->regs);
	w->result[3] = page_of(w)->sticky;
	page_of(w)->sticky = 0;
}

static void inside_do(struct worker *w, uint32_t operation, uint64_t a0, uint64_t sticky)
{
	w->regs = (struct user_regs){
		.rax = TESSERA_SYSCALL_BASE + operation, .rdi = a0, .rsi = TAG(1, 0), .r12 = NEVER};
	w->argument[3] = sticky;
	worker_run(w, run_inside);
}

static void test_inside(void)
{
	struct worker *w = start(INSIDE);

	inside_do(w, OP_WAIT, notification, 0);
	interrupt(w);
	check_done(w, E_INTERRUPTED, "wait ends with E_INTERRUPTED");
	check(w->result[3] == STICKY_INTERRUPT && notes(w)[NOTE_INTERRUPTS] == 0,
	      "the sticky flag is set, no entry taken");
	inside_do(w, OP_WAIT, notification, STICKY_INTERRUPT);
	check_done(w, E_INTERRUPTED, "with the flag set wait is forestalled");
	must(ts_signal(notification, 1), "signal");
	inside_do(w, OP_POLL, notification, STICKY_INTERRUPT);
	check(error_of(w) == E_OK && result_of(w, 0) == 1, "poll is not");
	inside_do(w, OP_RECV, endpoint, 0);
	interrupt(w);
	check_done(w, E_INTERRUPTED, "recv ends with E_INTERRUPTED");
	inside_do(w, OP_SEND, endpoint, 0);
	interrupt(w);
	check_done(w, E_INTERRUPTED, "send too");
}

static void test_inside_call(void)
{
	struct worker *w = start(INSIDE);
	struct ipc_msg m = {0};

	inside_do(w, OP_SEND, endpoint, 0);
	interrupt(w);
	check_error(ts_recv(endpoint, reply, &m, POLL), E_TIMEOUT,
		    "the message of a send that ended is taken back");
	inside_do(w, OP_CALL, endpoint, 0);
	interrupt(w);
	check_state(w, STATE_CALLING, "call does not end, queued");
	must(ts_recv(endpoint, reply, &m, POLL), "recv");
	interrupt(w);
	check_state(w, STATE_CALLING, "nor received");
	m = (struct ipc_msg){.tag = TAG(0, 0)};
	must(ts_reply(reply, &m), "reply");
	check(is_done(w) && error_of(w) == E_OK && w->result[3] == STICKY_INTERRUPT,
	      "it has its answer; the flag tells the rest");
	check_equal(notes(w)[NOTE_INTERRUPTS], 0, "the entry was never taken");
}

/* A suspended thread whose RIP is set to every place around the exit sequence. */
static void test_exit_sequence(void)
{
	struct worker *w = start(NOWHERE);
	struct personality_config config = {.syscall_entry = 0x5000,
					    .interrupt_entry = 0x6000,
					    .start = 0x1000,
					    .end = 0x2000,
					    .exit_start = 0x1800,
					    .exit_end = 0x1810};
	static const struct {
		uint64_t rip, wanted;
		const char *name;
	} places[] = {
		{0x1000, 0x1000, "in the personality's first byte: stays"},
		{0x17ff, 0x17ff, "before the exit sequence: stays"},
		{0x1800, 0x1800, "at its start"},
		{0x180f, 0x1800, "in its last byte: back to its start"},
		{0x1810, 0x1810, "behind it: stays"},
		{0x2000, 0x6000, "behind the personality: the interrupt entry"},
		{0xfff, 0x6000, "before the personality: the interrupt entry"},
	};
	uint64_t state;

	must(ts_thread_suspend(w->thread), "suspend");
	*(struct personality_config *)page_block() = config;
	must(ts_thread_set_personality(w->thread), "a personality");
	for (uint32_t i = 0; i < COUNT_OF(places); i++) {
		*(struct user_regs *)page_block() =
			(struct user_regs){.rip = places[i].rip, .rsp = SHARED_VA};
		must(ts_thread_set_regs(w->thread, 0, 0), "registers");
		interrupt(w);
		must(ts_thread_read_regs(w->thread, &state), "registers");
		check_equal(((struct user_regs *)page_block())->rip, places[i].wanted, places[i].name);
	}
}

static void test_without(void)
{
	struct worker *w = start(NOWHERE);
	struct ipc_msg m = {0};

	DO(w, OP_WAIT, notification, 0, 0, 0, 0, 0, NEVER);
	interrupt(w);
	check_done(w, E_INTERRUPTED, "wait ends with E_INTERRUPTED");
	DO(w, OP_RECV, BOTH(reply, endpoint), 0, 0, 0, 0, 0, NEVER);
	interrupt(w);
	check_done(w, E_INTERRUPTED, "recv ends with E_INTERRUPTED");
	page_of(w)->sticky = STICKY_INTERRUPT;
	must(ts_signal(notification, 1), "signal");
	DO(w, OP_WAIT, notification, 0, 0, 0, 0, 0, NEVER);
	check_done(w, E_OK, "the sticky flag means nothing to it");
	DO(w, OP_CALL, endpoint, TAG(1, 0), 0, 0, 0, 0, NEVER);
	interrupt(w);
	check_state(w, STATE_CALLING, "call is not ended");
	must(ts_recv(endpoint, reply, &m, POLL), "recv");
	m = (struct ipc_msg){.tag = TAG(0, 0)};
	must(ts_reply(reply, &m), "reply");
	check_done(w, E_OK, "and answered");
	check_error(ts_thread_interrupt(w->thread), E_OK,
		    "interrupting a thread that waits for nothing special");
	check_error(ts_thread_interrupt(ROOT_CAP_THREAD), E_OK, "or the caller itself");
}

void test_interrupt(void)
{
	test_running();
	test_outside_waits();
	test_outside_call();
	test_outside_fault();
	test_outside_suspended();
	test_inside();
	test_inside_call();
	test_exit_sequence();
	test_without();
	group_end();
}
