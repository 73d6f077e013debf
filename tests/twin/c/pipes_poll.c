/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* pipes: blocking, EOF, EPIPE, O_NONBLOCK, capacity; poll and select on them */
#include "twin.h"

int main(void)
{
	int p[2];
	char buf[70000];
	signal(SIGPIPE, SIG_IGN);
	T(pipe2(p, O_NONBLOCK));
	T(read(p[0], buf, 10));
	long n = 0, r;
	while ((r = write(p[1], buf, 4096)) > 0)
		n += r;
	printf("capacity %ld\n", n);
	T(write(p[1], buf, 1));
	struct pollfd f[3] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}, {99, POLLIN, 0}};
	T(poll(f, 3, 0));
	printf("%x %x %x\n", f[0].revents, f[1].revents, f[2].revents);
	T(read(p[0], buf, 5000));
	T(poll(f, 2, 0));
	printf("%x %x\n", f[0].revents, f[1].revents);
	while (read(p[0], buf, sizeof(buf)) > 0)
		;
	f[0].revents = 0;
	T(poll(f, 1, 20));
	fd_set rs, ws;
	FD_ZERO(&rs);
	FD_ZERO(&ws);
	FD_SET(p[0], &rs);
	FD_SET(p[1], &ws);
	struct timeval tv = {0, 10000};
	T(select(p[1] + 1, &rs, &ws, NULL, &tv));
	printf("%d %d\n", FD_ISSET(p[0], &rs), FD_ISSET(p[1], &ws));
	T(fcntl(p[0], F_SETFL, 0));
	pid_t c = fork();
	if (c == 0) {
		close(p[0]);
		usleep(50000);
		write(p[1], "late", 4);
		_exit(0);
	}
	T(poll(f, 1, 5000));
	T(read(p[0], buf, 100));
	wait_status(c);
	T(close(p[1]));
	T(read(p[0], buf, 100));
	T(poll(f, 1, 0));
	printf("%x\n", f[0].revents);
	T(close(p[0]));
	pipe(p);
	close(p[0]);
	T(write(p[1], "x", 1));
	f[0].fd = p[1];
	f[0].events = POLLOUT;
	T(poll(f, 1, 0));
	printf("%x\n", f[0].revents);
	T(lseek(p[1], 0, SEEK_SET));
	T(pread(p[1], buf, 1, 0));
	signal(SIGPIPE, SIG_DFL);
	c = fork();
	if (c == 0) {
		write(p[1], "x", 1);
		_exit(0);
	}
	printf("%d\n", WTERMSIG(wait_status(c)));
	T(pipe((int *)1));
	pipe(p);
	c = fork();
	if (c == 0) {
		close(p[1]);
		long sum = 0;
		while ((r = read(p[0], buf, 777)) > 0)
			sum += r;
		_exit(sum == 300000 ? 0 : 1);
	}
	close(p[0]);
	for (int i = 0; i < 300; i++)
		write(p[1], buf, 1000);
	close(p[1]);
	printf("%d\n", WEXITSTATUS(wait_status(c)));
	return 0;
}
