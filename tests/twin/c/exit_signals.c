/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The signal a child's end sends: the one clone named; a sibling's (CLONE_PARENT) is its maker's; SIGCHLD after an exec. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OTHER_SIGNAL 47

static volatile sig_atomic_t last;

static void note(int signal)
{
	last = signal;
}

static long clone_process(unsigned long flags)
{
	return syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
}

static void reap(const char *what)
{
	int status = 0;
	last = 0;
	while (waitpid(-1, &status, __WALL) < 0 && errno == EINTR)
		;
	printf("%s: status %#x, signal %d\n", what, status, last);
	fflush(stdout);
}

int main(void)
{
	signal(SIGCHLD, note);
	signal(OTHER_SIGNAL, note);
	long p = clone_process(OTHER_SIGNAL);
	if (p == 0) {
		usleep(20000);
		_exit(3);
	}
	reap("named");
	p = clone_process(OTHER_SIGNAL);
	if (p == 0) {
		usleep(20000);
		execl("/bin/busybox", "true", (char *)NULL);
		_exit(1);
	}
	reap("after exec");
	p = fork();
	if (p == 0) {
		if (clone_process(CLONE_PARENT | OTHER_SIGNAL) == 0) {
			usleep(60000);
			_exit(4);
		}
		usleep(20000);
		_exit(5);
	}
	reap("maker");
	reap("sibling");
	return 0;
}
