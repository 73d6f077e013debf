/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Shared futexes and what a thread's death does to them.  Formats: linux/futex.h (struct robust_list_head), man 2
 * set_robust_list.  Nothing here trusts the process's memory: each word is read through mem's own page map.
 */
#include "futex.h"

#include <string.h>
#include <tessera/labels.h>

#include "object.h"
#include "slab.h"
#include "space_private.h"

#define BUCKETS 256u
#define ROBUST_MAX 2048u
#define FUTEX_WAITERS 0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK 0x3fffffffu
#define KEY_PRIVATE (1ull << 63)

struct key {
	uint64_t memory, offset; /* frame and offset in it, or KEY_PRIVATE | space and address */
};

struct waiter {
	struct waiter *next, *previous;
	struct key key;
	uint64_t label;
	uint32_t bitset, space;
};

struct bucket {
	struct waiter *first, *last;
};

static struct bucket buckets[BUCKETS];
static struct waiter *waiter_of[LABEL_THREADS];
static uint32_t waiters;
static struct slab waiter_slab = SLAB_INIT(struct waiter);

static struct bucket *bucket_of(const struct key *key)
{
	uint64_t hash = (key->memory * 0x9e3779b97f4a7c15ull) ^ (key->offset * 0xc2b2ae3d27d4eb4full);

	return &buckets[(hash >> 32) % BUCKETS];
}

static void take_out(struct waiter *waiter)
{
	struct bucket *bucket = bucket_of(&waiter->key);

	if (waiter->previous)
		waiter->previous->next = waiter->next;
	else
		bucket->first = waiter->next;
	if (waiter->next)
		waiter->next->previous = waiter->previous;
	else
		bucket->last = waiter->previous;
	waiter_of[LABEL_THREAD(waiter->label) % LABEL_THREADS] = NULL;
	waiters--;
	slab_free(&waiter_slab, waiter);
}

static void append(struct waiter *waiter)
{
	struct bucket *bucket = bucket_of(&waiter->key);

	waiter->next = NULL;
	waiter->previous = bucket->last;
	if (bucket->last)
		bucket->last->next = waiter;
	else
		bucket->first = waiter;
	bucket->last = waiter;
	waiter_of[LABEL_THREAD(waiter->label) % LABEL_THREADS] = waiter;
	waiters++;
}

/* The key of a word and where it stands now; makes shared pages present. NULL: EFAULT. */
static const uint32_t *find_word(struct space *space, uint64_t addr, struct key *key)
{
	uint64_t page = addr >> PAGE_SHIFT;
	const struct area *area = area_find(space, page);

	if (!area || !(area->prot & PROT_READ))
		return NULL;
	const page_entry *entry = pages_find(&space->pages, page);
	if (!entry && space_fault(space, page, ACCESS_READ) != FAULT_DONE)
		return NULL;
	const uint8_t *bytes = space_peek(space, page);
	if (!bytes)
		return NULL;
	entry = pages_find(&space->pages, page);
	if (area->flags & AREA_SHARED)
		*key = (struct key){page_frame(*entry), addr % PAGE_BYTES};
	else
		*key = (struct key){KEY_PRIVATE | space->id, addr};
	return (const uint32_t *)(const void *)(bytes + addr % PAGE_BYTES);
}

int futex_wait(struct space *space, uint64_t label, uint64_t addr, uint32_t expected, uint32_t bitset)
{
	struct key key;

	if (addr % 4 || !bitset || (label & LABEL_NATIVE) || LABEL_THREAD(label) >= LABEL_THREADS)
		return MEM_EINVAL;
	(void)futex_cancel(label);
	const uint32_t *word = find_word(space, addr, &key);
	if (!word)
		return MEM_EFAULT;
	if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != expected)
		return MEM_EAGAIN;
	struct waiter *waiter = slab_alloc(&waiter_slab);
	if (!waiter)
		return MEM_ENOMEM;
	*waiter = (struct waiter){.key = key, .label = label, .bitset = bitset, .space = space->id};
	append(waiter);
	return 0;
}

static uint32_t wake_key(const struct key *key, uint32_t count, uint32_t bitset)
{
	uint32_t woken = 0;
	struct waiter *next;

	for (struct waiter *waiter = bucket_of(key)->first; waiter && woken < count; waiter = next) {
		next = waiter->next;
		if (waiter->key.memory != key->memory || waiter->key.offset != key->offset ||
		    !(waiter->bitset & bitset))
			continue;
		uint64_t label = waiter->label;
		take_out(waiter);
		if (!port_label_alive(label))
			continue;
		port_wake(LABEL_THREAD(label));
		woken++;
	}
	return woken;
}

int futex_wake(struct space *space, uint64_t addr, uint32_t count, uint32_t bitset, uint32_t *woken)
{
	struct key key;

	if (addr % 4 || !bitset)
		return MEM_EINVAL;
	if (!find_word(space, addr, &key))
		return MEM_EFAULT;
	*woken = wake_key(&key, count, bitset);
	return 0;
}

bool futex_cancel(uint64_t label)
{
	struct waiter *waiter = waiter_of[LABEL_THREAD(label) % LABEL_THREADS];

	if (!waiter)
		return true;
	bool is_own = waiter->label == label;
	take_out(waiter); /* another label: of a thread that is gone */
	return !is_own;
}

void futex_forget_space(const struct space *space)
{
	if (waiters == 0)
		return;
	for (uint32_t i = 0; i < LABEL_THREADS; i++) {
		if (waiter_of[i] && waiter_of[i]->space == space->id)
			take_out(waiter_of[i]);
	}
}

/* ---- death of a thread ----------------------------------------------------------------------- */

static bool write_word(struct space *space, uint64_t addr, uint32_t value)
{
	uint8_t *bytes = addr % 4 ? NULL : space_poke(space, addr >> PAGE_SHIFT);

	if (!bytes)
		return false;
	__atomic_store_n((uint32_t *)(void *)(bytes + addr % PAGE_BYTES), value, __ATOMIC_SEQ_CST);
	return true;
}

int futex_clear_tid(struct space *space, uint64_t addr, uint32_t value, bool wake)
{
	uint32_t woken;

	if (addr >= PERSONALITY_BASE || !write_word(space, addr, value))
		return MEM_EFAULT;
	return wake ? futex_wake(space, addr, 1, ~0u, &woken) : 0;
}

static bool read_u64(struct space *space, uint64_t addr, uint64_t *out)
{
	return space_read(space, addr, out, sizeof(*out)) == sizeof(*out);
}

static void robust_entry(struct space *space, uint64_t addr, uint32_t tid)
{
	uint32_t value, woken;

	if (addr % 4 || addr >= PERSONALITY_BASE ||
	    space_read(space, addr, &value, sizeof(value)) != sizeof(value))
		return;
	if ((value & FUTEX_TID_MASK) != tid)
		return;
	if (write_word(space, addr, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED) && (value & FUTEX_WAITERS))
		(void)futex_wake(space, addr, 1, ~0u, &woken);
}

void futex_robust_list(struct space *space, uint64_t head, uint32_t tid)
{
	uint64_t entry, offset, pending;

	if (head >= PERSONALITY_BASE || !read_u64(space, head, &entry) ||
	    !read_u64(space, head + 8, &offset) || !read_u64(space, head + 16, &pending))
		return;
	pending &= ~1ull; /* bit 0: priority inheritance, which there is none of */
	for (uint32_t i = 0; i < ROBUST_MAX && (entry & ~1ull) != head; i++) {
		uint64_t at = entry & ~1ull;
		uint64_t next;
		bool has_next = read_u64(space, at, &next);
		if (at != pending)
			robust_entry(space, at + offset, tid);
		if (!has_next)
			break;
		entry = next;
	}
	if (pending)
		robust_entry(space, pending + offset, tid);
}
