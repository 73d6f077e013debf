/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * From bytes to events.  An input is a sequence of records of 12 bytes; a record is one event, and any bytes are one.
 *
 * What system calls there are, and what their arguments are called, comes from abi/operations.toml (fuzz_grammar.inc).  An
 * argument's name says what to make of its byte: mostly something that exists (a capability of the right type, an empty slot),
 * now and then anything.
 */
#include "decode.h"
#include "drive.h"

#include <stdio.h>
#include <stdlib.h>

#define RANDOM_FROM 0xf0u /* bytes from here on stand for anything */
#define SLOTS_TRIED 128u
#define LATE_FROM 6u
#define PERSONALITY_IP 0x7fff00001000ull
#define EXIT_IP 0x7fff00002000ull
#define PROGRAM_IP 0x401000ull

enum { BY_NOTHING, BY_CAP, BY_SLOT };
#define OP_PLAIN BY_NOTHING
#define OP_BY_CAP BY_CAP
#define OP_BY_SLOT BY_SLOT

struct rule {
	uint32_t number;
	const char *name;
	uint32_t type, how;
	const char *argument[6];
};

#define X(number, name, type, how, ...) {(number), (name), (type), (how), {__VA_ARGS__}},
static const struct rule rules[] = {
#include <kernel/fuzz_grammar.inc>
};
#undef X
#define RULES (sizeof(rules) / sizeof(rules[0]))

/* What happens often in a system, more than once what is worth more. */
static const uint16_t usual[] = {
	OP_UNTYPED_RETYPE,
	OP_UNTYPED_RETYPE,
	OP_CNODE_DELETE,
	OP_CNODE_DELETE,
	OP_CNODE_REVOKE,
	OP_CNODE_COPY,
	OP_CNODE_MINT,
	OP_CNODE_MINT,
	OP_CNODE_MOVE,
	OP_MEMORY_DERIVE,
	OP_MEMORY_ATTACH,
	OP_VIEW_MAP,
	OP_VIEW_MAP,
	OP_VIEW_MAP_VEC,
	OP_VSPACE_UNMAP,
	OP_VSPACE_PROTECT,
	OP_VIEW_COPY,
	OP_SEND,
	OP_SEND,
	OP_RECV,
	OP_RECV,
	OP_CALL,
	OP_CALL,
	OP_REPLY,
	OP_REPLY_RECV,
	OP_REPLY_RECV,
	OP_SIGNAL,
	OP_WAIT,
	OP_YIELD,
	OP_THREAD_CONFIGURE,
	OP_SCHED_CONFIGURE,
	OP_SCHED_BIND,
	OP_THREAD_RESUME,
	OP_THREAD_SUSPEND,
	OP_THREAD_INTERRUPT,
	OP_THREAD_SET_AFFINITY,
};

/* ---- capabilities by their names ---- */

/* The address of a capability in the current thread's CSpace; 0: it has none there. */
static cap_t address_of(const struct spec_cap *cap)
{
	struct spec_cap *root = spec_cap_at(
		&specified, (struct spec_place){spec_here(&specified)->current, SPEC_SLOT_CSPACE});

	for (uint32_t i = 0; root != NULL && i < root->size && i < 16; i++) {
		const struct spec_cap *leaf = spec_cap_at(&specified, (struct spec_place){root->object, i});

		if (leaf != NULL && leaf->type == CAP_CNODE && leaf->object == cap->place.holder &&
		    cap->place.index < 256)
			return i << 8 | cap->place.index;
	}
	return 0;
}

static cap_t anything(uint8_t byte)
{
	return (cap_t)(byte & 7u) << 8 | (byte * 37u % 131u);
}

/* The byte-th capability of that type (CAP_NULL: any) that the thread can name. */
static cap_t cap_of(uint32_t type, uint8_t byte)
{
	cap_t found[SPEC_CAPS];
	uint32_t count = 0;

	if (byte >= RANDOM_FROM)
		return anything(byte);
	for (uint32_t i = 0; i < specified.cap_count; i++) {
		const struct spec_cap *cap = &specified.caps[i];
		cap_t address = 0;

		if (cap->type != CAP_NULL && (type == CAP_NULL || cap->type == type))
			address = address_of(cap);
		if (address != 0)
			found[count++] = address;
	}
	return count > 0 ? found[byte % count] : anything(byte);
}

/* A slot_t for what lies at an address: the short form, or through leaf 0's own capability. */
static slot_t designator(cap_t address, uint8_t byte)
{
	return byte % 5u == 0 && address < 256 ? SLOT_IN(ROOT_CAP_LEAF, address) : SLOT_OWN(address);
}

static slot_t used_slot(uint8_t byte)
{
	uint8_t mixed = (uint8_t)(byte * 73u);

	if (byte % 8u == 7u)
		return SLOT_IN(cap_of(CAP_CNODE, mixed), byte % 17u);
	return designator(cap_of(CAP_NULL, byte), mixed);
}

/* An empty slot of leaf 0 or 1, or of any CNode. */
static slot_t empty_slot(uint8_t byte)
{
	uint8_t mixed = (uint8_t)(byte * 73u);
	const struct spec_cap *root = spec_cap_at(
		&specified, (struct spec_place){spec_here(&specified)->current, SPEC_SLOT_CSPACE});
	const struct spec_cap *leaf =
		root != NULL ? spec_cap_at(&specified, (struct spec_place){root->object, byte % 4u == 3u})
			     : NULL;
	cap_t high = byte % 4u == 3u ? 0x100u : 0;

	if (byte >= RANDOM_FROM || leaf == NULL || leaf->type != CAP_CNODE)
		return SLOT_IN(cap_of(CAP_CNODE, mixed), byte % 17u);
	for (uint32_t i = 0; i < SLOTS_TRIED; i++) {
		uint32_t index = (byte / 4u * 3u + 45u + i) % SLOTS_TRIED;

		if (index < leaf->size && index != 0 &&
		    spec_cap_at(&specified, (struct spec_place){leaf->object, index}) == NULL)
			return designator(high | index, mixed);
	}
	return SLOT_OWN(high | byte);
}

/* The same by its short name, in leaf 0, as a slot for a Reply is named. */
static cap_t empty_address(uint8_t byte)
{
	slot_t slot = byte < RANDOM_FROM ? empty_slot((uint8_t)(byte / 4u * 4u)) : anything(byte);

	return (cap_t)slot;
}

/* ---- arguments by their names ---- */

static uint64_t deadline(uint8_t byte)
{
	switch (byte % 8u) {
	case 0: return DEADLINE_POLL;
	case 1: return specified.now_ns + 1024u * (1u + byte / 8u);
	case 2: return specified.now_ns + 1000000u * (1u + byte / 8u) + byte;
	default: return DEADLINE_NEVER;
	}
}

static uint64_t tag(uint8_t byte)
{
	static const uint16_t words[] = {4, 4, 0, 2, 5, 40, 384, 385};
	uint64_t caps = byte % 16u >= 12u ? byte % 6u : 0;

	if (byte == 0xff)
		return 1ull << 40;
	return MSG_TAG(byte >= RANDOM_FROM ? 0xfff0u : byte % 3u, words[byte / 16u % 8u], caps);
}

static uint64_t address(uint8_t byte)
{
	static const uint64_t bases[] = {0x10000000ull, 0x101ff000ull, 0x40000000ull, 0x7f0000000000ull,
					 0x20000000ull, 0x10200000ull, 0x10000000ull, 0x3ffff000ull};

	if (byte >= RANDOM_FROM)
		return byte % 4u == 0	? USER_TOP
		       : byte % 4u == 1 ? 0x10000008ull
		       : byte % 4u == 2 ? 0
					: TIME_PAGE_VA;
	return bases[byte % 8u] + byte / 8u % 16u * SPEC_PAGE;
}

static uint64_t pages(uint8_t byte)
{
	static const uint64_t large[] = {512, 513, 600, 1024, 1100, 0, USER_TOP / SPEC_PAGE, 1ull << 33};

	return byte < 200 ? byte % 20u : large[byte % 8u];
}

static uint64_t rights(uint8_t byte)
{
	static const uint64_t usual_rights[] = {RIGHTS_ALL, RIGHT_READ, RIGHT_READ | RIGHT_WRITE,
						RIGHT_READ | RIGHT_EXECUTE, 0};

	return byte < 0xc0 ? usual_rights[byte % 5u] : byte;
}

/* Flags are small but for mappings, where they are rights and a cache policy. */
static uint64_t flags(uint32_t number, uint8_t byte)
{
	static const uint64_t cache[] = {
		0, 0, 0, MAP_UNCACHED, MAP_WRITE_COMBINE, MAP_UNCACHED | MAP_WRITE_COMBINE, 0, 1ull << 20};

	if (number == OP_VIEW_MAP)
		return (rights(byte) & SPEC_RIGHTS_MAP) | cache[byte / 5u % 8u];
	return byte < 220 ? byte % 2u : byte % 4u;
}

static const struct {
	uint8_t type;
	uint32_t size;
} kinds[] = {{CAP_ENDPOINT, 0},	 {CAP_NOTIFICATION, 0}, {CAP_UNTYPED, 14},	{CAP_UNTYPED, 12},
	     {CAP_CNODE, 4},	 {CAP_CNODE, 4},	{CAP_THREAD, 0},	{CAP_VSPACE, 0},
	     {CAP_MEMORY, 1},	 {CAP_MEMORY, 3},	{CAP_MEMORY, 20},	{CAP_UNTYPED, 6},
	     {CAP_CNODE, 5},	 {CAP_CNODE, 20},	{CAP_REPLY, 0},		{CAP_MEMORY, 0},
	     {CAP_UNTYPED, 48},	 {CAP_ENDPOINT, 20000}, {CAP_SCHED_CONTEXT, 0}, {CAP_SCHED_CONTEXT, 0},
	     {CAP_ENDPOINT, ~0u}};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static uint64_t count(uint32_t number, uint8_t byte)
{
	if (number == OP_UNTYPED_RETYPE)
		return byte < 200 ? 1 : byte < 0xf8 ? byte % 5u : byte == 0xff ? 257 : 1;
	if (number == OP_VIEW_MAP_VEC)
		return byte < 0xf8 ? byte % 9u : 191;
	return number == OP_MACHINE_IOPORT ? byte % 20u : pages(byte);
}

struct kind {
	const char *name;
	uint64_t (*make)(uint8_t byte);
};

static uint64_t vspace_cap(uint8_t byte)
{
	return cap_of(CAP_VSPACE, byte);
}

static uint64_t thread_cap(uint8_t byte)
{
	return cap_of(CAP_THREAD, byte);
}

static uint64_t cnode_cap(uint8_t byte)
{
	return cap_of(CAP_CNODE, byte);
}

static uint64_t notification_cap(uint8_t byte)
{
	return byte % 8u == 0 ? 0 : cap_of(CAP_NOTIFICATION, byte);
}

static uint64_t small(uint8_t byte)
{
	return byte % 4u;
}

static uint64_t limit(uint8_t byte)
{
	return byte < 128 ? 0 : 1u + byte % 6u;
}

static uint64_t window_pages(uint8_t byte)
{
	return byte < 128 ? 0 : pages(byte);
}

static uint64_t priority(uint8_t byte)
{
	return byte < 0xf8 ? 14u + byte % 8u : byte * 2u;
}

static uint64_t user_address(uint8_t byte)
{
	return byte < 0xf0 ? byte * SPEC_PAGE : ~0ull;
}

static uint64_t width(uint8_t byte)
{
	return byte % 5u;
}

static uint64_t port(uint8_t byte)
{
	return byte < 0xf0 ? 0x3f4u + byte % 18u : byte * 257u + 1u;
}

static uint64_t line(uint8_t byte)
{
	return byte % 26u;
}

static uint64_t plain(uint8_t byte)
{
	return byte;
}

static uint64_t cpu_number(uint8_t byte)
{
	return byte < 0xe0 ? byte % MACHINE_CPUS : byte;
}

static uint64_t how(uint8_t byte)
{
	return 2u + byte; /* 0 and 1 end the machine */
}

static uint64_t bytes(uint8_t byte)
{
	return byte < 0xf0 ? byte : MSG_DATA_BYTES + 1u;
}

static uint64_t page_index(uint8_t byte)
{
	return byte < 0xe0 ? byte % 20u : byte;
}

static uint64_t budget(uint8_t byte)
{
	static const uint64_t budgets[] = {10000, 50000, 1000000, 10000000, 500000000, 20000, 12345, 9999};

	return byte == 0xff ? SCHED_BUDGET_MAX_NS + 1u : budgets[byte % 8u];
}

static uint64_t period(uint8_t byte)
{
	static const uint64_t periods[] = {0, 20000, 100000, 20000000, 0, 1000000000, 50000, 1000};

	return byte == 0xff ? SCHED_BUDGET_MAX_NS + 1u : periods[byte % 8u];
}

static uint64_t bound_thread(uint8_t byte)
{
	return byte % 6u == 0 ? 0 : cap_of(CAP_THREAD, byte);
}

static uint64_t reader_index(uint8_t byte)
{
	return byte < 128 ? 0 : byte < 0xf0 ? specified.reader_next : byte;
}

static const struct kind by_name[] = {
	{"dst_slot", empty_slot},
	{"src_slot", used_slot},
	{"untyped_slot", used_slot},
	{"src_cnode", cnode_cap},
	{"vspace", vspace_cap},
	{"src_vspace", vspace_cap},
	{"fpu_from", thread_cap},
	{"notification", notification_cap},
	{"tag", tag},
	{"deadline", deadline},
	{"vaddr", address},
	{"window", address},
	{"pages", pages},
	{"window_pages", window_pages},
	{"rights", rights},
	{"badge", small},
	{"limit", limit},
	{"priority", priority},
	{"fs_base", user_address},
	{"width", width},
	{"port", port},
	{"first", port},
	{"line", line},
	{"cpu", cpu_number},
	{"how", how},
	{"bytes", bytes},
	{"index", reader_index},
	{"page", page_index},
	{"first_page", page_index},
	{"budget_ns", budget},
	{"period_ns", period},
	{"thread", bound_thread},
	{"what", small},
};

static uint64_t argument(const struct rule *rule, unsigned int i, const uint8_t *record)
{
	const char *name = rule->argument[i];
	uint8_t byte = record[3 + i];

	for (uint32_t n = 0; n < sizeof(by_name) / sizeof(by_name[0]); n++) {
		if (strcmp(name, by_name[n].name) == 0)
			return by_name[n].make(byte);
	}
	if (strcmp(name, "type") == 0)
		return kinds[byte % KINDS].type;
	if (strcmp(name, "size") == 0) /* of the kind that the byte before says */
		return kinds[record[2 + i] % KINDS].size;
	if (strcmp(name, "count") == 0)
		return count(rule->number, byte);
	if (strcmp(name, "flags") == 0)
		return flags(rule->number, byte);
	return plain(byte);
}

/* Argument 0: what the operation works on. */
static uint64_t subject(const struct rule *rule, const uint8_t *record)
{
	uint8_t byte = record[2];
	uint64_t reply;

	switch (rule->number) {
	case OP_CNODE_COPY:
	case OP_CNODE_MINT:
	case OP_CNODE_MOVE: return empty_slot(byte);
	case OP_CNODE_COPY_ALL: return cap_of(CAP_CNODE, byte);
	case OP_RECV: /* record[3]: the slot for a Reply */
		reply = record[3] % 4u == 0 ? 0 : empty_address(record[3]);
		return reply << 32 | cap_of(CAP_ENDPOINT, byte);
	case OP_REPLY_RECV: return (uint64_t)cap_of(CAP_REPLY, record[9]) << 32 | cap_of(CAP_ENDPOINT, byte);
	default: break;
	}
	if (rule->how == BY_SLOT)
		return used_slot(byte);
	return rule->how == BY_CAP ? cap_of(rule->type, byte) : byte;
}

/* The View at an address of the thread's CSpace; NULL: there is none. */
static const struct spec_cap *view_of(cap_t address)
{
	for (uint32_t i = 0; i < specified.cap_count; i++) {
		if (specified.caps[i].type == CAP_VIEW && address_of(&specified.caps[i]) == address)
			return &specified.caps[i];
	}
	return NULL;
}

/* An address in a View's window, counted from its start or its end. */
static uint64_t address_in_view(cap_t view, uint8_t byte)
{
	const struct spec_cap *cap = view_of(view);

	if (cap != NULL && cap->size < 4096)
		return cap->base +
		       (byte % 2u == 0 ? byte / 2u % 16u : cap->size - 1u - byte / 2u % 4u) * SPEC_PAGE;
	return address(byte);
}

/* Nothing is answered or made of what is not there: another operation then, that comes before. */
static uint32_t possible(uint32_t number)
{
	bool has_reply = false;

	for (uint32_t i = 0; i < specified.cap_count; i++)
		has_reply = has_reply || specified.caps[i].type == CAP_REPLY;
	if (!has_reply && number == OP_REPLY)
		return OP_RECV;
	return !has_reply && number == OP_REPLY_RECV ? OP_CALL : number;
}

/* ---- what some operations take from the message page ---- */

static void page_words(const void *words, size_t size)
{
	for (uint32_t i = 0; i < size / sizeof(uint64_t); i++)
		drive_page(MSG_REGISTER_WORDS + i, ((const uint64_t *)words)[i]);
}

static void page_of_configure(const uint8_t *record)
{
	const struct thread_config config = {
		.cspace = record[3] < 100 ? 0 : cap_of(CAP_CNODE, record[3]),
		.vspace = record[4] < 80 ? 0 : cap_of(CAP_VSPACE, record[4]),
		.fault_ep = record[5] < 128 ? 0 : cap_of(CAP_ENDPOINT, record[5]),
		.last_ep = record[6] < 128 ? 0 : cap_of(CAP_ENDPOINT, record[6]),
		.budget_ep = record[7] < 128 ? 0 : cap_of(CAP_ENDPOINT, record[6]),
		.page_va = record[7] < 0xf8
				   ? (record[7] % 4u == 0 ? 0 : 0x20000000ull + record[7] % 8u * SPEC_PAGE)
				   : (uint64_t)record[7] << 44 | record[7] % 2u,
		.label = record[8],
		.flags = record[8] < 0xf8 ? record[8] % 4u : record[8],
		.priority = record[8] % 3u == 0 ? ~0u : (uint32_t)priority(record[8]),
	};

	page_words(&config, sizeof(config));
}

static void page_of_regs(const uint8_t *record)
{
	struct user_regs regs = {.rax = record[5], .rdi = record[6], .r12 = record[7]};

	regs.rip = record[5] < 0x60   ? PROGRAM_IP + record[6]
		   : record[5] < 0xf0 ? PERSONALITY_IP + record[6] * 32ull
				      : ~0ull;
	regs.rsp = 0x30000000ull + record[6];
	regs.rflags = record[7] * 0x10101ull;
	regs.fs_base = record[8] < 0xf0 ? record[8] : 1ull << 50;
	page_words(&regs, sizeof(regs));
}

static void page_of_personality(const uint8_t *record)
{
	struct personality_config config = {
		.syscall_entry = record[3] < 40	   ? 0
				 : record[3] < 250 ? 0x7fff00000100ull
						   : USER_TOP,
		.exception_entry = record[4] < 60 ? 0 : 0x7fff00000200ull,
		.interrupt_entry = record[5] < 60    ? 0
				   : record[5] < 250 ? 0x7fff00000300ull
						     : USER_TOP,
		.start = 0x7fff00000000ull,
		.end = record[6] < 250 ? 0x7fff00003000ull : 1,
		.exit_start = 0x7fff00001f00ull,
		.exit_end = record[7] < 250 ? 0x7fff00002100ull : ~0ull,
	};

	page_words(&config, sizeof(config));
}

static void page_of_map(const uint8_t *record)
{
	uint64_t entries[2 * 8];

	for (uint32_t i = 0; i < 8; i++) {
		uint8_t byte = (uint8_t)(record[4 + i % 5u] + i * 8u);

		entries[2 * i] = address(byte) | (rights(record[5 + i % 4u]) & SPEC_RIGHTS_MAP);
		entries[2 * i + 1u] = (uint64_t)(byte ^ record[4]) % 24u;
	}
	page_words(entries, sizeof(entries));
}

static void prepare_page(uint32_t number, const uint8_t *record)
{
	switch (number) {
	case OP_THREAD_CONFIGURE: page_of_configure(record); break;
	case OP_THREAD_SET_REGS: page_of_regs(record); break;
	case OP_THREAD_SET_PERSONALITY: page_of_personality(record); break;
	case OP_VIEW_MAP_VEC: page_of_map(record); break;
	default: break;
	}
}

/* ---- records ---- */

static void do_syscall(const uint8_t *record)
{
	static const uint64_t ips[] = {PROGRAM_IP, PROGRAM_IP, PERSONALITY_IP, EXIT_IP};
	uint32_t number = possible(usual[record[1] % (sizeof(usual) / sizeof(usual[0]))]);
	static const struct rule none = {.number = 999, .argument = {"", "", "", "", "", ""}};
	const struct rule *rule = record[1] == 0xff ? &none : &rules[record[1] % RULES];
	const struct how how = {.is_fast = record[10] % 2u != 0,
				.is_pressed = record[10] % 4u == 0,
				.is_held = record[10] % 8u == 6u,
				.is_locked = record[10] % 8u == 7u};
	uint64_t args[7];

	if (how.is_fast)
		drive_interrupt(); /* the fast path does not look whether a better thread has come */
	if (spec_here(&specified)->current == 0)
		return;
	if (drive_stands_before_call()) {
		drive_syscall(0, NULL, 0, how);
		return;
	}
	for (uint32_t i = 0; record[0] % 2u == 0 && i < RULES; i++) {
		if (rules[i].number == number)
			rule = &rules[i];
	}
	args[0] = subject(rule, record);
	for (unsigned int i = 0; i < 6; i++)
		args[1 + i] = argument(rule, i, record);
	if ((rule->number == OP_VIEW_MAP || rule->number == OP_VIEW_UNMAP) && record[11] % 8u < 4u)
		args[1] = address_in_view((cap_t)args[0], record[3]);
	prepare_page(rule->number, record);
	drive_syscall(rule->number, args, ips[record[11] % 4u], how);
}

static void do_page(const uint8_t *record)
{
	uint32_t i = record[1] % 4u;
	const uint32_t modes = (uint32_t)offsetof(struct msg_page, send_mode) / 8u;

	switch (record[1] / 4u % 4u) {
	case 0:
	case 1:
		drive_page((uint32_t)offsetof(struct msg_page, send_slot) / 8u + i, used_slot(record[2]));
		drive_page(modes, (uint64_t)(record[3] % 4u) * 0x01010101u |
					  (uint64_t)rights(record[4]) * 0x0101010100000000ull);
		break;
	case 2:
		drive_page((uint32_t)offsetof(struct msg_page, recv_slot) / 8u + i,
			   record[2] < 20 ? 0 : empty_slot(record[2]));
		break;
	default:
		drive_page((uint32_t)offsetof(struct msg_page, sticky) / 8u, record[2] % 4u);
		drive_page(MSG_REGISTER_WORDS + record[3] % 100u, record[4]);
		break;
	}
}

static void do_time(const uint8_t *record)
{
	static const uint64_t steps[] = {1024, 1024, 102400, 1048576, 10485760, 104857600, 1ull << 34, 0};

	drive_time(specified.now_ns + steps[record[1] % 8u] * (1u + record[2] % 4u));
}

static void do_irq(const uint8_t *record)
{
	uint32_t first = record[1] % SPEC_IRQ_LINES;

	for (uint32_t i = 0; i < SPEC_IRQ_LINES; i++) {
		if (specified.irqs[(first + i) % SPEC_IRQ_LINES].is_unmasked) {
			drive_irq((first + i) % SPEC_IRQ_LINES);
			return;
		}
	}
}

static void do_touch(const uint8_t *record)
{
	drive_touch(address(record[2] % RANDOM_FROM) + record[3] % 2u * SPEC_LARGE);
}

static void do_exception(const uint8_t *record)
{
	switch (record[1] % 4u) {
	case 0: drive_fault(address(record[2]), record[3] % 32u); break;
	case 1: drive_exception(record[2] % 20u, record[3]); break;
	default:
		if (!drive_stands_before_call())
			drive_foreign(record[2], record[3] % 2u == 0 ? PROGRAM_IP : PERSONALITY_IP);
		break;
	}
}

/* The CPU that the record names; one that waits has nothing to do, then it is the next that has. */
static void play(const uint8_t *record)
{
	uint32_t first = record[0] / 32u % MACHINE_CPUS;
	bool is_late = record[0] / 32u >= LATE_FROM; /* an entry overtakes the interrupt from another CPU */

	for (uint32_t i = 0; i < MACHINE_CPUS; i++) {
		drive_play((first + i) % MACHINE_CPUS);
		if (!is_late)
			drive_interrupt();
		if (spec_here(&specified)->current != 0)
			return;
	}
	drive_play(first);
}

/* Few kinds of events can happen while all processors wait. Devices interrupt the first one. */
static void do_record(const uint8_t *record)
{
	uint8_t kind = record[0] / 2u % 16u;

	play(record);
	if (spec_here(&specified)->current == 0 && kind != 13)
		kind = 12;
	if (kind == 13)
		drive_play(0);
	switch (kind) {
	case 11: do_page(record); break;
	case 12: do_time(record); break;
	case 13: do_irq(record); break;
	case 14: do_exception(record); break;
	case 15: do_touch(record); break;
	default: do_syscall(record); break;
	}
}

void decode_run(const uint8_t *data, size_t size)
{
	drive_restart();
	machine_guard(size / DECODE_RECORD % 4u == 3u);
	if (drive_is_verbose && dispatch_direct_limit == 0)
		fprintf(stderr, "guarded\n");
	for (size_t at = 0; at + DECODE_RECORD <= size && at < DECODE_RECORD * DECODE_MAX;
	     at += DECODE_RECORD) {
		if (!spec_has_room(&specified, 6))
			break;
		do_record(&data[at]);
	}
	drive_settle();
}
