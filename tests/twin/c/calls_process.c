/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls about processes that no other case uses: groups of ids, scheduling, limits, small ones */
#include "twin.h"

static void ids(void)
{
	uid_t a, b, c;
	T(getresuid(&a, &b, &c));
	printf("%u %u %u\n", a, b, c);
	T(getresgid(&a, &b, &c));
	printf("%u %u %u\n", a, b, c);
	T(syscall(SYS_getresuid, 1, 1, 1));
	T(getgid());
	T(getegid());
	T(getpgrp() == getpgid(0));
	T(setregid(-1, 40));
	T(getegid());
	T(setreuid(-1, 30));
	T(geteuid());
	T(setreuid(1, 1));
	T(setregid(50, 50));
	T(syscall(SYS_setfsuid, 30));
	T(syscall(SYS_setfsgid, 40));
	T(setreuid(-1, 0));
	T(geteuid());
}
static void scheduling(void)
{
	struct sched_param p = {.sched_priority = 0}, rt = {.sched_priority = 5};
	struct timespec slice;
	cpu_set_t set;
	T(syscall(SYS_sched_getscheduler, 0));
	T(syscall(SYS_sched_getscheduler, -1));
	T(syscall(SYS_sched_getparam, 0, &p));
	T(p.sched_priority);
	T(syscall(SYS_sched_setparam, 0, &p));
	T(syscall(SYS_sched_setparam, 0, &rt));
	T(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &p));
	T(syscall(SYS_sched_setscheduler, 0, 99, &p));
	T(sched_get_priority_max(SCHED_FIFO));
	T(sched_get_priority_min(SCHED_RR));
	T(sched_get_priority_max(SCHED_OTHER));
	T(sched_get_priority_max(77));
	T(sched_rr_get_interval(0, &slice));
	T(sched_rr_get_interval(-1, &slice));
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	T(sched_setaffinity(0, sizeof(set), &set));
	CPU_ZERO(&set);
	T(sched_setaffinity(0, sizeof(set), &set));
	T(sched_getaffinity(0, 4, &set));
}
static void small(void)
{
	unsigned cpu = 99, node = 99;
	T(syscall(SYS_getcpu, &cpu, &node, NULL));
	printf("%d %u\n", cpu < 64, node);
	T(syscall(SYS_personality, 0xffffffff));
	T(syscall(SYS_time, NULL) > 1000000000);
	T(syscall(SYS_time, 1));
	T(syscall(SYS_membarrier, 8, 0));
	T(syscall(SYS_membarrier, 4096, 0));
	T(syscall(SYS_mlock2, 0x10000, 0L, 4));
	T(mlockall(0));
	T(munlockall());
	T(syscall(SYS_socket, 77, 1, 0));
	struct rlimit r;
	T(getrlimit(RLIMIT_NOFILE, &r));
	r.rlim_cur = 50;
	T(setrlimit(RLIMIT_NOFILE, &r));
	T(dup2(0, 50));
	T(dup2(0, 49));
	r.rlim_cur = r.rlim_max + 1;
	T(setrlimit(RLIMIT_NOFILE, &r));
	T(getrlimit(77, &r));
	void *head;
	size_t len;
	T(syscall(SYS_get_robust_list, 0, &head, &len));
	T(len);
	T(syscall(SYS_restart_syscall));
}
static void on(int s, siginfo_t *si, void *c)
{
	(void)c;
	printf("%d %d %d\n", s, si->si_code, si->si_value.sival_int);
}
static void signals(void)
{
	struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
	siginfo_t si = {.si_code = SI_QUEUE};
	sigaction(SIGUSR1, &sa, NULL);
	si.si_value.sival_int = 8;
	si.si_signo = SIGUSR1;
	T(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, &si));
	T(syscall(SYS_rt_tgsigqueueinfo, getpid(), 999999, SIGUSR1, &si));
	T(syscall(SYS_rt_tgsigqueueinfo, -1, 1, SIGUSR1, &si));
	T(syscall(SYS_tkill, getpid(), 0));
	T(syscall(SYS_alarm, 100));
	T(syscall(SYS_alarm, 0));
}
int main(void)
{
	small();
	scheduling();
	signals();
	ids();
	return 0;
}
