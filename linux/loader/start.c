/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The first code in a fresh address space: takes over what the old personality left (or plays pid 1's first exec), loads the
 * ELF file from scratch slot EXE, builds the stack and jumps. There is nobody to return an error to: a failure ends the
 * process with SIGKILL, as Linux does behind the point of no return.
 */
#include <linux/auxvec.h>
#include <tessera/file.h>
#include <tessera/memory.h>
#include <tessera/proto/file.h>
#include <tessera/proto/mem.h>
#include <tessera/proto/vfs.h>

#include "entries.h"
#include "lx/elf.h"
#include "lx/exec.h"
#include "lx/signal.h"
#include "lx/thread.h"

#define STACK_TOP_MAX 0x7ffefffff000ull
#define STACK_FIRST_BYTES 0x20000ull
#define DYNAMIC_BASE 0x555555554000ull
#define TEMP_SLOT(slot) LX_SCRATCH(LX_SCRATCH_THREAD(slot))
#define EXE_SLOT LX_SCRATCH(LX_SCRATCH_EXE)
#define INTERPRETER_SLOT LX_SCRATCH(4u)

uint32_t lx_cpuid1_edx(void);
void lx_start_main(struct msg_page *page) NORETURN;

static const struct time_page *const clock_page = (const struct time_page *)TIME_PAGE_VA;

struct image {
	struct elf_plan plan;
	uint64_t bias; /* to be added to the plan's addresses */
	uint64_t file_size;
};

NORETURN static void give_up(const char *why, long error)
{
	struct process_page *identity = lx_self()->identity;
	if (identity->start_mode == 0)
		lx_panic(why, (uint64_t)error, 0);
	lx_exit_process(SIGKILL);
}

/* ---------------------------------------------------------------- mapping */

static long map_anonymous(uint64_t address, uint64_t bytes, uint32_t prot, uint32_t flags, uint64_t *where)
{
	struct mem_map_in in = {
		.addr = address, .len = bytes, .prot = prot, .flags = flags | MAP_PRIVATE | MAP_ANONYMOUS};
	struct mem_map_out out = {0};
	long error = lx_result(mem_map(LX_CAP_MEM, lx_self()->page, &in, &out));
	if (where)
		*where = out.addr;
	return error;
}

static long map_file_part(cap_t object, const struct elf_segment *s, uint64_t bias)
{
	struct msg_page *page = lx_self()->page;
	uint64_t head = s->address & (LX_PAGE - 1);
	struct mem_map_object_in in = {.addr = bias + s->address - head,
				       .len = lx_align_up(s->file_bytes + head, LX_PAGE),
				       .prot = s->prot,
				       .flags = MAP_PRIVATE | MAP_FIXED,
				       .offset = s->offset - head};
	struct mem_map_object_out out;
	page->send_slot[0] = SLOT_OWN(object);
	page->send_mode[0] = XFER_SIBLING;
	page->send_rights[0] = (uint8_t)RIGHTS_ALL;
	return lx_result(mem_map_object(LX_CAP_MEM, page, &in, &out));
}

static long map_segment(cap_t object, const struct elf_segment *s, uint64_t bias)
{
	uint64_t start = bias + s->address, file_end = start + s->file_bytes, end = start + s->memory_bytes;
	uint64_t mapped_end = start & ~(LX_PAGE - 1);
	if (s->file_bytes) {
		long error = map_file_part(object, s, bias);
		if (error)
			return error;
		mapped_end = lx_align_up(file_end, LX_PAGE);
		/* to the page's end: the dynamic loader's first malloc counts on zeroes there */
		if (end > file_end && (s->prot & PROT_WRITE) &&
		    lx_clear((void *)file_end, mapped_end - file_end))
			return -EFAULT;
	}
	if (end <= mapped_end)
		return 0;
	return map_anonymous(mapped_end, lx_align_up(end, LX_PAGE) - mapped_end, s->prot, MAP_FIXED, NULL);
}

static long get_object(cap_t file, uint64_t size, cap_t destination)
{
	struct msg_page *page = lx_self()->page;
	struct file_object_in in = {.rights = RIGHT_READ | RIGHT_EXECUTE, .offset = 0, .len = size};
	struct file_object_out out;
	page->recv_slot[0] = SLOT_OWN(destination);
	long error = lx_result(file_object(file, page, &in, &out));
	page->recv_slot[0] = 0;
	return error;
}

static long read_plan(cap_t file, struct image *image)
{
	uint32_t mode;
	long error = lx_file_size(file, &image->file_size, &mode);
	if (error)
		return error;
	long count = lx_file_read(file, 0, ELF_HEADER_BYTES);
	if (count < 0)
		return count;
	return elf_check(file_read_out_data(lx_self()->page), (uint64_t)count, image->file_size,
			 PERSONALITY_BASE, &image->plan);
}

static long load_image(cap_t file, struct image *image)
{
	cap_t object = TEMP_SLOT(lx_self()->slot);
	long error = get_object(file, image->file_size, object);
	for (uint32_t i = 0; !error && i < image->plan.segments; i++)
		error = map_segment(object, &image->plan.segment[i], image->bias);
	(void)ts_cnode_delete(SLOT_OWN(object), 0);
	return error;
}

/* ---------------------------------------------------------------- interpreter */

static long load_interpreter(const struct image *program, struct image *interpreter)
{
	char path[ELF_INTERPRETER_MAX];
	uint32_t bytes = (uint32_t)program->plan.interpreter_bytes;
	if (lx_file_read(EXE_SLOT, program->plan.interpreter_offset, bytes) != (long)bytes)
		return -ENOEXEC;
	memcpy(path, file_read_out_data(lx_self()->page), bytes);
	if (path[bytes - 1] != '\0')
		return -ENOEXEC;
	long error = lx_open_exec(path, strlen(path), LX_SCRATCH(LX_SCRATCH_CWD), INTERPRETER_SLOT, false);
	if (error)
		return error;
	error = read_plan(INTERPRETER_SLOT, interpreter);
	uint64_t span = interpreter->plan.high - interpreter->plan.low;
	uint64_t where = 0;
	if (!error && interpreter->plan.is_dynamic)
		error = map_anonymous(0, span, PROT_NONE, 0, &where);
	interpreter->bias = interpreter->plan.is_dynamic ? where - interpreter->plan.low : 0;
	if (!error)
		error = load_image(INTERPRETER_SLOT, interpreter);
	(void)ts_cnode_delete(SLOT_OWN(INTERPRETER_SLOT), 0);
	return error;
}

/* ---------------------------------------------------------------- stack */

static void put_word(uint64_t address, uint64_t value)
{
	if (lx_put(address, &value, sizeof(value)))
		give_up("stack", -ENOMEM);
}

/* Writes the pointers of `count` strings at array; the address behind the last string. */
static uint64_t put_pointers(uint64_t array, uint64_t count, const char *from, const char *limit, uint64_t at)
{
	for (uint64_t i = 0; i < count; i++) {
		put_word(array + i * 8, at);
		uint64_t length = 0;
		while (from + length < limit && from[length] != '\0')
			length++;
		from += length + 1;
		at += length + 1;
	}
	put_word(array + count * 8, 0);
	return at;
}

static uint32_t fill_auxv(uint64_t (*aux)[2], const struct image *program, const struct image *interpreter,
			  const struct stack_plan *plan)
{
	const struct process_page *id = lx_self()->identity;
	uint64_t interpreter_base = interpreter->file_size ? interpreter->bias + interpreter->plan.low : 0;
	const uint64_t table[][2] = {
		{AT_SYSINFO_EHDR, (uint64_t)&lx_entries + lx_entries.vdso},
		{AT_HWCAP, lx_cpuid1_edx()},
		{AT_PAGESZ, LX_PAGE},
		{AT_CLKTCK, 100},
		{AT_PHDR, program->plan.headers + program->bias},
		{AT_PHENT, 56},
		{AT_PHNUM, program->plan.header_count},
		{AT_BASE, interpreter_base},
		{AT_FLAGS, 0},
		{AT_ENTRY, program->plan.entry + program->bias},
		{AT_UID, id->uid},
		{AT_EUID, id->euid},
		{AT_GID, id->gid},
		{AT_EGID, id->egid},
		{AT_SECURE, id->is_secure},
		{AT_RANDOM, plan->random},
		{AT_HWCAP2, clock_page->cpu_features & CPU_FEATURE_FSGSBASE ? 2 : 0},
		{AT_EXECFN, plan->path},
		{AT_PLATFORM, plan->platform},
	};
	memcpy(aux, table, sizeof(table));
	return ARRAY_SIZE(table);
}
#define AUX_COUNT 19u

static uint64_t build_stack(const struct exec_area *area, uint64_t top, const struct image *program,
			    const struct image *interpreter)
{
	struct process_page *id = lx_self()->identity;
	const char *base = (const char *)area;
	const char *strings = base + area->strings_offset;
	struct stack_plan plan;
	stack_plan_make(&plan, top, area->argc, area->envc, area->strings_bytes, area->path_bytes, AUX_COUNT);
	uint64_t aux[AUX_COUNT + 1][2] = {{0}};
	if (fill_auxv(aux, program, interpreter, &plan) != AUX_COUNT)
		give_up("auxv", 0);
	bool is_bad = lx_put(plan.strings, strings, area->strings_bytes) ||
		      lx_put(plan.path, base + area->path_offset, area->path_bytes) ||
		      lx_put(plan.random, id->random, 16) || lx_put(plan.platform, "x86_64", 7) ||
		      lx_put(plan.auxv, aux, sizeof(aux));
	if (is_bad)
		give_up("stack", -ENOMEM);
	put_word(plan.pointer, area->argc);
	const char *limit = strings + area->strings_bytes;
	uint64_t env = put_pointers(plan.argv, area->argc, strings, limit, plan.strings);
	uint64_t end = put_pointers(plan.envp, area->envc, strings + (env - plan.strings), limit, env);
	id->arg_start = plan.strings;
	id->arg_end = env;
	id->env_start = env;
	id->env_end = end;
	id->stack_start = plan.pointer;
	return plan.pointer;
}

static uint64_t map_stack(const struct elf_plan *plan, const struct exec_area *area)
{
	const struct process_page *id = lx_self()->identity;
	uint64_t top = STACK_TOP_MAX - (id->random[2] & 0x3ff) * LX_PAGE;
	uint64_t bytes =
		lx_align_up(area->total_bytes, LX_PAGE) * 2 + STACK_FIRST_BYTES; /* it grows by itself */
	uint32_t prot = PROT_READ | PROT_WRITE | (plan->wants_exec_stack ? PROT_EXEC : 0);
	long error = map_anonymous(top - bytes, bytes, prot,
				   MAP_FIXED | MAP_GROWSDOWN | MAP_STACK | MAP_NORESERVE, NULL);
	if (error)
		give_up("stack", error);
	return top - (id->random[2] >> 32 & 0xff) * 16;
}

/* ---------------------------------------------------------------- start */

static void run_program(const struct exec_area *area)
{
	struct lx_thread *self = lx_self();
	struct image program = {0}, interpreter = {0};
	long error = read_plan(EXE_SLOT, &program);
	if (error)
		give_up("cannot read the program", error);
	if (program.plan.is_dynamic)
		program.bias =
			DYNAMIC_BASE + (self->identity->random[3] & 0xffffff) * LX_PAGE - program.plan.low;
	error = load_image(EXE_SLOT, &program);
	if (error)
		give_up("cannot map the program", error);
	uint64_t entry = program.plan.entry + program.bias;
	if (program.plan.interpreter_bytes) {
		error = load_interpreter(&program, &interpreter);
		if (error)
			give_up("cannot load the interpreter", error);
		entry = interpreter.plan.entry + interpreter.bias;
	}
	uint64_t brk = lx_align_up(program.plan.end + program.bias, LX_PAGE) +
		       (self->identity->random[3] >> 32 & 0x1ff) * LX_PAGE;
	lx_brk_init(brk);
	self->identity->brk_start = brk;
	uint64_t stack = build_stack(area, map_stack(&program.plan, area), &program, &interpreter);
	struct mem_unmap_in in = {.addr = EXEC_AREA_VA, .len = lx_align_up(area->total_bytes, LX_PAGE)};
	struct mem_unmap_out out;
	if (self->identity->exec_pages)
		(void)mem_unmap(LX_CAP_MEM, self->page, &in, &out);
	struct lx_regs *regs = lx_call_regs(self);
	*regs = (struct lx_regs){
		.rip = entry, .rsp = stack, .rflags = 0x202, .page = self->page, .orig_rax = ~0ull};
	lx_resume(regs);
}

/* pid 1: nobody has called exec yet. The area is made up here. */
static const struct {
	struct exec_area area;
	char strings[96];
} first_exec = {
	.area = {.magic = EXEC_MAGIC,
		 .argc = 1,
		 .envc = 3,
		 .strings_offset = offsetof(__typeof__(first_exec), strings),
		 .strings_bytes = 19 + 35 + 7 + 11,
		 .path_offset = offsetof(__typeof__(first_exec), strings),
		 .path_bytes = 18},
	.strings = "/sbin/tessera-init\0PATH=/sbin:/usr/sbin:/bin:/usr/bin\0HOME=/\0TERM=linux",
};

static const struct exec_area *take_over(struct lx_thread *self)
{
	const struct exec_area *area = (const struct exec_area *)self->identity->exec_area;
	const struct lx_exec_state *state =
		(const struct lx_exec_state *)((const char *)area + LX_EXEC_STATE_OFFSET);
	if (area->magic != EXEC_MAGIC)
		give_up("exec area", 0);
	struct lx_files *files = &self->process->files;
	memcpy(files->used, state->used, sizeof(files->used));
	files->leaves = state->leaves;
	self->process->fs = (struct lx_fs){.umask = state->umask, .has_root = state->has_root};
	self->identity->umask = state->umask;
	lx_sighand_after_exec(self->process);
	memcpy(self->identity->name, state->name, sizeof(state->name));
	lx_set_mask(self, state->blocked);
	return area;
}

static const struct exec_area *first_start(struct lx_thread *self)
{
	self->process->fs.umask = self->identity->umask = 022;
	self->process->files.leaves = 1;
	lx_sighand_after_exec(self->process);
	lx_set_mask(self, 0);
	long error = lx_open_exec(first_exec.strings, 18, LX_SCRATCH(LX_SCRATCH_ROOT), EXE_SLOT, false);
	if (error)
		give_up("cannot open /sbin/tessera-init: error", error);
	memcpy(self->identity->name, "tessera-init", 13);
	return &first_exec.area;
}

void lx_start_main(struct msg_page *page)
{
	struct lx_thread *self = lx_thread_init(page, &lx_main, PROCESS_PAGE_VA);
	lx_main.identity = self->identity;
	bool is_first = self->identity->start_mode == 0;
	run_program(is_first ? first_start(self) : take_over(self));
	__builtin_unreachable();
}
