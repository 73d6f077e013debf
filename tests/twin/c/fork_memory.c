/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* copy on write over many pages, stacks, deep recursion */
#include "twin.h"

static int deep(int n)
{
	volatile char pad[1000];
	pad[n % 1000] = (char)n;
	return n == 0 ? 0 : deep(n - 1) + (pad[n % 1000] != 0);
}
int main(void)
{
	unsigned char *m = malloc(4 << 20);
	for (int i = 0; i < 4 << 20; i++)
		m[i] = (unsigned char)(i * 7);
	for (int round = 0; round < 5; round++) {
		pid_t p = fork();
		if (p == 0) {
			unsigned sum = 0;
			for (int i = 0; i < 4 << 20; i += 4096)
				m[i] = (unsigned char)round;
			for (int i = 0; i < 4 << 20; i += 1024)
				sum += m[i];
			_exit((int)(sum & 0x7f));
		}
		printf("%d\n", WEXITSTATUS(wait_status(p)));
	}
	unsigned sum = 0;
	for (int i = 0; i < 4 << 20; i += 1024)
		sum += m[i];
	printf("%u\n", sum);
	printf("%d\n", deep(5000));
	pid_t p = fork();
	if (p == 0) {
		deep(100000000);
		_exit(0);
	}
	printf("%d\n", WTERMSIG(wait_status(p)));
	return 0;
}
