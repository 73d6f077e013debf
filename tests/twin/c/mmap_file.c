/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* file mappings: private, shared, coherence, truncation, fork */
#include "twin.h"

#include <setjmp.h>
static sigjmp_buf jb;
static void on(int s)
{
	siglongjmp(jb, s);
}
int main(void)
{
	char buf[8];
	int fd = open("f", O_RDWR | O_CREAT, 0600);
	signal(SIGBUS, on);
	for (int i = 0; i < 3000; i++)
		write(fd, "abcdefgh", 8);
	char *s = mmap(NULL, 24000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *p = mmap(NULL, 24000, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	printf("%c %c %d\n", s[8], p[9], s[24000]);
	s[0] = 'S';
	pread(fd, buf, 1, 0);
	printf("read sees %c, private %c\n", buf[0], p[0]);
	pwrite(fd, "W", 1, 1);
	printf("maps see %c %c\n", s[1], p[1]);
	p[2] = 'P';
	pwrite(fd, "Q", 1, 2);
	printf("private keeps %c, shared %c\n", p[2], s[2]);
	pid_t c = fork();
	if (c == 0) {
		s[3] = 'C';
		p[3] = 'C';
		_exit(0);
	}
	wait_status(c);
	printf("after child %c %c\n", s[3], p[3]);
	T(ftruncate(fd, 4096));
	int r = sigsetjmp(jb, 1);
	if (r == 0)
		printf("%c\n", s[8192]);
	printf("bus %d\n", r == SIGBUS);
	T(ftruncate(fd, 24000));
	printf("%d\n", s[8192]);
	close(fd);
	unlink("f");
	printf("%c\n", s[0]);
	fd = open("ro", O_RDONLY | O_CREAT, 0600);
	T(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	T(mmap(NULL, 4096, PROT_WRITE, MAP_PRIVATE, fd, 0) == MAP_FAILED);
	T(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 100) == MAP_FAILED);
	int *a = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	c = fork();
	if (c == 0) {
		a[0] = 99;
		_exit(0);
	}
	wait_status(c);
	printf("%d\n", a[0]);
	return 0;
}
