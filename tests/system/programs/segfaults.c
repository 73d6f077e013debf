// SPDX-License-Identifier: MIT OR Apache-2.0
/* Children that die of a wild pointer, as many as the argument says; the last word when all are gone. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 1, killed = 0, status;
	for (int i = 0; i < count; i++) {
		if (fork() == 0) {
			*(volatile int *)16 = 1;
			_exit(0);
		}
		wait(&status);
		killed += WIFSIGNALED(status) && WTERMSIG(status) == 11;
	}
	printf("%d died\n", killed);
	return 0;
}
