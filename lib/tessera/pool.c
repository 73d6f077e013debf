/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Pools of equal Untypeds.  Pieces are cut from the source in chunks and never go back to it; a piece that is put back
 * is revoked first, so what was made of it is gone and its watermark is zero.  A piece is aligned to its size: what lies
 * before it is cut into smaller pieces first, for the lesser pools, so that no memory of the source is lost.
 */
#include <stdlib.h>

#include <tessera/service.h>

void pool_init(struct object_pool *pool, cap_t source, uint32_t size_log2, uint32_t chunk,
	       struct object_pool *lesser)
{
	*pool = (struct object_pool){
		.source = source, .size_log2 = size_log2, .chunk = chunk, .lesser = lesser};
}

/* Room in free_caps for all pieces there are and count more. */
static bool reserve(struct object_pool *pool, uint32_t count)
{
	uint32_t capacity = pool->total + count;
	cap_t *caps;

	if (capacity <= pool->capacity)
		return true;
	caps = realloc(pool->free_caps, capacity * sizeof(*caps));
	if (!caps)
		return false;
	pool->free_caps = caps;
	pool->capacity = capacity;
	return true;
}

static void cut(struct object_pool *pool, uint32_t count)
{
	uint64_t done = 0;
	cap_t first = count > 0 && reserve(pool, count) ? slot_alloc_run(count) : 0;

	if (first == 0)
		return;
	(void)ts_untyped_retype(pool->source, CAP_UNTYPED, pool->size_log2, SLOT_OWN(first), count, 0, &done);
	for (uint32_t i = (uint32_t)done; i > 0; i--)
		pool->free_caps[pool->free_count++] = first + i - 1;
	pool->total += (uint32_t)done;
	if (done < count)
		slot_free_run(first + (cap_t)done, count - (uint32_t)done);
}

/* Bytes before the source's next piece of this size; its size is a multiple of the piece's. */
static uint64_t gap_before(const struct object_pool *pool)
{
	uint64_t type, rights, badge, base, size_log2, left = 0;

	(void)ts_cap_inspect(SLOT_OWN(pool->source), &type, &rights, &badge, &base, &size_log2, &left);
	return left & ((1ull << pool->size_log2) - 1);
}

/* As deep as the chain of pools, four at most in our services. */
static void fill_gap(struct object_pool *pool)
{
	if (!pool->lesser)
		return;
	fill_gap(pool->lesser);
	cut(pool->lesser, (uint32_t)(gap_before(pool) >> pool->lesser->size_log2));
}

cap_t pool_get(struct object_pool *pool)
{
	if (pool->free_count == 0) {
		fill_gap(pool);
		cut(pool, pool->chunk);
	}
	return pool->free_count == 0 ? 0 : pool->free_caps[--pool->free_count];
}

void pool_put(struct object_pool *pool, cap_t piece)
{
	(void)ts_cnode_revoke(SLOT_OWN(piece), 0);
	pool->free_caps[pool->free_count++] = piece;
}

enum tessera_error object_make_at(cap_t untyped, enum cap_type type, uint64_t size, slot_t slot)
{
	return ts_untyped_retype(untyped, type, size, slot, 1, 0, NULL);
}

cap_t object_make(cap_t untyped, enum cap_type type, uint64_t size)
{
	cap_t slot = slot_alloc();

	if (slot != 0 && object_make_at(untyped, type, size, SLOT_OWN(slot)) != E_OK) {
		slot_free(slot);
		slot = 0;
	}
	return slot;
}
