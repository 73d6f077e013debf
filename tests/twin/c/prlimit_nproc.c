/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* limits on processes, memory and descriptors are errors, not deaths */
#include "twin.h"

int main(void)
{
	struct rlimit rl = {200 << 20, 200 << 20};
	T(setrlimit(RLIMIT_AS, &rl));
	T(mmap(NULL, 400 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	T(malloc(500 << 20) == NULL);
	int n = 0;
	while (dup(0) >= 0)
		n++;
	printf("%d %s\n", n > 100, strerror(errno));
	for (int i = 3; i < 2000; i++)
		close(i);
	pid_t p = fork();
	if (p == 0) {
		setpgid(0, 0);
		struct rlimit np = {5, 5};
		setrlimit(RLIMIT_NPROC, &np);
		setresuid(4242, 4242, 4242);
		int forks = 0, error = 0;
		for (int i = 0; i < 10; i++) {
			pid_t c = fork();
			if (c == 0) {
				pause();
				_exit(0);
			}
			if (c < 0) {
				error = errno;
				break;
			}
			forks++;
		}
		printf("%d %s\n", forks, strerror(error));
		fflush(stdout);
		kill(0, SIGKILL);
	}
	printf("%d\n", WTERMSIG(wait_status(p)));
	return 0;
}
