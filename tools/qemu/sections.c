/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A QEMU TCG plugin that measures how long the kernel keeps interrupts off: the instructions of each section.
 *
 * A section begins with the first block in the upper half behind one in the lower half (a kernel entry) or behind STI or
 * HLT (idle), and ends with the next block in the lower half, or STI, HLT, SYSRET or IRET.  Interrupts are off inside, so a section
 * is at once what an entry executes between two preemption points.  It is named after the last of the addresses in
 * `symbols=FILE` (lines `ADDRESS NAME`, hexadecimal) at which a block began.  What runs before the first of them does not
 * count.  `out=FILE` gets at exit `section NAME LONGEST TIMES TOTAL`; `worst=NAME` adds the blocks of the longest
 * section of that name: `block ADDRESS INSTRUCTIONS`, in order; `covered=FILE` gets such a line for every block of the upper
 * half that was executed at all, from reset on.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

/* ---- what is kept ------------------------------------------------------------------------------------------- */

#define CPUS 64u
#define SYMBOLS 4096u
#define NAME_BYTES 64u
#define TRACE_BLOCKS 65536u
#define STI 0xfbu
#define HLT 0xf4u

struct symbol {
	uint64_t address;
	char name[NAME_BYTES];
	uint64_t longest, times, total;
};

struct block {
	struct block *next;
	uint64_t address;
	size_t instructions;
	struct symbol *symbol; /* that begins here; NULL: none */
	bool is_kernel, was_executed;
};

struct cpu {
	uint64_t count;
	struct symbol *symbol;
	uint32_t traced;
	const struct block *trace[TRACE_BLOCKS];
};

static struct symbol symbols[SYMBOLS];
static size_t symbol_count = 1; /* the first one: sections without a name */
static struct cpu *cpus[CPUS];
static bool has_begun; /* the first operation has been seen */
static FILE *out, *covered;
static struct block *blocks;
static const char *worst_name = "";
static const struct block *worst[TRACE_BLOCKS];
static uint32_t worst_blocks;

/* ---- sections ------------------------------------------------------------------------------------------------ */

static void end_section(struct cpu *cpu)
{
	struct symbol *symbol = cpu->symbol ? cpu->symbol : &symbols[0];

	if (cpu->count && has_begun) {
		symbol->times++;
		symbol->total += cpu->count;
		if (cpu->count > symbol->longest) {
			symbol->longest = cpu->count;
			if (!strcmp(symbol->name, worst_name)) {
				memcpy(worst, cpu->trace, sizeof(worst[0]) * cpu->traced);
				worst_blocks = cpu->traced;
			}
		}
	}
	cpu->count = 0;
	cpu->symbol = NULL;
	cpu->traced = 0;
}

static void executed(unsigned int index, void *data)
{
	struct block *block = data;
	struct cpu *cpu = cpus[index % CPUS];

	block->was_executed = true;
	if (!cpu) {
		cpu = calloc(1, sizeof(*cpu));
		if (!cpu)
			abort();
		cpus[index % CPUS] = cpu;
	}
	if (!block->is_kernel) {
		end_section(cpu);
		return;
	}
	cpu->count += block->instructions;
	if (block->symbol) {
		cpu->symbol = block->symbol;
		has_begun = true;
	}
	if (cpu->traced < TRACE_BLOCKS)
		cpu->trace[cpu->traced++] = block;
}

static void opened(unsigned int index, void *data)
{
	(void)data;
	if (cpus[index % CPUS])
		end_section(cpus[index % CPUS]);
}

static struct symbol *symbol_at(uint64_t address)
{
	for (size_t i = 1; i < symbol_count; i++)
		if (symbols[i].address == address)
			return &symbols[i];
	return NULL;
}

/* STI, HLT, SYSRETQ, IRETQ: an interrupt can be taken behind it, or another entry begins. */
static bool ends_section(const uint8_t *bytes, size_t length)
{
	if (length == 1)
		return bytes[0] == STI || bytes[0] == HLT;
	return !memcmp(bytes, "\x48\xcf", 2) || (length == 3 && !memcmp(bytes, "\x48\x0f\x07", 3));
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	struct block *block = calloc(1, sizeof(*block));

	(void)id;
	if (!block)
		abort();
	block->address = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
	block->instructions = qemu_plugin_tb_n_insns(tb);
	block->is_kernel = block->address >> 63;
	block->next = blocks;
	blocks = block;
	block->symbol = block->is_kernel ? symbol_at(block->address) : NULL;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, NO_REGISTERS, block);
	for (size_t i = 0; block->is_kernel && i < block->instructions; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		if (ends_section(qemu_plugin_insn_data(insn), qemu_plugin_insn_size(insn)))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, opened, NO_REGISTERS, NULL);
	}
}

/* ---- files --------------------------------------------------------------------------------------------------- */

static void finished(qemu_plugin_id_t id, void *data)
{
	(void)id;
	(void)data;
	for (size_t i = 0; i < symbol_count; i++)
		if (symbols[i].times)
			fprintf(out, "section %s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", symbols[i].name,
				symbols[i].longest, symbols[i].times, symbols[i].total);
	for (uint32_t i = 0; i < worst_blocks; i++)
		fprintf(out, "block %" PRIx64 " %zu\n", worst[i]->address, worst[i]->instructions);
	fclose(out);
	for (const struct block *block = blocks; covered && block; block = block->next)
		if (block->is_kernel && block->was_executed)
			fprintf(covered, "block %" PRIx64 " %zu\n", block->address, block->instructions);
	if (covered)
		fclose(covered);
}

static bool read_symbols(const char *path)
{
	FILE *file = fopen(path, "r");

	if (!file)
		return false;
	while (symbol_count < SYMBOLS && fscanf(file, "%" SCNx64 " %63s", &symbols[symbol_count].address,
						symbols[symbol_count].name) == 2)
		symbol_count++;
	fclose(file);
	return symbol_count > 1;
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
	bool has_symbols = false;

	(void)info;
	strcpy(symbols[0].name, "(other)");
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "out=", 4))
			out = fopen(argv[i] + 4, "w");
		else if (!strncmp(argv[i], "symbols=", 8))
			has_symbols = read_symbols(argv[i] + 8);
		else if (!strncmp(argv[i], "covered=", 8))
			covered = fopen(argv[i] + 8, "w");
		else if (!strncmp(argv[i], "worst=", 6))
			worst_name = strdup(argv[i] + 6);
	}
	if (!out || !has_symbols)
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, finished, NULL);
	return 0;
}
