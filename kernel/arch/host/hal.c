/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The HAL on Linux, for unit tests and fuzzing: memory is an array, the processor a translation cache and a few
 * registers that tests read and set (host.h).  Nothing here runs user code.
 */
#include <host.h>

#include <object.h>
#include <panic.h>

#include <stdio.h>
#include <stdlib.h>

#define KERNEL_ENTRY_MARK 0x7ff0ull

_Alignas(4096) unsigned char host_memory[HOST_PHYS_BYTES];
struct host_machine host;
struct cpu *host_cpu = &boot_cpu;

enum tessera_error arch_call_guarded(struct thread *self, struct slot *cap,
				     enum tessera_error (*handler)(struct thread *self, struct slot *cap))
{
	return handler(self, cap);
}

void host_reset(void)
{
	memset(host_memory, 0, sizeof(host_memory));
	memset(&host, 0, sizeof(host));
	for (uint32_t i = 0; i < cpus_used; i++) {
		memset(&cpus[i]->arch, 0, sizeof(cpus[i]->arch));
		cpus[i]->arch.timer_deadline_ns = ~0ull;
	}
}

void arch_zero_page(void *page)
{
	memset(page, 0, PAGE_SIZE);
}

/* ---- memory ------------------------------------------------------------------------------------------- */

void arch_vspace_init(pte_t *root)
{
	for (uint32_t i = USER_PT_ENTRIES; i < PT_ENTRIES; i++)
		root[i] = KERNEL_ENTRY_MARK;
}

static uint32_t tlb_used(const struct arch_cpu *arch)
{
	return arch->tlb_next < HOST_TLB_ENTRIES ? arch->tlb_next : HOST_TLB_ENTRIES;
}

static void tlb_empty(struct arch_cpu *arch)
{
	memset(arch->tlb, 0, tlb_used(arch) * sizeof(arch->tlb[0]));
	arch->tlb_next = 0;
}

void host_vspace_switch(paddr_t root)
{
	if (host_cpu->arch.root.raw == root.raw)
		return;
	host_cpu->arch.root = root;
	host_cpu->arch.switch_count++;
	tlb_empty(&host_cpu->arch);
}

void arch_vspace_leave(paddr_t root)
{
	if (host_cpu->arch.root.raw == root.raw)
		arch_vspace_switch((paddr_t){0});
}

void arch_tlb_flush_page(paddr_t root, uint64_t va)
{
	host.flush_page_count++;
	for (uint32_t i = 0; i < tlb_used(&host_cpu->arch); i++) {
		struct host_translation *cached = &host_cpu->arch.tlb[i];
		uint64_t span = (cached->entry & PTE_LARGE) != 0 ? pt_span(1) : PAGE_SIZE;

		if (cached->root == root.raw && (va & ~(span - 1u)) == (cached->va & ~(span - 1u)))
			cached->root = 0;
	}
}

void arch_tlb_forget(bool is_idle)
{
	if (is_idle)
		arch_vspace_switch((paddr_t){0});
	tlb_empty(&host_cpu->arch);
}

void host_relax(void)
{
	if (host.relax != NULL)
		host.relax();
}

void arch_interrupt_cpu(uint32_t id)
{
	host.interrupted_cpus |= 1ull << id;
}

bool arch_irq_arrived(uint32_t line)
{
	bool is_unmasked = (host.unmasked_lines >> line & 1u) != 0;

	arch_irq_mask(line);
	return is_unmasked;
}

void arch_tlb_flush_all(paddr_t root)
{
	host.flush_all_count++;
	for (uint32_t i = 0; i < tlb_used(&host_cpu->arch); i++) {
		if (host_cpu->arch.tlb[i].root == root.raw)
			host_cpu->arch.tlb[i].root = 0;
	}
}

static pte_t walk(paddr_t root, uint64_t va)
{
	const pte_t *table = phys_to_ptr(root);

	for (uint32_t level = PT_LEVELS - 1u;; level--) {
		pte_t entry = table[pt_index(va, level)];

		if ((entry & PTE_PRESENT) == 0)
			return 0;
		if (!pte_is_table(entry, level))
			return entry;
		table = phys_to_ptr(pte_address(entry));
	}
}

pte_t host_access(paddr_t root, uint64_t va)
{
	struct arch_cpu *arch = &host_cpu->arch;
	struct host_translation *slot = &arch->tlb[arch->tlb_next % HOST_TLB_ENTRIES];
	pte_t entry = walk(root, va);

	if (entry == 0)
		return 0;
	arch->tlb_next++;
	*slot = (struct host_translation){.root = root.raw, .va = va, .entry = entry};
	return entry;
}

static bool is_coherent(const struct arch_cpu *arch)
{
	for (uint32_t i = 0; i < tlb_used(arch); i++) {
		const struct host_translation *cached = &arch->tlb[i];
		pte_t now;

		if (cached->root == 0)
			continue;
		now = walk((paddr_t){cached->root}, cached->va);
		if (pte_address(now).raw != pte_address(cached->entry).raw ||
		    (pte_rights(cached->entry) & ~pte_rights(now)) != 0)
			return false;
	}
	return true;
}

bool host_tlb_is_coherent(void)
{
	for (uint32_t i = 0; i < cpus_used; i++) {
		if (!is_coherent(&cpus[i]->arch))
			return false;
	}
	return true;
}

/* ---- threads ------------------------------------------------------------------------------------------ */

void arch_context_init(struct arch_context *ctx)
{
	memset(ctx, 0, sizeof(*ctx));
	ctx->regs.rflags = RFLAGS_FIXED | RFLAGS_IF;
}

static bool is_user_address(uint64_t address)
{
	return address < 1ull << 47;
}

bool arch_context_set(struct arch_context *ctx, const struct user_regs *regs)
{
	if (!is_user_address(regs->rip) || !is_user_address(regs->fs_base) || !is_user_address(regs->gs_base))
		return false;
	ctx->regs = *regs;
	ctx->regs.rflags = (regs->rflags & RFLAGS_USER) | RFLAGS_FIXED | RFLAGS_IF;
	ctx->entry = CTX_FULL;
	return true;
}

void arch_context_get(const struct arch_context *ctx, struct user_regs *regs)
{
	*regs = ctx->regs;
}

void arch_fpu_reset(struct arch_context *ctx)
{
	memset(ctx->fpu, 0, sizeof(ctx->fpu));
}

void arch_fpu_copy(struct arch_context *to, const struct arch_context *from)
{
	memcpy(to->fpu, from->fpu, sizeof(to->fpu));
}

void arch_context_sync(struct arch_context *ctx)
{
	(void)ctx;
}

bool arch_context_set_tls(struct arch_context *ctx, uint64_t fs_base, bool is_live)
{
	(void)is_live;
	if (!is_user_address(fs_base))
		return false;
	ctx->regs.fs_base = fs_base;
	return true;
}

/* ---- time --------------------------------------------------------------------------------------------- */

uint64_t arch_time_now_ns(void)
{
	return host.time_ns;
}

void arch_timer_arm(uint64_t deadline_ns)
{
	host_cpu->arch.timer_deadline_ns = deadline_ns;
}

paddr_t arch_time_page(void)
{
	return (paddr_t){HOST_TIME_PAGE};
}

void arch_set_wall_offset(uint64_t wall_offset_ns)
{
	host.wall_offset_ns = wall_offset_ns;
}

uint64_t host_tsc(void)
{
	return host.time_ns;
}

uint64_t arch_tsc_hz(void)
{
	return 1000000000ull;
}

/* ---- interrupts, I/O, machine --------------------------------------------------------------------------- */

void arch_irq_unmask(uint32_t line)
{
	host.unmasked_lines |= 1u << line;
}

void arch_irq_mask(uint32_t line)
{
	host.unmasked_lines &= ~(1u << line);
}

bool arch_ioport_allowed(uint32_t first, uint32_t count)
{
	return first + count <= 0x10000u && !(first < 0x44u && first + count > 0x40u);
}

uint32_t arch_ioport_in(uint16_t port, uint32_t width)
{
	host.last_port = port;
	return (uint32_t)host.port_value & (width == 4 ? ~0u : (1u << (8u * width)) - 1u);
}

void arch_ioport_out(uint16_t port, uint32_t width, uint32_t value)
{
	(void)width;
	host.last_port = port;
	host.last_port_value = value;
}

void arch_power_off(bool reset)
{
	exit(reset ? 3 : 0);
}

void arch_idle(void)
{
	if (host.idle != NULL)
		host.idle();
	abort(); /* a test let its last thread block: nothing would ever wake it */
}

void arch_debug_write(const char *text, size_t length)
{
	if (host.written != NULL)
		host.written(text, length);
	if (!host.is_quiet)
		fwrite(text, 1, length, stderr);
}

uint64_t arch_cr3_writes(const struct arch_cpu *other)
{
	return other->switch_count;
}

void arch_panic_begin(void)
{
}

void arch_panic_stop(void)
{
	panic_log_current();
	if (host.leave != NULL)
		host.leave(true);
	abort();
}

void arch_resume_current(void)
{
	if (host.leave != NULL)
		host.leave(false);
	abort();
}
