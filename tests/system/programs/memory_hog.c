/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Takes all memory it can get, and touches it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	for (int round = 0; round < 2; round++) {
		pid_t p = fork();
		if (p == 0) {
			for (;;) {
				char *m = malloc(1 << 20);
				if (m == NULL)
					_exit(12);
				memset(m, 1, 1 << 20);
			}
		}
		int status;
		waitpid(p, &status, 0);
		printf("hog ended: %s\n", WIFSIGNALED(status) ? "killed" : "refused");
		fflush(stdout);
	}
	return 0;
}
