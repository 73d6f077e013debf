/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The descriptor table: lowest free number, leaves on demand, limits, close-on-exec, record locks at close. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <tessera/proto/file.h>
#include <tessera/proto/proc.h>

#include "fake.h"
#include "lx/epoll.h"
#include "lx/files.h"

void lx_epoll_forget(struct lx_files *files, int32_t fd)
{
	(void)files;
	(void)fd;
}

static int reset(void **state)
{
	(void)state;
	fake_reset();
	return 0;
}

static void test_lowest(void **state)
{
	(void)state;
	struct lx_thread *self = lx_self();
	for (int32_t i = 0; i < 64; i++)
		assert_int_equal(lx_fd_reserve(self, 0, false), i);
	assert_int_equal(fake_calls, 0);
	lx_fd_release(self, 7);
	lx_fd_release(self, 3);
	assert_int_equal(lx_fd_reserve(self, 0, false), 3);
	assert_int_equal(lx_fd_reserve(self, 5, false), 7);
	assert_int_equal(lx_fd_reserve(self, 10, false), 64);
	assert_int_equal(fake_last_operation, PROC_DESCRIPTOR_LEAF);
	assert_int_equal(lx_fd_reserve(self, 0, false), 65);
	assert_int_equal(fake_calls, 1); /* the leaf exists now */
}

static void test_limits(void **state)
{
	(void)state;
	struct lx_thread *self = lx_self();
	fake_page.limit_nofile = 2;
	assert_int_equal(lx_fd_reserve(self, 0, false), 0);
	assert_int_equal(lx_fd_reserve(self, 0, false), 1);
	assert_int_equal(lx_fd_reserve(self, 0, false), -EMFILE);
	fake_page.limit_nofile = ~0ull;
	assert_int_equal(lx_fd_reserve(self, LX_FD_MAX, false), -EMFILE);
	fake_answer = ENOMEM;
	assert_int_equal(lx_fd_reserve(self, 200, false), -ENOMEM);
	assert_int_equal(lx_fd_cap(&lx_main.files, 200), 0);
}

static void test_close(void **state)
{
	(void)state;
	struct lx_thread *self = lx_self();
	assert_int_equal(lx_fd_close(self, 0), -EBADF);
	assert_int_equal(lx_fd_close(self, -1), -EBADF);
	assert_int_equal(lx_fd_close(self, 5000), -EBADF);
	int32_t fd = lx_fd_reserve(self, 0, true);
	assert_true(lx_fd_is_cloexec(&lx_main.files, fd));
	assert_int_equal(lx_fd_cap(&lx_main.files, fd), LX_FD_ADDRESS(0u));
	assert_int_equal(lx_fd_close(self, fd), 0);
	assert_int_equal(fake_deleted, LX_FD_ADDRESS(0u));
	assert_int_equal(fake_calls, 0);
	assert_false(lx_fd_is_cloexec(&lx_main.files, fd));
	fd = lx_fd_reserve(self, 0, false);
	lx_main.files.took_locks = 1;
	assert_int_equal(lx_fd_close(self, fd), 0);
	assert_int_equal(fake_last_operation, FILE_LOCK);
}

static void test_cloexec(void **state)
{
	(void)state;
	struct lx_files *files = &lx_main.files;
	int32_t fd = lx_fd_reserve(lx_self(), 70, true);
	assert_int_equal(fd, 70);
	lx_fd_set_cloexec(files, fd, false);
	assert_false(lx_fd_is_cloexec(files, fd));
	lx_fd_set_cloexec(files, fd, true);
	assert_true(lx_fd_is_cloexec(files, fd));
	assert_int_equal(files->lock.word, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_lowest, reset),
		cmocka_unit_test_setup(test_limits, reset),
		cmocka_unit_test_setup(test_close, reset),
		cmocka_unit_test_setup(test_cloexec, reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
