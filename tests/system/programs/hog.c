/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Takes all it can get of one thing, says how it was refused, and ends: a number of processes at the same time, so that not
 * only the limit of one process is met. Arguments: what, how many processes (1).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int tries = 1000000;
static int ready[2]; /* closed by those that were refused */

static void touch(volatile char *m, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += 4096)
		m[i] = 1;
}

/* Each takes one more; false: refused, errno says why. */

static bool take_process(int n)
{
	(void)n;
	pid_t p = fork();
	if (p == 0) {
		close(ready[1]);
		for (;;)
			pause();
	}
	return p > 0;
}

static void *sleeper(void *argument)
{
	pause();
	return argument;
}

static bool take_thread(int n)
{
	pthread_t t;
	(void)n;
	errno = pthread_create(&t, NULL, sleeper, NULL);
	return errno == 0;
}

static bool take_memory(int n)
{
	(void)n;
	char *m = malloc(1 << 20);
	if (m == NULL)
		return false;
	touch(m, 1 << 20);
	return true;
}

static bool take_shared(int n)
{
	(void)n;
	char *m = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (m == MAP_FAILED)
		return false;
	touch(m, 1 << 20);
	return true;
}

/* Areas that cannot be joined with their neighbours. */
static bool take_area(int n)
{
	return mmap(NULL, 4096, n % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0) != MAP_FAILED;
}

/* Page tables: one page in each 2 MiB. */
static bool take_table(int n)
{
	char *m = mmap((void *)(0x100000000 + (unsigned long)n * (2 << 20)), 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (m == MAP_FAILED)
		return false;
	*m = 1;
	return true;
}

static bool take_descriptor(int n)
{
	(void)n;
	return open("/dev/null", O_RDWR) >= 0;
}

static bool take_pipe(int n)
{
	int p[2];
	char page[4096] = {0};
	(void)n;
	if (pipe2(p, O_NONBLOCK) != 0)
		return false;
	while (write(p[1], page, sizeof(page)) > 0)
		;
	return true;
}

static bool take_terminal(int n)
{
	(void)n;
	return open("/dev/ptmx", O_RDWR | O_NOCTTY) >= 0;
}

static bool take_name(int n)
{
	char name[64];
	snprintf(name, sizeof(name), "/tmp/box/%d-%d", getpid(), n);
	int fd = open(name, O_CREAT | O_WRONLY, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool take_disk(int n)
{
	static char block[65536];
	static int fd = -1;
	(void)n;
	if (fd < 0) {
		char name[64];
		snprintf(name, sizeof(name), "/tmp/box/disk-%d", getpid());
		fd = open(name, O_CREAT | O_WRONLY, 0600);
	}
	return write(fd, block, sizeof(block)) == (ssize_t)sizeof(block);
}

static bool take_signal(int n)
{
	union sigval value = {.sival_int = n};
	sigset_t set;
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return sigqueue(getpid(), SIGRTMIN + 3, value) == 0;
}

static bool take_lock(int n)
{
	static int fd = -1;
	struct flock lock = {.l_type = F_WRLCK, .l_start = 2l * n, .l_len = 1};
	if (fd < 0)
		fd = open("/tmp/box/locks", O_CREAT | O_RDWR, 0600);
	lock.l_start += (long)getpid() << 32;
	return fcntl(fd, F_SETLK, &lock) == 0;
}

static bool take_timer(int n)
{
	timer_t timer;
	struct sigevent event = {.sigev_notify = SIGEV_NONE};
	(void)n;
	return timer_create(CLOCK_MONOTONIC, &event, &timer) == 0;
}

/* A stack without end: SIGSEGV is the refusal. */
static bool take_stack(int n)
{
	volatile char frame[4096];
	frame[0] = (char)n;
	return n < 0 || take_stack(n + 1) + frame[0] != 1000;
}

static const struct {
	const char *name;
	bool (*take)(int n);
} things[] = {
	{"process", take_process},
	{"thread", take_thread},
	{"memory", take_memory},
	{"shared", take_shared},
	{"area", take_area},
	{"table", take_table},
	{"descriptor", take_descriptor},
	{"pipe", take_pipe},
	{"terminal", take_terminal},
	{"name", take_name},
	{"disk", take_disk},
	{"signal", take_signal},
	{"lock", take_lock},
	{"timer", take_timer},
	{"stack", take_stack},
};

static const char *name_of(int error)
{
	static char number[20];
	switch (error) {
	case EAGAIN: return "EAGAIN";
	case ENOMEM: return "ENOMEM";
	case EMFILE: return "EMFILE";
	case ENFILE: return "ENFILE";
	case ENOSPC: return "ENOSPC";
	case ENOLCK: return "ENOLCK";
	default: snprintf(number, sizeof(number), "error %d", error); return number;
	}
}

static void hog(bool (*take)(int n))
{
	int n = 0;
	while (n < tries && take(n))
		n++;
	int error = errno;
	dprintf(1, "%d, then %s\n", n, n == tries ? "no end" : name_of(error));
	close(ready[1]);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	int count = argc > 2 ? atoi(argv[2]) : 1;
	bool (*take)(int n) = NULL;
	if (argc > 3)
		tries = atoi(argv[3]);
	for (size_t i = 0; argc > 1 && i < sizeof(things) / sizeof(things[0]); i++)
		if (strcmp(argv[1], things[i].name) == 0)
			take = things[i].take;
	if (take == NULL || pipe(ready) != 0)
		return 2;
	pid_t group = 0;
	for (int i = 0; i < count; i++) {
		pid_t p = fork();
		if (p == 0) {
			setpgid(0, group);
			close(ready[0]);
			hog(take);
		}
		setpgid(p, group);
		if (group == 0)
			group = p;
	}
	close(ready[1]);
	char byte;
	(void)!read(ready[0], &byte, 1); /* until every hog has been refused or killed */
	kill(-group, SIGKILL);
	int status;
	while (wait(&status) > 0)
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
			dprintf(1, "ended by signal %d\n", WTERMSIG(status));
	puts("done");
	return 0;
}
