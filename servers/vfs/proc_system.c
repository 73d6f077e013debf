/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Texts of the system in /proc: memory, processor, times, and /proc/tessera. */
#include <cpuid.h>
#include <stdio.h>
#include <linux_names.h>
#include <string.h>

#include "device.h"
#include "env.h"
#include "memory.h"
#include "object.h"
#include "pipe.h"
#include "proc_types.h"
#include "upcall.h"

#define NSEC 1000000000ull
#define TICK_NS 10000000ull

struct constant {
	const char *name, *value;
};

static const struct constant constants[] = {
	{"ostype", "Linux\n"},	      {"osrelease", "6.1.0-tessera\n"}, {"version", "#1 Tessera\n"},
	{"pid_max", "32768\n"},	      {"threads-max", "4095\n"},	{"ngroups_max", "32\n"},
	{"cap_last_cap", "40\n"},     {"overcommit_memory", "0\n"},	{"file-max", "16383\n"},
	{"pipe-max-size", "65536\n"}, {"entropy_avail", "256\n"},	{"poolsize", "256\n"},
};

uint32_t proc_constant(const char *name)
{
	for (uint32_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
		if (strcmp(constants[i].name, name) == 0)
			return i;
	return 0;
}

static void kilobytes(struct text *text, const char *name, uint64_t bytes)
{
	text_format(text, "%-16s%8llu kB\n", name, (unsigned long long)(bytes / 1024));
}

/* What the services keep for kernel objects and have not used: free, but not for programs. */
static uint64_t untyped_free_bytes(void)
{
	struct env_service service;
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < 64 && env_service(i, &service); i++)
		bytes += service.untyped_free;
	return bytes;
}

/* What nobody uses; available is what programs and files can have of it. */
static uint64_t free_bytes(const struct env_system_memory *memory, uint64_t *available)
{
	struct frame_counts counts = frames_count();
	*available = (memory->pages_free + counts.total - counts.used) * FRAME_BYTES;
	return *available + untyped_free_bytes() + (counts.windows_total - counts.windows_used) * FRAME_BYTES;
}

void proc_memory(uint64_t *total_bytes, uint64_t *bytes)
{
	struct env_system_memory memory = {0};
	uint64_t available;
	if (env_system_memory(&memory) != 0)
		memset(&memory, 0, sizeof(memory));
	*total_bytes = env_ram_bytes();
	*bytes = free_bytes(&memory, &available);
}

/* MemTotal is the machine's memory: what kernel and services hold counts as used. */
static int text_meminfo(struct text *text)
{
	struct env_system_memory memory = {0};
	if (env_system_memory(&memory) != 0)
		memset(&memory, 0, sizeof(memory));
	struct frame_counts counts = frames_count();
	uint64_t page = FRAME_BYTES, available;
	uint64_t total_bytes = env_ram_bytes();
	uint64_t files = (counts.used - counts.slab) * page;
	kilobytes(text, "MemTotal:", total_bytes);
	kilobytes(text, "MemFree:", free_bytes(&memory, &available));
	kilobytes(text, "MemAvailable:", available);
	kilobytes(text, "Buffers:", 0);
	kilobytes(text, "Cached:", files);
	kilobytes(text, "SwapCached:", 0);
	kilobytes(text, "Active:", (memory.pages_total - memory.pages_free) * page);
	kilobytes(text, "Inactive:", 0);
	kilobytes(text, "SwapTotal:", 0);
	kilobytes(text, "SwapFree:", 0);
	kilobytes(text, "Dirty:", 0);
	kilobytes(text, "Writeback:", 0);
	kilobytes(text, "AnonPages:", (memory.pages_total - memory.pages_free) * page);
	kilobytes(text, "Mapped:", 0);
	kilobytes(text, "Shmem:", files);
	kilobytes(text, "Slab:", counts.slab * page);
	kilobytes(text, "SReclaimable:", 0);
	kilobytes(text, "SUnreclaim:", counts.slab * page);
	kilobytes(text, "PageTables:", memory.table_pages * page);
	kilobytes(text, "CommitLimit:", (memory.pages_total + counts.total) * page);
	kilobytes(text, "Committed_AS:", (memory.pages_total - memory.pages_free) * page);
	return 0;
}

static void processor_name(char out[49])
{
	unsigned words[12] = {0};
	for (unsigned i = 0; i < 3; i++)
		__get_cpuid(0x80000002u + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2],
			    &words[4 * i + 3]);
	memcpy(out, words, 48);
	out[48] = '\0';
}

static void processor_flags(struct text *text)
{
	static const struct {
		uint8_t bit, in_ecx;
		char name[10];
	} flags[] = {
		{0, 0, "fpu"},	   {4, 0, "tsc"},  {8, 0, "cx8"},    {15, 0, "cmov"},	{23, 0, "mmx"},
		{24, 0, "fxsr"},   {25, 0, "sse"}, {26, 0, "sse2"},  {0, 1, "pni"},	{1, 1, "pclmulqdq"},
		{9, 1, "ssse3"},   {12, 1, "fma"}, {13, 1, "cx16"},  {19, 1, "sse4_1"}, {20, 1, "sse4_2"},
		{23, 1, "popcnt"}, {25, 1, "aes"}, {26, 1, "xsave"}, {28, 1, "avx"},	{30, 1, "rdrand"},
	};
	unsigned eax, ebx, ecx = 0, edx = 0;
	__get_cpuid(1, &eax, &ebx, &ecx, &edx);
	text_format(text, "flags\t\t:");
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (((flags[i].in_ecx ? ecx : edx) >> flags[i].bit) & 1u)
			text_format(text, " %s", flags[i].name);
	text_format(text, " syscall nx lm\n");
}

static uint32_t cpu_count(void)
{
	uint64_t count = env_labels->cpu_count;
	return count >= 1 && count <= LABEL_CPUS ? (uint32_t)count : 1;
}

static void one_cpu(struct text *text, uint32_t cpu)
{
	unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
	char vendor[13] = {0}, name[49];
	__get_cpuid(0, &eax, &ebx, &ecx, &edx);
	memcpy(vendor, &ebx, 4);
	memcpy(vendor + 4, &edx, 4);
	memcpy(vendor + 8, &ecx, 4);
	processor_name(name);
	__get_cpuid(1, &eax, &ebx, &ecx, &edx);
	unsigned family = ((eax >> 8) & 15u) + ((eax >> 20) & 255u),
		 model = ((eax >> 4) & 15u) | ((eax >> 12) & 0xf0u);
	uint64_t hz = env_tsc_hz();
	text_format(text,
		    "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: "
		    "%s\nstepping\t: %u\n",
		    cpu, vendor, family, model, name, eax & 15u);
	text_format(
		text,
		"cpu MHz\t\t: %llu.%03llu\nphysical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: "
		"%u\nfpu\t\t: yes\n",
		(unsigned long long)(hz / 1000000), (unsigned long long)(hz / 1000 % 1000), cpu_count(), cpu,
		cpu_count());
	processor_flags(text);
	text_format(text,
		    "bogomips\t: %llu.%02llu\nclflush size\t: 64\ncache_alignment\t: 64\naddress sizes\t: 40 "
		    "bits physical, 48 bits virtual\n\n",
		    (unsigned long long)(hz / 500000), (unsigned long long)(hz / 5000 % 100));
}

/* Of the CPU this runs on: they are all alike. */
static int text_cpuinfo(struct text *text)
{
	for (uint32_t i = 0; i < cpu_count(); i++)
		one_cpu(text, i);
	return 0;
}

/* Processor time, at most the time that went by. Idle is the rest. */
struct busy {
	uint64_t user_ns, system_ns, idle_ns;
};

/* The times of threads come a little late; the idle time that was told from them stands. */
static struct busy busy_of(uint32_t cpu, uint64_t now)
{
	static uint64_t told[LABEL_CPUS];
	struct busy busy = {.user_ns = env_labels->cpu[cpu].user_ns,
			    .system_ns = env_labels->cpu[cpu].system_ns};
	if (busy.user_ns > now)
		busy.user_ns = now;
	if (busy.system_ns > now - busy.user_ns)
		busy.system_ns = now - busy.user_ns;
	busy.idle_ns = now - busy.user_ns - busy.system_ns;
	if (busy.idle_ns < told[cpu])
		busy.idle_ns = told[cpu];
	told[cpu] = busy.idle_ns;
	return busy;
}

static struct busy busy_of_all(uint64_t now)
{
	struct busy all = {0};
	for (uint32_t i = 0; i < cpu_count(); i++) {
		struct busy busy = busy_of(i, now);
		all.user_ns += busy.user_ns;
		all.system_ns += busy.system_ns;
		all.idle_ns += busy.idle_ns;
	}
	return all;
}

static int text_uptime(struct text *text)
{
	if (!upcall_have(UPCALL_REFRESH, 0, 0))
		return VFS_PARK;
	uint64_t now = env_now_ns();
	uint64_t idle = busy_of_all(now).idle_ns;
	text_format(text, "%llu.%02llu %llu.%02llu\n", (unsigned long long)(now / NSEC),
		    (unsigned long long)(now / TICK_NS % 100), (unsigned long long)(idle / NSEC),
		    (unsigned long long)(idle / TICK_NS % 100));
	return 0;
}

static void stat_line(struct text *text, const char *name, struct busy busy)
{
	text_format(
		text, "%s %llu 0 %llu %llu 0 0 0 0 0 0\n", name, (unsigned long long)(busy.user_ns / TICK_NS),
		(unsigned long long)(busy.system_ns / TICK_NS), (unsigned long long)(busy.idle_ns / TICK_NS));
}

static int text_stat(struct text *text)
{
	if (!upcall_have(UPCALL_REFRESH, 0, 0))
		return VFS_PARK;
	uint64_t now = env_now_ns();
	stat_line(text, "cpu ", busy_of_all(now));
	for (uint32_t i = 0; i < cpu_count(); i++) {
		char name[8];
		snprintf(name, sizeof(name), "cpu%u", i);
		stat_line(text, name, busy_of(i, now));
	}
	text_format(text,
		    "intr 0\nctxt 0\nbtime %llu\nprocesses %llu\nprocs_running %llu\nprocs_blocked "
		    "0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n",
		    (unsigned long long)((env_wall_ns() - now) / NSEC), (unsigned long long)env_labels->forks,
		    (unsigned long long)(env_labels->running ? env_labels->running : 1));
	return 0;
}

static int text_loadavg(struct text *text)
{
	const uint64_t loads[3] = {env_labels->load1, env_labels->load5, env_labels->load15};
	uint32_t last = 0;
	for (uint32_t i = 1; i <= env_labels->process_high && i < LABEL_PROCESSES; i++)
		if (env_labels->process[i].state != LABEL_FREE && env_labels->process[i].pid > last)
			last = env_labels->process[i].pid;
	for (int i = 0; i < 3; i++)
		text_format(text, "%llu.%02llu ", (unsigned long long)(loads[i] >> 16),
			    (unsigned long long)(((loads[i] & 0xffffu) * 100) >> 16));
	text_format(text, "%llu/%llu %u\n", (unsigned long long)env_labels->running,
		    (unsigned long long)env_labels->threads, last);
	return 0;
}

static void uuid_text(struct text *text, const uint8_t bytes[16])
{
	text_format(text, "%02x%02x%02x%02x-%02x%02x-4%01x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x\n", bytes[0],
		    bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6] & 15u, bytes[7],
		    (bytes[8] & 0x3fu) | 0x80u, bytes[9], bytes[10], bytes[11], bytes[12], bytes[13],
		    bytes[14], bytes[15]);
}

static int text_uuid(struct text *text, bool is_boot)
{
	static uint8_t boot_id[16];
	static bool have_boot_id;
	uint8_t bytes[16];
	if (is_boot && !have_boot_id)
		random_bytes(boot_id, sizeof(boot_id));
	have_boot_id |= is_boot;
	if (is_boot)
		memcpy(bytes, boot_id, sizeof(bytes));
	else
		random_bytes(bytes, sizeof(bytes));
	uuid_text(text, bytes);
	return 0;
}

static int text_services(struct text *text)
{
	struct env_service service;
	static const char *const states[] = {"down", "starting", "ready", "crashed"};
	text_format(text, "%-12s %8s %8s %12s %12s\n", "service", "state", "restarts", "memory",
		    "untyped free");
	for (uint32_t i = 0; i < 64 && env_service(i, &service); i++)
		text_format(text, "%-12s %8s %8u %12llu %12llu\n", service.name,
			    service.state < 4 ? states[service.state] : "?", service.restarts,
			    (unsigned long long)service.memory_bytes,
			    (unsigned long long)service.untyped_free);
	return 0;
}

static void objects_of_mem(struct text *text)
{
	struct env_system_memory m = {0};
	if (env_system_memory(&m) != 0)
		return;
	text_format(text,
		    "mem.pages_total %llu\nmem.pages_free %llu\nmem.spaces %llu\nmem.areas %llu\nmem.objects "
		    "%llu\n",
		    (unsigned long long)m.pages_total, (unsigned long long)m.pages_free,
		    (unsigned long long)m.spaces, (unsigned long long)m.areas, (unsigned long long)m.objects);
	text_format(text, "mem.slots_free %llu\nmem.untyped_free %llu\nmem.table_pages %llu\n",
		    (unsigned long long)m.slots_free, (unsigned long long)m.untyped_free_bytes,
		    (unsigned long long)m.table_pages);
}

/* Tables and the slots of anchors grow with the highest index that was ever used; both are told apart from what is in use. */
static void objects_of_vfs(struct text *text)
{
	struct frame_counts counts = frames_count();
	text_format(text,
		    "vfs.open_files %u\nvfs.inodes %u\nvfs.pipes %u\nvfs.anchors %u\nvfs.windows "
		    "%u\nvfs.readiness_pages %u\n",
		    openfile_count(), inode_count(), pipe_count(), openfile_high(), window_count(),
		    readiness_count());
	text_format(text,
		    "vfs.cache_pages %llu\nvfs.cache_pages_used %llu\nvfs.slab_pages %llu\nvfs.window_pages "
		    "%llu\n",
		    (unsigned long long)counts.total, (unsigned long long)(counts.used - counts.tables),
		    (unsigned long long)counts.slab, (unsigned long long)counts.windows_used);
	text_format(text, "vfs.table_pages %llu\nvfs.slots_free %u\n", (unsigned long long)counts.tables,
		    env_slots_free() + openfile_anchored());
}

/* What is held and what is free, by service: the same before and after, or something leaks (tests/system/test_hostile.py). */
static int text_objects(struct text *text)
{
	static const char *const names[] = {"processes",    "threads",	  "zombies",
					    "untyped_free", "slots_free", "unimplemented"};
	if (!upcall_have(UPCALL_COUNTS, 0, 0))
		return VFS_PARK;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		text_format(text, "proc.%s %llu\n", names[i], (unsigned long long)upcall_answer()[i]);
	window_reap();
	readiness_reap();
	object_reap();
	objects_of_mem(text);
	objects_of_vfs(text);
	struct env_tty_usage tty;
	if (env_tty_usage(&tty))
		text_format(text, "tty.open_files %llu\ntty.terminals %llu\ntty.slots_free %llu\n",
			    (unsigned long long)tty.open_files, (unsigned long long)tty.terminals,
			    (unsigned long long)tty.slots_free);
	return 0;
}

static int text_unimplemented(struct text *text)
{
	if (!upcall_have(UPCALL_COUNTS, 0, 0))
		return VFS_PARK;
	const uint64_t *answer = upcall_answer();
	for (uint32_t i = 6; i < 256 && answer[i] != 0; i++)
		text_format(text, "%s %u\n", linux_call_name((uint32_t)(answer[i] >> 32)),
			    (uint32_t)answer[i]);
	return 0;
}

static int text_log(struct text *text)
{
	char piece[1024];
	uint64_t position = 0;
	for (uint32_t count; (count = env_log(&position, piece, sizeof(piece))) != 0 && text->error == 0;)
		text_bytes(text, piece, count);
	return 0;
}

static int text_short(const struct inode *inode, struct text *text)
{
	switch (inode->proc.type) {
	case PROC_VERSION:
		text_format(text, "Linux version 6.1.0-tessera (tessera) (clang 19) #1 Tessera\n");
		return 0;
	case PROC_FILESYSTEMS:
		text_format(text, "nodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\nnodev\tdevpts\n");
		return 0;
	case PROC_KERNEL_CMDLINE: text_format(text, "%s\n", env_command_line()); return 0;
	case PROC_DEVICES:
		text_format(text, "Character devices:\n  1 mem\n  4 ttyS\n  5 /dev/tty\n  5 /dev/console\n  "
				  "5 /dev/ptmx\n136 pts\n\nBlock devices:\n");
		return 0;
	case PROC_SWAPS: text_format(text, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"); return 0;
	case PROC_HOST_NAME: text_format(text, "%s\n", env_labels->host_name); return 0;
	case PROC_DOMAIN_NAME: text_format(text, "%s\n", env_labels->domain_name); return 0;
	case PROC_CONSTANT: text_format(text, "%s", constants[inode->proc.number].value); return 0;
	default: return EINVAL;
	}
}

int proc_system_text(const struct inode *inode, struct text *text)
{
	switch (inode->proc.type) {
	case PROC_MEMINFO: return text_meminfo(text);
	case PROC_CPUINFO: return text_cpuinfo(text);
	case PROC_UPTIME: return text_uptime(text);
	case PROC_SYSTEM_STAT: return text_stat(text);
	case PROC_LOADAVG: return text_loadavg(text);
	case PROC_UUID:
	case PROC_BOOT_ID: return text_uuid(text, inode->proc.type == PROC_BOOT_ID);
	case PROC_SERVICES: return text_services(text);
	case PROC_OBJECTS: return text_objects(text);
	case PROC_UNIMPLEMENTED: return text_unimplemented(text);
	case PROC_AUTHORITY: return proc_authority_text(text);
	case PROC_LOG: return text_log(text);
	default: return text_short(inode, text);
	}
}
