/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* FPU, vector and segment state of threads: kept for each, and seen by no other. */
#include "tests.h"

#include <string.h>

#define OWN SLOT_OWN
#define TAG(op, words) MSG_TAG((op), (words), 0)
#define MXCSR_START 0x1f80u
#define MXCSR_OTHER 0x3f80u
#define X87_START 0x37fu

static bool has_xmm(const struct fpu_image *image, uint64_t marker)
{
	for (uint32_t i = 0; i < COUNT_OF(image->xmm); i++) {
		if (image->xmm[i] != marker)
			return false;
	}
	return true;
}

/* Holds its own marker over many switches; argument 0: the marker, 1: rounds. Tells how often it was changed. */
static void hold(struct worker *w)
{
	uint64_t marker = w->argument[0];

	for (uint64_t i = 0; i < w->argument[1]; i++) {
		fpu_fill(marker + i);
		if (has_bases()) {
			set_gs(marker + i);
			set_fs(marker - i);
		}
		(void)ts_yield();
		uint64_t gs = has_bases() ? get_gs() : marker + i, fs = has_bases() ? get_fs() : marker - i;

		fpu_store(&w->fpu);
		if (!has_xmm(&w->fpu, marker + i) || w->fpu.mxcsr != MXCSR_OTHER || gs != marker + i ||
		    fs != marker - i)
			w->result[0]++;
	}
	fpu_reset();
	if (has_bases())
		set_fs(0);
}

static void test_yield(void)
{
	uint64_t wrong = 0;
	bool is_right = true;

	for (uint32_t i = 0; i < 3; i++) {
		struct worker *w = worker_new(i, i, PRIORITY_LOW);

		w->argument[0] = 0x100000ull * (i + 1);
		w->argument[1] = 200;
		worker_run(w, hold);
	}
	for (uint32_t i = 0; i < 200 && !(is_done(worker(0)) && is_done(worker(1)) && is_done(worker(2)));
	     i++)
		sleep_ns(1000000);
	for (uint32_t i = 0; i < 3; i++) {
		wrong += worker(i)->result[0];
		is_right = is_right && is_done(worker(i));
	}
	check(is_right, "three threads with vectors of their own, switched 600 times");
	check_equal(wrong, 0, "each keeps XMM0 to XMM15, MXCSR, FS and GS base");
}

/* Spins with its marker until argument 1 is set: preempted by slices. */
static void spin_holding(struct worker *w)
{
	volatile struct worker *shared = w;

	fpu_fill(w->argument[0]);
	while (shared->argument[1] == 0)
		shared->result[1]++;
	fpu_store(&w->fpu);
	w->result[0] = !has_xmm(&w->fpu, w->argument[0]);
	fpu_reset();
}

static void test_preemption(void)
{
	for (uint32_t i = 0; i < 2; i++) {
		struct worker *w = worker_new(i, i + 1, PRIORITY_LOW);

		w->argument[0] = 0xabc00 + i;
		worker_run(w, spin_holding);
	}
	sleep_ns(100000000);
	for (uint32_t i = 0; i < 2; i++)
		worker(i)->argument[1] = 1;
	for (uint32_t i = 0; i < 200 && !(is_done(worker(0)) && is_done(worker(1))); i++)
		sleep_ns(1000000);
	check(is_done(worker(0)) && is_done(worker(1)) && worker(0)->result[0] == 0 &&
		      worker(1)->result[0] == 0,
	      "also when they are preempted at any instruction");
}

/* A server with a marker of its own; the call goes through the fast path. */
static void serve(struct worker *w)
{
	struct ipc_msg m = {0};

	fpu_fill(0x5e12e1);
	avx_fill(0x5e12e1);
	(void)ts_recv((cap_t)w->argument[0], (cap_t)w->argument[1], &m, NEVER);
	fpu_store(&w->fpu);
	w->result[0] = has_xmm(&w->fpu, 0x5e12e1);
	w->result[1] = avx_upper();
	fpu_fill(0x5e12e2);
	(void)ts_reply_recv((cap_t)w->argument[0], (cap_t)w->argument[1], &m, NEVER);
}

static void test_call(void)
{
	struct worker *w = worker_new(0, 1, PRIORITY_HIGH);
	struct fpu_image own = {0};
	struct ipc_msg m = {.tag = TAG(1, 0)};
	bool has_avx = (((const struct time_page *)TIME_PAGE_VA)->xsave_mask & 4) != 0;

	w->argument[0] = make(CAP_ENDPOINT, 0);
	w->argument[1] = slot_new();
	if (!has_avx)
		return;
	worker_run(w, serve);
	avx_fill(0xc11e27);
	fpu_fill(0xc11e27);
	must(ts_call((cap_t)w->argument[0], &m, NEVER), "call");
	fpu_store(&own);
	uint64_t upper = avx_upper();

	fpu_reset();
	check(w->result[0] == 1 && w->result[1] == 0x5e12e1,
	      "a server finds its own vectors when a call comes, 256 bits");
	check(has_xmm(&own, 0xc11e27) && own.mxcsr == MXCSR_OTHER,
	      "and the caller its own when it is answered");
	check_equal(upper, 0xc11e27, "with 256 bits");
}

static void store_state(struct worker *w)
{
	fpu_store(&w->fpu);
	w->result[0] = get_data_segments();
	w->result[1] = has_bases() ? get_gs() : 0;
	w->result[2] = has_bases() ? get_fs() : 0;
}

static void test_new(void)
{
	struct worker *w;
	uint64_t sum = 0;

	fpu_fill(0x01dda7a);
	fpu_push();
	if (has_bases())
		set_gs(0x6500);
	set_data_segments(0x2b);
	w = worker_new(0, 1, PRIORITY_HIGH);
	worker_run(w, store_state);
	fpu_reset();
	for (uint32_t i = 0; i < COUNT_OF(w->fpu.xmm); i++)
		sum |= w->fpu.xmm[i];
	check_equal(sum, 0, "a new thread starts with empty vectors");
	check(w->fpu.mxcsr == MXCSR_START && w->fpu.x87_control == X87_START && w->fpu.x87_tags == 0xffff,
	      "and the initial MXCSR and x87 state");
	check(w->result[1] == 0 && w->result[2] == 0, "with bases of zero");
	check_equal(w->result[0], 0, "and does not see another thread's data segments");
	if (has_bases())
		set_gs(0);
}

/* set_regs: FPU state copied from another thread (fork), and reset (exec). */
static void fill_and_wait(struct worker *w)
{
	uint64_t bits;

	fpu_fill(0xf02c);
	(void)ts_wait((cap_t)w->argument[0], NEVER, &bits);
	fpu_store(&w->fpu);
	w->result[0] = has_xmm(&w->fpu, 0xf02c);
	fpu_reset();
}

static void test_set_regs(void)
{
	struct worker *parent = worker_new(0, 1, PRIORITY_HIGH), *child = worker_new(1, 2, PRIORITY_HIGH);
	struct user_regs regs = {.rip = (uint64_t)store_state, .rdi = (uint64_t)child};
	uint64_t sum = 0;

	parent->argument[0] = make(CAP_NOTIFICATION, 0);
	worker_run(parent, fill_and_wait);
	must(ts_thread_suspend(child->thread), "suspend");
	regs.rsp = (uint64_t)child->stack + 4096 - 8;
	*(uint64_t *)regs.rsp = SCRATCH_VA; /* it ends in a fault */
	memcpy(page_block(), &regs, sizeof(regs));
	check_error(ts_thread_set_regs(child->thread, 1, parent->thread), E_OK,
		    "set_regs with the FPU state of a blocked thread");
	must(ts_thread_resume(child->thread), "resume");
	check(has_xmm(&child->fpu, 0xf02c) && child->fpu.mxcsr == MXCSR_OTHER, "gives a copy of it");
	memcpy(page_block(), &regs, sizeof(regs));
	check_error(ts_thread_set_regs(child->thread, 2, 0), E_OK, "set_regs with FPU reset");
	must(ts_thread_resume(child->thread), "resume");
	for (uint32_t i = 0; i < COUNT_OF(child->fpu.xmm); i++)
		sum |= child->fpu.xmm[i];
	check(sum == 0 && child->fpu.mxcsr == MXCSR_START, "empties it");
	must(ts_signal((cap_t)parent->argument[0], 1), "signal");
	check(is_done(parent) && parent->result[0] == 1, "the source keeps its own");
}

void test_fpu(void)
{
	group_begin("fpu");
	space_make(1);
	space_make(2);
	test_yield();
	group_begin("fpu");
	space_make(1);
	space_make(2);
	test_preemption();
	group_begin("fpu");
	space_make(1);
	test_call();
	group_begin("fpu");
	space_make(1);
	test_new();
	group_begin("fpu");
	space_make(1);
	space_make(2);
	test_set_regs();
	group_end();
}
