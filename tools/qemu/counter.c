/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A QEMU TCG plugin that counts what a guest cannot: writes of CR3 (address-space switches), on any kernel.
 *
 * The guest marks intervals with two long NOPs (bench/linux/micro.c): BEGIN and END.  Arguments: `out=FILE`: a line
 * `interval NUMBER cr3 WRITES` for each END, counted from the last BEGIN (or from reset).  `profile=FILE`: for each
 * interval the blocks of instructions executed in it, `block NUMBER ADDRESS INSTRUCTIONS TIMES BYTES`; profile.py makes
 * functions of them.  One CPU.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

/* ---- counting ----------------------------------------------------------------------------------------------- */

#define MARK_BYTES 7u /* nopl imm32(%rax) */
#define BLOCK_BYTES 256u
static const uint8_t mark_begin[MARK_BYTES] = {0x0f, 0x1f, 0x80, 0x01, 0x00, 0x55, 0x7e};
static const uint8_t mark_end[MARK_BYTES] = {0x0f, 0x1f, 0x80, 0x02, 0x00, 0x55, 0x7e};

struct block {
	struct block *next;
	uint64_t address, times;
	size_t instructions, length;
	uint8_t bytes[BLOCK_BYTES];
};

static struct block *blocks;
static FILE *out, *profile;
static bool is_inside = true; /* reset begins the first interval */
static unsigned int interval;
static uint64_t cr3_writes;

static void begin(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	is_inside = true;
	cr3_writes = 0;
	for (struct block *block = blocks; block; block = block->next)
		block->times = 0;
}

static void write_profile(void)
{
	for (struct block *block = blocks; block; block = block->next) {
		if (!block->times)
			continue;
		fprintf(profile, "block %u %" PRIx64 " %zu %" PRIu64 " ", interval, block->address,
			block->instructions, block->times);
		for (size_t i = 0; i < block->length; i++)
			fprintf(profile, "%02x", block->bytes[i]);
		fputc('\n', profile);
	}
	fflush(profile);
}

static void end(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	if (out) {
		fprintf(out, "interval %u cr3 %" PRIu64 "\n", interval, cr3_writes);
		fflush(out);
	}
	if (profile)
		write_profile();
	is_inside = false;
	interval++;
}

static void count_switch(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	cr3_writes++;
}

static void count_block(unsigned int cpu, void *data)
{
	(void)cpu;
	if (is_inside)
		((struct block *)data)->times++;
}

/* MOV to CR3: 0F 22 with register field 3, maybe behind a REX prefix. */
static bool is_switch(const uint8_t *bytes, size_t length)
{
	if (length == 4 && (bytes[0] & 0xf0) == 0x40) {
		bytes++;
		length--;
	}
	return length == 3 && bytes[0] == 0x0f && bytes[1] == 0x22 && (bytes[2] & 0xf8) == 0xd8;
}

static void watch_instruction(struct qemu_plugin_insn *insn)
{
	const uint8_t *bytes = qemu_plugin_insn_data(insn);
	size_t length = qemu_plugin_insn_size(insn);

	if (is_switch(bytes, length))
		qemu_plugin_register_vcpu_insn_exec_cb(insn, count_switch, NO_REGISTERS, NULL);
	if (length != MARK_BYTES)
		return;
	if (!memcmp(bytes, mark_begin, MARK_BYTES))
		qemu_plugin_register_vcpu_insn_exec_cb(insn, begin, NO_REGISTERS, NULL);
	if (!memcmp(bytes, mark_end, MARK_BYTES))
		qemu_plugin_register_vcpu_insn_exec_cb(insn, end, NO_REGISTERS, NULL);
}

/* The same code is translated again and again (other states of the processor): each time a block of its own. */
static void watch_block(struct qemu_plugin_tb *tb, size_t count)
{
	struct block *block = calloc(1, sizeof(*block));

	if (!block)
		abort();
	block->address = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
	block->instructions = count;
	for (size_t i = 0; i < count; i++) {
		const struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		size_t length = qemu_plugin_insn_size(insn);

		if (block->length + length > BLOCK_BYTES)
			break;
		memcpy(block->bytes + block->length, qemu_plugin_insn_data(insn), length);
		block->length += length;
	}
	block->next = blocks;
	blocks = block;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, count_block, NO_REGISTERS, block);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t count = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (size_t i = 0; i < count; i++)
		watch_instruction(qemu_plugin_tb_get_insn(tb, i));
	if (profile)
		watch_block(tb, count);
}

static FILE *open_file(const char *argument, const char *key)
{
	size_t length = strlen(key);

	return strncmp(argument, key, length) ? NULL : fopen(argument + length, "w");
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (!out)
			out = open_file(argv[i], "out=");
		if (!profile)
			profile = open_file(argv[i], "profile=");
	}
	if (!out && !profile)
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
