/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* pseudo terminals: line discipline, signals, window size */
#include "twin.h"

static void on(int s)
{
	printf("signal %d\n", s);
	fflush(stdout);
}
int main(void)
{
	int m = posix_openpt(O_RDWR | O_NOCTTY);
	char buf[200];
	T(grantpt(m));
	T(unlockpt(m));
	char *name = ptsname(m);
	printf("%d\n", strncmp(name, "/dev/pts/", 9));
	int s = open(name, O_RDWR | O_NOCTTY);
	T(isatty(s));
	T(isatty(m));
	struct termios t;
	T(tcgetattr(s, &t));
	printf("%o %o %o %o\n", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag);
	T(write(m, "abc\177d\n", 6));
	T(read(s, buf, 200));
	printf("%.4s\n", buf);
	long n = read(m, buf, 200);
	for (long i = 0; i < n; i++)
		printf("%02x ", (unsigned char)buf[i]);
	puts("");
	T(write(s, "out\n", 4));
	n = read(m, buf, 200);
	printf("%ld\n", n);
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	T(tcsetattr(s, TCSANOW, &t));
	T(write(m, "x", 1));
	T(read(s, buf, 10));
	t.c_cc[VMIN] = 0;
	t.c_cc[VTIME] = 1;
	T(tcsetattr(s, TCSANOW, &t));
	T(read(s, buf, 10));
	struct winsize w = {30, 100, 0, 0}, w2;
	T(ioctl(m, TIOCSWINSZ, &w));
	T(ioctl(s, TIOCGWINSZ, &w2));
	printf("%d %d\n", w2.ws_row, w2.ws_col);
	int q;
	write(m, "hello", 5);
	usleep(20000); /* Linux hands it over in a kernel thread */
	T(ioctl(s, FIONREAD, &q));
	printf("%d\n", q);
	T(tcflush(s, TCIFLUSH));
	T(ioctl(s, FIONREAD, &q));
	printf("%d\n", q);
	fflush(stdout);
	pid_t p = fork();
	if (p == 0) {
		setsid();
		signal(SIGINT, on);
		signal(SIGWINCH, on);
		T(ioctl(s, TIOCSCTTY, 0));
		T(tcgetpgrp(s) == getpgrp());
		int tty = open("/dev/tty", O_RDWR);
		T(tty >= 0);
		t.c_lflag |= ICANON | ISIG;
		tcsetattr(s, TCSANOW, &t);
		write(m, "\3", 1);
		usleep(50000);
		w.ws_col = 90;
		ioctl(m, TIOCSWINSZ, &w);
		usleep(50000);
		fflush(stdout);
		_exit(0);
	}
	wait_status(p);
	T(tcgetpgrp(s));
	close(m);
	T(read(s, buf, 10));
	T(tcgetattr(open("/dev/null", O_RDWR), &t));
	T(ioctl(1, TCGETS, &t) == 0 || errno == ENOTTY);
	return 0;
}
