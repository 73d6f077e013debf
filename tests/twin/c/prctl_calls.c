/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* prctl: names, death signal of the parent, subreaper, the flags a program asks for, and what fork and exec do to them */
#include "twin.h"

static void show(const char *when)
{
	char name[17] = "";
	int signal = -1, subreaper = -1;
	prctl(PR_GET_NAME, name);
	prctl(PR_GET_PDEATHSIG, &signal);
	prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
	printf("%s: name %s signal %d subreaper %d no_new_privs %d keep %d\n", when, name, signal, subreaper,
	       prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_KEEPCAPS));
	fflush(stdout);
}

static void orphan(void)
{
	int p[2];
	char byte = 0;
	pipe(p);
	T(prctl(PR_SET_CHILD_SUBREAPER, 1));
	pid_t middle = fork();
	if (middle == 0) {
		if (fork() == 0) {
			close(p[1]);
			(void)!read(p[0], &byte, 1);
			_exit(getppid() == 1 ? 1 : 42);
		}
		_exit(0);
	}
	printf("middle %d\n", wait_status(middle));
	close(p[1]);
	int status = 0;
	T(wait(&status) > 0);
	printf("orphan %d\n", WEXITSTATUS(status));
}

static void parent_dies(void)
{
	int p[2];
	char byte = 0;
	pipe(p);
	pid_t middle = fork();
	if (middle == 0) {
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGUSR1);
			write(p[1], "r", 1);
			pause();
			_exit(0);
		}
		read(p[0], &byte, 1);
		_exit(0);
	}
	wait_status(middle);
	int status = 0;
	wait(&status); /* we are the subreaper */
	printf("child of a dead parent: signal %d\n", WTERMSIG(status));
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		show("after exec");
		return 0;
	}
	show("start");
	T(prctl(PR_SET_NAME, "a-name-that-is-too-long"));
	T(prctl(PR_SET_PDEATHSIG, SIGUSR2));
	T(prctl(PR_SET_PDEATHSIG, 65));
	T(prctl(PR_SET_PDEATHSIG, -1));
	orphan();
	show("set");
	fflush(stdout);
	pid_t p = fork();
	if (p == 0) {
		show("child");
		_exit(0);
	}
	wait_status(p);
	parent_dies();
	T(prctl(PR_SET_DUMPABLE, 2));
	T(prctl(PR_SET_DUMPABLE, 0));
	T(prctl(PR_GET_DUMPABLE));
	T(prctl(PR_SET_DUMPABLE, 1));
	T(prctl(PR_GET_DUMPABLE));
	T(prctl(PR_SET_KEEPCAPS, 2));
	T(prctl(PR_SET_KEEPCAPS, 1));
	T(prctl(PR_GET_KEEPCAPS));
	T(prctl(PR_SET_TIMERSLACK, 1000));
	T(prctl(PR_GET_TIMERSLACK));
	T(prctl(PR_SET_TIMERSLACK, 0));
	T(prctl(PR_GET_TIMERSLACK));
	T(prctl(PR_CAPBSET_READ, 0));
	T(prctl(PR_CAPBSET_READ, 1000));
	T(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
	T(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
	T(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	T(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	T(prctl(9999));
	fflush(stdout);
	execl(argv[0], argv[0], "again", (char *)NULL);
	return 1;
}
