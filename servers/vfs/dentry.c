/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Names: one hash table for all linked dentries of all file systems, and per directory a list in the order of their
 * positions, which never change while a name stands, so that getdents goes on correctly whatever is removed meanwhile.
 */
#include "vfs.h"

#include <string.h>

#include "memory.h"

#define HASH_BUCKETS 8192u

static struct dentry *buckets[HASH_BUCKETS];
static struct slab dentry_slab = SLAB_OF(struct dentry);

static uint32_t name_hash(const struct dentry *parent, const char *name, uint32_t length)
{
	uint32_t hash = (uint32_t)((uintptr_t)parent >> 4);
	for (uint32_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)name[i]) * 0x01000193u;
	return hash ^ (hash >> 15);
}

static struct dentry **bucket_of(uint32_t hash)
{
	return &buckets[hash & (HASH_BUCKETS - 1)];
}

static int set_name(struct dentry *entry, const char *name, uint32_t length)
{
	if (length >= DENTRY_INLINE) {
		char *copy = string_new(name, length);
		if (!copy)
			return ENOMEM;
		entry->name_long = copy;
		entry->flags |= DENTRY_LONG_NAME;
	} else {
		memcpy(entry->name_inline, name, length);
		entry->name_inline[length] = '\0';
	}
	entry->name_length = (uint8_t)length;
	return 0;
}

struct dentry *dentry_new(struct dentry *parent, const char *name, uint32_t length, struct inode *inode,
			  uint32_t account)
{
	bool is_charged = quota_charge(account, QUOTA_NAMES, 1);
	struct dentry *entry = is_charged ? slab_alloc(&dentry_slab) : NULL;
	if (entry)
		*entry = (struct dentry){.inode = inode, .refs = 1, .account = (uint16_t)account};
	if (!entry || set_name(entry, name, length) != 0) {
		if (entry)
			slab_free(&dentry_slab, entry);
		if (is_charged)
			quota_release(account, QUOTA_NAMES, 1);
		inode_put(inode);
		return NULL;
	}
	entry->parent = parent ? dentry_get(parent) : entry;
	inode->alias = entry;
	return entry;
}

void dentry_free(struct dentry *entry)
{
	/* Parents go with their last child: a loop, because chains of removed directories can be long. */
	while (entry) {
		struct dentry *parent = entry->parent;
		if (entry->flags & DENTRY_LONG_NAME)
			string_free(entry->name_long);
		if (entry->inode->alias == entry)
			entry->inode->alias = NULL;
		inode_put(entry->inode);
		quota_release(entry->account, QUOTA_NAMES, 1);
		slab_free(&dentry_slab, entry);
		if (parent == entry || --parent->refs != 0)
			return;
		entry = parent;
	}
}

static void list_append(struct directory *dir, struct dentry *entry)
{
	entry->position = dir->next_position++;
	entry->next = NULL;
	entry->prev = dir->last;
	if (dir->last)
		dir->last->next = entry;
	else
		dir->first = entry;
	dir->last = entry;
	dir->children++;
}

static void list_remove(struct directory *dir, struct dentry *entry)
{
	if (entry->prev)
		entry->prev->next = entry->next;
	else
		dir->first = entry->next;
	if (entry->next)
		entry->next->prev = entry->prev;
	else
		dir->last = entry->prev;
	dir->children--;
}

static void hash_insert(struct dentry *entry)
{
	entry->hash = name_hash(entry->parent, dentry_name(entry), entry->name_length);
	struct dentry **bucket = bucket_of(entry->hash);
	entry->hash_next = *bucket;
	*bucket = entry;
}

static void hash_remove(struct dentry *entry)
{
	struct dentry **at = bucket_of(entry->hash);
	while (*at != entry)
		at = &(*at)->hash_next;
	*at = entry->hash_next;
}

void dentry_link(struct dentry *entry)
{
	hash_insert(entry);
	list_append(&entry->parent->inode->dir, entry);
	entry->flags = (uint8_t)((entry->flags & ~DENTRY_DELETED) | DENTRY_LINKED);
	entry->refs++;
}

static void take_out(struct dentry *entry)
{
	hash_remove(entry);
	list_remove(&entry->parent->inode->dir, entry);
}

void dentry_unlink(struct dentry *entry)
{
	take_out(entry);
	entry->flags = (uint8_t)((entry->flags & ~DENTRY_LINKED) | DENTRY_DELETED);
	dentry_put(entry);
}

int dentry_move(struct dentry *entry, struct dentry *parent, const char *name, uint32_t length)
{
	char *old_long = (entry->flags & DENTRY_LONG_NAME) ? entry->name_long : NULL;
	char *new_long = NULL;
	if (length >= DENTRY_INLINE) {
		new_long = string_new(name, length);
		if (!new_long)
			return ENOMEM;
	}
	take_out(entry);
	if (new_long) {
		entry->name_long = new_long;
		entry->flags |= DENTRY_LONG_NAME;
	} else {
		entry->flags = (uint8_t)(entry->flags & ~DENTRY_LONG_NAME);
		memcpy(entry->name_inline, name, length);
		entry->name_inline[length] = '\0';
	}
	entry->name_length = (uint8_t)length;
	if (old_long)
		string_free(old_long);
	struct dentry *old_parent = entry->parent;
	entry->parent = dentry_get(parent);
	hash_insert(entry);
	list_append(&parent->inode->dir, entry);
	dentry_put(old_parent);
	return 0;
}

void dentry_swap(struct dentry *a, struct dentry *b)
{
	/* The names and parents change places; references to parents change with them. */
	take_out(a);
	take_out(b);
	struct dentry *parent = a->parent;
	a->parent = b->parent;
	b->parent = parent;
	uint8_t flags_a = a->flags & DENTRY_LONG_NAME;
	uint8_t flags_b = b->flags & DENTRY_LONG_NAME;
	uint8_t length = a->name_length;
	char name[DENTRY_INLINE];
	memcpy(name, a->name_inline, sizeof(name));
	memcpy(a->name_inline, b->name_inline, sizeof(name));
	memcpy(b->name_inline, name, sizeof(name));
	a->name_length = b->name_length;
	b->name_length = length;
	a->flags = (uint8_t)((a->flags & ~DENTRY_LONG_NAME) | flags_b);
	b->flags = (uint8_t)((b->flags & ~DENTRY_LONG_NAME) | flags_a);
	hash_insert(a);
	hash_insert(b);
	list_append(&a->parent->inode->dir, a);
	list_append(&b->parent->inode->dir, b);
}

struct dentry *dentry_find(struct dentry *parent, const char *name, uint32_t length)
{
	uint32_t hash = name_hash(parent, name, length);
	for (struct dentry *entry = *bucket_of(hash); entry; entry = entry->hash_next) {
		if (entry->hash == hash && entry->parent == parent && entry->name_length == length &&
		    memcmp(dentry_name(entry), name, length) == 0)
			return dentry_get(entry);
	}
	return NULL;
}

bool dentry_is_below(const struct dentry *entry, const struct dentry *ancestor)
{
	for (;;) {
		if (entry == ancestor)
			return true;
		if (entry->parent == entry)
			return false;
		entry = entry->parent;
	}
}

struct dentry *dentry_above(struct dentry *entry, const struct dentry *root)
{
	while (entry != root && entry->parent == entry && entry->inode->fs->covers)
		entry = entry->inode->fs->covers;
	return entry == root ? entry : entry->parent;
}

int dentry_path(const struct dentry *entry, const struct dentry *root, char *out, uint32_t size)
{
	/* Built backward from the buffer's end, then moved to its start. */
	uint32_t at = size;
	bool deleted = (entry->flags & DENTRY_DELETED) != 0;
	while (entry != root) {
		if (entry->parent == entry) {
			if (!entry->inode->fs->covers)
				break;
			entry = entry->inode->fs->covers;
			continue;
		}
		uint32_t length = entry->name_length;
		if (at < length + 1u)
			return -ENAMETOOLONG;
		at -= length;
		memcpy(out + at, dentry_name(entry), length);
		out[--at] = '/';
		entry = entry->parent;
	}
	if (at == size) {
		if (at == 0)
			return -ENAMETOOLONG;
		out[--at] = '/';
	}
	uint32_t length = size - at;
	memmove(out, out + at, length);
	if (deleted) {
		if (length + 10u > size)
			return -ENAMETOOLONG;
		memcpy(out + length, " (deleted)", 10);
		length += 10;
	}
	return (int)length;
}
