/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the programs that are started instead of root share: TAP lines on the kernel's log, slots, objects.
 *
 * Memory: one Untyped, the arena, holds everything a group of tests makes, and the CNode in root slot 1 its capabilities;
 * group_begin revokes both, so that each group starts from nothing and sees nothing of what another one left behind.
 * No C library beyond the mem* functions is used: there are no TLS, no heap and no stdio here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Notes that an operation gave this result: what TESSERA_OBSERVE calls, and error_of. For the matrix (matrix.c). */
void observe(uint64_t number, uint64_t error);
/* What observe noted: bit n for error n; 0 for a number beyond the operations'. */
uint32_t observed(uint64_t number);

#include <tessera/invoke.h>
#include <tessera/types.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- addresses ----------------------------------------------------------------------------------------- */

#define SHARED_VA 0x200000000ull /* memory that main and all workers see at this address */
#define SHARED_PAGES 256u
#define WORKER_PAGE_VA 0x200100000ull /* message pages of workers */
#define SCRATCH_VA 0x100000000000ull  /* free in every space: tests map here */
#define PAGE_BYTES 4096ull
#define LARGE_BYTES 0x200000ull

#define ALL RIGHTS_ALL
#define READ RIGHT_READ
#define WRITE RIGHT_WRITE
#define EXECUTE RIGHT_EXECUTE
#define GRANT RIGHT_GRANT
#define REVOKE RIGHT_REVOKE

#define NEVER DEADLINE_NEVER
#define POLL DEADLINE_POLL

/* Capabilities that stay for the whole program (leaf 0, behind the Untypeds). */
enum {
	CAP_ARENA = 240, /* Untyped of ARENA_LOG2: a group's objects */
	CAP_TABLES,	 /* Untyped: page tables of root's space */
	CAP_SHARED,	 /* Memory at SHARED_VA */
	CAP_SHARED_VIEW,
	CAP_IMAGE, /* Memory: a copy of this program, for other spaces */
	CAP_IMAGE_VIEW,
	CAP_KEEP,      /* Untyped they are made from */
	CAP_LEAF_HOME, /* Untyped: the group's leaf, of smaller depth than what the arena holds */
	CAP_SILENT,    /* Notification that nobody signals: sleep_ns */
	CAP_IRQ_SLOT,  /* for tests: Irqs and IoPorts lie only in a leaf of root's own depth */
	CAP_PORT_SLOT,
	CAP_EMPTY, /* always empty */
};
#define ARENA_LOG2 23u

#define GROUP_LEAF 1u /* root slot of the group's leaf: addresses 0x100 to 0x1ff */

/* ---- TAP --------------------------------------------------------------------------------------------------- */

/* The name that stands before the names of checks; group_begin sets it too. */
void group_name(const char *name);
/* Starts a group: its name stands before the names of its checks. */
void group_begin(const char *name);
/* Revokes the arena and checks that all of it came back. */
void group_end(void);

/* One test: `ok N - group: name`. Returns the condition. */
bool check(bool is_right, const char *name);
/* The same for an error of the kernel's; a failure tells both by name. */
bool check_error(uint64_t got, enum tessera_error wanted, const char *name);
bool check_equal(uint64_t got, uint64_t wanted, const char *name);
/* What cannot be tested here: listed, and not counted as passed. */
void skip(const char *name, const char *reason);
/* A name that is made of two: `first second`. Valid until the next call. */
const char *join(const char *first, const char *second);
/* A line of comment: `# text value`. */
void note(const char *text, uint64_t value);
/* A line of the log, without TAP; appends no newline. Keeps the message page. */
void print(const char *text);
void print_number(uint64_t value);
void print_hex(uint64_t value);
/* What the program set-up cannot do without: says so and ends the machine. */
void must(uint64_t error, const char *what);
/* Prints the plan and the exit status, and powers off. */
_Noreturn void finish(void);

/* ---- this thread ---------------------------------------------------------------------------------------- */

static inline struct msg_page *own_page(void)
{
	return (struct msg_page *)ROOT_MSG_PAGE_VA;
}

static inline const struct boot_info *boot_info(void)
{
	return (const struct boot_info *)ROOT_BOOT_INFO_VA;
}

/* The page's argument blocks. */
static inline void *page_block(void)
{
	return &own_page()->words[MSG_REGISTER_WORDS];
}

uint64_t now_ns(void);
/* Waits on a Notification that nobody signals: lower priorities run meanwhile. */
void sleep_ns(uint64_t duration_ns);

/* ---- capabilities -------------------------------------------------------------------------------------------- */

/* What cap_inspect tells of a slot. */
struct cap_facts {
	uint64_t type, rights, badge, info[3];
	enum tessera_error error;
};
struct cap_facts inspect(slot_t slot);
#define FACT_ORIGIN 0x100u
#define FACT_DESCENDANTS 0x200u
#define FACT_ANCHOR 0x400u
/* The type alone; CAP_NULL for an empty slot. */
uint32_t type_at(cap_t address);

/* A slot of the group's leaf that is empty. */
cap_t slot_new(void);
/* count of them in a row. */
cap_t slot_run(uint32_t count);
/* A new object from the arena in a new slot. */
cap_t make(enum cap_type type, uint64_t size);
/* A copy with fewer rights, a minted child, in a new slot. */
cap_t copy_of(cap_t source, uint32_t rights);
cap_t mint_of(cap_t source, uint32_t rights, uint64_t badge, uint64_t flags);
/* Deletes, and checks nothing. */
void drop(cap_t address);

/* ---- memory ---------------------------------------------------------------------------------------------------- */

/* A Memory with a View of this program's own space, mapped there read-write. */
struct mapped {
	cap_t memory, view;
	volatile uint64_t *words;
};
/* Maps a Memory of pages (new if memory is 0) at va. */
struct mapped map_here(cap_t memory, uint64_t va, uint64_t pages, uint32_t rights);

/* ---- the program's own parts ------------------------------------------------------------------------------ */

/* Sets up arena, tables and shared memory; the first thing a program does. */
void harness_start(void);
/* The registers of a native call: number, seven arguments. */
static inline struct user_regs call_regs(uint32_t operation, const uint64_t arguments[7])
{
	return (struct user_regs){
		.rax = TESSERA_SYSCALL_BASE + operation,
		.rdi = arguments[0],
		.rsi = arguments[1],
		.rdx = arguments[2],
		.r10 = arguments[3],
		.r8 = arguments[4],
		.r9 = arguments[5],
		.r12 = arguments[6],
	};
}
/* start.S */
void raw_call(struct user_regs *regs);
extern char raw_call_return[];
extern char store_all[];
struct fpu_image {
	uint64_t xmm[32];
	uint32_t mxcsr;
	uint16_t x87_control, x87_tags;
};
void fpu_fill(uint64_t marker);
void fpu_store(struct fpu_image *into);
void fpu_push(void);
void fpu_reset(void);
void avx_fill(uint64_t marker);
uint64_t avx_upper(void);
/* FS and GS base by instruction: only where the CPU has FSGSBASE. */
static inline bool has_bases(void)
{
	return (((const struct time_page *)TIME_PAGE_VA)->cpu_features & CPU_FEATURE_FSGSBASE) != 0;
}
void set_gs(uint64_t base);
uint64_t get_gs(void);
void set_fs(uint64_t base);
uint64_t get_fs(void);
void set_data_segments(uint32_t selector);
uint32_t get_data_segments(void);
