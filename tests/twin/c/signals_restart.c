/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* EINTR, SA_RESTART, alarm, pause, sigsuspend, siglongjmp */
#include "twin.h"

#include <setjmp.h>
static void on(int s)
{
	printf("got %d\n", s);
}
static sigjmp_buf jb;
static void jump(int s)
{
	siglongjmp(jb, s);
}
int main(void)
{
	int p[2];
	char c;
	struct sigaction sa = {.sa_handler = on};
	struct itimerval it = {.it_value = {0, 50000}};
	setbuf(stdout, NULL);
	pipe(p);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
	T(read(p[0], &c, 1));
	sa.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
	if (fork() == 0) {
		struct timespec ts = {0, 200000000};
		nanosleep(&ts, NULL);
		write(p[1], "x", 1);
		_exit(0);
	}
	T(read(p[0], &c, 1));
	wait(NULL);
	setitimer(ITIMER_REAL, &it, NULL);
	struct timespec ts = {1, 0}, rem;
	T(nanosleep(&ts, &rem));
	printf("%d\n", rem.tv_sec == 0 && rem.tv_nsec > 500000000);
	setitimer(ITIMER_REAL, &it, NULL);
	T(pause());
	sigset_t s, e;
	sigemptyset(&e);
	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	signal(SIGUSR1, on);
	sigprocmask(SIG_BLOCK, &s, NULL);
	raise(SIGUSR1);
	T(sigsuspend(&e));
	sigprocmask(SIG_SETMASK, NULL, &e);
	printf("%d\n", sigismember(&e, SIGUSR1));
	sigprocmask(SIG_UNBLOCK, &s, NULL);
	signal(SIGSEGV, jump);
	int r = sigsetjmp(jb, 1);
	if (r == 0)
		*(volatile int *)16 = 1;
	printf("jumped %d\n", r);
	signal(SIGFPE, jump);
	r = sigsetjmp(jb, 1);
	volatile int zero = 0;
	if (r == 0)
		zero = 1 / zero;
	printf("jumped %d\n", r);
	T(alarm(10));
	T(alarm(0));
	setitimer(ITIMER_REAL, &it, NULL);
	T(poll(NULL, 0, 1000));
	setitimer(ITIMER_REAL, &it, NULL);
	T(wait(NULL));
	return 0;
}
