/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* mmap, mprotect, munmap, mremap, madvise, brk */
#include "twin.h"

#include <setjmp.h>
static sigjmp_buf jb;
static void on(int s)
{
	siglongjmp(jb, s);
}
static int touches(volatile char *p, int w)
{
	int r = sigsetjmp(jb, 1);
	if (r == 0) {
		if (w)
			*p = 1;
		else
			(void)*p;
	}
	return r;
}
int main(void)
{
	signal(SIGSEGV, on);
	signal(SIGBUS, on);
	char *a = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	printf("%d %d\n", a != MAP_FAILED, a[12345]);
	memset(a, 7, 1 << 20);
	T(mprotect(a, 4096, PROT_READ));
	printf("%d %d\n", touches(a, 0), touches(a, 1));
	T(mprotect(a, 4096, PROT_NONE));
	printf("%d\n", touches(a, 0));
	T(munmap(a + 8192, 4096));
	printf("%d %d\n", touches(a + 8192, 0), touches(a + 12288, 1));
	T(munmap(a + 1, 4096));
	T(munmap(a, 0));
	T(mprotect(a + 1, 1, PROT_READ));
	T(mprotect(a + 8192, 4096, PROT_READ));
	a[16384] = 33;
	T(madvise(a + 16384, 4096, MADV_DONTNEED));
	printf("%d\n", a[16384]);
	char *b = mremap(a + 65536, 65536, 131072, MREMAP_MAYMOVE);
	printf("%d %d %d\n", b != MAP_FAILED, b[0], b[65536]);
	T(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	T(mmap((void *)4097, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED);
	T(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 99, 0) == MAP_FAILED);
	T(mmap(NULL, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	char *c =
		mmap(a + 32768, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	printf("%d %d %d\n", c == a + 32768, c[0], c[4096]);
	T(mmap(c, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED);
	char *brk0 = sbrk(0);
	(void)brk0;
	char *big = malloc(30 << 20);
	memset(big, 1, 30 << 20);
	printf("%d\n", big[(30 << 20) - 1]);
	unsigned char vec[4];
	T(mincore(c, 4096, vec));
	printf("%d\n", vec[0] & 1);
	T(msync(c, 4096, MS_SYNC));
	T(mlock(c, 4096));
	T(munlock(c, 4096));
	char *w = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (w != MAP_FAILED) {
		memcpy(w, "\xb8\x2a\0\0\0\xc3", 6);
		printf("%d\n", ((int (*)(void))(void *)w)());
	}
	return 0;
}
