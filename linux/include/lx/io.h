/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Transfers between a program's buffers and an open file: up to 3,040 bytes in the message, more through the thread's window.
 */
#pragma once

#include "lx/files.h"

#define LX_OWN_OFFSET (~0ull)
#define LX_IO_MAX 0x7ffff000ull /* Linux' longest single transfer */
#define LX_IOV_MAX 1024u

struct lx_iovec {
	uint64_t base, length;
};

struct lx_io {
	struct lx_thread *self;
	cap_t file;
	int32_t fd;
	uint32_t count;
	const struct lx_iovec *iov;
	uint64_t total;
	uint64_t offset; /* LX_OWN_OFFSET: the file's own */
};

long lx_io_read(struct lx_io *io);
long lx_io_write(struct lx_io *io);
/* The thread's window: its address, or 0. */
char *lx_window(struct lx_thread *self);
