/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* handlers, masks, pending, siginfo, nesting */
#include "twin.h"

static volatile int count;
static void on(int s, siginfo_t *si, void *c)
{
	(void)c;
	count++;
	printf("signal %d code %d pid %d\n", s, si->si_code, si->si_pid == getpid());
}
static void nest(int s)
{
	printf("in %d\n", s);
	if (s == SIGUSR1)
		raise(SIGUSR2);
	printf("out %d\n", s);
}
int main(void)
{
	struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO}, old;
	sigset_t s, p;
	sigaction(SIGUSR1, &sa, NULL);
	T(raise(SIGUSR1));
	T(kill(getpid(), SIGUSR1));
	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	T(sigprocmask(SIG_BLOCK, &s, NULL));
	raise(SIGUSR1);
	raise(SIGUSR1);
	sigpending(&p);
	printf("pending %d count %d\n", sigismember(&p, SIGUSR1), count);
	T(sigprocmask(SIG_UNBLOCK, &s, NULL));
	printf("count %d\n", count);
	sa.sa_flags |= SA_RESETHAND;
	sigaction(SIGUSR2, &sa, NULL);
	raise(SIGUSR2);
	sigaction(SIGUSR2, NULL, &old);
	printf("reset %d\n", old.sa_handler == SIG_DFL);
	signal(SIGUSR1, nest);
	signal(SIGUSR2, nest);
	raise(SIGUSR1);
	T(sigaction(SIGKILL, &sa, NULL));
	T(sigaction(0, &sa, NULL));
	T(sigaction(65, &sa, NULL));
	T(kill(getpid(), 99));
	T(kill(getpid(), 0));
	T(kill(999999, SIGTERM));
	union sigval v = {.sival_int = 42};
	sa.sa_flags = SA_SIGINFO;
	sigemptyset(&s);
	sigaddset(&s, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &s, NULL);
	sigaction(SIGRTMIN, &sa, NULL);
	for (int i = 0; i < 3; i++)
		sigqueue(getpid(), SIGRTMIN, v);
	siginfo_t si;
	T(sigwaitinfo(&s, &si) == SIGRTMIN);
	printf("%d %d\n", si.si_value.sival_int, si.si_code);
	sigprocmask(SIG_UNBLOCK, &s, NULL);
	struct timespec ts = {0, 10000000};
	T(sigtimedwait(&s, &si, &ts));
	printf("count %d\n", count);
	return 0;
}
