/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls on open files: descriptors, offsets, flags, locks, metadata; and those that make descriptors without a path. */
#include <linux/memfd.h>
#include <linux/timerfd.h>
#include <tessera/file.h>
#include <tessera/proto/file.h>
#include <tessera/proto/vfs.h>

#include "lx/files.h"
#include "sys.h"
#include "lx/when.h"

#define CWD LX_SCRATCH(LX_SCRATCH_CWD)
#define CLOSE_RANGE_CLOEXEC_FLAG 4u
#define CLOSE_RANGE_UNSHARE_FLAG 2u

/* ---------------------------------------------------------------- descriptors */

long sys_close(int32_t fd)
{
	return lx_fd_close(lx_self(), fd);
}

long sys_close_range(uint32_t first, uint32_t last, uint32_t flags)
{
	struct lx_thread *self = lx_self();
	struct lx_files *files = &self->process->files;
	if (first > last || (flags & ~(CLOSE_RANGE_CLOEXEC_FLAG | CLOSE_RANGE_UNSHARE_FLAG)))
		return -EINVAL;
	for (uint32_t fd = first; fd < LX_FD_MAX && fd <= last; fd++) {
		if (!lx_fd_cap(files, (int32_t)fd))
			continue;
		if (flags & CLOSE_RANGE_CLOEXEC_FLAG)
			lx_fd_set_cloexec(files, (int32_t)fd, true);
		else
			(void)lx_fd_close(self, (int32_t)fd);
	}
	return 0;
}

static long duplicate_from(struct lx_thread *self, int32_t old, uint32_t lowest, bool is_cloexec)
{
	cap_t source = lx_fd_cap(&self->process->files, old);
	if (!source)
		return -EBADF;
	int32_t fd = lx_fd_reserve(self, lowest, is_cloexec);
	if (fd < 0)
		return fd;
	if (ts_cnode_copy(SLOT_OWN(LX_FD_ADDRESS((uint32_t)fd)), SLOT_OWN(source), RIGHTS_ALL) == E_OK)
		return fd;
	lx_fd_release(self, fd);
	return -EBADF;
}

long sys_dup(int32_t fd)
{
	return duplicate_from(lx_self(), fd, 0, false);
}

static long duplicate_to(int32_t old, int32_t fd, bool is_cloexec)
{
	struct lx_thread *self = lx_self();
	struct lx_files *files = &self->process->files;
	cap_t source = lx_fd_cap(files, old);
	if (!source || fd < 0 || (uint64_t)fd >= lx_min(self->identity->limit_nofile, LX_FD_MAX))
		return -EBADF;
	if (lx_fd_cap(files, fd))
		(void)lx_fd_close(self, fd);
	int32_t reserved = lx_fd_reserve(self, (uint32_t)fd, is_cloexec);
	if (reserved != fd) { /* another thread took the number in between */
		if (reserved >= 0)
			lx_fd_release(self, reserved);
		return reserved < 0 ? reserved : -EBUSY;
	}
	if (ts_cnode_copy(SLOT_OWN(LX_FD_ADDRESS((uint32_t)fd)), SLOT_OWN(source), RIGHTS_ALL) == E_OK)
		return fd;
	lx_fd_release(self, fd);
	return -EBADF;
}

long sys_dup2(int32_t old, int32_t fd)
{
	if (old == fd)
		return lx_fd_own(old) ? fd : -EBADF;
	return duplicate_to(old, fd, false);
}

long sys_dup3(int32_t old, int32_t fd, uint32_t flags)
{
	if (old == fd || (flags & ~(uint32_t)O_CLOEXEC))
		return -EINVAL;
	return duplicate_to(old, fd, flags & O_CLOEXEC);
}

/* ---------------------------------------------------------------- record locks */

static long lock_once(struct lx_thread *self, cap_t file, uint32_t command, struct flock *lock, uint32_t wait)
{
	struct file_lock_in in = {.command = command | (uint32_t)lock->l_whence << 8,
				  .type = (uint32_t)lock->l_type,
				  .start = lock->l_start,
				  .len = (uint64_t)lock->l_len,
				  .wait = wait};
	struct file_lock_out out = {0};
	int status = file_lock(file, self->page, &in, &out);
	if (status == 0 && command == F_GETLK) {
		lock->l_type = (short)out.type;
		if (out.type != F_UNLCK) {
			lock->l_whence = 0 /* SEEK_SET */;
			lock->l_start = out.start;
			lock->l_len = (long)out.len;
			lock->l_pid = (int)out.pid;
		}
	}
	return status == ST_WOULD_BLOCK ? -EAGAIN : lx_result(status);
}

static bool lock_ok(const struct flock *lock)
{
	return lock->l_type >= 0 && lock->l_type <= 2 && lock->l_whence >= 0 && lock->l_whence <= 2;
}

/* A negative length means the bytes before start. */
static void lock_straighten(struct flock *lock)
{
	if (lock->l_len < 0) {
		lock->l_start += lock->l_len;
		lock->l_len = -lock->l_len;
	}
}

static long record_lock(struct lx_thread *self, cap_t file, uint32_t command, uint64_t user)
{
	struct flock lock;
	if (lx_get(&lock, user, sizeof(lock)))
		return -EFAULT;
	if (!lock_ok(&lock))
		return -EINVAL;
	lock_straighten(&lock);
	if (command == F_GETLK) {
		long error = lock_once(self, file, F_GETLK, &lock, 0);
		return error ? error : lx_put(user, &lock, sizeof(lock));
	}
	self->process->files.took_locks = 1;
	for (;;) {
		long error = lock_once(self, file, F_SETLK, &lock, command == F_SETLKW);
		if (error != -EAGAIN || command != F_SETLKW)
			return error;
		error = lx_wait(self, DEADLINE_NEVER);
		if (error)
			return error;
	}
}

long sys_flock(int32_t fd, uint32_t operation)
{
	struct lx_thread *self = lx_self();
	cap_t file = lx_fd_own(fd);
	bool may_wait = !(operation & LOCK_NB);
	if (!file)
		return -EBADF;
	operation &= ~(uint32_t)LOCK_NB;
	if (operation != LOCK_SH && operation != LOCK_EX && operation != LOCK_UN)
		return -EINVAL;
	for (;;) {
		struct file_flock_in in = {.operation = operation, .wait = may_wait};
		struct file_flock_out out;
		int status = file_flock(file, self->page, &in, &out);
		if (status != ST_WOULD_BLOCK || !may_wait)
			return lx_result(status);
		long error = lx_wait(self, DEADLINE_NEVER);
		if (error)
			return error;
	}
}

/* ---------------------------------------------------------------- fcntl */

#ifndef F_DUPFD_CLOEXEC
#define F_DUPFD_CLOEXEC (F_LINUX_SPECIFIC_BASE + 6)
#endif

static long set_flags(struct lx_thread *self, cap_t file, uint64_t flags)
{
	struct file_set_flags_in in = {.flags = (uint32_t)flags};
	struct file_set_flags_out out;
	return lx_result(file_set_flags(file, self->page, &in, &out));
}

long sys_fcntl(int32_t fd, uint32_t command, uint64_t argument)
{
	struct lx_thread *self = lx_self();
	struct lx_files *files = &self->process->files;
	cap_t file = lx_fd_cap(files, fd);
	long flags;
	if (!file)
		return -EBADF;
	switch (command) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if (argument >= lx_min(self->identity->limit_nofile, LX_FD_MAX))
			return -EINVAL;
		return duplicate_from(self, fd, (uint32_t)argument, command == F_DUPFD_CLOEXEC);
	case F_GETFD: return lx_fd_is_cloexec(files, fd) ? FD_CLOEXEC : 0;
	case F_SETFD: lx_fd_set_cloexec(files, fd, argument & FD_CLOEXEC); return 0;
	case F_GETFL: flags = lx_file_flags(self, file); return flags < 0 ? flags : flags | O_LARGEFILE;
	case F_SETFL: return set_flags(self, file, argument);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW: return record_lock(self, file, command, argument);
	case F_GETOWN: return 0;
	case F_SETOWN:
	case F_SETSIG: return 0;
	case F_GETPIPE_SZ: return 65536;
	case F_SETPIPE_SZ: return argument > 65536 ? -EPERM : 65536;
	default: return -EINVAL;
	}
}

/* ---------------------------------------------------------------- offsets, sizes, metadata */

long sys_lseek(int32_t fd, int64_t offset, uint32_t whence)
{
	struct lx_thread *self = lx_self();
	cap_t file = lx_fd_own(fd);
	struct file_seek_in in = {.offset = offset, .whence = whence};
	struct file_seek_out out = {0};
	if (!file)
		return -EBADF;
	long error = lx_result(file_seek(file, self->page, &in, &out));
	return error ? error : (long)out.offset;
}

#define FILE_CALL(name, fd, ...)                                                                 \
	do {                                                                                     \
		cap_t file = lx_fd_own(fd);                                                      \
		struct file_##name##_in in = {__VA_ARGS__};                                      \
		struct file_##name##_out out;                                                    \
		return file ? lx_result(file_##name(file, lx_self()->page, &in, &out)) : -EBADF; \
	} while (0)

long sys_ftruncate(int32_t fd, int64_t size)
{
	if (size < 0)
		return -EINVAL;
	FILE_CALL(truncate, fd, .size = (uint64_t)size);
}

long sys_fallocate(int32_t fd, uint32_t mode, int64_t offset, int64_t bytes)
{
	if (offset < 0 || bytes <= 0)
		return -EINVAL;
	FILE_CALL(allocate, fd, .mode = mode, .offset = (uint64_t)offset, .len = (uint64_t)bytes);
}

long sys_fsync(int32_t fd)
{
	FILE_CALL(sync, fd, .data_only = 0);
}

long sys_fdatasync(int32_t fd)
{
	FILE_CALL(sync, fd, .data_only = 1);
}

long sys_syncfs(int32_t fd)
{
	return lx_fd_own(fd) ? 0 : -EBADF;
}

long sys_sync(void)
{
	return 0;
}

/* Puts an open file's path into a request of vfs; its length or a negative errno. */
static long path_into(struct lx_thread *self, cap_t file, void *to, uint32_t max)
{
	struct file_path_in ask;
	struct file_path_out name = {0};
	long error = lx_result(file_path(file, self->page, &ask, &name));
	if (error || name.data_len > max)
		return error ? error : -ENAMETOOLONG;
	memmove(to, file_path_out_data(self->page), name.data_len);
	return name.data_len;
}

long sys_fchmod(int32_t fd, uint32_t mode)
{
	struct lx_thread *self = lx_self();
	cap_t file = lx_fd_own(fd);
	struct file_chmod_in in = {.mode = mode & 07777};
	struct file_chmod_out out;
	if (!file)
		return -EBADF;
	int status = file_chmod(file, self->page, &in, &out);
	if (status != ST_BY_NAME)
		return lx_result(status);
	long length = path_into(self, file, vfs_chmod_in_data(self->page), VFS_CHMOD_IN_MAX);
	if (length < 0)
		return length;
	struct vfs_chmod_in node = {.mode = mode & 07777, .data_len = (uint32_t)length};
	struct vfs_chmod_out done;
	return lx_result(vfs_chmod(LX_SCRATCH(LX_SCRATCH_ROOT), self->page, &node, &done));
}

long sys_fchown(int32_t fd, uint32_t uid, uint32_t gid)
{
	struct lx_thread *self = lx_self();
	cap_t file = lx_fd_own(fd);
	struct file_chown_in in = {.uid = uid, .gid = gid};
	struct file_chown_out out;
	if (!file)
		return -EBADF;
	int status = file_chown(file, self->page, &in, &out);
	if (status != ST_BY_NAME)
		return lx_result(status);
	long length = path_into(self, file, vfs_chown_in_data(self->page), VFS_CHOWN_IN_MAX);
	if (length < 0)
		return length;
	struct vfs_chown_in node = {.uid = uid, .gid = gid, .data_len = (uint32_t)length};
	struct vfs_chown_out done;
	return lx_result(vfs_chown(LX_SCRATCH(LX_SCRATCH_ROOT), self->page, &node, &done));
}

long sys_fadvise64(int32_t fd, int64_t offset, int64_t bytes, uint32_t advice)
{
	(void)offset;
	if (!lx_fd_own(fd))
		return -EBADF;
	return bytes < 0 || advice > 5 ? -EINVAL : 0;
}

long sys_readahead(int32_t fd, int64_t offset, uint64_t bytes)
{
	(void)offset;
	(void)bytes;
	return lx_fd_own(fd) ? 0 : -EBADF;
}

long sys_sync_file_range(int32_t fd, int64_t offset, int64_t bytes, uint32_t flags)
{
	(void)flags;
	if (!lx_fd_own(fd))
		return -EBADF;
	return offset < 0 || bytes < 0 ? -EINVAL : 0;
}

long sys_fstatfs(int32_t fd, uint64_t buffer)
{
	struct lx_thread *self = lx_self();
	cap_t file = lx_fd_own(fd);
	struct file_statfs_in in;
	struct file_statfs_out out = {0};
	if (!file)
		return -EBADF;
	long error = lx_result(file_statfs(file, self->page, &in, &out));
	return error ? error : lx_put(buffer, file_statfs_out_data(self->page), out.data_len);
}

static bool is_directory(struct lx_thread *self, cap_t file)
{
	struct file_stat_in in;
	struct file_stat_out out = {0};
	const struct file_stat *st = file_stat_out_data(self->page);
	return file_stat(file, self->page, &in, &out) == 0 && (st->mode & 0170000) == 0040000;
}

long sys_getdents64(int32_t fd, uint64_t buffer, uint32_t bytes)
{
	struct lx_thread *self = lx_self();
	cap_t file = lx_fd_own(fd);
	if (!file)
		return -EBADF;
	struct file_getdents_in in = {.len = (uint32_t)lx_min(bytes, FILE_GETDENTS_OUT_MAX)};
	struct file_getdents_out out = {0};
	if (lx_touch_range(buffer, in.len))
		return is_directory(self, file) ? -EFAULT : -ENOTDIR;
	long error = lx_result(file_getdents(file, self->page, &in, &out));
	if (error)
		return error;
	error = lx_put(buffer, file_getdents_out_data(self->page), out.data_len);
	return error ? error : (long)out.data_len;
}

/* ---------------------------------------------------------------- new descriptors */

long sys_pipe2(uint64_t user, uint32_t flags)
{
	struct lx_thread *self = lx_self();
	bool is_cloexec = flags & O_CLOEXEC;
	if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	if (lx_touch_range(user, 8))
		return -EFAULT;
	int32_t fds[2];
	fds[0] = lx_fd_reserve(self, 0, is_cloexec);
	if (fds[0] < 0)
		return fds[0];
	fds[1] = lx_fd_reserve(self, 0, is_cloexec);
	if (fds[1] < 0) {
		lx_fd_release(self, fds[0]);
		return fds[1];
	}
	lx_fd_receive(self, 0, fds[0]);
	lx_fd_receive(self, 1, fds[1]);
	struct vfs_pipe_in in = {.flags = flags & ~(uint32_t)O_CLOEXEC};
	struct vfs_pipe_out out;
	long error = lx_result(vfs_pipe(CWD, self->page, &in, &out));
	lx_receive_none(self);
	if (!error)
		return lx_put(user, fds, sizeof(fds));
	lx_fd_release(self, fds[0]);
	lx_fd_release(self, fds[1]);
	return error;
}

long sys_pipe(uint64_t user)
{
	return sys_pipe2(user, 0);
}

/* Common end of the calls that make one descriptor. */
static long adopt(struct lx_thread *self, int32_t fd, int status)
{
	lx_receive_none(self);
	if (status == 0)
		return fd;
	lx_fd_release(self, fd);
	return lx_result(status);
}

static int32_t prepare(struct lx_thread *self, bool is_cloexec)
{
	int32_t fd = lx_fd_reserve(self, 0, is_cloexec);
	if (fd >= 0)
		lx_fd_receive(self, 0, fd);
	return fd;
}

long sys_eventfd2(uint32_t initial, uint32_t flags)
{
	struct lx_thread *self = lx_self();
	if (flags & ~(uint32_t)(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK))
		return -EINVAL;
	int32_t fd = prepare(self, flags & EFD_CLOEXEC);
	if (fd < 0)
		return fd;
	struct vfs_eventfd_in in = {.initial = initial, .flags = flags & ~(uint32_t)EFD_CLOEXEC};
	struct vfs_eventfd_out out;
	return adopt(self, fd, vfs_eventfd(CWD, self->page, &in, &out));
}

long sys_eventfd(uint32_t initial)
{
	return sys_eventfd2(initial, 0);
}

long sys_memfd_create(uint64_t name, uint32_t flags)
{
	struct lx_thread *self = lx_self();
	if (flags & ~(uint32_t)(MFD_CLOEXEC | MFD_ALLOW_SEALING))
		return -EINVAL;
	long length = lx_get_string(vfs_memfd_in_data(self->page), name, 250);
	if (length < 0)
		return length == -ENAMETOOLONG ? -EINVAL : length;
	int32_t fd = prepare(self, flags & MFD_CLOEXEC);
	if (fd < 0)
		return fd;
	/* reserving may have asked proc: the name again */
	length = lx_get_string(vfs_memfd_in_data(self->page), name, 250);
	struct vfs_memfd_in in = {.flags = flags & ~MFD_CLOEXEC,
				  .data_len = length < 0 ? 0 : (uint32_t)length};
	struct vfs_memfd_out out;
	return adopt(self, fd, vfs_memfd(CWD, self->page, &in, &out));
}

long sys_timerfd_create(uint32_t clock, uint32_t flags)
{
	struct lx_thread *self = lx_self();
	if ((clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME) ||
	    (flags & ~(uint32_t)(TFD_CLOEXEC | TFD_NONBLOCK)))
		return -EINVAL;
	int32_t fd = prepare(self, flags & TFD_CLOEXEC);
	if (fd < 0)
		return fd;
	struct vfs_timerfd_in in = {.clock = clock, .flags = flags & ~(uint32_t)TFD_CLOEXEC};
	struct vfs_timerfd_out out;
	return adopt(self, fd, vfs_timerfd(CWD, self->page, &in, &out));
}

struct timer_value {
	struct __kernel_timespec interval, value;
};

static long timer_ioctl(int32_t fd, uint32_t command, uint64_t flags, const struct timer_value *value,
			uint64_t user_old)
{
	struct lx_thread *self = lx_self();
	cap_t file = lx_fd_own(fd);
	if (!file)
		return -EBADF;
	struct file_ioctl_in in = {.command = command, .argument = flags};
	struct file_ioctl_out out = {0};
	if (value) {
		char *data = file_ioctl_in_data(self->page);
		memcpy(data, &flags, sizeof(flags));
		memcpy(data + sizeof(flags), value, sizeof(*value));
		in.data_len = sizeof(flags) + sizeof(*value);
	}
	long error = lx_result(file_ioctl(file, self->page, &in, &out));
	if (error)
		return error == -ENOTTY ? -EINVAL : error;
	return user_old ? lx_put(user_old, file_ioctl_out_data(self->page), sizeof(struct timer_value)) : 0;
}

long sys_timerfd_settime(int32_t fd, uint32_t flags, uint64_t user_new, uint64_t user_old)
{
	struct timer_value value;
	if (flags & ~(uint32_t)(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
		return -EINVAL;
	if (lx_get(&value, user_new, sizeof(value)))
		return -EFAULT;
	if (!lx_timespec_ok(&value.value) || !lx_timespec_ok(&value.interval))
		return -EINVAL;
	return timer_ioctl(fd, FILE_IOCTL_TIMERFD_SET, flags, &value, user_old);
}

long sys_timerfd_gettime(int32_t fd, uint64_t user)
{
	if (!user)
		return lx_fd_own(fd) ? -EFAULT : -EBADF;
	return timer_ioctl(fd, FILE_IOCTL_TIMERFD_GET, 0, NULL, user);
}
