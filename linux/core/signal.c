/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The way out of the personality, with signals: lx_leave after a system call, lx_resume from everywhere else.
 *
 * A thread comes here whenever its sticky flag was set. The flag is cleared before proc is asked, and the restore sequence
 * tests it again, so nothing that arrives in between is missed. A blocking call is fully unwound by then: restart codes in
 * RAX are turned into EINTR or into the same call again, as the handler's SA_RESTART wants.
 */
#include <tessera/proto/mem.h>
#include <tessera/proto/proc.h>
#include <tessera/memory.h>

#include "lx/signal.h"
#include "lx/text.h"

#define RED_ZONE_BYTES 128u
#define UNMASKABLE (1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1))

uint32_t lx_read_cs(void);
uint32_t lx_read_ss(void);
HIDDEN extern char lx_code_start[], lx_code_end[], lx_restore_start[], lx_restore_end[];

void lx_set_mask(struct lx_thread *self, uint64_t mask)
{
	struct process_thread *shared = self->shared;
	__atomic_store_n(&shared->blocked, mask & ~UNMASKABLE, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	uint64_t pending = __atomic_load_n(&shared->pending, __ATOMIC_RELAXED) |
			   __atomic_load_n(&self->identity->pending, __ATOMIC_RELAXED);
	if (pending & ~shared->blocked)
		__atomic_or_fetch(&self->page->sticky, STICKY_INTERRUPT, __ATOMIC_RELEASE);
}

static bool fetch_signal(struct lx_thread *self, uint32_t *signal, struct lx_siginfo *info)
{
	uint64_t pending = __atomic_load_n(&self->shared->pending, __ATOMIC_ACQUIRE) |
			   __atomic_load_n(&self->identity->pending, __ATOMIC_ACQUIRE);
	if ((pending & ~lx_mask(self)) == 0)
		return false;
	struct proc_signal_fetch_in in = {.blocked = lx_mask(self), .take = 0};
	struct proc_signal_fetch_out out = {0};
	if (proc_signal_fetch(LX_CAP_PROC, self->page, &in, &out) != 0 || out.signal == 0 ||
	    out.signal > LX_SIGNALS)
		return false;
	*signal = out.signal;
	memset(info, 0, sizeof(*info));
	memcpy(info, proc_signal_fetch_out_data(self->page), lx_min(out.data_len, sizeof(*info)));
	info->signo = (int32_t)out.signal;
	return true;
}

static void restart_call(struct lx_regs *regs, long code)
{
	regs->rax = code == ERESTART_RESTARTBLOCK ? 219 : regs->orig_rax;
	regs->rip -= 2;
}

/* The call's result when a handler runs: again, or EINTR. */
static void settle_restart(struct lx_regs *regs, long *code, const struct lx_action *action)
{
	if (*code == 0)
		return;
	if (*code == ERESTARTSYS && (action->flags & SA_RESTART))
		restart_call(regs, *code);
	else
		regs->rax = (uint64_t)-EINTR;
	*code = 0;
}

/* Takes the action out of the table; SA_RESETHAND is applied. False: nothing to run. */
static bool take_action(struct lx_thread *self, uint32_t signal, struct lx_action *action)
{
	struct lx_sighand *hand = &self->process->sighand;
	lx_lock(&hand->lock);
	*action = hand->action[signal - 1];
	bool has_handler = action->handler > 1;
	if (has_handler && (action->flags & SA_RESETHAND)) {
		hand->action[signal - 1].handler = 0;
		self->identity->handler[signal - 1] = 0;
	}
	lx_unlock(&hand->lock);
	return has_handler;
}

static void run_handler(struct lx_thread *self, struct lx_regs *regs, uint32_t signal,
			const struct lx_action *action, const struct lx_siginfo *info,
			const struct lx_trap *trap)
{
	uint64_t old_mask = self->restore_mask ? self->saved_mask : lx_mask(self);
	if (lx_frame_push(self, regs, signal, action, info, trap, old_mask) != 0) {
		struct lx_action fallback = {0};
		if (signal == SIGSEGV || !take_action(self, SIGSEGV, &fallback))
			lx_exit_process(SIGSEGV | 0x80);
		struct lx_siginfo fault = {.signo = SIGSEGV, .code = SI_KERNEL};
		if (lx_frame_push(self, regs, SIGSEGV, &fallback, &fault, NULL, old_mask) != 0)
			lx_exit_process(SIGSEGV | 0x80);
		signal = SIGSEGV;
	}
	self->restore_mask = false;
	uint64_t mask = lx_mask(self) | action->mask;
	if (!(action->flags & SA_NODEFER))
		mask |= lx_signal_bit(signal);
	lx_set_mask(self, mask);
}

static void deliver_all(struct lx_thread *self, struct lx_regs *regs, long restart)
{
	uint32_t signal;
	struct lx_siginfo info;
	struct lx_action action;
	for (;;) {
		__atomic_and_fetch(&self->page->sticky, ~STICKY_INTERRUPT, __ATOMIC_ACQ_REL);
		if (!fetch_signal(self, &signal, &info))
			break;
		if (!take_action(self, signal, &action))
			continue;
		settle_restart(regs, &restart, &action);
		run_handler(self, regs, signal, &action, &info, NULL);
	}
	if (restart)
		restart_call(regs, restart);
	if (self->restore_mask) {
		self->restore_mask = false;
		lx_set_mask(self, self->saved_mask);
	}
}

/* Fills the frame of the restore sequence. */
static void fill_restore(struct msg_page *page, const struct lx_regs *r)
{
	uint64_t *to = &page->personality[(PAGE_RESTORE - PAGE_STACK) / 8];
	to[0] = r->rip;
	to[1] = lx_read_cs();
	to[2] = r->rflags;
	to[3] = r->rsp;
	to[4] = lx_read_ss();
	to[5] = r->rax;
	to[6] = r->rbx;
	to[7] = r->rcx;
	to[8] = r->rdx;
	to[9] = r->rsi;
	to[10] = r->rdi;
	to[11] = r->rbp;
	to[12] = r->r8;
	to[13] = r->r9;
	to[14] = r->r10;
	to[15] = r->r11;
	to[16] = r->r12;
	to[17] = r->r13;
	to[18] = r->r14;
	to[19] = r->r15;
	/* flags and address behind the red zone, for POPFQ and RET 128 */
	uint64_t at = r->rsp - RED_ZONE_BYTES - 16;
	to[20] = lx_put(at, (const uint64_t[2]){r->rflags, r->rip}, 16) == 0 ? at : 0;
}

static NORETURN void leave(struct lx_thread *self, const struct lx_regs *regs)
{
	fill_restore(self->page, regs);
	lx_time_leave(self);
	lx_restore(self->page);
}

void lx_resume(struct lx_regs *regs)
{
	struct lx_thread *self = lx_self();
	deliver_all(self, regs, 0);
	leave(self, regs);
}

void lx_leave(struct lx_regs *regs)
{
	struct lx_thread *self = lx_self();
	long code = -(long)regs->rax;
	bool is_restart = code == ERESTARTSYS || code == ERESTARTNOHAND || code == ERESTART_RESTARTBLOCK;
	lx_time_enter(self);
	deliver_all(self, regs, is_restart ? code : 0);
	leave(self, regs);
}

/* ---------------------------------------------------------------- entries */

static void regs_from_context(struct lx_regs *regs, struct msg_page *page)
{
	memcpy(regs, &page->context, sizeof(struct user_regs));
	regs->page = page;
	regs->orig_rax = ~0ull;
}

static void regs_from_restore(struct lx_regs *r, struct msg_page *page)
{
	const uint64_t *f = &page->personality[(PAGE_RESTORE - PAGE_STACK) / 8];
	*r = (struct lx_regs){.rip = f[0],
			      .rflags = f[2],
			      .rsp = f[3],
			      .rax = f[5],
			      .rbx = f[6],
			      .rcx = f[7],
			      .rdx = f[8],
			      .rsi = f[9],
			      .rdi = f[10],
			      .rbp = f[11],
			      .r8 = f[12],
			      .r9 = f[13],
			      .r10 = f[14],
			      .r11 = f[15],
			      .r12 = f[16],
			      .r13 = f[17],
			      .r14 = f[18],
			      .r15 = f[19],
			      .page = page,
			      .orig_rax = ~0ull};
}

void lx_interrupt_main(struct msg_page *page);
void lx_restore_interrupted(struct msg_page *page);
void lx_exception_main(struct msg_page *page);

void lx_restore_interrupted(struct msg_page *page)
{
	struct lx_regs *regs = lx_call_regs(lx_self());
	lx_time_enter(lx_self());
	regs_from_restore(regs, page);
	lx_resume(regs);
}

void lx_interrupt_main(struct msg_page *page)
{
	struct lx_regs *regs = lx_call_regs(lx_self());
	lx_time_enter(lx_self());
	uint64_t rip = page->context.rip;
	if (rip >= (uint64_t)lx_restore_start && rip < (uint64_t)lx_restore_end)
		regs_from_restore(regs, page);
	else
		regs_from_context(regs, page);
	lx_resume(regs);
}

/* Bits of x86's page fault error code */
#define FAULT_WRITE 2u
#define FAULT_FETCH 16u

/* Which signal a page fault is: mem knows the area. What it forbids counts before what is not there. */
static uint32_t fault_signal(struct lx_thread *self, const struct lx_trap *trap, int32_t *code)
{
	struct mem_query_in in = {.addr = trap->address};
	struct mem_query_out out = {0};
	*code = SEGV_MAPERR;
	if (trap->address >= PERSONALITY_BASE || mem_query(LX_CAP_MEM, self->page, &in, &out) != 0)
		return SIGSEGV;
	if (out.flags & MEM_QUERY_OOM)
		return SIGKILL;
	uint32_t needed = trap->error & FAULT_WRITE   ? PROT_WRITE
			  : trap->error & FAULT_FETCH ? PROT_EXEC
						      : ~0u;
	if ((out.prot & needed) && (out.flags & MEM_QUERY_BUS)) {
		*code = BUS_ADRERR;
		return SIGBUS;
	}
	*code = SEGV_ACCERR;
	return SIGSEGV;
}

static uint32_t exception_signal(struct lx_thread *self, const struct lx_trap *trap, int32_t *code)
{
	*code = SI_KERNEL;
	switch (trap->vector) {
	case 0: *code = FPE_INTDIV; return SIGFPE;
	case 1: *code = TRAP_TRACE; return SIGTRAP;
	case 3: return SIGTRAP;
	case 6: *code = ILL_ILLOPN; return SIGILL;
	case 12: return SIGBUS;
	case 14: return fault_signal(self, trap, code);
	case 16:
	case 19: *code = FPE_FLTINV; return SIGFPE;
	case 17: *code = BUS_ADRALN; return SIGBUS;
	default: return SIGSEGV;
	}
}

#define OOM_TRIES 64u

/* No frame was left for a page: proc ends somebody, maybe us. True: it is worth another try. */
static bool memory_came_back(struct lx_thread *self)
{
	struct proc_out_of_memory_in in;
	struct proc_out_of_memory_out out = {0};
	if (self->oom_address != self->page->exc_address)
		self->oom_tries = 0;
	self->oom_address = self->page->exc_address;
	return self->oom_tries++ < OOM_TRIES && proc_out_of_memory(LX_CAP_PROC, self->page, &in, &out) == 0;
}

void lx_exception_main(struct msg_page *page)
{
	struct lx_thread *self = lx_self();
	struct lx_regs copy;
	lx_time_enter(self);
	regs_from_context(&copy, page);
	struct lx_trap trap = {
		.vector = page->exc_vector, .error = page->exc_error, .address = page->exc_address};
	__atomic_and_fetch(&page->sticky, ~STICKY_EXCEPTION, __ATOMIC_ACQ_REL);
	bool is_ours = copy.rip >= (uint64_t)lx_code_start && copy.rip < (uint64_t)lx_code_end;
	if (copy.rip >= (uint64_t)lx_restore_start && copy.rip < (uint64_t)lx_restore_end) {
		regs_from_restore(&copy, page);
		lx_force_signal(self, &copy, SIGSEGV, SI_KERNEL, 0, &trap);
	}
	if (is_ours) {
		lx_panic("fault: vector, rip from base", trap.vector, copy.rip - (uint64_t)&lx_entries);
	}
	int32_t code;
	uint32_t signal = exception_signal(self, &trap, &code);
	if (signal == SIGKILL && memory_came_back(self)) {
		struct lx_regs *regs = lx_call_regs(self);
		*regs = copy;
		lx_resume(regs); /* the access is tried again */
	}
	bool is_at_rip = signal == SIGFPE || signal == SIGILL || (signal == SIGTRAP && trap.vector == 1);
	uint64_t address = is_at_rip ? copy.rip : trap.vector == 14 ? trap.address : 0;
	lx_force_signal(self, &copy, signal, code, address, &trap);
}

/* As Linux shows it in its log; proc puts the name in front. */
static void log_death(const struct lx_regs *regs, uint32_t signal, const struct lx_trap *trap)
{
	struct lx_text line;
	text_start(&line);
	text_string(&line, "signal ");
	text_number(&line, signal);
	text_string(&line, " vector ");
	text_number(&line, trap ? (int64_t)trap->vector : -1);
	text_string(&line, " error ");
	text_hex(&line, trap ? trap->error : 0);
	text_string(&line, " address ");
	text_hex(&line, trap ? trap->address : 0);
	text_string(&line, " ip ");
	text_hex(&line, regs->rip);
	text_string(&line, " sp ");
	text_hex(&line, regs->rsp);
	lx_report(line.bytes, line.length);
}

void lx_force_signal(struct lx_thread *self, struct lx_regs *regs, uint32_t signal, int32_t code,
		     uint64_t address, const struct lx_trap *trap)
{
	struct lx_action action;
	bool is_blocked = lx_mask(self) & lx_signal_bit(signal);
	if (signal == SIGKILL || is_blocked || !take_action(self, signal, &action)) {
		log_death(regs, signal, trap);
		struct proc_signal_raise_in in = {
			.signal = signal, .code = (uint32_t)code, .address = address, .force = 1};
		struct proc_signal_raise_out out;
		(void)proc_signal_raise(LX_CAP_PROC, self->page, &in, &out);
		lx_exit_process(signal | 0x80);
	}
	struct lx_siginfo info = {.signo = (int32_t)signal, .code = code, .address = address};
	struct lx_regs *own = lx_call_regs(self);
	*own = *regs;
	run_handler(self, own, signal, &action, &info, trap);
	lx_resume(own);
}

void lx_raise(struct lx_thread *self, uint32_t signal)
{
	struct proc_kill_in in = {
		.pid = (int32_t)self->identity->pid, .tid = (int32_t)self->tid, .signal = signal};
	struct proc_kill_out out;
	(void)proc_kill(LX_CAP_PROC, self->page, &in, &out);
}

void lx_sighand_after_exec(struct lx_process *process)
{
	for (uint32_t i = 0; i < LX_SIGNALS; i++) {
		bool is_ignored = process->identity->handler[i] == 1;
		process->sighand.action[i] = (struct lx_action){.handler = is_ignored ? 1 : 0};
		process->identity->handler[i] = is_ignored ? 1 : 0;
		process->identity->action_flags[i] = 0;
	}
}
