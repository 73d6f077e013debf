/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Readiness pages of the vfs: a frame that the process maps, and one for the table of its cookies. A page is found by the
 * process's index in the label table; who finds a dead process's there frees it, after mem has said that nobody maps it.
 */
#include <poll.h>

#include "env.h"
#include "file.h"
#include "memory.h"
#include "object.h"

/* Two frames, and as many for the watches themselves as all cookies need. */
#define FRAMES_CHARGED (2u + READINESS_WORDS * (uint32_t)sizeof(struct watch) / FRAME_BYTES)

struct page {
	struct watch_page watches;
	struct env_object object;
	uint32_t frame, table_frame, account;
};
static_assert(sizeof(struct page) <= FRAME_BYTES, "the table of a page is one frame");

static struct page *pages[LABEL_PROCESSES];
static uint32_t pages_used;
static struct slab watch_slab = SLAB_OF(struct watch);

struct watch *watch_alloc(void)
{
	return slab_alloc(&watch_slab);
}

void watch_release(struct watch *watch)
{
	slab_free(&watch_slab, watch);
}

uint32_t watch_readiness(void *file)
{
	return openfile_poll(file);
}

bool watch_owner_lives(uint64_t owner)
{
	return label_is_alive(owner);
}

void watch_wake(uint32_t thread)
{
	env_wake(thread);
}

static struct page *page_new(uint32_t account)
{
	uint32_t frame = frames_have_room() ? frame_alloc() : 0, table = frame != 0 ? frame_alloc() : 0;
	if (table == 0) {
		if (frame != 0)
			frame_free(frame);
		return NULL;
	}
	struct page *page = frame_address(table);
	bytes_zero(page, FRAME_BYTES);
	bytes_zero(frame_address(frame), FRAME_BYTES);
	page->watches.words = frame_address(frame);
	page->frame = frame;
	page->table_frame = table;
	page->account = account;
	return page;
}

static void page_free(struct page *page)
{
	uint32_t frame = page->frame, table = page->table_frame;
	quota_release(page->account, QUOTA_PAGES, FRAMES_CHARGED);
	frame_free(frame);
	frame_free(table);
}

static int page_make(uint32_t index, uint32_t account)
{
	if (!quota_charge(account, QUOTA_PAGES, FRAMES_CHARGED))
		return ENOBUFS;
	struct page *page = page_new(account);
	if (!page) {
		quota_release(account, QUOTA_PAGES, FRAMES_CHARGED);
		return ENOMEM;
	}
	int error = env_object_create(FRAME_BYTES, true, 0, &page->object);
	if (error == 0) {
		error = env_object_supply(&page->object, 0, &page->frame, 1);
		if (error != 0)
			(void)env_object_destroy(&page->object);
	}
	if (error != 0) {
		page_free(page);
		return error;
	}
	pages[index] = page;
	pages_used++;
	return 0;
}

/* False: somebody still maps it. */
static bool page_destroy(uint32_t index)
{
	struct page *page = pages[index];
	uint32_t mappings = 0;
	watch_page_clear(&page->watches);
	if (env_object_revoke(&page->object, &mappings) != 0 || mappings != 0 ||
	    env_object_destroy(&page->object) != 0)
		return false;
	page_free(page);
	pages[index] = NULL;
	pages_used--;
	return true;
}

int readiness_open(uint64_t label, const struct env_object **object)
{
	uint32_t index = LABEL_PROCESS(label);
	if (!label_process_of(label))
		return EINVAL;
	if (pages[index] && pages[index]->watches.owner != label_owner(label) && !page_destroy(index))
		return ENOMEM;
	if (!pages[index]) {
		int error = page_make(index, account_of(label));
		if (error != 0)
			return error;
	}
	watch_page_start(&pages[index]->watches, label_owner(label));
	*object = &pages[index]->object;
	return 0;
}

struct watch_page *readiness_page(uint64_t label)
{
	struct page *page = label_process_of(label) ? pages[LABEL_PROCESS(label)] : NULL;
	return page && page->watches.owner == label_owner(label) ? &page->watches : NULL;
}

void readiness_reap(void)
{
	for (uint32_t index = 1; index < LABEL_PROCESSES; index++)
		if (pages[index] && !label_is_alive(pages[index]->watches.owner))
			(void)page_destroy(index);
}

uint32_t readiness_count(void)
{
	return pages_used;
}
