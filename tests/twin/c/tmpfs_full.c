// SPDX-License-Identifier: MIT OR Apache-2.0
/* a file system that fills up: what fits is written and counted, the next call says ENOSPC; room that is given back can be used */
#include <sys/mount.h>

#include "twin.h"

static char block[40 << 10];

static void fill(const char *name, size_t piece)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct stat st;
	printf("pieces of %zu\n", piece);
	for (ssize_t n = (ssize_t)piece; n == (ssize_t)piece;) {
		errno = 0;
		n = write(fd, block, piece);
		printf("%zd %s\n", n, n < 0 ? strerror(errno) : "");
	}
	T(write(fd, block, piece));
	T(write(fd, block, 1));
	T(pwrite(fd, block, 10, 100));
	fstat(fd, &st);
	printf("size %ld\n", (long)st.st_size);
	T(ftruncate(fd, 5000));
	T(lseek(fd, 0, SEEK_END));
	T(write(fd, block, 3000));
	T(write(fd, block, 20000));
	T(ftruncate(fd, 0));
	struct iovec three[3] = {{block, 30000}, {block, 30000}, {block, 30000}};
	T(lseek(fd, 0, SEEK_SET));
	T(writev(fd, three, 3));
	T(writev(fd, three, 3));
	T(close(fd));
	T(unlink(name));
}

int main(void)
{
	T(mkdir("small", 0700));
	T(mount("none", "small", "tmpfs", 0, "size=64k"));
	T(chdir("small"));
	fill("f", sizeof(block));
	fill("f", 3000);
	int fd = open("f", O_RDWR | O_CREAT, 0600);
	T(posix_fallocate(fd, 0, 128 << 10));
	T(posix_fallocate(fd, 0, 64 << 10));
	T(write(fd, block, 4096));
	T(lseek(fd, 0, SEEK_END));
	T(write(fd, block, 1));
	T(close(fd));
	T(chdir(".."));
	T(umount("small"));
	T(rmdir("small"));
	return 0;
}
