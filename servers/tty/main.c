/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The terminal service: opens terminals for vfs, serves open ones to Linux processes, and hears from the serial driver.
 * The unbadged endpoint speaks protocol `tty`, badged ones protocol `file`.
 */
#include "tty.h"

#include <tessera/proto/file_server.h>
#include <tessera/proto/tty_server.h>
#include <tessera/rings.h>
#include <tessera/service.h>

static int serve(struct request *rq)
{
	int status = rq->badge != 0 ? file_dispatch(rq) : tty_dispatch(rq);

	terminal_kick();
	return status;
}

static void close_badge(void *context, uint64_t badge)
{
	struct tty_file *file = file_of_badge(badge);

	(void)context;
	if (file)
		file_close(file);
	terminal_kick();
}

static void take_signal(void *context, uint64_t bits)
{
	(void)context;
	if (bits & TTY_NOTIFY_UART)
		terminals_serial_input();
	terminal_kick();
}

static uint64_t next_deadline(void *context)
{
	(void)context;
	return read_next_deadline();
}

static void timer(void *context)
{
	(void)context;
	read_timer();
}

int main(void)
{
	static const struct service_ops ops = {
		.message = serve,
		.undo = file_undo,
		.notice = close_badge,
		.signal = take_signal,
		.next_deadline = next_deadline,
		.timer = timer,
	};
	uint64_t labels_bytes = 0, pages_bytes = 0, uart_bytes = 0, ring_bytes = 0;
	const struct label_table *labels = service_region("labels", &labels_bytes);
	const struct process_page *pages = service_region("procpages", &pages_bytes);
	struct serial_region *serial = service_region("uart", &uart_bytes);
	struct upcall_ring *ring = service_region("upcalls_tty", &ring_bytes);

	if (labels_bytes < sizeof(*labels) || uart_bytes < sizeof(*serial) || ring_bytes < sizeof(*ring))
		service_fail("a region is missing or too small");
	files_init();
	jobs_init(labels, pages, (uint32_t)(pages_bytes / 4096), ring, service_cap("proc_notify"));
	terminals_init(serial, service_cap("uart_notify"));
	service_ready();
	service_run(&ops);
}
