/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* open flags and their errors */
#include "twin.h"

int main(void)
{
	char buf[32];
	T(open("none", O_RDONLY));
	int fd = open("f", O_RDWR | O_CREAT | O_EXCL, 0640);
	T(fd);
	T(open("f", O_CREAT | O_EXCL, 0600));
	T(write(fd, "0123456789", 10));
	T(lseek(fd, 2, SEEK_SET));
	T(read(fd, buf, 3));
	printf("%.3s\n", buf);
	T(lseek(fd, -1, SEEK_SET));
	T(lseek(fd, 100, SEEK_END));
	T(read(fd, buf, 3));
	T(lseek(fd, 0, 99));
	int a = open("f", O_WRONLY | O_APPEND);
	T(write(a, "X", 1));
	T(read(a, buf, 1));
	T(lseek(a, 0, SEEK_CUR));
	T(pwrite(fd, "YY", 2, 20));
	T(pread(fd, buf, 30, 0));
	T(pread(fd, buf, 1, -1));
	T(ftruncate(fd, 5));
	T(ftruncate(fd, -1));
	T(open("f/x", O_RDONLY));
	T(open(".", O_WRONLY));
	T(open("f", O_DIRECTORY));
	symlink("f", "l");
	T(open("l", O_NOFOLLOW));
	T(open("", O_RDONLY));
	T(open("newdir/", O_CREAT | O_WRONLY, 0600));
	int t = open("f", O_WRONLY | O_TRUNC);
	struct stat st;
	T(fstat(t, &st));
	printf("size %ld mode %o\n", (long)st.st_size, st.st_mode);
	T(fcntl(a, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK));
	T(fcntl(a, F_SETFL, O_NONBLOCK));
	T(fcntl(a, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK));
	T(close(a));
	T(close(a));
	T(read(a, buf, 1));
	T(open("f", O_PATH));
	char big[5000];
	memset(big, 'a', sizeof(big));
	big[300] = 0;
	T(open(big, O_RDONLY));
	T(write(fd, NULL, 0));
	T(read(fd, (void *)1, 1));
	T(write(fd, (void *)1, 1));
	T(open((char *)1, 0));
	T(unlink("f"));
	T(pwrite(fd, "after", 5, 0));
	T(pread(fd, buf, 5, 0));
	T(fstat(fd, &st));
	printf("links %ld\n", (long)st.st_nlink);
	return 0;
}
