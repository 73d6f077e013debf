/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * /proc/tessera/authority: who holds what, one line a capability, for ./tessera graph, who-can and reach.
 *
 *   tessera-authority 1
 *   service NUMBER NAME                            labels of native threads are 2^63 + this number
 *   process INDEX GENERATION PID NAME              labels of Linux threads: see tessera/labels.h
 *   cap SLOT OBJECT DEPTH TYPE RIGHTS FLAGS BADGE INFO      struct authority_record in hexadecimal, in the order of the tree
 *   end COUNT                                      of the lines `cap`; without this line the text is not whole
 */
#include <errno.h>

#include "env.h"
#include "proc_types.h"
#include "vfs.h"

#define ATTEMPTS 20

static void names(struct text *text)
{
	struct env_service service;
	for (uint32_t i = 0; i < 64 && env_service(i, &service); i++)
		text_format(text, "service %u %s\n", i + 1, service.name);
	for (uint32_t i = 1; i <= env_labels->process_high && i < LABEL_PROCESSES; i++) {
		const struct label_process *process = &env_labels->process[i];
		if (process->state != LABEL_FREE && process->state != LABEL_DEAD)
			text_format(text, "process %u %u %u %.16s\n", i, process->generation, process->pid,
				    process->name);
	}
}

/* Everything in one state of the tree, or EAGAIN. */
static int capabilities(struct text *text)
{
	static struct authority_record records[AUTHORITY_BATCH];
	uint64_t index = 0;
	uint32_t count = 0;
	int error;
	while ((error = env_authority(index, records, &count)) == 0 && count != 0 && text->error == 0) {
		for (uint32_t i = 0; i < count; i++) {
			const struct authority_record *r = &records[i];
			text_format(text, "cap %x %x %x %x %x %x %llx %llx\n", r->slot, r->object, r->depth,
				    r->type, r->rights, r->flags, (unsigned long long)r->badge,
				    (unsigned long long)r->info);
		}
		index += count;
	}
	text_format(text, "end %llu\n", (unsigned long long)index);
	return error;
}

int proc_authority_text(struct text *text)
{
	text_format(text, "tessera-authority 1\n");
	names(text);
	const uint64_t start = text->to->size;
	int error = EAGAIN;
	for (int i = 0; i < ATTEMPTS && error == EAGAIN && text->error == 0; i++) {
		text->to->size = start; /* what follows is written over */
		error = capabilities(text);
	}
	return error;
}
