/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the signal frame, exactly as Linux lays it on the stack (struct rt_sigframe of arch/x86, its layout known from the
 * UAPI headers asm/sigcontext.h and asm/ucontext.h, and from what glibc and gdb read):
 *   [frame: return address, struct ucontext, siginfo][gap][FPU state, 64-byte aligned, FP_XSTATE_MAGIC words]
 * sigreturn believes nothing: addresses are checked to be canonical, flags are masked, XRSTOR has a fixup.
 */
#include <asm/sigcontext.h>

#include "lx/signal.h"

#define FXSAVE_BYTES 512u
#define XSAVE_HEADER_BYTES 64u
#define MAGIC2_BYTES 4u
#define UC_FP_XSTATE_FLAG 0x1ull
#define UC_SIGCONTEXT_SS_FLAGS 0x6ull /* UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS */
#define FLAGS_CLEARED 0x50500ull      /* TF, DF, RF, AC are cleared for a handler */
#define RFLAGS_FIXABLE 0x50dd5ull     /* what sigreturn may set: CF PF AF ZF SF TF DF OF RF AC */

int lx_fpu_save(void *area, uint64_t mask);
int lx_fpu_load(const void *area, uint64_t mask);
void lx_fpu_reset(void);
uint32_t lx_read_cs(void);
uint32_t lx_read_ss(void);

struct frame_ucontext {
	uint64_t flags, link;
	uint64_t stack_sp;
	int32_t stack_flags, stack_pad;
	uint64_t stack_size;
	struct sigcontext mcontext;
	uint64_t sigmask;
};
static_assert(sizeof(struct sigcontext) == 256, "UAPI sigcontext_64");

struct rt_frame {
	uint64_t return_address;
	struct frame_ucontext uc;
	struct lx_siginfo info;
};
static_assert(offsetof(struct rt_frame, uc) == 8 && offsetof(struct rt_frame, info) == 312 &&
		      sizeof(struct rt_frame) == 440,
	      "struct rt_sigframe");

static const struct time_page *const clock_page = (const struct time_page *)TIME_PAGE_VA;

static uint64_t fpu_bytes(void)
{
	return clock_page->xsave_mask ? clock_page->xsave_bytes + MAGIC2_BYTES : FXSAVE_BYTES;
}

static long save_fpu(uint64_t area)
{
	uint64_t mask = clock_page->xsave_mask;
	if (!lx_user_ok(area, fpu_bytes()) || lx_touch_range(area, fpu_bytes()))
		return -EFAULT;
	if (mask && lx_clear((void *)(area + FXSAVE_BYTES), XSAVE_HEADER_BYTES))
		return -EFAULT;
	if (lx_fpu_save((void *)area, mask))
		return -EFAULT;
	if (!mask)
		return 0;
	struct _fpx_sw_bytes words = {.magic1 = FP_XSTATE_MAGIC1,
				      .extended_size = (uint32_t)(clock_page->xsave_bytes + MAGIC2_BYTES),
				      .xfeatures = mask,
				      .xstate_size = (uint32_t)clock_page->xsave_bytes};
	uint32_t magic2 = FP_XSTATE_MAGIC2;
	if (lx_put(area + FXSAVE_BYTES - sizeof(words), &words, sizeof(words)))
		return -EFAULT;
	return lx_put(area + clock_page->xsave_bytes, &magic2, sizeof(magic2));
}

static bool on_altstack(const struct lx_thread *self, uint64_t sp)
{
	return self->altstack_size && sp > self->altstack_sp && sp - self->altstack_sp <= self->altstack_size;
}

static void fill_context(struct sigcontext *c, const struct lx_regs *r, const struct lx_trap *trap)
{
	*c = (struct sigcontext){.r8 = r->r8,
				 .r9 = r->r9,
				 .r10 = r->r10,
				 .r11 = r->r11,
				 .r12 = r->r12,
				 .r13 = r->r13,
				 .r14 = r->r14,
				 .r15 = r->r15,
				 .rdi = r->rdi,
				 .rsi = r->rsi,
				 .rbp = r->rbp,
				 .rbx = r->rbx,
				 .rdx = r->rdx,
				 .rax = r->rax,
				 .rcx = r->rcx,
				 .rsp = r->rsp,
				 .rip = r->rip,
				 .eflags = r->rflags};
	c->cs = (uint16_t)lx_read_cs();
	c->ss = (uint16_t)lx_read_ss();
	if (trap) {
		c->err = trap->error;
		c->trapno = trap->vector;
		c->cr2 = trap->address;
	}
}

long lx_frame_push(struct lx_thread *self, struct lx_regs *regs, uint32_t signal,
		   const struct lx_action *action, const struct lx_siginfo *info, const struct lx_trap *trap,
		   uint64_t mask_to_restore)
{
	uint64_t sp = regs->rsp - 128;
	if ((action->flags & SA_ONSTACK) && self->altstack_size && !on_altstack(self, regs->rsp))
		sp = self->altstack_sp + self->altstack_size;
	bool was_on = on_altstack(self, regs->rsp);
	uint64_t fpu = (sp - fpu_bytes()) & ~63ull;
	uint64_t at = ((fpu - sizeof(struct rt_frame)) & ~15ull) - 8;
	if (!(action->flags & 0x04000000ull /* SA_RESTORER */) || save_fpu(fpu) != 0)
		return -EFAULT;
	struct rt_frame frame;
	memset(&frame, 0, sizeof(frame));
	frame.return_address = action->restorer;
	frame.uc.flags = UC_SIGCONTEXT_SS_FLAGS | (clock_page->xsave_mask ? UC_FP_XSTATE_FLAG : 0);
	frame.uc.stack_sp = self->altstack_sp;
	frame.uc.stack_size = self->altstack_size;
	frame.uc.stack_flags = self->altstack_size == 0 ? SS_DISABLE : was_on ? SS_ONSTACK : 0;
	fill_context(&frame.uc.mcontext, regs, trap);
	frame.uc.mcontext.oldmask = mask_to_restore;
	frame.uc.mcontext.fpstate = (void *)fpu;
	frame.uc.sigmask = mask_to_restore;
	frame.info = *info;
	if (lx_put(at, &frame, sizeof(frame)))
		return -EFAULT;
	if (self->altstack_flags & SS_AUTODISARM)
		self->altstack_size = 0;
	regs->rdi = signal;
	regs->rsi = at + offsetof(struct rt_frame, info);
	regs->rdx = at + offsetof(struct rt_frame, uc);
	regs->rax = 0;
	regs->rsp = at;
	regs->rip = action->handler;
	regs->rflags &= ~FLAGS_CLEARED;
	return 0;
}

static long load_fpu(uint64_t area, uint64_t uc_flags)
{
	if (area == 0) {
		lx_fpu_reset();
		return 0;
	}
	if (!lx_user_ok(area, FXSAVE_BYTES) || (area & 63))
		return -EFAULT;
	uint64_t mask = clock_page->xsave_mask;
	struct _fpx_sw_bytes words;
	uint32_t magic2 = 0;
	if (lx_get(&words, area + FXSAVE_BYTES - sizeof(words), sizeof(words)))
		return -EFAULT;
	bool is_extended = mask && (uc_flags & UC_FP_XSTATE_FLAG) && words.magic1 == FP_XSTATE_MAGIC1 &&
			   words.xstate_size >= FXSAVE_BYTES + XSAVE_HEADER_BYTES &&
			   words.xstate_size <= clock_page->xsave_bytes &&
			   lx_get(&magic2, area + words.xstate_size, sizeof(magic2)) == 0 &&
			   magic2 == FP_XSTATE_MAGIC2;
	return lx_fpu_load((const void *)area, is_extended ? mask & words.xfeatures : 0) ? -EFAULT : 0;
}

long lx_frame_pop(struct lx_thread *self, struct lx_regs *r)
{
	struct rt_frame frame;
	uint64_t at = r->rsp - 8; /* the handler's `ret` has taken the return address */
	if (lx_get(&frame, at, sizeof(frame)))
		return -EFAULT;
	const struct sigcontext *c = &frame.uc.mcontext;
	if (!lx_user_ok(c->rip, 1) && !(c->rip < USER_TOP))
		return -EFAULT;
	if (load_fpu((uint64_t)c->fpstate, frame.uc.flags) != 0)
		return -EFAULT;
	*r = (struct lx_regs){.r8 = c->r8,
			      .r9 = c->r9,
			      .r10 = c->r10,
			      .r11 = c->r11,
			      .r12 = c->r12,
			      .r13 = c->r13,
			      .r14 = c->r14,
			      .r15 = c->r15,
			      .rdi = c->rdi,
			      .rsi = c->rsi,
			      .rbp = c->rbp,
			      .rbx = c->rbx,
			      .rdx = c->rdx,
			      .rax = c->rax,
			      .rcx = c->rcx,
			      .rsp = c->rsp,
			      .rip = c->rip,
			      .page = r->page,
			      .orig_rax = ~0ull};
	r->rflags = (c->eflags & RFLAGS_FIXABLE) | 0x202ull;
	lx_set_mask(self, frame.uc.sigmask);
	if (frame.uc.stack_flags & SS_DISABLE)
		return 0;
	if (!on_altstack(self, r->rsp) && frame.uc.stack_size) {
		self->altstack_sp = frame.uc.stack_sp;
		self->altstack_size = frame.uc.stack_size;
	}
	return 0;
}
