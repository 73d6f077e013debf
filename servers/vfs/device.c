/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Device files. Numbers are Linux'; terminals are known here only by number and are opened by tty. */
#include "device.h"

#include <string.h>

#include "memory.h"

#define MAJOR_MEM 1u
#define MAJOR_TTYS 4u
#define MAJOR_TTY 5u
#define MAJOR_PTS 136u
#define TTYS_FIRST 64u

enum { MEM_NULL = 3, MEM_ZERO = 5, MEM_FULL = 7, MEM_RANDOM = 8, MEM_URANDOM = 9 };
enum { TTY_OPEN_CURRENT = 0, TTY_OPEN_CONSOLE = 1, TTY_OPEN_SERIAL = 2, TTY_OPEN_PTMX = 3, TTY_OPEN_PTS = 4 };

/* Linux' split of dev_t: 12 bits major, 20 bits minor in the classic places. */
static uint32_t major_of(uint64_t rdev)
{
	return (uint32_t)((rdev >> 8) & 0xfffu) | (uint32_t)((rdev >> 32) & 0xfffff000u);
}

static uint32_t minor_of(uint64_t rdev)
{
	return (uint32_t)(rdev & 0xffu) | (uint32_t)((rdev >> 12) & 0xffffff00u);
}

static enum device_who tty_device(uint32_t major, uint32_t minor, uint32_t *kind, uint32_t *index)
{
	*index = 0;
	if (major == MAJOR_TTYS && minor >= TTYS_FIRST) {
		*kind = TTY_OPEN_SERIAL;
		*index = minor - TTYS_FIRST;
		return DEVICE_TTY;
	}
	if (major == MAJOR_PTS) {
		*kind = TTY_OPEN_PTS;
		*index = minor;
		return DEVICE_TTY;
	}
	if (major == MAJOR_TTY && minor <= 2) {
		*kind = minor == 2 ? TTY_OPEN_PTMX : minor == 1 ? TTY_OPEN_CONSOLE : TTY_OPEN_CURRENT;
		return DEVICE_TTY;
	}
	return DEVICE_UNKNOWN;
}

enum device_who device_of(const struct inode *inode, uint32_t *tty_kind, uint32_t *tty_index)
{
	uint32_t major = major_of(inode->rdev), minor = minor_of(inode->rdev);
	if (!S_ISCHR(inode->mode))
		return DEVICE_UNKNOWN;
	if (major == MAJOR_MEM)
		return minor == MEM_NULL || minor == MEM_ZERO || minor == MEM_FULL || minor == MEM_RANDOM ||
				       minor == MEM_URANDOM
			       ? DEVICE_OURS
			       : DEVICE_UNKNOWN;
	return tty_device(major, minor, tty_kind, tty_index);
}

int device_read(const struct inode *inode, void *to, uint32_t length, uint32_t *done)
{
	*done = length;
	switch (minor_of(inode->rdev)) {
	case MEM_ZERO:
	case MEM_FULL: bytes_zero(to, length); return 0;
	case MEM_RANDOM:
	case MEM_URANDOM: random_bytes(to, length); return 0;
	default: *done = 0; return 0;
	}
}

int device_write(const struct inode *inode, uint32_t length, uint32_t *done)
{
	*done = length;
	if (minor_of(inode->rdev) == MEM_FULL && length > 0) {
		*done = 0;
		return ENOSPC;
	}
	return 0;
}

struct device_entry {
	const char *name;
	uint32_t mode;
	uint64_t rdev;
	const char *target;
};

static const struct device_entry entries[] = {
	{"null", S_IFCHR | 0666u, DEVICE(MAJOR_MEM, MEM_NULL), NULL},
	{"zero", S_IFCHR | 0666u, DEVICE(MAJOR_MEM, MEM_ZERO), NULL},
	{"full", S_IFCHR | 0666u, DEVICE(MAJOR_MEM, MEM_FULL), NULL},
	{"random", S_IFCHR | 0666u, DEVICE(MAJOR_MEM, MEM_RANDOM), NULL},
	{"urandom", S_IFCHR | 0666u, DEVICE(MAJOR_MEM, MEM_URANDOM), NULL},
	{"tty", S_IFCHR | 0666u, DEVICE(MAJOR_TTY, 0), NULL},
	{"console", S_IFCHR | 0600u, DEVICE(MAJOR_TTY, 1), NULL},
	{"ptmx", S_IFCHR | 0666u, DEVICE(MAJOR_TTY, 2), NULL},
	{"ttyS0", S_IFCHR | 0660u, DEVICE(MAJOR_TTYS, TTYS_FIRST), NULL},
	{"ttyS1", S_IFCHR | 0660u, DEVICE(MAJOR_TTYS, TTYS_FIRST + 1), NULL},
	{"pts", S_IFDIR | 0755u, 0, NULL},
	{"shm", S_IFDIR | 01777u, 0, NULL},
	{"fd", S_IFLNK | 0777u, 0, "/proc/self/fd"},
	{"stdin", S_IFLNK | 0777u, 0, "/proc/self/fd/0"},
	{"stdout", S_IFLNK | 0777u, 0, "/proc/self/fd/1"},
	{"stderr", S_IFLNK | 0777u, 0, "/proc/self/fd/2"},
};

static int make_entry(struct dentry *root, const struct device_entry *entry)
{
	struct caller system = {.label = LABEL_NATIVE};
	struct walk where = {
		.parent = root,
		.name = entry->name,
		.name_length = (uint32_t)strlen(entry->name),
	};
	if (entry->target)
		return name_symlink(&system, &where, entry->target, (uint32_t)strlen(entry->target));
	enum node_kind kind = S_ISDIR(entry->mode) ? NODE_DIRECTORY : NODE_DEVICE;
	struct dentry *made = NULL;
	int error = name_create(&system, &where, kind, entry->mode, entry->rdev, &made);
	if (error == 0)
		dentry_put(made);
	return error;
}

int device_populate(struct dentry *root)
{
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		int error = make_entry(root, &entries[i]);
		if (error != 0)
			return error;
	}
	return 0;
}
