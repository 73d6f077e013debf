/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Concurrent deletion: other CPUs execute an operation in a loop while this one deletes what it works on and makes it
 * anew, for every operation that names an object.  Whatever meets whatever, the results are those that are documented, all
 * memory comes back, and everything works afterwards.  With one CPU there is nothing to test.
 */
#include "tests.h"

#define OWN SLOT_OWN
#define ROUNDS 2000u
#define ROW_NS 250000000ull /* fewer rounds where CPUs of the host are rare: they wait for each other */
#define EXECUTORS 2u
#define SHORT_NS 20000u /* what waits gives up soon */
#define VICTIM_PAGE_VA (WORKER_PAGE_VA + 12 * PAGE_BYTES)
#define STOP_NS 5000000000ull

/* In arguments: the victim of a type, an empty slot of the executor's own, and one in a leaf of root's depth. */
#define MARK (1ull << 60)
#define VICTIM(type) (MARK | (type))
#define IN_CNODE (MARK | 0xfdu)
#define FREE (MARK | 0xfeu)
#define FREE_ROOT (MARK | 0xffu)

struct row {
	uint32_t number;
	uint8_t victims[3]; /* types that are deleted in turn; CAP_NULL: the first again */
	uint64_t arguments[6];
};

static const struct row rows[] = {
	{OP_SEND, {CAP_ENDPOINT}, {VICTIM(CAP_ENDPOINT), MSG_TAG(1, 6, 0)}},
	{OP_RECV, {CAP_ENDPOINT}, {VICTIM(CAP_ENDPOINT)}},
	{OP_CALL, {CAP_ENDPOINT}, {VICTIM(CAP_ENDPOINT), MSG_TAG(1, 6, 0)}},
	{OP_REPLY, {CAP_REPLY}, {VICTIM(CAP_REPLY), MSG_TAG(0, 2, 0)}},
	{OP_REPLY_RECV, {CAP_REPLY, CAP_ENDPOINT}, {VICTIM(CAP_ENDPOINT), MSG_TAG(0, 2, 0)}},
	{OP_SIGNAL, {CAP_NOTIFICATION}, {VICTIM(CAP_NOTIFICATION), 1}},
	{OP_WAIT, {CAP_NOTIFICATION}, {VICTIM(CAP_NOTIFICATION)}},
	{OP_POLL, {CAP_NOTIFICATION}, {VICTIM(CAP_NOTIFICATION)}},
	{OP_CNODE_COPY, {CAP_ENDPOINT}, {FREE, VICTIM(CAP_ENDPOINT), ALL}},
	{OP_CNODE_COPY, {CAP_CNODE, CAP_ENDPOINT}, {IN_CNODE, VICTIM(CAP_ENDPOINT), ALL}},
	{OP_CNODE_MINT, {CAP_ENDPOINT}, {FREE, VICTIM(CAP_ENDPOINT), ALL, 7, 1}},
	{OP_CNODE_MOVE, {CAP_ENDPOINT, CAP_MEMORY}, {FREE, VICTIM(CAP_ENDPOINT)}},
	{OP_CNODE_DELETE, {CAP_ENDPOINT}, {VICTIM(CAP_ENDPOINT)}},
	{OP_CNODE_DELETE, {CAP_CNODE}, {VICTIM(CAP_CNODE), 1}},
	{OP_CNODE_REVOKE, {CAP_MEMORY, CAP_VIEW}, {VICTIM(CAP_MEMORY)}},
	{OP_CAP_INSPECT, {CAP_CNODE}, {VICTIM(CAP_CNODE)}},
	{OP_CNODE_COPY_ALL, {CAP_CNODE}, {VICTIM(CAP_CNODE), ROOT_CAP_LEAF}},
	{OP_CNODE_COPY_ALL, {CAP_CNODE}, {VICTIM(CAP_CNODE), VICTIM(CAP_CNODE)}},
	{OP_UNTYPED_RETYPE, {CAP_UNTYPED}, {VICTIM(CAP_UNTYPED), CAP_ENDPOINT, 0, FREE, 1}},
	{OP_MEMORY_DERIVE, {CAP_MEMORY}, {VICTIM(CAP_MEMORY), FREE, 0, 1, ALL}},
	{OP_MEMORY_ATTACH,
	 {CAP_MEMORY, CAP_VSPACE},
	 {VICTIM(CAP_MEMORY), FREE, VICTIM(CAP_VSPACE), SCRATCH_VA, 4, ALL}},
	{OP_VIEW_MAP, {CAP_VIEW, CAP_MEMORY}, {VICTIM(CAP_VIEW), SCRATCH_VA, 0, 4, READ | WRITE}},
	{OP_VIEW_MAP_VEC, {CAP_VIEW, CAP_MEMORY}, {VICTIM(CAP_VIEW), 2}},
	{OP_VSPACE_UNMAP, {CAP_VSPACE, CAP_UNTYPED}, {VICTIM(CAP_VSPACE), 0, 1u << 20}},
	{OP_VSPACE_PROTECT, {CAP_VSPACE}, {VICTIM(CAP_VSPACE), 0, 1u << 20, READ}},
	{OP_VSPACE_DONATE_TABLES, {CAP_VSPACE, CAP_UNTYPED}, {VICTIM(CAP_VSPACE), VICTIM(CAP_UNTYPED)}},
	{OP_VIEW_COPY, {CAP_VIEW, CAP_VSPACE}, {VICTIM(CAP_VIEW), VICTIM(CAP_VSPACE), SCRATCH_VA, 4, 1}},
	{OP_VSPACE_QUERY, {CAP_VSPACE}, {VICTIM(CAP_VSPACE), SCRATCH_VA}},
	{OP_VIEW_UNMAP, {CAP_VIEW, CAP_MEMORY}, {VICTIM(CAP_VIEW), SCRATCH_VA, 4}},
	{OP_THREAD_CONFIGURE, {CAP_THREAD, CAP_CNODE, CAP_ENDPOINT}, {VICTIM(CAP_THREAD)}},
	{OP_THREAD_SET_REGS, {CAP_THREAD}, {VICTIM(CAP_THREAD), 2}},
	{OP_THREAD_SET_REGS, {CAP_THREAD}, {ROOT_CAP_THREAD, 1, VICTIM(CAP_THREAD)}},
	{OP_THREAD_READ_REGS, {CAP_THREAD}, {VICTIM(CAP_THREAD)}},
	{OP_THREAD_RESUME, {CAP_THREAD, CAP_SCHED_CONTEXT}, {VICTIM(CAP_THREAD)}},
	{OP_THREAD_SUSPEND, {CAP_THREAD, CAP_SCHED_CONTEXT}, {VICTIM(CAP_THREAD)}},
	{OP_THREAD_INTERRUPT, {CAP_THREAD}, {VICTIM(CAP_THREAD)}},
	{OP_THREAD_SET_PRIORITY, {CAP_THREAD}, {VICTIM(CAP_THREAD), 200}},
	{OP_THREAD_BIND_NOTIFICATION,
	 {CAP_THREAD, CAP_NOTIFICATION},
	 {VICTIM(CAP_THREAD), VICTIM(CAP_NOTIFICATION)}},
	{OP_THREAD_SET_PERSONALITY, {CAP_THREAD}, {VICTIM(CAP_THREAD)}},
	{OP_THREAD_SET_AFFINITY, {CAP_THREAD}, {VICTIM(CAP_THREAD), 1}},
	{OP_THREAD_SET_TLS, {CAP_THREAD}, {VICTIM(CAP_THREAD), 0x1000}},
	{OP_SCHED_CONFIGURE, {CAP_SCHED_CONTEXT}, {VICTIM(CAP_SCHED_CONTEXT), 5000000, 10000000}},
	{OP_SCHED_BIND, {CAP_SCHED_CONTEXT, CAP_THREAD}, {VICTIM(CAP_SCHED_CONTEXT), VICTIM(CAP_THREAD)}},
	{OP_SCHED_CONSUMED, {CAP_SCHED_CONTEXT}, {VICTIM(CAP_SCHED_CONTEXT)}},
	{OP_CLOCK_SET_WALL, {CAP_CLOCK}, {VICTIM(CAP_CLOCK)}},
	{OP_IRQ_BIND, {CAP_IRQ, CAP_NOTIFICATION}, {VICTIM(CAP_IRQ), VICTIM(CAP_NOTIFICATION), 1}},
	{OP_IRQ_ACK, {CAP_IRQ}, {VICTIM(CAP_IRQ)}},
	{OP_IOPORT_IN, {CAP_IOPORT}, {VICTIM(CAP_IOPORT), 0x80, 1}},
	{OP_IOPORT_OUT, {CAP_IOPORT}, {VICTIM(CAP_IOPORT), 0x80, 1}},
	{OP_MACHINE_IRQ, {CAP_MACHINE}, {VICTIM(CAP_MACHINE), FREE_ROOT, 5}},
	{OP_MACHINE_IOPORT, {CAP_MACHINE}, {VICTIM(CAP_MACHINE), FREE_ROOT, 0x80, 1}},
	{OP_KERNEL_INFO, {CAP_MACHINE}, {VICTIM(CAP_MACHINE)}},
	{OP_AUTHORITY_GRAPH, {CAP_MACHINE, CAP_ENDPOINT}, {VICTIM(CAP_MACHINE)}},
	{OP_DEBUG_WRITE, {CAP_CONSOLE}, {VICTIM(CAP_CONSOLE)}},
};

#define X(number, name, how, results) [number] = (results),
static const uint32_t documented[1024] = {
#include <result_table.inc>
};
#undef X

#define X(number, name, how, results) [number] = #name,
static const char *const names[1024] = {
#include <result_table.inc>
};
#undef X

static cap_t victims[CAP_TYPE_COUNT],
	homes[CAP_TYPE_COUNT]; /* homes: the Untyped that a victim is made from */
static cap_t replies;	       /* the endpoint behind the victim of type Reply */
static volatile bool is_over;  /* executors: stop */

/* ---- executors ------------------------------------------------------------------------------------------------ */

static uint64_t value_of(uint64_t argument, const struct worker *w)
{
	if ((argument & MARK) == 0)
		return argument;
	switch (argument) {
	case FREE: return w->argument[1];
	case FREE_ROOT: return CAP_IRQ_SLOT + w->index;
	case IN_CNODE: return SLOT_IN(victims[CAP_CNODE], w->index);
	default: return victims[argument & 0xff];
	}
}

static void count_forever(struct worker *w)
{
	for (;;) /* ends with its Thread */
		w->result[1]++;
}

/* What operations find in the message page; it is the same for all rounds but where they write there. */
static void fill_page(const struct row *row, const struct worker *w)
{
	uint64_t *words = &page_of(w)->words[MSG_REGISTER_WORDS];

	if (row->number == OP_THREAD_CONFIGURE)
		*(struct thread_config *)words = (struct thread_config){
			.cspace = victims[CAP_CNODE], .fault_ep = victims[CAP_ENDPOINT], .priority = ~0u};
	else if (row->number == OP_VIEW_MAP_VEC)
		*(struct map_entry *)words = (struct map_entry){.vaddr = SCRATCH_VA | READ};
	else if (row->number == OP_THREAD_SET_REGS)
		*(struct user_regs *)words =
			(struct user_regs){.rip = (uint64_t)count_forever, .rdi = (uint64_t)w};
	else if (row->number == OP_THREAD_SET_PERSONALITY)
		*(struct personality_config *)words = (struct personality_config){0};
}

/* Argument 0: the row, 1: a slot of its own. Result 0: mask of results. */
static void execute(struct worker *w)
{
	const struct row *row = &rows[w->argument[0]];
	uint64_t a[7] = {0}, free_slot = value_of(row->number >= OP_MACHINE_IRQ ? FREE_ROOT : FREE, w);

	for (uint32_t i = 0; i < COUNT_OF(row->arguments); i++)
		a[i] = value_of(row->arguments[i], w);
	if (row->number == OP_REPLY_RECV)
		a[0] |= (uint64_t)victims[CAP_REPLY] << 32;
	while (!is_over) {
		a[6] = now_ns() + SHORT_NS; /* the deadline, where there is one */
		struct user_regs regs = call_regs(row->number, a);

		fill_page(row, w);
		random_call(&regs);
		w->result[0] |= 1ull << (regs.rax & 63);
		w->result[2]++;
		(void)ts_cnode_delete(free_slot, 0);
		(void)ts_cnode_delete(SLOT_IN(victims[CAP_CNODE], w->index), 0);
	}
}

/* Whoever calls, so that there are Replies: argument 0: endpoint. */
static void call_forever(struct worker *w)
{
	struct ipc_msg m = {0};
	enum tessera_error error;

	do {
		m.tag = MSG_TAG(1, 0, 0);
		error = ts_call((cap_t)w->argument[0], &m, NEVER);
	} while (error == E_OK || error == E_DEAD);
}

/* ---- victims ---------------------------------------------------------------------------------------------------- */

static void make_thread(void)
{
	(void)ts_untyped_retype(homes[CAP_THREAD], CAP_THREAD, 0, OWN(victims[CAP_THREAD]), 1, 0, 0);
	*(struct user_regs *)page_block() =
		(struct user_regs){.rip = (uint64_t)count_forever, .rdi = (uint64_t)worker(9)};
	(void)ts_thread_set_regs(victims[CAP_THREAD], 2, 0);
	*(struct thread_config *)page_block() = (struct thread_config){.cspace = ROOT_CAP_CNODE,
								       .vspace = ROOT_CAP_VSPACE,
								       .page_va = VICTIM_PAGE_VA,
								       .priority = PRIORITY_LOW};
	(void)ts_thread_configure(victims[CAP_THREAD]);
	(void)ts_sched_bind(victims[CAP_SCHED_CONTEXT], victims[CAP_THREAD]);
}

/* Makes the victim of a type; what is there already, or cannot be made for the moment, is left. */
static void make_victim(uint32_t type)
{
	static const uint8_t roots[CAP_TYPE_COUNT] = {[CAP_CLOCK] = ROOT_CAP_CLOCK,
						      [CAP_CONSOLE] = ROOT_CAP_CONSOLE,
						      [CAP_MACHINE] = ROOT_CAP_MACHINE};
	static const uint8_t sizes[CAP_TYPE_COUNT] = {[CAP_UNTYPED] = 13, [CAP_CNODE] = 8, [CAP_MEMORY] = 4};
	slot_t slot = OWN(victims[type]);
	struct ipc_msg m;

	switch (type) {
	case CAP_NULL: break;
	case CAP_THREAD: make_thread(); break;
	case CAP_REPLY: (void)ts_recv(replies, victims[type], &m, POLL); break;
	case CAP_VIEW:
		(void)ts_memory_attach(victims[CAP_MEMORY], slot, ROOT_CAP_VSPACE, SCRATCH_VA, 4,
				       READ | WRITE);
		break;
	case CAP_IRQ: (void)ts_machine_irq(ROOT_CAP_MACHINE, slot, 5); break;
	case CAP_IOPORT: (void)ts_machine_ioport(ROOT_CAP_MACHINE, slot, 0x80, 1); break;
	case CAP_CLOCK:
	case CAP_CONSOLE:
	case CAP_MACHINE: (void)ts_cnode_mint(slot, OWN(roots[type]), ALL, 0, 0); break;
	default: (void)ts_untyped_retype(homes[type], type, sizes[type], slot, 1, 0, 0);
	}
}

/* Deletes the victim itself, or all that was made from its home. */
static void delete_victim(uint32_t type, uint32_t round)
{
	if (homes[type] != 0 && round % 2 == 0)
		(void)ts_cnode_revoke(OWN(homes[type]), 0);
	else
		(void)ts_cnode_delete(OWN(victims[type]), 0);
}

static void prepare(void)
{
	group_begin("concurrent");
	for (uint32_t type = 1; type < CAP_TYPE_COUNT; type++)
		victims[type] = slot_new();
	victims[CAP_IRQ] = CAP_IRQ_SLOT;
	victims[CAP_IOPORT] = CAP_PORT_SLOT;
	for (uint32_t type = 1; type <= CAP_MEMORY; type++)
		homes[type] = type != CAP_REPLY ? make(CAP_UNTYPED, 14) : 0;
	replies = make(CAP_ENDPOINT, 0);
}

/* Somebody whom the executors can meet. */
static void take_part(const struct row *row)
{
	struct ipc_msg m = {.tag = MSG_TAG(1, 2, 0)};

	if (row->number == OP_RECV || row->number == OP_REPLY_RECV)
		(void)ts_send(victims[CAP_ENDPOINT], &m, POLL);
	if (row->number == OP_SEND || row->number == OP_CALL)
		(void)ts_recv(victims[CAP_ENDPOINT], victims[CAP_REPLY], &m, POLL);
	m.tag = MSG_TAG(0, 2, 0);
	if (row->number == OP_CALL)
		(void)ts_reply(victims[CAP_REPLY], &m);
	if (row->number == OP_WAIT || row->number == OP_POLL)
		(void)ts_signal(victims[CAP_NOTIFICATION], 3);
}

/* ---- one operation ------------------------------------------------------------------------------------------------ */

static uint32_t executors(void)
{
	return boot_info()->cpu_count - 1 < EXECUTORS ? boot_info()->cpu_count - 1 : EXECUTORS;
}

/* Waits until an executor has called that often; false: it takes too long. */
static bool has_called(const struct worker *w, uint64_t calls)
{
	uint64_t end = now_ns() + STOP_NS;

	while (w->result[2] < calls && now_ns() < end)
		;
	return w->result[2] >= calls;
}

static void start_executors(uint32_t index)
{
	is_over = false;
	for (uint32_t i = 0; i < executors(); i++) {
		struct worker *w = worker_new(i, 0, PRIORITY_MAIN);

		must(ts_thread_set_affinity(w->thread, i + 1), "affinity");
		w->argument[0] = index;
		w->argument[1] = slot_new();
		w->result[0] = w->result[2] = 0;
		worker_run(w, execute);
	}
	for (uint32_t i = 0; i < executors(); i++)
		(void)has_called(worker(i), 1);
}

/* True if all executors have left their loops; *results: what they saw. */
static bool stop_executors(uint64_t *results, uint64_t *calls)
{
	uint64_t end = now_ns() + STOP_NS;
	bool are_done = true;

	is_over = true;
	for (uint32_t i = 0; i < executors(); i++) {
		while (!is_done(worker(i)) && now_ns() < end)
			sleep_ns(100000);
		are_done = are_done && is_done(worker(i));
		*results |= worker(i)->result[0];
		*calls += worker(i)->result[2];
	}
	return are_done;
}

static bool is_memory_back(void)
{
	drop(victims[CAP_IRQ]);
	drop(victims[CAP_IOPORT]);
	return ts_cnode_revoke(OWN(CAP_ARENA), 0) == E_OK &&
	       inspect(OWN(CAP_ARENA)).info[2] == 1ull << ARENA_LOG2;
}

static uint64_t rounds_done, calls_done; /* of all operations */

static void test_row(uint32_t index)
{
	const struct row *row = &rows[index];
	uint64_t results = 0, calls = 0;
	struct worker *caller;

	prepare();
	caller = worker_new(8, 0, PRIORITY_HIGH);
	caller->argument[0] = replies;
	worker_run(caller, call_forever);
	for (uint32_t type = 1; type < CAP_TYPE_COUNT; type++)
		make_victim(type);
	start_executors(index);
	uint64_t end = now_ns() + ROW_NS;
	uint32_t round = 0;

	for (; round < ROUNDS && (round < 8 || now_ns() < end); round++) {
		uint32_t type = row->victims[round / 2 % COUNT_OF(row->victims)];

		type = type == CAP_NULL ? row->victims[0] : type;
		take_part(row);
		delete_victim(type, round);
		make_victim(type);
		make_victim(type == CAP_MEMORY ? CAP_VIEW : CAP_NULL);
	}
	bool are_done = stop_executors(&results, &calls);

	rounds_done += round;
	calls_done += calls;
	check(are_done && calls > 0, join(names[row->number], "ends while its objects come and go"));
	check_equal(results & ~(uint64_t)documented[row->number], 0,
		    join(names[row->number], "gives only results that are documented meanwhile"));
	check(is_memory_back(), join(names[row->number], "leaves nothing behind"));
}

/* What ordinary programs do still works. */
static void test_sanity(void)
{
	group_begin("concurrent");
	space_make(1);
	struct worker *w = worker_new(0, 1, PRIORITY_HIGH);
	cap_t endpoint = make(CAP_ENDPOINT, 0), reply = slot_new();
	struct ipc_msg m = {0};
	struct mapped area = map_here(0, SCRATCH_VA, 4, READ | WRITE);

	DO(w, OP_CALL, endpoint, MSG_TAG(1, 1, 0), 41, 0, 0, 0, NEVER);
	check(ts_recv(endpoint, reply, &m, POLL) == E_OK && m.w[0] == 41, "afterwards a call arrives");
	check(ts_reply(reply, &m) == E_OK && is_done(w), "and is answered");
	area.words[5] = 5;
	check(area.words[5] == 5, "memory can be mapped");
}

void test_concurrent(void)
{
	group_begin("concurrent");
	if (boot_info()->cpu_count == 1)
		return;
	for (uint32_t i = 0; i < COUNT_OF(rows); i++)
		test_row(i);
	note("deletions", rounds_done);
	note("calls meanwhile", calls_done);
	test_sanity();
	group_end();
}
