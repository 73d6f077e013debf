/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Signal frames: their layout as glibc's <ucontext.h> reads it, the way back, the alternate stack, and what sigreturn must
 * not believe. The processor's part (FPU state, segments) is played here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/mman.h>

#include "fake.h"
#include "lx/signal.h"

#define RESTORER 0x4000001000ull
#define HANDLER 0x4000002000ull
#define SA_RESTORER_FLAG 0x04000000ull
#define STACK_BYTES 16384u
#define GREGS_AT 40u	/* uc_mcontext in ucontext_t: <sys/ucontext.h> */
#define SIGMASK_AT 296u /* uc_sigmask, the kernel's: behind 256 bytes of mcontext */
#define FPSTATE_AT (GREGS_AT + 23 * 8)
#define RFLAGS_USER 0x246ull

enum {
	GREG_R8,
	GREG_RDI = 8,
	GREG_RAX = 13,
	GREG_RSP = 15,
	GREG_RIP,
	GREG_EFL,
	GREG_ERR = 19,
	GREG_TRAPNO,
	GREG_OLDMASK,
	GREG_CR2
};

static struct time_page *const time_page = (struct time_page *)TIME_PAGE_VA;
static uint8_t stack[STACK_BYTES] __attribute__((aligned(64)));
static uint8_t alternate[STACK_BYTES] __attribute__((aligned(64)));
static bool is_stack_bad, was_fpu_reset;
static uint64_t loaded_mask, mask_set;
static const void *loaded_from;

int lx_fpu_save(void *area, uint64_t mask)
{
	(void)mask;
	memset(area, 0xf5, 416); /* up to the words that software uses */
	return 0;
}

int lx_fpu_load(const void *area, uint64_t mask)
{
	loaded_from = area;
	loaded_mask = mask;
	return 0;
}

void lx_fpu_reset(void)
{
	was_fpu_reset = true;
}

uint32_t lx_read_cs(void)
{
	return 0x33;
}

uint32_t lx_read_ss(void)
{
	return 0x2b;
}

uint64_t lx_clear(void *dst, uint64_t bytes)
{
	memset(dst, 0, bytes);
	return 0;
}

long lx_put(uint64_t user, const void *src, uint64_t bytes)
{
	if (is_stack_bad || !lx_user_ok(user, bytes))
		return -EFAULT;
	memcpy((void *)user, src, bytes);
	return 0;
}

long lx_touch_range(uint64_t user, uint64_t bytes)
{
	return is_stack_bad || !lx_user_ok(user, bytes) ? -EFAULT : 0;
}

void lx_set_mask(struct lx_thread *self, uint64_t mask)
{
	(void)self;
	mask_set = mask;
}

static int reset(void **state)
{
	(void)state;
	fake_reset();
	memset(time_page, 0, sizeof(*time_page));
	is_stack_bad = was_fpu_reset = false;
	loaded_mask = mask_set = 0;
	loaded_from = NULL;
	return 0;
}

static int map_time_page(void **state)
{
	void *at = mmap(time_page, 4096, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	(void)state;
	return at == time_page ? 0 : -1;
}

/* Each register its own value; on the stack. */
static struct lx_regs some_registers(void)
{
	struct lx_regs r;
	uint64_t *words = (uint64_t *)&r;

	for (unsigned i = 0; i < sizeof(r) / 8; i++)
		words[i] = 0x1111000000000000ull + i;
	r.rsp = (uint64_t)stack + STACK_BYTES - 200;
	r.rip = 0x4000000000ull;
	r.rflags = RFLAGS_USER;
	return r;
}

static const struct lx_action plain = {.handler = HANDLER, .flags = SA_RESTORER_FLAG, .restorer = RESTORER};
static const struct lx_action on_alternate = {
	.handler = HANDLER, .flags = SA_RESTORER_FLAG | SA_ONSTACK, .restorer = RESTORER};
static const struct lx_siginfo info = {.signo = SIGUSR1, .code = -1, .address = 77};

static uint64_t word(uint64_t at)
{
	return *(const uint64_t *)at;
}

static uint64_t greg(const struct lx_regs *r, unsigned number)
{
	return word(r->rdx + GREGS_AT + 8ull * number);
}

static void layout_is_linux(void **state)
{
	const struct lx_trap trap = {.vector = 14, .error = 6, .address = 0x1234};
	struct lx_regs before = some_registers(), r = before;

	(void)state;
	assert_int_equal(lx_frame_push(lx_self(), &r, SIGUSR1, &plain, &info, &trap, 0xabcd), 0);
	assert_int_equal(r.rip, HANDLER);
	assert_int_equal(r.rdi, SIGUSR1);
	assert_int_equal(r.rax, 0);
	assert_int_equal((r.rsp + 8) % 16, 0); /* as after a call */
	assert_true(r.rsp + 440 <= before.rsp - 128);
	assert_int_equal(word(r.rsp), RESTORER);
	assert_memory_equal((const void *)r.rsi, &info, sizeof(info));
	assert_int_equal(r.rdx, r.rsp + 8);
	assert_int_equal(greg(&r, GREG_R8), before.r8);
	assert_int_equal(greg(&r, GREG_RDI), before.rdi);
	assert_int_equal(greg(&r, GREG_RAX), before.rax);
	assert_int_equal(greg(&r, GREG_RSP), before.rsp);
	assert_int_equal(greg(&r, GREG_RIP), before.rip);
	assert_int_equal(greg(&r, GREG_EFL), before.rflags);
	assert_int_equal(greg(&r, GREG_ERR), 6);
	assert_int_equal(greg(&r, GREG_TRAPNO), 14);
	assert_int_equal(greg(&r, GREG_OLDMASK), 0xabcd);
	assert_int_equal(greg(&r, GREG_CR2), 0x1234);
	assert_int_equal(word(r.rdx + SIGMASK_AT), 0xabcd);
	assert_int_equal(word(r.rdx + FPSTATE_AT) % 64, 0);
}

/* What the handler's `ret` and the restorer's system call make of it. */
static long back(struct lx_regs *r)
{
	r->rsp += 8;
	return lx_frame_pop(lx_self(), r);
}

static void everything_comes_back(void **state)
{
	struct lx_regs before = some_registers(), r = before;

	(void)state;
	assert_int_equal(lx_frame_push(lx_self(), &r, SIGUSR1, &plain, &info, NULL, 0x55), 0);
	uint64_t fpu = word(r.rdx + FPSTATE_AT);
	assert_int_equal(back(&r), 0);
	before.orig_rax = ~0ull; /* no system call to restart */
	assert_memory_equal(&r, &before, sizeof(r));
	assert_int_equal(mask_set, 0x55);
	assert_ptr_equal(loaded_from, fpu);
}

static void extended_state(void **state)
{
	struct lx_regs r = some_registers();

	(void)state;
	time_page->xsave_mask = 7;
	time_page->xsave_bytes = 832;
	assert_int_equal(lx_frame_push(lx_self(), &r, SIGUSR1, &plain, &info, NULL, 0), 0);
	uint64_t fpu = word(r.rdx + FPSTATE_AT);
	assert_int_equal(*(uint32_t *)(fpu + 464), 0x46505853); /* FP_XSTATE_MAGIC1 */
	assert_int_equal(*(uint32_t *)(fpu + 832), 0x46505845); /* FP_XSTATE_MAGIC2 */
	assert_int_equal(word(r.rdx) & 1, 1);			/* UC_FP_XSTATE */
	struct lx_regs again = r;
	assert_int_equal(back(&r), 0);
	assert_int_equal(loaded_mask, 7);
	*(uint32_t *)(fpu + 832) = 0; /* cut off: only the old part counts */
	assert_int_equal(back(&again), 0);
	assert_int_equal(loaded_mask, 0);
}

static void alternate_stack(void **state)
{
	struct lx_thread *self = lx_self();
	struct lx_regs r = some_registers();

	(void)state;
	self->altstack_sp = (uint64_t)alternate;
	self->altstack_size = STACK_BYTES;
	assert_int_equal(lx_frame_push(self, &r, SIGUSR1, &plain, &info, NULL, 0), 0);
	assert_in_range(r.rsp, (uint64_t)stack, (uint64_t)stack + STACK_BYTES);
	r = some_registers();
	assert_int_equal(lx_frame_push(self, &r, SIGUSR1, &on_alternate, &info, NULL, 0), 0);
	assert_in_range(r.rsp, (uint64_t)alternate, (uint64_t)alternate + STACK_BYTES);
	uint64_t first = r.rsp;
	assert_int_equal(lx_frame_push(self, &r, SIGUSR2, &on_alternate, &info, NULL, 0), 0);
	assert_true(r.rsp < first && r.rsp > (uint64_t)alternate); /* below the first, not over it */
	self->altstack_flags = SS_AUTODISARM;
	r = some_registers();
	assert_int_equal(lx_frame_push(self, &r, SIGUSR1, &on_alternate, &info, NULL, 0), 0);
	assert_int_equal(self->altstack_size, 0);
	assert_int_equal(back(&r), 0);
	assert_int_equal(self->altstack_size, STACK_BYTES); /* armed again */
}

static void bad_stacks_are_refused(void **state)
{
	const struct lx_action no_restorer = {.handler = HANDLER};
	struct lx_regs before = some_registers(), r = before;

	(void)state;
	is_stack_bad = true;
	assert_int_equal(lx_frame_push(lx_self(), &r, SIGUSR1, &plain, &info, NULL, 0), -EFAULT);
	is_stack_bad = false;
	assert_int_equal(lx_frame_push(lx_self(), &r, SIGUSR1, &no_restorer, &info, NULL, 0), -EFAULT);
	r.rsp = PERSONALITY_BASE + 65536;
	before.rsp = r.rsp;
	assert_int_equal(lx_frame_push(lx_self(), &r, SIGUSR1, &plain, &info, NULL, 0), -EFAULT);
	assert_memory_equal(&r, &before, sizeof(r)); /* nothing has been changed */
	r.rsp = 100;
	assert_int_equal(lx_frame_pop(lx_self(), &r), -EFAULT);
}

/* A frame of which a word has been changed. */
static long back_with(uint64_t at_in_ucontext, uint64_t value, struct lx_regs *r)
{
	*r = some_registers();
	assert_int_equal(lx_frame_push(lx_self(), r, SIGUSR1, &plain, &info, NULL, 0), 0);
	*(uint64_t *)(r->rdx + at_in_ucontext) = value;
	return back(r);
}

static void sigreturn_believes_nothing(void **state)
{
	struct lx_regs r;

	(void)state;
	assert_int_equal(back_with(GREGS_AT + 8 * GREG_RIP, 0xffffffff80000000, &r), -EFAULT);
	assert_int_equal(back_with(GREGS_AT + 8 * GREG_RIP, 0x8000000000000000, &r), -EFAULT);
	assert_int_equal(back_with(FPSTATE_AT, (uint64_t)stack + 8, &r), -EFAULT);
	assert_int_equal(back_with(FPSTATE_AT, PERSONALITY_BASE, &r), -EFAULT);
	assert_int_equal(back_with(FPSTATE_AT, 0xffffffff80000000, &r), -EFAULT);
	assert_false(was_fpu_reset);
	assert_int_equal(back_with(FPSTATE_AT, 0, &r), 0);
	assert_true(was_fpu_reset);
	assert_int_equal(back_with(GREGS_AT + 8 * GREG_EFL, ~0ull, &r), 0);
	assert_int_equal(r.rflags & 0x3000, 0);	 /* no I/O privilege */
	assert_int_equal(r.rflags & 0x20000, 0); /* no virtual 8086 */
	assert_int_equal(back_with(GREGS_AT + 8 * GREG_EFL, 0, &r), 0);
	assert_int_equal(r.rflags & 0x200, 0x200); /* interrupts stay on */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(layout_is_linux, reset),
		cmocka_unit_test_setup(everything_comes_back, reset),
		cmocka_unit_test_setup(extended_state, reset),
		cmocka_unit_test_setup(alternate_stack, reset),
		cmocka_unit_test_setup(bad_stacks_are_refused, reset),
		cmocka_unit_test_setup(sigreturn_believes_nothing, reset),
	};

	return cmocka_run_group_tests(tests, map_time_page, NULL);
}
