/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Progress of preempted operations.  See restart.h.
 */
#include <restart.h>

#define CALL_ARGUMENTS 7u

static uint64_t call_key(const struct thread *self, uint32_t operation)
{
	uint64_t key = operation;

	for (uint32_t i = 0; i < CALL_ARGUMENTS; i++)
		key = (key ^ ctx_arg(&self->ctx, i)) * 0x9e3779b97f4a7c15ull + (key >> 29);
	return key | 1u;
}

uint64_t restart_take_slow(struct thread *self, uint32_t operation)
{
	bool is_mine = self->restart_key == call_key(self, operation);
	uint64_t progress = is_mine ? self->restart_progress : 0;

	self->restart_key = 0;
	self->restart_progress = 0;
	return progress;
}

void restart_note(struct thread *self, uint32_t operation, uint64_t progress)
{
	self->restart_key = call_key(self, operation);
	self->restart_progress = progress;
}
