/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The table of descriptors: numbers, close-on-exec, closing. All changes under files.lock. */
#include <tessera/proto/file.h>
#include <tessera/proto/proc.h>

#include "lx/epoll.h"
#include "lx/files.h"

static uint64_t bit_of(int32_t fd)
{
	return 1ull << (fd & 63);
}

bool lx_fd_is_cloexec(const struct lx_files *files, int32_t fd)
{
	return files->cloexec[(uint32_t)fd / 64] & bit_of(fd);
}

void lx_fd_set_cloexec(struct lx_files *files, int32_t fd, bool is_set)
{
	uint64_t *word = &files->cloexec[(uint32_t)fd / 64];
	lx_lock(&files->lock);
	*word = is_set ? *word | bit_of(fd) : *word & ~bit_of(fd);
	lx_unlock(&files->lock);
}

/* The lowest free number from `from` on; LX_FD_MAX: none. */
static uint32_t find_free(const struct lx_files *files, uint32_t from)
{
	for (uint32_t word = from / 64; word < LX_FD_MAX / 64; word++) {
		uint64_t free_bits = ~files->used[word];
		if (word == from / 64)
			free_bits &= ~0ull << (from & 63);
		if (free_bits)
			return word * 64 + (uint32_t)__builtin_ctzll(free_bits);
	}
	return LX_FD_MAX;
}

static long need_leaf(struct lx_thread *self, uint32_t leaf)
{
	struct lx_files *files = &self->process->files;
	if (leaf == 0 || (files->leaves & (1ull << leaf)))
		return 0;
	struct proc_descriptor_leaf_in in = {.leaf = leaf};
	struct proc_descriptor_leaf_out out;
	long error = lx_result(proc_descriptor_leaf(LX_CAP_PROC, self->page, &in, &out));
	if (!error)
		files->leaves |= 1ull << leaf;
	return error;
}

int32_t lx_fd_reserve(struct lx_thread *self, uint32_t from, bool is_cloexec)
{
	struct lx_files *files = &self->process->files;
	uint64_t limit = lx_min(self->identity->limit_nofile, LX_FD_MAX);
	lx_lock(&files->lock);
	uint32_t fd = from < LX_FD_MAX ? find_free(files, from) : LX_FD_MAX;
	long error = fd >= limit ? -EMFILE : need_leaf(self, fd / 64);
	if (!error) {
		files->used[fd / 64] |= bit_of((int32_t)fd);
		files->no_window[fd / 64] &= ~bit_of((int32_t)fd);
		if (is_cloexec)
			files->cloexec[fd / 64] |= bit_of((int32_t)fd);
		else
			files->cloexec[fd / 64] &= ~bit_of((int32_t)fd);
	}
	lx_unlock(&files->lock);
	return error ? (int32_t)error : (int32_t)fd;
}

void lx_fd_release(struct lx_thread *self, int32_t fd)
{
	struct lx_files *files = &self->process->files;
	lx_lock(&files->lock);
	files->used[(uint32_t)fd / 64] &= ~bit_of(fd);
	files->cloexec[(uint32_t)fd / 64] &= ~bit_of(fd);
	lx_unlock(&files->lock);
}

/* POSIX: closing any descriptor of a file drops the process's record locks on it. */
static void drop_record_locks(struct lx_thread *self, cap_t file)
{
	struct file_lock_in in = {.command = F_SETLK, .type = F_UNLCK, .start = 0, .len = 0, .wait = 0};
	struct file_lock_out out;
	(void)file_lock(file, self->page, &in, &out);
}

long lx_fd_close(struct lx_thread *self, int32_t fd)
{
	struct lx_files *files = &self->process->files;
	cap_t file = lx_fd_cap(files, fd);
	if (!file)
		return -EBADF;
	if (files->took_locks)
		drop_record_locks(self, file);
	lx_lock(&files->lock);
	lx_epoll_forget(files, fd);
	lx_unlock(&files->lock);
	enum tessera_error error = ts_cnode_delete(SLOT_OWN(file), 0);
	lx_fd_release(self, fd);
	return error == E_OK || error == E_CAP ? 0 : -EIO;
}
