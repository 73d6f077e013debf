/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What every input starts from, made by operations that both sides execute: four threads in two address spaces, endpoints with
 * badges and an anchor, notifications, Memory and Views, an interrupt line, ports, and Untypeds to play with.
 */
#include "drive.h"

#include <stdio.h>
#include <stdlib.h>

#define CONFIG_WORD MSG_REGISTER_WORDS
#define RAM 16u	   /* the largest Untyped */
#define DEVICE 21u /* the only one of device memory */
#define IP 0x401000ull

enum {
	LEAF = 24, /* moved to the root's slot 1 */
	EP = 24,
	NTFN = 26,
	THREADS = 28,
	SPACE = 31,
	MEMORY = 32,
	TABLES = 33,
	ROOT_TABLES = 34,
	BADGED = 35,
	ANCHOR = 36,
	CHILD = 37,
	VIEW = 38,
	OTHER_VIEW = 39,
	DEVICE_MEMORY = 40,
	DEVICE_VIEW = 41,
	IRQ = 42,
	IOPORT = 43,
	POOL = 44,
	CONTEXTS = 45,
};

static void call(uint32_t number, const uint64_t args[7])
{
	uint64_t root = spec_here(&specified)->current;

	drive_syscall(number, args, IP, (struct how){0});
	while (spec_here(&specified)->current == root && drive_stands_before_call())
		drive_syscall(0, NULL, 0, (struct how){0});
	if (spec_here(&specified)->current != root || spec_thread_of(&specified, root)->regs.rax != E_OK) {
		fprintf(stderr, "prelude: %s failed with %llu\n", drive_name(number),
			(unsigned long long)spec_thread_of(&specified, root)->regs.rax);
		abort();
	}
}
#define CALL(number, ...) call((number), (const uint64_t[7]){__VA_ARGS__})

static void make_objects(void)
{
	CALL(OP_UNTYPED_RETYPE, RAM, CAP_CNODE, 6, LEAF, 1);
	CALL(OP_CNODE_MOVE, SLOT_IN(ROOT_CAP_CNODE, 1), LEAF);
	CALL(OP_UNTYPED_RETYPE, RAM, CAP_ENDPOINT, 0, EP, 2);
	CALL(OP_UNTYPED_RETYPE, RAM, CAP_NOTIFICATION, 0, NTFN, 2);
	CALL(OP_UNTYPED_RETYPE, RAM, CAP_THREAD, 0, THREADS, 3);
	CALL(OP_UNTYPED_RETYPE, RAM, CAP_SCHED_CONTEXT, 0, CONTEXTS, 3);
	CALL(OP_UNTYPED_RETYPE, RAM, CAP_VSPACE, 0, SPACE, 1);
	CALL(OP_UNTYPED_RETYPE, RAM, CAP_MEMORY, 20, MEMORY, 1);
	CALL(OP_UNTYPED_RETYPE, RAM, CAP_UNTYPED, 16, TABLES, 1);
	CALL(OP_UNTYPED_RETYPE, RAM, CAP_UNTYPED, 15, ROOT_TABLES, 1);
	CALL(OP_UNTYPED_RETYPE, RAM, CAP_UNTYPED, 16, POOL, 1);
	CALL(OP_UNTYPED_RETYPE, DEVICE, CAP_MEMORY, 1100, DEVICE_MEMORY, 1, 1);
	CALL(OP_VSPACE_DONATE_TABLES, SPACE, TABLES);
	CALL(OP_VSPACE_DONATE_TABLES, ROOT_CAP_VSPACE, ROOT_TABLES);
	CALL(OP_CNODE_MINT, BADGED, EP, RIGHT_WRITE | RIGHT_GRANT, 7, 0);
	CALL(OP_CNODE_MINT, ANCHOR, EP, RIGHTS_ALL, 9, 1);
	CALL(OP_CNODE_COPY, CHILD, ANCHOR, RIGHT_WRITE | RIGHT_GRANT);
	CALL(OP_MEMORY_ATTACH, MEMORY, VIEW, ROOT_CAP_VSPACE, 0, 0, RIGHTS_ALL);
	CALL(OP_MEMORY_ATTACH, MEMORY, OTHER_VIEW, SPACE, 0x10000000, 2000, RIGHT_READ | RIGHT_WRITE);
	CALL(OP_MEMORY_ATTACH, DEVICE_MEMORY, DEVICE_VIEW, SPACE, 0, 0, RIGHTS_ALL);
	CALL(OP_VIEW_MAP, VIEW, 0x10000000, 0, 4, RIGHT_READ | RIGHT_WRITE);
	CALL(OP_MACHINE_IOPORT, ROOT_CAP_MACHINE, IOPORT, 0x3f8, 8);
}

static void configure(uint32_t i, cap_t space, uint64_t page_va, uint32_t priority)
{
	const struct thread_config config = {
		.cspace = ROOT_CAP_CNODE,
		.vspace = space,
		.fault_ep = BADGED,
		.last_ep = EP + 1u,
		.page_va = page_va,
		.label = 100 + i,
		.flags = THREAD_CFG_LABEL,
		.priority = priority,
	};

	for (uint32_t n = 0; n < sizeof(config) / sizeof(uint64_t); n++)
		drive_page(CONFIG_WORD + n, ((const uint64_t *)&config)[n]);
	CALL(OP_THREAD_CONFIGURE, THREADS + i);
	CALL(OP_SCHED_BIND, CONTEXTS + i, THREADS + i);
	CALL(OP_THREAD_RESUME, THREADS + i);
}

static void give_personality(uint32_t i)
{
	const struct personality_config config = {
		.syscall_entry = 0x7fff00000100ull,
		.exception_entry = 0x7fff00000200ull,
		.interrupt_entry = 0x7fff00000300ull,
		.start = 0x7fff00000000ull,
		.end = 0x7fff00003000ull,
		.exit_start = 0x7fff00001f00ull,
		.exit_end = 0x7fff00002100ull,
	};

	for (uint32_t n = 0; n < sizeof(config) / sizeof(uint64_t); n++)
		drive_page(CONFIG_WORD + n, ((const uint64_t *)&config)[n]);
	CALL(OP_THREAD_SET_PERSONALITY, THREADS + i);
}

void prelude(void)
{
	make_objects();
	configure(0, ROOT_CAP_VSPACE, 0x20000000, 16);
	configure(1, SPACE, 0x20000000, 16);
	configure(2, SPACE, 0x20001000, 20);
	give_personality(1);
}

void prelude_of_each_run(void)
{
	CALL(OP_MACHINE_IRQ, ROOT_CAP_MACHINE, IRQ, 4);
	CALL(OP_IRQ_BIND, IRQ, NTFN + 1, 2);
}
