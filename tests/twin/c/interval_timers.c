/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* setitimer, getitimer, alarm: once and repeated, replaced, over fork and exec, the processor's time */
#include "twin.h"

static volatile sig_atomic_t count, last;

static void handler(int signal)
{
	count++;
	last = signal;
}

static int set(int which, long first_us, long interval_us)
{
	struct itimerval t = {.it_value = {first_us / 1000000, first_us % 1000000},
			      .it_interval = {interval_us / 1000000, interval_us % 1000000}};
	return setitimer(which, &t, NULL);
}

static void show(const char *what, int which)
{
	struct itimerval t;
	getitimer(which, &t);
	printf("%s: armed %d interval %ld.%06ld\n", what, t.it_value.tv_sec || t.it_value.tv_usec,
	       (long)t.it_interval.tv_sec, (long)t.it_interval.tv_usec);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct itimerval t = {0}, old;
	if (argc > 1) {
		show("after exec", ITIMER_REAL);
		return 0;
	}
	struct sigaction action = {.sa_handler = handler};
	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGVTALRM, &action, NULL);
	sigaction(SIGPROF, &action, NULL);
	show("start", ITIMER_REAL);
	T(set(ITIMER_REAL, 20000, 0));
	T(pause());
	printf("count %d signal %d\n", count, last);
	show("once", ITIMER_REAL);
	count = 0;
	T(set(ITIMER_REAL, 10000, 10000));
	while (count < 5)
		pause();
	show("repeated", ITIMER_REAL);
	T(set(ITIMER_REAL, 0, 5000));
	show("stopped", ITIMER_REAL);
	count = 0;
	T(set(ITIMER_VIRTUAL, 20000, 0));
	while (count == 0)
		;
	printf("signal %d\n", last);
	count = 0;
	T(set(ITIMER_PROF, 20000, 0));
	while (count == 0)
		;
	printf("signal %d\n", last);
	T(alarm(100));
	T(alarm(50) >= 99);
	T(set(ITIMER_REAL, 30000000, 0));
	T(alarm(0) >= 29);
	t.it_value.tv_usec = 1000000;
	T(setitimer(ITIMER_REAL, &t, NULL));
	t.it_value.tv_usec = -1;
	T(setitimer(ITIMER_REAL, &t, NULL));
	t.it_value = (struct timeval){-1, 0};
	T(setitimer(ITIMER_REAL, &t, NULL));
	t.it_value = (struct timeval){0, 0};
	T(setitimer(3, &t, NULL));
	T(getitimer(3, &t));
	set(ITIMER_REAL, 100000000, 7000000);
	t = (struct itimerval){.it_value = {200, 0}};
	T(setitimer(ITIMER_REAL, &t, &old));
	printf("old %d %ld\n", old.it_value.tv_sec >= 90, (long)old.it_interval.tv_sec);
	T(syscall(SYS_setitimer, ITIMER_REAL, NULL, &old));
	printf("old %d\n", old.it_value.tv_sec >= 190);
	show("after NULL", ITIMER_REAL);
	set(ITIMER_REAL, 100000000, 7000000);
	fflush(stdout);
	if (fork() == 0) {
		show("child", ITIMER_REAL);
		_exit(0);
	}
	wait(NULL);
	execl(argv[0], argv[0], "again", (char *)NULL);
	return 1;
}
