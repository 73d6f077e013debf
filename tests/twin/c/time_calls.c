/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* clocks, sleeping, timers, times */
#include "twin.h"
#include <elf.h>
#include <sys/auxv.h>

static volatile int n;
static void on(int s)
{
	(void)s;
	n++;
}
int main(void)
{
	struct timespec a, b, d = {0, 30000000};
	T(clock_gettime(CLOCK_MONOTONIC, &a));
	T(nanosleep(&d, NULL));
	clock_gettime(CLOCK_MONOTONIC, &b);
	long ns = (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec;
	printf("%d\n", ns >= 30000000);
	T(clock_gettime(CLOCK_REALTIME, &a));
	printf("%d\n", a.tv_sec > 1600000000);
	T(time(NULL) - a.tv_sec <= 1);
	T(clock_gettime(99, &a));
	T(clock_getres(CLOCK_MONOTONIC, &a));
	const char *vdso = (const char *)getauxval(AT_SYSINFO_EHDR);
	T(vdso != NULL && memcmp(vdso, ELFMAG, SELFMAG) == 0);
	T(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a));
	T(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a));
	T(clock_gettime(CLOCK_BOOTTIME, &a));
	d.tv_nsec = 2000000000;
	T(nanosleep(&d, NULL));
	clock_gettime(CLOCK_MONOTONIC, &b);
	b.tv_nsec += 10000000;
	if (b.tv_nsec >= 1000000000)
		b.tv_sec++, b.tv_nsec -= 1000000000;
	T(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &b, NULL));
	signal(SIGALRM, on);
	struct itimerval it = {{0, 10000}, {0, 10000}}, cur;
	T(setitimer(ITIMER_REAL, &it, NULL));
	while (n < 3)
		pause();
	T(getitimer(ITIMER_REAL, &cur));
	printf("%ld\n", (long)cur.it_interval.tv_usec);
	memset(&it, 0, sizeof(it));
	T(setitimer(ITIMER_REAL, &it, NULL));
	T(setitimer(9, &it, NULL));
	timer_t t;
	struct sigevent se = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	signal(SIGUSR1, on);
	T(timer_create(CLOCK_MONOTONIC, &se, &t));
	struct itimerspec its = {{0, 0}, {0, 10000000}};
	n = 0;
	T(timer_settime(t, 0, &its, NULL));
	pause();
	printf("%d\n", n);
	T(timer_delete(t));
	struct tms tms;
	T(times(&tms) > 0);
	struct rusage ru;
	T(getrusage(RUSAGE_SELF, &ru));
	T(getrusage(5, &ru));
	struct timeval tv;
	T(gettimeofday(&tv, NULL));
	return 0;
}
