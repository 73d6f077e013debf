/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Texts of /proc/<pid>: formats of Linux 6.1 (Documentation/filesystems/proc.rst and the layout `ps`, `top` read), from the
 * label table and from mem.
 */
#include <stdio.h>
#include <string.h>

#include "env.h"
#include "object.h"
#include "proc_types.h"
#include "upcall.h"

#define TICK_NS 10000000ull
#define COPY_MAX_BYTES (128u * 1024u)

static char state_letter(uint32_t state)
{
	static const char letters[] = {
		[LABEL_FREE] = 'X',    [LABEL_RUNNING] = 'R', [LABEL_SLEEPING] = 'S',
		[LABEL_STOPPED] = 'T', [LABEL_ZOMBIE] = 'Z',  [LABEL_DEAD] = 'X',
	};
	return state < sizeof(letters) ? letters[state] : '?';
}

static const char *state_word(char letter)
{
	switch (letter) {
	case 'R': return "running";
	case 'S': return "sleeping";
	case 'T': return "stopped";
	case 'Z': return "zombie";
	default: return "dead";
	}
}

static const struct label_thread *thread_of(const struct inode *inode)
{
	if (inode->proc.number == 0)
		return NULL;
	for (uint32_t i = 1; i < LABEL_THREADS; i++) {
		const struct label_thread *thread = &env_labels->thread[i];
		if (thread->process == inode->proc.process && thread->tid == inode->proc.number)
			return thread;
	}
	return NULL;
}

static struct env_memory_usage usage_of(const struct label_process *process)
{
	struct env_memory_usage usage = {0};
	if (process->state == LABEL_ZOMBIE || env_memory_usage(process->space, &usage) != 0)
		memset(&usage, 0, sizeof(usage));
	return usage;
}

/* The reader itself runs, whatever the table says. */
static char letter_of(const struct inode *inode, const struct label_process *process,
		      const struct label_thread *thread, uint64_t reader)
{
	bool is_reader = LABEL_PROCESS(reader) == inode->proc.process && !(reader & LABEL_NATIVE);
	if (is_reader && (!thread || thread == &env_labels->thread[LABEL_THREAD(reader) % LABEL_THREADS]))
		return 'R';
	return state_letter(thread && process->state != LABEL_ZOMBIE ? thread->state : process->state);
}

/* comm, without a byte past its end. */
static void name_of(const struct label_process *process, const struct label_thread *thread, char out[17])
{
	memcpy(out, thread ? thread->name : process->name, 16);
	out[16] = '\0';
}

static int text_stat(const struct inode *inode, const struct label_process *process, uint64_t reader,
		     struct text *text)
{
	const struct label_thread *thread = thread_of(inode);
	if (!upcall_have(UPCALL_REFRESH, 0, 0))
		return VFS_PARK;
	struct env_memory_usage usage = usage_of(process);
	uint32_t terminal, foreground;
	env_terminal(process->sid, &terminal, &foreground);
	char name[17];
	name_of(process, thread, name);
	char state = letter_of(inode, process, thread, reader);
	const struct process_page *page =
		env_process_page(inode->proc.process); /* there is one: proc_pid_text */
	uint64_t user = (thread ? thread->user_ns : process->user_ns) / TICK_NS;
	uint64_t system = (thread ? thread->system_ns : process->system_ns) / TICK_NS;
	int32_t nice = (int32_t)process->nice;
	text_format(text,
		    "%u (%s) %c %u %u %u %u %d 4194304 %llu %llu 0 0 %llu %llu %llu %llu %d %d %u 0 %llu ",
		    thread ? thread->tid : process->pid, name, state, process->ppid, process->pgid,
		    process->sid, terminal, terminal != 0 ? (int)foreground : -1,
		    (unsigned long long)(process->old_faults + usage.faults),
		    (unsigned long long)process->children_faults, (unsigned long long)user,
		    (unsigned long long)system, (unsigned long long)(process->children_user_ns / TICK_NS),
		    (unsigned long long)(process->children_system_ns / TICK_NS), 20 + nice, nice,
		    process->threads, (unsigned long long)(process->start_ns / TICK_NS));
	text_format(text,
		    "%llu %llu 18446744073709551615 0 0 %llu 0 0 %llu %llu %llu %llu 0 0 0 %u %u 0 0 0 0 0 0 "
		    "0 %llu ",
		    (unsigned long long)(usage.virtual_pages * 4096),
		    (unsigned long long)usage.resident_pages, (unsigned long long)page->stack_start,
		    (unsigned long long)process->signals_pending & 0x7fffffffu,
		    (unsigned long long)process->signals_blocked & 0x7fffffffu,
		    (unsigned long long)process->signals_ignored & 0x7fffffffu,
		    (unsigned long long)process->signals_caught & 0x7fffffffu, process->exit_signal,
		    thread ? thread->cpu : process->cpu, (unsigned long long)page->brk_start);
	text_format(text, "%llu %llu %llu %llu 0\n", (unsigned long long)page->arg_start,
		    (unsigned long long)page->arg_end, (unsigned long long)page->env_start,
		    (unsigned long long)page->env_end);
	return 0;
}

static void status_memory(const struct label_process *process, struct text *text)
{
	struct env_memory_usage usage = usage_of(process);
	uint64_t anonymous =
		usage.resident_pages > usage.shared_pages ? usage.resident_pages - usage.shared_pages : 0;
	text_format(text, "VmPeak:\t%8llu kB\nVmSize:\t%8llu kB\nVmLck:\t       0 kB\nVmPin:\t       0 kB\n",
		    (unsigned long long)usage.virtual_pages * 4, (unsigned long long)usage.virtual_pages * 4);
	text_format(text,
		    "VmHWM:\t%8llu kB\nVmRSS:\t%8llu kB\nRssAnon:\t%8llu kB\nRssFile:\t%8llu kB\nRssShmem:\t "
		    "      0 kB\n",
		    (unsigned long long)usage.resident_pages * 4,
		    (unsigned long long)usage.resident_pages * 4, (unsigned long long)anonymous * 4,
		    (unsigned long long)usage.shared_pages * 4);
	text_format(text,
		    "VmData:\t%8llu kB\nVmStk:\t%8llu kB\nVmExe:\t%8llu kB\nVmLib:\t       0 kB\nVmPTE:\t    "
		    "   0 kB\nVmSwap:\t       0 kB\n",
		    (unsigned long long)usage.data_pages * 4, (unsigned long long)usage.stack_pages * 4,
		    (unsigned long long)usage.text_pages * 4);
}

/* A mask as Linux prints it, and the same as a list of ranges. */
static void status_cpus(uint64_t mask, struct text *text)
{
	if (mask >> 32 != 0)
		text_format(text, "Cpus_allowed:\t%x,%08x\nCpus_allowed_list:\t", (unsigned)(mask >> 32),
			    (unsigned)mask);
	else
		text_format(text, "Cpus_allowed:\t%x\nCpus_allowed_list:\t", (unsigned)mask);
	const char *separator = "";
	for (uint32_t first = 0; first < LABEL_CPUS; first++) {
		uint32_t last = first;
		if (!((mask >> first) & 1))
			continue;
		while (last + 1 < LABEL_CPUS && ((mask >> (last + 1)) & 1))
			last++;
		text_format(text, last > first ? "%s%u-%u" : "%s%u", separator, first, last);
		separator = ",";
		first = last;
	}
	text_format(text, "\n");
}

static int text_status(const struct inode *inode, const struct label_process *process, uint64_t reader,
		       struct text *text)
{
	const struct label_thread *thread = thread_of(inode);
	char name[17];
	name_of(process, thread, name);
	if (!upcall_have(UPCALL_REFRESH, 0, 0))
		return VFS_PARK;
	char state = letter_of(inode, process, thread, reader);
	text_format(text,
		    "Name:\t%s\nUmask:\t%04o\nState:\t%c "
		    "(%s)\nTgid:\t%u\nNgid:\t0\nPid:\t%u\nPPid:\t%u\nTracerPid:\t0\n",
		    name, env_process_page(inode->proc.process)->umask & 0777u, state, state_word(state),
		    process->pid, thread ? thread->tid : process->pid, process->ppid);
	text_format(text, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t64\nGroups:\t", process->uid,
		    process->euid, process->suid, process->fsuid, process->gid, process->egid, process->sgid,
		    process->fsgid);
	for (uint32_t i = 0; i < process->group_count && i < LABEL_GROUPS; i++)
		text_format(text, "%u ", process->groups[i]);
	text_format(text, "\nNStgid:\t%u\nNSpid:\t%u\nNSpgid:\t%u\nNSsid:\t%u\n", process->pid,
		    thread ? thread->tid : process->pid, process->pgid, process->sid);
	if (process->state != LABEL_ZOMBIE)
		status_memory(process, text);
	text_format(text,
		    "Threads:\t%u\nSigQ:\t0/"
		    "1024\nSigPnd:\t0000000000000000\nShdPnd:\t%016llx\nSigBlk:\t%016llx\nSigIgn:\t%"
		    "016llx\nSigCgt:\t%016llx\n",
		    process->threads, (unsigned long long)process->signals_pending,
		    (unsigned long long)process->signals_blocked,
		    (unsigned long long)process->signals_ignored,
		    (unsigned long long)process->signals_caught);
	const char *capabilities = process->euid == 0 ? "000001ffffffffff" : "0000000000000000";
	text_format(text,
		    "CapInh:\t0000000000000000\nCapPrm:\t%s\nCapEff:\t%s\nCapBnd:\t000001ffffffffff\nCapAmb:"
		    "\t0000000000000000\n",
		    capabilities, capabilities);
	text_format(text, "NoNewPrivs:\t%u\nSeccomp:\t0\n", process->no_new_privs);
	status_cpus(thread ? thread->cpu_mask : process->cpu_mask, text);
	text_format(text, "Mems_allowed:\t1\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t0\n"
			  "nonvoluntary_ctxt_switches:\t0\n");
	return 0;
}

static int text_statm(const struct label_process *process, struct text *text)
{
	struct env_memory_usage usage = usage_of(process);
	text_format(text, "%llu %llu %llu %llu 0 %llu 0\n", (unsigned long long)usage.virtual_pages,
		    (unsigned long long)usage.resident_pages, (unsigned long long)usage.shared_pages,
		    (unsigned long long)usage.text_pages,
		    (unsigned long long)(usage.data_pages + usage.stack_pages));
	return 0;
}

/* Memory of the process, as far as it is present. */
static int text_memory(const struct label_process *process, uint64_t from, uint64_t to, struct text *text)
{
	static char piece[2048];
	if (process->state == LABEL_ZOMBIE || to <= from)
		return 0;
	if (to - from > COPY_MAX_BYTES)
		to = from + COPY_MAX_BYTES;
	while (from < to) {
		uint32_t want = to - from < sizeof(piece) ? (uint32_t)(to - from) : (uint32_t)sizeof(piece);
		int got = env_memory_read(process->space, from, piece, want);
		if (got <= 0)
			return 0;
		text_bytes(text, piece, (uint32_t)got);
		from += (uint32_t)got;
	}
	return 0;
}

static void map_line(const struct mem_area *area, struct text *text)
{
	char path[PATH_BYTES_MAX + 16];
	int length = 0;
	uint32_t device = 0;
	uint64_t ino = 0;
	if (area->name != 0) {
		const struct inode *inode = object_inode(area->name);
		device = inode ? inode->fs->device : 0;
		ino = area->name;
		if (inode && inode->alias)
			length = inode->fs == &fs_anonymous
					 ? snprintf(path, sizeof(path), "/%s (deleted)",
						    dentry_name(inode->alias))
					 : dentry_path(inode->alias, root_dentry, path, sizeof(path));
	} else if (area->flags & MEM_AREA_HEAP) {
		length = snprintf(path, sizeof(path), "[heap]");
	} else if (area->flags & MEM_AREA_STACK) {
		length = snprintf(path, sizeof(path), "[stack]");
	}
	char line[128];
	int used = snprintf(
		line, sizeof(line), "%08llx-%08llx %c%c%c%c %08llx 00:%02x %llu ",
		(unsigned long long)area->start, (unsigned long long)area->end,
		(area->flags & MEM_AREA_READ) ? 'r' : '-', (area->flags & MEM_AREA_WRITE) ? 'w' : '-',
		(area->flags & MEM_AREA_EXEC) ? 'x' : '-', (area->flags & MEM_AREA_SHARED) ? 's' : 'p',
		(unsigned long long)area->offset, device, (unsigned long long)ino);
	text_bytes(text, line, (uint32_t)used);
	if (length > 0) {
		static const char spaces[] =
			"                                                                         ";
		if (used < 73)
			text_bytes(text, spaces, (uint32_t)(73 - used));
		text_bytes(text, path, (uint32_t)length);
	}
	text_bytes(text, "\n", 1);
}

/*
 * One area of smaps. mem counts what is resident; which of it is shared or dirty is judged by the kind of memory: a mapped object's
 * pages count as shared and clean, all others as private and dirty.
 */
static void smaps_lines(const struct mem_area *area, struct text *text)
{
	uint64_t size = (area->end - area->start) / 1024, resident = area->resident_pages * 4ull;
	bool is_object = area->name != 0 || (area->flags & MEM_AREA_SHARED);
	const struct {
		const char *name;
		uint64_t kilobytes;
	} rows[] = {
		{"Size:", size},
		{"KernelPageSize:", 4},
		{"MMUPageSize:", 4},
		{"Rss:", resident},
		{"Pss:", resident},
		{"Shared_Clean:", is_object ? resident : 0},
		{"Shared_Dirty:", 0},
		{"Private_Clean:", 0},
		{"Private_Dirty:", is_object ? 0 : resident},
		{"Referenced:", resident},
		{"Anonymous:", is_object ? 0 : resident},
		{"Swap:", 0},
		{"SwapPss:", 0},
		{"Locked:", 0},
	};
	map_line(area, text);
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		text_format(text, "%-16s%8llu kB\n", rows[i].name, (unsigned long long)rows[i].kilobytes);
}

static int text_maps(const struct label_process *process, struct text *text, bool is_long)
{
	struct mem_area areas[32];
	uint64_t from = 0;
	if (process->state == LABEL_ZOMBIE)
		return 0;
	for (uint32_t rounds = 0; rounds < 4096 && from != ~0ull; rounds++) {
		uint64_t next = ~0ull;
		int count = env_memory_areas(process->space, from, areas, 32, &next);
		if (count < 0)
			return 0;
		for (int i = 0; i < count; i++)
			(is_long ? smaps_lines : map_line)(&areas[i], text);
		if (next <= from)
			return 0;
		from = next;
	}
	return 0;
}

static void limit_number(uint64_t value, char out[24])
{
	if (value == ~0ull)
		snprintf(out, 24, "unlimited");
	else
		snprintf(out, 24, "%llu", (unsigned long long)value);
}

static int text_limits(const struct label_process *process, struct text *text)
{
	static const struct {
		const char *name, *unit;
	} rows[] = {
		{"Max cpu time", "seconds"},	 {"Max file size", "bytes"},
		{"Max data size", "bytes"},	 {"Max stack size", "bytes"},
		{"Max core file size", "bytes"}, {"Max resident set", "bytes"},
		{"Max processes", "processes"},	 {"Max open files", "files"},
		{"Max locked memory", "bytes"},	 {"Max address space", "bytes"},
		{"Max file locks", "locks"},	 {"Max pending signals", "signals"},
		{"Max msgqueue size", "bytes"},	 {"Max nice priority", ""},
		{"Max realtime priority", ""},	 {"Max realtime timeout", "us"},
	};
	text_format(text, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (uint32_t i = 0; i < LABEL_LIMITS && i < sizeof(rows) / sizeof(rows[0]); i++) {
		char soft[24], hard[24];
		limit_number(process->limit_soft[i], soft);
		limit_number(process->limit_hard[i], hard);
		text_format(text, "%-25s %-20s %-20s %-10s\n", rows[i].name, soft, hard, rows[i].unit);
	}
	return 0;
}

static void mount_options(const struct filesystem *fs, char *out, size_t size)
{
	snprintf(out, size, "%s%s%s%s%s", fs_is_readonly(fs) ? "ro" : "rw",
		 (fs->flags & FS_MS_NOSUID) ? ",nosuid" : "", (fs->flags & FS_MS_NODEV) ? ",nodev" : "",
		 (fs->flags & FS_MS_NOEXEC) ? ",noexec" : "",
		 (fs->flags & FS_MS_RELATIME) ? ",relatime" : ",noatime");
}

static int text_mounts(struct text *text, bool is_info)
{
	char path[PATH_BYTES_MAX], options[80];
	for (const struct filesystem *fs = mounts_first; fs; fs = fs->next) {
		int length = dentry_path(fs->root, root_dentry, path, sizeof(path) - 1);
		if (length < 0)
			continue;
		path[length] = '\0';
		mount_options(fs, options, sizeof(options));
		if (is_info)
			text_format(text, "%u %u 0:%u / %s %s - %s %s rw\n", fs->device,
				    fs->covers ? fs->covers->inode->fs->device : 1u, fs->device, path,
				    options, mount_type_name(fs->type), fs->source);
		else
			text_format(text, "%s %s %s %s 0 0\n", fs->source, path, mount_type_name(fs->type),
				    options);
	}
	return 0;
}

int proc_pid_text(const struct inode *inode, uint64_t reader, struct text *text)
{
	const struct label_process *process = proc_process(inode);
	const struct process_page *page = env_process_page(inode->proc.process);
	char name[17];
	if (!process || !page)
		return ESRCH;
	switch (inode->proc.type) {
	case PROC_STAT: return text_stat(inode, process, reader, text);
	case PROC_STATUS: return text_status(inode, process, reader, text);
	case PROC_STATM: return text_statm(process, text);
	case PROC_CMDLINE:
		if (!upcall_have(UPCALL_REFRESH, 0,
				 0)) /* where the arguments lie is in the process page, which proc reads */
			return VFS_PARK;
		return text_memory(process, page->arg_start, page->arg_end, text);
	case PROC_ENVIRON:
		if (!upcall_have(UPCALL_REFRESH, 0, 0))
			return VFS_PARK;
		return text_memory(process, page->env_start, page->env_end, text);
	case PROC_MAPS:
	case PROC_SMAPS: return text_maps(process, text, inode->proc.type == PROC_SMAPS);
	case PROC_COMM:
		name_of(process, thread_of(inode), name);
		text_format(text, "%s\n", name);
		return 0;
	case PROC_LIMITS: return text_limits(process, text);
	case PROC_MOUNTS:
	case PROC_MOUNTINFO: return text_mounts(text, inode->proc.type == PROC_MOUNTINFO);
	case PROC_OOM_ADJ: text_format(text, "%d\n", process->oom_score_adj); return 0;
	case PROC_CGROUP: text_bytes(text, "0::/\n", 5); return 0;
	default: return EINVAL;
	}
}
