/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The names of the native interface that are no kernel operation of their own but a line or two over one.
 *
 * Together with tessera/invoke.h (one function an operation) this is the whole kernel interface, version 1.  Errors are those of
 * the operations named; slot_t and cap_t as in tessera/types.h.  Nothing here keeps state or blocks, but where it says so.
 */
#pragma once

#include <tessera/invoke.h>

/* ---- capabilities ------------------------------------------------------------------------------------------ */

/*
 * Hands the capability in src_slot over to dst_slot, of any CNode the caller may write, as a message hands one over: XFER_CHILD (cnode_mint),
 * XFER_SIBLING (cnode_copy), both with at most these rights; XFER_MOVE (cnode_move, rights do not count).  Else E_ARG.
 */
static inline enum tessera_error ts_cap_transfer(slot_t dst_slot, slot_t src_slot, uint32_t mode,
						 uint64_t rights)
{
	switch (mode) {
	case XFER_CHILD: return ts_cnode_mint(dst_slot, src_slot, rights, 0, 0);
	case XFER_SIBLING: return ts_cnode_copy(dst_slot, src_slot, rights);
	case XFER_MOVE: return ts_cnode_move(dst_slot, src_slot);
	default: return E_ARG;
	}
}

/* ---- memory ------------------------------------------------------------------------------------------------ */

/* A Memory of that many zeroed frames in a row, from an Untyped (untyped_retype). */
static inline enum tessera_error ts_frame_alloc(cap_t untyped, slot_t dst_slot, uint64_t pages)
{
	return ts_untyped_retype(untyped, CAP_MEMORY, pages, dst_slot, 1, 0, NULL);
}

/* Gives the frames back (cnode_delete of the Memory): its copies, sub-ranges, Views and all mappings are gone when it returns.
 * The Untyped can be used again when it has no child any more; a pool (tessera/service.h) makes that one Memory each. */
static inline enum tessera_error ts_frame_free(slot_t memory_slot)
{
	return ts_cnode_delete(memory_slot, 0);
}

/*
 * Hands the pages of a Memory over to another address space without copying: the giver loses them.  Everything derived from the Memory,
 * so each mapping of the giver's, is revoked; the whole of it is mapped at vaddr of vspace with the Memory's own rights (without execute);
 * then the Memory moves to dst_slot, and the View that maps it to the slot behind it in the same CNode, both empty and the receiver's.
 * memory: the origin, with the revoke right, else what is not derived from it stays mapped; view: an empty slot of the caller's for
 * the time between.  The receiver's CNode must be shallower than the Memory (E_DEPTH).  With an error the giver keeps the Memory, and has
 * lost the mappings.
 */
enum tessera_error ts_memory_grant(cap_t memory, cap_t view, cap_t vspace, uint64_t vaddr, slot_t dst_slot);

/* ---- threads ------------------------------------------------------------------------------------------------- */

/* Makes a Thread in the caller's empty slot `thread`, a SchedContext for it (round robin) in the empty slot behind it, and configures it
 * (untyped_retype, sched_bind, thread_configure); it is suspended: set_regs and resume start it.  page: the caller's message page.  With
 * an error both slots are as they were. */
enum tessera_error ts_thread_create(cap_t untyped, cap_t thread, struct msg_page *page,
				    const struct thread_config *config);

/* Ends a Thread for good (cnode_delete of its origin; another capability of it only disappears). Its SchedContext stays, unbound. */
static inline enum tessera_error ts_thread_destroy(slot_t thread_slot)
{
	return ts_cnode_delete(thread_slot, 0);
}

/* Lets the next thread of the same priority run. */
static inline enum tessera_error ts_thread_yield(void)
{
	return ts_yield();
}

/* Blocks until deadline_ns, absolute since boot.  silent: a Notification the caller keeps for this; a signal to it, or thread_interrupt, ends the
 * sleep early: E_INTERRUPTED. */
static inline enum tessera_error ts_thread_sleep(cap_t silent, uint64_t deadline_ns)
{
	enum tessera_error error = ts_wait(silent, deadline_ns, NULL);

	return error == E_TIMEOUT ? E_OK : error == E_OK ? E_INTERRUPTED : error;
}

/* The calling thread, named by its own capability, stops for ever.  The object stays until whoever made it destroys it. */
static inline _Noreturn void ts_thread_exit(cap_t self)
{
	for (;;)
		(void)ts_thread_suspend(self);
}

/* ---- native processes ------------------------------------------------------------------------------------------ */

/* A process is an address space, a capability space of one leaf and a Thread, all made from one Untyped that holds nothing else, so that revoking
 * that ends all of it at once.  They stand in consecutive slots of the maker's CSpace: */
enum {
	PROCESS_VSPACE,
	PROCESS_CNODE,
	PROCESS_LEAF,
	PROCESS_TABLES, /* Untyped of its page tables */
	PROCESS_THREAD,
	PROCESS_SCHED, /* of the Thread */
	PROCESS_SPARE, /* empty when process_create returns */
	PROCESS_SLOTS
};
#define PROCESS_CNODE_LOG2 4u /* root slots; slot 0 holds the leaf */
#define PROCESS_LEAF_LOG2 8u  /* slots of the leaf: addresses 0 to 255 of the process */

/*
 * Makes an empty, suspended process: the maker then attaches Memory, fills the leaf, sets registers and resumes.
 * config: priority, label and page_va; cspace and vspace are put in; fault_ep: an anchor of the endpoint for process_wait, badged, with
 * drop notice (cnode_mint, flags 1), used for nothing else.  first: of PROCESS_SLOTS empty slots of one leaf.
 * tables_log2: bytes for its page tables (12..).  With an error everything made so far is gone again.
 */
enum tessera_error ts_process_create(cap_t untyped, cap_t first, struct msg_page *page,
				     const struct thread_config *config, uint32_t tables_log2);

/* Ends a process and everything in it, whatever it is doing (cnode_revoke of its Untyped). */
static inline enum tessera_error ts_process_kill(slot_t untyped_slot)
{
	return ts_cnode_revoke(untyped_slot, 0);
}

/* A native process ends itself by a fault at this address + its status (0 to 255); nothing is ever mapped there. */
#define PROCESS_EXIT_VA 0x0dead000ull

/* How a process ended. */
enum process_end_kind {
	PROCESS_EXITED,	 /* by exit: code is its status, 0 to 255; it stands still until it is killed */
	PROCESS_FAULTED, /* code is the address or the vector of what nobody handled; likewise */
	PROCESS_KILLED,	 /* its Thread is gone */
};
struct process_end {
	uint64_t badge; /* of the fault endpoint's anchor: which process */
	enum process_end_kind kind;
	uint64_t code;
};

/*
 * Waits on the endpoint for the end of any process whose faults go there, until the deadline (recv; its errors).  reply_slot: an empty slot,
 * empty again afterwards.  A message that is no end of a process is dropped: E_STATE.
 */
enum tessera_error ts_process_wait(cap_t endpoint, cap_t reply_slot, uint64_t deadline_ns,
				   struct process_end *end);
