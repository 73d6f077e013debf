/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The world of the core on the host: a label table of three processes, a clock that stands, mem objects that count. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../file.h"
#include <tessera/process_page.h>

#include "../object.h"

#define FAKE_CACHE_BYTES (16u << 20)

enum fake_process { FAKE_ROOT = 1, FAKE_USER = 2, FAKE_OTHER = 3 };

struct fake_state {
	uint64_t now_ns;
	uint32_t wakes[16];   /* by thread */
	uint32_t objects;     /* alive */
	uint32_t mappings;    /* what mem says of every object */
	uint32_t supplied;    /* pages */
	uint64_t object_size; /* of the last resize */
	uint64_t pts_mask;
	uint32_t tree_changes; /* how often authority_graph must be begun again */
};
extern struct fake_state fake;

/* A fresh system with /proc, /dev, /dev/pts and an empty root. */
void fake_start(void);
/* The caller of a process (its thread has the same index). */
struct caller fake_caller(enum fake_process process);
uint64_t fake_label(enum fake_process process);
struct label_process *fake_process(enum fake_process process);
struct process_page *fake_page(enum fake_process process);

/* Short forms of operations by path, from the root directory. 0 or errno. */
int do_open(struct caller caller, const char *path, uint32_t flags, uint32_t mode, struct file **file);
int do_write(struct file *file, struct caller caller, const char *text);
/* Reads at most 4,095 bytes and terminates them. */
int do_read(struct file *file, struct caller caller, char out[4096]);
int do_mkdir(struct caller caller, const char *path, uint32_t mode);
int do_unlink(struct caller caller, const char *path);
int do_rmdir(struct caller caller, const char *path);
int do_symlink(struct caller caller, const char *target, const char *path);
int do_link(struct caller caller, const char *from, const char *to);
int do_rename(struct caller caller, const char *from, const char *to, uint32_t flags);
int do_stat(struct caller caller, const char *path, bool follow, struct file_stat *out);
