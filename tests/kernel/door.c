/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What is checked before any operation begins, for all of them, from the kernel's own table: numbers, addresses, types,
 * rights, and slot designators.
 */
#include "tests.h"

#include <string.h>

enum { OP_PLAIN, OP_BY_CAP, OP_BY_SLOT };

struct operation {
	uint32_t number;
	const char *name;
	uint32_t type, rights, how;
};

#define X(number, name, type, rights, how, handler) {number, #name, type, rights, how},
static const struct operation operations[] = {
#include <dispatch_table.inc>
};
#undef X

static cap_t objects[CAP_TYPE_COUNT];

static uint64_t raw(uint32_t number, uint64_t a0, uint64_t a1, uint64_t a2)
{
	struct user_regs regs = {.rax = TESSERA_SYSCALL_BASE + number, .rdi = a0, .rsi = a1, .rdx = a2};

	observed_call(&regs);
	return regs.rax;
}

void make_one_of_each(cap_t made[CAP_TYPE_COUNT])
{
	struct worker *caller = worker_new(0, 0, PRIORITY_HIGH);
	struct ipc_msg message;

	made[CAP_UNTYPED] = make(CAP_UNTYPED, 12);
	made[CAP_CNODE] = make(CAP_CNODE, 4);
	made[CAP_ENDPOINT] = make(CAP_ENDPOINT, 0);
	made[CAP_NOTIFICATION] = make(CAP_NOTIFICATION, 0);
	made[CAP_THREAD] = make(CAP_THREAD, 0);
	made[CAP_SCHED_CONTEXT] = make(CAP_SCHED_CONTEXT, 0);
	made[CAP_VSPACE] = make(CAP_VSPACE, 0);
	made[CAP_MEMORY] = make(CAP_MEMORY, 1);
	made[CAP_VIEW] = slot_new();
	must(ts_memory_attach(made[CAP_MEMORY], SLOT_OWN(made[CAP_VIEW]), ROOT_CAP_VSPACE, 0, 0, READ),
	     "a View");
	made[CAP_REPLY] = slot_new();
	DO(caller, OP_CALL, made[CAP_ENDPOINT], MSG_TAG(1, 0, 0), 0, 0, 0, 0, NEVER);
	must(ts_recv(made[CAP_ENDPOINT], made[CAP_REPLY], &message, POLL), "a Reply");
	made[CAP_IRQ] = CAP_IRQ_SLOT;
	must(ts_machine_irq(ROOT_CAP_MACHINE, SLOT_OWN(made[CAP_IRQ]), 5), "an Irq");
	made[CAP_IOPORT] = CAP_PORT_SLOT;
	must(ts_machine_ioport(ROOT_CAP_MACHINE, SLOT_OWN(made[CAP_IOPORT]), 0x80, 1), "an IoPort");
	made[CAP_CLOCK] = ROOT_CAP_CLOCK;
	made[CAP_CONSOLE] = ROOT_CAP_CONSOLE;
	made[CAP_MACHINE] = ROOT_CAP_MACHINE;
}

static void test_numbers(void)
{
	static uint8_t is_known[1024];
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < COUNT_OF(operations); i++)
		is_known[operations[i].number] = 1;
	for (uint32_t number = 0; number < 0x10000; number++) {
		if (number < 1024 && is_known[number])
			continue;
		wrong += raw(number, 0, 0, 0) != E_NO_OP;
	}
	check_equal(wrong, 0, "each of 65536 numbers without an operation: E_NO_OP");
	struct user_regs regs = {.rax = 39};

	observed_call(&regs);
	check_error(regs.rax, E_NO_OP, "a foreign system call without personality: E_NO_OP");
	regs = (struct user_regs){.rax = 0x100000000ull | (TESSERA_SYSCALL_BASE + OP_NOTHING)};
	observed_call(&regs);
	check_error(regs.rax, E_OK, "only the low half of RAX counts");
}

static void test_types(const struct operation *operation)
{
	uint32_t wrong = 0;

	for (uint32_t type = 0; type < CAP_TYPE_COUNT; type++) {
		if (objects[type] != 0 && type != operation->type)
			wrong += raw(operation->number, objects[type], 0, 0) != E_TYPE;
	}
	check_equal(wrong, 0, join(operation->name, "refuses 14 wrong types with E_TYPE"));
}

static void test_addresses(const struct operation *operation)
{
	static const uint64_t addresses[] = {0, CAP_EMPTY, 0x1ff, 0x200, 0xff00, 0x10000, 0xffffffff};
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < COUNT_OF(addresses); i++)
		wrong += raw(operation->number, addresses[i], 0, 0) != E_CAP;
	check_equal(wrong, 0, join(operation->name, "refuses bad addresses with E_CAP"));
}

static void test_rights(const struct operation *operation)
{
	cap_t weak = slot_new();

	if (operation->rights == 0 || ts_cnode_copy(SLOT_OWN(weak), SLOT_OWN(objects[operation->type]),
						    ALL & ~operation->rights) != E_OK)
		return; /* an Untyped has always all rights */
	check_error(raw(operation->number, weak, 0, 0), E_RIGHTS,
		    join(operation->name, "without its right: E_RIGHTS"));
	drop(weak);
}

/* Designators that name no slot, for each operation that takes one in argument 0. */
static void test_designators(const struct operation *operation)
{
	cap_t small = make(CAP_CNODE, 4);
	const slot_t bad[] = {
		SLOT_OWN(0),
		SLOT_OWN(0x10000),
		SLOT_OWN(0x200),
		SLOT_IN(ROOT_CAP_CNODE, 256),
		SLOT_IN(small, 16),
		SLOT_IN(small, 0xffffffff),
		SLOT_IN(objects[CAP_ENDPOINT], 0),
		SLOT_IN(CAP_EMPTY, 0),
		SLOT_IN(0x10000, 1),
	};
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < COUNT_OF(bad); i++)
		wrong += raw(operation->number, bad[i], SLOT_OWN(objects[CAP_ENDPOINT]), ALL) != E_SLOT;
	check_equal(wrong, 0, join(operation->name, "refuses designators of no slot with E_SLOT"));
	cap_t weak = copy_of(small, operation->number == OP_CAP_INSPECT ? WRITE : READ);

	check_error(raw(operation->number, SLOT_IN(weak, 1), SLOT_OWN(objects[CAP_ENDPOINT]), ALL), E_RIGHTS,
		    join(operation->name, "through a CNode without the right: E_RIGHTS"));
	drop(small);
}

void test_door(void)
{
	group_begin("door");
	make_one_of_each(objects);
	test_numbers();
	for (uint32_t i = 0; i < COUNT_OF(operations); i++) {
		const struct operation *operation = &operations[i];

		if (operation->how == OP_BY_CAP) {
			test_types(operation);
			test_addresses(operation);
			test_rights(operation);
		} else if (operation->how == OP_BY_SLOT && operation->number != OP_CNODE_COPY_ALL) {
			test_designators(operation);
		}
	}
	drop(objects[CAP_IRQ]);
	drop(objects[CAP_IOPORT]);
	group_end();
}
