/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * thread_configure: what a thread runs in.
 *
 * The capabilities named are copied into the Thread's own slots, so that it loses them when they are revoked and they
 * cannot outlive it.  Everything is looked up and checked first; the only steps that can still fail then are the two
 * mappings, which come before anything changes.
 */
#include <cspace.h>
#include <memory.h>
#include <sched.h>
#include <thread.h>

#include <kernel/handlers.h>

#define PRIORITY_KEEP (~0u)

/* What the capability in each of a Thread's own slots must be. */
static const struct {
	uint32_t type, rights;
} own_slots[THREAD_SLOT_COUNT] = {
	[THREAD_SLOT_CSPACE] = {CAP_CNODE, RIGHT_READ},
	[THREAD_SLOT_VSPACE] = {CAP_VSPACE, RIGHT_WRITE},
	[THREAD_SLOT_FAULT] = {CAP_ENDPOINT, RIGHT_WRITE | RIGHT_GRANT},
	[THREAD_SLOT_LAST] = {CAP_ENDPOINT, RIGHT_WRITE | RIGHT_GRANT},
	[THREAD_SLOT_BUDGET] = {CAP_ENDPOINT, RIGHT_WRITE | RIGHT_GRANT},
};

/* The capabilities a configuration names, by the slot they go to; NULL: as it is. */
static enum tessera_error decode_sources(const struct thread *self, const struct thread_config *config,
					 struct slot *sources[THREAD_SLOT_COUNT])
{
	const cap_t addresses[] = {config->cspace, config->vspace, config->fault_ep, config->last_ep,
				   config->budget_ep};
	enum tessera_error error = E_OK;

	for (uint32_t i = 0; error == E_OK && i < THREAD_SLOT_COUNT; i++) {
		sources[i] = NULL;
		if (addresses[i] == 0)
			continue;
		error = cap_lookup(self, addresses[i], own_slots[i].type, own_slots[i].rights, &sources[i]);
		if (error == E_OK && sources[i]->depth + 1u >= DERIVATION_MAX_DEPTH)
			error = E_DEPTH;
	}
	return error;
}

static enum tessera_error decode_values(const struct thread_config *config)
{
	if ((config->flags & ~(THREAD_CFG_LABEL | THREAD_CFG_CLEAR_PAGE)) != 0)
		return E_ARG;
	if (config->priority != PRIORITY_KEEP && config->priority >= PRIORITIES)
		return E_ARG;
	if (config->page_va % PAGE_SIZE != 0)
		return E_ALIGN;
	return config->page_va >= USER_TOP ? E_RANGE : E_OK;
}

/* Maps message page and clock page where the thread will be, and removes the message page from where it was. */
static enum tessera_error move_page(struct thread *thread, const struct slot *new_vspace, uint64_t new_va)
{
	uint64_t va = new_va != 0 ? new_va : thread->page_va;
	vspace_ref old_ref = slot_object(&thread->slots[THREAD_SLOT_VSPACE]); /* 0: none */
	vspace_ref ref = new_vspace != NULL ? slot_object(new_vspace) : old_ref;

	if (ref == old_ref && va == thread->page_va)
		return E_OK;
	if (ref != 0 && va != 0) {
		enum tessera_error error =
			vspace_map_kernel_page(ref, TIME_PAGE_VA, arch_time_page(), RIGHT_READ);

		if (error == E_OK)
			error = vspace_map_kernel_page(ref, va, thread_page_phys(thread),
						       RIGHT_READ | RIGHT_WRITE);
		if (error != E_OK)
			return error;
	}
	if (old_ref != 0 && thread->page_va != 0)
		vspace_unmap_kernel_page(old_ref, thread->page_va, thread_page_phys(thread));
	thread->page_va = va;
	return E_OK;
}

/* The slot designates that already: it stays (to empty it would unmap the message page again). */
static bool is_same_object(const struct slot *source, const struct slot *own)
{
	return slot_type(source) == slot_type(own) && slot_object(source) == slot_object(own) &&
	       source->badge == own->badge;
}

static void embed_sources(struct thread *thread, struct slot *const sources[THREAD_SLOT_COUNT])
{
	for (uint32_t i = 0; i < THREAD_SLOT_COUNT; i++) {
		if (sources[i] == NULL || is_same_object(sources[i], &thread->slots[i]))
			continue;
		cap_unembed(&thread->slots[i]);
		cap_embed(sources[i], thread, i);
	}
}

static void set_values(struct thread *thread, const struct thread_config *config)
{
	if ((config->flags & THREAD_CFG_LABEL) != 0)
		thread->label = config->label;
	if ((config->flags & THREAD_CFG_CLEAR_PAGE) != 0) {
		arch_zero_page(thread_page(thread));
		arch_context_init(&thread->ctx);
	}
	if (config->priority != PRIORITY_KEEP)
		sched_set_priority(thread, (uint8_t)config->priority);
}

enum tessera_error invoke_thread_configure(struct thread *self, struct slot *cap)
{
	struct thread *thread = thread_at(slot_object(cap));
	struct thread_config config =
		*(const struct thread_config *)&thread_page(self)->words[MSG_REGISTER_WORDS];
	struct slot *sources[THREAD_SLOT_COUNT];
	enum tessera_error error = decode_values(&config);

	if (thread->state != THREAD_SUSPENDED && !thread->is_suspended)
		return E_STATE;
	if (error == E_OK)
		error = decode_sources(self, &config, sources);
	if (error == E_OK)
		error = move_page(thread, sources[THREAD_SLOT_VSPACE], config.page_va);
	if (error != E_OK)
		return error;
	embed_sources(thread, sources);
	set_values(thread, &config);
	return E_OK;
}
