/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * How the path of a call is put into its message: from which capability, with which root, how long it may be, and what is
 * tried again where a path leads through a descriptor of our own (/proc/self/fd/N).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <tessera/file.h>

#include "fake.h"
#include "lx/epoll.h"
#include "lx/files.h"

#define CWD LX_SCRATCH(LX_SCRATCH_CWD)
#define ROOT LX_SCRATCH(LX_SCRATCH_ROOT)
#define FD 5

static char data[LX_PATH_MAX];

void lx_epoll_forget(struct lx_files *files, int32_t fd)
{
	(void)files;
	(void)fd;
}

long lx_put(uint64_t user, const void *src, uint64_t bytes)
{
	memcpy((void *)user, src, bytes);
	return 0;
}

long lx_get_string(char *dst, uint64_t user, uint64_t max)
{
	if (user < 4096)
		return -EFAULT;
	uint64_t length = lx_min(strlen((const char *)user), max);
	memcpy(dst, (const char *)user, length);
	return length == max ? -ENAMETOOLONG : (long)length;
}

static int reset(void **state)
{
	(void)state;
	fake_reset();
	lx_main.files.used[0] = 1u << FD;
	return 0;
}

static long copy(struct lx_path *path, int32_t dirfd, const char *text)
{
	lx_path_start(path, dirfd);
	return lx_path_copy(lx_self(), path, (uint64_t)text, data);
}

static void begins_where_the_call_says(void **state)
{
	struct lx_path path;

	(void)state;
	assert_int_equal(copy(&path, AT_FDCWD, "name"), 0);
	assert_int_equal(path.dir, CWD);
	assert_int_equal(path.bytes, 4);
	assert_memory_equal(data, "name", 4);
	assert_int_equal(copy(&path, FD, "name"), 0);
	assert_int_equal(path.dir, LX_FD_ADDRESS(FD));
	assert_int_equal(copy(&path, AT_FDCWD, ""), 0); /* ENOENT is the server's word */
	assert_int_equal(path.bytes, 0);
}

static void bad_descriptors(void **state)
{
	struct lx_path path;

	(void)state;
	assert_int_equal(copy(&path, 6, "name"), -EBADF);
	assert_int_equal(copy(&path, -1, "name"), -EBADF);
	assert_int_equal(copy(&path, LX_FD_MAX, "name"), -EBADF);
	assert_int_equal(copy(&path, 6, ""), -EBADF);
	assert_int_equal(copy(&path, 6, "/absolute"), 0); /* the descriptor does not matter */
	assert_int_equal(path.dir, CWD);
}

static void bad_strings(void **state)
{
	static char text[LX_PATH_MAX + 1];
	struct lx_path path;

	(void)state;
	assert_int_equal(copy(&path, AT_FDCWD, NULL), -EFAULT);
	assert_int_equal(copy(&path, 6, NULL), -EFAULT); /* before EBADF, as on Linux */
	memset(text, 'a', LX_PATH_MAX);
	assert_int_equal(copy(&path, AT_FDCWD, text), -ENAMETOOLONG);
	text[LX_PATH_MAX - 1] = '\0';
	assert_int_equal(copy(&path, AT_FDCWD, text), 0);
	assert_int_equal(path.bytes, LX_PATH_MAX - 1);
}

static void root_goes_along_after_chroot(void **state)
{
	struct lx_path path;

	(void)state;
	assert_int_equal(copy(&path, AT_FDCWD, "name"), 0);
	assert_int_equal(path.ncaps, 0);
	lx_main.fs.has_root = 1;
	assert_int_equal(copy(&path, AT_FDCWD, "name"), 0);
	assert_int_equal(path.ncaps, 1);
	assert_int_equal(path.has_root, 1);
	assert_int_equal(lx_self()->page->send_slot[0], SLOT_OWN(ROOT));
}

static void own_descriptors_are_followed(void **state)
{
	static const char text[] = "/proc/self/fd/5/below";
	struct lx_path path;

	(void)state;
	assert_int_equal(copy(&path, AT_FDCWD, text), 0);
	assert_false(lx_path_follow(lx_self(), &path, 0, FD, 15));
	assert_false(lx_path_follow(lx_self(), &path, ENOENT, FD, 15));
	assert_true(lx_path_follow(lx_self(), &path, ST_OWN_DESCRIPTOR, FD, 15));
	assert_int_equal(path.dir, LX_FD_ADDRESS(FD));
	assert_int_equal(path.at_empty, 0);
	assert_int_equal(lx_path_copy(lx_self(), &path, (uint64_t)text, data), 0);
	assert_int_equal(path.bytes, 6);
	assert_memory_equal(data, "/below", 6); /* what is left, from that capability */
}

static void nothing_left_means_the_descriptor_itself(void **state)
{
	static const char text[] = "/proc/self/fd/5";
	struct lx_path path;

	(void)state;
	assert_int_equal(copy(&path, AT_FDCWD, text), 0);
	assert_true(lx_path_follow(lx_self(), &path, ST_OWN_DESCRIPTOR, FD, sizeof(text) - 1));
	assert_int_equal(path.at_empty, AT_EMPTY_PATH);
}

static void servers_words_are_checked(void **state)
{
	struct lx_path path;

	(void)state;
	assert_int_equal(copy(&path, AT_FDCWD, "/proc/self/fd/6"), 0);
	assert_false(lx_path_follow(lx_self(), &path, ST_OWN_DESCRIPTOR, FD, 16)); /* more than there is */
	assert_false(lx_path_follow(lx_self(), &path, ST_OWN_DESCRIPTOR, 6, 15));  /* not open */
	assert_int_equal(lx_path_result(&path, ST_OWN_DESCRIPTOR), -ENOENT);
	assert_int_equal(lx_path_result(&path, EACCES), -EACCES);
}

static void circles_end(void **state)
{
	struct lx_path path;
	unsigned rounds = 0;

	(void)state;
	assert_int_equal(copy(&path, AT_FDCWD, "name"), 0);
	while (lx_path_follow(lx_self(), &path, ST_OWN_DESCRIPTOR, FD, 0))
		assert_true(rounds++ < 100);
	assert_int_equal(lx_path_result(&path, ST_OWN_DESCRIPTOR), -ELOOP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(begins_where_the_call_says, reset),
		cmocka_unit_test_setup(bad_descriptors, reset),
		cmocka_unit_test_setup(bad_strings, reset),
		cmocka_unit_test_setup(root_goes_along_after_chroot, reset),
		cmocka_unit_test_setup(own_descriptors_are_followed, reset),
		cmocka_unit_test_setup(nothing_left_means_the_descriptor_itself, reset),
		cmocka_unit_test_setup(servers_words_are_checked, reset),
		cmocka_unit_test_setup(circles_end, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
