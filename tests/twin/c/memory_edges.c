/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* errors and corners of memory calls: limits, growing stacks, fault codes, shared memory over fork, threads' stacks, pipes into unmapped memory */
#include "twin.h"

#include <setjmp.h>
static sigjmp_buf jb;
static volatile int code;
static void *volatile where;
static void on(int s, siginfo_t *info, void *context)
{
	(void)context;
	code = info->si_code;
	where = info->si_addr;
	siglongjmp(jb, s);
}
static void probe(const char *what, volatile char *p, int writes)
{
	int s = sigsetjmp(jb, 1);
	if (s == 0) {
		if (writes)
			*p = 1;
		else
			(void)*p;
		printf("%s: fine\n", what);
		return;
	}
	printf("%s: signal %d code %d address %s\n", what, s, code, where == p ? "as touched" : "other");
}
static int resident(char *p, size_t pages)
{
	unsigned char vec[64];
	int n = 0;
	if (mincore(p, pages * 4096, vec) != 0)
		return -errno;
	for (size_t i = 0; i < pages; i++)
		n += vec[i] & 1;
	return n;
}
static void faults(char *a)
{
	printf("resident %d\n", resident(a, 64));
	a[0] = 1;
	a[20 * 4096] = 1;
	printf("resident at least 2: %d\n", resident(a, 64) >= 2);
	munmap(a + 4096, 4096);
	probe("hole", a + 4096 + 5, 0);
	printf("mincore over a hole %d\n", resident(a, 4));
	mprotect(a + 8192, 4096, PROT_NONE);
	probe("none", a + 8192, 0);
	mprotect(a + 12288, 4096, PROT_READ);
	probe("read only", a + 12288 + 77, 1);
	probe("null", (char *)8, 0);
	probe("kernel half", (char *)0xffff800000000000, 0);
	probe("non-canonical", (char *)0x8000000000000000, 1);
	int fd = open("f", O_RDWR | O_CREAT, 0600);
	ftruncate(fd, 5000);
	char *f = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	probe("inside", f + 4999, 1);
	probe("tail", f + 8000, 1);
	probe("behind the file", f + 8192, 0);
	T(read(fd, a + 4096, 10));
	T(write(fd, a + 8192, 10));
	T(read(fd, a + 12288, 10));
	int p[2];
	pipe(p);
	write(p[1], "0123456789", 10);
	T(read(p[0], a + 4096, 10));
	T(read(p[0], a, 100));
}
static void limits(void)
{
	struct rlimit old, rl;
	getrlimit(RLIMIT_AS, &old);
	rl = old;
	rl.rlim_cur = 64 << 20;
	T(setrlimit(RLIMIT_AS, &rl));
	T(mmap(NULL, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	printf("%s\n", strerror(errno));
	T(setrlimit(RLIMIT_AS, &old));
	rl = old;
	getrlimit(RLIMIT_STACK, &old);
	printf("stack %ld\n", (long)old.rlim_cur);
}
static void errors(char *a)
{
	char *s = mmap(NULL, 16 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	T(s != MAP_FAILED);
	T(mremap(a, 4096, 0, MREMAP_MAYMOVE) == MAP_FAILED);
	T(mremap(a + 1, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED);
	T(mremap(a, 3 * 4096, 5 * 4096, MREMAP_MAYMOVE) == MAP_FAILED);
	T(mremap((void *)0x1000, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED);
	T(mremap(a, 4096, 8192, 0x80) == MAP_FAILED);
	T(mprotect((void *)0x1000, 4096, PROT_READ));
	T(mprotect(a, 4096, 0x100));
	T(munmap((void *)0x1000, 4096));
	T(madvise(a + 4096, 4096, MADV_DONTNEED));
	T(madvise(a, 4096, 12345));
	T(madvise(a, 4096, MADV_WILLNEED));
	T(mlock(a + 4096, 4096));
	T(msync(a + 1, 4096, MS_SYNC));
	T(msync(a + 4096, 4096, MS_SYNC));
	T(mmap((void *)-4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED);
	printf("%s\n", strerror(errno));
	T(mmap(NULL, (size_t)1 << 47, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED);
	printf("%s\n", strerror(errno));
}
/* shared memory, private after fork, and both through three generations */
static int generations(void)
{
	volatile int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	volatile int *private = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int generation = 0; generation < 3; generation++) {
		pid_t child = fork();
		if (child == 0) {
			++*shared;
			++*private;
			continue;
		}
		wait_status(child);
		printf("generation %d: shared %d private %d\n", generation, *shared, *private);
		if (generation > 0)
			_exit(0);
		return 0;
	}
	fflush(stdout);
	_exit(0);
}
int main(void)
{
	struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	char *a = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	faults(a);
	limits();
	errors(a);
	return generations();
}
