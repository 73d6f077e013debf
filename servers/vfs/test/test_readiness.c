/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Readiness pages of the vfs: pipes, eventfds and timers in the words, closing, exec, dead processes, quotas, nothing left behind. */
#include "fake.h"

#include <poll.h>
#include <string.h>

#include "../memory.h"
#include "../pipe.h"
#include "../timer.h"

static int setup(void **state)
{
	(void)state;
	fake_start();
	memset(fake.wakes, 0, sizeof(fake.wakes));
	return 0;
}

static struct watch_page *open_page(enum fake_process process)
{
	const struct env_object *object;
	assert_int_equal(readiness_open(fake_label(process), &object), 0);
	struct watch_page *page = readiness_page(fake_label(process));
	assert_non_null(page);
	return page;
}

static uint32_t arm(struct watch_page *page, enum fake_process process, struct file *file, uint32_t cookie)
{
	struct watch_order order = {
		.label = fake_label(process), .cookie = cookie, .events = POLLIN | POLLOUT, .slot = 0};
	uint32_t revents;
	assert_int_equal(watch_set(page, &file->inode->watches, file, &order, &revents), 0);
	return revents;
}

static uint32_t events(const struct watch_page *page, uint32_t cookie)
{
	return page->words[cookie] & READINESS_EVENTS;
}

static void test_pipe(void **state)
{
	struct caller user = fake_caller(FAKE_USER);
	struct watch_page *page = open_page(FAKE_USER);
	static uint8_t bytes[65536];
	struct file *ends[2];
	uint32_t done;
	(void)state;
	assert_int_equal(openfile_open_pipe(&user, 0, ends), 0);
	assert_int_equal(arm(page, FAKE_USER, ends[0], 1), 0);
	assert_int_equal(arm(page, FAKE_USER, ends[1], 2), POLLOUT);
	assert_int_equal(openfile_write(ends[1], &user, bytes, sizeof(bytes), OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(events(page, 1), POLLIN);
	assert_int_equal(events(page, 2), 0);
	assert_int_equal(fake.wakes[FAKE_USER], 1);
	assert_int_equal(openfile_read(ends[0], &user, bytes, 10, OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(events(page, 2), 0); /* not yet room for PIPE_BUF */
	assert_int_equal(openfile_read(ends[0], &user, bytes, sizeof(bytes), OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(events(page, 1), 0);
	assert_int_equal(events(page, 2), POLLOUT);
	assert_int_equal(fake.wakes[FAKE_USER], 2);
	openfile_undo_last(); /* the reader was interrupted: its bytes are there again */
	assert_int_equal(events(page, 1), POLLIN);
	openfile_close(ends[1]);
	assert_int_equal(events(page, 2), READINESS_CLOSED);
	assert_int_equal(events(page, 1), POLLIN | POLLHUP);
	openfile_close(ends[0]);
	assert_int_equal(events(page, 1), READINESS_CLOSED);
	fake_process(FAKE_USER)->state = LABEL_DEAD;
	readiness_reap();
	assert_int_equal(readiness_count(), 0);
	fake_process(FAKE_USER)->state = LABEL_RUNNING;
}

static void test_event_and_timer(void **state)
{
	struct caller user = fake_caller(FAKE_USER);
	struct watch_page *page = open_page(FAKE_USER);
	struct file *event, *timer;
	uint64_t value = 3;
	uint32_t done;
	(void)state;
	assert_int_equal(openfile_open_event(&user, 0, 0, &event), 0);
	assert_int_equal(openfile_open_timer(&user, 1, 0, &timer), 0);
	assert_int_equal(arm(page, FAKE_USER, event, 0), POLLOUT);
	assert_int_equal(openfile_write(event, &user, &value, 8, OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(events(page, 0), POLLIN | POLLOUT);
	assert_int_equal(openfile_read(event, &user, &value, 8, OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(events(page, 0), POLLOUT);
	assert_int_equal(arm(page, FAKE_USER, timer, 1), 0);
	struct timer_spec spec = {.value_nsec = 1000}, old;
	assert_int_equal(timer_set(timer->inode, 0, &spec, &old), 0);
	assert_int_equal(timers_next(), fake.now_ns + 1000); /* the word is due then, though nobody waits */
	fake.now_ns += 1000;
	timers_run(fake.now_ns);
	assert_int_equal(events(page, 1), POLLIN);
	assert_int_equal(openfile_read(timer, &user, &value, 8, OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(events(page, 1), 0);
	openfile_close(event);
	openfile_close(timer);
	(void)open_page(FAKE_USER);
	fake_process(FAKE_USER)->state = LABEL_DEAD;
	readiness_reap();
	fake_process(FAKE_USER)->state = LABEL_RUNNING;
}

static void test_owners(void **state)
{
	struct caller user = fake_caller(FAKE_USER);
	uint64_t used = frames_count().used - frames_count().slab;
	uint32_t objects = fake.objects;
	struct file *ends[2];
	const struct env_object *object;
	(void)state;
	assert_int_equal(openfile_open_pipe(&user, 0, ends), 0);
	uint64_t with_pipe = frames_count().used - frames_count().slab;
	assert_null(readiness_page(user.label));
	struct watch_page *page = open_page(FAKE_USER), *other = open_page(FAKE_OTHER);
	assert_int_equal(readiness_count(), 2);
	arm(page, FAKE_USER, ends[0], 1);
	arm(other, FAKE_OTHER, ends[0], 1);
	/* exec: the same page, nothing armed */
	assert_ptr_equal(open_page(FAKE_USER), page);
	assert_null(page->watch[1]);
	assert_non_null(other->watch[1]);
	/* another process under the same index does not get the old one's page, as long as that is mapped */
	fake_process(FAKE_OTHER)->generation++;
	uint64_t successor = LABEL_MAKE(fake_process(FAKE_OTHER)->generation, FAKE_OTHER, FAKE_OTHER);
	assert_null(readiness_page(successor));
	fake.mappings = 1;
	assert_int_equal(readiness_open(successor, &object), ENOMEM);
	fake.mappings = 0;
	assert_int_equal(readiness_open(successor, &object), 0);
	assert_non_null(readiness_page(successor));
	assert_int_equal(readiness_open(fake_label(FAKE_OTHER), &object), EINVAL);
	fake_process(FAKE_OTHER)->state = LABEL_DEAD;
	fake_process(FAKE_USER)->state = LABEL_DEAD;
	readiness_reap();
	fake_process(FAKE_OTHER)->generation--;
	fake_process(FAKE_OTHER)->state = LABEL_RUNNING;
	fake_process(FAKE_USER)->state = LABEL_RUNNING;
	assert_null(ends[0]->inode->watches);
	assert_int_equal(readiness_count(), 0);
	assert_int_equal(fake.objects, objects);
	assert_int_equal(frames_count().used - frames_count().slab, with_pipe);
	assert_true(with_pipe - used <= 1); /* the table of open files */
	openfile_close(ends[0]);
	openfile_close(ends[1]);
	for (uint32_t kind = 0; kind < QUOTA_KINDS; kind++)
		assert_int_equal(quota_used(account_of(user.label), kind), 0);
}

static void test_quota(void **state)
{
	const struct env_object *object;
	uint32_t account = account_of(fake_label(FAKE_USER));
	uint64_t all = frames_count().total / 2;
	(void)state;
	assert_true(quota_charge(account, QUOTA_PAGES, all - 1));
	assert_int_equal(readiness_open(fake_label(FAKE_USER), &object), ENOBUFS);
	assert_int_equal(readiness_open(fake_label(FAKE_OTHER), &object), 0);
	quota_release(account, QUOTA_PAGES, all - 1);
	fake_process(FAKE_OTHER)->state = LABEL_DEAD;
	readiness_reap();
	fake_process(FAKE_OTHER)->state = LABEL_RUNNING;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_pipe, setup),
		cmocka_unit_test_setup(test_event_and_timer, setup),
		cmocka_unit_test_setup(test_owners, setup),
		cmocka_unit_test_setup(test_quota, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
