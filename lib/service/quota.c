/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Accounts in a short table. Account 0 is root's; the last one is shared by the users that find no free one, so that a
 * crowd of uids (files keep theirs after a process has gone) is still limited. An account is free when nothing is charged.
 */
#include <quota.h>

#include <string.h>

#define SHARED (QUOTA_ACCOUNTS - 1u)

struct quota_user quota_users[QUOTA_ACCOUNTS];
uint64_t quota_limits[QUOTA_KINDS];
static uint32_t high = 1; /* accounts that were ever used */
static uint32_t last;	  /* found last time */

void quota_init(void)
{
	memset(quota_users, 0, sizeof(quota_users));
	memset(quota_limits, 0xff, sizeof(quota_limits));
	high = 1;
	last = 0;
}

void quota_limit(uint32_t kind, uint64_t max)
{
	quota_limits[kind] = max;
}

/* Bound: the accounts. */
static uint32_t find(uint32_t uid)
{
	uint32_t unused = SHARED;
	for (uint32_t i = 1; i < high; i++) {
		if (quota_users[i].charges != 0 && quota_users[i].uid == uid)
			return i;
		if (quota_users[i].charges == 0)
			unused = i;
	}
	if (unused == SHARED && high < SHARED)
		unused = high++;
	if (unused != SHARED)
		quota_users[unused].uid = uid;
	return unused;
}

uint32_t quota_account(uint32_t uid)
{
	if (uid == 0)
		return QUOTA_ROOT;
	if (last == QUOTA_ROOT || quota_users[last].uid != uid || quota_users[last].charges == 0)
		last = find(uid);
	return last;
}

uint32_t quota_of_label(const struct label_table *labels, uint64_t label)
{
	uint32_t index = LABEL_PROCESS(label);
	if (label & LABEL_NATIVE)
		return QUOTA_ROOT;
	if (!labels || index >= LABEL_PROCESSES ||
	    labels->process[index].generation != LABEL_GENERATION(label))
		return quota_account(~0u);
	return quota_account(labels->process[index].uid);
}
