/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * thread_configure: the capabilities named go into the Thread's own slots; its message page, and the clock page, are mapped where
 * it will run.
 */
#include "model.h"

#define PRIORITY_KEEP (~0u)

static enum tessera_error decode_source(struct spec *spec, const struct spec_thread *self, cap_t address,
					uint32_t type, uint32_t rights, struct spec_cap **out)
{
	*out = NULL;
	if (address == 0)
		return E_OK;
	enum tessera_error error = spec_lookup_cap(spec, self, address, type, rights, out);

	return error == E_OK && (*out)->depth + 1u >= SPEC_DEPTH_MAX ? E_DEPTH : error;
}

static enum tessera_error decode_values(const struct thread_config *config)
{
	if ((config->flags & ~(THREAD_CFG_LABEL | THREAD_CFG_CLEAR_PAGE)) != 0 ||
	    (config->priority != PRIORITY_KEEP && config->priority > 255))
		return E_ARG;
	if (config->page_va % SPEC_PAGE != 0)
		return E_ALIGN;
	return config->page_va >= USER_TOP ? E_RANGE : E_OK;
}

static uint64_t vspace_of(struct spec *spec, const struct spec_thread *thread)
{
	const struct spec_cap *cap =
		spec_cap_at(spec, (struct spec_place){thread->address, SPEC_SLOT_VSPACE});

	return cap != NULL ? cap->object : 0;
}

/* The message page moves to where the thread will be; the clock page is there, too. */
static enum tessera_error move_page(struct spec *spec, struct spec_thread *thread,
				    const struct spec_cap *new_space, uint64_t new_va)
{
	uint64_t old = vspace_of(spec, thread), space = new_space != NULL ? new_space->object : old;
	uint64_t va = new_va != 0 ? new_va : thread->page_va, frame = thread->address / SPEC_PAGE + 1u;
	bool is_moving = space != old || va != thread->page_va;

	if (is_moving && space != 0 && va != 0) {
		enum tessera_error error =
			spec_map_kernel_page(spec, space, TIME_PAGE_VA, spec->time_page_frame, RIGHT_READ);

		if (error == E_OK)
			error = spec_map_kernel_page(spec, space, va, frame, RIGHT_READ | RIGHT_WRITE);
		if (error != E_OK)
			return error;
	}
	if (is_moving && old != 0 && thread->page_va != 0)
		spec_unmap_kernel_page(spec, old, thread->page_va, frame);
	thread->page_va = va;
	return E_OK;
}

static enum tessera_error embed_source(struct spec *spec, struct spec_thread *thread, uint32_t index,
				       struct spec_cap *source)
{
	struct spec_place place = {thread->address, index};
	const struct spec_cap *old = spec_cap_at(spec, place);

	if (source == NULL || (old != NULL && old->object == source->object && old->badge == source->badge))
		return E_OK;
	spec_unembed(spec, place);
	return spec_embed(spec, source, place);
}

static void set_values(struct spec *spec, struct spec_thread *thread, const struct thread_config *config)
{
	if ((config->flags & THREAD_CFG_LABEL) != 0)
		thread->label = config->label;
	if ((config->flags & THREAD_CFG_CLEAR_PAGE) != 0) {
		thread->page = (struct msg_page){0};
		thread->regs = (struct user_regs){.rflags = 0x202};
	}
	if (config->priority != PRIORITY_KEEP)
		spec_sched_set_priority(spec, thread, config->priority);
}

enum tessera_error spec_op_thread_configure(struct spec *spec, struct spec_thread *self, struct spec_cap *cap)
{
	static const uint32_t types[SPEC_THREAD_SLOTS] = {CAP_CNODE, CAP_VSPACE, CAP_ENDPOINT, CAP_ENDPOINT,
							  CAP_ENDPOINT};
	static const uint32_t rights[SPEC_THREAD_SLOTS] = {RIGHT_READ, RIGHT_WRITE, RIGHT_WRITE | RIGHT_GRANT,
							   RIGHT_WRITE | RIGHT_GRANT,
							   RIGHT_WRITE | RIGHT_GRANT};
	struct thread_config config = *(const struct thread_config *)&self->page.words[MSG_REGISTER_WORDS];
	const cap_t addresses[SPEC_THREAD_SLOTS] = {config.cspace, config.vspace, config.fault_ep,
						    config.last_ep, config.budget_ep};
	struct spec_thread *thread = spec_thread_of(spec, cap->object);
	struct spec_cap *sources[SPEC_THREAD_SLOTS];

	if (!spec_is_stopped(thread))
		return E_STATE;
	enum tessera_error error = decode_values(&config);

	for (uint32_t i = 0; error == E_OK && i < SPEC_THREAD_SLOTS; i++)
		error = decode_source(spec, self, addresses[i], types[i], rights[i], &sources[i]);
	if (error == E_OK)
		error = move_page(spec, thread, sources[SPEC_SLOT_VSPACE], config.page_va);
	for (uint32_t i = 0; error == E_OK && i < SPEC_THREAD_SLOTS; i++)
		error = embed_source(spec, thread, i, sources[i]);
	if (error != E_OK)
		return error;
	if (sources[SPEC_SLOT_VSPACE] != NULL)
		thread->has_vspace = true;
	set_values(spec, thread, &config);
	return E_OK;
}
