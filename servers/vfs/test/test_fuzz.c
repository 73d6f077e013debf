/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Random messages through the dispatchers, as hostile clients would send them: every operation, random words, paths made of a
 * few names so that many lead somewhere, lost answers, notices at any time. Nothing may crash, and at the end, when every
 * description is closed, nothing may be left.
 */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <tessera/proto/file.h>
#include <tessera/proto/vfs.h>
#include <tessera/service.h>

#include "../memory.h"
#include "../pipe.h"
#include "../serve.h"
#include "../upcall.h"

#define OPEN_MAX_FUZZ 40u

static struct msg_page *page;
static struct upcall_ring ring;
static uint64_t badges[OPEN_MAX_FUZZ];

static uint64_t random_word(void)
{
	static const uint64_t special[] = {0, 1, 2, 3, 4, 7, 8, 255, 4095, 4096, 4097, 65536, ~0ull, 1ull << 31, 1ull << 42, 1ull << 63,
					   0x1000, 0x100, 0x200, 0x400, 0x40, 02000, 0x80000000u, 0x40000000u, 020200002, 010000000};
	uint32_t pick = (uint32_t)rand();
	switch (pick % 4) {
	case 0:
		return special[(pick >> 4) % (sizeof(special) / sizeof(special[0]))];
	case 1:
		return (uint64_t)(rand() % 8192);
	case 2:
		return ((uint64_t)rand() << 33) ^ (uint64_t)rand();
	default:
		return (uint64_t)(rand() % 8);
	}
}

static uint32_t random_path(char *out)
{
	static const char *const parts[] = {"a", "b", "c", "..", ".", "", "proc", "self", "fd", "3", "dev", "null", "pts", "1", "tmp", "tty",
					    "ptmx", "stat", "20", "task", "zero", "link", "exe", "cwd", "meminfo", "urandom", "fifo", "shm",
					    "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"};
	uint32_t length = 0, count = (uint32_t)rand() % 5;
	if (rand() & 1)
		out[length++] = '/';
	for (uint32_t i = 0; i < count; i++) {
		const char *part = parts[(uint32_t)rand() % (sizeof(parts) / sizeof(parts[0]))];
		memcpy(out + length, part, strlen(part));
		length += (uint32_t)strlen(part);
		if (i + 1 < count || (rand() & 3) == 0)
			out[length++] = '/';
	}
	return length;
}

static uint64_t random_badge(void)
{
	uint32_t pick = (uint32_t)rand();
	if (pick % 8 == 0)
		return (pick & 64) ? 0 : random_word();
	return badges[(pick >> 8) % OPEN_MAX_FUZZ];
}

static struct request random_request(void)
{
	struct request rq = {.page = page, .reply_slot = slot_alloc()};
	uint32_t op = (rand() & 1) ? FILE_OP_MIN + (uint32_t)rand() % 0x1c : VFS_OP_MIN + (uint32_t)rand() % 0x19;
	if (op == VFS_UMOUNT || op == VFS_MOUNT)
		op = (rand() & 15) ? (uint32_t)VFS_OPEN : op;
	rq.badge = random_badge();
	for (int i = 0; i < 4; i++)
		rq.w[i] = random_word();
	for (uint32_t i = 4; i < 12; i++)
		page->words[i] = random_word();
	/* Where the length of data stands depends on the operation: put the same plausible one in several places. */
	char path[512];
	uint32_t length = random_path(path);
	uint32_t at = 1 + (uint32_t)rand() % 5;
	if (at < 4u)
		rq.w[at] = length;
	else
		page->words[at] = length;
	memcpy(&page->words[at < 4 ? 4 : at + 1], path, length);
	if (rand() & 1)
		rq.w[at > 1 && at < 5 ? at - 1 : 0] = 0; /* has_root is mostly 0 */
	uint32_t words = (rand() & 15) ? 4 + (uint32_t)rand() % 380 : (uint32_t)rand() % 5;
	rq.tag = MSG_TAG(op, words, (uint32_t)rand() % 3);
	for (int i = 0; i < 4; i++) {
		page->received_kind[i] = (uint8_t)((rand() & 3) ? RECEIVED_BADGE : (uint32_t)rand() % 3);
		page->received_badge[i] = random_badge();
	}
	rq.label = fake_label((enum fake_process)(1 + rand() % 3));
	return rq;
}

static bool is_known(uint64_t badge)
{
	for (uint32_t i = 0; i < OPEN_MAX_FUZZ; i++)
		if (badges[i] == badge)
			return true;
	return false;
}

/* Capabilities that came with answers are remembered, in place of others, which are closed. */
static void remember_new(void)
{
	for (uint32_t index = 1; index <= openfile_high(); index++) {
		uint64_t badge = OPENFILE_BADGE(index);
		if (is_known(badge) || !openfile_of_badge(badge))
			continue;
		uint32_t place = (uint32_t)rand() % OPEN_MAX_FUZZ;
		if (badges[place] != 0)
			serve_notice(NULL, badges[place]);
		badges[place] = badge;
	}
}

/* The client died before it had the answer: what was opened for it is closed. */
static void lose_answer(struct request *rq, bool opens, uint32_t before)
{
	if (rq->undo_op != 0)
		serve_undo(rq);
	if (opens && MSG_TAG_CAPS(rq->tag) != 0)
		assert_int_equal(openfile_count(), before);
}

static void one_request(void)
{
	struct request rq = random_request();
	cap_t reply = rq.reply_slot;
	bool opens = MSG_TAG_OP(rq.tag) >= VFS_OP_MIN;
	uint32_t before = openfile_count();
	int result = serve_dispatch(&rq);
	if (result == 0) {
		assert_true(MSG_TAG_WORDS(rq.tag) <= MSG_MAX_WORDS);
		assert_true(MSG_TAG_CAPS(rq.tag) <= MSG_MAX_CAPS);
		if (rand() % 16 == 0)
			lose_answer(&rq, opens, before);
		slot_free(reply);
	}
	if (result != 0)
		slot_free(rq.reply_slot);
	remember_new();
	if (rand() % 64 == 0) {
		uint32_t place = (uint32_t)rand() % OPEN_MAX_FUZZ;
		serve_notice(NULL, badges[place]);
		badges[place] = 0;
	}
	if (rand() % 32 == 0) {
		ring.tail = ring.head;
		ring.done = ring.head;
		ring.answer[0] = (uint64_t)rand();
		serve_resume();
	}
	fake.now_ns += (uint64_t)rand() % 3000000;
}

static void test_random(void **state)
{
	const char *seed = getenv("FUZZ_SEED"), *rounds = getenv("FUZZ_ROUNDS");
	(void)state;
	fake_start();
	page = mmap((void *)SERVICE_MSG_PAGE_VA, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	assert_ptr_equal(page, (void *)SERVICE_MSG_PAGE_VA);
	upcall_set_ring(&ring);
	srand(seed ? (unsigned)atoi(seed) : 1);
	assert_int_equal(do_mkdir(fake_caller(FAKE_ROOT), "/tmp", 01777), 0);
	uint32_t count = rounds ? (uint32_t)atoi(rounds) : 150000;
	for (uint32_t i = 0; i < count; i++) {
		if (i % 5000 == 0)
			fake.mappings = (uint32_t)rand() & 1;
		fake.pts_mask = (uint64_t)rand();
		one_request();
	}
	for (uint32_t i = 0; i < 8 && serve_parked() > 0; i++) {
		ring.done = ring.head;
		serve_resume();
	}
	for (uint32_t index = 1; index <= openfile_high(); index++)
		serve_notice(NULL, OPENFILE_BADGE(index));
	assert_int_equal(openfile_count(), 0);
	fake_start(); /* removes all names; no object is mapped any more */
	object_reap();
	fake_process(FAKE_ROOT)->state = LABEL_FREE;
	fake_process(FAKE_USER)->state = LABEL_FREE;
	fake_process(FAKE_OTHER)->state = LABEL_FREE;
	window_reap();
	assert_int_equal(window_count(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
