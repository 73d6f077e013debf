/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sigwaitinfo, sigtimedwait, sigqueue, sigsuspend, pending sets, real-time order */
#include "twin.h"

static volatile int count;
static void on(int s, siginfo_t *si, void *c)
{
	(void)c;
	count++;
	printf("handler %d code %d value %d\n", s, si->si_code, si->si_value.sival_int);
}
int main(void)
{
	sigset_t set, old, pend;
	siginfo_t si;
	struct timespec zero = {0, 0}, shortly = {0, 50000000};
	struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN);
	sigaddset(&set, SIGRTMIN + 1);
	T(sigprocmask(SIG_BLOCK, &set, &old));
	T(sigtimedwait(&set, &si, &zero));
	T(sigtimedwait(&set, &si, &shortly));
	for (int i = 0; i < 3; i++) {
		T(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = i}));
		T(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 10 + i}));
	}
	T(kill(getpid(), SIGUSR1));
	T(kill(getpid(), SIGUSR1));
	T(sigpending(&pend));
	printf("%d %d %d %d\n", sigismember(&pend, SIGUSR1), sigismember(&pend, SIGRTMIN),
	       sigismember(&pend, SIGRTMIN + 1), sigismember(&pend, SIGUSR2));
	for (int i = 0; i < 4; i++) {
		int s = sigwaitinfo(&set, &si);
		printf("%d %d %d %d\n", s == SIGUSR1 ? 10 : s - SIGRTMIN, si.si_code,
		       si.si_code == SI_QUEUE ? si.si_value.sival_int : -1, si.si_pid == getpid());
	}
	sigaction(SIGRTMIN, &sa, NULL);
	sigaction(SIGRTMIN + 1, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	T(sigprocmask(SIG_SETMASK, &old, NULL));
	printf("%d\n", count);
	if (fork() == 0) {
		usleep(30000);
		sigqueue(getppid(), SIGUSR2, (union sigval){.sival_int = 77});
		_exit(0);
	}
	sigfillset(&set);
	sigdelset(&set, SIGUSR2);
	T(sigsuspend(&set));
	wait(NULL);
	sigprocmask(SIG_BLOCK, NULL, &pend);
	printf("%d\n", sigismember(&pend, SIGUSR1));
	if (fork() == 0) {
		usleep(30000);
		kill(getppid(), SIGUSR2);
		usleep(100000);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	T(sigwaitinfo(&set, &si));
	T(sigwaitinfo(&set, &si) == SIGUSR1);
	wait(NULL);
	signal(SIGUSR2, SIG_IGN);
	T(kill(getpid(), SIGUSR2));
	T(sigpending(&pend));
	printf("%d\n", sigismember(&pend, SIGUSR2));
	T(kill(getpid(), 65));
	T(kill(getpid(), 0));
	T(sigaction(SIGKILL, &sa, NULL));
	T(sigaction(65, &sa, NULL));
	return 0;
}
