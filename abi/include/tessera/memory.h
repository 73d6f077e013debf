/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Structures and numbers of the mem protocol. */
#pragma once

#include <tessera/types.h>

#define MEM_BADGE_KIND(badge) ((uint32_t)((badge) >> 60))
#define MEM_BADGE_SPACE 1u  /* a process, for its own address space */
#define MEM_BADGE_FAULT 2u  /* page faults of an address space */
#define MEM_BADGE_OBJECT 3u /* a mem object; bit 59: shared writing allowed */
#define MEM_BADGE_PROC 4u   /* control: proc */
#define MEM_BADGE_VFS 5u    /* control: vfs */
#define MEM_BADGE_OBJECT_WRITE (1ull << 59)

#define MAP_PERSONALITY 0x80000000u

/*
 * mem.query's flags carry the area's MAP_SHARED, MAP_PRIVATE, MAP_GROWSDOWN, and why a fault at the address was answered
 * FAULT_RAISE, beyond what prot tells (no area: status ENOMEM, SEGV_MAPERR; prot forbids the access: SEGV_ACCERR):
 */
#define MEM_QUERY_BUS \
	0x10000000u /* the page lies past the end of the object, or its frame is missing: SIGBUS, BUS_ADRERR */
#define MEM_QUERY_OOM 0x20000000u /* no memory was left for it: SIGKILL */
#define MEM_QUERY_SHARED \
	0x40000000u /* a futex there is shared: mem's queues (anonymous or file memory mapped MAP_SHARED) */

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
