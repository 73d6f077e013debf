/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Opening: creation, permission by access mode, what each kind of inode wants, and the descriptors without a name. */
#include "file.h"

#include <string.h>

#include "device.h"
#include "memory.h"
#include "pipe.h"
#include "proc.h"

#define TMPFILE_BIT 020000000u
#define TTY_NONE (~0u)

static uint32_t needed(uint32_t flags)
{
	static const uint32_t by_mode[4] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE};
	if (flags & OPEN_EXEC)
		return MAY_EXECUTE;
	return by_mode[flags & O_ACCMODE & 3u] | ((flags & O_TRUNC) ? MAY_WRITE : 0u);
}

static int may_open_exec(const struct inode *inode)
{
	if (!S_ISREG(inode->mode) || inode->kind != NODE_FILE || (inode->fs->flags & FS_MS_NOEXEC))
		return EACCES;
	return inode->writers > 0 ? ETXTBSY : 0;
}

static int may_open(const struct caller *caller, const struct inode *inode, uint32_t flags, bool created)
{
	uint32_t may = needed(flags);
	if (inode_is_symlink(inode))
		return ELOOP;
	if ((flags & O_DIRECTORY) && !inode_is_directory(inode))
		return ENOTDIR;
	if (inode_is_directory(inode) && (may & MAY_WRITE))
		return EISDIR;
	if (S_ISSOCK(inode->mode))
		return ENXIO;
	if (S_ISCHR(inode->mode) && (inode->fs->flags & FS_MS_NODEV))
		return EACCES;
	if (created)
		return 0;
	if ((may & MAY_WRITE) && fs_is_readonly(inode->fs) &&
	    (S_ISREG(inode->mode) || inode_is_directory(inode)))
		return EROFS;
	int error = permission(inode, caller, may);
	if (error == 0 && inode->kind == NODE_PROC)
		error = proc_may_open(caller, inode);
	if (error != 0)
		return error;
	if (flags & OPEN_EXEC)
		return may_open_exec(inode);
	if ((may & MAY_WRITE) && inode->executors > 0)
		return ETXTBSY;
	if ((flags & O_NOATIME) && !permission_is_owner(inode, caller))
		return EPERM;
	return 0;
}

/* Kinds that are not simply a description. */
static int open_special(const struct caller *caller, struct inode *inode, uint32_t flags,
			struct open_result *out)
{
	if (inode->kind == NODE_FIFO && inode->fs != &fs_anonymous)
		return pipe_fifo_open(inode, caller, flags);
	bool is_pts = inode->kind == NODE_PROC && S_ISCHR(inode->mode);
	if (inode->kind == NODE_DEVICE || is_pts) {
		enum device_who who = device_of(inode, &out->tty_kind, &out->tty_index);
		if (who == DEVICE_TTY)
			inode_stat(inode, &out->tty_stat);
		return who == DEVICE_UNKNOWN ? ENXIO : 0;
	}
	return inode->kind == NODE_EVENT || inode->kind == NODE_TIMER ? ENXIO : 0;
}

static int finish_open(const struct caller *caller, struct inode *inode, struct dentry *dentry,
		       uint32_t flags, bool created, struct open_result *out)
{
	out->mode = inode->mode & S_IFMT;
	if (!openfile_has_room(caller, 1))
		return ENFILE;
	if (!(flags & O_PATH)) {
		int error = may_open(caller, inode, flags, created);
		if (error == 0)
			error = open_special(caller, inode, flags, out);
		if (error != 0)
			return error;
		if (out->tty_kind != TTY_NONE)
			return 0;
		if ((flags & O_TRUNC) && !created && inode->kind == NODE_FILE)
			error = attribute_truncate(caller, inode, 0);
		if (error != 0)
			return error;
	} else if ((flags & O_DIRECTORY) && !inode_is_directory(inode)) {
		return ENOTDIR;
	}
	out->file = openfile_new(inode, dentry, flags, account_of(caller->label));
	return out->file ? 0 : ENFILE;
}

static int open_tmpfile(const struct caller *caller, struct dentry *dir, uint32_t flags, uint32_t mode,
			struct open_result *out)
{
	if (!inode_is_directory(dir->inode))
		return ENOTDIR;
	if ((flags & O_ACCMODE) == O_RDONLY)
		return EINVAL;
	if (dir->inode->kind != NODE_DIRECTORY || dir->inode->fs->type == FS_PROC)
		return EOPNOTSUPP;
	int error = permission(dir->inode, caller, MAY_WRITE | MAY_EXECUTE);
	if (error != 0)
		return error;
	struct inode *inode = inode_new(dir->inode->fs, NODE_FILE, S_IFREG | (mode & 07777u), caller);
	if (!inode)
		return ENOSPC;
	inode->nlink = 0;
	struct dentry *entry = dentry_new(dir, "#tmpfile", 8, inode, inode->account);
	if (!entry)
		return ENOSPC;
	entry->flags |= DENTRY_DELETED;
	flags &= ~(uint32_t)(TMPFILE_BIT | O_DIRECTORY | O_TRUNC);
	error = finish_open(caller, inode, entry, flags, true, out);
	dentry_put(entry);
	return error;
}

static int open_create(const struct caller *caller, struct walk *walk, uint32_t flags, uint32_t mode,
		       struct open_result *out)
{
	if (walk->last != LAST_NAME)
		return EISDIR;
	if (walk->entry) {
		if (flags & O_EXCL)
			return EEXIST;
		if (inode_is_directory(walk->entry->inode))
			return EISDIR;
		return finish_open(caller, walk->entry->inode, walk->entry, flags, false, out);
	}
	if (walk->trailing)
		return EISDIR;
	if (flags & O_DIRECTORY)
		return EINVAL;
	int error = name_create(caller, walk, NODE_FILE, S_IFREG | (mode & 07777u), 0, &walk->entry);
	if (error != 0)
		return error;
	return finish_open(caller, walk->entry->inode, walk->entry, flags, true, out);
}

int openfile_open(const struct caller *caller, struct walk_start start, const char *path, uint32_t length,
		  uint32_t flags, uint32_t mode, struct open_result *out)
{
	struct walk walk;
	*out = (struct open_result){.tty_kind = TTY_NONE};
	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW;
	if ((flags & OPEN_EXEC) && (flags & (O_CREAT | O_TRUNC | TMPFILE_BIT | O_ACCMODE)))
		return EINVAL;
	bool creates = (flags & O_CREAT) && !(flags & TMPFILE_BIT);
	uint32_t how = creates ? WALK_PARENT : 0;
	if (!(flags & O_NOFOLLOW) && !(creates && (flags & O_EXCL)))
		how |= WALK_FOLLOW;
	int error = walk_path(caller, start, path, length, how, &walk);
	out->number = walk.number;
	out->consumed = walk.consumed;
	if (error != 0)
		return error;
	if (creates)
		error = open_create(caller, &walk, flags, mode, out);
	else if (flags & TMPFILE_BIT)
		error = open_tmpfile(caller, walk.entry, flags, mode, out);
	else
		error = finish_open(caller, walk.entry->inode, walk.entry, flags, false, out);
	walk_done(&walk);
	return error;
}

int openfile_reopen(const struct caller *caller, struct file *file, uint32_t flags, struct open_result *out)
{
	*out = (struct open_result){.tty_kind = TTY_NONE};
	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY;
	if ((flags & OPEN_EXEC) && (flags & (O_TRUNC | O_ACCMODE)))
		return EINVAL;
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return EEXIST;
	if (flags & TMPFILE_BIT)
		return file->dentry ? open_tmpfile(caller, file->dentry, flags, 0600, out) : ENOTDIR;
	return finish_open(caller, file->inode, file->dentry, flags & ~(uint32_t)O_CREAT, false, out);
}

int openfile_open_memfd(const struct caller *caller, const char *name, uint32_t length, uint32_t flags,
			struct file **out)
{
	char full[256] = "memfd:";
	if (length > 249 || memchr(name, '\0', length))
		return EINVAL;
	memcpy(full + 6, name, length);
	(void)flags;
	struct inode *inode = inode_new(&fs_anonymous, NODE_FILE, S_IFREG | 0777u, caller);
	if (!inode)
		return ENOMEM;
	inode->nlink = 0;
	struct dentry *entry = dentry_new(NULL, full, length + 6u, inode, inode->account);
	if (!entry)
		return ENOMEM;
	*out = openfile_new(inode, entry, O_RDWR, inode->account);
	dentry_put(entry);
	return *out ? 0 : ENFILE;
}

int openfile_open_pipe(const struct caller *caller, uint32_t flags, struct file *ends[2])
{
	struct inode *inode = openfile_has_room(caller, 2)
				      ? inode_new(&fs_anonymous, NODE_FIFO, S_IFIFO | 0600u, caller)
				      : NULL;
	if (!inode)
		return ENFILE;
	int error = pipe_new(inode) != 0 ? ENFILE : 0;
	if (error == 0) {
		uint32_t status = flags & (O_NONBLOCK | O_DIRECT);
		ends[0] = openfile_new(inode, NULL, O_RDONLY | status, inode->account);
		ends[1] = ends[0] ? openfile_new(inode, NULL, O_WRONLY | status, inode->account) : NULL;
		if (ends[0] && !ends[1])
			openfile_close(ends[0]);
		error = ends[1] ? 0 : ENFILE;
	}
	inode_put(inode);
	return error;
}

static int open_anonymous(struct inode *inode, uint32_t flags, struct file **out)
{
	*out = openfile_new(inode, NULL, O_RDWR | (flags & O_NONBLOCK), inode->account);
	inode_put(inode);
	return *out ? 0 : ENFILE;
}

int openfile_open_event(const struct caller *caller, uint64_t initial, uint32_t flags, struct file **out)
{
	if ((flags & ~(uint32_t)(O_NONBLOCK | O_CLOEXEC | 1u)) || initial > 0xffffffffu)
		return EINVAL;
	struct inode *inode = inode_new(&fs_anonymous, NODE_EVENT, 0600u, caller);
	if (!inode)
		return ENOMEM;
	inode->event = (struct event_state){.count = initial, .is_semaphore = flags & 1u};
	return open_anonymous(inode, flags, out);
}

int openfile_open_timer(const struct caller *caller, uint32_t clock, uint32_t flags, struct file **out)
{
	if (flags & ~(uint32_t)(O_NONBLOCK | O_CLOEXEC))
		return EINVAL;
	if (clock != 0 && clock != 1 && clock != 7) /* REALTIME, MONOTONIC, BOOTTIME */
		return EINVAL;
	struct inode *inode = inode_new(&fs_anonymous, NODE_TIMER, 0600u, caller);
	if (!inode)
		return ENOMEM;
	inode->timer = (struct timer_state){.clock = clock};
	return open_anonymous(inode, flags, out);
}
