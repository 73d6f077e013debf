// SPDX-License-Identifier: MIT OR Apache-2.0
/* twice as many descriptors as select can tell: dup, poll, pipes, fork, exec, /proc/self/fd */
#include <dirent.h>

#include "twin.h"

#define MANY 2048

static int open_count(void)
{
	int n = 0;
	DIR *d = opendir("/proc/self/fd");
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

int main(int argc, char **argv)
{
	struct rlimit l = {MANY, MANY};
	struct pollfd *p = calloc(MANY, sizeof(*p));
	if (argc > 1) {
		printf("after exec: %d, %d\n", fcntl(MANY - 1, F_GETFD), fcntl(MANY - 2, F_GETFD));
		return 0;
	}
	T(setrlimit(RLIMIT_NOFILE, &l));
	int file = open("f", O_RDWR | O_CREAT, 0600), ends[2], n = 0;
	T(pipe(ends));
	T(dup2(file, MANY));
	T(fcntl(file, F_DUPFD, MANY));
	T(dup2(ends[0], MANY - 1));
	T(fcntl(MANY - 1, F_DUPFD, 1500));
	while (dup(file) >= 0)
		n++;
	printf("%d more, %s\n", n, strerror(errno));
	T(close(1499));
	T(open_count());
	T(write(1998, "hello", 5));
	T(pread(1025, p, 5, 0));
	T(write(ends[1], "x", 1));
	for (int i = 0; i < MANY; i++)
		p[i] = (struct pollfd){.fd = i, .events = POLLIN};
	T(poll(p + 3, MANY - 3, 0));
	T(p[MANY - 1].revents);
	T(p[1499].revents);
	fflush(stdout);
	if (fork() == 0) {
		char c;
		T(read(MANY - 1, &c, 1));
		exit(0);
	}
	wait(NULL);
	T(fcntl(MANY - 2, F_SETFD, FD_CLOEXEC));
	for (int i = 3; i < MANY - 2; i++)
		close(i);
	T(unlink("f"));
	fflush(stdout);
	execl(argv[0], argv[0], "again", (char *)NULL);
	return 1;
}
