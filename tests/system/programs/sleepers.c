// SPDX-License-Identifier: MIT OR Apache-2.0
/* Forks children that only sleep, until no more are to be had, says how it ended, and stays, trying for more now and then. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	int count = 0;
	for (;;) {
		pid_t pid = fork();
		if (pid == 0)
			for (;;)
				pause();
		if (pid < 0)
			break;
		count++;
	}
	printf("%s then %s\n", count > 20 ? "many," : "few,",
	       errno == EAGAIN || errno == ENOMEM ? "no more" : strerror(errno));
	fflush(stdout);
	for (;;) {
		(void)!fork();
		usleep(10000);
	}
}
