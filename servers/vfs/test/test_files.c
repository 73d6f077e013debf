/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Contents, sparse files, getdents, pipes and FIFOs, events, timers, locks, objects and windows. */
#include "fake.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "../data.h"
#include "../lock.h"
#include "../memory.h"
#include "../pipe.h"
#include "../proc.h"
#include "../timer.h"

static int setup(void **state)
{
	(void)state;
	fake_start();
	return 0;
}

static void test_contents(void **state)
{
	struct caller root = fake_caller(FAKE_ROOT);
	struct file *file;
	uint32_t done;
	(void)state;
	assert_int_equal(do_open(root, "/", O_RDONLY, 0, &file),
			 0); /* the table of descriptions gets its first frame */
	openfile_close(file);
	uint64_t used = frames_count().used - frames_count().slab;
	static uint8_t in[70000], out[70000];
	for (uint32_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 7 + i / 251);
	assert_int_equal(do_open(root, "/f", O_CREAT | O_RDWR, 0644, &file), 0);
	assert_int_equal(openfile_write(file, &root, in, sizeof(in), 4001, &done), 0);
	assert_int_equal(done, sizeof(in));
	assert_int_equal(file->inode->size, 74001);
	assert_int_equal(openfile_read(file, &root, out, sizeof(out), 4001, &done), 0);
	assert_memory_equal(in, out, sizeof(in));
	assert_int_equal(openfile_read(file, &root, out, 4001, 0, &done), 0);
	for (int i = 0; i < 4001; i++)
		assert_int_equal(out[i], 0);
	assert_int_equal(openfile_read(file, &root, out, 100, 74001, &done), 0);
	assert_int_equal(done, 0);
	assert_int_equal(attribute_truncate(&root, file->inode, 5000), 0);
	assert_int_equal(attribute_truncate(&root, file->inode, 9000), 0);
	assert_int_equal(openfile_read(file, &root, out, 9000, 0, &done), 0);
	assert_memory_equal(out + 4001, in, 999);
	for (int i = 5000; i < 9000; i++)
		assert_int_equal(out[i], 0);
	/* O_APPEND, and writing at the end. */
	file->flags |= O_APPEND;
	assert_int_equal(openfile_write(file, &root, "end", 3, 0, &done), 0);
	assert_int_equal(file->inode->size, 9003);
	assert_int_equal(do_unlink(root, "/f"), 0);
	assert_int_equal(openfile_read(file, &root, out, 3, 9000, &done), 0);
	assert_memory_equal(out, "end", 3);
	openfile_close(file);
	assert_int_equal(frames_count().used - frames_count().slab, used);
}

static void test_sparse(void **state)
{
	struct caller root = fake_caller(FAKE_ROOT);
	struct file *file;
	uint32_t done;
	uint64_t at;
	uint64_t used = frames_count().used;
	(void)state;
	assert_int_equal(do_open(root, "/s", O_CREAT | O_RDWR, 0644, &file), 0);
	const uint64_t places[] = {0, 5ull << 20, 5ull << 30, 2ull << 40};
	for (int i = 0; i < 4; i++)
		assert_int_equal(openfile_write(file, &root, "x", 1, places[i], &done), 0);
	assert_int_equal(file->inode->data.pages, 4);
	for (int i = 0; i < 4; i++) {
		char c = 0;
		assert_int_equal(openfile_read(file, &root, &c, 1, places[i], &done), 0);
		assert_int_equal(c, 'x');
		assert_int_equal(openfile_seek(file, (int64_t)(i ? places[i - 1] + 4096 : 0), 3, &at), 0);
		assert_int_equal(at, places[i]);
	}
	assert_int_equal(openfile_seek(file, 0, 4, &at), 0);
	assert_int_equal(at, 4096);
	assert_int_equal(openfile_seek(file, (2ll << 40) + 1, 3, &at), ENXIO);
	assert_int_equal(openfile_write(file, &root, "x", 1, FILE_SIZE_MAX, &done), EFBIG);
	assert_int_equal(openfile_allocate(file, &root, 3, 5ull << 30, 4096), 0);
	assert_int_equal(file->inode->data.pages, 3);
	assert_int_equal(openfile_allocate(file, &root, 0, 0, 1ull << 40), ENOSPC);
	assert_int_equal(attribute_truncate(&root, file->inode, 5ull << 29), 0);
	assert_int_equal(file->inode->data.pages, 2);
	assert_int_equal(attribute_truncate(&root, file->inode, 0), 0);
	/* A file that fills the cache: ENOSPC, and all of it comes back. */
	static uint8_t page[65536];
	int error = 0;
	uint64_t offset = 0;
	while (error == 0) {
		error = openfile_write(file, &root, page, sizeof(page), offset, &done);
		offset += done;
	}
	assert_int_equal(error, ENOSPC);
	assert_int_equal(do_mkdir(root, "/full", 0755), ENOSPC);
	/* Pipes still work, with one frame each. */
	struct file *ends[2];
	assert_int_equal(openfile_open_pipe(&root, 0, ends), 0);
	assert_int_equal(openfile_write(ends[1], &root, page, 4096, OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(openfile_write(ends[1], &root, page, 1, OPENFILE_OWN_OFFSET, &done), ST_WOULD_BLOCK);
	assert_int_equal(openfile_read(ends[0], &root, page, 4096, OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(fake.wakes[FAKE_ROOT], 1);
	assert_int_equal(openfile_write(ends[1], &root, page, 65536, OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(done, 4096);
	openfile_close(ends[0]);
	openfile_close(ends[1]);
	openfile_close(file);
	assert_int_equal(do_unlink(root, "/s"), 0);
	assert_true(frames_count().used <= used + 4);
	/* The limit of file sizes. */
	fake_process(FAKE_ROOT)->limit_soft[1] = 10;
	assert_int_equal(do_open(root, "/l", O_CREAT | O_RDWR, 0644, &file), 0);
	assert_int_equal(openfile_write(file, &root, "0123456789abc", 13, OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(done, 10);
	assert_int_equal(openfile_write(file, &root, "x", 1, OPENFILE_OWN_OFFSET, &done), EFBIG);
	assert_int_equal(attribute_truncate(&root, file->inode, 11), EFBIG);
	openfile_close(file);
}

struct record {
	uint64_t ino, next;
	uint16_t length;
	uint8_t type;
	char name[];
};

/* Reads all names, 512 bytes at a time, removing every second one meanwhile. */
static void test_getdents(void **state)
{
	struct caller root = fake_caller(FAKE_ROOT);
	struct file *dir;
	char path[32];
	uint8_t buffer[512];
	uint32_t done, seen = 0;
	(void)state;
	assert_int_equal(do_mkdir(root, "/d", 0755), 0);
	for (int i = 0; i < 200; i++) {
		snprintf(path, sizeof(path), "/d/n%d", i);
		assert_int_equal(do_mkdir(root, path, 0755), 0);
	}
	assert_int_equal(do_open(root, "/d", O_RDONLY | O_DIRECTORY, 0, &dir), 0);
	assert_int_equal(openfile_getdents(dir, &root, buffer, 10, &done), EINVAL);
	for (;;) {
		assert_int_equal(openfile_getdents(dir, &root, buffer, sizeof(buffer), &done), 0);
		if (done == 0)
			break;
		for (uint32_t at = 0; at < done;) {
			const struct record *record = (const struct record *)(const void *)(buffer + at);
			assert_int_equal(record->type, 4);
			if (record->name[0] == 'n' && (seen++ & 1)) {
				snprintf(path, sizeof(path), "/d/%s", record->name);
				assert_int_equal(do_rmdir(root, path), 0);
			}
			at += record->length;
		}
	}
	assert_int_equal(seen, 200);
	assert_int_equal(dir->inode->dir.children, 100);
	openfile_close(dir);
}

static void test_pipe(void **state)
{
	struct caller root = fake_caller(FAKE_ROOT), user = fake_caller(FAKE_USER);
	struct file *ends[2];
	static char in[70000], out[70000];
	uint32_t done, pipes = pipe_count();
	uint64_t used = frames_count().used - frames_count().slab;
	(void)state;
	assert_int_equal(openfile_open_pipe(&root, 0, ends), 0);
	assert_int_equal(openfile_read(ends[0], &root, out, 10, OPENFILE_OWN_OFFSET, &done), ST_WOULD_BLOCK);
	assert_int_equal(openfile_write(ends[1], &user, "hello", 5, OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(fake.wakes[FAKE_ROOT], 1);
	assert_int_equal(openfile_read(ends[0], &root, out, 3, OPENFILE_OWN_OFFSET, &done), 0);
	/* The answer was not delivered: no byte is lost. */
	openfile_undo_last();
	assert_int_equal(openfile_read(ends[0], &root, out, 10, OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(done, 5);
	assert_memory_equal(out, "hello", 5);
	openfile_undo_last();
	assert_int_equal(openfile_poll(ends[0]), POLLIN | POLLRDNORM);
	assert_int_equal(openfile_read(ends[0], &root, out, 10, OPENFILE_OWN_OFFSET, &done), 0);
	for (uint32_t i = 0; i < sizeof(in); i++)
		in[i] = (char)(i * 13);
	assert_int_equal(openfile_write(ends[1], &user, in, sizeof(in), OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(done, 65536);
	assert_int_equal(openfile_write(ends[1], &user, in, 1, OPENFILE_OWN_OFFSET, &done), ST_WOULD_BLOCK);
	assert_int_equal(openfile_read(ends[0], &root, out, 4000, OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(openfile_write(ends[1], &user, in, 4096, OPENFILE_OWN_OFFSET, &done),
			 ST_WOULD_BLOCK); /* whole or not */
	assert_int_equal(openfile_read(ends[0], &root, out + 4000, 65536, OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(done, 61536);
	assert_memory_equal(in, out, 65536);
	assert_true(fake.wakes[FAKE_USER] > 0);
	openfile_close(ends[0]);
	assert_int_equal(openfile_write(ends[1], &user, in, 1, OPENFILE_OWN_OFFSET, &done), EPIPE);
	assert_true(openfile_poll(ends[1]) & POLLERR);
	openfile_close(ends[1]);
	assert_int_equal(pipe_count(), pipes);
	assert_int_equal(frames_count().used - frames_count().slab, used);
}

static void test_fifo(void **state)
{
	struct caller root = fake_caller(FAKE_ROOT), user = fake_caller(FAKE_USER);
	struct file *reader, *writer;
	struct walk walk;
	struct walk_start start = {.at = root_dentry};
	uint32_t done;
	char byte;
	(void)state;
	assert_int_equal(walk_path(&root, start, "/p", 2, WALK_PARENT, &walk), 0);
	assert_int_equal(name_create(&root, &walk, NODE_FIFO, S_IFIFO | 0666, 0, NULL), 0);
	walk_done(&walk);
	assert_int_equal(do_open(root, "/p", O_WRONLY | O_NONBLOCK, 0, &writer), ENXIO);
	assert_int_equal(do_open(root, "/p", O_RDONLY, 0, &reader), ST_WOULD_BLOCK);
	assert_int_equal(do_open(user, "/p", O_WRONLY, 0, &writer), 0);
	assert_int_equal(fake.wakes[FAKE_ROOT], 1);
	assert_int_equal(openfile_write(writer, &user, "x", 1, OPENFILE_OWN_OFFSET, &done),
			 0); /* no broken pipe */
	openfile_close(writer);
	assert_int_equal(do_open(root, "/p", O_RDONLY, 0, &reader), 0);
	assert_int_equal(openfile_read(reader, &root, &byte, 1, OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(done, 1);
	assert_int_equal(openfile_read(reader, &root, &byte, 1, OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(done, 0);
	openfile_close(reader);
	/* A reader that died while it waited is no reader. */
	assert_int_equal(do_open(user, "/p", O_RDONLY, 0, &reader), ST_WOULD_BLOCK);
	fake_process(FAKE_USER)->state = LABEL_ZOMBIE;
	assert_int_equal(do_open(root, "/p", O_WRONLY | O_NONBLOCK, 0, &writer), ENXIO);
}

static void test_events(void **state)
{
	struct caller root = fake_caller(FAKE_ROOT);
	struct file *file;
	uint64_t value;
	uint32_t done;
	(void)state;
	assert_int_equal(openfile_open_event(&root, 3, 0, &file), 0);
	assert_int_equal(openfile_read(file, &root, &value, 8, OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(value, 3);
	openfile_undo_last();
	assert_int_equal(openfile_read(file, &root, &value, 8, OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(openfile_read(file, &root, &value, 8, OPENFILE_OWN_OFFSET, &done), ST_WOULD_BLOCK);
	value = ~0ull;
	assert_int_equal(openfile_write(file, &root, &value, 8, OPENFILE_OWN_OFFSET, &done), EINVAL);
	value = ~0ull - 1;
	assert_int_equal(openfile_write(file, &root, &value, 8, OPENFILE_OWN_OFFSET, &done), 0);
	value = 1;
	assert_int_equal(openfile_write(file, &root, &value, 8, OPENFILE_OWN_OFFSET, &done), ST_WOULD_BLOCK);
	assert_int_equal(openfile_poll(file), POLLIN | POLLRDNORM);
	openfile_close(file);
	assert_int_equal(openfile_open_timer(&root, 1, 0, &file), 0);
	struct timer_spec spec = {.interval_nsec = 1000, .value_nsec = 5000}, old;
	assert_int_equal(timer_set(file->inode, 0, &spec, &old), 0);
	assert_int_equal(openfile_read(file, &root, &value, 8, OPENFILE_OWN_OFFSET, &done), ST_WOULD_BLOCK);
	assert_int_equal(timers_next(), fake.now_ns + 5000);
	fake.now_ns += 7500;
	timers_run(fake.now_ns);
	assert_int_equal(fake.wakes[FAKE_ROOT], 3); /* the eventfd's reader and writer, the timer's reader */
	assert_int_equal(openfile_read(file, &root, &value, 8, OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(value, 3);
	timer_get(file->inode, &old);
	assert_int_equal(old.value_nsec, 500);
	openfile_close(file);
	assert_int_equal(timers_next(), ~0ull);
}

static void test_locks(void **state)
{
	struct caller root = fake_caller(FAKE_ROOT), user = fake_caller(FAKE_USER),
		      other = fake_caller(FAKE_OTHER);
	struct file *a, *b;
	struct lock_range whole = {.end = ~0ull, .type = 1}, low = {.end = 10, .type = 1},
			  high = {10, 20, 1, 0}, unlock = {5, 15, 2, 0};
	(void)state;
	assert_int_equal(do_open(root, "/k", O_CREAT | O_RDWR, 0666, &a), 0);
	assert_int_equal(do_open(root, "/k", O_RDWR, 0666, &b), 0);
	assert_int_equal(lock_set(a, &root, low), 0);
	assert_int_equal(lock_set(b, &user, high), 0);
	assert_int_equal(lock_set(b, &user, low), ST_WOULD_BLOCK);
	assert_int_equal(lock_set(a, &root, high), EDEADLK);
	user.wait = 0;
	assert_int_equal(lock_set(b, &user, low), EAGAIN);
	struct lock_range ask = whole;
	lock_get(b, &other, &ask);
	assert_int_equal(ask.end, 10);
	/* Splitting: root keeps [0,5). */
	assert_int_equal(lock_set(a, &root, unlock), 0);
	ask = (struct lock_range){5, 10, 1, 0};
	lock_get(b, &other, &ask);
	assert_int_equal(ask.type, 2);
	ask = (struct lock_range){4, 5, 1, 0};
	lock_get(b, &other, &ask);
	assert_int_equal(ask.type, 1);
	/* The locks of the dead do not count. */
	fake_process(FAKE_USER)->state = LABEL_DEAD;
	assert_int_equal(lock_set(a, &root, whole), 0);
	struct lock_range middle = {100, 200, 0, 0};
	assert_int_equal(lock_set(a, &root, middle), 0); /* split in three */
	ask = (struct lock_range){150, 160, 0, 0};
	lock_get(b, &other, &ask);
	assert_int_equal(ask.type, 2);
	/* flock belongs to the description. */
	assert_int_equal(lock_flock(a, &root, LOCK_EX), 0);
	assert_int_equal(lock_flock(b, &root, LOCK_SH), ST_WOULD_BLOCK);
	uint32_t before = fake.wakes[FAKE_ROOT];
	openfile_close(a);
	assert_true(fake.wakes[FAKE_ROOT] > before);
	assert_int_equal(lock_flock(b, &root, LOCK_SH), 0);
	openfile_close(b);
}

static void test_objects(void **state)
{
	struct caller root = fake_caller(FAKE_ROOT);
	struct file *file;
	uint64_t pages = frames_count().used - frames_count().slab;
	(void)state;
	assert_int_equal(do_open(root, "/o", O_CREAT | O_RDWR, 0644, &file), 0);
	assert_int_equal(attribute_truncate(&root, file->inode, 20000), 0);
	assert_int_equal(object_prepare(file->inode, 4096, 8192), 0);
	assert_int_equal(fake.supplied, 2);
	assert_int_equal(object_prepare(file->inode, 0, ~0ull), 0);
	assert_int_equal(fake.supplied, 5);
	assert_int_equal(do_write(file, root, "x"), 0);
	assert_int_equal(attribute_truncate(&root, file->inode, 4096), 0);
	assert_int_equal(fake.object_size, 4096);
	assert_int_equal(file->inode->data.pages, 1);
	fake.mappings = 1;
	openfile_close(file);
	object_reap();
	assert_int_equal(fake.objects, 1); /* it stays with the inode, for the next who maps the file */
	assert_int_equal(do_unlink(root, "/o"), 0);
	object_reap();
	assert_int_equal(fake.objects, 1);
	fake.mappings = 0;
	object_reap();
	assert_int_equal(fake.objects, 0);
	assert_int_equal(frames_count().used - frames_count().slab, pages);
	/* Windows go with their process and are cleared before they serve again. */
	struct caller user = fake_caller(FAKE_USER), other = fake_caller(FAKE_OTHER);
	const struct window *window;
	uint32_t number, again, size;
	assert_int_equal(window_open(&user, 20000, &number, &window), 0);
	memset(window_memory(user.label, number, &size), 'S', 100);
	assert_int_equal(size, 32768);
	assert_null(window_memory(other.label, number, &size));
	assert_int_equal(window_open(&user, 20000, &again, &window), 0);
	assert_int_equal(again, number);
	fake_process(FAKE_USER)->generation++;
	assert_int_equal(window_open(&other, 20000, &again, &window), 0);
	assert_int_equal(window_count(), 1);
	assert_int_equal(((uint8_t *)window_memory(other.label, again, &size))[0], 0);
	fake_process(FAKE_OTHER)->state = LABEL_FREE;
	window_reap();
	assert_int_equal(window_count(), 0);
	assert_int_equal(frames_count().windows_used, 0);
}

/* Why vfs.slab_pages may stand higher after a burst, and by how much: one page a kind, and pages that survivors lie in. */
static void test_slab(void **state)
{
	enum { COUNT = 1000 };
	static void *objects[COUNT];
	struct slab slab = {.size = 200};
	uint64_t before = frames_count().slab, most;
	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < COUNT; i++)
			assert_non_null(objects[i] = slab_alloc(&slab));
		most = frames_count().slab;
		for (int i = 0; i < COUNT; i++)
			slab_free(&slab, objects[i]);
		assert_int_equal(frames_count().slab, before + 1); /* kept for the next object, once */
	}
	for (int i = 0; i < COUNT; i++)
		objects[i] = slab_alloc(&slab);
	for (int i = 0; i < COUNT; i++)
		if (i % 100 != 0)
			slab_free(&slab, objects[i]);
	assert_in_range(frames_count().slab, before + 1, before + COUNT / 100 + 1);
	for (int i = 0; i < COUNT; i++)
		if (i % 100 != 0)
			objects[i] = slab_alloc(&slab);
	assert_int_equal(frames_count().slab, most); /* their holes were filled first */
	for (int i = 0; i < COUNT; i++)
		slab_free(&slab, objects[i]);
	assert_int_equal(frames_count().slab, before + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_contents, setup), cmocka_unit_test_setup(test_sparse, setup),
		cmocka_unit_test_setup(test_getdents, setup), cmocka_unit_test_setup(test_pipe, setup),
		cmocka_unit_test_setup(test_fifo, setup),     cmocka_unit_test_setup(test_events, setup),
		cmocka_unit_test_setup(test_locks, setup),    cmocka_unit_test_setup(test_objects, setup),
		cmocka_unit_test_setup(test_slab, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
