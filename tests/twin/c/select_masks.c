/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* select, pselect, ppoll: sets, timeouts, signals let in for the wait */
#include "twin.h"

static void on(int s)
{
	printf("signal %d\n", s);
}
int main(void)
{
	int p[2];
	fd_set r, w, x;
	struct timeval tv = {0, 20000};
	sigset_t block, empty;
	pipe(p);
	FD_ZERO(&r);
	FD_SET(p[0], &r);
	T(select(p[1] + 1, &r, NULL, NULL, &tv));
	printf("%d %d\n", FD_ISSET(p[0], &r) != 0, tv.tv_sec == 0 && tv.tv_usec < 20000);
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&x);
	FD_SET(p[0], &r);
	FD_SET(p[1], &w);
	FD_SET(p[0], &x);
	tv.tv_sec = 5;
	T(select(p[1] + 1, &r, &w, &x, &tv));
	printf("%d %d %d\n", FD_ISSET(p[0], &r) != 0, FD_ISSET(p[1], &w) != 0, FD_ISSET(p[0], &x) != 0);
	FD_ZERO(&r);
	FD_SET(60, &r);
	T(select(61, &r, NULL, NULL, NULL));
	T(select(-1, NULL, NULL, NULL, NULL));
	tv.tv_sec = -1;
	T(select(0, NULL, NULL, NULL, &tv));
	T(syscall(SYS_select, 1, 1, NULL, NULL, NULL));
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigemptyset(&empty);
	sigprocmask(SIG_BLOCK, &block, NULL);
	signal(SIGUSR1, on);
	raise(SIGUSR1);
	struct timespec ts = {5, 0};
	T(pselect(0, NULL, NULL, NULL, &ts, &empty));
	raise(SIGUSR1);
	T(ppoll(NULL, 0, &ts, &empty));
	sigprocmask(SIG_BLOCK, NULL, &empty);
	printf("%d\n", sigismember(&empty, SIGUSR1));
	struct pollfd f[4] = {
		{p[0], POLLIN, 0}, {-1, POLLIN, 7}, {99, POLLIN, 0}, {p[1], POLLOUT | POLLIN, 0}};
	T(poll(f, 4, 0));
	for (int i = 0; i < 4; i++)
		printf("%x ", f[i].revents);
	puts("");
	T(poll((void *)1, 1, 0));
	T(poll(f, 1, 10));
	signal(SIGALRM, on);
	struct itimerval it = {{0, 0}, {0, 20000}};
	setitimer(ITIMER_REAL, &it, NULL);
	T(poll(f, 1, 5000));
	setitimer(ITIMER_REAL, &it, NULL);
	tv.tv_sec = 5;
	tv.tv_usec = 0;
	FD_ZERO(&r);
	FD_SET(p[0], &r);
	T(select(p[0] + 1, &r, NULL, NULL, &tv));
	return 0;
}
