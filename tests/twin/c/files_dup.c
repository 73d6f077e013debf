/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* dup, dup2, dup3, fcntl on descriptors, shared offsets */
#include "twin.h"

int main(void)
{
	char c;
	int fd = open("f", O_RDWR | O_CREAT, 0600);
	write(fd, "abcdef", 6);
	lseek(fd, 0, SEEK_SET);
	int d = dup(fd);
	T(read(d, &c, 1));
	T(lseek(fd, 0, SEEK_CUR));
	T(dup2(fd, 20));
	T(dup2(fd, fd));
	T(dup3(fd, fd, 0));
	T(dup3(fd, 21, O_CLOEXEC));
	T(fcntl(21, F_GETFD));
	T(fcntl(20, F_GETFD));
	T(fcntl(20, F_SETFD, FD_CLOEXEC));
	T(fcntl(20, F_GETFD));
	T(fcntl(fd, F_DUPFD, 50));
	T(fcntl(fd, F_DUPFD_CLOEXEC, 50));
	T(fcntl(51, F_GETFD));
	T(dup(99));
	T(dup2(fd, -1));
	T(dup2(fd, 100000));
	T(dup2(99, 5));
	T(fcntl(99, F_GETFD));
	T(fcntl(fd, 12345));
	pid_t p = fork();
	if (p == 0) {
		read(fd, &c, 1);
		_exit(c);
	}
	printf("%d\n", WEXITSTATUS(wait_status(p)));
	T(lseek(d, 0, SEEK_CUR));
	T(syscall(SYS_close_range, 20, 60, 0));
	T(fcntl(50, F_GETFD));
	for (int i = 3; i < 200; i++)
		dup(fd);
	T(dup(fd) > 150);
	return 0;
}
