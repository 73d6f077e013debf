/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Handlers of the vfs protocol that hand out descriptors (open, pipe, eventfd, ...), mounts, and counts. */
#include "serve.h"

#include <string.h>

#include <tessera/proto/tty.h>
#include <tessera/proto/vfs_server.h>
#include <tessera/service.h>

#include "memory.h"
#include "object.h"
#include "pipe.h"
#include "proc.h"

#define TTY_NONE (~0u)
#define TTY_PTMX 3u

static cap_t tty_endpoint, tty_slot;

/* A terminal: tty makes the description, its capability is moved on into the answer. */
static int open_terminal(struct request *rq, const struct caller *caller, const struct open_result *opened,
			 uint32_t flags)
{
	if (tty_slot == 0) {
		tty_endpoint = service_cap("tty");
		tty_slot = slot_alloc();
	}
	if (tty_endpoint == 0 || tty_slot == 0)
		return ENXIO;
	struct tty_open_in in = {.kind = opened->tty_kind,
				 .index = opened->tty_index,
				 .flags = flags,
				 .label = rq->label,
				 .data_len = sizeof(opened->tty_stat)};
	struct tty_open_out out = {0};
	memcpy(tty_open_in_data(rq->page), &opened->tty_stat, sizeof(opened->tty_stat));
	(void)ts_cnode_delete(SLOT_OWN(tty_slot), 0); /* an answer that did not arrive has left it there */
	rq->page->recv_slot[0] = SLOT_OWN(tty_slot);
	int status = tty_open(tty_endpoint, rq->page, &in, &out);
	rq->page->recv_slot[0] = 0;
	if (status != 0)
		return status < 0 ? EIO : status;
	if (rq->page->received_kind[0] != RECEIVED_SLOT)
		return EIO;
	if (opened->tty_kind == TTY_PTMX)
		proc_pts_opened(out.index, caller);
	rq->page->send_slot[0] = SLOT_OWN(tty_slot);
	rq->page->send_mode[0] = XFER_MOVE;
	rq->page->send_rights[0] = RIGHT_WRITE | RIGHT_GRANT;
	return 0;
}

static int finish_open(struct request *rq, const struct caller *caller, const struct open_result *opened,
		       uint32_t flags, struct vfs_open_out *out)
{
	out->kind = opened->mode;
	if (opened->tty_kind != TTY_NONE)
		return open_terminal(rq, caller, opened, flags);
	int error = serve_give(rq, 0, opened->file);
	if (error != 0)
		openfile_close(opened->file);
	return error;
}

int vfs_on_open(struct request *rq, const struct vfs_open_in *in, struct vfs_open_out *out)
{
	struct caller caller = serve_caller(rq, in->wait);
	struct open_result opened;
	struct walk_start start;
	serve_give_nothing();
	int error;
	if (in->data_len == 0 && (in->flags & OPEN_EMPTY_PATH)) {
		struct file *file = serve_file(rq);
		if (!file)
			return EBADF;
		error = openfile_reopen(&caller, file, in->flags & ~OPEN_EMPTY_PATH, &opened);
	} else {
		error = serve_start(rq, in->has_root, 0, &start);
		if (error != 0)
			return error;
		error = openfile_open(&caller, start, vfs_open_in_data(rq->page), in->data_len,
				      in->flags & ~OPEN_EMPTY_PATH, in->mode, &opened);
	}
	if (error == VFS_PARK)
		return serve_park(rq);
	out->number = opened.number;
	out->consumed = opened.consumed;
	return error != 0 ? error : finish_open(rq, &caller, &opened, in->flags, out);
}

void vfs_undo_open(struct request *rq)
{
	(void)rq;
	serve_take_back();
	if (tty_slot != 0)
		(void)ts_cnode_delete(SLOT_OWN(tty_slot), 0);
}

/* One new description into the answer. */
static int give_one(struct request *rq, struct file *file)
{
	serve_give_nothing();
	int error = serve_give(rq, 0, file);
	if (error != 0)
		openfile_close(file);
	return error;
}

int vfs_on_pipe(struct request *rq, const struct vfs_pipe_in *in, struct vfs_pipe_out *out)
{
	struct caller caller = serve_caller(rq, 0);
	struct file *ends[2];
	(void)out;
	int error = openfile_open_pipe(&caller, in->flags, ends);
	if (error != 0)
		return error;
	serve_give_nothing();
	error = serve_give(rq, 0, ends[0]);
	if (error == 0)
		error = serve_give(rq, 1, ends[1]);
	if (error != 0) {
		openfile_close(ends[0]);
		openfile_close(ends[1]);
	}
	return error;
}

void vfs_undo_pipe(struct request *rq)
{
	(void)rq;
	serve_take_back();
}

int vfs_on_eventfd(struct request *rq, const struct vfs_eventfd_in *in, struct vfs_eventfd_out *out)
{
	struct caller caller = serve_caller(rq, 0);
	struct file *file;
	(void)out;
	int error = openfile_open_event(&caller, in->initial, in->flags, &file);
	return error != 0 ? error : give_one(rq, file);
}

void vfs_undo_eventfd(struct request *rq)
{
	(void)rq;
	serve_take_back();
}

int vfs_on_timerfd(struct request *rq, const struct vfs_timerfd_in *in, struct vfs_timerfd_out *out)
{
	struct caller caller = serve_caller(rq, 0);
	struct file *file;
	(void)out;
	int error = openfile_open_timer(&caller, in->clock, in->flags, &file);
	return error != 0 ? error : give_one(rq, file);
}

void vfs_undo_timerfd(struct request *rq)
{
	(void)rq;
	serve_take_back();
}

int vfs_on_memfd(struct request *rq, const struct vfs_memfd_in *in, struct vfs_memfd_out *out)
{
	struct caller caller = serve_caller(rq, 0);
	struct file *file;
	(void)out;
	int error = openfile_open_memfd(&caller, vfs_memfd_in_data(rq->page), in->data_len, in->flags, &file);
	return error != 0 ? error : give_one(rq, file);
}

void vfs_undo_memfd(struct request *rq)
{
	(void)rq;
	serve_take_back();
}

int vfs_on_root(struct request *rq, const struct vfs_root_in *in, struct vfs_root_out *out)
{
	(void)in;
	(void)out;
	if (rq->badge != 0)
		return EPERM;
	struct file *file = openfile_new(root_dentry->inode, root_dentry, O_PATH | O_DIRECTORY, QUOTA_ROOT);
	return file ? give_one(rq, file) : ENFILE;
}

void vfs_undo_root(struct request *rq)
{
	(void)rq;
	serve_take_back();
}

int vfs_on_usage(struct request *rq, const struct vfs_usage_in *in, struct vfs_usage_out *out)
{
	(void)rq;
	(void)in;
	window_reap();
	readiness_reap();
	object_reap();
	struct frame_counts counts = frames_count();
	*out = (struct vfs_usage_out){
		.open_files = openfile_count(),
		.inodes = inode_count(),
		.cache_pages_used = counts.used,
		.cache_pages = counts.total,
		.pipes = pipe_count(),
		.anchors = openfile_high(),
		.windows = window_count(),
		.slots_free = slot_count_free(),
	};
	proc_memory(&out->ram_bytes, &out->ram_free);
	return 0;
}

/* ---- mounts */

static int type_of(const char *name, enum fs_type *type)
{
	for (uint32_t i = 0; i < FS_ANON; i++) {
		if (strcmp(mount_type_name((enum fs_type)i), name) == 0) {
			*type = (enum fs_type)i;
			return 0;
		}
	}
	*type = FS_TMPFS;
	return strcmp(name, "ramfs") == 0 ? 0 : ENODEV;
}

/* A string of the message's data, terminated. */
static int take_string(char *out, uint32_t size, const char **from, uint32_t *left, uint32_t length)
{
	if (length > *left || length >= size || memchr(*from, '\0', length))
		return EINVAL;
	memcpy(out, *from, length);
	out[length] = '\0';
	*from += length;
	*left -= length;
	return 0;
}

/* The place of a mount, for root alone; as on Linux others learn first whether it is there. */
static int mount_path(struct request *rq, const struct caller *caller, const char *path, struct walk *walk)
{
	struct walk_start start;
	int error = serve_start(rq, 0, 0, &start);
	if (error == 0)
		error = serve_walk(rq, caller, start, path, (uint32_t)strlen(path), WALK_FOLLOW, walk);
	if (error == 0 && !caller_is_root(caller)) {
		walk_done(walk);
		error = EPERM;
	}
	return error;
}

int vfs_on_mount(struct request *rq, const struct vfs_mount_in *in, struct vfs_mount_out *out)
{
	struct caller caller = serve_caller(rq, 0);
	char source[201], target[1024], type_name[32], options[256];
	const char *data = vfs_mount_in_data(rq->page);
	uint32_t left = in->data_len;
	enum fs_type type;
	struct walk walk;
	(void)out;
	int error = take_string(source, sizeof(source), &data, &left, in->source_len);
	if (error == 0)
		error = take_string(target, sizeof(target), &data, &left, in->target_len);
	if (error == 0)
		error = take_string(type_name, sizeof(type_name), &data, &left, in->type_len);
	if (error == 0)
		error = take_string(options, sizeof(options), &data, &left, left);
	if (error == 0)
		error = mount_path(rq, &caller, target, &walk);
	if (error != 0)
		return error == ST_OWN_DESCRIPTOR ? EINVAL : error;
	if (in->flags & 32u) { /* MS_REMOUNT */
		struct filesystem *fs = walk.entry->inode->fs;
		if (walk.entry != fs->root)
			error = EINVAL;
		else
			fs->flags = (fs->flags & ~15u) | (in->flags & 15u);
	} else {
		error = type_of(type_name, &type);
		if (error == 0)
			error = mount_at(walk.entry, type, source, in->flags, options);
	}
	walk_done(&walk);
	return error;
}

int vfs_on_umount(struct request *rq, const struct vfs_umount_in *in, struct vfs_umount_out *out)
{
	struct caller caller = serve_caller(rq, 0);
	char target[1024];
	const char *data = vfs_umount_in_data(rq->page);
	uint32_t left = in->data_len;
	struct walk walk;
	(void)out;
	int error = take_string(target, sizeof(target), &data, &left, left);
	if (error == 0)
		error = mount_path(rq, &caller, target, &walk);
	if (error != 0)
		return error == ST_OWN_DESCRIPTOR ? EINVAL : error;
	struct dentry *root = walk.entry;
	if (root != root->inode->fs->root || root == root_dentry) {
		walk_done(&walk);
		return root == root_dentry ? EBUSY : EINVAL;
	}
	walk_done(&walk); /* the file system keeps its root */
	return mount_remove(root, in->flags);
}
