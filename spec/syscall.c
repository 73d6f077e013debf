/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Native system calls: from the number and the capability in argument 0 to the operation, by the table that is made of
 * abi/operations.toml; and what becomes of the result.
 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>

enum { OP_PLAIN, OP_BY_CAP, OP_BY_SLOT }; /* how an operation names what it works on */

struct row {
	uint32_t number, type, rights, how;
};

#define X(number, name, cap_type, needed, how, handler) {(number), (cap_type), (needed), (how)},
static const struct row rows[] = {
#include <kernel/dispatch_table.inc>
};
#undef X

_Noreturn void spec_fail(const char *condition, const char *file, int line)
{
	fprintf(stderr, "spec: %s:%d: %s does not hold\n", file, line, condition);
	abort();
}

/* ---- registers ---- */

uint64_t spec_arg(const struct spec_thread *thread, unsigned int i)
{
	const struct user_regs *regs = &thread->regs;
	const uint64_t args[7] = {regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9, regs->r12};

	return args[i];
}

void spec_set_arg(struct spec_thread *thread, unsigned int i, uint64_t value)
{
	struct user_regs *regs = &thread->regs;
	uint64_t *const args[7] = {&regs->rdi, &regs->rsi, &regs->rdx, &regs->r10,
				   &regs->r8,  &regs->r9,  &regs->r12};

	*args[i] = value;
}

/* ---- objects; address 0: a free entry ---- */

struct spec_thread *spec_thread_of(struct spec *spec, uint64_t address)
{
	for (uint32_t i = 0; i < SPEC_THREADS; i++) {
		if (spec->threads[i].address == address)
			return &spec->threads[i];
	}
	return NULL;
}

struct spec_endpoint *spec_endpoint_of(struct spec *spec, uint64_t address)
{
	for (uint32_t i = 0; i < SPEC_ENDPOINTS; i++) {
		if (spec->endpoints[i].address == address)
			return &spec->endpoints[i];
	}
	return NULL;
}

struct spec_notification *spec_notification_of(struct spec *spec, uint64_t address)
{
	for (uint32_t i = 0; i < SPEC_NOTIFICATIONS; i++) {
		if (spec->notifications[i].address == address)
			return &spec->notifications[i];
	}
	return NULL;
}

struct spec_vspace *spec_vspace_of(struct spec *spec, uint64_t address)
{
	for (uint32_t i = 0; i < SPEC_VSPACES; i++) {
		if (spec->vspaces[i].address == address)
			return &spec->vspaces[i];
	}
	return NULL;
}

bool spec_has_room(const struct spec *spec, uint32_t things)
{
	uint32_t caps = 0, endpoints = 0, notifications = 0, threads = 0, vspaces = 0, contexts = 0;

	for (uint32_t i = 0; i < spec->cap_count; i++)
		caps += spec->caps[i].type != CAP_NULL;
	for (uint32_t i = 0; i < SPEC_ENDPOINTS; i++)
		endpoints += spec->endpoints[i].address != 0;
	for (uint32_t i = 0; i < SPEC_NOTIFICATIONS; i++)
		notifications += spec->notifications[i].address != 0;
	for (uint32_t i = 0; i < SPEC_THREADS; i++)
		threads += spec->threads[i].address != 0;
	for (uint32_t i = 0; i < SPEC_VSPACES; i++)
		vspaces += spec->vspaces[i].address != 0;
	for (uint32_t i = 0; i < SPEC_CONTEXTS; i++)
		contexts += spec->contexts[i].address != 0;
	return contexts + things < SPEC_CONTEXTS && caps + things < SPEC_CAPS &&
	       endpoints + things < SPEC_ENDPOINTS && notifications + things < SPEC_NOTIFICATIONS &&
	       threads + things < SPEC_THREADS && vspaces + things < SPEC_VSPACES;
}

/* ---- preempted operations ---- */

bool spec_take_progress(struct spec_thread *self, uint32_t operation)
{
	bool is_same = self->is_preempted && self->preempted_operation == operation;

	for (unsigned int i = 0; i < 7; i++)
		is_same = is_same && self->preempted_args[i] == spec_arg(self, i);
	self->is_preempted = false;
	return is_same;
}

enum tessera_error spec_preempted(struct spec_thread *self, uint32_t operation, uint64_t pages, uint64_t left)
{
	self->is_preempted = true;
	self->preempted_operation = operation;
	self->preempted_pages = pages;
	self->preempted_left = left;
	for (unsigned int i = 0; i < 7; i++)
		self->preempted_args[i] = spec_arg(self, i);
	return SPEC_PREEMPTED;
}

/* ---- the call ---- */

static const struct row *row_of(uint32_t operation)
{
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].number == operation)
			return &rows[i];
	}
	return NULL;
}

static enum tessera_error execute(struct spec *spec, struct spec_thread *self, uint32_t operation,
				  struct spec_cap *cap, const struct spec_hint *hint)
{
	enum tessera_error error;

	switch (operation) {
	case OP_SEND: return spec_op_send(spec, self, cap);
	case OP_RECV: return spec_op_recv(spec, self, cap);
	case OP_CALL: return spec_op_call(spec, self, cap);
	case OP_REPLY: return spec_op_reply(spec, self, cap);
	case OP_REPLY_RECV: return spec_op_reply_recv(spec, self, cap);
	case OP_SIGNAL: return spec_op_signal(spec, self, cap);
	case OP_WAIT: return spec_op_wait(spec, self, cap);
	case OP_POLL: return spec_op_poll(spec, self, cap);
	case OP_YIELD: spec_sched_give_way(spec); return E_OK;
	case OP_NOTHING: return E_OK;
	case OP_UNTYPED_RETYPE: return spec_op_retype(spec, self, cap, hint);
	default: break;
	}
	if (spec_cnode_syscall(spec, self, operation, hint, &error) ||
	    spec_thread_syscall(spec, self, operation, cap, &error) ||
	    spec_memory_syscall(spec, self, operation, cap, hint, &error) ||
	    spec_context_syscall(spec, self, operation, cap, hint, &error) ||
	    spec_device_syscall(spec, self, operation, cap, hint, &error))
		return error;
	spec_fail("the operation is specified", __FILE__, __LINE__);
}

/* The end of a call: its error; or back before it, or on to another CPU. */
static void finish(struct spec *spec, enum tessera_error error, uint32_t elsewhere)
{
	struct spec_thread *caller = spec_thread_of(spec, spec->caller);

	if (caller == NULL)
		return;
	if (error == SPEC_PREEMPTED)
		spec_restart_as(caller, caller->call_number);
	else if (error == SPEC_ELSEWHERE)
		spec_remote_send(spec, caller, elsewhere);
	else if (error != SPEC_BLOCKED && error != E_OK)
		spec_set_error(caller, error);
}

/* The call of a thread, which may run here or wait for this CPU to execute it. */
static enum tessera_error call(struct spec *spec, struct spec_thread *self, uint32_t operation,
			       const struct spec_hint *hint, uint32_t *elsewhere)
{
	const struct row *row = row_of(operation);
	struct spec_cap *cap = NULL;
	enum tessera_error error = E_OK;

	if (row == NULL)
		return E_NO_OP;
	if (row->how == OP_BY_CAP)
		error = spec_lookup_cap(spec, self, (cap_t)spec_arg(self, 0), row->type, row->rights, &cap);
	if (error != E_OK)
		return error;
	*elsewhere = row->type == CAP_THREAD ? spec_runs_on(spec, cap->object) : SPEC_NO_CPU;
	if (*elsewhere != SPEC_NO_CPU && *elsewhere != spec->here)
		return SPEC_ELSEWHERE;
	return execute(spec, self, operation, cap, hint);
}

void spec_syscall(struct spec *spec, uint32_t operation, const struct spec_hint *hint)
{
	struct spec_thread *self = spec_thread_of(spec, spec_here(spec)->current);
	uint32_t elsewhere = SPEC_NO_CPU;
	enum tessera_error error;

	spec->caller = self->address;
	self->call_number = self->regs.rax;
	spec_set_error(self, E_OK); /* what a call returns that is executed while it runs */
	error = call(spec, self, operation, hint, &elsewhere);
	finish(spec, error, elsewhere);
}

/* ---- calls for other CPUs ---- */

void spec_remote_send(struct spec *spec, struct spec_thread *caller, uint32_t cpu)
{
	struct spec_cpu *to = &spec->cpus[cpu];

	spec_sched_block(spec, caller, SPEC_REMOTE);
	spec_list_insert(to->remote, &to->remote_count, to->remote_count, caller->address);
}

void spec_remote_leave(struct spec *spec, const struct spec_thread *caller)
{
	for (uint32_t i = 0; i < spec->cpu_count; i++)
		spec_list_remove(spec->cpus[i].remote, &spec->cpus[i].remote_count, caller->address);
}

static bool is_sent_on(const struct spec *spec, const struct spec_thread *caller)
{
	for (uint32_t i = 0; i < spec->cpu_count; i++) {
		const struct spec_cpu *cpu = &spec->cpus[i];

		if (spec_list_find(cpu->remote, cpu->remote_count, caller->address) < cpu->remote_count)
			return true;
	}
	return false;
}

/* Its caller goes on, unless the call itself has stopped it or is sent on. */
static void end_remote(struct spec *spec)
{
	struct spec_thread *caller = spec_thread_of(spec, spec->caller);

	if (caller != NULL && caller->state == SPEC_REMOTE && !is_sent_on(spec, caller))
		spec_sched_ready(spec, caller);
}

static bool is_still_remote(struct spec *spec)
{
	const struct spec_thread *caller = spec_thread_of(spec, spec->caller);

	return caller != NULL && caller->state == SPEC_REMOTE;
}

bool spec_remote_call(struct spec *spec, const struct spec_hint *hint)
{
	struct spec_cpu *here = spec_here(spec);
	uint32_t elsewhere = SPEC_NO_CPU;
	enum tessera_error error;
	struct spec_thread *caller;

	if (here->remote_count == 0)
		return false;
	caller = spec_thread_of(spec, here->remote[0]);
	spec_remote_leave(spec, caller);
	spec->caller = caller->address;
	spec_set_error(caller, E_OK);
	error = call(spec, caller, (uint32_t)(caller->call_number - TESSERA_SYSCALL_BASE), hint, &elsewhere);
	if (is_still_remote(spec))
		finish(spec, error, elsewhere);
	end_remote(spec);
	return true;
}

/* ---- deletion, in steps ---- */

enum tessera_error spec_deletion_begin(struct spec *spec, uint64_t caller, uint32_t operation,
				       struct spec_place *top, bool *is_whole)
{
	struct spec_thread *self = spec_thread_of(spec, caller);

	spec->caller = caller;
	spec->caller_is_remote = self->state == SPEC_REMOTE;
	if (spec->caller_is_remote)
		spec_remote_leave(spec, self);
	else
		self->call_number = self->regs.rax;
	spec_set_error(self, E_OK);
	return spec_deletion_decode(spec, self, operation, top, is_whole);
}

void spec_deletion_end(struct spec *spec, enum tessera_error error, struct spec_place top)
{
	struct spec_thread *caller = spec_thread_of(spec, spec->caller);
	struct spec_cap *cap = spec_cap_at(spec, top);
	uint32_t operation, elsewhere = SPEC_NO_CPU;

	if (error == E_OK && cap != NULL && cap->type == CAP_UNTYPED && cap->is_donated)
		spec_tables_take_back(spec, cap); /* revoke takes that back, too */
	if (caller == NULL || (spec->caller_is_remote && caller->state != SPEC_REMOTE))
		return; /* it has stopped itself */
	operation = (uint32_t)(caller->call_number - TESSERA_SYSCALL_BASE);
	if (error == SPEC_ELSEWHERE)
		elsewhere = spec_deletion_needs(spec, top, operation == OP_CNODE_DELETE);
	if (error == SPEC_PREEMPTED || error == SPEC_ELSEWHERE)
		(void)spec_preempted(caller, operation, cap != NULL ? cap->placement : 0, 0);
	finish(spec, error, elsewhere);
	end_remote(spec);
}
