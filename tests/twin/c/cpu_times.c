// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Processor time: loops of the program are user time, system calls system time, in getrusage, times, /proc/self/stat and what a
 * parent is told of its children.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/times.h>
#include <sys/wait.h>

#include "twin.h"

#define ENOUGH_US 200000

static long micros(struct timeval t)
{
	return t.tv_sec * 1000000L + t.tv_usec;
}

static struct rusage usage(int who)
{
	struct rusage u;
	getrusage(who, &u);
	return u;
}

static long used(struct rusage u)
{
	return micros(u.ru_utime) + micros(u.ru_stime);
}

static void compute(void)
{
	volatile unsigned sum = 0;
	for (struct rusage start = usage(RUSAGE_SELF); used(usage(RUSAGE_SELF)) - used(start) < ENOUGH_US;)
		for (int i = 0; i < 1000000; i++)
			sum += (unsigned)i;
}

static void call(void)
{
	struct stat st;
	for (struct rusage start = usage(RUSAGE_SELF); used(usage(RUSAGE_SELF)) - used(start) < ENOUGH_US;)
		for (int i = 0; i < 200; i++)
			stat("/dev/null", &st);
}

/* Fields 14 to 17 of /proc/self/stat. */
static void stat_fields(unsigned long out[4])
{
	char text[1024] = "";
	FILE *f = fopen("/proc/self/stat", "r");
	size_t length = fread(text, 1, sizeof(text) - 1, f);
	text[length] = '\0';
	fclose(f);
	sscanf(strrchr(text, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu",
	       &out[0], &out[1], &out[2], &out[3]);
}

static void child(void (*work)(void))
{
	if (fork() == 0) {
		work();
		_exit(0);
	}
	wait(NULL);
}

int main(void)
{
	struct rusage start = usage(RUSAGE_SELF);
	compute();
	struct rusage computed = usage(RUSAGE_SELF);
	printf("a loop is user time: %d\n",
	       micros(computed.ru_utime) - micros(start.ru_utime) > ENOUGH_US / 2);
	call();
	struct rusage called = usage(RUSAGE_SELF);
	printf("calls are system time: %d\n",
	       micros(called.ru_stime) - micros(computed.ru_stime) > ENOUGH_US / 4);
	struct tms t;
	times(&t);
	printf("times: user %d, system %d\n", t.tms_utime >= 8, t.tms_stime >= 4);
	printf("children: %d\n", used(usage(RUSAGE_CHILDREN)) == 0 && t.tms_cutime == 0 && t.tms_cstime == 0);
	child(compute);
	struct rusage children = usage(RUSAGE_CHILDREN);
	printf("a child's loop: %d\n", micros(children.ru_utime) > ENOUGH_US / 2);
	child(call);
	printf("a child's calls: %d\n",
	       micros(usage(RUSAGE_CHILDREN).ru_stime) - micros(children.ru_stime) > ENOUGH_US / 4);
	unsigned long fields[4] = {0};
	stat_fields(fields);
	printf("/proc/self/stat: %d %d %d %d\n", fields[0] >= 8, fields[1] >= 4, fields[2] >= 8,
	       fields[3] >= 4);
	return 0;
}
