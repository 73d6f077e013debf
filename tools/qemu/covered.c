/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A QEMU TCG plugin that tells which of the kernel's code was executed, at hardly any cost: each translated block of the upper
 * half counts its executions by an instruction of its own.
 *
 * `covered=FILE` gets at exit a line `block ADDRESS INSTRUCTIONS` (the address hexadecimal) for each block that was executed,
 * from reset on.  CPUs that run at once may lose a count, but not the first one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

/* ---- what is kept ------------------------------------------------------------------------------------------- */

struct block {
	struct block *next;
	uint64_t address, times;
	size_t instructions;
};

static struct block *blocks; /* CPUs translate at once: put in front by an exchange */
static FILE *covered;

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	uint64_t address = qemu_plugin_tb_vaddr(tb);
	struct block *block;

	(void)id;
	if (!(address >> 63))
		return;
	block = calloc(1, sizeof(*block));
	if (!block)
		abort();
	block->address = address;
	block->instructions = qemu_plugin_tb_n_insns(tb);
	qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD, &block->times, 1);
	block->next = __atomic_load_n(&blocks, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&blocks, &block->next, block, 0, __ATOMIC_ACQ_REL,
					    __ATOMIC_RELAXED)) {
	}
}

static void finished(qemu_plugin_id_t id, void *data)
{
	(void)id;
	(void)data;
	for (const struct block *block = blocks; block; block = block->next)
		if (block->times)
			fprintf(covered, "block %" PRIx64 " %zu\n", block->address, block->instructions);
	fclose(covered);
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++)
		if (!strncmp(argv[i], "covered=", 8))
			covered = fopen(argv[i] + 8, "w");
	if (!covered)
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, finished, NULL);
	return 0;
}
