/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Untyped, Memory, Views and address spaces, as the rest of the kernel uses them.
 *
 * Invariant: every user PTE points into the Memory of a live View of that space with no more rights than it has,
 * except entries marked kept (pte_is_kept): message pages of live Threads, the time page, root's boot image.
 */
#pragma once

#include <cspace.h>

/* The second page of a VSpace object; the first is the root table.  vspace_ref: index of the first page. */
struct vspace {
	slot_ref views;		 /* ring of its Views through link_*, 0: none */
	slot_ref tables_first;	 /* ring of donated Untypeds through link_*: the oldest; 0: none */
	slot_ref tables_current; /* tables are taken from this one on */
	uint32_t free_first;	 /* object_index of the first returned table; linked by their first words */
	uint32_t tables_free;	 /* how many those are */
	uint32_t tables_used;	 /* tables in the tree, without the root */
	uint8_t allow_wx;
	uint8_t is_dying;
};

static ALWAYS_INLINE struct vspace *vspace_at(vspace_ref ref)
{
	return (struct vspace *)phys_to_ptr((paddr_t){((uint64_t)ref << SLOT_SHIFT) + PAGE_SIZE});
}

/* (The hooks of the architecture and thread.vspace_root take the address of the root table: object_address.) */
static ALWAYS_INLINE pte_t *vspace_root(vspace_ref ref)
{
	return (pte_t *)phys_to_ptr(object_address(ref));
}

/* Initialises a zeroed VSpace object (VSPACE_BYTES, aligned to them). flags 1: allow_wx. */
void vspace_init(vspace_ref ref, uint32_t flags);
/* Boot: gives a free page to the VSpace's pool of tables. */
void vspace_add_table_page(vspace_ref ref, paddr_t page);

/*
 * Maps a page that is not a View's: message page, time page, root's image and boot pages.  The entry is marked kept:
 * no unmap, protect or View removes it.  The very same mapping again is E_OK.
 * E_ALIGN, E_RANGE (user half), E_NO_TABLE, E_MAPPED.
 */
MUST_CHECK enum tessera_error vspace_map_kernel_page(vspace_ref ref, uint64_t va, paddr_t page,
						     uint32_t rights);
/* Clears that mapping if it is (still) there. */
void vspace_unmap_kernel_page(vspace_ref ref, uint64_t va, paddr_t page);

/* What deletion calls: one bounded step; true: finished. The slot or origin has been marked dying. */
MUST_CHECK bool vspace_destroy_step(vspace_ref ref);
MUST_CHECK bool view_destroy_step(struct slot *view);
/* A donated Untyped leaves its VSpace, whose user half is cleared first. Constant time. */
void vspace_take_back_tables(struct slot *untyped);
/* Whether count pages from va on lie in the window of a View: E_ALIGN, E_RANGE. */
static ALWAYS_INLINE MUST_CHECK enum tessera_error view_check_window(const struct slot *view, uint64_t va,
								     uint64_t count)
{
	uint64_t offset = (va - view->badge) >> PAGE_SHIFT;

	if ((va & (PAGE_SIZE - 1u)) != 0)
		return E_ALIGN;
	if (va < view->badge || offset > view->data[0] || count > view->data[0] - offset)
		return E_RANGE;
	return E_OK;
}

/* An origin has moved: what points to its slot follows. */
void vspace_slot_moved(struct slot *new_place, slot_ref old_place);

/* A zero watermark when there are no children any more. */
void untyped_reset_if_unused(struct slot *untyped);
