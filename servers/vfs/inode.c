/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Inodes: making, counting, freeing, times, and the stat structure. Strings of symbolic links and long names live here too. */
#include "vfs.h"

#include <string.h>

#include "data.h"
#include "env.h"
#include "lock.h"
#include "memory.h"
#include "object.h"
#include "pipe.h"
#include "timer.h"

#define STRING_SMALL 64u
#define STRING_MEDIUM 256u

static struct slab inode_slab = SLAB_OF(struct inode);
static struct slab small_strings = {.size = STRING_SMALL};
static struct slab medium_strings = {.size = STRING_MEDIUM + 16u};
static uint64_t next_ino = 2;
static int64_t last_second; /* of the last stamp: fresh enough to judge by days */

char *string_new(const char *text, uint32_t length)
{
	char *copy;
	length = (uint32_t)strnlen(text, length); /* string_free goes by strlen */
	if (length < STRING_SMALL - 1u) {
		copy = slab_alloc(&small_strings);
	} else if (length < STRING_MEDIUM - 1u) {
		copy = slab_alloc(&medium_strings);
	} else {
		uint32_t frame = length < FRAME_BYTES - 9u ? frame_alloc() : 0;
		if (frame == 0)
			return NULL;
		copy = frame_address(frame);
		memcpy(copy, &frame, sizeof(frame)); /* first 8 bytes: 4 of frame; see string_free */
		copy += 8;
	}
	if (!copy)
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

void string_free(char *text)
{
	size_t length = strlen(text);
	if (length < STRING_SMALL - 1u) {
		slab_free(&small_strings, text);
	} else if (length < STRING_MEDIUM - 1u) {
		slab_free(&medium_strings, text);
	} else {
		uint32_t frame;
		memcpy(&frame, text - 8, sizeof(frame));
		frame_free(frame);
	}
}

struct stamp stamp_now(void)
{
	uint64_t wall = env_wall_ns();
	last_second = (int64_t)(wall / 1000000000u);
	return (struct stamp){.sec = last_second, .nsec = (int64_t)(wall % 1000000000u)};
}

struct inode *inode_new(struct filesystem *fs, enum node_kind kind, uint32_t mode,
			const struct caller *caller)
{
	uint32_t account = caller ? account_of(caller->label) : QUOTA_ROOT;
	if (!quota_charge(account, QUOTA_NAMES, 1))
		return NULL;
	struct inode *inode = slab_alloc(&inode_slab);
	if (!inode) {
		quota_release(account, QUOTA_NAMES, 1);
		return NULL;
	}
	struct stamp now = stamp_now();
	*inode = (struct inode){
		.ino = next_ino++,
		.fs = fs,
		.refs = 1,
		.nlink = 1,
		.mode = mode,
		.uid = caller ? caller->uid : 0,
		.gid = caller ? caller->gid : 0,
		.kind = kind,
		.atime = now,
		.mtime = now,
		.ctime = now,
		.btime = now,
		.account = account,
	};
	if (kind == NODE_FILE) {
		inode->data.fs = fs;
		inode->data.account = account;
	}
	if (kind == NODE_DIRECTORY) {
		inode->nlink = 2;
		inode->dir.next_position = 2;
	}
	return inode;
}

static void inode_free(struct inode *inode)
{
	wait_wake_if(&inode->waiters, ~0u);
	if (inode->locks)
		lock_free_all(inode);
	switch (inode->kind) {
	case NODE_FILE:
		if (inode->mapped)
			object_abandon(inode);
		else
			data_free(&inode->data);
		break;
	case NODE_SYMLINK:
		quota_release(inode->account, QUOTA_NAMES, inode->size / SYMLINK_CHARGED_BYTES);
		string_free(inode->target);
		break;
	case NODE_FIFO: pipe_free(inode); break;
	case NODE_TIMER: timer_disarm(inode); break;
	default: break;
	}
	quota_release(inode->account, QUOTA_NAMES, 1);
	slab_free(&inode_slab, inode);
}

void inode_put(struct inode *inode)
{
	if (--inode->refs == 0)
		inode_free(inode);
}

uint32_t inode_count(void)
{
	return inode_slab.used;
}

void inode_touch(struct inode *inode, uint32_t which)
{
	struct stamp now = stamp_now();
	if (which & TOUCH_ATIME)
		inode->atime = now;
	if (which & TOUCH_MTIME)
		inode->mtime = now;
	if (which & TOUCH_CTIME)
		inode->ctime = now;
}

static bool stamp_before(struct stamp a, struct stamp b)
{
	return a.sec < b.sec || (a.sec == b.sec && a.nsec <= b.nsec);
}

void inode_accessed(struct inode *inode)
{
	if (inode->fs->flags & (FS_MS_NOATIME | FS_MS_RDONLY))
		return;
	if (stamp_before(inode->atime, inode->mtime) || stamp_before(inode->atime, inode->ctime)) {
		inode->atime = stamp_now();
		return;
	}
	if (last_second - inode->atime.sec > 24 * 3600)
		inode->atime = stamp_now();
}

void inode_stat(const struct inode *inode, struct file_stat *out)
{
	uint64_t blocks = inode->kind == NODE_FILE ? inode->data.pages * 8 : 0;
	uint64_t size = inode->size;
	if (inode->kind == NODE_DIRECTORY)
		size = inode->fs->type == FS_PROC ? 0 : 40u + 20ull * inode->dir.children;
	*out = (struct file_stat){
		.dev = inode->fs->device,
		.ino = inode->ino,
		.nlink = inode->nlink,
		.mode = inode->mode,
		.uid = inode->uid,
		.gid = inode->gid,
		.rdev = inode->rdev,
		.size = size,
		.blksize = inode->fs->type == FS_PROC ? 1024 : 4096,
		.blocks = blocks,
		.atime_sec = inode->atime.sec,
		.atime_nsec = inode->atime.nsec,
		.mtime_sec = inode->mtime.sec,
		.mtime_nsec = inode->mtime.nsec,
		.ctime_sec = inode->ctime.sec,
		.ctime_nsec = inode->ctime.nsec,
		.btime_sec = inode->btime.sec,
		.btime_nsec = inode->btime.nsec,
		.mount_id = inode->fs->device,
	};
}
