/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Processes with pipes, files, threads, terminals and children, ended at any moment: each has a timer that kills it within
 * a few milliseconds, wherever it then is; some end by themselves, in one of several ways. Arguments: how many, seed.
 */
#define _GNU_SOURCE
#include "fuzz.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/time.h>

#define LIFE_MICROSECONDS 3000
#define NAMES 20

static void *thread(void *argument)
{
	for (unsigned i = 0; i < 100 || argument == NULL; i++)
		sched_yield();
	return argument;
}

static void kill_after(long microseconds)
{
	struct itimerval timer = {.it_value = {.tv_sec = 0, .tv_usec = microseconds + 1}};
	setitimer(ITIMER_REAL, &timer, NULL);
}

static void take_files(char *name)
{
	int p[2];
	for (int i = 0; i < 5 && pipe(p) == 0; i++)
		if (write(p[1], name, 40) < 0)
			_exit(1);
	if (next() % 4 == 0) {
		fcntl(p[0], F_SETFL, O_NONBLOCK);
		fcntl(p[1], F_SETPIPE_SZ, 65536);
		(void)!write(p[1], (char *)&take_files, 4096);
	}
	int fd = open(name, O_CREAT | O_RDWR, 0600);
	if (fd < 0)
		_exit(1);
	(void)!write(fd, name, 40);
	struct flock lock = {.l_type = F_WRLCK};
	fcntl(fd, F_SETLK, &lock);
	if (next() % 2)
		unlink(name);
	if (next() % 3 == 0)
		(void)!open("/dev/ptmx", O_RDWR | O_NOCTTY);
	if (next() % 3 == 0)
		(void)!open("/proc/self/maps", O_RDONLY);
	(void)!eventfd(0, 0);
	mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (next() % 4 == 0)
		dup2(fd, 200); /* a further leaf of descriptors */
	void *shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(shared, 1, 8192);
}

static void take_memory(void)
{
	char *m = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(m, 1, 65536);
	munmap(m + 8192, 4096);
	mprotect(m + 16384, 4096, PROT_READ);
	mremap(m + 32768, 32768, 262144, MREMAP_MAYMOVE);
	char *file =
		mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE, open("/bin/busybox", O_RDONLY), 0);
	file[5000] = 1;
}

static void end(void)
{
	int p[2];
	char c;
	switch (next() % 6) {
	case 0: _exit(0);
	case 1: *(volatile char *)1 = 1; break;
	case 2: execl("/bin/sh", "sh", "-c", "ls /proc | cat | cat; sleep 1", (char *)NULL); break;
	case 3:
		for (;;)
			if (pipe(p) < 0 || read(p[0], &c, 1) < 0)
				_exit(1);
	case 4:
		for (;;)
			take_memory();
	default:
		for (;;)
			usleep(100);
	}
}

static void child(unsigned n)
{
	char name[40];
	pthread_t t;
	kill_after((long)(next() % LIFE_MICROSECONDS));
	close(1);
	open("/dev/null", O_WRONLY);
	snprintf(name, sizeof(name), "/tmp/stress-%u", n % NAMES);
	take_files(name);
	take_memory();
	for (unsigned i = next() % 4; i > 0; i--)
		pthread_create(&t, NULL, thread, next() % 2 ? &t : NULL);
	if (next() % 4 == 0 && fork() == 0) {
		kill_after((long)(next() % LIFE_MICROSECONDS));
		end();
	}
	if (next() % 8 == 0 && vfork() == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	end();
}

int main(int argc, char **argv)
{
	unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 100;
	fuzz_state += argc > 2 ? strtoull(argv[2], NULL, 0) << 8 : 0;
	for (unsigned n = 0; n < count; n++) {
		uint64_t seed = next();
		pid_t p = fork();
		if (p < 0) {
			perror("fork");
			return 1;
		}
		if (p == 0) {
			fuzz_state = seed | 1;
			setpgid(0, 0);
			child(n);
		}
		setpgid(p, p);
		for (int i = 0; i < 100 && waitpid(p, NULL, WNOHANG) == 0; i++)
			usleep(200);
		kill(-p, SIGKILL);
		kill(p, SIGKILL);
		waitpid(p, NULL, 0);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	char name[40];
	for (unsigned n = 0; n < NAMES; n++) {
		snprintf(name, sizeof(name), "/tmp/stress-%u", n);
		unlink(name);
	}
	return 0;
}
