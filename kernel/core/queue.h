/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Rings of threads through queue_next and queue_prev: what the run queue, endpoints and notifications wait in; and rings of
 * slots through link_next and link_prev: due notices, a VSpace's Views and its donated Untypeds.
 *
 * A head is the index of the first thread, 0 for an empty ring; first->queue_prev is the last.  All operations take
 * constant time.  List code only: states and bitmaps belong to the owners of the heads.
 */
#pragma once

#include <slot_access.h>
#include <thread.h>

/* Puts a thread, which is in no ring, last. */
static ALWAYS_INLINE void ring_append(thread_ref *head, struct thread *thread)
{
	thread_ref ref = thread_ref_of(thread);

	if (*head == 0) {
		thread->queue_next = ref;
		thread->queue_prev = ref;
		*head = ref;
		return;
	}
	struct thread *first = thread_at(*head);

	thread->queue_next = *head;
	thread->queue_prev = first->queue_prev;
	thread_at(first->queue_prev)->queue_next = ref;
	first->queue_prev = ref;
}

/* Takes a thread out of the ring it is in. */
static ALWAYS_INLINE void ring_remove(thread_ref *head, struct thread *thread)
{
	thread_ref ref = thread_ref_of(thread);

	if (thread->queue_next == ref) {
		*head = 0;
	} else {
		thread_at(thread->queue_prev)->queue_next = thread->queue_next;
		thread_at(thread->queue_next)->queue_prev = thread->queue_prev;
		if (*head == ref)
			*head = thread->queue_next;
	}
	thread->queue_next = 0;
	thread->queue_prev = 0;
}

/* Takes the first out and puts another thread last; the ring is not empty. */
static ALWAYS_INLINE struct thread *ring_exchange(thread_ref *head, struct thread *thread)
{
	thread_ref ref = thread_ref_of(thread);
	struct thread *first = thread_at(*head);

	if (first->queue_next == *head) {
		thread->queue_next = ref;
		thread->queue_prev = ref;
		*head = ref;
	} else { /* the place of the first is behind the last */
		thread->queue_next = first->queue_next;
		thread->queue_prev = first->queue_prev;
		thread_at(first->queue_prev)->queue_next = ref;
		thread_at(first->queue_next)->queue_prev = ref;
		*head = first->queue_next;
	}
	first->queue_next = 0;
	first->queue_prev = 0;
	return first;
}

/* Puts a slot, which is in no ring, last. */
static inline void slot_ring_append(slot_ref *head, struct slot *slot)
{
	slot_ref ref = slot_index(slot);

	if (*head == 0)
		*head = ref;
	struct slot *first = slot_at(*head);

	slot->link_next = *head;
	slot->link_prev = first == slot ? ref : first->link_prev;
	slot_at(slot->link_prev)->link_next = ref;
	first->link_prev = ref;
}

/* Takes a slot out of the ring it is in. */
static inline void slot_ring_remove(slot_ref *head, struct slot *slot)
{
	if (*head == slot_index(slot))
		*head = slot->link_next != *head ? slot->link_next : 0;
	slot_at(slot->link_prev)->link_next = slot->link_next;
	slot_at(slot->link_next)->link_prev = slot->link_prev;
	slot->link_next = 0;
	slot->link_prev = 0;
}

/* The content of a slot of a ring has moved here from old_place. */
static inline void slot_ring_moved(slot_ref *head, struct slot *slot, slot_ref old_place)
{
	slot_ref ref = slot_index(slot);

	if (slot->link_next == old_place) { /* it was alone */
		slot->link_next = ref;
		slot->link_prev = ref;
	}
	slot_at(slot->link_prev)->link_next = ref;
	slot_at(slot->link_next)->link_prev = ref;
	if (*head == old_place)
		*head = ref;
}
