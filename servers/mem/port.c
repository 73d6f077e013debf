/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * port.h over the kernel's operations.
 *
 * Kernel objects of a space: an Untyped for the VSpace, the VSpace, an Untyped of 16 page tables, Views (one for each pool of
 * frames, attached at the first use), and chunks of further tables.  What a space was made of is kept for the next one
 * (spare): deleting the VSpace gives its tables back and ends its Views, so that nothing needs to be revoked.
 */
#include "port.h"

#include <tessera/labels.h>
#include <tessera/service.h>

#include "port_tables.h"

#define VSPACE_LOG2 13u
#define TABLES_LOG2 16u /* first chunk: 16 tables */
#define SPARE_MAX 512u
#define RETYPE_ALLOW_WX 1u
#define COPY_WRITE_PROTECT 1u

/* Sizes of further chunks, smallest first; chunk n of a space is of size chunk_size[n / 8]. */
static const uint32_t chunk_log2[PORT_CHUNKS / 8] = {14, 16, 18};

struct spare {
	cap_t vspace_memory, vspace, first_tables;
};

static struct object_pool vspace_pool, tables_pool, chunk_pool[PORT_CHUNKS / 8];
static struct spare spare[SPARE_MAX];
static uint32_t spares;
static cap_t pool_memory[FRAME_POOLS];
static uint32_t pool_rights[FRAME_POOLS];
static uint64_t chunk_bytes_used, random_state;
static const struct label_table *labels;

void port_start(void)
{
	uint64_t ns = 0, tsc = 0;

	pool_init(&vspace_pool, SERVICE_CAP_UNTYPED, VSPACE_LOG2, 8, NULL);
	for (uint32_t i = 0; i < PORT_CHUNKS / 8; i++)
		pool_init(&chunk_pool[i], SERVICE_CAP_UNTYPED, chunk_log2[i], 2,
			  i ? &chunk_pool[i - 1] : &vspace_pool);
	pool_init(&tables_pool, SERVICE_CAP_UNTYPED, TABLES_LOG2, 2, &chunk_pool[0]);
	labels = service_region("labels", NULL);
	(void)ts_time_get(&ns, &tsc);
	random_state = tsc * 0x9e3779b97f4a7c15ull + ns;
}

void port_set_pool(uint32_t pool, cap_t memory, uint32_t rights)
{
	pool_memory[pool] = memory;
	pool_rights[pool] = rights;
}

/* ---- life ------------------------------------------------------------------------------------ */

/* What a VSpace is made of; false: used up. */
static bool take_parts(struct port_space *space)
{
	if (spares > 0) {
		const struct spare *parts = &spare[--spares];
		space->vspace_memory = parts->vspace_memory;
		space->vspace = parts->vspace;
		space->first_tables = parts->first_tables;
		return true;
	}
	space->vspace_memory = pool_get(&vspace_pool);
	space->first_tables = pool_get(&tables_pool);
	space->vspace = slot_alloc();
	return space->vspace_memory && space->first_tables && space->vspace;
}

static void give_parts(struct port_space *space)
{
	if (space->vspace_memory && space->vspace && space->first_tables && spares < SPARE_MAX) {
		spare[spares++] = (struct spare){space->vspace_memory, space->vspace, space->first_tables};
		return;
	}
	if (space->vspace_memory)
		pool_put(&vspace_pool, space->vspace_memory);
	if (space->first_tables)
		pool_put(&tables_pool, space->first_tables);
	if (space->vspace)
		slot_free(space->vspace);
}

bool port_space_create(struct port_space *space, bool allow_wx)
{
	*space = (struct port_space){0};
	if (!take_parts(space)) {
		give_parts(space);
		return false;
	}
	if (ts_untyped_retype(space->vspace_memory, CAP_VSPACE, 0, SLOT_OWN(space->vspace), 1,
			      allow_wx ? RETYPE_ALLOW_WX : 0, NULL) != E_OK) {
		give_parts(space);
		return false;
	}
	if (ts_vspace_donate_tables(space->vspace, SLOT_OWN(space->first_tables)) != E_OK) {
		(void)ts_cnode_delete(SLOT_OWN(space->vspace), 0);
		give_parts(space);
		return false;
	}
	return true;
}

void port_space_destroy(struct port_space *space)
{
	if (ts_cnode_delete(SLOT_OWN(space->vspace), 0) != E_OK)
		log_line(LOG_ERROR, "an address space could not be deleted");
	for (uint32_t i = 0; i < PORT_VIEWS; i++) {
		if (space->view[i])
			slot_free(space->view[i]);
	}
	for (uint32_t i = 0; i < space->chunks; i++) {
		pool_put(&chunk_pool[i / 8], space->chunk[i]);
		chunk_bytes_used -= 1ull << chunk_log2[i / 8];
	}
	give_parts(space);
	*space = (struct port_space){0};
}

/* Page tables were used up. */
static bool add_tables(struct port_space *space)
{
	if (space->chunks == PORT_CHUNKS)
		return false;
	struct object_pool *pool = &chunk_pool[space->chunks / 8];
	cap_t chunk = pool_get(pool);
	if (!chunk)
		return false;
	if (ts_vspace_donate_tables(space->vspace, SLOT_OWN(chunk)) != E_OK) {
		pool_put(pool, chunk);
		return false;
	}
	space->chunk[space->chunks++] = chunk;
	chunk_bytes_used += 1ull << pool->size_log2;
	return true;
}

/* The View through which a pool's frames are mapped; 0: no slot. */
static cap_t view_of(struct port_space *space, uint32_t pool)
{
	if (space->view[pool])
		return space->view[pool];
	cap_t slot = slot_alloc();
	if (!slot)
		return 0;
	enum tessera_error error =
		ts_memory_attach(pool_memory[pool], SLOT_OWN(slot), space->vspace, 0, 0, pool_rights[pool]);
	if (error != E_OK) {
		log_line(LOG_ERROR, "attach of pool %u failed: %s", pool, "kernel");
		slot_free(slot);
		return 0;
	}
	space->view[pool] = slot;
	return slot;
}

/* ---- mapping --------------------------------------------------------------------------------- */

/* Whether a map operation that stopped with error at a page can go on. */
static bool can_continue(struct port_space *space, enum tessera_error error, uint64_t page)
{
	if (error == E_NO_TABLE)
		return add_tables(space);
	if (error == E_MAPPED) { /* from another pool: copy on write of an object's page */
		port_unmap(space, page, 1);
		return true;
	}
	return error == E_OK;
}

bool port_map(struct port_space *space, uint64_t page, frame_t first, uint32_t count, uint32_t rights)
{
	uint32_t pool = frame_pool(first);
	uint64_t index = first - frames.pool[pool].first, done = 0;
	cap_t view = view_of(space, pool);

	while (view &&
	       count > 0) { /* ends: each turn maps a page, adds tables or clears one page in the way */
		enum tessera_error error = ts_view_map(view, page << PAGE_SHIFT, index, count, rights, &done);
		page += done;
		index += done;
		count -= (uint32_t)done;
		if (!can_continue(space, error, page))
			return false;
	}
	return view != 0;
}

static struct map_entry *vector(void)
{
	return (struct map_entry *)&service_page()->words[MSG_REGISTER_WORDS];
}

static void flush_vector(struct port_batch *batch)
{
	struct map_entry *entries = vector();
	cap_t view = batch->count ? view_of(batch->space, batch->pool) : 0;
	uint64_t done = 0;

	if (!view)
		batch->failed |= batch->count != 0;
	while (view && batch->count > 0 && !batch->failed) { /* ends: as port_map */
		enum tessera_error error = ts_view_map_vec(view, batch->count, &done);
		batch->count -= (uint32_t)done;
		for (uint32_t i = 0; done && i < batch->count; i++)
			entries[i] = entries[i + done];
		batch->failed = !can_continue(batch->space, error, entries[0].vaddr >> PAGE_SHIFT);
	}
	batch->count = 0;
}

/* The run goes into the vector. */
static void end_run(struct port_batch *batch)
{
	uint32_t pool = batch->run ? frame_pool(batch->frame) : batch->pool;

	if (pool != batch->pool)
		flush_vector(batch);
	batch->pool = pool;
	for (uint32_t i = 0; i < batch->run; i++) {
		if (batch->count == MAP_VEC_MAX)
			flush_vector(batch);
		vector()[batch->count++] =
			(struct map_entry){.vaddr = (batch->page + i) << PAGE_SHIFT | batch->rights,
					   .page = batch->frame + i - frames.pool[pool].first};
	}
	batch->run = 0;
	batch->pool_end = 0;
}

void port_batch_begin(struct port_batch *batch, uint64_t page, frame_t frame, uint32_t rights)
{
	end_run(batch);
	const struct frame_pool *pool = &frames.pool[frame_pool(frame)];
	batch->page = page;
	batch->frame = frame;
	batch->pool_end = pool->first + pool->pages;
	batch->rights = rights;
	batch->run = 1;
}

bool port_batch_flush(struct port_batch *batch)
{
	if (batch->count == 0 && batch->run) {
		batch->failed |=
			!port_map(batch->space, batch->page, batch->frame, batch->run, batch->rights);
		batch->run = 0;
	}
	end_run(batch);
	flush_vector(batch);
	return !batch->failed;
}

void port_unmap(struct port_space *space, uint64_t page, uint64_t count)
{
	(void)ts_vspace_unmap(space->vspace, page << PAGE_SHIFT, count, NULL);
}

void port_protect(struct port_space *space, uint64_t page, uint64_t count, uint32_t rights)
{
	(void)ts_vspace_protect(space->vspace, page << PAGE_SHIFT, count, rights, NULL);
}

bool port_copy(struct port_space *child, struct port_space *parent, uint32_t pool, uint64_t page,
	       uint64_t count)
{
	cap_t view = view_of(child, pool);
	uint64_t done = 0;

	while (view && count > 0) { /* ends: as port_map */
		enum tessera_error error = ts_view_copy(view, parent->vspace, page << PAGE_SHIFT, count,
							COPY_WRITE_PROTECT, &done);
		page += done;
		count -= done;
		if (!can_continue(child, error, page))
			return false;
	}
	return view != 0;
}

bool port_map_own(cap_t memory, uint64_t va, uint64_t pages)
{
	cap_t view = slot_alloc();
	uint64_t at = 0, done = 0;

	if (!view || ts_memory_attach(memory, SLOT_OWN(view), SERVICE_CAP_VSPACE, 0, 0,
				      RIGHT_READ | RIGHT_WRITE) != E_OK)
		return false;
	while (at < pages) { /* ends: each turn maps a page or adds tables */
		enum tessera_error error = ts_view_map(view, va + at * PAGE_BYTES, at, pages - at,
						       RIGHT_READ | RIGHT_WRITE, &done);
		at += done;
		if (error == E_OK)
			continue;
		cap_t tables = error == E_NO_TABLE ? pool_get(&tables_pool) : 0;
		if (!tables || ts_vspace_donate_tables(SERVICE_CAP_VSPACE, SLOT_OWN(tables)) != E_OK)
			return false;
	}
	return true;
}

/* ---- the rest -------------------------------------------------------------------------------- */

void port_wake(uint32_t thread)
{
	service_wake(thread);
}

bool port_label_alive(uint64_t label)
{
	uint32_t thread = LABEL_THREAD(label);

	return thread < LABEL_THREADS && labels &&
	       labels->thread[thread].generation == LABEL_GENERATION(label);
}

/* splitmix64 by Sebastiano Vigna (public domain), stirred with the time stamp counter. */
uint64_t port_random(void)
{
	uint64_t ns = 0, tsc = 0;

	(void)ts_time_get(&ns, &tsc);
	random_state += 0x9e3779b97f4a7c15ull ^ tsc;
	uint64_t z = random_state;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static uint64_t pool_bytes(const struct object_pool *pool)
{
	return (uint64_t)pool->free_count << pool->size_log2;
}

uint32_t port_slots_kept(void)
{
	uint32_t kept = vspace_pool.free_count + tables_pool.free_count + spares * 3;

	for (uint32_t i = 0; i < PORT_CHUNKS / 8; i++)
		kept += chunk_pool[i].free_count;
	return kept;
}

void port_tables_usage(uint64_t *untyped_free_bytes, uint64_t *table_pages)
{
	uint64_t type, rights, badge, phys, size_log2, left = 0;

	(void)ts_cap_inspect(SLOT_OWN(SERVICE_CAP_UNTYPED), &type, &rights, &badge, &phys, &size_log2, &left);
	left += pool_bytes(&vspace_pool) + pool_bytes(&tables_pool);
	for (uint32_t i = 0; i < PORT_CHUNKS / 8; i++)
		left += pool_bytes(&chunk_pool[i]);
	left += (uint64_t)spares * ((1ull << VSPACE_LOG2) + (1ull << TABLES_LOG2));
	*untyped_free_bytes = left;
	*table_pages = chunk_bytes_used / PAGE_BYTES +
		       (uint64_t)(tables_pool.total - tables_pool.free_count - spares) * 16;
}
