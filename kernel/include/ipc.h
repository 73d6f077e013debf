/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Endpoints, Replies, Notifications and interrupt lines, as the rest of the kernel uses them.
 *
 * A Reply capability stands only in its slot: it is NOT in the derivation list (next = prev = 0) and has no
 * descendants; its word's object index is the waiting Thread, 0 once that thread waits no more (dead Reply).
 */
#pragma once

#include <object.h>

static ALWAYS_INLINE struct endpoint *endpoint_at(endpoint_ref ref)
{
	return (struct endpoint *)phys_to_ptr((paddr_t){ (uint64_t)ref * 64u });
}

static ALWAYS_INLINE struct notification *notification_at(notification_ref ref)
{
	return (struct notification *)phys_to_ptr((paddr_t){ (uint64_t)ref * 64u });
}

/* ---- what capability deletion calls ----------------------------------------------------------------- */

/* One bounded step of an Endpoint's death: wakes waiters with E_REVOKED, forgets notices. True: finished.
 * Call after the origin's slot has been marked dying, so that nobody queues again. */
MUST_CHECK bool endpoint_destroy(endpoint_ref ref);
/* The same for a Notification: waiters get E_REVOKED, the bound thread and interrupt lines are unbound. */
MUST_CHECK bool notification_destroy(notification_ref ref);
/* The Reply in this slot is deleted: a waiting caller gets E_DEAD (a faulted thread stays stopped). The deleter
 * empties the slot. */
void reply_destroy(struct slot *reply);
/* The Reply moved to another slot (the word has been copied already). */
void reply_moved(struct slot *new_place);
/* The Irq origin is deleted: the line is masked, unbound and free. */
void irq_destroy(const struct slot *irq);

/* ---- drop notices --------------------------------------------------------------------------------------- */

/* To be called when an anchor may have lost its last descendant, and when one has been minted (armed). Queues the notice if
 * the anchor is armed, not dying and has no descendants, and wakes a receiver. */
void notice_check(struct slot *anchor);
/* Takes an anchor out of its endpoint's ring: before it is emptied or moved (then notice_check the new place). */
void notice_unlink(struct slot *anchor);

/* ---- used inside core/ and object/ -------------------------------------------------------------------- */

/* Ors bits into the word and wakes whoever waits for it. */
void notification_signal_bits(notification_ref ref, uint64_t bits);

/* A sender, receiver or waiter leaves the queue it stands in (timeout, suspension, death). */
void endpoint_remove(struct thread *thread);
void notification_remove(struct thread *thread);
/* A calling or faulted thread waits no more for its Reply: the Reply stays in its slot, dead. */
void reply_abandon(struct thread *thread);
