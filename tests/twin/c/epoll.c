/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* epoll: level and edge triggered, one shot, data, errors, timeouts, masks */
#include "twin.h"

#include <sys/epoll.h>

static void show(int e, int timeout)
{
	struct epoll_event ev[8];
	int n = epoll_wait(e, ev, 8, timeout);
	printf("%d:", n);
	for (int i = 0; i < n; i++)
		printf(" %x/%llu", ev[i].events, (unsigned long long)ev[i].data.u64);
	puts("");
}
static int add(int e, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = {.events = events, .data.u64 = data};
	return epoll_ctl(e, op, fd, &ev);
}
static void on(int s)
{
	printf("signal %d\n", s);
}
int main(void)
{
	int e = epoll_create1(EPOLL_CLOEXEC), p[2], q[2];
	char buf[100];
	T(pipe(p));
	T(pipe(q));
	T(add(e, EPOLL_CTL_ADD, p[0], EPOLLIN, 7));
	T(add(e, EPOLL_CTL_ADD, p[0], EPOLLIN, 7));
	T(add(e, EPOLL_CTL_ADD, q[1], EPOLLOUT, 8));
	T(add(e, EPOLL_CTL_MOD, q[0], EPOLLIN, 9));
	T(add(e, EPOLL_CTL_DEL, q[0], 0, 0));
	T(add(e, 99, p[0], EPOLLIN, 0));
	T(add(e, EPOLL_CTL_ADD, 999, EPOLLIN, 0));
	T(add(p[0], EPOLL_CTL_ADD, q[0], EPOLLIN, 0));
	T(add(e, EPOLL_CTL_ADD, e, EPOLLIN, 0));
	show(e, 0);
	T(write(p[1], "abc", 3));
	show(e, 100);
	T(read(p[0], buf, 1));
	show(e, 0);
	T(read(p[0], buf, 10));
	show(e, 0);
	T(add(e, EPOLL_CTL_MOD, q[1], EPOLLOUT | EPOLLONESHOT, 10));
	show(e, 0);
	show(e, 0);
	T(add(e, EPOLL_CTL_MOD, q[1], EPOLLOUT | EPOLLET, 11));
	show(e, 0);
	show(e, 0);
	T(add(e, EPOLL_CTL_DEL, q[1], 0, 0));
	show(e, 10);
	if (fork() == 0) {
		usleep(30000);
		write(p[1], "x", 1);
		_exit(0);
	}
	show(e, 5000);
	wait(NULL);
	T(close(p[1]));
	show(e, 0);
	read(p[0], buf, 10);
	show(e, 0);
	T(close(p[0]));
	show(e, 0);
	T(epoll_wait(e, (void *)1, 8, 0) <= 0);
	T(epoll_wait(e, NULL, 0, 0));
	T(epoll_wait(q[0], NULL, 8, 0));
	struct sigaction sa = {.sa_handler = on, .sa_flags = SA_RESTART};
	sigaction(SIGALRM, &sa, NULL);
	alarm(1);
	struct epoll_event ev[2];
	T(epoll_wait(e, ev, 2, 5000));
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	sigemptyset(&set);
	T(epoll_pwait(e, ev, 2, 5000, &set));
	struct pollfd f = {.fd = e, .events = POLLIN};
	T(add(e, EPOLL_CTL_ADD, q[1], EPOLLOUT, 12));
	T(poll(&f, 1, 100));
	printf("%x\n", f.revents);
	return 0;
}
