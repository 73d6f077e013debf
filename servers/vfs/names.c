/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Changes of names in tmpfs-like file systems: create, link, unlink, rmdir, rename. All checks come first; what cannot be
 * undone (memory) is taken before the first change.
 */
#include "vfs.h"

#include <string.h>

#include "memory.h"

#define RENAME_FLAG_NOREPLACE 1u
#define RENAME_FLAG_EXCHANGE 2u

/* Whether names of this directory can be changed at all. */
static int can_change(const struct inode *dir, const struct caller *caller)
{
	if (dir->kind != NODE_DIRECTORY || dir->fs->type == FS_PROC || dir->fs->type == FS_PTS)
		return dir->fs->type == FS_PROC ? ENOENT : EPERM;
	if (dir->nlink == 0)
		return ENOENT;
	if (fs_is_readonly(dir->fs))
		return EROFS;
	return permission(dir, caller, MAY_WRITE | MAY_EXECUTE);
}

static int can_create(const struct caller *caller, const struct walk *where, bool is_directory)
{
	if (where->last != LAST_NAME || where->entry)
		return EEXIST;
	if (where->trailing && !is_directory)
		return ENOENT;
	const struct inode *dir = where->parent->inode;
	if (dir->fs->type == FS_PROC || dir->fs->type == FS_PTS)
		return ENOENT;
	int error = can_change(dir, caller);
	return error == 0 && !frames_have_room() ? ENOSPC : error;
}

static void inherit_group(const struct inode *dir, struct inode *inode, const struct caller *caller)
{
	if (!(dir->mode & S_ISGID))
		return;
	inode->gid = dir->gid;
	if (inode_is_directory(inode))
		inode->mode |= S_ISGID;
	else if ((inode->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && !caller_is_root(caller) &&
		 !caller_in_group(caller, dir->gid))
		inode->mode &= ~(uint32_t)S_ISGID;
}

/* Links a new inode (its reference is taken over) under the name of where. */
static int enter(const struct caller *caller, struct walk *where, struct inode *inode, struct dentry **out)
{
	struct inode *dir = where->parent->inode;
	inherit_group(dir, inode, caller);
	struct dentry *entry =
		dentry_new(where->parent, where->name, where->name_length, inode, inode->account);
	if (!entry)
		return ENOSPC;
	dentry_link(entry);
	if (inode_is_directory(inode))
		dir->nlink++;
	inode_touch(dir, TOUCH_MTIME | TOUCH_CTIME);
	if (out)
		*out = entry;
	else
		dentry_put(entry);
	return 0;
}

int name_create(const struct caller *caller, struct walk *where, enum node_kind kind, uint32_t mode,
		uint64_t rdev, struct dentry **out)
{
	int error = can_create(caller, where, kind == NODE_DIRECTORY);
	if (error != 0)
		return error;
	struct inode *inode = inode_new(where->parent->inode->fs, kind, mode, caller);
	if (!inode)
		return ENOSPC;
	inode->rdev = rdev;
	return enter(caller, where, inode, out);
}

int name_symlink(const struct caller *caller, struct walk *where, const char *target, uint32_t length)
{
	if (length == 0)
		return ENOENT;
	if (length >= PATH_BYTES_MAX - 16u)
		return ENAMETOOLONG;
	int error = can_create(caller, where, false);
	if (error != 0)
		return error;
	char *text = string_new(target, length);
	if (!text)
		return ENOSPC;
	struct inode *inode = inode_new(where->parent->inode->fs, NODE_SYMLINK, S_IFLNK | 0777u, caller);
	if (!inode) {
		string_free(text);
		return ENOSPC;
	}
	inode->target = text;
	inode->size = strlen(text);
	if (!quota_charge(inode->account, QUOTA_NAMES, inode->size / SYMLINK_CHARGED_BYTES)) {
		inode->size = 0; /* nothing to give back */
		inode_put(inode);
		return ENOSPC;
	}
	return enter(caller, where, inode, NULL);
}

/* Checks that entry may be removed as a directory or as something else. */
static int can_remove(const struct caller *caller, const struct dentry *entry, bool is_rmdir)
{
	uint32_t type = entry->parent->inode->fs->type;
	bool is_made_up = type == FS_PROC || type == FS_PTS; /* nothing there can be removed, whoever asks */
	int error = is_made_up ? 0 : can_change(entry->parent->inode, caller);
	if (error != 0)
		return error;
	error = permission_delete(entry, caller);
	if (error != 0)
		return error;
	if (is_rmdir != inode_is_directory(entry->inode))
		return is_rmdir ? ENOTDIR : EISDIR;
	if (is_made_up)
		return EPERM;
	return entry->mounted || !(entry->flags & DENTRY_LINKED) ? EBUSY : 0;
}

/* Removes a linked entry: its inode loses a name. */
static void remove_entry(struct dentry *entry)
{
	struct inode *inode = inode_get(entry->inode);
	struct inode *dir = entry->parent->inode;
	if (inode_is_directory(inode)) {
		inode->nlink = 0;
		dir->nlink--;
	} else {
		inode->nlink--;
	}
	inode_touch(inode, TOUCH_CTIME);
	inode_touch(dir, TOUCH_MTIME | TOUCH_CTIME);
	dentry_unlink(entry);
	inode_put(inode);
}

int name_unlink(const struct caller *caller, struct walk *what, bool is_rmdir)
{
	if (what->last != LAST_NAME) {
		if (!is_rmdir)
			return EISDIR;
		return what->last == LAST_DOT ? EINVAL : what->last == LAST_DOTDOT ? ENOTEMPTY : EBUSY;
	}
	struct dentry *entry = what->entry;
	if (!entry)
		return ENOENT;
	if (entry->parent == entry)
		return EBUSY; /* the root of a mount */
	if (what->trailing && !is_rmdir)
		return inode_is_directory(entry->inode) ? EISDIR : ENOTDIR;
	int error = can_remove(caller, entry, is_rmdir);
	if (error != 0)
		return error;
	if (is_rmdir && entry->inode->dir.children != 0)
		return ENOTEMPTY;
	remove_entry(entry);
	return 0;
}

int name_link(const struct caller *caller, struct dentry *from, struct walk *to)
{
	if (to->last != LAST_NAME || to->entry)
		return EEXIST;
	if (to->trailing)
		return ENOENT;
	struct inode *inode = from->inode;
	struct inode *dir = to->parent->inode;
	if (inode->fs != dir->fs)
		return EXDEV;
	int error = can_change(dir, caller);
	if (error != 0)
		return error;
	if (inode_is_directory(inode))
		return EPERM;
	if (inode->nlink == 0 && !(from->flags & DENTRY_DELETED))
		return ENOENT;
	struct dentry *entry = dentry_new(to->parent, to->name, to->name_length, inode_get(inode),
					  account_of(caller->label));
	if (!entry)
		return ENOSPC;
	dentry_link(entry);
	dentry_put(entry);
	inode->nlink++;
	inode_touch(inode, TOUCH_CTIME);
	inode_touch(dir, TOUCH_MTIME | TOUCH_CTIME);
	return 0;
}

static int rename_checks(struct walk *from, struct walk *to, uint32_t flags)
{
	if (flags & ~(RENAME_FLAG_NOREPLACE | RENAME_FLAG_EXCHANGE))
		return EINVAL;
	if (flags == (RENAME_FLAG_NOREPLACE | RENAME_FLAG_EXCHANGE))
		return EINVAL;
	if (from->last != LAST_NAME)
		return EBUSY;
	if (to->last != LAST_NAME)
		return (flags & RENAME_FLAG_NOREPLACE) ? EEXIST : EBUSY;
	struct dentry *source = from->entry, *target = to->entry;
	if (!source)
		return ENOENT;
	if (from->parent->inode->fs != to->parent->inode->fs)
		return EXDEV;
	if (target && (flags & RENAME_FLAG_NOREPLACE))
		return EEXIST;
	if (!target && (flags & RENAME_FLAG_EXCHANGE))
		return ENOENT;
	bool is_directory = inode_is_directory(source->inode);
	if (from->trailing && !is_directory)
		return ENOTDIR;
	if (to->trailing && !is_directory && !(flags & RENAME_FLAG_EXCHANGE))
		return ENOTDIR;
	/* Neither may lie within the other. */
	if (source->parent == source || dentry_is_below(to->parent, source))
		return source->parent == source ? EBUSY : EINVAL;
	if (target && (target->parent == target || dentry_is_below(from->parent, target)))
		return target->parent == target ? EBUSY : (flags & RENAME_FLAG_EXCHANGE) ? EINVAL : ENOTEMPTY;
	return 0;
}

static int rename_permissions(const struct caller *caller, const struct walk *from, const struct walk *to,
			      uint32_t flags)
{
	const struct dentry *source = from->entry, *target = to->entry;
	bool is_directory = inode_is_directory(source->inode);
	int error = can_remove(caller, source, is_directory);
	if (error != 0)
		return error;
	if (target)
		error = can_remove(caller, target,
				   (flags & RENAME_FLAG_EXCHANGE) ? inode_is_directory(target->inode)
								  : is_directory);
	else
		error = can_change(to->parent->inode, caller);
	if (error != 0)
		return error;
	/* Moving a directory changes its `..`. */
	if (is_directory && from->parent != to->parent)
		error = permission(source->inode, caller, MAY_WRITE);
	if (error == 0 && target && is_directory && !(flags & RENAME_FLAG_EXCHANGE) &&
	    target->inode->dir.children != 0)
		return ENOTEMPTY;
	return error;
}

static void rename_exchange(struct dentry *source, struct dentry *target)
{
	bool source_dir = inode_is_directory(source->inode), target_dir = inode_is_directory(target->inode);
	struct inode *a = source->parent->inode, *b = target->parent->inode;
	if (source_dir != target_dir) {
		a->nlink += source_dir ? ~0u : 1u; /* ~0u: one less */
		b->nlink += source_dir ? 1u : ~0u;
	}
	dentry_swap(source, target);
	inode_touch(a, TOUCH_MTIME | TOUCH_CTIME);
	inode_touch(b, TOUCH_MTIME | TOUCH_CTIME);
	inode_touch(source->inode, TOUCH_CTIME);
	inode_touch(target->inode, TOUCH_CTIME);
}

int name_rename(const struct caller *caller, struct walk *from, struct walk *to, uint32_t flags)
{
	int error = rename_checks(from, to, flags);
	if (error != 0)
		return error;
	struct dentry *source = from->entry, *target = to->entry;
	if (target && (target == source || target->inode == source->inode))
		return 0;
	error = rename_permissions(caller, from, to, flags);
	if (error != 0)
		return error;
	if (flags & RENAME_FLAG_EXCHANGE) {
		rename_exchange(source, target);
		return 0;
	}
	/* The name's memory is the only thing that can fail: have it before the target goes. */
	char *probe = to->name_length >= DENTRY_INLINE ? string_new(to->name, to->name_length) : NULL;
	if (to->name_length >= DENTRY_INLINE && !probe)
		return ENOSPC;
	if (target)
		remove_entry(target);
	if (probe)
		string_free(probe);
	error = dentry_move(source, to->parent, to->name, to->name_length);
	if (error != 0)
		return error;
	if (inode_is_directory(source->inode) && from->parent != to->parent) {
		from->parent->inode->nlink--;
		to->parent->inode->nlink++;
	}
	inode_touch(from->parent->inode, TOUCH_MTIME | TOUCH_CTIME);
	inode_touch(to->parent->inode, TOUCH_MTIME | TOUCH_CTIME);
	inode_touch(source->inode, TOUCH_CTIME);
	return 0;
}
