// SPDX-License-Identifier: MIT OR Apache-2.0
/* Rarer terminal modes and commands on a pseudo-terminal: PARMRK, ECHOPRT, the structure of System V, TIOCGPTPEER, modes of nodes. */
#include "twin.h"


#undef ECHOPRT
#define ECHOPRT 0002000
#define PTPEER _IO('T', 0x41)

struct old_termio {
	unsigned short iflag, oflag, cflag, lflag;
	unsigned char line, cc[8];
};

static int master, slave;

static void show(int fd, const char *what)
{
	unsigned char bytes[200];
	usleep(20000); /* Linux hands it over in a kernel thread */
	fcntl(fd, F_SETFL, O_NONBLOCK);
	long n = read(fd, bytes, sizeof(bytes));
	printf("%s:", what);
	for (long i = 0; i < n; i++)
		printf(" %02x", bytes[i]);
	puts("");
}

static void set(unsigned iflag, unsigned lflag)
{
	struct termios t;
	ioctl(slave, TCGETS, &t);
	t.c_iflag = iflag;
	t.c_lflag = lflag;
	T(ioctl(slave, TCSETS, &t));
}

static void erase(const char *typed)
{
	write(master, typed, strlen(typed));
	show(master, "echo");
	show(slave, "line");
}

int main(void)
{
	master = posix_openpt(O_RDWR | O_NOCTTY);
	unlockpt(master);
	slave = ioctl(master, PTPEER, O_RDWR | O_NOCTTY);
	printf("peer %d %d\n", slave >= 0, isatty(slave));
	T(ioctl(slave, PTPEER, O_RDWR) >= 0);
	set(PARMRK, 0);
	write(master, "a\377b", 3);
	show(slave, "marked");
	set(0, 0);
	write(master, "a\377b", 3);
	show(slave, "plain");
	set(PARMRK, ICANON);
	write(master, "a\377b\n", 4);
	show(slave, "marked line");
	unsigned print = ICANON | ECHO | ECHOE | ECHOK | ECHOPRT | IEXTEN | ECHOCTL;
	set(ICRNL, print);
	erase("abc\177\177d\n");
	erase("abc\177\177\177\n");
	erase("one two\027x\n");
	erase("one\025x\n");
	erase("a\177\026\003b\n");
	set(ICRNL | IUTF8, print | ECHOKE);
	erase("\303\244b\177\177c\n");
	erase("one\025x\n");
	struct old_termio old;
	memset(&old, 0x55, sizeof(old));
	T(ioctl(slave, TCGETA, &old));
	printf("%o %o %o %o %d %d %d\n", old.iflag, old.oflag, old.cflag, old.lflag, old.line, old.cc[0],
	       old.cc[7]);
	old.lflag &= (unsigned short)~ECHO;
	old.cc[0] = 5;
	T(ioctl(slave, TCSETAW, &old));
	struct termios t;
	T(ioctl(slave, TCGETS, &t));
	printf("%o %o %d\n", t.c_iflag, t.c_lflag, t.c_cc[0]);
	T(ioctl(slave, TCSETAF, (void *)8));
	struct stat st;
	char path[64];
	T(fchmod(slave, 0600));
	T(fchown(slave, 1000, 1000));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", slave);
	char name[64];
	name[readlink(path, name, sizeof(name) - 1)] = '\0';
	T(stat(name, &st));
	printf("%o %d %d\n", st.st_mode, st.st_uid, st.st_gid);
	int again = open(name, O_RDWR | O_NOCTTY);
	T(fchmod(again, 0620));
	T(fstat(slave, &st));
	printf("%o %d\n", st.st_mode, st.st_uid);
	if (fork() == 0) {
		T(setresuid(1001, 1001, 1001));
		T(fchmod(slave, 0666));
		T(fchown(slave, 1001, -1));
		_exit(0);
	}
	wait_status(-1);
	return 0;
}
