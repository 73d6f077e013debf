/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* readv, writev, preadv, pwritev, sendfile, copy_file_range */
#include "twin.h"

int main(void)
{
	char a[4], b[100];
	struct iovec out[3] = {{"one", 3}, {"", 0}, {"three", 5}}, in[2] = {{a, 4}, {b, 100}};
	int fd = open("f", O_RDWR | O_CREAT, 0600);
	T(writev(fd, out, 3));
	T(lseek(fd, 0, SEEK_SET));
	T(readv(fd, in, 2));
	printf("%.4s %.4s\n", a, b);
	T(preadv(fd, in, 2, 2));
	T(pwritev(fd, out, 3, 100));
	T(writev(fd, out, -1));
	T(writev(fd, out, 5000));
	struct iovec bad = {(void *)1, 10};
	T(writev(fd, &bad, 1));
	T(readv(fd, (void *)1, 1));
	int g = open("g", O_RDWR | O_CREAT, 0600);
	off_t off = 0;
	T(sendfile(g, fd, &off, 50));
	printf("off %ld\n", (long)off);
	T(lseek(g, 0, SEEK_CUR));
	T(sendfile(g, 99, NULL, 1));
	loff_t i = 0, o = 200;
	T(copy_file_range(fd, &i, g, &o, 10, 0));
	struct stat st;
	fstat(g, &st);
	printf("%ld\n", (long)st.st_size);
	int p[2];
	pipe(p);
	off = 0;
	T(sendfile(p[1], fd, &off, 8));
	T(read(p[0], b, 100));
	return 0;
}
