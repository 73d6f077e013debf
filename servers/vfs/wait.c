/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Waiters: threads that were told "would block". One entry a thread and object; waking removes it, the thread asks again.
 * Entries of threads that left for another reason cost one spurious wake-up.
 */
#include "vfs.h"

#include "env.h"
#include "memory.h"

static struct slab waiter_slab = SLAB_OF(struct waiter);

/* The only waiter of an object is part of the object's price. */
#define ACCOUNT_NONE (~0u)

static void waiter_free(struct waiter *waiter)
{
	if (waiter->account != ACCOUNT_NONE)
		quota_release(waiter->account, QUOTA_WAITERS, 1);
	slab_free(&waiter_slab, waiter);
}

int wait_add(struct waiter **list, uint64_t label, uint32_t events)
{
	for (struct waiter *waiter = *list; waiter; waiter = waiter->next) {
		if (LABEL_THREAD(waiter->label) != LABEL_THREAD(label) ||
		    (waiter->label != label && waiter->granted))
			continue;
		if (waiter->label != label)
			waiter->events = 0;
		waiter->label = label;
		waiter->events |= events;
		return 0;
	}
	uint32_t account = *list ? account_of(label) : ACCOUNT_NONE;
	if (account != ACCOUNT_NONE && !quota_charge(account, QUOTA_WAITERS, 1))
		return ENOBUFS;
	struct waiter *waiter = slab_alloc(&waiter_slab);
	if (!waiter) {
		if (account != ACCOUNT_NONE)
			quota_release(account, QUOTA_WAITERS, 1);
		return ENOMEM;
	}
	*waiter = (struct waiter){.next = *list, .label = label, .events = events, .account = account};
	*list = waiter;
	return 0;
}

void wait_wake(struct waiter **list, uint32_t events)
{
	struct waiter **at = list;
	while (*at) {
		struct waiter *waiter = *at;
		if (!(waiter->events & events)) {
			at = &waiter->next;
			continue;
		}
		env_wake(LABEL_THREAD(waiter->label));
		if (waiter->granted) { /* stays until its open is fetched */
			waiter->events &= ~events;
			at = &waiter->next;
			continue;
		}
		*at = waiter->next;
		waiter_free(waiter);
	}
}

void wait_cancel(struct waiter **list, uint64_t label)
{
	for (struct waiter **at = list; *at; at = &(*at)->next) {
		struct waiter *waiter = *at;
		if (waiter->label != label || waiter->granted)
			continue;
		*at = waiter->next;
		waiter_free(waiter);
		return;
	}
}
