/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * execve: everything that can fail and be reported happens here, in the old program: opening, `#!`, judging the ELF header,
 * collecting the strings. Then one call to proc, which does not return when it succeeds. The strings are built in the upper
 * half of the personality's heap, whose pages proc and mem hand over to the new address space.
 */
#include <tessera/file.h>
#include <tessera/proto/file.h>
#include <tessera/proto/mem.h>
#include <tessera/proto/proc.h>
#include <tessera/proto/vfs.h>

#include "lx/elf.h"
#include "lx/exec.h"
#include "lx/files.h"
#include "lx/signal.h"
#include "sys.h"

#define SCRIPT_LEVELS 5u /* as on Linux */
#define SCRIPT_LINE 255u
#define STRING_MAX 131072ull /* MAX_ARG_STRLEN */
#define STRINGS_MAX (EXEC_AREA_MAX_BYTES / 2)
#define ARGUMENTS_MAX 65536u
#define EXE LX_SCRATCH(LX_SCRATCH_EXE)
#define HEAD_ROOM 4096u /* before the strings: header, state, and room for what scripts put in front */
#define SCRIPT_ROOM 2048u
#define PATH_KEPT 256u
#define COMM_BYTES 15u

static struct lx_lock exec_lock;

struct exec_build {
	char *base;	     /* LX_EXEC_BUFFER */
	uint64_t first, end; /* offsets of the strings */
	uint32_t argc, envc;
	char path[LX_PATH_MAX + 1]; /* what is opened; also AT_EXECFN of a program without #! */
	uint32_t path_bytes;
	cap_t start;
};

long lx_file_read(cap_t file, uint64_t offset, uint32_t bytes)
{
	struct file_pread_in in = {.offset = offset, .len = bytes};
	struct file_pread_out out = {0};
	long error = lx_result(file_pread(file, lx_self()->page, &in, &out));
	return error ? error : (long)out.data_len;
}

long lx_file_size(cap_t file, uint64_t *size, uint32_t *mode)
{
	struct msg_page *page = lx_self()->page;
	struct file_stat_in in;
	struct file_stat_out out;
	long error = lx_result(file_stat(file, page, &in, &out));
	const struct file_stat *st = file_stat_out_data(page);
	*size = st->size;
	*mode = st->mode;
	return error;
}

long lx_open_exec(const char *path, uint64_t length, cap_t start, cap_t destination, bool is_nofollow)
{
	struct lx_thread *self = lx_self();
	if (length > VFS_OPEN_IN_MAX)
		return -ENAMETOOLONG;
	memcpy(vfs_open_in_data(self->page), path, length);
	struct vfs_open_in in = {.flags = O_RDONLY | OPEN_EXEC | (is_nofollow ? O_NOFOLLOW : 0u),
				 .data_len = (uint32_t)length};
	if (length == 0)
		in.flags |= OPEN_EMPTY_PATH;
	if (self->process->fs.has_root) {
		in.has_root = 1;
		in.ncaps = 1;
		lx_send_cap(self, 0, LX_SCRATCH(LX_SCRATCH_ROOT));
	}
	struct vfs_open_out out = {0};
	self->page->recv_slot[0] = SLOT_OWN(destination);
	int status = vfs_open(start, self->page, &in, &out);
	self->page->recv_slot[0] = 0;
	if (status != ST_OWN_DESCRIPTOR)
		return lx_result(status);
	cap_t own = out.number & OWN_SCRATCH ? LX_SCRATCH(out.number & ~OWN_SCRATCH)
					     : lx_fd_own((int32_t)out.number);
	if (!own || out.consumed > length || own == start)
		return -ENOENT;
	return lx_open_exec(path + out.consumed, length - out.consumed, own, destination, is_nofollow);
}

/* ---------------------------------------------------------------- strings */

/* Appends a program's string behind the others. */
static long add_user_string(struct exec_build *b, uint64_t user)
{
	uint64_t room = STRINGS_MAX - b->end;
	uint64_t max = lx_min(STRING_MAX, room);
	long length = lx_get_string(b->base + b->end, user, max);
	if (length == -ENAMETOOLONG)
		return -E2BIG;
	if (length < 0)
		return length;
	b->end += (uint64_t)length + 1;
	return 0;
}

static long add_array(struct exec_build *b, uint64_t array, uint32_t *count)
{
	for (*count = 0; array != 0; (*count)++) {
		uint64_t string;
		long error = lx_get(&string, array + (uint64_t)*count * 8, 8);
		if (error)
			return error;
		if (string == 0)
			return 0;
		if (*count >= ARGUMENTS_MAX)
			return -E2BIG;
		error = add_user_string(b, string);
		if (error)
			return error;
	}
	return 0;
}

/* Puts a string in front of the others (scripts). */
static long push_front(struct exec_build *b, const char *string, uint64_t length)
{
	if (b->first < HEAD_ROOM - SCRIPT_ROOM + length + 1)
		return -E2BIG;
	b->first -= length + 1;
	memcpy(b->base + b->first, string, length);
	b->base[b->first + length] = '\0';
	b->argc++;
	return 0;
}

static void drop_front(struct exec_build *b)
{
	if (b->argc == 0)
		return;
	b->first += strlen(b->base + b->first) + 1;
	b->argc--;
}

/* ---------------------------------------------------------------- #! */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * `#!interpreter [one argument]`: the arguments become interpreter, argument, script path, and the rest without argv[0].
 * b->path becomes the interpreter.
 */
static long use_script(struct exec_build *b, const char *line, uint32_t bytes)
{
	uint32_t at = 2, end = 2;
	while (end < bytes && line[end] != '\n' && line[end] != '\0')
		end++;
	if (end == bytes && bytes >= SCRIPT_LINE)
		return -ENOEXEC;
	while (end > at && is_blank(line[end - 1]))
		end--;
	while (at < end && is_blank(line[at]))
		at++;
	uint32_t name = at;
	while (at < end && !is_blank(line[at]))
		at++;
	uint32_t name_bytes = at - name;
	while (at < end && is_blank(line[at]))
		at++;
	if (name_bytes == 0)
		return -ENOEXEC;
	drop_front(b);
	long error = push_front(b, b->path, b->path_bytes);
	if (!error && at < end)
		error = push_front(b, line + at, end - at);
	if (!error)
		error = push_front(b, line + name, name_bytes);
	if (error)
		return error;
	memcpy(b->path, line + name, name_bytes);
	b->path_bytes = name_bytes;
	return 0;
}

/* ---------------------------------------------------------------- the file */

static long check_interpreter(const struct elf_plan *plan, cap_t start)
{
	char path[ELF_INTERPRETER_MAX];
	struct msg_page *page = lx_self()->page;
	if (plan->interpreter_bytes == 0)
		return 0;
	long count = lx_file_read(LX_NEW_EXE, plan->interpreter_offset, (uint32_t)plan->interpreter_bytes);
	if (count != (long)plan->interpreter_bytes)
		return count < 0 ? count : -ENOEXEC;
	memcpy(path, file_pread_out_data(page), (size_t)count);
	if (path[count - 1] != '\0')
		return -ENOEXEC;
	long error = lx_open_exec(path, strlen(path), start, LX_OLD_EXE, false);
	if (error)
		return error;
	(void)ts_cnode_delete(SLOT_OWN(LX_OLD_EXE), 0);
	return 0;
}

/* Judges what stands in LX_NEW_EXE. 1: a script, b holds its interpreter now; 0: a program; or a negative errno. */
static long judge_file(struct exec_build *b)
{
	struct elf_plan plan;
	uint64_t size;
	uint32_t mode;
	long error = lx_file_size(LX_NEW_EXE, &size, &mode);
	if (error)
		return error;
	if ((mode & 0170000) != 0100000)
		return -EACCES;
	long count = lx_file_read(LX_NEW_EXE, 0, ELF_HEADER_BYTES);
	if (count < 0)
		return count;
	const char *data = file_pread_out_data(lx_self()->page);
	if (count >= 2 && data[0] == '#' && data[1] == '!') {
		char line[SCRIPT_LINE + 1];
		uint32_t bytes = (uint32_t)lx_min((uint64_t)count, SCRIPT_LINE);
		memcpy(line, data, bytes);
		error = use_script(b, line, bytes);
		return error ? error : 1;
	}
	error = elf_check(data, (uint64_t)count, size, PERSONALITY_BASE, &plan);
	return error ? error : check_interpreter(&plan, b->start);
}

static long open_program(struct exec_build *b, bool is_nofollow)
{
	for (uint32_t level = 0; level <= SCRIPT_LEVELS; level++) {
		long error = lx_open_exec(b->path, b->path_bytes, b->start, LX_NEW_EXE, is_nofollow);
		if (error)
			return error;
		error = judge_file(b);
		if (error == 0)
			return 0;
		(void)ts_cnode_delete(SLOT_OWN(LX_NEW_EXE), 0);
		if (error < 0)
			return error;
		b->start = LX_SCRATCH(LX_SCRATCH_CWD);
		is_nofollow = false;
	}
	return -ELOOP;
}

/* ---------------------------------------------------------------- hand over */

/* The last part of what was called, for comm: its length, at most 15. */
static uint32_t base_name(const char *name, uint32_t bytes, const char **base)
{
	uint32_t start = bytes;
	while (start > 0 && name[start - 1] != '/')
		start--;
	*base = name + start;
	return (uint32_t)lx_min(bytes - start, COMM_BYTES);
}

static void fill_area(struct lx_thread *self, struct exec_build *b, const char *name, uint32_t name_bytes)
{
	struct lx_files *files = &self->process->files;
	struct exec_area *area = (struct exec_area *)b->base;
	memcpy(b->base + b->end, name, name_bytes);
	*area = (struct exec_area){.magic = EXEC_MAGIC,
				   .argc = b->argc,
				   .envc = b->envc,
				   .strings_offset = b->first,
				   .strings_bytes = b->end - b->first,
				   .path_offset = b->end,
				   .path_bytes = name_bytes,
				   .total_bytes = b->end + name_bytes};
	struct lx_exec_state *state = (struct lx_exec_state *)(b->base + LX_EXEC_STATE_OFFSET);
	for (uint32_t i = 0; i < LX_FD_MAX / 64; i++)
		state->used[i] = files->used[i] & ~files->cloexec[i];
	state->blocked = lx_mask(self);
	state->leaves = files->leaves;
	state->umask = self->process->fs.umask;
	state->has_root = self->process->fs.has_root;
	const char *base;
	uint32_t base_bytes = base_name(name, name_bytes, &base);
	memset(state->name, 0, sizeof(state->name));
	memcpy(state->name, base, base_bytes);
}

/* Dispositions as the new program gets them; a vfork child's page shows them now. */
static void publish_dispositions(struct lx_thread *self)
{
	for (uint32_t i = 0; i < LX_SIGNALS; i++)
		self->identity->handler[i] = self->process->sighand.action[i].handler == 1 ? 1 : 0;
}

static void restore_dispositions(struct lx_thread *self)
{
	for (uint32_t i = 0; i < LX_SIGNALS; i++)
		self->identity->handler[i] = self->process->sighand.action[i].handler;
}

static uint32_t last_used_word(const struct lx_files *files)
{
	uint32_t words = LX_FD_MAX / 64;
	while (words > 1 && files->used[words - 1] == 0)
		words--;
	return words;
}

/* The new program's path as its server knows it, for /proc/pid/exe. */
static uint64_t real_path(struct lx_thread *self, char real[PATH_KEPT])
{
	struct file_path_in in;
	struct file_path_out out = {0};
	if (file_path(LX_NEW_EXE, self->page, &in, &out) != 0)
		return 0;
	uint64_t bytes = lx_min(out.data_len, PATH_KEPT);
	memcpy(real, file_path_out_data(self->page), bytes);
	return bytes;
}

static long commit(struct lx_thread *self, struct exec_build *b, const char *name, uint32_t name_bytes)
{
	struct lx_files *files = &self->process->files;
	fill_area(self, b, name, name_bytes);
	uint64_t total = ((struct exec_area *)b->base)->total_bytes;
	uint32_t bitmap_bytes = last_used_word(files) * 8;
	char real[PATH_KEPT];
	uint32_t path_bytes = (uint32_t)real_path(self, real);
	uint32_t tail_bytes = base_name(name, name_bytes, &name);
	char *data = proc_exec_in_data(self->page);
	memcpy(data, files->cloexec, bitmap_bytes);
	memcpy(data + bitmap_bytes, name, tail_bytes);
	data[bitmap_bytes + tail_bytes] = '\0';
	memcpy(data + bitmap_bytes + tail_bytes + 1, real, path_bytes);
	struct proc_exec_in in = {.area = LX_EXEC_BUFFER,
				  .pages = (uint32_t)(lx_align_up(total, LX_PAGE) / LX_PAGE),
				  .bitmap_bytes = bitmap_bytes,
				  .flags = 0,
				  .data_len = bitmap_bytes + tail_bytes + 1 + path_bytes};
	struct proc_exec_out out;
	bool has_old = ts_cnode_move(SLOT_OWN(LX_OLD_EXE), SLOT_OWN(EXE)) == E_OK;
	enum tessera_error moved = ts_cnode_move(SLOT_OWN(EXE), SLOT_OWN(LX_NEW_EXE));
	publish_dispositions(self);
	long error = moved == E_OK ? lx_result(proc_exec(LX_CAP_PROC, self->page, &in, &out)) : -EIO;
	restore_dispositions(self);
	(void)ts_cnode_delete(SLOT_OWN(EXE), 0);
	if (has_old)
		(void)ts_cnode_move(SLOT_OWN(EXE), SLOT_OWN(LX_OLD_EXE));
	return error;
}

/* Gives the pages of the strings back. */
static void drop_buffer(struct lx_thread *self, const struct exec_build *b)
{
	struct mem_advise_in in = {.addr = LX_EXEC_BUFFER,
				   .len = lx_align_up(b->end + LX_PATH_MAX, LX_PAGE),
				   .advice = MADV_DONTNEED};
	struct mem_advise_out out;
	(void)mem_advise(LX_CAP_MEM, self->page, &in, &out);
}

static long run_exec(struct lx_thread *self, struct exec_build *b, uint64_t argv, uint64_t envp,
		     bool is_nofollow)
{
	long error = add_array(b, argv, &b->argc);
	if (!error && b->argc == 0) { /* Linux since 5.18: one empty argument */
		b->base[b->end++] = '\0';
		b->argc = 1;
	}
	if (!error)
		error = add_array(b, envp, &b->envc);
	if (error)
		return error;
	/* AT_EXECFN and /proc/pid/exe name what was called; the name is kept behind the strings until then */
	char *name = b->base + STRINGS_MAX + LX_PAGE;
	uint32_t name_bytes = b->path_bytes;
	memcpy(name, b->path, name_bytes);
	error = open_program(b, is_nofollow);
	return error ? error : commit(self, b, name, name_bytes);
}

static long exec_at(int32_t dirfd, uint64_t path, uint64_t argv, uint64_t envp, uint32_t flags)
{
	struct lx_thread *self = lx_self();
	if (flags & ~(uint32_t)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	struct exec_build b;
	b.base = (char *)LX_EXEC_BUFFER;
	b.first = b.end = HEAD_ROOM;
	b.argc = b.envc = 0;
	b.start = dirfd == AT_FDCWD ? LX_SCRATCH(LX_SCRATCH_CWD) : lx_fd_own(dirfd);
	long length = lx_get_string(b.path, path, LX_PATH_MAX);
	if (length < 0)
		return length;
	if (length == 0 && !(flags & AT_EMPTY_PATH))
		return -ENOENT;
	b.path_bytes = (uint32_t)length;
	if (!b.start) {
		if (length == 0 || b.path[0] != '/')
			return -EBADF;
		b.start = LX_SCRATCH(LX_SCRATCH_CWD);
	}
	lx_lock(&exec_lock);
	long error = run_exec(self, &b, argv, envp, flags & AT_SYMLINK_NOFOLLOW);
	drop_buffer(self, &b);
	lx_unlock(&exec_lock);
	return error;
}

long sys_execve(uint64_t path, uint64_t argv, uint64_t envp)
{
	return exec_at(AT_FDCWD, path, argv, envp, 0);
}

long sys_execveat(int32_t dirfd, uint64_t path, uint64_t argv, uint64_t envp, uint32_t flags)
{
	return exec_at(dirfd, path, argv, envp, flags);
}
