/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the core needs of the world. env_native.c does it with messages; test/fake_env.c on the host. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <tessera/labels.h>
#include <tessera/memory.h>
#include <tessera/process_page.h>

extern const struct label_table *env_labels;
/* What a process says of itself: its page, by index in the label table; NULL: it has none. Its contents are the process's. */
const struct process_page *env_process_page(uint32_t index);

uint64_t env_now_ns(void);  /* since boot */
uint64_t env_wall_ns(void); /* since 1970 */
void env_wake(uint32_t thread);

/* mem objects. Handles of capabilities are opaque to the core. All return 0 or an errno. */
struct env_object {
	uint32_t number;
	uint32_t capability[2]; /* slots: 0 read and private, 1 shared writing */
};
int env_object_create(uint64_t size, bool is_window, uint64_t name, struct env_object *out);
int env_object_supply(const struct env_object *object, uint64_t first_page, const uint32_t *frames,
		      uint32_t count);
int env_object_resize(const struct env_object *object, uint64_t size);
/* EBUSY: still mapped. On success the capabilities are gone too. */
int env_object_destroy(struct env_object *object);
/* Takes back what clients hold of it; *mappings: areas that still map it. */
int env_object_revoke(const struct env_object *object, uint32_t *mappings);

/* Process memory, for procfs: bytes read, areas read; negative errno. */
int env_memory_read(uint32_t space, uint64_t address, void *out, uint32_t length);
int env_memory_areas(uint32_t space, uint64_t from, struct mem_area *out, uint32_t max, uint64_t *next);
struct env_memory_usage {
	uint64_t virtual_pages, resident_pages, shared_pages, data_pages, stack_pages, text_pages, faults;
};
int env_memory_usage(uint32_t space, struct env_memory_usage *out);
struct env_system_memory {
	uint64_t pages_total, pages_free, spaces, areas, objects, slots_free, untyped_free_bytes, table_pages;
};
int env_system_memory(struct env_system_memory *out);

/* Random bytes to seed the generator with. */
uint64_t env_entropy(void);
/* Which pseudo terminals exist. */
uint64_t env_pts_mask(void);
/* The session's terminal: device number and foreground group; 0, 0: none. */
void env_terminal(uint32_t sid, uint32_t *device, uint32_t *pgid);
/* What tty holds; false: it does not answer. */
struct env_tty_usage {
	uint64_t open_files, terminals, slots_free;
};
bool env_tty_usage(struct env_tty_usage *to);
/* Our own empty capability slots. */
uint32_t env_slots_free(void);

/* Machine and version, for procfs. */
uint64_t env_tsc_hz(void);
uint64_t env_ram_bytes(void);
const char *env_command_line(void);
/* The next capabilities of the whole system (authority_graph); count 0: that was all. EAGAIN: begin again with index 0. */
int env_authority(uint64_t index, struct authority_record out[AUTHORITY_BATCH], uint32_t *count);
/* A service's state for /proc/tessera/services; false past the last. */
struct env_service {
	char name[32];
	uint32_t state, restarts;
	uint64_t memory_bytes, untyped_free;
};
bool env_service(uint32_t index, struct env_service *out);
/* What root's log holds from *position on; moves it. How many bytes: 0 at the end. */
uint32_t env_log(uint64_t *position, char *to, uint32_t max);
