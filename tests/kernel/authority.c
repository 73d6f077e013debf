/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The whole capability graph, read in batches: what it tells, and when a reader must begin again. */
#include "tests.h"

#include <string.h>

#define OWN SLOT_OWN
#define RECORDS_MAX 2000u
#define COPIES 200u
#define BADGE 0x61757468ull

static struct authority_record graph[RECORDS_MAX], again[RECORDS_MAX];

static enum tessera_error step(uint64_t index, uint64_t *count, uint64_t *next)
{
	return ts_authority_graph(ROOT_CAP_MACHINE, index, count, next);
}

/* All of it; the number of records. */
static uint32_t read_all(struct authority_record *into)
{
	uint64_t index = 0, count = 0, next = 0;

	for (;;) {
		must(step(index, &count, &next), "a batch");
		if (count == 0)
			return (uint32_t)index;
		must(next != index + count || next > RECORDS_MAX ? E_RANGE : E_OK, "the next index");
		memcpy(&into[index], page_block(), count * sizeof(*into));
		index = next;
	}
}

/* The first record with this type and badge or label; RECORDS_MAX: none. */
static uint32_t find(uint32_t count, uint32_t type, uint64_t badge)
{
	for (uint32_t i = 0; i < count; i++) {
		if (graph[i].type == type && graph[i].badge == badge)
			return i;
	}
	return RECORDS_MAX;
}

static uint32_t parent_of(uint32_t i)
{
	uint32_t depth = graph[i].depth;

	while (i > 0 && graph[i].depth >= depth)
		i--;
	return i;
}

static uint32_t faults_in_depths(uint32_t count)
{
	uint32_t faults = graph[0].depth != 1;

	for (uint32_t i = 1; i < count; i++)
		faults += graph[i].depth == 0 || graph[i].depth > graph[i - 1].depth + 1u;
	return faults;
}

/* The record of the slot at an index of the group's leaf, told by the CNode it lies in. */
static bool is_in_leaf(uint32_t count, uint32_t i, cap_t address)
{
	for (uint32_t n = 0; n < count; n++) {
		const struct authority_record *cnode = &graph[n];

		if (cnode->type == CAP_CNODE && graph[i].slot - cnode->object == (address & 0xffu) &&
		    cnode->badge == 8)
			return true;
	}
	return false;
}

/* First slot of the CNode in the CSpace slot of the Thread of record i; 0: there is none. */
static uint32_t cspace_of(uint32_t count, uint32_t i)
{
	for (uint32_t n = 0; i < count && n < count; n++) {
		bool is_its = (graph[n].flags & AUTHORITY_EMBEDDED) != 0 && graph[n].slot == graph[i].object;

		if (is_its && graph[n].type == CAP_CNODE)
			return graph[n].object;
	}
	return 0;
}

static void test_what_it_tells(void)
{
	cap_t endpoint = make(CAP_ENDPOINT, 0), called = make(CAP_ENDPOINT, 0), copies = make(CAP_CNODE, 8),
	      reply = slot_new(), child;
	struct worker *caller = worker_new(3, 0, PRIORITY_HIGH);
	struct ipc_msg message;
	uint32_t count, i;

	for (uint32_t n = 0; n < COPIES; n++)
		must(ts_cnode_copy(SLOT_IN(copies, n), OWN(endpoint), READ), "a copy");
	child = mint_of(endpoint, READ | WRITE | GRANT, BADGE, 1);
	DO(caller, OP_CALL, called, MSG_TAG(1, 0, 0), 0, 0, 0, 0, NEVER);
	must(ts_recv(called, reply, &message, POLL), "a Reply");
	count = read_all(graph);
	check(count > COPIES, "all capabilities are told, in several batches");
	check_equal(faults_in_depths(count), 0, "in pre-order: no depth grows by more than one");
	i = find(count, CAP_ENDPOINT, BADGE);
	check(i < count && graph[i].rights == (READ | WRITE | GRANT) &&
		      (graph[i].flags & (AUTHORITY_ANCHOR | AUTHORITY_ORIGIN)) == AUTHORITY_ANCHOR,
	      "a minted one with rights, badge and mark");
	check(is_in_leaf(count, i, child), "in the slot of the CNode where it lies");
	const struct authority_record *parent = &graph[parent_of(i)];

	check(parent->type == CAP_ENDPOINT && (parent->flags & AUTHORITY_ORIGIN) != 0 &&
		      parent->object == graph[i].object && graph[i].depth == parent->depth + 1u,
	      "below the origin of the same object");
	parent = &graph[parent_of(parent_of(i))];
	check(parent->type == CAP_UNTYPED && parent->info == 1ull << ARENA_LOG2,
	      "which lies below the Untyped it was made from");
	i = find(count, CAP_THREAD, LABEL(3));
	check(i < count && graph[i].info != 0, "a caller's Thread tells its label and its Reply");
	check_equal(cspace_of(count, i), cspace_of(count, find(count, CAP_THREAD, 0)),
		    "the CSpace in it is told: main's");
	check(cspace_of(count, i) != 0, "which is a CNode");
	check_equal(read_all(again), count, "read again");
	check(memcmp(graph, again, count * sizeof(graph[0])) == 0, "it is the same: reading changes nothing");
	must(ts_reply(reply, &(struct ipc_msg){.tag = MSG_TAG(0, 0, 0)}), "an answer");
	count = read_all(graph);
	i = find(count, CAP_THREAD, LABEL(3));
	check(i < count && graph[i].info == 0, "no Reply any more");
}

static void test_dying(void)
{
	cap_t piece = make(CAP_UNTYPED, 16), first = slot_run(8);
	uint32_t count, dying = 0;

	must(ts_untyped_retype(piece, CAP_ENDPOINT, 0, OWN(first), 8, 0, 0), "endpoints");
	check_error(ts_cnode_delete(OWN(piece), 2), E_MORE, "a deletion that is not finished");
	count = read_all(graph);
	for (uint32_t i = 0; i < count; i++)
		dying += (graph[i].flags & AUTHORITY_DYING) != 0 && graph[i].type == CAP_UNTYPED;
	check_equal(dying, 1, "what it began with is marked");
	must(ts_cnode_delete(OWN(piece), 0), "the rest");
}

static void test_restart(void)
{
	cap_t endpoint = make(CAP_ENDPOINT, 0), cnode = make(CAP_CNODE, 8), other = slot_new(), copy;
	uint64_t count, next, late;

	for (uint32_t n = 0; n < COPIES; n++)
		must(ts_cnode_copy(SLOT_IN(cnode, n), OWN(endpoint), READ), "a copy");
	copy = copy_of(endpoint, READ);
	must(step(0, &count, &next), "the first batch");
	check(count == AUTHORITY_BATCH && next == AUTHORITY_BATCH, "a batch is AUTHORITY_BATCH records");
	check_error(step(next + 1, &count, &late), E_STATE, "another index: E_STATE");
	check_error(step(~0ull, &count, &late), E_STATE, "index 2^64 - 1: E_STATE");
	check_error(step(next, &count, &next), E_OK, "the place is kept");
	drop(copy);
	check_error(step(next, &count, &late), E_STATE, "a capability was deleted: E_STATE");
	must(step(0, &count, &next), "begin again");
	copy = copy_of(endpoint, READ);
	check_error(step(next, &count, &late), E_STATE, "one was copied: E_STATE");
	must(step(0, &count, &next), "begin again");
	must(ts_cnode_move(OWN(other), OWN(copy)), "a move");
	check_error(step(next, &count, &late), E_STATE, "one was moved: E_STATE");
	must(step(0, &count, &next), "begin again");
	must(step(next, &count, &late), "the second batch");
	must(step(0, &count, &next), "another reader begins");
	check_error(step(late, &count, &late), E_STATE, "the first one's place is lost: E_STATE");
	check_error(step(next, &count, &next), E_OK, "the second one goes on");
}

void test_authority(void)
{
	group_begin("authority_graph");
	test_what_it_tells();
	test_dying();
	group_end();
	group_begin("authority_graph");
	test_restart();
	group_end();
}
