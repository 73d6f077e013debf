/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Structures and numbers of the file and vfs protocols. */
#pragma once

#include <tessera/types.h>

#define ST_WOULD_BLOCK 0xff01
#define ST_OWN_DESCRIPTOR 0xff02
#define ST_BY_NAME \
	0xff03 /* chmod, chown of a terminal: done for open files; the node is to be changed by file.path */
#define OPEN_EXEC 0x80000000u
#define OPEN_EMPTY_PATH 0x40000000u /* vfs.open: an empty path means the object itself */
#define OWN_SCRATCH 0x80000000u	    /* with ST_OWN_DESCRIPTOR: number is a scratch slot */

struct file_stat {
	uint64_t dev, ino, nlink;
	uint32_t mode, uid, gid, reserved;
	uint64_t rdev;
	uint64_t size, blksize, blocks;
	int64_t atime_sec, atime_nsec, mtime_sec, mtime_nsec, ctime_sec, ctime_nsec, btime_sec, btime_nsec;
	uint64_t mount_id;
	uint64_t attributes;
};
static_assert(sizeof(struct file_stat) == 152, "file_stat is ABI");

/* file.ioctl commands of our own (timerfd) */
#define FILE_IOCTL_TIMERFD_SET 0x7e550001u /* in: u64 flags, struct itimerspec; out: old itimerspec */
#define FILE_IOCTL_TIMERFD_GET 0x7e550002u
#define FILE_IOCTL_PIPE_SIZE_SET 0x7e550003u /* F_SETPIPE_SZ: argument; result: the size */
#define FILE_IOCTL_PIPE_SIZE_GET 0x7e550004u
