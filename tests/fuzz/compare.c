/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Whether two abstract states are equal, and if not, in what: field by field, in words.
 *
 * Objects are found by their address, capabilities by where they lie; the order of tables does not count, nor the number of an
 * entry.  Registers RCX and R11 are destroyed by a system call and do not count.
 */
#include "machine.h"

#include <stdio.h>

static char text[400];

#define DIFFER(format, ...) (snprintf(text, sizeof(text), format, __VA_ARGS__), text)
#define FIELD(what, a, b, field)                                                                        \
	do {                                                                                            \
		if ((a)->field != (b)->field)                                                           \
			return DIFFER("%s 0x%llx/%llx: " #field " specified 0x%llx, real 0x%llx",       \
				      (what).kind, (unsigned long long)(what).address,                  \
				      (unsigned long long)(what).index, (unsigned long long)(a)->field, \
				      (unsigned long long)(b)->field);                                  \
	} while (0)

/* What is compared, in words only if it differs. */
struct name {
	const char *kind;
	uint64_t address, index;
};

static const char *cap_differs(const struct spec_cap *a, const struct spec_cap *b, bool is_structure)
{
	const struct name what = {"capability at", a->place.holder, a->place.index};

	FIELD(what, a, b, place.holder);
	FIELD(what, a, b, place.index);
	FIELD(what, a, b, type);
	FIELD(what, a, b, depth);
	FIELD(what, a, b, rights);
	FIELD(what, a, b, object);
	FIELD(what, a, b, is_origin);
	FIELD(what, a, b, is_dying);
	FIELD(what, a, b, is_donated);
	if (a->type != CAP_VIEW)
		FIELD(what, a, b, used);
	if (is_structure)
		return NULL;
	FIELD(what, a, b, is_anchor);
	FIELD(what, a, b, is_armed);
	FIELD(what, a, b, is_clean);
	FIELD(what, a, b, is_device);
	FIELD(what, a, b, badge);
	FIELD(what, a, b, base);
	FIELD(what, a, b, size);
	FIELD(what, a, b, frame);
	FIELD(what, a, b, frames);
	FIELD(what, a, b, vspace);
	return NULL;
}

static const char *caps_differ(struct spec *specified, struct spec *real, bool is_structure)
{
	uint32_t replies = 0, real_replies = 0;
	const char *problem = NULL;

	for (uint32_t i = 0; i < specified->tree_count && i < real->tree_count && problem == NULL; i++)
		problem = cap_differs(&specified->caps[specified->tree[i]], &real->caps[real->tree[i]],
				      is_structure);
	if (problem != NULL)
		return problem;
	FIELD(((struct name){"tree", 0, 0}), specified, real, tree_count);
	for (uint32_t i = 0; i < real->cap_count; i++)
		real_replies += real->caps[i].type == CAP_REPLY;
	for (uint32_t i = 0; i < specified->cap_count && problem == NULL; i++) {
		const struct spec_cap *reply = &specified->caps[i], *other;

		if (reply->type != CAP_REPLY)
			continue;
		replies++;
		other = spec_cap_at(real, reply->place);
		if (other == NULL)
			return DIFFER("Reply at 0x%llx/%u is not there",
				      (unsigned long long)reply->place.holder, reply->place.index);
		problem = cap_differs(reply, other, is_structure);
	}
	if (problem == NULL && replies != real_replies)
		return DIFFER("Replies: specified %u, real %u", replies, real_replies);
	return problem;
}

static const char *list_differs(struct name what, const uint64_t *a, uint32_t a_count, const uint64_t *b,
				uint32_t b_count)
{
	if (a_count != b_count)
		return DIFFER("%s 0x%llx: specified %u, real %u entries", what.kind,
			      (unsigned long long)what.address, a_count, b_count);
	for (uint32_t i = 0; i < a_count; i++) {
		if (a[i] != b[i])
			return DIFFER("%s 0x%llx: entry %u specified 0x%llx, real 0x%llx", what.kind,
				      (unsigned long long)what.address, i, (unsigned long long)a[i],
				      (unsigned long long)b[i]);
	}
	return NULL;
}

static const char *places_differ(struct name what, const struct spec_place *a, uint32_t a_count,
				 const struct spec_place *b, uint32_t b_count)
{
	if (a_count != b_count)
		return DIFFER("%s 0x%llx: specified %u, real %u entries", what.kind,
			      (unsigned long long)what.address, a_count, b_count);
	for (uint32_t i = 0; i < a_count; i++) {
		if (a[i].holder != b[i].holder || a[i].index != b[i].index)
			return DIFFER("%s 0x%llx: entry %u specified 0x%llx/%u, real 0x%llx/%u", what.kind,
				      (unsigned long long)what.address, i, (unsigned long long)a[i].holder,
				      a[i].index, (unsigned long long)b[i].holder, b[i].index);
	}
	return NULL;
}

/* ---- address spaces ---- */

static const char *tables_differ(const struct spec_vspace *a, const struct spec_vspace *b)
{
	const struct name what = {"tables of VSpace", a->address, 0};

	FIELD(what, a, b, table_count);
	for (uint32_t i = 0; i < a->table_count; i++) {
		uint32_t n = 0;

		while (n < b->table_count && b->tables[n] != a->tables[i])
			n++;
		if (n == b->table_count)
			return DIFFER("%s 0x%llx: 0x%llx is not there", what.kind,
				      (unsigned long long)what.address, (unsigned long long)a->tables[i]);
	}
	return NULL;
}

static const char *runs_differ(const struct spec_vspace *a, const struct spec_vspace *b)
{
	struct name what = {"VSpace", a->address, 0};

	for (uint32_t i = 0; i < a->run_count && i < b->run_count; i++) {
		const struct spec_run *x = &a->runs[i], *y = &b->runs[i];

		what = (struct name){"mapping in VSpace", a->address, x->va};
		FIELD(what, x, y, va);
		FIELD(what, x, y, pages);
		FIELD(what, x, y, frame);
		FIELD(what, x, y, rights);
		FIELD(what, x, y, cache);
		FIELD(what, x, y, is_large);
		FIELD(what, x, y, is_kept);
	}
	what = (struct name){"VSpace", a->address, 0};
	FIELD(what, a, b, run_count);
	FIELD(what, a, b, pool_pages);
	return tables_differ(a, b);
}

static const char *vspace_differs(const struct spec_vspace *a, const struct spec_vspace *b)
{
	struct name what = {"VSpace", a->address, 0};
	const char *problem = NULL;

	FIELD(what, a, b, allow_wx);
	FIELD(what, a, b, is_dying);
	if (!a->is_dying) /* the tables of a dying one have gone back, and may be something else already */
		problem = runs_differ(a, b);
	if (problem != NULL)
		return problem;
	return places_differ((struct name){"Views of VSpace", a->address, 0}, a->views, a->view_count,
			     b->views, b->view_count);
}

/* ---- threads ---- */

static const char *regs_differ(const struct user_regs *a, const struct user_regs *b, uint64_t thread)
{
	const uint64_t *x = (const uint64_t *)a, *y = (const uint64_t *)b;
	static const char *const names[] = {"rax", "rbx", "rcx", "rdx",	   "rsi",     "rdi",	"rbp",
					    "rsp", "r8",  "r9",	 "r10",	   "r11",     "r12",	"r13",
					    "r14", "r15", "rip", "rflags", "fs_base", "gs_base"};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (x[i] != y[i] && i != 2 && i != 11)
			return DIFFER("thread 0x%llx: %s specified 0x%llx, real 0x%llx",
				      (unsigned long long)thread, names[i], (unsigned long long)x[i],
				      (unsigned long long)y[i]);
	}
	return NULL;
}

static const char *page_differs(const struct msg_page *a, const struct msg_page *b, uint64_t thread)
{
	const uint64_t *x = (const uint64_t *)a, *y = (const uint64_t *)b;

	if (memcmp(a, b, sizeof(*a)) == 0)
		return NULL;
	for (unsigned int i = 0; i < sizeof(*a) / sizeof(uint64_t); i++) {
		if (x[i] != y[i])
			return DIFFER("thread 0x%llx: word %u of its page specified 0x%llx, real 0x%llx",
				      (unsigned long long)thread, i, (unsigned long long)x[i],
				      (unsigned long long)y[i]);
	}
	return NULL;
}

static const char *fault_differs(struct name what, const struct spec_thread *a, const struct spec_thread *b)
{
	FIELD(what, a, b, is_fault);
	if (!a->is_fault)
		return NULL;
	FIELD(what, a, b, fault_op);
	FIELD(what, a, b, fault_word);
	FIELD(what, a, b, fault_error);
	return NULL;
}

static const char *waiting_differs(struct name what, const struct spec_thread *a, const struct spec_thread *b)
{
	FIELD(what, a, b, waits_at);
	FIELD(what, a, b, deadline_ns);
	if (a->deadline_ns != DEADLINE_NEVER)
		FIELD(what, a, b, timer_cpu);
	if (a->state == SPEC_RECEIVING)
		FIELD(what, a, b, reply_slot);
	if (a->state != SPEC_SENDING)
		return NULL;
	FIELD(what, a, b, sent_cap);
	FIELD(what, a, b, sent_badge);
	if (!a->is_fault)
		FIELD(what, a, b, sent_is_call);
	return NULL;
}

static const char *thread_differs(const struct spec_thread *a, const struct spec_thread *b)
{
	const struct name what = {"thread", a->address, 0};
	const char *problem;

	FIELD(what, a, b, state);
	FIELD(what, a, b, is_suspended);
	FIELD(what, a, b, is_interrupted);
	FIELD(what, a, b, priority);
	FIELD(what, a, b, label);
	FIELD(what, a, b, page_va);
	FIELD(what, a, b, has_vspace);
	FIELD(what, a, b, bound);
	FIELD(what, a, b, own_priority);
	FIELD(what, a, b, home);
	FIELD(what, a, b, own_context);
	FIELD(what, a, b, context);
	FIELD(what, a, b, lender);
	FIELD(what, a, b, lending_depth);
	problem = fault_differs(what, a, b);
	if (problem == NULL)
		problem = waiting_differs(what, a, b);
	if (problem == NULL && memcmp(&a->personality, &b->personality, sizeof(a->personality)) != 0)
		return DIFFER("%s 0x%llx: personality", what.kind, (unsigned long long)what.address);
	if (problem == NULL)
		problem = regs_differ(&a->regs, &b->regs, a->address);
	return problem != NULL ? problem : page_differs(&a->page, &b->page, a->address);
}

/* ---- endpoints and notifications ---- */

/* Senders by priority, those of one priority in their order. */
static void sort_senders(struct spec *spec, const struct spec_endpoint *endpoint, uint64_t *out)
{
	for (uint32_t i = 0; i < endpoint->sender_count; i++) {
		uint32_t priority = spec_thread_of(spec, endpoint->senders[i])->priority, at = i;

		for (; at > 0 && spec_thread_of(spec, out[at - 1u])->priority > priority; at--)
			out[at] = out[at - 1u];
		out[at] = endpoint->senders[i];
	}
}

static const char *endpoint_differs(struct spec *spec, const struct spec_endpoint *a,
				    const struct spec_endpoint *b)
{
	struct name what = {"senders of endpoint", a->address, 0};
	const char *problem;
	uint64_t senders[SPEC_THREADS];

	sort_senders(spec, a, senders);
	FIELD(what, a, b, minimum_ns);
	problem = list_differs(what, senders, a->sender_count, b->senders, b->sender_count);
	what = (struct name){"receivers of endpoint", a->address, 0};
	if (problem == NULL)
		problem =
			list_differs(what, a->receivers, a->receiver_count, b->receivers, b->receiver_count);
	if (problem == NULL)
		problem = list_differs(what, a->plain, a->plain_count, b->plain, b->plain_count);
	what = (struct name){"notices of endpoint", a->address, 0};
	if (problem == NULL)
		problem = places_differ(what, a->notices, a->notice_count, b->notices, b->notice_count);
	return problem;
}

static const char *context_differs(const struct spec_context *a, const struct spec_context *b)
{
	const struct name what = {"SchedContext", a->address, 0};

	FIELD(what, a, b, budget_ns);
	FIELD(what, a, b, period_ns);
	FIELD(what, a, b, consumed_ns);
	FIELD(what, a, b, left_ns);
	FIELD(what, a, b, refill_ns);
	FIELD(what, a, b, switches);
	FIELD(what, a, b, owner);
	FIELD(what, a, b, runner);
	FIELD(what, a, b, is_reported);
	return NULL;
}

static const char *notification_differs(const struct spec_notification *a, const struct spec_notification *b)
{
	const struct name what = {"notification", a->address, 0};

	FIELD(what, a, b, word);
	FIELD(what, a, b, bound);
	return list_differs(what, a->waiters, a->waiter_count, b->waiters, b->waiter_count);
}

/* ---- all ---- */

#define EACH(kind, room, specified, real, compare)                                                           \
	for (uint32_t i = 0; i < (room); i++) {                                                              \
		const struct spec_##kind *a = &(specified)->kind##s[i];                                      \
		const struct spec_##kind *b = a->address != 0 ? spec_##kind##_of((real), a->address) : NULL; \
		const char *problem = NULL;                                                                  \
                                                                                                             \
		count += a->address != 0;                                                                    \
		count -= (real)->kind##s[i].address != 0;                                                    \
		if (a->address != 0 && b == NULL)                                                            \
			return DIFFER(#kind " 0x%llx is not there", (unsigned long long)a->address);         \
		if (a->address != 0)                                                                         \
			problem = compare;                                                                   \
		if (problem != NULL)                                                                         \
			return problem;                                                                      \
	}                                                                                                    \
	if (count != 0)                                                                                      \
	return #kind "s: there are others than specified"

static const char *vspaces_differ(struct spec *specified, struct spec *real)
{
	uint32_t count = 0;

	EACH(vspace, SPEC_VSPACES, specified, real, vspace_differs(a, b));
	return NULL;
}

static const char *contexts_differ(struct spec *specified, struct spec *real)
{
	uint32_t count = 0;

	EACH(context, SPEC_CONTEXTS, specified, real, context_differs(a, b));
	return NULL;
}

static const char *threads_differ(struct spec *specified, struct spec *real)
{
	uint32_t count = 0;

	EACH(thread, SPEC_THREADS, specified, real, thread_differs(a, b));
	return NULL;
}

static const char *endpoints_differ(struct spec *specified, struct spec *real)
{
	uint32_t count = 0;

	EACH(endpoint, SPEC_ENDPOINTS, specified, real, endpoint_differs(specified, a, b));
	return NULL;
}

static const char *notifications_differ(struct spec *specified, struct spec *real)
{
	uint32_t count = 0;

	EACH(notification, SPEC_NOTIFICATIONS, specified, real, notification_differs(a, b));
	return NULL;
}

static const char *machine_differs(const struct spec *a, const struct spec *b)
{
	for (uint32_t line = 0; line < SPEC_IRQ_LINES; line++) {
		if (a->irqs[line].is_unmasked != b->irqs[line].is_unmasked)
			return DIFFER("interrupt line %u: masked", line);
	}
	FIELD(((struct name){"machine", 0, 0}), a, b, wall_offset_ns);
	FIELD(((struct name){"machine", 0, 0}), a, b, last_port);
	FIELD(((struct name){"machine", 0, 0}), a, b, last_port_value);
	return NULL;
}

static const char *cpu_differs(uint32_t number, const struct spec_cpu *a, const struct spec_cpu *b)
{
	const struct name what = {"CPU", number, 0};
	const char *problem;

	FIELD(what, a, b, current);
	FIELD(what, a, b, context);
	problem = list_differs((struct name){"ready threads of CPU", number, 0}, a->ready, a->ready_count,
			       b->ready, b->ready_count);
	if (problem != NULL)
		return problem;
	return list_differs((struct name){"calls for CPU", number, 0}, a->remote, a->remote_count, b->remote,
			    b->remote_count);
}

static const char *cpus_differ(const struct spec *a, const struct spec *b)
{
	const char *problem = NULL;

	for (uint32_t i = 0; i < a->cpu_count && problem == NULL; i++)
		problem = cpu_differs(i, &a->cpus[i], &b->cpus[i]);
	return problem;
}

const char *states_differ(struct spec *specified, struct spec *real, bool is_structure)
{
	const char *problem = caps_differ(specified, real, is_structure);

	if (problem == NULL)
		problem = vspaces_differ(specified, real);
	if (problem == NULL)
		problem = endpoints_differ(specified, real);
	if (problem == NULL)
		problem = notifications_differ(specified, real);
	if (is_structure)
		return problem;
	if (problem == NULL)
		problem = threads_differ(specified, real);
	if (problem == NULL)
		problem = cpus_differ(specified, real);
	if (problem == NULL)
		problem = contexts_differ(specified, real);
	return problem != NULL ? problem : machine_differs(specified, real);
}
