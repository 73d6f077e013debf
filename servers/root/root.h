/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * root's parts: what the machine's memory is divided into, the regions, the services, and what happens to them.
 *
 * Depths in the derivation tree (an origin lies only in a CNode of smaller depth): root's first leaf 1; what is made
 * directly from a boot Untyped 3 (kept in the first leaf); root's other leaves 3; objects of the arena 4 (kept in those
 * leaves), so a service's CNodes are 4; a service's Untyped 5.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <elf_image.h>
#include <manifest.h>
#include <tessera/service.h>

#define PAGE 4096u
#define ROOT_LEAVES 4u
#define ROOT_SERVICE_VA \
	0x500000000000ull /* + service * ROOT_SERVICE_STRIDE: the service's memory as root sees it */
#define ROOT_SERVICE_STRIDE 0x10000000ull
#define ROOT_REGION_VA 0x510000000000ull /* + region * ROOT_SERVICE_STRIDE: regions that root reads */
#define ROOT_CAP_ENDPOINT 10u		 /* root's own endpoint; unbadged, all rights */
#define ROOT_CAP_REPLY 11u
#define ROOT_CAP_SLEEP 12u /* a Notification nobody signals */

/* Badges on root's endpoint: the service's number, and what it is used for. A badge without a use is for the log only:
 * proc gives that one to Linux processes under --strace. */
#define BADGE_SERVICE(badge) ((uint32_t)((badge) & 0xffu))
#define BADGE_FAULT 0x10000ull
#define BADGE_CONTROL 0x20000ull

#define REGION_PARTS 24u
#define SERVICE_BODY_SLOTS 32u

struct region {
	const struct manifest_region *manifest;
	cap_t memory[REGION_PARTS]; /* several only for `rest` */
	uint32_t parts;
	uint64_t pages;
};

enum service_state { SERVICE_DOWN = 0, SERVICE_STARTING = 1, SERVICE_READY = 2, SERVICE_CRASHED = 3 };

struct service {
	const struct manifest_service *manifest;
	uint32_t number; /* 1.. */
	enum service_state state;
	uint32_t restarts;
	cap_t cnode, leaf;
	cap_t endpoint, notification, fault_ep, log_ep, control_ep;
	cap_t body; /* Untyped of thread, VSpace and tables: revoked at a restart */
	cap_t thread, vspace;
	cap_t sched;			      /* of its thread; unbound by a restart, and bound again */
	cap_t body_slots[SERVICE_BODY_SLOTS]; /* where what goes with the body stands */
	uint32_t body_slot_count;
	cap_t free_leaves[SERVICE_WAITERS_LEAF];
	cap_t memory; /* image, stack, heap, info page */
	cap_t view;   /* root's of it */
	uint64_t memory_pages;
	struct elf_image image;
	uint64_t image_bytes;
};

/* ---- console.c ---- */

/* printf-like line for the log, as from `root`. Levels above the command line's `loglevel=` are dropped. */
void say(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line of a service; text may stand in the message page. */
void say_for(const char *name, enum log_level level, const char *text, uint32_t length);
/* A line without time and name. */
void say_plain(const char *format, ...) __attribute__((format(printf, 1, 2)));
void console_set_level(uint64_t level);
/* Reports and powers off. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- memory.c ---- */

void memory_init(const struct boot_info *info);
/* RAM directly from a boot Untyped, in the first leaf. Dies if there is none. */
cap_t memory_untyped(uint32_t size_log2);
cap_t memory_pages(uint64_t pages, bool is_zeroed, uint64_t alignment);
/* All that is left as Memories of at least 64 KiB. Their number. */
uint32_t memory_rest(cap_t *out, uint32_t room, uint64_t *pages);
uint64_t memory_taken_bytes(void);
/* A kernel object from the arena, in one of root's other leaves. Dies if there is no room. */
cap_t arena_object(enum cap_type type, uint64_t size);
/* An Untyped of that size, deep enough for a service's leaf. */
cap_t memory_share(uint32_t size_log2);
/* A fresh slot; one of the first leaf (for what is made of the capabilities root was started with), never given back. */
cap_t take_slot(void);
cap_t take_first_leaf_slot(void);
/* Maps pages of a Memory for root at va; the View. */
cap_t memory_map_for_root(cap_t memory, uint64_t va, uint64_t pages, uint32_t rights);
uint64_t cap_pages(cap_t memory);

/* ---- regions.c ---- */

void regions_make(const struct manifest *manifest, const struct boot_info *info);
/* The last of it: all RAM that nobody else has taken. */
void regions_make_rest(const struct manifest *manifest, const struct boot_info *info);
const struct region *region_at(uint32_t index);
/* root's own mapping of a region (made at the first call, read-only); NULL if the manifest has none of that name. */
const void *region_for_root(const char *name);

/* ---- load.c ---- */

/* Parses the ELF and makes the service's Memory, mapped for root. */
void load_prepare(struct service *service);
/* Writes image, stack and info page (again). caps and regions of info are filled by the caller before. */
void load_fill(struct service *service, const struct service_info *info);
/* Maps everything into the service's VSpace. */
void load_map(struct service *service);
/* root's address of a service's stack or image address; NULL if bytes from there are not its memory. */
const void *load_peek(const struct service *service, uint64_t va, uint64_t bytes);
uint64_t load_stack_pointer(void);

/* ---- service.c, grants.c ---- */

void services_make(const struct manifest *manifest, const struct boot_info *info);
struct service *service_at(uint32_t number);
uint32_t service_count(void);
void service_start(struct service *service);
/* A slot for something that goes with the service's body: given back at a restart. */
cap_t service_take_slot(struct service *service);
/* Throws away thread and address space and starts the image anew. */
void service_restart(struct service *service);
const char *service_name(uint32_t number);

/* Everything the manifest gives to a service, noted in info. */
void grant_all(struct service *service, const struct manifest *manifest, struct service_info *info);
/* Maps the regions into the service's (new) VSpace. */
void grant_mappings(struct service *service, const struct manifest *manifest,
		    const struct service_info *info);

/* ---- supervise.c, report.c ---- */

_Noreturn void supervise(void);
void report_crash(const struct service *service, uint32_t operation, const uint64_t *words);
/* Waits until the terminals' output is out, then ends the machine. how: 0 off, 1 restart. */
_Noreturn void power_down(uint32_t how);
