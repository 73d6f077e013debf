/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The oracle: see drive.h.  A difference prints the trace of the run and what differs, and stops the program.
 */
#include "decode.h"
#include "drive.h"

#include <stdio.h>
#include <stdlib.h>

#define TRACE_MAX 4096u
#define NO_PLACE ((struct spec_place){0, 0})
#define CONTEXT_WORD (offsetof(struct msg_page, context) / sizeof(uint64_t))
#define RCX_WORD 2u
#define R11_WORD 11u

struct spec specified;
static struct spec real, kept;
uint64_t drive_count;
bool drive_is_verbose;

static struct event trace[TRACE_MAX];
static uint32_t trace_count;

/* ---- the trace ---- */

#define NO_NAME "(no operation)"
#define X(number, name, ...) [number] = name,
static const char *const names[1000] = {
#include <kernel/fuzz_grammar.inc>
};
#undef X

const char *drive_name(uint32_t number)
{
	return number < 1000 && names[number] != NULL ? names[number] : NO_NAME;
}

/* A line that replay.c reads, and what came of it. */
static void print_event(const struct event *event)
{
	static const char *const kinds[] = {"call", "again", "foreign", "fault", "exception",
					    "irq",  "time",  "touch",	"page",	 "interrupt"};
	bool is_call = event->kind == EVENT_SYSCALL || event->kind == EVENT_AGAIN;

	fprintf(stderr, "cpu %llu %s ", (unsigned long long)event->cpu, kinds[event->kind]);
	if (event->kind == EVENT_SYSCALL && strcmp(drive_name((uint32_t)event->number), NO_NAME) != 0)
		fprintf(stderr, "%s", drive_name((uint32_t)event->number));
	else if (event->kind != EVENT_AGAIN)
		fprintf(stderr, "%llx", (unsigned long long)event->number);
	for (unsigned int i = 0; i < (event->kind == EVENT_SYSCALL ? 7u : 1u); i++)
		fprintf(stderr, " %llx", (unsigned long long)event->args[i]);
	if (is_call || event->kind == EVENT_FOREIGN)
		fprintf(stderr, " at %llx%s%s%s%s", (unsigned long long)event->ip,
			event->is_fast ? " fast" : "", event->is_pressed ? " pressed" : "",
			event->is_held ? " held" : "", event->is_locked ? " locked" : "");
	fprintf(stderr, "  # thread %llx%s%s: rax %llx\n", (unsigned long long)event->thread,
		event->kind == EVENT_AGAIN ? " " : "",
		event->kind == EVENT_AGAIN ? drive_name((uint32_t)event->number) : "",
		(unsigned long long)event->result);
}

static _Noreturn void fail(const char *problem)
{
	fprintf(stderr, "---- the run, in %u events\n", trace_count);
	for (uint32_t i = 0; i < trace_count; i++)
		print_event(&trace[i]);
	fprintf(stderr, "---- difference: %s\n", problem);
	fprintf(stderr, "operations compared: %llu\n", (unsigned long long)drive_count);
	abort();
}

static struct event *begin(uint32_t kind, uint64_t number)
{
	static struct event spare;
	struct event *event = trace_count < TRACE_MAX ? &trace[trace_count++] : &spare;

	*event = (struct event){.kind = kind,
				.cpu = specified.here,
				.thread = spec_here(&specified)->current,
				.number = number};
	drive_count++;
	return event;
}

/* ---- comparison ---- */

static void adopt_registers(struct spec_thread *to, const struct spec_thread *from)
{
	bool is_entry = to->personality.syscall_entry != 0 && to->regs.rsp == to->page_va &&
			(to->regs.rip == to->personality.syscall_entry ||
			 to->regs.rip == to->personality.exception_entry ||
			 to->regs.rip == to->personality.interrupt_entry);
	uint64_t *page = (uint64_t *)&to->page;
	const uint64_t *real_page = (const uint64_t *)&from->page;

	if (is_entry && to->regs.rcx == to->page_va && from->regs.rcx != to->page_va)
		fail("an entry of the personality: RCX is not the page's address");
	if (to->state != SPEC_READY && to->state != SPEC_SUSPENDED && to->state == from->state &&
	    !to->is_fault)
		to->regs.rax = from->regs.rax; /* inside a system call it holds anything */
	to->regs.rcx = from->regs.rcx;
	to->regs.r11 = from->regs.r11;
	page[CONTEXT_WORD + RCX_WORD] = real_page[CONTEXT_WORD + RCX_WORD];
	page[CONTEXT_WORD + R11_WORD] = real_page[CONTEXT_WORD + R11_WORD];
}

static bool has_ended(const struct spec_context *context)
{
	return context->refill_ns != 0 && context->refill_ns <= specified.now_ns;
}

/*
 * A round-robin slice may be longer than it is specified: what runs between a yield and the next look at the clock is free.
 * When it is noticed that a limited context's period has ended is the kernel's choice, too; from then on it is full.
 */
static void adopt_context(struct spec_context *context, const struct spec_context *other)
{
	bool is_longer = context->period_ns == 0 && other->left_ns > context->left_ns;
	bool is_noticed = context->period_ns != 0 && (has_ended(context) || has_ended(other)) &&
			  other->refill_ns <= specified.now_ns + context->period_ns;

	if (other->left_ns > context->budget_ns)
		return;
	if (is_longer || is_noticed)
		context->left_ns = other->left_ns;
	if (is_noticed) {
		context->refill_ns = other->refill_ns;
		context->is_reported = other->is_reported;
	}
}

static void adopt_contexts(void)
{
	for (uint32_t i = 0; i < SPEC_CONTEXTS; i++) {
		struct spec_context *context = &specified.contexts[i];
		const struct spec_context *other =
			context->address != 0 ? spec_context_of(&real, context->address) : NULL;

		if (other != NULL)
			adopt_context(context, other);
	}
}

/* What a system call destroys may hold anything. */
static void adopt_unspecified(const struct event *event)
{
	adopt_contexts();
	for (uint32_t i = 0; i < SPEC_THREADS; i++) {
		struct spec_thread *thread = &specified.threads[i];
		const struct spec_thread *other;

		if (thread->address == 0 || (other = spec_thread_of(&real, thread->address)) == NULL)
			continue;
		adopt_registers(thread, other);
		if (event->number != OP_THREAD_READ_REGS || thread->address != event->thread)
			continue;
		thread->page.words[MSG_REGISTER_WORDS + RCX_WORD] =
			other->page.words[MSG_REGISTER_WORDS + RCX_WORD];
		thread->page.words[MSG_REGISTER_WORDS + R11_WORD] =
			other->page.words[MSG_REGISTER_WORDS + R11_WORD];
	}
}

/* A CPU that is to choose again may do that at the end of an entry or in its interrupt, unless it is the one that was entered. */
static void choose_where_chosen(void)
{
	for (uint32_t i = 0; i < MACHINE_CPUS; i++) {
		if (!real.cpus[i].must_choose)
			spec_choose(&specified, i);
	}
}

/* Compares; the real state has been read. */
static void compare(struct event *event)
{
	const struct spec_thread *self;
	const char *problem;

	self = event->thread != 0 ? spec_thread_of(&real, event->thread) : NULL;
	event->result = self != NULL ? self->regs.rax : ~0ull;
	if (drive_is_verbose && !event->is_printed)
		print_event(event);
	event->is_printed = true;
	choose_where_chosen();
	adopt_unspecified(event);
	problem = states_differ(&specified, &real, false);
	if (problem != NULL)
		fail(problem);
	for (uint32_t i = 0; i < MACHINE_CPUS; i++) {
		if (machine_is_idle(i) != (specified.cpus[i].current == 0))
			fail("the processor waits, or does not");
	}
	if (!host_tlb_is_coherent())
		fail("a translation is cached that the tables do not hold any more");
}

static void finish(struct event *event)
{
	machine_abstract(&real);
	compare(event);
}

/* ---- system calls ---- */

bool drive_stands_before_call(void)
{
	return (spec_thread_of(&specified, spec_here(&specified)->current)->regs.rip & 0xfffu) == 0xffeu;
}

/* How far a preempted operation has come: the implementation chooses that. */
static void read_progress(const struct thread *thread, uint32_t number, struct spec_hint *hint)
{
	uint64_t progress = thread->restart_key != 0 ? thread->restart_progress : 0;
	bool is_packed = number == OP_VSPACE_PROTECT || number == OP_CNODE_COPY_ALL;

	hint->pages = is_packed ? progress >> 32 : progress;
}

/* What the implementation chose, after it has executed the call. */
static struct spec_hint hint_of(uint64_t caller, uint32_t number, uint64_t ip)
{
	struct spec_hint hint = {.tsc = host_tsc()};
	struct thread *thread;

	if (spec_thread_of(&real, caller) == NULL)
		return hint;
	thread = machine_thread(caller);
	hint.is_preempted =
		ctx_ip(&thread->ctx) == ip - 2u && thread->ctx.regs.rax == thread->ctx.call_number;
	if (hint.is_preempted)
		read_progress(thread, number, &hint);
	for (unsigned int i = 0; i < 6; i++)
		hint.info[i] = ctx_arg(&thread->ctx, i);
	return hint;
}

/* Views whose deletion has begun: what is behind the implementation's cursor must be done. */
static void adopt_cursors(void)
{
	for (uint32_t i = 0; i < real.cap_count; i++) {
		const struct spec_cap *view = &real.caps[i], *same;

		if (view->type != CAP_VIEW || !view->is_dying ||
		    spec_vspace_of(&real, view->object)->is_dying) /* nobody sees its mappings */
			continue;
		same = spec_cap_at(&specified, view->place);
		if (same != NULL && same->type == CAP_VIEW && same->is_dying &&
		    !spec_view_has_passed(&specified, view->place, view->used))
			fail("a dying View passed over a mapping that has to go");
	}
}

/* delete and revoke: steps until what the implementation did is done. */
static void follow_deletion(uint64_t caller, uint32_t number, const struct spec_hint *hint)
{
	const struct spec_thread *after = spec_thread_of(&real, caller);
	bool is_remote = after != NULL && after->state == SPEC_REMOTE, is_whole;
	uint64_t result = after != NULL ? machine_thread(caller)->ctx.regs.rax : ~0ull;
	struct spec_place top = NO_PLACE;
	enum tessera_error error = spec_deletion_begin(&specified, caller, number, &top, &is_whole);

	if (error != E_OK) {
		spec_deletion_end(&specified, error == SPEC_BLOCKED ? E_OK : error, NO_PLACE);
		return;
	}
	if (after != NULL && !is_remote && !hint->is_preempted && result == E_OK) {
		while (spec_deletion_step(&specified, top, is_whole)) {
		}
		if (spec_deletion_needs(&specified, top, is_whole) != SPEC_NO_CPU)
			fail("a deletion has ended before a thread that runs elsewhere");
		spec_deletion_end(&specified, E_OK, top);
		return;
	}
	while (states_differ(&specified, &real, true) != NULL &&
	       spec_deletion_step(&specified, top, is_whole)) {
	}
	adopt_cursors();
	if (is_remote && spec_deletion_needs(&specified, top, is_whole) == SPEC_NO_CPU)
		fail("a deletion goes to another CPU for nothing");
	spec_deletion_end(&specified,
			  is_remote	       ? SPEC_ELSEWHERE
			  : hint->is_preempted ? SPEC_PREEMPTED
					       : E_MORE,
			  top);
}

static bool is_deletion(uint32_t number)
{
	return number == OP_CNODE_DELETE || number == OP_CNODE_REVOKE;
}

static void execute(struct event *event)
{
	uint32_t number = (uint32_t)event->number;
	struct spec_hint hint;

	machine_syscall(number, event->is_fast, event->is_pressed);
	machine_abstract(&real);
	hint = hint_of(event->thread, number, event->ip);
	if (is_deletion(number))
		follow_deletion(event->thread, number, &hint);
	else
		spec_syscall(&specified, number, &hint);
	compare(event);
}

/* The processor's registers at the entry, in both. */
static void set_entry(uint64_t rax, uint64_t ip, const uint64_t args[7])
{
	struct spec_thread *self = spec_thread_of(&specified, spec_here(&specified)->current);
	struct arch_context *ctx = &cpu()->current->ctx;

	for (unsigned int i = 0; i < 7 && args != NULL; i++) {
		spec_set_arg(self, i, args[i]);
		ctx_set_result(ctx, i, args[i]);
	}
	self->regs.rax = rax;
	self->regs.rip = ip;
	self->regs.rcx = ip;
	self->regs.r11 = self->regs.rflags;
	ctx->regs.rax = rax;
	ctx->regs.rip = ip;
	ctx->regs.rcx = ip;
	ctx->regs.r11 = ctx->regs.rflags;
	ctx->call_number = rax;
	ctx->entry = CTX_SYSCALL;
}

/* Of Memory that was just made: retype promises zeroes. */
static void check_zeroed(uint64_t last_placement)
{
	for (uint32_t i = 0; i < specified.cap_count; i++) {
		const struct spec_cap *cap = &specified.caps[i];
		const uint64_t *words;

		if (cap->type != CAP_MEMORY || !cap->is_origin || cap->placement <= last_placement)
			continue;
		words = phys_to_ptr((paddr_t){cap->base << PAGE_SHIFT});
		for (uint64_t n = 0; n < cap->size * PAGE_SIZE / sizeof(*words); n++) {
			if (words[n] != 0)
				fail("new Memory is not zeroed");
		}
	}
}

/* A deletion for another CPU ends there before anything else happens: how far it has come is read from the state. */
static void end_remote_deletion(void)
{
	for (uint32_t i = 0; i < MACHINE_CPUS; i++) {
		const struct spec_cpu *cpu = &specified.cpus[i];
		uint64_t caller = cpu->remote_count > 0 ? cpu->remote[cpu->remote_count - 1u] : 0;

		if (caller != 0 && is_deletion((uint32_t)(spec_thread_of(&specified, caller)->call_number -
							  TESSERA_SYSCALL_BASE)))
			drive_settle();
	}
}

void drive_syscall(uint32_t number, const uint64_t args[7], uint64_t ip, struct how how)
{
	struct spec_thread *self = spec_thread_of(&specified, spec_here(&specified)->current);
	uint64_t last_placement = specified.last_placement;
	bool is_again = drive_stands_before_call();
	struct event *event;

	if (is_again && self->regs.rax - TESSERA_SYSCALL_BASE >= 1000u) {
		drive_foreign(self->regs.rax, self->regs.rip + 2u);
		return;
	}
	if (is_again)
		number = (uint32_t)(self->regs.rax - TESSERA_SYSCALL_BASE);
	event = begin(is_again ? EVENT_AGAIN : EVENT_SYSCALL, number);
	event->ip = is_again ? self->regs.rip + 2u : ip;
	event->is_fast = how.is_fast;
	event->is_pressed = how.is_pressed;
	event->is_held = how.is_held;
	event->is_locked = how.is_locked;
	set_entry(TESSERA_SYSCALL_BASE + number, event->ip, is_again ? NULL : args);
	for (unsigned int i = 0; i < 7; i++)
		event->args[i] = spec_arg(self, i);
	if (how.is_held)
		machine_hold_words();
	else if (how.is_locked)
		machine_hold_lock();
	execute(event);
	end_remote_deletion();
	if (number == OP_UNTYPED_RETYPE && event->result == E_OK && event->args[1] == CAP_MEMORY &&
	    event->args[5] == 0)
		check_zeroed(last_placement);
}

void drive_foreign(uint64_t number, uint64_t ip)
{
	struct event *event = begin(EVENT_FOREIGN, number);

	event->ip = ip;
	set_entry(number, ip, NULL);
	machine_foreign_syscall();
	spec_foreign_syscall(&specified);
	finish(event);
}

/* ---- other events ---- */

void drive_fault(uint64_t address, uint64_t error_code)
{
	struct event *event = begin(EVENT_FAULT, address);

	event->args[0] = error_code;
	cpu()->current->ctx.entry = CTX_FULL;
	machine_page_fault(address, error_code);
	spec_page_fault(&specified, address, error_code);
	finish(event);
}

void drive_exception(uint64_t vector, uint64_t error_code)
{
	struct event *event = begin(EVENT_EXCEPTION, vector);

	event->args[0] = error_code;
	cpu()->current->ctx.entry = CTX_FULL;
	machine_exception(vector, error_code);
	spec_exception(&specified, vector, error_code);
	finish(event);
}

void drive_irq(uint32_t line)
{
	struct event *event = begin(EVENT_IRQ, line);

	machine_irq(line);
	spec_irq(&specified, line);
	finish(event);
}

/* How many timeouts run that have passed. */
static uint32_t passed_deadlines(const struct spec *state)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < SPEC_THREADS; i++)
		count += state->threads[i].address != 0 && state->threads[i].deadline_ns <= state->now_ns;
	return count;
}

static void run_timers(struct event *event)
{
	for (uint32_t i = 0; i < 64 && machine_timer_is_due(); i++) {
		uint32_t before = passed_deadlines(&real);

		machine_timer();
		machine_abstract(&real);
		spec_timer(&specified, before - passed_deadlines(&real));
		compare(event);
	}
	if (!machine_is_interrupted(specified.here) && spec_timer_is_due(&specified))
		fail("a deadline has passed or a slice is over, and no timer interrupt comes");
}

/* The timers of all CPUs, from this one on. */
void drive_time(uint64_t now_ns)
{
	struct event *event = begin(EVENT_TIME, now_ns);
	uint32_t first = specified.here;

	spec_time_passes(&specified, now_ns);
	machine_time(now_ns);
	finish(event);
	for (uint32_t i = 0; i < MACHINE_CPUS; i++) {
		drive_play((first + i) % MACHINE_CPUS);
		run_timers(event);
	}
	drive_play(first);
}

/* ---- between CPUs ---- */

void drive_play(uint32_t number)
{
	specified.here = number;
	machine_play(number);
}

/* The first call that this CPU is to execute; false: none was. */
static bool follow_remote(void)
{
	const struct spec_cpu *here = spec_here(&specified);
	uint64_t caller = here->remote_count > 0 ? here->remote[0] : 0;
	struct spec_hint hint;
	uint32_t number;

	if (caller == 0)
		return false;
	number = (uint32_t)(spec_thread_of(&specified, caller)->call_number - TESSERA_SYSCALL_BASE);
	hint = hint_of(caller, number, spec_thread_of(&specified, caller)->regs.rip);
	if (is_deletion(number))
		follow_deletion(caller, number, &hint);
	else
		(void)spec_remote_call(&specified, &hint);
	return true;
}

void drive_interrupt(void)
{
	uint32_t before = spec_here(&specified)->remote_count;
	struct event *event;

	if (!machine_is_interrupted(specified.here))
		return;
	event = begin(EVENT_INTERRUPT, before);
	machine_interrupt();
	machine_abstract(&real);
	for (uint32_t left = real.cpus[specified.here].remote_count; before > left; before--) {
		if (!follow_remote())
			break;
	}
	compare(event);
}

void drive_settle(void)
{
	uint32_t here = specified.here, left = 64;

	for (uint32_t i = 0; i < MACHINE_CPUS; i++) {
		if (!machine_is_interrupted(i))
			continue;
		if (left-- == 0)
			fail("CPUs interrupt each other without end");
		drive_play(i);
		drive_interrupt();
		i = ~0u; /* from the first again */
	}
	drive_play(here);
}

void drive_touch(uint64_t va)
{
	paddr_t root = arch_current_root(&cpu()->arch);
	struct event *event = begin(EVENT_TOUCH, va);
	pte_t entry = root.raw != 0 ? host_access(root, va) : 0;
	uint64_t address = pte_address(entry).raw;

	if (!pte_is_kept(entry) && (pte_rights(entry) & RIGHT_WRITE) != 0 && address >= MACHINE_RAM_START &&
	    address < MACHINE_RAM_END)
		*(uint64_t *)phys_to_ptr((paddr_t){address}) = va | 1u;
	finish(event);
}

void drive_page(uint32_t word, uint64_t value)
{
	struct spec_thread *self = spec_thread_of(&specified, spec_here(&specified)->current);

	begin(EVENT_PAGE, word)->args[0] = value;
	drive_count--; /* nothing to compare */
	if (drive_is_verbose)
		print_event(&trace[trace_count - 1u]);
	((uint64_t *)&self->page)[word] = value;
	((uint64_t *)thread_page(cpu()->current))[word] = value;
}

/* ---- the beginning ---- */

void drive_restart(void)
{
	machine_restore();
	specified = kept;
	machine_guard(false);
	prelude_of_each_run();
	trace_count = 0;
	if (drive_is_verbose)
		fprintf(stderr, "%s\n", REPLAY_MARK);
}

void drive_boot(void)
{
	machine_boot();
	machine_abstract(&specified);
	specified.here = 0;
	specified.kernel_slots = HOST_PHYS_BASE + PAGE_SIZE;
	for (uint32_t i = 0; i < specified.cap_count; i++)
		specified.caps[i].placement = ++specified.last_placement;
	prelude();
	machine_keep();
	kept = specified;
}
