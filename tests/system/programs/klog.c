/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* syslog(2): the whole log, its last bytes only, bad sizes and pointers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/klog.h>

#define READ_ALL 3
#define LAST 100

static char all[32768], last[LAST];

static void bad(const char *what, char *buffer, int bytes)
{
	int result = klogctl(READ_ALL, buffer, bytes);
	printf("%s: %d %s\n", what, result, strerror(errno));
}

int main(void)
{
	int whole = klogctl(READ_ALL, all, sizeof(all)), part = klogctl(READ_ALL, last, LAST);
	printf("tail %d\n", whole > LAST && part == LAST && memcmp(last, all + whole - LAST, LAST) == 0);
	bad("no buffer", NULL, 10);
	bad("negative", last, -1);
	bad("unmapped", (char *)8, LAST);
	bad("read-only", (char *)main, LAST);
	return 0;
}
