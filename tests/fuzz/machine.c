/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The simulated machine: see machine.h.  A kernel entry that ends in waiting leaves through machine_entry's setjmp; the next
 * interrupt goes on where the kernel's idle loop would.
 */
#include "machine.h"

#include <lock.h>

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#define KEPT_BYTES (MACHINE_RAM_END - HOST_PHYS_BASE)
#define PRESSED_WORK WORK_MAX
#define OVERTAKES 64u /* more than that lock.c prevents */

uint64_t machine_kernel_slots;
static struct cpu others[MACHINE_CPUS - 1u]; /* behind boot_cpu */
static struct thread idle[MACHINE_CPUS];
static uint32_t holder, overtakes; /* the CPU that has the lock, and one more; 0: none */
static uint64_t next_free;
static jmp_buf waiting;
static bool is_waiting[MACHINE_CPUS], is_held[MACHINE_CPUS];

static unsigned char kept_memory[KEPT_BYTES];
static struct cpu kept_cpus[MACHINE_CPUS];
static struct host_machine kept_host;
static slot_ref kept_sentinel;
static struct thread kept_idle[MACHINE_CPUS];

static void *take(uint64_t bytes)
{
	void *memory;

	next_free = (next_free + bytes - 1u) & ~(bytes - 1u);
	memory = phys_to_ptr((paddr_t){next_free});
	next_free += bytes;
	memset(memory, 0, bytes);
	return memory;
}

static uint32_t index_of(const void *object)
{
	return object_index(ptr_to_phys(object));
}

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Root's thread and the capabilities it starts with. */
static void make_root(struct slot *boot, struct slot *root, struct slot *leaf)
{
	vspace_ref vspace = index_of(take(VSPACE_BYTES));
	struct thread *thread = take(THREAD_BYTES);
	struct sched_context *sched = take(SCHED_CONTEXT_BYTES);

	boot_make_origin(boot, ROOT_CAP_CNODE, CAP_CNODE, RIGHTS_ALL, index_of(root), MACHINE_ROOT_LOG2);
	boot_make_origin(boot, ROOT_CAP_LEAF, CAP_CNODE, RIGHTS_ALL, index_of(leaf), MACHINE_LEAF_LOG2);
	boot_make_origin(boot, ROOT_CAP_VSPACE, CAP_VSPACE, RIGHTS_ALL, vspace, 0);
	boot_make_origin(boot, ROOT_CAP_THREAD, CAP_THREAD, RIGHTS_ALL, index_of(thread), 0);
	boot_make_origin(boot, ROOT_CAP_CLOCK, CAP_CLOCK, RIGHTS_ALL, 0, 0);
	boot_make_origin(boot, ROOT_CAP_CONSOLE, CAP_CONSOLE, RIGHTS_ALL, 0, 0);
	boot_make_origin(boot, ROOT_CAP_MACHINE, CAP_MACHINE, RIGHTS_ALL, 0, 0);
	boot_make_origin(boot, ROOT_CAP_SCHED, CAP_SCHED_CONTEXT, RIGHTS_ALL, index_of(sched), 0);
	vspace_init(vspace, 0);
	thread_init(thread);
	cap_embed(&boot[ROOT_CAP_CNODE], thread, THREAD_SLOT_CSPACE);
	cap_embed(&boot[ROOT_CAP_VSPACE], thread, THREAD_SLOT_VSPACE);
	thread->page_va = ROOT_MSG_PAGE_VA;
	sched_set_priority(thread, 16);
	sched_context_init(sched);
	sched_context_bind(sched, thread);
	for (uint32_t i = 0; i < 8; i++)
		vspace_add_table_page(vspace, ptr_to_phys(take(PAGE_SIZE)));
	must(vspace_map_kernel_page(vspace, ROOT_MSG_PAGE_VA, thread_page_phys(thread),
				    RIGHT_READ | RIGHT_WRITE) == E_OK);
	must(cap_derive(&boot[ROOT_CAP_LEAF], &root[0], RIGHTS_ALL, true) == E_OK);
	must(cap_derive(&boot[ROOT_CAP_CNODE], &leaf[ROOT_CAP_CNODE], RIGHTS_ALL, true) == E_OK);
	must(cap_derive(&boot[ROOT_CAP_VSPACE], &leaf[ROOT_CAP_VSPACE], RIGHTS_ALL, true) == E_OK);
	must(cap_derive(&boot[ROOT_CAP_THREAD], &leaf[ROOT_CAP_THREAD], RIGHTS_ALL, true) == E_OK);
	must(cap_derive(&boot[ROOT_CAP_SCHED], &leaf[ROOT_CAP_SCHED], RIGHTS_ALL, true) == E_OK);
	must(cap_derive(&boot[ROOT_CAP_CLOCK], &leaf[ROOT_CAP_CLOCK], RIGHTS_ALL, true) == E_OK);
	must(cap_derive(&boot[ROOT_CAP_CONSOLE], &leaf[ROOT_CAP_CONSOLE], RIGHTS_ALL, true) == E_OK);
	must(cap_derive(&boot[ROOT_CAP_MACHINE], &leaf[ROOT_CAP_MACHINE], RIGHTS_ALL, true) == E_OK);
	must(cap_derive(&boot[ROOT_CAP_LEAF], &leaf[ROOT_CAP_LEAF], RIGHTS_ALL, true) == E_OK);
	sched_ready(thread);
}

/* ---- waiting ---- */

void machine_wait(void)
{
	longjmp(waiting, 1);
}

void machine_play(uint32_t number)
{
	host_cpu = cpus[number];
}

bool machine_is_idle(uint32_t number)
{
	return is_waiting[number];
}

/* After an interrupt that came while the processor waited: the idle loop goes on if there is something to do. */
static void go_on(void)
{
	if (!is_waiting[cpu()->id] || !cpu()->reschedule)
		return;
	is_waiting[cpu()->id] = false;
	lock_take();
	cpu()->is_idling = 0;
	sched_finish();
	lock_release();
}

/* The CPU that has the lock leaves the kernel, and enters it again at once if may_overtake. */
static void leave_kernel(bool may_overtake)
{
	if (holder == 0)
		return;
	machine_play(holder - 1u);
	lock_release_all();
	if (may_overtake && overtakes > 0) {
		overtakes--;
		lock_take_all();
	} else {
		holder = 0;
	}
}

void machine_hold_lock(void)
{
	struct cpu *here = cpu();

	holder = (here->id + 1u) % MACHINE_CPUS + 1u;
	overtakes = OVERTAKES;
	machine_play(holder - 1u);
	lock_take_all();
	machine_play(here->id);
}

static void leave_fast_paths(void)
{
	for (uint32_t i = 0; i < MACHINE_CPUS; i++) {
		if (is_held[i])
			cpus[i]->word = 0;
		is_held[i] = false;
	}
}

/* This CPU waits for others: they forget what they are asked to, and leave their fast paths. */
static void others_answer(void)
{
	struct cpu *here = cpu();

	for (uint32_t i = 0; i < MACHINE_CPUS; i++) {
		machine_play(i);
		lock_answer(cpu());
	}
	leave_fast_paths();
	leave_kernel(true);
	machine_play(here->id);
}

void machine_guard(bool is_guarded)
{
	dispatch_direct_limit = is_guarded ? 0 : 1024u;
}

void machine_hold_words(void)
{
	for (uint32_t i = 0; i < MACHINE_CPUS; i++) {
		is_held[i] = true;
		cpus[i]->word = 1;
	}
}

static void entry_has_ended(void)
{
	struct cpu *here = cpu();

	leave_kernel(false);
	machine_play(here->id);
	leave_fast_paths();
}

/* Does something in the kernel; a macro, because setjmp must be called in the frame that longjmp goes back to. */
#define ENTRY(statement)                              \
	do {                                          \
		cpu()->work = 0;                      \
		if (setjmp(waiting) != 0) {           \
			is_waiting[cpu()->id] = true; \
		} else {                              \
			statement;                    \
			go_on();                      \
		}                                     \
		entry_has_ended();                    \
	} while (0)

static void first_choice(void)
{
	lock_take();
	sched_finish();
	lock_release();
}

static void start_cpu(uint32_t number)
{
	machine_play(number);
	ENTRY(first_choice());
}

void machine_boot(void)
{
	static struct boot_handover handover;
	static struct boot_info info;
	struct slot *boot, *root, *leaf;

	for (uint32_t i = 1; i < MACHINE_CPUS; i++)
		cpus[i] = &others[i - 1u];
	cpus_used = MACHINE_CPUS;
	host_reset();
	memset(host_memory, MACHINE_GARBAGE, KEPT_BYTES);
	host.is_quiet = true;
	host.idle = machine_wait;
	host.relax = others_answer;
	next_free = HOST_PHYS_BASE + PAGE_SIZE;
	machine_kernel_slots = next_free;
	boot = take(PAGE_SIZE);
	root = take(sizeof(struct slot) << MACHINE_ROOT_LOG2);
	leaf = take(sizeof(struct slot) << MACHINE_LEAF_LOG2);
	boot_slots_init(boot);
	for (uint32_t i = 0; i < MACHINE_CPUS; i++) {
		cpus[i]->self = cpus[i];
		cpus[i]->id = i;
		sched_init(cpus[i], &idle[i]);
	}
	make_root(boot, root, leaf);
	must(next_free <= MACHINE_RAM_START);
	handover.free_ram[0] = (struct boot_range){MACHINE_RAM_START, MACHINE_RAM_END};
	handover.free_ram_count = 1;
	handover.device[0] = (struct boot_range){MACHINE_DEVICE_START, MACHINE_DEVICE_END};
	handover.device_count = 1;
	boot_make_untypeds(boot, &handover, leaf, 1u << MACHINE_LEAF_LOG2, &info);
	for (uint32_t i = MACHINE_CPUS; i-- > 0;)
		start_cpu(i);
}

void machine_keep(void)
{
	memcpy(kept_memory, host_memory, KEPT_BYTES);
	for (uint32_t i = 0; i < MACHINE_CPUS; i++)
		kept_cpus[i] = *cpus[i];
	kept_host = host;
	kept_sentinel = derivation_sentinel;
	memcpy(kept_idle, idle, sizeof(idle));
}

void machine_restore(void)
{
	for (uint32_t line = 0; line < ARCH_IRQ_LINES; line++)
		irq_destroy(&(const struct slot){.badge = line});
	memcpy(host_memory, kept_memory, KEPT_BYTES);
	for (uint32_t i = 0; i < MACHINE_CPUS; i++) {
		*cpus[i] = kept_cpus[i];
		is_waiting[i] = i != 0;
	}
	host = kept_host;
	derivation_sentinel = kept_sentinel;
	memcpy(idle, kept_idle, sizeof(idle));
	machine_kernel_slots = HOST_PHYS_BASE + PAGE_SIZE;
	cpus_used = MACHINE_CPUS;
	machine_play(0);
}

void machine_power_on(void)
{
	machine_restore();
	memset(&boot_cpu, 0, sizeof(boot_cpu));
	boot_cpu.self = &boot_cpu;
	boot_cpu.arch.timer_deadline_ns = DEADLINE_NEVER;
	cpus_used = 1;
}

static void syscall_entry(uint32_t number, bool is_fast, bool is_pressed)
{
	const struct arch_context *ctx = &cpu()->current->ctx;

	if (is_pressed)
		cpu()->work = PRESSED_WORK;
	if (is_fast && number == OP_CALL)
		kernel_ipc_call(ENTRY_ARGUMENTS(ctx_arg(ctx, 0), ctx_arg(ctx, 1), ctx_arg(ctx, 2),
						ctx_arg(ctx, 3), ctx_arg(ctx, 4), ctx_arg(ctx, 5),
						ctx_arg(ctx, 6)));
	else if (is_fast && number == OP_REPLY_RECV)
		kernel_ipc_reply_recv(ENTRY_ARGUMENTS(ctx_arg(ctx, 0), ctx_arg(ctx, 1), ctx_arg(ctx, 2),
						      ctx_arg(ctx, 3), ctx_arg(ctx, 4), ctx_arg(ctx, 5),
						      ctx_arg(ctx, 6)));
	else
		kernel_syscall(number);
}

void machine_syscall(uint32_t number, bool is_fast, bool is_pressed)
{
	ENTRY(syscall_entry(number, is_fast, is_pressed));
}

void machine_foreign_syscall(void)
{
	ENTRY(kernel_foreign_syscall());
}

void machine_page_fault(uint64_t address, uint64_t error_code)
{
	ENTRY(kernel_page_fault(address, error_code));
}

void machine_exception(uint64_t vector, uint64_t error_code)
{
	ENTRY(kernel_exception(vector, error_code));
}

void machine_irq(uint32_t line)
{
	ENTRY(kernel_irq(line));
}

void machine_time(uint64_t now_ns)
{
	host.time_ns = now_ns;
}

bool machine_timer_is_due(void)
{
	return cpu()->arch.timer_deadline_ns <= host.time_ns;
}

void machine_timer(void)
{
	cpu()->arch.timer_deadline_ns = DEADLINE_NEVER;
	ENTRY(kernel_timer());
}

bool machine_is_interrupted(uint32_t number)
{
	return (host.interrupted_cpus >> number & 1u) != 0;
}

void machine_interrupt(void)
{
	host.interrupted_cpus &= ~(1ull << cpu()->id);
	ENTRY(kernel_interrupted());
}
