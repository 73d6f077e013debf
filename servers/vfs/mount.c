/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Mounted file systems: a short list in the order of mounting. A mount pins the dentry it covers; a tmpfs's names are freed
 * when it is unmounted and its last file is closed.
 */
#include "vfs.h"

#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "memory.h"
#include "proc.h"

#define UMOUNT_FORCE 1u
#define UMOUNT_DETACH 2u

struct dentry *root_dentry;
struct filesystem *mounts_first;
struct filesystem fs_anonymous = {.type = FS_ANON, .device = 1};
static struct slab filesystem_slab = SLAB_OF(struct filesystem);
static uint32_t next_device = 20;

static const char *const type_names[FS_TYPES] = {
	[FS_TMPFS] = "tmpfs", [FS_PROC] = "proc", [FS_DEV] = "devtmpfs",
	[FS_PTS] = "devpts",  [FS_ANON] = "anon",
};

const char *mount_type_name(enum fs_type type)
{
	return type_names[type];
}

static struct dentry *make_root(struct filesystem *fs, uint32_t mode)
{
	struct inode *inode = inode_new(fs, NODE_DIRECTORY, S_IFDIR | mode, NULL);
	if (!inode)
		return NULL;
	return dentry_new(NULL, "", 0, inode, QUOTA_ROOT);
}

static uint32_t option_mode(const char *options, uint32_t fallback)
{
	const char *at = options ? strstr(options, "mode=") : NULL;
	return at ? (uint32_t)strtoul(at + 5, NULL, 8) & 07777u : fallback;
}

/* size=BYTES with k, m, g, or a percentage of the memory there is. Pages; 0: no limit. */
static uint64_t option_size(const char *options)
{
	const char *at = options ? strstr(options, "size=") : NULL;
	if (!at)
		return 0;
	char *end;
	uint64_t bytes = strtoull(at + 5, &end, 10);
	switch (*end) {
	case '%': return frames_count().total * (bytes > 100 ? 100 : bytes) / 100;
	case 'g':
	case 'G': return bytes << (30 - FRAME_LOG2);
	case 'm':
	case 'M': return bytes << (20 - FRAME_LOG2);
	case 'k':
	case 'K': return (bytes + 3) / 4;
	default: return (bytes + FRAME_BYTES - 1) >> FRAME_LOG2;
	}
}

static int populate(struct filesystem *fs)
{
	if (fs->type == FS_DEV)
		return device_populate(fs->root);
	if (fs->type == FS_PROC)
		return proc_mount(fs);
	return 0;
}

static struct filesystem *fs_new(enum fs_type type, const char *source, uint32_t flags, const char *options)
{
	struct filesystem *fs = slab_alloc(&filesystem_slab);
	if (!fs)
		return NULL;
	*fs = (struct filesystem){
		.type = type,
		.device = next_device++,
		.flags =
			(flags & (FS_MS_RDONLY | FS_MS_NOSUID | FS_MS_NODEV | FS_MS_NOEXEC | FS_MS_NOATIME)) |
			((flags & FS_MS_NOATIME) ? 0 : FS_MS_RELATIME),
	};
	fs->pages_max = type == FS_TMPFS ? option_size(options) : 0;
	fs->source = string_new(source, (uint32_t)strnlen(source, 200));
	fs->root = fs->source ? make_root(fs, option_mode(options, type == FS_TMPFS  ? 01777u
								   : type == FS_PROC ? 0555u
										     : 0755u))
			      : NULL;
	if (fs->root)
		return fs;
	if (fs->source)
		string_free(fs->source);
	slab_free(&filesystem_slab, fs);
	return NULL;
}

static void list_append(struct filesystem *fs)
{
	struct filesystem **at = &mounts_first;
	while (*at)
		at = &(*at)->next;
	*at = fs;
}

static void list_remove(struct filesystem *fs)
{
	struct filesystem **at = &mounts_first;
	while (*at != fs)
		at = &(*at)->next;
	*at = fs->next;
}

/* Frees a whole tree of names: always the first child downward, then up again. */
static void free_tree(struct dentry *root)
{
	struct dentry *at = root;
	while (root->inode->kind == NODE_DIRECTORY) {
		struct dentry *child = at->inode->kind == NODE_DIRECTORY ? at->inode->dir.first : NULL;
		if (child && child->inode->kind == NODE_DIRECTORY && child->inode->dir.first) {
			at = child;
		} else if (child) {
			child->inode->nlink--;
			dentry_unlink(child);
		} else if (at == root) {
			return;
		} else {
			at = at->parent;
		}
	}
}

void mount_unused(struct filesystem *fs)
{
	free_tree(fs->root);
	dentry_put(fs->root);
	string_free(fs->source);
	slab_free(&filesystem_slab, fs);
}

int mount_at(struct dentry *at, enum fs_type type, const char *source, uint32_t flags, const char *options)
{
	if (!inode_is_directory(at->inode))
		return ENOTDIR;
	struct filesystem *fs = fs_new(type, source, flags, options);
	if (!fs)
		return ENOMEM;
	int error = populate(fs);
	if (error != 0) {
		mount_unused(fs);
		return error;
	}
	fs->covers = dentry_get(at);
	at->mounted = fs->root;
	at->inode->fs->users++;
	list_append(fs);
	return 0;
}

int mount_remove(struct dentry *root, uint32_t flags)
{
	struct filesystem *fs = root->inode->fs;
	if (root != fs->root || !fs->covers)
		return EINVAL;
	if (fs->users > 0 && !(flags & UMOUNT_DETACH))
		return EBUSY;
	struct dentry *covered = fs->covers;
	struct filesystem *below = covered->inode->fs;
	covered->mounted = NULL;
	fs->covers = NULL;
	list_remove(fs);
	dentry_put(covered);
	if (--below->users == 0 && below->is_detached)
		mount_unused(below);
	fs->is_detached = 1;
	if (fs->users == 0)
		mount_unused(fs);
	return 0;
}

int mounts_init(void)
{
	struct filesystem *fs = fs_new(FS_TMPFS, "tmpfs", 0, "mode=755");
	if (!fs)
		return ENOMEM;
	root_dentry = fs->root;
	list_append(fs);
	return 0;
}
