/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * read, write and their kin.
 *
 * A transfer that fits goes in the message; a longer one through the window, in chunks. Only the first chunk of a read may
 * wait; a blocking write goes on until everything is written. Before a read that consumes data the destination is made
 * present, so that nothing is lost to EFAULT. Signals end only waits and the gaps between chunks.
 */
#include <tessera/file.h>
#include <tessera/memory.h>
#include <tessera/proto/file.h>
#include <tessera/proto/mem.h>

#include "lx/io.h"
#include "lx/signal.h"
#include "sys.h"

#define WINDOW_BYTES_EACH 0x10000u
#define WINDOW_NONE (~0u)
#define MESSAGE_READ FILE_READ_OUT_MAX
#define MESSAGE_WRITE FILE_PWRITE_IN_MAX

/* ---------------------------------------------------------------- window */

static void window_make(struct lx_thread *self)
{
	struct msg_page *page = self->page;
	cap_t object = LX_SCRATCH(LX_SCRATCH_THREAD(self->slot));
	struct file_window_in in = {.bytes = WINDOW_BYTES_EACH};
	struct file_window_out out = {0};
	self->window_bytes = WINDOW_NONE;
	page->recv_slot[0] = SLOT_OWN(object);
	int status = file_window(LX_SCRATCH(LX_SCRATCH_CWD), page, &in, &out);
	page->recv_slot[0] = 0;
	if (status != 0)
		return;
	struct mem_map_object_in map = {.addr = WINDOW_VA + self->slot * (uint64_t)WINDOW_BYTES_EACH,
					.len = lx_min(out.bytes, WINDOW_BYTES_EACH),
					.prot = PROT_READ | PROT_WRITE,
					.flags = MAP_SHARED | MAP_FIXED | MAP_PERSONALITY};
	struct mem_map_object_out mapped;
	lx_send_cap(self, 0, object);
	status = mem_map_object(LX_CAP_MEM, page, &map, &mapped);
	(void)ts_cnode_delete(SLOT_OWN(object), 0);
	if (status != 0)
		return;
	self->window = out.window;
	self->window_bytes = (uint32_t)map.len;
}

char *lx_window(struct lx_thread *self)
{
	if (self->window_bytes == 0)
		window_make(self);
	if (self->window_bytes == WINDOW_NONE)
		return NULL;
	return (char *)(WINDOW_VA + self->slot * (uint64_t)WINDOW_BYTES_EACH);
}

static bool wants_window(const struct lx_io *io, uint64_t bytes, uint64_t message_max)
{
	if (bytes <= message_max || io->self->window_bytes == WINDOW_NONE)
		return false;
	return !(io->self->process->files.no_window[(uint32_t)io->fd / 64] & (1ull << (io->fd & 63)));
}

static void mark_no_window(const struct lx_io *io)
{
	io->self->process->files.no_window[(uint32_t)io->fd / 64] |= 1ull << (io->fd & 63);
}

static bool window_refused(int status)
{
	return status == PROTO_NO_OP || status == EBADF || status == PROTO_BAD_MESSAGE;
}

/* ---------------------------------------------------------------- vectors */

/* Copies bytes between a buffer of ours and the program's vectors at position `done`. */
static long copy_vectors(const struct lx_io *io, uint64_t done, char *ours, uint64_t bytes, bool to_program)
{
	for (uint32_t i = 0; i < io->count && bytes > 0; i++) {
		const struct lx_iovec *v = &io->iov[i];
		if (done >= v->length) {
			done -= v->length;
			continue;
		}
		uint64_t part = lx_min(v->length - done, bytes);
		long error =
			to_program ? lx_put(v->base + done, ours, part) : lx_get(ours, v->base + done, part);
		if (error)
			return error;
		ours += part;
		bytes -= part;
		done = 0;
	}
	return 0;
}

static long touch_vectors(const struct lx_io *io, uint64_t done, uint64_t bytes)
{
	for (uint32_t i = 0; i < io->count && bytes > 0; i++) {
		const struct lx_iovec *v = &io->iov[i];
		if (done >= v->length) {
			done -= v->length;
			continue;
		}
		uint64_t part = lx_min(v->length - done, bytes);
		if (lx_touch_range(v->base + done, part))
			return -EFAULT;
		bytes -= part;
		done = 0;
	}
	return 0;
}

/* ---------------------------------------------------------------- one chunk */

#define CHUNK_BLOCKS 1 /* result of a chunk: it would have to wait */

/* A bad buffer is no error where nothing would be read: 0 with nothing got, or -EFAULT. */
static long fault_or_end(const struct lx_io *io)
{
	struct file_seek_in seek = {.offset = 0, .whence = 1 /* SEEK_CUR */};
	struct file_seek_out at = {0};
	int status = file_seek(io->file, io->self->page, &seek, &at);
	struct file_pread_in in = {.offset = at.offset, .len = 1};
	struct file_pread_out out = {0};
	if (status == 0)
		status = file_pread(io->file, io->self->page, &in, &out);
	if (status == EBADF || status == EISDIR)
		return -status;
	return status == 0 && out.data_len == 0 ? 0 : -EFAULT;
}

/* Reads at most `bytes` at position `done`; *got of them. 0, CHUNK_BLOCKS, or a negative errno. */
static long read_message(const struct lx_io *io, uint64_t done, uint64_t bytes, uint32_t wait, uint64_t *got)
{
	struct msg_page *page = io->self->page;
	int status;
	uint32_t length;
	bytes = lx_min(bytes, MESSAGE_READ);
	if (io->offset == LX_OWN_OFFSET) {
		struct file_read_in in = {.len = (uint32_t)bytes, .wait = wait};
		struct file_read_out out = {0};
		if (touch_vectors(io, done, bytes))
			return fault_or_end(io);
		status = file_read(io->file, page, &in, &out);
		length = out.data_len;
	} else {
		struct file_pread_in in = {.offset = io->offset + done, .len = (uint32_t)bytes};
		struct file_pread_out out = {0};
		status = file_pread(io->file, page, &in, &out);
		length = out.data_len;
	}
	if (status != 0)
		return status == ST_WOULD_BLOCK ? CHUNK_BLOCKS : lx_result(status);
	*got = length;
	return copy_vectors(io, done, file_read_out_data(page), length, true);
}

static long read_chunk(const struct lx_io *io, uint64_t done, uint64_t bytes, uint32_t wait, uint64_t *got)
{
	char *window = wants_window(io, bytes, MESSAGE_READ) ? lx_window(io->self) : NULL;
	if (!window)
		return read_message(io, done, bytes, wait, got);
	struct file_read_win_in in = {.window = io->self->window,
				      .len = (uint32_t)lx_min(bytes, io->self->window_bytes),
				      .wait = wait};
	struct file_read_win_out out = {0};
	in.offset = io->offset == LX_OWN_OFFSET ? LX_OWN_OFFSET : io->offset + done;
	if (io->offset == LX_OWN_OFFSET && touch_vectors(io, done, in.len))
		return fault_or_end(io);
	int status = file_read_win(io->file, io->self->page, &in, &out);
	if (window_refused(status)) {
		mark_no_window(io);
		return read_message(io, done, bytes, wait, got);
	}
	if (status != 0)
		return status == ST_WOULD_BLOCK ? CHUNK_BLOCKS : lx_result(status);
	*got = lx_min(out.done, in.len);
	return copy_vectors(io, done, window, *got, true);
}

static long write_message(const struct lx_io *io, uint64_t done, uint64_t bytes, uint32_t wait, uint64_t *got)
{
	struct msg_page *page = io->self->page;
	int status;
	uint32_t written;
	bytes = lx_min(bytes, MESSAGE_WRITE);
	if (io->offset == LX_OWN_OFFSET) {
		struct file_write_in in = {.wait = wait, .more = 0, .data_len = (uint32_t)bytes};
		struct file_write_out out = {0};
		if (copy_vectors(io, done, file_write_in_data(page), bytes, false))
			return -EFAULT;
		status = file_write(io->file, page, &in, &out);
		written = out.written;
	} else {
		struct file_pwrite_in in = {.offset = io->offset + done, .data_len = (uint32_t)bytes};
		struct file_pwrite_out out = {0};
		if (copy_vectors(io, done, file_pwrite_in_data(page), bytes, false))
			return -EFAULT;
		status = file_pwrite(io->file, page, &in, &out);
		written = out.written;
	}
	if (status != 0)
		return status == ST_WOULD_BLOCK ? CHUNK_BLOCKS : lx_result(status);
	*got = lx_min(written, bytes);
	return 0;
}

static long write_chunk(const struct lx_io *io, uint64_t done, uint64_t bytes, uint32_t wait, uint64_t *got)
{
	char *window = wants_window(io, bytes, MESSAGE_WRITE) ? lx_window(io->self) : NULL;
	if (!window)
		return write_message(io, done, bytes, wait, got);
	struct file_write_win_in in = {.window = io->self->window,
				       .len = (uint32_t)lx_min(bytes, io->self->window_bytes),
				       .wait = wait};
	struct file_write_win_out out = {0};
	in.offset = io->offset == LX_OWN_OFFSET ? LX_OWN_OFFSET : io->offset + done;
	if (copy_vectors(io, done, window, in.len, false))
		return -EFAULT;
	int status = file_write_win(io->file, io->self->page, &in, &out);
	if (window_refused(status)) {
		mark_no_window(io);
		return write_message(io, done, bytes, wait, got);
	}
	if (status != 0)
		return status == ST_WOULD_BLOCK ? CHUNK_BLOCKS : lx_result(status);
	*got = lx_min(out.written, in.len);
	return 0;
}

/* ---------------------------------------------------------------- whole transfers */

long lx_file_flags(struct lx_thread *self, cap_t file)
{
	struct file_get_flags_in in;
	struct file_get_flags_out out = {0};
	long error = lx_result(file_get_flags(file, self->page, &in, &out));
	return error ? error : (long)out.flags;
}

/* What one chunk of the transfer can be at most, so that `got < asked` means that there is no more. */
static uint64_t chunk_limit(const struct lx_io *io, uint64_t rest, uint64_t message_max)
{
	return lx_min(rest, wants_window(io, rest, message_max) ? WINDOW_BYTES_EACH : message_max);
}

long lx_io_read(struct lx_io *io)
{
	uint64_t done = 0;
	while (done < io->total || io->total == 0) {
		uint64_t got = 0, asked = chunk_limit(io, io->total - done, MESSAGE_READ);
		long result = read_chunk(io, done, asked, done == 0, &got);
		if (result == CHUNK_BLOCKS && done == 0) {
			result = lx_wait(io->self, DEADLINE_NEVER);
			if (result)
				return result;
			continue;
		}
		if (result != 0)
			return done ? (long)done : result;
		done += got;
		asked = lx_min(asked,
			       wants_window(io, asked, MESSAGE_READ) ? WINDOW_BYTES_EACH : MESSAGE_READ);
		if (got < asked || io->total == 0 || lx_signal_waits(io->self))
			break;
	}
	return (long)done;
}

static long write_failed(struct lx_thread *self, uint64_t done, long error)
{
	if (error == -EPIPE)
		lx_raise(self, SIGPIPE);
	if (error == -EFBIG && self->identity->limit_fsize != ~0ull)
		lx_raise(self, SIGXFSZ);
	return done ? (long)done : error;
}

long lx_io_write(struct lx_io *io)
{
	uint64_t done = 0;
	while (done < io->total || io->total == 0) {
		uint64_t got = 0, asked = chunk_limit(io, io->total - done, MESSAGE_WRITE);
		long result = write_chunk(io, done, asked, 1, &got);
		if (result == CHUNK_BLOCKS) {
			result = lx_wait(io->self, DEADLINE_NEVER);
			if (result)
				return done ? (long)done : result;
			continue;
		}
		if (result != 0)
			return write_failed(io->self, done, result);
		done += got;
		if (io->total == 0)
			break;
		if (got < asked && got == 0)
			break;
		if (done < io->total && lx_signal_waits(io->self))
			break;
	}
	return (long)done;
}

/* ---------------------------------------------------------------- calls */

static long transfer(int32_t fd, const struct lx_iovec *iov, uint32_t count, uint64_t total, uint64_t offset,
		     bool is_write)
{
	struct lx_thread *self = lx_self();
	struct lx_io io = {.self = self,
			   .file = lx_fd_cap(&self->process->files, fd),
			   .fd = fd,
			   .count = count,
			   .iov = iov,
			   .total = total,
			   .offset = offset};
	if (!io.file)
		return -EBADF;
	return is_write ? lx_io_write(&io) : lx_io_read(&io);
}

static long single(int32_t fd, uint64_t buffer, uint64_t bytes, uint64_t offset, bool is_write)
{
	if (!lx_user_ok(buffer, bytes))
		return lx_fd_own(fd) ? -EFAULT : -EBADF;
	const struct lx_iovec iov = {.base = buffer, .length = lx_min(bytes, LX_IO_MAX)};
	return transfer(fd, &iov, 1, iov.length, offset, is_write);
}

/* The common case of one small buffer goes the short way; whatever is unusual goes on in single(). */

static bool is_small(uint64_t bytes, uint64_t max)
{
	return bytes - 1 < max; /* 0 is not */
}

long sys_read(int32_t fd, uint64_t buffer, uint64_t bytes)
{
	struct lx_thread *self = lx_self();
	cap_t file = lx_fd_cap(&self->process->files, fd);
	const struct file_read_in in = {.len = (uint32_t)bytes, .wait = 1};
	if (!file || !is_small(bytes, MESSAGE_READ) || !lx_user_ok(buffer, bytes) ||
	    lx_touch((void *)buffer) || lx_touch((void *)(buffer + bytes - 1)))
		return single(fd, buffer, bytes, LX_OWN_OFFSET, false);
	for (;;) {
		struct file_read_out out = {0};
		int status = file_read(file, self->page, &in, &out);
		if (status == 0)
			return lx_copy((void *)buffer, file_read_out_data(self->page), out.data_len)
				       ? -EFAULT
				       : (long)out.data_len;
		if (status != ST_WOULD_BLOCK)
			return lx_result(status);
		long error = lx_wait(self, DEADLINE_NEVER);
		if (error)
			return error;
	}
}

long sys_write(int32_t fd, uint64_t buffer, uint64_t bytes)
{
	struct lx_thread *self = lx_self();
	cap_t file = lx_fd_cap(&self->process->files, fd);
	const struct file_write_in in = {.wait = 1, .data_len = (uint32_t)bytes};
	struct file_write_out out = {0};
	if (!file || !is_small(bytes, MESSAGE_WRITE) || !lx_user_ok(buffer, bytes) ||
	    lx_copy(file_write_in_data(self->page), (const void *)buffer, bytes))
		return single(fd, buffer, bytes, LX_OWN_OFFSET, true);
	int status = file_write(file, self->page, &in, &out);
	if (status == 0 && out.written == bytes)
		return (long)bytes;
	if (status == ST_WOULD_BLOCK)
		return single(fd, buffer, bytes, LX_OWN_OFFSET, true);
	if (status != 0)
		return write_failed(self, 0, lx_result(status));
	long rest = single(fd, buffer + out.written, bytes - out.written, LX_OWN_OFFSET, true);
	return rest < 0 ? (long)out.written : (long)out.written + rest;
}

/* pread in one message, or in one window full. */
static long pread_once(struct lx_thread *self, cap_t file, uint64_t buffer, uint64_t bytes, uint64_t offset)
{
	const void *data = file_pread_out_data(self->page);
	uint64_t got;
	int status;
	if (bytes <= MESSAGE_READ) {
		struct file_pread_in in = {.offset = offset, .len = (uint32_t)bytes};
		struct file_pread_out out = {0};
		status = file_pread(file, self->page, &in, &out);
		got = out.data_len;
	} else {
		struct file_read_win_in in = {
			.window = self->window, .len = (uint32_t)bytes, .wait = 1, .offset = offset};
		struct file_read_win_out out = {0};
		status = file_read_win(file, self->page, &in, &out);
		got = lx_min(out.done, bytes);
		data = (const void *)(WINDOW_VA + self->slot * (uint64_t)WINDOW_BYTES_EACH);
	}
	if (status != 0)
		return lx_result(status);
	return lx_copy((void *)buffer, data, got) ? -EFAULT : (long)got;
}

long sys_pread64(int32_t fd, uint64_t buffer, uint64_t bytes, int64_t offset)
{
	struct lx_thread *self = lx_self();
	cap_t file = lx_fd_cap(&self->process->files, fd);
	if (offset < 0)
		return -EINVAL;
	uint64_t limit = self->window_bytes == WINDOW_NONE || self->window_bytes == 0 ? MESSAGE_READ
										      : self->window_bytes;
	bool no_window = file && (self->process->files.no_window[(uint32_t)fd / 64] & (1ull << (fd & 63)));
	if (file && is_small(bytes, no_window ? MESSAGE_READ : limit) && lx_user_ok(buffer, bytes))
		return pread_once(self, file, buffer, bytes, (uint64_t)offset);
	return single(fd, buffer, bytes, (uint64_t)offset, false);
}

long sys_pwrite64(int32_t fd, uint64_t buffer, uint64_t bytes, int64_t offset)
{
	return offset < 0 ? -EINVAL : single(fd, buffer, bytes, (uint64_t)offset, true);
}

static long check_vectors(struct lx_iovec *iov, uint32_t count, uint64_t *total)
{
	*total = 0;
	for (uint32_t i = 0; i < count; i++) {
		if ((int64_t)iov[i].length < 0)
			return -EINVAL;
		if (!lx_user_ok(iov[i].base, iov[i].length))
			return -EFAULT;
		iov[i].length = lx_min(iov[i].length, LX_IO_MAX - *total);
		*total += iov[i].length;
	}
	return 0;
}

#define FEW_VECTORS 16u
static long vectored(int32_t fd, uint64_t user, uint64_t count, uint64_t offset, bool is_write)
{
	struct lx_iovec few[FEW_VECTORS];
	struct lx_iovec *iov = few;
	uint64_t total;
	if (!lx_fd_own(fd))
		return -EBADF;
	if (count > LX_IOV_MAX)
		return -EINVAL;
	if (count > FEW_VECTORS)
		iov = lx_alloc(count * sizeof(*iov));
	if (!iov)
		return -ENOMEM;
	long result = lx_get(iov, user, count * sizeof(*iov));
	if (!result)
		result = check_vectors(iov, (uint32_t)count, &total);
	if (!result)
		result = transfer(fd, iov, (uint32_t)count, total, offset, is_write);
	if (iov != few)
		lx_free(iov, count * sizeof(*iov));
	return result;
}

long sys_readv(int32_t fd, uint64_t vectors, uint64_t count)
{
	return vectored(fd, vectors, count, LX_OWN_OFFSET, false);
}

long sys_writev(int32_t fd, uint64_t vectors, uint64_t count)
{
	return vectored(fd, vectors, count, LX_OWN_OFFSET, true);
}

long sys_preadv(int32_t fd, uint64_t vectors, uint64_t count, int64_t offset)
{
	return offset < 0 ? -EINVAL : vectored(fd, vectors, count, (uint64_t)offset, false);
}

long sys_pwritev(int32_t fd, uint64_t vectors, uint64_t count, int64_t offset)
{
	return offset < 0 ? -EINVAL : vectored(fd, vectors, count, (uint64_t)offset, true);
}

#define RWF_KNOWN 0x7u /* HIPRI, DSYNC, SYNC: nothing is cached, nothing to do */

long sys_preadv2(int32_t fd, uint64_t vectors, uint64_t count, int64_t offset, uint64_t high, uint32_t flags)
{
	(void)high;
	if (flags & ~RWF_KNOWN)
		return -EOPNOTSUPP;
	return offset == -1 ? sys_readv(fd, vectors, count) : sys_preadv(fd, vectors, count, offset);
}

long sys_pwritev2(int32_t fd, uint64_t vectors, uint64_t count, int64_t offset, uint64_t high, uint32_t flags)
{
	(void)high;
	if (flags & ~RWF_KNOWN)
		return -EOPNOTSUPP;
	return offset == -1 ? sys_writev(fd, vectors, count) : sys_pwritev(fd, vectors, count, offset);
}

/* ---------------------------------------------------------------- inside the servers */

struct copy_request {
	int32_t in_fd, out_fd;
	uint64_t in_offset, out_offset, bytes;
};

static long copy_once(struct lx_thread *self, const struct copy_request *r, uint64_t *got)
{
	cap_t in_file = lx_fd_cap(&self->process->files, r->in_fd);
	cap_t out_file = lx_fd_cap(&self->process->files, r->out_fd);
	if (!in_file || !out_file)
		return -EBADF;
	struct file_copy_range_in in = {.in_offset = r->in_offset,
					.out_offset = r->out_offset,
					.len = lx_min(r->bytes, 0x100000),
					.wait = 1};
	struct file_copy_range_out out = {0};
	lx_send_cap(self, 0, in_file);
	int status = file_copy_range(out_file, self->page, &in, &out);
	*got = out.done;
	return status == ST_WOULD_BLOCK ? CHUNK_BLOCKS : lx_result(status);
}

/* Files of different servers: through the thread's window or message, with the program's memory left alone. */
static long copy_by_hand(struct lx_thread *self, const struct copy_request *r, uint64_t *got)
{
	cap_t in_file = lx_fd_cap(&self->process->files, r->in_fd);
	cap_t out_file = lx_fd_cap(&self->process->files, r->out_fd);
	uint32_t bytes = (uint32_t)lx_min(r->bytes, 1024);
	char buffer[1024];
	int status;
	if (r->in_offset == LX_OWN_OFFSET) {
		struct file_read_in in = {.len = bytes, .wait = 1};
		struct file_read_out out = {0};
		status = file_read(in_file, self->page, &in, &out);
		bytes = out.data_len;
	} else {
		struct file_pread_in in = {.offset = r->in_offset, .len = bytes};
		struct file_pread_out out = {0};
		status = file_pread(in_file, self->page, &in, &out);
		bytes = out.data_len;
	}
	if (status != 0)
		return status == ST_WOULD_BLOCK ? CHUNK_BLOCKS : lx_result(status);
	memcpy(buffer, file_read_out_data(self->page), bytes);
	for (uint32_t done = 0; done < bytes;) {
		struct file_write_in in = {.wait = 1, .data_len = bytes - done};
		struct file_write_out out = {0};
		memcpy(file_write_in_data(self->page), buffer + done, bytes - done);
		status = file_write(out_file, self->page, &in, &out);
		if (status == ST_WOULD_BLOCK) {
			lx_time_leave(self);
			(void)ts_wait(LX_CAP_NOTIFICATION(self->slot), DEADLINE_NEVER, NULL);
			lx_time_enter(self);
			continue;
		}
		if (status != 0)
			return lx_result(status);
		done += out.written;
	}
	*got = bytes;
	return 0;
}

static long copy_files(struct copy_request *r)
{
	struct lx_thread *self = lx_self();
	uint64_t done = 0;
	bool by_hand = false;
	r->bytes = lx_min(r->bytes, LX_IO_MAX);
	while (r->bytes > 0) {
		uint64_t got = 0;
		long result = by_hand ? copy_by_hand(self, r, &got) : copy_once(self, r, &got);
		if (!by_hand && (result == -EXDEV || result == -ENOSYS || result == -EPROTO)) {
			by_hand = true;
			continue;
		}
		if (result == CHUNK_BLOCKS && done == 0) {
			result = lx_wait(
				self, DEADLINE_NEVER); /* without O_NONBLOCK: else the server says EAGAIN */
			if (result == 0)
				continue;
		}
		if (result != 0)
			return done			? (long)done
			       : result == CHUNK_BLOCKS ? -EAGAIN
							: write_failed(self, 0, result);
		if (got == 0)
			break;
		done += got;
		r->bytes -= got;
		r->in_offset += r->in_offset == LX_OWN_OFFSET ? 0 : got;
		r->out_offset += r->out_offset == LX_OWN_OFFSET ? 0 : got;
		if (lx_signal_waits(self))
			break;
	}
	return (long)done;
}

/* An optional offset argument in the program's memory. */
static long offset_in(uint64_t user, uint64_t *offset)
{
	*offset = LX_OWN_OFFSET;
	if (user == 0)
		return 0;
	long error = lx_get(offset, user, 8);
	return error ? error : (int64_t)*offset < 0 ? -EINVAL : 0;
}

static long copy_with_offsets(struct copy_request *r, uint64_t in_user, uint64_t out_user)
{
	long error = offset_in(in_user, &r->in_offset);
	if (!error)
		error = offset_in(out_user, &r->out_offset);
	long result = error ? error : copy_files(r);
	if (result < 0)
		return result;
	if (in_user && lx_put(in_user, &r->in_offset, 8))
		return -EFAULT;
	if (out_user && lx_put(out_user, &r->out_offset, 8))
		return -EFAULT;
	return result;
}

static bool has_position(int32_t fd)
{
	return sys_lseek(fd, 0, 1 /* SEEK_CUR */) != -ESPIPE;
}

long sys_sendfile(int32_t out_fd, int32_t in_fd, uint64_t offset, uint64_t bytes)
{
	struct copy_request r = {.in_fd = in_fd, .out_fd = out_fd, .bytes = bytes};
	/* Linux refuses an input without a position, and programs (BusyBox' cat) count on it: they fall back to read. */
	return has_position(in_fd) ? copy_with_offsets(&r, offset, 0) : -EINVAL;
}

long sys_copy_file_range(int32_t in_fd, uint64_t in_offset, int32_t out_fd, uint64_t out_offset,
			 uint64_t bytes, uint32_t flags)
{
	struct copy_request r = {.in_fd = in_fd, .out_fd = out_fd, .bytes = bytes};
	return flags ? -EINVAL : copy_with_offsets(&r, in_offset, out_offset);
}

long sys_splice(int32_t in_fd, uint64_t in_offset, int32_t out_fd, uint64_t out_offset, uint64_t bytes,
		uint32_t flags)
{
	struct copy_request r = {.in_fd = in_fd, .out_fd = out_fd, .bytes = bytes};
	if (flags & ~0xfu)
		return -EINVAL;
	if ((in_offset && !has_position(in_fd)) || (out_offset && !has_position(out_fd)))
		return -ESPIPE;
	return copy_with_offsets(&r, in_offset, out_offset);
}
