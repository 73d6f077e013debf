// SPDX-License-Identifier: MIT OR Apache-2.0
/* Fields of /proc that programs rely on: terminal, umask, faults, limits, another process's memory. */
#include "twin.h"

static void line_of(const char *path, const char *start)
{
	char line[256];
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, start, strlen(start)) == 0)
			printf("%s: %s", path, line);
	if (f)
		fclose(f);
}

/* Fields 3 to 12 of /proc/self/stat: the process's place, and its faults. */
static void stat_fields(long out[10])
{
	char text[1024] = "", state;
	FILE *f = fopen("/proc/self/stat", "r");
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	sscanf(strrchr(text, ')') + 1, " %c %ld %ld %ld %ld %ld %ld %ld %ld %ld", &state, &out[0], &out[1],
	       &out[2], &out[3], &out[4], &out[5], &out[6], &out[7], &out[8]);
}

static void terminal(void)
{
	long f[10];
	setsid();
	stat_fields(f);
	printf("without a terminal: %ld %ld\n", f[3], f[4]);
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	grantpt(master);
	unlockpt(master);
	int slave = open(ptsname(master), O_RDWR);
	struct stat st;
	fstat(slave, &st);
	stat_fields(f);
	printf("with one: %d %d\n", f[3] == (long)st.st_rdev, f[4] == getpgrp());
}

static void faults(void)
{
	struct rusage before, after;
	long f[10];
	getrusage(RUSAGE_SELF, &before);
	volatile char *memory =
		mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 1 << 20; i += 4096)
		memory[i] = 1;
	getrusage(RUSAGE_SELF, &after);
	stat_fields(f);
	printf("faults: %d %d\n", after.ru_minflt > before.ru_minflt, f[6] > before.ru_minflt);
}

static void memory_of(pid_t pid, const char *word)
{
	char path[64], text[8] = "";
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	int fd = open(path, O_RDONLY);
	printf("open %d\n", fd >= 0);
	if (fd < 0)
		return;
	printf("read %zd %.7s\n", pread(fd, text, 7, (off_t)(uintptr_t)word), text);
	T(pread(fd, text, 7, 64));
	close(fd);
}

int main(void)
{
	static char word[] = "parents";
	umask(027);
	line_of("/proc/self/status", "Umask:");
	if (fork() == 0) {
		line_of("/proc/self/status", "Umask:");
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	struct rlimit files = {.rlim_cur = 100, .rlim_max = 200};
	setrlimit(RLIMIT_NOFILE, &files);
	line_of("/proc/self/limits", "Max open files");
	faults();
	memory_of(getpid(), word);
	fflush(stdout);
	if (fork() == 0) {
		memory_of(getppid(), word);
		fflush(stdout);
		if (setresuid(1000, 1000, 1000) == 0)
			memory_of(getppid(), word);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	fflush(stdout);
	if (fork() == 0) {
		terminal();
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	return 0;
}
