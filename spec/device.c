/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Interrupt lines, ports, the machine, time and debug output.
 *
 * A line interrupts only while it is bound and acknowledged: it is masked when it has.
 */
#include "model.h"

#define PORTS 0x10000u
#define PIT_FIRST 0x40u /* the ports that the simulated machine's kernel uses itself */
#define PIT_COUNT 4u

static void unbind(struct spec *spec, uint64_t line)
{
	spec->irqs[line].notification = 0;
	spec->irqs[line].bits = 0;
	spec->irqs[line].is_unmasked = false;
}

void spec_irq_unbind_notification(struct spec *spec, uint64_t notification)
{
	for (uint32_t line = 0; line < SPEC_IRQ_LINES; line++) {
		if (spec->irqs[line].notification == notification)
			unbind(spec, line);
	}
}

void spec_irq_die(struct spec *spec, const struct spec_cap *irq)
{
	unbind(spec, irq->base);
	spec->irqs[irq->base].is_owned = false;
}

void spec_irq(struct spec *spec, uint32_t line)
{
	spec->irqs[line].is_unmasked = false;
	if (spec->irqs[line].notification != 0)
		spec_signal_bits(spec, spec->irqs[line].notification, spec->irqs[line].bits);
}

static enum tessera_error irq_bind(struct spec *spec, struct spec_thread *self, const struct spec_cap *cap)
{
	struct spec_cap *notification;

	if ((cap_t)spec_arg(self, 1) == 0) {
		unbind(spec, cap->base);
		return E_OK;
	}
	enum tessera_error error = spec_lookup_cap(spec, self, (cap_t)spec_arg(self, 1), CAP_NOTIFICATION,
						   RIGHT_WRITE, &notification);

	if (error == E_OK)
		spec->irqs[cap->base] =
			(struct spec_irq){true, true, notification->object, spec_arg(self, 2)};
	return error;
}

static enum tessera_error machine_irq(struct spec *spec, struct spec_thread *self, struct spec_cap *cap)
{
	uint64_t line = spec_arg(self, 2);
	struct spec_slot slot;
	struct spec_cap *made;
	enum tessera_error error = spec_lookup_empty(spec, self, spec_arg(self, 1), &slot);

	if (error == E_OK && line >= SPEC_IRQ_LINES)
		return E_RANGE;
	if (error == E_OK && spec->irqs[line].is_owned)
		return E_BUSY;
	if (error == E_OK)
		error = spec_make_origin(spec, cap, &slot, CAP_IRQ, 0, &made);
	if (error != E_OK)
		return error;
	made->base = line;
	spec->irqs[line].is_owned = true;
	return E_OK;
}

static enum tessera_error machine_ioport(struct spec *spec, struct spec_thread *self, struct spec_cap *cap)
{
	uint64_t first = spec_arg(self, 2), count = spec_arg(self, 3);
	struct spec_slot slot;
	struct spec_cap *made;
	enum tessera_error error = spec_lookup_empty(spec, self, spec_arg(self, 1), &slot);

	if (error == E_OK && (first >= PORTS || count == 0 || count > PORTS - first))
		return E_RANGE;
	if (error == E_OK && first < PIT_FIRST + PIT_COUNT && first + count > PIT_FIRST)
		return E_RANGE;
	if (error == E_OK)
		error = spec_make_origin(spec, cap, &slot, CAP_IOPORT, 0, &made);
	if (error != E_OK)
		return error;
	made->base = first;
	made->size = count;
	return E_OK;
}

static enum tessera_error ioport(struct spec *spec, struct spec_thread *self, const struct spec_cap *cap,
				 bool is_out)
{
	uint64_t port = spec_arg(self, 1), width = spec_arg(self, 2);

	if (width != 1 && width != 2 && width != 4)
		return E_ARG;
	if (port < cap->base || port >= PORTS || port + width > cap->base + cap->size)
		return E_RANGE;
	spec->last_port = port;
	if (is_out)
		spec->last_port_value = (uint32_t)spec_arg(self, 3);
	else
		spec_set_arg(self, 0, spec->port_value & ((1ull << 8 * width) - 1u));
	return E_OK;
}

/* The counters (what 1) are figures of the implementation: any values will do. */
static enum tessera_error kernel_info(struct spec_thread *self, const struct spec_hint *hint)
{
	if (spec_arg(self, 1) > 1)
		return E_ARG;
	for (unsigned int i = 0; i < 6; i++)
		spec_set_arg(self, i, hint->info[i]);
	return E_OK;
}

bool spec_device_syscall(struct spec *spec, struct spec_thread *self, uint32_t operation,
			 struct spec_cap *cap, const struct spec_hint *hint, enum tessera_error *error)
{
	*error = E_OK;
	switch (operation) {
	case OP_TIME_GET:
		spec_set_arg(self, 0, spec->now_ns);
		spec_set_arg(self, 1, hint->tsc);
		return true;
	case OP_CLOCK_SET_WALL: spec->wall_offset_ns = spec_arg(self, 1); return true;
	case OP_IRQ_BIND: *error = irq_bind(spec, self, cap); return true;
	case OP_IRQ_ACK:
		spec->irqs[cap->base].is_unmasked |= spec->irqs[cap->base].notification != 0;
		return true;
	case OP_IOPORT_IN: *error = ioport(spec, self, cap, false); return true;
	case OP_IOPORT_OUT: *error = ioport(spec, self, cap, true); return true;
	case OP_MACHINE_IRQ: *error = machine_irq(spec, self, cap); return true;
	case OP_MACHINE_IOPORT: *error = machine_ioport(spec, self, cap); return true;
	case OP_MACHINE_POWER_OFF: *error = E_ARG; return true; /* the driver never asks for 0 and 1 */
	case OP_KERNEL_INFO: *error = kernel_info(self, hint); return true;
	case OP_AUTHORITY_GRAPH: *error = spec_op_authority_graph(spec, self); return true;
	case OP_DEBUG_WRITE: *error = spec_arg(self, 1) > MSG_DATA_BYTES ? E_RANGE : E_OK; return true;
	default: return false;
	}
}
