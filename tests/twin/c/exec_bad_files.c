/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* execve of damaged and strange files: the error comes back, or the new program dies; the caller lives on */
#include "twin.h"

static char self[400000];
static size_t self_size;

static void try(const char *what, const void *data, size_t size, mode_t mode)
{
	int fd = open("x", O_RDWR | O_CREAT | O_TRUNC, 0700);
	write(fd, data, size);
	fchmod(fd, mode);
	close(fd);
	fflush(stdout);
	pid_t p = fork();
	if (p == 0) {
		char *argv[] = {"x", "child", NULL}, *envp[] = {NULL};
		execve("./x", argv, envp);
		_exit(errno);
	}
	int s = wait_status(p);
	printf("%s: %s %d\n", what, WIFEXITED(s) ? "exit" : "signal",
	       WIFEXITED(s) ? WEXITSTATUS(s) : WTERMSIG(s));
}
int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "child") == 0)
		return 33;
	int fd = open("/proc/self/exe", O_RDONLY);
	self_size = (size_t)read(fd, self, sizeof(self));
	printf("%d\n", self_size > 1000);
	try("whole", self, self_size, 0700);
	try("empty", self, 0, 0700);
	try("four bytes", self, 4, 0700);
	try("half a header", self, 30, 0700);
	try("header only", self, 64, 0700);
	try("not executable", self, self_size, 0600);
	try("text", "hello\n", 6, 0700);
	try("script", "#!/bin/sh\nexit 12\n", 18, 0700);
	try("script with argument", "#! /bin/sh -e \nfalse\nexit 1\n", 28, 0700);
	try("script without interpreter", "#!\n", 3, 0700);
	try("script, missing interpreter", "#!/nowhere/x\n", 13, 0700);
	try("script of itself", "#!./x\n", 6, 0700);
	char *copy = malloc(self_size);
#define BREAK(what, offset, type, value)            \
	memcpy(copy, self, self_size);              \
	*(type *)(copy + (offset)) = (type)(value); \
	try(what, copy, self_size, 0700)
	BREAK("magic", 0, char, 'X');
	BREAK("class", 4, char, 1);
	BREAK("machine", 18, uint16_t, 3);
	BREAK("type", 16, uint16_t, 1);
	BREAK("phentsize", 54, uint16_t, 40);
	BREAK("no headers", 56, uint16_t, 0);
	srand(5);
	for (int i = 0; i < 30; i++) {
		for (size_t j = 0; j < 4096; j++)
			copy[j] = (char)rand();
		try("random", copy, 4096, 0700);
	}
	T(execve("/nowhere", argv, NULL));
	T(execve("/tmp", argv, NULL));
	T(execve("", argv, NULL));
	T(execve((char *)1, argv, NULL));
	T(execve("/bin/busybox/x", argv, NULL));
	unlink("x");
	return 0;
}
