/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* flock: shared by dup and fork, upgraded, released by the last close and by death; it waits, and a signal ends that */
#include "twin.h"

static void handler(int signal)
{
	(void)signal;
}

static void in_child(void (*body)(int fd), int fd)
{
	fflush(stdout);
	pid_t p = fork();
	if (p == 0) {
		body(fd);
		fflush(stdout);
		_exit(0);
	}
	wait_status(p);
}

static void tries(int fd)
{
	int own = open("l", O_RDWR);
	T(flock(own, LOCK_SH | LOCK_NB));
	T(flock(own, LOCK_EX | LOCK_NB));
	T(flock(fd, LOCK_EX | LOCK_NB)); /* inherited: the same lock */
	close(own);
}

static void unlocks(int fd)
{
	T(flock(fd, LOCK_UN));
}

static void closes(int fd)
{
	close(fd);
}

static void interrupted(int fd)
{
	struct sigaction action = {.sa_handler = handler};
	(void)fd;
	int own = open("l", O_RDWR);
	sigaction(SIGALRM, &action, NULL);
	ualarm(50000, 0);
	T(flock(own, LOCK_EX));
}

int main(void)
{
	int fd = open("l", O_RDWR | O_CREAT, 0600), go[2];
	char byte;
	T(flock(fd, LOCK_EX));
	in_child(tries, fd);
	in_child(closes, fd); /* the parent's is still open */
	in_child(tries, fd);
	in_child(interrupted, fd);
	T(flock(fd, LOCK_SH));
	in_child(tries, fd);
	T(flock(fd, LOCK_EX));
	in_child(unlocks, fd);
	in_child(tries, fd);
	int copy = dup(fd);
	T(flock(copy, LOCK_EX));
	close(fd);
	in_child(tries, copy);
	close(copy);
	fd = open("l", O_RDONLY); /* flock needs no right to write */
	T(flock(fd, LOCK_EX | LOCK_NB));
	T(flock(fd, LOCK_UN));
	T(flock(fd, 0));
	T(flock(fd, LOCK_EX | LOCK_SH));
	T(flock(fd, LOCK_NB));
	fflush(stdout);
	pipe(go);
	pid_t p = fork();
	if (p == 0) {
		int own = open("l", O_RDWR);
		flock(own, LOCK_EX);
		write(go[1], "x", 1);
		pause();
	}
	read(go[0], &byte, 1);
	T(flock(fd, LOCK_EX | LOCK_NB));
	kill(p, SIGKILL);
	T(flock(fd, LOCK_EX)); /* waits for the death */
	wait_status(p);
	T(unlink("l"));
	return 0;
}
