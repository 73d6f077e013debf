/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A service for the test of root's supervision (tests/system/test_supervisor.py): asks for what it was not given, then ends
 * in the way the option `crash=` names; after a restart it only says so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tessera/proto/root.h>
#include <tessera/service.h>

#define MAY_NOT_POWER 0u

static __attribute__((noinline)) void crash_inside(const char *how)
{
	char *allocated = malloc(100000);

	log_line(LOG_INFO, "heap %s, clock %s", allocated ? "works" : "fails",
		 time_now_ns() > 0 ? "works" : "fails");
	fprintf(stderr, "printf works: %d %s\n", 42, how);
	if (strcmp(how, "write") == 0)
		*(volatile int *)0x1234 = 1;
	if (strcmp(how, "text") == 0)
		*(volatile char *)(uintptr_t)&crash_inside = 1;
	if (strcmp(how, "jump") == 0)
		((void (*)(void))0x5678)();
	if (strcmp(how, "exception") == 0)
		__builtin_trap();
	if (strcmp(how, "abort") == 0)
		abort();
	exit(7);
}

int main(void)
{
	struct root_power_in in = {.how = MAY_NOT_POWER};
	struct root_power_out out;
	const char *how = service_option("crash");

	if (service_info()->restarts > 0) {
		log_line(LOG_INFO, "second life");
		service_ready();
		(void)ts_wait(SERVICE_CAP_NOTIFICATION, DEADLINE_NEVER, NULL);
	}
	log_line(LOG_INFO, "cap %u, region %p", service_cap("other_service"),
		 service_region("secrets", NULL));
	log_line(LOG_INFO, "power off answers %d",
		 root_power(SERVICE_CAP_CONTROL, service_page(), &in, &out));
	log_line(LOG_INFO, "control through the log answers %d",
		 root_power(SERVICE_CAP_LOG, service_page(), &in, &out));
	service_ready();
	crash_inside(how ? how : "exit");
	return 0;
}
