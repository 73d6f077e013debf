/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* terminal-less job control: stop and continue a group; orphaned groups */
#include "twin.h"

int main(void)
{
	int status;
	pid_t p = fork();
	if (p == 0) {
		setpgid(0, 0);
		pid_t c = fork();
		if (c == 0)
			for (;;)
				pause();
		for (;;)
			pause();
	}
	setpgid(p, p);
	usleep(50000);
	T(kill(-p, SIGSTOP));
	T(waitpid(p, &status, WUNTRACED) == p);
	printf("%d %d\n", WIFSTOPPED(status), WSTOPSIG(status));
	T(waitpid(p, &status, WUNTRACED | WNOHANG));
	T(kill(-p, SIGCONT));
	T(waitpid(p, &status, WCONTINUED) == p);
	T(kill(-p, SIGTERM));
	T(waitpid(p, &status, 0) == p);
	printf("%d\n", WTERMSIG(status));
	usleep(20000);
	T(kill(-p, 0));
	p = fork();
	if (p == 0) {
		signal(SIGTSTP, SIG_DFL);
		raise(SIGTSTP);
		_exit(3);
	}
	T(waitpid(p, &status, WUNTRACED) == p);
	printf("%d\n", WIFSTOPPED(status));
	T(kill(p, SIGKILL));
	T(waitpid(p, &status, WUNTRACED) == p);
	printf("%d\n", WIFSIGNALED(status));
	return 0;
}
