/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the kernel's operations cost: a program that runs instead of root and prints `bench NAME VALUE UNIT` and
 * `switches NAME VALUE` (address-space switches per operation) on the kernel's log.
 *
 * ./tessera bench runs it with -icount shift=0, where a TSC tick is one instruction; values hold the user's side of
 * the system calls, and not the loops around them.
 */
#include <worker.h>

#include <string.h>

#define ROUNDS 1000u
#define PAGES 256u

void program_start(const uint64_t *stack);

static uint64_t tsc(void)
{
	return __builtin_ia32_rdtsc();
}

/* ---- figures ------------------------------------------------------------------------------------------------ */

struct figure {
	uint64_t ticks, switches;
};

static uint64_t cr3_writes(void)
{
	uint64_t v[6] = {0};

	(void)ts_kernel_info(ROOT_CAP_MACHINE, 1, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5]);
	return v[1];
}

static struct figure begin(void)
{
	struct figure start = {.switches = cr3_writes()};

	start.ticks = tsc();
	return start;
}

static void report(const char *name, uint64_t ticks, uint64_t count)
{
	print("bench ");
	print(name);
	print(" ");
	print_number((ticks + count / 2) / count);
	print(" instructions\n");
}

/* loop: ticks that are none of the operation's. */
static void end(const char *name, const struct figure *start, uint64_t loop, uint64_t count)
{
	uint64_t ticks = tsc() - start->ticks - loop, switches = cr3_writes() - start->switches;

	report(name, ticks, count);
	print("switches ");
	print(name);
	print(" ");
	print_number(switches / count);
	print(".");
	print_number(switches * 10 / count % 10);
	print("\n");
}

/* Ticks of a loop of that many rounds with nothing in it. */
static uint64_t empty_loop(uint32_t rounds)
{
	uint64_t start = tsc();

	for (uint32_t i = 0; i < rounds; i++)
		__asm__ volatile("");
	return tsc() - start;
}

/* ---- system calls and messages ------------------------------------------------------------------------------ */

static void bench_nothing(void)
{
	uint64_t loop = empty_loop(ROUNDS);
	struct figure start = begin();

	for (uint32_t i = 0; i < ROUNDS; i++)
		(void)ts_nothing();
	end("empty-syscall", &start, loop, ROUNDS);
}

/* A server: argument 0 its endpoint, 1 the slot for Replies; answers with as many words as came. */
static void serve(struct worker *w)
{
	struct ipc_msg message = {0};
	cap_t endpoint = (cap_t)w->argument[0], reply = (cap_t)w->argument[1];

	(void)ts_recv(endpoint, reply, &message, NEVER);
	while (ts_reply_recv(endpoint, reply, &message, NEVER) == E_OK)
		; /* until the endpoint is revoked */
}

static void bench_round_trip(const char *name, uint32_t words)
{
	group_begin("round trip");
	space_make(1);
	struct worker *server = worker_new(0, 1, PRIORITY_HIGH);
	cap_t endpoint = make(CAP_ENDPOINT, 0);
	struct ipc_msg message = {.w = {1, 2, 3, 4}};

	server->argument[0] = endpoint;
	server->argument[1] = slot_new();
	worker_run(server, serve);
	message.tag = MSG_TAG(1, words, 0);
	(void)ts_call(endpoint, &message, NEVER);

	uint64_t loop = empty_loop(ROUNDS);
	struct figure start = begin();

	for (uint32_t i = 0; i < ROUNDS; i++) {
		message.tag = MSG_TAG(1, words, 0);
		(void)ts_call(endpoint, &message, NEVER);
	}
	end(name, &start, loop, ROUNDS);
}

/* ---- scheduling --------------------------------------------------------------------------------------------- */

static void take_signals(struct worker *w)
{
	uint64_t bits;

	while (ts_wait((cap_t)w->argument[0], NEVER, &bits) == E_OK) /* until that is revoked */
		w->result[0] = tsc();
}

static void bench_signal(void)
{
	group_begin("signal");
	space_make(1);
	struct worker *waiter = worker_new(0, 1, PRIORITY_HIGH);
	cap_t notification = make(CAP_NOTIFICATION, 0);
	uint64_t ticks = 0;

	waiter->argument[0] = notification;
	worker_run(waiter, take_signals);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint64_t start = tsc();

		(void)ts_signal(notification, 1);
		ticks += waiter->result[0] - start;
	}
	report("signal-waiting", ticks, ROUNDS);
}

#define RTC_INDEX 0x70u
#define RTC_LINE 8u
#define RTC_A 0xau /* bits 0-3: the rate, 6: 1024 Hz; bits 4-6: the clock's oscillator is on */
#define RTC_B 0xbu /* bit 6: periodic interrupts; bit 1: 24 hours */
#define RTC_C 0xcu /* reading it ends the interrupt */
#define INTERRUPTS 20u

static void rtc_write(cap_t port, uint32_t index, uint64_t value)
{
	(void)ts_ioport_out(port, RTC_INDEX, 1, index);
	(void)ts_ioport_out(port, RTC_INDEX + 1, 1, value);
}

/* A driver: arguments notification, interrupt line, ports; result 2 is the time main was seen at last. */
static void take_interrupts(struct worker *w)
{
	uint64_t bits, value;

	while (w->result[1] < INTERRUPTS && ts_wait((cap_t)w->argument[0], NEVER, &bits) == E_OK) {
		w->result[0] += tsc() - w->result[2];
		w->result[1]++;
		(void)ts_ioport_out((cap_t)w->argument[2], RTC_INDEX, 1, RTC_C);
		(void)ts_ioport_in((cap_t)w->argument[2], RTC_INDEX + 1, 1, &value);
		(void)ts_irq_ack((cap_t)w->argument[1]);
	}
}

/* From the interrupted program's last look at the clock, at most its loop's five instructions ago, to the driver's. */
static void bench_interrupt(void)
{
	group_begin("interrupt");
	space_make(1);
	struct worker *driver = worker_new(0, 1, PRIORITY_HIGH);
	cap_t notification = make(CAP_NOTIFICATION, 0), line = CAP_IRQ_SLOT, port = CAP_PORT_SLOT;

	must(ts_machine_irq(ROOT_CAP_MACHINE, SLOT_OWN(line), RTC_LINE), "the clock's line");
	must(ts_machine_ioport(ROOT_CAP_MACHINE, SLOT_OWN(port), RTC_INDEX, 2), "its ports");
	must(ts_irq_bind(line, notification, 1), "binding");
	driver->argument[0] = notification;
	driver->argument[1] = line;
	driver->argument[2] = port;
	worker_run(driver, take_interrupts);
	rtc_write(port, RTC_A, 0x26);
	rtc_write(port, RTC_B, 0x42);
	while (driver->result[1] < INTERRUPTS)
		driver->result[2] = tsc();
	rtc_write(port, RTC_B, 2);
	report("interrupt-driver", driver->result[0], INTERRUPTS);
}

static void yield_forever(struct worker *w)
{
	(void)w;
	for (;;) /* ends with its Thread */
		(void)ts_yield();
}

static void bench_yield(const char *name, uint32_t space)
{
	group_begin("yield");
	space_make(1);
	struct worker *other = worker_new(0, space, PRIORITY_MAIN);
	uint64_t loop = empty_loop(ROUNDS);

	(void)ts_yield();
	worker_run(other, yield_forever);
	(void)ts_yield();
	struct figure start = begin();

	for (uint32_t i = 0; i < ROUNDS; i++)
		(void)ts_yield();
	end(name, &start, loop * 2, ROUNDS * 2);
}

/* ---- memory ------------------------------------------------------------------------------------------------- */

static void bench_map(void)
{
	group_begin("map");
	struct mapped area = map_here(0, SCRATCH_VA, PAGES, READ | WRITE);
	uint64_t loop = empty_loop(PAGES);

	must(ts_vspace_unmap(ROOT_CAP_VSPACE, SCRATCH_VA + PAGE_BYTES, PAGES - 1, 0), "unmapping");
	struct figure start = begin();

	for (uint32_t i = 1; i < PAGES; i++)
		(void)ts_view_map(area.view, SCRATCH_VA + i * PAGE_BYTES, i, 1, READ | WRITE, 0);
	end("map-page", &start, loop, PAGES - 1);
}

static void bench_retype(void)
{
	group_begin("retype");
	cap_t first = slot_run(100);
	uint64_t loop = empty_loop(100);
	struct figure start = begin();

	for (uint32_t i = 0; i < 100; i++)
		(void)ts_untyped_retype(CAP_ARENA, CAP_MEMORY, 1, SLOT_OWN(first + i), 1, 0, 0);
	end("retype-page", &start, loop, 100);
}

/* ---- the capability graph ------------------------------------------------------------------------------------ */

/* A full batch: the most one call does. */
static void bench_authority(void)
{
	group_begin("authority");
	cap_t cnode = make(CAP_CNODE, 8), endpoint = make(CAP_ENDPOINT, 0);
	uint64_t count = 0, next = 0, loop = empty_loop(100);

	for (uint32_t i = 0; i < AUTHORITY_BATCH; i++)
		must(ts_cnode_copy(SLOT_IN(cnode, i), SLOT_OWN(endpoint), READ), "a copy");
	struct figure start = begin();

	for (uint32_t i = 0; i < 100; i++)
		(void)ts_authority_graph(ROOT_CAP_MACHINE, 0, &count, &next);
	must(count == AUTHORITY_BATCH ? E_OK : E_RANGE, "a full batch");
	end("authority-batch", &start, loop, 100);
}

/* ---- faults ------------------------------------------------------------------------------------------------- */

/* A fault that is answered without a mapping happens again: one round trip each. */
static void bench_fault(void)
{
	group_begin("fault");
	space_make(1);
	cap_t endpoint = make(CAP_ENDPOINT, 0), reply = slot_new(), thread = bare_thread(0, 1, endpoint, 0);
	struct user_regs regs = {.rip = SCRATCH_VA, .rsp = SHARED_VA};
	struct ipc_msg message = {0};
	uint64_t loop = empty_loop(ROUNDS);

	bare_start(thread, &regs, 2);
	(void)ts_recv(endpoint, reply, &message, NEVER);
	struct figure start = begin();

	for (uint32_t i = 0; i < ROUNDS; i++) {
		message.tag = MSG_TAG(FAULT_RESUME, 0, 0);
		(void)ts_reply_recv(endpoint, reply, &message, NEVER);
	}
	end("fault-handler", &start, loop, ROUNDS);
}

/* ---- two CPUs ----------------------------------------------------------------------------------------------- */

/*
 * Wall time, with --smp 2 and not -icount: how many calls two independent pairs of client and server make on two CPUs, against
 * one pair alone.  The CPUs of the host are shared and change their speed: short windows of the three cases take turns, each three are
 * compared with each other, and the middle one of all ratios counts.
 */
#define PAIRS 2u
#define TURNS 401u
#define WINDOW_NS 2000000ull

/* What the machine itself gives: programs that make no calls. */
static void count_forever(struct worker *w)
{
	for (;;) /* until its Thread is gone */
		w->result[0]++;
}

static void call_forever(struct worker *w)
{
	struct ipc_msg message = {.w = {1, 2, 3, 4}};

	do {
		message.tag = MSG_TAG(1, MSG_REGISTER_WORDS, 0);
		w->result[0]++;
	} while (ts_call((cap_t)w->argument[0], &message, NEVER) == E_OK);
}

/* Client and server in spaces of their own, on one CPU; the client is suspended. */
static struct worker *pair_make(uint32_t id, void (*run)(struct worker *))
{
	space_make(2 * id + 1);
	space_make(2 * id + 2);
	struct worker *server = worker_new(2 * id, 2 * id + 1, PRIORITY_LOW);
	struct worker *client = worker_new(2 * id + 1, 2 * id + 2, PRIORITY_LOW);

	must(ts_thread_set_affinity(server->thread, id), "the server's CPU");
	must(ts_thread_set_affinity(client->thread, id), "the client's CPU");
	server->argument[0] = client->argument[0] = make(CAP_ENDPOINT, 0);
	server->argument[1] = slot_new();
	worker_run(server, serve);
	worker_run(client, run);
	sleep_ns(10 * WINDOW_NS);
	must(ts_thread_suspend(client->thread), "a client stops");
	return client;
}

/* Calls a second that the chosen pairs make together (bit i: pair i). */
static uint64_t pairs_rate(struct worker *const client[PAIRS], uint32_t chosen)
{
	uint64_t before[PAIRS], calls = 0, start = now_ns();

	for (uint32_t i = 0; i < PAIRS; i++) {
		before[i] = client[i]->result[0];
		if (chosen >> i & 1)
			must(ts_thread_resume(client[i]->thread), "a client goes on");
	}
	sleep_ns(WINDOW_NS);
	for (uint32_t i = 0; i < PAIRS; i++) {
		must(ts_thread_suspend(client[i]->thread), "a client stops");
		calls += client[i]->result[0] - before[i];
	}
	return calls * 1000000000ull / (now_ns() - start);
}

/* Puts a value where it belongs among the first `count` of a sorted list. */
static void insert(uint64_t *sorted, uint32_t count, uint64_t value)
{
	for (; count > 0 && sorted[count - 1] > value; count--)
		sorted[count] = sorted[count - 1];
	sorted[count] = value;
}

static void bench_pairs(const char *name, void (*run)(struct worker *))
{
	uint64_t hundredths[TURNS];

	group_begin("pairs");
	struct worker *const client[PAIRS] = {pair_make(0, run), pair_make(1, run)};

	for (uint32_t i = 0; i < TURNS; i++) {
		uint64_t alone = pairs_rate(client, 1) + pairs_rate(client, 2);

		insert(hundredths, i, pairs_rate(client, 3) * 200 / alone);
	}
	uint64_t middle = hundredths[TURNS / 2];

	print("bench ");
	print(name);
	print(" ");
	print_number(middle / 100);
	print(middle % 100 < 10 ? ".0" : ".");
	print_number(middle % 100);
	print(" times\n");
}

void program_start(const uint64_t *stack)
{
	(void)stack;
	harness_start();
	spaces_start();
	must(ts_thread_set_priority(ROOT_CAP_THREAD, PRIORITY_MAIN), "main's priority");
	if (boot_info()->cpu_count > 1) {
		bench_pairs("counting-on-two-cpus", count_forever);
		bench_pairs("pairs-on-two-cpus", call_forever);
		finish();
	}
	bench_nothing();
	bench_round_trip("ipc-round-trip", 4);
	bench_round_trip("ipc-round-trip-14", 14);
	bench_signal();
	bench_interrupt();
	bench_yield("yield", 0);
	bench_yield("yield-two-spaces", 1);
	bench_map();
	bench_retype();
	bench_fault();
	bench_authority();
	finish();
}
