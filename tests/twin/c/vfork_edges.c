/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* vfork: the child's writes are the parent's, every way it can end, signals, descriptors, a vfork within */
#include "twin.h"

static volatile int shared, handled;
static int descriptors[2];

static void handler(int signal)
{
	handled = signal;
}

/* Each in a function of its own: the child uses its parent's stack. */
static __attribute__((noinline)) pid_t ends(int how)
{
	pid_t p = vfork();
	if (p == 0) {
		shared++;
		if (how == 0)
			_exit(7);
		if (how == 1)
			kill(getpid(), SIGKILL);
		if (how == 2)
			execl("/bin/false", "false", (char *)NULL);
		if (how == 3)
			execl("/missing", "missing", (char *)NULL);
		if (how == 4)
			*(volatile char *)0x10 = 1;
		if (how == 5)
			execl("/bin/sh", "sh", "-c", "kill -TERM $$", (char *)NULL);
		if (how == 6)
			syscall(SYS_exit, 9);
		_exit(how == 3 ? 100 + errno : 99);
	}
	return p;
}

static __attribute__((noinline)) int nested(void)
{
	pid_t p = vfork();
	if (p == 0) {
		pid_t q = vfork();
		if (q == 0) {
			shared = 50;
			_exit(3);
		}
		int status;
		waitpid(q, &status, 0);
		shared += WEXITSTATUS(status);
		_exit(4);
	}
	return WEXITSTATUS(wait_status(p));
}

static __attribute__((noinline)) int with_descriptors(void)
{
	pid_t p = vfork();
	if (p == 0) {
		close(descriptors[0]); /* its own table */
		dup2(descriptors[1], 1);
		execl("/bin/echo", "echo", "through a pipe", (char *)NULL);
		_exit(1);
	}
	return wait_status(p);
}

static __attribute__((noinline)) pid_t signalled(void)
{
	pid_t p = vfork();
	if (p == 0) {
		kill(getppid(), SIGUSR1); /* waits until the child is gone */
		shared = handled;
		_exit(0);
	}
	return p;
}

static __attribute__((noinline)) pid_t changes(void)
{
	pid_t p = vfork();
	if (p == 0) {
		sigset_t set;
		sigemptyset(&set);
		sigaddset(&set, SIGUSR2);
		sigprocmask(SIG_BLOCK, &set, NULL);
		signal(SIGUSR1, SIG_IGN);
		chdir("/");
		umask(077);
		setenv("CHANGED", "yes", 1);
		_exit(0);
	}
	return p;
}

int main(void)
{
	char text[40] = "";
	sigset_t set;
	struct sigaction action;
	for (int how = 0; how < 7; how++) {
		shared = 0;
		int status = wait_status(ends(how));
		printf("end %d: shared %d exit %d signal %d\n", how, shared,
		       WIFEXITED(status) ? WEXITSTATUS(status) : -1,
		       WIFSIGNALED(status) ? WTERMSIG(status) : 0);
		fflush(stdout);
	}
	T(nested());
	printf("shared %d\n", shared);
	fflush(stdout);
	pipe(descriptors);
	T(with_descriptors());
	T(read(descriptors[0], text, sizeof(text) - 1));
	printf("%s", text);
	signal(SIGUSR1, handler);
	wait_status(signalled());
	printf("handled in the child %d, later %d\n", shared == SIGUSR1, handled == SIGUSR1);
	wait_status(changes());
	sigprocmask(SIG_SETMASK, NULL, &set);
	sigaction(SIGUSR1, NULL, &action);
	printf("mask %d handler kept %d umask %o env %s cwd %d\n", sigismember(&set, SIGUSR2),
	       action.sa_handler == handler, umask(022), getenv("CHANGED"),
	       strcmp(getcwd(text, sizeof(text)) ? text : "", "/") == 0);
	return 0;
}
