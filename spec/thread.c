/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads: life, and the operations on them.
 *
 * A stopped thread takes back its send, recv or wait and executes it again when it is resumed; a call or fault whose message
 * was received stays open, and its answer completes it while the thread is stopped.
 */
#include "model.h"

#define USER_ADDRESSES (1ull << 47)
#define FLAGS_ALWAYS 0x202ull  /* the fixed bit and the interrupt flag */
#define FLAGS_USER 0x254dd5ull /* CF PF AF ZF SF TF DF OF NT RF AC ID */
#define REGS_FPU_COPY 1u
#define REGS_FPU_RESET 2u

bool spec_is_stopped(const struct spec_thread *thread)
{
	return thread->state == SPEC_SUSPENDED || thread->is_suspended;
}

void spec_thread_init(struct spec *spec, uint64_t address)
{
	struct spec_thread *thread = spec_thread_of(spec, 0);

	*thread = (struct spec_thread){.address = address,
				       .state = SPEC_SUSPENDED,
				       .priority = 255,
				       .own_priority = 255,
				       .deadline_ns = DEADLINE_NEVER};
	thread->regs.rflags = FLAGS_ALWAYS;
}

/* ---- out of a wait ---- */

static void leave(struct spec *spec, struct spec_thread *thread)
{
	thread->deadline_ns = DEADLINE_NEVER;
	switch (thread->state) {
	case SPEC_SENDING:
	case SPEC_RECEIVING: spec_endpoint_leave(spec, thread); break;
	case SPEC_WAITING: spec_notification_leave(spec, thread); break;
	case SPEC_CALLING:
	case SPEC_FAULTED: spec_reply_abandon(spec, thread); break;
	case SPEC_REMOTE: spec_remote_leave(spec, thread); break;
	default: break;
	}
	spec_sched_block(spec, thread, SPEC_SUSPENDED);
}

bool spec_end_wait(struct spec *spec, struct spec_thread *thread, enum tessera_error error)
{
	bool may_run = !thread->is_suspended;

	thread->deadline_ns = DEADLINE_NEVER;
	spec_set_error(thread, error);
	thread->state = SPEC_SUSPENDED;
	thread->is_suspended = false;
	if (thread->is_interrupted) {
		thread->is_interrupted = false;
		spec_personality_interrupt(spec, thread);
	}
	return may_run;
}

void spec_wake(struct spec *spec, struct spec_thread *thread, enum tessera_error error)
{
	leave(spec, thread);
	if (spec_end_wait(spec, thread, error))
		spec_sched_ready(spec, thread);
}

void spec_restart_as(struct spec_thread *thread, uint64_t number)
{
	thread->regs.rip -= 2; /* the length of the instruction */
	thread->regs.rax = number;
}

void spec_thread_stop(struct spec *spec, struct spec_thread *thread)
{
	uint32_t state = thread->state;

	switch (state) {
	case SPEC_READY:
	case SPEC_POSTPONED: leave(spec, thread); break;
	case SPEC_CALLING:
	case SPEC_FAULTED: thread->is_suspended = true; break;
	case SPEC_SENDING:
	case SPEC_RECEIVING:
	case SPEC_REMOTE:
	case SPEC_WAITING:
		leave(spec, thread);
		if (thread->is_fault)
			thread->is_fault = false; /* the instruction faults again */
		else if (state == SPEC_RECEIVING)
			spec_restart_as(thread, TESSERA_SYSCALL_BASE +
							OP_RECV); /* of a reply_recv the reply is done */
		else
			spec_restart_as(thread, thread->call_number);
		break;
	default: break;
	}
}

/* ---- death ---- */

void spec_unembed(struct spec *spec, struct spec_place place)
{
	struct spec_thread *thread = spec_thread_of(spec, place.holder);
	struct spec_cap *cap = spec_cap_at(spec, place);

	if (cap == NULL)
		return;
	if (place.index == SPEC_SLOT_VSPACE) {
		spec_unmap_kernel_page(spec, cap->object, thread->page_va,
				       thread->address / SPEC_PAGE + 1u); /* the second page of the object */
		spec_thread_stop(spec, thread);
		thread->has_vspace = false;
	}
	spec_cap_remove(spec, cap);
}

void spec_thread_die(struct spec *spec, uint64_t address)
{
	struct spec_thread *thread = spec_thread_of(spec, address);

	leave(spec, thread);
	spec_lending_give_back(spec, thread);
	if (thread->own_context != 0)
		spec_context_unbind(spec, spec_context_of(spec, thread->own_context));
	thread->is_fault = false;
	if (thread->bound != 0)
		spec_notification_of(spec, thread->bound)->bound = 0;
	thread->bound = 0;
	for (uint32_t i = 0; i < SPEC_THREAD_SLOTS; i++)
		spec_unembed(spec, (struct spec_place){address, i});
	if (spec_here(spec)->current == address)
		spec_here(spec)->current = 0;
	thread->address = 0;
}

/* ---- operations ---- */

static enum tessera_error resume(struct spec *spec, struct spec_thread *thread)
{
	if (!spec_is_stopped(thread))
		return E_OK;
	if (!thread->has_vspace || thread->page_va == 0)
		return E_STATE;
	thread->is_suspended = false;
	if (thread->state == SPEC_SUSPENDED)
		spec_sched_ready(spec, thread);
	return E_OK;
}

/* An open call or fault of a stopped thread is given up. */
static void abandon_open_call(struct spec *spec, struct spec_thread *thread)
{
	if (thread->state == SPEC_SUSPENDED)
		return;
	spec_reply_abandon(spec, thread);
	thread->is_fault = false;
	thread->is_interrupted = false;
	thread->is_suspended = false;
	thread->deadline_ns = DEADLINE_NEVER;
	thread->state = SPEC_SUSPENDED;
}

static enum tessera_error set_regs(struct spec *spec, struct spec_thread *self, struct spec_thread *thread)
{
	struct user_regs regs = *(const struct user_regs *)&self->page.words[MSG_REGISTER_WORDS];
	uint64_t flags = spec_arg(self, 1);
	struct spec_cap *source;

	if (!spec_is_stopped(thread))
		return E_STATE;
	if (flags > REGS_FPU_RESET)
		return E_ARG;
	if (flags == REGS_FPU_COPY) {
		enum tessera_error error = spec_lookup_cap(spec, self, (cap_t)spec_arg(self, 2), CAP_THREAD,
							   RIGHT_READ, &source);

		if (error != E_OK)
			return error;
		if (spec_thread_of(spec, source->object)->state == SPEC_READY)
			return E_STATE;
	}
	if (regs.rip >= USER_ADDRESSES || regs.fs_base >= USER_ADDRESSES || regs.gs_base >= USER_ADDRESSES)
		return E_ARG;
	abandon_open_call(spec, thread);
	regs.rflags = (regs.rflags & FLAGS_USER) | FLAGS_ALWAYS;
	thread->regs = regs;
	return E_OK;
}

static uint64_t state_code(const struct spec_thread *thread)
{
	bool is_open = thread->state == SPEC_CALLING || thread->state == SPEC_FAULTED;

	if (spec_is_stopped(thread) && !is_open)
		return 0;
	if (thread->is_fault)
		return 6;
	if (thread->state == SPEC_POSTPONED || thread->state == SPEC_REMOTE)
		return SPEC_READY;
	return thread->state == SPEC_SENDING && thread->sent_is_call ? 4 : thread->state;
}

static enum tessera_error read_regs(struct spec_thread *self, const struct spec_thread *thread)
{
	*(struct user_regs *)&self->page.words[MSG_REGISTER_WORDS] = thread->regs;
	spec_set_arg(self, 0, state_code(thread));
	return E_OK;
}

static enum tessera_error set_tls(const struct spec_thread *self, struct spec_thread *thread)
{
	if (spec_arg(self, 1) >= USER_ADDRESSES)
		return E_ARG;
	thread->regs.fs_base = spec_arg(self, 1);
	return E_OK;
}

/* A sender that waits goes behind the others of its new priority. */
static enum tessera_error set_priority(struct spec *spec, struct spec_thread *self,
				       struct spec_thread *thread)
{
	if (spec_arg(self, 1) > 255)
		return E_ARG;
	spec_sched_set_priority(spec, thread, (uint32_t)spec_arg(self, 1));
	return E_OK;
}

static enum tessera_error set_affinity(struct spec *spec, struct spec_thread *self,
				       struct spec_thread *thread)
{
	if (spec_arg(self, 1) >= spec->cpu_count)
		return E_ARG;
	spec_sched_set_home(spec, thread, (uint32_t)spec_arg(self, 1));
	return E_OK;
}

static void unbind(struct spec *spec, struct spec_thread *thread)
{
	if (thread->bound != 0)
		spec_notification_of(spec, thread->bound)->bound = 0;
	thread->bound = 0;
}

static enum tessera_error bind_notification(struct spec *spec, struct spec_thread *self,
					    struct spec_thread *thread)
{
	struct spec_notification *notification;
	struct spec_cap *cap;

	if ((cap_t)spec_arg(self, 1) == 0) {
		unbind(spec, thread);
		return E_OK;
	}
	enum tessera_error error =
		spec_lookup_cap(spec, self, (cap_t)spec_arg(self, 1), CAP_NOTIFICATION, RIGHT_READ, &cap);

	if (error != E_OK)
		return error;
	notification = spec_notification_of(spec, cap->object);
	if (notification->bound != 0 && notification->bound != thread->address)
		return E_BUSY;
	unbind(spec, thread);
	thread->bound = notification->address;
	notification->bound = thread->address;
	spec_signal_bits(spec, notification->address, 0); /* a receiver gets what is there already */
	return E_OK;
}

static enum tessera_error set_personality(struct spec_thread *self, struct spec_thread *thread)
{
	struct personality_config config =
		*(const struct personality_config *)&self->page.words[MSG_REGISTER_WORDS];

	if (config.syscall_entry >= USER_TOP || config.exception_entry >= USER_TOP ||
	    config.interrupt_entry >= USER_TOP)
		return E_ARG;
	if (config.start > config.end || config.end > USER_TOP || config.exit_start > config.exit_end ||
	    config.exit_end > USER_TOP)
		return E_ARG;
	if (config.syscall_entry == 0)
		config = (struct personality_config){0};
	thread->personality = config;
	return E_OK;
}

bool spec_thread_syscall(struct spec *spec, struct spec_thread *self, uint32_t operation,
			 struct spec_cap *cap, enum tessera_error *error)
{
	struct spec_thread *thread =
		cap != NULL && cap->type == CAP_THREAD ? spec_thread_of(spec, cap->object) : NULL;

	*error = E_OK;
	switch (operation) {
	case OP_THREAD_CONFIGURE: *error = spec_op_thread_configure(spec, self, cap); return true;
	case OP_THREAD_SET_REGS: *error = set_regs(spec, self, thread); return true;
	case OP_THREAD_READ_REGS: *error = read_regs(self, thread); return true;
	case OP_THREAD_RESUME: *error = resume(spec, thread); return true;
	case OP_THREAD_SUSPEND: spec_thread_stop(spec, thread); return true;
	case OP_THREAD_INTERRUPT:
		spec_set_error(self, E_OK); /* first: self may be the one */
		spec_personality_interrupt(spec, thread);
		*error = SPEC_BLOCKED;
		return true;
	case OP_THREAD_SET_PRIORITY: *error = set_priority(spec, self, thread); return true;
	case OP_THREAD_BIND_NOTIFICATION: *error = bind_notification(spec, self, thread); return true;
	case OP_THREAD_SET_PERSONALITY: *error = set_personality(self, thread); return true;
	case OP_THREAD_SET_AFFINITY: *error = set_affinity(spec, self, thread); return true;
	case OP_THREAD_SET_TLS: *error = set_tls(self, thread); return true;
	default: return false;
	}
}
