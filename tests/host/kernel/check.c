/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Invariants: see check.h.  Slow and simple on purpose: arrays and searches, no sharing of code with the kernel's lists.
 */
#include "check.h"

#include <stdlib.h>

#define CAPS_MAX 16384u
#define TABLES_MAX 8192u

struct extent {
	uint64_t start, end;
};

static struct slot *caps[CAPS_MAX]; /* the derivation list in order, without the sentinel */
static uint32_t caps_count;
static uint32_t parents[CAPS_MAX]; /* index in caps[] of the parent; CAPS_MAX: the sentinel */

static const char *read_list(void)
{
	struct slot *sentinel = &world.boot_slots[BOOT_SLOT_SENTINEL], *slot = sentinel;
	uint32_t path[DERIVATION_MAX_DEPTH + 2];

	caps_count = 0;
	path[0] = CAPS_MAX;
	if (sentinel->depth != 0)
		return "the sentinel has a depth";
	for (;;) {
		struct slot *next = slot_at(slot->next);

		if (slot_at(next->prev) != slot)
			return "next and prev are not inverse";
		if (next == sentinel)
			return NULL;
		if (next->depth == 0 || next->depth > slot->depth + 1u)
			return "a depth rises by more than one";
		if (slot_is_empty(next))
			return "an empty slot stands in the list";
		if (caps_count == CAPS_MAX)
			return "the list does not end";
		parents[caps_count] = path[next->depth - 1u];
		path[next->depth] = caps_count;
		caps[caps_count++] = next;
		slot = next;
	}
}

static int compare_pointers(const void *a, const void *b)
{
	uintptr_t left = (uintptr_t)*(struct slot *const *)a, right = (uintptr_t)*(struct slot *const *)b;

	return left < right ? -1 : left > right;
}

static struct slot *sorted[CAPS_MAX];
static uint32_t reached;

static bool is_listed(struct slot *slot)
{
	return bsearch(&slot, sorted, caps_count, sizeof(slot), compare_pointers) != NULL;
}

static const char *check_cnode(const struct slot *origin)
{
	for (uint32_t i = 0; i < 1u << origin->badge; i++) {
		struct slot *slot = slot_at(slot_object(origin) + i);

		if (slot_is_empty(slot)) {
			if ((slot->word & ~0xff000000ull) != 0 || slot->next != 0 || slot->badge != 0 ||
			    slot->data[0] != 0)
				return "an empty slot is not empty";
			continue;
		}
		if (slot_type(slot) == CAP_REPLY)
			continue;
		if (!is_listed(slot))
			return "a capability in a CNode is not in the list";
		if (slot_has(slot, SLOT_ORIGIN) && origin->detail >= slot->depth)
			return "an origin lies in a CNode that is not less deep";
		reached++;
	}
	return NULL;
}

static const char *check_reached(void)
{
	const char *problem = NULL;

	memcpy(sorted, caps, caps_count * sizeof(caps[0]));
	qsort(sorted, caps_count, sizeof(sorted[0]), compare_pointers);
	reached = 0;
	for (uint32_t i = 0; i < caps_count && problem == NULL; i++) {
		if (slot_has(caps[i], SLOT_EMBEDDED) ||
		    (caps[i] >= world.boot_slots && caps[i] < world.boot_slots + BOOT_SLOT_COUNT))
			reached++;
		if (slot_type(caps[i]) == CAP_CNODE && slot_has(caps[i], SLOT_ORIGIN))
			problem = check_cnode(caps[i]);
	}
	if (problem == NULL && reached != caps_count)
		problem = "the list holds slots of no CNode or Thread";
	return problem;
}

static const char *check_pair(const struct slot *parent, const struct slot *child)
{
	bool is_new_object = slot_has(child, SLOT_ORIGIN);

	if (slot_type(parent) == CAP_UNTYPED && !is_new_object)
		return "an Untyped has a copy";
	if (is_new_object && slot_type(child) == CAP_VIEW)
		return slot_type(parent) != CAP_MEMORY || (slot_rights(child) & ~slot_rights(parent)) != 0 ||
				       child->data[1] != parent->badge || child->data[2] != parent->data[0]
			       ? "a View is not of its Memory"
			       : NULL;
	if (is_new_object)
		return NULL;
	if (slot_type(parent) != slot_type(child) || slot_object(parent) != slot_object(child))
		return "a child is of another object";
	if ((slot_rights(child) & ~slot_rights(parent)) != 0)
		return "rights grow";
	if (slot_type(child) == CAP_MEMORY &&
	    (child->badge < parent->badge || child->badge + child->data[0] > parent->badge + parent->data[0]))
		return "a Memory is larger than its parent";
	return NULL;
}

static struct extent extent_of(const struct slot *origin)
{
	uint64_t start = object_address(slot_object(origin)).raw;

	switch (slot_type(origin)) {
	case CAP_UNTYPED: return (struct extent){origin->badge, origin->badge + origin->data[0]};
	case CAP_MEMORY:
		return (struct extent){origin->badge << PAGE_SHIFT, (origin->badge + origin->data[0])
									    << PAGE_SHIFT};
	case CAP_CNODE: return (struct extent){start, start + (sizeof(struct slot) << origin->badge)};
	case CAP_ENDPOINT: return (struct extent){start, start + ENDPOINT_BYTES};
	case CAP_NOTIFICATION: return (struct extent){start, start + NOTIFICATION_BYTES};
	case CAP_SCHED_CONTEXT: return (struct extent){start, start + SCHED_CONTEXT_BYTES};
	default: return (struct extent){start, start + THREAD_BYTES};
	}
}

static int compare_extents(const void *a, const void *b)
{
	const struct extent *left = a, *right = b;

	return left->start < right->start ? -1 : left->start > right->start;
}

/* The objects made from the Untyped caps[i]: within it, below the watermark, disjoint. */
static const char *check_untyped(uint32_t i)
{
	static struct extent extents[CAPS_MAX];
	struct slot *untyped = caps[i];
	uint32_t count = 0;

	if (slot_has(untyped, SLOT_TABLES) && derivation_has_descendants(untyped))
		return "a donated Untyped has children";
	for (uint32_t j = i + 1; j < caps_count && caps[j]->depth > untyped->depth; j++) {
		if (parents[j] == i)
			extents[count++] = extent_of(caps[j]);
	}
	qsort(extents, count, sizeof(extents[0]), compare_extents);
	for (uint32_t j = 0; j < count; j++) {
		if (extents[j].start < untyped->badge || extents[j].end > untyped->badge + untyped->data[1])
			return "an object lies above the watermark of its Untyped";
		if (j > 0 && extents[j].start < extents[j - 1].end)
			return "objects overlap";
	}
	return NULL;
}

const char *derivation_check(bool may_be_dying)
{
	const char *problem = read_list();

	if (problem == NULL)
		problem = check_reached();
	for (uint32_t i = 0; i < caps_count && problem == NULL; i++) {
		if (!may_be_dying && slot_has(caps[i], SLOT_DYING))
			problem = "something dying is left behind";
		if (problem == NULL && parents[i] != CAPS_MAX &&
		    slot_type(caps[parents[i]]) != SLOT_TYPE_SENTINEL)
			problem = check_pair(caps[parents[i]], caps[i]);
		if (problem == NULL && slot_type(caps[i]) == CAP_UNTYPED)
			problem = check_untyped(i);
	}
	return problem;
}

/* ---- address spaces ---------------------------------------------------------------------------------- */

static uint64_t tables[TABLES_MAX];
static uint32_t tables_count;

static bool is_covered(vspace_ref ref, uint64_t va, uint64_t pages, pte_t entry)
{
	uint64_t first = pte_address(entry).raw >> PAGE_SHIFT;

	for (uint32_t i = 0; i < caps_count; i++) {
		const struct slot *view = caps[i];

		/* of a large page it is enough that a View holds its rights and meets both ends (over-clearing) */
		if (slot_type(view) == CAP_VIEW && slot_object(view) == ref && va >= view->badge &&
		    va + pages * PAGE_SIZE <= view->badge + view->data[0] * PAGE_SIZE &&
		    first >= view->data[1] && first + pages <= view->data[1] + view->data[2] &&
		    (pte_rights(entry) & ~slot_rights(view)) == 0)
			return true;
	}
	return false;
}

static bool is_kernel_page(vspace_ref ref, uint64_t va, pte_t entry)
{
	uint64_t frame = pte_address(entry).raw;

	if (frame == arch_time_page().raw)
		return va == TIME_PAGE_VA && (pte_rights(entry) & RIGHT_WRITE) == 0;
	for (uint32_t i = 0; i < caps_count; i++) {
		const struct thread *thread;

		if (slot_type(caps[i]) != CAP_THREAD)
			continue;
		thread = thread_at(slot_object(caps[i]));
		if (thread_page_phys(thread).raw == frame)
			return thread->page_va == va &&
			       slot_object(&thread->slots[THREAD_SLOT_VSPACE]) == ref;
	}
	return frame == thread_page_phys(world.other).raw;
}

static const char *check_leaf(vspace_ref ref, uint64_t va, uint32_t level, pte_t entry)
{
	if (pte_is_kept(entry))
		return is_kernel_page(ref, va, entry) ? NULL : "a kept page is nobody's";
	if ((~pte_rights(entry) & (RIGHT_WRITE | RIGHT_EXECUTE)) == 0 && !vspace_at(ref)->allow_wx)
		return "a page is writable and executable";
	return is_covered(ref, va, level == 0 ? 1 : LARGE_PAGE_PAGES, entry)
		       ? NULL
		       : "a page is mapped without a View";
}

static bool is_pool_page(vspace_ref ref, uint64_t address)
{
	if (ref == world.vspace && address < WORLD_RAM_START)
		return true;
	for (uint32_t i = 0; i < caps_count; i++) {
		if (slot_type(caps[i]) == CAP_UNTYPED && slot_has(caps[i], SLOT_TABLES) &&
		    caps[i]->data[2] == ref && address - caps[i]->badge < caps[i]->data[1])
			return true;
	}
	return false;
}

static const char *note_table(vspace_ref ref, uint64_t address)
{
	if (!is_pool_page(ref, address))
		return "a table lies in no donated Untyped";
	for (uint32_t i = 0; i < tables_count; i++) {
		if (tables[i] == address)
			return "a table is used twice";
	}
	if (tables_count == TABLES_MAX)
		return "too many tables";
	tables[tables_count++] = address;
	return NULL;
}

static const char *check_table(vspace_ref ref, const pte_t *table, uint64_t base, uint32_t level)
{
	uint32_t entries = level == PT_LEVELS - 1u ? USER_PT_ENTRIES : PT_ENTRIES;
	const char *problem = NULL;

	for (uint32_t i = 0; i < entries && problem == NULL; i++) {
		uint64_t va = base + i * pt_span(level);

		if (table[i] == 0)
			continue;
		if (!pte_present(table[i]))
			problem = "an entry is neither zero nor present";
		else if (!pte_is_table(table[i], level))
			problem = check_leaf(ref, va, level, table[i]);
		else
			problem = note_table(ref, pte_address(table[i]).raw);
		if (problem == NULL && pte_is_table(table[i], level))
			problem = check_table(ref, phys_to_ptr(pte_address(table[i])), va, level - 1u);
	}
	return problem;
}

static const char *check_views(vspace_ref ref)
{
	const struct vspace *vspace = vspace_at(ref);
	slot_ref at = vspace->views;
	uint32_t in_ring = 0, in_list = 0;

	for (uint32_t i = 0; i < caps_count; i++)
		in_list += slot_type(caps[i]) == CAP_VIEW && slot_object(caps[i]) == ref;
	for (; at != 0 && in_ring <= in_list; in_ring++) {
		const struct slot *view = slot_at(at);

		if (slot_type(view) != CAP_VIEW || slot_object(view) != ref ||
		    slot_at(view->link_next)->link_prev != at)
			return "the ring of Views is broken";
		at = view->link_next;
		if (at == vspace->views) {
			in_ring++;
			break;
		}
	}
	return in_ring == in_list ? NULL : "the ring of Views is not the Views of the space";
}

const char *vspace_check(vspace_ref ref)
{
	const struct vspace *vspace = vspace_at(ref);
	uint32_t at = vspace->free_first, used;
	const char *problem;

	tables_count = 0;
	problem = check_table(ref, vspace_root(ref), 0, PT_LEVELS - 1u);
	used = tables_count;
	if (problem == NULL && used != vspace->tables_used)
		problem = "tables_used is wrong";
	for (; problem == NULL && at != 0; at = (uint32_t)*(uint64_t *)phys_to_ptr(object_address(at))) {
		const uint64_t *words = phys_to_ptr(object_address(at));

		for (uint32_t i = 1; i < PT_ENTRIES; i++)
			problem = words[i] != 0 ? "a returned table is not empty" : problem;
		if (problem == NULL)
			problem = note_table(ref, object_address(at).raw);
	}
	if (problem == NULL && tables_count - used != vspace->tables_free)
		problem = "tables_free is wrong";
	return problem != NULL ? problem : check_views(ref);
}

const char *world_check(bool may_be_dying)
{
	const char *problem = derivation_check(may_be_dying);

	for (uint32_t i = 0; i < caps_count && problem == NULL; i++) {
		if (slot_type(caps[i]) != CAP_VSPACE || !slot_has(caps[i], SLOT_ORIGIN) ||
		    slot_has(caps[i], SLOT_DYING))
			continue;
		problem = vspace_check(slot_object(caps[i]));
	}
	if (problem == NULL && !host_tlb_is_coherent())
		problem = "a stale translation is left";
	return problem;
}
