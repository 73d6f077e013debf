/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The compiled manifest (boot/manifest): which services run, with which memory, regions and capabilities.
 *
 * Made by tools/mkmanifest.py from system/<image>.toml, which explains the fields; read by root.  Fixed-size tables
 * that refer to each other by index, little endian.  manifest_check is all the validation there is: after it every index
 * and count is in range and every name is terminated.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#define MANIFEST_MAGIC 0x4d525354u /* "TSRM" */
#define MANIFEST_VERSION 1u
#define MANIFEST_NAME_BYTES 24u
#define MANIFEST_SERVICES 16u
#define MANIFEST_REGIONS 16u
#define MANIFEST_CAPS 96u
#define MANIFEST_MAPS 48u

enum manifest_region_kind {
	MANIFEST_REGION_FIXED = 1,   /* `bytes` */
	MANIFEST_REGION_SHARE = 2,   /* RAM / `bytes` */
	MANIFEST_REGION_REST = 3,    /* all that is left, as several Memories */
	MANIFEST_REGION_ARCHIVE = 4, /* the boot archive */
};

#define MANIFEST_REGION_UNZEROED 1u /* the Memory's frames are not zeroed */

struct manifest_region {
	char name[MANIFEST_NAME_BYTES];
	uint64_t bytes;
	uint32_t kind; /* enum manifest_region_kind */
	uint32_t flags;
};

enum manifest_cap_kind {
	MANIFEST_CAP_ENDPOINT = 1,     /* object: service; badge */
	MANIFEST_CAP_NOTIFICATION = 2, /* object: service, whose bound Notification it signals */
	MANIFEST_CAP_IRQ = 3,	       /* object: line */
	MANIFEST_CAP_IOPORT = 4,       /* object: first port, count */
	MANIFEST_CAP_REGION = 5,       /* object: region, its Memory */
	MANIFEST_CAP_WAITERS =
		6, /* the CNode of the Linux threads' Notifications, in root slots SERVICE_WAITERS_LEAF.. */
	MANIFEST_CAP_MACHINE = 7,
	MANIFEST_CAP_CLOCK = 8,
};

struct manifest_cap {
	char name[MANIFEST_NAME_BYTES];
	uint32_t service; /* whose it is */
	uint32_t kind;	  /* enum manifest_cap_kind */
	uint32_t object, count;
	uint32_t rights; /* RIGHT_* */
	uint32_t reserved;
	uint64_t badge;
};

struct manifest_map {
	uint32_t service, region;
	uint32_t rights;
	uint32_t reserved;
};

enum manifest_restart {
	MANIFEST_POWER_OFF = 0, /* the machine cannot go on without it */
	MANIFEST_RESTART = 1,
	MANIFEST_LEAVE = 2, /* stays down */
};

#define MANIFEST_MAY_POWER 1u

struct manifest_service {
	char name[MANIFEST_NAME_BYTES];
	char elf[MANIFEST_NAME_BYTES]; /* path in the boot archive */
	uint32_t priority;
	uint32_t restart; /* enum manifest_restart */
	uint32_t flags;
	uint32_t heap_pages, stack_pages, table_pages;
	uint32_t free_leaves;	/* leaves of 256 empty slots */
	uint32_t untyped_log2;	/* size of its Untyped; 0: none (or untyped_share) */
	uint32_t untyped_share; /* RAM / this, rounded down to a power of two; 0: untyped_log2 counts */
	uint32_t max_restarts;
};

struct manifest {
	uint32_t magic, version;
	uint32_t service_count, region_count, cap_count, map_count;
	struct manifest_service service[MANIFEST_SERVICES];
	struct manifest_region region[MANIFEST_REGIONS];
	struct manifest_cap cap[MANIFEST_CAPS];
	struct manifest_map map[MANIFEST_MAPS];
};
static_assert(sizeof(struct manifest_service) == 88, "tools/mkmanifest.py writes these");
static_assert(sizeof(struct manifest_region) == 40, "tools/mkmanifest.py writes these");
static_assert(sizeof(struct manifest_cap) == 56, "tools/mkmanifest.py writes these");
static_assert(sizeof(struct manifest_map) == 16, "tools/mkmanifest.py writes these");

/* NULL if the bytes are a manifest that can be followed, else what is wrong. */
const char *manifest_check(const void *data, uint64_t bytes);
