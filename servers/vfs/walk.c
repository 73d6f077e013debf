/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The path walk. The path is consumed in place; a symbolic link's text is put before what is left of it in one of two
 * buffers taken in turn. How much of the caller's own path is left is always the length of the common tail, which is what
 * ST_OWN_DESCRIPTOR's `consumed` is made from.
 */
#include "vfs.h"

#include <string.h>

#include "proc.h"

#define WALK_BUFFER (3u * PATH_BYTES_MAX)

struct state {
	const struct caller *caller;
	struct dentry *root, *at; /* at: with a reference */
	const char *rest;
	uint32_t left;	   /* bytes of rest */
	uint32_t own_left; /* of these, the tail that is the caller's path */
	uint32_t links, length;
	uint32_t flags;
	bool has_jumped; /* what stands at `at` was behind somebody's descriptor */
	struct walk *out;
};

/* A walk may start another one (the text of /proc/pid/exe), which has buffers of its own. */
static char buffers[2][2][WALK_BUFFER];
static uint32_t buffer_turn[2];
static uint32_t depth;

static void move_to(struct state *s, struct dentry *to)
{
	struct dentry *old = s->at;
	s->at = to; /* takes over the reference */
	dentry_put(old);
}

static struct dentry *cross_mounts(struct dentry *entry)
{
	while (entry->mounted) {
		struct dentry *root = dentry_get(entry->mounted);
		dentry_put(entry);
		entry = root;
	}
	return entry;
}

static void go_up(struct state *s)
{
	struct dentry *above = dentry_above(s->at, s->root);
	if (above != s->at)
		move_to(s, cross_mounts(dentry_get(above)));
}

/* The child with a name: *found with a reference or NULL; an error of permission or of a file system. */
static int look_up(struct state *s, const char *name, uint32_t length, struct dentry **found)
{
	*found = dentry_find(s->at, name, length);
	if (*found) {
		if ((*found)->mounted)
			*found = cross_mounts(*found);
		return 0;
	}
	if (s->at->inode->kind == NODE_PROC || s->at->inode->fs->type == FS_PROC ||
	    s->at->inode->fs->type == FS_PTS)
		return proc_lookup(s->caller, s->at, name, length, found);
	return 0;
}

static void skip_slashes(struct state *s)
{
	while (s->left > 0 && *s->rest == '/') {
		s->rest++;
		s->left--;
	}
}

static void go_to_root(struct state *s)
{
	move_to(s, cross_mounts(dentry_get(s->root)));
	skip_slashes(s);
}

/* Goes on at what another process has open; without a name (a pipe) it gets one that stands nowhere. */
static int jump(struct state *s, const struct file *file)
{
	struct dentry *to = file->dentry ? dentry_get(file->dentry) : NULL;
	bool has_slash = s->left > 0;
	if (!to)
		to = dentry_new(NULL, "", 0, inode_get(file->inode), file->account);
	if (!to)
		return ENOMEM;
	move_to(s, to);
	skip_slashes(s);
	s->has_jumped = true;
	return has_slash && !inode_is_directory(s->at->inode) ? ENOTDIR : 0;
}

/* A link that is another process's descriptor: 0 and *jumped, or the length of a text, -errno, VFS_PARK. */
static int follow_other(struct state *s, const struct inode *link, char *buffer, bool *jumped)
{
	struct file *file;
	int error = proc_follow_other(s->caller, link, &file);
	if (error != 0)
		return error;
	if (!file)
		return proc_readlink_other(s->caller, link, buffer, PATH_BYTES_MAX);
	*jumped = true;
	return -jump(s, file);
}

/* Puts a link's text before what is left. The entry itself is consumed by the caller. */
static int expand(struct state *s, struct inode *link)
{
	if (++s->links > SYMLINK_DEPTH_MAX)
		return ELOOP;
	char *buffer = buffers[depth - 1][buffer_turn[depth - 1] ^= 1];
	uint32_t number = 0;
	int length = symlink_read(s->caller, link, buffer, PATH_BYTES_MAX, &number);
	if (s->own_left > s->left)
		s->own_left = s->left;
	if (length == ST_OWN_DESCRIPTOR) {
		uint32_t left = s->left;
		const char *rest = s->rest;
		for (; left > 0 && *rest == '/'; left--)
			rest++;
		if (left > s->own_left)
			return ELOOP; /* the rest lies in another link's text */
		s->out->number = number;
		s->out->consumed = s->length - left;
		return ST_OWN_DESCRIPTOR;
	}
	bool jumped = false;
	if (length == -EACCES && link->kind == NODE_PROC)
		length = follow_other(s, link, buffer, &jumped);
	if (jumped || length == VFS_PARK)
		return jumped ? -length : VFS_PARK;
	if (length <= 0)
		return length == 0 ? ENOENT : -length;
	if ((uint32_t)length + 1 + s->left > WALK_BUFFER)
		return ENAMETOOLONG;
	if (s->left > 0 && *s->rest != '/')
		buffer[length++] = '/';
	memmove(buffer + length, s->rest, s->left);
	s->rest = buffer;
	s->left += (uint32_t)length;
	s->has_jumped = false;
	if (*s->rest == '/')
		go_to_root(s);
	return 0;
}

static uint32_t next_name(const struct state *s)
{
	uint32_t length = 0;
	while (length < s->left && s->rest[length] != '/')
		length++;
	return length;
}

static void consume(struct state *s, uint32_t length)
{
	s->rest += length;
	s->left -= length;
}

/* One name that is not the last: s->at becomes what it leads to. */
static int step(struct state *s, const char *name, uint32_t length)
{
	s->has_jumped = false;
	if (length == 1 && name[0] == '.')
		return 0;
	if (length == 2 && name[0] == '.' && name[1] == '.') {
		go_up(s);
		return 0;
	}
	struct dentry *found;
	int error = look_up(s, name, length, &found);
	if (error != 0)
		return error;
	if (!found)
		return ENOENT;
	if (inode_is_symlink(found->inode)) {
		error = expand(s, found->inode);
		dentry_put(found);
		return error;
	}
	move_to(s, found);
	return 0;
}

static int finish_special(struct state *s, enum walk_last last)
{
	s->out->last = last;
	s->out->entry = dentry_get(s->at);
	if (s->flags & WALK_PARENT)
		s->out->parent = dentry_get(s->at);
	return 0;
}

/* The last name. *again: a link was expanded and the walk goes on. */
static int finish(struct state *s, const char *name, uint32_t length, bool trailing, bool *again)
{
	if (length == 1 && name[0] == '.')
		return finish_special(s, LAST_DOT);
	if (length == 2 && name[0] == '.' && name[1] == '.') {
		go_up(s);
		return finish_special(s, LAST_DOTDOT);
	}
	struct dentry *found;
	int error = look_up(s, name, length, &found);
	if (error != 0)
		return error;
	bool follow = (s->flags & WALK_FOLLOW) || (trailing && !(s->flags & WALK_NO_TRAILING));
	if (found && inode_is_symlink(found->inode) && follow) {
		*again = true;
		error = expand(s, found->inode);
		dentry_put(found);
		return error;
	}
	if (!found && !(s->flags & WALK_PARENT))
		return ENOENT;
	if (found && trailing && !inode_is_directory(found->inode) && !(s->flags & WALK_NO_TRAILING)) {
		dentry_put(found);
		return ENOTDIR;
	}
	s->out->entry = found;
	s->out->name = name;
	s->out->name_length = length;
	s->out->trailing = trailing;
	if (s->flags & WALK_PARENT)
		s->out->parent = dentry_get(s->at);
	return 0;
}

static int walk_names(struct state *s)
{
	for (;;) {
		if (s->left == 0)
			return finish_special(s, s->has_jumped ? LAST_NAME : LAST_ROOT);
		if (!inode_is_directory(s->at->inode))
			return ENOTDIR;
		int error = permission(s->at->inode, s->caller, MAY_EXECUTE);
		if (error != 0)
			return error;
		const char *name = s->rest;
		uint32_t length = next_name(s);
		if (length > NAME_BYTES_MAX)
			return ENAMETOOLONG;
		consume(s, length);
		bool trailing = s->left > 0;
		const char *behind = s->rest;
		uint32_t left_behind = s->left;
		skip_slashes(s);
		bool again = true;
		if (s->left == 0) {
			/* The slashes stay, should the name be a link: "link/" means "target/". */
			s->rest = behind;
			s->left = left_behind;
			again = false;
			error = finish(s, name, length, trailing, &again);
		} else {
			error = step(s, name, length);
		}
		if (error != 0 || !again)
			return error;
	}
}

int walk_path(const struct caller *caller, struct walk_start start, const char *path, uint32_t length,
	      uint32_t flags, struct walk *out)
{
	*out = (struct walk){0};
	if (length >= PATH_BYTES_MAX || memchr(path, '\0', length))
		return length >= PATH_BYTES_MAX ? ENAMETOOLONG : ENOENT;
	struct state s = {
		.caller = caller,
		.root = start.root ? start.root : root_dentry,
		.rest = path,
		.left = length,
		.own_left = length,
		.length = length,
		.flags = flags,
		.out = out,
	};
	if (length == 0)
		return ENOENT;
	bool absolute = path[0] == '/';
	if (!absolute && !start.at)
		return ENOTDIR;
	if (depth == 2)
		return ELOOP;
	s.at = dentry_get(absolute ? s.root : start.at);
	if (absolute)
		go_to_root(&s);
	depth++;
	int error = walk_names(&s);
	depth--;
	dentry_put(s.at);
	if (error != 0)
		walk_done(out);
	return error;
}

void walk_done(struct walk *walk)
{
	if (walk->entry)
		dentry_put(walk->entry);
	if (walk->parent)
		dentry_put(walk->parent);
	walk->entry = NULL;
	walk->parent = NULL;
}

int symlink_read(const struct caller *caller, struct inode *inode, char *out, uint32_t size, uint32_t *number)
{
	if (inode->kind == NODE_PROC)
		return proc_readlink(caller, inode, out, size, number);
	uint32_t length = (uint32_t)strlen(inode->target);
	if (length > size)
		length = size;
	memcpy(out, inode->target, length);
	return (int)length;
}
