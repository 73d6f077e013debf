/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* fork, wait in all its forms, exit statuses */
#include "twin.h"

int main(void)
{
	int status;
	struct rusage ru;
	siginfo_t si;
	T(wait(&status));
	for (int i = 0; i < 3; i++) {
		pid_t p = fork();
		if (p == 0)
			_exit(i * 50);
		T(waitpid(p, &status, 0) == p);
		printf("%d %d\n", WIFEXITED(status), WEXITSTATUS(status));
	}
	pid_t p = fork();
	if (p == 0) {
		pause();
		_exit(1);
	}
	T(waitpid(p, &status, WNOHANG));
	T(kill(p, SIGKILL));
	T(wait4(p, &status, 0, &ru) == p);
	printf("%d %d\n", WIFSIGNALED(status), WTERMSIG(status));
	T(waitpid(p, &status, 0));
	p = fork();
	if (p == 0)
		abort();
	T(waitid(P_PID, (id_t)p, &si, WEXITED | WNOWAIT));
	printf("%d %d %d\n", si.si_code, si.si_status, si.si_pid == p);
	T(waitid(P_ALL, 0, &si, WEXITED));
	T(waitid(P_ALL, 0, &si, WEXITED));
	T(waitid(P_ALL, 0, &si, 0));
	int go[2];
	char c = 0;
	pipe(go);
	p = fork();
	if (p == 0) {
		raise(SIGSTOP);
		read(go[0], &c, 1); /* ends when it has been seen to go on */
		_exit(5);
	}
	T(waitpid(p, &status, WUNTRACED) == p);
	printf("%d %d\n", WIFSTOPPED(status), WSTOPSIG(status));
	T(kill(p, SIGCONT));
	T(waitpid(p, &status, WCONTINUED) == p);
	printf("%d\n", WIFCONTINUED(status));
	write(go[1], &c, 1);
	T(waitpid(p, &status, 0) == p);
	printf("%d\n", WEXITSTATUS(status));
	pid_t kids[20];
	for (int i = 0; i < 20; i++)
		if ((kids[i] = fork()) == 0)
			_exit(i);
	int sum = 0;
	while (wait(&status) > 0)
		sum += WEXITSTATUS(status);
	printf("sum %d\n", sum);
	p = vfork();
	if (p == 0)
		_exit(77);
	T(waitpid(p, &status, 0) == p);
	printf("%d\n", WEXITSTATUS(status));
	signal(SIGCHLD, SIG_IGN);
	if (fork() == 0)
		_exit(1);
	T(wait(&status));
	return 0;
}
