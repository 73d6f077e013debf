/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: what happens on an exception or interrupt, after the stub has saved the registers.
 *
 * From user mode everything goes to the core.  In kernel mode only the idle loop is ever interrupted;
 * anything else there is a bug and stops the machine.  Interrupts stay off throughout.
 */
#include "trap.h"

#include <object.h>

#include "asm.h"
#include "console.h"
#include "cpu.h"
#include "irq.h"
#include "layout.h"
#include "speculation.h"
#include "timer.h"

#define RFLAGS_INTERRUPTS 0x200ull

/* A device, timer or spurious interrupt; true if it was one. */
static bool interrupt(uint64_t vector)
{
	if (vector >= VECTOR_LINE && vector < VECTOR_LINE + ARCH_IRQ_LINES) {
		kernel_irq((uint32_t)vector - VECTOR_LINE);
		return true;
	}
	if (vector == VECTOR_TIMER) {
		if (timer_arrived())
			kernel_timer();
		return true;
	}
	if (vector == VECTOR_CPU) {
		lapic_write(LAPIC_EOI, 0);
		kernel_interrupted();
		return true;
	}
	return vector >= EXCEPTION_VECTORS; /* spurious, or a leftover of the PIC: needs no answer */
}

/* Separated page tables: another CPU has added the entry of the highest level since this one left the kernel, with its copy. */
static bool is_copy_old(uint64_t va)
{
	const pte_t *copy = phys_to_ptr((paddr_t){THIS_CPU->user_root});
	const pte_t *root = phys_to_ptr((paddr_t){THIS_CPU->root});
	uint32_t entry = pt_index(va, PT_LEVELS - 1u);

	return speculation.is_separated && entry < USER_PT_ENTRIES && copy[entry] == 0 && root[entry] != 0;
}

void trap_from_user(uint64_t vector, uint64_t error_code)
{
	if (vector == VECTOR_PAGE_FAULT && is_copy_old(read_cr2()))
		return; /* and tries again, with a new copy */
	if (vector == VECTOR_PAGE_FAULT)
		kernel_page_fault(read_cr2(), error_code);
	else if (vector == VECTOR_NMI || vector == VECTOR_DOUBLE_FAULT || vector == VECTOR_MACHINE_CHECK)
		panic_user_trap(vector, error_code);
	else if (!interrupt(vector))
		kernel_exception(vector, error_code);
}

void trap_in_kernel(struct trap_frame *frame)
{
	if (!THIS_CPU->is_idle || !interrupt(frame->vector))
		panic_trap(frame);
	frame->rflags &= ~RFLAGS_INTERRUPTS;
}

void arch_idle(void)
{
	THIS_CPU->is_idle = true;
	idle_once();
	THIS_CPU->is_idle = false;
}

/*
 * Separated page tables (KPTI): user mode runs on tables of its own, one root for each CPU, whose kernel half holds only the
 * doors.  Its user half is copied from the address space's root on each way out, so that there is nothing to keep in step:
 * a CPU whose address space loses a table is interrupted for that, and comes back by here.
 */
void trap_leave(void)
{
	struct arch_context *ctx = &cpu()->current->ctx;

	if (ctx->entry == CTX_SYSCALL) /* what SYSRET would have put there */
		ctx_set_ip(ctx, ctx_ip(ctx));
	arch_copy(phys_to_ptr((paddr_t){THIS_CPU->user_root}), phys_to_ptr((paddr_t){THIS_CPU->root}),
		  USER_PT_ENTRIES * sizeof(pte_t));
}

void arch_resume_current(void)
{
	console_release();
	cpu_prepare_stack();
	provoke_panic();
	if (speculation.is_separated)
		return_separated();
	return_to_current();
}
