/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sparse files, file size limit, statfs, fallocate, SEEK_DATA */
#include "twin.h"

int main(void)
{
	struct stat st;
	char buf[16];
	int fd = open("s", O_RDWR | O_CREAT, 0600);
	T(pwrite(fd, "end", 3, 10 << 20));
	fstat(fd, &st);
	printf("%ld %d\n", (long)st.st_size, st.st_blocks < 2048);
	T(pread(fd, buf, 16, 5 << 20));
	printf("%d\n", buf[0]);
	T(lseek(fd, 0, SEEK_DATA));
	T(lseek(fd, 10 << 20, SEEK_HOLE));
	T(lseek(fd, 20 << 20, SEEK_DATA));
	T(fallocate(fd, 0, 0, 8192));
	T(fallocate(fd, 0, 0, 0));
	T(posix_fallocate(fd, 0, 100));
	signal(SIGXFSZ, SIG_IGN);
	struct rlimit rl = {1000, RLIM_INFINITY};
	T(setrlimit(RLIMIT_FSIZE, &rl));
	int g = open("g", O_RDWR | O_CREAT, 0600);
	char big[2000] = {0};
	T(write(g, big, 2000));
	T(write(g, big, 1));
	T(ftruncate(g, 2000));
	signal(SIGXFSZ, SIG_DFL);
	pid_t p = fork();
	if (p == 0) {
		write(g, big, 1);
		_exit(0);
	}
	printf("%d\n", WTERMSIG(wait_status(p)));
	struct statfs sf;
	T(statfs("/tmp", &sf));
	printf("%lx %d\n", (long)sf.f_type, sf.f_bsize > 0 && sf.f_blocks > 0);
	T(fstatfs(99, &sf));
	T(fsync(fd));
	T(fdatasync(fd));
	T(fsync(99));
	return 0;
}
