/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Forks until it is refused, says with what, and ends them all. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	setpgid(0, 0);
	int forks = 0, error = 0;
	pid_t p;
	while ((p = fork()) > 0)
		forks++;
	error = errno;
	if (p == 0) {
		pause();
		_exit(0);
	}
	printf("%d forks, then\n%s\n", forks,
	       error == EAGAIN	 ? "EAGAIN"
	       : error == ENOMEM ? "ENOMEM"
				 : "another error");
	fflush(stdout);
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
	return 0;
}
