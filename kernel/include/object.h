/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The kernel's objects and capability slots, and who may touch what.
 *
 * Objects refer to each other by index: physical address / alignment, 32 bits.  Index 0 is none.  One accessor per
 * type resolves them (slot_at, thread_at, ...), over the direct map in the kernel, over an array on the host.
 *
 * Derivation: one list of all capabilities in tree pre-order with explicit depth.  The descendants of X are the run of
 * entries behind X with a larger depth.  Insert child: behind X at depth + 1.  Insert sibling of X: before X at X's
 * depth.  Only leaves are removed.  (spec: shared design, verification-examples/mdb.h)
 */
#pragma once

#include <hal.h>

typedef uint32_t slot_ref;	   /* paddr / 64 */
typedef uint32_t thread_ref;	   /* paddr / 64 (of the Thread object, 8192-aligned) */
typedef uint32_t endpoint_ref;	   /* paddr / 64 */
typedef uint32_t notification_ref; /* paddr / 64 */
typedef uint32_t vspace_ref;	   /* paddr / 64 */
typedef uint32_t sched_ref;	   /* paddr / 64 (of a SchedContext) */

/*
 * struct slot.word:  bits 0-7 type, 8-15 rights, 16-23 SLOT_*, 24-31 generation (kept when emptied, counts up at each
 * emptying), 32-63 object index.
 */
#define SLOT_ORIGIN 0x01u /* the object dies with this capability */
#define SLOT_ANCHOR 0x02u /* minted with a drop notice */
#define SLOT_ARMED 0x04u
#define SLOT_QUEUED 0x08u   /* in the endpoint's ring of notices */
#define SLOT_DYING 0x10u    /* deletion has begun: lookups fail, the slot is not empty */
#define SLOT_CLEAN 0x20u    /* Untyped: never handed out since boot */
#define SLOT_TABLES 0x40u   /* Untyped: donated to a VSpace */
#define SLOT_EMBEDDED 0x80u /* one of a Thread's own slots: embedding_thread tells which */

/*
 * One cache line.  What data[] holds, by type:
 *   Untyped       badge: physical base   data[0]: size in bytes   data[1]: watermark in bytes   data[2]: VSpace it is donated to
 *                 detail: 1 for device memory   aux: end of what retype zeroed ahead, in pages   link_*: the VSpace's list
 *   CNode         badge: slots_log2      data[0]: deletion cursor   detail: depth of its origin   aux: slots, less one   link_next: chain of dying CNodes
 *   Endpoint, Notification   badge: badge   (anchors: link_* = ring of notices)
 *   Reply         object: the waiting Thread
 *   Memory        badge: first frame number   data[0]: pages   detail: 1 for device memory
 *   View          object: VSpace   badge: window base   data[0]: window pages   data[1]: first frame   data[2]: pages
 *                 aux: scan cursor in leaf tables   link_*: the VSpace's ring of Views
 *   Irq           badge: line       IoPort  badge: first, data[0]: count
 */
struct slot {
	uint64_t word;
	uint64_t badge;
	slot_ref next, prev; /* derivation list */
	uint16_t depth;
	uint16_t detail;
	uint32_t aux;
	uint64_t data[3];
	slot_ref link_next, link_prev;
};
static_assert(sizeof(struct slot) == 64, "a slot is one cache line");

enum thread_state {
	THREAD_SUSPENDED = 0,
	THREAD_READY = 1, /* in the run queue or running */
	THREAD_SENDING = 2,
	THREAD_RECEIVING = 3,
	THREAD_CALLING = 4, /* call was received; waits for its Reply */
	THREAD_WAITING = 5, /* on a Notification */
	THREAD_FAULTED = 6, /* fault message received; waits for its Reply. Before that: THREAD_SENDING */
	THREAD_IDLE = 7,
	THREAD_POSTPONED = 8, /* would be READY, but has no time left (its timer runs), or no context */
	THREAD_REMOTE = 9,    /* another CPU executes its call: that where the thread it is about runs */
};

/* Counts up whenever an address that led to a slot may lead there no more: a CNode capability goes or moves, a CNode begins
 * to die, a thread gets another CSpace. */
extern uint64_t cspace_generation;

#define RECV_SLOW 0u

/* Slots inside a Thread: real capabilities in the tree, deleted with it. */
enum {
	THREAD_SLOT_CSPACE,
	THREAD_SLOT_VSPACE,
	THREAD_SLOT_FAULT,
	THREAD_SLOT_LAST,
	THREAD_SLOT_BUDGET,
	THREAD_SLOT_COUNT
};

#define THREAD_BYTES 8192u
#define ENDPOINT_BYTES 4096u
#define NOTIFICATION_BYTES 64u
#define VSPACE_BYTES 8192u
#define SCHED_CONTEXT_BYTES 64u
#define PRIORITIES 256u

/*
 * A Thread object: this struct in its first page, the message page in its second.
 * Queue links: a thread is in at most one queue at a time (run queue, an endpoint's, a notification's) through
 * queue_*, and in the timer wheel through timer_*.  The thread that runs is in no queue.
 *
 * What a blocked thread sends or asked for stays in its saved registers (ctx_arg): tag 1, words 2..5, deadline 6.
 */
struct thread {
	struct slot slots[THREAD_SLOT_COUNT];
	/* hot: what the fast path reads */
	paddr_t vspace_root;   /* of the VSpace in slots[]; 0 if none */
	slot_ref cspace_first; /* the root CNode's first slot; without one, a slot that never holds a CNode */
	uint32_t cspace_mask;  /* how many it has, less one */
	/* these four bytes are read as one word by the fast path */
	uint8_t state;	      /* enum thread_state */
	uint8_t is_suspended; /* suspended while its call is still open (CALLING, FAULTED) */
	uint8_t is_fault;     /* what it sends or waits for an answer to is a fault message */
	uint8_t is_interrupted; /* thread_interrupt came while a fault or call outside the personality was open */
	slot_ref reply_slot; /* CALLING, FAULTED: the Reply that answers it; 0: none (it stands dead) */
	uint64_t label;
	uint64_t page_va;
	/* time: `context` is what it runs on, its own or one it was lent by `lender`; see sched.h */
	sched_ref own_context, context;
	thread_ref lender;     /* 0: context is its own */
	uint8_t lending_depth; /* through how many calls context was lent to it */
	uint8_t own_priority;  /* priority, below, may be higher: its caller's */
	/* the fast path's memory: where the last addresses led, while cspace_generation is the same; see own_slot.h */
	struct slot_cache {
		uint64_t generation;
		cap_t address, reply_address;
		slot_ref slot, reply_slot;
	} call_cache, recv_cache; /* while RECEIVING: recv_cache is RECV_SLOW if not by the fast path */
	/* queues */
	thread_ref queue_next, queue_prev;
	uint32_t queue_object; /* endpoint or notification it is queued at; 0: none or the run queue */
	cap_t reply_cap;       /* RECEIVING: address of the slot for the next Reply; 0: calls are not taken.
				   Resolved again at delivery, so that a deleted CNode is never written. */
	cap_t sent_cap;	       /* SENDING: the address sent through; looked up again at delivery ... */
	uint8_t sent_is_call;
	uint8_t is_queued; /* in the run queue */
	uint8_t priority;
	uint64_t sent_word;  /* ... and compared with the slot's word ... */
	uint64_t sent_badge; /* ... and badge at the time of the call */
	/* timer: timer_next is a ring, bucket ~0: not in the wheel */
	thread_ref timer_next, timer_prev;
	uint64_t timer_deadline_ns;
	uint32_t timer_bucket;
	notification_ref bound;
	/* fault message while is_fault: operation, address or vector, error code */
	uint64_t fault_op, fault_word, fault_error;
	/* personality */
	struct personality_config personality; /* syscall_entry 0: none */
	/* a preempted operation that will be executed again (restart.h) */
	uint64_t restart_key, restart_progress;
	uint64_t sent_order; /* SENDING: who has the least is taken first: priority, then a number */
	/* CPUs: where it runs or is queued, or called from; where it is made ready; in whose wheel its timeout is */
	uint8_t cpu, home, timer_cpu;
	struct arch_context ctx ALIGNED(64);
};
static_assert(sizeof(struct thread) <= 4096, "the Thread struct fits its page");
static_assert(offsetof(struct thread, slots) == 0, "a Thread's slots stand at its start");

#define SENDER_RINGS (2u * PRIORITIES)

/* An Endpoint: callers and other senders in a ring for each priority, receivers in two rings, notices through anchors. */
struct endpoint {
	thread_ref receivers;	    /* first of the ring that takes calls (reply_cap set) */
	thread_ref plain_receivers; /* first of the ring that takes only sends */
	uint64_t sender_summary;    /* bit w: sender_bits[w] is not zero */
	uint64_t minimum_tsc;	    /* what a caller must have left */
	/* the fast path reads these two as one word */
	uint32_t cpu;	  /* whose fast path may touch it: the last one that used it; see endpoint_own */
	slot_ref notices; /* first anchor of the ring of notices */
	uint64_t senders_so_far; /* that were queued: the order of equals in different rings */
	/* rings of equals: callers of priority p in p, other senders in PRIORITIES + p */
	uint64_t sender_bits[SENDER_RINGS / 64u]; /* bit r%64 of word r/64: senders[r] is not empty */
	thread_ref senders[SENDER_RINGS];
};
static_assert(sizeof(struct endpoint) <= ENDPOINT_BYTES, "an Endpoint fits a page");

struct notification {
	uint64_t word;	    /* the signals */
	thread_ref waiters; /* first of the ring of threads in wait */
	thread_ref bound;   /* the thread whose recv takes the signals too */
	uint64_t reserved[6];
};
static_assert(sizeof(struct notification) == NOTIFICATION_BYTES, "a Notification is 64 bytes");

/* Budget and period, lent along calls. All times of a context that is in use (cpu.context) lag behind: sched_charge. */
struct sched_context {
	uint64_t budget_tsc, left_tsc, consumed_tsc;
	uint64_t period_ns;   /* 0: round robin, budget_tsc is the slice */
	uint64_t refill_ns;   /* end of the period; 0: full, the period has not begun */
	uint64_t switches;    /* how often a CPU changed to it */
	thread_ref owner;     /* 0: not bound, nobody runs on it */
	thread_ref runner;    /* whom it was lent to last; the owner if nobody */
	uint32_t is_reported; /* the handler has been told that this period's budget is used up */
};
static_assert(sizeof(struct sched_context) == SCHED_CONTEXT_BYTES, "a SchedContext is one cache line");

/* Ready threads by priority: a two-level bitmap over rings of equals. The running thread is not in it. */
struct run_queue {
	uint64_t summary; /* bit w: bits[w] is not zero */
	uint64_t bits[4]; /* bit p%64 of word p/64: heads[p] is not empty */
	thread_ref heads[PRIORITIES];
	uint32_t best; /* the highest priority that is not empty (smallest number); PRIORITIES if all are */
};

/* Hierarchical timer wheel: level l, slot s holds deadlines whose highest digit (base 64) that differs from elapsed
 * is digit l, and equals s. One tick is 1024 ns. */
#define TIMER_LEVELS 9u
#define TIMER_SLOTS 64u
struct timer_wheel {
	uint64_t elapsed; /* ticks processed */
	uint64_t bits[TIMER_LEVELS];
	thread_ref heads[TIMER_LEVELS * TIMER_SLOTS];
	uint64_t armed_ns;  /* what the hardware is set to; ~0: nothing */
	uint64_t armed_tsc; /* the timer comes by then; an upper bound, ~0 if none is known */
	uint32_t cascading; /* level of the slot that is being sorted; 0: none */
};

/* One CPU's data, from the boot allocator.  The entry stubs use the first six fields; they need no more than its first page,
 * which is all that user mode's page tables hold where they are separated. */
struct cpu {
	struct cpu *self;
	struct thread *current;
	struct thread *idle;
	uint64_t kernel_stack_top;
	uint64_t entries; /* without the fast ones */
	struct arch_cpu arch;
	uint64_t slow_switches, timer_irqs;
	uint64_t fast_calls, fast_replies, device_irqs;
	struct thread *caller;	       /* whose system call is being executed */
	struct sched_context *context; /* what time is charged to */
	uint64_t context_tsc;	       /* until when it has been charged */
	struct sched_context *armed;   /* the timer comes by its end, perhaps too early; NULL: of none */
	uint32_t id;
	uint32_t reschedule; /* current blocked, or somebody else became ready: choose again */
	uint32_t elsewhere;  /* E_ELSEWHERE: on which CPU */
	uint32_t is_idling;  /* inside the idle loop, where interrupts nest */
	uint32_t work;	     /* instructions of long operations since the last restart (restart.h) */
	struct run_queue ready ALIGNED(4096);
	struct timer_wheel wheel;
	struct sched_context idle_context;
	/* what others write, under the lock: lock.h */
	uint8_t word ALIGNED(64); /* 1: inside the fast path; one word with the next three bytes */
	uint8_t word_between[2];
	uint8_t word_closed; /* WORD_CLOSED: another CPU has the kernel, or waits for it */
	uint32_t shots_wanted, shots_done;
	thread_ref remote; /* first of the ring of threads whose calls this CPU is to execute */
};

#ifndef CPUS_MAX /* the build's option cpus_max */
#define CPUS_MAX 32u
#endif
static_assert(CPUS_MAX >= 1 && CPUS_MAX <= 64, "a mask of CPUs is one word");
extern struct cpu boot_cpu;	   /* the first */
extern struct cpu *cpus[CPUS_MAX]; /* by number: cpus_used of them */
extern uint32_t cpus_used;

/* The one this runs on. */
static ALWAYS_INLINE struct cpu *cpu(void)
{
	return arch_this_cpu();
}
