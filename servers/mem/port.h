/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What mem wants of the kernel, in mem's own terms: address spaces and their page tables.  port.c does it with system
 * calls; test/fake_port.c does it over arrays that the tests look into.
 *
 * Frames are named by number (frames.h); the pool a frame lies in decides through which View it is mapped.  Views and page
 * tables are added when they are first needed.  A function that returns false has failed for lack of memory (or because
 * the kernel refused) and may have done a part; functions without a result do not fail.
 */
#pragma once

#include <stdbool.h>

#include <tessera/types.h>

#include "frames.h"

#define PORT_VIEWS FRAME_POOLS
#define PORT_CHUNKS 24u /* chunks of page tables a space can have beyond its first */

/* The kernel's side of one address space. */
struct port_space {
	uint32_t vspace_memory; /* Untyped of the VSpace */
	uint32_t vspace;
	uint32_t first_tables; /* Untyped with the tables a small program needs */
	uint32_t chunks;
	uint32_t view[PORT_VIEWS];   /* capability address, 0: not attached */
	uint32_t chunk[PORT_CHUNKS]; /* further tables */
};

/* A new, empty address space. */
bool port_space_create(struct port_space *space, bool allow_wx);
/* Ends it with all its mappings; everything it was made of can be used again. */
void port_space_destroy(struct port_space *space);

/* Maps count frames with consecutive numbers (in one pool) from page on. rights: RIGHT_*. Replaces what is mapped. */
bool port_map(struct port_space *space, uint64_t page, frame_t first, uint32_t count, uint32_t rights);

/* Scattered pages: add collects, flush maps. A batch belongs to one space; between init and flush nothing else is mapped. */
struct port_batch {
	struct port_space *space;
	/* the run that is being collected: consecutive pages and frames of one pool, the same rights */
	uint64_t page;
	frame_t frame, pool_end;
	uint32_t run, rights;
	/* runs before it, one by one, in the message page */
	uint32_t count, pool;
	bool failed;
};
static inline struct port_batch port_batch_init(struct port_space *space)
{
	return (struct port_batch){.space = space};
}
/* Ends the run; a new one begins. */
void port_batch_begin(struct port_batch *batch, uint64_t page, frame_t frame, uint32_t rights);
static inline void port_batch_add(struct port_batch *batch, uint64_t page, frame_t frame, uint32_t rights)
{
	bool is_next = page == batch->page + batch->run && frame == batch->frame + batch->run &&
		       frame < batch->pool_end && rights == batch->rights;

	if (is_next) /* never of an empty run: pool_end is 0 */
		batch->run++;
	else
		port_batch_begin(batch, page, frame, rights);
}
/* False: some of all pages added since init could not be mapped. */
bool port_batch_flush(struct port_batch *batch);

void port_unmap(struct port_space *space, uint64_t page, uint64_t count);
/* Changes the rights of what is mapped there. */
void port_protect(struct port_space *space, uint64_t page, uint64_t count, uint32_t rights);
/* Maps in child what parent has mapped of a pool in the range, taking the right to write from both. */
bool port_copy(struct port_space *child, struct port_space *parent, uint32_t pool, uint64_t page,
	       uint64_t count);

/* Wakes a Linux thread. */
void port_wake(uint32_t thread);
/* The thread that a label designates still exists. */
bool port_label_alive(uint64_t label);
/* For addresses and keys. */
uint64_t port_random(void);
