// SPDX-License-Identifier: MIT OR Apache-2.0
/* paths through another process's /proc/PID/fd, cwd and root: opened and looked at anew, for those who might trace it */
#include "twin.h"

static pid_t child;

static const char *at(const char *rest)
{
	static char path[2][256];
	static int turn;
	turn ^= 1;
	snprintf(path[turn], sizeof(path[turn]), "/proc/%d/%s", (int)child, rest);
	return path[turn];
}

/* Opens, says what kind it is, reads. */
static void look(const char *rest, int flags)
{
	struct stat st = {0};
	char text[16] = "";
	errno = 0;
	int fd = open(at(rest), flags, 0600);
	printf("open %s %x: %s\n", rest, (unsigned)flags, fd < 0 ? strerror(errno) : "");
	if (fd < 0)
		return;
	fstat(fd, &st);
	printf("mode %o size %ld offset %ld\n", S_ISCHR(st.st_mode) ? S_IFCHR : st.st_mode,
	       S_ISREG(st.st_mode) ? (long)st.st_size : 0, (long)lseek(fd, 0, SEEK_CUR));
	if (!(flags & O_PATH) && (flags & O_ACCMODE) != O_WRONLY && S_ISREG(st.st_mode)) {
		T(read(fd, text, 5));
		printf("%.5s\n", text);
	}
	close(fd);
}

static void status(const char *rest)
{
	struct stat st = {0};
	int r = stat(at(rest), &st);
	printf("stat %s: %s %o %ld\n", rest, r < 0 ? strerror(errno) : "", st.st_mode,
	       S_ISREG(st.st_mode) ? (long)st.st_size : 0);
}

static void everything(void)
{
	look("fd/10", O_RDONLY);
	look("fd/10", O_RDWR);
	look("fd/10", O_RDWR | O_CREAT);
	look("fd/10", O_RDWR | O_CREAT | O_EXCL);
	look("fd/10", O_RDONLY | O_NOFOLLOW);
	look("fd/10", O_RDONLY | O_DIRECTORY);
	look("fd/10/", O_RDONLY);
	look("fd/10/x", O_RDONLY);
	look("fd/11", O_PATH);
	look("fd/12", O_RDONLY | O_NONBLOCK);
	look("fd/12", O_WRONLY | O_NONBLOCK);
	look("fd/14", O_RDONLY | O_DIRECTORY);
	look("fd/14/", O_RDONLY | O_DIRECTORY);
	look("fd/14/inside", O_RDONLY);
	look("fd/14/../plain", O_RDONLY);
	look("fd/14/missing", O_RDONLY);
	look("fd/14/made", O_RDWR | O_CREAT);
	look("fd/15", O_RDONLY);
	look("fd/17", O_RDWR | O_NOCTTY);
	look("fd/99", O_RDONLY);
	look("cwd/inside", O_RDONLY);
	look("cwd/../plain", O_RDONLY);
	look("root/proc/self/nothing", O_RDONLY);
	status("fd/10");
	status("fd/11");
	status("fd/12");
	status("fd/14");
	status("fd/14/inside");
	status("fd/99");
	status("cwd");
	T(access(at("fd/10"), R_OK | W_OK));
	T(chmod(at("fd/15"), 0640));
	T(truncate(at("fd/15"), 3));
	T(mkdir(at("fd/14/new"), 0700));
	T(rename(at("fd/14/new"), at("cwd/newer")));
	T(rmdir(at("cwd/newer")));
	T(link(at("fd/14/inside"), at("fd/14/linked")));
	T(unlink(at("cwd/linked")));
	T(unlink(at("fd/14")));
	T(unlink("/proc/version"));
	T(rmdir("/proc/self"));
	T(chdir(at("cwd")));
	T(access("inside", F_OK));
	T(chdir(".."));
}

static void make(const char *name, const char *text)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	T(write(fd, text, strlen(text)));
	close(fd);
}

static void hold(const int *tell, const int *stay)
{
	int ends[2];
	char c;
	int fd = open("plain", O_RDWR);
	T(read(fd, &c, 1));
	dup2(fd, 10);
	dup2(open("plain", O_PATH), 11);
	T(pipe(ends));
	dup2(ends[0], 12);
	dup2(ends[1], 13);
	dup2(open("dir", O_RDONLY | O_DIRECTORY), 14);
	make("gone", "was here");
	dup2(open("gone", O_RDWR), 15);
	T(unlink("gone"));
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	T(grantpt(master) || unlockpt(master));
	dup2(open(ptsname(master), O_RDWR | O_NOCTTY), 17);
	T(chdir("dir"));
	write(tell[1], "x", 1);
	close(stay[1]);
	T(read(stay[0], &c, 1));
	exit(0);
}

int main(void)
{
	int tell[2], stay[2];
	char c;
	make("plain", "hello world");
	T(mkdir("dir", 0755));
	make("dir/inside", "within");
	pipe(tell);
	pipe(stay);
	fflush(stdout);
	child = fork();
	if (child == 0)
		hold(tell, stay);
	T(read(tell[0], &c, 1));
	everything();
	fflush(stdout);
	if (fork() == 0) {
		T(setresuid(1000, 1000, 1000));
		look("fd/10", O_RDONLY);
		look("fd/14/inside", O_RDONLY);
		look("cwd/inside", O_RDONLY);
		status("fd/10");
		status("cwd");
		exit(0);
	}
	wait(NULL);
	close(stay[1]);
	printf("child %d\n", wait_status(child));
	status("fd/10");
	return 0;
}
