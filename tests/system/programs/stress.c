/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Processes with pipes, files and threads, ended at any moment. Argument: how many. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void *thread(void *arg)
{
	(void)arg;
	for (;;)
		sched_yield();
}

static void child(unsigned n)
{
	char name[40];
	int p[2];
	pthread_t t;
	snprintf(name, sizeof(name), "/tmp/stress-%u", n % 50);
	for (int i = 0; i < 5 && pipe(p) == 0; i++)
		if (write(p[1], name, sizeof(name)) < 0)
			_exit(1);
	int fd = open(name, O_CREAT | O_RDWR, 0600);
	if (write(fd, name, sizeof(name)) < 0)
		_exit(1);
	char *m = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(m, 1, 65536);
	mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (n % 4 == 0)
		pthread_create(&t, NULL, thread, NULL);
	if (n % 5 == 0 && fork() == 0)
		pause();
	if (n % 7 == 0)
		execl("/bin/true", "true", (char *)NULL);
	if (n % 3 == 0)
		_exit(0);
	if (n % 11 == 0)
		*(volatile char *)1 = 1;
	for (;;)
		if (read(p[0], name, sizeof(name)) < 0)
			_exit(1);
}

int main(int argc, char **argv)
{
	unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 100;
	for (unsigned n = 0; n < count; n++) {
		pid_t p = fork();
		if (p < 0) {
			perror("fork");
			return 1;
		}
		if (p == 0) {
			setpgid(0, 0);
			child(n);
		}
		setpgid(p, p);
		for (volatile unsigned spin = 0; spin < (n * 7919) % 20000; spin++)
			;
		kill(-p, SIGKILL);
		kill(p, SIGKILL);
		waitpid(p, NULL, 0);
	}
	char name[40];
	for (unsigned n = 0; n < 50; n++) {
		snprintf(name, sizeof(name), "/tmp/stress-%u", n);
		unlink(name);
	}
	return 0;
}
