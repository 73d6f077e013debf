/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* a read that is interrupted loses no byte */
#include "twin.h"

static void on(int s)
{
	(void)s;
}
int main(void)
{
	int p[2];
	struct sigaction sa = {.sa_handler = on};
	sigaction(SIGALRM, &sa, NULL);
	pipe(p);
	pid_t c = fork();
	if (c == 0) {
		for (int i = 0; i < 3000; i++) {
			unsigned char b = (unsigned char)i;
			write(p[1], &b, 1);
			if (i % 10 == 0)
				sched_yield();
		}
		_exit(0);
	}
	close(p[1]);
	struct itimerval it = {{0, 500}, {0, 500}};
	setitimer(ITIMER_REAL, &it, NULL);
	int next = 0, bad = 0;
	for (;;) {
		unsigned char b;
		long r = read(p[0], &b, 1);
		if (r == 0)
			break;
		if (r < 0)
			continue;
		if (b != (unsigned char)next)
			bad++;
		next++;
	}
	memset(&it, 0, sizeof(it));
	setitimer(ITIMER_REAL, &it, NULL);
	wait_status(c);
	printf("%d bytes, %d out of order\n", next, bad);
	return 0;
}
