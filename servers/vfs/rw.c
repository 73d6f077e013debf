/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Reading, writing, seeking and polling of open files, by kind of inode. What the last read consumed is remembered, so that
 * it can be given back when its answer could not be delivered.
 */
#include "file.h"

#include <poll.h>
#include <string.h>

#include "data.h"
#include "device.h"
#include "memory.h"
#include "pipe.h"
#include "proc.h"
#include "timer.h"

#define RLIMIT_FSIZE_INDEX 1u

static struct {
	struct file *file;
	uint64_t offset; /* before */
	uint64_t value;	 /* of an eventfd or timerfd */
	uint32_t bytes;
} undo;

static void remember(struct file *file, uint64_t offset, uint64_t value, uint32_t bytes)
{
	undo.file = file;
	undo.offset = offset;
	undo.value = value;
	undo.bytes = bytes;
}

void openfile_undo_last(void)
{
	struct file *file = undo.file;
	undo.file = NULL;
	if (!file || !(file->state & OPENFILE_IN_USE) || undo.bytes == 0)
		return;
	switch (file->inode->kind) {
	case NODE_FIFO: pipe_unread(file->inode, undo.bytes); break;
	case NODE_EVENT:
		file->inode->event.count += undo.value;
		wait_wake_if(&file->inode->waiters, POLLIN);
		watch_changed_if(&file->inode->watches, POLLIN);
		break;
	case NODE_TIMER:
		file->inode->timer.expirations += undo.value;
		wait_wake_if(&file->inode->waiters, POLLIN);
		watch_changed_if(&file->inode->watches, POLLIN);
		break;
	default:
		if (undo.offset != OPENFILE_OWN_OFFSET)
			file->offset = undo.offset;
		break;
	}
}

static int read_contents(struct file *file, struct inode *contents, void *to, uint32_t length,
			 uint64_t offset, uint32_t *done)
{
	uint64_t at = offset == OPENFILE_OWN_OFFSET ? file->offset : offset;
	if (at >= contents->size) {
		*done = 0;
		return 0;
	}
	if (length > contents->size - at)
		length = (uint32_t)(contents->size - at);
	data_read(&contents->data, at, to, length);
	*done = length;
	if (offset == OPENFILE_OWN_OFFSET) {
		remember(file, at, 0, length);
		file->offset = at + length;
	}
	return 0;
}

static int read_proc(struct file *file, const struct caller *caller, void *to, uint32_t length,
		     uint64_t offset, uint32_t *done)
{
	uint64_t at = offset == OPENFILE_OWN_OFFSET ? file->offset : offset;
	if (proc_is_memory(file->inode)) {
		int error = proc_read_memory(file, to, length, at, done);
		if (error == 0 && offset == OPENFILE_OWN_OFFSET) {
			remember(file, at, 0, *done);
			file->offset = at + *done;
		}
		return error;
	}
	if (!file->snapshot || at == 0) {
		int error = proc_make_text(file, caller);
		if (error != 0)
			return error;
	}
	return read_contents(file, file->snapshot, to, length, offset, done);
}

static int read_stream(struct file *file, const struct caller *caller, void *to, uint32_t length,
		       uint32_t *done)
{
	struct inode *inode = file->inode;
	int error;
	if (inode->kind == NODE_FIFO)
		error = pipe_read(inode, caller, to, length, done);
	else if (inode->kind == NODE_EVENT)
		error = event_read(inode, caller, to, length, done);
	else
		error = timer_read(inode, caller, to, length, done);
	uint64_t value = 0;
	if (error == 0 && *done == 8 && inode->kind != NODE_FIFO)
		memcpy(&value, to, 8);
	if (error == 0)
		remember(file, 0, value, *done);
	if (error == 0 && inode->kind != NODE_FIFO) /* a pipe has told its watches itself */
		watch_changed_if(&inode->watches, POLLOUT);
	return error;
}

int openfile_read(struct file *file, const struct caller *caller, void *to, uint32_t length, uint64_t offset,
		  uint32_t *done)
{
	*done = 0;
	undo.file = NULL;
	struct inode *inode = file->inode;
	bool is_stream = inode->kind == NODE_FIFO || inode->kind == NODE_EVENT || inode->kind == NODE_TIMER;
	if (is_stream && offset != OPENFILE_OWN_OFFSET)
		return ESPIPE;
	if (!(file->state & OPENFILE_MAY_READ))
		return EBADF;
	if (offset != OPENFILE_OWN_OFFSET && (int64_t)offset < 0)
		return EINVAL;
	switch (inode->kind) {
	case NODE_FILE: inode_accessed(inode); return read_contents(file, inode, to, length, offset, done);
	case NODE_PROC:
		return inode_is_directory(inode) ? EISDIR : read_proc(file, caller, to, length, offset, done);
	case NODE_DIRECTORY: return EISDIR;
	case NODE_FIFO:
	case NODE_EVENT:
	case NODE_TIMER: return read_stream(file, caller, to, length, done);
	case NODE_DEVICE: return device_read(inode, to, length, done);
	default: return EINVAL;
	}
}

static int write_regular(struct file *file, const struct caller *caller, const void *from, uint32_t length,
			 uint64_t offset, uint32_t *done)
{
	struct inode *inode = file->inode;
	uint64_t at = offset == OPENFILE_OWN_OFFSET ? file->offset : offset;
	if (file->flags & O_APPEND)
		at = inode->size;
	if (length == 0)
		return 0;
	struct caller known = caller_of(caller->label, false); /* transfers come with the label alone */
	uint64_t limit = caller_limit(&known, RLIMIT_FSIZE_INDEX);
	if (at >= limit)
		return EFBIG;
	if (length > limit - at)
		length = (uint32_t)(limit - at);
	uint64_t stored = 0;
	int error = data_store(inode, at, from, length, &stored);
	*done = (uint32_t)stored;
	if (stored == 0)
		return error;
	attribute_drop_setid(&known, inode);
	inode_touch(inode, TOUCH_MTIME | TOUCH_CTIME);
	if (offset == OPENFILE_OWN_OFFSET)
		file->offset = at + stored;
	return 0;
}

int openfile_write(struct file *file, const struct caller *caller, const void *from, uint32_t length,
		   uint64_t offset, uint32_t *done)
{
	*done = 0;
	struct inode *inode = file->inode;
	if (!(file->state & OPENFILE_MAY_WRITE))
		return EBADF;
	bool is_stream = inode->kind == NODE_FIFO || inode->kind == NODE_EVENT || inode->kind == NODE_TIMER;
	if (offset != OPENFILE_OWN_OFFSET && (is_stream || (int64_t)offset < 0))
		return is_stream ? ESPIPE : EINVAL;
	switch (inode->kind) {
	case NODE_FILE: return write_regular(file, caller, from, length, offset, done);
	case NODE_FIFO: return pipe_write(inode, caller, from, length, done);
	case NODE_EVENT: return event_write(inode, caller, from, length, done);
	case NODE_DEVICE: return device_write(inode, length, done);
	case NODE_PROC: return proc_write(file, caller, from, length, done);
	default: return EINVAL;
	}
}

static int seek_data(struct file *file, uint64_t offset, bool want_data, uint64_t *result)
{
	const struct inode *inode = file->inode;
	if (inode->kind == NODE_FILE)
		return data_seek(&inode->data, inode->size, offset, want_data, result);
	return EINVAL;
}

int openfile_seek(struct file *file, int64_t offset, uint32_t whence, uint64_t *result)
{
	const struct inode *inode = file->inode;
	if (file->state & OPENFILE_PATH_ONLY)
		return EBADF;
	*result = 0;
	if (inode->kind == NODE_FIFO)
		return ESPIPE;
	if (inode->kind == NODE_EVENT || inode->kind == NODE_TIMER || inode->kind == NODE_DEVICE)
		return whence > 4 ? EINVAL : 0;
	int64_t base = 0;
	if (whence == 1)
		base = (int64_t)file->offset;
	else if (whence == 2)
		base = inode->kind == NODE_FILE ? (int64_t)inode->size : 0;
	else if (whence > 4)
		return EINVAL;
	int64_t to;
	if (__builtin_add_overflow(base, offset, &to))
		return EOVERFLOW;
	if (to < 0)
		return whence >= 3 ? ENXIO : EINVAL;
	uint64_t position = (uint64_t)to;
	if (whence >= 3) {
		int error = seek_data(file, (uint64_t)to, whence == 3, &position);
		if (error != 0)
			return error;
	}
	file->offset = position;
	*result = position;
	return 0;
}

uint32_t openfile_poll(struct file *file)
{
	struct inode *inode = file->inode;
	switch (inode->kind) {
	case NODE_FIFO:
		return pipe_poll(inode, file->state & OPENFILE_MAY_READ, file->state & OPENFILE_MAY_WRITE);
	case NODE_EVENT: return event_poll(inode);
	case NODE_TIMER: return timer_poll(inode);
	default:
		if (file->state & OPENFILE_PATH_ONLY)
			return POLLNVAL;
		return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
	}
}

bool emit(struct emitter *emitter, uint64_t ino, const char *name, uint32_t length, uint32_t mode,
	  uint64_t next)
{
	uint32_t bytes = (19u + length + 1u + 7u) & ~7u;
	if (emitter->size - emitter->used < bytes) {
		emitter->is_full = 1;
		return false;
	}
	uint8_t *record = emitter->out + emitter->used;
	uint16_t bytes16 = (uint16_t)bytes;
	memcpy(record, &ino, 8);
	memcpy(record + 8, &next, 8);
	memcpy(record + 16, &bytes16, 2);
	record[18] = (uint8_t)((mode & S_IFMT) >> 12);
	memcpy(record + 19, name, length);
	memset(record + 19 + length, 0, bytes - 19u - length);
	emitter->used += bytes;
	return true;
}

static void list_children(const struct inode *dir, struct emitter *emitter, uint64_t *offset)
{
	const struct dentry *entry = dir->dir.first;
	while (entry && entry->position < *offset)
		entry = entry->next;
	for (; entry; entry = entry->next) {
		const struct inode *inode = entry->mounted ? entry->mounted->inode : entry->inode;
		if (!emit(emitter, inode->ino, dentry_name(entry), entry->name_length, inode->mode,
			  entry->position + 1))
			return;
		*offset = entry->position + 1;
	}
}

static void list_dots(struct file *file, struct emitter *emitter, uint64_t *offset)
{
	if (*offset == 0) {
		if (!emit(emitter, file->inode->ino, ".", 1, S_IFDIR, 1))
			return;
		*offset = 1;
	}
	if (*offset == 1) {
		struct dentry *above = dentry_above(file->dentry, root_dentry);
		if (!emit(emitter, above->inode->ino, "..", 2, S_IFDIR, 2))
			return;
		*offset = 2;
	}
}

int openfile_getdents(struct file *file, const struct caller *caller, void *to, uint32_t size, uint32_t *done)
{
	struct inode *dir = file->inode;
	*done = 0;
	undo.file = NULL;
	if (!inode_is_directory(dir) || !file->dentry)
		return ENOTDIR;
	if (!(file->state & OPENFILE_MAY_READ))
		return EBADF;
	if (dir->nlink == 0)
		return ENOENT;
	struct emitter emitter = {.out = to, .size = size};
	uint64_t offset = file->offset;
	list_dots(file, &emitter, &offset);
	if (!emitter.is_full && dir->kind == NODE_DIRECTORY && offset < dir->dir.next_position)
		list_children(dir, &emitter, &offset);
	if (!emitter.is_full && proc_is_dynamic(dir)) {
		int error = proc_readdir(file, caller, &emitter, &offset);
		if (error != 0)
			return error;
	}
	if (emitter.used == 0 && emitter.is_full)
		return EINVAL;
	remember(file, file->offset, 0, emitter.used);
	file->offset = offset;
	*done = emitter.used;
	if (dir->kind == NODE_DIRECTORY)
		inode_accessed(dir);
	return 0;
}
