/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What of the vfs's frames other processes map: mem objects of mapped files, and transfer windows.
 *
 * A frame that mem knows is reused only after mem said that nobody maps it: object_resize before cutting, object_destroy
 * before freeing. A file that is gone but still mapped waits in a list until its last mapping goes.
 */
#pragma once

#include "env.h"
#include "file.h"

/* Files that may be known to mem at a time: each takes two capability slots. */
#define OBJECTS_OF_USERS 1200u

struct mapped {
	struct mapped *next, *prev;
	struct inode *inode; /* NULL: abandoned */
	struct env_object object;
	struct data data; /* the contents, once the inode is gone */
	uint32_t account; /* QUOTA_OBJECTS */
	uint32_t reserved;
	uint64_t size;	   /* what mem believes */
	uint64_t supplied; /* all pages below this one have been handed over */
};

/* The object of a regular file with all frames of [offset, +length) in it (below the size). */
int object_prepare(struct inode *inode, uint64_t offset, uint64_t length);
/* The file's size is about to change. */
int object_resize(struct inode *inode, uint64_t size);
/* Bytes were written: frames that are new go to mem. */
void object_written(struct inode *inode, uint64_t offset, uint64_t length);
/* The inode dies: frees the contents now, or when the last mapping is gone. */
void object_abandon(struct inode *inode);
/* The inode with that number, if it has an object; for /proc/pid/maps. */
struct inode *object_inode(uint64_t ino);
/* Looks whether abandoned contents can be freed. */
void object_reap(void);

/* ---- windows */
#define WINDOW_MAX_BYTES 65536u
struct window {
	uint64_t label; /* thread; 0: free */
	struct env_object object;
	uint32_t first, order; /* frames */
	uint32_t account;      /* QUOTA_WINDOWS */
	uint32_t reserved;
};
/* The calling thread's window of at least `bytes`, made or found again. ENOBUFS: its user has too many. */
int window_open(const struct caller *caller, uint32_t bytes, uint32_t *number, const struct window **out);
/* Its memory, if it belongs to the label's process; NULL: not. *size: bytes. */
void *window_memory(uint64_t label, uint32_t number, uint32_t *size);
/* Frees the windows of processes that are gone. */
void window_reap(void);
uint32_t window_count(void);
