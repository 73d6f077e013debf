/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sendfile, splice, copy_file_range; large reads and writes; partial results */
#include "twin.h"

static unsigned sum(int fd, off_t from, size_t n)
{
	unsigned char *b = malloc(n);
	ssize_t got = pread(fd, b, n, from);
	unsigned s = 0;
	for (ssize_t i = 0; i < got; i++)
		s = s * 31 + b[i];
	free(b);
	return s + (unsigned)got;
}
int main(void)
{
	int a = open("a", O_RDWR | O_CREAT | O_TRUNC, 0600), b = open("b", O_RDWR | O_CREAT | O_TRUNC, 0600),
	    p[2];
	unsigned char *big = malloc(300000);
	for (int i = 0; i < 300000; i++)
		big[i] = (unsigned char)(i * 13 + i / 256);
	T(write(a, big, 300000));
	T(lseek(a, 0, SEEK_SET));
	T(sendfile(b, a, NULL, 100000));
	T(lseek(a, 0, SEEK_CUR));
	off_t off = 5;
	T(sendfile(b, a, &off, 1000));
	printf("%ld\n", (long)off);
	printf("%u\n", sum(b, 0, 101000));
	T(sendfile(b, a, NULL, 0));
	off = 299990;
	T(sendfile(b, a, &off, 1000));
	T(sendfile(99, a, &off, 10));
	off_t in = 0, out = 1000;
	T(copy_file_range(a, &in, b, &out, 50000, 0));
	printf("%ld %ld %u\n", (long)in, (long)out, sum(b, 0, 60000));
	T(copy_file_range(a, NULL, b, NULL, 10, 1));
	pipe(p);
	in = 100;
	T(splice(a, &in, p[1], NULL, 4000, 0));
	printf("%ld\n", (long)in);
	T(splice(p[0], NULL, b, NULL, 4000, 0));
	T(ftruncate(b, 0));
	T(lseek(b, 0, SEEK_SET));
	if (fork() == 0) {
		close(p[0]);
		for (int i = 0; i < 300000;) {
			ssize_t n = write(p[1], big + i, (size_t)(300000 - i));
			if (n <= 0)
				_exit(1);
			i += (int)n;
		}
		_exit(0);
	}
	close(p[1]);
	unsigned char *back = calloc(1, 300000);
	int got = 0;
	ssize_t n;
	while ((n = read(p[0], back + got, (size_t)(300000 - got))) > 0)
		got += (int)n;
	printf("%d %d\n", got, memcmp(big, back, 300000));
	wait(NULL);
	struct iovec v[3] = {{back, 10}, {NULL, 0}, {back + 10, 200000}};
	memset(back, 0, 300000);
	T(preadv(a, v, 3, 7));
	printf("%d\n", memcmp(back, big + 7, 200010));
	T(pwritev(b, v, 3, 3));
	T(lseek(b, 0, SEEK_END));
	T(readv(a, v, -1));
	v[1].iov_len = (size_t)-1;
	T(readv(a, v, 3));
	T(read(a, back, 0));
	T(pread(a, back, 300000, 299999));
	T(pread(a, back, 10, -1));
	unlink("a");
	unlink("b");
	return 0;
}
