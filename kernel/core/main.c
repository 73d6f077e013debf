/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The end of boot: makes root's objects, loads boot/root from the archive, hands over all memory and runs it.
 *
 * Memory that root starts with (its objects, image, stack, page tables) is taken from the front of one range of free
 * RAM and belongs to no Untyped; the rest becomes root's Untypeds.  Everything here runs once; what goes wrong is a panic.
 */
#include "boot.h"

#include <ipc.h>
#include <lock.h>
#include <log.h>
#include <panic.h>
#include <sched.h>
#include <thread.h>

#include <machine.h>

#define BOOT_RANGE_BYTES (16ull << 20) /* the range to take from has at least this */
#define ROOT_SLOTS_LOG2 8u
#define ROOT_PRIORITY 16u
#define SLOT_BYTES sizeof(struct slot)

/* What boot works with; gone when root runs. */
struct boot {
	struct boot_handover handover; /* our copy: taking memory shrinks it */
	struct boot_range *source;
	uint64_t taken_bytes;
	struct slot *slots; /* BOOT_SLOT_* */
	struct slot *root_cnode, *leaf;
	struct thread *thread;
	struct sched_context *sched;
	vspace_ref vspace;
	struct boot_info *info;
};

static struct boot boot;
static bool is_started; /* root is made: the other CPUs may come */
static struct thread idle_thread;

/* ---- memory ---- */

static void choose_source(void)
{
	for (uint32_t i = 0; i < boot.handover.free_ram_count; i++) {
		struct boot_range *range = &boot.handover.free_ram[i];

		if (range->end - range->start >= BOOT_RANGE_BYTES) {
			boot.source = range;
			return;
		}
	}
	kernel_panic("boot: no range of free memory is large enough");
}

/* Zeroed memory, aligned to its size up to 16 KiB; never fails. */
static void *take(uint64_t bytes, uint64_t alignment)
{
	uint64_t start = (boot.source->start + alignment - 1) & ~(alignment - 1);

	if (start + bytes > boot.source->end)
		kernel_panic("boot: out of memory");
	void *memory = phys_to_ptr((paddr_t){start});

	boot.taken_bytes += start + bytes - boot.source->start;
	boot.source->start = start + bytes;
	arch_zero(memory, bytes);
	return memory;
}

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

/* Gives root a child of one of the kernel's origins. */
static void give(uint32_t which, struct slot *place)
{
	must(cap_derive(&boot.slots[which], place, RIGHTS_ALL, true), "boot: cannot give root a capability");
}

static void make_cspace(void)
{
	const uint64_t bytes = SLOT_BYTES << ROOT_SLOTS_LOG2;

	boot.slots = take(BOOT_SLOT_COUNT * SLOT_BYTES, PAGE_SIZE);
	boot.root_cnode = take(bytes, bytes);
	boot.leaf = take(bytes, bytes);
	boot_slots_init(boot.slots);
	boot_make_origin(boot.slots, BOOT_SLOT_CNODE, CAP_CNODE, RIGHTS_ALL, index_of(boot.root_cnode),
			 ROOT_SLOTS_LOG2);
	boot_make_origin(boot.slots, BOOT_SLOT_LEAF, CAP_CNODE, RIGHTS_ALL, index_of(boot.leaf),
			 ROOT_SLOTS_LOG2);
	boot_make_origin(boot.slots, BOOT_SLOT_CLOCK, CAP_CLOCK, RIGHTS_ALL, 0, 0);
	boot_make_origin(boot.slots, BOOT_SLOT_CONSOLE, CAP_CONSOLE, RIGHTS_ALL, 0, 0);
	boot_make_origin(boot.slots, BOOT_SLOT_MACHINE, CAP_MACHINE, RIGHTS_ALL, 0, 0);
}

static void make_archive(void)
{
	const struct boot_range *archive = &boot.handover.archive;
	uint64_t bytes = archive->end - archive->start;

	boot_make_origin(boot.slots, BOOT_SLOT_ARCHIVE, CAP_MEMORY, RIGHT_READ | RIGHT_EXECUTE | RIGHT_REVOKE,
			 object_index((paddr_t){archive->start}), archive->start / PAGE_SIZE);
	boot.slots[BOOT_SLOT_ARCHIVE].data[0] = (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
}

static void make_thread(void)
{
	void *vspace = take(VSPACE_BYTES, VSPACE_BYTES);

	boot.vspace = index_of(vspace);
	boot.thread = take(THREAD_BYTES, THREAD_BYTES);
	boot_make_origin(boot.slots, BOOT_SLOT_VSPACE, CAP_VSPACE, RIGHTS_ALL, boot.vspace, 0);
	boot.sched = take(SCHED_CONTEXT_BYTES, SCHED_CONTEXT_BYTES);
	boot_make_origin(boot.slots, BOOT_SLOT_SCHED, CAP_SCHED_CONTEXT, RIGHTS_ALL, index_of(boot.sched), 0);
	boot_make_origin(boot.slots, BOOT_SLOT_THREAD, CAP_THREAD, RIGHTS_ALL, index_of(boot.thread), 0);
	vspace_init(boot.vspace, slot_index(&boot.slots[BOOT_SLOT_VSPACE]), 0);
	thread_init(boot.thread);
	cap_embed(&boot.slots[BOOT_SLOT_CNODE], boot.thread, THREAD_SLOT_CSPACE);
	cap_embed(&boot.slots[BOOT_SLOT_VSPACE], boot.thread, THREAD_SLOT_VSPACE);
	boot.thread->page_va = ROOT_MSG_PAGE_VA;
	sched_set_priority(boot.thread, ROOT_PRIORITY);
	sched_context_init(boot.sched);
	sched_context_bind(boot.sched, boot.thread);
}

static void give_all(void)
{
	give(BOOT_SLOT_LEAF, &boot.root_cnode[0]);
	give(BOOT_SLOT_CNODE, &boot.leaf[ROOT_CAP_CNODE]);
	give(BOOT_SLOT_VSPACE, &boot.leaf[ROOT_CAP_VSPACE]);
	give(BOOT_SLOT_THREAD, &boot.leaf[ROOT_CAP_THREAD]);
	give(BOOT_SLOT_SCHED, &boot.leaf[ROOT_CAP_SCHED]);
	give(BOOT_SLOT_CLOCK, &boot.leaf[ROOT_CAP_CLOCK]);
	give(BOOT_SLOT_CONSOLE, &boot.leaf[ROOT_CAP_CONSOLE]);
	give(BOOT_SLOT_MACHINE, &boot.leaf[ROOT_CAP_MACHINE]);
	give(BOOT_SLOT_ARCHIVE, &boot.leaf[ROOT_CAP_ARCHIVE]);
	give(BOOT_SLOT_LEAF, &boot.leaf[ROOT_CAP_LEAF]);
}

/* ---- root's address space ---- */

/* Maps a page for root, giving tables as they are needed (at most PT_LEVELS - 1). */
static void map(uint64_t va, paddr_t page, uint32_t rights)
{
	enum tessera_error error = vspace_map_kernel_page(boot.vspace, va, page, rights);

	for (uint32_t i = 0; error == E_NO_TABLE && i < PT_LEVELS; i++) {
		vspace_add_table_page(boot.vspace, ptr_to_phys(take(PAGE_SIZE, PAGE_SIZE)));
		error = vspace_map_kernel_page(boot.vspace, va, page, rights);
	}
	must(error, "boot: cannot map root's memory");
}

/* Bytes of a file into a page: what of [at, at + PAGE_SIZE) the segment has in its file. */
static void fill_page(unsigned char *page, uint64_t at, const struct elf_segment *segment,
		      struct file_span file)
{
	uint64_t from = at > segment->va ? at : segment->va;
	uint64_t end = segment->va + segment->file_bytes;

	if (end > at + PAGE_SIZE)
		end = at + PAGE_SIZE;
	for (; from < end; from++) /* at most a page */
		page[from - at] = file.data[segment->offset + (from - segment->va)];
}

static void load_segment(const struct elf_segment *segment, struct file_span file)
{
	uint64_t first = segment->va & ~(PAGE_SIZE - 1);

	for (uint64_t at = first; at < segment->va + segment->memory_bytes; at += PAGE_SIZE) {
		unsigned char *page = take(PAGE_SIZE, PAGE_SIZE);

		fill_page(page, at, segment, file);
		map(at, ptr_to_phys(page), segment->rights);
	}
}

/* The initial stack as Linux makes it: argc, argv, envp, auxv. */
static uint64_t fill_stack(unsigned char *top_page, const struct elf_image *image)
{
	static const char name[8] = "root";
	const uint64_t name_va = ROOT_STACK_TOP - 8, random_va = ROOT_STACK_TOP - 24;
	const uint64_t words[] = {
		1,  name_va,
		0,  0,
		3,  image->header_va,
		4,  56,
		5,  image->header_count,
		6,  PAGE_SIZE,
		9,  image->entry,
		25, random_va,
		0,  0,
	};
	const uint64_t offset = PAGE_SIZE - 32 - sizeof(words);
	uint64_t random[2] = {arch_tsc() * 0x9e3779b97f4a7c15ull, arch_tsc() * 0xd1342543de82ef95ull};

	static_assert(sizeof(words) % 16 == 0, "the stack is aligned");
	arch_copy(top_page + offset, words, sizeof(words));
	arch_copy(top_page + PAGE_SIZE - 24, random, sizeof(random));
	arch_copy(top_page + PAGE_SIZE - 8, name, sizeof(name));
	return ROOT_STACK_TOP - PAGE_SIZE + offset;
}

static uint64_t make_stack(const struct elf_image *image)
{
	unsigned char *page = NULL;

	for (uint64_t at = ROOT_STACK_TOP - ROOT_STACK_BYTES; at < ROOT_STACK_TOP; at += PAGE_SIZE) {
		page = take(PAGE_SIZE, PAGE_SIZE);
		map(at, ptr_to_phys(page), RIGHT_READ | RIGHT_WRITE);
	}
	return fill_stack(page, image);
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
	struct file_span file = archive_find(phys_to_ptr((paddr_t){archive->start}),
					     archive->end - archive->start, "boot/root");
	struct elf_image image;

	if (!elf_read(file, &image))
		kernel_panic("boot: boot/root is missing from the archive, or is no static ELF64 executable");
	for (uint32_t i = 0; i < image.segment_count; i++)
		load_segment(&image.segments[i], file);
	struct user_regs regs = {.rip = image.entry, .rsp = make_stack(&image)};

	if (!arch_context_set(&boot.thread->ctx, &regs))
		kernel_panic("boot: the entry of boot/root is no user address");
}

/* ---- the hand-over ---- */

static void fill_info(void)
{
	struct boot_info *info = boot.info;

	info->magic = BOOT_INFO_MAGIC;
	info->version = KERNEL_VERSION;
	info->archive_bytes = boot.handover.archive.end - boot.handover.archive.start;
	info->ram_bytes = boot.handover.ram_bytes;
	info->kernel_bytes = boot.handover.kernel_bytes + boot.taken_bytes;
	info->boot_tsc = boot.handover.boot_tsc;
	info->rsdp_phys = boot.handover.rsdp;
	info->cpu_count = boot.handover.cpu_count;
	for (uint32_t i = 0; i + 1 < BOOT_CMDLINE_BYTES; i++)
		info->cmdline[i] = boot.handover.cmdline[i];
	machine_facts = (struct machine_facts){.ram_bytes = info->ram_bytes,
					       .kernel_bytes = info->kernel_bytes,
					       .cpu_count = info->cpu_count};
}

static void make_root(void)
{
	choose_source();
	make_cspace();
	make_archive();
	make_thread();
	give_all();
	load_root();
	map_archive();
	boot.info = take(PAGE_SIZE, PAGE_SIZE);
	map(ROOT_BOOT_INFO_VA, ptr_to_phys(boot.info), RIGHT_READ);
	map(ROOT_MSG_PAGE_VA, thread_page_phys(boot.thread), RIGHT_READ | RIGHT_WRITE);
	map(TIME_PAGE_VA, arch_time_page(), RIGHT_READ);
	/* no memory is taken from here on */
	boot.source->start = (boot.source->start + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
	boot_make_untypeds(boot.slots, &boot.handover, boot.leaf, 1u << ROOT_SLOTS_LOG2, boot.info);
	fill_info();
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
	boot.handover = *handover;
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
