/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The tree of procfs and devpts. The static part is linked once per mount; process directories and what is in them are
 * made for each walk and go with their last reference.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "data.h"
#include "device.h"
#include "env.h"
#include "memory.h"
#include "proc_types.h"
#include "upcall.h"

#define PTS_MAX 64u
#define PTS_DEVICE(number) DEVICE(136, number)
#define DESCRIPTORS_MAX LX_FD_MAX
#define FIRST_DYNAMIC (1ull << 32) /* offsets of process directories: this + pid */

struct proc_entry {
	const char *name;
	uint32_t type, mode;
};

static const struct proc_entry pid_entries[] = {
	{"task", PROC_TASKS, S_IFDIR | 0555u},
	{"fd", PROC_FDS, S_IFDIR | 0500u},
	{"stat", PROC_STAT, S_IFREG | 0444u},
	{"status", PROC_STATUS, S_IFREG | 0444u},
	{"statm", PROC_STATM, S_IFREG | 0444u},
	{"cmdline", PROC_CMDLINE, S_IFREG | 0444u},
	{"environ", PROC_ENVIRON, S_IFREG | 0400u},
	{"maps", PROC_MAPS, S_IFREG | 0444u},
	{"smaps", PROC_SMAPS, S_IFREG | 0444u},
	{"mem", PROC_MEM, S_IFREG | 0600u},
	{"comm", PROC_COMM, S_IFREG | 0644u},
	{"limits", PROC_LIMITS, S_IFREG | 0444u},
	{"mounts", PROC_MOUNTS, S_IFREG | 0444u},
	{"mountinfo", PROC_MOUNTINFO, S_IFREG | 0444u},
	{"oom_score_adj", PROC_OOM_ADJ, S_IFREG | 0644u},
	{"cgroup", PROC_CGROUP, S_IFREG | 0444u},
	{"exe", PROC_EXE, S_IFLNK | 0777u},
	{"cwd", PROC_CWD, S_IFLNK | 0777u},
	{"root", PROC_ROOT, S_IFLNK | 0777u},
};
#define PID_ENTRIES (sizeof(pid_entries) / sizeof(pid_entries[0]))

struct static_entry {
	const char *path;
	uint32_t type, mode;
};

static const struct static_entry static_entries[] = {
	{"self", PROC_SELF, S_IFLNK | 0777u},
	{"thread-self", PROC_THREAD_SELF, S_IFLNK | 0777u},
	{"mounts", PROC_MOUNTS_LINK, S_IFLNK | 0777u},
	{"meminfo", PROC_MEMINFO, S_IFREG | 0444u},
	{"cpuinfo", PROC_CPUINFO, S_IFREG | 0444u},
	{"uptime", PROC_UPTIME, S_IFREG | 0444u},
	{"version", PROC_VERSION, S_IFREG | 0444u},
	{"filesystems", PROC_FILESYSTEMS, S_IFREG | 0444u},
	{"stat", PROC_SYSTEM_STAT, S_IFREG | 0444u},
	{"loadavg", PROC_LOADAVG, S_IFREG | 0444u},
	{"cmdline", PROC_KERNEL_CMDLINE, S_IFREG | 0444u},
	{"devices", PROC_DEVICES, S_IFREG | 0444u},
	{"swaps", PROC_SWAPS, S_IFREG | 0444u},
	{"sys", 0, S_IFDIR | 0555u},
	{"sys/kernel", 0, S_IFDIR | 0555u},
	{"sys/kernel/hostname", PROC_HOST_NAME, S_IFREG | 0644u},
	{"sys/kernel/domainname", PROC_DOMAIN_NAME, S_IFREG | 0644u},
	{"sys/kernel/ostype", PROC_CONSTANT, S_IFREG | 0444u},
	{"sys/kernel/osrelease", PROC_CONSTANT, S_IFREG | 0444u},
	{"sys/kernel/version", PROC_CONSTANT, S_IFREG | 0444u},
	{"sys/kernel/pid_max", PROC_CONSTANT, S_IFREG | 0444u},
	{"sys/kernel/threads-max", PROC_CONSTANT, S_IFREG | 0444u},
	{"sys/kernel/ngroups_max", PROC_CONSTANT, S_IFREG | 0444u},
	{"sys/kernel/cap_last_cap", PROC_CONSTANT, S_IFREG | 0444u},
	{"sys/kernel/random", 0, S_IFDIR | 0555u},
	{"sys/kernel/random/uuid", PROC_UUID, S_IFREG | 0444u},
	{"sys/kernel/random/entropy_avail", PROC_CONSTANT, S_IFREG | 0444u},
	{"sys/kernel/random/poolsize", PROC_CONSTANT, S_IFREG | 0444u},
	{"sys/kernel/random/boot_id", PROC_BOOT_ID, S_IFREG | 0444u},
	{"sys/vm", 0, S_IFDIR | 0555u},
	{"sys/vm/overcommit_memory", PROC_CONSTANT, S_IFREG | 0444u},
	{"sys/fs", 0, S_IFDIR | 0555u},
	{"sys/fs/file-max", PROC_CONSTANT, S_IFREG | 0444u},
	{"sys/fs/pipe-max-size", PROC_CONSTANT, S_IFREG | 0444u},
	{"tessera", 0, S_IFDIR | 0555u},
	{"tessera/services", PROC_SERVICES, S_IFREG | 0444u},
	{"tessera/objects", PROC_OBJECTS, S_IFREG | 0444u},
	{"tessera/unimplemented", PROC_UNIMPLEMENTED, S_IFREG | 0444u},
	{"tessera/authority", PROC_AUTHORITY, S_IFREG | 0400u},
	{"tessera/log", PROC_LOG, S_IFREG | 0400u},
};

static struct {
	uint32_t uid, gid, mode;
} pts_nodes[PTS_MAX];

/* ---- the static part */

static int link_static(struct dentry *root, const struct static_entry *entry)
{
	struct dentry *dir = dentry_get(root);
	const char *name = entry->path, *slash;
	while ((slash = strchr(name, '/'))) {
		struct dentry *next = dentry_find(dir, name, (uint32_t)(slash - name));
		dentry_put(dir);
		dir = next;
		name = slash + 1;
	}
	bool is_dir = S_ISDIR(entry->mode);
	struct inode *inode =
		inode_new(root->inode->fs, is_dir ? NODE_DIRECTORY : NODE_PROC, entry->mode, NULL);
	struct dentry *made = inode ? dentry_new(dir, name, (uint32_t)strlen(name), inode, QUOTA_ROOT) : NULL;
	if (made) {
		if (!is_dir)
			inode->proc = (struct proc_state){.type = entry->type, .number = proc_constant(name)};
		else
			dir->inode->nlink++;
		dentry_link(made);
		dentry_put(made);
	}
	dentry_put(dir);
	return made ? 0 : ENOMEM;
}

int proc_mount(struct filesystem *fs)
{
	for (size_t i = 0; i < sizeof(static_entries) / sizeof(static_entries[0]); i++) {
		int error = link_static(fs->root, &static_entries[i]);
		if (error != 0)
			return error;
	}
	return 0;
}

/* ---- processes and names */

const struct label_process *proc_process(const struct inode *inode)
{
	uint32_t index = inode->proc.process;
	if (index == 0 || index >= LABEL_PROCESSES)
		return NULL;
	const struct label_process *process = &env_labels->process[index];
	bool counts = process->generation == inode->proc.generation && process->state != LABEL_FREE &&
		      process->state != LABEL_DEAD;
	return counts ? process : NULL;
}

static uint32_t process_limit(void)
{
	uint64_t high = env_labels->process_high;
	return high < LABEL_PROCESSES ? (uint32_t)high + 1 : LABEL_PROCESSES;
}

static uint32_t find_pid(uint32_t pid)
{
	for (uint32_t i = 1; i < process_limit(); i++) {
		const struct label_process *process = &env_labels->process[i];
		if (process->state != LABEL_FREE && process->state != LABEL_DEAD && process->pid == pid)
			return i;
	}
	return 0;
}

/* A decimal number without leading zeros; false: it is none. */
static bool parse_number(const char *name, uint32_t length, uint32_t *value)
{
	uint64_t number = 0;
	if (length == 0 || length > 9 || (name[0] == '0' && length > 1))
		return false;
	for (uint32_t i = 0; i < length; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		number = number * 10 + (uint32_t)(name[i] - '0');
	}
	*value = (uint32_t)number;
	return true;
}

static struct dentry *make(struct dentry *dir, const char *name, uint32_t length, uint32_t mode,
			   struct proc_state state)
{
	struct inode *inode = inode_new(dir->inode->fs, NODE_PROC, mode, NULL);
	if (!inode)
		return NULL;
	inode->proc = state;
	inode->ino =
		((uint64_t)state.process << 32) | ((uint64_t)state.type << 24) | (state.number & 0xffffffu);
	const struct label_process *process = state.process ? proc_process(inode) : NULL;
	if (process) {
		inode->uid = process->euid;
		inode->gid = process->egid;
	}
	if (S_ISDIR(mode))
		inode->nlink = 2;
	return dentry_new(dir, name, length, inode, QUOTA_ROOT);
}

static int made_or_nomem(struct dentry *made, struct dentry **found)
{
	*found = made;
	return made ? 0 : ENOMEM;
}

static int lookup_pid(struct dentry *dir, const char *name, uint32_t length, struct dentry **found)
{
	uint32_t pid;
	if (!parse_number(name, length, &pid))
		return 0;
	uint32_t index = find_pid(pid);
	if (index == 0)
		return 0;
	struct proc_state state = {
		.type = PROC_PID, .process = index, .generation = env_labels->process[index].generation};
	return made_or_nomem(make(dir, name, length, S_IFDIR | 0555u, state), found);
}

static int lookup_entry(struct dentry *dir, const char *name, uint32_t length, struct dentry **found)
{
	struct proc_state state = dir->inode->proc;
	if (!proc_process(dir->inode))
		return 0;
	for (size_t i = state.type == PROC_TID ? 1 : 0; i < PID_ENTRIES; i++) {
		const struct proc_entry *entry = &pid_entries[i];
		if (strlen(entry->name) != length || memcmp(entry->name, name, length) != 0)
			continue;
		state.type = entry->type;
		return made_or_nomem(make(dir, name, length, entry->mode, state), found);
	}
	return 0;
}

static bool thread_is_of(uint32_t index, const struct inode *inode)
{
	const struct label_thread *thread = &env_labels->thread[index];
	return thread->process == inode->proc.process && thread->state != LABEL_FREE &&
	       thread->state != LABEL_DEAD;
}

static int lookup_thread(struct dentry *dir, const char *name, uint32_t length, struct dentry **found)
{
	struct proc_state state = dir->inode->proc;
	uint32_t tid;
	if (!proc_process(dir->inode) || !parse_number(name, length, &tid))
		return 0;
	for (uint32_t i = 1; i < LABEL_THREADS; i++) {
		if (!thread_is_of(i, dir->inode) || env_labels->thread[i].tid != tid)
			continue;
		state.type = PROC_TID;
		state.number = tid;
		return made_or_nomem(make(dir, name, length, S_IFDIR | 0555u, state), found);
	}
	return 0;
}

static int lookup_descriptor(struct dentry *dir, const char *name, uint32_t length, struct dentry **found)
{
	struct proc_state state = dir->inode->proc;
	uint32_t number;
	if (!proc_process(dir->inode) || !parse_number(name, length, &number) || number >= DESCRIPTORS_MAX)
		return 0;
	state.type = PROC_FD;
	state.number = number;
	return made_or_nomem(make(dir, name, length, S_IFLNK | 0700u, state), found);
}

static int lookup_pts(struct dentry *dir, const char *name, uint32_t length, struct dentry **found)
{
	uint32_t number;
	if (!parse_number(name, length, &number) || number >= PTS_MAX || !(env_pts_mask() & (1ull << number)))
		return 0;
	struct proc_state state = {.type = PROC_PTS, .number = number};
	uint32_t mode = pts_nodes[number].mode ? pts_nodes[number].mode : 0620u;
	struct dentry *made = make(dir, name, length, S_IFCHR | mode, state);
	if (made) {
		made->inode->rdev = PTS_DEVICE(number);
		made->inode->uid = pts_nodes[number].uid;
		made->inode->gid = pts_nodes[number].gid;
	}
	return made_or_nomem(made, found);
}

static bool is_dynamic_root(const struct inode *dir)
{
	return (dir->fs->type == FS_PROC || dir->fs->type == FS_PTS) && dir->fs->root &&
	       dir == dir->fs->root->inode;
}

bool proc_is_dynamic(const struct inode *dir)
{
	return dir->kind == NODE_PROC || is_dynamic_root(dir);
}

int proc_lookup(const struct caller *caller, struct dentry *dir, const char *name, uint32_t length,
		struct dentry **found)
{
	const struct inode *inode = dir->inode;
	(void)caller;
	*found = NULL;
	if (is_dynamic_root(inode))
		return inode->fs->type == FS_PTS ? lookup_pts(dir, name, length, found)
						 : lookup_pid(dir, name, length, found);
	if (inode->kind != NODE_PROC)
		return 0;
	switch (inode->proc.type) {
	case PROC_PID:
	case PROC_TID: return lookup_entry(dir, name, length, found);
	case PROC_TASKS: return lookup_thread(dir, name, length, found);
	case PROC_FDS: return lookup_descriptor(dir, name, length, found);
	default: return 0;
	}
}

/* ---- links */

static bool is_own(const struct caller *caller, const struct inode *inode)
{
	return caller->process && LABEL_PROCESS(caller->label) == inode->proc.process &&
	       LABEL_GENERATION(caller->label) == inode->proc.generation;
}

static bool may_inspect(const struct caller *caller, const struct inode *inode)
{
	const struct label_process *process = proc_process(inode);
	if (!process)
		return false;
	return caller_is_root(caller) || is_own(caller, inode) ||
	       (caller->uid == process->uid && caller->uid == process->euid && caller->uid == process->suid);
}

static int copy_text(char *out, uint32_t size, const char *text)
{
	uint32_t length = (uint32_t)strlen(text);
	if (length > size)
		length = size;
	memcpy(out, text, length);
	return (int)length;
}

/* The program's file: what the path given to exec leads to now, else that path. */
static int text_of_exe(const struct label_process *process, char *out, uint32_t size)
{
	const struct caller system = {.label = LABEL_NATIVE};
	struct walk_start start = {.at = root_dentry};
	struct walk walk;
	char path[sizeof(process->exe) + 1] = {0};
	memcpy(path, process->exe, sizeof(process->exe));
	uint32_t length = (uint32_t)strlen(path);
	if (path[0] != '/' || walk_path(&system, start, path, length, WALK_FOLLOW, &walk) != 0)
		return copy_text(out, size, path);
	int found = dentry_path(walk.entry, root_dentry, out, size);
	walk_done(&walk);
	return found;
}

static int link_of_process(const struct caller *caller, const struct inode *inode, char *out, uint32_t size,
			   uint32_t *number)
{
	const struct label_process *process = proc_process(inode);
	if (!process)
		return -ENOENT;
	if (inode->proc.type == PROC_EXE) {
		if (!may_inspect(caller, inode))
			return -EACCES;
		if (process->exe[0] == '\0')
			return -ENOENT;
		return text_of_exe(process, out, size);
	}
	if (!is_own(caller, inode))
		return -EACCES;
	if (inode->proc.type == PROC_FD)
		*number = inode->proc.number;
	else
		*number = OWN_SCRATCH | (inode->proc.type == PROC_CWD ? 1u : 2u);
	return ST_OWN_DESCRIPTOR;
}

int proc_readlink(const struct caller *caller, const struct inode *inode, char *out, uint32_t size,
		  uint32_t *number)
{
	char text[64];
	switch (inode->proc.type) {
	case PROC_SELF:
		if (!caller->process)
			return -ENOENT;
		snprintf(text, sizeof(text), "%u", caller->process->pid);
		return copy_text(out, size, text);
	case PROC_THREAD_SELF:
		if (!caller->process)
			return -ENOENT;
		snprintf(text, sizeof(text), "%u/task/%u", caller->process->pid,
			 env_labels->thread[LABEL_THREAD(caller->label) % LABEL_THREADS].tid);
		return copy_text(out, size, text);
	case PROC_MOUNTS_LINK: return copy_text(out, size, "self/mounts");
	default: return link_of_process(caller, inode, out, size, number);
	}
}

/* Whether the caller may look behind a descriptor, cwd or root of another process, and proc's number for it. */
static bool may_follow(const struct caller *caller, const struct inode *inode, uint32_t *number)
{
	uint32_t type = inode->proc.type;
	bool is_scratch = type == PROC_CWD || type == PROC_ROOT;
	*number = is_scratch ? OWN_SCRATCH | (type == PROC_CWD ? 1u : 2u) : inode->proc.number;
	return inode->kind == NODE_PROC && (type == PROC_FD || is_scratch) && may_inspect(caller, inode);
}

int proc_readlink_other(const struct caller *caller, const struct inode *inode, char *out, uint32_t size)
{
	uint32_t number;
	if (!may_follow(caller, inode, &number))
		return -EACCES;
	if (!upcall_have(UPCALL_DESCRIPTOR_PATH, inode->proc.process, number))
		return VFS_PARK;
	const uint64_t *answer = upcall_answer();
	uint32_t length = answer[0] < size ? (uint32_t)answer[0] : size;
	if (length == 0)
		return -ENOENT;
	memcpy(out, answer + 1, length < 254u * 8u ? length : 254u * 8u);
	return (int)length;
}

int proc_follow_other(const struct caller *caller, const struct inode *inode, struct file **file)
{
	uint32_t number;
	uint64_t token;
	if (!may_follow(caller, inode, &number))
		return -EACCES;
	if (!upcall_have_description(inode->proc.process, number, &token))
		return VFS_PARK;
	*file = openfile_of_token(token);
	return token != 0 && !*file ? -ENOENT : 0; /* closed meanwhile */
}

int proc_may_open(const struct caller *caller, const struct inode *inode)
{
	switch (inode->proc.type) {
	case PROC_ENVIRON:
	case PROC_MAPS:
	case PROC_SMAPS:
	case PROC_MEM:
	case PROC_FDS: return may_inspect(caller, inode) ? 0 : EACCES;
	default: return 0;
	}
}

/* ---- listing */

static int list_pids(struct emitter *emitter, uint64_t *offset)
{
	static uint32_t pids[LABEL_PROCESSES];
	uint32_t count = 0;
	uint64_t from = *offset >= FIRST_DYNAMIC ? *offset - FIRST_DYNAMIC : 0;
	for (uint32_t i = 1; i < process_limit(); i++) {
		const struct label_process *process = &env_labels->process[i];
		if (process->state == LABEL_FREE || process->state == LABEL_DEAD || process->pid < from)
			continue;
		uint32_t at = count++;
		for (; at > 0 && pids[at - 1] > process->pid; at--)
			pids[at] = pids[at - 1];
		pids[at] = process->pid;
	}
	for (uint32_t i = 0; i < count; i++) {
		char name[12];
		int length = snprintf(name, sizeof(name), "%u", pids[i]);
		if (!emit(emitter, pids[i] + 1000000u, name, (uint32_t)length, S_IFDIR,
			  FIRST_DYNAMIC + pids[i] + 1))
			break;
		*offset = FIRST_DYNAMIC + pids[i] + 1;
	}
	return 0;
}

static int list_entries(const struct inode *dir, struct emitter *emitter, uint64_t *offset)
{
	if (!proc_process(dir))
		return ENOENT;
	uint64_t skip = dir->proc.type == PROC_TID ? 1 : 0;
	for (uint64_t i = *offset - 2 > skip ? *offset - 2 : skip; i < PID_ENTRIES; i++) {
		const struct proc_entry *entry = &pid_entries[i];
		uint64_t ino = ((uint64_t)dir->proc.process << 32) | ((uint64_t)entry->type << 24);
		if (!emit(emitter, ino, entry->name, (uint32_t)strlen(entry->name), entry->mode, i + 3))
			break;
		*offset = i + 3;
	}
	return 0;
}

static int list_numbers(const uint64_t *bits, uint32_t count, uint32_t mode, struct emitter *emitter,
			uint64_t *offset)
{
	for (uint64_t i = *offset - 2; i < count; i++) {
		char name[12];
		if (!(bits[i / 64] & (1ull << (i % 64))))
			continue;
		int length = snprintf(name, sizeof(name), "%u", (uint32_t)i);
		if (!emit(emitter, i + 2, name, (uint32_t)length, mode, i + 3))
			break;
		*offset = i + 3;
	}
	return 0;
}

static int list_threads(const struct inode *dir, struct emitter *emitter, uint64_t *offset)
{
	for (uint64_t i = *offset - 1; i < LABEL_THREADS; i++) {
		char name[12];
		if (!thread_is_of((uint32_t)i, dir))
			continue;
		int length = snprintf(name, sizeof(name), "%u", env_labels->thread[i].tid);
		if (!emit(emitter, i + 2, name, (uint32_t)length, S_IFDIR, i + 2))
			break;
		*offset = i + 2;
	}
	return 0;
}

int proc_readdir(struct file *file, const struct caller *caller, struct emitter *emitter, uint64_t *offset)
{
	const struct inode *dir = file->inode;
	(void)caller;
	if (is_dynamic_root(dir)) {
		if (dir->fs->type == FS_PROC)
			return list_pids(emitter, offset);
		uint64_t mask = env_pts_mask();
		return list_numbers(&mask, PTS_MAX, S_IFCHR, emitter, offset);
	}
	switch (dir->proc.type) {
	case PROC_PID:
	case PROC_TID: return list_entries(dir, emitter, offset);
	case PROC_TASKS: return list_threads(dir, emitter, offset);
	case PROC_FDS:
		if (!upcall_have(UPCALL_DESCRIPTORS, dir->proc.process, 0))
			return VFS_PARK;
		return list_numbers(upcall_answer(), DESCRIPTORS_MAX, S_IFLNK, emitter, offset);
	default: return 0;
	}
}

/* ---- texts and attributes */

void text_bytes(struct text *text, const void *bytes, uint32_t length)
{
	uint64_t done = 0;
	if (text->error != 0 || length == 0)
		return;
	text->error = data_write(&text->to->data, text->to->size, bytes, length, &done);
	text->to->size += done;
}

void text_format(struct text *text, const char *format, ...)
{
	char line[1024];
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (length > (int)sizeof(line) - 1)
		length = (int)sizeof(line) - 1;
	if (length > 0)
		text_bytes(text, line, (uint32_t)length);
}

int proc_make_text(struct file *file, const struct caller *caller)
{
	const struct inode *inode = file->inode;
	struct inode *snapshot = inode_new(&fs_anonymous, NODE_FILE, S_IFREG | 0400u, caller);
	if (!snapshot)
		return ENOMEM;
	struct text text = {.to = snapshot};
	int error = inode->proc.process ? proc_pid_text(inode, caller->label, &text)
					: proc_system_text(inode, &text);
	if (error == 0)
		error = text.error;
	if (error != 0) {
		inode_put(snapshot);
		return error;
	}
	if (file->snapshot)
		inode_put(file->snapshot);
	file->snapshot = snapshot;
	return 0;
}

bool proc_is_memory(const struct inode *inode)
{
	return inode->proc.type == PROC_MEM;
}

int proc_read_memory(struct file *file, void *to, uint32_t length, uint64_t at, uint32_t *done)
{
	const struct label_process *process = proc_process(file->inode);
	*done = 0;
	if (!process || process->state == LABEL_ZOMBIE)
		return 0;
	int got = env_memory_read(process->space, at, to, length);
	if (got <= 0)
		return EIO;
	*done = (uint32_t)got;
	return 0;
}

/* A decimal number with a sign and white space behind it. */
static bool parse_signed(const char *text, uint32_t length, int32_t *value)
{
	uint32_t number, start = length > 0 && text[0] == '-';
	while (length > start && (text[length - 1] == '\n' || text[length - 1] == ' '))
		length--;
	if (length - start > 6 || !parse_number(text + start, length - start, &number))
		return false;
	*value = start ? -(int32_t)number : (int32_t)number;
	return true;
}

static int write_oom_adj(const struct inode *inode, const struct caller *caller, const char *from,
			 uint32_t length)
{
	const struct label_process *process = proc_process(inode);
	int32_t value;
	if (!parse_signed(from, length, &value))
		return EINVAL;
	if (!process)
		return ESRCH;
	if (value < -1000 || value > 1000)
		return EINVAL;
	if (value < process->oom_score_adj && !caller_is_root(caller))
		return EACCES;
	return upcall_have(UPCALL_OOM_ADJUST, inode->proc.process, (uint32_t)value) ? 0 : VFS_PARK;
}

/* Only a process's own threads may name each other. What does not fit is cut off. */
static int write_comm(const struct inode *inode, const struct caller *caller, const char *from,
		      uint32_t length)
{
	const struct label_process *process = proc_process(inode);
	if (!process)
		return ESRCH;
	if (!is_own(caller, inode))
		return EINVAL;
	uint32_t tid = inode->proc.number != 0 ? inode->proc.number : process->pid;
	uint32_t index = 1;
	while (index < LABEL_THREADS && !(thread_is_of(index, inode) && env_labels->thread[index].tid == tid))
		index++;
	if (index == LABEL_THREADS)
		return ESRCH;
	uint32_t kept = (uint32_t)strnlen(from, length < 15 ? length : 15);
	return upcall_have_text(UPCALL_SET_NAME, index, tid, from, kept) ? 0 : VFS_PARK;
}

static int write_host(uint32_t which, const char *from, uint32_t length)
{
	uint32_t kept = 0;
	while (kept < length && kept < HOST_NAME_BYTES - 1 && from[kept] != '\n' && from[kept] != '\0')
		kept++;
	return upcall_have_text(UPCALL_SET_HOST, which, 0, from, kept) ? 0 : VFS_PARK;
}

int proc_write(struct file *file, const struct caller *caller, const void *from, uint32_t length,
	       uint32_t *done)
{
	struct caller known = caller_of(caller->label, false); /* transfers come with the label alone */
	int error = EINVAL;
	switch (file->inode->proc.type) {
	case PROC_OOM_ADJ: error = write_oom_adj(file->inode, &known, from, length); break;
	case PROC_COMM: error = write_comm(file->inode, &known, from, length); break;
	case PROC_HOST_NAME: error = write_host(HOST_SET_NAME, from, length); break;
	case PROC_DOMAIN_NAME: error = write_host(HOST_SET_DOMAIN, from, length); break;
	}
	*done = error == 0 ? length : 0;
	return error;
}

void proc_attributes_changed(const struct inode *inode)
{
	if (inode->kind != NODE_PROC || inode->proc.type != PROC_PTS || inode->proc.number >= PTS_MAX)
		return;
	pts_nodes[inode->proc.number].uid = inode->uid;
	pts_nodes[inode->proc.number].gid = inode->gid;
	pts_nodes[inode->proc.number].mode = inode->mode & 07777u;
}

void proc_pts_opened(uint32_t number, const struct caller *caller)
{
	if (number >= PTS_MAX)
		return;
	pts_nodes[number].uid = caller->uid;
	pts_nodes[number].gid = 5;
	pts_nodes[number].mode = 0620u;
}
