/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * procfs and devpts: directories whose entries are made when they are looked up. A looked-up inode says what it is
 * (struct proc_state); its text is made when it is read at offset 0 and kept with the open file.
 */
#pragma once

#include "file.h"

/* A handler needs an answer of proc first: the request is kept and done again when it came. */
#define VFS_PARK (-1000) /* no errno, no status */

int proc_mount(struct filesystem *fs); /* fills the static part; ENOMEM */
/* A name in a dynamic directory: *found with a reference, or NULL. */
int proc_lookup(const struct caller *caller, struct dentry *dir, const char *name, uint32_t length,
		struct dentry **found);
int proc_readlink(const struct caller *caller, const struct inode *inode, char *out, uint32_t size,
		  uint32_t *number);
/* For the operation readlink, which can wait: descriptors, cwd and root of other processes. Length, -errno or VFS_PARK. */
int proc_readlink_other(const struct caller *caller, const struct inode *inode, char *out, uint32_t size);
/*
 * Where such a link leads: *file, or NULL for what another server has open (a terminal, whose text is a path). 0, -errno or
 * VFS_PARK.
 */
int proc_follow_other(const struct caller *caller, const struct inode *inode, struct file **file);
/* Permission to open beyond the mode (environ, fd of others). */
int proc_may_open(const struct caller *caller, const struct inode *inode);
/* Makes file->snapshot anew. 0, errno or VFS_PARK. */
int proc_make_text(struct file *file, const struct caller *caller);
/* Reads a process's memory at an offset of its file `mem`: what is present there. EIO: nothing. */
int proc_read_memory(struct file *file, void *to, uint32_t length, uint64_t at, uint32_t *done);
bool proc_is_memory(const struct inode *inode);
/* The few files that can be written: oom_score_adj, comm, hostname, domainname. 0, errno or VFS_PARK. */
int proc_write(struct file *file, const struct caller *caller, const void *from, uint32_t length,
	       uint32_t *done);
/* RAM of the machine, and what of it nobody uses. Asks mem and root. */
void proc_memory(uint64_t *total_bytes, uint64_t *bytes);
/* chmod, chown of a pts node are remembered by number. */
void proc_attributes_changed(const struct inode *inode);
void proc_pts_opened(uint32_t number, const struct caller *caller);

/* Directory listing. */
struct emitter {
	uint8_t *out;
	uint32_t size, used;
	uint32_t is_full;
};
/* False (and is_full) when the record does not fit. next: the offset behind it. */
bool emit(struct emitter *emitter, uint64_t ino, const char *name, uint32_t length, uint32_t mode,
	  uint64_t next);
/* Entries from *offset on, which it moves. 0, errno or VFS_PARK. */
int proc_readdir(struct file *file, const struct caller *caller, struct emitter *emitter, uint64_t *offset);
bool proc_is_dynamic(const struct inode *dir);
