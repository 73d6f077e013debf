/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Wild pointers: each pointer of each system call that the personality implements (linux_calls.h is made of its own table) is
 * in turn one of the addresses below, while the other arguments are good; each try in its own process, unprivileged.
 * Prints the error's number for each, 0 for success, "-signal" where the process was killed.
 */
#include "twin.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#define PAGE 4096l
#define USER 1000
#define ARGUMENTS 6
#define NAMES 200
#define WAITS_SECONDS 1

struct call {
	const char *name;
	int number;
	const char *arguments;
};

static const struct call calls[] = {
#define CALL(name, number, arguments) {#name, number, arguments},
#include "linux_calls.h"
#undef CALL
};

/* Words that are addresses only with a certain command. */
static const struct {
	struct call call;
	long command;
} commands[] = {
	{{"fcntl F_GETLK", SYS_fcntl, "fd:fd command:command lock:ptr"}, F_GETLK},
	{{"fcntl F_SETLK", SYS_fcntl, "fd:fd command:command lock:ptr"}, F_SETLK},
	{{"fcntl F_SETLKW", SYS_fcntl, "fd:fd command:command lock:ptr"}, F_SETLKW},
	{{"ioctl TCGETS", SYS_ioctl, "fd:terminal command:command termios:ptr"}, TCGETS},
	{{"ioctl TCSETS", SYS_ioctl, "fd:terminal command:command termios:ptr"}, TCSETS},
	{{"ioctl TIOCGWINSZ", SYS_ioctl, "fd:terminal command:command size:ptr"}, TIOCGWINSZ},
	{{"ioctl TIOCSWINSZ", SYS_ioctl, "fd:terminal command:command size:ptr"}, TIOCSWINSZ},
	{{"ioctl TIOCGPTN", SYS_ioctl, "fd:terminal command:command number:ptr"}, TIOCGPTN},
	{{"ioctl TIOCSPTLCK", SYS_ioctl, "fd:terminal command:command lock:ptr"}, TIOCSPTLCK},
	{{"ioctl FIONREAD", SYS_ioctl, "fd:pipe command:command count:ptr"}, FIONREAD},
	{{"ioctl FIONBIO", SYS_ioctl, "fd:pipe command:command on:ptr"}, FIONBIO},
	{{"prctl PR_SET_NAME", SYS_prctl, "option:command name:ptr"}, PR_SET_NAME},
	{{"prctl PR_GET_NAME", SYS_prctl, "option:command name:ptr"}, PR_GET_NAME},
	{{"prctl PR_GET_PDEATHSIG", SYS_prctl, "option:command signal:ptr"}, PR_GET_PDEATHSIG},
	{{"prctl PR_GET_CHILD_SUBREAPER", SYS_prctl, "option:command flag:ptr"}, PR_GET_CHILD_SUBREAPER},
	{{"arch_prctl ARCH_GET_FS", SYS_arch_prctl, "code:command base:ptr"}, 0x1003},
};

/* Good values where the argument's kind does not say them; "call.argument". */
static const struct {
	const char *name;
	long value;
} good_values[] = {
	{"syslog.type", 3},
	{"syslog.bytes", 64},
	{"poll.count", 1},
	{"ppoll.count", 1},
	{"select.n", 1},
	{"pselect6.n", 1},
	{"getcwd.room", 64},
	{"readlink.room", 64},
	{"readlinkat.room", 64},
	{"rt_sigaction.signal", SIGUSR1},
	{"rt_sigqueueinfo.signal", 0},
	{"mmap.prot", PROT_READ},
	{"mmap.flags", MAP_PRIVATE},
	{"mmap.len", PAGE},
	{"preadv.count", 1},
	{"pwritev.count", 1},
	{"preadv2.count", 1},
	{"pwritev2.count", 1},
	{"readv.count", 1},
	{"writev.count", 1},
	{"ppoll.mask_bytes", 8},
	{"capget.header", 0},
	{"set_robust_list.bytes", 24},
	{"getgroups.count", 1},
	{"statx.mask", 0x7ff},
	{"sched_setaffinity.bytes", 8},
	{"sched_getaffinity.bytes", 8},
	{"splice.out_offset", 0},
	{"getdents64.bytes", 512},
	{"epoll_wait.max", 1},
	{"epoll_pwait.max", 1},
	{"epoll_pwait2.max", 1},
	{"openat2.bytes", 24},
	{"clone.flags", SIGCHLD},
	{"wait4.options", WNOHANG},
	{"waitid.options", WNOHANG | WEXITED},
	{"epoll_ctl.operation", EPOLL_CTL_ADD},
	{"execveat.dirfd", AT_FDCWD},
	{"mknod.mode", S_IFREG},
	{"mknodat.mode", S_IFREG},
	{"timer_settime.id", 77},
	{"timer_gettime.id", 77},
	{"mremap.old_len", PAGE},
	{"mremap.new_len", PAGE},
	{"renameat2.flags", 1},
};

static char good[ARGUMENTS][2 * PAGE] __attribute__((aligned(4096)));
static char *pages; /* read-only, nothing allowed, read and write, nothing at all: a page each */

static const char *const addresses[] = {"null",	   "low",   "unmapped", "none", "readonly",
					"end-1",   "end-4", "end-16",	"last", "odd",
					"message", "top",   "kernel",	"far",	"-1"};

static long address(unsigned which)
{
	switch (which) {
	case 0: return 0;
	case 1: return 0x1000;
	case 2: return (long)(pages + 3 * PAGE);
	case 3: return (long)(pages + PAGE);
	case 4: return (long)pages;
	case 5: return (long)(pages + 3 * PAGE - 1);
	case 6: return (long)(pages + 3 * PAGE - 4);
	case 7: return (long)(pages + 3 * PAGE - 16);
	case 8: return 0x7fff00000000;
	case 9: return 0x7fff00000001;
	case 10: return 0x7fff60000000;
	case 11: return 0x7ffffffff000;
	case 12: return (long)0xffffffff80000000;
	case 13: return (long)0x8000000000000000;
	default: return -1;
	}
}

static void make_pages(void)
{
	pages = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(pages + 2 * PAGE, 'A', PAGE); /* as a signal set: SIGALRM is not in it */
	mprotect(pages, PAGE, PROT_READ);
	mprotect(pages + PAGE, PAGE, PROT_NONE);
	munmap(pages + 3 * PAGE, PAGE);
}

static long a_pipe(void)
{
	int p[2];
	return pipe(p) == 0 ? p[1] : -1;
}

/* Opens anew what a try may have closed or changed. */
static long descriptor(const struct call *call)
{
	if (strncmp(call->name, "epoll", 5) == 0)
		return epoll_create1(0);
	if (strncmp(call->name, "timerfd", 7) == 0)
		return timerfd_create(CLOCK_MONOTONIC, 0);
	if (strcmp(call->name, "getdents64") == 0 || strcmp(call->name, "fchdir") == 0)
		return open(".", O_RDONLY | O_DIRECTORY);
	if (strcmp(call->name, "sendfile") == 0 || strcmp(call->name, "splice") == 0 ||
	    strstr(call->name, "FION"))
		return a_pipe();
	return open("f", O_RDWR);
}

static long good_argument(const struct call *call, unsigned index, const char *name, const char *kind)
{
	static int paths;
	char whole[64];
	snprintf(whole, sizeof(whole), "%s.%s", call->name, name);
	for (unsigned i = 0; i < sizeof(good_values) / sizeof(good_values[0]); i++)
		if (strcmp(good_values[i].name, whole) == 0)
			return good_values[i].value;
	if (strcmp(call->name, "copy_file_range") == 0 && strcmp(name, "out_fd") == 0)
		return open("g", O_RDWR | O_CREAT, 0600);
	if (strcmp(kind, "fd") == 0)
		return strstr(name, "in_fd")	     ? open("f", O_RDONLY)
		       : strcmp(name, "target") == 0 ? a_pipe()
						     : descriptor(call);
	if (strcmp(kind, "terminal") == 0)
		return open("/dev/ptmx", O_RDWR | O_NOCTTY);
	if (strcmp(kind, "pipe") == 0)
		return descriptor(call);
	if (strcmp(kind, "dirfd") == 0)
		return AT_FDCWD;
	if (strcmp(kind, "size") == 0)
		return 8;
	if (strcmp(name, "pid") == 0)
		return strncmp(call->name, "wait", 4) == 0 ? -1 : getpid();
	if (strcmp(name, "tid") == 0)
		return getpid();
	if (strcmp(kind, "path") == 0)
		return (long)strcpy(good[index], strncmp(call->name, "exec", 4) == 0 ? "/bin/true"
						 : paths++			     ? "g"
										     : "f");
	if (strcmp(kind, "ptr") == 0 || strcmp(kind, "data") == 0)
		return (long)good[index];
	return 0;
}

/* What a good structure needs beyond zeros. */
static void fill_structures(const struct call *call, long *a)
{
	struct iovec *vector = (struct iovec *)good[1];
	if (strstr(call->name, "readv") || strstr(call->name, "writev"))
		*vector = (struct iovec){good[5], 8};
	if (strcmp(call->name, "ppoll") == 0 || strcmp(call->name, "poll") == 0)
		*(struct pollfd *)good[0] = (struct pollfd){.fd = open("f", O_RDONLY), .events = POLLIN};
	if (strncmp(call->name, "cap", 3) == 0)
		*(uint32_t *)good[0] = 0x20080522;
	if (strncmp(call->name, "cap", 3) == 0)
		a[0] = (long)good[0];
	if (strncmp(call->name, "fcntl F_", 8) == 0)
		((struct flock *)good[2])->l_type = F_RDLCK;
	if (strncmp(call->name, "exec", 4) == 0 && strcmp(call->name, "execveat") != 0)
		*(char **)good[1] = good[0];
	if (strcmp(call->name, "execveat") == 0)
		*(char **)good[2] = good[1];
	if (strcmp(call->name, "timer_create") == 0)
		((struct sigevent *)good[1])->sigev_notify = SIGEV_NONE;
	if (strncmp(call->name, "clone", 5) == 0)
		a[1] = 0;
}

/* In a process of its own: the call; which == -1: all is good. Leaves with the error's number. */
static void try(const struct call *call, long command, int bad, int which)
{
	char text[NAMES], *rest = text, *word;
	long a[ARGUMENTS] = {0};
	unsigned n = 0;
	alarm(WAITS_SECONDS);
	close(1);
	snprintf(text, sizeof(text), "%s", call->arguments);
	while ((word = strsep(&rest, " ")) != NULL && *word && n < ARGUMENTS) {
		char *kind = strchr(word, ':');
		*kind++ = 0;
		a[n] = strcmp(kind, "command") == 0 ? command : good_argument(call, n, word, kind);
		n++;
	}
	fill_structures(call, a);
	if (which >= 0)
		a[bad] = address((unsigned)which);
	long r = syscall(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
	_exit(r == -1 ? errno : 0);
}

/* The files as they shall be, whatever the try before has done to them. */
static void clean(void)
{
	unlink("f");
	int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0600);
	(void)!write(fd, "0123456789", 10);
	close(fd);
	unlink("g");
	rmdir("g");
}

static int outcome(const struct call *call, long command, int bad, int which)
{
	clean();
	pid_t p = fork();
	if (p == 0)
		try(call, command, bad, which);
	int status = wait_status(p);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int is_one_of(const char *text, const char *list)
{
	const char *found = strstr(list, text);
	return found != NULL && found[strlen(text)] == ' ' && (found == list || found[-1] == ' ');
}

/*
 * Where the two systems may differ, or nothing would be seen. No timeout is to wait for ever. The last page and the
 * personality's are Tessera's, so that they cannot be unmapped, and are refused before it is known whether there is something
 * to write there. The longest file of Linux is longer than ours. Linux refuses to wait on a page that nobody can write. A buffer whose first bytes are there: docs/open.md.
 */
static int is_left_out(const char *call, const char *argument, const char *where)
{
	if (strcmp(argument, "timeout") == 0)
		return is_one_of(where, "null end-16 ");
	if (strcmp(call, "munmap") == 0)
		return is_one_of(where, "last odd message ");
	if (strcmp(argument, "buffer") == 0 && is_one_of(call, "read write pread64 pwrite64 getrandom "))
		return is_one_of(where, "end-1 end-4 ");
	if (strcmp(call, "mount") == 0 && strcmp(argument, "data") == 0)
		return is_one_of(where, "end-1 end-4 end-16 ");
	if (strncmp(call, "epoll", 5) == 0 && strcmp(argument, "user") == 0)
		return is_one_of(where, "last odd message ");
	if (strcmp(call, "copy_file_range") == 0 && strcmp(argument, "out_offset") == 0)
		return is_one_of(where, "end-16 ");
	if (strcmp(call, "futex") == 0 && strcmp(argument, "address") == 0)
		return is_one_of(where, "readonly ");
	return 0;
}

static void try_argument(const struct call *call, long command, int index, const char *name)
{
	printf("%s.%s", call->name, name);
	for (unsigned which = 0; which < sizeof(addresses) / sizeof(addresses[0]); which++)
		if (!is_left_out(call->name, name, addresses[which]))
			printf(" %s:%d", addresses[which], outcome(call, command, index, (int)which));
	puts("");
	fflush(stdout);
}

static void try_call(const struct call *call, long command)
{
	char text[NAMES], *rest = text, *word;
	int has_pointer = 0;
	snprintf(text, sizeof(text), "%s", call->arguments);
	for (int index = 0; (word = strsep(&rest, " ")) != NULL && *word; index++) {
		char *kind = strchr(word, ':');
		*kind++ = 0;
		if (!is_one_of(kind, "ptr path data "))
			continue;
		if (!has_pointer++)
			printf("%s: %d\n", call->name, outcome(call, command, 0, -1));
		try_argument(call, command, index, word);
	}
}

int main(int argc, char **argv)
{
	mkdir("work", 0777);
	chmod("work", 0777);
	if (chdir("work") != 0 || setgid(USER) != 0 || setuid(USER) != 0)
		return 1;
	make_pages();
	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (argc < 2 || strcmp(argv[1], calls[i].name) == 0)
			try_call(&calls[i], 0);
	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (argc < 2 || strcmp(argv[1], commands[i].call.name) == 0)
			try_call(&commands[i].call, commands[i].command);
	clean();
	return 0;
}
