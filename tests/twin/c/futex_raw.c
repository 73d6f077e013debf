/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* futex operations */
#include "twin.h"

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_PRIVATE_FLAG 128
static int word;
static long futex(int *w, int op, int v, void *t, int *w2, int v3)
{
	return syscall(SYS_futex, w, op, v, t, w2, v3);
}
static void *wait_it(void *arg)
{
	(void)arg;
	while (__atomic_load_n(&word, __ATOMIC_SEQ_CST) == 0)
		futex(&word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0);
	return NULL;
}
int main(void)
{
	struct timespec ts = {0, 20000000};
	T(futex(&word, FUTEX_WAIT, 1, NULL, NULL, 0));
	T(futex(&word, FUTEX_WAIT, 0, &ts, NULL, 0));
	T(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
	T(futex((int *)1, FUTEX_WAKE, 1, NULL, NULL, 0));
	T(futex((int *)0x1000, FUTEX_WAIT, 0, NULL, NULL, 0));
	T(futex(&word, 77, 0, NULL, NULL, 0));
	pthread_t t[4];
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, wait_it, NULL);
	usleep(50000);
	__atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
	T(futex(&word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 100, NULL, NULL, 0));
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t p = fork();
	if (p == 0) {
		while (__atomic_load_n(shared, __ATOMIC_SEQ_CST) == 0)
			futex(shared, FUTEX_WAIT, 0, NULL, NULL, 0);
		_exit(shared[0]);
	}
	usleep(50000);
	shared[0] = 21;
	T(futex(shared, FUTEX_WAKE, 1, NULL, NULL, 0));
	printf("%d\n", WEXITSTATUS(wait_status(p)));
	ts.tv_nsec = -1;
	T(futex(&word, FUTEX_WAIT, 1, &ts, NULL, 0));
	return 0;
}
