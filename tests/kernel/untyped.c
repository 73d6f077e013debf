/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* retype: every type, sizes, alignment, errors, zeroed memory, and when an Untyped may be used again. */
#include "tests.h"

#define OWN SLOT_OWN

static uint64_t retype(cap_t untyped, uint64_t type, uint64_t size, slot_t slot, uint64_t count,
		       uint64_t flags)
{
	return ts_untyped_retype(untyped, type, size, slot, count, flags, 0);
}

static void test_types(void)
{
	static const struct {
		enum cap_type type;
		uint64_t size, bytes;
		const char *name;
	} kinds[] = {
		{CAP_ENDPOINT, 0, 4096, "Endpoint"},
		{CAP_NOTIFICATION, 0, 64, "Notification"},
		{CAP_SCHED_CONTEXT, 0, 64, "SchedContext"},
		{CAP_ENDPOINT, ENDPOINT_MINIMUM_MAX_NS, 4096, "Endpoint that asks for a budget"},
		{CAP_THREAD, 0, 8192, "Thread"},
		{CAP_VSPACE, 0, 8192, "VSpace"},
		{CAP_CNODE, 4, 1024, "CNode"},
		{CAP_CNODE, 8, 16384, "CNode of 256"},
		{CAP_MEMORY, 3, 3 * 4096, "Memory"},
		{CAP_UNTYPED, 6, 64, "Untyped of 64 bytes"},
		{CAP_UNTYPED, 15, 32768, "Untyped"},
	};

	for (uint32_t i = 0; i < COUNT_OF(kinds); i++) {
		cap_t untyped = make(CAP_UNTYPED, 16), slot = slot_run(2);
		uint64_t error = retype(untyped, kinds[i].type, kinds[i].size, OWN(slot), 2, 0);

		check(error == E_OK && (inspect(OWN(slot)).type & 0xff) == kinds[i].type &&
			      (inspect(OWN(slot + 1)).type & FACT_ORIGIN) != 0 &&
			      inspect(OWN(slot)).rights == ALL,
		      join("two origins with all rights:", kinds[i].name));
		check_equal(inspect(OWN(untyped)).info[2], 65536 - 2 * kinds[i].bytes,
			    join("bytes taken:", kinds[i].name));
	}
}

static void test_errors(void)
{
	static const struct {
		uint64_t type, size, count, flags;
		enum tessera_error error;
		const char *name;
	} bad[] = {
		{CAP_NULL, 0, 1, 0, E_ARG, "type 0: E_ARG"},
		{CAP_REPLY, 0, 1, 0, E_ARG, "a Reply: E_ARG"},
		{CAP_VIEW, 0, 1, 0, E_ARG, "a View: E_ARG"},
		{CAP_IRQ, 0, 1, 0, E_ARG, "an Irq: E_ARG"},
		{CAP_MACHINE, 0, 1, 0, E_ARG, "a Machine: E_ARG"},
		{CAP_SCHED_CONTEXT, 1, 1, 0, E_ARG, "a SchedContext with a size: E_ARG"},
		{1ull << 32 | CAP_ENDPOINT, 0, 1, 0, E_ARG, "a type of more than 32 bits: E_ARG"},
		{99, 0, 1, 0, E_ARG, "type 99: E_ARG"},
		{CAP_ENDPOINT, ENDPOINT_MINIMUM_MAX_NS + 1, 1, 0, E_ARG,
		 "an Endpoint that asks for too much: E_ARG"},
		{CAP_CNODE, 3, 1, 0, E_ARG, "a CNode of 8: E_ARG"},
		{CAP_CNODE, 21, 1, 0, E_ARG, "a CNode of 2^21: E_ARG"},
		{CAP_UNTYPED, 5, 1, 0, E_ARG, "an Untyped of 32 bytes: E_ARG"},
		{CAP_UNTYPED, 48, 1, 0, E_ARG, "an Untyped of 2^48: E_ARG"},
		{CAP_MEMORY, 0, 1, 0, E_ARG, "a Memory of no page: E_ARG"},
		{CAP_MEMORY, ~0ull, 1, 0, E_ARG, "a Memory of 2^64 pages: E_ARG"},
		{CAP_ENDPOINT, 0, 0, 0, E_ARG, "no object: E_ARG"},
		{CAP_ENDPOINT, 0, 257, 0, E_ARG, "257 objects: E_ARG"},
		{CAP_ENDPOINT, 0, 1, 1, E_ARG, "a flag for an Endpoint: E_ARG"},
		{CAP_MEMORY, 1, 1, 2, E_ARG, "flag 2: E_ARG"},
		{CAP_UNTYPED, 16, 1, 0, E_NO_MEMORY, "more than there is: E_NO_MEMORY"},
		{CAP_MEMORY, 9, 1, 0, E_NO_MEMORY, "nine pages of eight: E_NO_MEMORY"},
		{CAP_MEMORY, 1ull << 34, 1, 0, E_NO_MEMORY, "2^34 pages: E_NO_MEMORY"},
		{CAP_THREAD, 0, 5, 0, E_NO_MEMORY, "five Threads of four: E_NO_MEMORY"},
	};
	cap_t untyped = make(CAP_UNTYPED, 15), slot = slot_run(16);

	for (uint32_t i = 0; i < COUNT_OF(bad); i++)
		check_error(retype(untyped, bad[i].type, bad[i].size, OWN(slot), bad[i].count, bad[i].flags),
			    bad[i].error, bad[i].name);
	check(inspect(OWN(untyped)).info[2] == 1u << 15 && type_at(slot) == CAP_NULL,
	      "errors change nothing");
	check_error(retype(untyped, CAP_MEMORY, 8, OWN(slot), 1, 0), E_OK, "all of it");
	check_error(retype(untyped, CAP_NOTIFICATION, 0, OWN(slot + 1), 1, 0), E_NO_MEMORY,
		    "nothing is left: E_NO_MEMORY");
}

static void test_slots(void)
{
	cap_t untyped = make(CAP_UNTYPED, 15), small = make(CAP_CNODE, 4), slot = slot_run(4),
	      deep = slot_new();
	uint64_t done = 99;

	must(ts_cnode_copy(OWN(slot + 2), OWN(small), ALL), "something in the way");
	check_error(ts_untyped_retype(untyped, CAP_NOTIFICATION, 0, OWN(slot), 4, 0, &done), E_SLOT_USED,
		    "one slot of four is used: E_SLOT_USED");
	check_equal(done, 0, "nothing was done");
	check(type_at(slot) == CAP_NULL && type_at(slot + 3) == CAP_NULL, "the others stay empty");
	check_error(retype(untyped, CAP_NOTIFICATION, 0, SLOT_IN(small, 14), 3, 0), E_SLOT,
		    "slots past the CNode: E_SLOT");
	check_error(retype(untyped, CAP_NOTIFICATION, 0, SLOT_IN(CAP_EMPTY, 0), 1, 0), E_SLOT,
		    "slots of no CNode: E_SLOT");
	check_error(retype(untyped, CAP_NOTIFICATION, 0, SLOT_IN(small, 0xffffffff), 2, 0), E_SLOT,
		    "an index that overflows: E_SLOT");
	check_error(retype(untyped, CAP_NOTIFICATION, 0, SLOT_IN(copy_of(small, READ), 0), 1, 0), E_RIGHTS,
		    "a CNode without write: E_RIGHTS");
	must(retype(untyped, CAP_UNTYPED, 14, OWN(deep), 1, 0), "a deeper Untyped");
	cap_t inner = slot_new();
	must(retype(deep, CAP_CNODE, 4, OWN(inner), 1, 0), "a deeper CNode");
	check_error(retype(untyped, CAP_NOTIFICATION, 0, SLOT_IN(inner, 0), 1, 0), E_DEPTH,
		    "an origin in a CNode that is not shallower: E_DEPTH");
	check_error(retype(untyped, CAP_NOTIFICATION, 0, SLOT_IN(small, 0), 16, 0), E_OK, "16 slots of 16");
}

static void test_again(void)
{
	cap_t untyped = make(CAP_UNTYPED, 14), slot = slot_run(8);
	uint64_t first, free;

	must(retype(untyped, CAP_NOTIFICATION, 0, OWN(slot), 1, 0), "a Notification");
	must(retype(untyped, CAP_MEMORY, 1, OWN(slot + 1), 1, 0), "a page");
	first = inspect(OWN(slot + 1)).info[0];
	check(first % PAGE_BYTES == 0 && first == inspect(OWN(untyped)).info[0] + PAGE_BYTES,
	      "objects are aligned and follow each other");
	drop(slot + 1);
	free = inspect(OWN(untyped)).info[2];
	check_equal(free, (1u << 14) - 2 * PAGE_BYTES,
		    "the space of one deleted object does not come back alone");
	drop(slot);
	check_equal(inspect(OWN(untyped)).info[2], 1u << 14, "that of all does");
	must(retype(untyped, CAP_MEMORY, 4, OWN(slot), 1, 0), "all of it again");
	check_equal(inspect(OWN(slot)).info[0], inspect(OWN(untyped)).info[0], "from its start on");
	drop(untyped);
	check(type_at(slot) == CAP_NULL, "what was made goes with the Untyped");
}

static bool is_zero(volatile uint64_t *words, uint64_t pages)
{
	for (uint64_t i = 0; i < pages * 512; i++) {
		if (words[i] != 0)
			return false;
	}
	return true;
}

static void test_zeroed(void)
{
	cap_t untyped = make(CAP_UNTYPED, 21), memory = slot_new();
	struct mapped mapped;

	must(retype(untyped, CAP_MEMORY, 512, OWN(memory), 1, 0), "2 MiB");
	mapped = map_here(memory, SCRATCH_VA, 512, READ | WRITE);
	check(is_zero(mapped.words, 512), "new Memory is zero");
	for (uint32_t i = 0; i < 512 * 512; i++)
		mapped.words[i] = 0x6d61726b65720000ull + i;
	must(ts_cnode_revoke(OWN(untyped), 0), "revoke");
	must(retype(untyped, CAP_MEMORY, 512, OWN(memory), 1, 0), "2 MiB again");
	mapped = map_here(memory, SCRATCH_VA, 512, READ | WRITE);
	check(is_zero(mapped.words, 512), "used Memory is zeroed");
	check_error(retype(make(CAP_UNTYPED, 12), CAP_MEMORY, 1, OWN(slot_new()), 1, 1), E_ARG,
		    "unzeroed Memory from used RAM: E_ARG");
	must(ts_cnode_revoke(OWN(untyped), 0), "revoke");
}

/* Device memory: only Memory, never zeroed. */
static void test_device(void)
{
	const struct boot_info *info = boot_info();
	cap_t device = 0, slot = CAP_PORT_SLOT; /* of small depth */

	for (uint32_t i = 0; i < info->untyped_count; i++)
		device = info->untyped[i].is_device && device == 0 ? ROOT_CAP_UNTYPED + i : device;
	if (device == 0)
		return;
	check_error(retype(device, CAP_ENDPOINT, 0, OWN(slot), 1, 0), E_TYPE,
		    "an Endpoint in device memory: E_TYPE");
	check_error(retype(device, CAP_MEMORY, 1, OWN(slot), 1, 0), E_ARG, "zeroed device Memory: E_ARG");
	check_error(retype(device, CAP_MEMORY, 1, OWN(slot), 1, 1), E_OK, "device Memory");
	check_error(ts_vspace_donate_tables(ROOT_CAP_VSPACE, OWN(device)), E_TYPE,
		    "page tables in device memory: E_TYPE");
	drop(slot);
}

void test_untyped(void)
{
	group_begin("retype");
	test_types();
	test_errors();
	test_slots();
	group_end();
	group_begin("retype");
	test_again();
	test_zeroed();
	test_device();
	group_end();
}
