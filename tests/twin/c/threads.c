/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* pthreads: create, join, mutex, condition, TLS, cancellation */
#include "twin.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static int turn, total;
static __thread int mine;
static void *add(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		pthread_mutex_lock(&m);
		total++;
		pthread_mutex_unlock(&m);
		mine++;
		if (i % 500 == 0)
			sched_yield();
	}
	return (void *)((long)arg + mine);
}
static void *ping(void *arg)
{
	long me = (long)arg;
	for (int i = 0; i < 50; i++) {
		pthread_mutex_lock(&m);
		while (turn != me)
			pthread_cond_wait(&c, &m);
		turn = 1 - turn;
		pthread_cond_broadcast(&c);
		pthread_mutex_unlock(&m);
	}
	return NULL;
}
static void *forever(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}
int main(void)
{
	pthread_t t[8];
	void *r;
	for (long i = 0; i < 8; i++)
		printf("%d\n", pthread_create(&t[i], NULL, add, (void *)i));
	for (int i = 0; i < 8; i++) {
		pthread_join(t[i], &r);
		printf("%ld\n", (long)r);
	}
	printf("total %d mine %d\n", total, mine);
	pthread_create(&t[0], NULL, ping, (void *)0);
	pthread_create(&t[1], NULL, ping, (void *)1);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	printf("turn %d\n", turn);
	pthread_create(&t[0], NULL, forever, NULL);
	pthread_cancel(t[0]);
	pthread_join(t[0], &r);
	printf("cancelled %d\n", r == PTHREAD_CANCELED);
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += 50000000;
	if (ts.tv_nsec >= 1000000000)
		ts.tv_sec++, ts.tv_nsec -= 1000000000;
	pthread_mutex_lock(&m);
	printf("%s\n", strerror(pthread_cond_timedwait(&c, &m, &ts)));
	pthread_mutex_unlock(&m);
	pthread_create(&t[0], NULL, forever, NULL);
	pid_t p = fork();
	if (p == 0)
		_exit(4);
	printf("%d\n", WEXITSTATUS(wait_status(p)));
	fflush(stdout);
	exit(6);
}
