/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* twin-libs: -lpthread */
/* epoll on armed descriptors: edges, one shot, several writers, dup, close, fork, threads, sets in sets, files that cannot be in one */
#include "twin.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>

static char buf[70000];

static int by_data(const void *a, const void *b)
{
	const struct epoll_event *x = a, *y = b;
	return (int)x->data.u32 - (int)y->data.u32;
}

/* Sorted: in which order entries that became ready together are told is nobody's promise. */
static void show(const char *what, int e, int timeout)
{
	struct epoll_event ev[8];
	int n = epoll_wait(e, ev, 8, timeout);
	if (n > 0)
		qsort(ev, (size_t)n, sizeof(ev[0]), by_data);
	printf("%s %d:", what, n);
	for (int i = 0; i < n; i++)
		printf(" %x/%llu", ev[i].events, (unsigned long long)ev[i].data.u64);
	puts("");
	fflush(stdout);
}

static int ctl(int e, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = {.events = events, .data.u64 = data};
	return epoll_ctl(e, op, fd, &ev);
}

static void edges_of_pipes(void)
{
	int e = epoll_create1(0), p[2];
	pipe2(p, O_NONBLOCK);
	T(ctl(e, EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLET, 1));
	T(ctl(e, EPOLL_CTL_ADD, p[1], EPOLLOUT | EPOLLET, 2));
	show("writable", e, 0);
	show("nothing", e, 0);
	write(p[1], "a", 1);
	show("first", e, 0);
	show("reported", e, 0);
	write(p[1], "b", 1);
	show("second writer's", e, 0);
	write(p[1], "c", 1);
	write(p[1], "d", 1);
	show("two are one", e, 0);
	read(p[0], buf, 1);
	show("read a part", e, 0);
	write(p[1], "e", 1);
	read(p[0], buf, 100);
	show("came and went", e, 0);
	while (write(p[1], buf, 4096) > 0)
		;
	show("full", e, 0);
	read(p[0], buf, 100);
	read(p[0], buf, sizeof(buf));
	show("room again", e, 0);
	show("once", e, 0);
	write(p[1], "f", 1);
	T(ctl(e, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLET, 3));
	show("changed", e, 0);
	T(ctl(e, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLET, 4));
	show("changed again", e, 0);
	close(p[1]);
	show("hang-up", e, 0);
	show("hang-up once", e, 0);
	close(p[0]);
	show("gone", e, 0);
	close(e);
}

static void one_shot(void)
{
	int e = epoll_create1(0), p[2];
	pipe(p);
	T(ctl(e, EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLONESHOT, 1));
	write(p[1], "a", 1);
	show("shot", e, 0);
	write(p[1], "a", 1);
	show("no more", e, 20);
	T(ctl(e, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT | EPOLLET, 2));
	show("again", e, 0);
	write(p[1], "a", 1);
	show("no more", e, 0);
	T(ctl(e, EPOLL_CTL_DEL, p[0], 0, 0));
	T(ctl(e, EPOLL_CTL_MOD, p[0], EPOLLIN, 0));
	show("deleted", e, 0);
	T(ctl(e, EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLEXCLUSIVE, 3));
	show("exclusive", e, 0);
	T(ctl(e, EPOLL_CTL_MOD, p[0], EPOLLIN, 3));
	T(ctl(e, EPOLL_CTL_ADD, p[1], EPOLLOUT | EPOLLEXCLUSIVE | EPOLLONESHOT, 3));
	close(p[0]), close(p[1]), close(e);
}

/* An entry lives as long as its open file description. */
static void closing(void)
{
	int e = epoll_create1(0), p[2], q[2];
	pipe(p);
	pipe(q);
	T(ctl(e, EPOLL_CTL_ADD, p[0], EPOLLIN, 1));
	int copy = dup(p[0]);
	T(ctl(e, EPOLL_CTL_ADD, copy, EPOLLIN, 2));
	write(p[1], "a", 1);
	show("both", e, 0);
	close(copy);
	show("closed one, its description lives", e, 0);
	T(ctl(e, EPOLL_CTL_DEL, copy, 0, 0));
	T(dup2(q[0], copy) == copy);
	T(ctl(e, EPOLL_CTL_ADD, copy, EPOLLIN, 3));
	show("number used again", e, 0);
	write(q[1], "a", 1);
	show("and ready", e, 0);
	close(p[0]);
	show("description gone", e, 0);
	pid_t child = fork();
	if (child == 0) {
		usleep(60000);
		_exit(0);
	}
	close(copy);
	close(q[0]);
	show("the child keeps it", e, 0);
	wait_status(child);
	show("nobody keeps it", e, 0);
	close(p[1]), close(q[1]), close(e);
}

static void forks(void)
{
	int e = epoll_create1(0), p[2], back[2];
	pipe(p);
	pipe(back);
	T(ctl(e, EPOLL_CTL_ADD, p[0], EPOLLIN, 1));
	struct pollfd f = {p[0], POLLIN, 0};
	for (int i = 0; i < 3; i++)
		poll(&f, 1, 0);
	pid_t child = fork();
	if (child == 0) {
		show("child", e, 5000);
		printf("child polls %d\n", poll(&f, 1, 5000));
		fflush(stdout);
		write(back[1], "x", 1);
		_exit(0);
	}
	usleep(30000);
	write(p[1], "a", 1);
	read(back[0], buf, 1);
	wait_status(child);
	show("parent", e, 0);
	printf("parent polls %d\n", poll(&f, 1, 0));
	read(p[0], buf, 1);
	printf("parent polls %d\n", poll(&f, 1, 0));
	close(p[0]), close(p[1]), close(back[0]), close(back[1]), close(e);
}

static int shared_set, shared_pipe[2];

static void *waits(void *unused)
{
	struct epoll_event ev;
	(void)unused;
	int n = epoll_wait(shared_set, &ev, 1, 5000);
	char byte = n == 1 ? (char)ev.data.u32 : '-';
	write(shared_pipe[1], &byte, 1);
	return NULL;
}

static void threads(void)
{
	int p[2];
	pthread_t thread[3];
	shared_set = epoll_create1(0);
	pipe(p);
	pipe(shared_pipe);
	T(ctl(shared_set, EPOLL_CTL_ADD, p[0], EPOLLIN, 'L'));
	for (int i = 0; i < 3; i++)
		pthread_create(&thread[i], NULL, waits, NULL);
	usleep(50000);
	write(p[1], "a", 1); /* level triggered: everybody learns of it */
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	T(read(shared_pipe[0], buf, 3));
	printf("%.3s\n", buf);
	read(p[0], buf, 1);
	for (int round = 0; round < 50; round++) { /* one shot: each event wakes one of them */
		ctl(shared_set, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT, 'O');
		pthread_create(&thread[0], NULL, waits, NULL);
		write(p[1], "a", 1);
		pthread_join(thread[0], NULL);
		read(p[0], buf, 1);
		read(shared_pipe[0], buf, 1);
		if (buf[0] != 'O')
			printf("round %d: %c\n", round, buf[0]);
	}
	close(p[0]), close(p[1]), close(shared_set), close(shared_pipe[0]), close(shared_pipe[1]);
}

static void sets_in_sets(void)
{
	int outer = epoll_create1(0), inner = epoll_create1(0), p[2];
	pipe(p);
	T(ctl(inner, EPOLL_CTL_ADD, p[0], EPOLLIN, 1));
	T(ctl(outer, EPOLL_CTL_ADD, inner, EPOLLIN, 2));
	T(ctl(inner, EPOLL_CTL_ADD, outer, EPOLLIN, 3));
	show("outer", outer, 0);
	write(p[1], "a", 1);
	show("outer", outer, 0);
	show("outer", outer, 0);
	show("inner", inner, 0);
	T(ctl(outer, EPOLL_CTL_MOD, inner, EPOLLIN | EPOLLET, 4));
	show("outer edge", outer, 0);
	show("outer edge", outer, 0);
	write(p[1], "a", 1);
	show("outer edge", outer, 0);
	read(p[0], buf, 10);
	show("outer", outer, 0);
	pid_t child = fork();
	if (child == 0) {
		usleep(30000);
		write(p[1], "b", 1);
		_exit(0);
	}
	show("outer sleeps", outer, 5000);
	wait_status(child);
	close(inner);
	show("inner closed", outer, 0);
	close(p[0]), close(p[1]), close(outer);
}

static void events_and_timers(void)
{
	int e = epoll_create1(0), v = eventfd(0, EFD_NONBLOCK),
	    t = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	uint64_t value = 1;
	T(ctl(e, EPOLL_CTL_ADD, v, EPOLLIN | EPOLLOUT | EPOLLET, 1));
	T(ctl(e, EPOLL_CTL_ADD, t, EPOLLIN, 2));
	show("eventfd", e, 0);
	write(v, &value, 8);
	show("written", e, 0);
	write(v, &value, 8);
	show("written again", e, 0);
	read(v, &value, 8);
	show("read", e, 0);
	show("nothing", e, 0);
	struct itimerspec in = {.it_value = {0, 20000000}};
	timerfd_settime(t, 0, &in, NULL);
	show("timer armed", e, 0);
	show("timer", e, 5000);
	show("timer still", e, 0);
	T(read(t, &value, 8));
	show("timer read", e, 0);
	in.it_interval = (struct timespec){0, 10000000};
	T(ctl(e, EPOLL_CTL_MOD, t, EPOLLIN | EPOLLET, 3));
	timerfd_settime(t, 0, &in, NULL);
	show("interval", e, 5000);
	usleep(50000);
	show("not read", e, 0);
	read(t, &value, 8);
	printf("several %d\n", value > 2);
	show("next", e, 5000);
	in = (struct itimerspec){0};
	timerfd_settime(t, 0, &in, NULL);
	T(ctl(e, EPOLL_CTL_MOD, t, EPOLLIN, 4));
	show("disarmed", e, 0);
	close(v), close(t), close(e);
}

static void refused(void)
{
	int e = epoll_create1(0), f = open("regular", O_CREAT | O_RDWR, 0600), d = open(".", O_RDONLY);
	T(ctl(e, EPOLL_CTL_ADD, f, EPOLLIN, 1));
	T(ctl(e, EPOLL_CTL_ADD, d, EPOLLIN, 1));
	T(ctl(e, EPOLL_CTL_ADD, open("/dev/null", O_RDWR), EPOLLIN, 1));
	struct pollfd p = {f, POLLIN | POLLOUT, 0};
	for (int i = 0; i < 3; i++)
		printf("%d %x\n", poll(&p, 1, 0), p.revents);
	close(f), close(e);
}

int main(void)
{
	edges_of_pipes();
	one_shot();
	closing();
	forks();
	threads();
	sets_in_sets();
	events_and_timers();
	refused();
	return 0;
}
