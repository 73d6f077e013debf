/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Linux system calls with random numbers and arguments, in children, some of which the calls will end. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t state = 88172645463325252ull;
static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static long argument(char *buffer)
{
	static const long odd[] = {0, 1, -1, 2, 3, 4096, 0x7fff00000000, 0x7ffffffff000, 1l << 62, 0x100000000, 64, -4096};
	switch (next() % 6) {
	case 0:
		return odd[next() % 12];
	case 1:
		return (long)next();
	case 2:
		return (long)(buffer + next() % 8000);
	case 3:
		return (long)(next() % 64);
	case 4:
		return (long)(next() & 0xffff);
	default:
		return (long)(0x7fff00000000 + next() % 0x100000000);
	}
}

/* Calls that would end the run without testing anything: waiting for ever, ending, stopping or killing others, power. */
static int is_left_out(long n)
{
	return n == SYS_exit || n == SYS_exit_group || n == SYS_pause || n == SYS_kill || n == SYS_tkill || n == SYS_tgkill ||
	       n == SYS_rt_sigsuspend || n == SYS_reboot || n == SYS_fork || n == SYS_vfork || n == SYS_clone || n == SYS_wait4 ||
	       n == SYS_waitid || n == SYS_rt_sigqueueinfo || n == SYS_clone3;
}

int main(void)
{
	static char buffer[16384];
	setpgid(0, 0);
	for (int round = 0; round < 40; round++) {
		uint64_t seed = next();
		pid_t p = fork();
		if (p == 0) {
			state = seed;
			signal(SIGALRM, SIG_DFL);
			alarm(2);
			if (chdir("/tmp") != 0)
				_exit(1);
			for (int i = 0; i < 3000; i++) {
				long n = (long)(next() % 460);
				if (!is_left_out(n))
					syscall(n, argument(buffer), argument(buffer), argument(buffer), argument(buffer),
						argument(buffer), argument(buffer));
			}
			_exit(0);
		}
		waitpid(p, NULL, 0);
	}
	puts("done");
	return 0;
}
