/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Handlers of the file protocol. Data of requests is taken from the message page before anything else writes there. */
#include "serve.h"

#include <poll.h>
#include <string.h>

#include <tessera/proto/file_server.h>

#include "lock.h"
#include "object.h"
#include "pipe.h"
#include "proc.h"

/* VFS_PARK becomes a kept Reply. */
static int parked_or(struct request *rq, int status)
{
	return status == VFS_PARK ? serve_park(rq) : status;
}

/* Who transfers: only the label; what needs ids (limits, procfs) looks them up itself. */
static struct caller transferring(const struct request *rq, const struct file *file, uint32_t wait)
{
	return (struct caller){
		.label = rq->label, .uid = ~0u, .gid = ~0u, .wait = wait && !(file->flags & O_NONBLOCK)};
}

static int nonblocking_or(const struct file *file, int status)
{
	return status == ST_WOULD_BLOCK && (file->flags & O_NONBLOCK) ? EAGAIN : status;
}

int file_on_read(struct request *rq, const struct file_read_in *in, struct file_read_out *out)
{
	struct file *file = serve_file(rq);
	if (!file)
		return EBADF;
	struct caller caller = transferring(rq, file, in->wait);
	uint32_t length = in->len < FILE_READ_OUT_MAX ? in->len : FILE_READ_OUT_MAX;
	int status = openfile_read(file, &caller, file_read_out_data(rq->page), length, OPENFILE_OWN_OFFSET,
				   &out->data_len);
	return status == 0 ? 0 : parked_or(rq, nonblocking_or(file, status));
}

void file_undo_read(struct request *rq)
{
	(void)rq;
	openfile_undo_last();
}

int file_on_write(struct request *rq, const struct file_write_in *in, struct file_write_out *out)
{
	struct file *file = serve_file(rq);
	if (!file)
		return EBADF;
	struct caller caller = transferring(rq, file, in->wait);
	int status = openfile_write(file, &caller, file_write_in_data(rq->page), in->data_len,
				    OPENFILE_OWN_OFFSET, &out->written);
	return parked_or(rq, nonblocking_or(file, status));
}

int file_on_pread(struct request *rq, const struct file_pread_in *in, struct file_pread_out *out)
{
	struct file *file = serve_file(rq);
	if (!file || in->offset == OPENFILE_OWN_OFFSET)
		return file ? EINVAL : EBADF;
	struct caller caller = transferring(rq, file, 0);
	uint32_t length = in->len < FILE_PREAD_OUT_MAX ? in->len : FILE_PREAD_OUT_MAX;
	return parked_or(rq, openfile_read(file, &caller, file_pread_out_data(rq->page), length, in->offset,
					   &out->data_len));
}

int file_on_pwrite(struct request *rq, const struct file_pwrite_in *in, struct file_pwrite_out *out)
{
	struct file *file = serve_file(rq);
	if (!file || in->offset == OPENFILE_OWN_OFFSET)
		return file ? EINVAL : EBADF;
	struct caller caller = transferring(rq, file, 0);
	return openfile_write(file, &caller, file_pwrite_in_data(rq->page), in->data_len, in->offset,
			      &out->written);
}

int file_on_seek(struct request *rq, const struct file_seek_in *in, struct file_seek_out *out)
{
	struct file *file = serve_file(rq);
	return file ? openfile_seek(file, in->offset, in->whence, &out->offset) : EBADF;
}

int file_on_stat(struct request *rq, const struct file_stat_in *in, struct file_stat_out *out)
{
	const struct file *file = serve_file(rq);
	(void)in;
	if (!file)
		return EBADF;
	inode_stat(file->inode, file_stat_out_data(rq->page));
	out->data_len = sizeof(struct file_stat);
	return 0;
}

int file_on_getdents(struct request *rq, const struct file_getdents_in *in, struct file_getdents_out *out)
{
	struct file *file = serve_file(rq);
	if (!file)
		return EBADF;
	struct caller caller = serve_caller(rq, 0);
	uint32_t length = in->len < FILE_GETDENTS_OUT_MAX ? in->len : FILE_GETDENTS_OUT_MAX;
	return parked_or(rq, openfile_getdents(file, &caller, file_getdents_out_data(rq->page), length,
					       &out->data_len));
}

void file_undo_getdents(struct request *rq)
{
	(void)rq;
	openfile_undo_last();
}

int file_on_ioctl(struct request *rq, const struct file_ioctl_in *in, struct file_ioctl_out *out)
{
	struct file *file = serve_file(rq);
	uint8_t data[FILE_IOCTL_IN_MAX];
	if (!file)
		return EBADF;
	struct caller caller = serve_caller(rq, 0);
	memcpy(data, file_ioctl_in_data(rq->page), in->data_len);
	return openfile_ioctl(file, &caller, in->command, in->argument, data, in->data_len,
			      file_ioctl_out_data(rq->page), &out->data_len, &out->result);
}

int file_on_poll(struct request *rq, const struct file_poll_in *in, struct file_poll_out *out)
{
	struct file *file = serve_file(rq);
	if (!file)
		return EBADF;
	out->edges = 0;
	out->revents = openfile_poll(file) & (in->events | POLLERR | POLLHUP | POLLNVAL);
	if (out->revents != 0 || !in->wait)
		return 0;
	uint32_t events = POLLERR | POLLHUP;
	events |= (in->events & (POLLIN | POLLRDNORM)) ? POLLIN : 0u;
	events |= (in->events & (POLLOUT | POLLWRNORM)) ? POLLOUT : 0u;
	return wait_add(&file->inode->waiters, rq->label, events);
}

int file_on_readiness(struct request *rq, const struct file_readiness_in *in, struct file_readiness_out *out)
{
	const struct env_object *object;
	(void)in;
	(void)out; /* server 0 */
	int error = readiness_open(rq->label, &object);
	if (error != 0)
		return error;
	rq->page->send_slot[0] = SLOT_OWN(object->capability[0]);
	rq->page->send_mode[0] = XFER_CHILD;
	rq->page->send_rights[0] = RIGHT_WRITE | RIGHT_GRANT;
	return 0;
}

int file_on_watch(struct request *rq, const struct file_watch_in *in, struct file_watch_out *out)
{
	struct file *file = serve_file(rq);
	if (!file || (file->state & OPENFILE_PATH_ONLY))
		return EBADF;
	uint32_t kind = file->inode->kind;
	if (kind != NODE_FIFO && kind != NODE_EVENT && kind != NODE_TIMER) {
		out->kind = WATCH_CONSTANT;
		out->revents = openfile_poll(file) & in->events;
		return 0;
	}
	struct watch_page *page = readiness_page(rq->label);
	struct watch_order order = {.label = rq->label,
				    .cookie = in->cookie,
				    .events = in->events,
				    .flags = in->flags,
				    .slot = in->slot};
	return page ? watch_set(page, &file->inode->watches, file, &order, &out->revents) : ENOENT;
}

int file_on_get_flags(struct request *rq, const struct file_get_flags_in *in, struct file_get_flags_out *out)
{
	const struct file *file = serve_file(rq);
	(void)in;
	if (!file)
		return EBADF;
	out->flags = file->flags;
	return 0;
}

int file_on_set_flags(struct request *rq, const struct file_set_flags_in *in, struct file_set_flags_out *out)
{
	const uint32_t settable = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | O_ASYNC;
	struct file *file = serve_file(rq);
	(void)out;
	if (!file || (file->state & OPENFILE_PATH_ONLY))
		return EBADF;
	struct caller caller = serve_caller(rq, 0);
	if ((in->flags & ~file->flags & O_NOATIME) && !permission_is_owner(file->inode, &caller))
		return EPERM;
	file->flags = (file->flags & ~settable) | (in->flags & settable);
	return 0;
}

int file_on_truncate(struct request *rq, const struct file_truncate_in *in, struct file_truncate_out *out)
{
	struct file *file = serve_file(rq);
	(void)out;
	if (!file)
		return EBADF;
	if (!(file->state & OPENFILE_MAY_WRITE) || file->inode->kind != NODE_FILE)
		return (file->state & OPENFILE_PATH_ONLY) ? EBADF : EINVAL;
	if ((int64_t)in->size < 0)
		return EINVAL;
	struct caller caller = serve_caller(rq, 0);
	return attribute_truncate(&caller, file->inode, in->size);
}

int file_on_allocate(struct request *rq, const struct file_allocate_in *in, struct file_allocate_out *out)
{
	struct file *file = serve_file(rq);
	(void)out;
	if (!file)
		return EBADF;
	struct caller caller = serve_caller(rq, 0);
	return openfile_allocate(file, &caller, in->mode, in->offset, in->len);
}

int file_on_sync(struct request *rq, const struct file_sync_in *in, struct file_sync_out *out)
{
	const struct file *file = serve_file(rq);
	(void)in;
	(void)out;
	if (!file || (file->state & OPENFILE_PATH_ONLY))
		return EBADF;
	return file->inode->kind == NODE_FILE || file->inode->kind == NODE_DIRECTORY ? 0 : EINVAL;
}

int file_on_chmod(struct request *rq, const struct file_chmod_in *in, struct file_chmod_out *out)
{
	struct file *file = serve_file(rq);
	(void)out;
	if (!file || (file->state & OPENFILE_PATH_ONLY))
		return EBADF;
	struct caller caller = serve_caller(rq, 0);
	return attribute_chmod(&caller, file->inode, in->mode);
}

int file_on_chown(struct request *rq, const struct file_chown_in *in, struct file_chown_out *out)
{
	struct file *file = serve_file(rq);
	(void)out;
	if (!file || (file->state & OPENFILE_PATH_ONLY))
		return EBADF;
	struct caller caller = serve_caller(rq, 0);
	return attribute_chown(&caller, file->inode, in->uid, in->gid);
}

int file_on_utimens(struct request *rq, const struct file_utimens_in *in, struct file_utimens_out *out)
{
	struct file *file = serve_file(rq);
	(void)out;
	if (!file || (file->state & OPENFILE_PATH_ONLY))
		return EBADF;
	struct caller caller = serve_caller(rq, 0);
	return attribute_utimens(&caller, file->inode, (struct stamp){in->atime_sec, in->atime_nsec},
				 (struct stamp){in->mtime_sec, in->mtime_nsec});
}

int file_on_flock(struct request *rq, const struct file_flock_in *in, struct file_flock_out *out)
{
	struct file *file = serve_file(rq);
	(void)out;
	if (!file || (file->state & OPENFILE_PATH_ONLY))
		return EBADF;
	struct caller caller = serve_caller(rq, in->wait);
	return lock_flock(file, &caller, in->operation);
}

/* start and len as fcntl takes them, to an absolute range. */
static int lock_range_of(const struct file *file, const struct file_lock_in *in, struct lock_range *range)
{
	uint32_t whence = (in->command >> 8) & 3u;
	int64_t base = whence == 1 ? (int64_t)file->offset : whence == 2 ? (int64_t)file->inode->size : 0;
	int64_t start, end, length = (int64_t)in->len;
	if (__builtin_add_overflow(base, in->start, &start) || __builtin_add_overflow(start, length, &end))
		return EOVERFLOW;
	if (length < 0) {
		int64_t low = end;
		end = start;
		start = low;
	}
	if (start < 0)
		return EINVAL;
	*range = (struct lock_range){
		.start = (uint64_t)start,
		.end = length == 0 ? ~0ull : (uint64_t)end,
		.type = in->type,
	};
	return 0;
}

int file_on_lock(struct request *rq, const struct file_lock_in *in, struct file_lock_out *out)
{
	struct file *file = serve_file(rq);
	struct lock_range range;
	if (!file || (file->state & OPENFILE_PATH_ONLY))
		return EBADF;
	uint32_t command = in->command & 0xffu;
	if (in->type > 2 || ((in->command >> 8) & 3u) > 2 || (command != 5 && command != 6))
		return EINVAL;
	int error = lock_range_of(file, in, &range);
	if (error != 0)
		return error;
	struct caller caller = serve_caller(rq, in->wait);
	range.pid = caller.process ? caller.process->pid : 0;
	if (command == 6) {
		if ((in->type == 0 && !(file->state & OPENFILE_MAY_READ)) ||
		    (in->type == 1 && !(file->state & OPENFILE_MAY_WRITE)))
			return EBADF;
		return lock_set(file, &caller, range);
	}
	lock_get(file, &caller, &range);
	out->type = range.type;
	out->start = (int64_t)range.start;
	out->len = range.end == ~0ull ? 0 : range.end - range.start;
	out->pid = range.pid;
	return 0;
}

int file_on_path(struct request *rq, const struct file_path_in *in, struct file_path_out *out)
{
	const struct file *file = serve_file(rq);
	(void)in;
	if (!file)
		return EBADF;
	int length = openfile_path(file, root_dentry, file_path_out_data(rq->page), FILE_PATH_OUT_MAX);
	if (length < 0)
		return -length;
	out->description = (rq->label & LABEL_NATIVE) ? openfile_token(file) : 0;
	out->data_len = (uint32_t)length < FILE_PATH_OUT_MAX ? (uint32_t)length : FILE_PATH_OUT_MAX;
	return 0;
}

int file_on_object(struct request *rq, const struct file_object_in *in, struct file_object_out *out)
{
	struct file *file = serve_file(rq);
	if (!file || (file->state & OPENFILE_PATH_ONLY))
		return EBADF;
	struct inode *inode = file->inode;
	if (inode->kind != NODE_FILE)
		return ENODEV;
	if (!(file->state & OPENFILE_MAY_READ))
		return EACCES;
	bool writes = in->shared && (in->rights & RIGHT_WRITE);
	if (writes && !(file->state & OPENFILE_MAY_WRITE))
		return EACCES;
	if ((in->rights & RIGHT_EXECUTE) && (inode->fs->flags & FS_MS_NOEXEC))
		return EPERM;
	int error = object_prepare(inode, in->offset, in->len);
	if (error != 0)
		return error;
	/* A shared mapping of a file open for writing may be made writable later. */
	bool may_write = in->shared && (file->state & OPENFILE_MAY_WRITE);
	rq->page->send_slot[0] = SLOT_OWN(inode->mapped->object.capability[may_write ? 1 : 0]);
	rq->page->send_mode[0] = XFER_CHILD;
	rq->page->send_rights[0] = RIGHT_WRITE | RIGHT_GRANT;
	out->size = inode->size;
	if (writes)
		inode_touch(inode, TOUCH_MTIME | TOUCH_CTIME);
	return 0;
}

int file_on_window(struct request *rq, const struct file_window_in *in, struct file_window_out *out)
{
	struct caller caller = serve_caller(rq, 0);
	const struct window *window;
	int error = window_open(&caller, in->bytes, &out->window, &window);
	if (error != 0)
		return error;
	out->bytes = 4096u << window->order;
	rq->page->send_slot[0] = SLOT_OWN(window->object.capability[1]);
	rq->page->send_mode[0] = XFER_CHILD;
	rq->page->send_rights[0] = RIGHT_WRITE | RIGHT_GRANT;
	return 0;
}

int file_on_read_win(struct request *rq, const struct file_read_win_in *in, struct file_read_win_out *out)
{
	struct file *file = serve_file(rq);
	uint32_t size = 0;
	void *memory = window_memory(rq->label, in->window, &size);
	if (!file || !memory)
		return EBADF;
	struct caller caller = transferring(rq, file, in->wait);
	uint32_t length = in->len < size ? in->len : size;
	int status = openfile_read(file, &caller, memory, length, in->offset, &out->done);
	return status == 0 ? 0 : parked_or(rq, nonblocking_or(file, status));
}

void file_undo_read_win(struct request *rq)
{
	(void)rq;
	openfile_undo_last();
}

int file_on_write_win(struct request *rq, const struct file_write_win_in *in, struct file_write_win_out *out)
{
	struct file *file = serve_file(rq);
	uint32_t size = 0;
	const void *memory = window_memory(rq->label, in->window, &size);
	if (!file || !memory)
		return EBADF;
	struct caller caller = transferring(rq, file, in->wait);
	uint32_t length = in->len < size ? in->len : size;
	return nonblocking_or(file, openfile_write(file, &caller, memory, length, in->offset, &out->written));
}

int file_on_copy_range(struct request *rq, const struct file_copy_range_in *in,
		       struct file_copy_range_out *out)
{
	struct file *to = serve_file(rq);
	if (!to)
		return EBADF;
	if (rq->page->received_kind[0] != RECEIVED_BADGE)
		return EXDEV;
	struct file *from = openfile_of_badge(rq->page->received_badge[0]);
	if (!from)
		return EBADF;
	bool nonblocking = ((from->flags | to->flags) & O_NONBLOCK) != 0;
	struct caller caller = serve_caller(rq, in->wait && !nonblocking);
	int status =
		openfile_copy_range(from, in->in_offset, to, in->out_offset, in->len, &caller, &out->done);
	if (status == ST_WOULD_BLOCK && nonblocking)
		return EAGAIN;
	return status == VFS_PARK ? EXDEV
				  : status; /* texts of procfs that need proc: the client reads and writes */
}

int file_on_statfs(struct request *rq, const struct file_statfs_in *in, struct file_statfs_out *out)
{
	const struct file *file = serve_file(rq);
	(void)in;
	if (!file)
		return EBADF;
	attribute_statfs(file->inode->fs, file_statfs_out_data(rq->page));
	out->data_len = sizeof(struct statfs_out);
	return 0;
}

int file_on_wait_cancel(struct request *rq, const struct file_wait_cancel_in *in,
			struct file_wait_cancel_out *out)
{
	struct file *file = serve_file(rq);
	(void)in;
	(void)out;
	if (!file)
		return EBADF;
	wait_cancel(&file->inode->waiters, rq->label);
	lock_wait_forget(rq->label);
	return 0;
}
