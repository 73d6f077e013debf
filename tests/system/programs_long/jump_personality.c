/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Jumps to random places of the personality's area, and scribbles over its writable parts. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	uint64_t state = 7;
	for (int round = 0; round < 300; round++) {
		state = state * 6364136223846793005ull + 1442695040888963407ull;
		uint64_t r = state >> 16;
		pid_t p = fork();
		if (p == 0) {
			alarm(2);
			if (round % 3 == 0)
				memset((void *)(0x7fff50000000 + (r % 64) * 4096), (int)r, 4096);
			else if (round % 3 == 1)
				memset((void *)(0x7fff60048000 + r % 0x7000), (int)r, 4096);
			if (round % 2)
				((void (*)(void))(0x7fff00000000 + r % 0x40000000))();
			memset((void *)0x7fff60000000, (int)r, 4096); /* the message page */
			memset((void *)0x7fffffff0000, (int)r, 4096); /* the process page */
			(void)getppid();
			if (write(1, "", 0) < 0)
				_exit(1);
			_exit(0);
		}
		waitpid(p, NULL, 0);
	}
	puts("done");
	return 0;
}
