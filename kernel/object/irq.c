/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Interrupt lines: each has at most one Irq origin and signals at most one Notification.
 *
 * A line is unmasked only while it is bound and acknowledged: the architecture masks it when it interrupts.
 */
#include <cspace.h>
#include <ipc.h>
#include <lock.h>
#include <sched.h>

#include <kernel/handlers.h>

struct irq_line {
	uint64_t bits;
	notification_ref notification; /* 0: not bound */
	uint32_t is_owned;	       /* an Irq origin exists */
};

static struct irq_line lines[ARCH_IRQ_LINES];

static void unbind(uint32_t line)
{
	arch_irq_mask(line);
	lines[line].notification = 0;
	lines[line].bits = 0;
}

void irq_unbind_notification(notification_ref ref)
{
	for (uint32_t line = 0; line < ARCH_IRQ_LINES; line++) {
		if (lines[line].notification == ref)
			unbind(line);
	}
}

void irq_destroy(const struct slot *irq)
{
	unbind((uint32_t)irq->badge);
	lines[irq->badge].is_owned = 0;
}

void kernel_irq(uint32_t line)
{
	lock_take();
	cpu()->device_irqs++;
	if (arch_irq_arrived(line) && lines[line].notification != 0)
		notification_signal_bits(lines[line].notification, lines[line].bits);
	sched_finish();
	lock_release();
}

enum tessera_error invoke_irq_bind(struct thread *self, struct slot *cap, struct slot *notification)
{
	uint32_t line = (uint32_t)cap->badge;

	if (notification == NULL) {
		unbind(line);
		return E_OK;
	}
	lines[line].notification = slot_object(notification);
	lines[line].bits = ctx_arg(&self->ctx, 2);
	arch_irq_unmask(line);
	return E_OK;
}

enum tessera_error invoke_irq_ack(UNUSED struct thread *self, struct slot *cap)
{
	if (lines[cap->badge].notification != 0)
		arch_irq_unmask((uint32_t)cap->badge);
	return E_OK;
}

enum tessera_error invoke_machine_irq(struct thread *self, struct slot *cap, const struct slot_place *dst)
{
	uint64_t line = ctx_arg(&self->ctx, 2);

	if (line >= ARCH_IRQ_LINES)
		return E_RANGE;
	if (lines[line].is_owned)
		return E_BUSY;
	enum tessera_error error = cap_make_origin(cap, dst, slot_word(CAP_IRQ, RIGHTS_ALL, 0, 0), line);

	if (error == E_OK)
		lines[line].is_owned = 1;
	return error;
}
