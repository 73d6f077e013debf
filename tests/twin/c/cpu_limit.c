// SPDX-License-Identifier: MIT OR Apache-2.0
/* RLIMIT_CPU: SIGXCPU at the soft limit and each second after it, SIGKILL at the hard one; children inherit it, exec keeps it */
#include "twin.h"

static volatile sig_atomic_t caught;

static void count(int signal)
{
	(void)signal;
	caught++;
}

static long used_ms(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

static void limit(rlim_t soft, rlim_t hard)
{
	struct rlimit l = {soft, hard};
	T(setrlimit(RLIMIT_CPU, &l));
}

static void spin(void)
{
	for (;;)
		;
}

static void result(const char *what, pid_t child)
{
	struct rusage u;
	int status;
	wait4(child, &status, 0, &u);
	long ms = u.ru_utime.tv_sec * 1000 + u.ru_utime.tv_usec / 1000;
	printf("%s: exit %d signal %d, about a second %d\n", what,
	       WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
	       ms > 800 && ms < 1900);
	fflush(stdout);
}

static void catches(void)
{
	struct rlimit l;
	signal(SIGXCPU, count);
	limit(1, 2);
	while (caught < 1)
		;
	long ms = used_ms();
	printf("at the soft limit: %d\n", ms >= 700 && ms < 1900);
	getrlimit(RLIMIT_CPU, &l);
	printf("limits %ld %ld\n", (long)l.rlim_cur, (long)l.rlim_max);
	limit(RLIM_INFINITY, 2);
	limit(2, 2);
	fflush(stdout);
	spin();
}

int main(int argc, char **argv)
{
	(void)argc;
	pid_t child = fork();
	if (child == 0) {
		limit(1, RLIM_INFINITY);
		spin();
	}
	result("soft", child);
	child = fork();
	if (child == 0)
		catches();
	printf("caught, then %d\n", wait_status(child));
	fflush(stdout);
	child = fork();
	if (child == 0) {
		limit(1, 1);
		signal(SIGXCPU, SIG_IGN);
		pid_t inner = fork();
		if (inner == 0)
			execl("/bin/sh", "sh", "-c", "ulimit -t; while :; do :; done", (char *)NULL);
		result("inherited", inner);
		exit(0);
	}
	printf("outer %d\n", wait_status(child));
	(void)argv;
	return 0;
}
