/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Transfer windows: one a thread, found again by the thread's label (after exec its old mapping is gone, the window serves
 * again). A dead process's window is taken by the next one that needs that size: first every capability to it is revoked, then
 * mem must say that nothing maps it, then its contents are cleared.
 */
#include "object.h"

#include "memory.h"

#define WINDOWS_MAX 8192u

struct window_slot {
	struct window window;
	uint32_t is_made;
};

#define SLOTS_PER_FRAME (FRAME_BYTES / sizeof(struct window_slot))
#define CHUNKS (WINDOWS_MAX / SLOTS_PER_FRAME + 1)

static struct window_slot *chunks[CHUNKS];
static uint16_t by_thread[LABEL_THREADS]; /* number of the window last made for a thread index; 0: none */
static uint32_t windows_high = 1, windows_open;
static uint32_t sweep_at;

static struct window_slot *slot_of(uint32_t number)
{
	if (number == 0 || number >= windows_high)
		return NULL;
	return &chunks[number / SLOTS_PER_FRAME][number % SLOTS_PER_FRAME];
}

/* A number without a window. */
static struct window_slot *free_slot(uint32_t *number)
{
	if (windows_open + 1 < windows_high) {
		for (*number = 1; *number < windows_high; (*number)++)
			if (!slot_of(*number)->is_made)
				return slot_of(*number);
	}
	if (windows_high >= WINDOWS_MAX)
		return NULL;
	uint32_t chunk = windows_high / SLOTS_PER_FRAME;
	if (!chunks[chunk]) {
		uint32_t frame = frame_alloc_table();
		if (frame == 0)
			return NULL;
		chunks[chunk] = frame_address(frame);
	}
	*number = windows_high++;
	return slot_of(*number);
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
	quota_release(slot->window.account, QUOTA_WINDOWS, 1u << slot->window.order);
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
	if (error == 0) {
		error = env_object_supply(&window->object, 0, frames, 1u << order);
		if (error != 0)
			(void)env_object_destroy(&window->object);
	}
	if (error != 0) {
		frame_run_free(first, order);
		return error;
	}
	window->first = first;
	window->order = order;
	window->account = QUOTA_ROOT; /* until it is given to somebody */
	(void)quota_charge(QUOTA_ROOT, QUOTA_WINDOWS, 1u << order);
	slot->is_made = 1;
	windows_open++;
	return 0;
}

static bool is_orphan(const struct window_slot *slot)
{
	return slot->is_made && !label_is_alive(slot->window.label);
}

/* The window of a dead process with the right size, cleared: a few are looked at each time. 0: none. */
static uint32_t take_over(uint32_t order)
{
	for (uint32_t looked = 0; looked < 64 && looked + 1 < windows_high; looked++) {
		sweep_at = sweep_at + 1 < windows_high ? sweep_at + 1 : 1;
		struct window_slot *slot = slot_of(sweep_at);
		if (!is_orphan(slot) || slot->window.order != order || !reclaim(slot))
			continue;
		bytes_zero(frame_address(slot->window.first), (uint64_t)FRAME_BYTES << order);
		return sweep_at;
	}
	return 0;
}

/* The thread's own window, if it has one of that size. */
static uint32_t find_own(uint64_t label, uint32_t order)
{
	uint32_t number = by_thread[LABEL_THREAD(label) % LABEL_THREADS];
	struct window_slot *slot = slot_of(number);
	if (!slot || !slot->is_made || slot->window.label != label)
		return 0;
	if (slot->window.order == order)
		return number;
	(void)destroy(slot); /* still mapped: it goes with the process */
	return 0;
}

/* Who has it pays for it. The caller has seen that the account has room. */
static void give_to(struct window *window, uint64_t label, uint32_t account)
{
	uint64_t frames = 1u << window->order;
	quota_release(window->account, QUOTA_WINDOWS, frames);
	window->account = quota_charge(account, QUOTA_WINDOWS, frames) ? account : QUOTA_ROOT;
	if (window->account != account)
		(void)quota_charge(QUOTA_ROOT, QUOTA_WINDOWS, frames);
	window->label = label;
}

int window_open(const struct caller *caller, uint32_t bytes, uint32_t *number, const struct window **out)
{
	if (bytes == 0 || bytes > WINDOW_MAX_BYTES || (caller->label & LABEL_NATIVE))
		return EINVAL;
	uint32_t order = 0;
	while ((FRAME_BYTES << order) < bytes)
		order++;
	*number = find_own(caller->label, order);
	uint32_t account = account_of(caller->label);
	if (*number == 0 && !quota_has_room(account, QUOTA_WINDOWS, 1u << order)) {
		window_reap(); /* some may be charged for the dead */
		if (!quota_has_room(account, QUOTA_WINDOWS, 1u << order))
			return ENOBUFS;
	}
	if (*number == 0)
		*number = take_over(order);
	if (*number == 0) {
		struct window_slot *slot = free_slot(number);
		int error = slot ? create(slot, order) : ENOMEM;
		if (error != 0)
			return error;
	}
	struct window_slot *slot = slot_of(*number);
	give_to(&slot->window, caller->label, account);
	by_thread[LABEL_THREAD(caller->label) % LABEL_THREADS] = (uint16_t)*number;
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
		if (is_orphan(slot))
			(void)!destroy(slot);
	}
}

uint32_t window_count(void)
{
	return windows_open;
}
