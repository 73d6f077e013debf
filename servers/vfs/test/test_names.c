/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Path walk, names, permission, attributes. Expected errors are Linux'. */
#include "fake.h"

#include <stdio.h>
#include <string.h>

#include "../memory.h"
#include "../proc.h"

static int setup(void **state)
{
	(void)state;
	fake_start();
	assert_int_equal(do_mkdir(fake_caller(FAKE_ROOT), "tmp", 01777), 0);
	return 0;
}

static void make_file(const char *path)
{
	struct file *file;
	assert_int_equal(do_open(fake_caller(FAKE_ROOT), path, O_CREAT | O_WRONLY, 0644, &file), 0);
	openfile_close(file);
}

static void test_walk(void **state)
{
	struct caller root = fake_caller(FAKE_ROOT);
	struct file_stat st;
	(void)state;
	assert_int_equal(do_mkdir(root, "/a", 0755), 0);
	assert_int_equal(do_mkdir(root, "/a/b", 0755), 0);
	make_file("/a/b/f");
	assert_int_equal(do_stat(root, "a//b/./../b/f", true, &st), 0);
	assert_int_equal(do_stat(root, "/../../a/b", true, &st), 0);
	assert_int_equal(do_stat(root, "a/b/f/", true, &st), ENOTDIR);
	assert_int_equal(do_stat(root, "a/b/f/x", true, &st), ENOTDIR);
	assert_int_equal(do_stat(root, "a/x/y", true, &st), ENOENT);
	assert_int_equal(do_stat(root, "", true, &st), ENOENT);
	char name[300];
	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	assert_int_equal(do_stat(root, name, true, &st), ENAMETOOLONG);
	name[255] = '\0';
	assert_int_equal(do_stat(root, name, true, &st), ENOENT);
	make_file(name);
	assert_int_equal(do_stat(root, name, true, &st), 0);
	assert_int_equal(do_unlink(root, name), 0);
	assert_int_equal(do_stat(root, "a/b", true, &st), 0);
	assert_int_equal(st.nlink, 2);
	assert_int_equal(do_stat(root, "a", true, &st), 0);
	assert_int_equal(st.nlink, 3);
}

static void test_symlinks(void **state)
{
	struct caller root = fake_caller(FAKE_ROOT);
	struct file_stat st;
	struct file *file;
	(void)state;
	assert_int_equal(do_mkdir(root, "/d", 0755), 0);
	make_file("/d/f");
	assert_int_equal(do_symlink(root, "/d", "/link"), 0);
	assert_int_equal(do_symlink(root, "loop2", "/loop1"), 0);
	assert_int_equal(do_symlink(root, "loop1", "/loop2"), 0);
	assert_int_equal(do_symlink(root, "missing", "/dangling"), 0);
	assert_int_equal(do_stat(root, "/link/f", true, &st), 0);
	assert_int_equal(do_stat(root, "/link", false, &st), 0);
	assert_true(S_ISLNK(st.mode));
	assert_int_equal(st.size, 2);
	assert_int_equal(do_stat(root, "/link/", false, &st), 0);
	assert_true(S_ISDIR(st.mode));
	assert_int_equal(do_stat(root, "/loop1", true, &st), ELOOP);
	assert_int_equal(do_stat(root, "/dangling", true, &st), ENOENT);
	assert_int_equal(do_open(root, "/link", O_RDONLY | O_NOFOLLOW, 0, &file), ELOOP);
	assert_int_equal(do_open(root, "/dangling", O_CREAT | O_EXCL | O_WRONLY, 0644, &file), EEXIST);
	assert_int_equal(do_open(root, "/dangling", O_CREAT | O_WRONLY, 0644, &file), 0);
	openfile_close(file);
	assert_int_equal(do_stat(root, "/missing", true, &st), 0);
	assert_int_equal(do_rmdir(root, "/link/"), ENOTDIR);
	assert_int_equal(do_unlink(root, "/link/"), ENOTDIR);
	assert_int_equal(do_mkdir(root, "/loop1/", 0755), EEXIST);
	/* 40 levels are followed, 41 are not. */
	char from[8], to[8];
	make_file("/l0");
	for (int i = 1; i <= 41; i++) {
		snprintf(from, sizeof(from), "l%d", i - 1);
		snprintf(to, sizeof(to), "/l%d", i);
		assert_int_equal(do_symlink(root, from, to), 0);
	}
	assert_int_equal(do_stat(root, "/l40", true, &st), 0);
	assert_int_equal(do_stat(root, "/l41", true, &st), ELOOP);
}

static void test_unlink(void **state)
{
	struct caller root = fake_caller(FAKE_ROOT);
	struct file_stat st;
	(void)state;
	assert_int_equal(do_mkdir(root, "/d", 0755), 0);
	make_file("/d/f");
	assert_int_equal(do_unlink(root, "/d"), EISDIR);
	assert_int_equal(do_rmdir(root, "/d"), ENOTEMPTY);
	assert_int_equal(do_rmdir(root, "/d/f"), ENOTDIR);
	assert_int_equal(do_rmdir(root, "/d/."), EINVAL);
	assert_int_equal(do_rmdir(root, "/d/.."), ENOTEMPTY);
	assert_int_equal(do_rmdir(root, "/"), EBUSY);
	assert_int_equal(do_rmdir(root, "/proc"), EBUSY);
	assert_int_equal(do_link(root, "/d/f", "/d/g"), 0);
	assert_int_equal(do_stat(root, "/d/g", true, &st), 0);
	assert_int_equal(st.nlink, 2);
	assert_int_equal(do_link(root, "/d/f", "/d/g"), EEXIST);
	assert_int_equal(do_link(root, "/d", "/e"), EPERM);
	assert_int_equal(do_link(root, "/d/f", "/dev/f"), EXDEV);
	assert_int_equal(do_unlink(root, "/d/f"), 0);
	assert_int_equal(do_stat(root, "/d/g", true, &st), 0);
	assert_int_equal(st.nlink, 1);
	assert_int_equal(do_unlink(root, "/d/g"), 0);
	assert_int_equal(do_rmdir(root, "/d/"), 0);
	assert_int_equal(do_unlink(root, "/proc/meminfo"), EPERM);
}

static void test_rename(void **state)
{
	struct caller root = fake_caller(FAKE_ROOT);
	struct file_stat st;
	(void)state;
	assert_int_equal(do_mkdir(root, "/a", 0755), 0);
	assert_int_equal(do_mkdir(root, "/a/b", 0755), 0);
	assert_int_equal(do_mkdir(root, "/e", 0755), 0);
	make_file("/f");
	make_file("/g");
	assert_int_equal(do_rename(root, "/a", "/a/b/c", 0), EINVAL);
	assert_int_equal(do_rename(root, "/a/b", "/a", 0), ENOTEMPTY);
	assert_int_equal(do_rename(root, "/f", "/e", 0), EISDIR);
	assert_int_equal(do_rename(root, "/e", "/f", 0), ENOTDIR);
	assert_int_equal(do_rename(root, "/f", "/g", 1), EEXIST);
	assert_int_equal(do_rename(root, "/f", "/x", 2), ENOENT);
	assert_int_equal(do_rename(root, "/f", "/x", 3), EINVAL);
	assert_int_equal(do_rename(root, "/f/", "/x", 0), ENOTDIR);
	assert_int_equal(do_rename(root, "/a/.", "/x", 0), EBUSY);
	assert_int_equal(do_rename(root, "/f", "/g", 0), 0);
	assert_int_equal(do_stat(root, "/f", true, &st), ENOENT);
	assert_int_equal(do_rename(root, "/a/b", "/e", 0), 0);
	assert_int_equal(do_stat(root, "/a", true, &st), 0);
	assert_int_equal(st.nlink, 2);
	assert_int_equal(do_rename(root, "/g", "/a", 2), 0);
	assert_int_equal(do_stat(root, "/g", true, &st), 0);
	assert_true(S_ISDIR(st.mode));
	assert_int_equal(do_link(root, "/a", "/a2"), 0);
	assert_int_equal(do_rename(root, "/a", "/a2", 0), 0);
	assert_int_equal(do_stat(root, "/a", true, &st), 0);
	assert_int_equal(do_rename(root, "/a", "/dev/a", 0), EXDEV);
	assert_int_equal(do_rename(root, "/proc", "/p", 0), EBUSY);
	char name[202];
	memset(name, 'z', 200);
	name[0] = '/';
	name[200] = '\0';
	assert_int_equal(do_rename(root, "/a", name, 0), 0);
	assert_int_equal(do_stat(root, name, true, &st), 0);
	assert_int_equal(do_rename(root, name, "/short", 0), 0);
	assert_int_equal(do_stat(root, "/short", true, &st), 0);
}

static void test_permission(void **state)
{
	struct caller root = fake_caller(FAKE_ROOT), user = fake_caller(FAKE_USER),
		      other = fake_caller(FAKE_OTHER);
	struct file *file;
	struct file_stat st;
	(void)state;
	assert_int_equal(do_mkdir(root, "/secret", 0700), 0);
	make_file("/secret/f");
	assert_int_equal(do_stat(user, "/secret/f", true, &st), EACCES);
	assert_int_equal(do_mkdir(user, "/no", 0755), EACCES);
	assert_int_equal(do_open(user, "/tmp/mine", O_CREAT | O_RDWR, 0600, &file), 0);
	openfile_close(file);
	assert_int_equal(do_open(other, "/tmp/mine", O_RDONLY, 0, &file), EACCES);
	assert_int_equal(do_unlink(other, "/tmp/mine"), EPERM); /* sticky */
	assert_int_equal(do_rename(other, "/tmp/mine", "/tmp/his", 0), EPERM);
	struct walk walk;
	struct walk_start start = {.at = root_dentry};
	assert_int_equal(walk_path(&user, start, "/tmp/mine", 9, 0, &walk), 0);
	struct inode *inode = walk.entry->inode;
	assert_int_equal(attribute_chown(&user, inode, 1001, ~0u), EPERM);
	assert_int_equal(attribute_chown(&user, inode, ~0u, 0), EPERM);
	assert_int_equal(attribute_chmod(&other, inode, 0777), EPERM);
	assert_int_equal(attribute_chmod(&user, inode, 06755), 0);
	assert_int_equal(inode->mode & 07777, 06755);
	assert_int_equal(attribute_chown(&root, inode, 1000, 1000), 0);
	assert_int_equal(inode->mode & 07777, 0755);
	assert_int_equal(attribute_utimens(&other, inode, (struct stamp){1, 0}, (struct stamp){1, 0}), EPERM);
	assert_int_equal(attribute_utimens(&user, inode, (struct stamp){1, 5}, (struct stamp){2, 1000000000}),
			 EINVAL);
	assert_int_equal(attribute_utimens(&user, inode, (struct stamp){1, 5}, (struct stamp){2, 6}), 0);
	assert_int_equal(inode->mtime.nsec, 6);
	walk_done(&walk);
	assert_int_equal(do_unlink(user, "/tmp/mine"), 0);
	/* A directory with the group bit hands its group down. */
	assert_int_equal(do_mkdir(root, "/shared", 02777), 0);
	assert_int_equal(walk_path(&root, start, "/shared", 7, 0, &walk), 0);
	walk.entry->inode->gid = 55;
	walk_done(&walk);
	assert_int_equal(do_mkdir(user, "/shared/sub", 0755), 0);
	assert_int_equal(do_stat(root, "/shared/sub", true, &st), 0);
	assert_int_equal(st.gid, 55);
	assert_int_equal(st.mode & 07777, 02755);
}

static void test_open_rules(void **state)
{
	struct caller root = fake_caller(FAKE_ROOT);
	struct file *file, *writer;
	(void)state;
	make_file("/f");
	assert_int_equal(do_open(root, "/f", O_RDONLY | O_DIRECTORY, 0, &file), ENOTDIR);
	assert_int_equal(do_open(root, "/tmp", O_WRONLY, 0, &file), EISDIR);
	assert_int_equal(do_open(root, "/tmp", O_CREAT | O_RDONLY, 0644, &file), EISDIR);
	assert_int_equal(do_open(root, "/new/", O_CREAT | O_WRONLY, 0644, &file), EISDIR);
	assert_int_equal(do_open(root, "/f", OPEN_EXEC, 0, &file), EACCES);
	struct walk walk;
	struct walk_start start = {.at = root_dentry};
	assert_int_equal(walk_path(&root, start, "/f", 2, 0, &walk), 0);
	assert_int_equal(attribute_chmod(&root, walk.entry->inode, 0755), 0);
	walk_done(&walk);
	assert_int_equal(do_open(root, "/f", O_RDWR, 0, &writer), 0);
	assert_int_equal(do_open(root, "/f", OPEN_EXEC, 0, &file), ETXTBSY);
	openfile_close(writer);
	assert_int_equal(do_open(root, "/f", OPEN_EXEC, 0, &file), 0);
	assert_int_equal(do_open(root, "/f", O_RDWR, 0, &writer), ETXTBSY);
	openfile_close(file);
	assert_int_equal(do_open(root, "/tmp", O_TMPFILE | O_RDWR, 0600, &file), 0);
	assert_int_equal(do_write(file, root, "data"), 0);
	char path[64] = {0};
	assert_true(openfile_path(file, root_dentry, path, sizeof(path)) > 0);
	assert_string_equal(path, "/tmp/#tmpfile (deleted)");
	openfile_close(file);
	assert_int_equal(do_open(root, "/tmp", O_TMPFILE | O_RDONLY, 0600, &file), EINVAL);
	assert_int_equal(do_open(root, "/f", O_PATH, 0, &file), 0);
	uint32_t done;
	assert_int_equal(openfile_read(file, &root, path, 1, OPENFILE_OWN_OFFSET, &done), EBADF);
	openfile_close(file);
}

static void test_mounts(void **state)
{
	struct caller root = fake_caller(FAKE_ROOT);
	struct file *file;
	struct file_stat st;
	struct walk walk;
	struct walk_start start = {.at = root_dentry};
	uint32_t inodes = inode_count();
	(void)state;
	assert_int_equal(do_mkdir(root, "/m", 0755), 0);
	assert_int_equal(walk_path(&root, start, "/m", 2, 0, &walk), 0);
	assert_int_equal(mount_at(walk.entry, FS_TMPFS, "none", 0, "mode=700"), 0);
	walk_done(&walk);
	assert_int_equal(do_mkdir(root, "/m/x", 0755), 0);
	assert_int_equal(do_mkdir(root, "/m/x/y", 0755), 0);
	make_file("/m/x/y/z");
	assert_int_equal(do_stat(root, "/m/..", true, &st), 0);
	assert_int_equal(st.ino, root_dentry->inode->ino);
	assert_int_equal(do_open(root, "/m/x/y/z", O_RDONLY, 0, &file), 0);
	char path[64];
	int length = openfile_path(file, root_dentry, path, sizeof(path));
	assert_int_equal(length, 8);
	assert_memory_equal(path, "/m/x/y/z", 8);
	assert_int_equal(walk_path(&root, start, "/m", 2, 0, &walk), 0);
	struct dentry *mounted = walk.entry;
	walk_done(&walk);
	assert_int_equal(mount_remove(mounted, 0), EBUSY);
	openfile_close(file);
	assert_int_equal(mount_remove(mounted, 0), 0);
	assert_int_equal(do_stat(root, "/m/x", true, &st), ENOENT);
	assert_int_equal(do_rmdir(root, "/m"), 0);
	assert_int_equal(inode_count(), inodes);
}

static void test_own_descriptor(void **state)
{
	struct caller user = fake_caller(FAKE_USER);
	struct walk walk;
	struct walk_start start = {.at = root_dentry};
	(void)state;
	assert_int_equal(walk_path(&user, start, "/proc/self/fd/7/sub/x", 21, WALK_FOLLOW, &walk),
			 ST_OWN_DESCRIPTOR);
	assert_int_equal(walk.number, 7);
	assert_int_equal(walk.consumed, 16);
	assert_int_equal(walk_path(&user, start, "/dev/stdin", 10, WALK_FOLLOW, &walk), ST_OWN_DESCRIPTOR);
	assert_int_equal(walk.number, 0);
	assert_int_equal(walk.consumed, 10);
	assert_int_equal(walk_path(&user, start, "/dev/fd/5/a", 11, WALK_FOLLOW, &walk), ST_OWN_DESCRIPTOR);
	assert_int_equal(walk.number, 5);
	assert_int_equal(walk.consumed, 10);
	assert_int_equal(walk_path(&user, start, "/proc/self/cwd/a", 16, WALK_FOLLOW, &walk),
			 ST_OWN_DESCRIPTOR);
	assert_int_equal(walk.number, OWN_SCRATCH | 1u);
	assert_int_equal(walk_path(&user, start, "/proc/30/fd/7", 13, WALK_FOLLOW, &walk), EACCES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_walk, setup),
		cmocka_unit_test_setup(test_symlinks, setup),
		cmocka_unit_test_setup(test_unlink, setup),
		cmocka_unit_test_setup(test_rename, setup),
		cmocka_unit_test_setup(test_permission, setup),
		cmocka_unit_test_setup(test_open_rules, setup),
		cmocka_unit_test_setup(test_mounts, setup),
		cmocka_unit_test_setup(test_own_descriptor, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
