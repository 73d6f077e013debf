/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* vfork and posix_spawn, many times; pipes between */
#include "twin.h"

#include <spawn.h>
extern char **environ;
int main(void)
{
	for (int i = 0; i < 10; i++) {
		pid_t p = vfork();
		if (p == 0) {
			execl("/bin/true", "true", (char *)NULL);
			_exit(127);
		}
		if (wait_status(p) != 0)
			puts("bad");
	}
	pid_t p;
	char *args[] = {"sh", "-c", "exit 12", NULL};
	T(posix_spawn(&p, "/bin/sh", NULL, NULL, args, environ));
	printf("%d\n", WEXITSTATUS(wait_status(p)));
	T(posix_spawn(&p, "/nonexistent", NULL, NULL, args, environ));
	FILE *f = popen("echo from popen; exit 4", "r");
	char line[50];
	fgets(line, 50, f);
	fputs(line, stdout);
	printf("%d\n", WEXITSTATUS(pclose(f)));
	printf("%d\n", WEXITSTATUS(system("exit 8")));
	int v = 1;
	p = vfork();
	if (p == 0) {
		v = 2;
		_exit(0);
	}
	wait_status(p);
	printf("shared %d\n", v);
	return 0;
}
