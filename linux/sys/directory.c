/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Current and root directory (capabilities in the scratch CNode), and mounts. The names of directories are the server's: it is
 * asked each time, so a rename above us is seen.
 */
#include <tessera/file.h>
#include <tessera/proto/file.h>
#include <tessera/proto/vfs.h>

#include "lx/files.h"
#include "sys.h"

#define CWD LX_SCRATCH(LX_SCRATCH_CWD)
#define ROOT LX_SCRATCH(LX_SCRATCH_ROOT)

long sys_getcwd(uint64_t buffer, uint64_t room)
{
	struct lx_thread *self = lx_self();
	char root[LX_PATH_MAX];
	long root_bytes = 0;
	if (self->process->fs.has_root) {
		root_bytes = lx_path_of(self, ROOT);
		if (root_bytes < 0)
			return root_bytes;
		root_bytes = (long)lx_min((uint64_t)root_bytes, sizeof(root));
		memcpy(root, file_path_out_data(self->page), (size_t)root_bytes);
		if (root_bytes == 1)
			root_bytes = 0;
	}
	long length = lx_path_of(self, CWD);
	if (length < 0)
		return length;
	char *path = file_path_out_data(self->page);
	static const char deleted[] = " (deleted)";
	uint64_t tail = sizeof(deleted) - 1;
	if ((uint64_t)length > tail && memcmp(path + length - tail, deleted, tail) == 0)
		return -ENOENT;
	if (length >= root_bytes && memcmp(path, root, (size_t)root_bytes) == 0) {
		path += root_bytes;
		length -= root_bytes;
	}
	if (length == 0) {
		path[0] = '/';
		length = 1;
	}
	if ((uint64_t)length + 1 > room)
		return -ERANGE;
	path[length] = '\0';
	long error = lx_put(buffer, path, (uint64_t)length + 1);
	return error ? error : length + 1;
}

/* ---------------------------------------------------------------- current and root directory */

/* Moves a freshly opened directory from the thread's temporary slot to where it belongs. */
static long adopt_directory(struct lx_thread *self, cap_t destination)
{
	cap_t temporary = LX_SCRATCH(LX_SCRATCH_THREAD(self->slot));
	(void)ts_cnode_delete(SLOT_OWN(destination), 0);
	return ts_cnode_move(SLOT_OWN(destination), SLOT_OWN(temporary)) == E_OK ? 0 : -EIO;
}

static long open_directory(struct lx_thread *self, uint64_t user)
{
	struct lx_path path;
	struct vfs_open_out out;
	int status;
	lx_path_start(&path, AT_FDCWD);
	do {
		out = (struct vfs_open_out){0};
		long error = lx_path_copy(self, &path, user, vfs_open_in_data(self->page));
		if (error)
			return error;
		self->page->recv_slot[0] = SLOT_OWN(LX_SCRATCH(LX_SCRATCH_THREAD(self->slot)));
		status = lx_open_once(self, &path, O_PATH | O_DIRECTORY, 0, &out);
		lx_receive_none(self);
	} while (lx_path_follow(self, &path, status, out.number, out.consumed));
	return lx_path_result(&path, status);
}

/* A directory one may stand in: search permission. */
static long may_search(struct lx_thread *self, cap_t dir)
{
	struct vfs_access_in in = {.mode = 1, .flags = AT_EACCESS | AT_EMPTY_PATH};
	struct vfs_access_out out = {0};
	return lx_result(vfs_access(dir, self->page, &in, &out));
}

static long change_directory(uint64_t user, cap_t destination)
{
	struct lx_thread *self = lx_self();
	long error = open_directory(self, user);
	if (error)
		return error;
	cap_t temporary = LX_SCRATCH(LX_SCRATCH_THREAD(self->slot));
	error = may_search(self, temporary);
	if (!error && destination == ROOT && self->identity->euid != 0)
		error = -EPERM;
	if (!error)
		return adopt_directory(self, destination);
	(void)ts_cnode_delete(SLOT_OWN(temporary), 0);
	return error;
}

long sys_chdir(uint64_t path)
{
	return change_directory(path, CWD);
}

long sys_fchdir(int32_t fd)
{
	struct lx_thread *self = lx_self();
	cap_t dir = lx_fd_own(fd);
	struct file_stat_in in;
	struct file_stat_out out;
	if (!dir)
		return -EBADF;
	long error = lx_result(file_stat(dir, self->page, &in, &out));
	if (error)
		return error;
	const struct file_stat *st = file_stat_out_data(self->page);
	if ((st->mode & 0170000) != 0040000)
		return -ENOTDIR;
	error = may_search(self, dir);
	if (error)
		return error;
	cap_t temporary = LX_SCRATCH(LX_SCRATCH_THREAD(self->slot));
	if (ts_cnode_copy(SLOT_OWN(temporary), SLOT_OWN(dir), RIGHTS_ALL) != E_OK)
		return -EBADF;
	return adopt_directory(self, CWD);
}

long sys_chroot(uint64_t path)
{
	struct lx_thread *self = lx_self();
	long error = change_directory(path, ROOT);
	if (!error)
		self->process->fs.has_root = 1;
	return error;
}

/* ---------------------------------------------------------------- mounts */

long sys_mount(uint64_t source, uint64_t target, uint64_t type, uint64_t flags, uint64_t data)
{
	struct lx_thread *self = lx_self();
	char *to = vfs_mount_in_data(self->page);
	uint32_t lengths[4] = {0};
	const uint64_t strings[4] = {source, target, type, data};
	uint32_t at = 0;
	for (uint32_t i = 0; i < 4; i++) {
		if (i == 1 && !target)
			return -EFAULT;
		long length = strings[i] ? lx_get_string(to + at, strings[i], VFS_MOUNT_IN_MAX - at) : 0;
		if (length < 0)
			return length;
		lengths[i] = (uint32_t)length;
		at += (uint32_t)length;
	}
	struct vfs_mount_in in = {.flags = (uint32_t)flags,
				  .source_len = lengths[0],
				  .target_len = lengths[1],
				  .type_len = lengths[2],
				  .data_len = at};
	struct vfs_mount_out out;
	return lx_result(vfs_mount(CWD, self->page, &in, &out));
}

#define UMOUNT_FLAGS 0xfu /* MNT_FORCE, MNT_DETACH, MNT_EXPIRE, UMOUNT_NOFOLLOW: Linux' include/linux/fs.h */

long sys_umount2(uint64_t target, uint32_t flags)
{
	struct lx_thread *self = lx_self();
	if (flags & ~UMOUNT_FLAGS)
		return -EINVAL;
	long length = lx_get_string(vfs_umount_in_data(self->page), target, LX_PATH_MAX);
	if (length < 0)
		return length;
	struct vfs_umount_in in = {.flags = flags, .data_len = (uint32_t)length};
	struct vfs_umount_out out;
	return lx_result(vfs_umount(CWD, self->page, &in, &out));
}
