/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The table of descriptor numbers: lowest free first, limits, close-on-exec, leaves made when they are needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lx/epoll.h"
#include "lx/files.h"

static unsigned locks;

void lx_lock(struct lx_lock *lock)
{
	assert_int_equal(lock->word, 0);
	lock->word = 1;
	locks++;
}

void lx_unlock(struct lx_lock *lock)
{
	lock->word = 0;
}

long lx_result(int status)
{
	return -status;
}

void lx_epoll_forget(struct lx_files *files, int32_t fd)
{
	(void)files;
	(void)fd;
}

/* The kernel: calls are answered with success, so that a leaf is made when one is asked for. */
static unsigned calls;

enum tessera_error ts_call(cap_t ep, struct ipc_msg *m, uint64_t deadline_ns)
{
	(void)ep;
	(void)deadline_ns;
	m->tag = 0;
	calls++;
	return E_OK;
}

enum tessera_error ts_cnode_delete(slot_t slot, uint64_t limit)
{
	(void)slot;
	(void)limit;
	return E_OK;
}

static struct process_page identity;
static struct lx_process process;
static struct lx_thread self;

static int reset(void **state)
{
	(void)state;
	identity = (struct process_page){.limit_nofile = 200};
	process = (struct lx_process){.identity = &identity};
	process.files.leaves = 0xffff;
	self = (struct lx_thread){.process = &process, .identity = &identity};
	locks = calls = 0;
	return 0;
}

static void the_lowest_free_number_is_taken(void **state)
{
	(void)state;
	for (int i = 0; i < 130; i++)
		assert_int_equal(lx_fd_reserve(&self, 0, false), i);
	lx_fd_release(&self, 5);
	lx_fd_release(&self, 64);
	assert_int_equal(lx_fd_reserve(&self, 6, false), 64);
	assert_int_equal(lx_fd_reserve(&self, 0, false), 5);
	assert_int_equal(lx_fd_reserve(&self, 150, false), 150);
	assert_int_equal(process.files.lock.word, 0);
	assert_true(locks > 0);
}

static void the_limit_is_an_error(void **state)
{
	(void)state;
	identity.limit_nofile = 3;
	assert_int_equal(lx_fd_reserve(&self, 0, false), 0);
	assert_int_equal(lx_fd_reserve(&self, 3, false), -EMFILE);
	assert_int_equal(lx_fd_reserve(&self, LX_FD_MAX + 5, false), -EMFILE);
	identity.limit_nofile = ~0ull;
	assert_int_equal(lx_fd_reserve(&self, LX_FD_MAX - 1, false), LX_FD_MAX - 1);
	assert_int_equal(lx_fd_reserve(&self, LX_FD_MAX - 1, false), -EMFILE);
}

static void a_leaf_is_asked_for_once(void **state)
{
	(void)state;
	process.files.leaves = 0;
	assert_int_equal(lx_fd_reserve(&self, 0, false), 0);
	assert_int_equal(calls, 0); /* leaf 0 is there from the start */
	assert_int_equal(lx_fd_reserve(&self, 64, false), 64);
	assert_int_equal(lx_fd_reserve(&self, 64, false), 65);
	assert_int_equal(calls, 1);
}

static void close_on_exec_belongs_to_the_number(void **state)
{
	(void)state;
	assert_int_equal(lx_fd_reserve(&self, 70, true), 70);
	assert_true(lx_fd_is_cloexec(&process.files, 70));
	lx_fd_release(&self, 70);
	assert_int_equal(lx_fd_reserve(&self, 70, false), 70);
	assert_false(lx_fd_is_cloexec(&process.files, 70));
	lx_fd_set_cloexec(&process.files, 70, true);
	assert_true(lx_fd_is_cloexec(&process.files, 70));
	assert_false(lx_fd_is_cloexec(&process.files, 71));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_lowest_free_number_is_taken, reset),
		cmocka_unit_test_setup(the_limit_is_an_error, reset),
		cmocka_unit_test_setup(a_leaf_is_asked_for_once, reset),
		cmocka_unit_test_setup(close_on_exec_belongs_to_the_number, reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
