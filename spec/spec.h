/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The executable specification of the kernel interface: the abstract state, and what each operation does to it.
 *
 * Written from abi/operations.toml, abi/include/tessera/types.h and the design, not from the kernel.  It shares no code
 * with the kernel, knows no pointers, queues, bitmaps or page tables: everything is a list of identifiers, searched from the
 * front.  Slow and plain on purpose.
 *
 * Identifiers.  An object is named by its physical address, which retype determines.  A capability is named by where it lies:
 * (holder, index), the holder being the CNode or Thread whose slot it is.  A Thread's own slots are its indices 0 to 4.
 *
 * Where the interface leaves the implementation a choice (how far a preempted operation has come), the specification is told
 * the choice (spec_hint) and checks that the state is then exactly what that choice allows.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <tessera/operations.h>
#include <tessera/root_image.h>
#include <tessera/types.h>

/* Room of the model, not limits of the interface; spec_has_room says whether there is enough for another operation. */
#define SPEC_CAPS 1024u
#define SPEC_ENDPOINTS 48u
#define SPEC_NOTIFICATIONS 48u
#define SPEC_THREADS 16u
#define SPEC_VSPACES 12u
#define SPEC_CONTEXTS 24u
#define SPEC_RUNS 384u
#define SPEC_TABLES 256u
#define SPEC_NOTICES 128u
#define SPEC_IRQ_LINES 24u
#define SPEC_DEPTH_MAX 64u
#define SPEC_CPUS 4u
#define SPEC_NO_CPU SPEC_CPUS

#define SPEC_PAGE 4096ull
#define SPEC_LARGE (512ull * SPEC_PAGE)
#define SPEC_RIGHTS_MAP (RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE)

/* The kernel's own slots, which no operation can name: the roots of the tree. */
#define SPEC_KERNEL_SLOTS 1ull
#define SPEC_KERNEL_TYPE 0xffu /* type of the kernel's capability of all memory */

enum {
	SPEC_SLOT_CSPACE,
	SPEC_SLOT_VSPACE,
	SPEC_SLOT_FAULT,
	SPEC_SLOT_LAST,
	SPEC_SLOT_BUDGET,
	SPEC_THREAD_SLOTS
};

/* Results beside enum tessera_error. */
#define SPEC_BLOCKED ((enum tessera_error)254)	 /* the registers are set already, or will be */
#define SPEC_PREEMPTED ((enum tessera_error)255) /* the system call will be executed again */
#define SPEC_ELSEWHERE \
	((enum tessera_error)253) /* another CPU is to execute it: the one it needs runs there */

struct spec_place {
	uint64_t holder;
	uint32_t index;
};

struct spec_cap {
	uint32_t type; /* enum cap_type; CAP_NULL: this entry of the table is free */
	uint32_t rights;
	uint64_t object; /* address; of a View its VSpace; of a Reply the waiting Thread, 0: dead */
	struct spec_place place;
	uint32_t depth; /* in the derivation tree; a Reply stands outside: 0 */
	bool is_origin, is_anchor, is_armed, is_dying;
	bool is_clean;	 /* Untyped: never handed out since boot */
	bool is_donated; /* Untyped: to the VSpace `vspace` */
	bool is_device;	 /* Untyped, Memory, View */
	uint64_t badge;	 /* Endpoint, Notification */
	/*
	 * Untyped: first byte, bytes.  CNode: depth of its origin, slots.  Memory: first frame, pages.  View: window, its pages.
	 * Irq: line.  IoPort: first, count.
	 */
	uint64_t base, size;
	uint64_t
		used; /* Untyped: bytes handed out from its start.  Dying View: bytes of its window that are done */
	uint64_t frame, frames;	   /* View: of its Memory */
	uint64_t vspace, donation; /* Untyped: where it was donated, and when */
	uint64_t
		placement; /* never the same again: who remembers it sees whether the slot was emptied in between */
};

enum spec_state {
	SPEC_SUSPENDED,
	SPEC_READY,
	SPEC_SENDING, /* a fault that nobody has received yet, too */
	SPEC_RECEIVING,
	SPEC_CALLING,
	SPEC_WAITING,
	SPEC_FAULTED,
	SPEC_POSTPONED = 8, /* would be ready, but has no time left, or no context */
	SPEC_REMOTE =
		9, /* another CPU is to execute its system call, which is about a thread that runs there */
};

struct spec_thread {
	uint64_t address; /* 0: free entry */
	uint32_t state;
	bool is_suspended; /* while its call or fault is open */
	bool is_fault, is_interrupted;
	uint32_t priority, own_priority;
	uint64_t own_context, context; /* what it uses: its own, or what it was lent ... */
	uint64_t lender;	       /* ... by this thread */
	uint32_t lending_depth;
	uint64_t label, page_va;
	bool has_vspace;
	uint64_t waits_at; /* endpoint or notification */
	cap_t reply_slot;  /* receiving: where the next Reply goes, 0: calls are not taken */
	bool sent_is_call;
	cap_t sent_cap; /* sending: the address used, of a fault the own slot's index ... */
	uint64_t sent_placement, sent_badge; /* ... and what stood there */
	uint64_t deadline_ns, wait_number;   /* DEADLINE_NEVER: none; smaller: waits longer */
	uint32_t timer_cpu;		     /* whose timer ends the wait */
	uint32_t home;			     /* the CPU on which it becomes ready */
	uint64_t bound;			     /* notification */
	uint64_t fault_op, fault_word, fault_error;
	struct personality_config personality;
	struct user_regs regs; /* rcx and r11 count only where an entry of the personality says so */
	uint64_t call_number;  /* RAX as the last system call had it */
	bool is_preempted; /* its system call was stopped on the way and goes on when it is executed again */
	uint32_t preempted_operation;
	uint64_t preempted_args[7], preempted_pages, preempted_left;
	struct msg_page page;
};

struct spec_endpoint {
	uint64_t address, minimum_ns;
	uint32_t sender_count, receiver_count, plain_count, notice_count;
	uint64_t
		senders[SPEC_THREADS]; /* in the order in which they came; the best priority is taken first */
	uint64_t receivers[SPEC_THREADS]; /* who named a slot for a Reply, in the order in which they came */
	uint64_t plain[SPEC_THREADS];	  /* receivers that take no calls */
	struct spec_place notices[SPEC_NOTICES]; /* anchors whose last descendant went, oldest first */
};

struct spec_context {
	uint64_t address;
	uint64_t budget_ns, period_ns; /* period 0: round robin, the budget is the slice */
	uint64_t left_ns, consumed_ns, switches;
	uint64_t refill_ns;	/* end of the period; 0: it has not begun */
	uint64_t owner, runner; /* threads */
	bool is_reported;	/* the handler knows that this period's budget is used up */
};

struct spec_notification {
	uint64_t address, word, bound; /* the bound Thread */
	uint32_t waiter_count;
	uint64_t waiters[SPEC_THREADS];
};

/* Mappings of consecutive pages of consecutive frames with the same attributes, as long as possible. */
struct spec_run {
	uint64_t va, pages, frame;
	uint32_t rights, cache; /* RIGHT_*, MAP_* */
	bool is_large, is_kept; /* 2 MiB pages; a page of the kernel's */
};

struct spec_vspace {
	uint64_t address;
	bool allow_wx, is_dying;
	uint32_t run_count, table_count, view_count;
	struct spec_run runs[SPEC_RUNS]; /* by address */
	uint64_t tables[SPEC_TABLES];	 /* page tables in use: first address covered | level (0 leaf to 2) */
	uint64_t pool_pages;		 /* pages it was given for tables, in use or not */
	struct spec_place views[SPEC_CAPS / 8u]; /* oldest first */
};

struct spec_irq {
	bool is_owned, is_unmasked;
	uint64_t notification, bits;
};

/* One processor: a thread that was made ready, or whose call is to be executed, is looked at in its next interrupt. */
struct spec_cpu {
	uint64_t current;	      /* the Thread that runs; 0: none, the processor waits */
	uint64_t context;	      /* what time is charged to; 0: to nothing */
	bool must_choose;	      /* the choice of the current thread is to be made again */
	uint64_t ready[SPEC_THREADS]; /* who could run, best first; without the current thread */
	uint32_t ready_count;
	uint64_t remote[SPEC_THREADS]; /* whose calls it is to execute, in the order in which they came */
	uint32_t remote_count;
};

struct spec {
	struct spec_cap caps[SPEC_CAPS];
	uint32_t cap_count; /* entries in use lie below */
	uint32_t tree
		[SPEC_CAPS]; /* the derivation tree in pre-order, children newest first: indices of caps[] */
	uint32_t tree_count;
	struct spec_endpoint endpoints[SPEC_ENDPOINTS];
	struct spec_notification notifications[SPEC_NOTIFICATIONS];
	struct spec_thread threads[SPEC_THREADS];
	struct spec_vspace vspaces[SPEC_VSPACES];
	struct spec_context contexts[SPEC_CONTEXTS];
	struct spec_irq irqs[SPEC_IRQ_LINES];
	struct spec_cpu cpus[SPEC_CPUS]; /* cpu_count of them */
	uint32_t cpu_count, here;	 /* the one that enters the kernel */
	uint64_t caller;		 /* whose system call is being executed ... */
	bool caller_is_remote;		 /* ... for another CPU */
	uint64_t now_ns, wall_offset_ns, time_page_frame;
	uint64_t last_placement, last_wait;
	uint64_t kernel_slots; /* address of the kernel's own slots */
	uint64_t tree_changes,
		reader_changes; /* how often the tree has changed; when authority_graph began */
	uint64_t reader_next;	/* and how far it is */
	uint64_t port_value, last_port, last_port_value; /* the simulated device behind all ports */
};

/* What the implementation chose where it may choose. */
struct spec_hint {
	bool is_preempted;     /* the operation was stopped on the way ... */
	uint64_t pages;	       /* ... after so many pages or slots */
	uint64_t tsc, info[6]; /* facts of the machine: time_get, kernel_info */
};

/* ---- operations ---------------------------------------------------------------------------------------- */

/*
 * All of them happen on the CPU `here`.  At the end of each, spec_choose says for a CPU who runs on it then; for other CPUs than
 * this one, whose state it may have changed, at the latest at the end of spec_interrupted there.
 */
void spec_choose(struct spec *spec, uint32_t cpu);

/* The current thread executes a native system call; its registers hold the arguments. */
void spec_syscall(struct spec *spec, uint32_t operation, const struct spec_hint *hint);
/* It executes any other system call. */
void spec_foreign_syscall(struct spec *spec);
void spec_page_fault(struct spec *spec, uint64_t address, uint64_t error_code);
void spec_exception(struct spec *spec, uint64_t vector, uint64_t error_code);
/* A device interrupts. */
void spec_irq(struct spec *spec, uint32_t line);
/* Time goes on, without anything happening. */
void spec_time_passes(struct spec *spec, uint64_t now_ns);
/* Another CPU interrupts: the first call that this one is to execute for another thread; false: there is none. */
bool spec_remote_call(struct spec *spec, const struct spec_hint *hint);
/* The timer interrupt: the first deadlines that have passed, so many; the next interrupt comes at once if there are more. */
void spec_timer(struct spec *spec, uint32_t deadlines);
/* Whether one has to come now. */
bool spec_timer_is_due(struct spec *spec);
/* Where a Thread runs; SPEC_NO_CPU: nowhere. */
uint32_t spec_runs_on(const struct spec *spec, uint64_t thread);

/*
 * Deletion, one small step at a time: between any two of them an implementation may stop and return E_MORE or let the call be
 * executed again.  False: nothing was left to do.
 */
bool spec_deletion_step(struct spec *spec, struct spec_place top, bool is_whole);
/* Decodes delete or revoke of the thread `caller`. E_OK: *top and *is_whole say what is to go; a deleted one is dying now. */
enum tessera_error spec_deletion_begin(struct spec *spec, uint64_t caller, uint32_t operation,
				       struct spec_place *top, bool *is_whole);
/* Where the thread runs that stands in the way of the next step; SPEC_NO_CPU: nothing does. */
uint32_t spec_deletion_needs(struct spec *spec, struct spec_place top, bool is_whole);
/* A View whose deletion was stopped: the implementation will not look again at so much of its window. False: it should. */
bool spec_view_has_passed(struct spec *spec, struct spec_place view, uint64_t bytes);
/* The call ends with this result; top as it was given (SPEC_PREEMPTED, SPEC_ELSEWHERE: it goes on there). */
void spec_deletion_end(struct spec *spec, enum tessera_error error, struct spec_place top);

/* Whether there is room in the model for an operation that makes so many things. */
bool spec_has_room(const struct spec *spec, uint32_t things);

/* ---- boot: boot.c ------------------------------------------------------------------------------------------ */

struct spec_range {
	uint64_t start, end;
};

#define SPEC_RANGES 16u
/* The machine as the kernel finds it, and what the kernel told root. */
struct spec_boot {
	struct spec_range ram[SPEC_RANGES], device[SPEC_RANGES]; /* RAM: whole pages, sorted, disjoint */
	uint32_t ram_count, device_count;
	uint32_t source; /* the range of RAM from which the kernel takes */
	const unsigned char *archive;
	uint64_t archive_bytes, archive_start; /* its physical address */
	uint64_t image_bytes;		       /* what the kernel has beside that */
	const struct boot_info *info;
};

enum spec_refusal {
	SPEC_STARTED,	      /* none */
	SPEC_REFUSED_ARCHIVE, /* does not begin with a good boot/root */
	SPEC_REFUSED_MAPPING, /* root's pages do not lie in the user half, or two at one address */
	SPEC_REFUSED_ENTRY,   /* root does not start in the user half */
	SPEC_REFUSED_SIZE     /* root is larger than that range */
};

/* Whether the machine may be refused for that reason (SPEC_STARTED: whether root may start). */
bool spec_boot_may_refuse(const struct spec_boot *given, enum spec_refusal refusal);
/* NULL: root starts in the state in which it should; else what is wrong. */
const char *spec_boot_problem(struct spec *state, const struct spec_boot *given);
/* Root's image in the archive; false: there is none that is good. */
bool spec_boot_image(const struct spec_boot *given, struct root_image *image);
/* The mapping at an address, and its frame there; NULL: none. */
const struct spec_run *spec_boot_mapping(const struct spec_vspace *vspace, uint64_t va, uint64_t *frame);

/* ---- lookups, for the operations and for who drives them ------------------------------------------------- */

/* The capability at a place; NULL: the slot is empty. */
struct spec_cap *spec_cap_at(struct spec *spec, struct spec_place place);
struct spec_thread *spec_thread_of(struct spec *spec, uint64_t address);
struct spec_endpoint *spec_endpoint_of(struct spec *spec, uint64_t address);
struct spec_notification *spec_notification_of(struct spec *spec, uint64_t address);
struct spec_context *spec_context_of(struct spec *spec, uint64_t address);
struct spec_vspace *spec_vspace_of(struct spec *spec, uint64_t address);
/* The CPU that enters the kernel. */
static inline struct spec_cpu *spec_here(struct spec *spec)
{
	return &spec->cpus[spec->here];
}
/* Argument i of a thread's system call. */
uint64_t spec_arg(const struct spec_thread *thread, unsigned int i);
void spec_set_arg(struct spec_thread *thread, unsigned int i, uint64_t value);
