/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* what only root may do, asked for by a user: mounts, power, clocks, names, identities, limits, others' files and processes */
#include "twin.h"

#include <grp.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/sysmacros.h>

static void system_calls(void)
{
	struct timeval tv = {.tv_sec = 1000};
	struct timespec ts = {.tv_sec = 1000};
	T(mount("none", ".", "tmpfs", 0, NULL));
	T(mount("none", "missing", "tmpfs", 0, NULL));
	T(umount("/proc"));
	T(umount("missing"));
	T(umount2("/proc", 0x7fffff));
	T(syscall(SYS_reboot, 0xfee1dead, 672274793, 0x4321fedc, 0));
	T(syscall(SYS_reboot, 0, 0, 0, 0));
	T(settimeofday(&tv, NULL));
	T(clock_settime(CLOCK_REALTIME, &ts));
	T(clock_settime(CLOCK_MONOTONIC, &ts));
	T(clock_settime(99, &ts));
	ts.tv_nsec = 1000000000;
	T(clock_settime(CLOCK_REALTIME, &ts));
	T(sethostname("x", 1));
	T(sethostname("x", -1));
	T(setdomainname("x", 1));
	T(chroot("/"));
	T(chroot("missing"));
	T(syscall(SYS_vhangup));
}

static void identities(void)
{
	gid_t groups[1] = {0};
	struct rlimit limit;
	T(setuid(0));
	T(setgid(0));
	T(setreuid(0, -1));
	T(setresuid(-1, 0, -1));
	T(setresuid(1000, 1000, 1000));
	T(setgroups(1, groups));
	T(setgroups(100000, groups));
	T(kill(1, 0));
	T(kill(getppid(), SIGTERM));
	T(setpriority(PRIO_PROCESS, 0, -5));
	T(setpriority(PRIO_PROCESS, 0, 5));
	T(setpriority(PRIO_PROCESS, 0, 0));
	T(setpriority(PRIO_PROCESS, getppid(), 7));
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_max++;
	T(setrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_max -= 11;
	limit.rlim_cur = limit.rlim_max;
	T(setrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_max += 10;
	T(setrlimit(RLIMIT_NOFILE, &limit));
	T(prlimit(getppid(), RLIMIT_NOFILE, NULL, &limit));
}

static void files(void)
{
	struct timespec times[2] = {{1, 0}, {2, 0}};
	T(open("secret", O_RDONLY));
	T(open("secret", O_WRONLY));
	T(open("readable", O_RDONLY) >= 0);
	T(open("readable", O_WRONLY));
	T(open("readable", O_RDONLY | O_TRUNC));
	T(truncate("readable", 0));
	T(chmod("readable", 0777));
	T(chown("readable", 1000, 1000));
	T(utimensat(AT_FDCWD, "readable", times, 0));
	T(utimensat(AT_FDCWD, "readable", NULL, 0));
	T(unlink("readable"));
	T(rename("readable", "other"));
	T(mkdir("new", 0777));
	T(symlink("x", "link"));
	T(access("secret", R_OK));
	T(access("readable", R_OK));
	T(access("readable", W_OK));
	T(mknod("own/null", S_IFCHR | 0666, makedev(1, 3)));
	T(mknod("own/fifo", S_IFIFO | 0666, 0));
	T(open("closed/inside", O_RDONLY));
	T(stat("closed/inside", &(struct stat){0}));
	T(chdir("closed"));
	T(rmdir("closed"));
	T(unlink("sticky/of-root"));
	T(rename("sticky/of-root", "sticky/renamed"));
	T(open("sticky/mine", O_CREAT | O_WRONLY, 0600) >= 0);
	T(unlink("sticky/mine"));
	T(execl("no-x", "no-x", (char *)NULL));
	T(chown("own/fifo", 1000, 0));
	T(chown("own/fifo", 0, -1));
	T(chown("own/fifo", -1, 1000));
}

static void make_file(const char *name, mode_t mode)
{
	close(open(name, O_CREAT | O_WRONLY, mode));
	chmod(name, mode);
}

int main(void)
{
	make_file("secret", 0600);
	make_file("readable", 0644);
	make_file("no-x", 0644);
	mkdir("closed", 0700);
	make_file("closed/inside", 0666);
	mkdir("own", 0700);
	chown("own", 1000, 1000);
	mkdir("sticky", 0777);
	chmod("sticky", 01777);
	make_file("sticky/of-root", 0666);
	pid_t p = fork();
	if (p == 0) {
		setgroups(0, NULL);
		setgid(1000);
		setuid(1000);
		system_calls();
		identities();
		files();
		_exit(0);
	}
	printf("%d\n", wait_status(p));
	return 0;
}
