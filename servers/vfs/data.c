/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The radix tree of frames behind a regular file. height 0: `root` is page 0's entry itself; height h: an index frame
 * whose entries lead to trees of height h - 1. Entries of data pages may carry DATA_SUPPLIED (the mem object has the
 * frame, so it is not freed before mem let go); index entries never do.
 */
#include "data.h"

#include <string.h>

#include "memory.h"
#include "object.h"

#define INDEX_LOG2 10u
#define INDEX_ENTRIES (1u << INDEX_LOG2)
#define HEIGHT_MAX 3u

static uint64_t reach(uint32_t height)
{
	return 1ull << (INDEX_LOG2 * height);
}

static uint32_t *index_of(uint32_t entry)
{
	return frame_address(entry & ~DATA_SUPPLIED);
}

uint32_t *data_entry(const struct data *data, uint64_t page)
{
	if (page >= reach(data->height))
		return NULL;
	uint32_t *entry = (uint32_t *)(uintptr_t)&data->root;
	for (uint32_t height = data->height; height > 0; height--) {
		if (*entry == 0)
			return NULL;
		entry = index_of(*entry) + ((page >> (INDEX_LOG2 * (height - 1))) & (INDEX_ENTRIES - 1));
	}
	return entry;
}

uint32_t data_frame(const struct data *data, uint64_t page)
{
	const uint32_t *entry = data_entry(data, page);
	return entry ? *entry & ~DATA_SUPPLIED : 0;
}

static uint32_t new_frame(const struct data *data, bool zero)
{
	if (!quota_charge(data->account, QUOTA_PAGES, 1))
		return 0;
	uint32_t frame = frame_alloc_file();
	if (frame == 0)
		quota_release(data->account, QUOTA_PAGES, 1);
	else if (zero)
		bytes_zero(frame_address(frame), FRAME_BYTES);
	return frame;
}

static void give_frame(const struct data *data, uint32_t *entry)
{
	quota_release(data->account, QUOTA_PAGES, 1);
	frame_free(*entry & ~DATA_SUPPLIED);
	*entry = 0;
}

static bool grow_to(struct data *data, uint64_t page)
{
	while (page >= reach(data->height)) {
		if (data->height == HEIGHT_MAX)
			return false;
		if (data->root != 0) {
			uint32_t frame = new_frame(data, true);
			if (frame == 0)
				return false;
			*index_of(frame) = data->root;
			data->root = frame;
		}
		data->height++;
	}
	return true;
}

uint32_t data_make(struct data *data, uint64_t page, bool zero)
{
	if (!grow_to(data, page))
		return 0;
	uint32_t *entry = &data->root;
	for (uint32_t height = data->height; height > 0; height--) {
		if (*entry == 0)
			*entry = new_frame(data, true);
		if (*entry == 0)
			return 0;
		entry = index_of(*entry) + ((page >> (INDEX_LOG2 * (height - 1))) & (INDEX_ENTRIES - 1));
	}
	if (*entry == 0) {
		struct filesystem *fs = data->fs;
		uint32_t frame = fs->pages_max == 0 || fs->pages < fs->pages_max ? new_frame(data, zero) : 0;
		if (frame == 0)
			return 0;
		*entry = frame;
		data->pages++;
		fs->pages++;
	}
	return *entry & ~DATA_SUPPLIED;
}

static void cut_leaf(struct data *data, uint32_t *entry)
{
	if (*entry == 0)
		return;
	give_frame(data, entry);
	data->pages--;
	if (data->fs)
		data->fs->pages--;
}

/* Cuts the tree below *entry, covering pages from `base`; frees the index frame if all of it goes. Depth at most 3. */
static void cut_level1(struct data *data, uint32_t *entry, uint64_t base, uint64_t from)
{
	if (*entry == 0)
		return;
	uint32_t *index = index_of(*entry);
	for (uint32_t i = from > base ? (uint32_t)(from - base) : 0; i < INDEX_ENTRIES; i++)
		cut_leaf(data, &index[i]);
	if (from <= base)
		give_frame(data, entry);
}

static void cut_level2(struct data *data, uint32_t *entry, uint64_t base, uint64_t from)
{
	if (*entry == 0)
		return;
	uint32_t *index = index_of(*entry);
	for (uint32_t i = from > base ? (uint32_t)((from - base) >> INDEX_LOG2) : 0; i < INDEX_ENTRIES; i++)
		cut_level1(data, &index[i], base + ((uint64_t)i << INDEX_LOG2), from);
	if (from <= base)
		give_frame(data, entry);
}

static void cut_level3(struct data *data, uint32_t *entry, uint64_t from)
{
	if (*entry == 0)
		return;
	uint32_t *index = index_of(*entry);
	for (uint32_t i = (uint32_t)(from >> (2 * INDEX_LOG2)); i < INDEX_ENTRIES; i++)
		cut_level2(data, &index[i], (uint64_t)i << (2 * INDEX_LOG2), from);
	if (from == 0)
		give_frame(data, entry);
}

void data_cut(struct data *data, uint64_t from)
{
	if (from >= reach(data->height))
		return;
	switch (data->height) {
	case 0: cut_leaf(data, &data->root); break;
	case 1: cut_level1(data, &data->root, 0, from); break;
	case 2: cut_level2(data, &data->root, 0, from); break;
	default: cut_level3(data, &data->root, from); break;
	}
	if (from == 0)
		data->height = 0;
}

void data_punch(struct data *data, uint64_t from, uint64_t to)
{
	for (uint64_t page = from; page < to && page < reach(data->height); page++) {
		uint32_t *entry = data_entry(data, page);
		if (!entry)
			page |= INDEX_ENTRIES - 1; /* no index: nothing before the next one */
		if (!entry || *entry == 0)
			continue;
		if (*entry & DATA_SUPPLIED)
			bytes_zero(index_of(*entry), FRAME_BYTES);
		else
			cut_leaf(data, entry);
	}
}

void data_read(const struct data *data, uint64_t offset, void *to, uint64_t length)
{
	uint8_t *out = to;
	uint64_t first = offset >> FRAME_LOG2;
	/* The most common read: a whole page of a file below 4 MiB. */
	if (length == FRAME_BYTES && (offset & (FRAME_BYTES - 1)) == 0 && data->height == 1 &&
	    first < INDEX_ENTRIES && data->root != 0) {
		uint32_t frame = index_of(data->root)[first] & ~DATA_SUPPLIED;
		if (frame != 0) {
			bytes_copy(out, frame_address(frame), FRAME_BYTES);
			return;
		}
	}
	while (length > 0) { /* at most once a page */
		uint64_t in_page = offset & (FRAME_BYTES - 1);
		uint64_t part = FRAME_BYTES - in_page < length ? FRAME_BYTES - in_page : length;
		uint32_t frame = data_frame(data, offset >> FRAME_LOG2);
		if (frame != 0)
			bytes_copy(out, (uint8_t *)frame_address(frame) + in_page, part);
		else
			bytes_zero(out, part);
		out += part;
		offset += part;
		length -= part;
	}
}

int data_write(struct data *data, uint64_t offset, const void *from, uint64_t length, uint64_t *done)
{
	const uint8_t *in = from;
	*done = 0;
	while (*done < length) {
		uint64_t in_page = offset & (FRAME_BYTES - 1);
		uint64_t left = length - *done;
		uint64_t part = FRAME_BYTES - in_page < left ? FRAME_BYTES - in_page : left;
		uint32_t frame = data_make(data, offset >> FRAME_LOG2, part != FRAME_BYTES);
		if (frame == 0)
			return *done > 0 ? 0 : ENOSPC;
		bytes_copy((uint8_t *)frame_address(frame) + in_page, in + *done, part);
		*done += part;
		offset += part;
	}
	return 0;
}

void data_zero_part(struct data *data, uint64_t from, uint64_t to)
{
	uint32_t frame = data_frame(data, from >> FRAME_LOG2);
	if (frame != 0 && to > from)
		bytes_zero((uint8_t *)frame_address(frame) + (from & (FRAME_BYTES - 1)), to - from);
}

int data_seek(const struct data *data, uint64_t size, uint64_t offset, bool want_data, uint64_t *found)
{
	if (offset >= size)
		return ENXIO;
	uint64_t pages = (size + FRAME_BYTES - 1) >> FRAME_LOG2;
	uint64_t page = offset >> FRAME_LOG2;
	while (page < pages) {
		const uint32_t *entry = data_entry(data, page);
		if ((entry && *entry != 0) == want_data)
			break;
		/* Without an index nothing stands until the next index begins. */
		page = entry || page < reach(data->height)
			       ? (entry ? page + 1 : (page | (INDEX_ENTRIES - 1)) + 1)
			       : pages;
	}
	if (page >= pages) {
		*found = size;
		return want_data ? ENXIO : 0;
	}
	uint64_t at = page << FRAME_LOG2;
	*found = at > offset ? at : offset;
	return 0;
}

int data_resize(struct inode *inode, uint64_t size)
{
	if (size > FILE_SIZE_MAX)
		return EFBIG;
	if (inode->mapped) {
		int error = object_resize(inode, size);
		if (error != 0)
			return error;
	}
	if (size < inode->size) {
		data_cut(&inode->data, (size + FRAME_BYTES - 1) >> FRAME_LOG2);
		uint64_t page_end = (size + FRAME_BYTES - 1) & ~(uint64_t)(FRAME_BYTES - 1);
		if (size != page_end)
			data_zero_part(&inode->data, size, page_end);
	}
	inode->size = size;
	return 0;
}

int data_store(struct inode *inode, uint64_t offset, const void *from, uint64_t length, uint64_t *done)
{
	*done = 0;
	if (offset > FILE_SIZE_MAX)
		return EFBIG;
	if (length > FILE_SIZE_MAX - offset)
		length = FILE_SIZE_MAX - offset;
	if (length == 0)
		return EFBIG;
	int error = data_write(&inode->data, offset, from, length, done);
	if (offset + *done > inode->size && *done > 0)
		inode->size = offset + *done;
	if (inode->mapped && *done > 0)
		object_written(inode, offset, *done);
	return error;
}

int data_reserve(struct inode *inode, uint64_t offset, uint64_t length)
{
	uint64_t last = (offset + length - 1) >> FRAME_LOG2;
	struct frame_counts counts = frames_count();
	if (last - (offset >> FRAME_LOG2) >= counts.total)
		return ENOSPC;
	for (uint64_t page = offset >> FRAME_LOG2; page <= last; page++)
		if (data_make(&inode->data, page, true) == 0)
			return ENOSPC;
	return 0;
}
