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

/* ---- requests as a client with sense makes them, so that the depths are reached too */

static uint32_t sensible_path(char *out)
{
	static const char *const whole[] = {
		"/tmp/a", "/tmp/b", "/tmp/a/b", "/tmp/dir", "/tmp/dir/x", "tmp/link", "/tmp", "/", ".", "..", "a", "b", "/tmp/fifo", "/dev/null",
		"/dev/zero", "/dev/urandom", "/dev/full", "/dev/ttyS0", "/dev/pts", "/dev/pts/1", "/proc", "/proc/self", "/proc/self/stat",
		"/proc/20/status", "/proc/30/maps", "/proc/1/cmdline", "/proc/self/environ", "/proc/stat", "/proc/meminfo", "/proc/cpuinfo",
		"/proc/self/fd", "/proc/20/fd", "/proc/20/fd/3", "/proc/20/cwd", "/proc/self/fd/4", "/proc/self/exe", "/proc/self/task",
		"/proc/self/limits", "/proc/mounts", "/proc/self/mountinfo", "/proc/loadavg", "/proc/uptime", "/proc/tessera/objects",
		"/proc/tessera/unimplemented", "/proc/tessera/services", "/proc/sys/kernel/random/uuid", "/proc/sys/kernel/hostname", "/mnt",
	};
	const char *path = whole[(uint32_t)rand() % (sizeof(whole) / sizeof(whole[0]))];
	memcpy(out, path, strlen(path));
	return (uint32_t)strlen(path);
}

static void put_paths(struct request *rq, uint32_t start_word, uint64_t *length_word, uint64_t *old_length_word, uint32_t op)
{
	char paths[128];
	uint32_t first = old_length_word ? sensible_path(paths) : 0;
	uint32_t second = sensible_path(paths + first);
	*length_word = first + second;
	if (old_length_word)
		*old_length_word = first;
	memcpy(&rq->page->words[start_word], paths, first + second);
	rq->tag = MSG_TAG(op, start_word + (first + second + 7u) / 8u, old_length_word ? 1 : 0);
}

static void sensible_vfs(struct request *rq)
{
	static const uint32_t flags[] = {O_RDONLY, O_RDWR, O_WRONLY | O_CREAT, O_RDWR | O_CREAT | O_TRUNC, O_RDONLY | O_NONBLOCK,
					 O_RDONLY | O_DIRECTORY, O_RDWR | O_APPEND | O_CREAT, O_PATH, O_TMPFILE | O_RDWR};
	static const uint32_t modes[] = {S_IFREG | 0644, S_IFIFO | 0666, S_IFSOCK | 0600, S_IFCHR | 0666};
	uint64_t *words = page->words;
	memset(rq->w, 0, sizeof(rq->w));
	switch (rand() % 10) {
	case 0:
		put_paths(rq, 4, &rq->w[2], NULL, VFS_MKDIR);
		rq->w[0] = 0777;
		break;
	case 1:
		rq->w[0] = modes[(uint32_t)rand() % 4];
		put_paths(rq, 4, &rq->w[3], NULL, VFS_MKNOD);
		break;
	case 2:
		put_paths(rq, 4, &rq->w[2], NULL, VFS_UNLINK);
		rq->w[0] = (rand() & 1) ? 0x200 : 0;
		break;
	case 3:
		put_paths(rq, 4, &rq->w[3], &rq->w[2], (rand() & 1) ? VFS_RENAME : VFS_LINK);
		rq->w[0] = MSG_TAG_OP(rq->tag) == VFS_RENAME ? (uint32_t)rand() % 3 : 0;
		break;
	case 4:
		put_paths(rq, 4, &rq->w[2], &rq->w[1], VFS_SYMLINK);
		break;
	case 5:
		put_paths(rq, 4, &rq->w[1], NULL, VFS_READLINK);
		break;
	case 6:
		put_paths(rq, 4, &rq->w[2], NULL, VFS_STAT);
		break;
	default:
		put_paths(rq, 5, &words[4], NULL, VFS_OPEN);
		rq->w[0] = flags[(uint32_t)rand() % (sizeof(flags) / sizeof(flags[0]))];
		rq->w[1] = 0666;
		rq->w[3] = 1;
		break;
	}
}

static void sensible_file(struct request *rq)
{
	static const uint32_t ops[] = {FILE_READ, FILE_READ, FILE_GETDENTS, FILE_LOCK, FILE_LOCK, FILE_FLOCK, FILE_POLL, FILE_WRITE,
				       FILE_WINDOW, FILE_READ_WIN, FILE_WRITE_WIN, FILE_OBJECT, FILE_TRUNCATE, FILE_ALLOCATE, FILE_SEEK};
	uint32_t op = ops[(uint32_t)rand() % (sizeof(ops) / sizeof(ops[0]))];
	rq->w[0] = op == FILE_READ || op == FILE_GETDENTS ? 3000 : (uint64_t)rand() % 100000;
	rq->w[1] = (uint64_t)rand() % 5000;
	rq->w[2] = (uint64_t)rand() % 100;
	rq->w[3] = (rand() & 1) ? ~0ull : (uint64_t)rand() % 70000;
	page->words[4] = (uint64_t)rand() & 1;
	if (op == FILE_LOCK) {
		rq->w[0] = 6;
		rq->w[1] = (uint64_t)rand() % 3;
		rq->w[3] = (uint64_t)rand() % 50;
	}
	if (op == FILE_FLOCK)
		rq->w[0] = 1u << (rand() % 4);
	if (op == FILE_WRITE)
		rq->w[2] = (uint64_t)rand() % 3000;
	if (op == FILE_READ_WIN || op == FILE_WRITE_WIN)
		rq->w[0] = 1 + (uint64_t)rand() % 3;
	if (op == FILE_ALLOCATE)
		rq->w[0] = (rand() & 1) ? 3 : 0;
	rq->tag = MSG_TAG(op, 380, 0);
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
	if (rand() % 3 == 0)
		sensible_vfs(&rq);
	else if (rand() % 3 == 0)
		sensible_file(&rq);
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
	while (mounts_first->next) {
		struct filesystem *last = mounts_first;
		while (last->next)
			last = last->next;
		assert_int_equal(mount_remove(last->root, 0), 0);
	}
	fake_start(); /* removes all names; no object is mapped any more */
	object_reap();
	assert_int_equal(pipe_count(), 0);
	assert_int_equal(inode_count(), 1); /* the root directory */
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
