/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Time: reading it, and setting the wall clock's offset. */
#include <cspace.h>

#include <kernel/handlers.h>

enum tessera_error invoke_time_get(struct thread *self, UNUSED struct slot *cap)
{
	ctx_set_result(&self->ctx, 0, arch_time_now_ns());
	ctx_set_result(&self->ctx, 1, arch_tsc());
	return E_OK;
}

enum tessera_error invoke_clock_set_wall(struct thread *self, UNUSED struct slot *cap)
{
	arch_set_wall_offset(ctx_arg(&self->ctx, 1));
	return E_OK;
}
