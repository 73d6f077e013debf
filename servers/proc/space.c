/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Address spaces as proc knows them: mem's number, the capabilities that came with it, which thread slots are taken.
 * A space is shared between a process and its vfork children; the last one to leave has it destroyed.
 */
#include "proc.h"

#include <errno.h>
#include <string.h>
#include <tessera/proto/mem.h>
#include <tessera/service.h>

static struct space *space_alloc(void)
{
	for (uint32_t i = 1; i < MAX_SPACES; i++) {
		struct space *s = space_at((space_ref)i);
		if (s->refs != 0)
			continue;
		memset(s, 0, sizeof(*s));
		s->mem = slot_alloc();
		s->vspace = slot_alloc();
		s->fault = slot_alloc();
		if (s->fault == 0) {
			slot_free(s->mem);
			slot_free(s->vspace);
			return NULL;
		}
		s->refs = 1;
		return s;
	}
	return NULL;
}

static void space_free(struct space *s)
{
	slot_release(s->mem);
	slot_release(s->vspace);
	slot_release(s->fault);
	s->refs = 0;
}

static void name_slots(const struct space *s)
{
	proc.page->recv_slot[0] = SLOT_OWN(s->mem);
	proc.page->recv_slot[1] = SLOT_OWN(s->vspace);
	proc.page->recv_slot[2] = SLOT_OWN(s->fault);
}

static int finish(struct space *s, int status)
{
	memset(proc.page->recv_slot, 0, sizeof(proc.page->recv_slot));
	if (status == 0)
		return 0;
	space_free(s);
	return status > 0 && status != ENOMEM ? EAGAIN : ENOMEM;
}

int space_create(process_ref page, struct space **out)
{
	struct space *s = space_alloc();
	if (s == NULL)
		return ENOMEM;
	struct mem_as_create_in in = {
		.personality_flags = proc.personality_flags, .process_page = page, .allow_wx = 1};
	struct mem_as_create_out made = {0};
	name_slots(s);
	int status = mem_as_create(proc.mem, proc.page, &in, &made);
	if (status == 0) {
		s->id = made.space;
		s->personality_base = made.personality_base;
		s->start_entry = made.start_entry;
		const char *data = mem_as_create_out_data(proc.page);
		memcpy(&s->config, data, sizeof(s->config));
		uint64_t low;
		memcpy(&low, data + sizeof(s->config), sizeof(low));
		s->is_low = low != 0;
	}
	status = finish(s, status);
	if (status == 0)
		*out = s;
	return status;
}

int space_fork(const struct space *parent, process_ref page, struct space **out)
{
	struct space *s = space_alloc();
	if (s == NULL)
		return ENOMEM;
	bool is_alone = (parent->slots_used & (parent->slots_used - 1)) == 0;
	struct mem_as_fork_in in = {.parent = parent->id, .process_page = page, .is_alone = is_alone};
	struct mem_as_fork_out made = {0};
	name_slots(s);
	int status = mem_as_fork(proc.mem, proc.page, &in, &made);
	if (status == 0) {
		s->id = made.space;
		s->is_low = made.low != 0;
		s->config = parent->config;
		s->personality_base = parent->personality_base;
		s->start_entry = parent->start_entry;
	}
	status = finish(s, status);
	if (status == 0)
		*out = s;
	return status;
}

static struct mem_as_usage_out usage_of(const struct space *s)
{
	struct mem_as_usage_in in = {.space = s->id};
	struct mem_as_usage_out out = {0};
	if (mem_as_usage(proc.mem, proc.page, &in, &out) != 0)
		out = (struct mem_as_usage_out){0};
	return out;
}

uint64_t space_resident(const struct space *s)
{
	return usage_of(s).resident_pages;
}

bool space_is_short(const struct space *s)
{
	return usage_of(s).is_short != 0;
}

bool space_memory_is_low(void)
{
	struct mem_usage_in in = {};
	struct mem_usage_out out = {0};
	return mem_usage(proc.mem, proc.page, &in, &out) == 0 && out.low != 0;
}

uint64_t space_total_pages(void)
{
	struct mem_usage_in in = {};
	struct mem_usage_out out = {0};
	return mem_usage(proc.mem, proc.page, &in, &out) == 0 ? out.pages_total : 0;
}

uint64_t space_faults(const struct space *s)
{
	return usage_of(s).faults;
}

uint64_t space_put(struct space *s, const struct process *user)
{
	if (--s->refs > 0) {
		struct mem_as_page_in in = {.space = s->id,
					    .process_page = process_index(user),
					    .thread_slot = user->main_slot,
					    .present = 0};
		struct mem_as_page_out out;
		if (user->main_slot != 0)
			(void)mem_as_page(proc.mem, proc.page, &in, &out);
		return 0;
	}
	struct mem_as_destroy_in in = {.space = s->id};
	struct mem_as_destroy_out out = {0};
	int status = mem_as_destroy(proc.mem, proc.page, &in, &out);
	if (status != 0)
		log_line(LOG_ERROR, "mem does not destroy space %u: status %d", s->id, status);
	space_free(s);
	return out.faults;
}

int space_slot_take(struct space *s, uint32_t wanted, uint32_t *slot)
{
	uint32_t first = wanted == ~0u ? 1 : wanted;
	uint32_t last = wanted == ~0u ? PROCESS_THREADS - 1 : wanted;
	for (uint32_t i = first; i <= last && i < PROCESS_THREADS; i++) {
		if (s->slots_used & (1ull << i))
			continue;
		s->slots_used |= 1ull << i;
		*slot = i;
		return 0;
	}
	return EAGAIN;
}

void space_slot_put(struct space *s, uint32_t slot)
{
	s->slots_used &= ~(1ull << slot);
}

/* A bad list or address harms nobody but its owner: mem's answer does not matter. */
void space_release_robust(const struct space *s, uint64_t head, uint32_t tid)
{
	struct mem_as_robust_in in = {.space = s->id, .head = head, .tid = tid};
	struct mem_as_robust_out out;
	(void)mem_as_robust(proc.mem, proc.page, &in, &out);
}

void space_write_word(const struct space *s, uint64_t address, uint32_t value)
{
	struct mem_as_write_word_in in = {.space = s->id, .addr = address, .value = value, .wake = 1};
	struct mem_as_write_word_out out;
	(void)mem_as_write_word(proc.mem, proc.page, &in, &out);
}

void space_set_limits(const struct space *s, uint64_t as_bytes, uint64_t data_bytes, uint64_t stack_bytes)
{
	struct mem_as_limits_in in = {
		.space = s->id, .as_bytes = as_bytes, .data_bytes = data_bytes, .stack_bytes = stack_bytes};
	struct mem_as_limits_out out;
	(void)mem_as_limits(proc.mem, proc.page, &in, &out);
}
