/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Whole-file operations: fallocate, copies inside the server, the path of an open file, ioctl. */
#include "file.h"

#include <stdio.h>
#include <string.h>

#include "data.h"
#include "device.h"
#include "pipe.h"
#include "timer.h"

#define PUNCH_HOLE 2u
#define KEEP_SIZE 1u
#define ZERO_RANGE 0x10u
#define COPY_PIECE 4096u
#define COPY_MAX (1u << 20)
#define IOCTL_FIONREAD 0x541bu
#define IOCTL_RNDGETENTCNT 0x80045200u
#define RLIMIT_FSIZE_INDEX 1u

/* Zeroes [offset, end): whole pages become holes, parts are filled. */
static void zero_range(struct inode *inode, uint64_t offset, uint64_t end)
{
	uint64_t first = (offset + 4095u) >> 12, last = end >> 12;
	if (first > last || (offset >> 12) == (end >> 12)) {
		data_zero_part(&inode->data, offset, end);
		return;
	}
	if (offset & 4095u)
		data_zero_part(&inode->data, offset, first << 12);
	if (end & 4095u)
		data_zero_part(&inode->data, last << 12, end);
	data_punch(&inode->data, first, last);
}

int openfile_allocate(struct file *file, const struct caller *caller, uint32_t mode, uint64_t offset, uint64_t length)
{
	struct inode *inode = file->inode;
	if (!(file->state & OPENFILE_MAY_WRITE))
		return EBADF;
	if (inode->kind == NODE_FIFO)
		return ESPIPE;
	if (inode->kind != NODE_FILE)
		return inode_is_directory(inode) ? EISDIR : ENODEV;
	if (length == 0 || (int64_t)offset < 0 || (int64_t)length < 0)
		return EINVAL;
	if (offset > FILE_SIZE_MAX || length > FILE_SIZE_MAX - offset)
		return EFBIG;
	uint64_t end = offset + length;
	if (mode == (PUNCH_HOLE | KEEP_SIZE)) {
		zero_range(inode, offset, end);
		inode_touch(inode, TOUCH_MTIME | TOUCH_CTIME);
		return 0;
	}
	if (mode & ~KEEP_SIZE)
		return EOPNOTSUPP;
	if (!(mode & KEEP_SIZE) && end > inode->size && end > caller_limit(caller, RLIMIT_FSIZE_INDEX))
		return EFBIG;
	int error = data_reserve(inode, offset, length);
	if (error == 0 && !(mode & KEEP_SIZE) && end > inode->size)
		error = data_resize(inode, end);
	inode_touch(inode, TOUCH_MTIME | TOUCH_CTIME);
	return error;
}

/* Gives back what was read but not written. */
static void put_back(struct file *file, bool own_offset, uint32_t bytes)
{
	if (bytes == 0)
		return;
	if (file->inode->kind == NODE_FIFO)
		pipe_unread(file->inode, bytes);
	else if (own_offset)
		file->offset -= bytes;
}

int openfile_copy_range(struct file *from, uint64_t from_offset, struct file *to, uint64_t to_offset, uint64_t length,
		    const struct caller *caller, uint64_t *done)
{
	static uint8_t piece[COPY_PIECE];
	*done = 0;
	bool own_from = from_offset == OPENFILE_OWN_OFFSET, own_to = to_offset == OPENFILE_OWN_OFFSET;
	if (from->inode == to->inode && from->inode->kind == NODE_FIFO)
		return EINVAL;
	if (from->inode->kind == NODE_EVENT || from->inode->kind == NODE_TIMER)
		return EINVAL;
	if (length > COPY_MAX)
		length = COPY_MAX;
	while (*done < length) {
		uint32_t part = length - *done < COPY_PIECE ? (uint32_t)(length - *done) : COPY_PIECE;
		uint32_t got = 0, put = 0;
		int error = openfile_read(from, caller, piece, part, own_from ? OPENFILE_OWN_OFFSET : from_offset + *done, &got);
		if (error == 0 && got == 0)
			return 0;
		if (error == 0) {
			error = openfile_write(to, caller, piece, got, own_to ? OPENFILE_OWN_OFFSET : to_offset + *done, &put);
			put_back(from, own_from, got - put);
		}
		*done += put;
		if (error != 0)
			return *done > 0 ? 0 : error;
		if (put < got)
			return 0;
	}
	return 0;
}

int openfile_path(const struct file *file, const struct dentry *root, char *out, uint32_t size)
{
	const struct dentry *dentry = file->dentry;
	if (!dentry) {
		static const char *const names[] = {[NODE_EVENT] = "anon_inode:[eventfd]", [NODE_TIMER] = "anon_inode:[timerfd]"};
		if (file->inode->kind == NODE_FIFO)
			return snprintf(out, size, "pipe:[%llu]", (unsigned long long)file->inode->ino);
		return snprintf(out, size, "%s", names[file->inode->kind]);
	}
	if (file->inode->fs == &fs_anonymous)
		return snprintf(out, size, "/%s (deleted)", dentry_name(dentry));
	return dentry_path(dentry, root, out, size);
}

static int ioctl_pipe(struct inode *inode, const struct caller *caller, uint32_t command, uint64_t argument, void *out,
		      uint32_t *out_length, uint64_t *result)
{
	int32_t length = (int32_t)inode->pipe->length;
	switch (command) {
	case IOCTL_FIONREAD:
		memcpy(out, &length, 4);
		*out_length = 4;
		return 0;
	case FILE_IOCTL_PIPE_SIZE_SET:
		return pipe_set_capacity(inode, caller, argument, result);
	case FILE_IOCTL_PIPE_SIZE_GET:
		*result = inode->pipe->capacity;
		return 0;
	default:
		return ENOTTY;
	}
}

static int ioctl_timer(struct inode *inode, uint32_t command, const void *in, uint32_t in_length, void *out,
		       uint32_t *out_length)
{
	struct timer_spec spec, old = {0};
	uint64_t flags;
	if (command == FILE_IOCTL_TIMERFD_GET) {
		timer_get(inode, &old);
	} else if (command == FILE_IOCTL_TIMERFD_SET) {
		if (in_length < sizeof(flags) + sizeof(spec))
			return EINVAL;
		memcpy(&flags, in, sizeof(flags));
		memcpy(&spec, (const uint8_t *)in + sizeof(flags), sizeof(spec));
		int error = timer_set(inode, (uint32_t)flags, &spec, &old);
		if (error != 0)
			return error;
	} else {
		return ENOTTY;
	}
	memcpy(out, &old, sizeof(old));
	*out_length = sizeof(old);
	return 0;
}

int openfile_ioctl(struct file *file, const struct caller *caller, uint32_t command, uint64_t argument, const void *in,
	       uint32_t in_length, void *out, uint32_t *out_length, uint64_t *result)
{
	struct inode *inode = file->inode;
	*out_length = 0;
	*result = 0;
	if (file->state & OPENFILE_PATH_ONLY)
		return EBADF;
	if (inode->kind == NODE_FIFO)
		return ioctl_pipe(inode, caller, command, argument, out, out_length, result);
	if (inode->kind == NODE_TIMER)
		return ioctl_timer(inode, command, in, in_length, out, out_length);
	int32_t value;
	if (command == IOCTL_FIONREAD && inode->kind == NODE_FILE) {
		uint64_t left = inode->size > file->offset ? inode->size - file->offset : 0;
		value = left > 0x7fffffff ? 0x7fffffff : (int32_t)left;
	} else if (command == IOCTL_RNDGETENTCNT && inode->kind == NODE_DEVICE) {
		value = 256;
	} else {
		return ENOTTY;
	}
	memcpy(out, &value, 4);
	*out_length = 4;
	return 0;
}
