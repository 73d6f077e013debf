/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the files that make up address spaces share among themselves: space.c, fork.c, mapping.c, main.c. */
#pragma once

#include "space.h"

/* Linux' numbers */
#define MEM_EPERM 1
#define MEM_ESRCH 3
#define MEM_EAGAIN 11
#define MEM_ENOMEM 12
#define MEM_EACCES 13
#define MEM_EFAULT 14
#define MEM_EBUSY 16
#define MEM_EEXIST 17
#define MEM_EINVAL 22

/* The pool of region procpages, set at start. */
extern uint32_t process_pages_pool;

/* A registered space with kernel objects and nothing in it; NULL: no memory. */
struct space *space_alloc(bool allow_wx);
/* Removes all areas of a space that ends. */
void areas_discard(struct space *space);
/* A frame of region cache by its index there; FRAME_NONE: there is no such. */
frame_t cache_frame(uint32_t index);
