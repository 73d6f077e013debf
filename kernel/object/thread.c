/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The operations on Threads.
 *
 * What user space says about a thread is read once from the caller's message page and checked before anything changes.
 * A thread that is configured or given registers is suspended; if a call of its own is still open, set_regs ends that
 * (its Reply stands dead).
 */
#include <cspace.h>
#include <ipc.h>
#include <memory.h>
#include <sched.h>
#include <thread.h>

#include <kernel/handlers.h>

#define REGS_FPU_COPY 1u
#define REGS_FPU_RESET 2u

static void *page_arguments(struct thread *self)
{
	return &thread_page(self)->words[MSG_REGISTER_WORDS];
}

static struct thread *thread_of(const struct slot *cap)
{
	return thread_at(slot_object(cap));
}

static bool is_stopped(const struct thread *thread)
{
	return thread->state == THREAD_SUSPENDED || thread->is_suspended;
}

/* An open call or fault is given up: the thread is plainly suspended. */
static void abandon_open_call(struct thread *thread)
{
	if (thread->state == THREAD_SUSPENDED)
		return;
	reply_abandon(thread);
	thread->is_fault = 0;
	thread->is_interrupted = 0;
	(void)thread_end_wait(thread, E_DEAD); /* it is suspended, whatever that says */
}

/* ---- life ---- */

enum tessera_error invoke_thread_resume(UNUSED struct thread *self, struct slot *cap)
{
	struct thread *thread = thread_of(cap);

	if (!is_stopped(thread))
		return E_OK;
	if (thread->vspace_root.raw == 0 || thread->page_va == 0)
		return E_STATE;
	thread->is_suspended = 0;
	if (thread->state == THREAD_SUSPENDED)
		sched_ready(thread);
	return E_OK;
}

enum tessera_error invoke_thread_suspend(UNUSED struct thread *self, struct slot *cap)
{
	thread_stop(thread_of(cap));
	return E_OK;
}

enum tessera_error invoke_thread_interrupt(struct thread *self, struct slot *cap)
{
	/* self may be the one interrupted: the saved context tells the result */
	ctx_set_error(&self->ctx, E_OK);
	personality_interrupt(thread_of(cap));
	return E_BLOCKED;
}

/* ---- registers ---- */

enum tessera_error invoke_thread_set_regs(struct thread *self, struct slot *cap)
{
	struct thread *thread = thread_of(cap);
	uint64_t flags = ctx_arg(&self->ctx, 1);
	const struct user_regs *regs = page_arguments(self);
	struct slot *fpu_from = cap; /* the thread itself: nothing to copy */
	enum tessera_error error = E_OK;

	if (!is_stopped(thread))
		return E_STATE;
	if (flags > REGS_FPU_RESET)
		return E_ARG;
	if (flags == REGS_FPU_COPY)
		error = cap_lookup(self, (cap_t)ctx_arg(&self->ctx, 2), CAP_THREAD, RIGHT_READ, &fpu_from);
	if (error != E_OK)
		return error;
	if (thread_of(fpu_from)->state == THREAD_READY)
		return E_STATE;
	if (!arch_context_set(&thread->ctx, regs))
		return E_ARG;
	abandon_open_call(thread);
	ctx_set_error(&thread->ctx, regs->rax);
	if (thread_of(fpu_from) != thread)
		arch_fpu_copy(&thread->ctx, &thread_of(fpu_from)->ctx);
	if (flags == REGS_FPU_RESET)
		arch_fpu_reset(&thread->ctx);
	return E_OK;
}

static uint64_t state_code(const struct thread *thread)
{
	if (is_stopped(thread) && thread->state != THREAD_CALLING && thread->state != THREAD_FAULTED)
		return 0;
	if (thread->is_fault)
		return 6;
	if (thread->state == THREAD_POSTPONED || thread->state == THREAD_REMOTE)
		return THREAD_READY;
	return thread->state == THREAD_SENDING && thread->sent_is_call ? 4 : thread->state;
}

enum tessera_error invoke_thread_read_regs(struct thread *self, struct slot *cap)
{
	struct thread *thread = thread_of(cap);

	if (thread == cpu()->current)
		arch_context_sync(&thread->ctx);
	arch_context_get(&thread->ctx, page_arguments(self));
	ctx_set_result(&self->ctx, 0, state_code(thread));
	return E_OK;
}

enum tessera_error invoke_thread_set_tls(struct thread *self, struct slot *cap)
{
	struct thread *thread = thread_of(cap);

	return arch_context_set_tls(&thread->ctx, ctx_arg(&self->ctx, 1), thread == cpu()->current) ? E_OK
												    : E_ARG;
}

/* ---- scheduling ---- */

enum tessera_error invoke_thread_set_priority(struct thread *self, struct slot *cap)
{
	uint64_t priority = ctx_arg(&self->ctx, 1);

	if (priority >= PRIORITIES)
		return E_ARG;
	sched_set_priority(thread_of(cap), (uint8_t)priority);
	return E_OK;
}

enum tessera_error invoke_thread_set_affinity(struct thread *self, struct slot *cap)
{
	uint64_t id = ctx_arg(&self->ctx, 1);

	if (id >= cpus_used)
		return E_ARG;
	sched_set_home(thread_of(cap), (uint32_t)id);
	return E_OK;
}

/* ---- bindings ---- */

void thread_unbind_notification(struct thread *thread)
{
	if (thread->bound != 0)
		notification_at(thread->bound)->bound = 0;
	thread->bound = 0;
}

enum tessera_error invoke_thread_bind_notification(UNUSED struct thread *self, struct slot *cap,
						   struct slot *notification_cap)
{
	struct thread *thread = thread_of(cap);

	if (notification_cap == NULL) {
		thread_unbind_notification(thread);
		return E_OK;
	}
	struct notification *notification = notification_at(slot_object(notification_cap));

	if (notification->bound != 0 && notification->bound != thread_ref_of(thread))
		return E_BUSY;
	thread_unbind_notification(thread);
	thread->bound = slot_object(notification_cap);
	notification->bound = thread_ref_of(thread);
	notification_signal_bits(thread->bound, 0); /* a receiver gets what is there already */
	return E_OK;
}

static bool is_user_range(uint64_t start, uint64_t end)
{
	return start <= end && end <= USER_TOP;
}

enum tessera_error invoke_thread_set_personality(struct thread *self, struct slot *cap)
{
	struct personality_config config = *(const struct personality_config *)page_arguments(self);
	struct thread *thread = thread_of(cap);

	if (config.syscall_entry >= USER_TOP || config.exception_entry >= USER_TOP ||
	    config.interrupt_entry >= USER_TOP)
		return E_ARG;
	if (!is_user_range(config.start, config.end) || !is_user_range(config.exit_start, config.exit_end))
		return E_ARG;
	if (config.syscall_entry == 0)
		config = (struct personality_config){0};
	thread->personality = config;
	return E_OK;
}
