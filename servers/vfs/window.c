/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Transfer windows: one a thread, found again by the thread's label (after exec its old mapping is gone, the window serves
 * again). A dead process's window is taken by the next one that needs that size: first every capability to it is revoked, then
 * mem must say that nothing maps it, then its contents are cleared.
 */
#include "object.h"

#include "memory.h"

#define WINDOWS_MAX (2u * LABEL_THREADS) /* number = thread index; upper half: still mapped after its thread's end */

struct window_slot {
	struct window window;
	uint32_t is_made;
};

#define SLOTS_PER_FRAME (FRAME_BYTES / sizeof(struct window_slot))
#define CHUNKS (WINDOWS_MAX / SLOTS_PER_FRAME + 1)

static struct window_slot *chunks[CHUNKS];
static uint32_t windows_high, windows_open;
static uint32_t sweep_at;

static struct window_slot *slot_of(uint32_t number)
{
	if (number >= WINDOWS_MAX || !chunks[number / SLOTS_PER_FRAME])
		return NULL;
	return &chunks[number / SLOTS_PER_FRAME][number % SLOTS_PER_FRAME];
}

static struct window_slot *make_slot(uint32_t number)
{
	if (number == 0 || number >= WINDOWS_MAX)
		return NULL;
	if (!chunks[number / SLOTS_PER_FRAME]) {
		uint32_t frame = frame_alloc_table();
		if (frame == 0)
			return NULL;
		chunks[number / SLOTS_PER_FRAME] = frame_address(frame);
	}
	if (number >= windows_high)
		windows_high = number + 1;
	return slot_of(number);
}

/* Clients can no longer reach the window. */
static bool reclaim(struct window_slot *slot)
{
	uint32_t mappings = 0;
	return env_object_revoke(&slot->window.object, &mappings) == 0 && mappings == 0;
}

static bool destroy(struct window_slot *slot)
{
	if (!reclaim(slot) || env_object_destroy(&slot->window.object) != 0)
		return false;
	frame_run_free(slot->window.first, slot->window.order);
	slot->window = (struct window){0};
	slot->is_made = 0;
	windows_open--;
	return true;
}

static int create(struct window_slot *slot, uint32_t order)
{
	uint32_t frames[WINDOW_MAX_BYTES / FRAME_BYTES];
	uint32_t first = frame_run_alloc(order);
	if (first == 0)
		return ENOMEM;
	for (uint32_t i = 0; i < (1u << order); i++)
		frames[i] = first + i;
	struct window *window = &slot->window;
	int error = env_object_create((uint64_t)FRAME_BYTES << order, true, 0, &window->object);
	if (error == 0)
		error = env_object_supply(&window->object, 0, frames, 1u << order);
	if (error != 0) {
		frame_run_free(first, order);
		return error;
	}
	window->first = first;
	window->order = order;
	slot->is_made = 1;
	windows_open++;
	return 0;
}

/* A window that its process still maps though its thread is gone makes room for the index's next thread. */
static bool set_aside(struct window_slot *slot, uint32_t number)
{
	struct window_slot *other = make_slot(number);
	if (!other || (other->is_made && !destroy(other)))
		return false;
	*other = *slot;
	*slot = (struct window_slot){0};
	return true;
}

static bool is_orphan(const struct window_slot *slot)
{
	return slot->is_made && !label_is_alive(slot->window.label);
}

/* Takes over the window of a dead process with the right size: a few are looked at each time. */
static bool take_over(struct window_slot *slot, uint32_t order)
{
	for (uint32_t looked = 0; looked < 64 && looked < windows_high; looked++) {
		sweep_at = sweep_at + 1 < windows_high ? sweep_at + 1 : 1;
		struct window_slot *other = slot_of(sweep_at);
		if (!other || other == slot || !is_orphan(other) || other->window.order != order)
			continue;
		if (!reclaim(other))
			continue;
		slot->window = other->window;
		slot->is_made = 1;
		other->window = (struct window){0};
		other->is_made = 0;
		bytes_zero(frame_address(slot->window.first), (uint64_t)FRAME_BYTES << order);
		return true;
	}
	return false;
}

int window_open(const struct caller *caller, uint32_t bytes, uint32_t *number, const struct window **out)
{
	if (bytes == 0 || bytes > WINDOW_MAX_BYTES || (caller->label & LABEL_NATIVE))
		return EINVAL;
	uint32_t order = 0;
	while ((FRAME_BYTES << order) < bytes)
		order++;
	*number = LABEL_THREAD(caller->label);
	struct window_slot *slot = make_slot(*number);
	if (!slot)
		return ENOMEM;
	bool same = slot->is_made && slot->window.order == order;
	if (slot->is_made && (!same || slot->window.label != caller->label)) {
		/* Another size, or of the thread that had this index before: reuse the memory only when nobody sees it. */
		if (same && reclaim(slot))
			bytes_zero(frame_address(slot->window.first), (uint64_t)FRAME_BYTES << order);
		else if (!destroy(slot) && !set_aside(slot, *number + LABEL_THREADS))
			return EBUSY;
	}
	if (!slot->is_made && !take_over(slot, order)) {
		int error = create(slot, order);
		if (error != 0)
			return error;
	}
	slot->window.label = caller->label;
	*out = &slot->window;
	return 0;
}

void *window_memory(uint64_t label, uint32_t number, uint32_t *size)
{
	const struct window_slot *slot = slot_of(number);
	if (!slot || !slot->is_made || label_owner(slot->window.label) != label_owner(label))
		return NULL;
	*size = FRAME_BYTES << slot->window.order;
	return frame_address(slot->window.first);
}

void window_reap(void)
{
	for (uint32_t number = 1; number < windows_high; number++) {
		struct window_slot *slot = slot_of(number);
		if (slot && is_orphan(slot))
			(void)!destroy(slot);
	}
}

uint32_t window_count(void)
{
	return windows_open;
}
