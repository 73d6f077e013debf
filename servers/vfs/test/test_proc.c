/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* procfs, devices and devpts: every file can be read, and what programs parse has Linux' format. */
#include "fake.h"

#include <stdio.h>
#include <string.h>

#include "../device.h"
#include "../proc.h"

static int setup(void **state)
{
	(void)state;
	fake_start();
	return 0;
}

static void read_whole(const char *path, char out[4096])
{
	struct file *file;
	if (do_open(fake_caller(FAKE_ROOT), path, O_RDONLY, 0, &file) != 0)
		fail_msg("%s cannot be opened", path);
	if (do_read(file, fake_caller(FAKE_ROOT), out) != 0)
		fail_msg("%s cannot be read", path);
	openfile_close(file);
}

static void test_texts(void **state)
{
	static const char *const paths[] = {
		"meminfo",
		"cpuinfo",
		"uptime",
		"version",
		"filesystems",
		"stat",
		"loadavg",
		"cmdline",
		"devices",
		"swaps",
		"mounts",
		"self/stat",
		"self/status",
		"self/statm",
		"self/cmdline",
		"self/environ",
		"self/maps",
		"self/comm",
		"self/limits",
		"self/mounts",
		"self/mountinfo",
		"self/cgroup",
		"self/oom_score_adj",
		"thread-self/stat",
		"20/stat",
		"30/task/30/status",
		"sys/kernel/hostname",
		"sys/kernel/random/uuid",
		"sys/kernel/random/boot_id",
		"sys/kernel/pid_max",
		"sys/vm/overcommit_memory",
		"tessera/services",
		"tessera/objects",
		"tessera/unimplemented",
	};
	char path[64], text[4096];
	(void)state;
	fake_page(FAKE_ROOT)->arg_start = 0x1000;
	fake_page(FAKE_ROOT)->arg_end = 0x1010;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%s", paths[i]);
		read_whole(path, text);
	}
	read_whole("/proc/20/stat", text);
	int pid = 0, fields = 1;
	char name[20], letter;
	assert_int_equal(sscanf(text, "%d (%19[^)]) %c", &pid, name, &letter), 3);
	assert_int_equal(pid, 20);
	assert_int_equal(letter, 'R');
	for (const char *at = text; *at; at++)
		fields += *at == ' ';
	assert_int_equal(fields, 52);
	read_whole("/proc/mounts", text);
	assert_string_equal(
		text, "tmpfs / tmpfs rw,relatime 0 0\nproc /proc proc rw,nosuid,nodev,noexec,relatime 0 0\n"
		      "devtmpfs /dev devtmpfs rw,nosuid,relatime 0 0\ndevpts /dev/pts devpts "
		      "rw,nosuid,relatime 0 0\n");
	read_whole("/proc/self/maps", text);
	assert_memory_equal(text, "00400000-00401000 r-xp 00000000 00:00 0 \n", 41);
	read_whole("/proc/uptime", text);
	assert_string_equal(text, "5.00 5.00\n");
	read_whole("/proc/meminfo", text);
	assert_memory_equal(text, "MemTotal:       ", 16);
}

static void test_rights(void **state)
{
	struct caller user = fake_caller(FAKE_USER), other = fake_caller(FAKE_OTHER);
	struct file *file;
	struct file_stat st;
	(void)state;
	assert_int_equal(do_open(user, "/proc/20/environ", O_RDONLY, 0, &file), 0);
	openfile_close(file);
	assert_int_equal(do_open(other, "/proc/20/environ", O_RDONLY, 0, &file), EACCES);
	assert_int_equal(do_open(other, "/proc/20/maps", O_RDONLY, 0, &file), EACCES);
	assert_int_equal(do_open(other, "/proc/20/fd", O_RDONLY, 0, &file), EACCES);
	assert_int_equal(do_open(user, "/proc/meminfo", O_WRONLY, 0, &file), EACCES);
	assert_int_equal(do_stat(user, "/proc/99", true, &st), ENOENT);
	assert_int_equal(do_stat(user, "/proc/020", true, &st), ENOENT);
	assert_int_equal(do_mkdir(fake_caller(FAKE_ROOT), "/proc/x", 0755), ENOENT);
	/* A process that ends takes its directory along, open files say ESRCH. */
	assert_int_equal(do_open(user, "/proc/30/stat", O_RDONLY, 0, &file), 0);
	fake_process(FAKE_OTHER)->state = LABEL_FREE;
	char text[4096];
	assert_int_equal(do_read(file, user, text), ESRCH);
	openfile_close(file);
	assert_int_equal(do_stat(user, "/proc/30/stat", true, &st), ENOENT);
}

static void test_authority(void **state)
{
	static const char caps[] =
		"cap 10 40 1 3 0 0 0 0\ncap 11 40 1 3 0 0 0 0\ncap 12 40 1 3 0 0 0 0\nend 3\n";
	char text[4096];
	struct file *file;
	(void)state;
	read_whole("/proc/tessera/authority", text);
	assert_memory_equal(text, "tessera-authority 1\nservice 1 vfs\nprocess 1 7 ", 46);
	assert_string_equal(strstr(text, "cap"), caps);
	fake.tree_changes = 3; /* what was read of another state of the tree is thrown away */
	read_whole("/proc/tessera/authority", text);
	assert_string_equal(strstr(text, "cap"), caps);
	assert_int_equal(fake.tree_changes, 0);
	fake.tree_changes = 1000;
	assert_int_equal(do_open(fake_caller(FAKE_ROOT), "/proc/tessera/authority", O_RDONLY, 0, &file), 0);
	assert_int_equal(do_read(file, fake_caller(FAKE_ROOT), text), EAGAIN);
	openfile_close(file);
	assert_int_equal(do_open(fake_caller(FAKE_USER), "/proc/tessera/authority", O_RDONLY, 0, &file),
			 EACCES);
}

static void test_listing(void **state)
{
	struct caller root = fake_caller(FAKE_ROOT);
	struct file *dir;
	uint8_t buffer[64];
	char names[2048] = "";
	uint32_t done;
	(void)state;
	assert_int_equal(do_open(root, "/proc", O_RDONLY, 0, &dir), 0);
	do {
		assert_int_equal(openfile_getdents(dir, &root, buffer, sizeof(buffer), &done), 0);
		for (uint32_t at = 0; at < done;) {
			uint16_t length;
			memcpy(&length, buffer + at + 16, 2);
			strcat(strcat(names, (char *)buffer + at + 19), " ");
			at += length;
		}
	} while (done > 0);
	openfile_close(dir);
	assert_non_null(strstr(names, " meminfo "));
	assert_non_null(strstr(names, " 1 20 30 "));
	fake.pts_mask = 5;
	assert_int_equal(do_open(root, "/dev/pts", O_RDONLY, 0, &dir), 0);
	assert_int_equal(openfile_getdents(dir, &root, names, sizeof(names), &done), 0);
	assert_int_equal(done, 4 * 24);
	openfile_close(dir);
	struct open_result opened;
	struct walk_start start = {.at = root_dentry};
	assert_int_equal(openfile_open(&root, start, "/dev/pts/2", 10, O_RDWR, 0, &opened), 0);
	assert_int_equal(opened.tty_kind, 4);
	assert_int_equal(opened.tty_index, 2);
	assert_int_equal(openfile_open(&root, start, "/dev/pts/1", 10, O_RDWR, 0, &opened), ENOENT);
	assert_int_equal(openfile_open(&root, start, "/dev/ttyS0", 10, O_RDWR, 0, &opened), 0);
	assert_int_equal(opened.tty_kind, 2);
}

static void test_devices(void **state)
{
	struct caller root = fake_caller(FAKE_ROOT);
	struct file *file;
	uint8_t bytes[64] = {1};
	uint32_t done;
	(void)state;
	assert_int_equal(do_open(root, "/dev/zero", O_RDWR, 0, &file), 0);
	assert_int_equal(openfile_read(file, &root, bytes, 64, OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(done, 64);
	assert_int_equal(bytes[0], 0);
	openfile_close(file);
	assert_int_equal(do_open(root, "/dev/full", O_RDWR, 0, &file), 0);
	assert_int_equal(do_write(file, root, "x"), ENOSPC);
	openfile_close(file);
	assert_int_equal(do_open(root, "/dev/null", O_RDWR, 0, &file), 0);
	assert_int_equal(do_write(file, root, "x"), 0);
	assert_int_equal(openfile_read(file, &root, bytes, 64, OPENFILE_OWN_OFFSET, &done), 0);
	assert_int_equal(done, 0);
	openfile_close(file);
	uint8_t other[64];
	random_bytes(bytes, 64);
	random_bytes(other, 64);
	assert_memory_not_equal(bytes, other, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_texts, setup),     cmocka_unit_test_setup(test_rights, setup),
		cmocka_unit_test_setup(test_authority, setup), cmocka_unit_test_setup(test_listing, setup),
		cmocka_unit_test_setup(test_devices, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
