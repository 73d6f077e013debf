/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* fcntl record locks, flock, between processes */
#include "twin.h"

static int lock(int fd, int cmd, short type, long start, long len)
{
	struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
	int r = fcntl(fd, cmd, &l);
	if (cmd == F_GETLK)
		printf("getlk type %d start %ld len %ld\n", l.l_type, (long)l.l_start, (long)l.l_len);
	return r;
}
int main(void)
{
	int fd = open("l", O_RDWR | O_CREAT, 0600), go[2];
	pipe(go);
	T(lock(fd, F_SETLK, F_WRLCK, 10, 20));
	T(lock(fd, F_SETLK, F_UNLCK, 15, 5));
	pid_t p = fork();
	if (p == 0) {
		T(lock(fd, F_SETLK, F_WRLCK, 0, 12));
		T(lock(fd, F_SETLK, F_WRLCK, 15, 5));
		T(lock(fd, F_SETLK, F_RDLCK, 25, 1));
		T(lock(fd, F_GETLK, F_WRLCK, 0, 0));
		write(go[1], "x", 1);
		T(lock(fd, F_SETLKW, F_WRLCK, 10, 1));
		_exit(0);
	}
	char c;
	read(go[0], &c, 1);
	usleep(50000);
	int unlocked = lock(fd, F_SETLK, F_UNLCK, 0, 0);
	wait_status(p); /* which says that it has the lock now */
	printf("unlocked %d\n", unlocked);
	T(lock(fd, F_SETLK, F_RDLCK, 0, 100));
	p = fork();
	if (p == 0) {
		int g = open("l", O_RDWR);
		T(lock(g, F_SETLK, F_RDLCK, 0, 100));
		T(lock(g, F_SETLK, F_WRLCK, 0, 1));
		T(flock(g, LOCK_EX));
		fflush(stdout);
		_exit(0);
	}
	wait_status(p);
	int a = open("l", O_RDWR), b = open("l", O_RDWR);
	T(flock(a, LOCK_EX));
	T(flock(b, LOCK_EX | LOCK_NB));
	T(flock(a, LOCK_UN));
	T(flock(b, LOCK_SH));
	T(flock(a, LOCK_SH | LOCK_NB));
	close(a);
	T(flock(b, LOCK_EX | LOCK_NB));
	T(flock(99, LOCK_EX));
	T(flock(b, 77));
	return 0;
}
