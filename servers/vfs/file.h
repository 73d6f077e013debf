/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Open file descriptions. A description's index is the low half of the badge its capabilities carry; the anchor of a closed
 * description serves the next one with the same index, because no capability with that badge is left when the drop notice
 * has come.
 *
 *   free -> openfile_new -> open -> (drop notice, or the reply that carried it failed) openfile_close -> free
 */
#pragma once

#include "vfs.h"

#define FILES_MAX 16384u
#define FILES_OF_USERS 5400u /* of the 7,000 or so that there are slots for */
#define OPENFILE_BADGE_GENERATION 1ull
#define OPENFILE_BADGE(index) ((OPENFILE_BADGE_GENERATION << 32) | (index))

#define OPENFILE_MAY_READ 1u
#define OPENFILE_MAY_WRITE 2u
#define OPENFILE_PATH_ONLY 4u  /* O_PATH */
#define OPENFILE_EXECUTABLE 8u /* counts in inode.executors */
#define OPENFILE_ANCHORED 16u  /* the anchor of this index exists (kept over close) */
#define OPENFILE_IN_USE 32u
#define OPENFILE_FLOCK 64u /* may hold an flock */

struct file {
	struct inode *inode;
	struct dentry *dentry; /* NULL: pipes, eventfds, timerfds */
	uint64_t offset;
	struct inode *snapshot; /* procfs: the text as it was made at offset 0 */
	uint32_t flags;		/* O_* status flags and access mode */
	uint32_t state;		/* FILE_* */
	uint32_t index;
	uint32_t next_free;
	uint32_t account; /* QUOTA_FILES */
	uint32_t reserved;
	uint64_t serial; /* tells this opening from an earlier one of the same index */
};
static_assert(sizeof(struct file) == 64, "64 descriptions a frame");

/* A description of inode (its own references are taken), charged to account; NULL: ENFILE. flags: O_*. */
struct file *openfile_new(struct inode *inode, struct dentry *dentry, uint32_t flags, uint32_t account);
void openfile_close(struct file *file);
/* Whether the caller may have `count` more: the last quarter of what can be is root's, a user has half of the rest. */
bool openfile_has_room(const struct caller *caller, uint32_t count);
/* The open description a badge designates, or NULL. */
struct file *openfile_of_badge(uint64_t badge);
/* A number for this opening, never used again and never 0; and what is open by it, or NULL. */
uint64_t openfile_token(const struct file *file);
struct file *openfile_of_token(uint64_t token);
uint32_t openfile_count(void);
/* Indices handed out so far (anchors). */
uint32_t openfile_high(void);
/* How many indices have an anchor, which they keep. */
uint32_t openfile_anchored(void);

/* ---- reading and writing (rw.c). offset OPENFILE_OWN_OFFSET: the description's own. Return 0, errno, ST_WOULD_BLOCK. */
#define OPENFILE_OWN_OFFSET (~0ull)
int openfile_read(struct file *file, const struct caller *caller, void *to, uint32_t length, uint64_t offset,
		  uint32_t *done);
int openfile_write(struct file *file, const struct caller *caller, const void *from, uint32_t length,
		   uint64_t offset, uint32_t *done);
int openfile_seek(struct file *file, int64_t offset, uint32_t whence, uint64_t *result);
int openfile_getdents(struct file *file, const struct caller *caller, void *to, uint32_t size,
		      uint32_t *done);
uint32_t openfile_poll(struct file *file);
/* Takes back what the last file_read or file_getdents consumed. */
void openfile_undo_last(void);
int openfile_allocate(struct file *file, const struct caller *caller, uint32_t mode, uint64_t offset,
		      uint64_t length);
/* Up to length bytes from one to the other. offsets: OPENFILE_OWN_OFFSET or absolute. */
int openfile_copy_range(struct file *from, uint64_t from_offset, struct file *to, uint64_t to_offset,
			uint64_t length, const struct caller *caller, uint64_t *done);
/* /proc/self/fd/N's text. Length or -errno. */
int openfile_path(const struct file *file, const struct dentry *root, char *out, uint32_t size);
int openfile_ioctl(struct file *file, const struct caller *caller, uint32_t command, uint64_t argument,
		   const void *in, uint32_t in_length, void *out, uint32_t *out_length, uint64_t *result);

/* ---- opening (open.c) */
struct open_result {
	struct file *file;	      /* NULL with device_kind: tty opens it */
	uint32_t tty_kind, tty_index; /* tty.open's arguments; tty_kind ~0: none */
	struct file_stat tty_stat;    /* with tty_kind: of the device's node */
	uint32_t mode;		      /* S_IFMT bits */
	uint32_t number, consumed;
};
int openfile_open(const struct caller *caller, struct walk_start start, const char *path, uint32_t length,
		  uint32_t flags, uint32_t mode, struct open_result *out);
/* Opens what stands behind a description (or a directory entry) anew. */
int openfile_reopen(const struct caller *caller, struct file *file, uint32_t flags, struct open_result *out);
int openfile_open_memfd(const struct caller *caller, const char *name, uint32_t length, uint32_t flags,
			struct file **out);
int openfile_open_pipe(const struct caller *caller, uint32_t flags, struct file *ends[2]);
int openfile_open_event(const struct caller *caller, uint64_t initial, uint32_t flags, struct file **out);
int openfile_open_timer(const struct caller *caller, uint32_t clock, uint32_t flags, struct file **out);
