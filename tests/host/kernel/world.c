/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The test machine: see world.h.
 */
#include "world.h"

#define CALL_IP 0x401000ull
#define RESTARTS_MAX 1000000u

struct world world;
static struct thread idle;

static uint64_t next_free;

static void *take(uint64_t bytes)
{
	void *memory = phys_to_ptr((paddr_t){next_free});

	next_free += bytes;
	return memory;
}

static uint32_t index_of(const void *object)
{
	return object_index(ptr_to_phys(object));
}

static void give(uint32_t which, uint32_t address)
{
	assert_int_equal(cap_derive(&world.boot_slots[which], &world.leaf[address], RIGHTS_ALL, true), E_OK);
}

static void make_thread(struct thread *thread, uint64_t page_va)
{
	thread_init(thread);
	cap_embed(&world.boot_slots[ROOT_CAP_CNODE], thread, THREAD_SLOT_CSPACE);
	cap_embed(&world.boot_slots[ROOT_CAP_VSPACE], thread, THREAD_SLOT_VSPACE);
	thread->page_va = page_va;
	sched_set_priority(thread, 16);
	struct sched_context *context = take(SCHED_CONTEXT_BYTES);

	sched_context_init(context);
	sched_context_bind(context, thread);
	assert_int_equal(vspace_map_kernel_page(world.vspace, page_va, thread_page_phys(thread),
						RIGHT_READ | RIGHT_WRITE),
			 E_OK);
}

static void make_first_objects(void)
{
	world.boot_slots = take(PAGE_SIZE);
	next_free = HOST_PHYS_BASE + 0x10000;
	world.root_cnode = take(WORLD_ROOT_SLOTS * sizeof(struct slot));
	world.leaf = take(WORLD_LEAF_SLOTS * sizeof(struct slot));
	world.vspace = index_of(take(VSPACE_BYTES));
	world.self = take(THREAD_BYTES);
	world.other = take(THREAD_BYTES);
	boot_slots_init(world.boot_slots);
	boot_make_origin(world.boot_slots, ROOT_CAP_CNODE, CAP_CNODE, RIGHTS_ALL, index_of(world.root_cnode),
			 8);
	boot_make_origin(world.boot_slots, ROOT_CAP_LEAF, CAP_CNODE, RIGHTS_ALL, index_of(world.leaf), 8);
	boot_make_origin(world.boot_slots, ROOT_CAP_MACHINE, CAP_MACHINE, RIGHTS_ALL, 0, 0);
	boot_make_origin(world.boot_slots, ROOT_CAP_VSPACE, CAP_VSPACE, RIGHTS_ALL, world.vspace, 0);
	boot_make_origin(world.boot_slots, ROOT_CAP_THREAD, CAP_THREAD, RIGHTS_ALL, index_of(world.self), 0);
	vspace_init(world.vspace, 0);
	for (uint32_t i = 0; i < 16; i++)
		vspace_add_table_page(world.vspace, ptr_to_phys(take(PAGE_SIZE)));
	make_thread(world.self, ROOT_MSG_PAGE_VA);
	make_thread(world.other, ROOT_MSG_PAGE_VA + PAGE_SIZE);
	assert_int_equal(cap_derive(&world.boot_slots[ROOT_CAP_LEAF], &world.root_cnode[0], RIGHTS_ALL, true),
			 E_OK);
	give(ROOT_CAP_CNODE, ROOT_CAP_CNODE);
	give(ROOT_CAP_VSPACE, ROOT_CAP_VSPACE);
	give(ROOT_CAP_THREAD, ROOT_CAP_THREAD);
	give(ROOT_CAP_MACHINE, ROOT_CAP_MACHINE);
	give(ROOT_CAP_LEAF, ROOT_CAP_LEAF);
}

int world_setup(void **state)
{
	static struct boot_handover handover;

	(void)state;
	memset(&world, 0, sizeof(world));
	memset(&boot_cpu, 0, sizeof(struct cpu));
	host_reset();
	memset(&idle, 0, sizeof(idle));
	memset(&handover, 0, sizeof(handover));
	next_free = HOST_PHYS_BASE + PAGE_SIZE;
	make_first_objects();
	handover.free_ram[0] = (struct boot_range){WORLD_RAM_START, HOST_PHYS_BASE + HOST_PHYS_BYTES};
	handover.free_ram_count = 1;
	handover.device[0] = (struct boot_range){0xfe000000ull, 0xff000000ull};
	handover.device_count = 1;
	boot_make_untypeds(world.boot_slots, &handover, world.leaf, WORLD_LEAF_SLOTS, &world.info);
	sched_init(cpu(), &idle);
	sched_ready(world.self);
	sched_ready(world.other);
	sched_finish();
	assert_ptr_equal(cpu()->current, world.self);
	return 0;
}

enum tessera_error world_call(uint32_t operation, const uint64_t args[7])
{
	struct arch_context *ctx = &world.self->ctx;
	bool is_again;

	world.restarts = 0;
	for (uint32_t i = 0; i < 7; i++)
		ctx_set_result(ctx, i, args[i]);
	do {
		if (cpu()->current != world.self) { /* it gave way to the other one */
			cpu()->reschedule = 1;
			sched_give_way();
			sched_finish();
		}
		ctx->regs.rip = CALL_IP;
		ctx->regs.rax = TESSERA_SYSCALL_BASE + operation;
		ctx->call_number = ctx->regs.rax;
		ctx->entry = CTX_SYSCALL;
		kernel_syscall(operation);
		is_again = ctx->regs.rip != CALL_IP;
		world.restarts += is_again;
		world.self_is_gone = cpu()->current != world.self;
		assert_true(world.restarts < RESTARTS_MAX);
		assert_true(host_tlb_is_coherent());
	} while (is_again && !world.self_is_gone);
	return is_again ? E_RESTART : (enum tessera_error)ctx->regs.rax;
}

uint64_t world_result(uint32_t i)
{
	return ctx_arg(&world.self->ctx, i);
}

struct msg_page *world_page(void)
{
	return thread_page(world.self);
}

struct slot *world_slot(uint32_t address)
{
	return &world.leaf[address];
}

void world_untyped(uint32_t dst, uint32_t log2)
{
	for (uint32_t i = 0; i < world.info.untyped_count; i++) {
		if (!world.info.untyped[i].is_device && world.info.untyped[i].size_log2 >= log2 &&
		    CALL(OP_UNTYPED_RETYPE, ROOT_CAP_UNTYPED + i, CAP_UNTYPED, log2, SLOT_OWN(dst), 1) ==
			    E_OK)
			return;
	}
	fail_msg("no Untyped left of 2^%u bytes", log2);
}

void world_make(uint32_t src, uint32_t type, uint64_t size, uint32_t dst)
{
	assert_int_equal(CALL(OP_UNTYPED_RETYPE, src, type, size, SLOT_OWN(dst), 1), E_OK);
}
