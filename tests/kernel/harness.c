/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * TAP, slots and objects for the programs that run instead of root.  See harness.h.
 */
#include "harness.h"

#include <string.h>

#include <tessera/names.h>

#define KEEP_LOG2 24u
#define LEAF_HOME_LOG2 14u
#define TABLES_LOG2 18u
#define LINE_BYTES 256u

static const char *group = "";
static uint32_t tests, failures;
static cap_t next_slot;

/* ---- output ------------------------------------------------------------------------------------------------ */

static char line[LINE_BYTES];
static uint32_t line_length;

/* The line goes out whole, and the message page is as it was. */
static void flush(void)
{
	uint64_t kept[LINE_BYTES / 8];

	memcpy(kept, page_block(), sizeof(kept));
	memcpy(page_block(), line, line_length);
	ts_debug_write(ROOT_CAP_CONSOLE, line_length);
	memcpy(page_block(), kept, sizeof(kept));
	line_length = 0;
}

void print(const char *text)
{
	for (; *text != '\0'; text++) {
		if (line_length < LINE_BYTES - 1 || *text == '\n')
			line[line_length++] = *text;
		if (*text == '\n')
			flush();
	}
}

static void print_base(uint64_t value, uint32_t base)
{
	char digits[24];
	uint32_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0);
	print(&digits[at]);
}

void print_number(uint64_t value)
{
	print_base(value, 10);
}

void print_hex(uint64_t value)
{
	print("0x");
	print_base(value, 16);
}

/* ---- TAP ------------------------------------------------------------------------------------------------------ */

static void result(bool is_right, const char *name)
{
	tests++;
	if (!is_right)
		failures++;
	print(is_right ? "ok " : "not ok ");
	print_number(tests);
	print(" - ");
	print(group);
	print(": ");
	print(name);
}

bool check(bool is_right, const char *name)
{
	result(is_right, name);
	print("\n");
	return is_right;
}

bool check_error(uint64_t got, enum tessera_error wanted, const char *name)
{
	result(got == wanted, name);
	if (got != wanted) {
		print("  (got ");
		print(tessera_error_name(got));
		print(", wanted ");
		print(tessera_error_name(wanted));
		print(")");
	}
	print("\n");
	return got == wanted;
}

bool check_equal(uint64_t got, uint64_t wanted, const char *name)
{
	result(got == wanted, name);
	if (got != wanted) {
		print("  (got ");
		print_hex(got);
		print(", wanted ");
		print_hex(wanted);
		print(")");
	}
	print("\n");
	return got == wanted;
}

void skip(const char *name, const char *reason)
{
	result(true, name);
	print(" # SKIP ");
	print(reason);
	print("\n");
}

const char *join(const char *first, const char *second)
{
	static char text[128];
	uint32_t length = 0;

	for (; *first != '\0' && length < 100; first++)
		text[length++] = *first;
	text[length++] = ' ';
	for (; *second != '\0' && length < sizeof(text) - 1; second++)
		text[length++] = *second;
	text[length] = '\0';
	return text;
}

void note(const char *text, uint64_t value)
{
	print("# ");
	print(text);
	print(" ");
	print_number(value);
	print("\n");
}

_Noreturn void finish(void)
{
	print("1..");
	print_number(tests);
	print("\n# ");
	print_number(failures);
	print(" failed\ntessera: exit status ");
	print_number(failures != 0);
	print("\n");
	ts_machine_power_off(ROOT_CAP_MACHINE, 0);
	for (;;)
		;
}

void must(uint64_t error, const char *what)
{
	if (error == E_OK)
		return;
	check_error(error, E_OK, what);
	finish();
}

/* ---- results seen ---------------------------------------------------------------------------------------------- */

#define NUMBERS 1024u

static uint32_t results_seen[NUMBERS];

void observe(uint64_t number, uint64_t error)
{
	if (number < NUMBERS && error < 32)
		__atomic_fetch_or(&results_seen[number], 1u << error, __ATOMIC_RELAXED);
}

uint32_t observed(uint64_t number)
{
	return number < NUMBERS ? results_seen[number] : 0;
}

/* ---- groups --------------------------------------------------------------------------------------------------- */

void group_name(const char *name)
{
	group = name;
}

void group_begin(const char *name)
{
	group = name;
	must(ts_cnode_revoke(SLOT_OWN(CAP_ARENA), 0), "the arena is revoked");
	must(ts_cnode_revoke(SLOT_OWN(CAP_LEAF_HOME), 0), "the group's leaf goes");
	must(ts_untyped_retype(CAP_LEAF_HOME, CAP_CNODE, 8, SLOT_IN(ROOT_CAP_CNODE, GROUP_LEAF), 1, 0, 0),
	     "the group's leaf");
	next_slot = GROUP_LEAF << 8;
}

void group_end(void)
{
	uint64_t error = ts_cnode_revoke(SLOT_OWN(CAP_ARENA), 0);
	struct cap_facts facts = inspect(SLOT_OWN(CAP_ARENA));

	check(error == E_OK && (facts.type & FACT_DESCENDANTS) == 0 && facts.info[2] == 1ull << ARENA_LOG2,
	      "everything made is gone after revoking the arena");
}

/* ---- capabilities ------------------------------------------------------------------------------------------------ */

struct cap_facts inspect(slot_t slot)
{
	struct cap_facts facts = {0};

	facts.error = ts_cap_inspect(slot, &facts.type, &facts.rights, &facts.badge, &facts.info[0],
				     &facts.info[1], &facts.info[2]);
	return facts;
}

uint32_t type_at(cap_t address)
{
	return (uint32_t)inspect(SLOT_OWN(address)).type & 0xffu;
}

cap_t slot_run(uint32_t count)
{
	cap_t first = next_slot + 1;

	next_slot += count;
	if (next_slot >= (GROUP_LEAF + 1) << 8)
		must(E_SLOT, "slots of the group");
	return first;
}

cap_t slot_new(void)
{
	return slot_run(1);
}

cap_t make(enum cap_type type, uint64_t size)
{
	cap_t address = slot_new();

	must(ts_untyped_retype(CAP_ARENA, type, size, SLOT_OWN(address), 1, 0, 0), "an object of the arena");
	return address;
}

cap_t copy_of(cap_t source, uint32_t rights)
{
	cap_t address = slot_new();

	must(ts_cnode_copy(SLOT_OWN(address), SLOT_OWN(source), rights), "a copy");
	return address;
}

cap_t mint_of(cap_t source, uint32_t rights, uint64_t badge, uint64_t flags)
{
	cap_t address = slot_new();

	must(ts_cnode_mint(SLOT_OWN(address), SLOT_OWN(source), rights, badge, flags), "a minted capability");
	return address;
}

void drop(cap_t address)
{
	(void)ts_cnode_delete(SLOT_OWN(address), 0);
}

struct mapped map_here(cap_t memory, uint64_t va, uint64_t pages, uint32_t rights)
{
	struct mapped mapped = {.memory = memory, .view = slot_new(), .words = (volatile uint64_t *)va};

	if (memory == 0)
		mapped.memory = make(CAP_MEMORY, pages);
	must(ts_memory_attach(mapped.memory, SLOT_OWN(mapped.view), ROOT_CAP_VSPACE, va, pages, ALL),
	     "a View");
	must(ts_view_map(mapped.view, va, 0, pages, rights, 0), "a mapping");
	return mapped;
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

uint64_t now_ns(void)
{
	uint64_t ns = 0;

	ts_time_get(&ns, 0);
	return ns;
}

void sleep_ns(uint64_t duration_ns)
{
	uint64_t bits;

	(void)ts_wait(CAP_SILENT, now_ns() + duration_ns, &bits);
}

/* ---- set-up ------------------------------------------------------------------------------------------------------ */

static cap_t largest_untyped(void)
{
	const struct boot_info *info = boot_info();
	uint32_t best = 0;

	for (uint32_t i = 0; i < info->untyped_count; i++) {
		bool is_larger = info->untyped[i].size_log2 > info->untyped[best].size_log2;

		if (!info->untyped[i].is_device && (info->untyped[best].is_device || is_larger))
			best = i;
	}
	return ROOT_CAP_UNTYPED + best;
}

void harness_start(void)
{
	cap_t largest = largest_untyped();

	group = "set-up";
	for (cap_t slot = CAP_ARENA; slot <= CAP_EMPTY; slot++) /* small Untypeds may stand there */
		drop(slot);
	must(ts_untyped_retype(largest, CAP_UNTYPED, KEEP_LOG2, SLOT_OWN(CAP_KEEP), 1, 0, 0),
	     "permanent memory");
	must(ts_untyped_retype(largest, CAP_UNTYPED, LEAF_HOME_LOG2, SLOT_OWN(CAP_LEAF_HOME), 1, 0, 0),
	     "home of the leaf");
	must(ts_untyped_retype(CAP_KEEP, CAP_UNTYPED, ARENA_LOG2, SLOT_OWN(CAP_ARENA), 1, 0, 0), "the arena");
	must(ts_untyped_retype(CAP_KEEP, CAP_NOTIFICATION, 0, SLOT_OWN(CAP_SILENT), 1, 0, 0),
	     "a Notification to sleep on");
	must(ts_untyped_retype(CAP_KEEP, CAP_UNTYPED, TABLES_LOG2, SLOT_OWN(CAP_TABLES), 1, 0, 0), "tables");
	must(ts_vspace_donate_tables(ROOT_CAP_VSPACE, SLOT_OWN(CAP_TABLES)), "donated tables");
	must(ts_untyped_retype(CAP_KEEP, CAP_MEMORY, SHARED_PAGES, SLOT_OWN(CAP_SHARED), 1, 0, 0),
	     "shared memory");
	must(ts_memory_attach(CAP_SHARED, SLOT_OWN(CAP_SHARED_VIEW), ROOT_CAP_VSPACE, SHARED_VA, SHARED_PAGES,
			      READ | WRITE),
	     "a View of shared memory");
	must(ts_view_map(CAP_SHARED_VIEW, SHARED_VA, 0, SHARED_PAGES, READ | WRITE, 0),
	     "shared memory, mapped");
}
