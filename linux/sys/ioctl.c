/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * ioctl: what each command carries. Size and direction stand in the table for the old terminal commands, and in the
 * number itself for those made with _IOC. A command outside both goes as a plain number.
 */
#include <asm/ioctls.h>
#include <linux/fs.h>
#include <tessera/file.h>
#include <tessera/proto/file.h>
#include <tessera/proto/vfs.h>

#include "lx/files.h"
#include "sys.h"
#include "lx/text.h"

#define IN 1u
#define OUT 2u
#define KERNEL_TERMIOS_BYTES 36u
#define WINSIZE_BYTES 8u
#define TERMIO_BYTES 17u /* without the padding, which Linux leaves alone, too */

struct ioctl_kind {
	uint32_t command;
	uint16_t bytes, direction;
};

static const struct ioctl_kind kinds[] = {
	{TCGETS, KERNEL_TERMIOS_BYTES, OUT},
	{TCSETS, KERNEL_TERMIOS_BYTES, IN},
	{TCSETSW, KERNEL_TERMIOS_BYTES, IN},
	{TCSETSF, KERNEL_TERMIOS_BYTES, IN},
	{TCGETA, TERMIO_BYTES, OUT},
	{TCSETA, TERMIO_BYTES, IN},
	{TCSETAW, TERMIO_BYTES, IN},
	{TCSETAF, TERMIO_BYTES, IN},
	{TIOCGWINSZ, WINSIZE_BYTES, OUT},
	{TIOCSWINSZ, WINSIZE_BYTES, IN},
	{TIOCGPGRP, 4, OUT},
	{TIOCSPGRP, 4, IN},
	{TIOCGSID, 4, OUT},
	{TIOCOUTQ, 4, OUT},
	{FIONREAD, 4, OUT},
	{TIOCMGET, 4, OUT},
	{TIOCMSET, 4, IN},
	{TIOCMBIS, 4, IN},
	{TIOCMBIC, 4, IN},
	{TIOCGETD, 4, OUT},
	{TIOCSETD, 4, IN},
	{TIOCPKT, 4, IN},
	{TIOCGSOFTCAR, 4, OUT},
	{TIOCSSOFTCAR, 4, IN},
	{TIOCSTI, 1, IN},
	{TIOCGSERIAL, 72, OUT},
	{TIOCGPTN, 4, OUT},
	{TIOCSPTLCK, 4, IN},
	{0x5603 /* VT_GETSTATE */, 6, OUT},
	{0x4b33 /* KDGKBTYPE */, 1, OUT},
};

#define IOC_BYTES(command) (((command) >> 16) & 0x3fffu)
#define IOC_DIRECTION(command) ((command) >> 30) /* bit 0: the program writes (in), bit 1: reads (out) */

static struct ioctl_kind kind_of(uint32_t command)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (kinds[i].command == command)
			return kinds[i];
	}
	if (IOC_DIRECTION(command) && IOC_BYTES(command) <= FILE_IOCTL_IN_MAX)
		return (struct ioctl_kind){command, (uint16_t)IOC_BYTES(command),
					   (uint16_t)IOC_DIRECTION(command)};
	return (struct ioctl_kind){command, 0, 0};
}

/* The other end of a pseudo-terminal: opened by its name. */
static long open_peer(struct lx_thread *self, cap_t master, uint32_t flags)
{
	struct file_ioctl_in ask = {.command = TIOCGPTN};
	struct file_ioctl_out answer = {0};
	uint32_t number;
	long error = lx_result(file_ioctl(master, self->page, &ask, &answer));
	if (error)
		return error;
	memcpy(&number, file_ioctl_out_data(self->page), sizeof(number));
	int32_t fd = lx_fd_reserve(self, 0, flags & O_CLOEXEC);
	if (fd < 0)
		return fd;
	struct lx_text path;
	text_start(&path);
	text_string(&path, "/dev/pts/");
	text_number(&path, number);
	memcpy(vfs_open_in_data(self->page), path.bytes, path.length);
	struct vfs_open_in in = {.flags = flags & (O_ACCMODE | O_NOCTTY | O_NONBLOCK),
				 .data_len = path.length};
	struct vfs_open_out out;
	lx_fd_receive(self, 0, fd);
	error = lx_result(vfs_open(LX_SCRATCH(LX_SCRATCH_ROOT), self->page, &in, &out));
	lx_receive_none(self);
	if (!error)
		return fd;
	lx_fd_release(self, fd);
	return error;
}

/* FIONBIO and friends are about the descriptor or its flags. */
static long generic(struct lx_thread *self, cap_t file, int32_t fd, uint32_t command, uint64_t argument)
{
	int32_t value;
	long flags;
	switch (command) {
	case FIOCLEX:
	case FIONCLEX: lx_fd_set_cloexec(&self->process->files, fd, command == FIOCLEX); return 0;
	case FIONBIO:
		if (lx_get(&value, argument, sizeof(value)))
			return -EFAULT;
		flags = lx_file_flags(self, file);
		if (flags < 0)
			return flags;
		return sys_fcntl(fd, F_SETFL, (uint64_t)(value ? flags | O_NONBLOCK : flags & ~O_NONBLOCK));
	case TIOCGPTPEER: return open_peer(self, file, (uint32_t)argument);
	default: return -ENOTTY;
	}
}

long sys_ioctl(int32_t fd, uint32_t command, uint64_t argument)
{
	struct lx_thread *self = lx_self();
	cap_t file = lx_fd_own(fd);
	if (!file)
		return -EBADF;
	long done = generic(self, file, fd, command, argument);
	if (done != -ENOTTY || command == TIOCGPTPEER)
		return done;
	struct ioctl_kind kind = kind_of(command);
	struct file_ioctl_in in = {.command = command, .argument = argument};
	struct file_ioctl_out out = {0};
	for (;;) {
		if (kind.direction & IN) {
			if (lx_get(file_ioctl_in_data(self->page), argument, kind.bytes))
				return -EFAULT;
			in.data_len = kind.bytes;
		}
		int status = file_ioctl(file, self->page, &in, &out);
		if (status != ST_WOULD_BLOCK) {
			if (status != 0)
				return lx_result(status);
			break;
		}
		long error = lx_wait(self, DEADLINE_NEVER); /* TCSETSW, TCSBRK: output drains */
		if (error)
			return error;
	}
	if (kind.direction & OUT) {
		uint32_t bytes = (uint32_t)lx_min(kind.bytes, out.data_len);
		if (lx_put(argument, file_ioctl_out_data(self->page), bytes))
			return -EFAULT;
	}
	return (long)out.result;
}
