/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Locks of an inode stand in one unordered list. A record lock's owner is the process part of the label; locks of processes
 * that died are dropped when they are found in the way. Who waits for whom stands in a small table, which both detects
 * deadlocks and lets waiters be woken every 20 ms, should a holder have died without closing this very inode.
 */
#include "lock.h"

#include <sys/file.h>

#include "env.h"
#include "memory.h"

#define WAITS_MAX 256u
#define RECHECK_NS 20000000ull
#define TYPE_READ 0u
#define TYPE_WRITE 1u
#define TYPE_UNLOCK 2u

struct lock {
	struct lock *next;
	uint64_t owner;	   /* label_owner; of flock: 0 */
	struct file *file; /* of flock; NULL: record lock */
	uint64_t start, end;
	uint32_t type, pid;
	uint32_t account; /* QUOTA_LOCKS */
	uint32_t reserved;
};

struct lock_wait {
	uint64_t label;	  /* 0: free */
	uint64_t blocker; /* owner it waits for; 0: an flock */
};

static struct slab lock_slab = SLAB_OF(struct lock);
static uint32_t locks_used;
static struct lock_wait waits[WAITS_MAX];
uint32_t lock_waits_used;
static uint64_t recheck_at; /* 0: nobody waits */

/* A lock that stands nowhere yet; NULL: too many in all or of its user, or no memory. */
static struct lock *lock_new(uint64_t label)
{
	uint32_t account = account_of(label);
	if (locks_used >= LOCKS_MAX || !quota_charge(account, QUOTA_LOCKS, 1))
		return NULL;
	struct lock *lock = slab_alloc(&lock_slab);
	if (!lock) {
		quota_release(account, QUOTA_LOCKS, 1);
		return NULL;
	}
	locks_used++;
	lock->account = account;
	return lock;
}

static void lock_free(struct lock *lock)
{
	locks_used--;
	quota_release(lock->account, QUOTA_LOCKS, 1);
	slab_free(&lock_slab, lock);
}

static void remove_at(struct lock **at)
{
	struct lock *lock = *at;
	*at = lock->next;
	lock_free(lock);
}

static void wake_waiters(struct inode *inode)
{
	wait_wake_if(&inode->waiters, WAIT_LOCK);
}

void lock_wait_forget(uint64_t label)
{
	for (uint32_t i = 0; lock_waits_used > 0 && i < WAITS_MAX; i++) {
		if (waits[i].label != label)
			continue;
		waits[i].label = 0;
		lock_waits_used--;
		return;
	}
}

static int wait_remember(struct inode *inode, const struct caller *caller, uint64_t blocker)
{
	struct lock_wait *free_entry = NULL;
	uint32_t account = account_of(caller->label), same_user = 0;
	for (uint32_t i = 0; i < WAITS_MAX; i++) {
		if (waits[i].label != 0 && !label_is_alive(waits[i].label)) {
			waits[i].label = 0;
			lock_waits_used--;
		}
		if (waits[i].label == 0 && !free_entry)
			free_entry = &waits[i];
		same_user += waits[i].label != 0 && account_of(waits[i].label) == account;
	}
	if (!free_entry || (account != QUOTA_ROOT && same_user >= WAITS_MAX / 2))
		return ENOLCK;
	if (wait_add(&inode->waiters, caller->label, WAIT_LOCK) != 0)
		return ENOLCK;
	*free_entry = (struct lock_wait){.label = caller->label, .blocker = blocker};
	lock_waits_used++;
	if (recheck_at == 0)
		recheck_at = env_now_ns() + RECHECK_NS;
	return 0;
}

/* Whether owner waits, directly or not, for wanted. */
static bool waits_for(uint64_t owner, uint64_t wanted)
{
	for (uint32_t steps = 0; steps < WAITS_MAX && owner != 0; steps++) {
		uint64_t next = 0;
		for (uint32_t i = 0; i < WAITS_MAX; i++)
			if (waits[i].label != 0 && label_owner(waits[i].label) == owner)
				next = waits[i].blocker;
		if (next == wanted)
			return true;
		owner = next;
	}
	return false;
}

static bool conflicts(const struct lock *lock, uint64_t owner, const struct lock_range *range)
{
	if (lock->file || lock->owner == owner)
		return false;
	if (lock->end <= range->start || range->end <= lock->start)
		return false;
	return lock->type == TYPE_WRITE || range->type == TYPE_WRITE;
}

/* The first living lock in the way. */
static const struct lock *find_conflict(struct inode *inode, uint64_t owner, const struct lock_range *range)
{
	const struct lock *found = NULL;
	struct lock **at = &inode->locks;
	while (*at) {
		if (!(*at)->file && !label_is_alive((*at)->owner)) {
			remove_at(at);
			continue;
		}
		if (conflicts(*at, owner, range) && (!found || (*at)->start < found->start))
			found = *at;
		at = &(*at)->next;
	}
	return found;
}

/* Enters a new lock: record locks of an owner; flock: owner 0 and its file. */
static void insert(struct inode *inode, struct lock *lock, struct lock value)
{
	value.next = inode->locks;
	value.account = lock->account;
	*lock = value;
	inode->locks = lock;
}

/* Takes [start, end) out of the owner's locks; `spare` is used if one has to be split in two. False: there is none. */
static bool carve(struct inode *inode, uint64_t owner, uint64_t start, uint64_t end, struct lock **spare)
{
	struct lock **at = &inode->locks;
	while (*at) {
		struct lock *lock = *at;
		if (lock->file || lock->owner != owner || lock->end <= start || end <= lock->start) {
			at = &lock->next;
		} else if (lock->start >= start && lock->end <= end) {
			remove_at(at);
		} else if (lock->start < start && lock->end > end) {
			struct lock *upper = *spare;
			if (!upper)
				return false; /* nothing was changed: no other lock of the owner lies here */
			*spare = NULL;
			uint32_t account = upper->account;
			*upper = *lock;
			upper->account = account;
			upper->start = end;
			lock->end = start;
			lock->next = upper;
			return true;
		} else {
			if (lock->start < start)
				lock->end = start;
			else
				lock->start = end;
			at = &lock->next;
		}
	}
	return true;
}

/* Joins the new lock with the owner's neighbours of the same type. */
static void merge(struct inode *inode, struct lock *lock)
{
	struct lock **at = &inode->locks;
	while (*at) {
		struct lock *other = *at;
		bool same = other != lock && !other->file && other->owner == lock->owner &&
			    other->type == lock->type;
		if (same && (other->end == lock->start || lock->end == other->start)) {
			lock->start = other->start < lock->start ? other->start : lock->start;
			lock->end = other->end > lock->end ? other->end : lock->end;
			remove_at(at);
		} else {
			at = &other->next;
		}
	}
}

int lock_set(struct file *file, const struct caller *caller, struct lock_range range)
{
	struct inode *inode = file->inode;
	uint64_t owner = label_owner(caller->label);
	lock_wait_forget(caller->label);
	if (range.type != TYPE_UNLOCK) {
		const struct lock *blocker = find_conflict(inode, owner, &range);
		if (blocker && !caller->wait)
			return EAGAIN;
		if (blocker) {
			if (waits_for(blocker->owner, owner))
				return EDEADLK;
			int error = wait_remember(inode, caller, blocker->owner);
			return error != 0 ? error : ST_WOULD_BLOCK;
		}
	}
	struct lock *spare = lock_new(caller->label);
	struct lock *made = range.type != TYPE_UNLOCK && spare ? lock_new(caller->label) : NULL;
	bool is_done =
		(made || range.type == TYPE_UNLOCK) && carve(inode, owner, range.start, range.end, &spare);
	if (is_done && made) {
		insert(inode, made,
		       (struct lock){.owner = owner,
				     .start = range.start,
				     .end = range.end,
				     .type = range.type,
				     .pid = range.pid});
		merge(inode, made);
	}
	if (spare)
		lock_free(spare);
	wake_waiters(inode);
	return is_done ? 0 : ENOLCK;
}

void lock_get(struct file *file, const struct caller *caller, struct lock_range *range)
{
	const struct lock *lock = find_conflict(file->inode, label_owner(caller->label), range);
	if (!lock) {
		range->type = TYPE_UNLOCK;
		return;
	}
	*range = (struct lock_range){
		.start = lock->start, .end = lock->end, .type = lock->type, .pid = lock->pid};
}

static struct lock **find_flock(struct inode *inode, const struct file *file)
{
	for (struct lock **at = &inode->locks; *at; at = &(*at)->next)
		if ((*at)->file == file)
			return at;
	return NULL;
}

static bool flock_conflict(const struct inode *inode, const struct file *file, uint32_t type)
{
	for (const struct lock *lock = inode->locks; lock; lock = lock->next)
		if (lock->file && lock->file != file && (lock->type == TYPE_WRITE || type == TYPE_WRITE))
			return true;
	return false;
}

int lock_flock(struct file *file, const struct caller *caller, uint32_t operation)
{
	struct inode *inode = file->inode;
	operation &= ~(uint32_t)LOCK_NB;
	lock_wait_forget(caller->label);
	if (operation != LOCK_SH && operation != LOCK_EX && operation != LOCK_UN)
		return EINVAL;
	struct lock **mine = find_flock(inode, file);
	if (operation == LOCK_UN) {
		if (mine)
			remove_at(mine);
		wake_waiters(inode);
		return 0;
	}
	uint32_t type = operation == LOCK_EX ? TYPE_WRITE : TYPE_READ;
	if (mine && (*mine)->type == type)
		return 0;
	if (mine) { /* a conversion is not atomic: as on Linux the old lock goes first */
		remove_at(mine);
		wake_waiters(inode);
	}
	if (flock_conflict(inode, file, type)) {
		int error = caller->wait ? wait_remember(inode, caller, 0) : 0;
		return error != 0 ? error : ST_WOULD_BLOCK;
	}
	struct lock *lock = lock_new(caller->label);
	if (!lock)
		return ENOLCK;
	insert(inode, lock, (struct lock){.end = ~0ull, .file = file});
	lock->type = type;
	file->state |= OPENFILE_FLOCK;
	wake_waiters(inode);
	return 0;
}

void lock_file_closed(struct file *file)
{
	struct inode *inode = file->inode;
	struct lock **mine = (file->state & OPENFILE_FLOCK) ? find_flock(inode, file) : NULL;
	if (mine)
		remove_at(mine);
	struct lock **at = &inode->locks;
	while (*at) {
		if (!(*at)->file && !label_is_alive((*at)->owner))
			remove_at(at);
		else
			at = &(*at)->next;
	}
	wake_waiters(inode);
}

void lock_free_all(struct inode *inode)
{
	while (inode->locks)
		remove_at(&inode->locks);
}

uint64_t lock_recheck_next(void)
{
	return lock_waits_used > 0 && recheck_at != 0 ? recheck_at : ~0ull;
}

void lock_recheck_run(uint64_t now_ns)
{
	if (recheck_at == 0 || now_ns < recheck_at)
		return;
	recheck_at = 0;
	for (uint32_t i = 0; i < WAITS_MAX; i++) {
		if (waits[i].label == 0)
			continue;
		if (!label_is_alive(waits[i].label)) {
			waits[i].label = 0;
			lock_waits_used--;
			continue;
		}
		if (waits[i].blocker != 0 && !label_is_alive(waits[i].blocker))
			env_wake(LABEL_THREAD(waits[i].label));
		recheck_at = now_ns + RECHECK_NS;
	}
}
