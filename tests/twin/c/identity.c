/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ids, groups, sessions, limits, uname, sysinfo, prctl */
#include "twin.h"

#include <grp.h>
#include <sys/sysinfo.h>
int main(void)
{
	gid_t g[4] = {7, 8, 9, 10}, out[40];
	struct rlimit rl;
	struct utsname u;
	struct sysinfo si;
	T(getuid());
	T(setgroups(3, g));
	T(getgroups(40, out));
	printf("%d %d %d\n", out[0], out[1], out[2]);
	T(getgroups(1, out));
	T(getpgrp() == getpgid(0));
	T(setpgid(0, 0));
	pid_t p = fork();
	if (p == 0) {
		T(setsid() == getpid());
		T(getsid(0) == getpid());
		T(setsid());
		T(setpgid(0, 0));
		T(setresgid(100, 100, 100));
		T(setresuid(1000, 1000, 0));
		T(geteuid());
		T(seteuid(0));
		T(seteuid(1000));
		T(setresuid(1000, 1000, 1000));
		T(setuid(0));
		T(setgid(0));
		T(setgroups(1, g));
		T(kill(1, 0));
		T(chown("/tmp", 0, 0));
		T(mknod("/tmp/zz", S_IFCHR | 0600, 0x103));
		T(setpriority(PRIO_PROCESS, 0, -5));
		fflush(stdout);
		_exit(0);
	}
	wait_status(p);
	T(getpgid(99999));
	T(setpgid(99999, 0));
	T(getrlimit(RLIMIT_NOFILE, &rl));
	rl.rlim_cur = 50;
	T(setrlimit(RLIMIT_NOFILE, &rl));
	T(getrlimit(RLIMIT_NOFILE, &rl));
	printf("%ld\n", (long)rl.rlim_cur);
	T(dup2(0, 60));
	rl.rlim_cur = 100;
	rl.rlim_max = 60;
	T(setrlimit(RLIMIT_NOFILE, &rl));
	T(getrlimit(99, &rl));
	T(uname(&u));
	printf("%s %s\n", u.sysname, u.machine);
	T(sysinfo(&si));
	printf("%d\n", si.totalram > 0 && si.procs > 0);
	char name[17] = {0};
	T(prctl(PR_SET_NAME, "renamed"));
	T(prctl(PR_GET_NAME, name));
	puts(name);
	T(umask(027));
	T(umask(022));
	T(getpriority(PRIO_PROCESS, 0));
	T(nice(3));
	T(sched_getscheduler(0));
	cpu_set_t set;
	T(sched_getaffinity(0, sizeof(set), &set) >= 0);
	T(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	T(prctl(99999));
	char host[65];
	T(gethostname(host, 65));
	T(getpid() == syscall(SYS_gettid));
	unsigned char rnd[32] = {0};
	T(syscall(SYS_getrandom, rnd, 32, 0));
	T(syscall(SYS_getrandom, (void *)1, 32, 0));
	T(syscall(999));
	return 0;
}
