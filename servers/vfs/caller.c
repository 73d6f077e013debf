/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Who asks: the label of a message turned into ids and limits by the label table. proc may be in the middle of changing an
 * entry; the vfs runs above it, so it looks a few times and then takes what stands there.
 */
#include "vfs.h"

#include "env.h"
#include "file.h"
#include "lock.h"
#include "memory.h"
#include "object.h"

void quotas_init(void)
{
	struct frame_counts counts = frames_count();
	quota_init();
	quota_limit(QUOTA_FILES, FILES_OF_USERS / 2);
	quota_limit(QUOTA_NAMES, counts.total * 2); /* some 400 bytes each: a fifth of all memory */
	quota_limit(QUOTA_PAGES, counts.total / 2);
	quota_limit(QUOTA_PIPE_PAGES, counts.total / 8);
	quota_limit(QUOTA_WAITERS, counts.total * 4); /* 32 bytes each */
	quota_limit(QUOTA_LOCKS, LOCKS_MAX / 4);
	quota_limit(QUOTA_OBJECTS, OBJECTS_OF_USERS / 2);
	quota_limit(QUOTA_WINDOWS, counts.windows_total / 2);
}

uint32_t account_of(uint64_t label)
{
	return quota_of_label(env_labels, label);
}

static bool process_counts(const struct label_process *process, uint64_t label)
{
	return process->generation == LABEL_GENERATION(label) && process->state != LABEL_FREE;
}

const struct label_process *label_process_of(uint64_t label)
{
	uint32_t index = LABEL_PROCESS(label);
	if ((label & LABEL_NATIVE) || index == 0 || index >= LABEL_PROCESSES)
		return NULL;
	const struct label_process *process = &env_labels->process[index];
	return process_counts(process, label) ? process : NULL;
}

bool label_is_alive(uint64_t label)
{
	if (label & LABEL_NATIVE)
		return true;
	const struct label_process *process = label_process_of(label);
	return process && process->state != LABEL_ZOMBIE && process->state != LABEL_DEAD;
}

struct caller caller_of(uint64_t label, bool real)
{
	struct caller caller = {.label = label};
	if (label & LABEL_NATIVE)
		return caller;
	caller.process = label_process_of(label);
	if (!caller.process) {
		caller.uid = ~0u;
		caller.gid = ~0u;
		return caller;
	}
	caller.uid = real ? caller.process->uid : caller.process->fsuid;
	caller.gid = real ? caller.process->gid : caller.process->fsgid;
	return caller;
}

bool caller_in_group(const struct caller *caller, uint32_t gid)
{
	if (caller->gid == gid)
		return true;
	if (!caller->process)
		return false;
	uint32_t count = caller->process->group_count;
	if (count > LABEL_GROUPS)
		count = LABEL_GROUPS;
	for (uint32_t i = 0; i < count; i++)
		if (caller->process->groups[i] == gid)
			return true;
	return false;
}

uint64_t caller_limit(const struct caller *caller, uint32_t resource)
{
	if (!caller->process || resource >= LABEL_LIMITS)
		return ~0ull;
	return caller->process->limit_soft[resource];
}
