/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Entries into a thread's personality: foreign system calls, exceptions, interruption.
 *
 * The kernel knows three entry addresses and two code ranges and nothing else about the personality.  It saves the
 * program's state in the message page and continues the thread at the entry; the personality does the rest.
 */
#include <ipc.h>
#include <sched.h>
#include <thread.h>

static bool is_between(const struct thread *thread, uint64_t start, uint64_t end)
{
	return ctx_ip(&thread->ctx) >= start && ctx_ip(&thread->ctx) < end;
}

bool personality_syscall(struct thread *thread)
{
	struct msg_page *page = thread_page(thread);

	if (thread->personality.syscall_entry == 0)
		return false;
	page->syscall_rip = ctx_ip(&thread->ctx);
	page->syscall_rsp = ctx_sp(&thread->ctx);
	page->syscall_rflags = ctx_flags(&thread->ctx);
	ctx_enter(&thread->ctx, thread->personality.syscall_entry, thread->page_va);
	return true;
}

/* Saves the program's registers and continues at an entry. */
static void enter(struct thread *thread, uint64_t entry, uint64_t vector)
{
	struct msg_page *page = thread_page(thread);

	if (thread == cpu()->current)
		arch_context_sync(&thread->ctx);
	arch_context_get(&thread->ctx, &page->context);
	page->exc_vector = vector;
	ctx_enter(&thread->ctx, entry, thread->page_va);
}

bool personality_exception(struct thread *thread, uint64_t vector, uint64_t error_code, uint64_t address)
{
	struct msg_page *page = thread_page(thread);

	if (thread->personality.exception_entry == 0 || (page->sticky & STICKY_EXCEPTION) != 0)
		return false;
	__atomic_fetch_or(&page->sticky, STICKY_EXCEPTION, __ATOMIC_RELAXED);
	page->exc_error = error_code;
	page->exc_address = address;
	enter(thread, thread->personality.exception_entry, vector);
	return true;
}

/* True for a blocked system call that ends with E_INTERRUPTED; a call always completes. */
static bool is_interruptible(const struct thread *thread)
{
	return thread->state == THREAD_WAITING || thread->state == THREAD_RECEIVING ||
	       (thread->state == THREAD_SENDING && !thread->is_fault && !thread->sent_is_call);
}

static void interrupt_inside(struct thread *thread)
{
	__atomic_fetch_or(&thread_page(thread)->sticky, STICKY_INTERRUPT, __ATOMIC_RELAXED);
	if (is_interruptible(thread))
		thread_wake(thread, E_INTERRUPTED);
	else if (is_between(thread, thread->personality.exit_start, thread->personality.exit_end))
		ctx_set_ip(&thread->ctx, thread->personality.exit_start);
}

/* A program that made a native system call itself: the call is taken back first. */
static void interrupt_outside(struct thread *thread)
{
	bool was_blocked =
		thread->state == THREAD_SENDING || thread->state == THREAD_REMOTE || is_interruptible(thread);

	if (was_blocked)
		thread_stop(thread);
	enter(thread, thread->personality.interrupt_entry, ~0ull);
	if (was_blocked)
		sched_ready(thread);
}

void personality_interrupt(struct thread *thread)
{
	if (thread->is_fault) {
		thread->is_interrupted = 1; /* fault_answer does it */
	} else if (thread->personality.syscall_entry == 0) {
		if (is_interruptible(thread))
			thread_wake(thread, E_INTERRUPTED);
	} else if (is_between(thread, thread->personality.start, thread->personality.end)) {
		interrupt_inside(thread);
	} else if (thread->state == THREAD_CALLING) {
		thread->is_interrupted = 1; /* thread_end_wait does it */
	} else if (thread->personality.interrupt_entry != 0) {
		interrupt_outside(thread);
	}
}
