/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The protocol `file` on an open terminal: the badge says which. What a terminal cannot do is answered as Linux does. */
#include "tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <tessera/proto/file_server.h>
#include <tessera/service.h>

#define FLAGS_SETTABLE ((uint32_t)(O_APPEND | O_NONBLOCK | O_NOATIME | 040000 /* O_DIRECT */))
#define DEVTMPFS_MAGIC 0x01021994
#define DEVPTS_MAGIC 0x1cd1

/* What the last read took, should its answer not arrive. */
static struct {
	struct terminal *terminal;
	enum file_side side;
	uint32_t tail; /* before the read */
} last_read;

static struct tty_file *opened(const struct request *rq)
{
	return file_of_badge(rq->badge);
}

static bool may_read(const struct tty_file *file)
{
	return (file->flags & O_ACCMODE) != O_WRONLY;
}

static bool may_write(const struct tty_file *file)
{
	return (file->flags & O_ACCMODE) != O_RDONLY;
}

/* ---- read, write, poll ---- */

/* What would block is EAGAIN for a description with O_NONBLOCK. */
static int nonblocking_or(const struct tty_file *file, int status)
{
	return status == ST_WOULD_BLOCK && (file->flags & O_NONBLOCK) ? EAGAIN : status;
}

int file_on_read(struct request *rq, const struct file_read_in *in, struct file_read_out *out)
{
	struct tty_file *file = opened(rq);
	uint32_t count = in->len < FILE_READ_OUT_MAX ? in->len : FILE_READ_OUT_MAX;
	struct caller caller;

	if (!file || !may_read(file))
		return EBADF;
	caller_of(rq->label, &caller);
	last_read.terminal = file->terminal;
	last_read.side = file->side;
	if (file->side == FILE_MASTER) {
		last_read.tail = file->terminal->output_counters.tail;
		return nonblocking_or(file, master_read(file, &caller, file_read_out_data(rq->page), count,
							in->wait != 0, &out->data_len));
	}
	last_read.tail = file->terminal->ldisc.tail;
	return nonblocking_or(file, slave_read(file, &caller, file_read_out_data(rq->page), count,
					       in->wait != 0, &out->data_len));
}

/* Puts the bytes back, unless so much has come in since that they are overwritten. */
void file_undo_read(struct request *rq)
{
	struct terminal *terminal = last_read.terminal;

	(void)rq;
	if (!terminal)
		return;
	if (last_read.side == FILE_MASTER) {
		if (terminal->output_counters.head - last_read.tail <= PTY_OUTPUT_BYTES)
			terminal->output_counters.tail = last_read.tail;
	} else if (terminal->ldisc.head - last_read.tail <= LDISC_BUFFER) {
		terminal->ldisc.tail = last_read.tail;
	}
}

/* Something of a write was not taken: the writer comes again when there is room. */
static int write_result(struct waiters *waiters, uint64_t label, uint32_t taken, uint32_t wanted, bool wait,
			uint32_t *written)
{
	*written = taken;
	if (taken > 0 || wanted == 0)
		return 0;
	if (wait)
		waiters_add(waiters, label);
	return ST_WOULD_BLOCK;
}

int file_on_write(struct request *rq, const struct file_write_in *in, struct file_write_out *out)
{
	struct tty_file *file = opened(rq);
	const uint8_t *bytes = file_write_in_data(rq->page);
	struct terminal *terminal;
	struct caller caller;
	int status = 0;

	if (!file || !may_write(file))
		return EBADF;
	terminal = file->terminal;
	if (file->side == FILE_MASTER)
		return nonblocking_or(file, write_result(&terminal->master_waiters, rq->label,
							 terminal_master_write(terminal, bytes, in->data_len),
							 in->data_len, in->wait != 0, &out->written));
	if (file->is_hung_up || terminal->is_hung_up)
		return EIO;
	if (terminal->ldisc.termios.lflag & LF_TOSTOP) {
		caller_of(rq->label, &caller);
		status = job_check(terminal, &caller, TTY_SIGTTOU);
	}
	if (status == ST_WOULD_BLOCK)
		waiters_add(&terminal->writers, rq->label);
	if (status != 0)
		return status;
	return nonblocking_or(file, write_result(&terminal->writers, rq->label,
						 ldisc_write(&terminal->ldisc, bytes, in->data_len),
						 in->data_len, in->wait != 0, &out->written));
}

static uint32_t slave_events(const struct tty_file *file)
{
	const struct terminal *terminal = file->terminal;

	if (file->is_hung_up || terminal->is_hung_up)
		return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLHUP | POLLERR;
	return (slave_is_readable(terminal) ? POLLIN | POLLRDNORM : 0u) |
	       (terminal_output_free(terminal) >= WRITE_ROOM ? POLLOUT | POLLWRNORM : 0u);
}

static uint32_t master_events(const struct tty_file *file)
{
	const struct terminal *terminal = file->terminal;
	bool has_output = ring_used(&terminal->output) > 0 && !terminal->ldisc.is_stopped;

	return (has_output ? POLLIN | POLLRDNORM : 0u) | POLLOUT | POLLWRNORM |
	       (terminal->was_opened && terminal->slave_files == 0 ? (uint32_t)POLLHUP : 0u);
}

int file_on_poll(struct request *rq, const struct file_poll_in *in, struct file_poll_out *out)
{
	struct tty_file *file = opened(rq);
	uint32_t events;

	if (!file)
		return EBADF;
	events = file->side == FILE_MASTER ? master_events(file) : slave_events(file);
	const struct edges *edges =
		file->side == FILE_MASTER ? &file->terminal->master_edges : &file->terminal->slave_edges;
	out->revents = events & (in->events | POLLHUP | POLLERR);
	out->edges = 1u + (in->events & (POLLIN | POLLRDNORM) ? edges->in : 0u) +
		     (in->events & (POLLOUT | POLLWRNORM) ? edges->out : 0u);
	if (out->revents == 0 && in->wait) {
		if (file->side == FILE_MASTER)
			waiters_add(&file->terminal->master_waiters, rq->label);
		if (file->side == FILE_SLAVE && (in->events & (POLLIN | POLLRDNORM | POLLPRI)))
			waiters_add(&file->terminal->readers, rq->label);
		if (file->side == FILE_SLAVE && (in->events & (POLLOUT | POLLWRNORM)))
			waiters_add(&file->terminal->writers, rq->label);
	}
	return 0;
}

int file_on_wait_cancel(struct request *rq, const struct file_wait_cancel_in *in,
			struct file_wait_cancel_out *out)
{
	struct tty_file *file = opened(rq);

	(void)in, (void)out;
	if (file && file->terminal->timed_label == rq->label)
		file->terminal->timed_label = 0;
	return 0;
}

int file_on_ioctl(struct request *rq, const struct file_ioctl_in *in, struct file_ioctl_out *out)
{
	struct tty_file *file = opened(rq);
	uint8_t data[FILE_IOCTL_IN_MAX];

	if (!file)
		return EBADF;
	memcpy(data, file_ioctl_in_data(rq->page), in->data_len);
	return tty_ioctl(rq, file, in->command, in->argument, data, in->data_len, &out->result,
			 file_ioctl_out_data(rq->page), &out->data_len);
}

/* ---- flags, attributes, names ---- */

int file_on_get_flags(struct request *rq, const struct file_get_flags_in *in, struct file_get_flags_out *out)
{
	struct tty_file *file = opened(rq);

	(void)in;
	if (!file)
		return EBADF;
	out->flags = file->flags;
	return 0;
}

int file_on_set_flags(struct request *rq, const struct file_set_flags_in *in, struct file_set_flags_out *out)
{
	struct tty_file *file = opened(rq);

	(void)out;
	if (!file)
		return EBADF;
	file->flags = (file->flags & ~FLAGS_SETTABLE) | (in->flags & FLAGS_SETTABLE);
	return 0;
}

/* What vfs said of the node; ttyname compares it with what stat says. */
int file_on_stat(struct request *rq, const struct file_stat_in *in, struct file_stat_out *out)
{
	struct tty_file *file = opened(rq);

	(void)in;
	if (!file)
		return EBADF;
	memcpy(file_stat_out_data(rq->page), &file->stat, sizeof(file->stat));
	out->data_len = sizeof(file->stat);
	return 0;
}

int file_on_chmod(struct request *rq, const struct file_chmod_in *in, struct file_chmod_out *out)
{
	struct tty_file *file = opened(rq);
	struct caller caller;

	(void)out;
	if (!file)
		return EBADF;
	caller_of(rq->label, &caller);
	if (caller.euid != 0 && caller.euid != file->stat.uid)
		return EPERM;
	file->stat.mode = (file->stat.mode & S_IFMT) | (in->mode & 0777);
	files_share_stat(file);
	return ST_BY_NAME; /* the node is vfs's */
}

int file_on_chown(struct request *rq, const struct file_chown_in *in, struct file_chown_out *out)
{
	struct tty_file *file = opened(rq);
	struct caller caller;

	(void)out;
	if (!file)
		return EBADF;
	caller_of(rq->label, &caller);
	if (caller.euid != 0)
		return EPERM;
	if (in->uid != ~0u)
		file->stat.uid = in->uid;
	if (in->gid != ~0u)
		file->stat.gid = in->gid;
	files_share_stat(file);
	return ST_BY_NAME;
}

int file_on_path(struct request *rq, const struct file_path_in *in, struct file_path_out *out)
{
	struct tty_file *file = opened(rq);
	char *to = file_path_out_data(rq->page);
	int length;

	(void)in;
	if (!file)
		return EBADF;
	if (file->side == FILE_MASTER)
		length = snprintf(to, 32, "/dev/ptmx");
	else if (file->kind == 0)
		length = snprintf(to, 32, "/dev/tty");
	else if (file->kind == 1)
		length = snprintf(to, 32, "/dev/console");
	else if (file->terminal->kind == TERMINAL_SERIAL)
		length = snprintf(to, 32, "/dev/ttyS%u", file->terminal->index);
	else
		length = snprintf(to, 32, "/dev/pts/%u", file->terminal->index);
	out->data_len = (uint32_t)length;
	return 0;
}

int file_on_statfs(struct request *rq, const struct file_statfs_in *in, struct file_statfs_out *out)
{
	struct tty_file *file = opened(rq);
	uint64_t words[15] = {0};

	(void)in;
	if (!file)
		return EBADF;
	words[0] = file->terminal->kind == TERMINAL_PTY ? DEVPTS_MAGIC : DEVTMPFS_MAGIC;
	words[1] = words[9] = 4096; /* f_bsize, f_frsize */
	words[8] = 255;		    /* f_namelen */
	memcpy(file_statfs_out_data(rq->page), words, sizeof(words));
	out->data_len = sizeof(words);
	return 0;
}

/* ---- what terminals do not do ---- */

#define REFUSED(name, status)                                                     \
	int file_on_##name(struct request *rq, const struct file_##name##_in *in, \
			   struct file_##name##_out *out)                         \
	{                                                                         \
		(void)in, (void)out;                                              \
		return opened(rq) ? status : EBADF;                               \
	}

REFUSED(pread, ESPIPE)
REFUSED(pwrite, ESPIPE)
REFUSED(seek, ESPIPE)
REFUSED(getdents, ENOTDIR)
REFUSED(truncate, EINVAL)
REFUSED(allocate, ENODEV)
REFUSED(sync, EINVAL)
REFUSED(utimens, 0)
REFUSED(flock, 0)
REFUSED(lock, ENOLCK)
REFUSED(object, ENODEV)
REFUSED(readiness, PROTO_NO_OP)
REFUSED(watch, PROTO_NO_OP)
REFUSED(window, PROTO_NO_OP)
REFUSED(read_win, PROTO_NO_OP)
REFUSED(write_win, PROTO_NO_OP)
REFUSED(copy_range, EXDEV)

void file_undo_getdents(struct request *rq)
{
	(void)rq;
}

void file_undo_read_win(struct request *rq)
{
	(void)rq;
}
