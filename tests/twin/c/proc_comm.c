// SPDX-License-Identifier: MIT OR Apache-2.0
/* names of threads written to /proc/self/comm and task/TID/comm; who may, what is cut off */
#include "twin.h"

static void show(const char *path)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	printf("%zd [%s]\n", n, text);
	close(fd);
}

static void name(const char *path, const char *to)
{
	int fd = open(path, O_WRONLY | O_TRUNC);
	T(write(fd, to, strlen(to)));
	T(close(fd));
	show(path);
}

static int tid_pipe[2], end_pipe[2];

static void *thread(void *argument)
{
	char c;
	int tid = (int)syscall(SYS_gettid);
	write(tid_pipe[1], &tid, sizeof(tid));
	read(end_pipe[0], &c, 1);
	return argument;
}

int main(void)
{
	char path[64];
	pthread_t t;
	int tid;
	name("/proc/self/comm", "short");
	name("/proc/self/comm", "much longer than fifteen");
	name("/proc/self/comm", "line\n");
	name("/proc/self/comm", "");
	name("/proc/thread-self/comm", "main thread");
	T(pipe(tid_pipe));
	T(pipe(end_pipe));
	T(pthread_create(&t, NULL, thread, NULL));
	read(tid_pipe[0], &tid, sizeof(tid));
	snprintf(path, sizeof(path), "/proc/self/task/%d/comm", tid);
	name(path, "worker");
	show("/proc/self/comm");
	write(end_pipe[1], "x", 1);
	T(pthread_join(t, NULL));
	pid_t parent = getpid();
	fflush(stdout);
	if (fork() == 0) {
		snprintf(path, sizeof(path), "/proc/%d/comm", (int)parent);
		name(path, "not mine");
		name("/proc/self/comm", "mine");
		T(setresuid(1000, 1000, 1000));
		T(open(path, O_WRONLY));
		exit(0);
	}
	wait(NULL);
	show("/proc/self/comm");
	return 0;
}
