/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Names of the native interface that take more than a line: memory_grant, thread_create, process_create and process_wait.
 *
 * No state and no libc beyond memcpy: programs that run instead of root use them, too.  What fails halfway is undone.
 */
#include <tessera/native.h>

#include <string.h>

#define RIGHTS_MAPPED (RIGHT_READ | RIGHT_WRITE)

/* Maps the whole Memory through a new View. */
static enum tessera_error map_whole(cap_t memory, cap_t view, cap_t vspace, uint64_t vaddr)
{
	uint64_t rights = 0, pages = 0;
	enum tessera_error error = ts_cap_inspect(SLOT_OWN(memory), NULL, &rights, NULL, NULL, &pages, NULL);

	if (error == E_OK)
		error = ts_memory_attach(memory, SLOT_OWN(view), vspace, vaddr, pages,
					 rights & RIGHTS_MAPPED);
	if (error == E_OK)
		error = ts_view_map(view, vaddr, 0, pages, rights & RIGHTS_MAPPED, NULL);
	return error;
}

enum tessera_error ts_memory_grant(cap_t memory, cap_t view, cap_t vspace, uint64_t vaddr, slot_t dst_slot)
{
	enum tessera_error error = ts_cnode_revoke(SLOT_OWN(memory), 0);

	if (error == E_OK)
		error = map_whole(memory, view, vspace, vaddr);
	if (error == E_OK)
		error = ts_cnode_move(dst_slot + 1, SLOT_OWN(view));
	if (error == E_OK) {
		error = ts_cnode_move(dst_slot, SLOT_OWN(memory));
		if (error != E_OK)
			(void)ts_cnode_delete(dst_slot + 1, 0);
	} else {
		(void)ts_cnode_revoke(SLOT_OWN(memory), 0); /* the View, if it was made */
	}
	return error;
}

static enum tessera_error configure(cap_t thread, struct msg_page *page, const struct thread_config *config)
{
	memcpy(&page->words[MSG_REGISTER_WORDS], config, sizeof(*config));
	return ts_thread_configure(thread);
}

enum tessera_error ts_thread_create(cap_t untyped, cap_t thread, struct msg_page *page,
				    const struct thread_config *config)
{
	const cap_t sched = thread + 1;
	enum tessera_error error = ts_untyped_retype(untyped, CAP_THREAD, 0, SLOT_OWN(thread), 1, 0, NULL);

	if (error != E_OK)
		return error;
	error = ts_untyped_retype(untyped, CAP_SCHED_CONTEXT, 0, SLOT_OWN(sched), 1, 0, NULL);
	if (error == E_OK) {
		error = ts_sched_bind(sched, thread);
		if (error == E_OK)
			error = configure(thread, page, config);
		if (error != E_OK)
			(void)ts_cnode_delete(SLOT_OWN(sched), 0);
	}
	if (error != E_OK)
		(void)ts_cnode_delete(SLOT_OWN(thread), 0);
	return error;
}

/* ---- processes ------------------------------------------------------------------------------------------------- */

static enum tessera_error make_parts(cap_t untyped, cap_t first, uint32_t tables_log2)
{
	const struct {
		uint32_t slot, type, size;
	} parts[] = {
		{PROCESS_TABLES, CAP_UNTYPED, tables_log2},
		{PROCESS_LEAF, CAP_CNODE, PROCESS_LEAF_LOG2},
		{PROCESS_VSPACE, CAP_VSPACE, 0},
		{PROCESS_CNODE, CAP_CNODE, PROCESS_CNODE_LOG2},
	}; /* each is aligned to its size: the largest first */
	enum tessera_error error = E_OK;

	for (uint32_t i = 0; i < 4 && error == E_OK; i++)
		error = ts_untyped_retype(untyped, parts[i].type, parts[i].size,
					  SLOT_OWN(first + parts[i].slot), 1, 0, NULL);
	if (error == E_OK)
		error = ts_vspace_donate_tables(first + PROCESS_VSPACE, SLOT_OWN(first + PROCESS_TABLES));
	if (error == E_OK)
		error = ts_cnode_copy(SLOT_IN(first + PROCESS_CNODE, 0), SLOT_OWN(first + PROCESS_LEAF),
				      RIGHTS_ALL);
	return error;
}

/* The Thread keeps a sibling of the spare child of the anchor, and is then the only one that has one. */
static enum tessera_error make_thread(cap_t untyped, cap_t first, struct msg_page *page,
				      const struct thread_config *wanted)
{
	cap_t fault = first + PROCESS_SPARE;
	struct thread_config config = *wanted;
	enum tessera_error error =
		ts_cnode_mint(SLOT_OWN(fault), SLOT_OWN(wanted->fault_ep), RIGHTS_ALL, 0, 0);

	if (error != E_OK)
		return error;
	config.cspace = first + PROCESS_CNODE;
	config.vspace = first + PROCESS_VSPACE;
	config.fault_ep = fault;
	config.last_ep = fault;
	error = ts_thread_create(untyped, first + PROCESS_THREAD, page, &config);
	(void)ts_cnode_delete(SLOT_OWN(fault), 0);
	return error;
}

enum tessera_error ts_process_create(cap_t untyped, cap_t first, struct msg_page *page,
				     const struct thread_config *config, uint32_t tables_log2)
{
	enum tessera_error error = make_parts(untyped, first, tables_log2);

	if (error == E_OK)
		error = make_thread(untyped, first, page, config);
	if (error != E_OK)
		(void)ts_process_kill(SLOT_OWN(untyped));
	return error;
}

enum tessera_error ts_process_wait(cap_t endpoint, cap_t reply_slot, uint64_t deadline_ns,
				   struct process_end *end)
{
	struct ipc_msg message;
	enum tessera_error error = ts_recv(endpoint, reply_slot, &message, deadline_ns);
	struct ipc_msg halt = {.tag = MSG_TAG(FAULT_HALT, 0, 0)};

	if (error != E_OK)
		return error;
	*end = (struct process_end){.badge = message.badge, .code = message.w[0]};
	switch (MSG_TAG_OP(message.tag)) {
	case MSG_OP_NOTICE: end->kind = PROCESS_KILLED; return E_OK;
	case MSG_OP_PAGE_FAULT:
	case MSG_OP_EXCEPTION:
		end->kind = PROCESS_FAULTED;
		if (MSG_TAG_OP(message.tag) == MSG_OP_PAGE_FAULT && message.w[0] - PROCESS_EXIT_VA < 256) {
			end->kind = PROCESS_EXITED;
			end->code = message.w[0] - PROCESS_EXIT_VA;
		}
		(void)ts_reply(reply_slot, &halt);
		return E_OK;
	default: (void)ts_cnode_delete(SLOT_OWN(reply_slot), 0); return E_STATE;
	}
}
