/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Endpoints, Replies, Notifications and interrupt lines, as the rest of the kernel uses them.
 *
 * A Reply capability stands only in its slot: it is NOT in the derivation list (next = prev = 0) and has no
 * descendants; its word's object index is the waiting Thread, 0 once that thread waits no more (dead Reply).
 */
#pragma once

#include <object.h>
#include <tessera/operations.h>

static ALWAYS_INLINE struct endpoint *endpoint_at(endpoint_ref ref)
{
	return (struct endpoint *)phys_to_ptr((paddr_t){(uint64_t)ref * 64u});
}

static ALWAYS_INLINE struct notification *notification_at(notification_ref ref)
{
	return (struct notification *)phys_to_ptr((paddr_t){(uint64_t)ref * 64u});
}

/* ---- what capability deletion calls ----------------------------------------------------------------- */

/* One bounded step of an Endpoint's death: wakes a waiter with E_REVOKED. True: finished.
 * Call after the origin's slot has been marked dying, so that nobody queues again; its anchors are gone by then. */
MUST_CHECK bool endpoint_destroy(endpoint_ref ref);
#define ENDPOINT_OF_NO_CPU UINT32_MAX

/* The fast path of this CPU may use the endpoint from now on, unless callers must be asked for a minimum budget. */
static ALWAYS_INLINE void endpoint_own(endpoint_ref ref)
{
	endpoint_at(ref)->cpu = endpoint_at(ref)->minimum_tsc == 0 ? cpu()->id : ENDPOINT_OF_NO_CPU;
}
/* The same for a Notification: waiters get E_REVOKED, the bound thread and interrupt lines are unbound. */
MUST_CHECK bool notification_destroy(notification_ref ref);
/* The Reply in this slot is deleted: a waiting caller gets E_DEAD, a faulted thread faults again. The deleter
 * empties the slot. */
void reply_destroy(struct slot *reply);
/* The Reply moved to another slot (the word has been copied already). */
void reply_moved(struct slot *new_place);
/* The Irq origin is deleted: the line is masked, unbound and free. */
void irq_destroy(const struct slot *irq);
/* No line signals this Notification any more; those that did are masked. */
void irq_unbind_notification(notification_ref ref);

/* ---- drop notices --------------------------------------------------------------------------------------- */

/* To be called when an anchor may have lost its last descendant, and when one has been minted (armed). Queues the notice if
 * the anchor is armed, not dying and has no descendants, and wakes a receiver. */
void notice_check(struct slot *anchor);
/* Takes an anchor out of its endpoint's ring: before it is emptied or moved (then notice_check the new place). */
void notice_unlink(struct slot *anchor);

/* ---- used inside core/ and object/ -------------------------------------------------------------------- */

/* Kernel-internal result: the thread has blocked (or its registers are set already): dispatch leaves them alone. */
#define E_BLOCKED ((enum tessera_error)254)

/* Ors bits into the word and wakes whoever waits for it: the last thing an entry does, which may switch. */
void notification_signal_bits(notification_ref ref, uint64_t bits);

/* A sender, receiver or waiter leaves the queue it stands in (timeout, suspension, death). */
void endpoint_remove(struct thread *thread);
void notification_remove(struct thread *thread);
/* A thread joins the ring its state, priority and reply_cap say, last. */
void endpoint_queue_sender(endpoint_ref ref, struct thread *sender);
void endpoint_queue_receiver(endpoint_ref ref, struct thread *receiver);
/* The queued sender to be taken next: highest priority, then the one that waits longest; calls and faults only if asked for.
 * NULL: none. */
struct thread *endpoint_first_sender(const struct endpoint *endpoint, bool with_calls);

/* Fills an empty slot with the Reply of a caller or faulted thread. */
void reply_make(struct slot *slot, struct thread *caller);
/* A calling or faulted thread waits no more for its Reply: the Reply stays in its slot, dead. */
void reply_abandon(struct thread *thread);

/* What one message carries to its receiver. */
struct message {
	uint64_t badge, tag, words[MSG_REGISTER_WORDS];
};

/* A caller or a faulted thread, whose receiver must have a slot for a Reply. */
static inline bool wants_reply(const struct thread *sender)
{
	return sender->is_fault || sender->sent_is_call;
}

/* ipc.c: the word of signals as a message; it is zero then. */
void message_deliver_signals(struct thread *receiver, struct notification *notification);
/* ipc.c: writes the registers of a receiver and E_OK. */
void message_deliver(struct thread *receiver, const struct message *message);
/* True if user space may send this tag: sizes, no reserved bits; kernel_op: kernel's operation numbers too. */
MUST_CHECK bool message_tag_valid(msg_tag_t tag, bool kernel_op);
/* The message of a thread (its argument registers, or its fault): registers, page and capabilities.  Words it does not have are
 * zero.  ref: the endpoint it goes through, 0 for a reply. */
void message_pass(struct thread *from, struct thread *to, endpoint_ref ref, uint64_t badge);
/* words[4..] from page to page. */
void message_copy_rest(struct thread *from, struct thread *to, msg_tag_t tag);

/*
 * Hands the message of sender (sent_*, is_fault describe it) to a receiver that waits at the endpoint, if there is one:
 * *partner is then ready to run but not queued, and a caller waits for its Reply.  E_CAP: nobody waits;
 * E_RESTART: receivers whose Reply slot is not empty were sent away, the operation is to be executed again.
 */
MUST_CHECK enum tessera_error ipc_submit(struct thread *sender, endpoint_ref ref, struct thread **partner);
/* recv's meaning, after decoding. E_BLOCKED: it waits now. */
MUST_CHECK enum tessera_error ipc_receive(struct thread *self, endpoint_ref ref, cap_t reply_cap,
					  uint64_t deadline_ns);
/* The current thread blocks until the deadline: E_TIMEOUT if it has passed already, E_OK if the timeout runs. */
MUST_CHECK enum tessera_error ipc_start_timeout(struct thread *self, uint64_t deadline_ns);

/* transfer.c: up to four capabilities. ref: the endpoint it goes through, 0 for a reply. */
void transfer_caps(struct thread *sender, struct thread *receiver, endpoint_ref ref, uint32_t count);

/* notice.c: delivers the first due notice of an endpoint to a receiver. E_OK: done; E_CAP: there is none; E_RESTART. */
MUST_CHECK enum tessera_error notice_take(endpoint_ref ref, struct thread *receiver);
