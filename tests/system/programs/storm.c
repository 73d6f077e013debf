/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Many processes and threads at once, for machines with several CPUs; everything is checked: exit statuses of forked and
 * executed children, every byte of pipes, sums that threads make under a mutex, queues of a condition variable, signals, and
 * memory that fork copies while another thread writes it.  Arguments: processes, rounds of each.  Prints "storm: N rounds".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 3
#define ADDITIONS 300
#define PIPE_BYTES 20000
#define PAGES 8
#define CHILD_STATUS 42

static const char *self;

static void fail(const char *what)
{
	printf("storm: %s: %s\n", what, strerror(errno));
	fflush(stdout);
	kill(0, SIGKILL);
}

static void expect_status(pid_t p, int wanted, const char *what)
{
	int status;
	if (waitpid(p, &status, 0) != p)
		fail(what);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != wanted) {
		printf("storm: %s: status %#x\n", what, status);
		errno = 0;
		fail(what);
	}
}

/* fork and vfork, each with exec, which must not come back. */
static void execute(void)
{
	pid_t p = fork();
	if (p == 0) {
		execl(self, self, "child", (char *)NULL);
		fail("execl");
	}
	expect_status(p, CHILD_STATUS, "fork and exec");
	p = vfork();
	if (p == 0) {
		execl(self, self, "child", (char *)NULL);
		_exit(errno);
	}
	expect_status(p, CHILD_STATUS, "vfork and exec");
}

static uint8_t pattern(uint32_t i)
{
	return (uint8_t)(i * 7 + (i >> 8));
}

static void write_pattern(int fd)
{
	uint8_t buffer[700];
	for (uint32_t at = 0; at < PIPE_BYTES;) {
		uint32_t n = PIPE_BYTES - at < sizeof(buffer) ? PIPE_BYTES - at : sizeof(buffer);
		for (uint32_t i = 0; i < n; i++)
			buffer[i] = pattern(at + i);
		ssize_t done = write(fd, buffer, n);
		if (done <= 0)
			fail("write");
		at += (uint32_t)done;
	}
}

static void read_pattern(int fd)
{
	uint8_t buffer[512];
	uint32_t at = 0;
	ssize_t n;
	struct pollfd wanted = {.fd = fd, .events = POLLIN};
	while (poll(&wanted, 1, -1) == 1 && (n = read(fd, buffer, sizeof(buffer))) > 0)
		for (ssize_t i = 0; i < n; i++, at++)
			if (buffer[i] != pattern(at))
				fail("a byte of a pipe");
	if (at != PIPE_BYTES)
		fail("the length of a pipe");
}

/* Writer, a copier, and this one reads. */
static void pipeline(void)
{
	int first[2], second[2];
	if (pipe(first) != 0 || pipe(second) != 0)
		fail("pipe");
	pid_t writer = fork();
	if (writer == 0) {
		write_pattern(first[1]);
		_exit(1);
	}
	pid_t copier = fork();
	if (copier == 0) {
		char buffer[900];
		ssize_t n;
		close(first[1]);
		while ((n = read(first[0], buffer, sizeof(buffer))) > 0)
			if (write(second[1], buffer, (size_t)n) != n)
				fail("copy");
		_exit(2);
	}
	close(first[0]);
	close(first[1]);
	close(second[1]);
	read_pattern(second[0]);
	close(second[0]);
	expect_status(writer, 1, "writer");
	expect_status(copier, 2, "copier");
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static unsigned long sum;
static unsigned turn;

static void *add(void *argument)
{
	unsigned me = (unsigned)(uintptr_t)argument;
	for (unsigned i = 0; i < ADDITIONS; i++) {
		pthread_mutex_lock(&mutex);
		sum++;
		pthread_mutex_unlock(&mutex);
	}
	for (unsigned i = 0; i < 10; i++) {
		pthread_mutex_lock(&mutex);
		while (turn % THREADS != me)
			pthread_cond_wait(&turned, &mutex);
		turn++;
		pthread_cond_broadcast(&turned);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void threads(void)
{
	pthread_t t[THREADS];
	sum = turn = 0;
	for (unsigned i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, add, (void *)(uintptr_t)i) != 0)
			fail("pthread_create");
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	if (sum != THREADS * ADDITIONS || turn != THREADS * 10)
		fail("a sum of threads");
}

/* Another thread counts in all pages alike while this one forks: a child must see each page stand still. */
static volatile uint64_t *pages;
static volatile int is_over;

static void *count(void *argument)
{
	for (uint64_t n = 1; !is_over; n++)
		for (unsigned i = 0; i < PAGES; i++)
			pages[i * 512] = n;
	return argument;
}

static void fork_while_writing(void)
{
	pthread_t t;
	pages = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	is_over = 0;
	if (pages == MAP_FAILED || pthread_create(&t, NULL, count, NULL) != 0)
		fail("a writing thread");
	for (unsigned round = 0; round < 3; round++) {
		pid_t p = fork();
		if (p == 0) {
			uint64_t before[PAGES];
			for (unsigned i = 0; i < PAGES; i++)
				before[i] = pages[i * 512];
			for (unsigned i = 1; i < PAGES; i++) /* a page is written behind the one before it */
				if (before[i] != before[0] && before[i] + 1 != before[0])
					_exit(3);
			sched_yield();
			for (unsigned i = 0; i < PAGES; i++)
				if (pages[i * 512] != before[i])
					_exit(4);
			_exit(0);
		}
		expect_status(p, 0, "memory of a forked child");
	}
	is_over = 1;
	pthread_join(t, NULL);
	munmap((void *)pages, PAGES * 4096);
}

static volatile sig_atomic_t signals;

static void on_signal(int number)
{
	(void)number;
	signals++;
}

/* Each signal is answered by one before the next is sent. */
static void signal_each_other(void)
{
	sigset_t mask, old;
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_BLOCK, &mask, &old);
	signal(SIGUSR1, on_signal);
	signals = 0;
	pid_t parent = getpid(), p = fork();
	for (int i = 1; i <= 10; i++) {
		if (p == 0)
			kill(parent, SIGUSR1);
		while (signals < i)
			sigsuspend(&old);
		if (p != 0)
			kill(p, SIGUSR1);
	}
	if (p == 0)
		_exit(signals);
	expect_status(p, 10, "signals");
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void worker(unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		execute();
		pipeline();
		threads();
		fork_while_writing();
		signal_each_other();
	}
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc == 2 && strcmp(argv[1], "child") == 0)
		return CHILD_STATUS;
	unsigned processes = argc > 1 ? (unsigned)atoi(argv[1]) : 4,
		 rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 5;
	pid_t p[64];
	if (processes > 64)
		return 2;
	setpgid(0, 0);
	for (unsigned i = 0; i < processes; i++) {
		p[i] = fork();
		if (p[i] < 0)
			fail("fork");
		if (p[i] == 0) {
			worker(rounds);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < processes; i++)
		expect_status(p[i], 0, "a worker");
	printf("storm: %u rounds\n", processes * rounds);
	return 0;
}
