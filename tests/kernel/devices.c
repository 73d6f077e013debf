/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Interrupt lines (with the RTC), port ranges, time, and what Machine, Clock and Console do. */
#include "tests.h"

#include <string.h>

#define OWN SLOT_OWN
#define RTC_LINE 8u
#define RTC_INDEX 0x70u
#define RTC_DATA 0x71u
#define RTC_A 10u
#define RTC_B 11u
#define RTC_C 12u
#define RTC_PERIODIC 0x40u

static cap_t port = CAP_PORT_SLOT, irq = CAP_IRQ_SLOT;

static void test_ports(void)
{
	uint64_t value = 0;
	cap_t other = slot_new();

	check_error(ts_machine_ioport(ROOT_CAP_MACHINE, OWN(port), RTC_INDEX, 2), E_OK,
		    "an IoPort capability");
	check(inspect(OWN(port)).info[0] == RTC_INDEX && inspect(OWN(port)).info[1] == 2, "tells its range");
	check_error(ts_machine_ioport(ROOT_CAP_MACHINE, OWN(port), RTC_INDEX, 2), E_SLOT_USED,
		    "to a used slot: E_SLOT_USED");
	check_error(ts_machine_ioport(ROOT_CAP_MACHINE, OWN(0), RTC_INDEX, 2), E_SLOT, "to no slot: E_SLOT");
	check_error(ts_machine_ioport(ROOT_CAP_MACHINE, OWN(other), 0x20, 1), E_RANGE,
		    "the PIC is the kernel's: E_RANGE");
	check_error(ts_machine_ioport(ROOT_CAP_MACHINE, OWN(other), 0x10, 0x100), E_RANGE,
		    "also inside a range: E_RANGE");
	check_error(ts_machine_ioport(ROOT_CAP_MACHINE, OWN(other), 0x43, 1), E_RANGE,
		    "so is the PIT: E_RANGE");
	check_error(ts_machine_ioport(ROOT_CAP_MACHINE, OWN(other), 0x100, 0), E_RANGE, "no port: E_RANGE");
	check_error(ts_machine_ioport(ROOT_CAP_MACHINE, OWN(other), 0xffff, 2), E_RANGE,
		    "past the last port: E_RANGE");
	check_error(ts_machine_ioport(ROOT_CAP_MACHINE, OWN(other), 0x10000, 1), E_RANGE,
		    "port 0x10000: E_RANGE");
	check_error(ts_machine_ioport(ROOT_CAP_MACHINE, OWN(other), 1, ~0ull), E_RANGE,
		    "a count that overflows: E_RANGE");
	check_error(ts_ioport_in(port, RTC_INDEX, 1, &value), E_OK, "in");
	check_error(ts_ioport_in(port, RTC_INDEX - 1, 1, &value), E_RANGE, "below the range: E_RANGE");
	check_error(ts_ioport_in(port, RTC_DATA + 1, 1, &value), E_RANGE, "above it: E_RANGE");
	check_error(ts_ioport_in(port, RTC_DATA, 2, &value), E_RANGE, "across its end: E_RANGE");
	check_error(ts_ioport_in(port, RTC_INDEX, 4, &value), E_RANGE, "wider than it: E_RANGE");
	check_error(ts_ioport_in(port, 0x10000 + RTC_INDEX, 1, &value), E_RANGE,
		    "port numbers are not cut: E_RANGE");
	check_error(ts_ioport_in(port, RTC_INDEX, 3, &value), E_ARG, "width 3: E_ARG");
	check_error(ts_ioport_out(port, RTC_INDEX, 0, 0), E_ARG, "width 0: E_ARG");
	check_error(ts_ioport_out(port, RTC_DATA + 1, 1, 0), E_RANGE, "out above the range: E_RANGE");
	check_error(ts_ioport_out(port, RTC_INDEX, 1, RTC_A), E_OK, "out");
	must(ts_ioport_in(port, RTC_DATA, 1, &value), "in");
	check((value & 0x70) == 0x20, "the RTC answers");
}

static uint64_t rtc_read(uint32_t index)
{
	uint64_t value = 0;

	(void)ts_ioport_out(port, RTC_INDEX, 1, index);
	(void)ts_ioport_in(port, RTC_DATA, 1, &value);
	return value;
}

static void rtc_write(uint32_t index, uint64_t value)
{
	(void)ts_ioport_out(port, RTC_INDEX, 1, index);
	(void)ts_ioport_out(port, RTC_DATA, 1, value);
}

static bool comes(cap_t notification, uint64_t wanted, uint64_t timeout_ns)
{
	uint64_t bits = 0;

	return ts_wait(notification, now_ns() + timeout_ns, &bits) == E_OK && bits == wanted;
}

static void test_irq_errors(void)
{
	cap_t other = slot_new(), notification = make(CAP_NOTIFICATION, 0),
	      weak = mint_of(notification, READ, 0, 0);

	check_error(ts_machine_irq(ROOT_CAP_MACHINE, OWN(irq), 24), E_RANGE, "line 24: E_RANGE");
	check_error(ts_machine_irq(ROOT_CAP_MACHINE, OWN(irq), 1ull << 32), E_RANGE, "line 2^32: E_RANGE");
	check_error(ts_machine_irq(ROOT_CAP_MACHINE, OWN(0), RTC_LINE), E_SLOT, "to no slot: E_SLOT");
	check_error(ts_machine_irq(ROOT_CAP_MACHINE, OWN(port), RTC_LINE), E_SLOT_USED,
		    "to a used slot: E_SLOT_USED");
	check_error(ts_machine_irq(ROOT_CAP_MACHINE, OWN(irq), RTC_LINE), E_OK, "an Irq capability");
	check_error(ts_machine_irq(ROOT_CAP_MACHINE, OWN(other), RTC_LINE), E_BUSY,
		    "the same line again: E_BUSY");
	check_error(ts_irq_bind(irq, CAP_EMPTY, 1), E_CAP, "bind to nothing: E_CAP");
	check_error(ts_irq_bind(irq, irq, 1), E_TYPE, "bind to an Irq: E_TYPE");
	check_error(ts_irq_bind(irq, weak, 1), E_RIGHTS, "bind to a Notification without write: E_RIGHTS");
	check_error(ts_irq_ack(irq), E_OK, "ack of a line that is not bound");
}

static void test_interrupts(void)
{
	cap_t notification = make(CAP_NOTIFICATION, 0);
	uint64_t before[6], after[6], bits;
	uint32_t count = 0;

	check_error(ts_irq_bind(irq, notification, 0x40), E_OK, "bind");
	(void)rtc_read(RTC_C);
	rtc_write(RTC_B, rtc_read(RTC_B) | RTC_PERIODIC);
	check(comes(notification, 0x40, 2000000000), "the RTC's interrupt arrives with its bits");
	(void)ts_kernel_info(ROOT_CAP_MACHINE, 1, &before[0], &before[1], &before[2], &before[3], &before[4],
			     &before[5]);
	(void)rtc_read(RTC_C);
	check(!comes(notification, 0x40, 20000000), "none comes before it is acknowledged");
	for (; count < 20; count++) {
		(void)rtc_read(RTC_C);
		(void)ts_irq_ack(irq);
		if (!comes(notification, 0x40, 2000000000))
			break;
	}
	check_equal(count, 20, "20 interrupts, each acknowledged");
	(void)ts_kernel_info(ROOT_CAP_MACHINE, 1, &after[0], &after[1], &after[2], &after[3], &after[4],
			     &after[5]);
	check(after[5] - before[5] >= 20 && after[5] - before[5] < 100, "kernel_info counts them");
	check_error(ts_irq_bind(irq, 0, 0), E_OK, "unbind");
	(void)rtc_read(RTC_C);
	(void)ts_irq_ack(irq);
	(void)ts_poll(notification, &bits);
	check(!comes(notification, 0x40, 20000000), "silences the line");
	must(ts_irq_bind(irq, notification, 0x80), "bind");
	(void)rtc_read(RTC_C);
	check(comes(notification, 0x80, 2000000000), "bound again it interrupts again, with other bits");
	drop(notification);
	(void)rtc_read(RTC_C);
	check_error(ts_irq_ack(irq), E_OK, "ack after the Notification died");
	notification = make(CAP_NOTIFICATION, 0);
	must(ts_irq_bind(irq, notification, 1), "bind");
	(void)rtc_read(RTC_C);
	check(comes(notification, 1, 2000000000), "another Notification takes its place");
	drop(irq);
	(void)rtc_read(RTC_C);
	(void)ts_poll(notification, &bits);
	check(!comes(notification, 1, 20000000), "the Irq capability is deleted: the line is silent");
	check_error(ts_machine_irq(ROOT_CAP_MACHINE, OWN(irq), RTC_LINE), E_OK, "and free");
	rtc_write(RTC_B, rtc_read(RTC_B) & ~(uint64_t)RTC_PERIODIC);
	drop(irq);
	drop(port);
}

static void test_time(void)
{
	const volatile struct time_page *clock = (const volatile struct time_page *)TIME_PAGE_VA;
	uint64_t first = 0, second = 0, tsc = 0, offset = clock->wall_offset_ns, page_ns;
	bool is_monotonic = true;

	for (uint32_t i = 0; i < 1000; i++) {
		must(ts_time_get(&second, &tsc), "time");
		is_monotonic = is_monotonic && second >= first;
		first = second;
	}
	check(is_monotonic, "time never goes back");
	must(ts_time_get(&first, &tsc), "time");
	page_ns = (uint64_t)(((unsigned __int128)(tsc - clock->tsc_base) * clock->mult) >> clock->shift);
	check(page_ns >= first && page_ns - first < 1000000, "the clock page tells the same time");
	check((clock->seq & 1) == 0, "it is not being written");
	check_error(ts_clock_set_wall(ROOT_CAP_CLOCK, 0x123456789abcdefull), E_OK, "clock_set_wall");
	check_equal(clock->wall_offset_ns, 0x123456789abcdefull, "is seen in the page at once");
	must(ts_clock_set_wall(ROOT_CAP_CLOCK, offset), "the time it was");
}

static void test_machine(void)
{
	uint64_t v[6] = {0}, w[6] = {0};

	check_error(ts_kernel_info(ROOT_CAP_MACHINE, 2, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5]), E_ARG,
		    "kernel_info 2: E_ARG");
	(void)ts_kernel_info(ROOT_CAP_MACHINE, 1, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5]);
	(void)ts_nothing();
	(void)ts_kernel_info(ROOT_CAP_MACHINE, 1, &w[0], &w[1], &w[2], &w[3], &w[4], &w[5]);
	check_equal(w[0] - v[0], 2, "kernel entries are counted exactly");
	check_error(ts_machine_power_off(ROOT_CAP_MACHINE, 2), E_ARG, "power_off 2: E_ARG");
	check_error(ts_debug_write(ROOT_CAP_CONSOLE, MSG_DATA_BYTES + 1), E_RANGE,
		    "debug_write of more than a page holds: E_RANGE");
	check_error(ts_debug_write(ROOT_CAP_CONSOLE, ~0ull), E_RANGE, "of 2^64 bytes: E_RANGE");
	check_error(ts_debug_write(ROOT_CAP_CONSOLE, 0), E_OK, "of nothing");
	memset(page_block(), ' ', MSG_DATA_BYTES);
	((char *)page_block())[0] = '#';
	((char *)page_block())[MSG_DATA_BYTES - 1] = '\n';
	check_error(ts_debug_write(ROOT_CAP_CONSOLE, MSG_DATA_BYTES), E_OK, "of the most there can be");
}

void test_devices(void)
{
	group_begin("ioport");
	test_ports();
	group_begin("irq");
	test_irq_errors();
	test_interrupts();
	group_end();
	group_begin("time");
	test_time();
	group_begin("machine");
	test_machine();
	group_end();
}
