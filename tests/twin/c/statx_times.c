/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* statx field by field, and utimensat with NOW, OMIT, other users, links, descriptors */
#include "twin.h"

#include <sys/sysmacros.h>

struct statx_time {
	int64_t sec;
	uint32_t nsec;
	int32_t unused;
};

struct statx_fields {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, unused0;
	uint64_t ino, size, blocks, attributes_mask;
	struct statx_time atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t unused[14];
};

static long sx(int dir, const char *name, int flags, unsigned mask, struct statx_fields *x)
{
	memset(x, 0, sizeof(*x));
	return syscall(SYS_statx, dir, name, flags, mask, x);
}

static void show(const char *name, int flags)
{
	struct statx_fields x;
	struct stat s;
	printf("%s:\n", name);
	T(sx(AT_FDCWD, name, flags, 0x7ff, &x));
	T(fstatat(AT_FDCWD, name, &s, flags));
	printf(" mask %x mode %o nlink %u uid %u gid %u size %ld blocks %ld blksize %u rdev %u:%u\n",
	       x.mask & 0x7ff, x.mode, x.nlink, x.uid, x.gid, S_ISDIR(x.mode) ? 0 : (long)x.size,
	       S_ISDIR(x.mode) ? 0 : (long)x.blocks, x.blksize, x.rdev_major, x.rdev_minor);
	printf(" same ino %d dev %d times %d %d %d\n", x.ino == s.st_ino,
	       x.dev_major == major(s.st_dev) && x.dev_minor == minor(s.st_dev),
	       x.atime.sec == s.st_atim.tv_sec && x.atime.nsec == s.st_atim.tv_nsec,
	       x.mtime.sec == s.st_mtim.tv_sec && x.mtime.nsec == s.st_mtim.tv_nsec,
	       x.ctime.sec == s.st_ctim.tv_sec && x.ctime.nsec == s.st_ctim.tv_nsec);
}

static void show_times(const char *name)
{
	struct stat s;
	lstat(name, &s);
	long now = time(NULL);
	printf("%s atime %ld.%09ld mtime %ld.%09ld\n", name, s.st_atime > now - 100 ? -1 : (long)s.st_atime,
	       s.st_atime > now - 100 ? 0 : s.st_atim.tv_nsec, s.st_mtime > now - 100 ? -1 : (long)s.st_mtime,
	       s.st_mtime > now - 100 ? 0 : s.st_mtim.tv_nsec);
}

static int set(const char *name, long a, long an, long m, long mn, int flags)
{
	struct timespec t[2] = {{a, an}, {m, mn}};
	return utimensat(AT_FDCWD, name, t, flags);
}

int main(void)
{
	struct statx_fields x;
	int fd = open("f", O_CREAT | O_RDWR, 0640);
	write(fd, "0123456789", 10);
	ftruncate(fd, 10000);
	mkdir("d", 0751);
	symlink("f", "l");
	link("f", "h");
	show("f", 0);
	show("d", 0);
	show("l", 0);
	show("l", AT_SYMLINK_NOFOLLOW);
	show("/dev/null", 0);
	T(sx(fd, "", AT_EMPTY_PATH, 0x7ff, &x));
	printf("%ld\n", (long)x.size);
	T(sx(fd, "", 0, 0x7ff, &x));
	T(sx(AT_FDCWD, "f", 0, 0x80000000, &x));
	T(sx(AT_FDCWD, "f", 0x2000 | 0x4000, 0x7ff, &x));
	T(sx(AT_FDCWD, "f", 0x6000, 0x7ff, &x));
	T(sx(AT_FDCWD, "f", 0x10, 0x7ff, &x));
	T(sx(99, "f", 0, 0x7ff, &x));
	T(sx(99, "/dev/null", 0, 0x7ff, &x));
	T(sx(fd, "f", 0, 0x7ff, &x));
	T(sx(AT_FDCWD, "f/x", 0, 0x7ff, &x));
	T(set("f", 1000, 5, 2000, 999999999, 0));
	show_times("f");
	T(set("f", 0, UTIME_OMIT, 3000, 7, 0));
	show_times("f");
	T(set("f", 0, UTIME_NOW, 0, UTIME_OMIT, 0));
	show_times("f");
	T(set("f", 0, UTIME_OMIT, 0, UTIME_OMIT, 0));
	T(set("missing", 0, UTIME_OMIT, 0, UTIME_OMIT, 0));
	T(set("f", 0, 1000000000, 0, 0, 0));
	T(set("f", 0, -1, 0, 0, 0));
	T(set("f", -5, 3, -1, 0, 0));
	show_times("f");
	T(set("l", 70, 1, 80, 2, AT_SYMLINK_NOFOLLOW));
	show_times("l");
	show_times("f");
	T(set("l", 71, 1, 81, 2, 0));
	show_times("f");
	T(set("f", 0, 0, 0, 0, 0x4000000));
	T(futimens(fd, (struct timespec[2]){{11, 12}, {13, 14}}));
	show_times("f");
	T(utimensat(fd, NULL, NULL, 0));
	show_times("f");
	T(utimensat(fd, NULL, NULL, AT_SYMLINK_NOFOLLOW));
	T(utimensat(99, NULL, NULL, 0));
	chmod("f", 0666);
	fflush(stdout);
	if (fork() == 0) {
		setgid(1000);
		setuid(1000);
		T(set("f", 1, 1, 1, 1, 0));
		T(utimensat(AT_FDCWD, "f", NULL, 0));
		T(set("f", 0, UTIME_NOW, 0, UTIME_NOW, 0));
		T(set("f", 0, UTIME_NOW, 0, UTIME_OMIT, 0));
		T(set("f", 0, UTIME_OMIT, 0, UTIME_OMIT, 0));
		_exit(0);
	}
	wait(NULL);
	return 0;
}
