/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Watches: words and wake-ups by level and edge, cookies used again, closing, dead owners, threads, and that nothing is left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>

#include <watch.h>

#define FILES 4

static uint64_t words[2][READINESS_WORDS];
static struct watch_page pages[2];
static struct watch *list;    /* all files are one object */
static uint32_t ready[FILES]; /* of each file */
static uint32_t woken[100];   /* by thread */
static bool is_dead[2];	      /* owner 1, 2 */
static uint32_t allocated, may_allocate;

struct watch *watch_alloc(void)
{
	if (allocated >= may_allocate)
		return NULL;
	allocated++;
	return malloc(sizeof(struct watch));
}

void watch_release(struct watch *watch)
{
	allocated--;
	free(watch);
}

uint32_t watch_readiness(void *file)
{
	return *(uint32_t *)file;
}

bool watch_owner_lives(uint64_t owner)
{
	return !is_dead[owner - 1];
}

void watch_wake(uint32_t thread)
{
	woken[thread]++;
}

static int setup(void **state)
{
	(void)state;
	list = NULL;
	may_allocate = 1000;
	memset(ready, 0, sizeof(ready));
	memset(woken, 0, sizeof(woken));
	memset(is_dead, 0, sizeof(is_dead));
	for (uint32_t i = 0; i < 2; i++) {
		memset(&pages[i], 0, sizeof(pages[i]));
		memset(words[i], 0xff, sizeof(words[i]));
		pages[i].words = words[i];
		watch_page_start(&pages[i], i + 1);
		assert_int_equal(words[i][7], 0);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	watch_page_clear(&pages[0]);
	watch_page_clear(&pages[1]);
	assert_null(list);
	assert_int_equal(allocated, 0);
	return 0;
}

/* Thread t has slot t. */
static uint32_t arm(uint32_t page, uint32_t file, uint32_t cookie, uint32_t events, uint32_t flags,
		    uint32_t thread)
{
	struct watch_order order = {
		.label = thread, .cookie = cookie, .events = events, .flags = flags, .slot = thread};
	uint32_t revents;
	assert_int_equal(watch_set(&pages[page], &list, &ready[file], &order, &revents), 0);
	return revents;
}

static void change(uint32_t file, uint32_t events, uint32_t key)
{
	ready[file] = events;
	watch_changed(&list, key);
}

static void test_level(void **state)
{
	(void)state;
	ready[0] = POLLOUT;
	assert_int_equal(arm(0, 0, 5, POLLIN, 0, 3), 0);
	assert_int_equal(words[0][5], 0);
	change(0, POLLOUT | POLLIN, POLLIN);
	assert_int_equal(words[0][5], 1u << 16 | POLLIN);
	assert_int_equal(woken[3], 1);
	change(0, POLLOUT | POLLIN, POLLIN); /* it was ready: who waits has seen it */
	assert_int_equal(woken[3], 1);
	assert_int_equal(words[0][5], 2u << 16 | POLLIN);
	change(0, POLLOUT, 0);
	assert_int_equal(words[0][5], 2u << 16);
	change(0, POLLOUT, POLLOUT); /* of no interest */
	assert_int_equal(words[0][5], 2u << 16);
	assert_int_equal(woken[3], 1);
	change(0, POLLHUP, POLLHUP); /* always of interest */
	assert_int_equal(words[0][5], 3u << 16 | POLLHUP);
	assert_int_equal(woken[3], 2);
}

static void test_edge(void **state)
{
	(void)state;
	ready[0] = POLLIN;
	assert_int_equal(arm(0, 0, 0, POLLIN, WATCH_EDGE, 1), POLLIN);
	change(0, POLLIN, POLLIN);
	change(0, POLLIN, POLLIN);
	assert_int_equal(woken[1], 2);
	assert_int_equal(READINESS_COUNT(words[0][0]), 2);
	change(0, 0, 0);
	assert_int_equal(woken[1], 2);
	change(0, 0, POLLIN); /* came and went */
	assert_int_equal(woken[1], 2);
	assert_int_equal(READINESS_COUNT(words[0][0]), 3);
}

static void test_threads(void **state)
{
	(void)state;
	arm(0, 0, 0, POLLIN, 0, 1);
	arm(0, 0, 0, POLLIN | POLLOUT, 0, 2); /* the same cookie: a second thread, more events */
	assert_int_equal(allocated, 1);
	change(0, POLLOUT, POLLOUT);
	assert_int_equal(woken[1], 1);
	assert_int_equal(woken[2], 1);
}

static void test_cookie_used_again(void **state)
{
	(void)state;
	arm(0, 0, 9, POLLIN, 0, 1);
	arm(0, 1, 9, POLLIN, 0, 1);
	assert_int_equal(allocated, 1);
	ready[1] = POLLIN;
	watch_changed(&list, POLLIN);
	assert_int_equal(words[0][9] & READINESS_EVENTS, POLLIN);
	watch_closed(&list, &ready[0]); /* the old one tells nobody */
	assert_int_equal(words[0][9] & READINESS_EVENTS, POLLIN);
	arm(0, 1, 9, 0, 0, 1);
	assert_int_equal(allocated, 0);
	change(1, 0, POLLIN);
	assert_int_equal(words[0][9] & READINESS_EVENTS, POLLIN); /* nobody writes it any more */
}

static void test_closing(void **state)
{
	(void)state;
	arm(0, 0, 1, POLLIN, 0, 1);
	arm(0, 1, 2, POLLIN, 0, 1);
	arm(1, 0, 1, POLLIN, 0, 2);
	watch_closed(&list, &ready[0]);
	assert_int_equal(words[0][1] & READINESS_EVENTS, READINESS_CLOSED);
	assert_int_equal(words[1][1] & READINESS_EVENTS, READINESS_CLOSED);
	assert_int_equal(words[0][2] & READINESS_EVENTS, 0);
	assert_int_equal(allocated, 1);
}

static void test_dead_owner(void **state)
{
	(void)state;
	arm(0, 0, 1, POLLIN, 0, 1);
	arm(1, 0, 1, POLLIN, 0, 2);
	is_dead[0] = true;
	change(0, POLLIN, POLLIN);
	assert_int_equal(woken[1], 0);
	assert_int_equal(words[0][1], 0);
	assert_int_equal(woken[2], 1);
	assert_int_equal(allocated, 1);
}

/* exec: the page starts anew, old cookies write nowhere. */
static void test_page_anew(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < READINESS_WORDS; i++)
		arm(0, i % FILES, i, POLLIN, 0, 1);
	watch_page_start(&pages[0], 1);
	assert_int_equal(allocated, 0);
	change(0, POLLIN, POLLIN);
	for (uint32_t i = 0; i < READINESS_WORDS; i++)
		assert_int_equal(words[0][i], 0);
}

static void test_refused(void **state)
{
	(void)state;
	struct watch_order order = {.label = 1, .cookie = READINESS_WORDS, .events = POLLIN};
	uint32_t revents;
	assert_int_equal(watch_set(&pages[0], &list, &ready[0], &order, &revents), EINVAL);
	order = (struct watch_order){.label = 1, .events = POLLIN, .slot = READINESS_THREADS};
	assert_int_equal(watch_set(&pages[0], &list, &ready[0], &order, &revents), EINVAL);
	may_allocate = 0;
	order.slot = 0;
	assert_int_equal(watch_set(&pages[0], &list, &ready[0], &order, &revents), ENOMEM);
	/* Nobody can say that a description is closed but the server. */
	may_allocate = 1;
	order.events = 0xffffffff;
	ready[0] = 0xffff;
	assert_int_equal(watch_set(&pages[0], &list, &ready[0], &order, &revents), 0);
	assert_int_equal(words[0][0] & READINESS_CLOSED, 0);
}

static void test_random(void **state)
{
	(void)state;
	srand(1);
	for (uint32_t i = 0; i < 50000; i++) {
		uint32_t file = (uint32_t)rand() % FILES, page = (uint32_t)rand() % 2,
			 cookie = (uint32_t)rand() % 30, events = (uint32_t)rand() % 0x20;
		switch (rand() % 4) {
		case 0:
			(void)arm(page, file, cookie, events, (uint32_t)rand() % 2, (uint32_t)rand() % 64);
			break;
		case 1: change(file, events, (uint32_t)rand() % 0x20); break;
		case 2: watch_closed(&list, &ready[file]); break;
		default:
			if (rand() % 50 == 0)
				watch_page_start(&pages[page], page + 1);
			is_dead[page] = rand() % 20 == 0;
		}
		uint32_t count = 0;
		for (const struct watch *watch = list; watch; watch = watch->next, count++)
			assert_ptr_equal(watch->page->watch[watch->cookie], watch);
		assert_int_equal(count, allocated);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_level, setup, teardown),
		cmocka_unit_test_setup_teardown(test_edge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cookie_used_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dead_owner, setup, teardown),
		cmocka_unit_test_setup_teardown(test_page_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
