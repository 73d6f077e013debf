/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The 16550 driver: COM1 and, if there is one, COM2.  It serves no requests: it waits for its Notification (interrupts
 * and tty's signal) and keeps nothing that the rings and the chip do not hold, so it can be restarted at any time.
 */
#include <ring.h>
#include <tessera/rings.h>
#include <tessera/service.h>

#include "uart.h"

struct device {
	cap_t ports, irq;
	uint32_t first;
	bool is_used;
	struct uart uart;
};

#define CRASHES_MAX 60u /* of the option uart_crash: less than the manifest's max_restarts */

static struct device devices[SERIAL_PORTS];
static cap_t tty_notify;
static uint64_t accesses_left; /* until the crash that the option uart_crash asks for; 0: none */

/*
 * The option uart_crash=N, for the test of restarts: a wild write before a register access, a different one in each life
 * (at most N accesses later), so that every place between two accesses is met.
 */
static void prepare_crash(void)
{
	uint64_t most = service_option_number("uart_crash", 0), life = service_info()->restarts;

	if (most > 0 && life < CRASHES_MAX)
		accesses_left = 1 + (most - 1) * (life * 37 % CRASHES_MAX) / CRASHES_MAX;
}

static void count_access(void)
{
	if (accesses_left == 0)
		return;
	accesses_left--;
	if (accesses_left == 0)
		*(volatile int *)0x1234 = 1;
}

static uint8_t read_register(void *context, uint32_t reg)
{
	struct device *device = context;
	uint64_t value = 0xff;

	count_access();
	(void)ts_ioport_in(device->ports, device->first + reg, 1, &value);
	return (uint8_t)value;
}

static void write_register(void *context, uint32_t reg, uint8_t value)
{
	struct device *device = context;

	count_access();
	(void)ts_ioport_out(device->ports, device->first + reg, 1, value);
}

static void start(struct device *device, struct serial_port *port, const char *ports, const char *irq,
		  uint32_t first)
{
	device->first = first;
	device->ports = service_cap(ports);
	device->irq = service_cap(irq);
	device->uart = (struct uart){
		.shared = port, .read = read_register, .write = write_register, .device = device};
	if (device->ports == 0 || device->irq == 0 || !uart_init(&device->uart))
		return;
	if (ts_irq_bind(device->irq, SERVICE_CAP_NOTIFICATION, UART_NOTIFY_IRQ) != E_OK)
		service_fail("cannot bind the interrupt of port %#x", first);
	(void)ts_irq_ack(device->irq);
	device->is_used = true;
}

/* Serves both ports until nothing is left to do, then lets the lines interrupt again. */
static void serve(void)
{
	bool has_moved = false;

	for (uint32_t i = 0; i < SERIAL_PORTS; i++) {
		if (!devices[i].is_used)
			continue;
		has_moved |= uart_service(&devices[i].uart);
		(void)ts_irq_ack(devices[i].irq);
	}
	if (has_moved)
		(void)ts_signal(tty_notify, TTY_NOTIFY_UART);
}

int main(void)
{
	uint64_t bytes = 0;
	struct serial_region *region = service_region("uart", &bytes);

	tty_notify = service_cap("tty_notify");
	if (!region || bytes < sizeof(*region))
		service_fail("region `uart` is missing or too small");
	prepare_crash();
	start(&devices[0], &region->port[0], "port_com1", "irq_com1", 0x3f8);
	start(&devices[1], &region->port[1], "port_com2", "irq_com2", 0x2f8);
	log_line(LOG_INFO, "COM1 %s, COM2 %s", devices[0].is_used ? "found" : "absent",
		 devices[1].is_used ? "found" : "absent");
	service_ready();
	(void)ts_signal(tty_notify,
			TTY_NOTIFY_UART); /* an instance before this one may have died before it could */
	for (;;) {
		serve();
		(void)ts_wait(SERVICE_CAP_NOTIFICATION, DEADLINE_NEVER, NULL);
	}
}
