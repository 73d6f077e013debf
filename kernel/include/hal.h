/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The hardware abstraction layer: what the portable core asks of an architecture.
 *
 * kernel/arch/<arch>/ implements this and holds no policy and no object semantics.  kernel/arch/host/
 * implements it on Linux, for unit tests and fuzzing: physical memory is one array there.
 *
 * <arch/context.h> and <arch/paging.h> come from the architecture's include folder:
 *  context.h  struct arch_context: the saved user registers, the role accessors below as inlines
 *  paging.h   page table geometry and entry encoding as pure inlines (testable on the host)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <compiler.h>
#include <paddr.h>
#include <tessera/operations.h>
#include <tessera/types.h>

#include <arch/context.h>
#include <arch/paging.h>

/* ---- CPUs ------------------------------------------------------------------------------------ */

/*
 * context.h, or a header of its own, gives struct arch_cpu: what the architecture keeps for each CPU, in struct cpu.
 */
struct cpu;
struct arch_cpu;
/* The data of the CPU this runs on. */
static inline struct cpu *arch_this_cpu(void);
/* arch_here(): the same as `struct cpu ARCH_CPU_SPACE *`, where the compiler can address it without a register. */

/* Interrupts another CPU: kernel_interrupted is called there. */
void arch_interrupt_cpu(uint32_t id);
/* Adds 1 to the 32-bit word at that offset of this CPU's struct cpu, in order with all other accesses. False: its highest bit is set. */
MUST_CHECK static inline bool arch_try_lock(size_t offset);
/* In a loop that waits for another CPU. */
static inline void arch_relax(void);
/* The address space that is current on a CPU. */
static inline paddr_t arch_current_root(const struct arch_cpu *other);

/* ---- memory ---------------------------------------------------------------------------------- */

/* The kernel's pointer to physical memory; the only way from an integer to a pointer in the core. */
static inline void *phys_to_ptr(paddr_t address);
/* Its inverse, for pointers that phys_to_ptr made. */
static inline paddr_t ptr_to_phys(const void *pointer);

/* Zeroes / copies; sizes are multiples of 8 bytes, pointers 8-byte aligned. */
static inline void arch_zero(void *destination, size_t size_bytes);
/* The same for a whole page, aligned. */
void arch_zero_page(void *page);
static inline void arch_copy(void *destination, const void *source, size_t size_bytes);

/* Calls handler(self, cap) without letting the CPU guess where that leads (a retpoline). */
struct thread;
struct slot;
enum tessera_error arch_call_guarded(struct thread *self, struct slot *cap,
				     enum tessera_error (*handler)(struct thread *self, struct slot *cap));

/*
 * index & *mask, which the compiler may not leave out although it knows that index <= *mask: the CPU may run ahead of the
 * check that says so (Spectre, variant 1).
 */
static inline uint32_t arch_mask_index(uint32_t index, const uint32_t *mask);

/*
 * paging.h gives:
 *   typedef uint64_t pte_t;  PT_LEVELS (4), PT_ENTRIES (512), PAGE_SIZE, PAGE_SHIFT, LARGE_PAGE_PAGES (512)
 *   pt_index(va, level)               level 0 is the leaf table, PT_LEVELS - 1 the root
 *   pt_span(level)                    bytes one entry of that level covers
 *   pte_table(paddr), pte_leaf(paddr, flags, level)   flags: RIGHT_READ|WRITE|EXECUTE, MAP_*
 *   pte_present(e), pte_is_table(e, level), pte_address(e), pte_rights(e), pte_with_rights(e, rights),
 *   pte_accessed(e), pte_dirty(e)
 *   USER_PT_ENTRIES (256): how many entries of the root belong to the user half
 */

/* Fills the kernel's part of a new, zeroed root table. */
void arch_vspace_init(pte_t *root);
/* Makes an address space current on this CPU; does nothing if it is. Counts CR3 writes. */
static inline void arch_vspace_switch(paddr_t root);
/* Makes the kernel's own address space current if `root` is: it is about to die. */
void arch_vspace_leave(paddr_t root);
/* Removes cached translations of one page / of everything of an address space, on this CPU. */
void arch_tlb_flush_page(paddr_t root, uint64_t va);
void arch_tlb_flush_all(paddr_t root);
/* Forgets all translations of user addresses on this CPU; is_idle: and makes the kernel's own address space current. */
void arch_tlb_forget(bool is_idle);

/* ---- threads --------------------------------------------------------------------------------- */

/*
 * context.h gives struct arch_context (GPRs, RIP, RFLAGS, RSP, FS/GS base, how it entered, FPU area) and as inlines:
 *   ctx_arg(ctx, i)           argument i (0..6) of a native system call
 *   ctx_set_error(ctx, e)     RAX
 *   ctx_set_result(ctx, i, v) result i (0..6)
 *   ctx_ip(ctx), ctx_set_ip(ctx, v), ctx_sp(ctx), ctx_flags(ctx)
 *   ctx_enter(ctx, ip, page_va)   continue at ip with page_va in RSP and RCX (personality entries)
 *   ctx_restart(ctx)          execute the system call instruction again on resume (IP -= 2, EAX restored)
 */
void arch_context_init(struct arch_context *ctx);
/* Checks and sets; false: not canonical or flags a user may not have, nothing changed. */
MUST_CHECK bool arch_context_set(struct arch_context *ctx, const struct user_regs *regs);
void arch_context_get(const struct arch_context *ctx, struct user_regs *regs);
/* FPU: reset to the initial state; copy from another context (both not running). */
void arch_fpu_reset(struct arch_context *ctx);
void arch_fpu_copy(struct arch_context *to, const struct arch_context *from);
/* The user state that is not saved at kernel entry (FS/GS base, FPU): write it out of, load it into the CPU.
 * Called when the current thread changes. */
static inline void arch_context_switch(struct arch_context *from, struct arch_context *to);
/* Writes live FS/GS base and FPU state of the current context to memory (before reading it). */
void arch_context_sync(struct arch_context *ctx);
/* Sets FS base; is_live: of the context that is on the CPU now. False: not canonical, nothing changed. */
MUST_CHECK bool arch_context_set_tls(struct arch_context *ctx, uint64_t fs_base, bool is_live);
/* The end of kernel_main: empties the kernel stack and continues cpu()->current, as a return from a kernel entry
 * does. cpu()->current is never the idle thread then. arch_vspace_switch and arch_context_switch have been done. */
NORETURN void arch_resume_current(void);
/* The end of the fast path: arch_context_switch, and continues the new current thread, which is in a system call whose
 * registers are all set but the results (0 to 6) and the error, E_OK. *lock_word becomes 0 when nothing of `from` is in the
 * CPU any more; NULL: none. Does not return (but on the host). */
static inline void arch_switch_and_deliver(struct arch_context *from, struct arch_context *to, uint64_t r0,
					   uint64_t r1, const uint64_t words[4], uint64_t r6,
					   uint8_t *lock_word);

/* ---- time ------------------------------------------------------------------------------------ */

uint64_t arch_time_now_ns(void); /* monotonic, since boot */
/* One timer interrupt at that time or at once if it has passed; ~0: none. */
void arch_timer_arm(uint64_t deadline_ns);
/* The clock page's frame. */
paddr_t arch_time_page(void);
void arch_set_wall_offset(uint64_t wall_offset_ns);
static inline uint64_t arch_tsc(void);
uint64_t arch_tsc_hz(void);

/* ---- interrupts, I/O, machine ---------------------------------------------------------------- */

#define ARCH_IRQ_LINES 24u
void arch_irq_unmask(uint32_t line);
void arch_irq_mask(uint32_t line);
/* Acknowledges a line's interrupt. True if somebody is to be told; then the line is masked. */
MUST_CHECK bool arch_irq_arrived(uint32_t line);
MUST_CHECK bool arch_ioport_allowed(uint32_t first, uint32_t count);
uint32_t arch_ioport_in(uint16_t port, uint32_t width);
void arch_ioport_out(uint16_t port, uint32_t width, uint32_t value);
NORETURN void arch_power_off(bool reset);
/* Waits with interrupts enabled until one has come. Called by the idle loop, interrupts off before and after. */
void arch_idle(void);
void arch_debug_write(const char *text, size_t length);
/* How often another address space was made current. */
uint64_t arch_cr3_writes(const struct arch_cpu *other);
/* Before a panic report: what arch_debug_write writes reaches every output there is from now on. */
void arch_panic_begin(void);
/* Stops the machine after the arch part of a report: registers and backtrace. */
NORETURN void arch_panic_stop(void);

/* ---- what the architecture calls in the core (all with interrupts off, on the CPU's kernel stack) --- */

/*
 * Each is called with the interrupted user context saved in cpu()->current->ctx. When it returns, the architecture
 * continues cpu()->current, whichever that is then (arch_context_switch has been done by the core's switch).
 */
struct thread;
void kernel_syscall(uint64_t number); /* number: low half of EAX; not checked yet */
/* Operations call and reply_recv: the fast path, which falls back to kernel_syscall. The arguments are ctx_arg 0 to 6,
 * which still stand in registers. */
ENTRY_POINT void kernel_ipc_call(ENTRY_PARAMETERS(cap, tag, w0, w1, w2, w3, deadline));
ENTRY_POINT void kernel_ipc_reply_recv(ENTRY_PARAMETERS(caps, tag, w0, w1, w2, w3, deadline));
/* Operations with numbers below are called directly, others by arch_call_guarded: the architecture sets it to 0 at boot
 * where direct calls through a table are not safe. */
extern uint64_t dispatch_direct_limit;
/* Any other EAX: into the thread's personality (most entry stubs do that themselves), E_NO_OP without one. */
void kernel_foreign_syscall(void);
NOINLINE void kernel_page_fault(uint64_t address, uint64_t error_code);
NOINLINE void kernel_exception(uint64_t vector, uint64_t error_code);
NOINLINE void kernel_irq(uint32_t line); /* calls arch_irq_arrived first */
NOINLINE void kernel_timer(void);	 /* the armed deadline has passed */
NOINLINE void kernel_interrupted(void);	 /* by arch_interrupt_cpu */
/* What another CPU than the first does, when the architecture has set it up: runs threads. Does not return. */
NORETURN void kernel_cpu_main(void);

/* The core's entry after the architecture has set itself up. Makes root from boot and runs it. Does not return. */
struct boot_handover;
NORETURN void kernel_main(const struct boot_handover *boot);

/* What the architecture found: RAM ranges that are free (page aligned, sorted, not overlapping, without kernel image,
 * archive and firmware areas), device ranges, archive, command line. */
struct boot_range {
	uint64_t start, end;
};
#define BOOT_MAX_RANGES 64u
struct boot_handover {
	struct boot_range free_ram[BOOT_MAX_RANGES];
	uint32_t free_ram_count;
	uint32_t
		boot_range; /* the one of them that frames_open got; what frames_take gave away is its front */
	struct boot_range device[BOOT_MAX_RANGES];
	uint32_t device_count;
	struct boot_range archive; /* physical, start page aligned */
	uint64_t ram_bytes, image_bytes, boot_tsc, rsdp;
	uint32_t cpu_count;
	char cmdline[BOOT_CMDLINE_BYTES];
};

#include <arch/hal_inline.h> /* everything above that is static inline */
