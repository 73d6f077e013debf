/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* port.h over arrays. Mapping over a page of another pool is allowed, as port.c makes it. */
#include "fake_port.h"

#include <assert.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "object.h"
#include "space_private.h"

#define FAKE_SPACES 256u
#define FAKE_MAPPINGS 8192u

struct fake_mapping {
	uint64_t page;
	frame_t frame;
	uint32_t rights;
};

struct fake_space {
	bool used, allow_wx;
	uint32_t count;
	struct fake_mapping *mapping;
};

static struct fake_space fake[FAKE_SPACES];
static struct {
	uint64_t page;
	frame_t frame;
	uint32_t rights;
} batch_entry[1024];
uint64_t fake_fail_in = ~0ull;
uint32_t fake_last_woken, fake_wakes;
uint64_t fake_dead_label;
static uint32_t cache_pool;

static bool fails(void)
{
	if (fake_fail_in == ~0ull)
		return false;
	if (fake_fail_in == 0)
		return true;
	fake_fail_in--;
	return false;
}

uint32_t fake_spaces(void)
{
	uint32_t count = 0;

	for (uint32_t i = 1; i < FAKE_SPACES; i++)
		count += fake[i].used;
	return count;
}

bool port_space_create(struct port_space *space, bool allow_wx)
{
	*space = (struct port_space){0};
	if (fails())
		return false;
	for (uint32_t i = 1; i < FAKE_SPACES; i++) {
		if (!fake[i].used) {
			fake[i] = (struct fake_space){.used = true, .allow_wx = allow_wx};
			fake[i].mapping = calloc(FAKE_MAPPINGS, sizeof(*fake[i].mapping));
			space->vspace = i;
			return true;
		}
	}
	return false;
}

void port_space_destroy(struct port_space *space)
{
	assert(fake[space->vspace].used);
	free(fake[space->vspace].mapping);
	fake[space->vspace] = (struct fake_space){0};
}

static struct fake_mapping *find(const struct port_space *space, uint64_t page)
{
	struct fake_space *tables = &fake[space->vspace];

	assert(tables->used);
	for (uint32_t i = 0; i < tables->count; i++) {
		if (tables->mapping[i].page == page)
			return &tables->mapping[i];
	}
	return NULL;
}

static void map_one(struct port_space *space, uint64_t page, frame_t frame, uint32_t rights)
{
	struct fake_space *tables = &fake[space->vspace];
	struct fake_mapping *mapping = find(space, page);

	assert(rights & RIGHT_READ);
	assert(tables->allow_wx || (rights & (RIGHT_WRITE | RIGHT_EXECUTE)) != (RIGHT_WRITE | RIGHT_EXECUTE));
	assert(frame != FRAME_NONE);
	if (!mapping) {
		assert(tables->count < FAKE_MAPPINGS);
		mapping = &tables->mapping[tables->count++];
	}
	*mapping = (struct fake_mapping){page, frame, rights};
}

bool port_map(struct port_space *space, uint64_t page, frame_t first, uint32_t count, uint32_t rights)
{
	if (fails())
		return false;
	for (uint32_t i = 0; i < count; i++)
		map_one(space, page + i, first + i, rights);
	return true;
}

static void end_run(struct port_batch *batch)
{
	for (uint32_t i = 0; i < batch->run; i++) {
		assert(batch->count < 1024);
		batch_entry[batch->count].page = batch->page + i;
		batch_entry[batch->count].frame = batch->frame + i;
		batch_entry[batch->count++].rights = batch->rights;
	}
	batch->run = 0;
	batch->pool_end = 0;
}

void port_batch_begin(struct port_batch *batch, uint64_t page, frame_t frame, uint32_t rights)
{
	end_run(batch);
	batch->page = page;
	batch->frame = frame;
	batch->pool_end = frames.pool[frame_pool(frame)].first + frames.pool[frame_pool(frame)].pages;
	batch->rights = rights;
	batch->run = 1;
}

bool port_batch_flush(struct port_batch *batch)
{
	end_run(batch);
	uint32_t count = batch->count;

	batch->count = 0;
	if (count && fails())
		return false;
	for (uint32_t i = 0; i < count; i++)
		map_one(batch->space, batch_entry[i].page, batch_entry[i].frame, batch_entry[i].rights);
	return true;
}

void port_unmap(struct port_space *space, uint64_t page, uint64_t count)
{
	struct fake_space *tables = &fake[space->vspace];

	for (uint32_t i = 0; i < tables->count;) {
		if (tables->mapping[i].page >= page && tables->mapping[i].page < page + count)
			tables->mapping[i] = tables->mapping[--tables->count];
		else
			i++;
	}
}

void port_protect(struct port_space *space, uint64_t page, uint64_t count, uint32_t rights)
{
	struct fake_space *tables = &fake[space->vspace];

	for (uint32_t i = 0; i < tables->count; i++) {
		if (tables->mapping[i].page >= page && tables->mapping[i].page < page + count)
			tables->mapping[i].rights = rights;
	}
}

bool port_copy(struct port_space *child, struct port_space *parent, uint32_t pool, uint64_t page,
	       uint64_t count)
{
	struct fake_space *tables = &fake[parent->vspace];

	if (fails())
		return false;
	for (uint32_t i = 0; i < tables->count; i++) {
		struct fake_mapping *mapping = &tables->mapping[i];
		if (mapping->page < page || mapping->page >= page + count ||
		    frame_pool(mapping->frame) != pool)
			continue;
		mapping->rights &= ~RIGHT_WRITE;
		map_one(child, mapping->page, mapping->frame, mapping->rights);
	}
	return true;
}

void port_wake(uint32_t thread)
{
	fake_last_woken = thread;
	fake_wakes++;
}

bool port_label_alive(uint64_t label)
{
	return label != fake_dead_label;
}

uint64_t port_random(void)
{
	return (uint64_t)rand();
}

/* ---- looking --------------------------------------------------------------------------------- */

uint32_t fake_rights(const struct port_space *space, uint64_t page, frame_t *frame)
{
	const struct fake_mapping *mapping = find(space, page);

	if (frame)
		*frame = mapping ? mapping->frame : FRAME_NONE;
	return mapping ? mapping->rights : 0;
}

static void check_mapping(struct space *space, const struct fake_mapping *mapping)
{
	const struct area *area = area_find(space, mapping->page);
	const page_entry *entry = pages_find(&space->pages, mapping->page);

	assert(area && entry);
	assert(*entry & PAGE_MAPPED);
	assert(page_frame(*entry) == mapping->frame);
	if (area->flags & AREA_PROCESS_PAGES)
		return;
	assert(!(mapping->rights & ~space_rights(area, *entry)) ||
	       (!(mapping->rights & RIGHT_WRITE) && !(mapping->rights & RIGHT_EXECUTE)));
	if (mapping->rights & RIGHT_WRITE)
		assert((area->prot & PROT_WRITE) &&
		       (*entry & PAGE_WRITABLE || frame_is_exclusive(mapping->frame)));
	if (mapping->rights & RIGHT_EXECUTE)
		assert(area->prot & PROT_EXEC);
}

void fake_check(struct space *space)
{
	const struct fake_space *tables = &fake[space->port.vspace];
	uint64_t entries = 0, pages = 0;

	assert(tree_check(&space->areas) && tree_check(&space->pages.blocks));
	for (uint32_t i = 0; i < tables->count; i++)
		check_mapping(space, &tables->mapping[i]);
	for (struct page_block *block = pages_block_from(&space->pages, 0); block;
	     block = pages_block_next(block)) {
		assert(block->present);
		for (uint64_t bits = block->present; bits; bits &= bits - 1) {
			uint64_t page = block_first_page(block) + (uint64_t)__builtin_ctzll(bits);
			assert(area_find(space, page));
			entries++;
			frame_t frame = page_frame(block->entry[__builtin_ctzll(bits)]);
			assert(!frame_is_ram(frame) || frames.table[frame].refs > 0);
		}
	}
	assert(entries == space->pages.count);
	const struct area *before = NULL;
	for (struct area *area = area_from(space, 0); area; area = area_next(area)) {
		assert(area_start(area) < area->end && (!before || before->end <= area_start(area)));
		assert(area->space == space);
		if (!(area->flags & AREA_PERSONALITY))
			pages += area_pages(area);
		before = area;
	}
	assert(pages == space->virtual_pages);
}

uint8_t *fake_access(struct space *space, uint64_t page, enum access access, enum fault_result *why)
{
	const uint32_t need[] = {RIGHT_READ, RIGHT_WRITE, RIGHT_EXECUTE};
	frame_t frame;

	*why = FAULT_DONE;
	if (!(fake_rights(&space->port, page, &frame) & need[access])) {
		*why = space_fault(space, page, access);
		if (*why != FAULT_DONE)
			return NULL;
		assert(fake_rights(&space->port, page, &frame) & need[access]);
	}
	return frame_bytes(frame);
}

/* ---- the world ------------------------------------------------------------------------------- */

static uint32_t add_pool(uint32_t pages)
{
	uint8_t *base = aligned_alloc(PAGE_BYTES, pages * PAGE_BYTES);

	assert(base);
	memset(base, 0xa5, pages * PAGE_BYTES);
	return frames_add_pool(base, pages);
}

frame_t fake_cache_frame(uint32_t index)
{
	return frames.pool[cache_pool].first + index;
}

static void load_image(void)
{
	static uint8_t file[8 * 4096];
	Elf64_Ehdr header = {.e_type = ET_DYN,
			     .e_machine = EM_X86_64,
			     .e_phoff = 64,
			     .e_phentsize = sizeof(Elf64_Phdr),
			     .e_phnum = 3};
	const Elf64_Phdr parts[3] = {
		{.p_type = PT_LOAD,
		 .p_flags = PF_R,
		 .p_offset = 0x1000,
		 .p_vaddr = 0,
		 .p_filesz = 96,
		 .p_memsz = 96},
		{.p_type = PT_LOAD,
		 .p_flags = PF_R | PF_X,
		 .p_offset = 0x2000,
		 .p_vaddr = 0x1000,
		 .p_filesz = 0x3000,
		 .p_memsz = 0x3000},
		{.p_type = PT_LOAD,
		 .p_flags = PF_R | PF_W,
		 .p_offset = 0x5000,
		 .p_vaddr = 0x4000,
		 .p_filesz = 0x123,
		 .p_memsz = 0x2800},
	};
	const struct personality_entries entries = {
		.magic = PERSONALITY_MAGIC, .image_bytes = 0x7000, .start = 0x1000};

	memcpy(header.e_ident, ELFMAG, SELFMAG);
	header.e_ident[EI_CLASS] = ELFCLASS64;
	memcpy(file, &header, sizeof(header));
	memcpy(file + 64, parts, sizeof(parts));
	memcpy(file + 0x1000, &entries, sizeof(entries));
	memset(file + 0x2000, 0x90, 0x3000);
	memset(file + 0x5000, 0x77, 0x123);
	const char *problem = image_load(file, sizeof(file));
	assert(!problem);
}

void fake_start(uint32_t ram_pages)
{
	for (uint32_t i = 0; i < frames.pools; i++)
		free(frames.pool[i].base);
	frames = (struct frames){0};
	page_copy_choose();
	(void)add_pool(ram_pages / 4 * 3);
	(void)add_pool(ram_pages / 4);
	bool started = frames_start();
	assert(started);
	cache_pool = add_pool(256);
	process_pages_pool = add_pool(64);
	load_image();
}
