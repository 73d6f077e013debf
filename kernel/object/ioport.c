/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Port ranges: badge is the first port, data[0] their number. */
#include <cspace.h>

#include <kernel/handlers.h>

#define PORTS 0x10000u

/* Checks port and width (arguments 1 and 2) against the range. */
static enum tessera_error decode_access(const struct thread *self, const struct slot *cap)
{
	uint64_t port = ctx_arg(&self->ctx, 1), width = ctx_arg(&self->ctx, 2);

	if (width != 1 && width != 2 && width != 4)
		return E_ARG;
	if (port < cap->badge || port >= PORTS || port + width > cap->badge + cap->data[0])
		return E_RANGE;
	return E_OK;
}

enum tessera_error invoke_ioport_in(struct thread *self, struct slot *cap)
{
	enum tessera_error error = decode_access(self, cap);

	if (error != E_OK)
		return error;
	ctx_set_result(&self->ctx, 0,
		       arch_ioport_in((uint16_t)ctx_arg(&self->ctx, 1), (uint32_t)ctx_arg(&self->ctx, 2)));
	return E_OK;
}

enum tessera_error invoke_ioport_out(struct thread *self, struct slot *cap)
{
	enum tessera_error error = decode_access(self, cap);

	if (error != E_OK)
		return error;
	arch_ioport_out((uint16_t)ctx_arg(&self->ctx, 1), (uint32_t)ctx_arg(&self->ctx, 2),
			(uint32_t)ctx_arg(&self->ctx, 3));
	return E_OK;
}

enum tessera_error invoke_machine_ioport(struct thread *self, struct slot *cap, const struct slot_place *dst)
{
	uint64_t first = ctx_arg(&self->ctx, 2), count = ctx_arg(&self->ctx, 3);

	if (first >= PORTS || count == 0 || count > PORTS - first)
		return E_RANGE;
	if (!arch_ioport_allowed((uint32_t)first, (uint32_t)count))
		return E_RANGE;
	enum tessera_error error = cap_make_origin(cap, dst, slot_word(CAP_IOPORT, RIGHTS_ALL, 0, 0), first);

	if (error == E_OK)
		dst->slot->data[0] = count;
	return error;
}
