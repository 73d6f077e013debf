/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Who may do what: Linux' rules for owner, group and others, with uid 0 as the one who may. */
#include "vfs.h"

bool permission_is_owner(const struct inode *inode, const struct caller *caller)
{
	return caller->uid == inode->uid || caller_is_root(caller);
}

int permission(const struct inode *inode, const struct caller *caller, uint32_t may)
{
	uint32_t mode = inode->mode;
	if (caller_is_root(caller)) {
		if (!(may & MAY_EXECUTE) || inode_is_directory(inode) || (mode & 0111u))
			return 0;
		return EACCES;
	}
	if (caller->uid == inode->uid)
		mode >>= 6;
	else if (caller_in_group(caller, inode->gid))
		mode >>= 3;
	return (may & ~mode & 7u) ? EACCES : 0;
}

int permission_delete(const struct dentry *entry, const struct caller *caller)
{
	const struct inode *dir = entry->parent->inode;
	int error = permission(dir, caller, MAY_WRITE | MAY_EXECUTE);
	if (error != 0)
		return error;
	if ((dir->mode & S_ISVTX) && !caller_is_root(caller) && caller->uid != dir->uid &&
	    caller->uid != entry->inode->uid)
		return EPERM;
	return 0;
}
