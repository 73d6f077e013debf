/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Mem objects of mapped files. See object.h for the rule about frames. */
#include "object.h"

#include "data.h"
#include "memory.h"

#define BATCH 512u

static struct slab mapped_slab = SLAB_OF(struct mapped);
static struct mapped *all; /* of living and of abandoned files */

static uint64_t page_count(uint64_t size)
{
	return (size + FRAME_BYTES - 1) >> FRAME_LOG2;
}

/* Makes and hands over the pages [from, to) that mem does not have yet. */
static int supply(struct inode *inode, uint64_t from, uint64_t to)
{
	static uint32_t frames[BATCH];
	struct mapped *mapped = inode->mapped;
	uint64_t page = from < mapped->supplied ? mapped->supplied : from;
	while (page < to) {
		uint32_t *entry = data_entry(&inode->data, page);
		if (entry && (*entry & DATA_SUPPLIED)) {
			page++;
			continue;
		}
		uint64_t first = page;
		uint32_t count = 0;
		for (; page < to && count < BATCH; page++, count++) {
			entry = data_entry(&inode->data, page);
			if (entry && (*entry & DATA_SUPPLIED))
				break;
			frames[count] = data_make(&inode->data, page, true);
			if (frames[count] == 0)
				return ENOMEM;
		}
		int error = env_object_supply(&inode->mapped->object, first, frames, count);
		if (error != 0)
			return error;
		for (uint64_t done = first; done < page; done++)
			*data_entry(&inode->data, done) |= DATA_SUPPLIED;
	}
	if (from <= mapped->supplied && to > mapped->supplied)
		mapped->supplied = to;
	return 0;
}

static int make_object(struct inode *inode)
{
	object_reap();
	if (!quota_charge(inode->account, QUOTA_OBJECTS, 1))
		return ENOBUFS;
	struct mapped *mapped = slab_alloc(&mapped_slab);
	int error = mapped ? 0 : ENOMEM;
	if (error == 0) {
		*mapped = (struct mapped){.inode = inode, .size = inode->size, .account = inode->account};
		error = env_object_create(inode->size, false, inode->ino, &mapped->object);
	}
	if (error != 0) {
		quota_release(inode->account, QUOTA_OBJECTS, 1);
		if (mapped)
			slab_free(&mapped_slab, mapped);
		return error;
	}
	inode->mapped = mapped;
	mapped->next = all;
	if (all)
		all->prev = mapped;
	all = mapped;
	return 0;
}

int object_prepare(struct inode *inode, uint64_t offset, uint64_t length)
{
	if (!inode->mapped) {
		int error = make_object(inode);
		if (error != 0)
			return error;
	}
	uint64_t pages = page_count(inode->size);
	uint64_t from = offset >> FRAME_LOG2;
	uint64_t to =
		length > inode->size || offset > inode->size - length ? pages : page_count(offset + length);
	return from < to ? supply(inode, from, to) : 0;
}

int object_resize(struct inode *inode, uint64_t size)
{
	struct mapped *mapped = inode->mapped;
	uint64_t old_pages = page_count(mapped->size);
	int error = env_object_resize(&mapped->object, size);
	if (error != 0)
		return error;
	mapped->size = size;
	if (mapped->supplied > page_count(size))
		mapped->supplied = page_count(size);
	if (page_count(size) > old_pages && page_count(size) - old_pages <= BATCH)
		return supply(inode, old_pages, page_count(size));
	return 0;
}

void object_written(struct inode *inode, uint64_t offset, uint64_t length)
{
	struct mapped *mapped = inode->mapped;
	if (inode->size > mapped->size) {
		if (env_object_resize(&mapped->object, inode->size) != 0)
			return;
		mapped->size = inode->size;
	}
	/* What cannot be handed over now is handed over by the next object_prepare. */
	(void)!supply(inode, offset >> FRAME_LOG2, page_count(offset + length));
}

static void try_destroy(struct mapped *mapped)
{
	if (env_object_destroy(&mapped->object) == EBUSY)
		return;
	data_free(&mapped->data);
	if (mapped->prev)
		mapped->prev->next = mapped->next;
	else
		all = mapped->next;
	if (mapped->next)
		mapped->next->prev = mapped->prev;
	quota_release(mapped->account, QUOTA_OBJECTS, 1);
	slab_free(&mapped_slab, mapped);
}

void object_abandon(struct inode *inode)
{
	struct mapped *mapped = inode->mapped;
	mapped->data = inode->data;
	mapped->data.fs = NULL; /* it may be unmounted before the last mapping goes */
	inode->fs->pages -= inode->data.pages;
	mapped->inode = NULL;
	inode->mapped = NULL;
	inode->data = (struct data){0};
	try_destroy(mapped);
}

void object_reap(void)
{
	struct mapped *next;
	for (struct mapped *mapped = all; mapped; mapped = next) {
		next = mapped->next;
		if (!mapped->inode)
			try_destroy(mapped);
	}
}

struct inode *object_inode(uint64_t ino)
{
	for (const struct mapped *mapped = all; mapped; mapped = mapped->next)
		if (mapped->inode && mapped->inode->ino == ino)
			return mapped->inode;
	return NULL;
}
