/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A QEMU TCG plugin that tells which cache lines the fast paths of several CPUs have in common.
 *
 * A kernel entry begins with the first block in the upper half behind one in the lower half, and ends with the next block in the
 * lower half.  It is a fast path if it came by one of the addresses of `fast=FILE` (a line each, hexadecimal) and by none of those of
 * `slow=FILE`; only the memory that such entries touch counts, by physical address.  `out=FILE` gets at exit
 * `fast CPU ENTRIES LINES` for each CPU and `shared LINE WRITER WROTE-AT OTHER TOUCHED-AT` for each line that one CPU wrote and another
 * one touched, with the addresses of two instructions that did.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

#define CPUS 8u
#define LINES 4096u /* a power of two */
#define ADDRESSES 16u
#define ENTRY_TOUCHES 1024u
#define LINE_LOG2 6u

struct touch {
	uint64_t line, at;
	bool is_write;
};

struct cpu {
	bool is_fast, is_slow;
	uint64_t entries, lines;
	uint32_t count; /* of what this entry touched so far */
	struct touch touches[ENTRY_TOUCHES];
};

/* By CPU: the instruction that touched it, and the one that wrote it; 0: none. */
struct line {
	uint64_t number; /* physical address / 64, plus 1; 0: unused */
	uint64_t touched_at[CPUS], written_at[CPUS];
};

struct addresses {
	uint64_t value[ADDRESSES];
	size_t count;
};

enum { LOWER, UPPER, FAST, SLOW };
static const char kinds[] = {LOWER, UPPER, FAST, SLOW}; /* what a block's data points to */

static struct cpu cpus[CPUS];
static struct line lines[LINES]; /* a hash table with linear probing */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct addresses fast, slow;
static FILE *out;

static struct line *line_of(uint64_t number)
{
	for (size_t i = 0; i < LINES; i++) {
		struct line *line = &lines[(number + i) % LINES];

		if (line->number == 0)
			line->number = number;
		if (line->number == number)
			return line;
	}
	abort(); /* fast paths that touch so much memory would be another system's */
}

static void keep(unsigned int index, struct cpu *cpu)
{
	pthread_mutex_lock(&mutex);
	cpu->entries++;
	for (uint32_t i = 0; i < cpu->count; i++) {
		const struct touch *touch = &cpu->touches[i];
		struct line *line = line_of(touch->line + 1);

		cpu->lines += line->touched_at[index] == 0;
		line->touched_at[index] = touch->at;
		if (touch->is_write)
			line->written_at[index] = touch->at;
	}
	pthread_mutex_unlock(&mutex);
}

static void executed(unsigned int index, void *data)
{
	struct cpu *cpu = &cpus[index % CPUS];
	char kind = *(const char *)data;

	cpu->is_fast |= kind == FAST;
	cpu->is_slow |= kind == SLOW;
	if (kind != LOWER)
		return;
	if (cpu->is_fast && !cpu->is_slow)
		keep(index % CPUS, cpu);
	cpu->is_fast = cpu->is_slow = false;
	cpu->count = 0;
}

static void touched(unsigned int index, plugin_memory_info info, uint64_t address, void *data)
{
	struct cpu *cpu = &cpus[index % CPUS];
	const struct qemu_plugin_hwaddr *physical = qemu_plugin_get_hwaddr(info, address);

	if (cpu->count == ENTRY_TOUCHES)
		cpu->is_slow = true; /* no fast path is as long as that */
	else if (physical)
		cpu->touches[cpu->count++] =
			(struct touch){.line = qemu_plugin_hwaddr_phys_addr(physical) >> LINE_LOG2,
				       .at = (uint64_t)(uintptr_t)data,
				       .is_write = qemu_plugin_mem_is_store(info)};
}

static bool contains(const struct addresses *set, uint64_t address)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->value[i] == address)
			return true;
	return false;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	uint64_t address = qemu_plugin_tb_vaddr(tb);
	const char *kind = &kinds[address >> 63 ? UPPER : LOWER];

	(void)id;
	if (contains(&fast, address))
		kind = &kinds[FAST];
	if (contains(&slow, address))
		kind = &kinds[SLOW];
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, NO_REGISTERS, (void *)(uintptr_t)kind);
	for (size_t i = 0; *kind != LOWER && i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		qemu_plugin_register_vcpu_mem_cb(insn, touched, NO_REGISTERS, MEMORY_BOTH,
						 (void *)(uintptr_t)qemu_plugin_insn_vaddr(insn));
	}
}

/* One report a line: of two CPUs of which one wrote. */
static void report(const struct line *line)
{
	for (uint32_t writer = 0; writer < CPUS; writer++)
		for (uint32_t other = 0; other < CPUS; other++)
			if (other != writer && line->written_at[writer] && line->touched_at[other]) {
				fprintf(out, "shared %" PRIx64 " %u %" PRIx64 " %u %" PRIx64 "\n",
					(line->number - 1) << LINE_LOG2, writer, line->written_at[writer],
					other, line->touched_at[other]);
				return;
			}
}

static void finished(qemu_plugin_id_t id, void *data)
{
	(void)id;
	(void)data;
	for (uint32_t i = 0; i < CPUS; i++)
		if (cpus[i].entries)
			fprintf(out, "fast %u %" PRIu64 " %" PRIu64 "\n", i, cpus[i].entries, cpus[i].lines);
	for (size_t i = 0; i < LINES; i++)
		report(&lines[i]);
	fclose(out);
}

static void read_addresses(struct addresses *set, const char *path)
{
	FILE *file = fopen(path, "r");

	while (file && set->count < ADDRESSES && fscanf(file, "%" SCNx64, &set->value[set->count]) == 1)
		set->count++;
	if (file)
		fclose(file);
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "out=", 4))
			out = fopen(argv[i] + 4, "w");
		else if (!strncmp(argv[i], "fast=", 5))
			read_addresses(&fast, argv[i] + 5);
		else if (!strncmp(argv[i], "slow=", 5))
			read_addresses(&slow, argv[i] + 5);
	}
	if (!out || !fast.count || !slow.count)
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, finished, NULL);
	return 0;
}
