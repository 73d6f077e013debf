/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Threads at the edges: main ends first, exec and fork from another thread, stack addresses, detached and many threads */
#include "twin.h"

static void *exec_it(void *a)
{
	(void)a;
	char *argv[] = {"sh", "-c", "echo exec from a thread; exit 21", NULL};
	execv("/bin/sh", argv);
	return NULL;
}
static void *fork_it(void *a)
{
	(void)a;
	pid_t p = fork();
	if (p == 0) {
		printf("one thread: %d\n", getpid() == (int)syscall(SYS_gettid));
		fflush(stdout);
		_exit(4);
	}
	return (void *)(long)WEXITSTATUS(wait_status(p));
}
static void *late(void *a)
{
	(void)a;
	usleep(50000);
	puts("the last one");
	fflush(stdout);
	exit(7);
}
static void *nothing(void *a)
{
	return a;
}
static void *spin(void *a)
{
	(void)a;
	while (pause())
		;
	return NULL;
}

static void in_child(void (*what)(void))
{
	fflush(stdout);
	pid_t p = fork();
	if (p == 0) {
		what();
		_exit(99);
	}
	int s = wait_status(p);
	printf("%s %d\n", WIFEXITED(s) ? "exit" : "signal", WIFEXITED(s) ? WEXITSTATUS(s) : WTERMSIG(s));
}
static void main_first(void)
{
	pthread_t t;
	pthread_create(&t, NULL, late, NULL);
	pthread_exit(NULL);
}
static void exec_other(void)
{
	pthread_t t;
	pthread_create(&t, NULL, spin, NULL);
	pthread_create(&t, NULL, exec_it, NULL);
	for (;;)
		pause();
}
static void many(void)
{
	int made = 0;
	for (int i = 0; i < 400; i++) {
		pthread_t t;
		if (pthread_create(&t, NULL, nothing, NULL) == 0) {
			made++;
			pthread_join(t, NULL);
		}
	}
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < 100; i++) {
		pthread_t t;
		while (pthread_create(&t, &attr, nothing, NULL) != 0)
			sched_yield();
	}
	_exit(made == 400 ? 5 : 6);
}
static void killed(void)
{
	pthread_t t[10];
	for (int i = 0; i < 10; i++)
		pthread_create(&t[i], NULL, spin, NULL);
	kill(getpid(), SIGKILL);
}
static void thread_kill(void)
{
	pthread_t t;
	pthread_create(&t, NULL, spin, NULL);
	pthread_kill(t, SIGTERM);
	pthread_join(t, NULL);
}
int main(void)
{
	pthread_t t;
	void *result;
	in_child(main_first);
	in_child(exec_other);
	in_child(many);
	in_child(killed);
	in_child(thread_kill);
	pthread_create(&t, NULL, fork_it, NULL);
	pthread_join(t, &result);
	printf("%ld\n", (long)result);
	pthread_create(&t, NULL, spin, NULL);
	T(pthread_cancel(t));
	pthread_join(t, &result);
	printf("%d\n", result == PTHREAD_CANCELED);
	return 0;
}
