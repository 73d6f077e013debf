/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* what each limit of a process does when it is reached, and how limits pass to children */
#include "twin.h"

static int set(int resource, rlim_t soft)
{
	struct rlimit l;
	getrlimit(resource, &l);
	l.rlim_cur = soft;
	return setrlimit(resource, &l);
}

static void in_child(void (*body)(void), const char *what)
{
	fflush(stdout);
	pid_t p = fork();
	if (p == 0) {
		body();
		fflush(stdout);
		_exit(0);
	}
	int status = wait_status(p);
	printf("%s: exit %d signal %d\n", what, WIFEXITED(status) ? WEXITSTATUS(status) : -1,
	       WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

static void descriptors(void)
{
	int p[2];
	T(set(RLIMIT_NOFILE, 6));
	T(open("/dev/null", O_RDONLY) >= 0);
	T(dup2(0, 5));
	T(dup2(0, 6));
	T(fcntl(0, F_DUPFD, 6));
	while (dup(0) >= 0)
		;
	T(dup(0));
	T(pipe(p));
	T(open("/dev/null", O_RDONLY));
	T(close(5));
	T(pipe(p));
	T(eventfd(0, 0));
	T(set(RLIMIT_NOFILE, 0));
	T(write(1, "", 0));
	T(close(0));
	T(open("/dev/null", O_RDONLY));
}

static void file_size(void)
{
	char block[3000] = {1};
	int fd = open("size", O_RDWR | O_CREAT, 0600);
	signal(SIGXFSZ, SIG_IGN);
	T(set(RLIMIT_FSIZE, 5000));
	T(write(fd, block, 3000));
	T(write(fd, block, 3000));
	T(write(fd, block, 3000));
	T(ftruncate(fd, 6000));
	T(ftruncate(fd, 4000));
	T(pwrite(fd, block, 10, 4995));
	T(pwrite(fd, block, 10, 5000));
	T(posix_fallocate(fd, 0, 6000));
}

static void file_size_signal(void)
{
	int fd = open("size", O_RDWR | O_CREAT | O_TRUNC, 0600);
	set(RLIMIT_FSIZE, 10);
	write(fd, "0123456789", 10);
	write(fd, "x", 1);
}

static void address_space(void)
{
	T(set(RLIMIT_AS, 64 << 20));
	T(mmap(NULL, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0);
	T(mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	T(brk((char *)sbrk(0) + (100 << 20)));
}

static void data(void)
{
	char *end = sbrk(0);
	T(set(RLIMIT_DATA, 1 << 20));
	T(brk(end + (8 << 20)));
	T(sbrk(0) == end);
}

static int deep(int n)
{
	volatile char frame[4096];
	frame[0] = (char)n;
	return n == 0 ? 0 : deep(n - 1) + frame[0];
}

static void stack(void)
{
	T(set(RLIMIT_STACK, 512 << 10));
	T(deep(50) != -1);
	fflush(stdout);
	deep(200);
}

int main(int argc, char **argv)
{
	struct rlimit l = {1, 2}, old;
	if (argc > 1) {
		getrlimit(RLIMIT_NOFILE, &l);
		printf("after exec %ld\n", (long)l.rlim_cur);
		return 0;
	}
	in_child(descriptors, "descriptors");
	in_child(file_size, "file size");
	in_child(file_size_signal, "file size, signal");
	in_child(address_space, "address space");
	in_child(data, "data");
	in_child(stack, "stack");
	T(setrlimit(99, &l));
	T(getrlimit(-1, &l));
	l = (struct rlimit){3, 2};
	T(setrlimit(RLIMIT_CORE, &l));
	T(prlimit(0, RLIMIT_CORE, &(struct rlimit){0, RLIM_INFINITY}, &old));
	T(prlimit(getpid(), RLIMIT_CORE, NULL, &old));
	printf("%ld %d\n", (long)old.rlim_cur, old.rlim_max == RLIM_INFINITY);
	T(prlimit(999999, RLIMIT_CORE, NULL, &old));
	T(set(RLIMIT_NOFILE, 77));
	fflush(stdout);
	if (fork() == 0) {
		execl(argv[0], argv[0], "again", (char *)NULL);
		_exit(1);
	}
	wait(NULL);
	unlink("size");
	return 0;
}
