/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Capabilities and slots that operations take beside argument 0, from one table: each type of object in the wrong place,
 * addresses of nothing, and each right that is needed missing.  (door.c does the same for argument 0.)
 */
#include "tests.h"

#include <string.h>

#define OWN SLOT_OWN

enum where {
	REGISTER,
	HIGH_HALF,
	CONFIG
}; /* argument `at`; the high half of argument 0; thread_config's byte `at` */

struct argument {
	uint32_t number;
	enum where where;
	uint32_t at, type, rights; /* what it must be */
	const char *name;
	uint64_t others[7];
};

/* In others: stands for the object of a type, or for a slot that is empty. */
#define MARK (1ull << 40)
#define OBJECT(type) (MARK | (type))
#define FREE (MARK | 0xffu)

#define IN_CONFIG(field, type, rights)                                                            \
	{                                                                                         \
		OP_THREAD_CONFIGURE, CONFIG, offsetof(struct thread_config, field), type, rights, \
			"thread_configure's " #field,                                             \
		{                                                                                 \
			OBJECT(CAP_THREAD)                                                        \
		}                                                                                 \
	}

static const struct argument capabilities[] = {
	{OP_REPLY_RECV,
	 HIGH_HALF,
	 0,
	 CAP_REPLY,
	 0,
	 "reply_recv's Reply",
	 {OBJECT(CAP_ENDPOINT), MSG_TAG(0, 0, 0)}},
	{OP_CNODE_COPY_ALL, REGISTER, 0, CAP_CNODE, WRITE, "cnode_copy_all's dst", {0, OBJECT(CAP_CNODE)}},
	{OP_CNODE_COPY_ALL, REGISTER, 1, CAP_CNODE, READ, "cnode_copy_all's src_cnode", {OBJECT(CAP_CNODE)}},
	{OP_MEMORY_ATTACH,
	 REGISTER,
	 2,
	 CAP_VSPACE,
	 WRITE,
	 "memory_attach's vspace",
	 {OBJECT(CAP_MEMORY), FREE}},
	{OP_VIEW_COPY, REGISTER, 1, CAP_VSPACE, WRITE, "view_copy's src_vspace", {OBJECT(CAP_VIEW)}},
	IN_CONFIG(cspace, CAP_CNODE, READ),
	IN_CONFIG(vspace, CAP_VSPACE, WRITE),
	IN_CONFIG(fault_ep, CAP_ENDPOINT, WRITE | GRANT),
	IN_CONFIG(last_ep, CAP_ENDPOINT, WRITE | GRANT),
	IN_CONFIG(budget_ep, CAP_ENDPOINT, WRITE | GRANT),
	{OP_THREAD_SET_REGS,
	 REGISTER,
	 2,
	 CAP_THREAD,
	 READ,
	 "thread_set_regs' fpu_from",
	 {OBJECT(CAP_THREAD), 1}},
	{OP_THREAD_BIND_NOTIFICATION,
	 REGISTER,
	 1,
	 CAP_NOTIFICATION,
	 READ,
	 "thread_bind_notification's",
	 {OBJECT(CAP_THREAD)}},
	{OP_SCHED_BIND, REGISTER, 1, CAP_THREAD, WRITE, "sched_bind's thread", {OBJECT(CAP_SCHED_CONTEXT)}},
	{OP_IRQ_BIND, REGISTER, 1, CAP_NOTIFICATION, WRITE, "irq_bind's notification", {OBJECT(CAP_IRQ)}},
};

/* Destination slots: the CNode in the designator's high half. */
static const struct argument destinations[] = {
	{OP_CNODE_COPY, REGISTER, 0, 0, WRITE, "cnode_copy's dst", {0, OBJECT(CAP_ENDPOINT), ALL}},
	{OP_CNODE_MINT, REGISTER, 0, 0, WRITE, "cnode_mint's dst", {0, OBJECT(CAP_ENDPOINT), ALL}},
	{OP_CNODE_MOVE, REGISTER, 0, 0, WRITE, "cnode_move's dst", {0, OBJECT(CAP_ENDPOINT)}},
	{OP_UNTYPED_RETYPE,
	 REGISTER,
	 3,
	 0,
	 WRITE,
	 "untyped_retype's dst",
	 {OBJECT(CAP_UNTYPED), CAP_NOTIFICATION, 0, 0, 1}},
	{OP_MEMORY_DERIVE, REGISTER, 1, 0, WRITE, "memory_derive's dst", {OBJECT(CAP_MEMORY), 0, 0, 1, ALL}},
	{OP_MEMORY_ATTACH,
	 REGISTER,
	 1,
	 0,
	 WRITE,
	 "memory_attach's dst",
	 {OBJECT(CAP_MEMORY), 0, OBJECT(CAP_VSPACE)}},
	{OP_MACHINE_IRQ, REGISTER, 1, 0, WRITE, "machine_irq's dst", {OBJECT(CAP_MACHINE), 0, 6}},
	{OP_MACHINE_IOPORT, REGISTER, 1, 0, WRITE, "machine_ioport's dst", {OBJECT(CAP_MACHINE), 0, 0x80, 1}},
};

/* Source slots. */
static const struct argument sources[] = {
	{OP_CNODE_COPY, REGISTER, 1, 0, READ, "cnode_copy's src", {FREE, 0, ALL}},
	{OP_CNODE_MINT, REGISTER, 1, 0, READ, "cnode_mint's src", {FREE, 0, ALL}},
	{OP_CNODE_MOVE, REGISTER, 1, 0, READ | WRITE, "cnode_move's src", {FREE}},
	{OP_VSPACE_DONATE_TABLES,
	 REGISTER,
	 1,
	 0,
	 READ,
	 "vspace_donate_tables' untyped_slot",
	 {OBJECT(CAP_VSPACE)}},
};

static cap_t objects[CAP_TYPE_COUNT]; /* 0: the reserved type, of which there is none */
static cap_t empty, weak;	      /* slots */

static uint64_t value_of(uint64_t other)
{
	if (other == FREE)
		return OWN(empty);
	return (other & MARK) != 0 ? objects[other & 0xff] : other;
}

/* The operation with everything right but this argument. */
static uint64_t with(const struct argument *argument, uint64_t value)
{
	struct thread_config *config = page_block();
	uint64_t a[7];

	for (uint32_t i = 0; i < COUNT_OF(a); i++)
		a[i] = value_of(argument->others[i]);
	*config = (struct thread_config){.priority = ~0u};
	if (argument->where == REGISTER)
		a[argument->at] = value;
	else if (argument->where == HIGH_HALF)
		a[0] |= value << 32;
	else
		memcpy((char *)config + argument->at, &value, sizeof(cap_t));
	struct user_regs regs = call_regs(argument->number, a);

	observed_call(&regs);
	return regs.rax;
}

static void test_capability(const struct argument *argument)
{
	static const uint64_t nothing[] = {CAP_EMPTY, 0x1ff, 0x200, 0xff00, 0x10000, 0xffffffff};
	uint32_t types = 0, addresses = 0, rights = 0;

	for (uint32_t type = 1; type < CAP_TYPE_COUNT; type++) {
		if (objects[type] != 0 && type != argument->type)
			types += with(argument, objects[type]) != E_TYPE;
	}
	check_equal(types, 0, join(argument->name, "refuses 14 wrong types with E_TYPE"));
	for (uint32_t i = 0; i < COUNT_OF(nothing); i++)
		addresses += with(argument, nothing[i]) != E_CAP;
	check_equal(addresses, 0, join(argument->name, "refuses addresses of nothing with E_CAP"));
	for (uint32_t right = 1; right <= ALL; right <<= 1) {
		if ((argument->rights & right) == 0)
			continue;
		must(ts_cnode_copy(OWN(weak), OWN(objects[argument->type]), ALL & ~right), "a copy");
		rights += with(argument, weak) != E_RIGHTS;
		drop(weak);
	}
	if (argument->rights != 0)
		check_equal(rights, 0, join(argument->name, "without a right it needs: E_RIGHTS"));
}

/* CNodes that are none, slots that are none, and a CNode without the rights. `place`: a slot that would be right. */
static void test_designator(const struct argument *argument)
{
	cap_t small = make(CAP_CNODE, 4);
	const slot_t none[] = {OWN(0),
			       OWN(0x10000),
			       OWN(0x200),
			       SLOT_IN(ROOT_CAP_CNODE, 256),
			       SLOT_IN(small, 16),
			       SLOT_IN(small, 0xffffffff),
			       SLOT_IN(CAP_EMPTY, 0),
			       SLOT_IN(0x10000, 1)};
	uint32_t types = 0, slots = 0, rights = 0;

	for (uint32_t type = 1; type < CAP_TYPE_COUNT; type++) {
		if (objects[type] != 0 && type != CAP_CNODE)
			types += with(argument, SLOT_IN(objects[type], 0)) != E_SLOT;
	}
	check_equal(types, 0, join(argument->name, "in what is no CNode: E_SLOT"));
	for (uint32_t i = 0; i < COUNT_OF(none); i++)
		slots += with(argument, none[i]) != E_SLOT;
	check_equal(slots, 0, join(argument->name, "that names no slot: E_SLOT"));
	for (uint32_t right = 1; right <= ALL; right <<= 1) {
		if ((argument->rights & right) == 0)
			continue;
		must(ts_cnode_copy(OWN(weak), OWN(small), ALL & ~right), "a copy");
		rights += with(argument, SLOT_IN(weak, 1)) != E_RIGHTS;
		drop(weak);
	}
	check_equal(rights, 0, join(argument->name, "through a CNode without the right: E_RIGHTS"));
	drop(small);
}

static void test_destination(const struct argument *argument)
{
	uint32_t wrong = 0;

	test_designator(argument);
	for (uint32_t type = 1; type < CAP_TYPE_COUNT; type++)
		wrong += objects[type] != 0 && with(argument, OWN(objects[type])) != E_SLOT_USED;
	check_equal(wrong, 0, join(argument->name, "holding any of 15 types: E_SLOT_USED"));
}

/* What designates capabilities by slots needs a type, too. */
static void test_types_of_slots(void)
{
	uint32_t copies = 0, mints = 0, tables = 0;
	slot_t to = OWN(empty);

	for (uint32_t type = 1; type < CAP_TYPE_COUNT; type++) {
		bool is_single = type == CAP_UNTYPED || type == CAP_VIEW || type == CAP_REPLY;
		enum tessera_error wanted = is_single ? E_TYPE : E_OK;

		if (objects[type] == 0)
			continue;
		copies += ts_cnode_copy(to, OWN(objects[type]), ALL) != wanted;
		drop(empty);
		mints += ts_cnode_mint(to, OWN(objects[type]), ALL, 0, 0) != wanted;
		drop(empty);
		if (type != CAP_UNTYPED)
			tables += ts_vspace_donate_tables(objects[CAP_VSPACE], OWN(objects[type])) != E_TYPE;
	}
	check_equal(copies, 0, "cnode_copy takes 12 types, Untyped, View and Reply are E_TYPE");
	check_equal(mints, 0, "cnode_mint takes 12 types, Untyped, View and Reply are E_TYPE");
	check_equal(tables, 0, "vspace_donate_tables refuses 14 wrong types with E_TYPE");
}

/* recv's slot for the Reply of the next call. */
static void test_reply_slot(void)
{
	static const uint64_t none[] = {0x200, 0xff00, 0x10000, 0xffffffff};
	struct ipc_msg m;
	uint32_t used = 0, slots = 0;

	for (uint32_t type = 1; type < CAP_TYPE_COUNT; type++)
		used += objects[type] != 0 &&
			ts_recv(objects[CAP_ENDPOINT], objects[type], &m, POLL) != E_SLOT_USED;
	check_equal(used, 0, "recv's slot holding any of 15 types: E_SLOT_USED");
	for (uint32_t i = 0; i < COUNT_OF(none); i++)
		slots += ts_recv(objects[CAP_ENDPOINT], (cap_t)none[i], &m, POLL) != E_SLOT;
	check_equal(slots, 0, "recv's slot that is none: E_SLOT");
}

void test_arguments(void)
{
	group_begin("arguments");
	make_one_of_each(objects);
	empty = slot_new();
	weak = slot_new();
	for (uint32_t i = 0; i < COUNT_OF(capabilities); i++)
		test_capability(&capabilities[i]);
	for (uint32_t i = 0; i < COUNT_OF(destinations); i++)
		test_destination(&destinations[i]);
	for (uint32_t i = 0; i < COUNT_OF(sources); i++)
		test_designator(&sources[i]);
	test_types_of_slots();
	test_reply_slot();
	drop(objects[CAP_IRQ]);
	drop(objects[CAP_IOPORT]);
	group_end();
}
