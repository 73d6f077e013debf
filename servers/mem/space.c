/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Life of address spaces: creation with the personality, and destruction.  fork.c makes copies.
 *
 * A new space has these areas of the personality: its image (text and constants mapped at once, data copied at once, it is
 * written at the first instructions), the argument area, heap, thread stacks and process pages.
 */
#include "space.h"

#include <tessera/process_page.h>

#include "image.h"
#include "slab.h"
#include "space_private.h"

#define EARLY_PAGES 8u /* a writable segment of the image up to this size is given at once */
#define STACK_EARLY_PAGES 1u
#define STACK_LIMIT_PAGES (0x800000ull >> PAGE_SHIFT) /* Linux' default; proc tells another by as_limits */

static struct space *space_table[SPACES_MAX];
static uint32_t space_generation[SPACES_MAX];
static uint32_t space_hint = 1;
static struct slab space_slab = SLAB_INIT(struct space);
uint32_t spaces_in_use;
uint32_t process_pages_pool;

struct space *space_by_id(uint32_t id)
{
	uint32_t index = SPACE_INDEX(id);
	struct space *space = index < SPACES_MAX ? space_table[index] : NULL;

	return space && space->id == id ? space : NULL;
}

/* A free index from the hint on; 0: none. Bound: SPACES_MAX. */
static uint32_t free_index(void)
{
	for (uint32_t n = 0; n < SPACES_MAX; n++) {
		uint32_t index = space_hint + n;
		if (index >= SPACES_MAX)
			index -= SPACES_MAX - 1;
		if (!space_table[index]) {
			space_hint = index + 1 < SPACES_MAX ? index + 1 : 1;
			return index;
		}
	}
	return 0;
}

struct space *space_alloc(bool allow_wx)
{
	uint32_t index = free_index();
	struct space *space = index ? slab_alloc(&space_slab) : NULL;

	if (!space)
		return NULL;
	*space = (struct space){
		.id = index | ++space_generation[index] << 12,
		.allow_wx = allow_wx,
		.out_of_memory_page = ~0ull,
		.limit_virtual = SPACE_NO_LIMIT,
		.limit_data = SPACE_NO_LIMIT,
		.limit_stack = STACK_DEFAULT_PAGES,
	};
	if (!port_space_create(&space->port, allow_wx)) {
		slab_free(&space_slab, space);
		return NULL;
	}
	space_table[index] = space;
	spaces_in_use++;
	return space;
}

/* ---- pages ----------------------------------------------------------------------------------- */

/* Puts the frames of some pages of a block; the first and last page that the kernel knew go to range. */
static void drop_block(struct space *space, struct page_block *block, uint64_t mask, uint64_t *first,
		       uint64_t *end)
{
	for (uint64_t bits = mask; bits; bits &= bits - 1) {
		uint32_t index = (uint32_t)__builtin_ctzll(bits);
		page_entry entry = block->entry[index];
		frame_put(page_frame(entry));
		if (!(entry & PAGE_MAPPED))
			continue;
		uint64_t page = block_first_page(block) + index;
		if (*end == 0)
			*first = page;
		*end = page + 1;
	}
	block->present &= ~mask;
	space->pages.count -= (uint64_t)__builtin_popcountll(mask);
}

void space_drop_pages(struct space *space, uint64_t start, uint64_t end)
{
	uint64_t mapped_first = 0, mapped_end = 0;
	struct page_block *next;

	for (struct page_block *block = pages_block_from(&space->pages, start); block; block = next) {
		if (block_first_page(block) >= end)
			break;
		next = pages_block_next(block);
		drop_block(space, block, block->present & block_mask(block, start, end), &mapped_first,
			   &mapped_end);
		pages_drop_if_empty(&space->pages, block);
	}
	if (mapped_end)
		port_unmap(&space->port, mapped_first, mapped_end - mapped_first);
}

/* ---- the personality's areas ----------------------------------------------------------------- */

static struct area *add_personality(struct space *space, uint64_t address, uint64_t pages,
				    const struct area *model)
{
	struct area area = *model;

	area.flags |= AREA_PERSONALITY;
	return area_add(space, address >> PAGE_SHIFT, (address >> PAGE_SHIFT) + pages, &area);
}

/* Maps all of a read-only segment: consecutive frames of the image. */
static bool map_image_pages(struct space *space, const struct image_segment *segment, uint64_t page)
{
	frame_t first = image.first_frame + (frame_t)segment->first_page;
	uint32_t rights = RIGHT_READ | (segment->prot & PROT_EXEC ? RIGHT_EXECUTE : 0);

	for (uint64_t i = 0; i < segment->pages; i++) {
		if (!pages_set(&space->pages, page + i, (first + (frame_t)i) | PAGE_MAPPED))
			return false;
		frame_get(first + (frame_t)i);
	}
	return port_map(&space->port, page, first, (uint32_t)segment->pages, rights);
}

/* Copies all of a writable segment (it is small). */
static bool copy_image_pages(struct space *space, uint64_t page, uint64_t pages)
{
	for (uint64_t i = 0; i < pages; i++) {
		if (space_fault(space, page + i, ACCESS_WRITE) != FAULT_DONE)
			return false;
		frame_set_hot(page_frame(*pages_find(&space->pages, page + i)));
	}
	return true;
}

/* Zeroed pages that are written soon, and again after each fork. */
static bool give_early(struct space *space, uint64_t page, uint32_t count)
{
	if (!space_prefault(space, page, count))
		return false;
	for (uint32_t i = 0; i < count; i++)
		frame_set_hot(page_frame(*pages_find(&space->pages, page + i)));
	return true;
}

static bool add_segment(struct space *space, const struct image_segment *segment)
{
	uint64_t address = space->personality_base + segment->first_page * PAGE_BYTES;
	struct area model = {.prot = segment->prot};

	if (!segment->is_anonymous) {
		model.object = image.object;
		model.offset = segment->first_page;
	}
	if (!add_personality(space, address, segment->pages, &model))
		return false;
	if (segment->is_anonymous)
		return segment->pages > EARLY_PAGES ||
		       give_early(space, address >> PAGE_SHIFT, (uint32_t)segment->pages);
	if (!(segment->prot & PROT_WRITE))
		return map_image_pages(space, segment, address >> PAGE_SHIFT);
	return segment->pages > EARLY_PAGES || copy_image_pages(space, address >> PAGE_SHIFT, segment->pages);
}

static bool add_fixed_areas(struct space *space)
{
	const struct area plain = {.prot = PROT_READ | PROT_WRITE};
	const struct area stacks = {.prot = PROT_READ | PROT_WRITE, .flags = AREA_THREAD_STACKS};
	const struct area pages = {.prot = PROT_READ | PROT_WRITE, .flags = AREA_PROCESS_PAGES | AREA_NOFORK};
	uint64_t stacks_bytes = PERSONALITY_STACK_STRIDE * PROCESS_THREADS;

	return add_personality(space, EXEC_AREA_VA, EXEC_AREA_MAX_BYTES >> PAGE_SHIFT, &plain) &&
	       add_personality(space, PERSONALITY_HEAP_VA, PERSONALITY_HEAP_BYTES >> PAGE_SHIFT, &plain) &&
	       add_personality(space, PERSONALITY_STACK_VA, stacks_bytes >> PAGE_SHIFT, &stacks) &&
	       add_personality(space, PROCESS_PAGE_VA - (PROCESS_THREADS - 1) * PAGE_BYTES, PROCESS_THREADS,
			       &pages);
}

/* Random places: of the image in the GiB below the argument area; of the highest mapping, in the GiB of the stack (fewer tables). */
static void choose_addresses(struct space *space)
{
	uint64_t room = ((EXEC_AREA_VA - PERSONALITY_IMAGE_BASE) >> PAGE_SHIFT) - image.pages - 1;

	space->personality_base = PERSONALITY_IMAGE_BASE + (port_random() % room) * PAGE_BYTES;
	space->mappings_top = MAPPINGS_TOP_PAGE - port_random() % 0x38000u;
	space->gap_from = space->mappings_top;
}

static bool add_personality_areas(struct space *space)
{
	for (uint32_t i = 0; i < image.segments; i++) {
		if (!add_segment(space, &image.segment[i]))
			return false;
	}
	return add_fixed_areas(space);
}

int space_process_page(struct space *space, uint32_t process_page, uint32_t slot, bool present)
{
	const struct frame_pool *pool = &frames.pool[process_pages_pool];
	uint64_t page = (PROCESS_PAGE_VA >> PAGE_SHIFT) - slot;

	if (slot >= PROCESS_THREADS || process_page >= pool->pages)
		return MEM_EINVAL;
	if (pages_find(&space->pages, page))
		space_drop_pages(space, page, page + 1);
	if (!present)
		return 0;
	frame_t frame = pool->first + process_page;
	if (!pages_set(&space->pages, page, frame | PAGE_MAPPED | PAGE_WRITABLE))
		return MEM_ENOMEM;
	if (port_map(&space->port, page, frame, 1, RIGHT_READ | RIGHT_WRITE))
		return 0;
	pages_clear(&space->pages, page);
	return MEM_ENOMEM;
}

/* The top pages of the first thread's personality stack are used at once. */
static bool give_first_stack(struct space *space)
{
	uint64_t end = (PERSONALITY_STACK_VA + PERSONALITY_STACK_STRIDE) >> PAGE_SHIFT;

	return give_early(space, end - STACK_EARLY_PAGES, STACK_EARLY_PAGES);
}

int space_create(uint32_t process_page, bool allow_wx, struct space **out)
{
	struct space *space = space_alloc(allow_wx);

	if (!space)
		return MEM_ENOMEM;
	choose_addresses(space);
	if (!add_personality_areas(space) || space_process_page(space, process_page, 0, true) != 0 ||
	    !give_first_stack(space)) {
		space_destroy(space);
		return MEM_ENOMEM;
	}
	*out = space;
	return 0;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void put_all_frames(struct space *space)
{
	for (struct page_block *block = pages_block_from(&space->pages, 0); block;
	     block = pages_block_next(block)) {
		for (uint64_t bits = block->present; bits; bits &= bits - 1)
			frame_put(page_frame(block->entry[__builtin_ctzll(bits)]));
	}
	pages_discard(&space->pages);
}

void space_destroy(struct space *space)
{
	/* The kernel forgets the mappings before a frame can get another owner. */
	port_space_destroy(&space->port);
	put_all_frames(space);
	areas_discard(space);
	space_table[SPACE_INDEX(space->id)] = NULL;
	slab_free(&space_slab, space);
	spaces_in_use--;
}
