/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Contents of regular files: frames in a radix tree, holes, growing, shrinking, searching. */
#pragma once

#include "vfs.h"

/* The frame of a page, 0 for a hole. */
uint32_t data_frame(const struct data *data, uint64_t page);
/* The entry (with DATA_SUPPLIED) of a page, NULL if no index reaches it. */
uint32_t *data_entry(const struct data *data, uint64_t page);
/* The frame of a page, made (zeroed unless fresh tells otherwise) if it was a hole; 0: no memory. */
uint32_t data_make(struct data *data, uint64_t page, bool zero);
/* Frees everything from a page on (also index frames that became empty when from is 0). */
void data_cut(struct data *data, uint64_t from);
/* Frees the pages [from, to): holes. Pages the mem object holds are zeroed instead. */
void data_punch(struct data *data, uint64_t from, uint64_t to);
static inline void data_free(struct data *data)
{
	data_cut(data, 0);
}
/* Copies [offset, +length) out, holes as zeros; the caller has cut length to the size. */
void data_read(const struct data *data, uint64_t offset, void *to, uint64_t length);
/* Copies in; *done bytes. ENOSPC when nothing could be written for want of frames. */
int data_write(struct data *data, uint64_t offset, const void *from, uint64_t length, uint64_t *done);
/* Zeroes a part of a page if it exists. */
void data_zero_part(struct data *data, uint64_t from, uint64_t to);
/* SEEK_DATA (want_data) or SEEK_HOLE below size; ENXIO past the end. */
int data_seek(const struct data *data, uint64_t size, uint64_t offset, bool want_data, uint64_t *found);

/* On an inode: new size (mem object told first); write that extends; allocation. */
int data_resize(struct inode *inode, uint64_t size);
int data_store(struct inode *inode, uint64_t offset, const void *from, uint64_t length, uint64_t *done);
int data_reserve(struct inode *inode, uint64_t offset, uint64_t length);
