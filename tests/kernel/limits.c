/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Limits: sizes, counts, indices and depths at their largest (or smallest) value, and one beyond, from one table.  What needs
 * more than one call to come to its limit stands in the file of its object.
 */
#include "tests.h"

#include <tessera/names.h>

#define OWN SLOT_OWN
#define MARK (1ull << 60)
#define OBJECT(type) (MARK | (type)) /* the capability of a type */
#define FREE (MARK | 0xfeu)	     /* an empty slot of the group's leaf */
#define FREE_ROOT (MARK | 0xffu)     /* one in a leaf of root's depth */
#define USER_PAGES (USER_TOP / PAGE_BYTES)

static const struct {
	uint32_t number;
	enum tessera_error wanted;
	const char *name;
	uint64_t arguments[6];
} rows[] = {
	{OP_SEND, E_TIMEOUT, "the longest message", {OBJECT(CAP_ENDPOINT), MSG_TAG(0, MSG_MAX_WORDS, 0)}},
	{OP_SEND, E_ARG, "a word more: E_ARG", {OBJECT(CAP_ENDPOINT), MSG_TAG(0, MSG_MAX_WORDS + 1, 0)}},
	{OP_SEND, E_TIMEOUT, "four capabilities", {OBJECT(CAP_ENDPOINT), MSG_TAG(0, 0, MSG_MAX_CAPS)}},
	{OP_SEND, E_ARG, "five: E_ARG", {OBJECT(CAP_ENDPOINT), MSG_TAG(0, 0, MSG_MAX_CAPS + 1)}},
	{OP_CALL, E_TIMEOUT, "the longest call", {OBJECT(CAP_ENDPOINT), MSG_TAG(0, MSG_MAX_WORDS, 0)}},
	{OP_CALL, E_ARG, "a word more: E_ARG", {OBJECT(CAP_ENDPOINT), MSG_TAG(0, MSG_MAX_WORDS + 1, 0)}},
	{OP_UNTYPED_RETYPE, E_ARG, "a CNode of 2^3: E_ARG", {OBJECT(CAP_UNTYPED), CAP_CNODE, 3, FREE, 1}},
	{OP_UNTYPED_RETYPE, E_OK, "a CNode of 2^4", {OBJECT(CAP_UNTYPED), CAP_CNODE, 4, FREE, 1}},
	{OP_UNTYPED_RETYPE,
	 E_NO_MEMORY,
	 "one of 2^20 needs room",
	 {OBJECT(CAP_UNTYPED), CAP_CNODE, 20, FREE, 1}},
	{OP_UNTYPED_RETYPE, E_ARG, "of 2^21: E_ARG", {OBJECT(CAP_UNTYPED), CAP_CNODE, 21, FREE, 1}},
	{OP_UNTYPED_RETYPE,
	 E_ARG,
	 "an Untyped of 2^5: E_ARG",
	 {OBJECT(CAP_UNTYPED), CAP_UNTYPED, 5, FREE, 1}},
	{OP_UNTYPED_RETYPE, E_OK, "of 2^6", {OBJECT(CAP_UNTYPED), CAP_UNTYPED, 6, FREE, 1}},
	{OP_UNTYPED_RETYPE,
	 E_NO_MEMORY,
	 "of 2^47 needs room",
	 {OBJECT(CAP_UNTYPED), CAP_UNTYPED, 47, FREE, 1}},
	{OP_UNTYPED_RETYPE, E_ARG, "of 2^48: E_ARG", {OBJECT(CAP_UNTYPED), CAP_UNTYPED, 48, FREE, 1}},
	{OP_UNTYPED_RETYPE, E_ARG, "no object: E_ARG", {OBJECT(CAP_UNTYPED), CAP_NOTIFICATION, 0, FREE, 0}},
	{OP_UNTYPED_RETYPE,
	 E_ARG,
	 "257 objects: E_ARG",
	 {OBJECT(CAP_UNTYPED), CAP_NOTIFICATION, 0, FREE, 257}},
	{OP_MEMORY_DERIVE, E_OK, "all pages", {OBJECT(CAP_MEMORY), FREE, 0, 1, ALL}},
	{OP_MEMORY_DERIVE, E_RANGE, "a page more: E_RANGE", {OBJECT(CAP_MEMORY), FREE, 0, 2, ALL}},
	{OP_MEMORY_ATTACH,
	 E_OK,
	 "the whole user half",
	 {OBJECT(CAP_MEMORY), FREE, OBJECT(CAP_VSPACE), 0, USER_PAGES, ALL}},
	{OP_MEMORY_ATTACH,
	 E_RANGE,
	 "a page more: E_RANGE",
	 {OBJECT(CAP_MEMORY), FREE, OBJECT(CAP_VSPACE), 0, USER_PAGES + 1, ALL}},
	{OP_VSPACE_QUERY, E_OK, "the last address", {OBJECT(CAP_VSPACE), USER_TOP - 1}},
	{OP_VSPACE_QUERY, E_RANGE, "behind it: E_RANGE", {OBJECT(CAP_VSPACE), USER_TOP}},
	{OP_VSPACE_UNMAP, E_OK, "the whole user half", {OBJECT(CAP_VSPACE), 0, USER_PAGES}},
	{OP_VSPACE_UNMAP, E_RANGE, "a page more: E_RANGE", {OBJECT(CAP_VSPACE), 0, USER_PAGES + 1}},
	{OP_THREAD_SET_PRIORITY, E_OK, "255", {OBJECT(CAP_THREAD), 255}},
	{OP_THREAD_SET_PRIORITY, E_ARG, "256: E_ARG", {OBJECT(CAP_THREAD), 256}},
	{OP_IOPORT_IN, E_OK, "the last port", {OBJECT(CAP_IOPORT), 0x80, 1}},
	{OP_IOPORT_IN, E_RANGE, "wider than the range: E_RANGE", {OBJECT(CAP_IOPORT), 0x80, 2}},
	{OP_IOPORT_IN, E_RANGE, "before it: E_RANGE", {OBJECT(CAP_IOPORT), 0x7f, 1}},
	{OP_IOPORT_IN, E_RANGE, "behind it: E_RANGE", {OBJECT(CAP_IOPORT), 0x81, 1}},
	{OP_MACHINE_IOPORT, E_OK, "the last port", {OBJECT(CAP_MACHINE), FREE_ROOT, 0xffff, 1}},
	{OP_MACHINE_IOPORT, E_RANGE, "one more: E_RANGE", {OBJECT(CAP_MACHINE), FREE_ROOT, 0xffff, 2}},
	{OP_MACHINE_IOPORT, E_RANGE, "none: E_RANGE", {OBJECT(CAP_MACHINE), FREE_ROOT, 0x80, 0}},
	{OP_MACHINE_IOPORT,
	 E_DEPTH,
	 "in a CNode that is not shallower: E_DEPTH",
	 {OBJECT(CAP_MACHINE), FREE, 0x80, 1}},
	{OP_MACHINE_IRQ, E_RANGE, "line 24: E_RANGE", {OBJECT(CAP_MACHINE), FREE_ROOT, 24}},
	{OP_MACHINE_IRQ,
	 E_DEPTH,
	 "in a CNode that is not shallower: E_DEPTH",
	 {OBJECT(CAP_MACHINE), FREE, 6}},
	{OP_KERNEL_INFO, E_OK, "the last kind", {OBJECT(CAP_MACHINE), 1}},
	{OP_KERNEL_INFO, E_ARG, "one more: E_ARG", {OBJECT(CAP_MACHINE), 2}},
};

static cap_t objects[CAP_TYPE_COUNT], empty;

static uint64_t value_of(uint64_t argument)
{
	if ((argument & MARK) == 0)
		return argument;
	if (argument == FREE)
		return OWN(empty);
	return argument == FREE_ROOT ? OWN(CAP_PORT_SLOT) : objects[argument & 0xff];
}

void test_limits(void)
{
	group_begin("limits");
	make_one_of_each(objects);
	drop(objects[CAP_IOPORT]);
	objects[CAP_IOPORT] =
		CAP_IRQ_SLOT; /* the Irq is not used: its slot holds the ports, theirs is free */
	drop(CAP_IRQ_SLOT);
	must(ts_machine_ioport(ROOT_CAP_MACHINE, OWN(CAP_IRQ_SLOT), 0x80, 1), "an IoPort");
	empty = slot_new();
	for (uint32_t i = 0; i < COUNT_OF(rows); i++) {
		const uint64_t *a = rows[i].arguments;
		struct user_regs regs = {.rax = TESSERA_SYSCALL_BASE + rows[i].number,
					 .rdi = value_of(a[0]),
					 .rsi = value_of(a[1]),
					 .rdx = value_of(a[2]),
					 .r10 = value_of(a[3]),
					 .r8 = value_of(a[4]),
					 .r9 = value_of(a[5])};

		observed_call(&regs);
		check_error(regs.rax, rows[i].wanted, join(tessera_op_name(rows[i].number), rows[i].name));
		drop(empty);
		drop(CAP_PORT_SLOT);
	}
	check_error(ts_thread_set_affinity(objects[CAP_THREAD], boot_info()->cpu_count - 1), E_OK,
		    "the last CPU");
	check_error(ts_thread_set_affinity(objects[CAP_THREAD], boot_info()->cpu_count), E_ARG,
		    "one more: E_ARG");
	drop(CAP_IRQ_SLOT);
	group_end();
}
