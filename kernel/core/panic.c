/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The report of a bug in the kernel. Runs on the kernel stack with interrupts off and touches as little as it can. */
#include <log.h>
#include <panic.h>
#include <thread.h>

NORETURN void kernel_panic(const char *reason)
{
	arch_panic_begin();
	log_text("\nKERNEL PANIC: ");
	log_text(reason);
	log_text("\n");
	arch_panic_stop();
}

void panic_log_current(void)
{
	const struct thread *current = cpu()->current;

	if (current != cpu()->idle) /* nor before there is one */
		LOG(LOG_ERROR, "while running", F("cpu", cpu()->id), F("thread", ptr_to_phys(current).raw),
		    F("label", current->label), F("state", current->state), F("ip", ctx_ip(&current->ctx)),
		    F("sp", ctx_sp(&current->ctx)));
}
