/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One user takes all he can of each kind: he is refused, another user and root are not, and every charge comes back. */
#include "fake.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "../lock.h"
#include "../memory.h"
#include "../pipe.h"

static int setup(void **state)
{
	struct caller root;
	(void)state;
	fake_start();
	root = fake_caller(FAKE_ROOT);
	assert_int_equal(do_mkdir(root, "/tmp", 01777), 0);
	return 0;
}

static uint32_t account(enum fake_process process)
{
	return account_of(fake_label(process));
}

static void expect_nothing(enum fake_process process)
{
	for (uint32_t kind = 0; kind < QUOTA_KINDS; kind++)
		assert_int_equal(quota_used(account(process), kind), 0);
}

static void test_open_files(void **state)
{
	struct caller user = fake_caller(FAKE_USER), other = fake_caller(FAKE_OTHER),
		      root = fake_caller(FAKE_ROOT);
	static struct file *files[FILES_MAX];
	struct file *one, *ends[2];
	uint32_t count = 0;
	(void)state;
	while (do_open(user, "/tmp", O_RDONLY, 0, &files[count]) == 0)
		count++;
	assert_int_equal(count, FILES_OF_USERS / 2);
	assert_int_equal(do_open(user, "/tmp", O_RDONLY, 0, &one), ENFILE);
	assert_int_equal(openfile_open_pipe(&user, 0, ends), ENFILE);
	assert_int_equal(openfile_open_event(&user, 0, 0, &one), ENFILE);
	assert_int_equal(openfile_open_timer(&user, 1, 0, &one), ENFILE);
	assert_int_equal(openfile_open_memfd(&user, "m", 1, 0, &one), ENFILE);
	assert_int_equal(do_open(other, "/tmp", O_RDONLY, 0, &one), 0);
	openfile_close(one);
	assert_int_equal(do_open(root, "/tmp", O_RDONLY, 0, &one), 0);
	openfile_close(one);
	openfile_close(files[--count]);
	assert_int_equal(openfile_open_pipe(&user, 0, ends), ENFILE); /* two are wanted */
	assert_int_equal(do_open(user, "/tmp", O_RDONLY, 0, &files[count]), 0);
	count++;
	while (count > 0)
		openfile_close(files[--count]);
	expect_nothing(FAKE_USER);
	expect_nothing(FAKE_OTHER);
}

/* A program that runs with another's rights is charged to who started it. */
static void test_real_user_pays(void **state)
{
	struct file *file;
	(void)state;
	fake_process(FAKE_USER)->fsuid = fake_process(FAKE_USER)->euid = 0;
	struct caller user = fake_caller(FAKE_USER);
	uint64_t before = quota_used(QUOTA_ROOT, QUOTA_FILES);
	assert_int_equal(do_open(user, "/tmp", O_RDONLY, 0, &file), 0);
	assert_int_equal(quota_used(account(FAKE_USER), QUOTA_FILES), 1);
	assert_int_equal(quota_used(QUOTA_ROOT, QUOTA_FILES), before);
	openfile_close(file);
	fake_process(FAKE_USER)->fsuid = fake_process(FAKE_USER)->euid = 1000;
}

static void test_names(void **state)
{
	struct caller user = fake_caller(FAKE_USER), other = fake_caller(FAKE_OTHER);
	char path[64], target[4000];
	struct file *file;
	uint32_t count = 0;
	int error;
	(void)state;
	memset(target, 'x', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	do {
		(void)snprintf(path, sizeof(path), "/tmp/d%u", count);
		error = do_mkdir(user, path, 0755);
		count += error == 0;
	} while (error == 0);
	assert_int_equal(error, ENOSPC);
	assert_int_equal(count, frames_count().total); /* an inode and a name each */
	assert_int_equal(do_open(user, "/tmp/f", O_CREAT | O_RDWR, 0644, &file), ENOSPC);
	assert_int_equal(do_symlink(user, "a", "/tmp/l"), ENOSPC);
	assert_int_equal(do_mkdir(other, "/tmp/o", 0755), 0);
	assert_int_equal(do_rmdir(other, "/tmp/o"), 0);
	for (uint32_t i = 0; i < 4; i++) {
		(void)snprintf(path, sizeof(path), "/tmp/d%u", --count);
		assert_int_equal(do_rmdir(user, path), 0);
	}
	assert_int_equal(do_symlink(user, target, "/tmp/l"), ENOSPC); /* long ones cost more */
	assert_int_equal(do_symlink(user, "a", "/tmp/l"), 0);
	assert_int_equal(do_link(user, "/tmp/l", "/tmp/l2"), 0);
	assert_int_equal(do_unlink(user, "/tmp/l"), 0);
	assert_int_equal(do_unlink(user, "/tmp/l2"), 0);
	while (count > 0) {
		(void)snprintf(path, sizeof(path), "/tmp/d%u", --count);
		assert_int_equal(do_rmdir(user, path), 0);
	}
	assert_int_equal(do_symlink(user, target, "/tmp/l"), 0);
	assert_int_equal(do_unlink(user, "/tmp/l"), 0);
	expect_nothing(FAKE_USER);
}

static void test_contents(void **state)
{
	struct caller user = fake_caller(FAKE_USER), other = fake_caller(FAKE_OTHER);
	static uint8_t page[65536];
	struct file *file, *sparse, *theirs;
	uint64_t offset = 0;
	uint32_t done;
	int error = 0;
	(void)state;
	assert_int_equal(do_open(user, "/tmp/f", O_CREAT | O_RDWR, 0644, &file), 0);
	while (error == 0) {
		error = openfile_write(file, &user, page, sizeof(page), offset, &done);
		offset += done;
	}
	assert_int_equal(error, ENOSPC);
	assert_int_equal(quota_used(account(FAKE_USER), QUOTA_PAGES), frames_count().total / 2);
	assert_int_equal(do_open(other, "/tmp/o", O_CREAT | O_RDWR, 0666, &theirs), 0);
	assert_int_equal(openfile_write(theirs, &other, page, sizeof(page), 0, &done), 0);
	openfile_close(theirs);
	assert_int_equal(do_unlink(other, "/tmp/o"), 0);
	assert_int_equal(attribute_truncate(&user, file->inode, 0), 0);
	assert_int_equal(quota_used(account(FAKE_USER), QUOTA_PAGES), 0);
	/* Index frames count: a sparse file takes more than its pages. */
	assert_int_equal(do_open(user, "/tmp/s", O_CREAT | O_RDWR, 0644, &sparse), 0);
	for (uint64_t i = 0; i < 8; i++)
		assert_int_equal(openfile_write(sparse, &user, "x", 1, i << 32, &done), 0);
	assert_int_equal(sparse->inode->data.pages, 8);
	assert_true(quota_used(account(FAKE_USER), QUOTA_PAGES) > 16);
	openfile_close(sparse);
	openfile_close(file);
	assert_int_equal(do_unlink(user, "/tmp/s"), 0);
	assert_int_equal(do_unlink(user, "/tmp/f"), 0);
	expect_nothing(FAKE_USER);
}

static void test_pipes(void **state)
{
	struct caller user = fake_caller(FAKE_USER), other = fake_caller(FAKE_OTHER);
	static struct file *ends[512][2];
	static uint8_t bytes[65536];
	struct file *theirs[2];
	uint32_t count = 0, done = sizeof(bytes);
	(void)state;
	for (; done == sizeof(bytes); count++) {
		assert_int_equal(openfile_open_pipe(&user, 0, ends[count]), 0);
		assert_int_equal(openfile_write(ends[count][1], &user, bytes, sizeof(bytes),
						OPENFILE_OWN_OFFSET, &done),
				 0);
	}
	assert_int_equal(quota_used(account(FAKE_USER), QUOTA_PIPE_PAGES), frames_count().total / 8);
	assert_int_equal(openfile_open_pipe(&user, 0, ends[count]), 0); /* gets by with one frame */
	assert_int_equal(
		openfile_write(ends[count][1], &user, bytes, sizeof(bytes), OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(done, 4096);
	assert_int_equal(openfile_open_pipe(&other, 0, theirs), 0);
	assert_int_equal(openfile_write(theirs[1], &other, bytes, sizeof(bytes), OPENFILE_OWN_OFFSET, &done),
			 0);
	assert_int_equal(done, sizeof(bytes));
	openfile_close(theirs[0]);
	openfile_close(theirs[1]);
	for (uint32_t i = 0; i <= count; i++) {
		openfile_close(ends[i][0]);
		openfile_close(ends[i][1]);
	}
	expect_nothing(FAKE_USER);
	expect_nothing(FAKE_OTHER);
}

static void test_waiters(void **state)
{
	struct caller user = fake_caller(FAKE_USER);
	struct waiter *list = NULL, *theirs = NULL;
	uint64_t count = 0;
	int error;
	(void)state;
	do {
		uint64_t label = user.label + (count % 60000); /* a thread each */
		error = wait_add(&list, label, POLLIN);
		count++;
		if (count % 60000 == 0)
			wait_wake(&list, POLLOUT); /* none */
	} while (error == 0 && count < 60000);
	assert_int_equal(error, ENOBUFS);
	assert_int_equal(count - 2, frames_count().total * 4);
	assert_int_equal(wait_add(&theirs, fake_label(FAKE_OTHER), POLLIN), 0);
	wait_wake(&theirs, POLLIN);
	wait_wake(&list, POLLIN);
	assert_null(list);
	expect_nothing(FAKE_USER);
}

static void test_locks(void **state)
{
	struct caller user = fake_caller(FAKE_USER), other = fake_caller(FAKE_OTHER);
	struct file *file;
	uint32_t count = 0;
	int error = 0;
	(void)state;
	assert_int_equal(do_open(user, "/tmp/f", O_CREAT | O_RDWR, 0666, &file), 0);
	file->inode->mode |= 0666;
	for (; error == 0; count++)
		error = lock_set(file, &user,
				 (struct lock_range){.start = count * 2, .end = count * 2 + 1, .type = 1});
	assert_int_equal(error, ENOLCK);
	assert_int_equal(quota_used(account(FAKE_USER), QUOTA_LOCKS), LOCKS_MAX / 4 - 1);
	assert_int_equal(
		lock_set(file, &other, (struct lock_range){.start = 1u << 20, .end = 1u << 21, .type = 1}),
		0);
	assert_int_equal(lock_set(file, &other, (struct lock_range){.start = 0, .end = ~0ull, .type = 2}), 0);
	/* Giving all back is always possible. */
	assert_int_equal(lock_set(file, &user, (struct lock_range){.start = 0, .end = ~0ull, .type = 2}), 0);
	assert_int_equal(quota_used(account(FAKE_USER), QUOTA_LOCKS), 0);
	/* One lock cut into many by unlocking: no more of them than of others. */
	assert_int_equal(lock_set(file, &user, (struct lock_range){.start = 0, .end = ~0ull, .type = 1}), 0);
	for (count = 0, error = 0; error == 0; count++)
		error = lock_set(
			file, &user,
			(struct lock_range){.start = 1 + count * 2, .end = 2 + count * 2, .type = 2});
	assert_int_equal(error, ENOLCK);
	assert_true(quota_used(account(FAKE_USER), QUOTA_LOCKS) <= LOCKS_MAX / 4);
	assert_int_equal(lock_flock(file, &user, LOCK_SH), ENOLCK);
	openfile_close(file);
	assert_int_equal(do_unlink(user, "/tmp/f"), 0);
	expect_nothing(FAKE_USER);
}

static void test_windows(void **state)
{
	struct caller user = fake_caller(FAKE_USER), other = fake_caller(FAKE_OTHER);
	const struct window *window;
	uint32_t number, count = 0;
	int error = 0;
	(void)state;
	while (error == 0) {
		struct caller thread = user;
		thread.label =
			LABEL_MAKE(LABEL_GENERATION(user.label), LABEL_PROCESS(user.label), 100 + count);
		error = window_open(&thread, WINDOW_MAX_BYTES, &number, &window);
		count += error == 0;
	}
	assert_int_equal(error, ENOBUFS);
	assert_int_equal(count, frames_count().windows_total / 2 / (WINDOW_MAX_BYTES / 4096));
	assert_int_equal(window_open(&other, WINDOW_MAX_BYTES, &number, &window), 0);
	/* The dead one's go to who asks next. */
	fake_process(FAKE_USER)->state = LABEL_DEAD;
	assert_int_equal(window_open(&other, WINDOW_MAX_BYTES / 2, &number, &window), 0);
	window_reap();
	fake_process(FAKE_USER)->state = LABEL_RUNNING;
	expect_nothing(FAKE_USER);
}

static void test_mapped_files(void **state)
{
	struct caller user = fake_caller(FAKE_USER), root = fake_caller(FAKE_ROOT);
	char path[64];
	struct file *file;
	uint32_t count = 0;
	int error = 0;
	(void)state;
	for (; error == 0; count++) {
		(void)snprintf(path, sizeof(path), "/tmp/m%u", count);
		assert_int_equal(do_open(user, path, O_CREAT | O_RDWR, 0644, &file), 0);
		error = object_prepare(file->inode, 0, 4096);
		openfile_close(file);
	}
	assert_int_equal(error, ENOBUFS);
	assert_int_equal(count - 1, OBJECTS_OF_USERS / 2);
	assert_int_equal(do_open(root, "/tmp/r", O_CREAT | O_RDWR, 0644, &file), 0);
	assert_int_equal(object_prepare(file->inode, 0, 4096), 0);
	openfile_close(file);
	while (count > 0) {
		(void)snprintf(path, sizeof(path), "/tmp/m%u", --count);
		assert_int_equal(do_unlink(user, path), 0);
	}
	expect_nothing(FAKE_USER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_open_files, setup),
		cmocka_unit_test_setup(test_real_user_pays, setup),
		cmocka_unit_test_setup(test_names, setup),
		cmocka_unit_test_setup(test_contents, setup),
		cmocka_unit_test_setup(test_pipes, setup),
		cmocka_unit_test_setup(test_waiters, setup),
		cmocka_unit_test_setup(test_locks, setup),
		cmocka_unit_test_setup(test_windows, setup),
		cmocka_unit_test_setup(test_mapped_files, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
