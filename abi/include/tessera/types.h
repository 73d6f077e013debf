/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Types, limits and layouts that the kernel and user space share.
 *
 * Everything here is ABI: sizes and offsets are asserted, nothing depends on the compiler's choice of
 * padding.  Operation numbers and errors are generated from abi/operations.toml (tessera/operations.h).
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/* A capability address: (root slot << 8) | leaf slot.  0 is never a capability. */
typedef uint32_t cap_t;

/*
 * A slot designator.  High 32 bits: address of a CNode capability, low 32 bits: index in that CNode.
 * High half 0: the low half is a capability address in the caller's own CSpace.
 */
typedef uint64_t slot_t;

#define SLOT_IN(cnode, index) (((slot_t)(cnode) << 32) | (uint32_t)(index))
#define SLOT_OWN(address) ((slot_t)(address))

#define TESSERA_SYSCALL_BASE 0x7E550000u /* EAX of a native system call is this plus the operation's number */

/* Object types, as `cap_inspect` reports them and `untyped_retype` takes them. */
enum cap_type {
	CAP_NULL = 0,
	CAP_UNTYPED = 1,
	CAP_CNODE = 2,
	CAP_ENDPOINT = 3,
	CAP_REPLY = 4,
	CAP_NOTIFICATION = 5,
	CAP_THREAD = 6,
	CAP_SCHED_CONTEXT = 7,
	CAP_VSPACE = 8,
	CAP_MEMORY = 9,
	CAP_VIEW = 10,
	CAP_IRQ = 11,
	CAP_IOPORT = 12,
	CAP_DMASPACE = 13, /* reserved */
	CAP_CLOCK = 14,
	CAP_CONSOLE = 15,
	CAP_MACHINE = 16,
	CAP_TYPE_COUNT = 17,
};

/* Rights.  What each one permits on which object stands with the operations. */
#define RIGHT_READ 0x01u    /* receive, wait, copy out of a CNode, map readable */
#define RIGHT_WRITE 0x02u   /* send, signal, change a CNode's slots, map writable, change an object */
#define RIGHT_EXECUTE 0x04u /* map executable */
#define RIGHT_GRANT 0x08u   /* send capabilities through an endpoint; call (a call grants a Reply) */
#define RIGHT_REVOKE 0x10u  /* revoke what was derived */
#define RIGHTS_ALL 0x1fu

/* Mapping flags of view_map and vspace_protect: RIGHT_READ|WRITE|EXECUTE and these. */
#define MAP_UNCACHED 0x100u
#define MAP_WRITE_COMBINE 0x200u

/* sched_configure's limits, a new context's slice, and through how many calls one context is lent at most. */
#define SCHED_BUDGET_MIN_NS 10000ull
#define SCHED_BUDGET_MAX_NS 3600000000000ull
#define SCHED_SLICE_NS 10000000ull
#define SCHED_LENDING_DEPTH 8u
#define ENDPOINT_MINIMUM_MAX_NS 1000000000ull /* minimum budget of an endpoint */

/* Time: absolute nanoseconds since boot. */
#define DEADLINE_POLL 0ull
#define DEADLINE_NEVER (~0ull)

/* ------------------------------------------------------------------ messages */

#define MSG_REGISTER_WORDS 4u
#define MSG_MAX_WORDS 384u
#define MSG_MAX_CAPS 4u
#define MSG_DATA_BYTES ((MSG_MAX_WORDS - MSG_REGISTER_WORDS) * 8u) /* 3040 */

/*
 * Tag: bits 0-15 operation (in a request) or status (in a reply: 0 or a Linux errno),
 *      bits 16-31 length in words, register words included (0 to MSG_MAX_WORDS),
 *      bits 32-34 number of capabilities (0 to MSG_MAX_CAPS), bits 35-63 zero.
 */
typedef uint64_t msg_tag_t;
#define MSG_TAG(op, words, caps) \
	((msg_tag_t)(uint16_t)(op) | ((msg_tag_t)(words) << 16) | ((msg_tag_t)(caps) << 32))
#define MSG_TAG_OP(tag) ((uint16_t)(tag))
#define MSG_TAG_WORDS(tag) ((uint32_t)((tag) >> 16) & 0xffffu)
#define MSG_TAG_CAPS(tag) ((uint32_t)((tag) >> 32) & 0x7u)

/* Operations in messages that the kernel itself makes. No protocol uses numbers from 0xfff0. */
#define MSG_OP_PAGE_FAULT 0xfff0u /* w0 address, w1 error code (x86 #PF bits), w2 RIP, w3 RSP */
#define MSG_OP_EXCEPTION 0xfff1u  /* w0 vector, w1 error code, w2 RIP, w3 RSP */
#define MSG_OP_BUDGET 0xfff2u /* w0 when the context is full again (ns), w1 ns it has used, w2 RIP, w3 RSP */
#define MSG_OP_NOTICE 0xfff8u /* badge: the anchor's. Every descendant of the anchor is gone */
#define MSG_OP_SIGNAL 0xfff9u /* w0: the bits of the bound notification, cleared by this delivery */

/* Status (tag operation) with which a fault handler replies to a fault message. */
#define FAULT_RESUME 0u /* run the thread again where it was */
#define FAULT_RAISE \
	1u /* enter the personality's exception entry; without one, and for MSG_OP_BUDGET: like FAULT_HALT */
#define FAULT_HALT 2u /* leave the thread suspended */

/* How a capability in a message is handed over. */
#define XFER_CHILD 0u
#define XFER_SIBLING 1u
#define XFER_MOVE 2u

/* What arrived for each capability of a received message (received_kind). */
#define RECEIVED_NONE 0u  /* no slot was named, or the transfer failed */
#define RECEIVED_SLOT 1u  /* stands in the slot that was named */
#define RECEIVED_BADGE 2u /* it designates the endpoint it was sent to: received_badge says which */

/* Registers of a program as saved for exceptions and interruption (struct msg_page.context), and as
 * thread_set_regs and thread_read_regs take them (at words[4]). */
struct user_regs {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rip, rflags, fs_base, gs_base;
};
static_assert(sizeof(struct user_regs) == 160, "user_regs is ABI");

/* Bits of msg_page.sticky */
#define STICKY_INTERRUPT 0x1ull /* thread_interrupt came while the thread was inside the personality */
#define STICKY_EXCEPTION \
	0x2ull /* set by the kernel when it enters the exception entry; cleared by the
				   personality. A second exception while set goes to the `last resort` endpoint. */

/*
 * The message page: one page, part of the Thread object, mapped read-write in the thread's VSpace at the
 * address given to thread_configure.  The kernel reads and writes it through its own mapping.
 */
struct msg_page {
	uint64_t words[MSG_MAX_WORDS]; /* words[0..3] travel in registers; the kernel copies words[4..] */
	/* capabilities to send */
	uint64_t send_slot[MSG_MAX_CAPS]; /* slot_t */
	uint8_t send_mode[MSG_MAX_CAPS];  /* XFER_* */
	uint8_t send_rights[MSG_MAX_CAPS];
	/* capabilities to receive: slots, 0 for none; they persist over messages until changed */
	uint64_t recv_slot[MSG_MAX_CAPS]; /* slot_t */
	/* written by the kernel when a message with capabilities arrives, and for the sender when it is taken */
	uint8_t received_kind[MSG_MAX_CAPS]; /* RECEIVED_* */
	uint32_t transferred; /* sender's side: how many of its capabilities arrived (RECEIVED_SLOT) */
	uint64_t received_badge[MSG_MAX_CAPS];
	/* reflection of foreign system calls: written at entry of the syscall handler */
	uint64_t syscall_rip, syscall_rsp, syscall_rflags;
	uint64_t sticky; /* STICKY_*; set by the kernel with an atomic or */
	/* exception and interrupt entries */
	uint64_t exc_vector; /* x86 vector; 14: page fault. Interrupt entry: ~0 */
	uint64_t exc_error;
	uint64_t exc_address;
	struct user_regs context;
	uint64_t personality[80]; /* the personality's own; the kernel never touches it */
	uint64_t reserved[7];
};
static_assert(sizeof(struct msg_page) == 4096, "message page is one page");
static_assert(offsetof(struct msg_page, send_slot) == 3072, "ABI");
static_assert(offsetof(struct msg_page, recv_slot) == 3112, "ABI");
static_assert(offsetof(struct msg_page, syscall_rip) == 3184, "ABI");
static_assert(offsetof(struct msg_page, sticky) == 3208, "ABI");
static_assert(offsetof(struct msg_page, context) == 3240, "ABI");
static_assert(offsetof(struct msg_page, personality) == 3400, "ABI");

/* Argument block of thread_configure at words[4]. Capability addresses are the caller's; 0 leaves the
 * part as it is.  A thread is configured while it is suspended. */
struct thread_config {
	cap_t cspace;	/* root CNode */
	cap_t vspace;	/* VSpace */
	cap_t fault_ep; /* endpoint (with badge) for page faults, and for exceptions without a personality */
	cap_t last_ep;	/* endpoint for exceptions inside the exception entry; 0: the thread is suspended */
	uint64_t page_va; /* where the message page is mapped, page aligned, in the user half */
	uint64_t label;
	uint32_t flags;	   /* THREAD_CFG_* */
	uint32_t priority; /* 0 highest .. 255; ~0u leaves it */
	cap_t budget_ep;   /* endpoint for MSG_OP_BUDGET; 0 as long as none was given: it just waits */
	uint32_t reserved; /* 0 */
};
static_assert(sizeof(struct thread_config) == 48, "thread_config is ABI");
#define THREAD_CFG_LABEL 0x1u	   /* set the label */
#define THREAD_CFG_CLEAR_PAGE 0x2u /* zero the message page, registers and FPU state (exec) */

/* Argument block of thread_set_personality at words[4].  All addresses in the user half. syscall 0: none. */
struct personality_config {
	uint64_t syscall_entry;	       /* foreign system calls */
	uint64_t exception_entry;      /* faults answered FAULT_RAISE, and processor exceptions */
	uint64_t interrupt_entry;      /* thread_interrupt of a thread outside [start, end) */
	uint64_t start, end;	       /* the personality's code */
	uint64_t exit_start, exit_end; /* its exit sequence */
};
static_assert(sizeof(struct personality_config) == 56, "personality_config is ABI");

/* One entry of view_map_vec's vector, from words[4]. */
struct map_entry {
	uint64_t vaddr; /* page-aligned; low 12 bits: RIGHT_* and MAP_* of this page */
	uint64_t page;	/* page index in the View's Memory */
};
#define MAP_VEC_MAX ((MSG_MAX_WORDS - MSG_REGISTER_WORDS) / 2u)

/* ------------------------------------------------------------------ who holds what */

/*
 * One capability, as authority_graph tells it.  Addresses of slots and objects are physical, divided by 64.  A slot lies in the CNode whose
 * slots begin at that CNode's `object`, or, with AUTHORITY_EMBEDDED, in the Thread at slot & ~127: its CSpace, VSpace, fault and last-resort
 * endpoint, in this order.  Slots of neither are the kernel's own.  What badge and info hold:
 *   Untyped   physical base, bytes       CNode   log2 of its slots, 0        Endpoint, Notification   badge, 0
 *   Thread    label, slot of the Reply that answers it (0: none)             Memory   first frame, pages
 *   View      first address of its window, pages of it (object: its VSpace; its Memory is its parent)
 *   Irq       line, 0                    IoPort  first port, count           others: 0, 0
 */
struct authority_record {
	uint32_t slot;
	uint32_t object;
	uint16_t depth; /* in the derivation tree: 1 or more */
	uint8_t type;	/* enum cap_type; 255: the kernel's parent of all boot Untypeds */
	uint8_t rights;
	uint32_t flags; /* AUTHORITY_* */
	uint64_t badge, info;
};
static_assert(sizeof(struct authority_record) == 32, "authority_record is ABI");
#define AUTHORITY_ORIGIN 0x01u	 /* the object dies with this capability */
#define AUTHORITY_ANCHOR 0x02u	 /* minted with a drop notice */
#define AUTHORITY_DYING 0x10u	 /* its deletion has begun */
#define AUTHORITY_EMBEDDED 0x80u /* one of a Thread's own slots */
#define AUTHORITY_BATCH 80u	 /* a call stays below 5,000 instructions */

/* ------------------------------------------------------------------ clock page */

#define TIME_PAGE_VA 0x7fffffffd000ull /* mapped read-only in every VSpace that has a configured thread */

/* ns since boot = ((rdtsc - tsc_base) * mult) >> shift, 128-bit product;  wall = ns + wall_offset_ns.
 * seq is odd while the kernel writes. Source of the scheme: Linux' and Xen's pvclock, from their documentation. */
struct time_page {
	uint32_t seq;
	uint32_t shift;
	uint64_t tsc_base;
	uint64_t mult;
	uint64_t wall_offset_ns; /* Unix time at boot, from the RTC; changed by root (Clock) only */
	uint64_t tsc_hz;
	uint64_t cpu_features; /* CPU_FEATURE_* */
	uint64_t xsave_mask;   /* XCR0; 0: FXSAVE only */
	uint64_t xsave_bytes;
	uint64_t cpu_count; /* CPUs in use, numbered from 0; set once, before the first user thread */
};
#define CPU_FEATURE_FSGSBASE 0x1ull
#define CPU_FEATURE_RDRAND 0x2ull
#define CPU_FEATURE_XSAVE 0x4ull
#define CPU_FEATURE_RDSEED 0x8ull

/* ------------------------------------------------------------------ what root is started with */

#define USER_TOP 0x7ffffffff000ull /* first address that is never mapped for a user (last page of the half) */
#define PERSONALITY_BASE 0x7fff00000000ull /* program addresses end here in Linux processes */

/* Capabilities in root's leaf 0 (its CSpace root has 2^8 slots, leaf 0 has 2^8) */
#define ROOT_CAP_CNODE 1u /* its own CSpace root */
#define ROOT_CAP_VSPACE 2u
#define ROOT_CAP_THREAD 3u
#define ROOT_CAP_CLOCK 4u
#define ROOT_CAP_CONSOLE 5u
#define ROOT_CAP_MACHINE 6u
#define ROOT_CAP_ARCHIVE 7u  /* Memory: the boot archive, read and execute */
#define ROOT_CAP_LEAF 8u     /* leaf 0 itself */
#define ROOT_CAP_SCHED 9u    /* its thread's SchedContext */
#define ROOT_CAP_UNTYPED 16u /* first Untyped; see boot_info.untyped_count */
#define ROOT_MSG_PAGE_VA 0x7fffffffb000ull
#define ROOT_BOOT_INFO_VA 0x7fffffff9000ull /* struct boot_info, read-only */
#define ROOT_ARCHIVE_VA 0x600000000000ull   /* the boot archive, read-only */

#define ROOT_RANDOM_VA 0x7fffffff9038ull /* boot_info.random, for AT_RANDOM */
#define ROOT_STACK_TOP 0x7fffffff0000ull /* the stack is part of boot/root: root_image.h */
#define ROOT_STACK_BYTES 0x10000ull

#define BOOT_MAX_UNTYPED 192u
struct boot_untyped {
	uint64_t phys;
	uint8_t size_log2;
	uint8_t is_device; /* not RAM: only Memory can be made from it */
	uint8_t reserved[6];
};
#define BOOT_CMDLINE_BYTES 512u
struct boot_info {
	uint32_t magic; /* BOOT_INFO_MAGIC */
	uint32_t version;
	uint64_t archive_bytes;
	uint64_t ram_bytes;    /* RAM the machine has */
	uint64_t kernel_bytes; /* RAM the kernel keeps: image, stacks, tables, root's first objects */
	uint64_t boot_tsc;     /* TSC at the kernel's first instruction that reads it */
	uint64_t rsdp_phys;    /* ACPI RSDP, 0 if unknown */
	uint32_t untyped_count;
	uint32_t cpu_count;
	uint64_t random[2];		  /* other words at each boot; nothing to build secrets on */
	char cmdline[BOOT_CMDLINE_BYTES]; /* NUL-terminated */
	struct boot_untyped untyped[BOOT_MAX_UNTYPED];
};
#define BOOT_INFO_MAGIC 0x41525354u /* "TSRA" */
static_assert(sizeof(struct boot_info) <= 4096, "boot_info is one page");
static_assert(ROOT_RANDOM_VA == ROOT_BOOT_INFO_VA + offsetof(struct boot_info, random),
	      "AT_RANDOM of root's stack");
