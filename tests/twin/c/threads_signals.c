/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* signals to threads, masks of threads, exit_group from a thread */
#include "twin.h"

static volatile int got, told;
static void on(int s)
{
	(void)s;
	got = gettid();
}
static void *waiter(void *arg)
{
	sigset_t s;
	int sig;
	(void)arg;
	sigemptyset(&s);
	sigaddset(&s, SIGUSR2);
	sigwait(&s, &sig);
	printf("waiter %d\n", sig);
	return NULL;
}
static void *sleeper(void *arg)
{
	*(int *)arg = gettid();
	while (!got || !told) /* told: main has printed its line */
		usleep(1000);
	printf("taken by sleeper %d\n", got == gettid());
	return NULL;
}
static void *ender(void *arg)
{
	(void)arg;
	fflush(stdout);
	exit(3);
}
int main(void)
{
	pthread_t t, u;
	sigset_t s;
	volatile int tid = 0;
	sigemptyset(&s);
	sigaddset(&s, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &s, NULL);
	pthread_create(&t, NULL, waiter, NULL);
	kill(getpid(), SIGUSR2);
	pthread_join(t, NULL);
	signal(SIGUSR1, on);
	pthread_create(&u, NULL, sleeper, (void *)&tid);
	while (!tid)
		usleep(1000);
	T(syscall(SYS_tgkill, getpid(), tid, SIGUSR1));
	told = 1;
	pthread_join(u, NULL);
	while (syscall(SYS_tgkill, getpid(), tid, SIGUSR1) == 0) /* join returns a little before the end */
		usleep(1000);
	T(syscall(SYS_tgkill, getpid(), tid, SIGUSR1));
	T(syscall(SYS_tgkill, getpid(), -1, SIGUSR1));
	pthread_create(&t, NULL, ender, NULL);
	pause();
	for (;;)
		pause();
}
