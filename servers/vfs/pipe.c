/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Pipes. Bytes lie in a ring of 16 frames; a frame comes with the first byte written to it. Taking bytes changes only head
 * and length, so that a read whose answer was not delivered is undone by moving them back; frames of an empty ring are
 * given up at the next write or at the next read that finds nothing.
 *
 * A FIFO's open that waits for its partner stands in the waiters; when the partner opens, it is granted (a ghost end), so that
 * the partner neither sees a broken pipe nor an end of file before the first one has fetched its open.
 */
#include "pipe.h"

#include <poll.h>
#include <string.h>

#include "env.h"
#include "memory.h"

#define RING_MASK (PIPE_BYTES - 1u)

static struct slab pipe_slab = SLAB_OF(struct pipe);

uint32_t pipe_count(void)
{
	return pipe_slab.used;
}

int pipe_new(struct inode *inode)
{
	inode->pipe = slab_alloc(&pipe_slab);
	if (!inode->pipe)
		return ENOMEM;
	*inode->pipe = (struct pipe){.capacity = PIPE_BYTES, .account = inode->account};
	return 0;
}

static void drop_pages(struct pipe *pipe, uint32_t from)
{
	for (uint32_t i = from; i < PIPE_PAGES; i++) {
		if (pipe->page[i] == 0)
			continue;
		frame_free(pipe->page[i]);
		pipe->page[i] = 0;
		if (i == 0)
			continue;
		quota_release(pipe->account, QUOTA_PIPE_PAGES, 1);
		pipe->charged--;
	}
}

void pipe_free(struct inode *inode)
{
	if (!inode->pipe)
		return;
	drop_pages(inode->pipe, 0);
	slab_free(&pipe_slab, inode->pipe);
	inode->pipe = NULL;
}

/* Grants that nobody fetched: of threads that died or gave up waiting. */
static void drop_dead_ghosts(struct inode *inode)
{
	for (struct waiter *waiter = inode->waiters; waiter; waiter = waiter->next) {
		if (!waiter->granted || label_is_alive(waiter->label))
			continue;
		if (waiter->granted & WAIT_OPEN_READ)
			inode->pipe->ghost_readers--;
		if (waiter->granted & WAIT_OPEN_WRITE)
			inode->pipe->ghost_writers--;
		waiter->granted = 0;
	}
}

static uint32_t reader_count(struct inode *inode)
{
	if (inode->pipe->ghost_readers)
		drop_dead_ghosts(inode);
	return inode->pipe->readers + inode->pipe->ghost_readers;
}

static uint32_t writer_count(struct inode *inode)
{
	if (inode->pipe->ghost_writers)
		drop_dead_ghosts(inode);
	return inode->pipe->writers + inode->pipe->ghost_writers;
}

/* Grants the opens that waited for this side and wakes them; their entries stay until they come back. */
static void grant(struct inode *inode, uint32_t which)
{
	for (struct waiter *waiter = inode->waiters; waiter; waiter = waiter->next) {
		if (!(waiter->events & which) || waiter->granted || !label_is_alive(waiter->label))
			continue;
		waiter->granted = which;
		if (which == WAIT_OPEN_READ)
			inode->pipe->ghost_readers++;
		else
			inode->pipe->ghost_writers++;
		env_wake(LABEL_THREAD(waiter->label));
	}
}

void pipe_open_end(struct inode *inode, bool reads, bool writes)
{
	if (reads) {
		inode->pipe->readers++;
		grant(inode, WAIT_OPEN_WRITE);
	}
	if (writes) {
		inode->pipe->writers++;
		grant(inode, WAIT_OPEN_READ);
	}
	watch_changed_if(&inode->watches, 0);
}

void pipe_close_end(struct inode *inode, bool reads, bool writes)
{
	struct pipe *pipe = inode->pipe;
	if (reads)
		pipe->readers--;
	if (writes)
		pipe->writers--;
	if (reads && reader_count(inode) == 0)
		wait_wake_if(&inode->waiters, POLLOUT | POLLERR);
	if (writes && writer_count(inode) == 0)
		wait_wake_if(&inode->waiters, POLLIN | POLLHUP);
	watch_changed_if(&inode->watches,
			 (reads ? POLLOUT | POLLERR : 0u) | (writes ? POLLIN | POLLHUP : 0u));
	if (pipe->readers == 0 && pipe->writers == 0 && reader_count(inode) == 0 &&
	    writer_count(inode) == 0) {
		drop_pages(pipe, 0);
		pipe->head = 0;
		pipe->length = 0;
	}
}

/* Takes the caller's grant, if it has one. */
static bool fetch_grant(struct inode *inode, const struct caller *caller, uint32_t which)
{
	for (struct waiter *waiter = inode->waiters; waiter; waiter = waiter->next) {
		if (waiter->label != caller->label || waiter->granted != which)
			continue;
		if (which == WAIT_OPEN_READ)
			inode->pipe->ghost_readers--;
		else
			inode->pipe->ghost_writers--;
		waiter->granted = 0;
		wait_cancel(&inode->waiters, caller->label);
		return true;
	}
	return false;
}

int pipe_fifo_open(struct inode *inode, const struct caller *caller, uint32_t flags)
{
	uint32_t access = flags & O_ACCMODE;
	if (!inode->pipe && pipe_new(inode) != 0)
		return ENOMEM;
	if (access == O_RDWR || (access == O_RDONLY && (flags & O_NONBLOCK)))
		return 0;
	if (inode->fs == &fs_anonymous) /* a pipe opened again through /proc/self/fd: its open never waits */
		return 0;
	bool reads = access == O_RDONLY;
	uint32_t which = reads ? WAIT_OPEN_READ : WAIT_OPEN_WRITE;
	if (fetch_grant(inode, caller, which))
		return 0;
	if ((reads ? writer_count(inode) : reader_count(inode)) > 0)
		return 0;
	/* The other side's open may wait for us. */
	for (struct waiter *waiter = inode->waiters; waiter; waiter = waiter->next)
		if ((waiter->events & (reads ? WAIT_OPEN_WRITE : WAIT_OPEN_READ)) &&
		    waiter->label != caller->label && label_is_alive(waiter->label))
			return 0;
	if (flags & O_NONBLOCK)
		return ENXIO;
	if (caller->wait && wait_add(&inode->waiters, caller->label, which) != 0)
		return ENOMEM;
	return ST_WOULD_BLOCK;
}

static void copy_out(const struct pipe *pipe, uint8_t *to, uint32_t length)
{
	uint32_t at = pipe->head;
	while (length > 0) {
		uint32_t in_page = at & (FRAME_BYTES - 1);
		uint32_t part = FRAME_BYTES - in_page < length ? FRAME_BYTES - in_page : length;
		bytes_copy(to, (const uint8_t *)frame_address(pipe->page[at >> FRAME_LOG2]) + in_page, part);
		to += part;
		length -= part;
		at = (at + part) & RING_MASK;
	}
}

int pipe_read(struct inode *inode, const struct caller *caller, void *to, uint32_t length, uint32_t *done)
{
	struct pipe *pipe = inode->pipe;
	*done = 0;
	if (length == 0)
		return 0;
	if (pipe->length == 0) {
		if (pipe->charged > 0)
			drop_pages(pipe, 1);
		pipe->head = 0;
		if (writer_count(inode) == 0)
			return 0;
		if (caller->wait && wait_add(&inode->waiters, caller->label, POLLIN) != 0)
			return ENOMEM;
		return ST_WOULD_BLOCK;
	}
	uint32_t part = length < pipe->length ? length : pipe->length;
	copy_out(pipe, to, part);
	pipe->head = (pipe->head + part) & RING_MASK;
	pipe->length -= part;
	*done = part;
	if (pipe->length + PIPE_ATOMIC <= pipe->capacity)
		wait_wake_if(&inode->waiters, POLLOUT);
	if (inode->watches)
		watch_changed(&inode->watches,
			      pipe->length + part + PIPE_ATOMIC > pipe->capacity ? POLLOUT : 0u);
	return 0;
}

void pipe_unread(struct inode *inode, uint32_t bytes)
{
	inode->pipe->head = (inode->pipe->head - bytes) & RING_MASK;
	inode->pipe->length += bytes;
	wait_wake_if(&inode->waiters, POLLIN);
	watch_changed_if(&inode->watches, POLLIN);
}

/* A pipe's first frame is part of its open descriptions' price; the others are charged. 0: none to be had. */
static uint32_t take_page(struct pipe *pipe, uint32_t page)
{
	if (page == 0)
		return frame_alloc();
	if (!frames_have_room() || !quota_charge(pipe->account, QUOTA_PIPE_PAGES, 1))
		return 0;
	uint32_t frame = frame_alloc();
	if (frame == 0)
		quota_release(pipe->account, QUOTA_PIPE_PAGES, 1);
	else
		pipe->charged++;
	return frame;
}

/* Frames for [length, length + bytes) of the ring; how many bytes can be had. */
static uint32_t make_room(struct pipe *pipe, uint32_t bytes)
{
	uint32_t tail = (pipe->head + pipe->length) & RING_MASK;
	uint32_t got = 0;
	while (got < bytes) {
		uint32_t page = tail >> FRAME_LOG2;
		if (pipe->page[page] == 0)
			pipe->page[page] = take_page(pipe, page);
		if (pipe->page[page] == 0)
			break;
		uint32_t part = FRAME_BYTES - (tail & (FRAME_BYTES - 1));
		got += part;
		tail = (tail + part) & RING_MASK;
	}
	return got < bytes ? got : bytes;
}

static void copy_in(struct pipe *pipe, const uint8_t *from, uint32_t length)
{
	uint32_t at = (pipe->head + pipe->length) & RING_MASK;
	pipe->length += length;
	while (length > 0) {
		uint32_t in_page = at & (FRAME_BYTES - 1);
		uint32_t part = FRAME_BYTES - in_page < length ? FRAME_BYTES - in_page : length;
		bytes_copy((uint8_t *)frame_address(pipe->page[at >> FRAME_LOG2]) + in_page, from, part);
		from += part;
		length -= part;
		at = (at + part) & RING_MASK;
	}
}

static int wait_for_room(struct inode *inode, const struct caller *caller)
{
	if (caller->wait && wait_add(&inode->waiters, caller->label, POLLOUT) != 0)
		return ENOMEM;
	return ST_WOULD_BLOCK;
}

int pipe_write(struct inode *inode, const struct caller *caller, const void *from, uint32_t length,
	       uint32_t *done)
{
	struct pipe *pipe = inode->pipe;
	*done = 0;
	if (reader_count(inode) == 0)
		return EPIPE;
	if (length == 0)
		return 0;
	if (pipe->length == 0)
		pipe->head = 0;
	uint32_t room = pipe->length < pipe->capacity ? pipe->capacity - pipe->length : 0;
	bool fits = length <= PIPE_ATOMIC ? room >= length : room > 0;
	if (!fits)
		return wait_for_room(inode, caller);
	uint32_t part = make_room(pipe, length < room ? length : room);
	if (part == 0 || (part < length && length <= PIPE_ATOMIC))
		return pipe->length == 0 ? ENOMEM : wait_for_room(inode, caller);
	copy_in(pipe, from, part);
	*done = part;
	wait_wake_if(&inode->waiters, POLLIN);
	watch_changed_if(&inode->watches, POLLIN);
	return 0;
}

uint32_t pipe_poll(const struct inode *inode, bool reads, bool writes)
{
	struct inode *changing = (struct inode *)(uintptr_t)inode; /* dead ghosts may be dropped */
	const struct pipe *pipe = inode->pipe;
	uint32_t events = 0;
	if (reads) {
		if (pipe->length > 0)
			events |= POLLIN | POLLRDNORM;
		if (writer_count(changing) == 0)
			events |= POLLHUP;
	}
	if (writes) {
		if (pipe->length < pipe->capacity && pipe->capacity - pipe->length >= PIPE_ATOMIC)
			events |= POLLOUT | POLLWRNORM;
		if (reader_count(changing) == 0)
			events |= POLLERR;
	}
	return events;
}

int pipe_set_capacity(struct inode *inode, const struct caller *caller, uint64_t bytes, uint64_t *result)
{
	if (bytes > PIPE_BYTES)
		return caller_is_root(caller) ? ENOMEM : EPERM;
	uint32_t capacity = FRAME_BYTES;
	while (capacity < bytes)
		capacity <<= 1;
	if (inode->pipe->length > capacity)
		return EBUSY;
	inode->pipe->capacity = capacity;
	*result = capacity;
	wait_wake_if(&inode->waiters, POLLOUT);
	watch_changed_if(&inode->watches, POLLOUT);
	return 0;
}
