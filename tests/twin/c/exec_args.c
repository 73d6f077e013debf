/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* execve: arguments, environment, close-on-exec, errors */
#include "twin.h"

extern char **environ;
static void handler(int s)
{
	(void)s;
}
int main(int argc, char **argv)
{
	if (argc > 1) {
		printf("%d %s %s\n", argc, argv[1], getenv("E") ? getenv("E") : "-");
		printf("5 %d 6 %d\n", fcntl(5, F_GETFD), fcntl(6, F_GETFD));
		sigset_t s;
		sigprocmask(SIG_BLOCK, NULL, &s);
		struct sigaction sa;
		sigaction(SIGUSR1, NULL, &sa);
		printf("mask %d usr1 %d ", sigismember(&s, SIGUSR2), sa.sa_handler == SIG_DFL);
		sigaction(SIGHUP, NULL, &sa);
		printf("hup %d\n", sa.sa_handler == SIG_IGN);
		return 9;
	}
	char *args[] = {"self", "arg with space", NULL}, *env[] = {"E=env", NULL};
	sigset_t s;
	sigemptyset(&s);
	sigaddset(&s, SIGUSR2);
	sigprocmask(SIG_BLOCK, &s, NULL);
	signal(SIGUSR1, handler);
	signal(SIGHUP, SIG_IGN);
	dup2(1, 5);
	dup3(1, 6, O_CLOEXEC);
	fflush(stdout);
	pid_t p = fork();
	if (p == 0) {
		execve("/proc/self/exe", args, env);
		_exit(1);
	}
	printf("%d\n", WEXITSTATUS(wait_status(p)));
	T(execve("nofile", args, env));
	T(execve("/tmp", args, env));
	close(open("notexec", O_CREAT | O_WRONLY, 0644));
	T(execve("notexec", args, env));
	int fd = open("empty", O_CREAT | O_WRONLY, 0755);
	close(fd);
	T(execve("empty", args, env));
	fd = open("garbage", O_CREAT | O_WRONLY, 0755);
	write(fd, "\177ELF\2\1\1garbagegarbagegarbagegarbagegarbagegarbagegarbagegarbagegarbage", 72);
	close(fd);
	T(execve("garbage", args, env));
	T(execve((char *)1, args, env));
	T(execve("garbage", (char **)1, env));
	char **many = calloc(300000, sizeof(char *));
	char *big = malloc(100001);
	memset(big, 'x', 100000);
	big[100000] = 0;
	for (int i = 0; i < 100; i++)
		many[i] = big;
	T(execve("/proc/self/exe", many, env));
	char *sh[] = {"sh", "-c", "echo $0 $1", "zero", "one", NULL};
	fflush(stdout);
	execve("/bin/sh", sh, environ);
	return 1;
}
