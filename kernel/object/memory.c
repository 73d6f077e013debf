/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Memory: a contiguous run of frames.  Sub-ranges with fewer rights, and Views of it.
 */
#include <kernel/handlers.h>

#include <memory.h>
#include <queue.h>

#define USER_PAGES (USER_TOP >> PAGE_SHIFT)

enum tessera_error invoke_memory_derive(struct thread *self, struct slot *cap, const struct slot_place *dst)
{
	uint64_t first = ctx_arg(&self->ctx, 2), pages = ctx_arg(&self->ctx, 3);

	if (pages == 0 || first >= cap->data[0] || pages > cap->data[0] - first)
		return E_RANGE;
	enum tessera_error error = cap_derive(cap, dst->slot, (uint32_t)ctx_arg(&self->ctx, 4), true);

	if (error != E_OK)
		return error;
	dst->slot->badge = cap->badge + first;
	dst->slot->data[0] = pages;
	return E_OK;
}

/* The window of a new View: 0 pages stand for the whole user half. */
static enum tessera_error check_window(uint64_t *window, uint64_t *pages)
{
	if (*pages == 0) {
		*window = 0;
		*pages = USER_PAGES;
	}
	if (*window % PAGE_SIZE != 0)
		return E_ALIGN;
	if (*window >= USER_TOP || *pages > USER_PAGES - (*window >> PAGE_SHIFT))
		return E_RANGE;
	return E_OK;
}

enum tessera_error invoke_memory_attach(struct thread *self, struct slot *cap, struct slot *vspace,
					const struct slot_place *dst)
{
	uint64_t window = ctx_arg(&self->ctx, 3), pages = ctx_arg(&self->ctx, 4);
	uint32_t rights = (uint32_t)ctx_arg(&self->ctx, 5) & slot_rights(cap);
	enum tessera_error error = check_window(&window, &pages);

	if (error == E_OK)
		error = cap_make_origin(cap, dst, slot_word(CAP_VIEW, rights, 0, slot_object(vspace)),
					window);
	if (error != E_OK)
		return error;
	dst->slot->detail = cap->detail;
	dst->slot->data[0] = pages;
	dst->slot->data[1] = cap->badge;
	dst->slot->data[2] = cap->data[0];
	slot_ring_append(&vspace_at(slot_object(vspace))->views, dst->slot);
	return E_OK;
}
