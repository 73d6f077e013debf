/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The abstraction function: the state of the specification, read from the kernel's tables, lists and links.
 *
 * It looks at everything anew and checks what the abstract state cannot show: that lists are linked both ways, that bitmaps and
 * counts agree, that both ends of a link name each other.  What is wrong there stops the run.
 */
#include "machine.h"

#include <runqueue.h>

#include <stdio.h>
#include <stdlib.h>

#define SLOTS_MAX SPEC_CAPS

static struct slot *slots[SLOTS_MAX]; /* of the capabilities in out->caps, by number */

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "broken invariant: %s\n", what);
	abort();
}

struct thread *machine_thread(uint64_t address)
{
	return thread_at((thread_ref)(address / 64u));
}

static uint64_t address_of(uint32_t index)
{
	return object_address(index).raw;
}

/* ---- capabilities ---- */

static uint64_t address_of_slot(const struct slot *slot)
{
	return ptr_to_phys(slot).raw;
}

/* Which CNode or Thread a slot lies in. */
static struct spec_place place_of(const struct slot *slot, const struct spec *out)
{
	uint64_t address = address_of_slot(slot);

	for (uint32_t i = 0; i < out->cap_count; i++) {
		const struct spec_cap *cap = &out->caps[i];
		uint64_t bytes = cap->type == CAP_CNODE	   ? cap->size * sizeof(struct slot)
				 : cap->type == CAP_THREAD ? THREAD_SLOT_COUNT * sizeof(struct slot)
							   : 0;

		if (cap->is_origin && address - cap->object < bytes)
			return (struct spec_place){cap->object,
						   (uint32_t)((address - cap->object) / sizeof(struct slot))};
	}
	return (struct spec_place){SPEC_KERNEL_SLOTS, (uint32_t)(address % PAGE_SIZE / sizeof(struct slot))};
}

/* How much of a dying View's window is done. */
static uint64_t passed_bytes(const struct slot *view)
{
	uint64_t at = (view->badge & ~(uint64_t)(PT_STEP_BYTES - 1u)) + view->aux * PT_STEP_BYTES;

	return at > view->badge ? at - view->badge : 0;
}

static void read_payload(const struct slot *slot, struct spec_cap *cap)
{
	switch (cap->type) {
	case CAP_UNTYPED:
		cap->base = slot->badge;
		cap->size = slot->data[0];
		cap->is_device = slot->detail != 0;
		cap->is_donated = slot_has(slot, SLOT_TABLES);
		/* an Untyped without descendants is reset when it is looked at next */
		cap->used = cap->is_donated || !derivation_has_descendants(slot) ? 0 : slot->data[1];
		cap->is_clean = slot_has(slot, SLOT_CLEAN) && slot->data[1] == cap->used;
		cap->vspace = cap->is_donated ? address_of((uint32_t)slot->data[2]) : 0;
		break;
	case CAP_CNODE:
		cap->base = slot->detail;
		cap->size = 1ull << slot->badge;
		check(slot->aux == cap->size - 1u, "a CNode's two sizes agree");
		break;
	case CAP_ENDPOINT:
	case CAP_NOTIFICATION: cap->badge = slot->badge; break;
	case CAP_MEMORY:
		cap->base = slot->badge;
		cap->size = slot->data[0];
		cap->is_device = slot->detail != 0;
		break;
	case CAP_VIEW:
		cap->base = slot->badge;
		cap->size = slot->data[0];
		cap->frame = slot->data[1];
		cap->frames = slot->data[2];
		cap->is_device = slot->detail != 0;
		cap->used = cap->is_dying ? passed_bytes(slot) : 0;
		break;
	case CAP_IRQ: cap->base = slot->badge; break;
	case CAP_IOPORT:
		cap->base = slot->badge;
		cap->size = slot->data[0];
		break;
	default: break;
	}
}

static void read_cap(struct spec *out, struct slot *slot)
{
	struct spec_cap *cap = &out->caps[out->cap_count];

	check(out->cap_count < SPEC_CAPS, "there are not more capabilities than the model has room for");
	*cap = (struct spec_cap){
		.type = slot_type(slot),
		.rights = slot_rights(slot),
		.object = slot_object(slot) != 0 ? address_of(slot_object(slot)) : 0,
		.depth = slot_type(slot) != CAP_REPLY ? slot->depth : 0,
		.is_origin = slot_has(slot, SLOT_ORIGIN),
		.is_anchor = slot_has(slot, SLOT_ANCHOR),
		.is_armed = slot_has(slot, SLOT_ARMED),
		.is_dying = slot_has(slot, SLOT_DYING),
	};
	read_payload(slot, cap);
	slots[out->cap_count++] = slot;
}

/* The sentinel is the first of the kernel's own slots. */
static struct slot *sentinel(void)
{
	return phys_to_ptr((paddr_t){machine_kernel_slots});
}

static void read_tree(struct spec *out)
{
	struct slot *before = sentinel();

	for (struct slot *slot = slot_at(before->next); slot != sentinel(); slot = slot_at(slot->next)) {
		check(slot_at(slot->prev) == before, "next and prev of the derivation list are inverse");
		check(slot->depth > 0 && slot->depth <= before->depth + 1u, "depths rise by one");
		out->tree[out->tree_count++] = out->cap_count;
		read_cap(out, slot);
		before = slot;
	}
	check(slot_at(sentinel()->prev) == before, "the derivation list is a ring");
}

/* Replies stand in no list: all CNodes are searched. Whatever else is there must have been in the tree. */
static void read_replies(struct spec *out)
{
	uint32_t in_tree = out->cap_count, found = 0;

	for (uint32_t i = 0; i < in_tree; i++) {
		const struct spec_cap *cnode = &out->caps[i];

		if (cnode->type != CAP_CNODE || !cnode->is_origin)
			continue;
		for (uint32_t n = 0; n < cnode->size; n++) {
			struct slot *slot = slot_at((uint32_t)(cnode->object / 64u) + n);

			if (slot_type(slot) == CAP_REPLY)
				read_cap(out, slot);
			found += !slot_is_empty(slot) && slot_type(slot) != CAP_REPLY;
		}
	}
	for (uint32_t i = 0; i < out->cap_count; i++)
		out->caps[i].place = place_of(slots[i], out);
	for (uint32_t i = 0; i < in_tree; i++) {
		uint64_t holder = out->caps[i].place.holder;

		found += holder == SPEC_KERNEL_SLOTS || slot_has(slots[i], SLOT_EMBEDDED);
	}
	check(found == in_tree, "what lies in CNodes and Threads stands in the tree, and nothing else");
}

/* ---- threads ---- */

static void read_ring(thread_ref head, uint64_t *list, uint32_t *count, uint32_t object)
{
	thread_ref at = head;

	if (head == 0)
		return;
	do {
		const struct thread *thread = thread_at(at);

		check(*count < SPEC_THREADS, "a ring of threads ends");
		check(thread_at(thread->queue_next)->queue_prev == at,
		      "a ring of threads is linked both ways");
		check(object == 0 || thread->queue_object == object, "a thread knows where it waits");
		list[(*count)++] = address_of(at);
		at = thread->queue_next;
	} while (at != head);
}

static void check_reply(const struct thread *thread)
{
	if (thread->state != THREAD_CALLING && thread->state != THREAD_FAULTED)
		return;
	check(thread->reply_slot != 0, "a thread that waits for an answer has a Reply");
	const struct slot *reply = slot_at(thread->reply_slot);

	check(slot_type(reply) == CAP_REPLY && slot_object(reply) == thread_ref_of(thread),
	      "a Reply and its thread name each other");
}

static bool is_waiting(const struct thread *thread)
{
	return thread->state == THREAD_SENDING || thread->state == THREAD_RECEIVING ||
	       thread->state == THREAD_WAITING;
}

/* Who receives uses nothing that was lent, whatever stands in it. */
static void read_lending(struct spec_thread *to, const struct thread *thread)
{
	bool is_receiving = thread->state == THREAD_RECEIVING;

	to->own_priority = thread->own_priority;
	to->own_context = thread->own_context != 0 ? address_of(thread->own_context) : 0;
	if (is_receiving) {
		to->priority = thread->own_priority;
		to->context = to->own_context;
		return;
	}
	to->context = thread->context != 0 ? address_of(thread->context) : 0;
	to->lender = thread->lender != 0 ? address_of(thread->lender) : 0;
	to->lending_depth = thread->context != 0 ? thread->lending_depth : 0;
}

/* What is used since a context in use was charged is charged here. (A tick of the counter is a nanosecond.) */
static void read_context(struct spec_context *to, uint32_t ref)
{
	const struct sched_context *context = sched_context_at(ref);
	uint64_t used = 0, left;

	for (uint32_t i = 0; i < MACHINE_CPUS; i++)
		used += context == cpus[i]->context ? arch_tsc() - cpus[i]->context_tsc : 0;
	left = context->left_tsc > used ? context->left_tsc - used : 0;

	*to = (struct spec_context){
		.address = address_of(ref),
		.budget_ns = context->budget_tsc,
		.period_ns = context->period_ns,
		.left_ns = left < context->budget_tsc ? left : context->budget_tsc,
		.consumed_ns = context->consumed_tsc + used,
		.switches = context->switches,
		.refill_ns = context->refill_ns,
		.owner = context->owner != 0 ? address_of(context->owner) : 0,
		.runner = context->runner != 0 ? address_of(context->runner) : 0,
		.is_reported = context->is_reported,
	};
}

static void read_thread(struct spec *out, struct spec_thread *to, struct thread *thread)
{
	bool is_sending = thread->state == THREAD_SENDING;

	check(out->now_ns == host.time_ns, "time is read first");
	check_reply(thread);
	*to = (struct spec_thread){
		.address = ptr_to_phys(thread).raw,
		.state = thread->state,
		.is_suspended = thread->is_suspended,
		.is_fault = thread->is_fault,
		.is_interrupted = thread->is_interrupted,
		.priority = thread->priority,
		.label = thread->label,
		.page_va = thread->page_va,
		.has_vspace = thread->vspace_root.raw != 0,
		.waits_at = is_waiting(thread) ? address_of(thread->queue_object) : 0,
		.reply_slot = thread->state == THREAD_RECEIVING ? thread->reply_cap : 0,
		.sent_is_call = is_sending && !thread->is_fault && thread->sent_is_call,
		.sent_cap = is_sending ? thread->sent_cap : 0,
		.sent_badge = is_sending ? thread->sent_badge : 0,
		.deadline_ns =
			thread->timer_bucket != TIMER_NONE ? thread->timer_deadline_ns : DEADLINE_NEVER,
		.timer_cpu = thread->timer_cpu,
		.home = thread->home,
		.bound = thread->bound != 0 ? address_of(thread->bound) : 0,
		.fault_op = thread->is_fault ? thread->fault_op : 0,
		.fault_word = thread->is_fault ? thread->fault_word : 0,
		.fault_error = thread->is_fault ? thread->fault_error : 0,
		.personality = thread->personality,
		.regs = thread->ctx.regs,
	};
	memcpy(&to->page, thread_page(thread), sizeof(to->page));
	read_lending(to, thread);
}

/* The threads of one priority in a CPU's run queue. */
static void read_equals(struct spec_cpu *to, const struct run_queue *queue, uint32_t cpu, uint32_t priority)
{
	uint32_t before = to->ready_count;

	read_ring(queue->heads[priority], to->ready, &to->ready_count, 0);
	for (uint32_t n = before; n < to->ready_count; n++) {
		const struct thread *thread = machine_thread(to->ready[n]);

		check(thread->is_queued && thread->priority == priority && thread->cpu == cpu,
		      "a thread in the run queue knows that");
	}
	check((queue->bits[priority / 64u] >> (priority % 64u) & 1u) == (before < to->ready_count),
	      "the run queue's bitmap agrees with its rings");
}

static void read_cpu(struct spec_cpu *to, const struct cpu *from)
{
	const struct run_queue *queue = &from->ready;
	bool is_idle = from->current == from->idle;
	uint32_t best = PRIORITIES;

	to->ready_count = to->remote_count = 0;
	for (uint32_t i = 0; i < PRIORITIES; i++) {
		read_equals(to, queue, from->id, i);
		if (best == PRIORITIES && to->ready_count > 0)
			best = i;
	}
	check(queue->best == best && run_queue_best(queue) == best, "the run queue's best is the best");
	read_ring(from->remote, to->remote, &to->remote_count, from->id);
	to->context = from->context != &from->idle_context ? ptr_to_phys(from->context).raw : 0;
	to->current = !is_idle ? ptr_to_phys(from->current).raw : 0;
	to->must_choose = from->reschedule != 0;
	check(is_idle || (from->current->state == THREAD_READY && !from->current->is_queued &&
			  from->current->cpu == from->id),
	      "the current thread is ready, in no queue, and knows its CPU");
	check(!from->reschedule || machine_is_interrupted(from->id) || from == cpu(),
	      "a CPU that has to choose again is interrupted");
	check(from->remote == 0 || machine_is_interrupted(from->id),
	      "a CPU that has to execute others' calls is interrupted");
	check(from->shots_wanted == from->shots_done, "all CPUs have forgotten what they were asked to");
	check(from->word == 0, "the lock is free");
}

/* ---- endpoints and notifications ---- */

/* One ring of senders, of which it may be the first. Puts each behind the last one of its priority that was queued before it. */
static void read_sender_ring(const struct endpoint *endpoint, uint32_t ring, struct spec_endpoint *to)
{
	uint64_t threads[SPEC_THREADS];
	uint32_t count = 0;

	check((endpoint->sender_bits[ring / 64u] >> (ring % 64u) & 1u) == (endpoint->senders[ring] != 0),
	      "an endpoint's bitmap agrees with its rings");
	if (endpoint->senders[ring] == 0)
		return;
	check((endpoint->sender_summary >> (ring / 64u) & 1u) != 0, "an endpoint's summary");
	read_ring(endpoint->senders[ring], threads, &count, (uint32_t)(to->address / 64u));
	for (uint32_t i = 0; i < count; i++) {
		const struct thread *sender = machine_thread(threads[i]);
		uint32_t at = to->sender_count;

		check((sender->is_fault || sender->sent_is_call) == (ring < PRIORITIES),
		      "callers and other senders have rings of their own");
		check(sender->sent_order >> 56 == ring % PRIORITIES,
		      "a queued sender's order begins with its priority");
		for (; at > 0 && machine_thread(to->senders[at - 1u])->sent_order > sender->sent_order; at--)
			to->senders[at] = to->senders[at - 1u];
		to->senders[at] = threads[i];
		to->sender_count++;
	}
}

static void read_endpoint(struct spec *out, struct spec_endpoint *to, uint32_t ref)
{
	const struct endpoint *endpoint = endpoint_at(ref);
	slot_ref at = endpoint->notices;

	to->address = address_of(ref);
	to->minimum_ns = endpoint->minimum_tsc;
	to->sender_count = to->receiver_count = to->plain_count = to->notice_count = 0;
	for (uint32_t i = 0; i < SENDER_RINGS; i++)
		read_sender_ring(endpoint, i, to);
	check((to->sender_count > 0) == (endpoint->sender_summary != 0), "an endpoint's summary");
	read_ring(endpoint->receivers, to->receivers, &to->receiver_count, ref);
	read_ring(endpoint->plain_receivers, to->plain, &to->plain_count, ref);
	while (at != 0 && (to->notice_count == 0 || at != endpoint->notices)) {
		const struct slot *anchor = slot_at(at);

		check(slot_has(anchor, SLOT_QUEUED) && slot_at(anchor->link_next)->link_prev == at,
		      "the ring of notices is linked both ways");
		check(to->notice_count < SPEC_NOTICES, "the ring of notices ends");
		to->notices[to->notice_count++] = place_of(anchor, out);
		at = anchor->link_next;
	}
}

static void read_notification(struct spec_notification *to, uint32_t ref)
{
	const struct notification *notification = notification_at(ref);

	*to = (struct spec_notification){
		.address = address_of(ref),
		.word = notification->word,
		.bound = notification->bound != 0 ? address_of(notification->bound) : 0,
	};
	read_ring(notification->waiters, to->waiters, &to->waiter_count, ref);
}

/* ---- address spaces ---- */

static void add_leaf(struct spec_vspace *to, uint64_t va, pte_t entry, uint32_t level)
{
	struct spec_run run = {
		.va = va,
		.pages = level == 0 ? 1 : LARGE_PAGE_PAGES,
		.frame = pte_address(entry).raw >> PAGE_SHIFT,
		.rights = pte_rights(entry),
		.cache = pte_cache_flags(entry),
		.is_large = level > 0,
		.is_kept = pte_is_kept(entry),
	};
	struct spec_run *last = to->run_count > 0 ? &to->runs[to->run_count - 1u] : NULL;

	if (last != NULL && last->va + last->pages * PAGE_SIZE == va &&
	    last->frame + last->pages == run.frame && last->rights == run.rights &&
	    last->cache == run.cache && last->is_large == run.is_large && last->is_kept == run.is_kept) {
		last->pages += run.pages;
		return;
	}
	check(to->run_count < SPEC_RUNS, "there are not more mappings than the model has room for");
	to->runs[to->run_count++] = run;
}

/* Most of a table is. */
static bool are_zero(const pte_t *eight)
{
	return (eight[0] | eight[1] | eight[2] | eight[3] | eight[4] | eight[5] | eight[6] | eight[7]) == 0;
}

static void read_leaf_table(struct spec_vspace *to, uint64_t va, const pte_t *table)
{
	for (uint32_t i = 0; i < PT_ENTRIES; i++) {
		if (i % 8u == 0 && are_zero(&table[i]))
			i += 7u;
		else if (table[i] != 0)
			add_leaf(to, va + i * PAGE_SIZE, table[i], 0);
	}
}

/* All entries of one table above the leaves; tables below are read by a stack, not by recursion. */
static void read_tables(struct spec_vspace *to, const pte_t *root)
{
	const pte_t *table[PT_LEVELS] = {[PT_LEVELS - 1u] = root};
	uint32_t index[PT_LEVELS] = {0}, level = PT_LEVELS - 1u;
	uint64_t va[PT_LEVELS] = {0};

	for (;;) {
		uint32_t end = level == PT_LEVELS - 1u ? USER_PT_ENTRIES : PT_ENTRIES, i = index[level]++;

		if (i < end && i % 8u == 0 && are_zero(&table[level][i])) {
			index[level] += 7u;
			continue;
		}
		if (i == end) {
			if (level++ == PT_LEVELS - 1u)
				return;
			continue;
		}
		pte_t entry = table[level][i];
		uint64_t at = va[level] + i * pt_span(level);

		if (entry == 0)
			continue;
		if (!pte_is_table(entry, level)) {
			check(level == 1, "a large page has 2 MiB");
			add_leaf(to, at, entry, level);
			continue;
		}
		check(to->table_count < SPEC_TABLES, "there are not more tables than the model has room for");
		to->tables[to->table_count++] = at | (level - 1u);
		if (level == 1) {
			read_leaf_table(to, at, phys_to_ptr(pte_address(entry)));
			continue;
		}
		level--;
		table[level] = phys_to_ptr(pte_address(entry));
		index[level] = 0;
		va[level] = at;
	}
}

/* Pages in the pool: in use, given back, and not touched yet. */
static uint64_t pool_pages(const struct vspace *vspace)
{
	uint64_t pages = vspace->tables_used + vspace->tables_free;
	slot_ref at = vspace->tables_current;

	if (at != 0)
		pages += (slot_at(at)->data[0] - slot_at(at)->data[1]) >> PAGE_SHIFT;
	for (at = at != 0 ? slot_at(at)->link_next : 0; at != vspace->tables_first;
	     at = slot_at(at)->link_next)
		pages += slot_at(at)->data[0] >> PAGE_SHIFT;
	return pages;
}

static void read_vspace(struct spec *out, struct spec_vspace *to, uint32_t ref)
{
	const struct vspace *vspace = vspace_at(ref);
	slot_ref at = vspace->views;

	to->address = address_of(ref);
	to->allow_wx = vspace->allow_wx;
	to->is_dying = vspace->is_dying;
	to->run_count = to->table_count = to->view_count = 0;
	if (!vspace->is_dying) { /* else its tables have gone back, and may be something else already */
		read_tables(to, vspace_root(ref));
		check(to->table_count == vspace->tables_used, "tables in use are counted");
		to->pool_pages = pool_pages(vspace);
	}
	while (at != 0 && (to->view_count == 0 || at != vspace->views)) {
		check(slot_at(slot_at(at)->link_next)->link_prev == at,
		      "the ring of Views is linked both ways");
		check(slot_type(slot_at(at)) == CAP_VIEW && slot_object(slot_at(at)) == ref,
		      "a View of another space");
		to->views[to->view_count++] = place_of(slot_at(at), out);
		at = slot_at(at)->link_next;
	}
}

/* ---- all ---- */

static void read_objects(struct spec *out)
{
	uint32_t endpoints = 0, notifications = 0, threads = 0, vspaces = 0, contexts = 0;

	for (uint32_t i = 0; i < out->cap_count; i++) {
		const struct spec_cap *cap = &out->caps[i];
		uint32_t ref = (uint32_t)(cap->object / 64u);

		if (!cap->is_origin)
			continue;
		switch (cap->type) {
		case CAP_ENDPOINT: read_endpoint(out, &out->endpoints[endpoints++], ref); break;
		case CAP_NOTIFICATION: read_notification(&out->notifications[notifications++], ref); break;
		case CAP_THREAD: read_thread(out, &out->threads[threads++], thread_at(ref)); break;
		case CAP_SCHED_CONTEXT: read_context(&out->contexts[contexts++], ref); break;
		case CAP_VSPACE: read_vspace(out, &out->vspaces[vspaces++], ref); break;
		default: break;
		}
		check(endpoints < SPEC_ENDPOINTS && notifications < SPEC_NOTIFICATIONS &&
			      threads < SPEC_THREADS && vspaces < SPEC_VSPACES && contexts < SPEC_CONTEXTS,
		      "there are not more objects than the model has room for");
	}
	for (uint32_t i = endpoints; i < SPEC_ENDPOINTS; i++)
		out->endpoints[i].address = 0;
	for (uint32_t i = notifications; i < SPEC_NOTIFICATIONS; i++)
		out->notifications[i].address = 0;
	for (uint32_t i = threads; i < SPEC_THREADS; i++)
		out->threads[i].address = 0;
	for (uint32_t i = contexts; i < SPEC_CONTEXTS; i++)
		out->contexts[i].address = 0;
	for (uint32_t i = vspaces; i < SPEC_VSPACES; i++)
		out->vspaces[i].address = 0;
}

void machine_abstract(struct spec *out)
{
	out->cap_count = out->tree_count = 0;
	out->cpu_count = MACHINE_CPUS;
	out->now_ns = host.time_ns;
	read_tree(out);
	read_replies(out);
	read_objects(out);
	for (uint32_t i = 0; i < MACHINE_CPUS; i++)
		read_cpu(&out->cpus[i], cpus[i]);
	for (uint32_t line = 0; line < SPEC_IRQ_LINES; line++)
		out->irqs[line] = (struct spec_irq){.is_unmasked = (host.unmasked_lines >> line & 1u) != 0};
	out->wall_offset_ns = host.wall_offset_ns;
	out->time_page_frame = arch_time_page().raw >> PAGE_SHIFT;
	out->port_value = host.port_value;
	out->last_port = host.last_port;
	out->last_port_value = host.last_port_value;
}
