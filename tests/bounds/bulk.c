/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Many threads and much memory for the worst cases.  See bulk.h.
 */
#include "bulk.h"

#include <string.h>

#define PAGES_VA 0x210000000ull /* message pages of bulk threads */

extern char bulk_call[];

/* Slots of leaf 0, whose depth lets Untypeds lie there: the whole, and a child of it, so that what is made from that is
 * deep enough for the group's leaf. */
enum { WHOLE = 236, INNER };

cap_t bulk_untyped(uint32_t log2)
{
	uint64_t error = E_NO_MEMORY;

	drop(WHOLE);
	drop(INNER);
	for (cap_t from = ROOT_CAP_UNTYPED; error != E_OK && from < WHOLE; from++)
		error = ts_untyped_retype(from, CAP_UNTYPED, log2, OWN(WHOLE), 1, 0, 0);
	must(error, "a large Untyped");
	must(ts_untyped_retype(WHOLE, CAP_UNTYPED, log2, OWN(INNER), 1, 0, 0), "a child of it");
	return INNER;
}

void bulk_free(cap_t untyped)
{
	(void)untyped;
	must(ts_cnode_delete(OWN(WHOLE), 0), "the large Untyped goes");
}

cap_t bulk_threads(cap_t untyped)
{
	cap_t cnode = slot_new(), home = slot_new(), times = slot_new();

	must(ts_untyped_retype(untyped, CAP_CNODE, 8, OWN(cnode), 1, 0, 0), "a CNode for threads");
	must(ts_untyped_retype(untyped, CAP_UNTYPED, 22, OWN(home), 1, 0, 0), "memory for threads");
	must(ts_untyped_retype(home, CAP_THREAD, 0, SLOT_IN(cnode, 0), BULK, 0, 0), "threads");
	must(ts_cnode_copy(SLOT_IN(ROOT_CAP_CNODE, BULK_LEAF + 1u), OWN(cnode), ALL),
	     "their CNode as a leaf");
	must(ts_untyped_retype(untyped, CAP_CNODE, 8, OWN(times), 1, 0, 0), "a CNode for their time");
	must(ts_untyped_retype(home, CAP_SCHED_CONTEXT, 0, SLOT_IN(times, 0), BULK, 0, 0), "their time");
	must(ts_cnode_copy(SLOT_IN(ROOT_CAP_CNODE, BULK_LEAF + 2u), OWN(times), ALL),
	     "their time's CNode as a leaf");
	for (uint32_t i = 0; i < BULK; i++)
		must(ts_sched_bind(((BULK_LEAF + 2u) << 8) + i, ((BULK_LEAF + 1u) << 8) + i),
		     "a bulk thread's time");
	return (BULK_LEAF + 1u) << 8;
}

void bulk_start(cap_t threads, uint32_t i, uint32_t priority, uint32_t operation, const uint64_t arguments[7])
{
	struct user_regs regs = call_regs(operation, arguments);

	regs.rip = (uint64_t)bulk_call;
	regs.rsp = SHARED_VA;
	*(struct thread_config *)page_block() = (struct thread_config){
		.cspace = ROOT_CAP_CNODE,
		.vspace = ROOT_CAP_VSPACE,
		.page_va = PAGES_VA + i * PAGE_BYTES,
		.label = LABEL(i),
		.flags = THREAD_CFG_LABEL,
		.priority = priority,
	};
	must(ts_thread_configure(threads + i), "a bulk thread's configuration");
	bare_start(threads + i, &regs, 2);
}

cap_t bulk_leaf(cap_t untyped)
{
	cap_t cnode = slot_new();

	must(ts_untyped_retype(untyped, CAP_CNODE, 8, OWN(cnode), 1, 0, 0), "a leaf");
	must(ts_cnode_copy(SLOT_IN(ROOT_CAP_CNODE, BULK_LEAF), OWN(cnode), ALL), "in its place");
	return cnode;
}
