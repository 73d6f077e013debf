/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Linux system calls with random numbers and arguments, many of them wild pointers, by an unprivileged user, whose
 * processes some of the calls will end.
 */
#define _GNU_SOURCE
#include "fuzz.h"

#include <sys/syscall.h>

static volatile uint64_t *count;
static char buffer[16384];

static long argument(void)
{
	static const long odd[] = {0,	     1,		  -1, 2,    3, 4096, 0x7fff00000000, 0x7ffffffff000,
				   1l << 62, 0x100000000, 64, -4096};
	switch (next() % 7) {
	case 0: return odd[next() % 12];
	case 1: return (long)next();
	case 2:
	case 3: return (long)(buffer + next() % 8000);
	case 4: return (long)(next() % 64);
	case 5: return (long)(next() & 0xffff);
	default: return (long)(0x7fff00000000 + next() % 0x100000000);
	}
}

/* Calls that would end the round without testing anything: waiting for ever, ending, stopping. */
static int is_left_out(long n)
{
	return n == SYS_exit || n == SYS_exit_group || n == SYS_pause || n == SYS_kill || n == SYS_tkill ||
	       n == SYS_tgkill || n == SYS_rt_sigsuspend || n == SYS_vfork || n == SYS_clone ||
	       n == SYS_rt_sigqueueinfo || n == SYS_clone3 || n == SYS_rt_sigreturn ||
	       (n == SYS_fork && next() % 50 != 0) || n == SYS_poll || n == SYS_select ||
	       n == SYS_nanosleep || n == SYS_alarm;
}

static void child(void)
{
	for (int i = 0; i < 3; i++)
		close(i);
	if (chdir("/tmp/box") != 0)
		_exit(1);
	for (unsigned i = 0; i < sizeof(buffer); i++)
		buffer[i] = next() % 4 ? (char)next() : 0;
	for (;;) {
		long n = (long)(next() % 460);
		if (is_left_out(n))
			continue;
		++*count;
		syscall(n, argument(), argument(), argument(), argument(), argument(), argument());
	}
}

int main(int argc, char **argv)
{
	count = shared_count();
	if (argc > 2)
		fuzz_state += strtoull(argv[2], NULL, 0) << 8;
	fuzz(count, argc > 1 ? strtoull(argv[1], NULL, 0) : 20000, 1000, 300, child);
	return 0;
}
