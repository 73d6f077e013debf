/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The objects of the vfs and who refers to whom.
 *
 *   open file description (struct file) -> dentry -> inode.  Every arrow is a counted reference.
 *   A dentry refers to its parent; a dentry that stands in its directory (DENTRY_LINKED) holds one reference to itself.
 *   An inode lives as long as a dentry or a file refers to it; nlink counts names.
 *   A file system's root dentry is its own parent; filesystem.covers is the dentry it is mounted on.
 *
 * Nothing here knows of messages: env.h says what the core needs of the world, so all of it runs in host tests.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <quota.h>
#include <watch.h>
#include <tessera/file.h>
#include <tessera/labels.h>

#define NAME_BYTES_MAX 255u
#define SYMLINK_DEPTH_MAX 40u
#define FILE_SIZE_MAX ((1ull << 42) - 4096u) /* three levels of index frames */
#define PATH_BYTES_MAX 4096u
#define SYMLINK_CHARGED_BYTES 256u /* QUOTA_NAMES counts one for each */

/* ---- who asks (caller.c) */
struct caller {
	uint64_t label;
	const struct label_process *process; /* NULL: a native service, which may do anything */
	uint32_t uid, gid;		     /* file system ids */
	uint32_t wait;			     /* record the caller as a waiter if it would block */
};

/* The caller behind a label: of a dead process EPERM's worth (uid ~0). real: by the real ids (access). */
struct caller caller_of(uint64_t label, bool real);
bool caller_in_group(const struct caller *caller, uint32_t gid);
static inline bool caller_is_root(const struct caller *caller)
{
	return caller->uid == 0;
}
/* Soft limit RLIMIT_* of the caller, ~0 for natives. */
uint64_t caller_limit(const struct caller *caller, uint32_t resource);
/* The process part of a label (generation and index), which owns record locks and windows. */
static inline uint64_t label_owner(uint64_t label)
{
	return label & ~0xffffull;
}
/* Whether the process of a label still runs. */
bool label_is_alive(uint64_t label);
/* The process entry of a label if its generation counts, else NULL. */
const struct label_process *label_process_of(uint64_t label);

/* ---- quotas: what each user may have (quota.h). quotas_init: after frames_init. */
enum quota_kind {
	QUOTA_FILES,	  /* open descriptions */
	QUOTA_NAMES,	  /* inodes, names, and each 256 bytes of a symbolic link */
	QUOTA_PAGES,	  /* frames of files' contents, index frames included; of readiness pages */
	QUOTA_PIPE_PAGES, /* frames of pipes beyond each one's first */
	QUOTA_WAITERS,	  /* records of waiting threads, beyond the first of an object */
	QUOTA_LOCKS,
	QUOTA_OBJECTS, /* files that mem knows: mapped ones */
	QUOTA_WINDOWS, /* frames of transfer windows */
};
void quotas_init(void);
/* The account of the user behind a label. */
uint32_t account_of(uint64_t label);

/* ---- waiting (wait.c): threads to be woken when an object changes */
struct waiter {
	struct waiter *next;
	uint64_t label;
	uint32_t events;  /* POLL* bits it waits for; WAIT_LOCK */
	uint32_t granted; /* FIFO opens: the other side came meanwhile */
	uint32_t account; /* QUOTA_WAITERS */
};
#define WAIT_LOCK 0x10000u
#define WAIT_OPEN_READ 0x20000u
#define WAIT_OPEN_WRITE 0x40000u

/* Records the caller once. ENOMEM when there is no memory, ENOBUFS when its user has too many. */
int wait_add(struct waiter **list, uint64_t label, uint32_t events);
/* Wakes and forgets those who wait for any of events. */
void wait_wake(struct waiter **list, uint32_t events);
void wait_cancel(struct waiter **list, uint64_t label);
static inline void wait_wake_if(struct waiter **list, uint32_t events)
{
	if (*list)
		wait_wake(list, events);
}

static inline void watch_changed_if(struct watch **list, uint32_t key)
{
	if (*list)
		watch_changed(list, key);
}

/* ---- readiness pages (readiness.c): one a process, made when it is first asked for */
struct env_object;
/* The caller's page, made or emptied. object: to be mapped by the process. ENOBUFS, ENOMEM. */
int readiness_open(uint64_t label, const struct env_object **object);
/* The page of the label's process, or NULL. */
struct watch_page *readiness_page(uint64_t label);
/* Frees the pages of processes that are gone. */
void readiness_reap(void);
uint32_t readiness_count(void);

/* ---- inodes */
enum node_kind {
	NODE_NONE = 0,
	NODE_FILE,	/* regular file in frames */
	NODE_DIRECTORY, /* names in frames */
	NODE_SYMLINK,
	NODE_FIFO,   /* named or anonymous pipe */
	NODE_SOCKET, /* a name only */
	NODE_DEVICE,
	NODE_PROC, /* made by procfs or devpts on the fly */
	NODE_EVENT,
	NODE_TIMER,
};

/* Contents of a file: a radix tree of frames, each index frame 1,024 entries. height 0: root is page 0 itself. */
struct filesystem;
struct data {
	uint32_t root;
	uint32_t height;
	uint64_t pages;	       /* data frames */
	struct filesystem *fs; /* charged for them; NULL: nobody any more */
	uint32_t account;      /* QUOTA_PAGES, index frames too */
	uint32_t reserved;
};
#define DATA_SUPPLIED 0x80000000u /* in an entry: the mem object has this frame */

struct dentry;
struct directory {
	struct dentry *first, *last;
	uint64_t next_position;
	uint32_t children;
};

#define PIPE_PAGES 16u
#define PIPE_BYTES (PIPE_PAGES * 4096u)
struct pipe {
	uint32_t head, length;		       /* of the ring of PIPE_BYTES */
	uint32_t readers, writers;	       /* open ends */
	uint32_t ghost_readers, ghost_writers; /* granted opens that were not fetched yet */
	uint32_t page[PIPE_PAGES];
	uint32_t capacity;
	uint32_t account; /* QUOTA_PIPE_PAGES */
	uint32_t charged; /* frames it has beyond the first */
	uint32_t reserved;
};

struct event_state {
	uint64_t count;
	uint32_t is_semaphore;
};

struct timer_state {
	struct inode *next_armed;	  /* list of armed timers */
	uint64_t expires_ns, interval_ns; /* absolute on the boot clock; 0: disarmed */
	uint64_t expirations;
	uint32_t clock, is_armed;
};

struct proc_state {
	uint32_t type;	     /* enum proc_type */
	uint32_t process;    /* index in the label table */
	uint32_t generation; /* of the process */
	uint32_t number;     /* descriptor, tid or pts number */
};

struct stamp {
	int64_t sec;
	int64_t nsec;
};

struct lock;
struct mapped;
struct filesystem;

struct inode {
	uint64_t ino, size, rdev;
	struct filesystem *fs;
	uint32_t refs, nlink;
	uint32_t mode, uid, gid;
	uint32_t kind; /* enum node_kind */
	struct stamp atime, mtime, ctime, btime;
	union {
		struct data data;
		struct directory dir;
		char *target; /* slab of names, NUL-terminated */
		struct pipe *pipe;
		struct event_state event;
		struct timer_state timer;
		struct proc_state proc;
	};
	struct waiter *waiters;
	struct watch *watches; /* armed descriptors (watch.h) */
	struct lock *locks;
	struct mapped *mapped;
	uint32_t writers, executors; /* open descriptions for writing; for OPEN_EXEC */
	struct dentry *alias;	     /* one of its names, not counted; NULL: none known */
	uint32_t account;	     /* QUOTA_NAMES */
	uint32_t reserved;
};

/* caller: whose it is and who is charged; NULL: root. NULL: no memory, or the user has too many. */
struct inode *inode_new(struct filesystem *fs, enum node_kind kind, uint32_t mode,
			const struct caller *caller);
static inline struct inode *inode_get(struct inode *inode)
{
	inode->refs++;
	return inode;
}
void inode_put(struct inode *inode);
uint32_t inode_count(void);
void inode_stat(const struct inode *inode, struct file_stat *out);
/* Marks times as changed now. */
#define TOUCH_ATIME 1u
#define TOUCH_MTIME 2u
#define TOUCH_CTIME 4u
void inode_touch(struct inode *inode, uint32_t which);
/* atime after a read, as relatime judges. */
void inode_accessed(struct inode *inode);
struct stamp stamp_now(void);
/* A string of up to 4,095 bytes in the names' memory; NULL: no memory. */
char *string_new(const char *text, uint32_t length);
void string_free(char *text);

static inline bool inode_is_directory(const struct inode *inode)
{
	return (inode->mode & S_IFMT) == S_IFDIR;
}
static inline bool inode_is_symlink(const struct inode *inode)
{
	return (inode->mode & S_IFMT) == S_IFLNK;
}

/* ---- names */
#define DENTRY_LINKED 1u    /* stands in its directory */
#define DENTRY_DELETED 2u   /* was removed: paths show (deleted) */
#define DENTRY_LONG_NAME 4u /* name is a string of its own */
#define DENTRY_INLINE 48u

struct dentry {
	struct dentry *parent;
	struct inode *inode;
	struct dentry *hash_next;
	struct dentry *next, *prev; /* in the directory's order */
	struct dentry *mounted;	    /* root of the file system mounted here */
	uint64_t position;	    /* getdents offset */
	uint32_t refs, hash;
	uint8_t flags, name_length;
	uint16_t account; /* QUOTA_NAMES */
	uint32_t reserved;
	union {
		char name_inline[DENTRY_INLINE];
		char *name_long;
	};
};

static inline const char *dentry_name(const struct dentry *entry)
{
	return (entry->flags & DENTRY_LONG_NAME) ? entry->name_long : entry->name_inline;
}
static inline struct dentry *dentry_get(struct dentry *entry)
{
	entry->refs++;
	return entry;
}
void dentry_free(struct dentry *entry);
static inline void dentry_put(struct dentry *entry)
{
	if (--entry->refs == 0)
		dentry_free(entry);
}
/*
 * A name for inode (takes over the caller's reference to inode, also on failure) under parent (NULL: a root), not linked.
 * account: who is charged for it. NULL: no memory, or the user has too many.
 */
struct dentry *dentry_new(struct dentry *parent, const char *name, uint32_t length, struct inode *inode,
			  uint32_t account);
/* Puts it into its parent's directory at the end; the name is not there yet. */
void dentry_link(struct dentry *entry);
/* Takes it out; its own reference is dropped. */
void dentry_unlink(struct dentry *entry);
/* Moves to another directory and name (not there yet). ENOMEM before anything changed. */
int dentry_move(struct dentry *entry, struct dentry *parent, const char *name, uint32_t length);
/* Exchanges the places of two names. */
void dentry_swap(struct dentry *a, struct dentry *b);
/* The linked child with that name, with a reference, or NULL. */
struct dentry *dentry_find(struct dentry *parent, const char *name, uint32_t length);
/* Whether ancestor is entry or above it, mounts not crossed. */
bool dentry_is_below(const struct dentry *entry, const struct dentry *ancestor);
/* Path as seen from root; returns its length, -ENAMETOOLONG if it does not fit. */
int dentry_path(const struct dentry *entry, const struct dentry *root, char *out, uint32_t size);
/* The dentry above, mounts crossed, not above root. No reference. */
struct dentry *dentry_above(struct dentry *entry, const struct dentry *root);

/* ---- file systems and mounts (mount.c) */
enum fs_type { FS_TMPFS = 0, FS_PROC, FS_DEV, FS_PTS, FS_ANON, FS_TYPES };

struct filesystem {
	struct filesystem *next; /* list of mounts, in order */
	struct dentry *root;
	struct dentry *covers; /* NULL: the root file system, or detached */
	char *source;
	uint32_t type;	 /* enum fs_type */
	uint32_t device; /* st_dev minor */
	uint32_t flags;	 /* MS_* */
	uint32_t users;	 /* open files on it */
	uint32_t is_detached;
	uint32_t reserved;
	uint64_t pages, pages_max; /* of contents; 0: no limit of its own (size=) */
};

extern struct dentry *root_dentry;     /* of the whole system */
extern struct filesystem fs_anonymous; /* pipes, eventfds, memfds */
extern struct filesystem *mounts_first;
#define FS_MS_RDONLY 1u
#define FS_MS_NOSUID 2u
#define FS_MS_NODEV 4u
#define FS_MS_NOEXEC 8u
#define FS_MS_NOATIME 1024u
#define FS_MS_RELATIME (1u << 21)

int mounts_init(void);
int mount_at(struct dentry *at, enum fs_type type, const char *source, uint32_t flags, const char *options);
int mount_remove(struct dentry *root, uint32_t flags);
/* The last user of a detached file system left. */
void mount_unused(struct filesystem *fs);
const char *mount_type_name(enum fs_type type);
static inline bool fs_is_readonly(const struct filesystem *fs)
{
	return (fs->flags & FS_MS_RDONLY) != 0;
}

/* ---- permission (permission.c) */
#define MAY_READ 4u
#define MAY_WRITE 2u
#define MAY_EXECUTE 1u
int permission(const struct inode *inode, const struct caller *caller, uint32_t may);
bool permission_is_owner(const struct inode *inode, const struct caller *caller);
/* Whether the caller may remove or replace entry in dir (write, execute, sticky). */
int permission_delete(const struct dentry *entry, const struct caller *caller);

/* ---- path walk (walk.c) */
#define WALK_FOLLOW 1u /* a symbolic link at the end is followed */
#define WALK_PARENT 2u /* the last name may be missing; parent and last name are told */
#define WALK_NO_TRAILING \
	4u /* with PARENT: a trailing slash neither follows a link nor asks for a directory; it is told */

struct walk_start {
	struct dentry *at;   /* NULL: the start is no directory (ENOTDIR for relative paths) */
	struct dentry *root; /* NULL: the system's */
};

enum walk_last { LAST_NAME = 0, LAST_DOT, LAST_DOTDOT, LAST_ROOT };

struct walk {
	struct dentry *entry;  /* what was found, with a reference; NULL if missing (WALK_PARENT) */
	struct dentry *parent; /* WALK_PARENT: with a reference */
	const char *name;      /* WALK_PARENT: last name, valid until the next walk */
	uint32_t name_length;
	uint32_t last;		   /* enum walk_last */
	uint32_t trailing;	   /* a slash stood behind the last name */
	uint32_t number, consumed; /* with ST_OWN_DESCRIPTOR */
};

int walk_path(const struct caller *caller, struct walk_start start, const char *path, uint32_t length,
	      uint32_t flags, struct walk *out);
void walk_done(struct walk *walk);

/* One symbolic link's text; length or -errno (EACCES: see proc_follow_other), or ST_OWN_DESCRIPTOR with *number. */
int symlink_read(const struct caller *caller, struct inode *inode, char *out, uint32_t size,
		 uint32_t *number);

/* ---- names changed (names.c) */
int name_create(const struct caller *caller, struct walk *where, enum node_kind kind, uint32_t mode,
		uint64_t rdev, struct dentry **out);
int name_symlink(const struct caller *caller, struct walk *where, const char *target, uint32_t length);
int name_unlink(const struct caller *caller, struct walk *what, bool is_rmdir);
int name_link(const struct caller *caller, struct dentry *from, struct walk *to);
int name_rename(const struct caller *caller, struct walk *from, struct walk *to, uint32_t flags);

/* ---- attributes (attributes.c) */
int attribute_chmod(const struct caller *caller, struct inode *inode, uint32_t mode);
int attribute_chown(const struct caller *caller, struct inode *inode, uint32_t uid, uint32_t gid);
int attribute_utimens(const struct caller *caller, struct inode *inode, struct stamp atime,
		      struct stamp mtime);
int attribute_truncate(const struct caller *caller, struct inode *inode, uint64_t size);
/* Writing or giving away takes set-id bits. */
void attribute_drop_setid(const struct caller *caller, struct inode *inode);
struct statfs_out {
	int64_t type, bsize;
	uint64_t blocks, bfree, bavail, files, ffree;
	int32_t fsid[2];
	int64_t namelen, frsize, flags, spare[4];
};
static_assert(sizeof(struct statfs_out) == 120, "struct statfs of Linux x86_64");
void attribute_statfs(const struct filesystem *fs, struct statfs_out *out);
