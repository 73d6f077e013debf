/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Descriptors: descriptor n is slot n of the descriptor CNodes. The personality keeps which are used (to find the lowest
 * free one) and close-on-exec; whoever holds a number must expect its capability to be gone (EBADF).
 */
#pragma once

#include "lx/lx.h"

/* The capability of a descriptor, or 0 for a number that is none. */
static inline cap_t lx_fd_cap(const struct lx_files *files, int32_t fd)
{
	if ((uint32_t)fd >= LX_FD_MAX || !(files->used[(uint32_t)fd / 64] & (1ull << (fd & 63))))
		return 0;
	return LX_FD_ADDRESS((uint32_t)fd);
}
static inline cap_t lx_fd_own(int32_t fd)
{
	return lx_fd_cap(&lx_self()->process->files, fd);
}

/* Reserves the lowest free descriptor from `from` on (its leaf exists then). -EMFILE, -ENOMEM. */
MUST_CHECK int32_t lx_fd_reserve(struct lx_thread *self, uint32_t from, bool is_cloexec);
/* Gives a reserved number back; its slot is empty. */
void lx_fd_release(struct lx_thread *self, int32_t fd);
long lx_fd_close(struct lx_thread *self, int32_t fd);
/* Lets the next call receive its capability number `index` into the descriptor's slot. */
static inline void lx_fd_receive(struct lx_thread *self, uint32_t index, int32_t fd)
{
	self->page->recv_slot[index] = SLOT_OWN(LX_FD_ADDRESS((uint32_t)fd));
}
static inline void lx_receive_none(struct lx_thread *self)
{
	self->page->recv_slot[0] = 0;
	self->page->recv_slot[1] = 0;
}
/* The capability that goes along with the next call. */
static inline void lx_send_cap(struct lx_thread *self, uint32_t index, cap_t cap)
{
	self->page->send_slot[index] = SLOT_OWN(cap);
	self->page->send_mode[index] = XFER_SIBLING;
	self->page->send_rights[index] = (uint8_t)RIGHTS_ALL;
}
bool lx_fd_is_cloexec(const struct lx_files *files, int32_t fd);
void lx_fd_set_cloexec(struct lx_files *files, int32_t fd, bool is_set);

/* ---- paths */
struct lx_path {
	cap_t dir;
	uint32_t has_root, ncaps;
	uint32_t bytes;
	uint32_t skip;	   /* bytes that led to a descriptor of our own */
	uint32_t at_empty; /* AT_EMPTY_PATH once nothing is left of such a path */
	uint32_t follows;
	int32_t dirfd;
	/* A path too long for its message: its first part was opened into this scratch slot. lx_path_result gives it back. */
	uint32_t slot, is_split;
	uint32_t max; /* bytes that must do for this path; 0: LX_PATH_MAX */
};
/* Gives back what a long path needed; lx_path_result does it, too. */
void lx_path_end(const struct lx_path *path);
void lx_path_start(struct lx_path *path, int32_t dirfd);
/* Copies the path into the message (data); the root capability goes along as number 0 after chroot. -EBADF, -EFAULT, -ENAMETOOLONG. */
MUST_CHECK long lx_path_copy(struct lx_thread *self, struct lx_path *path, uint64_t user, char *data);
/* After a call: whether the path led to one of our own descriptors, from which it is to be tried again. */
bool lx_path_follow(struct lx_thread *self, struct lx_path *path, int status, uint32_t number,
		    uint32_t consumed);
/* A path's result: what is still ST_OWN_DESCRIPTOR names nothing, or too much. */
long lx_path_result(const struct lx_path *path, int status);
/* One vfs.open of a path that is in the message; the receiving slot is set. */
struct vfs_open_out;
int lx_open_once(struct lx_thread *self, struct lx_path *path, uint32_t flags, uint32_t mode,
		 struct vfs_open_out *out);
/* The path of a capability, in the message page; its length or a negative errno. */
long lx_path_of(struct lx_thread *self, cap_t file);
/* Status flags and access mode of an open file, or a negative errno. */
long lx_file_flags(struct lx_thread *self, cap_t file);
