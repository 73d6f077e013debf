/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Changes of attributes: mode, owner, times, size; set-id bits fall where Linux lets them fall; statfs. */
#include "vfs.h"

#include "data.h"
#include "env.h"
#include "memory.h"
#include "proc.h"

#define RLIMIT_FSIZE_INDEX 1u
#define NSEC_NOW 0x3fffffff
#define NSEC_OMIT 0x3ffffffe

static int can_change(const struct inode *inode)
{
	if (inode->fs->type == FS_PROC)
		return EPERM;
	return fs_is_readonly(inode->fs) ? EROFS : 0;
}

int attribute_chmod(const struct caller *caller, struct inode *inode, uint32_t mode)
{
	int error = can_change(inode);
	if (error != 0)
		return error;
	if (!permission_is_owner(inode, caller))
		return EPERM;
	mode &= 07777u;
	if ((mode & S_ISGID) && !caller_is_root(caller) && !caller_in_group(caller, inode->gid))
		mode &= ~(uint32_t)S_ISGID;
	inode->mode = (inode->mode & S_IFMT) | mode;
	inode_touch(inode, TOUCH_CTIME);
	proc_attributes_changed(inode);
	return 0;
}

int attribute_chown(const struct caller *caller, struct inode *inode, uint32_t uid, uint32_t gid)
{
	int error = can_change(inode);
	if (error != 0)
		return error;
	if (!caller_is_root(caller)) {
		if (uid != ~0u && (caller->uid != inode->uid || uid != inode->uid))
			return EPERM;
		if (gid != ~0u && (caller->uid != inode->uid || !(caller_in_group(caller, gid) || gid == inode->gid)))
			return EPERM;
	}
	if (uid != ~0u)
		inode->uid = uid;
	if (gid != ~0u)
		inode->gid = gid;
	/* Linux drops them even for root, group id only where the group may execute. */
	if (!inode_is_directory(inode)) {
		inode->mode &= ~(uint32_t)S_ISUID;
		if (inode->mode & S_IXGRP)
			inode->mode &= ~(uint32_t)S_ISGID;
	}
	inode_touch(inode, TOUCH_CTIME);
	proc_attributes_changed(inode);
	return 0;
}

void attribute_drop_setid(const struct caller *caller, struct inode *inode)
{
	if (!(inode->mode & (S_ISUID | S_ISGID)) || caller_is_root(caller))
		return;
	inode->mode &= ~(uint32_t)S_ISUID;
	if (inode->mode & S_IXGRP)
		inode->mode &= ~(uint32_t)S_ISGID;
}

static bool nsec_is_valid(int64_t nsec)
{
	return (nsec >= 0 && nsec < 1000000000) || nsec == NSEC_NOW || nsec == NSEC_OMIT;
}

static void set_stamp(struct stamp *stamp, struct stamp value)
{
	if (value.nsec == NSEC_NOW)
		*stamp = stamp_now();
	else if (value.nsec != NSEC_OMIT)
		*stamp = value;
}

int attribute_utimens(const struct caller *caller, struct inode *inode, struct stamp atime, struct stamp mtime)
{
	if (!nsec_is_valid(atime.nsec) || !nsec_is_valid(mtime.nsec))
		return EINVAL;
	if (atime.nsec == NSEC_OMIT && mtime.nsec == NSEC_OMIT)
		return 0;
	int error = can_change(inode);
	if (error != 0)
		return error;
	bool both_now = atime.nsec == NSEC_NOW && mtime.nsec == NSEC_NOW;
	if (!permission_is_owner(inode, caller)) {
		if (!both_now)
			return EPERM;
		error = permission(inode, caller, MAY_WRITE);
		if (error != 0)
			return error;
	}
	set_stamp(&inode->atime, atime);
	set_stamp(&inode->mtime, mtime);
	inode_touch(inode, TOUCH_CTIME);
	return 0;
}

int attribute_truncate(const struct caller *caller, struct inode *inode, uint64_t size)
{
	if (inode_is_directory(inode))
		return EISDIR;
	if (inode->kind != NODE_FILE)
		return EINVAL;
	if (fs_is_readonly(inode->fs))
		return EROFS;
	if (size > inode->size && size > caller_limit(caller, RLIMIT_FSIZE_INDEX))
		return EFBIG;
	int error = data_resize(inode, size);
	if (error != 0)
		return error;
	attribute_drop_setid(caller, inode);
	inode_touch(inode, TOUCH_MTIME | TOUCH_CTIME);
	return 0;
}

void attribute_statfs(const struct filesystem *fs, struct statfs_out *out)
{
	static const int64_t magic[FS_TYPES] = {
		[FS_TMPFS] = 0x01021994, [FS_PROC] = 0x9fa0, [FS_DEV] = 0x01021994, [FS_PTS] = 0x1cd1, [FS_ANON] = 0x50495045,
	};
	*out = (struct statfs_out){.type = magic[fs->type], .bsize = 4096, .namelen = 255, .frsize = 4096};
	out->flags = 0x20 | (int64_t)(fs->flags & 15u) | ((fs->flags & FS_MS_RELATIME) ? 0x1000 : 0);
	out->fsid[0] = (int32_t)fs->device;
	if (fs->type != FS_TMPFS && fs->type != FS_DEV)
		return;
	struct frame_counts counts = frames_count();
	uint64_t used = fs->pages_max ? fs->pages : counts.used;
	out->blocks = fs->pages_max ? fs->pages_max : counts.total - counts.kept;
	out->bfree = used < out->blocks ? out->blocks - used : 0;
	out->bavail = out->bfree;
	/* An inode and its name take a few hundred bytes. */
	out->ffree = out->bfree * 8;
	out->files = out->ffree + inode_count();
}
