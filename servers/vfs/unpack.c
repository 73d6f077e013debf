/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Unpacking: one walk and one copy an entry, so that a shell's worth of files costs well under a million instructions.
 * Hard links are entries with the same device and inode number; the data may stand with any of them.
 */
#include "unpack.h"

#include <string.h>

#include <cpio_archive.h>

#include "data.h"
#include "file.h"

#define PREFIX "rootfs/"
#define PREFIX_LENGTH 7u
#define LINKS_MAX 512u

static struct {
	uint64_t key;
	struct inode *inode; /* counted */
} links[LINKS_MAX];
static uint32_t link_count;
static const struct caller unpacker = {.label = LABEL_NATIVE};

static uint64_t link_key(const struct cpio_entry *entry)
{
	return ((uint64_t)entry->dev_major << 48) ^ ((uint64_t)entry->dev_minor << 32) ^ entry->ino;
}

static struct inode *linked_inode(const struct cpio_entry *entry)
{
	for (uint32_t i = 0; i < link_count; i++)
		if (links[i].key == link_key(entry))
			return links[i].inode;
	return NULL;
}

static int find_place(const char *path, uint32_t length, struct walk *walk)
{
	struct walk_start start = {.at = root_dentry};
	return walk_path(&unpacker, start, path, length, WALK_PARENT | WALK_NO_TRAILING, walk);
}

/* Directories that the archive did not name. */
static void make_parents(const char *path, uint32_t length)
{
	for (uint32_t at = 1; at < length; at++) {
		struct walk walk;
		if (path[at] != '/' || find_place(path, at, &walk) != 0)
			continue;
		if (!walk.entry)
			(void)!name_create(&unpacker, &walk, NODE_DIRECTORY, S_IFDIR | 0755u, 0, NULL);
		walk_done(&walk);
	}
}

static void set_attributes(struct inode *inode, const struct cpio_entry *entry)
{
	inode->mode = (inode->mode & S_IFMT) | (entry->mode & 07777u);
	inode->uid = entry->uid;
	inode->gid = entry->gid;
	inode->mtime = (struct stamp){.sec = entry->mtime};
	inode->atime = inode->mtime;
}

static int store(struct inode *inode, const struct cpio_entry *entry)
{
	uint64_t done = 0;
	if (entry->bytes == 0)
		return 0;
	int error = data_store(inode, 0, entry->data, entry->bytes, &done);
	return error == 0 && done < entry->bytes ? ENOSPC : error;
}

static int enter_link(struct walk *walk, struct inode *inode, const struct cpio_entry *entry)
{
	struct dentry *dentry =
		dentry_new(walk->parent, walk->name, walk->name_length, inode_get(inode), QUOTA_ROOT);
	if (!dentry)
		return ENOSPC;
	dentry_link(dentry);
	dentry_put(dentry);
	inode->nlink++;
	return store(inode, entry);
}

static int enter_file(struct walk *walk, const struct cpio_entry *entry)
{
	struct inode *other = entry->nlink > 1 ? linked_inode(entry) : NULL;
	if (other)
		return enter_link(walk, other, entry);
	struct dentry *made = NULL;
	int error = name_create(&unpacker, walk, NODE_FILE, S_IFREG | 0600u, 0, &made);
	if (error != 0)
		return error;
	error = store(made->inode, entry);
	set_attributes(made->inode, entry);
	if (entry->nlink > 1 && link_count < LINKS_MAX) {
		links[link_count].key = link_key(entry);
		links[link_count++].inode = inode_get(made->inode);
	}
	dentry_put(made);
	return error;
}

static int enter_other(struct walk *walk, const struct cpio_entry *entry)
{
	uint32_t format = entry->mode & S_IFMT;
	enum node_kind kind = format == S_IFDIR	  ? NODE_DIRECTORY
			      : format == S_IFIFO ? NODE_FIFO
						  : NODE_DEVICE;
	uint64_t rdev = ((uint64_t)entry->rdev_major << 8) | (entry->rdev_minor & 0xffu) |
			((uint64_t)(entry->rdev_minor & ~0xffu) << 12);
	struct dentry *made = NULL;
	if (format == S_IFSOCK)
		kind = NODE_SOCKET;
	if (format != S_IFDIR && format != S_IFIFO && format != S_IFSOCK && format != S_IFCHR &&
	    format != S_IFBLK)
		return EINVAL;
	int error = name_create(&unpacker, walk, kind, format | 0600u, kind == NODE_DEVICE ? rdev : 0, &made);
	if (error != 0)
		return error;
	set_attributes(made->inode, entry);
	dentry_put(made);
	return 0;
}

/* What stands at the place already goes, unless both are directories. True: nothing more to do. */
static bool replace(struct walk *walk, const struct cpio_entry *entry)
{
	if (!walk->entry)
		return false;
	if (inode_is_directory(walk->entry->inode)) {
		if (S_ISDIR(entry->mode))
			set_attributes(walk->entry->inode, entry);
		return true;
	}
	if (name_unlink(&unpacker, walk, false) != 0)
		return true;
	dentry_put(walk->entry);
	walk->entry = NULL;
	return false;
}

static int enter(const struct cpio_entry *entry, const char *path, uint32_t length)
{
	struct walk walk;
	int error = find_place(path, length, &walk);
	if (error == ENOENT) {
		make_parents(path, length);
		error = find_place(path, length, &walk);
	}
	if (error != 0)
		return error;
	if (!replace(&walk, entry)) {
		if (S_ISREG(entry->mode))
			error = enter_file(&walk, entry);
		else if (S_ISLNK(entry->mode))
			error = entry->bytes < PATH_BYTES_MAX
					? name_symlink(&unpacker, &walk, (const char *)entry->data,
						       (uint32_t)entry->bytes)
					: ENAMETOOLONG;
		else
			error = enter_other(&walk, entry);
	}
	walk_done(&walk);
	return error;
}

struct unpack_counts unpack_archive(const void *archive, uint64_t bytes)
{
	struct unpack_counts counts = {0};
	struct cpio_reader reader = cpio_open(archive, bytes);
	struct cpio_entry entry;
	while (cpio_next(&reader, &entry) == CPIO_ENTRY) {
		if (entry.name_length < PREFIX_LENGTH || memcmp(entry.name, PREFIX, PREFIX_LENGTH) != 0)
			continue;
		const char *path = entry.name + PREFIX_LENGTH;
		uint32_t length = (uint32_t)strlen(path);
		while (length > 0 && path[length - 1] == '/')
			length--;
		if (length == 0)
			continue;
		counts.entries++;
		counts.bytes += entry.bytes;
		if (enter(&entry, path, length) != 0)
			counts.failed++;
	}
	for (uint32_t i = 0; i < link_count; i++)
		inode_put(links[i].inode);
	link_count = 0;
	return counts;
}

static int mount_on(const char *path, enum fs_type type, const char *source)
{
	struct walk walk;
	struct walk_start start = {.at = root_dentry};
	uint32_t length = (uint32_t)strlen(path);
	int error = walk_path(&unpacker, start, path, length, WALK_PARENT | WALK_NO_TRAILING, &walk);
	if (error != 0)
		return error;
	if (!walk.entry)
		error = name_create(&unpacker, &walk, NODE_DIRECTORY, S_IFDIR | 0755u, 0, &walk.entry);
	if (error == 0)
		error = mount_at(walk.entry, type, source,
				 type == FS_PROC ? FS_MS_NOSUID | FS_MS_NODEV | FS_MS_NOEXEC : FS_MS_NOSUID,
				 NULL);
	walk_done(&walk);
	return error;
}

int unpack_mounts(void)
{
	int error = mount_on("proc", FS_PROC, "proc");
	if (error == 0)
		error = mount_on("dev", FS_DEV, "devtmpfs");
	if (error == 0)
		error = mount_on("dev/pts", FS_PTS, "devpts");
	return error;
}
