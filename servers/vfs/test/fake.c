/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* See fake.h. */
#include "fake.h"

#include <stdlib.h>
#include <string.h>

#include "../env.h"
#include "../memory.h"
#include "../unpack.h"

struct fake_state fake;
static struct label_table labels;
const struct label_table *env_labels = &labels;

static struct process_page pages[4];

const struct process_page *env_process_page(uint32_t index)
{
	return index < 4 ? &pages[index] : NULL;
}

struct process_page *fake_page(enum fake_process process)
{
	return &pages[process];
}

struct label_process *fake_process(enum fake_process process)
{
	return &labels.process[process];
}

static void add_process(enum fake_process index, uint32_t pid, uint32_t uid)
{
	struct label_process *process = &labels.process[index];
	*process = (struct label_process){.generation = 7,
					  .state = LABEL_RUNNING,
					  .pid = pid,
					  .ppid = 1,
					  .pgid = pid,
					  .sid = 1,
					  .uid = uid,
					  .euid = uid,
					  .suid = uid,
					  .fsuid = uid,
					  .gid = uid,
					  .egid = uid,
					  .sgid = uid,
					  .fsgid = uid,
					  .threads = 1,
					  .space = index};
	memset(process->limit_soft, 0xff, sizeof(process->limit_soft));
	memcpy(process->name, "prog", 5);
	memcpy(process->exe, "/bin/prog", 10);
	labels.thread[index] = (struct label_thread){.generation = 7,
						     .process = (uint16_t)index,
						     .state = LABEL_RUNNING,
						     .tid = pid,
						     .name = "prog"};
}

uint64_t fake_label(enum fake_process process)
{
	return LABEL_MAKE(7u, process, process);
}

struct caller fake_caller(enum fake_process process)
{
	struct caller caller = caller_of(fake_label(process), false);
	caller.wait = 1;
	return caller;
}

static void start_system(void)
{
	static void *cache;
	if (posix_memalign(&cache, 4096, FAKE_CACHE_BYTES) != 0)
		abort();
	memset(cache, 0xa5, FAKE_CACHE_BYTES); /* contents are unspecified: nothing may rely on zeros */
	bytes_use_avx2(__builtin_cpu_supports("avx2"));
	frames_init(cache, FAKE_CACHE_BYTES);
	quotas_init();
	assert_int_equal(mounts_init(), 0);
	assert_int_equal(unpack_mounts(), 0);
}

/* Removes what an earlier test left in the root. */
static void clean(struct dentry *dir)
{
	struct dentry *next;
	for (struct dentry *entry = dir->inode->dir.first; entry; entry = next) {
		next = entry->next;
		if (entry->mounted)
			continue;
		if (inode_is_directory(entry->inode)) {
			clean(entry);
			entry->inode->nlink = 0;
			dir->inode->nlink--;
		} else {
			entry->inode->nlink--;
		}
		dentry_unlink(entry);
	}
}

void fake_start(void)
{
	static bool is_started;
	memset(&fake, 0, sizeof(fake));
	fake.now_ns = 5000000000u;
	memset(&labels, 0, sizeof(labels));
	add_process(FAKE_ROOT, 1, 0);
	add_process(FAKE_USER, 20, 1000);
	add_process(FAKE_OTHER, 30, 1001);
	labels.process_high = 3;
	if (!is_started)
		start_system();
	is_started = true;
	clean(root_dentry);
}

uint64_t env_now_ns(void)
{
	return fake.now_ns;
}

uint64_t env_wall_ns(void)
{
	return 1700000000ull * 1000000000u + fake.now_ns;
}

void env_wake(uint32_t thread)
{
	if (thread < 16)
		fake.wakes[thread]++;
}

int env_object_create(uint64_t size, bool is_window, uint64_t name, struct env_object *out)
{
	(void)is_window;
	(void)name;
	fake.objects++;
	fake.object_size = size;
	*out = (struct env_object){.number = fake.objects};
	return 0;
}

int env_object_supply(const struct env_object *object, uint64_t first_page, const uint32_t *frames,
		      uint32_t count)
{
	(void)object;
	(void)first_page;
	for (uint32_t i = 0; i < count; i++)
		assert_int_not_equal(frames[i], 0);
	fake.supplied += count;
	return 0;
}

int env_object_resize(const struct env_object *object, uint64_t size)
{
	(void)object;
	fake.object_size = size;
	return 0;
}

int env_object_destroy(struct env_object *object)
{
	(void)object;
	if (fake.mappings > 0)
		return EBUSY;
	fake.objects--;
	return 0;
}

int env_object_revoke(const struct env_object *object, uint32_t *mappings)
{
	(void)object;
	*mappings = fake.mappings;
	return 0;
}

int env_memory_read(uint32_t space, uint64_t address, void *out, uint32_t length)
{
	(void)space;
	memset(out, 'a' + (int)(address & 7), length);
	return (int)length;
}

int env_memory_areas(uint32_t space, uint64_t from, struct mem_area *out, uint32_t max, uint64_t *next)
{
	(void)space;
	(void)max;
	*next = ~0ull;
	if (from != 0)
		return 0;
	out[0] =
		(struct mem_area){.start = 0x400000, .end = 0x401000, .flags = MEM_AREA_READ | MEM_AREA_EXEC};
	out[1] = (struct mem_area){
		.start = 0x700000, .end = 0x702000, .flags = MEM_AREA_READ | MEM_AREA_WRITE | MEM_AREA_HEAP};
	return 2;
}

int env_memory_usage(uint32_t space, struct env_memory_usage *out)
{
	(void)space;
	*out = (struct env_memory_usage){100, 50, 10, 30, 5, 20, 77};
	return 0;
}

int env_system_memory(struct env_system_memory *out)
{
	*out = (struct env_system_memory){.pages_total = 10000, .pages_free = 6000};
	return 0;
}

uint64_t env_entropy(void)
{
	static uint64_t state = 1;
	return state = state * 6364136223846793005ull + 1442695040888963407ull;
}

bool env_tty_usage(struct env_tty_usage *to)
{
	*to = (struct env_tty_usage){.open_files = 3, .terminals = 2, .slots_free = 900};
	return true;
}

void env_terminal(uint32_t sid, uint32_t *device, uint32_t *pgid)
{
	*device = sid == 20 ? 0x8803 : 0;
	*pgid = sid == 20 ? 20 : 0;
}

uint32_t env_slots_free(void)
{
	return 5000;
}

uint64_t env_pts_mask(void)
{
	return fake.pts_mask;
}

uint64_t env_tsc_hz(void)
{
	return 1000000000u;
}

uint64_t env_ram_bytes(void)
{
	return 64u << 20;
}

const char *env_command_line(void)
{
	return "log=serial";
}

int env_authority(uint64_t index, struct authority_record out[AUTHORITY_BATCH], uint32_t *count)
{
	*count = 0;
	if (index != 0 && fake.tree_changes > 0) {
		fake.tree_changes--;
		return EAGAIN;
	}
	for (; *count < 2 && index + *count < 3; (*count)++)
		out[*count] = (struct authority_record){
			.slot = (uint32_t)(16 + index) + *count, .object = 0x40, .depth = 1, .type = 3};
	return 0;
}

uint32_t env_log(uint64_t *position, char *to, uint32_t max)
{
	static const char log[] = "<6>[    0.000000] root: one\n<4>[    0.000001] root: two\n";
	uint32_t count = 0;
	for (; count < max && count < 20 && *position < sizeof(log) - 1; count++)
		to[count] = log[(*position)++];
	return count;
}

bool env_service(uint32_t index, struct env_service *out)
{
	*out = (struct env_service){.name = "vfs", .state = 1};
	return index == 0;
}

/* ---- short forms */

static const struct walk_start from_root;

static struct walk_start start_here(void)
{
	struct walk_start start = from_root;
	start.at = root_dentry;
	return start;
}

int do_open(struct caller caller, const char *path, uint32_t flags, uint32_t mode, struct file **file)
{
	struct open_result result;
	int error = openfile_open(&caller, start_here(), path, (uint32_t)strlen(path), flags, mode, &result);
	*file = result.file;
	return error;
}

int do_write(struct file *file, struct caller caller, const char *text)
{
	uint32_t done;
	int error = openfile_write(file, &caller, text, (uint32_t)strlen(text), OPENFILE_OWN_OFFSET, &done);
	return error == 0 && done != strlen(text) ? EIO : error;
}

int do_read(struct file *file, struct caller caller, char out[4096])
{
	uint32_t done;
	int error = openfile_read(file, &caller, out, 4095, OPENFILE_OWN_OFFSET, &done);
	out[done] = '\0';
	return error;
}

static int parent_walk(struct caller *caller, const char *path, struct walk *walk)
{
	return walk_path(caller, start_here(), path, (uint32_t)strlen(path), WALK_PARENT | WALK_NO_TRAILING,
			 walk);
}

int do_mkdir(struct caller caller, const char *path, uint32_t mode)
{
	struct walk walk;
	int error = parent_walk(&caller, path, &walk);
	if (error == 0)
		error = name_create(&caller, &walk, NODE_DIRECTORY, S_IFDIR | mode, 0, NULL);
	walk_done(&walk);
	return error;
}

static int do_remove(struct caller caller, const char *path, bool is_rmdir)
{
	struct walk walk;
	int error = parent_walk(&caller, path, &walk);
	if (error == 0)
		error = name_unlink(&caller, &walk, is_rmdir);
	walk_done(&walk);
	return error;
}

int do_unlink(struct caller caller, const char *path)
{
	return do_remove(caller, path, false);
}

int do_rmdir(struct caller caller, const char *path)
{
	return do_remove(caller, path, true);
}

int do_symlink(struct caller caller, const char *target, const char *path)
{
	struct walk walk;
	int error = parent_walk(&caller, path, &walk);
	if (error == 0)
		error = name_symlink(&caller, &walk, target, (uint32_t)strlen(target));
	walk_done(&walk);
	return error;
}

int do_link(struct caller caller, const char *from, const char *to)
{
	struct walk source, target;
	int error = walk_path(&caller, start_here(), from, (uint32_t)strlen(from), 0, &source);
	if (error != 0)
		return error;
	error = parent_walk(&caller, to, &target);
	if (error == 0)
		error = name_link(&caller, source.entry, &target);
	walk_done(&source);
	walk_done(&target);
	return error;
}

int do_rename(struct caller caller, const char *from, const char *to, uint32_t flags)
{
	struct walk source, target;
	int error = parent_walk(&caller, from, &source);
	if (error != 0)
		return error;
	error = parent_walk(&caller, to, &target);
	if (error == 0)
		error = name_rename(&caller, &source, &target, flags);
	walk_done(&source);
	walk_done(&target);
	return error;
}

int do_stat(struct caller caller, const char *path, bool follow, struct file_stat *out)
{
	struct walk walk;
	int error = walk_path(&caller, start_here(), path, (uint32_t)strlen(path), follow ? WALK_FOLLOW : 0,
			      &walk);
	if (error != 0)
		return error;
	inode_stat(walk.entry->inode, out);
	walk_done(&walk);
	return 0;
}
