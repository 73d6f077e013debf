/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The state in which root starts, as a predicate on it; and why a machine is refused.
 *
 * Root holds its own CSpace, address space, thread, context and leaf, the archive, clock, console and machine, and an Untyped for
 * each aligned power of two of all memory but what the kernel took: the front of one range of RAM.  Source: abi/include/tessera/types.h (boot_info, ROOT_*), root_image.h, kernel/include/hal.h (boot_handover).
 */
#include "model.h"

#include <stdlib.h>
#include <string.h>

#define RAM_END (1ull << 38) /* beyond that no object can be named */
#define ROOT_SLOTS 256u
#define ROOT_PRIORITY 16u
#define FLAGS_ALWAYS 0x202ull
#define HEADER_BYTES 110u
#define OTHER_PAGES 96u /* that a root of ROOT_SEGMENTS_MAX segments needs beside its memory, about */

/* ---- refusals ---- */

static uint64_t field(const unsigned char *header, uint32_t at)
{
	char text[9] = {0};

	memcpy(text, header + at, 8);
	return strspn(text, "0123456789abcdefABCDEF") == 8 ? strtoull(text, NULL, 16) : ~0ull;
}

bool spec_boot_image(const struct spec_boot *given, struct root_image *image)
{
	const uint64_t image_at = HEADER_BYTES + sizeof("boot/root");
	uint64_t bytes, pages = 0;

	if (given->archive_bytes < image_at + sizeof(*image) || memcmp(given->archive, "070701", 6) != 0)
		return false;
	bytes = field(given->archive, 54);
	if (field(given->archive, 94) != sizeof("boot/root") ||
	    memcmp(given->archive + HEADER_BYTES, "boot/root", sizeof("boot/root")) != 0 ||
	    bytes > given->archive_bytes - image_at || bytes < sizeof(*image))
		return false;
	memcpy(image, given->archive + image_at, sizeof(*image));
	for (uint32_t i = 0; i < ROOT_SEGMENTS_MAX; i++) {
		if ((~image->segments[i].rights & (RIGHT_WRITE | RIGHT_EXECUTE)) == 0)
			return false;
		pages += image->segments[i].file_pages;
	}
	return image->magic == ROOT_IMAGE_MAGIC && sizeof(*image) + pages * SPEC_PAGE <= bytes;
}

static bool overlap(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
	return a_bytes != 0 && b_bytes != 0 && a < b + b_bytes && b < a + a_bytes;
}

/* Whether root's memory could lie at these addresses: in the user half, each page once. */
static bool can_be_mapped(const struct spec_boot *given, const struct root_image *image)
{
	const struct spec_range fixed[] = {
		{ROOT_ARCHIVE_VA, ROOT_ARCHIVE_VA + given->archive_bytes},
		{ROOT_BOOT_INFO_VA, ROOT_BOOT_INFO_VA + SPEC_PAGE},
		{ROOT_MSG_PAGE_VA, ROOT_MSG_PAGE_VA + SPEC_PAGE},
		{TIME_PAGE_VA, TIME_PAGE_VA + SPEC_PAGE},
	};

	for (uint32_t i = 0; i < ROOT_SEGMENTS_MAX; i++) {
		const struct root_segment *a = &image->segments[i];
		uint64_t bytes = a->pages * SPEC_PAGE;

		if (bytes == 0)
			continue;
		if (a->va % SPEC_PAGE != 0 || a->va >= USER_TOP || bytes > USER_TOP - a->va)
			return false;
		for (uint32_t n = 0; n < sizeof(fixed) / sizeof(fixed[0]); n++) {
			if (overlap(a->va, bytes, fixed[n].start, fixed[n].end - fixed[n].start))
				return false;
		}
		for (uint32_t n = 0; n < i; n++) {
			if (overlap(a->va, bytes, image->segments[n].va,
				    image->segments[n].pages * SPEC_PAGE))
				return false;
		}
	}
	return true;
}

static uint64_t pages_of(const struct root_image *image)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < ROOT_SEGMENTS_MAX; i++)
		pages += image->segments[i].pages;
	return pages;
}

bool spec_boot_may_refuse(const struct spec_boot *given, enum spec_refusal refusal)
{
	uint64_t room = given->ram[given->source].end - given->ram[given->source].start, pages;
	struct root_image image;

	if (refusal == SPEC_REFUSED_SIZE && room < OTHER_PAGES * SPEC_PAGE)
		return true;
	if (!spec_boot_image(given, &image))
		return refusal == SPEC_REFUSED_ARCHIVE;
	pages = pages_of(&image);
	switch (refusal) {
	case SPEC_REFUSED_MAPPING: return !can_be_mapped(given, &image);
	case SPEC_REFUSED_ENTRY: return image.ip >= 1ull << 47;
	case SPEC_REFUSED_SIZE: /* with the tables of its pages and the kernel's objects */
		return (pages + pages / 512u + OTHER_PAGES) * SPEC_PAGE > room;
	case SPEC_STARTED:
		return can_be_mapped(given, &image) && image.ip < 1ull << 47 && pages * SPEC_PAGE <= room;
	default: return false;
	}
}

/* ---- capabilities ---- */

static const struct spec_cap *cap_in(struct spec *state, uint64_t cnode, uint32_t index)
{
	return spec_cap_at(state, (struct spec_place){cnode, index});
}

/* Root's CSpace: what it can name, and nothing else. */
static const char *caps_problem(struct spec *state, const struct spec_boot *given,
				const struct spec_cap *root, const struct spec_cap *leaf)
{
	static const uint8_t types[] = {[ROOT_CAP_CNODE] = CAP_CNODE,	     [ROOT_CAP_VSPACE] = CAP_VSPACE,
					[ROOT_CAP_THREAD] = CAP_THREAD,	     [ROOT_CAP_CLOCK] = CAP_CLOCK,
					[ROOT_CAP_CONSOLE] = CAP_CONSOLE,    [ROOT_CAP_MACHINE] = CAP_MACHINE,
					[ROOT_CAP_ARCHIVE] = CAP_MEMORY,     [ROOT_CAP_LEAF] = CAP_CNODE,
					[ROOT_CAP_SCHED] = CAP_SCHED_CONTEXT};
	const uint32_t count = given->info->untyped_count;

	for (uint32_t i = 0; i < ROOT_SLOTS; i++) {
		const struct spec_cap *cap = cap_in(state, leaf->object, i);
		bool is_fixed = i < sizeof(types) && types[i] != CAP_NULL;
		bool is_untyped = i >= ROOT_CAP_UNTYPED && i - ROOT_CAP_UNTYPED < count;

		if ((cap != NULL) != (is_fixed || is_untyped) ||
		    (i != 0 && cap_in(state, root->object, i) != NULL))
			return "a slot of root's CSpace is full that should be empty, or the other way round";
		if (cap == NULL)
			continue;
		if (cap->type != (is_fixed ? types[i] : CAP_UNTYPED) || cap->is_origin != is_untyped ||
		    cap->is_dying)
			return "root has another capability than it should have";
		if (cap->rights !=
		    (i == ROOT_CAP_ARCHIVE ? RIGHT_READ | RIGHT_EXECUTE | RIGHT_REVOKE : RIGHTS_ALL))
			return "a capability of root's has other rights than it should have";
	}
	return cap_in(state, leaf->object, ROOT_CAP_CNODE)->object == root->object &&
			       cap_in(state, leaf->object, ROOT_CAP_LEAF)->object == leaf->object
		       ? NULL
		       : "root's CSpace does not name itself";
}

/* ---- Untypeds ---- */

static struct spec_range taken(const struct spec_boot *given)
{
	uint64_t start = given->ram[given->source].start;

	return (struct spec_range){start, start + given->info->kernel_bytes - given->image_bytes};
}

/* What of a range can be handed out: whole pages that can be named, and that the kernel has not taken. */
static struct spec_range free_part(const struct spec_boot *given, struct spec_range range, bool is_device)
{
	struct spec_range kernel = taken(given);

	range.start = (range.start + SPEC_PAGE - 1u) / SPEC_PAGE * SPEC_PAGE;
	range.end = range.end / SPEC_PAGE * SPEC_PAGE;
	if (is_device)
		return range;
	if (range.start == 0)
		range.start = SPEC_PAGE;
	if (range.end > RAM_END)
		range.end = RAM_END;
	if (range.start == kernel.start)
		range.start = kernel.end;
	return range;
}

static bool is_free(const struct spec_boot *given, uint64_t base, uint64_t size, bool is_device)
{
	const struct spec_range *ranges = is_device ? given->device : given->ram;

	for (uint32_t i = 0; i < (is_device ? given->device_count : given->ram_count); i++) {
		struct spec_range part = free_part(given, ranges[i], is_device);

		if (base >= part.start && base < part.end && size <= part.end - base)
			return true;
	}
	return false;
}

static uint64_t free_bytes(const struct spec_boot *given)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < given->ram_count + given->device_count; i++) {
		bool is_device = i >= given->ram_count;
		struct spec_range part = free_part(
			given, is_device ? given->device[i - given->ram_count] : given->ram[i], is_device);

		bytes += part.start < part.end ? part.end - part.start : 0;
	}
	return bytes;
}

/* Disjoint, aligned, of free memory, and all of it if there were slots enough. */
static const char *untypeds_problem(struct spec *state, const struct spec_boot *given, uint64_t leaf)
{
	uint32_t count = given->info->untyped_count;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct boot_untyped *told = &given->info->untyped[i];
		const struct spec_cap *cap = cap_in(state, leaf, ROOT_CAP_UNTYPED + i);

		if (cap->base != told->phys || cap->size != 1ull << told->size_log2 ||
		    cap->is_device != (told->is_device != 0) || cap->is_clean == cap->is_device ||
		    cap->used != 0)
			return "an Untyped is not what boot_info says";
		if (cap->size < SPEC_PAGE || cap->base % cap->size != 0 ||
		    !is_free(given, cap->base, cap->size, cap->is_device))
			return "an Untyped is not aligned, or not free memory";
		for (uint32_t n = 0; n < i; n++) {
			const struct spec_cap *other = cap_in(state, leaf, ROOT_CAP_UNTYPED + n);

			if (other->is_device == cap->is_device &&
			    overlap(cap->base, cap->size, other->base, other->size))
				return "two Untypeds overlap";
		}
		bytes += cap->size;
	}
	if (count < BOOT_MAX_UNTYPED && count < ROOT_SLOTS - ROOT_CAP_UNTYPED && bytes != free_bytes(given))
		return "free memory is in no Untyped";
	return NULL;
}

/* ---- address space ---- */

const struct spec_run *spec_boot_mapping(const struct spec_vspace *vspace, uint64_t va, uint64_t *frame)
{
	for (uint32_t i = 0; i < vspace->run_count; i++) {
		const struct spec_run *run = &vspace->runs[i];

		*frame = run->frame + (va - run->va) / SPEC_PAGE;
		if (va - run->va < run->pages * SPEC_PAGE)
			return run;
	}
	return NULL;
}

/* Pages from va on: all mapped with these rights; frame 0: to memory that the kernel took, else to that and the following. */
static const char *range_problem(const struct spec_boot *given, const struct spec_vspace *vspace, uint64_t va,
				 uint64_t pages, uint32_t rights, uint64_t frame)
{
	struct spec_range kernel = taken(given);

	for (uint64_t i = 0; i < pages; i++) {
		uint64_t at;
		const struct spec_run *run = spec_boot_mapping(vspace, va + i * SPEC_PAGE, &at);

		if (run == NULL || run->rights != rights || !run->is_kept)
			return "a page of root's is not mapped, or with other rights";
		if (frame != 0 ? at != frame + i
			       : at * SPEC_PAGE < kernel.start || at * SPEC_PAGE >= kernel.end)
			return "a page of root's is mapped to other memory";
	}
	return NULL;
}

static const char *mappings_problem(const struct spec *state, const struct spec_boot *given,
				    const struct spec_vspace *vspace)
{
	uint64_t archive_pages = (given->archive_bytes + SPEC_PAGE - 1u) / SPEC_PAGE, mapped = 0, expected;
	struct root_image image;
	const char *problem;

	(void)spec_boot_image(given, &image);
	expected = archive_pages + 3u + pages_of(&image);
	for (uint32_t i = 0; i < vspace->run_count; i++)
		mapped += vspace->runs[i].pages;
	if (mapped != expected || vspace->allow_wx)
		return "root's address space has other pages than it should have";
	problem = range_problem(given, vspace, ROOT_ARCHIVE_VA, archive_pages, RIGHT_READ,
				given->archive_start / SPEC_PAGE);
	if (problem == NULL)
		problem = range_problem(given, vspace, ROOT_BOOT_INFO_VA, 1, RIGHT_READ, 0);
	if (problem == NULL)
		problem = range_problem(given, vspace, ROOT_MSG_PAGE_VA, 1, RIGHT_READ | RIGHT_WRITE, 0);
	if (problem == NULL)
		problem = range_problem(given, vspace, TIME_PAGE_VA, 1, RIGHT_READ, state->time_page_frame);
	for (uint32_t i = 0; i < ROOT_SEGMENTS_MAX && problem == NULL; i++) {
		const struct root_segment *segment = &image.segments[i];

		uint32_t rights = segment->rights & SPEC_RIGHTS_MAP;

		if (rights != 0)
			rights |= RIGHT_READ; /* write and execute imply it */
		problem = range_problem(given, vspace, segment->va, segment->pages, rights, 0);
	}
	return problem;
}

/* ---- the thread ---- */

static const char *thread_problem(struct spec *state, const struct spec_boot *given,
				  const struct spec_thread *thread)
{
	const struct spec_context *context = spec_context_of(state, thread->own_context);
	struct user_regs regs = {.rflags = FLAGS_ALWAYS};
	struct root_image image;

	(void)spec_boot_image(given, &image);
	regs.rip = image.ip;
	regs.rsp = image.sp;
	if (memcmp(&regs, &thread->regs, sizeof(regs)) != 0)
		return "root does not start with the registers of its image";
	if (thread->state != SPEC_READY || thread->priority != ROOT_PRIORITY ||
	    thread->own_priority != ROOT_PRIORITY || thread->page_va != ROOT_MSG_PAGE_VA || thread->home != 0)
		return "root's thread is not what it should be";
	if (context == NULL || context->owner != thread->address || context->runner != thread->address ||
	    context->period_ns != 0 || context->budget_ns != SCHED_SLICE_NS)
		return "root's context is not what it should be";
	return NULL;
}

const char *spec_boot_problem(struct spec *state, const struct spec_boot *given)
{
	const struct spec_thread *thread = spec_thread_of(state, state->cpus[0].current);
	const struct spec_cap *root, *vspace, *leaf;
	const char *problem;

	if (state->cpus[0].current == 0 || thread == NULL)
		return "root does not run";
	root = cap_in(state, thread->address, SPEC_SLOT_CSPACE);
	vspace = cap_in(state, thread->address, SPEC_SLOT_VSPACE);
	leaf = root != NULL ? cap_in(state, root->object, 0) : NULL;
	if (root == NULL || root->size != ROOT_SLOTS || vspace == NULL || leaf == NULL ||
	    leaf->size != ROOT_SLOTS)
		return "root has no CSpace or no address space";
	problem = caps_problem(state, given, root, leaf);
	if (problem == NULL)
		problem = untypeds_problem(state, given, leaf->object);
	if (problem == NULL)
		problem = mappings_problem(state, given, spec_vspace_of(state, vspace->object));
	return problem != NULL ? problem : thread_problem(state, given, thread);
}
