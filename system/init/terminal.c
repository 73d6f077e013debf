/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The serial terminals: descriptors 0 and 1 are COM1, 2 is COM2 when the host wants errors apart. */
#include "init.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define CONSOLE "/dev/ttyS0"
#define ERROR_CONSOLE "/dev/ttyS1"

/* Bytes pass as they are; input is still read by lines, so that ^D from the host tool is the end of the input. */
static void make_plain(int fd)
{
	struct termios settings;

	if (tcgetattr(fd, &settings))
		return;
	settings.c_oflag &= ~(tcflag_t)OPOST;
	settings.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IGNCR | IXON | IXOFF);
	settings.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ISIG | IEXTEN);
	settings.c_cc[VERASE] = settings.c_cc[VKILL] = _POSIX_VDISABLE;
	tcsetattr(fd, TCSANOW, &settings);
}

static void set_size(int fd, const struct options *options)
{
	struct winsize size = {.ws_row = options->rows, .ws_col = options->columns};

	if (size.ws_row && size.ws_col)
		ioctl(fd, TIOCSWINSZ, &size);
}

/* Opens path as descriptor number fd. */
static bool open_as(int fd, const char *path)
{
	int opened = open(path, O_RDWR | O_NOCTTY);

	if (opened < 0)
		return false;
	if (opened != fd) {
		dup2(opened, fd);
		close(opened);
	}
	return true;
}

bool terminal_open(const struct options *options)
{
	if (!open_as(0, CONSOLE))
		return false;
	dup2(0, 1);
	if (!options->has_error_console || !open_as(2, ERROR_CONSOLE))
		dup2(0, 2);
	else
		make_plain(2);
	if (options->is_plain)
		make_plain(0);
	set_size(0, options);
	return !options->is_awaited || write(1, READY_BYTE, 1) == 1;
}

void terminal_take(void)
{
	ioctl(0, TIOCSCTTY, 0);
}

void terminal_drain(void)
{
	/* The end of the session has hung up the old descriptor. */
	open_as(1, CONSOLE);
	tcdrain(1);
	tcdrain(2);
}
