/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* mremap in all its ways, MAP_FIXED_NOREPLACE, memory shared between processes, files that shrink under a mapping */
#include "twin.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#define PAGE 4096ul

static char *reserve(unsigned pages)
{
	return mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int is_mapped(void *p)
{
	unsigned char v;
	return mincore(p, PAGE, &v) == 0;
}

/* A result as an offset from where it was, or the error. */
static void show(const char *what, void *r, void *from)
{
	if (r == MAP_FAILED)
		printf("%s: %s\n", what, strerror(errno));
	else
		printf("%s: %s\n", what, r == from ? "same place" : "moved");
}

static void resize(void)
{
	char *m = reserve(8);
	m[0] = 'a', m[PAGE] = 'b', m[7 * PAGE] = 'c';
	show("shrink", mremap(m, 8 * PAGE, 4 * PAGE, 0), m);
	printf("%d %d\n", is_mapped(m + 3 * PAGE), is_mapped(m + 4 * PAGE));
	show("grow in place", mremap(m, 4 * PAGE, 6 * PAGE, 0), m);
	printf("%c %c %d\n", m[0], m[PAGE], m[5 * PAGE]);
	mmap(m + 6 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	show("no room", mremap(m, 6 * PAGE, 8 * PAGE, 0), m);
	char *n = mremap(m, 6 * PAGE, 8 * PAGE, MREMAP_MAYMOVE);
	show("may move", n, m);
	printf("%c %c %d %d\n", n[0], n[PAGE], n[7 * PAGE], is_mapped(m));
	char *t = reserve(8);
	memset(t, 't', 8 * PAGE);
	show("fixed", mremap(n, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, t + PAGE), t + PAGE);
	printf("%c %c %c %c %d\n", t[0], t[PAGE], t[2 * PAGE], t[3 * PAGE], is_mapped(n));
	show("overlapping", mremap(t, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, t + 2 * PAGE), t);
	show("fixed without maymove", mremap(t, PAGE, PAGE, MREMAP_FIXED, t + 6 * PAGE), t);
	show("unaligned", mremap(t + 1, PAGE, 2 * PAGE, MREMAP_MAYMOVE), t);
	show("to nothing", mremap(t, PAGE, 0, MREMAP_MAYMOVE), t);
	show("bad flags", mremap(t, PAGE, PAGE, 16), t);
	show("same size", mremap(t, 3 * PAGE, 3 * PAGE, 0), t);
	munmap(t + 2 * PAGE, PAGE);
	show("across a hole", mremap(t, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE), t);
	show("not mapped", mremap(t + 2 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE), t);
	mprotect(t + PAGE, PAGE, PROT_READ);
	show("two areas", mremap(t, 2 * PAGE, 8 * PAGE, MREMAP_MAYMOVE), t);
	show("kernel", mremap((void *)0xffffffff80000000, PAGE, 2 * PAGE, MREMAP_MAYMOVE), t);
	show("huge", mremap(t, PAGE, 1ul << 46, MREMAP_MAYMOVE), t);
}

static void no_replace(void)
{
	char *m = reserve(4);
	munmap(m + PAGE, PAGE);
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	show("hole", mmap(m + PAGE, PAGE, PROT_READ, flags, -1, 0), m + PAGE);
	show("taken", mmap(m + PAGE, PAGE, PROT_READ, flags, -1, 0), m + PAGE);
	show("partly taken", mmap(m + 3 * PAGE, 4 * PAGE, PROT_READ, flags, -1, 0), m);
	show("unaligned", mmap(m + 1, PAGE, PROT_READ, flags, -1, 0), m);
	munmap(m, 4 * PAGE);
	show("free", mmap(m, 4 * PAGE, PROT_READ, flags, -1, 0), m);
}

static void shared(void)
{
	int *m = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	m[0] = 1;
	if (fork() == 0) {
		m[0]++;
		int *moved = mremap(m, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, reserve(2));
		moved[1] = 42;
		if (fork() == 0) {
			moved[PAGE / 4] = 7;
			_exit(0);
		}
		wait(NULL);
		_exit(0);
	}
	wait(NULL);
	printf("shared %d %d %d\n", m[0], m[1], m[PAGE / 4]);
	char *p = reserve(1);
	*p = 'p';
	if (fork() == 0) {
		*p = 'q';
		_exit(0);
	}
	wait(NULL);
	printf("private %c\n", *p);
}

static void touch_in_child(const char *what, volatile char *at, int is_write)
{
	fflush(stdout);
	pid_t p = fork();
	if (p == 0) {
		if (is_write)
			*at = 1;
		else
			(void)*at;
		_exit(0);
	}
	int status = wait_status(p);
	printf("%s: signal %d\n", what, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

static void files(void)
{
	int fd = open("f", O_RDWR | O_CREAT, 0600);
	ftruncate(fd, 3 * PAGE + 100);
	char *m = mmap(NULL, 6 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *q = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, PAGE);
	memcpy(m + PAGE, "hello", 5);
	printf("private sees %.5s\n", q);
	q[0] = 'j';
	printf("after copy: %.5s %.5s\n", q, m + PAGE);
	if (fork() == 0) {
		memcpy(m + 2 * PAGE, "child", 5);
		_exit(0);
	}
	wait(NULL);
	char text[6] = "";
	pread(fd, text, 5, 2 * PAGE);
	printf("read %s\n", text);
	touch_in_child("last page", m + 3 * PAGE + 200, 1);
	touch_in_child("beyond the end", m + 4 * PAGE, 0);
	ftruncate(fd, PAGE);
	touch_in_child("truncated", m + 2 * PAGE, 0);
	touch_in_child("truncated, private", q, 0);
	ftruncate(fd, 3 * PAGE);
	printf("extended %d\n", m[2 * PAGE]);
	int ro = open("f", O_RDONLY);
	show("shared write of a read-only file", mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, ro, 0), m);
	char *r = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 0);
	T(mprotect(r, PAGE, PROT_READ | PROT_WRITE));
	int wo = open("f", O_WRONLY);
	show("write-only file", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, wo, 0), m);
	show("length 0", mmap(NULL, 0, PROT_READ, MAP_PRIVATE, fd, 0), m);
	show("unaligned offset", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 1), m);
	show("neither shared nor private", mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0), m);
	show("bad descriptor", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 99, 0), m);
	int p[2];
	pipe(p);
	show("pipe", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, p[0], 0), m);
	int d = open(".", O_RDONLY);
	show("directory", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, d, 0), m);
	unlink("f");
	printf("unlinked %.5s\n", m + 2 * PAGE);
}

int main(void)
{
	resize();
	no_replace();
	shared();
	files();
	return 0;
}
