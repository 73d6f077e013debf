/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A native service's view of what root gave it: named capabilities and memory regions, options of the command line,
 * the log, capability slots, pools of Untyped, time.
 *
 * root's loader fills struct service_info (one page, read-only) before the service starts; nothing in it changes later.
 * All functions are for the service's one thread.  None blocks but log_* and service_ready (short calls to root).
 */
#pragma once

#include <stdbool.h>

#include <tessera/invoke.h>
#include <tessera/native.h>
#include <tessera/operations.h>
#include <tessera/types.h>

/* ---- address space of a service (all in the first GiB but the regions, so that few page tables are needed) ---- */
#define SERVICE_STACK_TOP 0x0ffe0000ull	  /* stack below; size from the manifest; unmapped pages below that */
#define SERVICE_MSG_PAGE_VA 0x0fff0000ull /* struct msg_page of the service's thread */
#define SERVICE_INFO_VA 0x0fffe000ull	  /* struct service_info */
#define SERVICE_HEAP_VA 0x10000000ull	  /* malloc's memory; size from the manifest */
#define SERVICE_REGION_VA 0x40000000ull	  /* regions from here on; service_region tells where each is */
#define SERVICE_FREE_VA 0x100000000000ull /* from here to USER_TOP/2 the service may map what it likes */

/* ---- capabilities every service has (addresses in its CSpace; 0x10.. : those of the manifest) ---- */
#define SERVICE_CAP_CNODE 1u	    /* its CSpace root, 2^8 slots, read and write */
#define SERVICE_CAP_VSPACE 2u	    /* write */
#define SERVICE_CAP_THREAD 3u	    /* read and write */
#define SERVICE_CAP_LEAF 4u	    /* the leaf these stand in, 2^8 slots, read and write */
#define SERVICE_CAP_LOG 5u	    /* protocol root, for log_line */
#define SERVICE_CAP_ENDPOINT 6u	    /* its own endpoint: receive, mint, send */
#define SERVICE_CAP_NOTIFICATION 7u /* bound to its thread */
#define SERVICE_CAP_UNTYPED 8u	    /* its memory for kernel objects (manifest: untyped); may be empty */
#define SERVICE_CAP_CONTROL 9u	    /* protocol root: ready, power */
#define SERVICE_CAP_REPLY 10u	    /* first slot that service_run receives Replies in */
#define SERVICE_CAP_FIRST 16u	    /* from the manifest */
#define SERVICE_FREE_LEAF \
	1u /* root slots 1.. hold leaves of 2^8 empty slots each (manifest: slots); see slot_alloc */
#define SERVICE_WAITERS_LEAF 0xe0u /* root slots 0xe0..0xef: CNode `waiters`, if given */

#define SERVICE_EXIT_VA PROCESS_EXIT_VA

#define SERVICE_INFO_MAGIC 0x56525354u /* "TSRV" */
#define SERVICE_NAME_BYTES 24u
#define SERVICE_MAX_CAPS 56u
#define SERVICE_MAX_REGIONS 12u

struct service_cap_entry {
	char name[SERVICE_NAME_BYTES];
	cap_t address;
	uint32_t count; /* consecutive addresses (ram: several Memories); 1 for most */
};

struct service_region_entry {
	char name[SERVICE_NAME_BYTES];
	uint64_t va, bytes;
	uint32_t rights; /* RIGHT_READ, RIGHT_WRITE */
	uint32_t reserved;
};

struct service_info {
	uint32_t magic;
	uint32_t number; /* of the service, 1.. */
	char name[SERVICE_NAME_BYTES];
	uint64_t heap_bytes;
	uint64_t ram_bytes;    /* of the machine */
	uint64_t kernel_bytes; /* kept by the kernel */
	uint64_t boot_bytes;   /* what root gave to services and regions, without ram and cache */
	uint32_t free_leaves;  /* leaves of 256 empty slots from root slot SERVICE_FREE_LEAF on */
	uint32_t restarts;     /* 0 at the first start */
	uint32_t cap_count, region_count;
	struct service_cap_entry caps[SERVICE_MAX_CAPS];
	struct service_region_entry regions[SERVICE_MAX_REGIONS];
	char cmdline[BOOT_CMDLINE_BYTES];
};
static_assert(sizeof(struct service_info) <= 4096, "service_info is one page");

/* The service's info page and its thread's message page. */
static inline const struct service_info *service_info(void)
{
	return (const struct service_info *)SERVICE_INFO_VA;
}

static inline struct msg_page *service_page(void)
{
	return (struct msg_page *)SERVICE_MSG_PAGE_VA;
}

/* ---- what the manifest gave (info.c) ---- */

/* Address of the capability with that name; 0 and a warning in the log if the manifest gives none. */
cap_t service_cap(const char *name);
/* The same for a run of capabilities (`ram`): *count is how many stand from the returned address on. */
cap_t service_caps(const char *name, uint32_t *count);
/* Start and size of a mapped region; NULL, size 0 and a warning if the manifest gives none. size may be NULL. */
void *service_region(const char *name, uint64_t *size);
/* Value of `key=value` on the kernel's command line ("" for a bare `key`), NULL if absent. Valid until the next call. */
const char *service_option(const char *key);
/* The same as a number, fallback if absent or no number. */
uint64_t service_option_number(const char *key, uint64_t fallback);
/* Wakes Linux thread `thread` (LABEL_THREAD of its label): bit 0 of its Notification. Nothing if it is gone. */
void service_wake(uint32_t thread);
/* Tells root that the service serves now. */
void service_ready(void);

/* ---- log (log.c): a line through root, with the service's name; the message page keeps what it holds ---- */

enum log_level { LOG_ERROR = 0, LOG_WARNING = 1, LOG_INFO = 2, LOG_DEBUG = 3, LOG_STRACE = 4 };

/* printf-like (at most 500 bytes); lines above the command line's `loglevel=` (2) are not sent. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Bytes of one finished line, without '\n'. No formatting, general registers only: safe everywhere. */
void log_bytes(enum log_level level, const char *text, uint32_t length);
/* Logs and ends the service: root reports it and does what the manifest says. */
_Noreturn void service_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- capability slots of the service's own CSpace (slots.c) ---- */

/* An empty slot's address, or 0. The caller fills it. */
cap_t slot_alloc(void);
/* count (1..256) consecutive empty slots of one leaf; 256: a whole leaf. 0: none. */
cap_t slot_alloc_run(uint32_t count);
/* Gives a slot back; it must be empty (slot_release deletes first). */
void slot_free(cap_t address);
void slot_free_run(cap_t first, uint32_t count);
/* Deletes what stands in the slot (nothing is fine) and gives it back. */
void slot_release(cap_t address);
uint32_t slot_count_free(void);

/* ---- pools of equal Untypeds (pool.c): memory that is used again object by object ---- */

struct object_pool {
	cap_t source;	    /* Untyped the pieces are cut from */
	uint32_t size_log2; /* of a piece */
	uint32_t chunk;	    /* pieces cut at a time (1..256) */
	uint32_t free_count, total;
	uint32_t capacity; /* of free_caps */
	cap_t *free_caps;
	struct object_pool *lesser; /* gets the room before an aligned piece; NULL: that room is lost */
};

/*
 * Prepares a pool; nothing is cut yet. size_log2: 6.., or 12.. bytes of a piece. lesser: the pool of the next smaller pieces (at
 * least 1/256 of these) of the same source, or NULL.
 */
void pool_init(struct object_pool *pool, cap_t source, uint32_t size_log2, uint32_t chunk,
	       struct object_pool *lesser);
/* A piece without children, ready for retype; 0 when the source or the slots are used up. */
cap_t pool_get(struct object_pool *pool);
/* Revokes (destroys) everything made from the piece and takes it back. */
void pool_put(struct object_pool *pool, cap_t piece);

/* Makes one object from an Untyped in a fresh slot; 0 on failure. size as untyped_retype. */
cap_t object_make(cap_t untyped, enum cap_type type, uint64_t size);
/* The same into a given empty slot. */
enum tessera_error object_make_at(cap_t untyped, enum cap_type type, uint64_t size, slot_t slot);

/* ---- time (time.c), from the clock page ---- */

uint64_t time_now_ns(void);		/* since boot */
uint64_t time_ticks(void);		/* the counter behind it; time_page.tsc_hz a second */
uint64_t time_ticks_ns(uint64_t ticks); /* an interval */
uint64_t time_wall_ns(void);		/* since 1970 */
