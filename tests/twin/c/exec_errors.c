/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* execve: each error, interpreters, what is too long, files that are being written */
#include "twin.h"

static void make(const char *name, const char *text, mode_t mode)
{
	int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0700);
	write(fd, text, strlen(text));
	fchmod(fd, mode);
	close(fd);
}

static void run(const char *what, const char *path, char **argv, char **envp)
{
	fflush(stdout);
	pid_t p = fork();
	if (p == 0) {
		execve(path, argv, envp);
		printf("%s: %s\n", what, strerror(errno));
		fflush(stdout);
		_exit(0);
	}
	int status = wait_status(p);
	if (status != 0)
		printf("%s: status %x\n", what, status);
}

static void simple(const char *path)
{
	run(path, path, (char *[]){"arg0", "one", NULL}, (char *[]){NULL});
}

static void copy(const char *from, const char *to)
{
	char buffer[65536];
	ssize_t n;
	int in = open(from, O_RDONLY), out = open(to, O_CREAT | O_WRONLY | O_TRUNC, 0700);
	while ((n = read(in, buffer, sizeof(buffer))) > 0)
		write(out, buffer, (size_t)n);
	close(in);
	close(out);
}

static void busy(void)
{
	copy("/bin/busybox", "box");
	int fd = open("box", O_WRONLY);
	run("busy", "box", (char *[]){"true", NULL}, NULL);
	close(fd);
	run("not busy", "box", (char *[]){"false", NULL}, NULL);
	fflush(stdout);
	pid_t p = fork();
	if (p == 0)
		execl("box", "sleep", "100", (char *)NULL);
	usleep(200000);
	T(open("box", O_WRONLY));
	T(open("box", O_RDONLY) >= 0);
	T(truncate("box", 0));
	T(unlink("box"));
	kill(p, SIGKILL);
	wait_status(p);
}

static void too_long(void)
{
	char *one = malloc(140000);
	memset(one, 'x', 139999);
	one[139999] = 0;
	run("a string of 140000", "/bin/true", (char *[]){"true", one, NULL}, NULL);
	one[131071] = 0;
	run("a string of 131072", "/bin/true", (char *[]){"true", one, NULL}, NULL);
	one[131070] = 0;
	char **many = calloc(200, sizeof(*many));
	many[0] = "true";
	for (int i = 1; i < 30; i++)
		many[i] = one;
	run("30 of them", "/bin/true", many, NULL);
	char **words = calloc(20001, sizeof(*words));
	for (int i = 0; i < 20000; i++)
		words[i] = "true";
	run("20000 words", "/bin/true", words, NULL);
	run("20000 words of environment", "/bin/true", (char *[]){"true", NULL}, words);
	char path[5000];
	memset(path, 'p', sizeof(path));
	path[4999] = 0;
	run("a path of 5000", path, (char *[]){"x", NULL}, NULL);
	path[300] = 0;
	run("a name of 300", path, (char *[]){"x", NULL}, NULL);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "show") == 0) {
		for (int i = 0; i < argc; i++)
			printf("[%s]", argv[i]);
		puts("");
		return 0;
	}
	char line[200];
	mkdir("dir", 0700);
	make("empty", "", 0700);
	make("text", "echo never\n", 0700);
	make("no-x", "#!/bin/sh\n", 0600);
	make("script", "#!/bin/sh\necho script $0 $1\n", 0700);
	make("script-arg", "#!/bin/echo  two words \n", 0700);
	make("no-interpreter", "#!/missing/interpreter\n", 0700);
	make("interpreter-directory", "#!dir\n", 0700);
	make("no-name", "#!\n", 0700);
	make("spaces", "#!   \n", 0700);
	make("s1", "#!s2\n", 0700);
	make("s2", "#!s1\n", 0700);
	make("n1", "#!script\n", 0700);
	make("n2", "#!n1\n", 0700);
	make("n3", "#!n2\n", 0700);
	make("n4", "#!n3\n", 0700);
	make("n5", "#!n4\n", 0700);
	make("n6", "#!n5\n", 0700);
	make("no-x-interpreter", "#!no-x\n", 0700);
	symlink("loop", "loop");
	symlink("script", "link");
	snprintf(line, sizeof(line), "#!%s show\n", argv[0]);
	make("self", line, 0700);
	simple("dir");
	simple("missing");
	simple("");
	simple("empty");
	simple("text");
	simple("no-x");
	simple("script");
	simple("script/x");
	simple("script-arg");
	simple("no-interpreter");
	simple("interpreter-directory");
	simple("no-name");
	simple("spaces");
	simple("s1");
	simple("n1");
	simple("n3");
	simple("n4");
	simple("n5");
	simple("n6");
	simple("no-x-interpreter");
	simple("loop");
	simple("link");
	simple("self");
	simple("/dev/null");
	simple("/proc/self/maps");
	run("no argv", "self", NULL, NULL);
	run("empty argv", "self", (char *[]){NULL}, NULL);
	busy();
	too_long();
	return 0;
}
