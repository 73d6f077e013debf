/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* the *at calls and their flags */
#include "twin.h"

int main(void)
{
	struct stat st;
	uint8_t sx[256] = {0};
	char buf[64] = {0};
	T(mkdirat(AT_FDCWD, "d", 0755));
	int d = open("d", O_RDONLY | O_DIRECTORY);
	int f = openat(d, "f", O_CREAT | O_RDWR, 0644);
	write(f, "data", 4);
	T(symlinkat("f", d, "s"));
	T(readlinkat(d, "s", buf, 64));
	puts(buf);
	T(readlinkat(d, "f", buf, 64));
	T(fstatat(d, "s", &st, AT_SYMLINK_NOFOLLOW));
	printf("%o %ld\n", st.st_mode, (long)st.st_size);
	T(fstatat(d, "s", &st, 0));
	printf("%o %ld\n", st.st_mode, (long)st.st_size);
	T(fstatat(f, "", &st, AT_EMPTY_PATH));
	T(fstatat(f, "x", &st, 0));
	T(fstatat(99, "x", &st, 0));
	T(fstatat(99, "/tmp", &st, 0));
	T(syscall(SYS_statx, d, "f", 0, 0x7ff, sx));
	uint16_t mode;
	uint64_t size;
	memcpy(&mode, sx + 28, 2);
	memcpy(&size, sx + 40, 8);
	printf("%o %ld\n", mode, (long)size);
	T(linkat(d, "f", AT_FDCWD, "hard", 0));
	T(linkat(d, "s", AT_FDCWD, "hard2", AT_SYMLINK_FOLLOW));
	T(renameat(d, "f", AT_FDCWD, "moved"));
	T(syscall(SYS_renameat2, AT_FDCWD, "moved", AT_FDCWD, "hard", 1));
	T(faccessat(d, "s", F_OK, 0));
	T(faccessat(AT_FDCWD, "hard", R_OK | W_OK, 0));
	T(fchmodat(AT_FDCWD, "hard", 0600, 0));
	T(fchownat(AT_FDCWD, "hard", 5, 6, 0));
	T(unlinkat(AT_FDCWD, "d", 0));
	T(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR));
	T(unlinkat(d, "s", 0));
	T(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR));
	T(openat(d, "gone", O_CREAT | O_RDWR, 0600));
	T(mknodat(AT_FDCWD, "fifo", S_IFIFO | 0600, 0));
	struct timespec ts[2] = {{1000, 5}, {2000, 7}};
	T(utimensat(AT_FDCWD, "hard", ts, 0));
	stat("hard", &st);
	printf("%ld.%ld %ld.%ld %d:%d %o\n", (long)st.st_atim.tv_sec, st.st_atim.tv_nsec,
	       (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, st.st_uid, st.st_gid, st.st_mode);
	ts[0].tv_nsec = UTIME_OMIT;
	ts[1].tv_sec = 3000;
	T(utimensat(AT_FDCWD, "hard", ts, 0));
	stat("hard", &st);
	printf("%ld %ld\n", (long)st.st_atime, (long)st.st_mtime);
	return 0;
}
