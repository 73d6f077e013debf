/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Calls that take paths. Each is one message to the directory's capability: descriptor, current or root directory. A path
 * that leads through our own /proc/self/fd/N comes back with ST_OWN_DESCRIPTOR and is tried again from that descriptor.
 */
#include <linux/openat2.h>
#include <tessera/file.h>
#include <tessera/proto/file.h>
#include <tessera/proto/vfs.h>

#include "lx/files.h"
#include "sys.h"

#define FOLLOWS_MAX 8u
#define CWD LX_SCRATCH(LX_SCRATCH_CWD)
#define ROOT LX_SCRATCH(LX_SCRATCH_ROOT)

void lx_path_start(struct lx_path *path, int32_t dirfd)
{
	*path = (struct lx_path){.dirfd = dirfd,
				 .dir = dirfd == AT_FDCWD ? CWD : lx_fd_own(dirfd),
				 .slot = LX_SCRATCH_PATH(lx_self()->slot)};
}

void lx_path_end(const struct lx_path *path)
{
	if (path->is_split)
		(void)ts_cnode_delete(SLOT_OWN(LX_SCRATCH(path->slot)), 0);
}

/* Where the path starts, by its first byte; the root capability goes along after chroot. */
static long set_base(struct lx_thread *self, struct lx_path *path, char first)
{
	if (!path->dir) {
		if (first != '/')
			return -EBADF;
		path->dir = CWD;
	}
	path->has_root = self->process->fs.has_root;
	path->ncaps = path->has_root;
	if (path->has_root)
		lx_send_cap(self, 0, ROOT);
	return 0;
}

/* Opens as much of a long path as one message carries; what is left starts there. */
static long split_path(struct lx_thread *self, struct lx_path *path, uint64_t user)
{
	char whole[LX_PATH_WHOLE];
	long length = lx_get_string(whole, user + path->skip, sizeof(whole) - path->skip);
	if (length < 0)
		return length;
	uint32_t bytes = (uint32_t)lx_min((uint64_t)length - 1, LX_PATH_MAX);
	while (bytes > 0 && (whole[bytes - 1] != '/' || whole[bytes] == '/' || whole[bytes] == '\0'))
		bytes--;
	if (bytes == 0 || path->slot >= LX_SCRATCH_SLOTS)
		return -ENAMETOOLONG;
	long error = set_base(self, path, whole[0]);
	if (error)
		return error;
	struct vfs_open_in in = {.flags = O_PATH | O_DIRECTORY,
				 .has_root = path->has_root,
				 .data_len = bytes,
				 .ncaps = path->ncaps};
	struct vfs_open_out out = {0};
	memcpy(vfs_open_in_data(self->page), whole, bytes);
	path->bytes = bytes;
	lx_path_end(path);
	self->page->recv_slot[0] = SLOT_OWN(LX_SCRATCH(path->slot));
	int status = vfs_open(path->dir, self->page, &in, &out);
	lx_receive_none(self);
	if (lx_path_follow(self, path, status, out.number, out.consumed))
		return 0;
	if (status != 0)
		return lx_path_result(path, status);
	path->is_split = 1;
	path->dir = LX_SCRATCH(path->slot);
	path->skip += bytes;
	return 0;
}

static bool is_too_long(const struct lx_path *path, long length)
{
	return length == -ENAMETOOLONG || (path->max && length > (long)path->max);
}

long lx_path_copy(struct lx_thread *self, struct lx_path *path, uint64_t user, char *data)
{
	long length = lx_get_string(data, user + path->skip, LX_PATH_MAX);
	for (uint32_t i = 0; i < FOLLOWS_MAX && is_too_long(path, length); i++) {
		long error = split_path(self, path, user);
		length = error ? error : lx_get_string(data, user + path->skip, LX_PATH_MAX);
		if (error)
			break;
	}
	if (length >= 0) {
		path->bytes = (uint32_t)length;
		long error = set_base(self, path, length == 0 ? '\0' : data[0]);
		length = error ? error : 0;
	}
	if (length < 0)
		lx_path_end(path);
	return length;
}

bool lx_path_follow(struct lx_thread *self, struct lx_path *path, int status, uint32_t number,
		    uint32_t consumed)
{
	if (status != ST_OWN_DESCRIPTOR || consumed > path->bytes || path->follows++ >= FOLLOWS_MAX)
		return false;
	path->dir = number & OWN_SCRATCH ? LX_SCRATCH(number & ~OWN_SCRATCH & 0x7fu)
					 : lx_fd_cap(&self->process->files, (int32_t)number);
	if (!path->dir)
		return false;
	path->skip += consumed;
	path->at_empty = consumed == path->bytes ? AT_EMPTY_PATH : 0;
	return true;
}

long lx_path_result(const struct lx_path *path, int status)
{
	lx_path_end(path);
	if (status == ST_OWN_DESCRIPTOR)
		return path->follows > FOLLOWS_MAX ? -ELOOP : -ENOENT;
	return lx_result(status);
}

/* ---------------------------------------------------------------- open */

#define OPEN_FLAGS_KNOWN                                                                                  \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_DSYNC | O_DIRECT | \
	 O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_SYNC | O_PATH | O_TMPFILE |   \
	 FASYNC)

/* A descriptor of another server (a terminal), which knows no paths: opened anew by its name. */
static int open_by_name(struct lx_thread *self, cap_t file, struct vfs_open_in *in, struct vfs_open_out *out)
{
	struct file_path_in ask;
	struct file_path_out name = {0};
	int status = file_path(file, self->page, &ask, &name);
	if (status != 0 || name.data_len > VFS_OPEN_IN_MAX)
		return status ? status : ENAMETOOLONG;
	memmove(vfs_open_in_data(self->page), file_path_out_data(self->page), name.data_len);
	in->flags &= ~OPEN_EMPTY_PATH;
	in->data_len = name.data_len;
	in->has_root = 0;
	in->ncaps = 0;
	return vfs_open(ROOT, self->page, in, out);
}

int lx_open_once(struct lx_thread *self, struct lx_path *path, uint32_t flags, uint32_t mode,
		 struct vfs_open_out *out)
{
	struct vfs_open_in in = {.flags = flags & ~(uint32_t)(O_CLOEXEC | O_LARGEFILE),
				 .mode = mode & 07777 & ~self->process->fs.umask,
				 .has_root = path->has_root,
				 .wait = 1,
				 .data_len = path->bytes,
				 .ncaps = path->ncaps};
	if (path->at_empty)
		in.flags |= OPEN_EMPTY_PATH;
	int status = vfs_open(path->dir, self->page, &in, out);
	return status == ENOSYS && path->at_empty ? open_by_name(self, path->dir, &in, out) : status;
}

static long open_into(struct lx_thread *self, int32_t fd, struct lx_path *path, uint64_t user, uint32_t flags,
		      uint32_t mode)
{
	for (;;) {
		struct vfs_open_out out = {0};
		long error = lx_path_copy(self, path, user, vfs_open_in_data(self->page));
		if (error)
			return error;
		lx_fd_receive(self, 0, fd);
		int status = lx_open_once(self, path, flags, mode, &out);
		lx_receive_none(self);
		if (lx_path_follow(self, path, status, out.number, out.consumed))
			continue;
		if (status != ST_WOULD_BLOCK)
			return lx_path_result(path, status);
		error = lx_wait(self, DEADLINE_NEVER);
		if (error) {
			lx_path_end(path);
			return error;
		}
	}
}

long sys_openat(int32_t dirfd, uint64_t user, uint32_t flags, uint32_t mode)
{
	struct lx_thread *self = lx_self();
	struct lx_path path;
	flags &= (uint32_t)OPEN_FLAGS_KNOWN;
	if (!(flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))))
		mode = 0;
	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int32_t fd = lx_fd_reserve(self, 0, flags & O_CLOEXEC);
	if (fd < 0)
		return fd;
	lx_path_start(&path, dirfd);
	long error = open_into(self, fd, &path, user, flags, mode);
	if (!error)
		return fd;
	lx_fd_release(self, fd);
	return error;
}

long sys_open(uint64_t path, uint32_t flags, uint32_t mode)
{
	return sys_openat(AT_FDCWD, path, flags, mode);
}

long sys_creat(uint64_t path, uint32_t mode)
{
	return sys_openat(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

long sys_openat2(int32_t dirfd, uint64_t path, uint64_t user_how, uint64_t bytes)
{
	struct open_how how;
	if (bytes < sizeof(how))
		return -EINVAL;
	if (bytes > sizeof(how))
		return -E2BIG;
	long error = lx_get(&how, user_how, sizeof(how));
	if (error)
		return error;
	if (how.resolve || (how.flags & ~(uint64_t)(uint32_t)OPEN_FLAGS_KNOWN) || how.mode > 07777)
		return -EINVAL;
	return sys_openat(dirfd, path, (uint32_t)how.flags, (uint32_t)how.mode);
}

/* ---------------------------------------------------------------- stat */

static long stat_file(struct lx_thread *self, cap_t file, struct file_stat *st)
{
	struct file_stat_in in;
	struct file_stat_out out;
	long error = lx_result(file_stat(file, self->page, &in, &out));
	memcpy(st, file_stat_out_data(self->page), sizeof(*st));
	return error;
}

static long stat_path(struct lx_thread *self, int32_t dirfd, uint64_t user, uint32_t flags,
		      struct file_stat *st)
{
	struct lx_path path;
	struct vfs_stat_out out;
	int status;
	lx_path_start(&path, dirfd);
	do {
		out = (struct vfs_stat_out){0};
		long error = lx_path_copy(self, &path, user, vfs_stat_in_data(self->page));
		if (error)
			return error;
		struct vfs_stat_in in = {.flags = flags | path.at_empty,
					 .has_root = path.has_root,
					 .data_len = path.bytes,
					 .ncaps = path.ncaps};
		status = vfs_stat(path.dir, self->page, &in, &out);
	} while (lx_path_follow(self, &path, status, out.number, out.consumed));
	if (status == ENOSYS && path.at_empty) /* so nothing of it is left, and nothing was split */
		return stat_file(self, path.dir, st);
	if (status == 0)
		memcpy(st, vfs_stat_out_data(self->page), sizeof(*st));
	return lx_path_result(&path, status);
}

static long stat_descriptor(struct lx_thread *self, int32_t fd, struct file_stat *st)
{
	cap_t file = fd == AT_FDCWD ? CWD : lx_fd_own(fd);
	return file ? stat_file(self, file, st) : -EBADF;
}

/* With AT_EMPTY_PATH an empty (or no) path means the descriptor. */
static long stat_any(struct lx_thread *self, int32_t dirfd, uint64_t user, uint32_t flags,
		     struct file_stat *st)
{
	char first = '\0';
	if ((flags & AT_EMPTY_PATH) && (user == 0 || (lx_get(&first, user, 1) == 0 && first == '\0')))
		return stat_descriptor(self, dirfd, st);
	return stat_path(self, dirfd, user, flags & (AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH), st);
}

static long put_stat(uint64_t user, const struct file_stat *f)
{
	struct stat st;
	memset(&st, 0, sizeof(st));
	st.st_dev = f->dev;
	st.st_ino = f->ino;
	st.st_nlink = f->nlink;
	st.st_mode = f->mode;
	st.st_uid = f->uid;
	st.st_gid = f->gid;
	st.st_rdev = f->rdev;
	st.st_size = (long)f->size;
	st.st_blksize = (long)f->blksize;
	st.st_blocks = (long)f->blocks;
	st.st_atime = (uint64_t)f->atime_sec;
	st.st_atime_nsec = (uint64_t)f->atime_nsec;
	st.st_mtime = (uint64_t)f->mtime_sec;
	st.st_mtime_nsec = (uint64_t)f->mtime_nsec;
	st.st_ctime = (uint64_t)f->ctime_sec;
	st.st_ctime_nsec = (uint64_t)f->ctime_nsec;
	return lx_put(user, &st, sizeof(st));
}

long sys_newfstatat(int32_t dirfd, uint64_t path, uint64_t buffer, uint32_t flags)
{
	struct file_stat st;
	if (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT))
		return -EINVAL;
	long error = stat_any(lx_self(), dirfd, path, flags, &st);
	return error ? error : put_stat(buffer, &st);
}

long sys_stat(uint64_t path, uint64_t buffer)
{
	return sys_newfstatat(AT_FDCWD, path, buffer, 0);
}

long sys_lstat(uint64_t path, uint64_t buffer)
{
	return sys_newfstatat(AT_FDCWD, path, buffer, AT_SYMLINK_NOFOLLOW);
}

long sys_fstat(int32_t fd, uint64_t buffer)
{
	struct file_stat st;
	long error = fd < 0 ? -EBADF : stat_descriptor(lx_self(), fd, &st);
	return error ? error : put_stat(buffer, &st);
}

static struct statx_timestamp statx_time(int64_t sec, int64_t nsec)
{
	return (struct statx_timestamp){.tv_sec = sec, .tv_nsec = (uint32_t)nsec};
}

static uint32_t dev_major(uint64_t dev)
{
	return (uint32_t)((dev >> 8) & 0xfff) | (uint32_t)((dev >> 32) & ~0xfffull);
}

static uint32_t dev_minor(uint64_t dev)
{
	return (uint32_t)(dev & 0xff) | (uint32_t)((dev >> 12) & ~0xffull);
}

static long put_statx(uint64_t user, const struct file_stat *f)
{
	struct statx x;
	memset(&x, 0, sizeof(x));
	x.stx_mask = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
	x.stx_blksize = (uint32_t)f->blksize;
	x.stx_attributes = f->attributes;
	x.stx_nlink = (uint32_t)f->nlink;
	x.stx_uid = f->uid;
	x.stx_gid = f->gid;
	x.stx_mode = (uint16_t)f->mode;
	x.stx_ino = f->ino;
	x.stx_size = f->size;
	x.stx_blocks = f->blocks;
	x.stx_atime = statx_time(f->atime_sec, f->atime_nsec);
	x.stx_btime = statx_time(f->btime_sec, f->btime_nsec);
	x.stx_ctime = statx_time(f->ctime_sec, f->ctime_nsec);
	x.stx_mtime = statx_time(f->mtime_sec, f->mtime_nsec);
	x.stx_rdev_major = dev_major(f->rdev);
	x.stx_rdev_minor = dev_minor(f->rdev);
	x.stx_dev_major = dev_major(f->dev);
	x.stx_dev_minor = dev_minor(f->dev);
	x.stx_mnt_id = f->mount_id;
	return lx_put(user, &x, sizeof(x));
}

long sys_statx(int32_t dirfd, uint64_t path, uint32_t flags, uint32_t mask, uint64_t buffer)
{
	struct file_stat st;
	const uint32_t known = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE;
	if ((flags & ~known) || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE ||
	    (mask & STATX__RESERVED))
		return -EINVAL;
	long error = stat_any(lx_self(), dirfd, path, flags, &st);
	return error ? error : put_statx(buffer, &st);
}

/* ---------------------------------------------------------------- one path, few numbers */

/* Runs `call` (a vfs stub) on a path until it no longer leads to descriptors of our own. */
#define PATH_CALL(name, dirfd, user, ...)                                                               \
	do {                                                                                            \
		struct lx_thread *self = lx_self();                                                     \
		struct lx_path path;                                                                    \
		struct vfs_##name##_out out;                                                            \
		int status;                                                                             \
		lx_path_start(&path, dirfd);                                                            \
		do {                                                                                    \
			out = (struct vfs_##name##_out){0};                                             \
			long error = lx_path_copy(self, &path, user, vfs_##name##_in_data(self->page)); \
			if (error)                                                                      \
				return error;                                                           \
			struct vfs_##name##_in in = {.has_root = path.has_root,                         \
						     .data_len = path.bytes,                            \
						     .ncaps = path.ncaps,                               \
						     __VA_ARGS__};                                      \
			status = vfs_##name(path.dir, self->page, &in, &out);                           \
		} while (lx_path_follow(self, &path, status, out.number, out.consumed));                \
		return lx_path_result(&path, status);                                                   \
	} while (0)

long sys_faccessat2(int32_t dirfd, uint64_t user, uint32_t mode, uint32_t flags)
{
	if ((mode & ~7u) || (flags & ~(uint32_t)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	PATH_CALL(access, dirfd, user, .mode = mode, .flags = flags | path.at_empty);
}

long sys_faccessat(int32_t dirfd, uint64_t path, uint32_t mode)
{
	return sys_faccessat2(dirfd, path, mode, 0);
}

long sys_access(uint64_t path, uint32_t mode)
{
	return sys_faccessat2(AT_FDCWD, path, mode, 0);
}

long sys_mkdirat(int32_t dirfd, uint64_t user, uint32_t mode)
{
	PATH_CALL(mkdir, dirfd, user, .mode = mode & 01777 & ~self->process->fs.umask);
}

long sys_mkdir(uint64_t path, uint32_t mode)
{
	return sys_mkdirat(AT_FDCWD, path, mode);
}

static uint32_t masked_mode(uint32_t mode)
{
	return mode & ~(lx_self()->process->fs.umask & 0777);
}

long sys_mknodat(int32_t dirfd, uint64_t user, uint32_t mode, uint64_t device)
{
	PATH_CALL(mknod, dirfd, user, .mode = masked_mode(mode), .rdev = device);
}

long sys_mknod(uint64_t path, uint32_t mode, uint64_t device)
{
	return sys_mknodat(AT_FDCWD, path, mode, device);
}

long sys_unlinkat(int32_t dirfd, uint64_t user, uint32_t flags)
{
	if (flags & ~(uint32_t)AT_REMOVEDIR)
		return -EINVAL;
	PATH_CALL(unlink, dirfd, user, .flags = flags);
}

long sys_unlink(uint64_t path)
{
	return sys_unlinkat(AT_FDCWD, path, 0);
}

long sys_rmdir(uint64_t path)
{
	return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

static long chmod_path(int32_t dirfd, uint64_t user, uint32_t mode, uint32_t flags)
{
	PATH_CALL(chmod, dirfd, user, .mode = mode & 07777, .flags = flags | path.at_empty);
}

long sys_fchmodat(int32_t dirfd, uint64_t path, uint32_t mode)
{
	return chmod_path(dirfd, path, mode, 0);
}

long sys_fchmodat2(int32_t dirfd, uint64_t path, uint32_t mode, uint32_t flags)
{
	if (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return chmod_path(dirfd, path, mode, flags);
}

long sys_chmod(uint64_t path, uint32_t mode)
{
	return chmod_path(AT_FDCWD, path, mode, 0);
}

long sys_fchownat(int32_t dirfd, uint64_t user, uint32_t uid, uint32_t gid, uint32_t flags)
{
	if (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	PATH_CALL(chown, dirfd, user, .uid = uid, .gid = gid, .flags = flags | path.at_empty);
}

long sys_chown(uint64_t path, uint32_t uid, uint32_t gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, 0);
}

long sys_lchown(uint64_t path, uint32_t uid, uint32_t gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

long sys_truncate(uint64_t user, int64_t size)
{
	if (size < 0)
		return -EINVAL;
	PATH_CALL(truncate, AT_FDCWD, user, .size = (uint64_t)size);
}

static long statfs_path(uint64_t user)
{
	PATH_CALL(statfs, AT_FDCWD, user, );
}

#define STATFS_BYTES 120u
long sys_statfs(uint64_t path, uint64_t buffer)
{
	long error = statfs_path(path);
	return error ? error : lx_put(buffer, vfs_statfs_out_data(lx_self()->page), STATFS_BYTES);
}

/* ---------------------------------------------------------------- times */

struct file_times {
	int64_t sec[2], nsec[2];
};

static bool times_ok(const struct file_times *t)
{
	for (uint32_t i = 0; i < 2; i++) {
		if (t->nsec[i] != UTIME_NOW && t->nsec[i] != UTIME_OMIT &&
		    (t->nsec[i] < 0 || t->nsec[i] >= 1000000000))
			return false;
	}
	return true;
}

static long set_times_path(int32_t dirfd, uint64_t user, const struct file_times *t, uint32_t flags)
{
	PATH_CALL(utimens, dirfd, user, .atime_sec = t->sec[0], .atime_nsec = t->nsec[0],
		  .mtime_sec = t->sec[1], .mtime_nsec = t->nsec[1], .flags = flags | path.at_empty);
}

static long set_times(int32_t dirfd, uint64_t user, const struct file_times *t, uint32_t flags)
{
	if (!times_ok(t))
		return -EINVAL;
	if (user || dirfd == AT_FDCWD)
		return set_times_path(dirfd, user, t, flags);
	cap_t file = lx_fd_own(dirfd);
	struct file_utimens_in in = {.atime_sec = t->sec[0],
				     .atime_nsec = t->nsec[0],
				     .mtime_sec = t->sec[1],
				     .mtime_nsec = t->nsec[1]};
	struct file_utimens_out out;
	return file ? lx_result(file_utimens(file, lx_self()->page, &in, &out)) : -EBADF;
}

long sys_utimensat(int32_t dirfd, uint64_t path, uint64_t user_times, uint32_t flags)
{
	int64_t raw[4] = {0, UTIME_NOW, 0, UTIME_NOW};
	if (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (user_times && lx_get(raw, user_times, sizeof(raw)))
		return -EFAULT;
	if (raw[1] == UTIME_OMIT && raw[3] == UTIME_OMIT)
		return 0; /* not even looked for */
	if (!path && dirfd != AT_FDCWD && flags)
		return -EINVAL;
	const struct file_times t = {.sec = {raw[0], raw[2]}, .nsec = {raw[1], raw[3]}};
	return set_times(dirfd, path, &t, flags);
}

long sys_futimesat(int32_t dirfd, uint64_t path, uint64_t user_times)
{
	int64_t raw[4] = {0, 0, 0, 0};
	struct file_times t = {.nsec = {UTIME_NOW, UTIME_NOW}};
	if (user_times) {
		if (lx_get(raw, user_times, sizeof(raw)))
			return -EFAULT;
		if (raw[1] < 0 || raw[1] >= 1000000 || raw[3] < 0 || raw[3] >= 1000000)
			return -EINVAL;
		t = (struct file_times){.sec = {raw[0], raw[2]}, .nsec = {raw[1] * 1000, raw[3] * 1000}};
	}
	return set_times(dirfd, path, &t, 0);
}

long sys_utimes(uint64_t path, uint64_t user_times)
{
	return sys_futimesat(AT_FDCWD, path, user_times);
}

long sys_utime(uint64_t path, uint64_t user_times)
{
	int64_t raw[2];
	struct file_times t = {.nsec = {UTIME_NOW, UTIME_NOW}};
	if (user_times) {
		if (lx_get(raw, user_times, sizeof(raw)))
			return -EFAULT;
		t = (struct file_times){.sec = {raw[0], raw[1]}};
	}
	return set_times(AT_FDCWD, path, &t, 0);
}

/* ---------------------------------------------------------------- two paths */

struct two_paths {
	struct lx_path old, new;
	uint64_t old_user, new_user;
};

/* Both paths into the message; capabilities: the new path's directory, then the root. */
static long copy_both(struct lx_thread *self, struct two_paths *two, char *data, uint32_t room)
{
	char second[LX_PATH_MAX];
	two->old.max = two->new.max = room / 2;
	two->new.slot = LX_SCRATCH_THREAD(self->slot);
	long error = lx_path_copy(self, &two->new, two->new_user, second);
	if (error)
		return error;
	error = lx_path_copy(self, &two->old, two->old_user, data);
	if (error) {
		lx_path_end(&two->new);
		return error;
	}
	memcpy(data + two->old.bytes, second, two->new.bytes);
	lx_send_cap(self, 0, two->new.dir);
	lx_send_cap(self, 1, ROOT);
	return 0;
}

static bool follow_both(struct lx_thread *self, struct two_paths *two, int status, uint32_t number,
			uint32_t consumed, uint32_t which)
{
	return lx_path_follow(self, which ? &two->new : &two->old, status, number, consumed);
}

long sys_renameat2(int32_t old_dirfd, uint64_t old_path, int32_t new_dirfd, uint64_t new_path, uint32_t flags)
{
	struct lx_thread *self = lx_self();
	struct two_paths two = {.old_user = old_path, .new_user = new_path};
	struct vfs_rename_out out;
	int status;
	lx_path_start(&two.old, old_dirfd);
	lx_path_start(&two.new, new_dirfd);
	do {
		out = (struct vfs_rename_out){0};
		long error = copy_both(self, &two, vfs_rename_in_data(self->page), VFS_RENAME_IN_MAX);
		if (error)
			return error;
		struct vfs_rename_in in = {.flags = flags,
					   .has_root = two.new.has_root,
					   .old_len = two.old.bytes,
					   .data_len = two.old.bytes + two.new.bytes,
					   .ncaps = 1 + two.new.has_root};
		status = vfs_rename(two.old.dir, self->page, &in, &out);
	} while (follow_both(self, &two, status, out.number, out.consumed, out.which));
	lx_path_end(&two.new);
	return lx_path_result(&two.old, status);
}

long sys_renameat(int32_t old_dirfd, uint64_t old_path, int32_t new_dirfd, uint64_t new_path)
{
	return sys_renameat2(old_dirfd, old_path, new_dirfd, new_path, 0);
}

long sys_rename(uint64_t old_path, uint64_t new_path)
{
	return sys_renameat2(AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}

long sys_linkat(int32_t old_dirfd, uint64_t old_path, int32_t new_dirfd, uint64_t new_path, uint32_t flags)
{
	struct lx_thread *self = lx_self();
	struct two_paths two = {.old_user = old_path, .new_user = new_path};
	struct vfs_link_out out;
	int status;
	if (flags & ~(uint32_t)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	lx_path_start(&two.old, old_dirfd);
	lx_path_start(&two.new, new_dirfd);
	do {
		out = (struct vfs_link_out){0};
		long error = copy_both(self, &two, vfs_link_in_data(self->page), VFS_LINK_IN_MAX);
		if (error)
			return error;
		struct vfs_link_in in = {.flags = flags | two.old.at_empty,
					 .has_root = two.new.has_root,
					 .old_len = two.old.bytes,
					 .data_len = two.old.bytes + two.new.bytes,
					 .ncaps = 1 + two.new.has_root};
		status = vfs_link(two.old.dir, self->page, &in, &out);
	} while (follow_both(self, &two, status, out.number, out.consumed, out.which));
	lx_path_end(&two.new);
	return lx_path_result(&two.old, status);
}

long sys_link(uint64_t old_path, uint64_t new_path)
{
	return sys_linkat(AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}

long sys_symlinkat(uint64_t target, int32_t dirfd, uint64_t user)
{
	struct lx_thread *self = lx_self();
	struct lx_path path;
	struct vfs_symlink_out out;
	int status;
	lx_path_start(&path, dirfd);
	do {
		out = (struct vfs_symlink_out){0};
		char *data = vfs_symlink_in_data(self->page);
		char second[LX_PATH_MAX];
		long error = lx_path_copy(self, &path, user, second);
		long target_len = error ? error : lx_get_string(data, target, LX_PATH_MAX);
		if (target_len <= 0)
			return target_len ? target_len : -ENOENT;
		if ((uint64_t)target_len + path.bytes > VFS_SYMLINK_IN_MAX)
			return -ENAMETOOLONG;
		memcpy(data + target_len, second, path.bytes);
		struct vfs_symlink_in in = {.has_root = path.has_root,
					    .target_len = (uint32_t)target_len,
					    .data_len = (uint32_t)target_len + path.bytes,
					    .ncaps = path.ncaps};
		status = vfs_symlink(path.dir, self->page, &in, &out);
	} while (lx_path_follow(self, &path, status, out.number, out.consumed));
	return lx_path_result(&path, status);
}

long sys_symlink(uint64_t target, uint64_t path)
{
	return sys_symlinkat(target, AT_FDCWD, path);
}

/* ---------------------------------------------------------------- names of open files */

long lx_path_of(struct lx_thread *self, cap_t file)
{
	struct file_path_in in;
	struct file_path_out out = {0};
	long error = lx_result(file_path(file, self->page, &in, &out));
	return error ? error : (long)out.data_len;
}

long sys_readlinkat(int32_t dirfd, uint64_t user, uint64_t buffer, int64_t room)
{
	struct lx_thread *self = lx_self();
	struct lx_path path;
	struct vfs_readlink_out out;
	int status;
	if (room <= 0)
		return -EINVAL;
	lx_path_start(&path, dirfd);
	do {
		out = (struct vfs_readlink_out){0};
		long error = lx_path_copy(self, &path, user, vfs_readlink_in_data(self->page));
		if (error)
			return error;
		if (path.at_empty) { /* the link itself: /proc/self/fd/N */
			long length = lx_path_of(self, path.dir);
			out.data_len = length < 0 ? 0 : (uint32_t)length;
			status = length < 0 ? (int)-length : 0;
			break;
		}
		struct vfs_readlink_in in = {
			.has_root = path.has_root, .data_len = path.bytes, .ncaps = path.ncaps};
		status = vfs_readlink(path.dir, self->page, &in, &out);
	} while (lx_path_follow(self, &path, status, out.number, out.consumed));
	if (status != 0)
		return lx_path_result(&path, status);
	lx_path_end(&path);
	uint64_t bytes = lx_min(out.data_len, (uint64_t)room);
	long error = lx_put(buffer, vfs_readlink_out_data(self->page), bytes);
	return error ? error : (long)bytes;
}

long sys_readlink(uint64_t path, uint64_t buffer, int64_t room)
{
	return sys_readlinkat(AT_FDCWD, path, buffer, room);
}
