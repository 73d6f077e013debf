/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Deletion: delete and revoke, in bounded steps that can stop anywhere and be taken up again by anybody.
 *
 * Leaves first: each turn takes one leaf of what is to go.  An object dies with its origin, when nothing is derived from it
 * any more; the origin is marked dying before.  A dying CNode's contents go first: it is pushed on a chain (link_next),
 * its slot under the cursor (data[0]) becomes the target, and it is popped when it is empty.
 *
 * Why the chain ends: a CNode on the chain lies in the subtree of the target in the one below it.  Only subtrees of origins
 * hold CNodes, and an origin lies in a CNode of smaller depth than its own, so depths grow along the chain: it is no longer
 * than DERIVATION_MAX_DEPTH, never meets itself, and never meets the slot the deletion began with.
 * The chain itself is made anew by each kernel entry; what lasts are the dying marks, cursors and emptied slots.
 */
#include <cspace.h>
#include <ipc.h>
#include <memory.h>
#include <restart.h>
#include <sched.h>
#include <thread.h>

#define SLOTS_PER_STEP 64u /* empty slots passed over in one step */

/* Instructions, about (work_add). */
#define LEVEL_WORK 6u  /* down the tree */
#define SLOT_WORK 8u   /* an empty slot passed over */
#define LEAF_WORK 250u /* a capability gone, its object's steps apart */

struct deletion {
	uint64_t steps, limit; /* limit 0: none */
	slot_ref chain;	       /* innermost dying CNode; 0: none */
	enum tessera_error stop;
};

/* Counts a step; false: stop after it, deletion->stop says why. The first step is always done. */
static bool spend(struct deletion *deletion)
{
	deletion->steps++;
	if (deletion->limit != 0 && deletion->steps >= deletion->limit)
		deletion->stop = E_MORE;
	else if (work_is_enough())
		deletion->stop = E_RESTART;
	return deletion->stop == E_OK;
}

/* Deletion has begun: lookups fail from now on. */
static void mark_dying(struct slot *slot)
{
	slot_add_flags(slot, SLOT_DYING);
	cspace_generation += slot_type(slot) == CAP_CNODE;
}

void cap_remove_leaf(struct slot *leaf)
{
	struct slot *prev;

	cspace_generation += slot_type(leaf) == CAP_CNODE;
	if (slot_type(leaf) == CAP_REPLY) {
		slot_clear(leaf);
		return;
	}
	if (slot_has(leaf, SLOT_QUEUED))
		notice_unlink(leaf);
	prev = derivation_remove(leaf);
	slot_clear(leaf);
	if (slot_has(prev, SLOT_ANCHOR | SLOT_ARMED) && !derivation_has_descendants(prev))
		notice_check(prev);
}

/* The Thread one of whose own slots this is. */
static struct thread *embedding_thread(const struct slot *embedded)
{
	return thread_at(slot_index(embedded) & ~(THREAD_BYTES / (1u << SLOT_SHIFT) - 1u));
}

void cap_unembed(struct slot *embedded)
{
	struct thread *thread = embedding_thread(embedded);

	if (slot_is_empty(embedded))
		return;
	if (embedded == &thread->slots[THREAD_SLOT_VSPACE]) {
		vspace_unmap_kernel_page(slot_object(embedded), thread->page_va, thread_page_phys(thread));
		thread_vspace_gone(thread);
	} else if (embedded == &thread->slots[THREAD_SLOT_CSPACE]) {
		thread_cspace_gone(thread);
	}
	cap_remove_leaf(embedded);
}

/* One bounded step of an object's death; true: finished. A CNode's contents are gone already. */
static bool object_step(struct slot *origin)
{
	switch (slot_type(origin)) {
	case CAP_UNTYPED:
		if (slot_has(origin, SLOT_TABLES))
			vspace_take_back_tables(origin);
		return true;
	case CAP_VIEW: return view_destroy_step(origin);
	case CAP_ENDPOINT: return endpoint_destroy(slot_object(origin));
	case CAP_NOTIFICATION: return notification_destroy(slot_object(origin));
	case CAP_VSPACE: return vspace_destroy_step(slot_object(origin));
	case CAP_SCHED_CONTEXT: sched_context_unbind(sched_context_at(slot_object(origin))); return true;
	case CAP_THREAD: thread_destroy(thread_at(slot_object(origin))); return true;
	case CAP_IRQ: irq_destroy(origin); return true;
	default: return true;
	}
}

/* The thread that must not run while this capability goes; NULL: none. */
static const struct thread *thread_to_stop(const struct slot *leaf)
{
	if (slot_has(leaf, SLOT_EMBEDDED))
		return embedding_thread(leaf);
	bool is_origin = slot_type(leaf) == CAP_THREAD && slot_has(leaf, SLOT_ORIGIN);

	return is_origin ? thread_at(slot_object(leaf)) : NULL;
}

/* A leaf goes: its object first if it is the origin. False: stopped in between. */
static bool leaf_remove(struct slot *leaf, struct deletion *deletion)
{
	const struct thread *thread = thread_to_stop(leaf);

	if (thread != NULL && sched_is_elsewhere(thread)) {
		deletion->stop = E_ELSEWHERE;
		return false;
	}
	if (slot_has(leaf, SLOT_EMBEDDED)) {
		cap_unembed(leaf);
		return true;
	}
	if (slot_type(leaf) == CAP_REPLY) {
		reply_destroy(leaf);
	} else if (slot_has(leaf, SLOT_ORIGIN)) {
		mark_dying(leaf);
		while (!object_step(leaf)) { /* ends: each step takes something from the object */
			if (!spend(deletion))
				return false;
		}
	}
	cap_remove_leaf(leaf);
	return true;
}

/* The next slot in use of the chain's CNode, from its cursor on; the CNode itself if it is empty; NULL: stopped. */
static struct slot *chain_content(struct deletion *deletion)
{
	struct slot *cnode = slot_at(deletion->chain);
	uint64_t slots = 1ull << cnode->badge;

	for (uint64_t i = cnode->data[0]; i < slots; i++) {
		struct slot *slot = slot_at(slot_object(cnode) + (uint32_t)i);

		cnode->data[0] = i;
		if (!slot_is_empty(slot))
			return slot;
		if (i % SLOTS_PER_STEP != SLOTS_PER_STEP - 1u)
			continue;
		work_add(SLOTS_PER_STEP * SLOT_WORK);
		if (!spend(deletion)) {
			cnode->data[0] = i + 1u;
			return NULL;
		}
	}
	cnode->data[0] = slots;
	return cnode;
}

/* Depth rises by one a turn: at most DERIVATION_MAX_DEPTH turns. */
static struct slot *find_leaf(struct slot *slot)
{
	uint32_t levels = 0;

	for (; derivation_has_descendants(slot); levels++)
		slot = slot_at(slot->next);
	work_add(levels * LEVEL_WORK);
	return slot;
}

/* Takes leaves of top's subtree until none is left but top, and top too if is_whole. */
static enum tessera_error destroy(struct slot *top, bool is_whole, struct deletion *deletion)
{
	/* Ends: each turn removes a leaf, or pushes a CNode, which is no step: the chain is made anew by each call. */
	for (;;) {
		struct slot *target = deletion->chain != 0 ? chain_content(deletion) : top;
		struct slot *leaf;

		if (target == NULL)
			return deletion->stop;
		leaf = find_leaf(target);
		if (leaf == top && !is_whole)
			return E_OK;
		if (slot_index(leaf) == deletion->chain) {
			deletion->chain = leaf->link_next;
		} else if (slot_type(leaf) == CAP_CNODE && slot_has(leaf, SLOT_ORIGIN)) {
			mark_dying(leaf);
			leaf->link_next = deletion->chain;
			deletion->chain = slot_index(leaf);
			continue;
		}
		work_add(LEAF_WORK);
		if (!leaf_remove(leaf, deletion))
			return deletion->stop;
		if (leaf == top)
			return E_OK;
		if (!spend(deletion))
			return deletion->stop;
	}
}

enum tessera_error cap_remove(struct slot *slot, bool is_whole, uint64_t limit, uint64_t *steps)
{
	struct deletion deletion = {.steps = *steps, .limit = limit, .stop = E_OK};

	if (is_whole)
		mark_dying(slot);
	enum tessera_error error = destroy(slot, is_whole, &deletion);

	*steps = deletion.steps;
	if (error == E_OK && slot_type(slot) == CAP_UNTYPED && slot_has(slot, SLOT_TABLES))
		vspace_take_back_tables(slot); /* revoked: its own capability is still there */
	return error;
}
