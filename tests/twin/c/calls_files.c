/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls on files that no other case uses, most of them raw */
#include "twin.h"

#include <sys/epoll.h>
#include <utime.h>

static void show(const char *path)
{
	struct stat st;
	printf("%s: %d", path, lstat(path, &st));
	printf(" %o %u:%u %lld", st.st_mode, st.st_uid, st.st_gid, (long long)st.st_size);
	if (st.st_mtim.tv_sec < 10000000) /* set by us; else the clock */
		printf(" %lld.%09ld %lld", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (long long)st.st_atim.tv_sec);
	puts("");
}
static void set_times(void)
{
	long t[2] = {1000000, 2000000}, tv[4] = {5, 6, 7, 8}, bad[4] = {5, 2000000, 7, 8};
	T(syscall(SYS_utime, "a", t));
	show("a");
	T(syscall(SYS_utimes, "a", tv));
	show("a");
	T(syscall(SYS_futimesat, AT_FDCWD, "a", tv));
	T(syscall(SYS_utimes, "a", bad));
	T(syscall(SYS_utime, "none", t));
	T(syscall(SYS_utime, "a", 1));
}
static void owners(int fd)
{
	T(fchown(fd, 5, 6));
	show("a");
	T(symlink("a", "l"));
	T(lchown("l", 7, 8));
	show("l");
	T(fchown(99, 1, 1));
	T(lchown("none", 1, 1));
}
static void directories(void)
{
	char buf[200];
	T(mkdir("d", 0755));
	int d = open("d", O_RDONLY | O_DIRECTORY);
	T(fchdir(d));
	T(strcmp(strrchr(getcwd(buf, 200), '/'), "/d"));
	T(fchdir(99));
	T(chdir(".."));
	int f = open("a", O_RDONLY);
	T(fchdir(f));
	T(chdir("a"));
	T(chdir("none"));
}
static void sizes(int fd)
{
	struct statfs fs;
	T(fallocate(fd, 0, 0, 5000));
	show("a");
	T(fallocate(fd, 0, -1, 5));
	T(fallocate(fd, 0, 0, 0));
	T(fstatfs(fd, &fs));
	T(fstatfs(99, &fs));
	T(fsync(fd));
	T(fdatasync(fd));
	T(fsync(99));
	T(syncfs(fd));
	sync();
	T(posix_fadvise(fd, 0, 100, POSIX_FADV_SEQUENTIAL));
	T(posix_fadvise(fd, 0, 100, 77));
	T(readahead(fd, 0, 100));
	T(sync_file_range(fd, 0, 100, 2));
}
static void vectors(int fd)
{
	char b[10] = "0123456789";
	struct iovec v = {b, 10};
	T(syscall(SYS_pwritev2, fd, &v, 1, 3L, 0L, 0));
	T(syscall(SYS_preadv2, fd, &v, 1, 3L, 0L, 0));
	T(syscall(SYS_preadv2, fd, &v, 1, -1L, 0L, 0));
	T(syscall(SYS_preadv2, fd, &v, 1, 0L, 0L, 0x8000));
}
static void opens(void)
{
	uint64_t how[3] = {O_RDONLY | O_CLOEXEC, 0, 0};
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, "a", how, sizeof(how));
	T(fcntl(fd, F_GETFD));
	how[0] = 1ul << 40;
	T(syscall(SYS_openat2, AT_FDCWD, "a", how, sizeof(how)));
	T(syscall(SYS_openat2, AT_FDCWD, "a", how, 8));
	T(syscall(SYS_faccessat2, AT_FDCWD, "a", R_OK, AT_EACCESS));
	T(syscall(SYS_faccessat2, AT_FDCWD, "a", 8, 0));
	T(syscall(SYS_faccessat2, AT_FDCWD, "l", F_OK, AT_SYMLINK_NOFOLLOW));
	T(syscall(SYS_creat, "c", 0640) > 2);
	show("l");
	int m = memfd_create("name", MFD_CLOEXEC);
	T(write(m, "hello", 5));
	T(lseek(m, 0, SEEK_END));
	T(memfd_create("x", 0x8000));
	T(syscall(SYS_eventfd, 3) > 2);
	T(syscall(SYS_epoll_create, 0));
	int e = (int)syscall(SYS_epoll_create, 5);
	struct timespec ts = {0, 1000000};
	struct epoll_event ev[2];
	T(syscall(SYS_epoll_wait, e, ev, 2, 1));
	T(syscall(441, e, ev, 2, &ts, NULL, 8L)); /* epoll_pwait2 */
}
static void exec_at(void)
{
	char *argv[] = {"busybox", "echo", "by descriptor", NULL}, *envp[] = {NULL};
	fflush(stdout);
	pid_t p = fork();
	if (p == 0) {
		int fd = open("/bin/busybox", O_RDONLY);
		syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
		_exit(errno);
	}
	printf("%d\n", WEXITSTATUS(wait_status(p)));
	T(syscall(SYS_execveat, AT_FDCWD, "", argv, envp, 0));
	T(syscall(SYS_execveat, AT_FDCWD, "a", argv, envp, 0));
	T(syscall(SYS_execveat, 99, "a", argv, envp, 0));
}
int main(void)
{
	int fd = open("a", O_RDWR | O_CREAT, 0600);
	set_times();
	owners(fd);
	directories();
	sizes(fd);
	vectors(fd);
	opens();
	exec_at();
	T(chroot("none"));
	T(mkdir("root", 0755));
	T(chroot("root"));
	T(chdir("/"));
	char buf[100];
	T(strcmp(getcwd(buf, 100), "/"));
	T(open("/bin/sh", O_RDONLY));
	T(open("../../a", O_RDONLY));
	return 0;
}
