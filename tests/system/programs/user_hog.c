/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Takes, as the user it is started by, all that can be had of one kind from the services, says how much, and keeps it until it is
 * killed. user_hog KIND: files, pipes, events, timers, names, pages, ptys, signals, zombies, polls.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

static char bytes[65536];

static int one_file(void)
{
	return open("/", O_RDONLY);
}

static int one_event(void)
{
	return eventfd(0, 0);
}

static int one_timer(void)
{
	return timerfd_create(CLOCK_MONOTONIC, 0);
}

static int one_pty(void)
{
	return posix_openpt(O_RDWR | O_NOCTTY);
}

/* A pipe, filled. */
static int one_pipe(void)
{
	int ends[2];
	if (pipe2(ends, O_NONBLOCK) != 0)
		return -1;
	while (write(ends[1], bytes, sizeof(bytes)) > 0)
		;
	errno = 0;
	return 0;
}

static int one_name(void)
{
	static unsigned count;
	char path[64];
	snprintf(path, sizeof(path), "/tmp/hog.%d.%u", (int)getpid(), count++);
	return mkdir(path, 0700);
}

static int one_page(void)
{
	static int fd = -1;
	if (fd < 0)
		fd = open("/tmp/hog.pages", O_CREAT | O_RDWR | O_TRUNC, 0600);
	return write(fd, bytes, sizeof(bytes)) > 0 ? 0 : -1;
}

static int one_signal(void)
{
	return sigqueue(getpid(), SIGRTMIN + 1, (union sigval){0});
}

static int one_zombie(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : 0;
}

/* A process that has armed a descriptor, and so has a readiness page. */
static int one_poller(void)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid < 0 ? -1 : 0;
	int ends[2];
	if (pipe(ends) != 0)
		_exit(1);
	struct pollfd fd = {.fd = ends[0], .events = POLLIN};
	for (;;)
		poll(&fd, 1, 100);
}

static const struct {
	const char *name;
	int (*one)(void);
} kinds[] = {
	{"files", one_file},	 {"pipes", one_pipe},	{"events", one_event}, {"timers", one_timer},
	{"names", one_name},	 {"pages", one_page},	{"ptys", one_pty},     {"signals", one_signal},
	{"zombies", one_zombie}, {"polls", one_poller},
};

/* Takes until it is refused. Descriptors are limited by process: when they are out, a child goes on, with none of them. */
static void take(int (*one)(void))
{
	unsigned long count = 0;
	for (;;) {
		while (one() >= 0)
			count++;
		int why = errno;
		pid_t child = why == EMFILE ? fork() : -1;
		if (child == 0) {
			for (int fd = 3; fd < 1024; fd++)
				close(fd);
			continue;
		}
		if (child < 0) {
			printf("hog %d: %s after %lu\n", (int)getuid(), strerror(why), count);
			fflush(stdout);
		}
		for (;;)
			pause();
	}
}

int main(int argc, char **argv)
{
	sigset_t all;
	sigfillset(&all);
	sigdelset(&all, SIGTERM);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (unsigned i = 0; argc > 1 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(argv[1], kinds[i].name) == 0)
			take(kinds[i].one);
	return 2;
}
