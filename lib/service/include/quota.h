/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What each user has of a service's objects, and how much of each kind an ordinary user may have: one who takes all he can
 * leaves the rest to the others and to root.
 *
 * Charged is the user (real uid) of the label that asked; the charge stays with him until the object goes, whoever holds it
 * then. uid 0 and native services are counted and not limited. One thread, no locks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <tessera/labels.h>

#define QUOTA_KINDS 8u	   /* numbered by the service */
#define QUOTA_ACCOUNTS 64u /* users that hold something at one time; those beyond share the last account */
#define QUOTA_ROOT 0u	   /* the account of uid 0 */

/* Forgets all charges and limits. */
void quota_init(void);
/* How many of a kind each ordinary user may have; until it is called: any number. */
void quota_limit(uint32_t kind, uint64_t max);
/* A user's account. Its number stays his while something is charged to it, and may be another's afterwards. */
uint32_t quota_account(uint32_t uid);
/* The account of who sent a message; a label that the table (NULL: none) no longer knows is an ordinary user of its own. */
uint32_t quota_of_label(const struct label_table *labels, uint64_t label);

/* The table itself, for the functions below alone: charging is on the way of every open. */
struct quota_user {
	uint32_t uid;
	uint32_t charges; /* kinds of which there are some; 0: the place is free */
	uint64_t used[QUOTA_KINDS];
};
extern struct quota_user quota_users[QUOTA_ACCOUNTS];
extern uint64_t quota_limits[QUOTA_KINDS];

/* Whether as much could be charged now. */
static inline bool quota_has_room(uint32_t account, uint32_t kind, uint64_t count)
{
	uint64_t used = quota_users[account].used[kind];
	return account == QUOTA_ROOT || (used <= quota_limits[kind] && count <= quota_limits[kind] - used);
}

/* Charges `count` more; false, and nothing charged, if that is more than the user may have. */
static inline bool quota_charge(uint32_t account, uint32_t kind, uint64_t count)
{
	uint64_t *used = &quota_users[account].used[kind];
	if (!quota_has_room(account, kind, count))
		return false;
	quota_users[account].charges += *used == 0 && count != 0;
	*used += count;
	return true;
}

/* Gives back what was charged. */
static inline void quota_release(uint32_t account, uint32_t kind, uint64_t count)
{
	uint64_t *used = &quota_users[account].used[kind];
	quota_users[account].charges -= *used == count && count != 0;
	*used -= count;
}

/* How many of a kind the account has. */
static inline uint64_t quota_used(uint32_t account, uint32_t kind)
{
	return quota_users[account].used[kind];
}
