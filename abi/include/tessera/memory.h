/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Structures and numbers of the mem protocol. */
#pragma once

#include <tessera/types.h>

#define MEM_BADGE_KIND(badge) ((uint32_t)((badge) >> 60))
#define MEM_BADGE_SPACE 1u   /* a process, for its own address space */
#define MEM_BADGE_FAULT 2u   /* page faults of an address space */
#define MEM_BADGE_OBJECT 3u  /* a mem object; bit 59: shared writing allowed */
#define MEM_BADGE_PROC 4u    /* control: proc */
#define MEM_BADGE_VFS 5u     /* control: vfs */
#define MEM_BADGE_OBJECT_WRITE (1ull << 59)

#define MAP_PERSONALITY 0x80000000u

/* as_maps record */
#define MEM_AREA_READ 1u
#define MEM_AREA_WRITE 2u
#define MEM_AREA_EXEC 4u
#define MEM_AREA_SHARED 8u
#define MEM_AREA_HEAP 16u
#define MEM_AREA_STACK 32u
struct mem_area {
	uint64_t start, end, offset;
	uint64_t name; /* of the object (inode), 0: anonymous */
	uint32_t flags, resident_pages;
};
static_assert(sizeof(struct mem_area) == 40, "mem_area is ABI");
