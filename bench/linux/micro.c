/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Instructions per operation, measured by the TSC (under `-icount shift=0` a tick is an instruction).
 *
 * The same binary runs on Tessera and on Linux. Each row is repeated; the smallest of several rounds is printed as
 * `bench NAME VALUE instructions`, so that a timer interrupt in one round does not count. `interval NAME COUNT` says how many
 * operations lie between the two marks that QEMU's plugin tools/qemu/counter.c takes as the row's interval.
 * Arguments: names of rows (default: all).
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 5
#define PAGES 256
#define FILE_PATH "/tmp/bench-file"
#define TRUE_PATH "/bench/true"

static uint64_t rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- the operations: each runs `count` times and returns the ticks that took ---- */

static uint64_t run_getppid(unsigned count)
{
	uint64_t start = rdtsc();

	for (unsigned i = 0; i < count; i++)
		syscall(SYS_getppid);
	return rdtsc() - start;
}

static uint64_t run_clock_gettime(unsigned count)
{
	struct timespec now;
	uint64_t start = rdtsc();

	for (unsigned i = 0; i < count; i++)
		clock_gettime(CLOCK_MONOTONIC, &now);
	return rdtsc() - start;
}

static void echo_bytes(int from, int to)
{
	char byte;

	while (read(from, &byte, 1) == 1)
		if (write(to, &byte, 1) != 1)
			_exit(1);
	_exit(0);
}

static uint64_t run_pipe(unsigned count)
{
	int there[2], back[2];
	char byte = 'x';

	if (pipe(there) || pipe(back))
		die("pipe");
	pid_t child = fork();
	if (child == 0) {
		close(there[1]);
		close(back[0]);
		echo_bytes(there[0], back[1]);
	}
	close(there[0]);
	close(back[1]);
	uint64_t start = rdtsc();
	for (unsigned i = 0; i < count; i++)
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			die("ping-pong");
	uint64_t ticks = rdtsc() - start;
	close(there[1]);
	close(back[0]);
	waitpid(child, NULL, 0);
	return ticks;
}

#define POLLED 16

static int polled[POLLED][2];

static void make_polled(struct pollfd *fds)
{
	for (unsigned i = 0; i < POLLED; i++) {
		if (pipe(polled[i]))
			die("pipe");
		fds[i] = (struct pollfd){.fd = polled[i][0], .events = POLLIN};
	}
}

static void close_polled(void)
{
	for (unsigned i = 0; i < POLLED; i++) {
		close(polled[i][0]);
		close(polled[i][1]);
	}
}

static uint64_t run_poll(unsigned count)
{
	struct pollfd fds[POLLED];

	make_polled(fds);
	for (unsigned i = 0; i < 3; i++)
		poll(fds, POLLED, 0);
	uint64_t start = rdtsc();
	for (unsigned i = 0; i < count; i++)
		if (poll(fds, POLLED, 0) != 0)
			die("poll");
	uint64_t ticks = rdtsc() - start;
	close_polled();
	return ticks;
}

/* One of the pipes becomes ready, is found, and is read. */
static uint64_t run_epoll(unsigned count)
{
	struct pollfd fds[POLLED];
	struct epoll_event event = {.events = EPOLLIN};
	int set = epoll_create1(0);
	char byte = 'x';

	make_polled(fds);
	for (unsigned i = 0; i < POLLED; i++) {
		event.data.fd = polled[i][0];
		if (epoll_ctl(set, EPOLL_CTL_ADD, polled[i][0], &event))
			die("epoll_ctl");
	}
	uint64_t start = rdtsc();
	for (unsigned i = 0; i < count; i++)
		if (write(polled[i % POLLED][1], &byte, 1) != 1 || epoll_wait(set, &event, 1, -1) != 1 ||
		    read(event.data.fd, &byte, 1) != 1)
			die("epoll");
	uint64_t ticks = rdtsc() - start;
	close(set);
	close_polled();
	return ticks;
}

static uint64_t run_fork_exit(unsigned count)
{
	uint64_t start = rdtsc();

	for (unsigned i = 0; i < count; i++) {
		pid_t child = fork();
		if (child == 0)
			_exit(0);
		waitpid(child, NULL, 0);
	}
	return rdtsc() - start;
}

static uint64_t spawn(unsigned count, char *const argv[], int use_vfork)
{
	static char *const environment[] = {"PATH=/bin:/sbin:/usr/bin:/usr/sbin", NULL};
	int status = 0;
	uint64_t start = rdtsc();

	for (unsigned i = 0; i < count; i++) {
		pid_t child = use_vfork ? vfork() : fork();
		if (child == 0) {
			execve(argv[0], argv, environment);
			_exit(127);
		}
		waitpid(child, &status, 0);
	}
	uint64_t ticks = rdtsc() - start;
	if (status != 0) {
		fprintf(stderr, "%s ended with status %#x\n", argv[0], (unsigned)status);
		exit(1);
	}
	return ticks;
}

static uint64_t run_fork_exec(unsigned count)
{
	return spawn(count, (char *const[]){TRUE_PATH, NULL}, 0);
}

static uint64_t run_vfork_exec(unsigned count)
{
	return spawn(count, (char *const[]){TRUE_PATH, NULL}, 1);
}

static uint64_t run_sh_true(unsigned count)
{
	return spawn(count, (char *const[]){"/bin/sh", "-c", "true", NULL}, 1);
}

static uint64_t run_sh_pipeline(unsigned count)
{
	return spawn(count, (char *const[]){"/bin/sh", "-c", "echo tessera | cat | cat >/dev/null", NULL}, 1);
}

static uint64_t run_anon_fault(unsigned count)
{
	size_t bytes = (size_t)count * 4096;
	volatile char *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		die("mmap");
	madvise((void *)area, bytes, MADV_NOHUGEPAGE);
	uint64_t start = rdtsc();
	for (size_t at = 0; at < bytes; at += 4096)
		area[at] = 1;
	uint64_t ticks = rdtsc() - start;
	munmap((void *)area, bytes);
	return ticks;
}

/* The parent writes while the child still shares the pages. */
static uint64_t run_cow_fault(unsigned count)
{
	size_t bytes = (size_t)count * 4096;
	volatile char *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int hold[2];
	char byte;

	if (area == MAP_FAILED || pipe(hold))
		die("mmap");
	madvise((void *)area, bytes, MADV_NOHUGEPAGE);
	memset((void *)area, 1, bytes);
	pid_t child = fork();
	if (child == 0) {
		close(hold[1]);
		_exit(read(hold[0], &byte, 1) < 0);
	}
	close(hold[0]);
	uint64_t start = rdtsc();
	for (size_t at = 0; at < bytes; at += 4096)
		area[at] = 2;
	uint64_t ticks = rdtsc() - start;
	close(hold[1]);
	waitpid(child, NULL, 0);
	munmap((void *)area, bytes);
	return ticks;
}

static uint64_t run_open_close(unsigned count)
{
	uint64_t start = rdtsc();

	for (unsigned i = 0; i < count; i++)
		close(open(FILE_PATH, O_RDONLY));
	return rdtsc() - start;
}

static uint64_t run_stat(unsigned count)
{
	struct stat info;
	uint64_t start = rdtsc();

	for (unsigned i = 0; i < count; i++)
		stat(FILE_PATH, &info);
	return rdtsc() - start;
}

static uint64_t run_pread(unsigned count)
{
	static char buffer[4096];
	int fd = open(FILE_PATH, O_RDONLY);

	if (fd < 0 || pread(fd, buffer, sizeof(buffer), 0) != sizeof(buffer))
		die("pread " FILE_PATH);
	uint64_t start = rdtsc();
	for (unsigned i = 0; i < count; i++)
		if (pread(fd, buffer, sizeof(buffer), 0) < 0)
			die("pread");
	uint64_t ticks = rdtsc() - start;
	close(fd);
	return ticks;
}

static void on_signal(int number)
{
	(void)number;
}

static uint64_t run_signal(unsigned count)
{
	pid_t self = getpid();

	signal(SIGUSR1, on_signal);
	uint64_t start = rdtsc();
	for (unsigned i = 0; i < count; i++)
		kill(self, SIGUSR1);
	return rdtsc() - start;
}

static const struct row {
	const char *name;
	uint64_t (*run)(unsigned count);
	unsigned count;
} rows[] = {
	{"getppid", run_getppid, 1000},
	{"clock_gettime", run_clock_gettime, 1000},
	{"pipe-ping-pong", run_pipe, 200},
	{"poll-16-pipes", run_poll, 200},
	{"epoll-16-pipes", run_epoll, 200},
	{"fork-exit-wait", run_fork_exit, 20},
	{"fork-exec-wait", run_fork_exec, 20},
	{"vfork-exec-wait", run_vfork_exec, 20},
	{"anonymous-fault", run_anon_fault, PAGES},
	{"copy-on-write-fault", run_cow_fault, PAGES},
	{"open-close", run_open_close, 200},
	{"stat", run_stat, 200},
	{"pread-4k", run_pread, 200},
	{"signal-self", run_signal, 200},
	{"sh-c-true", run_sh_true, 10},
	{"sh-pipeline", run_sh_pipeline, 5},
};

/* For tools/qemu/counter.c; no operation to the processor. */
#define MARK_BEGIN() __asm__ volatile("nopl 0x7e550001(%%rax)" : : : "memory")
#define MARK_END() __asm__ volatile("nopl 0x7e550002(%%rax)" : : : "memory")

static void measure(const struct row *row)
{
	uint64_t best = UINT64_MAX;

	row->run(row->count > 10 ? 10 : row->count); /* warm */
	MARK_BEGIN();
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t ticks = row->run(row->count) / row->count;
		best = ticks < best ? ticks : best;
	}
	MARK_END();
	printf("bench %s %llu instructions\n", row->name, (unsigned long long)best);
	printf("interval %s %u\n", row->name, ROUNDS * row->count);
	fflush(stdout);
}

static int is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return 1;
	return argc < 2;
}

int main(int argc, char **argv)
{
	static char block[8192];
	int fd = open(FILE_PATH, O_CREAT | O_TRUNC | O_WRONLY, 0644);

	if (fd < 0 || write(fd, block, sizeof(block)) != sizeof(block))
		die(FILE_PATH);
	close(fd);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (is_wanted(rows[i].name, argc, argv))
			measure(&rows[i]);
	unlink(FILE_PATH);
	return 0;
}
