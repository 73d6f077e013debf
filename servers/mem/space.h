/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Address spaces of Linux processes.
 *
 * Life: space_create or space_fork -> mappings and faults -> space_destroy, which gives back every frame, area, block and
 * kernel object.  An id is never valid again after space_destroy until 2^20 others have had its index.
 *
 * Invariant (space_check, in tests): every entry of pages lies in an area; an entry is writable only in a shared area that
 * may be written or when its frame is a RAM frame with this one reference; the kernel's tables hold nothing that is not
 * marked PAGE_MAPPED, with no more rights than space_rights says.  (After a fork that failed they may still hold the right
 * to write an exclusive frame whose entry has lost PAGE_WRITABLE.)
 */
#pragma once

#include "area.h"
#include "pages.h"
#include "port.h"

#define SPACES_MAX 2048u
#define SPACE_INDEX(id) ((id) & 0xfffu)
#define AREAS_PER_SPACE 65530u
#define SPACE_NO_LIMIT (~0ull)

/* Address layout, in pages */
#define PROGRAM_FIRST_PAGE (0x10000ull >> PAGE_SHIFT)
#define PROGRAM_END_PAGE (PERSONALITY_BASE >> PAGE_SHIFT)
#define MAPPINGS_TOP_PAGE (0x7ffeff000000ull >> PAGE_SHIFT)
#define STACK_DEFAULT_PAGES \
	(0x800000ull >> PAGE_SHIFT) /* Linux' RLIMIT_STACK, until as_limits says another */
#define STACK_GUARD_PAGES 256u	    /* kept free below a stack */

struct space {
	uint32_t id; /* index, generation << 12; 0: not in use */
	bool allow_wx;
	struct tree areas;
	struct area *last_area; /* found last, NULL: none */
	struct pages pages;
	struct port_space port;
	uint64_t personality_base; /* address */
	uint64_t mappings_top;	   /* page; gaps are searched below */
	uint64_t gap_from,
		gap_skipped; /* search for gaps begins below gap_from; above lie only gaps <= gap_skipped */
	uint64_t out_of_memory_page; /* last fault that failed for lack of memory, ~0: none */
	/* limits and what counts against them, in pages */
	uint64_t limit_virtual, limit_data, limit_stack;
	uint64_t virtual_pages, data_pages, stack_pages, text_pages;
	uint64_t faults;
};

extern uint32_t spaces_in_use;

/* A living space by its id, or by index alone; NULL: none. */
struct space *space_by_id(uint32_t id);

/*
 * A new space with the personality's image at a random base, its areas and the process page (index in procpages).
 * Linux errno: 0, ENOMEM.  A failure leaves nothing behind.
 */
int space_create(uint32_t process_page, bool allow_wx, struct space **out);
/* A copy-on-write copy of parent. is_alone: none of its threads runs meanwhile. 0, ENOMEM. */
int space_fork(struct space *parent, uint32_t process_page, bool is_alone, struct space **out);
void space_destroy(struct space *space);
/* Maps (or unmaps) a further process page for a vfork child in a thread slot. 0, EINVAL, ENOMEM. */
int space_process_page(struct space *space, uint32_t process_page, uint32_t slot, bool present);

/* Takes all pages in [start, end) away: from the kernel's tables, and their frames. Areas stay. */
void space_drop_pages(struct space *space, uint64_t start, uint64_t end);

/* ---- faults (fault.c) ---- */

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_EXECUTE };
enum fault_result {
	FAULT_DONE,
	FAULT_NO_AREA,	 /* SEGV_MAPERR */
	FAULT_FORBIDDEN, /* SEGV_ACCERR */
	FAULT_BUS,
	FAULT_NO_MEMORY,
};
/* Makes an access to a page possible. */
enum fault_result space_fault(struct space *space, uint64_t page, enum access access);
/* Whether a page of an object area could be there at all: FAULT_DONE or FAULT_BUS. */
enum fault_result space_object_state(const struct area *area, uint64_t page);
/* Rights with which an entry of an area may stand in the kernel's tables. */
uint32_t space_rights(const struct area *area, page_entry entry);
/* Puts zeroed frames (of the personality's own areas) in before they are asked for; false: no memory. */
bool space_prefault(struct space *space, uint64_t page, uint32_t count);

/* ---- requests of a process (mapping.c); Linux errno; addresses in bytes ---- */

struct map_request {
	uint64_t addr, len, offset; /* offset in bytes, of object */
	uint32_t prot, flags;	    /* Linux' */
	struct object *object;	    /* NULL: anonymous */
	bool object_may_write;
};
int space_map(struct space *space, const struct map_request *request, uint64_t *out_addr);
int space_unmap(struct space *space, uint64_t addr, uint64_t len);
int space_protect(struct space *space, uint64_t addr, uint64_t len, uint32_t prot);
int space_brk(struct space *space, uint64_t start, uint64_t old_end, uint64_t new_end);

struct remap_request {
	uint64_t old_addr, old_len, new_len, new_addr;
	uint32_t flags;
};
int space_remap(struct space *space, const struct remap_request *request, uint64_t *out_addr);
int space_advise(struct space *space, uint64_t addr, uint64_t len, uint32_t advice);
/* Pages of anonymous private memory go over to the argument area of another space. */
int space_move_pages(struct space *from, uint64_t from_addr, struct space *to, uint64_t to_addr,
		     uint32_t pages);

/* ---- access to a process's memory (access.c) ---- */

/* The bytes of a page for reading; NULL: absent. Does not make it present. */
const uint8_t *space_peek(struct space *space, uint64_t page);
/* The bytes of a page for writing, made present and the process's own; NULL: it may not be written. */
uint8_t *space_poke(struct space *space, uint64_t page);
/* Present bytes from addr on, at most len; how many. */
uint32_t space_read(struct space *space, uint64_t addr, void *to, uint32_t len);

/* Pages refused because they would have been writable and executable; for the log. */
extern uint64_t wx_refused, wx_granted;
