/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Handlers of the vfs protocol that walk a path. Those that make descriptors or change the whole stand in serve_system.c. */
#include "serve.h"

#include <string.h>

#include <tessera/proto/vfs_server.h>

#include "proc.h"

#define FLAG_SYMLINK_NOFOLLOW 0x100u
#define FLAG_EACCESS 0x200u
#define FLAG_REMOVEDIR 0x200u
#define FLAG_SYMLINK_FOLLOW 0x400u
#define FLAG_EMPTY_PATH 0x1000u

/* What a path operation works on: found by path, or the object behind the capability itself. */
struct target {
	struct walk walk;
	struct inode *inode;
	struct dentry *entry;
};

static int find(struct request *rq, const struct caller *caller, const char *path, uint32_t length,
		uint32_t flags, uint32_t has_root, struct target *out)
{
	struct walk_start start;
	*out = (struct target){0};
	if (length == 0 && (flags & FLAG_EMPTY_PATH)) {
		const struct file *file = serve_file(rq);
		if (!file && rq->badge != 0)
			return EBADF;
		out->inode = file ? file->inode : root_dentry->inode;
		out->entry = file ? file->dentry : root_dentry;
		return 0;
	}
	int error = serve_start(rq, has_root, 0, &start);
	if (error != 0)
		return error;
	error = serve_walk(rq, caller, start, path, length, (flags & FLAG_SYMLINK_NOFOLLOW) ? 0 : WALK_FOLLOW,
			   &out->walk);
	if (error == 0) {
		out->entry = out->walk.entry;
		out->inode = out->entry->inode;
	}
	return error;
}

/* Parent and last name, for operations on names. */
static int find_name(struct request *rq, const struct caller *caller, const char *path, uint32_t length,
		     uint32_t has_root, struct walk *walk)
{
	struct walk_start start;
	*walk = (struct walk){0};
	int error = serve_start(rq, has_root, 0, &start);
	return error != 0 ? error
			  : serve_walk(rq, caller, start, path, length, WALK_PARENT | WALK_NO_TRAILING, walk);
}

int vfs_on_stat(struct request *rq, const struct vfs_stat_in *in, struct vfs_stat_out *out)
{
	struct caller caller = serve_caller(rq, 0);
	struct target target;
	int error =
		find(rq, &caller, vfs_stat_in_data(rq->page), in->data_len, in->flags, in->has_root, &target);
	out->number = target.walk.number;
	out->consumed = target.walk.consumed;
	if (error != 0)
		return error;
	inode_stat(target.inode, vfs_stat_out_data(rq->page));
	out->data_len = sizeof(struct file_stat);
	walk_done(&target.walk);
	return 0;
}

int vfs_on_access(struct request *rq, const struct vfs_access_in *in, struct vfs_access_out *out)
{
	struct caller caller = caller_of(rq->label, !(in->flags & FLAG_EACCESS));
	struct target target;
	if (in->mode & ~7u)
		return EINVAL;
	int error = find(rq, &caller, vfs_access_in_data(rq->page), in->data_len, in->flags, in->has_root,
			 &target);
	out->number = target.walk.number;
	out->consumed = target.walk.consumed;
	if (error != 0)
		return error;
	error = in->mode != 0 ? permission(target.inode, &caller, in->mode) : 0;
	bool is_device =
		S_ISCHR(target.inode->mode) || S_ISBLK(target.inode->mode) || S_ISFIFO(target.inode->mode);
	if (error == 0 && (in->mode & MAY_WRITE) && fs_is_readonly(target.inode->fs) && !is_device)
		error = EROFS;
	walk_done(&target.walk);
	return error;
}

int vfs_on_mkdir(struct request *rq, const struct vfs_mkdir_in *in, struct vfs_mkdir_out *out)
{
	struct caller caller = serve_caller(rq, 0);
	struct walk walk;
	int error = find_name(rq, &caller, vfs_mkdir_in_data(rq->page), in->data_len, in->has_root, &walk);
	out->number = walk.number;
	out->consumed = walk.consumed;
	if (error != 0)
		return error;
	error = name_create(&caller, &walk, NODE_DIRECTORY, S_IFDIR | (in->mode & 01777u), 0, NULL);
	walk_done(&walk);
	return error;
}

static int node_kind_of(uint32_t mode, enum node_kind *kind)
{
	switch (mode & S_IFMT) {
	case 0:
	case S_IFREG: *kind = NODE_FILE; return 0;
	case S_IFIFO: *kind = NODE_FIFO; return 0;
	case S_IFSOCK: *kind = NODE_SOCKET; return 0;
	case S_IFCHR:
	case S_IFBLK: *kind = NODE_DEVICE; return 0;
	default: return (mode & S_IFMT) == S_IFDIR ? EPERM : EINVAL;
	}
}

int vfs_on_mknod(struct request *rq, const struct vfs_mknod_in *in, struct vfs_mknod_out *out)
{
	struct caller caller = serve_caller(rq, 0);
	struct walk walk;
	enum node_kind kind;
	int error = node_kind_of(in->mode, &kind);
	if (error != 0)
		return error;
	error = find_name(rq, &caller, vfs_mknod_in_data(rq->page), in->data_len, in->has_root, &walk);
	out->number = walk.number;
	out->consumed = walk.consumed;
	if (error != 0)
		return error;
	uint32_t format = (in->mode & S_IFMT) ? in->mode & S_IFMT : S_IFREG;
	if (walk.entry)
		error = EEXIST;
	else if (kind == NODE_DEVICE && !caller_is_root(&caller))
		error = EPERM;
	else
		error = name_create(&caller, &walk, kind, format | (in->mode & 07777u),
				    kind == NODE_DEVICE ? in->rdev : 0, NULL);
	walk_done(&walk);
	return error;
}

int vfs_on_unlink(struct request *rq, const struct vfs_unlink_in *in, struct vfs_unlink_out *out)
{
	struct caller caller = serve_caller(rq, 0);
	struct walk walk;
	if (in->flags & ~FLAG_REMOVEDIR)
		return EINVAL;
	int error = find_name(rq, &caller, vfs_unlink_in_data(rq->page), in->data_len, in->has_root, &walk);
	out->number = walk.number;
	out->consumed = walk.consumed;
	if (error != 0)
		return error;
	error = name_unlink(&caller, &walk, (in->flags & FLAG_REMOVEDIR) != 0);
	walk_done(&walk);
	return error;
}

/* ---- operations with two paths: the second starts at capability 0, the root may be capability 1 */

static int second_start(const struct request *rq, uint32_t has_root, struct walk_start *start)
{
	*start = (struct walk_start){0};
	if (has_root) {
		int error = serve_start(rq, 1, 1, start);
		if (error != 0)
			return error;
	}
	start->at = NULL;
	if (MSG_TAG_CAPS(rq->tag) == 0 || rq->page->received_kind[0] != RECEIVED_BADGE)
		return EBADF;
	uint64_t badge = rq->page->received_badge[0];
	if (badge == 0) {
		start->at = root_dentry;
		return 0;
	}
	const struct file *file = openfile_of_badge(badge);
	if (!file)
		return EBADF;
	if (file->dentry && inode_is_directory(file->inode))
		start->at = file->dentry;
	return 0;
}

struct two_paths {
	struct walk from, to;
	char from_name[NAME_BYTES_MAX + 1];
	uint32_t number, consumed, which;
};

static int find_two(struct request *rq, const struct caller *caller, const char *paths, uint32_t length,
		    uint32_t old_length, uint32_t old_flags, uint32_t has_root, struct two_paths *out)
{
	struct walk_start start;
	out->from = (struct walk){0};
	out->to = (struct walk){0};
	out->number = out->consumed = out->which = 0;
	if (old_length > length)
		return EINVAL;
	int error = serve_start(rq, has_root, 1, &start);
	if (error == 0)
		error = serve_walk(rq, caller, start, paths, old_length, old_flags, &out->from);
	if (error != 0) {
		out->number = out->from.number;
		out->consumed = out->from.consumed;
		return error;
	}
	/* The second walk may use the buffer the first name lies in. */
	memcpy(out->from_name, out->from.name ? out->from.name : "", out->from.name_length);
	out->from.name = out->from_name;
	error = second_start(rq, has_root, &start);
	if (error == 0)
		error = serve_walk(rq, caller, start, paths + old_length, length - old_length,
				   WALK_PARENT | WALK_NO_TRAILING, &out->to);
	if (error != 0) {
		out->number = out->to.number;
		out->consumed = out->to.consumed;
		out->which = 1;
		walk_done(&out->from);
	}
	return error;
}

int vfs_on_rename(struct request *rq, const struct vfs_rename_in *in, struct vfs_rename_out *out)
{
	struct caller caller = serve_caller(rq, 0);
	struct two_paths paths;
	int error = find_two(rq, &caller, vfs_rename_in_data(rq->page), in->data_len, in->old_len,
			     WALK_PARENT | WALK_NO_TRAILING, in->has_root, &paths);
	out->number = paths.number;
	out->consumed = paths.consumed;
	out->which = paths.which;
	if (error != 0)
		return error;
	error = name_rename(&caller, &paths.from, &paths.to, in->flags);
	walk_done(&paths.from);
	walk_done(&paths.to);
	return error;
}

static int link_open_file(struct request *rq, const struct caller *caller, const struct vfs_link_in *in,
			  struct vfs_link_out *out)
{
	const struct file *file = serve_file(rq);
	struct walk_start start;
	struct walk to;
	if (!file || !file->dentry)
		return file ? EPERM : EBADF;
	int error = second_start(rq, in->has_root, &start);
	if (error != 0)
		return error;
	error = serve_walk(rq, caller, start, vfs_link_in_data(rq->page), in->data_len,
			   WALK_PARENT | WALK_NO_TRAILING, &to);
	out->number = to.number;
	out->consumed = to.consumed;
	out->which = 1;
	if (error != 0)
		return error;
	error = name_link(caller, file->dentry, &to);
	walk_done(&to);
	return error;
}

int vfs_on_link(struct request *rq, const struct vfs_link_in *in, struct vfs_link_out *out)
{
	struct caller caller = serve_caller(rq, 0);
	struct two_paths paths;
	if (in->flags & ~(FLAG_SYMLINK_FOLLOW | FLAG_EMPTY_PATH))
		return EINVAL;
	if (in->old_len == 0 && (in->flags & FLAG_EMPTY_PATH))
		return link_open_file(rq, &caller, in, out);
	int error = find_two(rq, &caller, vfs_link_in_data(rq->page), in->data_len, in->old_len,
			     (in->flags & FLAG_SYMLINK_FOLLOW) ? WALK_FOLLOW : 0, in->has_root, &paths);
	out->number = paths.number;
	out->consumed = paths.consumed;
	out->which = paths.which;
	if (error != 0)
		return error;
	error = name_link(&caller, paths.from.entry, &paths.to);
	walk_done(&paths.from);
	walk_done(&paths.to);
	return error;
}

int vfs_on_symlink(struct request *rq, const struct vfs_symlink_in *in, struct vfs_symlink_out *out)
{
	struct caller caller = serve_caller(rq, 0);
	struct walk walk;
	const char *data = vfs_symlink_in_data(rq->page);
	if (in->target_len > in->data_len)
		return EINVAL;
	int error = find_name(rq, &caller, data + in->target_len, in->data_len - in->target_len, in->has_root,
			      &walk);
	out->number = walk.number;
	out->consumed = walk.consumed;
	if (error != 0)
		return error;
	error = name_symlink(&caller, &walk, data, in->target_len);
	walk_done(&walk);
	return error;
}

int vfs_on_readlink(struct request *rq, const struct vfs_readlink_in *in, struct vfs_readlink_out *out)
{
	struct caller caller = serve_caller(rq, 0);
	struct target target;
	int error = find(rq, &caller, vfs_readlink_in_data(rq->page), in->data_len,
			 FLAG_SYMLINK_NOFOLLOW | FLAG_EMPTY_PATH, in->has_root, &target);
	out->number = target.walk.number;
	out->consumed = target.walk.consumed;
	if (error != 0)
		return error;
	int length = -EINVAL;
	if (inode_is_symlink(target.inode))
		length = symlink_read(&caller, target.inode, vfs_readlink_out_data(rq->page),
				      VFS_READLINK_OUT_MAX, &out->number);
	else if (in->data_len == 0)
		length = -ENOENT;
	if (length == -EACCES)
		length = proc_readlink_other(&caller, target.inode, vfs_readlink_out_data(rq->page),
					     VFS_READLINK_OUT_MAX);
	walk_done(&target.walk);
	if (length == VFS_PARK)
		return serve_park(rq);
	if (length < 0)
		return -length;
	if (length == ST_OWN_DESCRIPTOR) {
		out->consumed = in->data_len;
		return length;
	}
	out->data_len = (uint32_t)length;
	return 0;
}

/* ---- attributes by path */

int vfs_on_chmod(struct request *rq, const struct vfs_chmod_in *in, struct vfs_chmod_out *out)
{
	struct caller caller = serve_caller(rq, 0);
	struct target target;
	int error = find(rq, &caller, vfs_chmod_in_data(rq->page), in->data_len, in->flags, in->has_root,
			 &target);
	out->number = target.walk.number;
	out->consumed = target.walk.consumed;
	if (error != 0)
		return error;
	error = inode_is_symlink(target.inode) ? EOPNOTSUPP
					       : attribute_chmod(&caller, target.inode, in->mode);
	walk_done(&target.walk);
	return error;
}

int vfs_on_chown(struct request *rq, const struct vfs_chown_in *in, struct vfs_chown_out *out)
{
	struct caller caller = serve_caller(rq, 0);
	struct target target;
	int error = find(rq, &caller, vfs_chown_in_data(rq->page), in->data_len, in->flags, in->has_root,
			 &target);
	out->number = target.walk.number;
	out->consumed = target.walk.consumed;
	if (error != 0)
		return error;
	error = attribute_chown(&caller, target.inode, in->uid, in->gid);
	walk_done(&target.walk);
	return error;
}

int vfs_on_utimens(struct request *rq, const struct vfs_utimens_in *in, struct vfs_utimens_out *out)
{
	struct caller caller = serve_caller(rq, 0);
	struct target target;
	int error = find(rq, &caller, vfs_utimens_in_data(rq->page), in->data_len, in->flags, in->has_root,
			 &target);
	out->number = target.walk.number;
	out->consumed = target.walk.consumed;
	if (error != 0)
		return error;
	error = attribute_utimens(&caller, target.inode, (struct stamp){in->atime_sec, in->atime_nsec},
				  (struct stamp){in->mtime_sec, in->mtime_nsec});
	walk_done(&target.walk);
	return error;
}

int vfs_on_statfs(struct request *rq, const struct vfs_statfs_in *in, struct vfs_statfs_out *out)
{
	struct caller caller = serve_caller(rq, 0);
	struct target target;
	int error = find(rq, &caller, vfs_statfs_in_data(rq->page), in->data_len, 0, in->has_root, &target);
	out->number = target.walk.number;
	out->consumed = target.walk.consumed;
	if (error != 0)
		return error;
	attribute_statfs(target.inode->fs, vfs_statfs_out_data(rq->page));
	out->data_len = sizeof(struct statfs_out);
	walk_done(&target.walk);
	return 0;
}

int vfs_on_truncate(struct request *rq, const struct vfs_truncate_in *in, struct vfs_truncate_out *out)
{
	struct caller caller = serve_caller(rq, 0);
	struct target target;
	if ((int64_t)in->size < 0)
		return EINVAL;
	int error = find(rq, &caller, vfs_truncate_in_data(rq->page), in->data_len, 0, in->has_root, &target);
	out->number = target.walk.number;
	out->consumed = target.walk.consumed;
	if (error != 0)
		return error;
	if (inode_is_directory(target.inode))
		error = EISDIR;
	else if (target.inode->kind != NODE_FILE)
		error = EINVAL;
	if (error == 0)
		error = permission(target.inode, &caller, MAY_WRITE);
	if (error == 0 && target.inode->executors > 0)
		error = ETXTBSY;
	if (error == 0)
		error = attribute_truncate(&caller, target.inode, in->size);
	walk_done(&target.walk);
	return error;
}
