/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* robust futexes: the owner's thread or process ends in every way, a pending operation, lists that lie */
#include "twin.h"

#include <stddef.h>

/* linux/futex.h, which musl does not bring. */
#define FUTEX_WAIT 0
#define FUTEX_WAITERS 0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK 0x3fffffffu

struct robust_list {
	struct robust_list *next;
};

struct robust_list_head {
	struct robust_list list;
	long futex_offset;
	struct robust_list *list_op_pending;
};

struct lock {
	struct robust_list list;
	uint32_t word;
};

static struct robust_list_head *head;
static struct lock *locks; /* shared with children */

static void enqueue(struct robust_list_head *h, struct lock *lock)
{
	lock->list.next = h->list.next == NULL ? &h->list : h->list.next;
	h->list.next = &lock->list;
}

static void begin(struct robust_list_head *h)
{
	h->list.next = &h->list;
	h->futex_offset = (long)offsetof(struct lock, word) - (long)offsetof(struct lock, list);
	h->list_op_pending = NULL;
	syscall(SYS_set_robust_list, h, sizeof(*h));
}

static uint32_t me(void)
{
	return (uint32_t)syscall(SYS_gettid);
}

static void show(const char *what, const struct lock *lock)
{
	uint32_t w = lock->word;
	printf("%s: died %d waiters %d owner %d\n", what, (w & FUTEX_OWNER_DIED) != 0,
	       (w & FUTEX_WAITERS) != 0, (w & FUTEX_TID_MASK) != 0);
	fflush(stdout);
}

static void child_locks(int how)
{
	begin(head);
	for (int i = 0; i < 3; i++) {
		locks[i].word = me();
		enqueue(head, &locks[i]);
	}
	locks[3].word = me();
	head->list_op_pending = &locks[3].list; /* taken, not in the list yet */
	locks[4].word = me() + 1;
	enqueue(head, &locks[4]); /* in the list, somebody else's */
	if (how == 0)
		_exit(0);
	if (how == 1)
		kill(getpid(), SIGKILL);
	if (how == 2)
		execl("/bin/true", "true", (char *)NULL);
	if (how == 3)
		syscall(SYS_exit, 0);
	abort();
}

static void ends_of_processes(void)
{
	for (int how = 0; how < 5; how++) {
		memset(locks, 0, 8 * sizeof(*locks));
		pid_t p = fork();
		if (p == 0)
			child_locks(how);
		wait_status(p);
		printf("end %d\n", how);
		for (int i = 0; i < 5; i++)
			show("  lock", &locks[i]);
	}
}

static void waiter(void)
{
	memset(locks, 0, 8 * sizeof(*locks));
	int ready[2];
	char byte;
	pipe(ready);
	pid_t p = fork();
	if (p == 0) {
		begin(head);
		locks[0].word = me() | FUTEX_WAITERS;
		enqueue(head, &locks[0]);
		write(ready[1], "x", 1);
		usleep(100000);
		_exit(0);
	}
	read(ready[0], &byte, 1);
	struct timespec limit = {.tv_sec = 20};
	uint32_t seen = locks[0].word;
	long r = syscall(SYS_futex, &locks[0].word, FUTEX_WAIT, seen, &limit, NULL, 0);
	printf("woken %ld %s\n", r, r ? strerror(errno) : "");
	show("  lock", &locks[0]);
	wait_status(p);
}

static void *thread(void *argument)
{
	struct robust_list_head mine;
	struct lock *lock = argument;
	begin(&mine);
	lock->word = me();
	enqueue(&mine, lock);
	syscall(SYS_exit, 0);
	return NULL;
}

static void end_of_a_thread(void)
{
	pthread_t t;
	memset(locks, 0, 8 * sizeof(*locks));
	pthread_create(&t, NULL, thread, &locks[0]);
	for (int i = 0; i < 1000 && !(locks[0].word & FUTEX_OWNER_DIED); i++)
		usleep(1000);
	show("thread", &locks[0]);
}

static void lists_that_lie(void)
{
	for (int how = 0; how < 4; how++) {
		memset(locks, 0, 8 * sizeof(*locks));
		pid_t p = fork();
		if (p == 0) {
			begin(head);
			locks[0].word = me();
			enqueue(head, &locks[0]);
			if (how == 0)
				locks[0].list.next = &locks[0].list; /* a circle */
			if (how == 1)
				locks[0].list.next = (void *)0x1000;
			if (how == 2)
				head->futex_offset = 1;
			if (how == 3)
				syscall(SYS_set_robust_list, (void *)0x1000, sizeof(*head));
			_exit(how);
		}
		printf("lie %d: %d\n", how, WEXITSTATUS(wait_status(p)));
		show("  lock", &locks[0]);
	}
}

static void pthread_robust(void)
{
	pthread_mutexattr_t a;
	pthread_mutex_t *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(m, &a);
	if (fork() == 0) {
		pthread_mutex_lock(m);
		_exit(0);
	}
	wait(NULL);
	T(pthread_mutex_lock(m) == EOWNERDEAD);
	T(pthread_mutex_consistent(m));
	T(pthread_mutex_unlock(m));
	T(pthread_mutex_lock(m));
}

int main(void)
{
	locks = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	head = (struct robust_list_head *)((char *)locks + 4096);
	T(syscall(SYS_set_robust_list, head, sizeof(*head) - 1));
	ends_of_processes();
	waiter();
	end_of_a_thread();
	lists_that_lie();
	pthread_robust();
	return 0;
}
