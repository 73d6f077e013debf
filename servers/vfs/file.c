/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The table of open file descriptions, in frames of 64 that come as the table grows and stay (their indices have anchors),
 * and what opening and closing counts: users of a file system, writers, executors, ends of pipes, flocks.
 */
#include "file.h"

#include <string.h>

#include "lock.h"
#include "memory.h"
#include "pipe.h"

#define FILES_PER_FRAME 64u
#define NO_FILE (~0u)

static struct file *chunks[FILES_MAX / FILES_PER_FRAME];
static uint32_t files_high = 1; /* index 0 is never used */
static uint32_t files_free = NO_FILE;
static uint32_t files_open;
static uint64_t files_serial;

static struct file *file_at(uint32_t index)
{
	return &chunks[index / FILES_PER_FRAME][index % FILES_PER_FRAME];
}

static struct file *take_index(void)
{
	if (files_free != NO_FILE) {
		struct file *file = file_at(files_free);
		files_free = file->next_free;
		return file;
	}
	if (files_high >= FILES_MAX)
		return NULL;
	uint32_t chunk = files_high / FILES_PER_FRAME;
	if (!chunks[chunk]) {
		uint32_t frame = frame_alloc_table();
		if (frame == 0)
			return NULL;
		chunks[chunk] = frame_address(frame);
	}
	struct file *file = file_at(files_high);
	file->index = files_high++;
	return file;
}

bool openfile_has_room(const struct caller *caller, uint32_t count)
{
	uint32_t account = account_of(caller->label);
	return account == QUOTA_ROOT ||
	       (files_open < FILES_OF_USERS && quota_has_room(account, QUOTA_FILES, count));
}

static uint32_t access_state(uint32_t flags)
{
	if (flags & O_PATH)
		return OPENFILE_PATH_ONLY;
	switch (flags & O_ACCMODE) {
	case O_RDONLY: return OPENFILE_MAY_READ;
	case O_WRONLY: return OPENFILE_MAY_WRITE;
	case O_RDWR: return OPENFILE_MAY_READ | OPENFILE_MAY_WRITE;
	default: return 0;
	}
}

static void count_open(struct file *file)
{
	struct inode *inode = file->inode;
	bool reads = (file->state & OPENFILE_MAY_READ) != 0, writes = (file->state & OPENFILE_MAY_WRITE) != 0;
	inode->fs->users++;
	if (file->state & OPENFILE_EXECUTABLE)
		inode->executors++;
	if (writes && inode->kind == NODE_FILE)
		inode->writers++;
	if (inode->kind == NODE_FIFO && inode->pipe)
		pipe_open_end(inode, reads, writes);
}

struct file *openfile_new(struct inode *inode, struct dentry *dentry, uint32_t flags, uint32_t account)
{
	if (!quota_charge(account, QUOTA_FILES, 1))
		return NULL;
	struct file *file = take_index();
	if (!file) {
		quota_release(account, QUOTA_FILES, 1);
		return NULL;
	}
	file->account = account;
	file->inode = inode_get(inode);
	bool has_name = dentry && (inode->fs != &fs_anonymous || inode->kind == NODE_FILE);
	file->dentry = has_name ? dentry_get(dentry) : NULL;
	file->offset = 0;
	file->snapshot = NULL;
	file->serial = ++files_serial;
	file->flags = flags & (O_ACCMODE | O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | O_DIRECTORY |
			       O_NOFOLLOW | O_SYNC | O_ASYNC);
	file->flags |= flags & O_PATH; /* musl's O_ACCMODE has it already */
	file->state = (file->state & OPENFILE_ANCHORED) | OPENFILE_IN_USE | access_state(flags);
	if ((flags & OPEN_EXEC) && inode->kind == NODE_FILE)
		file->state |= OPENFILE_EXECUTABLE;
	files_open++;
	count_open(file);
	return file;
}

static void count_close(struct file *file)
{
	struct inode *inode = file->inode;
	bool reads = (file->state & OPENFILE_MAY_READ) != 0, writes = (file->state & OPENFILE_MAY_WRITE) != 0;
	if (file->state & OPENFILE_EXECUTABLE)
		inode->executors--;
	if (writes && inode->kind == NODE_FILE)
		inode->writers--;
	if (inode->kind == NODE_FIFO && inode->pipe)
		pipe_close_end(inode, reads, writes);
	if (inode->locks)
		lock_file_closed(file);
}

void openfile_close(struct file *file)
{
	if (!(file->state & OPENFILE_IN_USE))
		return;
	if (file->inode->watches)
		watch_closed(&file->inode->watches, file);
	count_close(file);
	struct filesystem *fs = file->inode->fs;
	if (file->snapshot)
		inode_put(file->snapshot);
	struct inode *inode = file->inode;
	struct dentry *dentry = file->dentry;
	file->inode = NULL;
	file->dentry = NULL;
	file->snapshot = NULL;
	file->state &= OPENFILE_ANCHORED;
	file->next_free = files_free;
	files_free = file->index;
	files_open--;
	quota_release(file->account, QUOTA_FILES, 1);
	inode_put(inode);
	if (dentry)
		dentry_put(dentry);
	if (--fs->users == 0 && fs->is_detached)
		mount_unused(fs);
}

struct file *openfile_of_badge(uint64_t badge)
{
	uint32_t index = (uint32_t)badge;
	if ((badge >> 32) != OPENFILE_BADGE_GENERATION || index == 0 || index >= files_high)
		return NULL;
	struct file *file = file_at(index);
	return (file->state & OPENFILE_IN_USE) ? file : NULL;
}

uint64_t openfile_token(const struct file *file)
{
	return (file->serial << 16) | file->index;
}

struct file *openfile_of_token(uint64_t token)
{
	struct file *file = openfile_of_badge(OPENFILE_BADGE(token & 0xffffu));
	return file && openfile_token(file) == token ? file : NULL;
}

uint32_t openfile_count(void)
{
	return files_open;
}

uint32_t openfile_anchored(void)
{
	uint32_t count = 0;
	for (uint32_t i = 1; i < files_high; i++)
		count += (file_at(i)->state & OPENFILE_ANCHORED) != 0;
	return count;
}

uint32_t openfile_high(void)
{
	return files_high - 1;
}
