/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: page table geometry and the encoding of entries that user mappings use.
 *
 * Pure inlines, no state: the host build uses this header too.  Source: Intel SDM volume 3, chapter 4
 * (4-level paging).  The PAT is programmed by arch/x86_64/cpu.c: index 0 write-back, 1 write-combining,
 * 2 uncached-, 3 uncached, so that PWT and PCD alone choose and the PAT bit stays zero.
 *
 * An entry whose rights are taken away completely (PROT_NONE) keeps its frame: PTE_HELD stands for the
 * present bit then.  pte_present means "in use"; the processor sees such a page as absent.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <paddr.h>
#include <tessera/types.h>

typedef uint64_t pte_t;

#define PT_LEVELS 4u
#define PT_ENTRIES 512u
#define USER_PT_ENTRIES 256u
#define PAGE_SHIFT 12u
#define PAGE_SIZE 4096ull
#define LARGE_PAGE_PAGES 512u

#define PTE_PRESENT 0x1ull
#define PTE_WRITE 0x2ull
#define PTE_USER 0x4ull
#define PTE_PWT 0x8ull
#define PTE_PCD 0x10ull
#define PTE_ACCESSED 0x20ull
#define PTE_DIRTY 0x40ull
#define PTE_LARGE 0x80ull
#define PTE_GLOBAL 0x100ull
#define PTE_HELD 0x200ull /* software: in use without any right */
#define PTE_KEPT 0x400ull /* software: a page of the kernel's (message page, time page), not a View's */
#define PTE_NX 0x8000000000000000ull
#define PTE_ADDRESS 0x000ffffffffff000ull

/* Index into a table of that level; level 0 is the leaf table. */
static inline unsigned int pt_index(uint64_t va, unsigned int level)
{
	return (unsigned int)(va >> (PAGE_SHIFT + 9u * level)) & (PT_ENTRIES - 1u);
}

/* Bytes one entry of that level covers. */
static inline uint64_t pt_span(unsigned int level)
{
	return PAGE_SIZE << (9u * level);
}

/* An entry that points to the next table. */
static inline pte_t pte_table(paddr_t table)
{
	return table.raw | PTE_PRESENT | PTE_WRITE | PTE_USER;
}

/* The bits that rights (RIGHT_READ, RIGHT_WRITE, RIGHT_EXECUTE) stand for. */
static inline pte_t pte_rights_bits(uint32_t rights)
{
	if ((rights & (RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE)) == 0)
		return PTE_HELD | PTE_NX;
	return PTE_PRESENT | ((rights & RIGHT_WRITE) ? PTE_WRITE : 0) |
	       ((rights & RIGHT_EXECUTE) ? 0 : PTE_NX);
}

/* An entry that maps a page: level 0 4 KiB, level 1 2 MiB, level 2 1 GiB.  flags: RIGHT_* and MAP_*. */
static inline pte_t pte_leaf(paddr_t frame, uint32_t flags, unsigned int level)
{
	pte_t entry = frame.raw | PTE_USER | pte_rights_bits(flags);

	if (flags & MAP_UNCACHED)
		entry |= PTE_PCD | PTE_PWT;
	else if (flags & MAP_WRITE_COMBINE)
		entry |= PTE_PWT;
	return level > 0 ? entry | PTE_LARGE : entry;
}

static inline bool pte_present(pte_t entry)
{
	return (entry & (PTE_PRESENT | PTE_HELD)) != 0;
}

/* Whether an entry of that level points to a table. */
static inline bool pte_is_table(pte_t entry, unsigned int level)
{
	return level > 0 && (entry & (PTE_PRESENT | PTE_LARGE)) == PTE_PRESENT;
}

/* The frame or table it points to. */
static inline paddr_t pte_address(pte_t entry)
{
	return (paddr_t){entry & PTE_ADDRESS};
}

static inline uint32_t pte_rights(pte_t entry)
{
	if (!(entry & PTE_PRESENT))
		return 0;
	return RIGHT_READ | ((entry & PTE_WRITE) ? RIGHT_WRITE : 0) | ((entry & PTE_NX) ? 0 : RIGHT_EXECUTE);
}

/* The MAP_* flags it was made with. */
static inline uint32_t pte_cache_flags(pte_t entry)
{
	if (entry & PTE_PCD)
		return MAP_UNCACHED;
	return (entry & PTE_PWT) ? MAP_WRITE_COMBINE : 0;
}

/* The same leaf with other rights; what the processor recorded (accessed, dirty) stays. */
static inline pte_t pte_with_rights(pte_t entry, uint32_t rights)
{
	return (entry & ~(PTE_PRESENT | PTE_HELD | PTE_WRITE | PTE_NX)) | pte_rights_bits(rights);
}

static inline bool pte_accessed(pte_t entry)
{
	return (entry & PTE_ACCESSED) != 0;
}

static inline bool pte_dirty(pte_t entry)
{
	return (entry & PTE_DIRTY) != 0;
}

/* Pages that are not mapped through a View carry a mark: no unmap, protect or View touches them. */
static inline bool pte_is_kept(pte_t entry)
{
	return (entry & PTE_KEPT) != 0;
}

static inline pte_t pte_keep(pte_t entry)
{
	return entry | PTE_KEPT;
}

/*
 * Cutting a leaf's rights without decoding it, for loops over many: (entry & ~pte_cut_clear(r)) | pte_cut_set(r) has the
 * rights it had and r has, not accessed and not dirty.  r holds RIGHT_READ.
 */
static inline pte_t pte_cut_clear(uint32_t rights)
{
	return PTE_ACCESSED | PTE_DIRTY | ((rights & RIGHT_WRITE) ? 0 : PTE_WRITE);
}

static inline pte_t pte_cut_set(uint32_t rights)
{
	return (rights & RIGHT_EXECUTE) ? 0 : PTE_NX;
}
