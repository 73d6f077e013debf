/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The end of boot: makes root's objects, loads boot/root from the archive, hands over all memory and runs it.
 *
 * Memory that root starts with (its objects, image, stack, page tables) is taken by frames_take and belongs to no
 * Untyped; the rest becomes root's Untypeds.  Everything here runs once; what goes wrong is a panic.
 */
#include "root_image.h"

#include <frames.h>
#include <ipc.h>
#include <lock.h>
#include <log.h>
#include <memory.h>
#include <panic.h>
#include <sched.h>
#include <thread.h>

#include <machine.h>

#define ROOT_SLOTS_LOG2 8u
#define ROOT_PRIORITY 16u
#define SLOT_BYTES sizeof(struct slot)

/* What boot works with; gone when root runs. */
struct boot {
	struct boot_handover handover; /* our copy: in the end without what frames_take gave away */
	struct slot *slots;	       /* BOOT_SLOT_* */
	struct slot *root_cnode, *leaf;
	struct thread *thread;
	struct sched_context *sched;
	vspace_ref vspace;
	struct boot_info *info;
};

static struct boot boot;
static bool is_started; /* root is made: the other CPUs may come */
static struct thread idle_thread;

static uint32_t index_of(const void *object)
{
	return object_index(ptr_to_phys(object));
}

/* ---- root's objects ---- */

static void must(enum tessera_error error, const char *what)
{
	if (error != E_OK)
		kernel_panic(what);
}

static void make_cspace(void)
{
	const uint64_t bytes = SLOT_BYTES << ROOT_SLOTS_LOG2;

	boot.slots = frames_take(PAGE_SIZE);
	boot.root_cnode = frames_take(bytes);
	boot.leaf = frames_take(bytes);
	boot_slots_init(boot.slots);
	boot_make_origin(boot.slots, ROOT_CAP_CNODE, CAP_CNODE, RIGHTS_ALL, index_of(boot.root_cnode),
			 ROOT_SLOTS_LOG2);
	boot_make_origin(boot.slots, ROOT_CAP_LEAF, CAP_CNODE, RIGHTS_ALL, index_of(boot.leaf),
			 ROOT_SLOTS_LOG2);
	boot_make_origin(boot.slots, ROOT_CAP_CLOCK, CAP_CLOCK, RIGHTS_ALL, 0, 0);
	boot_make_origin(boot.slots, ROOT_CAP_CONSOLE, CAP_CONSOLE, RIGHTS_ALL, 0, 0);
	boot_make_origin(boot.slots, ROOT_CAP_MACHINE, CAP_MACHINE, RIGHTS_ALL, 0, 0);
}

static void make_archive(void)
{
	const struct boot_range *archive = &boot.handover.archive;
	uint64_t bytes = archive->end - archive->start;

	boot_make_origin(boot.slots, ROOT_CAP_ARCHIVE, CAP_MEMORY, RIGHT_READ | RIGHT_EXECUTE | RIGHT_REVOKE,
			 object_index((paddr_t){archive->start}), archive->start / PAGE_SIZE);
	boot.slots[ROOT_CAP_ARCHIVE].data[0] = (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
}

static void make_thread(void)
{
	void *vspace = frames_take(VSPACE_BYTES);

	boot.vspace = index_of(vspace);
	boot.thread = frames_take(THREAD_BYTES);
	boot_make_origin(boot.slots, ROOT_CAP_VSPACE, CAP_VSPACE, RIGHTS_ALL, boot.vspace, 0);
	boot.sched = frames_take(SCHED_CONTEXT_BYTES);
	boot_make_origin(boot.slots, ROOT_CAP_SCHED, CAP_SCHED_CONTEXT, RIGHTS_ALL, index_of(boot.sched), 0);
	boot_make_origin(boot.slots, ROOT_CAP_THREAD, CAP_THREAD, RIGHTS_ALL, index_of(boot.thread), 0);
	vspace_init(boot.vspace, 0);
	thread_init(boot.thread);
	cap_embed(&boot.slots[ROOT_CAP_CNODE], boot.thread, THREAD_SLOT_CSPACE);
	cap_embed(&boot.slots[ROOT_CAP_VSPACE], boot.thread, THREAD_SLOT_VSPACE);
	boot.thread->page_va = ROOT_MSG_PAGE_VA;
	sched_set_priority(boot.thread, ROOT_PRIORITY);
	sched_context_init(boot.sched);
	sched_context_bind(boot.sched, boot.thread);
}

/* Root holds children of the origins; and once more of its leaf, in its CSpace's root. */
static void give_all(void)
{
	must(cap_derive(&boot.slots[ROOT_CAP_LEAF], &boot.root_cnode[0], RIGHTS_ALL, true), "boot: leaf");
	for (uint32_t i = ROOT_CAP_CNODE; i <= ROOT_CAP_SCHED; i++)
		must(cap_derive(&boot.slots[i], &boot.leaf[i], RIGHTS_ALL, true),
		     "boot: cannot give root a capability");
}

/* ---- root's address space ---- */

/* Maps a page for root, giving tables as they are needed (at most PT_LEVELS - 1). */
static void map(uint64_t va, paddr_t page, uint32_t rights)
{
	enum tessera_error error = vspace_map_kernel_page(boot.vspace, va, page, rights);

	for (uint32_t i = 0; error == E_NO_TABLE && i < PT_LEVELS; i++) {
		vspace_add_table_page(boot.vspace, ptr_to_phys(frames_take(PAGE_SIZE)));
		error = vspace_map_kernel_page(boot.vspace, va, page, rights);
	}
	must(error, "boot: cannot map root's memory");
}

static void load_segment(const struct root_segment *segment, const unsigned char *file)
{
	for (uint64_t i = 0; i < segment->pages; i++) { /* ends with the memory at the latest */
		unsigned char *page = frames_take(PAGE_SIZE);

		if (i < segment->file_pages)
			arch_copy(page, file + i * PAGE_SIZE, PAGE_SIZE);
		map(segment->va + i * PAGE_SIZE, ptr_to_phys(page), segment->rights);
	}
}

static void map_archive(void)
{
	const struct boot_range *archive = &boot.handover.archive;

	for (uint64_t at = archive->start; at < archive->end; at += PAGE_SIZE)
		map(ROOT_ARCHIVE_VA + (at - archive->start), (paddr_t){at}, RIGHT_READ);
}

static void load_root(void)
{
	const struct boot_range *archive = &boot.handover.archive;
	struct root_image image;
	const unsigned char *file = root_image_read(phys_to_ptr((paddr_t){archive->start}),
						    archive->end - archive->start, &image);

	if (file == NULL)
		kernel_panic(
			"boot: the archive does not begin with boot/root, or that is no image of a program");
	for (uint32_t i = 0; i < ROOT_SEGMENTS_MAX; i++) {
		load_segment(&image.segments[i], file);
		file += image.segments[i].file_pages * PAGE_SIZE;
	}
	struct user_regs regs = {.rip = image.ip, .rsp = image.sp};

	if (!arch_context_set(&boot.thread->ctx, &regs))
		kernel_panic("boot: boot/root does not start at a user address");
}

/* ---- the hand-over ---- */

/* Ends the taking of memory: what is left of its range is root's. */
static void fill_info(void)
{
	struct boot_info *info = boot.info;
	struct boot_range *range = &boot.handover.free_ram[boot.handover.boot_range];
	uint64_t taken_from = range->start;

	range->start = frames_close();
	info->magic = BOOT_INFO_MAGIC;
	info->version = KERNEL_VERSION;
	info->archive_bytes = boot.handover.archive.end - boot.handover.archive.start;
	info->ram_bytes = boot.handover.ram_bytes;
	info->kernel_bytes = boot.handover.image_bytes + range->start - taken_from;
	info->boot_tsc = boot.handover.boot_tsc;
	info->rsdp_phys = boot.handover.rsdp;
	info->cpu_count = boot.handover.cpu_count;
	info->random[0] = arch_tsc() * 0x9e3779b97f4a7c15ull;
	info->random[1] = arch_tsc() * 0xd1342543de82ef95ull;
	arch_copy(info->cmdline, boot.handover.cmdline, BOOT_CMDLINE_BYTES);
	machine_facts = (struct machine_facts){.ram_bytes = info->ram_bytes,
					       .kernel_bytes = info->kernel_bytes,
					       .cpu_count = info->cpu_count};
}

static void make_root(void)
{
	make_cspace();
	make_archive();
	make_thread();
	give_all();
	load_root();
	map_archive();
	boot.info = frames_take(PAGE_SIZE);
	map(ROOT_BOOT_INFO_VA, ptr_to_phys(boot.info), RIGHT_READ);
	map(ROOT_MSG_PAGE_VA, thread_page_phys(boot.thread), RIGHT_READ | RIGHT_WRITE);
	map(TIME_PAGE_VA, arch_time_page(), RIGHT_READ);
	fill_info();
	boot_make_untypeds(boot.slots, &boot.handover, boot.leaf, 1u << ROOT_SLOTS_LOG2, boot.info);
}

/* The first thing that a CPU's threads run on; the lock is held. */
static NORETURN void run(void)
{
	sched_finish();
	lock_release();
	arch_resume_current();
}

NORETURN void kernel_cpu_main(void)
{
	struct cpu *self = cpu();

	while (!__atomic_load_n(&is_started, __ATOMIC_ACQUIRE)) /* until root is made */
		arch_relax();
	lock_take();
	arch_context_init(&self->idle->ctx);
	sched_init(self, self->idle);
	run();
}

NORETURN void kernel_main(const struct boot_handover *handover)
{
	boot = (struct boot){.handover = *handover};
	lock_take();
	arch_context_init(&idle_thread.ctx);
	sched_init(cpu(), &idle_thread);
	make_root();
	LOG(LOG_INFO, "memory handed to root", F("ram", boot.info->ram_bytes),
	    F("kernel", boot.info->kernel_bytes), F("untypeds", boot.info->untyped_count));
	__atomic_store_n(&is_started, true, __ATOMIC_RELEASE);
	sched_ready(boot.thread);
	run();
}
