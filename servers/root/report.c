/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The report of a crashed service: name, cause, registers, backtrace, what it was serving; and the end of the machine.
 * The lines' form is what `./tessera symbolize` reads ("in service NAME", "rip=", "bt:").
 */
#include "root.h"

#include <stdio.h>
#include <string.h>

#include <service_status.h>
#include <tessera/labels.h>
#include <serial_region.h>

#define FRAMES_MAX 24u
#define BIT_PRESENT 1u
#define BIT_WRITE 2u
#define BIT_FETCH 16u
#define DRAIN_STEP_NS 1000000ull
#define DRAIN_STEPS 2000u

static void say_cause(const struct service *service, uint32_t operation, const uint64_t *words)
{
	const char *name = service->manifest->name;
	const char *what = words[1] & BIT_FETCH ? "executing" : words[1] & BIT_WRITE ? "writing" : "reading";

	if (operation == MSG_OP_EXCEPTION)
		say(LOG_ERROR, "crash in service %s: processor exception %lu, error code %#lx, rip=%#lx",
		    name, words[0], words[1], words[2]);
	else if (words[0] - SERVICE_EXIT_VA < 256)
		say(LOG_ERROR, "end in service %s: it left with status %lu, rip=%#lx", name,
		    (unsigned long)(words[0] - SERVICE_EXIT_VA), words[2]);
	else
		say(LOG_ERROR, "crash in service %s: page fault %s %#lx%s, rip=%#lx", name, what, words[0],
		    words[1] & BIT_PRESENT ? " (protected)" : "", words[2]);
}

static void say_registers(const struct user_regs *r)
{
	say(LOG_ERROR, "  rax=%016lx rbx=%016lx rcx=%016lx rdx=%016lx", r->rax, r->rbx, r->rcx, r->rdx);
	say(LOG_ERROR, "  rsi=%016lx rdi=%016lx rbp=%016lx rsp=%016lx", r->rsi, r->rdi, r->rbp, r->rsp);
	say(LOG_ERROR, "  r8 =%016lx r9 =%016lx r10=%016lx r11=%016lx", r->r8, r->r9, r->r10, r->r11);
	say(LOG_ERROR, "  r12=%016lx r13=%016lx r14=%016lx r15=%016lx", r->r12, r->r13, r->r14, r->r15);
}

/* Follows the frame pointers as far as they lead upwards through the service's stack. */
static void say_backtrace(const struct service *service, const struct user_regs *regs)
{
	char text[FRAMES_MAX * 12 + 32];
	uint64_t frame = regs->rbp, last = 0;
	int length = snprintf(text, sizeof(text), "  bt: %#lx", regs->rip);

	for (uint32_t i = 1; i < FRAMES_MAX && frame > last && frame % 8 == 0; i++) {
		const uint64_t *words = load_peek(service, frame, 16);

		if (!words || words[1] < service->image.low || words[1] >= service->image.high)
			break;
		length += snprintf(text + length, sizeof(text) - (size_t)length, " %#lx", words[1]);
		last = frame;
		frame = words[0];
	}
	say(LOG_ERROR, "%s", text);
}

static void say_client(const struct service *service)
{
	const struct service_status *status = load_peek(service, SERVICE_STATUS_VA, sizeof(*status));
	const struct label_table *labels = region_for_root("labels");
	uint32_t process = LABEL_PROCESS(status->label), pid = 0;
	const char *name = "?";

	if (status->label == 0)
		return;
	if (status->label & LABEL_NATIVE) {
		name = service_name((uint32_t)status->label & 0xffffu);
	} else if (labels && process < LABEL_PROCESSES) {
		pid = labels->process[process].pid;
		name = labels->process[process].name;
	}
	say(LOG_ERROR,
	    "  while serving operation %#x of %.16s (pid %u, label %#lx) through badge %#lx, request %u",
	    status->operation, name, pid, status->label, status->badge, status->requests);
}

void report_crash(const struct service *service, uint32_t operation, const uint64_t *words)
{
	const struct msg_page *page = (const struct msg_page *)ROOT_MSG_PAGE_VA;
	struct user_regs regs;
	uint64_t state = 0;

	say_cause(service, operation, words);
	if (ts_thread_read_regs(service->thread, &state) != E_OK)
		return;
	memcpy(&regs, &page->words[MSG_REGISTER_WORDS], sizeof(regs));
	say_registers(&regs);
	say_backtrace(service, &regs);
	say_client(service);
}

/* ---- the end ---- */

static bool is_output_pending(const struct serial_region *serial)
{
	for (uint32_t i = 0; serial && i < SERIAL_PORTS; i++) {
		const struct ring_shared *ring = &serial->port[i].tx;

		if (serial->port[i].is_present &&
		    *(const volatile uint32_t *)&ring->head != *(const volatile uint32_t *)&ring->tail)
			return true;
	}
	return false;
}

_Noreturn void power_down(uint32_t how)
{
	const struct serial_region *serial = region_for_root("uart");

	for (uint32_t i = 0; i < DRAIN_STEPS && is_output_pending(serial); i++)
		(void)ts_wait(ROOT_CAP_SLEEP, time_now_ns() + DRAIN_STEP_NS, NULL);
	for (;;)
		(void)ts_machine_power_off(ROOT_CAP_MACHINE, how == 1 ? 1 : 0);
}
