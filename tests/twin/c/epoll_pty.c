/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* twin-libs: -lutil */
/* epoll on both sides of a pseudo-terminal: levels and edges, lines and single bytes, hang-up */
#include "twin.h"

#include <pty.h>
#include <sys/epoll.h>

static char buf[4096];

static void show(const char *what, int e)
{
	struct epoll_event ev[4];
	int n = epoll_wait(e, ev, 4, 200);
	printf("%s %d:", what, n);
	for (int i = 0; i < n; i++)
		printf(" %x/%d", ev[i].events, ev[i].data.fd);
	puts("");
	fflush(stdout);
}

/* Linux may tell of a raw byte twice. */
static void settle(int e)
{
	struct epoll_event ev;
	while (epoll_wait(e, &ev, 1, 50) > 0)
		;
}

static int set_of(int fd, uint32_t events, int name)
{
	int e = epoll_create1(0);
	struct epoll_event ev = {.events = events, .data.fd = name};
	T(epoll_ctl(e, EPOLL_CTL_ADD, fd, &ev));
	return e;
}

static void slave_edges(int master, int slave)
{
	int e = set_of(slave, EPOLLIN | EPOLLET, 1), level = set_of(slave, EPOLLIN, 2);
	show("nothing", e);
	write(master, "li", 2);
	show("half a line", e);
	write(master, "ne\n", 3);
	show("a line", e);
	show("told", e);
	show("level", level);
	write(master, "par", 3);
	show("a part of the next", e);
	write(master, "t\n", 2);
	show("the next", e);
	T(read(slave, buf, sizeof(buf)));
	show("one read", e);
	show("level", level);
	T(read(slave, buf, sizeof(buf)));
	show("level", level);
	struct termios raw;
	tcgetattr(slave, &raw);
	cfmakeraw(&raw);
	tcsetattr(slave, TCSANOW, &raw);
	write(master, "a", 1);
	show("a byte", e);
	settle(e);
	write(master, "b", 1);
	show("another", e);
	settle(e);
	T(read(slave, buf, 1));
	show("one of two", e);
	show("level", level);
	T(read(slave, buf, 8));
	close(e);
	close(level);
}

static void master_edges(int master, int slave)
{
	fcntl(master, F_SETFL, O_NONBLOCK);
	while (read(master, buf, sizeof(buf)) > 0)
		;
	int e = set_of(master, EPOLLIN | EPOLLET, 3);
	show("nothing", e);
	write(slave, "x", 1);
	show("output", e);
	show("told", e);
	write(slave, "yz", 2);
	show("more", e);
	T(read(master, buf, 1));
	show("a part read", e);
	T(read(master, buf, sizeof(buf)));
	write(slave, "last", 4);
	close(slave);
	show("closed", e);
	T(read(master, buf, sizeof(buf)));
	close(e);
}

int main(void)
{
	int master, slave;
	T(openpty(&master, &slave, NULL, NULL, NULL));
	slave_edges(master, slave);
	master_edges(master, slave);
	return 0;
}
