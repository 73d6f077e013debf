/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* setitimer, alarm, timer_create and what they deliver */
#include "twin.h"

static volatile int alarms, rt, value;
static void on(int s, siginfo_t *si, void *c)
{
	(void)c;
	if (s == SIGALRM) {
		alarms++;
	} else {
		rt++;
		value = si->si_value.sival_int;
	}
}
int main(void)
{
	struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
	struct itimerval it = {{0, 20000}, {0, 20000}}, cur;
	sigaction(SIGALRM, &sa, NULL);
	sigaction(SIGRTMIN, &sa, NULL);
	T(setitimer(ITIMER_REAL, &it, NULL));
	while (alarms < 3)
		pause();
	T(getitimer(ITIMER_REAL, &cur));
	printf("%ld %d\n", (long)cur.it_interval.tv_usec, cur.it_value.tv_usec <= 20000);
	memset(&it, 0, sizeof(it));
	T(setitimer(ITIMER_REAL, &it, &cur));
	printf("%ld\n", (long)cur.it_interval.tv_usec);
	T(alarm(10));
	T(alarm(0));
	T(setitimer(5, &it, NULL));
	it.it_value.tv_usec = 1000000;
	T(setitimer(ITIMER_REAL, &it, NULL));
	struct sigevent ev = {
		.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 42};
	timer_t t;
	T(timer_create(CLOCK_MONOTONIC, &ev, &t));
	struct itimerspec s = {{0, 0}, {0, 20000000}}, left;
	T(timer_settime(t, 0, &s, NULL));
	while (!rt)
		pause();
	printf("%d %d\n", rt, value);
	T(timer_gettime(t, &left));
	printf("%ld %ld\n", (long)left.it_value.tv_sec, left.it_value.tv_nsec);
	T(timer_getoverrun(t));
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	s.it_value = now;
	s.it_value.tv_nsec += 30000000;
	if (s.it_value.tv_nsec >= 1000000000) {
		s.it_value.tv_sec++;
		s.it_value.tv_nsec -= 1000000000;
	}
	rt = 0;
	T(timer_settime(t, TIMER_ABSTIME, &s, &left));
	while (!rt)
		pause();
	T(timer_delete(t));
	T(timer_delete(t));
	T(timer_create(99, &ev, &t));
	struct timespec req = {0, 50000000}, rem;
	it.it_value.tv_usec = 10000;
	setitimer(ITIMER_REAL, &it, NULL);
	T(nanosleep(&req, &rem));
	printf("%d\n", rem.tv_nsec > 10000000 && rem.tv_nsec < 50000000);
	req.tv_nsec = 1000000000;
	T(nanosleep(&req, &rem));
	T(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &req, NULL) != 0);
	return 0;
}
