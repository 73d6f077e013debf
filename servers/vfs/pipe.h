/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Pipes and FIFOs: a ring of 64 KiB in frames that come as they are needed. */
#pragma once

#include "vfs.h"

#define PIPE_ATOMIC 4096u

int pipe_new(struct inode *inode); /* gives the inode its ring; ENOMEM */
void pipe_free(struct inode *inode);
uint32_t pipe_count(void);
/* One more or one less open end; waiters learn of it. */
void pipe_open_end(struct inode *inode, bool reads, bool writes);
void pipe_close_end(struct inode *inode, bool reads, bool writes);
/* Opening a FIFO by name: 0 when it can be opened now, ST_WOULD_BLOCK, ENXIO, ENOMEM. */
int pipe_fifo_open(struct inode *inode, const struct caller *caller, uint32_t flags);
int pipe_read(struct inode *inode, const struct caller *caller, void *to, uint32_t length, uint32_t *done);
int pipe_write(struct inode *inode, const struct caller *caller, const void *from, uint32_t length,
	       uint32_t *done);
/* Puts the last `bytes` taken bytes back; nothing was written since. */
void pipe_unread(struct inode *inode, uint32_t bytes);
uint32_t pipe_poll(const struct inode *inode, bool reads, bool writes);
int pipe_set_capacity(struct inode *inode, const struct caller *caller, uint64_t bytes, uint64_t *result);
