/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* twin-libs: -lpthread */
/* poll and select again and again on many pipes, in several threads and after fork, with ends that close; on terminals that hang up */
#include "twin.h"

#include <pty.h>
#include <sys/epoll.h>

#define PIPES 40

static int pipes[PIPES][2];
static struct pollfd fds[PIPES];
static char buf[4096];

static void fill(void)
{
	for (int i = 0; i < PIPES; i++)
		fds[i] = (struct pollfd){pipes[i][0], POLLIN, 0};
}

static void show(const char *what, int timeout)
{
	int n = poll(fds, PIPES, timeout);
	printf("%s %d:", what, n);
	for (int i = 0; i < PIPES; i++)
		if (fds[i].revents)
			printf(" %d/%x", i, fds[i].revents);
	puts("");
	fflush(stdout);
}

static void *writes(void *which)
{
	usleep(20000);
	write(pipes[(long)which][1], "x", 1);
	return NULL;
}

static void *sleeps(void *which)
{
	struct pollfd own = {pipes[(long)which][0], POLLIN, 0};
	return (void *)(long)poll(&own, 1, 5000);
}

static void pipes_and_threads(void)
{
	for (int round = 0; round < 3; round++)
		show("nothing", 0);
	for (long i = 0; i < PIPES; i += 7) {
		pthread_t thread;
		pthread_create(&thread, NULL, writes, (void *)i);
		show("one", 5000);
		pthread_join(thread, NULL);
		read(pipes[i][0], buf, 1);
		show("read", 0);
	}
	pthread_t sleeper[4];
	void *result;
	for (long i = 0; i < 4; i++)
		pthread_create(&sleeper[i], NULL, sleeps, (void *)(i / 2));
	usleep(30000);
	write(pipes[0][1], "x", 1);
	write(pipes[1][1], "x", 1);
	for (int i = 0; i < 4; i++) {
		pthread_join(sleeper[i], &result);
		printf("sleeper %ld\n", (long)result);
	}
	show("two", 0);
	read(pipes[0][0], buf, 1);
	read(pipes[1][0], buf, 1);
}

static void forks_and_ends(void)
{
	pid_t child = fork();
	if (child == 0) {
		show("child", 5000);
		read(pipes[5][0], buf, 10);
		show("child", 0);
		close(pipes[6][1]);
		_exit(0);
	}
	usleep(20000);
	write(pipes[5][1], "x", 1);
	wait_status(child);
	show("parent", 0);
	close(pipes[6][1]);
	show("no writer", 0);
	close(pipes[6][0]);
	show("closed", 0);
	pipe(pipes[6]);
	fill();
	show("new", 0);
	write(pipes[6][1], "x", 1);
	show("new", 0);
	struct pollfd end = {pipes[7][1], POLLOUT, 0};
	for (int i = 0; i < 3; i++)
		printf("%d %x\n", poll(&end, 1, 0), end.revents);
	while (fcntl(pipes[7][1], F_SETFL, O_NONBLOCK), write(pipes[7][1], buf, sizeof(buf)) > 0)
		;
	printf("full %d %x\n", poll(&end, 1, 0), end.revents);
	read(pipes[7][0], buf, sizeof(buf));
	printf("room %d %x\n", poll(&end, 1, 0), end.revents);
	close(pipes[7][0]);
	printf("no reader %d %x\n", poll(&end, 1, 0), end.revents);
}

/* A vfork child shares the memory and is another process: neither disturbs what the other has armed. */
static void vforks(void)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = 1};
	int set = epoll_create1(0);
	T(epoll_ctl(set, EPOLL_CTL_ADD, pipes[10][0], &event));
	struct pollfd f[2] = {{pipes[10][0], POLLIN, 0}, {pipes[11][0], POLLIN, 0}};
	for (int i = 0; i < 3; i++)
		poll(f, 2, 0);
	pid_t child = vfork();
	if (child == 0) {
		int quiet = 0, ready = 0;
		for (int i = 0; i < 3; i++)
			quiet += poll(f, 2, 0) + epoll_wait(set, &event, 1, 0);
		write(pipes[10][1], "x", 1);
		for (int i = 0; i < 3; i++)
			ready += poll(f, 2, 0) + epoll_wait(set, &event, 1, 0);
		close(pipes[11][0]);
		_exit(quiet * 16 + ready);
	}
	printf("vfork child %d\n", WEXITSTATUS(wait_status(child)));
	printf("parent %d %d\n", poll(f, 2, 0), epoll_wait(set, &event, 1, 0));
	read(pipes[10][0], buf, 1);
	printf("parent %d %d\n", poll(f, 2, 0), epoll_wait(set, &event, 1, 0));
	write(pipes[11][1], "x", 1);
	printf("parent %d %d\n", poll(f, 2, 0), epoll_wait(set, &event, 1, 0));
	close(set);
}

static void selects(void)
{
	for (int round = 0; round < 3; round++) {
		fd_set in;
		struct timeval none = {0, 0};
		FD_ZERO(&in);
		FD_SET(pipes[8][0], &in);
		FD_SET(pipes[9][0], &in);
		int n = select(PIPES * 3, &in, NULL, NULL, &none);
		printf("select %d %d %d\n", n, !!FD_ISSET(pipes[8][0], &in), !!FD_ISSET(pipes[9][0], &in));
		write(pipes[8 + round % 2][1], "x", 1);
	}
}

static void terminals(void)
{
	int master, slave;
	struct termios t;
	if (openpty(&master, &slave, NULL, NULL, NULL) != 0)
		return;
	tcgetattr(slave, &t);
	t.c_lflag &= (tcflag_t)~ECHO;
	tcsetattr(slave, TCSANOW, &t);
	struct pollfd f[2] = {{master, POLLIN, 0}, {slave, POLLIN, 0}};
	for (int i = 0; i < 3; i++)
		printf("quiet %d %x %x\n", poll(f, 2, 0), f[0].revents, f[1].revents);
	write(master, "half", 4);
	printf("half a line %d %x %x\n", poll(f, 2, 0), f[0].revents, f[1].revents);
	write(master, "\n", 1);
	printf("a line %d %x %x\n", poll(f, 2, 1000), f[0].revents, f[1].revents);
	read(slave, buf, sizeof(buf));
	printf("read %d %x %x\n", poll(f, 2, 0), f[0].revents, f[1].revents);
	write(slave, "out", 3);
	printf("output %d %x %x\n", poll(f, 2, 1000), f[0].revents, f[1].revents);
	read(master, buf, sizeof(buf));
	if (fork() == 0) {
		usleep(30000);
		write(master, "x\n", 2);
		_exit(0);
	}
	printf("woken %d %x %x\n", poll(f, 2, 5000), f[0].revents, f[1].revents);
	read(slave, buf, sizeof(buf));
	wait(NULL);
	close(master);
	f[0].fd = -1;
	printf("hang-up %d %x %x\n", poll(f, 2, 1000), f[0].revents, f[1].revents);
	close(slave);
}

int main(void)
{
	for (int i = 0; i < PIPES; i++)
		pipe(pipes[i]);
	fill();
	pipes_and_threads();
	forks_and_ends();
	vforks();
	selects();
	terminals();
	return 0;
}
