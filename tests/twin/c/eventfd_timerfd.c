/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* eventfd, timerfd, epoll */
#include "twin.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>
int main(void)
{
	uint64_t v = 5;
	int e = eventfd(3, EFD_NONBLOCK);
	T(read(e, &v, 8));
	printf("%lu\n", (unsigned long)v);
	T(read(e, &v, 8));
	v = 7;
	T(write(e, &v, 8));
	T(write(e, &v, 4));
	struct pollfd f = {e, POLLIN | POLLOUT, 0};
	T(poll(&f, 1, 0));
	printf("%x\n", f.revents);
	v = UINT64_MAX;
	T(write(e, &v, 8));
	int s = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	T(read(s, &v, 8));
	printf("%lu\n", (unsigned long)v);
	T(read(s, &v, 8));
	T(read(s, &v, 8));
	int t = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct itimerspec it = {{0, 0}, {0, 20000000}}, cur;
	T(timerfd_settime(t, 0, &it, NULL));
	T(read(t, &v, 8));
	f.fd = t;
	f.events = POLLIN;
	T(poll(&f, 1, 1000));
	T(read(t, &v, 8));
	printf("%lu\n", (unsigned long)v);
	T(timerfd_gettime(t, &cur));
	printf("%ld\n", (long)cur.it_value.tv_sec);
	int ep = epoll_create1(0);
	struct epoll_event ev = {.events = EPOLLIN, .data.u32 = 11}, out[4];
	T(epoll_ctl(ep, EPOLL_CTL_ADD, e, &ev));
	T(epoll_ctl(ep, EPOLL_CTL_ADD, e, &ev));
	T(epoll_wait(ep, out, 4, 0));
	printf("%x %u\n", out[0].events, out[0].data.u32);
	T(read(e, &v, 8));
	T(epoll_wait(ep, out, 4, 10));
	T(epoll_ctl(ep, EPOLL_CTL_DEL, e, NULL));
	T(epoll_ctl(ep, EPOLL_CTL_DEL, e, NULL));
	return 0;
}
